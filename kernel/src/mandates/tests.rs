//! Scenarios of mandates, builders and referrers. The cast's orders all come with key 5; a lot at 1,000 is worth 10,000.

use std::collections::BTreeSet;

use crate::bills::bill_kind;
use crate::codes::{reason, Reject};
use crate::encode::{self, code_of, Head, MandateTerms, PlaceOrder};
use crate::events::Body;
use crate::mandates::{READ, TRADE, WITHDRAW};
use crate::tests::perpetuals::perp_head;
use crate::tests::rejects::check;
use crate::tests::{
    by_id, head, limit, market_order, parameters, Group, MAKER, SIBLING, START_MS, TAKER, USD,
};
use crate::wire::kind;
use Reject::*;

const KEY: u32 = 5;
const ALL: u16 = READ | TRADE | WITHDRAW;
const BUILDER: u32 = 20;
const REFERRER: u32 = 21;

fn terms() -> MandateTerms<'static> {
    MandateTerms { key: KEY, rights: ALL, ..MandateTerms::default() }
}

/// The cast, the maker's key under a mandate, and a second market.
fn under(terms: MandateTerms) -> Group {
    let mut group = Group::new();
    group.list(1, &parameters());
    group.ok(|out| encode::set_phase(out, 1, 2));
    group.ok(|out| encode::set_mandate(out, MAKER, &terms));
    group
}

fn refuses(group: &mut Group, reject: Reject, order: PlaceOrder) {
    group.refused(reject, |out| encode::place(out, head(MAKER), &order));
}

#[test]
fn a_mandate_says_what_a_key_may_do() {
    // (terms, the order that passes, the order that does not, why)
    let rows: &[(MandateTerms, PlaceOrder, PlaceOrder, Reject)] = &[
        (
            MandateTerms { order_notional: 20_000, ..terms() },
            limit(false, 1_000, 2),
            limit(false, 1_000, 3),
            AccessKeyOrder,
        ),
        (
            MandateTerms { order_notional: 20_000, ..terms() },
            limit(true, 1_000, 2),
            limit(true, 1_001, 2),
            AccessKeyOrder,
        ),
        (MandateTerms { rate: 1, ..terms() }, limit(false, 900, 1), limit(false, 900, 1), AccessKeyRate),
    ];
    for (terms, passes, refused, why) in rows {
        let mut group = under(*terms);
        assert_eq!(group.place(MAKER, *passes).code, 0);
        refuses(&mut group, *why, *refused);
        assert_eq!(group.place(TAKER, *refused).code, 0, "the mandate is the maker's alone");
        let person = Head { key: 0, ..head(MAKER) };
        group.ok(|out| encode::place(out, person, refused));
    }
}

#[test]
fn rights_are_checked_for_every_kind() {
    let mut group = under(MandateTerms { rights: READ, ..terms() });
    let person = Head { key: 0, ..head(MAKER) };
    let id = group.ok(|out| encode::place(out, person, &limit(false, 900, 1))).order_id;
    refuses(&mut group, AccessKeyRight, limit(false, 900, 1));
    group.refused(AccessKeyRight, |out| encode::amend(out, head(MAKER), &by_id(id), 901, 0, false));
    group.refused(AccessKeyRight, |out| encode::cancel(out, head(MAKER), &by_id(id)));
    group.refused(AccessKeyRight, |out| encode::mass_cancel(out, head(MAKER), 2));
    group.refused(AccessKeyRight, |out| encode::cancel_all_after(out, MAKER, KEY, 1_000));
    let keyed = |write: fn(&mut Vec<u8>)| {
        move |out: &mut Vec<u8>| {
            write(out);
            out[12..16].copy_from_slice(&KEY.to_le_bytes());
        }
    };
    group.refused(
        AccessKeyRight,
        keyed(|out| encode::transfer(out, kind::WITHDRAW, MAKER, USD, 1, 900, START_MS)),
    );
    group.ok(keyed(|out| encode::transfer(out, kind::DEPOSIT, MAKER, USD, 1, 901, START_MS)));
    group.refused(AccessKeyRight, keyed(|out| encode::set_mandate(out, MAKER, &terms())));
    group.refused(AccessKeyRight, keyed(|out| encode::approve_builder(out, MAKER, TAKER, 10)));
    group.refused(AccessKeyRight, keyed(|out| encode::set_referrer(out, MAKER, TAKER)));
    group.refused(AccessKeyRight, keyed(|out| encode::revoke_key(out, MAKER, KEY)));
    group.ok(|out| encode::set_mandate(out, MAKER, &MandateTerms { rights: WITHDRAW, ..terms() }));
    group.ok(keyed(|out| encode::transfer(out, kind::WITHDRAW, MAKER, USD, 1, 902, START_MS)));
    refuses(&mut group, AccessKeyRight, limit(false, 900, 1));
}

