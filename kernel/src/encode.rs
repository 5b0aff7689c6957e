//! Encoders: one function a command, one frame each. Clients of the kernel (Python, benches, tests) build
//! their bytes here.

pub use crate::contracts::encode::*;
pub use crate::mandates::encode::*;
use crate::market::Parameters;
pub use crate::prices::encode::*;
use crate::wire::{flag, kind, ALL_MARKETS, HEADER};

/// Header members shared by all commands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head {
    pub account: u32,
    pub market: u32,
    pub key: u32,
}

/// Members of a new order; see `WIRE.md`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlaceOrder<'a> {
    pub sell: bool,
    pub order_type: u8,
    pub tif: u8,
    pub stp: u8,
    pub post_only: bool,
    pub reduce_only: bool,
    pub quote_size: bool,
    /// Side and price are those of the No of an outcome.
    pub no: bool,
    pub price_ticks: i64,
    pub size_lots: i64,
    pub client_id: &'a [u8],
    pub expires_ms: u64,
    pub deadline_ms: u64,
    pub builder: u32,
}

/// How amend and cancel name an order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Target<'a> {
    pub order_id: u64,
    pub client_id: &'a [u8],
    pub deadline_ms: u64,
}

/// A frame under construction: the header, then members as they come, the length last.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Writer<'a> {
    pub fn new(out: &'a mut Vec<u8>, kind: u8, flags: u8, head: Head) -> Writer<'a> {
        let start = out.len();
        out.extend_from_slice(&[0, 0, kind, flags]);
        for word in [head.account, head.market, head.key] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        Writer { out, start }
    }

    pub fn u8s(self, bytes: &[u8]) -> Self {
        self.out.extend_from_slice(bytes);
        self
    }

    pub fn u32(self, value: u32) -> Self {
        self.u8s(&value.to_le_bytes())
    }

    pub fn u64(self, value: u64) -> Self {
        self.u8s(&value.to_le_bytes())
    }

    pub fn i64(self, value: i64) -> Self {
        self.u64(value as u64)
    }

    pub fn end(self) {
        let length = self.out.len() - self.start;
        debug_assert!((HEADER..=crate::wire::MAX_FRAME).contains(&length));
        self.out[self.start..self.start + 2].copy_from_slice(&(length as u16).to_le_bytes());
    }
}

pub fn place(out: &mut Vec<u8>, head: Head, order: &PlaceOrder) {
    let flags = flag::when(order.sell, flag::SELL)
        | flag::when(order.post_only, flag::POST_ONLY)
        | flag::when(order.reduce_only, flag::REDUCE_ONLY)
        | flag::when(order.quote_size, flag::QUOTE_SIZE)
        | flag::when(order.no, flag::NO);
    Writer::new(out, kind::PLACE, flags, head)
        .i64(order.price_ticks)
        .i64(order.size_lots)
        .u8s(&[order.order_type, order.tif, order.stp, order.client_id.len() as u8])
        .u32(order.builder)
        .u64(order.expires_ms)
        .u64(order.deadline_ms)
        .u8s(order.client_id)
        .end();
}

pub fn amend(
    out: &mut Vec<u8>,
    head: Head,
    target: &Target,
    price_ticks: i64,
    size_lots: i64,
    cancel_on_fail: bool,
) {
    let flags = flag::when(cancel_on_fail, flag::CANCEL_ON_FAIL);
    Writer::new(out, kind::AMEND, flags, head)
        .u64(target.order_id)
        .i64(price_ticks)
        .i64(size_lots)
        .u64(target.deadline_ms)
        .u8s(&[target.client_id.len() as u8, 0, 0, 0, 0, 0, 0, 0])
        .u8s(target.client_id)
        .end();
}

/// `amend` of an outcome order with the price of its No side.
pub fn amend_no(
    out: &mut Vec<u8>,
    head: Head,
    target: &Target,
    price_ticks: i64,
    size_lots: i64,
    cancel_on_fail: bool,
) {
    let start = out.len();
    amend(out, head, target, price_ticks, size_lots, cancel_on_fail);
    out[start + 3] |= flag::NO;
}

pub fn cancel(out: &mut Vec<u8>, head: Head, target: &Target) {
    Writer::new(out, kind::CANCEL, 0, head)
        .u64(target.order_id)
        .u64(target.deadline_ms)
        .u8s(&[target.client_id.len() as u8, 0, 0, 0, 0, 0, 0, 0])
        .u8s(target.client_id)
        .end();
}

pub fn mass_cancel(out: &mut Vec<u8>, head: Head, side: u8) {
    Writer::new(out, kind::MASS_CANCEL, 0, head).u8s(&[side, 0, 0, 0, 0, 0, 0, 0]).end();
}

