//! Auctions, band auctions and session calendars: books drawn before and after.

use super::*;
use crate::auction::{clear, Clearing};
use crate::codes::{phase, reason, state};
use crate::encode::Sessions;
use crate::wire::GTD;

fn phase_of(group: &Group) -> u8 {
    group.kernel.markets[0].phase
}

/// A market in an auction that waits for the operator.
fn auction() -> Group {
    let mut group = Group::new();
    group.ok(|out| encode::set_phase(out, 0, phase::HALTED));
    group.ok(|out| encode::begin_auction(out, 0, 0));
    group
}

fn prices(group: &Group) -> Vec<i64> {
    group.kernel.output().trades.iter().map(|(_, trade)| trade.price).collect()
}

#[test]
fn orders_are_collected_and_clear_at_one_price() {
    let mut group = auction();
    for (price, lots) in [(1_010, 5), (1_000, 10), (990, 20)] {
        group.buy(TAKER, price, lots);
    }
    for (price, lots) in [(980, 4), (995, 8), (1_005, 9)] {
        group.sell(MAKER, price, lots);
    }
    assert_eq!(group.kernel.output().trade_count, 0);
    let json = String::from_utf8(group.kernel.query(br#"{"q":"market","market":0}"#)).unwrap();
    assert!(json.contains(
        r#""auction":{"clearing":false,"ends_ms":0,"lots":12,"price_ticks":1000,"surplus_lots":3"#
    ));
    let ack = group.ok(|out| encode::clear_auction(out, 0));
    assert_eq!(ack.code, 0);
    assert_eq!(prices(&group), [1_000; 3]);
    assert_eq!(phase_of(&group), phase::OPEN);
    group.draws("1005: 9 x1\n--\n1000: 3 x1\n990: 20 x1");
    assert_eq!(group.kernel.markets[0].last, 1_000);
}

#[test]
fn bids_pay_the_clearing_price_and_get_the_rest_back() {
    let mut group = auction();
    group.buy(TAKER, 1_100, 10);
    group.sell(MAKER, 1_000, 10);
    group.ok(|out| encode::set_phase(out, 0, phase::OPEN));
    assert_eq!(prices(&group), [1_000], "the nearest to the reference of all prices between");
    // The seller came later: it takes, at 2,000 ppm; the buyer makes, at 1,000.
    assert_eq!(group.balance(TAKER, USD), (RICH - 100_000 - 100, 0));
    assert_eq!(group.balance(MAKER, USD), (RICH + 100_000 - 200, 0));
    assert_eq!(group.balance(TAKER, BTC), (RICH + 10_000, 0));
}

#[test]
fn fills_follow_price_then_time() {
    let mut group = auction();
    let late = [group.buy(TAKER, 1_000, 5), group.buy(TAKER, 1_000, 5), group.buy(TAKER, 1_001, 5)];
    group.sell(MAKER, 990, 12);
    group.ok(|out| encode::clear_auction(out, 0));
    assert_eq!(group.kernel.ids.get(late[0]), None);
    assert_eq!(group.kernel.ids.get(late[2]), None, "the better price first");
    let left = group.kernel.slab.node(group.kernel.ids.get(late[1]).expect("the youngest is left")).remaining;
    assert_eq!(left, 3);
}

#[test]
fn an_auction_takes_only_orders_that_can_wait() {
    let mut group = auction();
    group.refused(Reject::StateAuction, |out| encode::place(out, head(TAKER), &market_order(false, 1)));
    let posted = PlaceOrder { post_only: true, ..limit(false, 1_000, 1) };
    group.refused(Reject::StateAuction, |out| encode::place(out, head(TAKER), &posted));
    let id = group.buy(TAKER, 1_000, 5);
    assert_eq!(group.amend(TAKER, id, 1_020, 7).remaining, 7);
    assert_eq!(group.cancel(TAKER, id).state, state::CANCELLED);
    group.refused(Reject::RiskPriceBand, |out| encode::place(out, head(TAKER), &limit(false, 9_000, 1)));
}

#[test]
fn orders_of_one_owner_never_meet() {
    let mut group = auction();
    let own = group.sell(MAKER, 990, 5);
    group.buy(SIBLING, 1_010, 5);
    group.sell(TAKER, 1_000, 3);
    group.ok(|out| encode::clear_auction(out, 0));
    assert_eq!(prices(&group), [1_000]);
    assert_eq!(group.kernel.ids.get(own), None, "the older of the two was cancelled");
    group.draws("--\n1010: 2 x1");
}

#[test]
fn a_timed_auction_clears_by_itself_a_bounded_number_of_fills_at_a_time() {
    let mut group = Group::new();
    group.ok(|out| encode::set_phase(out, 0, phase::HALTED));
    let ends_ms = START_MS + 1_000;
    group.ok(|out| encode::begin_auction(out, 0, ends_ms));
    for _ in 0..300 {
        group.buy(TAKER, 1_000, 1);
        group.sell(MAKER, 1_000, 1);
    }
    let stray = group.buy(TAKER, 900, 1);
    assert_eq!(group.kernel.next_timer_ms(), Some(ends_ms));
    group.now_ms = ends_ms;
    let (mut fills, mut codes) = (Vec::new(), Vec::new());
    let mut frame = Vec::new();
    encode::place(&mut frame, head(SIBLING), &limit(false, 10, 1));
    while phase_of(&group) == phase::AUCTION {
        group.kernel.apply(&frame, ends_ms);
        group.kernel.check_invariants().expect("a sound group between fills");
        fills.push(group.kernel.output().trade_count);
        codes.push(Ack::read(&group.kernel.output().acks).code);
    }
    assert_eq!(codes.pop(), Some(0), "it trades as soon as all is filled");
    assert!(codes.iter().all(|code| Reject::of(*code) == Some(Reject::StateClearing)), "{codes:?}");
    group.send(|out| encode::mass_cancel(out, head(SIBLING), 2));
    assert!(fills.iter().all(|fills| *fills <= 200), "{fills:?}");
    assert!(fills.len() >= 2);
    assert_eq!(fills.iter().sum::<u64>(), 300);
    group.cancel(TAKER, stray);
    group.draws("--");
}

#[test]
fn a_halted_auction_goes_on_later() {
    let mut group = auction();
    group.buy(TAKER, 1_010, 5);
    group.sell(MAKER, 990, 5);
    group.ok(|out| encode::set_phase(out, 0, phase::HALTED));
    group.draws("990: 5 x1\n--\n1010: 5 x1");
    group.refused(Reject::StatePhaseMove, |out| encode::set_phase(out, 0, phase::CLOSING));
    group.ok(|out| encode::set_phase(out, 0, phase::OPEN));
    assert_eq!(prices(&group), [1_000]);
    group.draws("--");
}

#[test]
fn expired_orders_do_not_clear() {
    let mut group = auction();
    let expires_ms = START_MS + 10;
    group.place(TAKER, PlaceOrder { tif: GTD, expires_ms, ..limit(false, 1_010, 5) });
    group.buy(TAKER, 1_000, 5);
    group.sell(MAKER, 990, 5);
    group.now_ms = expires_ms;
    group.ok(|out| encode::clear_auction(out, 0));
    group.draws("--");
}

/// A market with a band of 5% and band auctions of a minute; it last traded at 1,000.
fn banded() -> Group {
    let mut group = Group::new();
    let narrow = Parameters { band_ppm: 50_000, ..parameters() };
    group.ok(|out| encode::set_market_params(out, 0, &narrow));
    group.sell(MAKER, 1_000, 1);
    group.buy(TAKER, 1_000, 1);
    group.ok(|out| encode::set_band_auction(out, 0, 60_000));
    group
}

#[test]
fn a_breach_of_the_band_begins_an_auction_instead_of_a_bad_print() {
    let mut group = banded();
    group.sell(MAKER, 1_040, 5);
    group.sell(MAKER, 1_060, 5);
    group.sell(MAKER, 1_200, 5);
    let ack = group.place(TAKER, limit(false, 1_100, 12));
    assert_eq!((ack.filled, ack.remaining, ack.state), (5, 7, state::OPEN));
    assert_eq!((prices(&group), phase_of(&group)), (vec![1_040], phase::AUCTION));
    group.draws("1200: 5 x1\n1060: 5 x1\n--\n1100: 7 x1");
    assert_eq!(group.kernel.next_timer_ms(), Some(START_MS + 60_000));
    group.sell(MAKER, 1_050, 2);
    group.now_ms += 60_000;
    group.tick();
    assert_eq!(phase_of(&group), phase::OPEN);
    assert_eq!(prices(&group), [1_060, 1_060], "7 lots trade from 1,060 on, the nearest to the last price");
    group.draws("1200: 5 x1\n--");
}

#[test]
fn an_order_beyond_the_band_that_would_not_trade_there_is_refused() {
    let mut group = banded();
    group.refused(Reject::RiskPriceBand, |out| encode::place(out, head(TAKER), &limit(false, 1_100, 12)));
    group.sell(MAKER, 1_040, 5);
    group.refused(Reject::RiskPriceBand, |out| encode::place(out, head(TAKER), &limit(false, 1_100, 12)));
    let ack = group.place(TAKER, limit(false, 1_100, 3));
    assert_eq!((ack.filled, phase_of(&group)), (3, phase::OPEN), "within the band it simply trades");
    group.ok(|out| encode::set_band_auction(out, 0, 0));
    group.refused(Reject::RiskPriceBand, |out| encode::place(out, head(TAKER), &limit(false, 1_100, 1)));
}

#[test]
fn what_lies_beyond_the_band_without_an_auction_is_cancelled() {
    let mut group = banded();
    group.sell(MAKER, 1_040, 5);
    let ack = group.place(SIBLING, limit(false, 1_100, 3));
    assert_eq!(
        (ack.filled, ack.state, ack.reason),
        (0, state::CANCELLED, reason::AUCTION),
        "its own order was all"
    );
    assert_eq!(phase_of(&group), phase::OPEN);
    group.draws("--");
}

const DAY_MS: u64 = 24 * 3_600_000;

/// START_MS is Tuesday, 2023-11-14 22:13:20 UTC.
#[test]
fn a_market_follows_its_calendar() {
    let mut group = banded();
    group.ok(|out| encode::set_band_auction(out, 0, 0));
    let weekday = |day: u16| (day * 1_440 + 9 * 60, day * 1_440 + 17 * 60);
    let sessions = [weekday(0), weekday(1), weekday(2), weekday(4)];
    let thursday = (START_MS / DAY_MS) as u32 + 2;
    let calendar = Sessions {
        sessions: &sessions,
        holidays: &[thursday + 1],
        closed_band_ppm: 10_000,
        auction_ms: 60_000,
        no_liquidation: true,
    };
    group.ok(|out| encode::set_calendar(out, 0, &calendar));
    assert!(group.kernel.liquidation_spared(0));
    group.refused(Reject::RiskPriceBand, |out| encode::place(out, head(TAKER), &limit(false, 1_011, 1)));
    assert_eq!(group.place(TAKER, limit(false, 1_010, 1)).code, 0);
    let midnight = START_MS - START_MS % DAY_MS;
    let opens = midnight + DAY_MS + 9 * 3_600_000;
    assert_eq!(group.kernel.next_timer_ms(), Some(opens));
    group.now_ms = opens;
    group.tick();
    assert_eq!(phase_of(&group), phase::AUCTION);
    assert!(!group.kernel.liquidation_spared(0));
    group.now_ms = opens + 60_000;
    group.tick();
    assert_eq!(phase_of(&group), phase::OPEN);
    let closes = midnight + DAY_MS + 17 * 3_600_000;
    assert_eq!(group.kernel.next_timer_ms(), Some(closes));
    group.now_ms = closes;
    group.tick();
    assert_eq!(phase_of(&group), phase::OPEN, "it trades on, within the narrower band");
    // Thursday has no session and Friday is a holiday: Monday is next.
    assert_eq!(group.kernel.next_timer_ms(), Some(midnight + 6 * DAY_MS + 9 * 3_600_000));
}

#[test]
fn a_market_without_a_closed_band_halts_between_sessions() {
    let mut group = Group::new();
    let sessions = [(0, 7 * 1_440)];
    let always = Sessions { sessions: &sessions, ..Sessions::default() };
    group.ok(|out| encode::set_calendar(out, 0, &always));
    assert_eq!((phase_of(&group), group.kernel.next_timer_ms()), (phase::OPEN, None));
    let never = Sessions { sessions: &[(0, 1)], ..Sessions::default() };
    group.ok(|out| encode::set_calendar(out, 0, &never));
    assert_eq!(phase_of(&group), phase::HALTED);
    group.ok(|out| encode::set_calendar(out, 0, &Sessions::default()));
    assert_eq!(phase_of(&group), phase::OPEN, "without a calendar it trades again");
    group.ok(|out| encode::set_phase(out, 0, phase::HALTED));
    group.ok(|out| encode::set_calendar(out, 0, &always));
    assert_eq!(phase_of(&group), phase::HALTED, "what the operator has halted stays so");
    let twice = Sessions { sessions: &[(5, 9), (8, 12)], ..Sessions::default() };
    group.refused(Reject::InputCalendar, |out| encode::set_calendar(out, 0, &twice));
}

#[test]
fn a_snapshot_in_the_middle_of_an_auction_goes_on_alike() {
    let mut group = auction();
    for n in 0..200 {
        group.buy(TAKER, 990 + n % 30, 1 + n % 4);
        group.sell(MAKER, 1_010 - n % 30, 1 + n % 3);
    }
    let check = |group: &Group| {
        let twin = Kernel::restore(&group.kernel.snapshot()).expect("a whole snapshot");
        assert_eq!(twin.state_root(), group.kernel.state_root());
        assert_eq!(twin.next_timer_ms(), group.kernel.next_timer_ms());
        twin
    };
    check(&group);
    group.ok(|out| encode::clear_auction(out, 0));
    assert_eq!(phase_of(&group), phase::AUCTION, "not all at once");
    let mut twin = check(&group);
    let mut frame = Vec::new();
    encode::tick(&mut frame);
    for _ in 0..6 {
        twin.apply(&frame, group.now_ms);
        group.kernel.apply(&frame, group.now_ms);
        assert_eq!(twin.output().events, group.kernel.output().events);
    }
    assert_eq!(twin.state_root(), group.kernel.state_root());
    assert_eq!(phase_of(&group), phase::OPEN);
}

/// The price by trying every price there is.
fn brute_force(bids: &[(i64, i64)], asks: &[(i64, i64)], reference: i64) -> Option<Clearing> {
    let sum = |side: &[(i64, i64)], reaches: &dyn Fn(i64) -> bool| -> i64 {
        side.iter().filter(|level| reaches(level.0)).map(|level| level.1).sum()
    };
    let at = |price: i64| {
        let demand = sum(bids, &|bid| bid >= price);
        let supply = sum(asks, &|ask| ask <= price);
        Clearing { price, lots: demand.min(supply), surplus: demand - supply }
    };
    let all = (1..200).map(at).filter(|found| found.lots > 0);
    all.min_by_key(|found| (-found.lots, found.surplus.abs(), (found.price - reference).abs(), found.price))
}

#[test]
fn the_clearing_price_is_that_of_trying_them_all() {
    let mut seed = 99u64;
    let mut dice = move |sides: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) % sides) as i64
    };
    for _ in 0..3_000 {
        let mut side = |sides: u64| -> Vec<(i64, i64)> {
            (0..dice(6)).map(|_| (50 + dice(sides), 1 + dice(9))).collect()
        };
        let (bids, asks) = (side(60), side(60));
        let reference = 30 + dice(120);
        assert_eq!(clear(&bids, &asks, reference), brute_force(&bids, &asks, reference), "{bids:?} {asks:?}");
    }
}

