//! Rows in PostgreSQL's binary COPY form: a 16-bit count of columns, then for each a 32-bit length and the
//! value, big-endian. Header and trailer are the caller's. Column lists here are the truth for the tables
//! that receive them.

use crate::output::{FillView, Stamp};
use crate::pen::Block;
use crate::slab::Cold;
use crate::wire::{flag, MAX_CLIENT_ID};

/// One byte. In records of before, the two of them beside one another were one smallint below 256.
pub const CHAR: &str = "\"char\"";
/// The mark at a fill of a perpetual; 0 for none. In a record it is there if `flags` has `flag::MARKED`.
pub const MARK: &str = "mark_ticks";

/// Columns of `fills_copy`, with their PostgreSQL types.
pub const FILL_COLUMNS: [(&str, &str); 18] = [
    ("group_id", "bigint"),
    ("sequence", "bigint"),
    ("trade_id", "bigint"),
    ("market", "integer"),
    ("account", "bigint"),
    ("order_id", "bigint"),
    ("client_id", "text"),
    ("flags", CHAR),
    ("side", CHAR),
    ("role", "smallint"),
    ("price_ticks", "bigint"),
    ("size_lots", "bigint"),
    ("notional", "bigint"),
    ("fee", "bigint"),
    ("fee_asset", "integer"),
    ("key", "bigint"),
    ("time_ms", "bigint"),
    (MARK, "bigint"),
];

/// Columns of `orders_copy`.
pub const ORDER_COLUMNS: [(&str, &str); 22] = [
    ("group_id", "bigint"),
    ("sequence", "bigint"),
    ("order_id", "bigint"),
    ("account", "bigint"),
    ("market", "integer"),
    ("client_id", "text"),
    ("flags", CHAR),
    ("side", CHAR),
    ("order_type", "smallint"),
    ("stp", CHAR),
    ("tif", CHAR),
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

/// Bytes of a row before the client id's length, and after the client id.
const FILL_HEAD: usize = 2 + 5 * 12 + 8;
const FILL_TAIL: usize = 2 * 5 + 6 + 7 * 12 + 8;
const ORDER_HEAD: usize = 2 + 4 * 12 + 8;
const ORDER_TAIL: usize = 3 * 6 + 5 * 5 + 8 * 12;

/// A row of at most `N` bytes being written column after column, each at a place that is known when it is compiled.
pub(crate) struct Row<'a, const N: usize> {
    block: Block<'a, N>,
    at: usize,
}

impl<'a, const N: usize> Row<'a, N> {
    #[inline(always)]
    pub fn begin(out: &'a mut Vec<u8>, columns: usize) -> Row<'a, N> {
        let mut block = Block::begin(out);
        block.put(0, &(columns as u16).to_be_bytes());
        Row { block, at: 2 }
    }

    #[inline(always)]
    fn put<const M: usize>(&mut self, bytes: &[u8; M]) {
        self.block.put(self.at, bytes);
        self.at += M;
    }

    #[inline(always)]
    pub fn bigint(&mut self, value: i64) {
        self.put(&8u32.to_be_bytes());
        self.put(&value.to_be_bytes());
    }

    #[inline(always)]
    pub fn integer(&mut self, value: u32) {
        self.put(&(4 << 32 | u64::from(value)).to_be_bytes());
    }

    #[inline(always)]
    pub fn smallint(&mut self, value: u8) {
        self.put(&2u32.to_be_bytes());
        self.put(&[0, value]);
    }

    #[inline(always)]
    pub fn char(&mut self, value: u8) {
        self.put(&1u32.to_be_bytes());
        self.put(&[value]);
    }

    #[inline(always)]
    pub fn boolean(&mut self, value: bool) {
        self.put(&1u32.to_be_bytes());
        self.put(&[u8::from(value)]);
    }

    /// All of the id's room is copied, then the next column written over what is too much.
    #[inline(always)]
    fn client_id(&mut self, order: &Cold) {
        self.text(&order.client_id, order.client_len);
    }

    /// The first `length` of a client id's bytes.
    #[inline(always)]
    pub fn text(&mut self, bytes: &[u8; MAX_CLIENT_ID], length: u8) {
        let length = (length as usize).min(MAX_CLIENT_ID);
        self.put(&(length as u32).to_be_bytes());
        self.block.put(self.at, bytes);
        self.at += length;
    }

    #[inline(always)]
    pub fn end(self) {
        self.block.end(self.at);
    }
}

/// One side of a trade as a row of the fills table.
#[inline]
pub fn fill_row(out: &mut Vec<u8>, stamp: Stamp, order: &Cold, fill: &FillView) {
    const ROOM: usize = FILL_HEAD + 4 + MAX_CLIENT_ID + FILL_TAIL;
    let mut row = Row::<ROOM>::begin(out, FILL_COLUMNS.len());
    row.bigint(stamp.group as i64);
    row.bigint(stamp.sequence as i64);
    row.bigint(fill.trade_id as i64);
    row.integer(order.market);
    row.bigint(i64::from(order.account));
    row.bigint(order.order_id as i64);
    row.client_id(order);
    row.char(order.flags & !flag::MARKED | flag::when(fill.mark != 0, flag::MARKED));
    row.char(order.flags & flag::SELL);
    row.smallint(fill.role);
    row.bigint(fill.price);
    row.bigint(fill.lots);
    row.bigint(fill.notional);
    row.bigint(fill.fee);
    row.integer(fill.fee_asset);
    row.bigint(i64::from(order.key));
    row.bigint(stamp.now_ms as i64);
    row.bigint(fill.mark);
    row.end();
}

/// A closed order that has traded as a row of the orders table.
#[inline]
pub fn order_row(out: &mut Vec<u8>, stamp: Stamp, order: &Cold, state: u8, reason: u8) {
    const ROOM: usize = ORDER_HEAD + 4 + MAX_CLIENT_ID + ORDER_TAIL;
    let mut row = Row::<ROOM>::begin(out, ORDER_COLUMNS.len());
    row.bigint(stamp.group as i64);
    row.bigint(stamp.sequence as i64);
    row.bigint(order.order_id as i64);
    row.bigint(i64::from(order.account));
    row.integer(order.market);
    row.client_id(order);
    row.char(order.flags);
    row.char(order.flags & flag::SELL);
    row.smallint(order.order_type);
    row.char(order.stp);
    row.char(order.tif);
    row.boolean(order.flags & flag::POST_ONLY != 0);
    row.bigint(order.price);
    row.bigint(order.size);
    row.bigint(order.filled);
    row.bigint(order.filled_quote);
    row.bigint(order.fee);
    row.smallint(state);
    row.smallint(reason);
    row.bigint(i64::from(order.key));
    row.bigint(order.created_ms as i64);
    row.bigint(stamp.now_ms as i64);
    row.end();
}
