//! What a batch hands out: events, rows, dirty marks, deltas, answers, bulk entry.

use serde_json::{json, Value};

use super::*;
use crate::bulk::{decode_bulk, render_bulk, Instrument, Instruments};
use crate::codes::state;
use crate::events::Body;

fn ask(group: &Group, question: Value) -> Value {
    let answer = group.kernel.query(question.to_string().as_bytes());
    serde_json::from_slice(&answer).expect("answers are JSON")
}

#[test]
fn a_trade_is_told_to_both_sides() {
    let mut group = Group::new();
    let maker = group.sell(MAKER, 1_000, 3);
    group.place(TAKER, PlaceOrder { client_id: b"take", ..limit(false, 1_000, 2) });
    let events = group.events();
    let [first, second, balances @ ..] = events.as_slice() else { panic!("two fills and the balances") };
    let (Body::Fill(order, fill), Body::Fill(taken, taking)) = (&first.body, &second.body) else {
        panic!("fills come first")
    };
    assert_eq!(
        (first.account, order.order_id, order.state, order.filled_lots),
        (MAKER, maker, state::OPEN, 2)
    );
    assert_eq!((fill.role, fill.fee, fill.notional), (0, 20, 20_000));
    assert_eq!((second.account, taken.client_id.as_str(), taken.state), (TAKER, "take", state::FILLED));
    assert_eq!((taking.role, taking.fee, taking.trade_id), (1, 40, fill.trade_id));
    assert_eq!(balances.len(), 4);
    let out = group.kernel.output();
    assert_eq!((out.fills_count, out.orders_count, &out.dirty_markets), (2, 1, &vec![0]));
    assert_eq!(out.fills[..2], [0, 18], "18 columns");
    assert_eq!(out.orders[..2], [0, 22], "22 columns");
    assert_eq!(group.kernel.dirty_accounts(), [TAKER, MAKER]);
    let (_, candle) = group.kernel.touched_candles()[0];
    assert_eq!(
        (candle.open, candle.close, candle.lots, candle.quote, candle.trades),
        (1_000, 1_000, 2, 20_000, 1)
    );
}

#[test]
fn deltas_add_up_to_the_book() {
    let mut group = Group::new();
    group.buy(MAKER, 990, 5);
    let whole = group.kernel.book_delta(0, 400, false).expect("the market is listed");
    assert_eq!((whole.prev, whole.checkpoint, whole.bids), (-1, true, vec![(990, 5, 1)]));
    let id = group.buy(MAKER, 991, 1);
    group.buy(MAKER, 990, 2);
    let delta = group.kernel.book_delta(0, 400, false).expect("the market is listed");
    assert_eq!((delta.prev, delta.bids), (whole.seq, vec![(991, 1, 1), (990, 7, 2)]));
    group.cancel(MAKER, id);
    let gone = group.kernel.book_delta(0, 400, false).expect("the market is listed");
    assert_eq!((gone.prev, gone.checkpoint, gone.bids.clone()), (delta.seq, false, vec![(991, 0, 0)]));
    assert_eq!(group.kernel.published_book(0).map(|book| book.bids.clone()), Some(vec![(990, 7, 2)]));
}

#[test]
fn answers_about_orders() {
    let mut group = Group::new();
    let id = group.place(MAKER, PlaceOrder { client_id: b"q", ..limit(false, 900, 2) }).order_id;
    let open = ask(&group, json!({"q": "order", "account": MAKER, "client_id": "q"}));
    assert_eq!((&open["order"]["order_id"], &open["order"]["state"]), (&json!(id), &json!(1)));
    group.sell(TAKER, 900, 2);
    let filled = ask(&group, json!({"q": "order", "account": MAKER, "client_id": "q"}));
    assert_eq!((&filled["order"]["summary"], &filled["order"]["filled_lots"]), (&json!(true), &json!(2)));
    let other = ask(&group, json!({"q": "order", "account": TAKER, "order_id": id}));
    assert_eq!(other["error"], json!("MATCHING_ORDER_UNKNOWN"));
    let cancelled = group.buy(MAKER, 901, 1);
    group.cancel(MAKER, cancelled);
    let closed = ask(&group, json!({"q": "closed", "account": MAKER}));
    assert_eq!(closed["orders"][0]["order_id"], json!(cancelled));
    assert_eq!(ask(&group, json!({"q": "trades", "market": 0}))["trades"].as_array().map(Vec::len), Some(1));
    assert_eq!(ask(&group, json!(["nonsense"]))["error"], json!("INPUT_QUERY"));
}

#[test]
fn a_preview_says_what_would_happen() {
    let mut group = Group::new();
    group.sell(MAKER, 1_000, 2);
    group.sell(MAKER, 1_010, 2);
    let question = json!({"q": "preview", "account": TAKER, "market": 0, "side": 0, "order_type": 0,
        "price_ticks": 1_010, "size_lots": 5});
    let preview = ask(&group, question);
    assert_eq!(preview["filled_lots"], json!(4));
    assert_eq!(preview["average_price_ppm"], json!(1_005_000_000));
    assert_eq!((&preview["notional"], &preview["fee"]), (&json!(40_200), &json!(81)));
    assert_eq!((&preview["resting_lots"], &preview["hold"]), (&json!(1), &json!(10_121)));
    group.draws("1010: 2 x1\n1000: 2 x1\n--");
}

#[test]
fn a_bulk_body_is_answered_item_by_item() {
    let mut group = Group::new();
    let mut instruments = Instruments::default();
    let instrument =
        Instrument { market: 0, price_scale: 2, tick_units: 1, size_scale: 5, lot_units: 1, quote_scale: 6 };
    instruments.add("BTC-USD", instrument);
    let body = json!({"items": [
        {"op": "place", "instId": "BTC-USD", "side": "buy", "ordType": "limit", "px": "9.50", "sz": "0.00003", "clOrdId": "b1"},
        {"op": "amend", "instId": "BTC-USD", "clOrdId": "b1", "newSz": "0.00002"},
        {"op": "place", "instId": "BTC-USD", "side": "buy", "ordType": "limit", "px": "9.505", "sz": "0.00003"},
        {"op": "place", "instId": "BTC-USD", "side": "buy", "ordType": "limit", "px": 9.5, "sz": "0.00003"},
        {"op": "cancel", "instId": "BTC-USD", "clOrdId": "b1"},
        {"op": "cancel", "instId": "BTC-USD", "clOrdId": "b1"},
    ]});
    let bulk = decode_bulk(body.to_string().as_bytes(), &instruments, MAKER, 9, 0, 10).expect("a body");
    assert_eq!((bulk.items(), bulk.count, bulk.errors().len()), (6, 4, 2));
    group.kernel.apply(&bulk.packed, START_MS);
    let answer = render_bulk(&group.kernel.output().acks, &bulk).expect("as many acks as commands");
    let answer: Value = serde_json::from_slice(&answer).expect("answers are JSON");
    let codes: Vec<&str> =
        answer["data"].as_array().into_iter().flatten().filter_map(|row| row["sCode"].as_str()).collect();
    assert_eq!(codes, ["0", "0", "51000", "50002", "0", "51400"]);
    assert_eq!((&answer["code"], &answer["data"][0]["ordId"]), (&json!("2"), &json!("1")));
}
