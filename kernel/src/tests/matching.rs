//! Price and time, order types, self-trades, amends: drawn books.

use super::*;
use crate::codes::{reason, state};
use crate::wire::{FOK, GTD, STP_CANCEL_BOTH, STP_CANCEL_TAKER};

/// Two asks and two bids of the maker.
fn ladder() -> Group {
    let mut group = Group::new();
    group.sell(MAKER, 1_010, 10);
    group.sell(MAKER, 1_010, 5);
    group.sell(MAKER, 1_020, 7);
    group.buy(MAKER, 990, 4);
    group.buy(MAKER, 980, 6);
    group.draws("1020: 7 x1\n1010: 15 x2\n--\n990: 4 x1\n980: 6 x1");
    group
}

#[test]
fn a_taker_sweeps_price_first_then_time() {
    let mut group = ladder();
    let ack = group.place(TAKER, limit(false, 1_020, 18));
    assert_eq!((ack.state, ack.filled, ack.remaining), (state::FILLED, 18, 0));
    group.draws("1020: 4 x1\n--\n990: 4 x1\n980: 6 x1");
    let trades: Vec<(i64, i64)> =
        group.kernel.output().trades.iter().map(|t| (t.1.price, t.1.lots)).collect();
    assert_eq!(trades, [(1_010, 10), (1_010, 5), (1_020, 3)]);
}

#[test]
fn money_of_a_trade() {
    let mut group = Group::new();
    group.sell(MAKER, 1_000, 3);
    assert_eq!(group.balance(MAKER, BTC), (RICH, 3_000));
    group.buy(TAKER, 1_001, 3);
    // Notional 30,000: taker 60, maker 30, of 90 a quarter (floor 22) to the protocol.
    assert_eq!(group.balance(TAKER, USD), (RICH - 30_060, 0));
    assert_eq!(group.balance(TAKER, BTC), (RICH + 3_000, 0));
    assert_eq!(group.balance(MAKER, USD), (RICH + 29_970, 0));
    assert_eq!(group.balance(MAKER, BTC), (RICH - 3_000, 0));
    assert_eq!(group.reserved(), [68, 22, 0, 0]);
}

#[test]
fn roundings_go_to_dust_once_per_order() {
    let mut group = Group::new();
    group.sell(MAKER, 777, 10);
    for _ in 0..10 {
        group.buy(TAKER, 777, 1);
    }
    // Each buy of notional 7,770 pays ceil(15.54) = 16; the maker pays ceil(77.70) = 78 in all.
    assert_eq!(group.balance(TAKER, USD).0, RICH - 77_700 - 160);
    assert_eq!(group.balance(MAKER, USD).0, RICH + 77_700 - 78);
    assert_eq!(group.reserved().iter().sum::<i64>(), 238);
    assert_eq!(group.reserved()[3], 238 - 10 * 23, "of each fill 23.31 is earned");
}

#[test]
fn a_buy_holds_notional_and_fee() {
    let mut group = Group::new();
    let id = group.buy(MAKER, 777, 3);
    assert_eq!(group.balance(MAKER, USD), (RICH, 23_310 + 47));
    group.cancel(MAKER, id);
    assert_eq!(group.balance(MAKER, USD), (RICH, 0));
}

#[test]
fn immediate_orders_never_rest() {
    let mut group = ladder();
    let ioc = group.place(TAKER, PlaceOrder { tif: IOC, ..limit(false, 1_010, 20) });
    assert_eq!((ioc.state, ioc.reason, ioc.filled), (state::CANCELLED, reason::IOC, 15));
    let fok = group.place(TAKER, PlaceOrder { tif: FOK, ..limit(false, 1_020, 8) });
    assert_eq!((fok.state, fok.reason, fok.filled), (state::CANCELLED, reason::FOK, 0));
    group.draws("1020: 7 x1\n--\n990: 4 x1\n980: 6 x1");
    let whole = group.place(TAKER, PlaceOrder { tif: FOK, ..limit(false, 1_020, 7) });
    assert_eq!((whole.state, whole.filled), (state::FILLED, 7));
}

#[test]
fn post_only_that_would_take_is_cancelled() {
    let mut group = ladder();
    let ack = group.place(TAKER, PlaceOrder { post_only: true, ..limit(false, 1_010, 1) });
    assert_eq!((ack.code, ack.state, ack.reason), (0, state::CANCELLED, reason::POST_ONLY));
    let rests = group.place(TAKER, PlaceOrder { post_only: true, ..limit(false, 1_009, 1) });
    assert_eq!(rests.state, state::OPEN);
    let moved = group.amend(TAKER, rests.order_id, 1_010, 0);
    assert_eq!((moved.state, moved.reason), (state::CANCELLED, reason::POST_ONLY));
    group.draws("1020: 7 x1\n1010: 15 x2\n--\n990: 4 x1\n980: 6 x1");
}