pub fn cancel_all_after(out: &mut Vec<u8>, account: u32, key: u32, timeout_ms: u64) {
    let head = Head { account, market: ALL_MARKETS, key };
    Writer::new(out, kind::CANCEL_ALL_AFTER, 0, head).u64(timeout_ms).end();
}

/// `open_account` (flags must be 0) or `set_account`.
pub fn account(out: &mut Vec<u8>, kind: u8, account: u32, owner: u64, tier: u16, flags: u16) {
    Writer::new(out, kind, 0, Head { account, market: ALL_MARKETS, key: 0 })
        .u64(owner)
        .u8s(&tier.to_le_bytes())
        .u8s(&flags.to_le_bytes())
        .u32(0)
        .end();
}

/// `deposit` or `withdraw`.
pub fn transfer(out: &mut Vec<u8>, kind: u8, account: u32, asset: u32, amount: i64, id: u64, issued_ms: u64) {
    Writer::new(out, kind, 0, Head { account, market: ALL_MARKETS, key: 0 })
        .u64(id)
        .i64(amount)
        .u64(issued_ms)
        .u32(asset)
        .u32(0)
        .end();
}

pub(crate) fn operator(market: u32) -> Head {
    Head { account: 0, market, key: 0 }
}

pub fn add_asset(out: &mut Vec<u8>, asset: u32, scale: u8, symbol: &[u8]) {
    Writer::new(out, kind::ADD_ASSET, 0, operator(ALL_MARKETS))
        .u32(asset)
        .u8s(&[scale, symbol.len() as u8, 0, 0])
        .u8s(symbol)
        .end();
}

/// What a market trades; parameters apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listing<'a> {
    pub kind: u8,
    pub base: u32,
    pub quote: u32,
    pub lot_size: i64,
    pub tick_quote: i64,
    /// Ticks an outcome pays; 0 for other kinds.
    pub payout_ticks: u32,
    pub symbol: &'a [u8],
}

pub fn add_market(out: &mut Vec<u8>, market: u32, listing: &Listing, parameters: &Parameters) {
    let mut bytes = Vec::with_capacity(64);
    parameters.write(&mut bytes);
    Writer::new(out, kind::ADD_MARKET, 0, operator(market))
        .u32(listing.base)
        .u32(listing.quote)
        .i64(listing.lot_size)
        .i64(listing.tick_quote)
        .u8s(&bytes)
        .u8s(&[listing.kind, listing.symbol.len() as u8, 0, 0])
        .u32(listing.payout_ticks)
        .u8s(listing.symbol)
        .end();
}

pub fn set_market_params(out: &mut Vec<u8>, market: u32, parameters: &Parameters) {
    let mut bytes = Vec::with_capacity(64);
    parameters.write(&mut bytes);
    Writer::new(out, kind::SET_MARKET_PARAMS, 0, operator(market)).u8s(&bytes).end();
}

pub fn set_fee_tier(out: &mut Vec<u8>, market: u32, tier: u32, maker_ppm: i32, taker_ppm: i32) {
    Writer::new(out, kind::SET_FEE_TIER, 0, operator(market))
        .u32(tier)
        .u32(maker_ppm as u32)
        .u32(taker_ppm as u32)
        .u32(0)
        .end();
}

pub fn set_phase(out: &mut Vec<u8>, market: u32, phase: u8) {
    Writer::new(out, kind::SET_PHASE, 0, operator(market)).u8s(&[phase, 0, 0, 0, 0, 0, 0, 0]).end();
}

pub fn tick(out: &mut Vec<u8>) {
    Writer::new(out, kind::TICK, 0, operator(ALL_MARKETS)).end();
}

/// Members of a new event; see `WIRE.md`.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent {
    pub event: u32,
    pub first_market: u32,
    pub outcomes: u16,
    /// Outcome that late outcomes come out of; 0xFFFF for none.
    pub fallback: u16,
    /// 1: two outcomes in one book; 2: a scalar.
    pub flags: u8,
    /// When trading closes by itself; 0: not by time.
    pub close_ms: u64,
}

pub fn add_event(out: &mut Vec<u8>, event: &NewEvent) {
    Writer::new(out, kind::ADD_EVENT, 0, operator(ALL_MARKETS))
        .u32(event.event)
        .u32(event.first_market)
        .u8s(&event.outcomes.to_le_bytes())
        .u8s(&event.fallback.to_le_bytes())
        .u8s(&[event.flags, 0, 0, 0])
        .u64(event.close_ms)
        .end();
}

/// A late outcome out of the event's fallback.
pub fn add_outcome(out: &mut Vec<u8>, market: u32, event: u32) {
    Writer::new(out, kind::ADD_OUTCOME, 0, operator(market)).u32(event).u32(0).end();
}