#[test]
fn a_mandate_ends_by_time_and_by_revocation() {
    let mut group = under(MandateTerms { expires_ms: START_MS + 5, ..terms() });
    let first = group.buy(MAKER, 900, 1);
    group.now_ms += 5;
    refuses(&mut group, AccessKeyExpired, limit(false, 900, 1));
    group.refused(AccessKeyExpired, |out| encode::cancel(out, head(MAKER), &by_id(first)));
    group.ok(|out| encode::set_mandate(out, MAKER, &terms()));
    let second = group.buy(MAKER, 901, 1);
    let ack = group.ok(|out| encode::revoke_key(out, MAKER, KEY));
    assert_eq!(ack.extra, 2, "open orders of the key are cancelled");
    let reasons: Vec<(u64, u8)> = group
        .events()
        .iter()
        .filter_map(|event| match &event.body {
            Body::Order(order) => Some((order.order_id, order.reason)),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [(first, reason::MANDATE), (second, reason::MANDATE)]);
    refuses(&mut group, AccessKeyRevoked, limit(false, 900, 1));
    group.refused(AccessKeyRevoked, |out| encode::set_mandate(out, MAKER, &terms()));
    group.ok(|out| encode::revoke_key(out, MAKER, 77));
    assert_eq!(group.place(TAKER, limit(false, 900, 1)).code, 0);
}

#[test]
fn markets_and_rate_bind_orders_and_amends_but_not_cancels() {
    let mut group = under(MandateTerms { markets: &[1], rate: 2, ..terms() });
    refuses(&mut group, AccessKeyMarket, limit(false, 900, 1));
    let there = Head { market: 1, ..head(MAKER) };
    let id = group.ok(|out| encode::place(out, there, &limit(false, 900, 2))).order_id;
    group.ok(|out| encode::amend(out, there, &by_id(id), 901, 0, false));
    group.refused(AccessKeyRate, |out| encode::amend(out, there, &by_id(id), 902, 0, false));
    group.ok(|out| encode::cancel(out, there, &by_id(id)));
    group.now_ms += 1_000;
    group.ok(|out| encode::place(out, there, &limit(false, 900, 2)));
    group.refused(StateMarketUnknown, |out| {
        encode::set_mandate(out, MAKER, &MandateTerms { markets: &[9], ..terms() });
    });
}

#[test]
fn a_position_counts_what_is_held_and_what_rests() {
    // A trillion units of the base in lots of 1,000 at 10,000 a lot: ten trillion; two lots more are allowed.
    let bound = 10_000_000_000_000 + 20_000;
    let mut group = under(MandateTerms { position_notional: bound, ..terms() });
    let id = group.buy(MAKER, 1_000, 1);
    refuses(&mut group, AccessKeyPosition, limit(false, 1_000, 2));
    group.refused(AccessKeyPosition, |out| encode::amend(out, head(MAKER), &by_id(id), 0, 3, false));
    assert_eq!(group.amend(MAKER, id, 999, 0).code, 0, "an amend replaces what rests");
    assert_eq!(group.sell(MAKER, 1_100, 5).min(1), 1, "selling what is held adds nothing");
    group.sell(TAKER, 999, 1);
    refuses(&mut group, AccessKeyPosition, limit(false, 1_000, 2));
    assert_eq!(group.place(MAKER, limit(false, 1_000, 1)).code, 0);
}

#[test]
fn a_key_that_lost_the_days_bound_may_only_cancel() {
    let mut group = under(MandateTerms { daily_loss: 10_000, ..terms() });
    // Ten lots at 1,000 that are worth 900 the moment after: a loss of 10,000 and fees.
    group.sell(TAKER, 1_000, 10);
    group.buy(MAKER, 1_000, 10);
    let resting = group.buy(MAKER, 900, 1);
    group.buy(MAKER, 890, 1);
    assert_eq!(group.kernel.query_mandates(MAKER)["mandates"][0]["revoked"], false);
    group.sell(TAKER, 900, 1);
    assert!(
        group.kernel.next_timer_ms().is_some_and(|due| due <= group.now_ms),
        "its orders are cancelled next"
    );
    group.tick();
    assert_eq!(group.cancel(MAKER, resting).code, MatchingOrderUnknown as u16, "filled");
    assert_eq!(group.kernel.book(0, 9).map(|(bids, _)| bids.len()), Some(0));
    refuses(&mut group, AccessKeyLoss, limit(false, 800, 1));
    group.now_ms += 86_400_000;
    assert_eq!(group.place(MAKER, limit(false, 800, 1)).code, 0, "a new day");
}

#[test]
fn nothing_is_looked_up_while_there_is_no_mandate() {
    let mut group = Group::new();
    group.buy(MAKER, 900, 1);
    assert!(!group.kernel.mandates.bind());
    group.ok(|out| encode::set_mandate(out, MAKER, &terms()));
    assert!(group.kernel.mandates.bind());
}

/// The cast, a builder and a referrer; a maker's fee of 0.1%, a taker's of 0.2%, a quarter of it the protocol's.
fn shared(referral_ppm: u32) -> Group {
    let mut group = Group::new();
    for account in [BUILDER, REFERRER] {
        group.ok(|out| encode::account(out, kind::OPEN_ACCOUNT, account, u64::from(account), 0, 0));
    }
    group.ok(|out| encode::set_fee_split(out, referral_ppm, 2_550));
    group
}

fn built(order: PlaceOrder<'static>, rate_ppm: u32) -> PlaceOrder<'static> {
    PlaceOrder { builder: code_of(BUILDER, rate_ppm).expect("a rate"), ..order }
}

#[test]
fn a_builder_needs_an_approval_that_covers_its_rate() {
    let mut group = shared(0);
    refuses(&mut group, AccessBuilder, built(limit(false, 900, 1), 100));
    group.ok(|out| encode::approve_builder(out, MAKER, BUILDER, 100));
    refuses(&mut group, AccessBuilder, built(limit(false, 900, 1), 110));
    assert_eq!(group.place(MAKER, built(limit(false, 900, 1), 100)).code, 0);
    refuses(&mut group, AccessBuilder, built(limit(false, 900, 1), 0));
    group.ok(|out| encode::set_fee_split(out, 0, 50));
    refuses(&mut group, AccessBuilder, built(limit(false, 900, 1), 100));
    group.ok(|out| encode::approve_builder(out, MAKER, BUILDER, 0));
    refuses(&mut group, AccessBuilder, built(limit(false, 900, 1), 50));
    group.refused(AccessAccountUnknown, |out| encode::approve_builder(out, MAKER, 99, 10));
    group.refused(InputParameter, |out| encode::approve_builder(out, MAKER, BUILDER, 2_551));
    group.refused(InputParameter, |out| encode::set_referrer(out, MAKER, SIBLING));
    group.refused(InputParameter, |out| encode::set_fee_split(out, 1_000_001, 0));
}

#[test]
fn a_fill_is_shared_at_once_to_the_unit() {
    let mut group = shared(500_000);
    group.ok(|out| encode::approve_builder(out, TAKER, BUILDER, 1_000));
    group.ok(|out| encode::set_referrer(out, TAKER, REFERRER));
    group.sell(MAKER, 1_000, 10);
    let before = group.reserved();
    group.ok(|out| encode::place(out, head(TAKER), &built(limit(false, 1_000, 10), 1_000)));
    // 100,000 traded: taker 0.2% + 0.1% = 300, maker 0.1% = 100. The builder has 100, of 300 left the protocol 75, of
    // 225 the taker's referrer half of two thirds, 75, and the venue 150.
    assert_eq!(group.balance(BUILDER, USD).0, 100);
    assert_eq!(group.balance(REFERRER, USD).0, 75);
    let after = group.reserved();
    assert_eq!([0, 1, 3].map(|at| after[at] - before[at]), [150, 75, 0]);
    let kinds: Vec<u8> = bill_kinds(&group);
    assert_eq!(kinds, [bill_kind::BUILDER_FEE, bill_kind::REFERRAL]);
}

/// Kinds of the bills of the last command.
fn bill_kinds(group: &Group) -> Vec<u8> {
    let bills = &group.kernel.output().bills;
    let row = bills.rows.len() / bills.count.max(1) as usize;
    bills.rows.chunks_exact(row.max(1)).map(|row| row[2 + 12 + 12 + 8 + 12 + 8 + 5]).collect()
}

#[test]
fn an_order_pays_its_builder_though_the_approval_was_taken_back() {
    let mut group = shared(0);
    group.ok(|out| encode::approve_builder(out, MAKER, BUILDER, 2_000));
    group.place(MAKER, built(limit(false, 1_000, 10), 2_000));
    group.ok(|out| encode::approve_builder(out, MAKER, BUILDER, 0));
    group.sell(TAKER, 1_000, 4);
    assert_eq!(group.balance(BUILDER, USD).0, 80, "0.2% of 40,000, by the rate the order was placed with");
}

#[test]
fn a_builders_rate_is_part_of_what_is_held() {
    let mut group = shared(0);
    group.ok(|out| encode::approve_builder(out, MAKER, BUILDER, 2_000));
    group.place(MAKER, built(limit(false, 1_000, 10), 2_000));
    assert_eq!(group.balance(MAKER, USD).1, 100_000 + 400);
    group.place(TAKER, market_order(true, 10));
    assert_eq!((group.balance(MAKER, USD).1, group.balance(BUILDER, USD).0), (0, 200));
}

#[test]
fn mandates_survive_a_snapshot() {
    let mut group = shared(250_000);
    group
        .ok(|out| encode::set_mandate(out, MAKER, &MandateTerms { daily_loss: 9, markets: &[0], ..terms() }));
    group.ok(|out| encode::approve_builder(out, TAKER, BUILDER, 50));
    group.ok(|out| encode::set_referrer(out, TAKER, REFERRER));
    group.ok(|out| encode::set_capacity(out, 1_000));
    group.sell(MAKER, 1_000, 1);
    group.ok(|out| encode::place(out, head(TAKER), &built(limit(false, 1_000, 1), 50)));
    let bytes = group.kernel.snapshot();
    let restored = crate::Kernel::restore(&bytes).expect("a whole snapshot");
    assert_eq!(restored.snapshot(), bytes);
    let question = br#"{"q":"mandates","account":17}"#;
    assert_eq!(restored.query(question), group.kernel.query(question));
}

#[test]
fn capacity_stops_new_risk_and_leaves_what_stands() {
    let mut group = Group::perpetual();
    group.ok(|out| encode::set_capacity(out, 100_000));
    let big = limit(false, 1_000, 11);
    group.refused(RiskCapacity, |out| encode::place(out, perp_head(TAKER), &big));
    group.trade(TAKER, MAKER, 1_000, 10);
    assert_eq!(group.kernel.query_capacity()["open_interest"], 100_000);
    group.refused(RiskCapacity, |out| encode::place(out, perp_head(TAKER), &limit(false, 1_000, 1)));
    group.mark(1_100);
    assert_eq!(group.kernel.query_capacity()["open_interest"], 110_000);
    group.ok(|out| encode::set_capacity(out, 0));
    assert_eq!(group.held(TAKER).lots, 10, "what stands is left alone");
    group.trade(MAKER, TAKER, 1_000, 10);
    assert_eq!(group.kernel.query_capacity()["open_interest"], 0);
    group.refused(RiskCapacity, |out| encode::place(out, perp_head(TAKER), &limit(false, 1_000, 1)));
    group.ok(|out| encode::set_capacity(out, -1));
    group.trade(TAKER, MAKER, 1_000, 50);
}

#[test]
fn a_mandate_bounds_a_perpetual_position_and_its_leverage() {
    let mut group = Group::perpetual();
    group.ok(|out| encode::set_mandate(out, TAKER, &MandateTerms { position_notional: 50_000, ..terms() }));
    group.trade(TAKER, MAKER, 1_000, 5);
    let one = |sell| limit(sell, 1_000, 1);
    group.refused(AccessKeyPosition, |out| encode::place(out, perp_head(TAKER), &one(false)));
    group.refused(AccessKeyPosition, |out| encode::place(out, perp_head(TAKER), &limit(true, 1_000, 11)));
    group.trade(MAKER, TAKER, 1_000, 10);
    assert_eq!(group.held(TAKER).lots, -5, "turned, and as large as before");
    group.ok(|out| encode::set_mandate(out, TAKER, &MandateTerms { leverage: 9, ..terms() }));
    group.refused(AccessKeyLeverage, |out| encode::place(out, perp_head(TAKER), &one(true)));
    group.trade(TAKER, MAKER, 1_000, 5);
}

#[test]
fn a_keys_loss_on_a_perpetual_is_measured_at_mark() {
    let mut group = Group::perpetual();
    group.ok(|out| encode::set_mandate(out, TAKER, &MandateTerms { daily_loss: 1_000, ..terms() }));
    group.trade(TAKER, MAKER, 1_000, 10);
    group.mark(991);
    assert_eq!(group.perp(TAKER, limit(false, 900, 1)).code, 0, "900 lost");
    group.mark(990);
    group.refused(AccessKeyLoss, |out| encode::place(out, perp_head(TAKER), &limit(false, 900, 1)));
    group.trade(MAKER, TAKER, 990, 10);
    assert_eq!(group.held(TAKER).lots, 0, "it may still reduce");
}

#[test]
fn fees_of_a_perpetual_are_shared_too() {
    let mut group = shared(1_000_000);
    group.list_perpetual(1_000, 2_000);
    group.ok(|out| encode::approve_builder(out, TAKER, BUILDER, 500));
    group.ok(|out| encode::set_referrer(out, MAKER, REFERRER));
    group.perp(MAKER, limit(true, 1_000, 10));
    group.ok(|out| encode::place(out, perp_head(TAKER), &built(limit(false, 1_000, 10), 500)));
    // 100,000 traded: 250 and 100 paid; the builder has 50, the protocol 75 of 300, of 225 the maker's third its referrer.
    assert_eq!((group.balance(BUILDER, USD).0, group.balance(REFERRER, USD).0), (50, 75));
    assert_eq!(group.reserved()[..2], [150, 75]);
}

/// Every reject of this module, for the test that all are reachable.
pub fn rejects(seen: &mut BTreeSet<Reject>) {
    let bounds: [(MandateTerms, Reject); 6] = [
        (MandateTerms { rights: 1, ..terms() }, AccessKeyRight),
        (MandateTerms { expires_ms: 1, ..terms() }, AccessKeyExpired),
        (MandateTerms { order_notional: 1, ..terms() }, AccessKeyOrder),
        (MandateTerms { position_notional: 1, ..terms() }, AccessKeyPosition),
        (MandateTerms { rate: 1, ..terms() }, AccessKeyRate),
        (MandateTerms { markets: &[1], ..terms() }, AccessKeyMarket),
    ];
    for (terms, reject) in bounds {
        let group = &mut under(terms);
        group.place(MAKER, limit(false, 900, 1));
        check(group, seen, reject, |out| encode::place(out, head(MAKER), &limit(false, 900, 1)));
    }
    let group = &mut under(MandateTerms { daily_loss: 1, leverage: 2, ..terms() });
    check(group, seen, AccessKeyLeverage, |out| {
        out.extend_from_slice(&[24, 0, 10, 0, 16, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
    });
    group.sell(TAKER, 1_000, 1);
    group.buy(MAKER, 1_000, 1);
    check(group, seen, AccessKeyLoss, |out| encode::place(out, head(MAKER), &limit(false, 900, 1)));
    group.ok(|out| encode::revoke_key(out, MAKER, KEY));
    check(group, seen, AccessKeyRevoked, |out| encode::place(out, head(MAKER), &limit(false, 900, 1)));
    let foreign = PlaceOrder { builder: MAKER, ..limit(false, 900, 1) };
    check(group, seen, AccessBuilder, |out| encode::place(out, head(TAKER), &foreign));
    let group = &mut Group::perpetual();
    group.ok(|out| encode::set_capacity(out, 0));
    check(group, seen, RiskCapacity, |out| encode::place(out, perp_head(TAKER), &limit(false, 1_000, 1)));
}
