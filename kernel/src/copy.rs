//! Rows in PostgreSQL's binary COPY form: a 16-bit count of columns, then for each a 32-bit length and the
//! value, big-endian. Header and trailer are the caller's. Column lists here are the truth for the tables
//! that receive them.

use crate::output::{FillView, OrderView, Stamp};
use crate::pen::Pen;
use crate::slab::Cold;
use crate::wire::{flag, MAX_CLIENT_ID};

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

/// Longest row there can be, client id included.
const MAX_ROW: usize = 512;

/// One row being written, column after column.
pub(crate) struct Row<'a> {
    pen: Pen<'a>,
}

impl<'a> Row<'a> {
    #[inline(always)]
    pub fn begin(out: &'a mut Vec<u8>, columns: usize) -> Row<'a> {
        let mut pen = Pen::begin(out, MAX_ROW);
        pen.put((columns as u16).to_be_bytes());
        Row { pen }
    }

    #[inline(always)]
    pub fn bigint(&mut self, value: i64) {
        self.pen.put(8u32.to_be_bytes());
        self.pen.put(value.to_be_bytes());
    }

    #[inline(always)]
    pub fn integer(&mut self, value: u32) {
        self.pen.put(4u32.to_be_bytes());
        self.pen.put(value.to_be_bytes());
    }

    #[inline(always)]
    pub fn smallint(&mut self, value: u8) {
        self.pen.put([0, 0, 0, 2, 0, value]);
    }

    #[inline(always)]
    pub fn boolean(&mut self, value: bool) {
        self.pen.put([0, 0, 0, 1, u8::from(value)]);
    }

    /// Make the row part of the buffer.
    #[inline(always)]
    pub fn end(self) {
        self.pen.end();
    }

    /// The first `length` of a client id's bytes.
    #[inline(always)]
    pub fn text(&mut self, bytes: [u8; MAX_CLIENT_ID], length: u8) {
        self.pen.put(u32::from(length).to_be_bytes());
        self.pen.put_first(bytes, length as usize);
    }

    #[inline(always)]
    fn client_id(&mut self, cold: &Cold) {
        self.text(cold.client_id, cold.client_len);
    }
}

/// One side of a trade as a row of the fills table.
pub fn fill_row(out: &mut Vec<u8>, stamp: Stamp, order: OrderView, fill: FillView) {
    let mut row = Row::begin(out, FILL_COLUMNS.len());
    row.bigint(stamp.group as i64);
    row.bigint(stamp.sequence as i64);
    row.bigint(fill.trade_id as i64);
    row.integer(u32::from(order.node.market));
    row.bigint(i64::from(order.account));
    row.bigint(order.cold.order_id as i64);
    row.client_id(order.cold);
    row.smallint(order.node.flags & flag::SELL);
    row.smallint(fill.role);
    row.bigint(fill.price);
    row.bigint(fill.lots);
    row.bigint(fill.notional);
    row.bigint(fill.fee);
    row.integer(fill.fee_asset);
    row.bigint(i64::from(order.cold.key));
    row.bigint(stamp.now_ms as i64);
    row.end();
}

/// A closed order that has traded as a row of the orders table.
pub fn order_row(out: &mut Vec<u8>, stamp: Stamp, order: OrderView) {
    let (node, cold) = (order.node, order.cold);
    let mut row = Row::begin(out, ORDER_COLUMNS.len());
    row.bigint(stamp.group as i64);
    row.bigint(stamp.sequence as i64);
    row.bigint(cold.order_id as i64);
    row.bigint(i64::from(order.account));
    row.integer(u32::from(node.market));
    row.client_id(cold);
    row.smallint(node.flags & flag::SELL);
    row.smallint(cold.order_type);
    row.smallint(cold.tif);
    row.boolean(node.flags & flag::POST_ONLY != 0);
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
    row.end();
}
