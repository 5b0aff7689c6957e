//! Matching: price first, then time, at the maker's price.
//!
//! A taker walks the opposite queue from its head. Each step is one of: a maker whose time is up is
//! cancelled; an order of the same owner is treated as the taker's self-trade mode says; else the two
//! trade. A trade moves base one way and quote the other, charges both fees and splits them at once. A
//! maker's hold shrinks with what it needed; a taker holds nothing while it matches, its whole need was
//! checked before.

use crate::accounts::Swap;
use crate::algo;
use crate::book::NIL_PRICE;
use crate::codes::{reason, state};
use crate::contracts::SPOT;
use crate::kernel::Kernel;
use crate::mandates::Charged;
use crate::market::{Market, Trade};
use crate::num::{affordable_lots, charge, prepaid_after, share};
use crate::output::{Ack, FillView, Filled, Stamp};
use crate::place::{Entrance, Place, NOT_RESTING};
use crate::slab::{Node, NO_CLIENT};
use crate::wire::{flag, STP_CANCEL_BOTH, STP_CANCEL_MAKER};

/// An order while it takes. What it has traded is kept here and noted in its record when it is done.
pub(crate) struct Taker {
    pub slot: u32,
    pub account: u32,
    pub owner: u64,
    pub market: usize,
    pub side: usize,
    pub limit: i64,
    pub budget: i64,
    pub remaining: i64,
    pub filled: Filled,
    pub prepaid: u32,
    pub stp: u8,
    pub fee_ppm: i32,
    pub quote_size: bool,
    /// The one price of an auction; 0 for the maker's.
    pub price: i64,
    /// Most orders it meets.
    pub max_matches: u32,
}

impl Taker {
    #[inline]
    pub fn new(kernel: &Kernel, slot: u32, entrance: Entrance) -> Taker {
        let (node, cold) = (kernel.slab.node(slot), kernel.slab.cold(slot));
        Taker {
            slot,
            account: node.account,
            owner: kernel.funds.account(node.account).owner,
            market: node.market as usize,
            side: node.side(),
            limit: entrance.limit,
            budget: entrance.budget,
            remaining: node.remaining,
            filled: cold.filled(),
            prepaid: node.prepaid,
            stp: node.stp,
            fee_ppm: node.taker_ppm,
            quote_size: node.flags & flag::QUOTE_SIZE != 0,
            price: 0,
            max_matches: kernel.markets[node.market as usize].parameters.max_matches,
        }
    }

    /// Note a trade that is charged on `charged` units; returns the fee.
    #[inline(always)]
    pub fn fill(&mut self, notional: i64, charged: i64, lots: i64) -> i64 {
        let fee = charge(charged, self.fee_ppm, self.prepaid);
        self.prepaid = prepaid_after(charged, self.fee_ppm, self.prepaid, fee);
        self.filled = self.filled.after(notional, lots, fee);
        if self.quote_size {
            self.filled.size += lots;
        } else {
            self.remaining -= lots;
        }
        if self.budget != i64::MAX {
            self.budget -= notional + fee;
        }
        fee
    }

    /// As `new`, of an order just accepted: nothing of it is read that was only now written.
    #[inline(always)]
    pub fn fresh(kernel: &Kernel, slot: u32, entrance: Entrance, place: &Place) -> Taker {
        let node = kernel.slab.node(slot);
        let size = if place.is_quote_size() { 0 } else { place.size };
        let market = node.market as usize;
        Taker {
            slot,
            account: node.account,
            owner: kernel.funds.account(node.account).owner,
            market,
            side: place.side(),
            limit: entrance.limit,
            budget: entrance.budget,
            remaining: node.remaining,
            filled: Filled { size, lots: 0, quote: 0, fee: 0 },
            prepaid: 0,
            stp: place.stp,
            fee_ppm: node.taker_ppm,
            quote_size: place.is_quote_size(),
            price: 0,
            max_matches: kernel.markets[market].parameters.max_matches,
        }
    }