#[test]
fn a_market_order_stops_at_its_slippage() {
    let mut group = Group::new();
    group.sell(MAKER, 1_000, 1);
    group.sell(MAKER, 1_100, 1);
    group.sell(MAKER, 1_101, 1);
    let ack = group.place(TAKER, market_order(false, 3));
    assert_eq!((ack.filled, ack.state, ack.reason), (2, state::CANCELLED, reason::IOC));
    group.draws("1101: 1 x1\n--");
}

#[test]
fn a_market_buy_sized_in_quote_spends_no_more() {
    let mut group = Group::new();
    group.sell(MAKER, 1_000, 100);
    // A lot costs 10,000 and 20 of fee; 50,099 buys four and leaves 10,019.
    let ack = group.place(TAKER, PlaceOrder { quote_size: true, ..market_order(false, 50_099) });
    assert_eq!((ack.filled, ack.state), (4, state::FILLED));
    assert_eq!(group.balance(TAKER, USD), (RICH - 40_080, 0));
}

#[test]
fn self_trades_in_three_modes() {
    let book = "1010: 3 x1\n--";
    let take = |stp| PlaceOrder { stp, ..limit(false, 1_010, 5) };
    let mut group = Group::new();
    group.sell(MAKER, 1_010, 3);
    group.draws(book);
    let ack = group.place(SIBLING, take(0));
    assert_eq!((ack.state, ack.remaining), (state::OPEN, 5));
    group.draws("--\n1010: 5 x1");

    let mut group = Group::new();
    group.sell(MAKER, 1_010, 3);
    let ack = group.place(SIBLING, take(STP_CANCEL_TAKER));
    assert_eq!((ack.state, ack.reason), (state::CANCELLED, reason::SELF_TRADE));
    group.draws(book);

    let ack = group.place(MAKER, take(STP_CANCEL_BOTH));
    assert_eq!((ack.state, ack.reason), (state::CANCELLED, reason::SELF_TRADE));
    group.draws("--");
    assert_eq!(group.kernel.output().trade_count, 0);
}

#[test]
fn a_smaller_size_keeps_the_place_in_the_queue() {
    let mut group = Group::new();
    let first = group.sell(MAKER, 1_010, 10);
    group.sell(SIBLING, 1_010, 10);
    group.amend(MAKER, first, 0, 4);
    group.place(TAKER, limit(false, 1_010, 5));
    assert_eq!(group.kernel.ids.get(first), None, "the first filled first");
    group.draws("1010: 9 x1\n--");

    let mut group = Group::new();
    let first = group.sell(MAKER, 1_010, 10);
    group.sell(SIBLING, 1_010, 10);
    let ack = group.amend(MAKER, first, 0, 11);
    assert_eq!((ack.order_id, ack.remaining), (first, 11));
    group.place(TAKER, limit(false, 1_010, 10));
    assert!(group.kernel.ids.get(first).is_some(), "the larger one went to the end");
    group.draws("1010: 11 x1\n--");
}

#[test]
fn an_amended_price_may_take() {
    let mut group = ladder();
    let id = group.buy(TAKER, 1_000, 12);
    let ack = group.amend(TAKER, id, 1_010, 20);
    assert_eq!((ack.order_id, ack.filled, ack.remaining), (id, 15, 5));
    group.draws("1020: 7 x1\n--\n1010: 5 x1\n990: 4 x1\n980: 6 x1");
    let total = group.amend(TAKER, id, 0, 18);
    assert_eq!((total.filled, total.remaining), (15, 3));
}

#[test]
fn an_expired_maker_is_cancelled_not_filled() {
    let mut group = Group::new();
    let expires_ms = START_MS + 10;
    group.place(MAKER, PlaceOrder { tif: GTD, expires_ms, ..limit(true, 1_000, 5) });
    assert_eq!(group.kernel.next_timer_ms(), Some(expires_ms));
    group.now_ms = expires_ms;
    let ack = group.place(TAKER, limit(false, 1_000, 5));
    assert_eq!((ack.state, ack.filled), (state::OPEN, 0));
    group.draws("--\n1000: 5 x1");
    assert_eq!(group.kernel.next_timer_ms(), None);
}

#[test]
fn one_command_matches_only_so_many() {
    let mut group = Group::new();
    for _ in 0..51 {
        group.sell(MAKER, 1_000, 1);
    }
    let ack = group.place(TAKER, limit(false, 1_000, 60));
    assert_eq!((ack.filled, ack.state, ack.reason), (50, state::CANCELLED, reason::MATCH_LIMIT));
    group.draws("1000: 1 x1\n--");
}

#[test]
fn prices_far_from_the_touch_are_matched_too() {
    let mut group = Group::new();
    for price in [600, 100, 1] {
        group.buy(MAKER, price, 1);
    }
    for price in [1_000, 9_000, 900_000] {
        group.sell(MAKER, price, 1);
    }
    group.draws("900000: 1 x1\n9000: 1 x1\n1000: 1 x1\n--\n600: 1 x1\n100: 1 x1\n1: 1 x1");
    group.buy(TAKER, 1_000, 1);
    group.draws("900000: 1 x1\n9000: 1 x1\n--\n600: 1 x1\n100: 1 x1\n1: 1 x1");
}
