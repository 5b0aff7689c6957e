//! What queries answer, worked out from the reference.

use exchange_kernel::Kernel;
use serde_json::{json, Value};

use super::harness::query;
use super::model::{Model, Order};
use super::wire::{POST_ONLY, REDUCE_ONLY};

fn order_json(order: &Order) -> Value {
    json!({
        "order_id": order.id, "account": order.account, "market": order.market,
        "client_id": String::from_utf8(order.client.clone()).unwrap(),
        "side": u8::from(order.is_sell()), "order_type": order.order_type, "tif": order.tif,
        "post_only": order.flags & POST_ONLY != 0, "reduce_only": order.flags & REDUCE_ONLY != 0, "no_side": false,
        "stp": order.stp, "state": 1, "reason": 0, "key": order.key,
        "price_ticks": order.price, "size_lots": order.size, "filled_lots": order.filled,
        "remaining_lots": order.remaining(), "filled_quote": order.filled_quote, "fee": order.fee,
        "created_ms": order.created, "closed_ms": 0, "expires_ms": order.expires,
    })
}

/// Compare accounts, open orders, tapes and remembered client ids.
pub fn compare(kernel: &Kernel, model: &Model) {
    for (number, account) in &model.accounts {
        let answer = query(kernel, &format!(r#"{{"q":"account","account":{number}}}"#));
        let mut orders: Vec<&Order> = model.orders.iter().filter(|o| o.account == *number).collect();
        orders.sort_by_key(|o| o.id);
        let orders: Vec<Value> = orders.into_iter().map(order_json).collect();
        assert_eq!(answer["orders"], json!(orders), "open orders of {number}");
        for (name, value) in [
            ("owner", json!(account.owner)),
            ("tier", json!(account.tier)),
            ("flags", json!(account.flags)),
            ("cancel_all_after_ms", json!(account.cancel_at)),
        ] {
            assert_eq!(answer[name], value, "{name} of {number}");
        }
    }
    for (number, market) in model.markets.iter().enumerate() {
        let answer = query(kernel, &format!(r#"{{"q":"trades","market":{number},"limit":500}}"#));
        let tape = market.trades.iter().rev().take(500);
        let tape: Vec<Value> = tape.map(|t| json!([t.id, t.price, t.lots, t.taker_side, t.time])).collect();
        assert_eq!(answer["trades"], json!(tape), "tape of market {number}");
        let answer = query(kernel, &format!(r#"{{"q":"market","market":{number}}}"#));
        assert_eq!(answer["market"]["last_ticks"], market.last);
        assert_eq!(answer["market"]["phase"], market.phase);
    }
    for memory in model.clients.iter().rev().take(20) {
        let client = String::from_utf8(memory.client.clone()).unwrap();
        let question = json!({"q": "order", "account": memory.account, "client_id": client});
        let answer = query(kernel, &question.to_string());
        let order = &answer["order"];
        assert_eq!(order["order_id"], memory.order_id, "client id {client}: {answer}");
        assert_eq!(order["state"], memory.state, "client id {client}: {answer}");
        let filled = model.order(memory.order_id).map_or(memory.filled, |open| open.filled);
        assert_eq!(order["filled_lots"], filled, "client id {client}: {answer}");
    }
}
