//! Algo orders in scenarios; the cast and the books are those of `crate::tests`.

use super::encode::{self, AlgoChange, AlgoOrder, LegOrder, Slices};
use super::show::AlgoPart;
use super::{kind, state};
use crate::codes::{reason, state as order_state, Reject};
use crate::encode::{self as orders, PlaceOrder};
use crate::events::Body;
use crate::market::Parameters;
use crate::output::Ack;
use crate::tests::*;
use crate::wire::{FOK, IOC};
use crate::Kernel;

fn sell(size_lots: i64) -> AlgoOrder<'static> {
    AlgoOrder { sell: true, size_lots, ..AlgoOrder::default() }
}

fn buy(size_lots: i64) -> AlgoOrder<'static> {
    AlgoOrder { size_lots, ..AlgoOrder::default() }
}

fn falls_to(trigger_ticks: i64, price_ticks: i64) -> LegOrder {
    LegOrder { trigger_ticks, price_ticks, ..LegOrder::default() }
}

fn rises_to(trigger_ticks: i64, price_ticks: i64) -> LegOrder {
    LegOrder { trigger_ticks, price_ticks, rises: true, ..LegOrder::default() }
}

fn stop(group: &mut Group, account: u32, order: AlgoOrder, leg: LegOrder) -> Ack {
    group.send(|out| encode::place_trigger(out, head(account), &order, &leg))
}

fn trail(group: &mut Group, account: u32, order: AlgoOrder, active: i64, ticks: i64, ppm: u32) -> Ack {
    let wait = LegOrder { trigger_ticks: active, rises: order.sell, ..LegOrder::default() };
    group.send(|out| encode::place_trailing(out, head(account), &order, &wait, ticks, ppm))
}

fn iceberg(group: &mut Group, account: u32, order: AlgoOrder, limit_ticks: i64, slice_lots: i64) -> Ack {
    let slices = Slices { limit_ticks, slice_lots, ..Slices::default() };
    group.send(|out| encode::place_slices(out, head(account), &order, &slices))
}

fn cancel_algo(group: &mut Group, account: u32, id: u64) -> Ack {
    group.send(|out| encode::cancel_algo(out, head(account), &by_id(id)))
}

fn algos(group: &Group) -> Vec<AlgoPart> {
    let bodies = group.events().into_iter().map(|event| event.body);
    bodies.filter_map(|body| if let Body::Algo(algo) = body { Some(algo) } else { None }).collect()
}

fn last_algo(group: &Group) -> AlgoPart {
    algos(group).pop().expect("the command has changed an algo order")
}

/// One trade at `price`: SIBLING's order against TAKER's.
fn print(group: &mut Group, price: i64) {
    group.sell(SIBLING, price, 1);
    let ack = group.place(TAKER, PlaceOrder { tif: IOC, ..limit(false, price, 1) });
    assert_eq!(ack.filled, 1, "the print is at {price}");
}

#[test]
fn a_stop_fires_when_the_price_falls_to_it_and_not_before() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    let id = stop(&mut group, MAKER, sell(5), falls_to(990, 985)).order_id;
    assert_eq!(last_algo(&group).state, state::LIVE);
    print(&mut group, 991);
    group.draws("--");
    print(&mut group, 990);
    let algo = last_algo(&group);
    assert_eq!((algo.algo_id, algo.state, algo.fired), (id, state::EFFECTIVE, 0));
    assert!(algo.order_id > 0);
    group.draws("985: 5 x1\n--");
    assert_eq!(group.kernel.output().algos_count, 1, "a closed algo order is a row");
    group.print_nothing_more();
}

impl Group {
    /// Nothing is left that a price or the time could set off.
    fn print_nothing_more(&mut self) {
        assert_eq!(self.kernel.next_timer_ms(), None);
        assert!(self.kernel.algos.open.is_empty());
    }
}

#[test]
fn a_trigger_fires_from_whichever_side_the_price_is_on() {
    for (trigger, price) in [(990, 989), (1_010, 1_011)] {
        let mut group = Group::new();
        let place = |out: &mut Vec<u8>| {
            encode::place_either(out, head(MAKER), &sell(5), &falls_to(trigger, 980));
        };
        group.refused(Reject::StateNoPrice, place);
        print(&mut group, 1_000);
        group.ok(place);
        print(&mut group, price);
        assert_eq!(last_algo(&group).state, state::EFFECTIVE);
    }
}

