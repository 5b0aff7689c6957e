//! The kernel agrees with the naive reference on every ack, event, balance, book, trade, row and answer of random command streams (invariant 28).

mod reference_model;

use std::collections::BTreeSet;

use exchange_kernel::Reject;
use proptest::prelude::*;
use reference_model::codes;
use reference_model::harness::{run_seed, Pair, Run};
use reference_model::script::{self, START_MS};
use reference_model::wire::{self, Head, PlaceBody, ALL_MARKETS};

/// Seeds of the long runs and commands of each.
const SEEDS: u64 = 200;
const COMMANDS: usize = 5_000;

#[test]
fn long_seeded_streams_agree_and_reach_every_reject() {
    let (mut seen, mut reasons) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..SEEDS {
        let done = std::panic::catch_unwind(|| {
            let run = run_seed(seed, COMMANDS, 500);
            (run.codes, run.reasons)
        });
        let (codes, why) = done.unwrap_or_else(|_| panic!("seed {seed} of {SEEDS} differs (see above)"));
        seen.extend(codes.into_keys());
        reasons.extend(why.into_keys());
    }
    // The reference is a model of spot; each further kind of market or order has its own tests, and its codes lie behind these.
    let spot = |reject: &&Reject| **reject as u16 <= last_of_spot(**reject as u16);
    for reject in Reject::ALL.iter().filter(spot) {
        // These two have scenarios of their own below.
        let apart = [codes::INPUT_FRAME, codes::STATE_BOOK_NOT_EMPTY].contains(&(*reject as u16));
        assert!(apart || seen.contains(&(*reject as u16)), "no stream reached {}", reject.name());
    }
    assert_eq!(reasons, (0..=12).collect(), "reasons of cancels that were reached");
}

