//! Call auctions: orders are collected without matching and then trade all at one price.
//!
//! While a market is in `AUCTION` its book takes limit orders that can wait and lets them cross. Clearing finds
//! the price at which most lots trade; of several the one that leaves the smallest surplus, of those the
//! nearest to the reference, of those the lower. Orders that would meet one of their own owner are cancelled first, as
//! the younger order's self-trade mode says, so that every fill is at that price. Fills come in price and time
//! priority, a bounded number at a time: while a market clears, a timer is due and new orders wait. A pair's
//! younger order is its taker.
//!
//! The best bid left is then below the best ask left: were a bid at `b` and an ask at `a <= b` left, more would
//! have traded at one of the prices between them.
//!
//! With a band rule, a limit order that has taken all there is within the band and would trade on outside it
//! begins an auction instead of a bad print. It costs the sender every order within the band, so an auction cannot be
//! had for nothing.

use std::collections::BTreeSet;

use serde_json::{json, Value};

use crate::book::{NO_ASK, NO_BID};
use crate::codes::{phase, reason, state, Reject};
use crate::contracts::SPOT;
use crate::kernel::{Kernel, Outcome};
use crate::market::Market;
use crate::matching::{hold_of, Taker};
use crate::output::{Ack, Output, Stamp, EVENT_HEADER};
use crate::pen::Pen;
use crate::place::{Entrance, Place};
use crate::wire::{
    flag, u32_at, u64_at, zeros, Frame, LIMIT, STP_CANCEL_BOTH, STP_CANCEL_MAKER, STP_CANCEL_TAKER,
};

/// Kind and length of an auction event.
pub const EVENT_AUCTION: u8 = 13;
pub const AUCTION_EVENT: usize = EVENT_HEADER + 40;
/// Why an auction began.
pub mod why {
    pub const OPERATOR: u8 = 0;
    pub const BAND: u8 = 1;
    pub const SESSION: u8 = 2;
    /// The price had been stale for too long and is back.
    pub const PRICE: u8 = 3;
}
/// What an auction event tells.
pub const BEGUN: u8 = 0;
pub const CLEARED: u8 = 1;

/// Actions of the auction command.
const BEGIN: u8 = 0;
const CLEAR: u8 = 1;
const RULE: u8 = 2;
const BODY: usize = 16;
/// Longest auction, and longest auction of a band rule.
const MAX_AUCTION_MS: u64 = 7 * 24 * 3_600_000;
const MAX_BAND_AUCTION_MS: u32 = 3_600_000;
/// Fills of a clearing done at once.
const FILLS_AT_ONCE: u32 = 64;
/// Times the price is found anew because orders of one owner met.
const ROUNDS: u32 = 8;

/// What a market has of auctions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Auction {
    /// When it clears; 0 when it waits for the operator.
    pub ends_ms: u64,
    pub why: u8,
    /// Price it clears at; 0 while it collects.
    pub price: i64,
    /// Lots cleared so far.
    pub lots: i64,
    /// How long an auction lasts that a breach of the band begins; 0 refuses such orders.
    pub band_ms: u32,
}

/// Timers of auctions and sessions.
#[derive(Default)]
pub(crate) struct Auctions {
    /// (end, market) of timed auctions, and (change, market) of session calendars.
    pub ends: BTreeSet<(u64, u32)>,
    pub sessions: BTreeSet<(u64, u32)>,
    /// Markets that clear.
    pub clearing: BTreeSet<u32>,
}

impl Auctions {
    pub fn next_timer(&self) -> u64 {
        if !self.clearing.is_empty() {
            return 0;
        }
        let first = |timers: &BTreeSet<(u64, u32)>| timers.first().map_or(u64::MAX, |timer| timer.0);
        first(&self.ends).min(first(&self.sessions))
    }
}

/// Price, lots and surplus (bought less sold at that price) of an auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clearing {
    pub price: i64,
    pub lots: i64,
    pub surplus: i64,
}