#[test]
fn a_pair_may_have_one_leg() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    let none = LegOrder::default();
    group.refused(Reject::InputTrigger, |out| encode::place_oco(out, head(MAKER), &sell(3), &none, &none));
    group.ok(|out| encode::place_oco(out, head(MAKER), &sell(3), &none, &falls_to(980, 975)));
    print(&mut group, 980);
    assert_eq!((last_algo(&group).state, last_algo(&group).fired), (state::EFFECTIVE, 1));
    group.print_nothing_more();
}

#[test]
fn a_market_stop_takes_what_is_there() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    group.buy(TAKER, 980, 9);
    stop(&mut group, MAKER, sell(5), falls_to(990, 0));
    print(&mut group, 989);
    group.draws("--\n980: 4 x1");
    let algo = last_algo(&group);
    assert_eq!((algo.state, algo.done_lots), (state::EFFECTIVE, 5));
}

#[test]
fn a_stop_without_partners_fails_and_says_why() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    stop(&mut group, MAKER, sell(5), falls_to(990, 0));
    print(&mut group, 989);
    let algo = last_algo(&group);
    assert_eq!((algo.state, Reject::of(algo.code)), (state::FAILED, Some(Reject::MatchingNoLiquidity)));
}

#[test]
fn every_print_counts_also_in_the_middle_of_a_sweep() {
    let mut group = Group::new();
    print(&mut group, 1_030);
    stop(&mut group, MAKER, sell(1), falls_to(1_005, 900));
    for price in [1_000, 1_010, 1_020] {
        group.sell(SIBLING, price, 1);
    }
    group.buy(TAKER, 1_020, 3);
    assert_eq!(last_algo(&group).state, state::EFFECTIVE, "the sweep began at 1,000");
}

#[test]
fn one_leg_of_a_pair_fires_and_the_other_is_gone() {
    for (price, fired, expected) in [(1_020, 0, "1015: 3 x1\n--"), (980, 1, "975: 3 x1\n--")] {
        let mut group = Group::new();
        print(&mut group, 1_000);
        let (profit, loss) = (rises_to(1_020, 1_015), falls_to(980, 975));
        group.ok(|out| encode::place_oco(out, head(MAKER), &sell(3), &profit, &loss));
        print(&mut group, price);
        assert_eq!((last_algo(&group).state, last_algo(&group).fired), (state::EFFECTIVE, fired));
        group.draws(expected);
        group.print_nothing_more();
        group.now_ms += 1;
        print(&mut group, if fired == 0 { 980 } else { 960 });
        assert!(algos(&group).is_empty(), "the other leg is gone");
    }
}

#[test]
fn a_trailing_stop_follows_the_best_price() {
    for (ticks, ppm) in [(10, 0), (0, 10_000)] {
        let mut group = Group::new();
        print(&mut group, 1_000);
        group.buy(TAKER, 900, 50);
        trail(&mut group, MAKER, sell(5), 0, ticks, ppm);
        for price in [1_005, 1_000, 1_020, 1_011] {
            print(&mut group, price);
            assert!(algos(&group).is_empty(), "{price} is not far enough from the best");
        }
        print(&mut group, 1_010);
        assert_eq!((last_algo(&group).state, last_algo(&group).done_lots), (state::EFFECTIVE, 5));
        group.print_nothing_more();
    }
}

#[test]
fn a_trailing_buy_follows_lows() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    group.sell(SIBLING, 1_200, 50);
    trail(&mut group, TAKER, buy(5), 0, 10, 0);
    for price in [995, 1_000, 980, 989] {
        print(&mut group, price);
        assert!(algos(&group).is_empty(), "{price}");
    }
    // The market order is bounded by the slippage from the best ask.
    print(&mut group, 990);
    assert_eq!(last_algo(&group).state, state::EFFECTIVE);
}

