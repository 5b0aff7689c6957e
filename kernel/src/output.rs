//! What a batch hands out: acks, private events, public trades, transfer decisions and rows for PostgreSQL,
//! all as bytes in buffers that are reused. Layouts are in `WIRE.md`; nothing here decides anything.

use crate::bills::Bills;
use crate::codes::Reject;
use crate::copy;
use crate::market::Trade;
use crate::pen::Pen;
use crate::slab::{Cold, Node};
use crate::wire::{flag, MAX_CLIENT_ID};

pub const ACK_SIZE: usize = 32;
pub const EVENT_HEADER: usize = 24;
pub const ORDER_EVENT: usize = EVENT_HEADER + 88;
pub const FILL_EVENT: usize = ORDER_EVENT + 48;
pub const BALANCE_EVENT: usize = EVENT_HEADER + 24;
pub const POSITION_EVENT: usize = EVENT_HEADER + 64;
pub const EVENT_ORDER: u8 = 1;
pub const EVENT_FILL: u8 = 2;
pub const EVENT_BALANCE: u8 = 3;
pub const EVENT_MANDATE: u8 = 10;
pub const MANDATE_EVENT: usize = EVENT_HEADER + 48;
pub const EVENT_POSITION: u8 = 4;
pub const SETTLEMENT_EVENT: usize = EVENT_HEADER + 40;
pub const EVENT_SETTLEMENT: u8 = 8;

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

/// What a key may do, after it was set or revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MandateView {
    pub account: u32,
    pub key: u32,
    pub rights: u16,
    pub leverage: u16,
    pub rate: u32,
    pub revoked: bool,
    pub order_notional: i64,
    pub position_notional: i64,
    pub daily_loss: i64,
    pub expires_ms: u64,
}

/// A position as it stands. Units of the settlement asset but for lots and ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PositionView {
    pub market: u32,
    pub leverage: u16,
    pub isolated: bool,
    pub lots: i64,
    pub entry: i64,
    pub realised: i64,
    pub margin: i64,
    pub mark_ticks: i64,
    pub upnl: i64,
    pub maintenance: i64,
}

/// Contracts of one account in one outcome, paid.
#[derive(Clone, Copy)]
pub struct SettlementView {
    pub account: u32,
    pub event: u32,
    pub market: u32,
    pub lots: i64,
    pub payout_ticks: i64,
    pub amount: i64,
    pub cash_after: i64,
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
    pub algos: Vec<u8>,
    pub algos_count: u64,
    pub bills: Bills,
    pub trades: Vec<(u32, Trade)>,
    pub transfers: Vec<Transfer>,
    pub dirty_markets: Vec<u32>,
    /// Markets whose index took a step, each as often as it did.
    pub price_steps: Vec<u32>,
}

impl Output {
    /// Empty everything, keeping the memory.
    pub fn clear(&mut self) {
        self.count = 0;
        self.rejected = 0;
        self.trade_count = 0;
        self.fills_count = 0;
        self.orders_count = 0;
        self.algos_count = 0;
        self.algos.clear();
        self.acks.clear();
        self.events.clear();
        self.fills.clear();
        self.orders.clear();
        self.bills.clear();
        self.trades.clear();
        self.transfers.clear();
        self.dirty_markets.clear();
        self.price_steps.clear();
    }

    #[inline]
    pub fn ack(&mut self, ack: Ack) {
        self.count += 1;
        self.rejected += u64::from(ack.code != 0);
        if !self.enabled {
            return;
        }
        let mut pen = Pen::begin(&mut self.acks, ACK_SIZE);
        pen.u64(ack.order_id);
        pen.i64(ack.filled);
        pen.i64(ack.remaining);
        pen.u16(ack.code);
        pen.u8(ack.state);
        pen.u8(ack.reason);
        pen.u32(ack.extra);
        pen.end();
    }

    /// An order was accepted, amended or cancelled.
    #[inline]
    pub fn order_event(&mut self, stamp: Stamp, order: OrderView) {
        if !self.enabled {
            return;
        }
        let mut pen = Pen::begin(&mut self.events, ORDER_EVENT + MAX_CLIENT_ID);
        order_members(&mut pen, EVENT_ORDER, ORDER_EVENT, stamp, order);
        pen.put_first(order.cold.client_id, order.cold.client_len as usize);
        pen.end();
    }