/// The clearing of bids and asks given as (price, lots) in any order; `None` when nothing crosses.
///
/// Between two neighbouring prices of orders volume and surplus are the same, so it is enough to look at those
/// prices and, between them, at the one nearest to the reference.
pub fn clear(bids: &[(i64, i64)], asks: &[(i64, i64)], reference: i64) -> Option<Clearing> {
    let lowest = asks.iter().map(|ask| ask.0).min()?;
    let highest = bids.iter().map(|bid| bid.0).max().filter(|highest| *highest >= lowest)?;
    let within = |price: &i64| (lowest..=highest).contains(price);
    let mut prices: Vec<i64> = bids.iter().chain(asks).map(|level| level.0).filter(within).collect();
    prices.sort_unstable();
    prices.dedup();
    let (mut bid_levels, mut ask_levels) = (bids.to_vec(), asks.to_vec());
    bid_levels.sort_unstable();
    ask_levels.sort_unstable();
    let mut demand: i128 = bid_levels.iter().map(|level| i128::from(level.1)).sum();
    let (mut supply, mut bid_at, mut ask_at) = (0i128, 0, 0);
    let mut best: Option<((i128, i128, i64, i64), Clearing)> = None;
    let mut consider = |price: i64, demand: i128, supply: i128| {
        let (lots, surplus) = (demand.min(supply), demand - supply);
        let rank = (-lots, surplus.abs(), (price - reference).abs(), price);
        if lots > 0 && best.as_ref().is_none_or(|best| rank < best.0) {
            let lots = i64::try_from(lots).unwrap_or(i64::MAX);
            let surplus = surplus.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
            best = Some((rank, Clearing { price, lots, surplus }));
        }
    };
    for (at, price) in prices.iter().enumerate() {
        while bid_levels.get(bid_at).is_some_and(|level| level.0 < *price) {
            demand -= i128::from(bid_levels[bid_at].1);
            bid_at += 1;
        }
        while ask_levels.get(ask_at).is_some_and(|level| level.0 <= *price) {
            supply += i128::from(ask_levels[ask_at].1);
            ask_at += 1;
        }
        consider(*price, demand, supply);
        let Some(next) = prices.get(at + 1).filter(|next| **next > price + 1) else {
            continue;
        };
        let here = bid_levels[bid_at..].iter().take_while(|level| level.0 == *price);
        let left = demand - here.map(|level| i128::from(level.1)).sum::<i128>();
        consider(reference.clamp(price + 1, next - 1), left, supply);
    }
    best.map(|best| best.1)
}

impl Output {
    fn auction_event(&mut self, stamp: Stamp, market: u32, what: u8, auction: &Auction, cleared: Clearing) {
        if !self.enabled {
            return;
        }
        let mut pen = Pen::begin(&mut self.events, AUCTION_EVENT);
        pen.u16(AUCTION_EVENT as u16);
        pen.u8(EVENT_AUCTION);
        pen.u8(0);
        pen.u32(0);
        pen.u64(stamp.sequence);
        pen.u64(stamp.now_ms);
        pen.u32(market);
        pen.put([what, auction.why, 0, 0]);
        for value in [cleared.price, cleared.lots, cleared.surplus] {
            pen.i64(value);
        }
        pen.u64(auction.ends_ms);
        pen.end();
    }
}

impl Kernel {
    /// Begin an auction, clear one, or set the band rule of a market.
    pub(crate) fn auction_command(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() != BODY || !zeros(&body[1..4]) {
            return Err(Reject::InputBody);
        }
        let (action, band_ms, ends_ms) = (body[0], u32_at(body, 4), u64_at(body, 8));
        let market = self.market_index(frame.market)?;
        let from = self.markets[market].phase;
        match action {
            BEGIN if band_ms == 0 => {
                let ahead = self.now_ms..=self.now_ms + MAX_AUCTION_MS;
                if ends_ms != 0 && (!ahead.contains(&ends_ms) || ends_ms == self.now_ms) {
                    return Err(Reject::InputExpiry);
                }
                if !phase::MOVES[from as usize].contains(&phase::AUCTION) {
                    return Err(Reject::StatePhaseMove);
                }
                self.begin_auction(market, ends_ms, why::OPERATOR);
            }
            CLEAR if band_ms == 0 && ends_ms == 0 => {
                if from != phase::AUCTION {
                    return Err(Reject::StatePhaseMove);
                }
                self.begin_clearing(market);
            }
            RULE if ends_ms == 0 => {
                if band_ms > MAX_BAND_AUCTION_MS {
                    return Err(Reject::InputParameter);
                }
                self.markets[market].auction.band_ms = band_ms;
                self.touch_market(market);
            }
            BEGIN | CLEAR | RULE => return Err(Reject::InputParameter),
            _ => return Err(Reject::InputEnum),
        }
        Ok(Ack::default())
    }

