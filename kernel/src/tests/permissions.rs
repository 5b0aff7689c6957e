//! Flags of accounts: frozen, and reduce-only in the markets of a kind. Cancels and what reduces always pass.

use super::perpetuals::perp_head;
use super::*;
use crate::accounts::{ACCOUNT_FLAGS, FROZEN, NO_WITHDRAWALS, REDUCE_ONLY, REDUCE_PERPETUAL, REDUCE_SPOT};
use crate::algo::encode::{place_trigger, AlgoOrder, LegOrder};
use crate::wire::flag;

fn bind(group: &mut Group, account: u32, owner: u64, flags: u16) {
    group.ok(|out| encode::account(out, kind::SET_ACCOUNT, account, owner, 0, flags));
}

fn reducing(order: PlaceOrder<'static>) -> PlaceOrder<'static> {
    PlaceOrder { reduce_only: true, ..order }
}

#[test]
fn flags_there_are_none_of_are_refused() {
    let mut group = Group::new();
    for flags in [ACCOUNT_FLAGS + 1, 64, u16::MAX] {
        group.refused(Reject::InputParameter, |out| {
            encode::account(out, kind::SET_ACCOUNT, MAKER, 1, 0, flags);
        });
    }
    bind(&mut group, MAKER, 1, ACCOUNT_FLAGS);
}

#[test]
fn on_spot_it_sells_and_cancels_but_does_not_buy() {
    let mut group = Group::new();
    let bid = group.buy(MAKER, 900, 5);
    let ask = group.sell(MAKER, 1_100, 5);
    bind(&mut group, MAKER, 1, REDUCE_SPOT);
    group.refused(Reject::AccessReduceOnly, |out| encode::place(out, head(MAKER), &limit(false, 900, 1)));
    let budget = PlaceOrder { quote_size: true, ..market_order(false, 10_000) };
    group.refused(Reject::AccessReduceOnly, |out| encode::place(out, head(MAKER), &budget));
    group.refused(Reject::AccessReduceOnly, |out| {
        encode::amend(out, head(MAKER), &by_id(bid), 910, 0, false);
    });
    assert_eq!(group.amend(MAKER, bid, 0, 4).code, 0, "smaller at its place");
    assert_eq!(group.amend(MAKER, ask, 1_050, 6).code, 0, "a sell may be changed");
    assert_eq!(group.cancel(MAKER, bid).code, 0);
    group.buy(TAKER, 1_000, 3);
    assert_eq!(group.place(MAKER, limit(true, 1_000, 3)).filled, 3);
}

#[test]
fn only_the_kind_that_is_bound_is_bound() {
    let mut group = Group::perpetual();
    bind(&mut group, TAKER, 2, REDUCE_PERPETUAL);
    assert_eq!(group.place(TAKER, limit(false, 900, 1)).code, 0, "spot is free");
    group.refused(Reject::AccessReduceOnly, |out| {
        encode::place(out, perp_head(TAKER), &limit(true, 1_000, 1));
    });
    bind(&mut group, TAKER, 2, REDUCE_SPOT);
    assert_eq!(group.perp(TAKER, limit(true, 1_000, 1)).code, 0, "perpetuals are free");
}

#[test]
fn a_position_can_be_closed_and_not_turned() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 10);
    bind(&mut group, TAKER, 2, REDUCE_ONLY);
    let mut refused = |order: PlaceOrder<'static>, reject| {
        group.refused(reject, |out| encode::place(out, perp_head(TAKER), &order));
    };
    refused(limit(false, 1_000, 1), Reject::AccessReduceOnly);
    refused(limit(true, 1_000, 10), Reject::AccessReduceOnly);
    refused(reducing(limit(true, 1_000, 11)), Reject::RiskReduceOnly);
    group.perp(MAKER, limit(false, 1_000, 20));
    group.refused(Reject::AccessReduceOnly, |out| encode::close_position(out, perp_head(TAKER), 0, true, 0));
    assert_eq!(group.perp(TAKER, reducing(limit(true, 1_000, 4))).filled, 4);
    group.ok(|out| encode::close_position(out, perp_head(TAKER), 0, false, 0));
    assert_eq!(group.held(TAKER).lots, 0);
}