    #[inline]
    fn reaches(&self, price: i64) -> bool {
        if self.side == 0 {
            price <= self.limit
        } else {
            price >= self.limit
        }
    }
}

/// One trade as it is told: lots and price, quote units, both fees (negative: a rebate), lots left of the maker.
pub(crate) struct Deal {
    pub price: i64,
    pub lots: i64,
    pub notional: i64,
    pub maker_fee: i64,
    pub taker_fee: i64,
    pub left: i64,
}

/// What an open order may still cost: (slot of the asset, units). Quote with fee for a buy, base for a sell.
#[inline(always)]
pub(crate) fn hold_of(market: &Market, node: &Node) -> (u32, i64) {
    if market.kind != SPOT {
        return (market.quote, 0);
    }
    // Both are reckoned and one is taken without a branch: which side it is cannot be guessed. What is not taken may be anything.
    let base = node.remaining.wrapping_mul(market.lot_size);
    let notional = node.price.wrapping_mul(market.tick_quote).wrapping_mul(node.remaining);
    let quote = notional.wrapping_add(charge(notional, node.taker_ppm, node.prepaid).max(0));
    let sells = node.side() as i64;
    let asset = i64::from(market.quote ^ market.base) & -sells;
    (market.quote ^ asset as u32, quote ^ ((quote ^ base) & -sells))
}

/// What so many lots of a buy may cost: quote units, fee included.
#[inline(always)]
pub(crate) fn cost_of(market: &Market, node: &Node, lots: i64, prepaid: u32) -> i64 {
    let notional = market.lot_price(node.price) * lots;
    notional + charge(notional, node.taker_ppm, prepaid).max(0)
}

impl Kernel {
    /// Trade while the opposite side is within reach, then note in the order what it has done. The answer is why it had to
    /// stop, `NONE` if it only ran out of partners or size.
    pub(crate) fn match_taker(&mut self, taker: &mut Taker) -> u8 {
        self.touch_market(taker.market);
        let why = self.take(taker);
        self.note_taken(taker);
        why
    }

    /// Note in an order what it has traded as a taker.
    #[inline(always)]
    pub(crate) fn note_taken(&mut self, taker: &Taker) {
        let node = self.slab.node_mut(taker.slot);
        node.remaining = taker.remaining;
        node.prepaid = taker.prepaid;
        self.slab.cold_mut(taker.slot).set_filled(taker.filled);
    }

    #[inline(always)]
    fn take(&mut self, taker: &mut Taker) -> u8 {
        let opposite = 1 - taker.side;
        let mut steps = 0;
        while taker.remaining > 0 {
            let market = &self.markets[taker.market];
            let price = market.book.best(opposite);
            if price == NIL_PRICE[opposite] || !taker.reaches(price) {
                return reason::NONE;
            }
            steps += 1;
            if steps > taker.max_matches {
                return reason::MATCH_LIMIT;
            }
            let maker = market.book.head(opposite);
            let node = self.slab.node(maker);
            self.met().queue(node.next);
            if node.flags & flag::TIMED != 0 && self.slab.cold(maker).expires_ms <= self.now_ms {
                self.cancel_open(maker, reason::EXPIRED);
                continue;
            }
            if self.funds.account(node.account).owner == taker.owner {
                if taker.stp == STP_CANCEL_MAKER || taker.stp == STP_CANCEL_BOTH {
                    self.cancel_open(maker, reason::SELF_TRADE);
                }
                if taker.stp != STP_CANCEL_MAKER {
                    return reason::SELF_TRADE;
                }
                continue;
            }
            let mut lots = taker.remaining.min(node.remaining);
            if taker.budget != i64::MAX {
                let lot_price = market.lot_price(price);
                lots = lots.min(affordable_lots(taker.budget, lot_price, taker.fee_ppm, taker.prepaid));
                if lots == 0 {
                    return reason::BUDGET;
                }
            }
            self.trade(taker, maker, lots);
        }
        reason::NONE
    }

