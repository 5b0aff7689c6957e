//! Rows in PostgreSQL's binary COPY form: a 16-bit count of columns, then for each a 32-bit length and the value, big-endian.
//! Header and trailer are the caller's. Column lists here are the truth for the tables that receive them.

use crate::output::{FillView, OrderView, Stamp};
use crate::wire::flag;

/// Columns of `fills_copy`, with their PostgreSQL types.
pub const FILL_COLUMNS: [(&str, &str); 16] = [
    ("group_id", "bigint"),
    ("sequence", "bigint"),
    ("trade_id", "bigint"),
    ("market", "integer"),
    ("account", "bigint"),
    ("order_id", "bigint"),
    ("client_id", "text"),
    ("side", "smallint"),
    ("role", "smallint"),
    ("price_ticks", "bigint"),
    ("size_lots", "bigint"),
    ("notional", "bigint"),
    ("fee", "bigint"),
    ("fee_asset", "integer"),
    ("key", "bigint"),
    ("time_ms", "bigint"),
];

/// Columns of `orders_copy`.
pub const ORDER_COLUMNS: [(&str, &str); 20] = [
    ("group_id", "bigint"),
    ("sequence", "bigint"),
    ("order_id", "bigint"),
    ("account", "bigint"),
    ("market", "integer"),
    ("client_id", "text"),
    ("side", "smallint"),
    ("order_type", "smallint"),
    ("tif", "smallint"),
    ("post_only", "boolean"),
    ("price_ticks", "bigint"),
    ("size_lots", "bigint"),
    ("filled_lots", "bigint"),
    ("filled_quote", "bigint"),
    ("fee", "bigint"),
    ("state", "smallint"),
    ("reason", "smallint"),
    ("key", "bigint"),
    ("created_ms", "bigint"),
    ("closed_ms", "bigint"),
];

/// A row under construction on the stack; one append at the end.
struct Row {
    bytes: [u8; 352],
    length: usize,
}

impl Row {
    #[inline]
    fn new(columns: usize) -> Row {
        let mut row = Row { bytes: [0; 352], length: 2 };
        row.bytes[..2].copy_from_slice(&(columns as u16).to_be_bytes());
        row
    }

    #[inline]
    fn put(&mut self, value: &[u8]) {
        let at = self.length;
        self.bytes[at..at + 4].copy_from_slice(&(value.len() as u32).to_be_bytes());
        self.bytes[at + 4..at + 4 + value.len()].copy_from_slice(value);
        self.length = at + 4 + value.len();
    }

    #[inline]
    fn bigint(&mut self, value: i64) {
        self.put(&value.to_be_bytes());
    }

    #[inline]
    fn integer(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    #[inline]
    fn smallint(&mut self, value: u8) {
        self.put(&u16::from(value).to_be_bytes());
    }
}

#[inline]
pub fn fill_row(out: &mut Vec<u8>, stamp: Stamp, order: OrderView, fill: FillView) {
    let mut row = Row::new(FILL_COLUMNS.len());
    row.bigint(stamp.group as i64);
    row.bigint(stamp.sequence as i64);
    row.bigint(fill.trade_id as i64);
    row.integer(u32::from(order.node.market));
    row.bigint(i64::from(order.account));
    row.bigint(order.cold.order_id as i64);
    row.put(order.cold.client_text());
    row.smallint(order.node.flags & flag::SELL);
    row.smallint(fill.role);
    row.bigint(fill.price);
    row.bigint(fill.lots);
    row.bigint(fill.notional);
    row.bigint(fill.fee);
    row.integer(fill.fee_asset);
    row.bigint(i64::from(order.cold.key));
    row.bigint(stamp.now_ms as i64);
    out.extend_from_slice(&row.bytes[..row.length]);
}

#[inline]
pub fn order_row(out: &mut Vec<u8>, stamp: Stamp, order: OrderView) {
    let (node, cold) = (order.node, order.cold);
    let mut row = Row::new(ORDER_COLUMNS.len());
    row.bigint(stamp.group as i64);
    row.bigint(stamp.sequence as i64);
    row.bigint(cold.order_id as i64);
    row.bigint(i64::from(order.account));
    row.integer(u32::from(node.market));
    row.put(cold.client_text());
    row.smallint(node.flags & flag::SELL);
    row.smallint(cold.order_type);
    row.smallint(cold.tif);
    row.put(&[u8::from(node.flags & flag::POST_ONLY != 0)]);
    row.bigint(node.price);
    row.bigint(cold.size);
    row.bigint(cold.filled);
    row.bigint(cold.filled_quote);
    row.bigint(cold.fee);
    row.smallint(order.state);
    row.smallint(order.reason);
    row.bigint(i64::from(cold.key));
    row.bigint(cold.created_ms as i64);
    row.bigint(stamp.now_ms as i64);
    out.extend_from_slice(&row.bytes[..row.length]);
}