#[test]
fn a_trailing_stop_waits_for_its_active_price() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    group.buy(TAKER, 900, 50);
    trail(&mut group, MAKER, sell(5), 1_020, 10, 0);
    for price in [1_015, 1_004, 1_019] {
        print(&mut group, price);
        assert!(algos(&group).is_empty(), "not active at {price}");
    }
    print(&mut group, 1_025);
    assert_eq!(last_algo(&group).best_ticks, 1_025);
    print(&mut group, 1_016);
    assert!(algos(&group).is_empty());
    print(&mut group, 1_015);
    assert_eq!(last_algo(&group).state, state::EFFECTIVE);
}

#[test]
fn a_rising_sweep_does_not_fire_a_trailing_stop() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    trail(&mut group, MAKER, sell(5), 0, 10, 0);
    for price in [1_000, 1_010, 1_020] {
        group.sell(SIBLING, price, 1);
    }
    group.buy(TAKER, 1_020, 3);
    assert!(algos(&group).is_empty());
    let id = group.kernel.algos.last_id;
    assert_eq!(group.kernel.best_since(&group.kernel.algos.open[&id]), 1_020);
}

#[test]
fn triggers_fire_in_order_and_a_bounded_number_after_a_command() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    for n in 0..100 {
        stop(&mut group, MAKER, sell(1), falls_to(950 - n % 2, 1_500 - n));
    }
    print(&mut group, 940);
    assert_eq!(algos(&group).len(), 16);
    assert_eq!(group.kernel.next_timer_ms(), Some(0), "the rest is due at once");
    let first = algos(&group)[0].algo_id;
    assert_eq!(first % 2, 1, "the higher trigger first, then age");
    group.tick();
    assert_eq!(algos(&group).len(), 64 + 16);
    group.tick();
    group.print_nothing_more();
}

#[test]
fn a_cascade_ends() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    for n in 0..10 {
        group.buy(TAKER, 990 - n * 10, 1);
        stop(&mut group, MAKER, sell(1), falls_to(990 - n * 10, 0));
    }
    group.place(MAKER, market_order(true, 1));
    group.draws("--");
    let states: Vec<u8> = algos(&group).iter().map(|algo| algo.state).collect();
    assert_eq!(states.iter().filter(|state| **state == state::EFFECTIVE).count(), 9);
    assert_eq!(states.last(), Some(&state::FAILED), "the last one finds no bid");
}

#[test]
fn a_fired_trigger_waits_while_the_market_halts() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    for _ in 0..20 {
        stop(&mut group, MAKER, sell(1), falls_to(950, 940));
    }
    print(&mut group, 950);
    group.draws("940: 16 x16\n--");
    group.kernel.now_ms = group.now_ms;
    group.ok(|out| orders::set_phase(out, 0, 3));
    group.tick();
    group.draws("940: 20 x20\n--");

    let mut group = Group::new();
    print(&mut group, 1_000);
    for _ in 0..100 {
        stop(&mut group, MAKER, sell(1), falls_to(950, 940));
    }
    print(&mut group, 950);
    group.ok(|out| orders::set_phase(out, 0, 3));
    group.tick();
    let before = group.book();
    group.tick();
    assert_eq!(before, group.book(), "a halted market takes no orders");
    group.ok(|out| orders::set_phase(out, 0, 2));
    group.tick();
    group.draws("940: 100 x100\n--");
}

#[test]
fn a_bracket_stands_for_what_its_order_fills() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    let (profit, loss) = (rises_to(1_050, 1_045), falls_to(950, 945));
    let order = PlaceOrder { client_id: b"entry", ..limit(false, 990, 10) };
    let place = |out: &mut Vec<u8>| {
        encode::place_bracket(out, head(TAKER), &order, [&profit, &loss], b"exit");
    };
    let ack = group.ok(place);
    assert_eq!(last_algo(&group).state, state::WAITING);
    let again = group.refused(Reject::StateDuplicateClientId, place);
    assert_eq!(again.order_id, ack.order_id, "a retry learns of the order");
    group.sell(MAKER, 990, 4);
    assert!(algos(&group).is_empty(), "not before the order closes");
    group.cancel(TAKER, ack.order_id);
    let algo = last_algo(&group);
    assert_eq!((algo.state, algo.size_lots, algo.parent_id), (state::LIVE, 4, ack.order_id));
    print(&mut group, 950);
    group.draws("945: 4 x1\n--");

    let mut group = Group::new();
    print(&mut group, 1_000);
    group.sell(MAKER, 1_000, 10);
    group.ok(|out| {
        encode::place_bracket(
            out,
            head(TAKER),
            &limit(false, 1_000, 10),
            [&profit, &LegOrder::default()],
            b"",
        )
    });
    assert_eq!((last_algo(&group).state, last_algo(&group).size_lots), (state::LIVE, 10));
    let unfilled = group
        .ok(|out| encode::place_bracket(out, head(TAKER), &limit(false, 900, 10), [&profit, &loss], b""));
    group.cancel(TAKER, unfilled.order_id);
    assert_eq!((last_algo(&group).state, last_algo(&group).reason), (state::CANCELLED, reason::USER));
}

