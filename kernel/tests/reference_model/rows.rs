//! Rows of PostgreSQL's binary COPY: read by hand, and made from the reference's events to compare.

use super::harness::GROUP;
use super::told::{Event, OrderView, What};
use super::wire::{Reader, POST_ONLY, SELL};

/// The values of one row of PostgreSQL's binary COPY: 1, 2, 4 and 8 bytes as numbers, anything else as text.
pub type Row = Vec<Value>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Number(i64),
    Flag(bool),
    Text(String),
}

/// Read rows whose columns have the kinds of `kinds`: n number, b flag, t text.
pub fn read_rows(bytes: &[u8], kinds: &str) -> Vec<Row> {
    let number = |bytes: &[u8]| match bytes.len() {
        1 => i64::from(bytes[0]),
        2 => i64::from(i16::from_be_bytes(bytes.try_into().unwrap())),
        4 => i64::from(i32::from_be_bytes(bytes.try_into().unwrap())),
        8 => i64::from_be_bytes(bytes.try_into().unwrap()),
        other => panic!("a number of {other} bytes"),
    };
    let mut rest = Reader(bytes);
    let mut rows = Vec::new();
    while !rest.0.is_empty() {
        let count = number(rest.take(2).unwrap());
        assert_eq!(count as usize, kinds.len(), "a row has as many columns as its table");
        let mut row = Row::new();
        for kind in kinds.chars() {
            let length = number(rest.take(4).unwrap()) as usize;
            let value = rest.take(length).unwrap();
            row.push(match kind {
                'n' => Value::Number(number(value)),
                'b' => Value::Flag(value == [1]),
                _ => Value::Text(String::from_utf8(value.to_vec()).unwrap()),
            });
        }
        rows.push(row);
    }
    rows
}

/// The row of the fills table that goes with an event, if it is a fill.
pub fn fill_row(event: &Event) -> Option<Row> {
    let What::Fill(order, fill) = &event.what else {
        return None;
    };
    let n = Value::Number;
    Some(vec![
        n(GROUP as i64),
        n(event.sequence as i64),
        n(fill.trade_id as i64),
        n(i64::from(order.market)),
        n(i64::from(event.account)),
        n(order.order_id as i64),
        Value::Text(order.client.clone()),
        n(i64::from(order.flags)),
        n(i64::from(order.flags & SELL)),
        n(i64::from(fill.role)),
        n(fill.price),
        n(fill.size),
        n(fill.notional),
        n(fill.fee),
        n(i64::from(fill.fee_asset)),
        n(i64::from(order.key)),
        n(event.time as i64),
        n(0), // the mark, which only perpetuals have
    ])
}

/// The row of the table of closed orders.
pub fn order_row(sequence: u64, account: u32, order: &OrderView, time: u64) -> Row {
    let n = Value::Number;
    vec![
        n(GROUP as i64),
        n(sequence as i64),
        n(order.order_id as i64),
        n(i64::from(account)),
        n(i64::from(order.market)),
        Value::Text(order.client.clone()),
        n(i64::from(order.flags)),
        n(i64::from(order.flags & SELL)),
        n(i64::from(order.order_type)),
        n(i64::from(order.stp)),
        n(i64::from(order.tif)),
        Value::Flag(order.flags & POST_ONLY != 0),
        n(order.price),
        n(order.size),
        n(order.filled),
        n(order.filled_quote),
        n(order.fee),
        n(i64::from(order.state)),
        n(i64::from(order.reason)),
        n(i64::from(order.key)),
        n(order.created as i64),
        n(time as i64),
    ]
}
