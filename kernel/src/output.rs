//! What a batch hands out: acks, private events, public trades, transfer decisions and rows for PostgreSQL,
//! all as bytes in buffers that are reused. Layouts are in `WIRE.md`; nothing here decides anything.

use crate::accounts::Balance;
use crate::bills::Bills;
use crate::codes::Reject;
use crate::copy;
use crate::market::Trade;
use crate::pen::{Block, Pen};
use crate::slab::{Cold, NewOrder, IMAGE};
use crate::wire::MAX_CLIENT_ID;

pub const ACK_SIZE: usize = 32;
pub const EVENT_HEADER: usize = 24;
pub const ORDER_EVENT: usize = EVENT_HEADER + 88;
pub const FILL_EVENT: usize = ORDER_EVENT + 56;
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

/// One side of a trade, and what the order has become by it.
#[derive(Clone, Copy)]
pub struct FillView {
    pub trade_id: u64,
    pub price: i64,
    pub lots: i64,
    pub notional: i64,
    pub fee: i64,
    pub fee_asset: u32,
    pub role: u8,
    /// Mark price of a perpetual, 0 elsewhere.
    pub mark: i64,
    /// State of the order afterwards.
    pub state: u8,
    /// Its totals afterwards.
    pub filled: Filled,
}

/// What has been traded of an order.
#[derive(Clone, Copy)]
pub struct Filled {
    /// Of a quote budget the size is what has filled.
    pub size: i64,
    pub lots: i64,
    pub quote: i64,
    pub fee: i64,
}

impl Filled {
    /// The totals after one more fill.
    #[inline(always)]
    pub fn after(self, notional: i64, lots: i64, fee: i64) -> Filled {
        Filled {
            size: self.size,
            lots: self.lots + lots,
            // Only told, never paid from; recycled money may carry them past any single order's notional.
            quote: self.quote.saturating_add(notional),
            fee: self.fee.saturating_add(fee),
        }
    }
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

    #[inline(always)]
    pub fn ack(&mut self, ack: Ack) {
        self.count += 1;
        self.rejected += u64::from(ack.code != 0);
        if !self.enabled {
            return;
        }
        let mut block = Block::<ACK_SIZE>::begin(&mut self.acks);
        block.u64(0, ack.order_id);
        block.i64(8, ack.filled);
        block.i64(16, ack.remaining);
        block.u16(24, ack.code);
        block.put(26, &[ack.state, ack.reason]);
        block.u32(28, ack.extra);
        block.end(ACK_SIZE);
    }

    /// An order was accepted and rests.
    #[inline(always)]
    pub fn new_order_event(&mut self, stamp: Stamp, new: &NewOrder) {
        if !self.enabled {
            return;
        }
        let mut block = Block::<{ ORDER_EVENT + MAX_CLIENT_ID }>::begin(&mut self.events);
        block.u64(0, new.head);
        block.u64(8, stamp.sequence);
        block.u64(16, stamp.now_ms);
        for (index, word) in new.words()[1..].iter().enumerate() {
            block.u64(EVENT_HEADER + 8 * index, *word);
        }
        block.end(new.length());
    }

    /// An order was accepted, amended or cancelled.
    #[inline]
    pub fn order_event(&mut self, stamp: Stamp, order: &Cold, state: u8, reason: u8) {
        if !self.enabled {
            return;
        }
        let mut block = Block::<{ ORDER_EVENT + MAX_CLIENT_ID }>::begin(&mut self.events);
        // The image of an order begins with the header without the stamp, which belongs in between.
        block.put::<IMAGE>(IMAGE_AT, order.image());
        let length = ORDER_EVENT + order.client_len as usize;
        head(&mut block, EVENT_ORDER, order.flags, length, order.account, stamp);
        block.put(STATE_AT, &[state, reason]);
        block.end(length);
    }

