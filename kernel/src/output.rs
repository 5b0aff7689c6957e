//! What a batch hands out: acks, private events, public trades, transfer decisions and rows for PostgreSQL, all as bytes in buffers that
//! are reused. Layouts are in `WIRE.md`; nothing here decides anything.

use crate::codes::Reject;
use crate::copy;
use crate::market::Trade;
use crate::slab::{Cold, Node};

pub const ACK_SIZE: usize = 32;
pub const EVENT_HEADER: usize = 24;
pub const ORDER_EVENT: usize = EVENT_HEADER + 88;
pub const FILL_EVENT: usize = ORDER_EVENT + 48;
pub const BALANCE_EVENT: usize = EVENT_HEADER + 24;
pub const EVENT_ORDER: u8 = 1;
pub const EVENT_FILL: u8 = 2;
pub const EVENT_BALANCE: u8 = 3;

/// Answer to one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    pub order_id: u64,
    pub filled: i64,
    pub remaining: i64,
    pub code: u16,
    pub state: u8,
    pub reason: u8,
    pub extra: u32,
}

impl Ack {
    pub fn refused(reject: Reject) -> Ack {
        Ack { code: reject as u16, ..Ack::default() }
    }

    pub fn extra(extra: u32) -> Ack {
        Ack { extra, ..Ack::default() }
    }

    /// Read one record of 32 bytes.
    pub fn read(bytes: &[u8]) -> Ack {
        use crate::wire::{i64_at, u16_at, u32_at, u64_at};
        Ack {
            order_id: u64_at(bytes, 0),
            filled: i64_at(bytes, 8),
            remaining: i64_at(bytes, 16),
            code: u16_at(bytes, 24),
            state: bytes[26],
            reason: bytes[27],
            extra: u32_at(bytes, 28),
        }
    }
}

/// Decision on a deposit (amount positive) or withdrawal (negative).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub transfer_id: u64,
    pub issued_ms: u64,
    pub account: u32,
    pub asset: u32,
    pub amount: i64,
    pub code: u16,
}

/// Which command, when, of which group: what every record is stamped with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamp {
    pub group: u64,
    pub sequence: u64,
    pub now_ms: u64,
}

/// An order as it stands, for events and rows.
#[derive(Clone, Copy)]
pub struct OrderView<'a> {
    pub account: u32,
    pub node: &'a Node,
    pub cold: &'a Cold,
    pub state: u8,
    pub reason: u8,
}

/// One side of a trade.
#[derive(Clone, Copy)]
pub struct FillView {
    pub trade_id: u64,
    pub price: i64,
    pub lots: i64,
    pub notional: i64,
    pub fee: i64,
    pub fee_asset: u32,
    pub role: u8,
}

#[derive(Default)]
pub struct Output {
    /// Off while replaying: then only counters move.
    pub enabled: bool,
    pub count: u64,
    pub rejected: u64,
    pub trade_count: u64,
    pub acks: Vec<u8>,
    pub events: Vec<u8>,
    pub fills: Vec<u8>,
    pub fills_count: u64,
    pub orders: Vec<u8>,
    pub orders_count: u64,
    pub trades: Vec<(u32, Trade)>,
    pub transfers: Vec<Transfer>,
    pub dirty_markets: Vec<u32>,
}

impl Output {
    /// Empty everything, keeping the memory.
    pub fn clear(&mut self) {
        self.count = 0;
        self.rejected = 0;
        self.trade_count = 0;
        self.fills_count = 0;
        self.orders_count = 0;
        self.acks.clear();
        self.events.clear();
        self.fills.clear();
        self.orders.clear();
        self.trades.clear();
        self.transfers.clear();
        self.dirty_markets.clear();
    }

    #[inline]
    pub fn ack(&mut self, ack: Ack) {
        self.count += 1;
        self.rejected += u64::from(ack.code != 0);
        if !self.enabled {
            return;
        }
        let mut bytes = [0u8; ACK_SIZE];
        bytes[0..8].copy_from_slice(&ack.order_id.to_le_bytes());
        bytes[8..16].copy_from_slice(&ack.filled.to_le_bytes());
        bytes[16..24].copy_from_slice(&ack.remaining.to_le_bytes());
        bytes[24..26].copy_from_slice(&ack.code.to_le_bytes());
        bytes[26] = ack.state;
        bytes[27] = ack.reason;
        bytes[28..32].copy_from_slice(&ack.extra.to_le_bytes());
        self.acks.extend_from_slice(&bytes);
    }

    /// An order was accepted, amended or cancelled.
    #[inline]
    pub fn order_event(&mut self, stamp: Stamp, order: OrderView) {
        if !self.enabled {
            return;
        }
        let mut bytes = [0u8; ORDER_EVENT + 32];
        order_members(&mut bytes, EVENT_ORDER, ORDER_EVENT, stamp, order);
        bytes[ORDER_EVENT..].copy_from_slice(&order.cold.client_id);
        append(&mut self.events, &bytes, ORDER_EVENT + order.cold.client_len as usize);
    }