#[test]
fn an_iceberg_shows_one_slice_at_the_end_of_its_level() {
    let mut group = Group::new();
    iceberg(&mut group, MAKER, sell(25), 1_000, 10);
    group.draws("1000: 10 x1\n--");
    group.sell(SIBLING, 1_000, 5);
    group.buy(TAKER, 1_000, 12);
    group.draws("1000: 13 x2\n--");
    let queue: Vec<u32> = group.kernel.markets[0].book.queue(&group.kernel.slab, 1).collect();
    let owner = |slot: u32| group.kernel.funds.account(group.kernel.slab.node(slot).account).number;
    assert_eq!(queue.into_iter().map(owner).collect::<Vec<_>>(), [SIBLING, MAKER]);
    let ack = group.place(TAKER, limit(false, 1_000, 18));
    assert_eq!((ack.filled, ack.state), (18, order_state::FILLED), "one taker may eat several slices");
    group.draws("--");
    let algo = last_algo(&group);
    assert_eq!((algo.state, algo.done_lots), (state::EFFECTIVE, 25));
    group.print_nothing_more();
}

#[test]
fn a_fill_or_kill_order_sees_only_what_is_shown() {
    let mut group = Group::new();
    iceberg(&mut group, MAKER, sell(25), 1_000, 10);
    group.sell(SIBLING, 1_010, 10);
    let order = PlaceOrder { tif: FOK, ..limit(false, 1_010, 15) };
    assert_eq!(group.place(TAKER, order).filled, 15);
    group.draws("1010: 5 x1\n1000: 10 x1\n--");
    let order = PlaceOrder { tif: FOK, ..limit(false, 1_000, 15) };
    assert_eq!(group.place(TAKER, order).reason, reason::FOK);
}

#[test]
fn an_iceberg_that_crosses_takes_slice_by_slice() {
    let mut group = Group::new();
    group.buy(TAKER, 1_000, 35);
    let ack = iceberg(&mut group, MAKER, sell(60), 1_000, 10);
    assert_eq!(Reject::of(ack.code), None);
    group.draws("1000: 5 x1\n--");
    assert_eq!(last_algo(&group).done_lots, 30, "what the open slice has filled is not counted yet");
    let algo = cancel_algo(&mut group, MAKER, ack.order_id);
    assert_eq!((algo.filled, algo.state), (35, order_state::CANCELLED));
    group.draws("--");
    group.print_nothing_more();
}

#[test]
fn cancelling_the_slice_ends_the_iceberg() {
    let mut group = Group::new();
    iceberg(&mut group, MAKER, sell(60), 1_000, 10);
    let slice = last_algo(&group).order_id;
    group.cancel(MAKER, slice);
    assert_eq!((last_algo(&group).state, last_algo(&group).reason), (state::CANCELLED, reason::USER));
    group.print_nothing_more();
}

#[test]
fn a_twap_takes_a_slice_an_interval_within_its_limit() {
    let mut group = Group::new();
    for price in [1_000, 1_001, 1_010] {
        group.sell(MAKER, price, 10);
    }
    let slices = Slices { limit_ticks: 1_005, slice_lots: 6, interval_ms: 1_000, ..Slices::default() };
    group.ok(|out| encode::place_slices(out, head(TAKER), &buy(24), &slices));
    group.draws("1010: 10 x1\n1001: 10 x1\n1000: 4 x1\n--");
    let mut times = Vec::new();
    for _ in 0..4 {
        times.push(group.kernel.next_timer_ms().expect("the next slice is due") - START_MS);
        group.now_ms += 1_000;
        group.tick();
    }
    assert_eq!(times, [1_000, 2_000, 3_000, 4_000]);
    group.draws("1010: 10 x1\n--");
    group.sell(MAKER, 1_002, 10);
    group.now_ms += 1_000;
    group.tick();
    let algo = last_algo(&group);
    assert_eq!((algo.state, algo.done_lots), (state::EFFECTIVE, 24));
    group.draws("1010: 10 x1\n1002: 6 x1\n--");
    group.print_nothing_more();
}