    /// Collect orders without matching until `ends_ms` (0: until told).
    pub(crate) fn begin_auction(&mut self, market: usize, ends_ms: u64, why: u8) {
        let number = market as u32;
        self.stop_auction_timers(market);
        let record = &mut self.markets[market];
        record.phase = phase::AUCTION;
        record.auction = Auction { ends_ms, why, price: 0, lots: 0, ..record.auction };
        record.book.collect();
        if ends_ms != 0 {
            self.auctions.ends.insert((ends_ms, number));
        }
        self.touch_market(market);
        self.tell_auction(market, BEGUN, Clearing { price: 0, lots: 0, surplus: 0 });
        self.find_next_timer();
    }

    fn tell_auction(&mut self, market: usize, what: u8, cleared: Clearing) {
        let (stamp, auction) = (self.stamp(), self.markets[market].auction);
        self.out.auction_event(stamp, market as u32, what, &auction, cleared);
    }

    /// An auction ends without clearing, or is about to clear.
    pub(crate) fn stop_auction_timers(&mut self, market: usize) {
        let auction = &mut self.markets[market].auction;
        self.auctions.ends.remove(&(auction.ends_ms, market as u32));
        self.auctions.clearing.remove(&(market as u32));
        auction.price = 0;
    }

    /// What the auction of a market would trade now; `None` when nothing would or it has none.
    pub(crate) fn indicative(&self, market: &Market) -> Option<Clearing> {
        let (bid, ask) = (market.book.best_bid(), market.book.best_ask());
        if !market.book.is_collecting() || bid < ask || bid == NO_BID || ask == NO_ASK {
            return None;
        }
        let levels = |side: usize, end: i64| -> Vec<(i64, i64)> {
            let crossing = move |price: &i64| if side == 0 { *price >= end } else { *price <= end };
            let prices = market.book.prices(side).take_while(crossing);
            prices
                .filter_map(|price| market.book.level(side, price).map(|level| (price, level.lots)))
                .collect()
        };
        clear(&levels(0, ask), &levels(1, bid), self.auction_reference(market))
    }

    /// The auction of a market for queries: null outside one.
    pub(crate) fn auction_json(&self, market: &Market) -> Value {
        if market.phase != phase::AUCTION {
            return Value::Null;
        }
        let shown = self.indicative(market).unwrap_or(Clearing { price: 0, lots: 0, surplus: 0 });
        json!({
            "price_ticks": shown.price, "lots": shown.lots, "surplus_lots": shown.surplus,
            "ends_ms": market.auction.ends_ms, "why": market.auction.why, "clearing": market.auction.price != 0,
        })
    }

    /// The price an auction stays near when several would trade as much.
    fn auction_reference(&self, market: &Market) -> i64 {
        match self.mark(market.number as usize) {
            mark if market.kind != SPOT && mark > 0 => mark,
            _ => market.band_centre(),
        }
    }

    /// Find the price of an auction and begin to fill at it; without a price the market opens.
    pub(crate) fn begin_clearing(&mut self, market: usize) {
        self.stop_auction_timers(market);
        self.markets[market].phase = phase::AUCTION;
        let mut clearing = self.indicative(&self.markets[market]);
        for _ in 0..ROUNDS {
            let Some(found) = clearing else { break };
            let meetings = self.own_meetings(market, found.price);
            if meetings.is_empty() {
                break;
            }
            for (slot, why) in meetings {
                self.cancel_open(slot, why);
            }
            clearing = self.indicative(&self.markets[market]);
        }
        let Some(found) = clearing else {
            return self.open_after_auction(market);
        };
        self.markets[market].auction.price = found.price;
        self.tell_auction(market, CLEARED, found);
        self.auctions.clearing.insert(market as u32);
        for _ in 0..FILLS_AT_ONCE {
            if self.markets[market].auction.price == 0 {
                break;
            }
            self.clear_step(market);
        }
        self.find_next_timer();
    }