    /// One side of a trade: the private event and the row of the fills table.
    #[inline]
    pub fn fill(&mut self, stamp: Stamp, order: OrderView, fill: FillView) {
        if !self.enabled {
            return;
        }
        let mut bytes = [0u8; FILL_EVENT + 32];
        order_members(&mut bytes, EVENT_FILL, FILL_EVENT, stamp, order);
        let at = &mut bytes[ORDER_EVENT..FILL_EVENT];
        at[0..8].copy_from_slice(&fill.trade_id.to_le_bytes());
        at[8..16].copy_from_slice(&fill.price.to_le_bytes());
        at[16..24].copy_from_slice(&fill.lots.to_le_bytes());
        at[24..32].copy_from_slice(&fill.notional.to_le_bytes());
        at[32..40].copy_from_slice(&fill.fee.to_le_bytes());
        at[40..44].copy_from_slice(&fill.fee_asset.to_le_bytes());
        at[44] = fill.role;
        bytes[FILL_EVENT..].copy_from_slice(&order.cold.client_id);
        append(&mut self.events, &bytes, FILL_EVENT + order.cold.client_len as usize);
        self.fills_count += 1;
        copy::fill_row(&mut self.fills, stamp, order, fill);
    }

    /// An order that has traded is closed: its row of the orders table.
    #[inline]
    pub fn closed_order(&mut self, stamp: Stamp, order: OrderView) {
        if self.enabled {
            self.orders_count += 1;
            copy::order_row(&mut self.orders, stamp, order);
        }
    }

    /// A balance as it stands at the end of a batch.
    pub fn balance_event(&mut self, stamp: Stamp, account: u32, asset: u32, total: i64, held: i64) {
        let mut bytes = [0u8; BALANCE_EVENT];
        header(&mut bytes, EVENT_BALANCE, 0, BALANCE_EVENT, account, stamp);
        bytes[24..28].copy_from_slice(&asset.to_le_bytes());
        bytes[32..40].copy_from_slice(&total.to_le_bytes());
        bytes[40..48].copy_from_slice(&held.to_le_bytes());
        self.events.extend_from_slice(&bytes);
    }
}

/// Append the first `length` bytes of a record. Copying all of it, a size known beforehand, and cutting is faster than copying a varying length.
#[inline(always)]
pub fn append<const N: usize>(out: &mut Vec<u8>, record: &[u8; N], length: usize) {
    let end = out.len() + length.min(N);
    out.extend_from_slice(record);
    out.truncate(end);
}

#[inline(always)]
fn header(bytes: &mut [u8], kind: u8, flags: u8, length: usize, account: u32, stamp: Stamp) {
    bytes[0..2].copy_from_slice(&(length as u16).to_le_bytes());
    bytes[2] = kind;
    bytes[3] = flags;
    bytes[4..8].copy_from_slice(&account.to_le_bytes());
    bytes[8..16].copy_from_slice(&stamp.sequence.to_le_bytes());
    bytes[16..24].copy_from_slice(&stamp.now_ms.to_le_bytes());
}

#[inline(always)]
fn order_members(bytes: &mut [u8], kind: u8, size: usize, stamp: Stamp, order: OrderView) {
    let (node, cold) = (order.node, order.cold);
    let length = size + cold.client_len as usize;
    header(bytes, kind, node.flags & 0x0F, length, order.account, stamp);
    let at = &mut bytes[EVENT_HEADER..ORDER_EVENT];
    at[0..8].copy_from_slice(&cold.order_id.to_le_bytes());
    at[8..12].copy_from_slice(&u32::from(node.market).to_le_bytes());
    at[12..16].copy_from_slice(&cold.key.to_le_bytes());
    at[16..24].copy_from_slice(&node.price.to_le_bytes());
    at[24..32].copy_from_slice(&cold.size.to_le_bytes());
    at[32..40].copy_from_slice(&cold.filled.to_le_bytes());
    at[40..48].copy_from_slice(&cold.filled_quote.to_le_bytes());
    at[48..56].copy_from_slice(&cold.fee.to_le_bytes());
    at[56..64].copy_from_slice(&cold.created_ms.to_le_bytes());
    at[64..72].copy_from_slice(&cold.expires_ms.to_le_bytes());
    at[72] = cold.order_type;
    at[73] = cold.tif;
    at[74] = node.stp;
    at[75] = order.state;
    at[76] = order.reason;
    at[77] = cold.client_len;
    at[80..84].copy_from_slice(&cold.builder.to_le_bytes());
}