    /// Whether a fill-or-kill order would be filled whole, walking the very queue it would walk.
    pub(crate) fn can_fill(&self, taker: &Taker) -> bool {
        let market = &self.markets[taker.market];
        let mut wanted = taker.remaining;
        let (mut budget, mut prepaid) = (taker.budget, 0);
        let queue = market.book.queue(&self.slab, 1 - taker.side);
        for slot in queue.take(market.parameters.max_matches as usize) {
            let node = self.slab.node(slot);
            if !taker.reaches(node.price) {
                return false;
            }
            if node.flags & flag::TIMED != 0 && self.slab.cold(slot).expires_ms <= self.now_ms {
                continue;
            }
            if self.funds.account(node.account).owner == taker.owner {
                if taker.stp != STP_CANCEL_MAKER {
                    return false;
                }
                continue;
            }
            let lots = wanted.min(node.remaining);
            if budget != i64::MAX {
                let lot_price = market.lot_price(node.price);
                if affordable_lots(budget, lot_price, taker.fee_ppm, prepaid) < lots {
                    return false;
                }
                let fee = charge(lots * lot_price, taker.fee_ppm, prepaid);
                prepaid = prepaid_after(lots * lot_price, taker.fee_ppm, prepaid, fee);
                budget -= lots * lot_price + fee;
            }
            wanted -= lots;
            if wanted == 0 {
                return true;
            }
        }
        false
    }

    /// One trade between the taker and the order at the head of the opposite queue.
    #[inline(always)]
    pub(crate) fn trade(&mut self, taker: &mut Taker, maker: u32, lots: i64) {
        if self.markets[taker.market].kind != SPOT {
            return self.trade_contract(taker, maker, lots);
        }
        let market = &mut self.markets[taker.market];
        let node = self.slab.node(maker);
        let price = if taker.price == 0 { node.price } else { taker.price };
        let notional = market.lot_price(price) * lots;
        let base_units = lots * market.lot_size;
        // A rebate is never more than the taker of the same fill pays.
        let maker_ppm = node.maker_ppm.max(-taker.fee_ppm);
        let maker_fee = charge(notional, maker_ppm, node.prepaid);
        let prepaid = prepaid_after(notional, maker_ppm, node.prepaid, maker_fee);
        let (maker_account, left) = (node.account, node.remaining - lots);
        let released = if node.is_sell() {
            base_units
        } else {
            let held = cost_of(market, node, node.remaining, node.prepaid);
            held - if left == 0 { 0 } else { cost_of(market, node, left, prepaid) }
        };
        if left == 0 {
            market.book.unlink(&mut self.slab, maker);
            self.slab.node_mut(maker).remaining = 0;
        } else {
            market.book.reduce(&mut self.slab, maker, lots);
        }
        self.slab.node_mut(maker).prepaid = prepaid;
        let taker_fee = taker.fill(notional, notional, lots);

        let earned = share(notional, i64::from(taker.fee_ppm) + i64::from(maker_ppm));
        let protocol = share(earned, i64::from(market.parameters.protocol_share_ppm));
        let mut swap = Swap {
            buyer: taker.account,
            seller: maker_account,
            base: market.base,
            quote: market.quote,
            units: base_units,
            paid: notional + taker_fee,
            received: notional - maker_fee,
            buyer_released: 0,
            seller_released: released,
            venue: earned - protocol,
            protocol,
            dust: taker_fee + maker_fee - earned,
        };
        if taker.side == 1 {
            swap.buyer = maker_account;
            swap.seller = taker.account;
            swap.paid = notional + maker_fee;
            swap.received = notional - taker_fee;
            swap.buyer_released = released;
            swap.seller_released = 0;
        }
        self.funds.touch(maker_account);
        self.funds.swap(&swap);

        let alarmed = price <= market.alarm.0 || price >= market.alarm.1;
        let linked = self.slab.node(maker).flags & flag::LINKED != 0;
        let deal = Deal { price, lots, notional, maker_fee, taker_fee, left };
        self.report_trade(taker, maker, &deal);
        if self.is_shared(taker, maker) {
            let payers = self.payers(taker, (taker.fee_ppm, taker_fee), maker, (maker_ppm, maker_fee));
            let market = taker.market;
            self.share_fill(Charged { market, payers, lots, notional, basis: notional, earned, protocol });
        }
        if alarmed {
            self.observe_trigger_price(taker.market as u32, algo::LAST, price);
        }
        if left == 0 {
            self.close(maker, state::FILLED, reason::NONE);
            if linked {
                self.refill_slices();
            }
        }
    }