    /// One side of a trade: the private event and the row of the fills table.
    #[inline]
    pub fn fill(&mut self, stamp: Stamp, order: OrderView, fill: FillView) {
        if !self.enabled {
            return;
        }
        let mut pen = Pen::begin(&mut self.events, FILL_EVENT + MAX_CLIENT_ID);
        order_members(&mut pen, EVENT_FILL, FILL_EVENT, stamp, order);
        pen.u64(fill.trade_id);
        pen.i64(fill.price);
        pen.i64(fill.lots);
        pen.i64(fill.notional);
        pen.i64(fill.fee);
        pen.u32(fill.fee_asset);
        pen.u32(u32::from(fill.role));
        pen.put_first(order.cold.client_id, order.cold.client_len as usize);
        pen.end();
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

    /// A mandate as it was just set.
    pub fn mandate_event(&mut self, stamp: Stamp, mandate: &MandateView) {
        if !self.enabled {
            return;
        }
        let mut pen = Pen::begin(&mut self.events, MANDATE_EVENT);
        header(&mut pen, EVENT_MANDATE, u8::from(mandate.revoked), MANDATE_EVENT, mandate.account, stamp);
        pen.u32(mandate.key);
        pen.u16(mandate.rights);
        pen.u16(mandate.leverage);
        pen.u32(mandate.rate);
        pen.u32(0);
        for value in [mandate.order_notional, mandate.position_notional, mandate.daily_loss] {
            pen.i64(value);
        }
        pen.u64(mandate.expires_ms);
        pen.end();
    }

    /// Contracts of an outcome were paid.
    pub fn settlement_event(&mut self, stamp: Stamp, paid: SettlementView) {
        let mut pen = Pen::begin(&mut self.events, SETTLEMENT_EVENT);
        header(&mut pen, EVENT_SETTLEMENT, 0, SETTLEMENT_EVENT, paid.account, stamp);
        pen.u32(paid.event);
        pen.u32(paid.market);
        pen.i64(paid.lots);
        pen.i64(paid.payout_ticks);
        pen.i64(paid.amount);
        pen.i64(paid.cash_after);
        pen.end();
    }

    /// A balance as it stands at the end of a batch.
    pub fn balance_event(&mut self, stamp: Stamp, account: u32, asset: u32, total: i64, held: i64) {
        let mut pen = Pen::begin(&mut self.events, BALANCE_EVENT);
        header(&mut pen, EVENT_BALANCE, 0, BALANCE_EVENT, account, stamp);
        pen.u64(u64::from(asset));
        pen.i64(total);
        pen.i64(held);
        pen.end();
    }
}

impl Output {
    /// A position as it stands at the end of a batch.
    pub fn position_event(&mut self, stamp: Stamp, account: u32, position: &PositionView) {
        let mut pen = Pen::begin(&mut self.events, POSITION_EVENT);
        header(&mut pen, EVENT_POSITION, 0, POSITION_EVENT, account, stamp);
        pen.u32(position.market);
        pen.u16(position.leverage);
        pen.u8(u8::from(position.isolated));
        pen.u8(0);
        for value in [
            position.lots,
            position.entry,
            position.realised,
            position.margin,
            position.mark_ticks,
            position.upnl,
            position.maintenance,
        ] {
            pen.i64(value);
        }
        pen.end();
    }
}

#[inline(always)]
pub(crate) fn header(pen: &mut Pen, kind: u8, flags: u8, length: usize, account: u32, stamp: Stamp) {
    pen.u16(length as u16);
    pen.u8(kind);
    pen.u8(flags);
    pen.u32(account);
    pen.u64(stamp.sequence);
    pen.u64(stamp.now_ms);
}

#[inline(always)]
fn order_members(pen: &mut Pen, kind: u8, size: usize, stamp: Stamp, order: OrderView) {
    let (node, cold) = (order.node, order.cold);
    let length = size + cold.client_len as usize;
    header(pen, kind, node.flags & (0x0F | flag::NO), length, order.account, stamp);
    pen.u64(cold.order_id);
    pen.u32(u32::from(node.market));
    pen.u32(cold.key);
    pen.i64(node.price);
    pen.i64(cold.size);
    pen.i64(cold.filled);
    pen.i64(cold.filled_quote);
    pen.i64(cold.fee);
    pen.u64(cold.created_ms);
    pen.u64(cold.expires_ms);
    pen.u8(cold.order_type);
    pen.u8(cold.tif);
    pen.u8(node.stp);
    pen.u8(order.state);
    pen.u8(order.reason);
    pen.u8(cold.client_len);
    pen.u16(0);
    pen.u64(u64::from(cold.builder));
}