#[test]
fn a_twap_ends_when_its_time_is_up() {
    let mut group = Group::new();
    let expires_ms = START_MS + 1_500;
    let slices =
        Slices { limit_ticks: 1_005, slice_lots: 6, interval_ms: 1_000, expires_ms, ..Slices::default() };
    group.ok(|out| encode::place_slices(out, head(TAKER), &buy(24), &slices));
    group.now_ms = expires_ms;
    group.tick();
    assert_eq!((last_algo(&group).state, last_algo(&group).reason), (state::CANCELLED, reason::EXPIRED));
    group.print_nothing_more();
}

#[test]
fn triggers_can_be_amended_until_they_fire() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    let id = stop(&mut group, MAKER, sell(5), falls_to(900, 890)).order_id;
    let change = AlgoChange { size_lots: 7, legs: [(995, 0), (0, -1)] };
    group.ok(|out| encode::amend_algo(out, head(MAKER), &by_id(id), &change));
    group.buy(TAKER, 990, 10);
    print(&mut group, 995);
    assert_eq!((last_algo(&group).state, last_algo(&group).done_lots), (state::EFFECTIVE, 7));
    group.refused(Reject::MatchingAlgoUnknown, |out| {
        encode::amend_algo(out, head(MAKER), &by_id(id), &change);
    });
}

#[test]
fn a_frozen_or_poor_account_fails_when_it_fires() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    stop(&mut group, MAKER, sell(RICH), falls_to(990, 985));
    let ack = group.kernel.output().acks.clone();
    assert_eq!(Reject::of(Ack::read(&ack).code), Some(Reject::InputSize));
    stop(&mut group, MAKER, sell(5), falls_to(990, 985));
    group.ok(|out| orders::account(out, crate::wire::kind::SET_ACCOUNT, MAKER, 1, 0, 1));
    print(&mut group, 989);
    assert_eq!(Reject::of(last_algo(&group).code), Some(Reject::AccessFrozen));
}

#[test]
fn settlement_ends_algo_orders() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    for _ in 0..100 {
        stop(&mut group, MAKER, sell(5), falls_to(990, 985));
    }
    group.ok(|out| orders::set_phase(out, 0, 4));
    group.ok(|out| orders::set_phase(out, 0, 5));
    group.refused(Reject::StateBookNotEmpty, |out| orders::set_phase(out, 0, 6));
    group.tick();
    group.ok(|out| orders::set_phase(out, 0, 6));
    group.print_nothing_more();
}

/// Snapshots at any moment: restored and original go on alike, with half of everything under way.
#[test]
fn a_restored_group_goes_on_like_the_original() {
    let mut group = Group::new();
    print(&mut group, 1_000);
    group.buy(TAKER, 900, 500);
    for n in 0..60 {
        stop(&mut group, MAKER, sell(1), falls_to(990 - n % 5, 800));
        trail(&mut group, MAKER, sell(1), 0, 5 + n, 0);
        trail(&mut group, TAKER, buy(1), 1_000 - n, 0, 10_000 + n as u32);
        print(&mut group, 1_000 + n % 7);
    }
    iceberg(&mut group, MAKER, sell(60), 1_300, 10);
    let slices = Slices { limit_ticks: 1_005, slice_lots: 6, interval_ms: 1_000, ..Slices::default() };
    group.ok(|out| encode::place_slices(out, head(TAKER), &buy(24), &slices));
    group.ok(|out| {
        encode::place_bracket(
            out,
            head(TAKER),
            &limit(false, 890, 10),
            [&rises_to(1_400, 0), &falls_to(850, 0)],
            b"",
        )
    });
    print(&mut group, 984);
    let mut twin = Kernel::restore(&group.kernel.snapshot()).expect("a whole snapshot");
    assert_eq!(twin.state_root(), group.kernel.state_root());
    for step in 0..40 {
        let mut frame = Vec::new();
        orders::place(&mut frame, head(SIBLING), &limit(step % 3 != 0, 1_050 - step * 11, 40));
        let now_ms = group.now_ms + step as u64 * 500;
        twin.apply(&frame, now_ms);
        group.kernel.apply(&frame, now_ms);
        assert_eq!(twin.output().events, group.kernel.output().events, "step {step}");
        assert_eq!(twin.state_root(), group.kernel.state_root(), "step {step}");
        twin.check_invariants().expect("a sound twin");
    }
}