    /// Note a trade in the tape and in the maker's record, and tell of it.
    #[inline(always)]
    pub(crate) fn report_trade(&mut self, taker: &Taker, maker: u32, deal: &Deal) {
        let Deal { price, lots, notional, maker_fee, taker_fee, left } = *deal;
        let market = &mut self.markets[taker.market];
        let trade_id = self.next_trade_id;
        self.next_trade_id += 1;
        self.out.trade_count += 1;
        let side = taker.side as u8;
        market.record(Trade { trade_id, price, lots, taker_side: side, time_ms: self.now_ms }, notional);
        let cold = &mut self.slab.cold[maker as usize];
        let maker_filled = cold.filled().after(notional, lots, maker_fee);
        if !self.out.enabled {
            cold.set_filled(maker_filled);
            return;
        }
        let trade = Trade { trade_id, price, lots, taker_side: side, time_ms: self.now_ms };
        self.out.trades.push((market.number, trade));
        let stamp = Stamp { group: self.group, sequence: self.sequence, now_ms: self.now_ms };
        let mut fill = FillView {
            trade_id,
            price,
            lots,
            notional,
            fee: maker_fee,
            fee_asset: self.funds.assets[market.quote as usize].id,
            role: 0,
            mark: market.mark_of_perpetual(),
            state: state_of(left),
            filled: maker_filled,
        };
        self.out.fill(stamp, cold, &fill);
        cold.set_filled(maker_filled);
        (fill.fee, fill.role) = (taker_fee, 1);
        (fill.state, fill.filled) = (state_of(taker.remaining), taker.filled);
        self.out.fill(stamp, self.slab.cold(taker.slot), &fill);
    }

    /// After matching: a filled order closes, one that had to stop is cancelled, any other rests. The ack
    /// of the order.
    #[inline(never)]
    pub(crate) fn settle_remainder(&mut self, slot: u32, why: u8) -> Ack {
        let node = self.slab.node(slot);
        let (remaining, flags, filled) = (node.remaining, node.flags, self.slab.cold(slot).filled);
        let mut ack = Ack { order_id: node.order_id, filled, ..Ack::default() };
        let spent = why == reason::BUDGET && flags & flag::QUOTE_SIZE != 0 && filled > 0;
        if remaining == 0 || spent {
            ack.state = state::FILLED;
            if spent {
                self.order_event(slot, state::FILLED, reason::NONE);
            }
            self.close(slot, state::FILLED, reason::NONE);
        } else if why != reason::NONE {
            ack.state = state::CANCELLED;
            ack.reason = why;
            self.close(slot, state::CANCELLED, why);
        } else {
            ack.state = state::OPEN;
            ack.remaining = remaining;
            self.rest(slot);
        }
        ack
    }

    /// Put what remains of an order into the book and hold what it needs.
    pub(crate) fn rest(&mut self, slot: u32) {
        self.enter_book(slot);
        let node = self.slab.node(slot);
        if node.position == NOT_RESTING {
            let (account, flags, order_id) = (node.account, node.flags, node.order_id);
            self.list_order(slot, account);
            if flags & flag::TIMED != 0 {
                let expires_ms = self.slab.cold(slot).expires_ms;
                self.expiries.insert((expires_ms, order_id));
                self.next_timer = self.next_timer.min(expires_ms);
            }
        }
        self.order_event(slot, state::OPEN, reason::NONE);
    }

