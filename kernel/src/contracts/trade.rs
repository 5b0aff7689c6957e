//! A match of a contract: the same steps as a spot trade, but positions move instead of balances.

use super::checks::Bid;
use super::reckon::PositionFill;
use super::{OUTCOME, SPOT};
use crate::accounts;
use crate::codes::{reason, state};
use crate::kernel::Kernel;
use crate::mandates::Charged;
use crate::matching::{Deal, Taker};
use crate::num::{charge, prepaid_after, share};
use crate::outcomes::holding::Open;
use crate::outcomes::payouts::fee_base;
use crate::slab::Node;
use crate::wire::{flag, ALL_MARKETS};

impl Kernel {
    /// One trade of a contract between the taker and the order at the head of the opposite queue.
    #[inline(never)]
    pub(crate) fn trade_contract(&mut self, taker: &mut Taker, maker: u32, lots: i64) {
        let market = &mut self.markets[taker.market];
        let price = if taker.price == 0 { self.slab.node(maker).price } else { taker.price };
        let notional = market.lot_price(price) * lots;
        let (quote, kind) = (market.quote, market.kind);
        // An outcome is charged on `p * (1 - p)`: fees are largest where the outcome is least certain.
        let charged =
            if kind == OUTCOME { fee_base(notional, price, market.contract.one()) } else { notional };
        let maker_node = *self.slab.node(maker);
        let reserved_ppm = maker_node.taker_ppm;
        let maker_ppm = maker_node.maker_ppm.max(-taker.fee_ppm);
        let maker_fee = charge(charged, maker_ppm, maker_node.prepaid);
        let left = maker_node.remaining - lots;
        if left == 0 {
            market.book.unlink(&mut self.slab, maker);
            self.slab.node_mut(maker).remaining = 0;
        } else {
            market.book.reduce(&mut self.slab, maker, lots);
        }
        self.slab.node_mut(maker).prepaid = prepaid_after(charged, maker_ppm, maker_node.prepaid, maker_fee);
        let taker_fee = taker.fill(notional, charged, lots);
        self.slab.node_mut(taker.slot).remaining = taker.remaining;
        let protocol_ppm = i64::from(market.parameters.protocol_share_ppm);
        let earned = share(charged, i64::from(taker.fee_ppm) + i64::from(maker_ppm));
        let protocol = share(earned, protocol_ppm);
        let alarmed = price <= market.alarm.0 || price >= market.alarm.1;
        self.report_trade(taker, maker, &Deal { price, lots, notional, maker_fee, taker_fee, left });
        let shared = self.is_shared(taker, maker);
        let payers =
            shared.then(|| self.payers(taker, (taker.fee_ppm, taker_fee), maker, (maker_ppm, maker_fee)));
        if left == 0 {
            self.unlist_reduce_only(maker);
            self.close(maker, state::FILLED, reason::NONE);
        }

        let (account, resting) = (taker.account, maker_node.account);
        let bought = if taker.side == 0 { lots } else { -lots };
        self.funds.touch(resting);
        if kind == OUTCOME {
            self.funds.change_cash(resting, quote, -maker_fee);
            self.funds.change_cash(account, quote, -taker_fee);
            self.release_lots(&maker_node, lots, reserved_ppm);
            self.settle_outcome(resting, taker.market, -bought, price);
            self.settle_outcome(account, taker.market, bought, price);
        } else {
            let value = if taker.side == 0 { notional } else { -notional };
            let counted = if maker_node.flags & flag::REDUCE_ONLY == 0 { lots } else { 0 };
            let made = PositionFill { lots: -bought, value: -value, fee: maker_fee, resting: counted };
            self.fill_position(resting, taker.market, &made);
            let taken = PositionFill { lots: bought, value, fee: taker_fee, resting: 0 };
            self.fill_position(account, taker.market, &taken);
        }
        let funds = &mut self.funds;
        funds.change_reserved(accounts::VENUE_FEES, quote, earned - protocol);
        funds.change_reserved(accounts::PROTOCOL_FEES, quote, protocol);
        funds.change_reserved(accounts::DUST, quote, taker_fee + maker_fee - earned);
        if let Some(payers) = payers {
            let (market, basis) = (taker.market, charged);
            self.share_fill(Charged { market, payers, lots, notional, basis, earned, protocol });
        }
        if alarmed {
            self.observe_trigger_price(taker.market as u32, crate::algo::LAST, price);
        }
        if left == 0 && maker_node.flags & flag::LINKED != 0 {
            self.refill_slices();
        }
    }

    /// Cash of an outcome trade: the price changes hands at once.
    fn settle_outcome(&mut self, account: u32, market: usize, lots: i64, price: i64) {
        let record = &self.markets[market];
        let (value, settlement) = (lots * record.lot_price(price), record.quote);
        self.funds.change_cash(account, settlement, -value);
        self.outcome_fill(account, market, lots, value);
    }