/// The last code of a code's stage that a spot market can give.
fn last_of_spot(code: u16) -> u16 {
    match code / 100 {
        1 => 114,
        2 => 205,
        3 => 314,
        4 => 404,
        _ => 504,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// Short streams, for their shrinking: a difference is reduced to a few plain commands.
    #[test]
    fn random_streams_agree(seed in 0u64..1_000, genes in prop::collection::vec(any::<[u16; 12]>(), 1..120)) {
        let mut run = Run::new(seed);
        for genes in &genes {
            run.step(genes);
        }
        run.finish();
    }
}

/// Both sides with the usual markets, accounts and deposits.
fn opened() -> Pair {
    let mut pair = Pair::new();
    pair.apply(&script::opening(0).concat(), START_MS);
    pair
}

fn order(account: u32, flags: u8, body: PlaceBody) -> Vec<u8> {
    wire::place(Head { account, market: 0, key: 0, flags }, &body)
}

fn resting(price: i64, expires: u64) -> PlaceBody {
    PlaceBody { price, size: 2, tif: u8::from(expires != 0), expires, ..PlaceBody::default() }
}

/// 200 bids that expire at once, of four owners.
fn expiring(pair: &mut Pair) -> u64 {
    let expires = START_MS + 1_000;
    let places: Vec<Vec<u8>> =
        (0..200).map(|at| order(16 + at % 8, 0, resting(96 + i64::from(at % 5), expires))).collect();
    pair.apply(&places.concat(), START_MS + 1);
    expires
}

#[test]
fn timers_due_together_are_spread_over_commands() {
    let mut pair = opened();
    let expires = expiring(&mut pair);
    let seen = pair.apply(&wire::tick(), expires);
    assert_eq!(seen.events.len(), 64);
    let seen = pair.apply(&[wire::tick(), wire::tick()].concat(), expires);
    assert_eq!(seen.events.len(), 128);
    pair.apply(&wire::tick(), expires);
    assert_eq!(pair.kernel.next_timer_ms(), None);
    pair.compare_state();
}

#[test]
fn an_expired_order_is_cancelled_when_a_taker_or_an_amend_meets_it() {
    let mut pair = opened();
    let expires = expiring(&mut pair);
    // The taker's own command runs 64 timers; more are met on the way.
    let taker = order(23, wire::SELL, PlaceBody { price: 96, size: 300, tif: 2, ..PlaceBody::default() });
    let seen = pair.apply(&taker, expires);
    assert_eq!(seen.trades, []);
    pair.compare_state();

    let mut pair = opened();
    let expires = expiring(&mut pair);
    let ask = order(17, wire::SELL, resting(103, 0));
    let amend = wire::amend(Head { account: 23, market: 0, key: 0, flags: 0 }, 200, 103, 0, 0, b"");
    let seen = pair.apply(&[ask, amend].concat(), expires);
    assert_eq!(
        (seen.acks[1].code, seen.acks[1].state),
        (codes::MATCHING_ORDER_CLOSED, codes::STATE_CANCELLED)
    );
    assert_eq!(seen.trades, []);
    pair.compare_state();
}

#[test]
fn a_dead_man_switch_cancels_the_whole_account_in_one_step() {
    let mut pair = opened();
    expiring(&mut pair);
    let all = Head { account: 18, market: ALL_MARKETS, key: 0, flags: 0 };
    pair.apply(&wire::cancel_all_after(all, 500), START_MS + 10);
    let seen = pair.apply(&wire::tick(), START_MS + 510);
    assert_eq!(seen.events.len(), 25);
    pair.compare_state();
}

#[test]
fn a_market_settles_only_when_its_book_is_empty() {
    let mut pair = opened();
    expiring(&mut pair);
    let phases: Vec<u8> =
        [codes::CLOSING, codes::SETTLING].iter().flat_map(|phase| wire::set_phase(0, *phase)).collect();
    pair.apply(&phases, START_MS + 2);
    let settled = wire::set_phase(0, codes::SETTLED);
    let codes_of = |pair: &mut Pair| pair.apply(&settled, START_MS + 3).acks[0].code;
    assert_eq!(codes_of(&mut pair), codes::STATE_BOOK_NOT_EMPTY);
    assert_eq!(codes_of(&mut pair), codes::STATE_BOOK_NOT_EMPTY);
    assert_eq!(codes_of(&mut pair), codes::STATE_BOOK_NOT_EMPTY);
    assert_eq!(codes_of(&mut pair), 0);
    pair.compare_state();
}

#[test]
fn bytes_after_the_last_whole_frame_are_one_refused_command() {
    let mut pair = opened();
    for junk in [&[1u8][..], &[0; 15], &[15, 0, 69, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[255; 40]] {
        let seen = pair.apply(&[&wire::tick(), junk].concat(), START_MS);
        assert_eq!(seen.acks.iter().map(|ack| ack.code).collect::<Vec<_>>(), [0, codes::INPUT_FRAME]);
    }
    assert_eq!(pair.apply(&[], START_MS + 9).acks, []);
    pair.compare_state();
}

#[test]
fn a_rebate_never_exceeds_what_the_taker_of_the_fill_pays() {
    let mut pair = opened();
    let params = wire::Params { maker_ppm: -500, taker_ppm: 500, band_ppm: 0, ..wire::Params::default() };
    pair.apply(&[wire::set_market(0, &params), wire::set_tier(0, 1, 0, 100)].concat(), START_MS);
    let maker = order(16, wire::SELL, PlaceBody { price: 100, size: 10_000, ..PlaceBody::default() });
    let taker = order(19, 0, PlaceBody { price: 100, size: 10_000, ..PlaceBody::default() });
    let seen = pair.apply(&[maker, taker].concat(), START_MS);
    assert_eq!(seen.trades.len(), 1);
    pair.compare_state();
}

#[test]
fn a_fill_or_kill_bid_may_spend_its_last_unit() {
    let mut pair = opened();
    // Account 40 has just what 3 + 2 lots at 100 and 101 and one fee, rounded up once, cost.
    let deposit = |asset, amount, id| wire::transfer(wire::DEPOSIT, 40, asset, amount, id, START_MS);
    let params =
        wire::Params { taker_ppm: 1_500, band_ppm: 0, slippage_ppm: 1_000_000, ..wire::Params::default() };
    pair.apply(
        &[wire::open_account(40, 40, 0), wire::set_market(0, &params), deposit(2, 503, 5)].concat(),
        START_MS,
    );
    let asks = [
        order(16, wire::SELL, PlaceBody { price: 100, size: 3, ..PlaceBody::default() }),
        order(18, wire::SELL, PlaceBody { price: 101, size: 2, ..PlaceBody::default() }),
    ];
    pair.apply(&asks.concat(), START_MS);
    let seen = pair
        .apply(&order(40, 0, PlaceBody { size: 5, order_type: 1, tif: 3, ..PlaceBody::default() }), START_MS);
    assert_eq!((seen.acks[0].filled, seen.acks[0].state), (5, codes::STATE_FILLED));
    pair.compare_state();
}

#[test]
fn a_retry_of_an_expired_order_learns_what_became_of_it() {
    let mut pair = opened();
    let mut body = resting(97, START_MS + 100);
    body.client = b"mine".to_vec();
    let place = order(16, 0, body);
    let first = pair.apply(&place, START_MS).acks[0];
    let again = pair.apply(&place, START_MS + 5_000).acks[0];
    assert_eq!(
        (again.code, again.order_id, again.state),
        (codes::STATE_DUPLICATE_CLIENT_ID, first.order_id, 3)
    );
}

#[test]
fn a_clock_beyond_reason_is_bounded() {
    let mut pair = opened();
    let all = Head { account: 18, market: ALL_MARKETS, key: 0, flags: 0 };
    let mut bytes = wire::cancel_all_after(all, 500);
    bytes.extend(wire::transfer(wire::DEPOSIT, 18, 2, 5, 77, u64::MAX));
    let mut body = resting(97, u64::MAX);
    body.client = b"late".to_vec();
    bytes.extend(order(16, 0, body));
    pair.apply(&bytes, u64::MAX);
    pair.apply(&bytes, 0);
    pair.compare_state();
}