    /// Orders that must go before the auction can fill at `price`: expired ones and those that would meet one of their
    /// own owner, with the reason.
    fn own_meetings(&self, market: usize, price: i64) -> Vec<(u32, u8)> {
        let book = &self.markets[market].book;
        let mut bids = book.queue(&self.slab, 0).take_while(|slot| self.slab.node(*slot).price >= price);
        let mut asks = book.queue(&self.slab, 1).take_while(|slot| self.slab.node(*slot).price <= price);
        let mut gone = Vec::new();
        let left = |slot: Option<u32>| slot.map(|slot| (slot, self.slab.node(slot).remaining));
        let (mut bid, mut ask) = (left(bids.next()), left(asks.next()));
        while let (Some((buyer, wanted)), Some((seller, offered))) = (bid, ask) {
            let (drop_buyer, drop_seller) = self.meeting(buyer, seller);
            if drop_buyer || drop_seller {
                let why =
                    |slot: u32| if self.is_expired(slot) { reason::EXPIRED } else { reason::SELF_TRADE };
                if drop_buyer {
                    gone.push((buyer, why(buyer)));
                    bid = left(bids.next());
                }
                if drop_seller {
                    gone.push((seller, why(seller)));
                    ask = left(asks.next());
                }
                continue;
            }
            let lots = wanted.min(offered);
            bid = if wanted == lots { left(bids.next()) } else { Some((buyer, wanted - lots)) };
            ask = if offered == lots { left(asks.next()) } else { Some((seller, offered - lots)) };
        }
        gone
    }

    fn is_expired(&self, slot: u32) -> bool {
        self.slab.node(slot).flags & flag::TIMED != 0 && self.slab.cold(slot).expires_ms <= self.now_ms
    }

    /// Whether (buyer, seller) may not trade but must be cancelled.
    fn meeting(&self, buyer: u32, seller: u32) -> (bool, bool) {
        let (buyer_expired, seller_expired) = (self.is_expired(buyer), self.is_expired(seller));
        if buyer_expired || seller_expired {
            return (buyer_expired, seller_expired);
        }
        let owner = |slot: u32| self.funds.account(self.slab.node(slot).account).owner;
        if owner(buyer) != owner(seller) {
            return (false, false);
        }
        let buyer_takes = self.slab.cold(buyer).order_id > self.slab.cold(seller).order_id;
        let mode = self.slab.node(if buyer_takes { buyer } else { seller }).stp;
        let taker_goes = mode == STP_CANCEL_TAKER || mode == STP_CANCEL_BOTH;
        let maker_goes = mode == STP_CANCEL_MAKER || mode == STP_CANCEL_BOTH;
        if buyer_takes {
            (taker_goes, maker_goes)
        } else {
            (maker_goes, taker_goes)
        }
    }

    /// One fill of a clearing, or its end.
    pub(crate) fn clear_step(&mut self, market: usize) {
        let (book, price) = (&self.markets[market].book, self.markets[market].auction.price);
        if book.best_bid() < price || book.best_ask() > price {
            self.auctions.clearing.remove(&(market as u32));
            let crossed = self.indicative(&self.markets[market]).is_some();
            // Orders that left meanwhile may have moved the price of what remains.
            return if crossed { self.begin_clearing(market) } else { self.open_after_auction(market) };
        }
        let (buyer, seller) = (book.head(0), book.head(1));
        let (drop_buyer, drop_seller) = self.meeting(buyer, seller);
        for (slot, drop) in [(buyer, drop_buyer), (seller, drop_seller)] {
            if drop {
                let why = if self.is_expired(slot) { reason::EXPIRED } else { reason::SELF_TRADE };
                self.cancel_open(slot, why);
            }
        }
        if !drop_buyer && !drop_seller {
            self.clear_pair(buyer, seller, price);
        }
        if !self.funds.pending.is_empty() {
            self.settle_margins();
        }
        self.queue_refills();
    }

    /// One step of what is due: a session that turns, an auction that ends, a fill of one that clears.
    pub(crate) fn auction_timer(&mut self) {
        let due = |timers: &BTreeSet<(u64, u32)>| {
            timers.first().copied().filter(|timer| timer.0 <= self.now_ms).map(|timer| timer.1)
        };
        if let Some(market) = due(&self.auctions.sessions) {
            self.auctions.sessions.pop_first();
            self.turn_session(market as usize);
        } else if let Some(market) = due(&self.auctions.ends) {
            self.begin_clearing(market as usize);
        } else if let Some(market) = self.auctions.clearing.first().copied() {
            self.clear_step(market as usize);
        }
    }

