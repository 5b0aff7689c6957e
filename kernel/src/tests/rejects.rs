//! Every reject is reachable, and a refused command moves nothing (`Group::refused` asserts it).

use std::collections::BTreeSet;

use super::*;
use crate::algo::encode::{
    amend_algo, cancel_algo, place_slices, place_trailing, place_trigger, AlgoChange, AlgoOrder, LegOrder,
    Slices,
};
use crate::codes::Reject::*;
use crate::wire::{ALL_MARKETS, FOK, GTD};

pub(crate) fn check(
    group: &mut Group,
    seen: &mut BTreeSet<Reject>,
    reject: Reject,
    write: impl FnOnce(&mut Vec<u8>),
) {
    group.refused(reject, write);
    seen.insert(reject);
}

fn order(group: &mut Group, seen: &mut BTreeSet<Reject>, reject: Reject, order: PlaceOrder) {
    check(group, seen, reject, |out| encode::place(out, head(MAKER), &order));
}

fn input(seen: &mut BTreeSet<Reject>) {
    let group = &mut Group::new();
    check(group, seen, InputFrame, |out| out.extend_from_slice(&[9, 0, 1]));
    check(group, seen, InputKind, |out| {
        out.extend_from_slice(&[16, 0, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    });
    check(group, seen, InputBody, |out| {
        out.extend_from_slice(&[16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    });
    order(group, seen, InputEnum, PlaceOrder { stp: 3, ..limit(false, 900, 1) });
    order(group, seen, InputCombination, PlaceOrder { tif: FOK, post_only: true, ..limit(false, 900, 1) });
    order(group, seen, InputCombination, PlaceOrder { reduce_only: true, ..limit(false, 900, 1) });
    order(group, seen, InputPrice, limit(false, 0, 1));
    order(group, seen, InputSize, limit(false, 900, 1_000_001));
    order(group, seen, InputClientId, PlaceOrder { client_id: b"a b", ..limit(false, 900, 1) });
    order(group, seen, InputExpiry, PlaceOrder { tif: GTD, expires_ms: START_MS, ..limit(false, 900, 1) });
    check(group, seen, InputAmount, |out| encode::transfer(out, kind::DEPOSIT, MAKER, USD, 0, 500, START_MS));
    order(group, seen, InputOverflow, limit(true, 1 << 50, 1_000_000));
    check(group, seen, InputParameter, |out| encode::set_fee_tier(out, 0, 1, 0, 900_000));
    check(group, seen, InputReference, |out| encode::cancel(out, head(MAKER), &by_id(0)));
    let id = group.buy(MAKER, 900, 2);
    check(group, seen, InputNoChange, |out| encode::amend(out, head(MAKER), &by_id(id), 900, 2, false));
}

fn access(seen: &mut BTreeSet<Reject>) {
    let group = &mut Group::new();
    check(group, seen, AccessOperatorOnly, |out| {
        encode::tick(out);
        out[4] = 16;
    });
    check(group, seen, AccessReserved, |out| encode::account(out, kind::OPEN_ACCOUNT, 3, 1, 0, 0));
    check(group, seen, AccessAccountUnknown, |out| encode::place(out, head(99), &limit(false, 900, 1)));
    group.ok(|out| encode::account(out, kind::SET_ACCOUNT, MAKER, 1, 0, 3));
    order(group, seen, AccessFrozen, limit(false, 900, 1));
    check(group, seen, AccessNoWithdrawals, |out| {
        encode::transfer(out, kind::WITHDRAW, MAKER, USD, 1, 501, START_MS);
    });
    group.ok(|out| encode::account(out, kind::SET_ACCOUNT, MAKER, 1, 0, 4));
    order(group, seen, AccessReduceOnly, limit(false, 900, 1));
}

fn state(seen: &mut BTreeSet<Reject>) {
    let group = &mut Group::new();
    group.place(MAKER, PlaceOrder { client_id: b"id", ..limit(false, 900, 1) });
    order(group, seen, StateDuplicateClientId, PlaceOrder { client_id: b"id", ..limit(false, 900, 1) });
    let elsewhere = Head { market: 9, ..head(MAKER) };
    check(group, seen, StateMarketUnknown, |out| encode::place(out, elsewhere, &limit(false, 900, 1)));
    check(group, seen, StateAssetUnknown, |out| {
        encode::transfer(out, kind::DEPOSIT, MAKER, 77, 1, 502, START_MS)
    });
    check(group, seen, StatePhaseMove, |out| encode::set_phase(out, 0, 6));
    check(group, seen, StateAlreadyExists, |out| encode::add_asset(out, BTC, 8, b"BTC"));
    order(group, seen, StateDeadline, PlaceOrder { deadline_ms: START_MS - 1, ..limit(false, 900, 1) });
    check(group, seen, StateTransferOld, |out| encode::transfer(out, kind::DEPOSIT, MAKER, USD, 1, 503, 1));
    group.ok(|out| encode::transfer(out, kind::DEPOSIT, MAKER, USD, 1, 504, START_MS));
    check(group, seen, StateTransferDuplicate, |out| {
        encode::transfer(out, kind::DEPOSIT, MAKER, USD, 1, 504, START_MS);
    });
    group.ok(|out| encode::set_limits(out, 3, 1, 2, 2));
    check(group, seen, StateTooMany, |out| encode::account(out, kind::OPEN_ACCOUNT, 40, 1, 0, 0));
    group.place(MAKER, PlaceOrder { client_id: b"id2", ..limit(false, 900, 1) });
    order(group, seen, StateTooManyOrders, limit(false, 900, 1));
    let other = PlaceOrder { client_id: b"id3", ..limit(false, 900, 1) };
    check(group, seen, StateClientIdsFull, |out| encode::place(out, head(TAKER), &other));
    group.ok(|out| encode::set_phase(out, 0, 4));
    order(group, seen, StateMarketPhase, limit(false, 900, 1));
    group.ok(|out| encode::set_phase(out, 0, 5));
    let group = &mut Group::new();
    let narrow = Parameters { max_levels: 1, ..parameters() };
    group.ok(|out| encode::set_market_params(out, 0, &narrow));
    group.buy(MAKER, 900, 1);
    order(group, seen, StateTooManyLevels, limit(false, 901, 1));
}

/// More orders than the timers cancel before one command: the market cannot be settled yet.
fn settling(seen: &mut BTreeSet<Reject>) {
    let group = &mut Group::new();
    for price in 1..=90 {
        group.buy(MAKER, price, 1);
    }
    group.ok(|out| encode::set_phase(out, 0, 4));
    group.ok(|out| encode::set_phase(out, 0, 5));
    let ack = group.send(|out| encode::set_phase(out, 0, 6));
    assert_eq!(Reject::of(ack.code), Some(StateBookNotEmpty));
    seen.insert(StateBookNotEmpty);
    group.tick();
    group.ok(|out| encode::set_phase(out, 0, 6));
}

fn risk_and_matching(seen: &mut BTreeSet<Reject>) {
    let group = &mut Group::new();
    order(group, seen, RiskPriceBand, limit(false, 1_501, 1));
    order(group, seen, RiskPriceBand, limit(true, 499, 1));
    group.ok(|out| encode::transfer(out, kind::WITHDRAW, MAKER, BTC, RICH, 506, START_MS));
    order(group, seen, RiskInsufficientBalance, limit(true, 1_000, 1));
    check(group, seen, RiskTotal, |out| {
        encode::transfer(out, kind::DEPOSIT, MAKER, USD, i64::MAX, 505, START_MS)
    });
    order(group, seen, MatchingNoLiquidity, market_order(false, 1));
    check(group, seen, MatchingOrderUnknown, |out| encode::cancel(out, head(MAKER), &by_id(12_345)));
    let mine = Target { client_id: b"gone", ..Target::default() };
    let id = group.place(MAKER, PlaceOrder { client_id: b"gone", ..limit(false, 900, 3) }).order_id;
    let all = Head { market: ALL_MARKETS, ..head(MAKER) };
    check(group, seen, MatchingOrderUnknown, |out| encode::cancel(out, head(TAKER), &by_id(id)));
    group.sell(TAKER, 900, 2);
    check(group, seen, MatchingBelowFilled, |out| encode::amend(out, all, &by_id(id), 0, 2, false));
    group.cancel(MAKER, id);
    check(group, seen, MatchingOrderClosed, |out| encode::cancel(out, head(MAKER), &mine));
    let costly = Parameters { min_notional: 100_000, ..parameters() };
    group.ok(|out| encode::set_market_params(out, 0, &costly));
    order(group, seen, RiskMinNotional, limit(false, 900, 1));
}

/// A market that has traded at 1,000.
fn traded() -> Group {
    let mut group = Group::new();
    group.sell(MAKER, 1_000, 1);
    group.buy(TAKER, 1_000, 1);
    group
}

fn auctions(seen: &mut BTreeSet<Reject>) {
    let group = &mut traded();
    let calendar = encode::Sessions { sessions: &[(9, 5)], ..encode::Sessions::default() };
    check(group, seen, InputCalendar, |out| encode::set_calendar(out, 0, &calendar));
    group.ok(|out| encode::set_phase(out, 0, 3));
    group.ok(|out| encode::begin_auction(out, 0, 0));
    order(group, seen, StateAuction, market_order(false, 1));
    for _ in 0..200 {
        group.buy(TAKER, 1_000, 1);
        group.sell(MAKER, 1_000, 1);
    }
    group.ok(|out| encode::clear_auction(out, 0));
    let mut frame = Vec::new();
    encode::place(&mut frame, head(SIBLING), &limit(false, 900, 1));
    group.kernel.apply(&frame, group.now_ms);
    seen.extend(Reject::of(Ack::read(&group.kernel.output().acks).code));
}

fn algo_orders(seen: &mut BTreeSet<Reject>) {
    let group = &mut traded();
    let order = AlgoOrder { sell: true, size_lots: 4, ..AlgoOrder::default() };
    let wait = LegOrder { trigger_ticks: 900, ..LegOrder::default() };
    let trigger = |out: &mut Vec<u8>, wait: LegOrder| place_trigger(out, head(MAKER), &order, &wait);
    check(group, seen, InputTrigger, |out| trigger(out, LegOrder { trigger_ticks: 0, ..wait }));
    check(group, seen, InputTrailing, |out| place_trailing(out, head(MAKER), &order, &wait, 5, 5));
    let slices = Slices { limit_ticks: 1_000, slice_lots: 5, interval_ms: 1, ..Slices::default() };
    check(group, seen, InputSlice, |out| place_slices(out, head(MAKER), &order, &slices));
    let slices = Slices { slice_lots: 2, ..slices };
    check(group, seen, InputInterval, |out| place_slices(out, head(MAKER), &order, &slices));
    check(group, seen, StateTriggerPassed, |out| trigger(out, LegOrder { rises: true, ..wait }));
    check(group, seen, StateNoPrice, |out| trigger(out, LegOrder { source: 1, ..wait }));
    check(group, seen, MatchingAlgoUnknown, |out| cancel_algo(out, head(MAKER), &by_id(77)));
    let id = group.ok(|out| place_trailing(out, head(MAKER), &order, &LegOrder::default(), 5, 0)).order_id;
    let change = AlgoChange { size_lots: 3, legs: [(0, -1), (0, -1)] };
    check(group, seen, MatchingAlgoFixed, |out| amend_algo(out, head(MAKER), &by_id(id), &change));
    for _ in 1..crate::algo::MAX_ALGOS {
        group.ok(|out| trigger(out, wait));
    }
    check(group, seen, StateTooManyAlgos, |out| trigger(out, wait));
}

#[test]
fn every_reject_is_reachable() {
    let mut seen = BTreeSet::new();
    algo_orders(&mut seen);
    auctions(&mut seen);
    input(&mut seen);
    access(&mut seen);
    crate::mandates::tests::rejects(&mut seen);
    state(&mut seen);
    settling(&mut seen);
    risk_and_matching(&mut seen);
    super::perpetuals::rejects(&mut seen);
    crate::prices::tests::perpetual::rejects(&mut seen);
    super::liquidation::rejects(&mut seen);
    super::outcomes::rejects(&mut seen);
    let missing: Vec<&Reject> = Reject::ALL.iter().filter(|reject| !seen.contains(reject)).collect();
    assert!(missing.is_empty(), "no test reaches {missing:?}");
}

#[test]
fn an_amend_that_fails_may_cancel() {
    let mut group = Group::new();
    let id = group.buy(MAKER, 900, 1);
    let ack = group.send(|out| encode::amend(out, head(MAKER), &by_id(id), 5_000, 0, true));
    assert_eq!(Reject::of(ack.code), Some(RiskPriceBand));
    assert_eq!((ack.state, ack.reason), (crate::codes::state::CANCELLED, crate::codes::reason::AMEND_FAILED));
    group.draws("--");
}

#[test]
fn any_bytes_are_answered() {
    let mut group = Group::new();
    let mut bytes = Vec::new();
    encode::place(&mut bytes, head(MAKER), &limit(false, 900, 1));
    for cut in 0..bytes.len() {
        let applied = group.kernel.apply(&bytes[..cut], START_MS);
        assert_eq!(applied.rejected, u64::from(cut > 0));
    }
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7F, 0x80, 0xFF] {
            let mut changed = bytes.clone();
            changed[at] = value;
            group.kernel.apply(&changed, START_MS);
            group.kernel.check_invariants().expect("a changed byte does no harm");
        }
    }
}