/// Close trading at a time; 0: now.
pub fn close_event(out: &mut Vec<u8>, event: u32, close_ms: u64) {
    Writer::new(out, kind::CLOSE_EVENT, 0, operator(ALL_MARKETS)).u32(event).u32(0).u64(close_ms).end();
}

/// Payouts by outcome, those that pay nothing left out: (outcome, ticks).
pub fn resolve_event(out: &mut Vec<u8>, event: u32, payouts: &[(u16, u32)], is_final: bool) {
    let mut writer = Writer::new(out, kind::RESOLVE_EVENT, u8::from(is_final), operator(ALL_MARKETS))
        .u32(event)
        .u8s(&(payouts.len() as u16).to_le_bytes())
        .u8s(&[0, 0]);
    for (outcome, ticks) in payouts {
        writer = writer.u8s(&outcome.to_le_bytes()).u8s(&[0, 0]).u32(*ticks);
    }
    writer.end();
}

pub fn void_event(out: &mut Vec<u8>, event: u32, is_final: bool) {
    Writer::new(out, kind::VOID_EVENT, u8::from(is_final), operator(ALL_MARKETS)).u32(event).u32(0).end();
}

/// `merge` or `split` of complete sets.
pub fn sets(out: &mut Vec<u8>, kind: u8, head: Head, event: u32, lots: i64) {
    Writer::new(out, kind, 0, Head { market: ALL_MARKETS, ..head }).u32(event).u32(0).i64(lots).end();
}

pub fn set_limits(out: &mut Vec<u8>, accounts: u32, markets: u32, orders_per_account: u32, client_ids: u32) {
    Writer::new(out, kind::SET_LIMITS, 0, operator(ALL_MARKETS))
        .u32(accounts)
        .u32(markets)
        .u32(orders_per_account)
        .u32(client_ids)
        .end();
}

/// Venue fees into the insurance fund.
pub fn fund_insurance(out: &mut Vec<u8>, asset: u32, amount: i64) {
    Writer::new(out, kind::FUND_INSURANCE, 0, operator(ALL_MARKETS)).i64(amount).u32(asset).u32(0).end();
}

/// Rules of the waterfall, of the group (`ALL_MARKETS`) or of one market.
pub fn set_liquidation_rules(out: &mut Vec<u8>, market: u32, rules: &crate::liquidation::Rules) {
    let mut bytes = Vec::with_capacity(48);
    rules.write(&mut bytes);
    Writer::new(out, kind::SET_LIQUIDATION_RULES, 0, operator(market)).u8s(&bytes).end();
}

/// No liquidations before `until_ms` (at most four hours ahead); 0 ends a hold.
pub fn hold_liquidations(out: &mut Vec<u8>, until_ms: u64) {
    Writer::new(out, kind::HOLD_LIQUIDATIONS, 0, operator(ALL_MARKETS)).u64(until_ms).u64(0).end();
}

/// Begin an auction that clears at `ends_ms` (0: when told).
pub fn begin_auction(out: &mut Vec<u8>, market: u32, ends_ms: u64) {
    Writer::new(out, kind::AUCTION, 0, operator(market)).u64(0).u64(ends_ms).end();
}

/// Clear the auction of a market now.
pub fn clear_auction(out: &mut Vec<u8>, market: u32) {
    Writer::new(out, kind::AUCTION, 0, operator(market)).u64(1).u64(0).end();
}

/// How long an auction lasts that a breach of the price band begins; 0 refuses such orders.
pub fn set_band_auction(out: &mut Vec<u8>, market: u32, band_ms: u32) {
    Writer::new(out, kind::AUCTION, 0, operator(market)).u32(2).u32(band_ms).u64(0).end();
}

/// When the reference of a market is awake, and what holds while it sleeps. Minutes of the week in UTC from Monday
/// 00:00, days since 1970-01-01; no sessions take the calendar away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sessions<'a> {
    pub sessions: &'a [(u16, u16)],
    pub holidays: &'a [u32],
    pub closed_band_ppm: u32,
    pub auction_ms: u32,
    pub no_liquidation: bool,
}

pub fn set_calendar(out: &mut Vec<u8>, market: u32, calendar: &Sessions) {
    let counts = [calendar.sessions.len() as u8, calendar.holidays.len() as u8];
    let mut writer = Writer::new(out, kind::SET_CALENDAR, 0, operator(market))
        .u32(calendar.closed_band_ppm)
        .u32(calendar.auction_ms)
        .u8s(&[u8::from(calendar.no_liquidation), counts[0], counts[1], 0])
        .u32(0);
    for (from, to) in calendar.sessions {
        writer = writer.u32(u32::from(*from) | u32::from(*to) << 16);
    }
    for day in calendar.holidays {
        writer = writer.u32(*day);
    }
    writer.end();
}