fn parameters_of(min_lots: i64) -> Parameters {
    Parameters { min_lots, ..parameters() }
}

#[test]
fn crumbs_go_with_the_last_slice() {
    let mut group = Group::new();
    group.ok(|out| orders::set_market_params(out, 0, &parameters_of(5)));
    iceberg(&mut group, MAKER, sell(23), 1_000, 10);
    group.buy(TAKER, 1_000, 10);
    group.draws("1000: 13 x1\n--");
}

/// Triggers against a plain list of all of them, price by price.
#[test]
fn the_trigger_books_agree_with_a_plain_list() {
    use super::{Distance, TriggerBook};
    struct Plain {
        token: u64,
        sell: bool,
        best: i64,
        distance: Distance,
        activation: u64,
    }
    let mut seed = 12_345u64;
    let mut dice = move |sides: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % sides
    };
    for _ in 0..50 {
        let (mut book, mut plain, mut waiting) = (TriggerBook::default(), Vec::<Plain>::new(), Vec::new());
        let mut price = 1_000i64;
        for step in 1..400u64 {
            match dice(4) {
                0 => {
                    let rises = dice(2) == 1;
                    let trigger = price + (1 + dice(20) as i64) * if rises { 1 } else { -1 };
                    book.insert(rises, trigger, step);
                    waiting.push((rises, trigger, step));
                }
                1 => {
                    let sell = dice(2) == 1;
                    let distance = match dice(2) {
                        0 => Distance { ticks: 1 + dice(30) as i64, ppm: 0 },
                        _ => Distance { ticks: 0, ppm: 1_000 + dice(30_000) as u32 },
                    };
                    book.follow(usize::from(!sell), price, distance, step, step);
                    plain.push(Plain { token: step, sell, best: price, distance, activation: step });
                }
                2 if !plain.is_empty() && dice(4) == 0 => {
                    let gone = plain.remove(dice(plain.len() as u64) as usize);
                    let follower = usize::from(!gone.sell);
                    assert_eq!(book.best(follower, gone.activation), Some(gone.best));
                    assert!(book.unfollow(follower, gone.distance, gone.activation, gone.token));
                }
                _ => {}
            }
            price = (price + dice(21) as i64 - 10).max(100);
            let (low, high) = book.alarms();
            let mut fired = std::collections::VecDeque::new();
            let silent = price > low && price < high;
            book.observe(price, &mut fired);
            let mut expected = Vec::new();
            plain.retain_mut(|stop| {
                let (best, fallen) = if stop.sell {
                    let best = stop.best.max(price);
                    (best, best - price)
                } else {
                    let best = stop.best.min(price);
                    (best, price - best)
                };
                assert!(!silent || best == stop.best, "an alarm rings for a new best price");
                stop.best = best;
                let fires = fallen >= stop.distance.at(best);
                if fires {
                    expected.push(stop.token);
                }
                !fires
            });
            waiting.retain(|(rises, trigger, token)| {
                let fires = if *rises { price >= *trigger } else { price <= *trigger };
                if fires {
                    expected.push(*token);
                }
                !fires
            });
            let mut fired: Vec<u64> = fired.into();
            assert!(!silent || fired.is_empty(), "an alarm rings for what fires");
            fired.sort_unstable();
            expected.sort_unstable();
            assert_eq!(fired, expected);
            assert_eq!(book.len(), plain.len() + waiting.len());
        }
    }
}

#[test]
fn names_are_in_order() {
    assert_eq!(kind::NAMES[kind::TWAP as usize], "twap");
    assert_eq!(state::NAMES[state::FAILED as usize], "failed");
}