    /// Into the book, with its hold.
    #[inline(always)]
    pub(crate) fn enter_book(&mut self, slot: u32) {
        let node = self.slab.node(slot);
        let number = node.market as usize;
        let account = node.account;
        let market = &mut self.markets[number];
        let (asset, hold) = hold_of(market, node);
        let contract = market.kind != SPOT;
        market.book.push(&mut self.slab, slot);
        self.touch_market(number);
        self.funds.hold(account, asset, hold);
        if contract {
            self.reserve_order(slot);
        }
    }

    /// Note an order in its account's list.
    #[inline(always)]
    pub(crate) fn list_order(&mut self, slot: u32, account: u32) {
        let orders = &mut self.funds.account_mut(account).orders;
        self.slab.node_mut(slot).position = orders.len() as u32;
        orders.push(slot);
    }

    /// Take an order out of the book, release its hold and close it as cancelled.
    #[inline(always)]
    pub(crate) fn cancel_open(&mut self, slot: u32, why: u8) -> Ack {
        let (order_id, filled) = (self.slab.node(slot).order_id, self.slab.cold(slot).filled);
        self.take_down(slot, why);
        Ack { order_id, filled, state: state::CANCELLED, reason: why, ..Ack::default() }
    }

    fn take_down(&mut self, slot: u32, why: u8) {
        self.withdraw_from_book(slot);
        self.close(slot, state::CANCELLED, why);
    }

    /// Out of the book, hold released; the order itself stays.
    #[inline(always)]
    pub(crate) fn withdraw_from_book(&mut self, slot: u32) {
        let node = self.slab.node(slot);
        let (number, account) = (node.market as usize, node.account);
        let market = &mut self.markets[number];
        let contract = market.kind != SPOT;
        let (asset, hold) = hold_of(market, node);
        market.book.unlink(&mut self.slab, slot);
        self.touch_market(number);
        self.funds.hold(account, asset, -hold);
        if contract {
            self.release_order(slot);
        }
    }

    /// The end of an order that is no longer in the book: its record, its ids, its memory.
    #[inline(always)]
    pub(crate) fn close(&mut self, slot: u32, state: u8, why: u8) {
        let stamp = Stamp { group: self.group, sequence: self.sequence, now_ms: self.now_ms };
        let (node, cold) = (&self.slab.nodes[slot as usize], &self.slab.cold[slot as usize]);
        if state == state::CANCELLED {
            self.out.order_event(stamp, cold, state, why);
        }
        let filled = cold.filled;
        if filled > 0 {
            self.out.closed_order(stamp, cold, state, why);
        } else {
            self.closed.keep(cold, why, self.now_ms);
        }
        let linked = node.flags & flag::LINKED != 0;
        let (order_id, position, client, account) = (node.order_id, node.position, node.client, node.account);
        if node.flags & flag::TIMED != 0 {
            self.expiries.remove(&(cold.expires_ms, order_id));
            self.find_next_timer();
        }
        if client != NO_CLIENT && filled > 0 {
            self.clients.finish(client, state, filled);
        }
        if position != NOT_RESTING {
            let orders = &mut self.funds.account_mut(account).orders;
            orders.swap_remove(position as usize);
            if let Some(moved) = orders.get(position as usize) {
                self.slab.nodes[*moved as usize].position = position;
            }
        }
        self.ids.remove(order_id);
        self.slab.remove(slot);
        if linked {
            self.linked_closed(order_id, filled, state, why);
        }
    }
}

/// State of an order with so many lots left, after a fill.
#[inline(always)]
pub(crate) fn state_of(remaining: i64) -> u8 {
    if remaining == 0 {
        state::FILLED
    } else {
        state::OPEN
    }
}