    /// One side of a trade: the private event and the row of the fills table. `order` is as it was before.
    #[inline]
    pub fn fill(&mut self, stamp: Stamp, order: &Cold, fill: &FillView) {
        if !self.enabled {
            return;
        }
        let mut block = Block::<{ FILL_EVENT + MAX_CLIENT_ID }>::begin(&mut self.events);
        let (image, client) = order.image().split_at(IMAGE - MAX_CLIENT_ID);
        if let (Some(image), Some(client)) =
            (image.first_chunk::<96>(), client.first_chunk::<MAX_CLIENT_ID>())
        {
            block.put(IMAGE_AT, image);
            block.put(FILL_EVENT, client);
        }
        let length = FILL_EVENT + order.client_len as usize;
        head(&mut block, EVENT_FILL, order.flags, length, order.account, stamp);
        block.i64(FILLED_AT - 8, fill.filled.size);
        block.i64(FILLED_AT, fill.filled.lots);
        block.i64(FILLED_AT + 8, fill.filled.quote);
        block.i64(FILLED_AT + 16, fill.filled.fee);
        block.put(STATE_AT, &[fill.state, 0]);
        block.u64(ORDER_EVENT, fill.trade_id);
        block.i64(ORDER_EVENT + 8, fill.price);
        block.i64(ORDER_EVENT + 16, fill.lots);
        block.i64(ORDER_EVENT + 24, fill.notional);
        block.i64(ORDER_EVENT + 32, fill.fee);
        block.u32(ORDER_EVENT + 40, fill.fee_asset);
        block.u32(ORDER_EVENT + 44, u32::from(fill.role));
        block.i64(ORDER_EVENT + 48, fill.mark);
        block.end(length);
        self.fills_count += 1;
        copy::fill_row(&mut self.fills, stamp, order, fill);
    }

    /// An order that has traded is closed: its row of the orders table.
    #[inline]
    pub fn closed_order(&mut self, stamp: Stamp, order: &Cold, state: u8, reason: u8) {
        if self.enabled {
            self.orders_count += 1;
            copy::order_row(&mut self.orders, stamp, order, state, reason);
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

    /// A balance as it stands at the end of a batch, if it has `changed`. It is written anyway and kept or not: which
    /// balances change is what a processor cannot guess.
    #[inline]
    pub fn balance_event(
        &mut self,
        stamp: Stamp,
        account: u32,
        asset: u32,
        balance: &Balance,
        changed: bool,
    ) {
        let mut block = Block::<BALANCE_EVENT>::begin(&mut self.events);
        head(&mut block, EVENT_BALANCE, 0, BALANCE_EVENT, account, stamp);
        block.u64(EVENT_HEADER, u64::from(asset));
        block.i64(EVENT_HEADER + 8, balance.total);
        block.i64(EVENT_HEADER + 16, balance.held);
        block.end(BALANCE_EVENT * usize::from(changed));
    }
}

impl Output {
    /// A position as it stands at the end of a batch.
    pub fn position_event(&mut self, stamp: Stamp, account: u32, position: &PositionView) {
        let mut block = Block::<POSITION_EVENT>::begin(&mut self.events);
        head(&mut block, EVENT_POSITION, 0, POSITION_EVENT, account, stamp);
        block.u32(EVENT_HEADER, position.market);
        block.u16(EVENT_HEADER + 4, position.leverage);
        block.put(EVENT_HEADER + 6, &[u8::from(position.isolated), 0]);
        let values = [
            position.lots,
            position.entry,
            position.realised,
            position.margin,
            position.mark_ticks,
            position.upnl,
            position.maintenance,
        ];
        for (index, value) in values.into_iter().enumerate() {
            block.i64(EVENT_HEADER + 8 + 8 * index, value);
        }
        block.end(POSITION_EVENT);
    }
}

/// Where in an event the image of an order is put, and members of it come to stand.
const IMAGE_AT: usize = EVENT_HEADER - 8;
const FILLED_AT: usize = EVENT_HEADER + 32;
const STATE_AT: usize = EVENT_HEADER + 75;

#[inline(always)]
fn head<const N: usize>(
    block: &mut Block<N>,
    kind: u8,
    flags: u8,
    length: usize,
    account: u32,
    stamp: Stamp,
) {
    let first = length as u64 | u64::from(kind) << 16 | u64::from(flags) << 24 | u64::from(account) << 32;
    block.u64(0, first);
    block.u64(8, stamp.sequence);
    block.u64(16, stamp.now_ms);
}

/// As `head`, for the records written with a pen.
#[inline]
pub(crate) fn header(pen: &mut Pen, kind: u8, flags: u8, length: usize, account: u32, stamp: Stamp) {
    pen.u16(length as u16);
    pen.u8(kind);
    pen.u8(flags);
    pen.u32(account);
    pen.u64(stamp.sequence);
    pen.u64(stamp.now_ms);
}