    /// A contract order entered the book: it counts towards margin.
    #[inline(never)]
    pub(crate) fn reserve_order(&mut self, slot: u32) {
        let node = *self.slab.node(slot);
        let market = node.market as usize;
        if node.flags & flag::REDUCE_ONLY != 0 {
            self.count_reduce_only(node.account, market, true);
        }
        let taker_ppm = self.slab.node(slot).taker_ppm;
        self.reserve_lots(&node, node.remaining, taker_ppm);
    }

    /// A contract order left the book: it no longer counts.
    #[inline(never)]
    pub(crate) fn release_order(&mut self, slot: u32) {
        let node = *self.slab.node(slot);
        let taker_ppm = self.slab.node(slot).taker_ppm;
        self.release_lots(&node, node.remaining, taker_ppm);
        self.unlist_reduce_only(slot);
    }

    /// `lots` more of a resting order that was accepted with this taker fee.
    pub(crate) fn reserve_lots(&mut self, node: &Node, lots: i64, taker_ppm: i32) {
        let market = node.market as usize;
        if self.markets[market].kind == OUTCOME {
            self.outcome_rest(node, lots, taker_ppm);
        } else if node.flags & flag::REDUCE_ONLY == 0 {
            self.reserve(node.account, market, node.side(), lots);
        }
    }

    /// As `reserve_lots`, of a plain order that entered the book whole; `open` is what `passes` said.
    #[inline(never)]
    pub(crate) fn reserve_plain(&mut self, market: u32, bid: &Bid, open: Open) {
        if self.markets[market as usize].kind == OUTCOME {
            self.outcome_reserve(bid.account, market, open);
        } else {
            self.reserve(bid.account, market as usize, bid.side, bid.lots);
        }
    }

    /// `lots` less of a resting order.
    #[inline]
    pub(crate) fn release_lots(&mut self, node: &Node, lots: i64, taker_ppm: i32) {
        self.reserve_lots(node, -lots, taker_ppm);
    }

    /// A reduce-only order leaves the book: its position counts one less.
    fn unlist_reduce_only(&mut self, slot: u32) {
        let node = *self.slab.node(slot);
        if node.flags & flag::REDUCE_ONLY != 0 {
            self.count_reduce_only(node.account, node.market as usize, false);
        }
    }

    fn count_reduce_only(&mut self, account: u32, market: usize, more: bool) {
        if self.markets[market].kind == OUTCOME {
            return self.count_outcome_reduce(account, market, more);
        }
        let at = self.open_position(account, market);
        let count = &mut self.markets[market].contract.positions[at].reduce_orders;
        *count = if more { *count + 1 } else { *count - 1 };
    }

    /// After a position moved: its resting reduce-only orders shrink to what they could still take off, or are cancelled.
    #[cold]
    pub(crate) fn trim_reduce_orders(&mut self, account: u32, market: usize) {
        let Some(position) = self.position(account, market) else { return };
        let left = [position.reducible(0), position.reducible(1)];
        self.trim_reduce_orders_to(account, market, left);
    }

    /// An account's resting reduce-only orders in a market shrink to `left` lots by side, or are cancelled.
    #[cold]
    pub(crate) fn trim_reduce_orders_to(&mut self, account: u32, market: usize, left: [i64; 2]) {
        let mut trimmed: Vec<(u64, u32)> = Vec::new();
        for slot in &self.funds.account(account).orders {
            let node = self.slab.node(*slot);
            let here = node.market as usize == market && node.flags & flag::REDUCE_ONLY != 0;
            if here && node.remaining > left[node.side()] {
                trimmed.push((self.slab.cold(*slot).order_id, *slot));
            }
        }
        trimmed.sort_unstable();
        for (_, slot) in trimmed {
            let node = *self.slab.node(slot);
            let left = left[node.side()];
            if left == 0 {
                self.cancel_open(slot, reason::REDUCE_ONLY);
            } else {
                self.touch_market(market);
                self.markets[market].book.reduce(&mut self.slab, slot, node.remaining - left);
                let cold = self.slab.cold_mut(slot);
                cold.size -= node.remaining - left;
                let taker_ppm = node.taker_ppm;
                self.release_lots(&node, node.remaining - left, taker_ppm);
                self.order_event(slot, state::OPEN, reason::NONE);
            }
        }
    }

    /// At the end of a command: accounts whose cash fell below what they hold lose their spot buys, youngest first, until it
    /// covers what is left.
    #[cold]
    pub(crate) fn relieve_holds(&mut self, account: u32) {
        while let Some(slot) = self.youngest_hold(account) {
            self.cancel_open(slot, reason::MARGIN);
        }
    }

    /// The youngest open order that holds S of an account that holds more than it has.
    fn youngest_hold(&self, account: u32) -> Option<u32> {
        let margin = self.funds.margin(account)?;
        if margin.held <= margin.cash.max(0) {
            return None;
        }
        let holds = |slot: &&u32| {
            let node = self.slab.node(**slot);
            let market = &self.markets[node.market as usize];
            market.kind == SPOT
                && if node.is_sell() { market.base } else { market.quote } == self.funds.settlement
        };
        let orders = self.funds.account(account).orders.iter();
        orders.filter(holds).max_by_key(|slot| self.slab.cold(**slot).order_id).copied()
    }
}

const _: () = assert!(ALL_MARKETS == super::CROSS);