/// Invariants 5, 6 and 7 after a clearing, for random books: nothing crosses, everyone at one price, no order passed over by
/// a worse or younger one.
#[test]
fn invariants_5_6_7_hold_after_every_clearing() {
    let mut seed = 7u64;
    let mut dice = move |sides: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) % sides) as i64
    };
    for round in 0..40 {
        let mut group = auction();
        let mut orders = Vec::new();
        for _ in 0..40 {
            let (sell, price, lots) = (dice(2) == 1, 980 + dice(40), 1 + dice(9));
            let account = if sell { MAKER } else { TAKER };
            let id = group.place(account, limit(sell, price, lots)).order_id;
            orders.push((sell, if sell { price } else { -price }, id, lots));
        }
        let expected = group.kernel.indicative(&group.kernel.markets[0]);
        group.ok(|out| encode::clear_auction(out, 0));
        let traded: i64 = group.kernel.output().trades.iter().map(|(_, trade)| trade.lots).sum();
        let found = expected.map_or(0, |found| found.lots);
        assert_eq!(traded, found, "round {round}");
        assert!(prices(&group).iter().all(|price| Some(*price) == expected.map(|found| found.price)));
        let book = &group.kernel.markets[0].book;
        assert!(book.best_bid() < book.best_ask());
        for side in [false, true] {
            let mut queue: Vec<_> = orders.iter().filter(|order| order.0 == side).collect();
            queue.sort_unstable_by_key(|order| (order.1, order.2));
            let left =
                |id: u64| group.kernel.ids.get(id).map_or(0, |slot| group.kernel.slab.node(slot).remaining);
            let mut passed = false;
            for order in queue {
                let untouched = left(order.2) == order.3;
                assert!(!passed || untouched, "round {round}: {order:?} filled before a better one");
                passed |= left(order.2) > 0;
            }
        }
    }
}