    /// Fill a bid and an ask at the price of the auction. The taker steps out of the book for the trade, and back to the
    /// head of its queue if something of it is left.
    fn clear_pair(&mut self, buyer: u32, seller: u32, price: i64) {
        let younger = self.slab.cold(buyer).order_id > self.slab.cold(seller).order_id;
        let posted = |slot: u32| self.slab.node(slot).flags & flag::POST_ONLY != 0;
        let buyer_takes = match (posted(buyer), posted(seller)) {
            (true, false) => false,
            (false, true) => true,
            _ => younger,
        };
        let (slot, maker) = if buyer_takes { (buyer, seller) } else { (seller, buyer) };
        let lots = self.slab.node(slot).remaining.min(self.slab.node(maker).remaining);
        let market = self.slab.node(slot).market as usize;
        self.withdraw_from_book(slot);
        let entrance = Entrance { limit: price, budget: i64::MAX };
        let mut taker = Taker { price, ..Taker::new(self, slot, entrance) };
        self.trade(&mut taker, maker, lots);
        self.note_taken(&taker);
        self.markets[market].auction.lots += lots;
        if self.slab.node(slot).remaining == 0 {
            self.close(slot, state::FILLED, reason::NONE);
        } else {
            self.return_to_head(slot);
        }
    }

    fn return_to_head(&mut self, slot: u32) {
        let node = *self.slab.node(slot);
        let market = &mut self.markets[node.market as usize];
        let (asset, hold) = hold_of(market, &node);
        market.book.push_head(&mut self.slab, slot);
        let kind = market.kind;
        self.funds.hold(node.account, asset, hold);
        if kind != SPOT {
            self.reserve_order(slot);
        }
    }

    /// The auction is over: the market trades continuously.
    fn open_after_auction(&mut self, market: usize) {
        self.stop_auction_timers(market);
        let record = &mut self.markets[market];
        record.phase = phase::OPEN;
        record.auction = Auction { band_ms: record.auction.band_ms, ..Auction::default() };
        record.book.end_collect();
        self.touch_market(market);
        self.release_parked(market as u32);
        self.find_next_timer();
    }

    /// Stage STATE of a new order outside `OPEN`: an auction that collects takes limit orders that can wait.
    #[cold]
    pub(crate) fn check_collecting(&self, market: &Market, place: &Place) -> Result<(), Reject> {
        self.check_collects(market)?;
        let waits = place.order_type == LIMIT && place.may_rest() && place.flags & flag::POST_ONLY == 0;
        if waits {
            Ok(())
        } else {
            Err(Reject::StateAuction)
        }
    }

    /// Whether orders of a market can be placed and amended in its auction.
    #[cold]
    pub(crate) fn check_collects(&self, market: &Market) -> Result<(), Reject> {
        match (market.phase, market.auction.price) {
            (phase::AUCTION, 0) => Ok(()),
            (phase::AUCTION, _) => Err(Reject::StateClearing),
            _ => Err(Reject::StateMarketPhase),
        }
    }

    /// A limit order priced outside the band: the edge of the band, if it would fill within it or go on to trade
    /// beyond it where a band auction is the rule; else the refusal.
    #[cold]
    pub(crate) fn check_breach(&self, place: &Place, market: &Market) -> Result<i64, Reject> {
        let posted = place.flags & flag::POST_ONLY != 0;
        if market.auction.band_ms == 0 || !place.may_rest() || posted || !market.is_open() {
            return Err(Reject::RiskPriceBand);
        }
        let side = place.side();
        let (low, high) = market.band();
        let edge = if side == 0 { high } else { low };
        let reaches = |price: i64, end: i64| if side == 0 { price <= end } else { price >= end };
        let mut lots = 0i64;
        for price in market.book.prices(1 - side) {
            if !reaches(price, edge) {
                return if reaches(price, place.price) { Ok(edge) } else { Err(Reject::RiskPriceBand) };
            }
            lots = lots.saturating_add(market.book.level(1 - side, price).map_or(0, |level| level.lots));
            if lots >= place.size {
                return Ok(edge);
            }
        }
        Err(Reject::RiskPriceBand)
    }

    /// The order has taken what the band allows: why the rest must not wait, `NONE` when an auction has begun.
    #[cold]
    pub(crate) fn breach_band(&mut self, market: usize, side: usize, price: i64) -> u8 {
        if !self.markets[market].book.crosses(side, price) {
            return reason::AUCTION;
        }
        let ends_ms = self.now_ms + u64::from(self.markets[market].auction.band_ms);
        self.begin_auction(market, ends_ms, why::BAND);
        reason::NONE
    }
}
