//! Matching: price first, then time, at the maker's price.
//!
//! A taker walks the opposite queue from its head. Each step is one of: a maker whose time is up is
//! cancelled; an order of the same owner is treated as the taker's self-trade mode says; else the two
//! trade. A trade moves base one way and quote the other, charges both fees and splits them at once. A
//! maker's hold shrinks with what it needed; a taker holds nothing while it matches, its whole need was
//! checked before.

use crate::book::NIL_PRICE;
use crate::codes::{reason, state};
use crate::contracts::SPOT;
use crate::kernel::Kernel;
use crate::mandates::Charged;
use crate::market::{Market, Trade};
use crate::num::{affordable_lots, charge, prepaid_after, share};
use crate::output::{Ack, FillView, OrderView};
use crate::place::{Entrance, NOT_RESTING};
use crate::slab::{Cold, Node, NO_CLIENT};
use crate::wire::{flag, STP_CANCEL_BOTH, STP_CANCEL_MAKER};
use crate::{accounts, algo, codes};

/// An order while it takes.
pub(crate) struct Taker {
    pub slot: u32,
    pub account: u32,
    pub owner: u64,
    pub market: usize,
    pub side: usize,
    pub limit: i64,
    pub budget: i64,
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
        let node = kernel.slab.node(slot);
        Taker {
            slot,
            account: node.account,
            owner: kernel.funds.account(node.account).owner,
            market: node.market as usize,
            side: node.side(),
            limit: entrance.limit,
            budget: entrance.budget,
            stp: node.stp,
            fee_ppm: kernel.slab.cold(slot).taker_ppm,
            quote_size: node.flags & flag::QUOTE_SIZE != 0,
            price: 0,
            max_matches: kernel.markets[node.market as usize].parameters.max_matches,
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

/// What an open order may still cost: (slot of the asset, units). Quote with fee for a buy, base for a sell.
#[inline]
pub(crate) fn hold_of(market: &Market, node: &Node, cold: &Cold) -> (u32, i64) {
    if market.kind != SPOT {
        return (market.quote, 0);
    }
    if node.is_sell() {
        return (market.base, node.remaining * market.lot_size);
    }
    let notional = market.lot_price(node.price) * node.remaining;
    (market.quote, notional + charge(notional, cold.taker_ppm, cold.prepaid).max(0))
}

impl Kernel {
    /// Trade while the opposite side is within reach. The answer is why it had to stop, `NONE` if it only
    /// ran out of partners or size.
    #[inline]
    pub(crate) fn match_taker(&mut self, taker: &mut Taker) -> u8 {
        let opposite = 1 - taker.side;
        let mut steps = 0;
        self.touch_market(taker.market);
        while self.slab.node(taker.slot).remaining > 0 {
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
            let node = *self.slab.node(maker);
            self.slab.prefetch(node.next);
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
            let mut lots = self.slab.node(taker.slot).remaining.min(node.remaining);
            if taker.budget != i64::MAX {
                let lot_price = market.lot_price(price);
                lots = lots.min(affordable_lots(
                    taker.budget,
                    lot_price,
                    taker.fee_ppm,
                    self.slab.cold(taker.slot).prepaid,
                ));
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
        let mut wanted = self.slab.node(taker.slot).remaining;
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
    #[inline]
    pub(crate) fn trade(&mut self, taker: &mut Taker, maker: u32, lots: i64) {
        if self.markets[taker.market].kind != SPOT {
            return self.trade_contract(taker, maker, lots);
        }
        let market = &mut self.markets[taker.market];
        let price = if taker.price == 0 { self.slab.node(maker).price } else { taker.price };
        let notional = market.lot_price(price) * lots;
        let base_units = lots * market.lot_size;
        let (base, quote) = (market.base, market.quote);

        let (_, held_before) = hold_of(market, self.slab.node(maker), self.slab.cold(maker));
        // A rebate is never more than the taker of the same fill pays.
        let maker_ppm = self.slab.cold(maker).maker_ppm.max(-taker.fee_ppm);
        let maker_fee = fill_cold(self.slab.cold_mut(maker), notional, lots, maker_ppm);
        let maker_node = *self.slab.node(maker);
        let emptied = maker_node.remaining == lots;
        if emptied {
            market.book.unlink(&mut self.slab, maker);
            self.slab.node_mut(maker).remaining = 0;
        } else {
            market.book.reduce(&mut self.slab, maker, lots);
        }
        let (_, held_after) = hold_of(market, self.slab.node(maker), self.slab.cold(maker));
        let released = held_before - held_after;

        let taker_fee = fill_cold(self.slab.cold_mut(taker.slot), notional, lots, taker.fee_ppm);
        if taker.quote_size {
            self.slab.cold_mut(taker.slot).size += lots;
        } else {
            self.slab.node_mut(taker.slot).remaining -= lots;
        }
        if taker.budget != i64::MAX {
            taker.budget -= notional + taker_fee;
        }

        let funds = &mut self.funds;
        funds.touch(maker_node.account);
        if taker.side == 0 {
            funds.change(taker.account, quote, -(notional + taker_fee), 0);
            funds.change(taker.account, base, base_units, 0);
            funds.change(maker_node.account, base, -base_units, -released);
            funds.change(maker_node.account, quote, notional - maker_fee, 0);
        } else {
            funds.change(taker.account, base, -base_units, 0);
            funds.change(taker.account, quote, notional - taker_fee, 0);
            funds.change(maker_node.account, quote, -(notional + maker_fee), -released);
            funds.change(maker_node.account, base, base_units, 0);
        }
        let earned = share(notional, i64::from(taker.fee_ppm) + i64::from(maker_ppm));
        let protocol = share(earned, i64::from(market.parameters.protocol_share_ppm));
        funds.change_reserved(accounts::VENUE_FEES, quote, earned - protocol);
        funds.change_reserved(accounts::PROTOCOL_FEES, quote, protocol);
        funds.change_reserved(accounts::DUST, quote, taker_fee + maker_fee - earned);

        let (trade_id, time_ms) = (self.next_trade_id, self.now_ms);
        // Made anew for each use: a copy of one just written to memory would wait for the writes.
        let trade = || Trade { trade_id, price, lots, taker_side: taker.side as u8, time_ms };
        self.next_trade_id += 1;
        self.out.trade_count += 1;
        market.record(trade(), notional);
        let alarmed = price <= market.alarm.0 || price >= market.alarm.1;
        if self.mandates.share_fills() {
            let payers = self.payers(taker, (taker.fee_ppm, taker_fee), maker, (maker_ppm, maker_fee));
            let market = taker.market;
            self.share_fill(Charged { market, payers, lots, notional, basis: notional, earned, protocol });
        }
        if self.out.enabled {
            let number = self.markets[taker.market].number;
            self.out.trades.push((number, trade()));
            self.report_fill(maker, trade(), notional, maker_fee, 0);
            self.report_fill(taker.slot, trade(), notional, taker_fee, 1);
        }
        if alarmed {
            self.observe_trigger_price(taker.market as u32, algo::LAST, price);
        }
        if emptied {
            self.close(maker, state::FILLED, reason::NONE);
            if maker_node.flags & flag::LINKED != 0 {
                self.refill_slices();
            }
        }
    }

    #[inline(always)]
    pub(crate) fn report_fill(&mut self, slot: u32, trade: Trade, notional: i64, fee: i64, role: u8) {
        let node = &self.slab.nodes[slot as usize];
        let cold = &self.slab.cold[slot as usize];
        let quote = self.markets[node.market as usize].quote;
        let order = OrderView {
            account: self.funds.account(node.account).number,
            node,
            cold,
            state: if node.remaining == 0 { state::FILLED } else { state::OPEN },
            reason: reason::NONE,
        };
        let fill = FillView {
            trade_id: trade.trade_id,
            price: trade.price,
            lots: trade.lots,
            notional,
            fee,
            fee_asset: self.funds.assets[quote as usize].id,
            role,
        };
        let stamp = crate::output::Stamp { group: self.group, sequence: self.sequence, now_ms: self.now_ms };
        self.out.fill(stamp, order, fill);
    }

    /// After matching: a filled order closes, one that had to stop is cancelled, any other rests. The ack
    /// of the order.
    #[inline(always)]
    pub(crate) fn settle_remainder(&mut self, slot: u32, why: u8) -> Ack {
        let (node, cold) = (self.slab.node(slot), self.slab.cold(slot));
        let (remaining, flags, filled) = (node.remaining, node.flags, cold.filled);
        let mut ack = Ack { order_id: cold.order_id, filled, ..Ack::default() };
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
    #[inline]
    pub(crate) fn rest(&mut self, slot: u32) {
        let node = *self.slab.node(slot);
        let number = node.market as usize;
        self.touch_market(number);
        let market = &mut self.markets[number];
        let (asset, hold) = hold_of(market, &node, self.slab.cold(slot));
        self.funds.hold(node.account, asset, hold);
        market.book.push(&mut self.slab, slot);
        if market.kind != SPOT {
            self.reserve_order(slot);
        }
        let cold = self.slab.cold_mut(slot);
        if cold.position == NOT_RESTING {
            let orders = &mut self.funds.account_mut(node.account).orders;
            cold.position = orders.len() as u32;
            orders.push(slot);
            if node.flags & flag::TIMED != 0 {
                self.expiries.insert((cold.expires_ms, cold.order_id));
                self.next_timer = self.next_timer.min(cold.expires_ms);
            }
        }
        self.order_event(slot, state::OPEN, reason::NONE);
    }

    /// Take an order out of the book, release its hold and close it as cancelled.
    #[inline(always)]
    pub(crate) fn cancel_open(&mut self, slot: u32, why: u8) -> Ack {
        let (order_id, filled) = (self.slab.cold(slot).order_id, self.slab.cold(slot).filled);
        self.take_down(slot, why);
        Ack { order_id, filled, state: state::CANCELLED, reason: why, ..Ack::default() }
    }

    fn take_down(&mut self, slot: u32, why: u8) {
        self.withdraw_from_book(slot);
        self.close(slot, state::CANCELLED, why);
    }

    /// Out of the book, hold released; the order itself stays.
    #[inline]
    pub(crate) fn withdraw_from_book(&mut self, slot: u32) {
        let node = *self.slab.node(slot);
        let number = node.market as usize;
        self.touch_market(number);
        let market = &mut self.markets[number];
        let (asset, hold) = hold_of(market, &node, self.slab.cold(slot));
        market.book.unlink(&mut self.slab, slot);
        let kind = market.kind;
        self.funds.hold(node.account, asset, -hold);
        if kind != SPOT {
            self.release_order(slot);
        }
    }

    /// The end of an order that is no longer in the book: its record, its ids, its memory.
    #[inline]
    pub(crate) fn close(&mut self, slot: u32, state: u8, why: u8) {
        if state == codes::state::CANCELLED {
            self.order_event(slot, state, why);
        }
        let node = self.slab.nodes[slot as usize];
        let cold = &self.slab.cold[slot as usize];
        let (order_id, position, client, filled) = (cold.order_id, cold.position, cold.client, cold.filled);
        let account = self.funds.account_mut(node.account);
        let number = account.number;
        if filled > 0 {
            let stamp =
                crate::output::Stamp { group: self.group, sequence: self.sequence, now_ms: self.now_ms };
            self.out
                .closed_order(stamp, OrderView { account: number, node: &node, cold, state, reason: why });
        } else {
            self.closed.push(&node, cold, number, why, self.now_ms);
        }
        let linked = node.flags & flag::LINKED != 0;
        if node.flags & flag::TIMED != 0 {
            self.expiries.remove(&(cold.expires_ms, order_id));
            self.find_next_timer();
        }
        if client != NO_CLIENT {
            self.clients.finish(client, state, filled);
        }
        if position != NOT_RESTING {
            let orders = &mut self.funds.account_mut(node.account).orders;
            orders.swap_remove(position as usize);
            if let Some(moved) = orders.get(position as usize) {
                self.slab.cold[*moved as usize].position = position;
            }
        }
        self.ids.remove(order_id);
        self.slab.remove(slot);
        if linked {
            self.linked_closed(order_id, filled, state, why);
        }
    }
}

/// Note a fill in an order; returns the fee it is charged (negative: a rebate).
#[inline]
fn fill_cold(cold: &mut Cold, notional: i64, lots: i64, ppm: i32) -> i64 {
    let fee = charge(notional, ppm, cold.prepaid);
    cold.prepaid = prepaid_after(notional, ppm, cold.prepaid, fee);
    cold.filled += lots;
    // Only told, never paid from; recycled money may carry them past any single order's notional.
    cold.filled_quote = cold.filled_quote.saturating_add(notional);
    cold.fee = cold.fee.saturating_add(fee);
    fee
}
