//! Rows in PostgreSQL's binary COPY form: a 16-bit count of columns, then for each a 32-bit length and the value, big-endian.
//! Header and trailer are the caller's. Column lists here are the truth for the tables that receive them.

use crate::output::{append, FillView, OrderView, Stamp};
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

/// Columns of known width being written one after the other; all offsets are constants once inlined.
struct Columns<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Columns<N> {
    #[inline(always)]
    fn new() -> Self {
        Columns { bytes: [0; N], length: 0 }
    }

    #[inline(always)]
    fn put<const W: usize>(&mut self, value: [u8; W]) {
        let at = self.length;
        self.bytes[at..at + 4].copy_from_slice(&(W as u32).to_be_bytes());
        self.bytes[at + 4..at + 4 + W].copy_from_slice(&value);
        self.length = at + 4 + W;
    }

    #[inline(always)]
    fn bigint(&mut self, value: i64) {
        self.put(value.to_be_bytes());
    }

    #[inline(always)]
    fn integer(&mut self, value: u32) {
        self.put(value.to_be_bytes());
    }

    #[inline(always)]
    fn smallint(&mut self, value: u8) {
        self.put(u16::from(value).to_be_bytes());
    }
}

/// The count of columns and the columns before the client id, the client id, and the columns behind it.
#[inline(always)]
fn row<const A: usize, const B: usize>(
    out: &mut Vec<u8>,
    columns: usize,
    order: OrderView,
    before: &Columns<A>,
    after: &Columns<B>,
) {
    debug_assert!(before.length == A && after.length == B);
    out.reserve(2 + A + 36 + B);
    out.extend_from_slice(&(columns as u16).to_be_bytes());
    out.extend_from_slice(&before.bytes);
    out.extend_from_slice(&u32::from(order.cold.client_len).to_be_bytes());
    append(out, &order.cold.client_id, order.cold.client_len as usize);
    out.extend_from_slice(&after.bytes);
}

pub fn fill_row(out: &mut Vec<u8>, stamp: Stamp, order: OrderView, fill: FillView) {
    let mut before = Columns::<{ 5 * 12 + 8 }>::new();
    before.bigint(stamp.group as i64);
    before.bigint(stamp.sequence as i64);
    before.bigint(fill.trade_id as i64);
    before.integer(u32::from(order.node.market));
    before.bigint(i64::from(order.account));
    before.bigint(order.cold.order_id as i64);
    let mut after = Columns::<{ 2 * 6 + 6 * 12 + 8 }>::new();
    after.smallint(order.node.flags & flag::SELL);
    after.smallint(fill.role);
    after.bigint(fill.price);
    after.bigint(fill.lots);
    after.bigint(fill.notional);
    after.bigint(fill.fee);
    after.integer(fill.fee_asset);
    after.bigint(i64::from(order.cold.key));
    after.bigint(stamp.now_ms as i64);
    row(out, FILL_COLUMNS.len(), order, &before, &after);
}

pub fn order_row(out: &mut Vec<u8>, stamp: Stamp, order: OrderView) {
    let (node, cold) = (order.node, order.cold);
    let mut before = Columns::<{ 4 * 12 + 8 }>::new();
    before.bigint(stamp.group as i64);
    before.bigint(stamp.sequence as i64);
    before.bigint(cold.order_id as i64);
    before.bigint(i64::from(order.account));
    before.integer(u32::from(node.market));
    let mut after = Columns::<{ 5 * 6 + 5 + 8 * 12 }>::new();
    after.smallint(node.flags & flag::SELL);
    after.smallint(cold.order_type);
    after.smallint(cold.tif);
    after.put([u8::from(node.flags & flag::POST_ONLY != 0)]);
    after.bigint(node.price);
    after.bigint(cold.size);
    after.bigint(cold.filled);
    after.bigint(cold.filled_quote);
    after.bigint(cold.fee);
    after.smallint(order.state);
    after.smallint(order.reason);
    after.bigint(i64::from(cold.key));
    after.bigint(cold.created_ms as i64);
    after.bigint(stamp.now_ms as i64);
    row(out, ORDER_COLUMNS.len(), order, &before, &after);
}