#[test]
fn margin_can_be_added_and_money_taken_home() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 10);
    bind(&mut group, TAKER, 2, REDUCE_ONLY);
    group.deposit(TAKER, USD, 5);
    let (id, now_ms) = (9_999, group.now_ms);
    group.ok(|out| encode::transfer(out, kind::WITHDRAW, TAKER, USD, 5, id, now_ms));
    bind(&mut group, TAKER, 2, REDUCE_ONLY | NO_WITHDRAWALS);
    group.refused(Reject::AccessNoWithdrawals, |out| {
        encode::transfer(out, kind::WITHDRAW, TAKER, USD, 5, id + 1, now_ms);
    });
}

#[test]
fn an_order_that_would_add_can_only_shrink() {
    let mut group = Group::perpetual();
    let rested = group.perp(TAKER, limit(false, 990, 10)).order_id;
    bind(&mut group, TAKER, 2, REDUCE_ONLY);
    let amend = |out: &mut Vec<u8>, price, size| {
        encode::amend(out, perp_head(TAKER), &by_id(rested), price, size, false);
    };
    group.refused(Reject::AccessReduceOnly, |out| amend(out, 995, 0));
    group.refused(Reject::AccessReduceOnly, |out| amend(out, 0, 11));
    group.ok(|out| amend(out, 0, 3));
    group.ok(|out| encode::cancel(out, perp_head(TAKER), &by_id(rested)));
}

#[test]
fn liquidation_does_not_ask() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 900);
    group.perp(MAKER, limit(false, 905, 900));
    bind(&mut group, TAKER, 2, REDUCE_ONLY | FROZEN);
    group.mark(905);
    group.tick();
    assert!(group.held(TAKER).lots < 900, "the waterfall has closed some of it");
}

#[test]
fn algo_orders_are_held_to_it_when_they_come_and_when_they_fire() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 10);
    let stop = |sell, reduce_only| AlgoOrder { sell, reduce_only, size_lots: 5, ..AlgoOrder::default() };
    let falls = LegOrder { trigger_ticks: 990, ..LegOrder::default() };
    group.ok(|out| place_trigger(out, perp_head(TAKER), &stop(true, true), &falls));
    bind(&mut group, TAKER, 2, REDUCE_ONLY);
    group.refused(Reject::AccessReduceOnly, |out| {
        place_trigger(out, perp_head(TAKER), &stop(true, false), &falls);
    });
    group.ok(|out| place_trigger(out, perp_head(TAKER), &stop(true, true), &falls));
    group.perp(MAKER, limit(false, 989, 20));
    assert_eq!(group.perp(TAKER, reducing(limit(true, 989, 1))).filled, 1);
    group.tick();
    assert_eq!(group.held(TAKER).lots, 0, "both stops have closed what was left");
}

#[test]
fn sets_are_merged_and_not_split() {
    let mut group = Group::event(3);
    let whole = Head { account: TAKER, market: 0, key: 5 };
    group.ok(|out| encode::sets(out, kind::SPLIT, whole, 0, 4));
    bind(&mut group, TAKER, 2, REDUCE_ONLY);
    group.refused(Reject::AccessReduceOnly, |out| encode::sets(out, kind::SPLIT, whole, 0, 1));
    group.ok(|out| encode::sets(out, kind::MERGE, whole, 0, 1));
    let there = Head { market: 1, ..whole };
    group.refused(Reject::AccessReduceOnly, |out| encode::place(out, there, &limit(true, 4_000, 3)));
    group.ok(|out| encode::place(out, there, &reducing(limit(true, 4_000, 3))));
}

#[test]
fn flags_live_in_the_snapshot() {
    let mut group = Group::perpetual();
    bind(&mut group, TAKER, 2, REDUCE_ONLY);
    let mut restored = Kernel::restore(&group.kernel.snapshot()).expect("a whole snapshot");
    assert_eq!(restored.state_root(), group.kernel.state_root());
    let mut frame = Vec::new();
    encode::place(&mut frame, perp_head(TAKER), &limit(false, 1_000, 1));
    assert_eq!(frame[3] & flag::REDUCE_ONLY, 0);
    restored.apply(&frame, group.now_ms);
    assert_eq!(Ack::read(&restored.output().acks).code, Reject::AccessReduceOnly as u16);
}
