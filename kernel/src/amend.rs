//! Amend: a smaller size at the same price keeps the order's place in the queue; anything else leaves the
//! book and enters again, with the same id.
//!
//! The new size is the total, what has filled included. The order keeps the fees it was accepted with. A
//! post-only order whose new price would take is cancelled, as it would have been when placed.

use crate::accounts::BOUND;
use crate::cancel::Named;
use crate::codes::{reason, state, Reject};
use crate::contracts::SPOT;
use crate::kernel::{Kernel, Outcome};
use crate::matching::{hold_of, Taker};
use crate::num::{charge, product, MAX_QUANTITY};
use crate::output::Ack;
use crate::place::{client_id, Entrance};
use crate::slab::NIL;
use crate::wire::{flag, i64_at, u64_at, zeros, Frame};

const BODY: usize = 40;

/// What an order is to become.
#[derive(Clone, Copy)]
struct Change {
    price: i64,
    size: i64,
    remaining: i64,
    /// It only shrinks in place.
    keeps_priority: bool,
}

impl Kernel {
    pub(crate) fn amend(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() < BODY || body.len() != BODY + body[32] as usize || !zeros(&body[33..BODY]) {
            return Err(Reject::InputBody);
        }
        let client = &body[BODY..];
        client_id(client)?;
        let (price, size) = (i64_at(body, 8), i64_at(body, 16));
        if frame.flags & !(flag::CANCEL_ON_FAIL | flag::NO) != 0 {
            return Err(Reject::InputEnum);
        }
        if !(0..=MAX_QUANTITY).contains(&price) {
            return Err(Reject::InputPrice);
        }
        if !(0..=MAX_QUANTITY).contains(&size) {
            return Err(Reject::InputSize);
        }
        let Named { slot } = match self.find_order(frame, u64_at(body, 0), client, u64_at(body, 24), NIL) {
            Ok(named) => named,
            Err(missing) => return missing.outcome(),
        };
        let price = if frame.flags & flag::NO != 0 { self.yes_price(slot, price)? } else { price };
        let expires_ms = self.slab.cold(slot).expires_ms;
        if expires_ms != 0 && expires_ms <= self.now_ms {
            let ack = self.cancel_open(slot, reason::EXPIRED);
            return Ok(Ack { code: Reject::MatchingOrderClosed as u16, ..ack });
        }
        match self
            .check_key_amend(frame, slot, price, size)
            .and_then(|()| self.check_amend(slot, price, size))
        {
            Ok(change) => Ok(self.carry_out(slot, change)),
            Err(reject) if frame.flags & flag::CANCEL_ON_FAIL != 0 => {
                let ack = self.cancel_open(slot, reason::AMEND_FAILED);
                Ok(Ack { code: reject as u16, ..ack })
            }
            Err(reject) => Err(reject),
        }
    }

    fn check_amend(&self, slot: u32, price: i64, size: i64) -> Result<Change, Reject> {
        let (node, cold) = (self.slab.node(slot), self.slab.cold(slot));
        let market = &self.markets[node.market as usize];
        let price = if price == 0 { node.price } else { price };
        let size = if size == 0 { cold.size } else { size };
        if price == node.price && size == cold.size {
            return Err(Reject::InputNoChange);
        }
        let keeps_priority = price == node.price && size < cold.size;
        let owner = self.funds.account(node.account);
        if owner.flags & BOUND != 0 && !keeps_priority {
            owner.permits(Some(market.kind), node.flags)?;
        }
        if !self.takes(market, node.flags) {
            self.check_collects(market)?;
        }
        let remaining = size - cold.filled;
        if remaining <= 0 {
            return Err(Reject::MatchingBelowFilled);
        }
        let parameters = &market.parameters;
        if !(parameters.min_lots..=parameters.max_lots).contains(&size) {
            return Err(Reject::InputSize);
        }
        let side = node.side();
        let whole = product(price, size, market.tick_quote).ok_or(Reject::InputOverflow)?;
        let base = size.checked_mul(market.lot_size).ok_or(Reject::InputOverflow)?;
        whole.checked_add(charge(whole, node.taker_ppm, 0)).ok_or(Reject::InputOverflow)?;
        if market.book.level_count(side) >= parameters.max_levels && market.book.level(side, price).is_none()
        {
            return Err(Reject::StateTooManyLevels);
        }
        if price != node.price && !market.within_band(side, price) {
            return Err(Reject::RiskPriceBand);
        }
        if whole < parameters.min_notional {
            return Err(Reject::RiskMinNotional);
        }
        let mut amended = *node;
        amended.price = price;
        amended.remaining = remaining;
        debug_assert!(base > 0);
        if market.kind != SPOT {
            self.check_amend_contract(&amended, node, node.taker_ppm)?;
            return Ok(Change { price, size, remaining, keeps_priority });
        }
        let (asset, hold) = hold_of(market, &amended);
        let (_, held) = hold_of(market, node);
        if owner.free(asset) < hold - held {
            return Err(Reject::RiskInsufficientBalance);
        }
        if owner.margin != 0 && !keeps_priority {
            let number = market.number as usize;
            self.check_spot_margin(node.account, number, side, price, remaining, hold - held)?;
        }
        Ok(Change { price, size, remaining, keeps_priority })
    }

    fn carry_out(&mut self, slot: u32, change: Change) -> Ack {
        if change.keeps_priority {
            return self.shrink(slot, change);
        }
        self.withdraw_from_book(slot);
        let cold = self.slab.cold_mut(slot);
        cold.size = change.size;
        cold.price = change.price;
        let node = self.slab.node_mut(slot);
        node.price = change.price;
        node.remaining = change.remaining;
        let (side, market, post_only) =
            (node.side(), node.market as usize, node.flags & flag::POST_ONLY != 0);
        let book = &self.markets[market].book;
        if book.is_collecting() || !book.crosses(side, change.price) {
            return self.settle_remainder(slot, reason::NONE);
        }
        if post_only {
            return self.settle_remainder(slot, reason::POST_ONLY);
        }
        let mut taker = Taker::new(self, slot, Entrance { limit: change.price, budget: i64::MAX });
        let why = self.match_taker(&mut taker);
        self.settle_remainder(slot, why)
    }

    /// Make an order smaller where it stands.
    fn shrink(&mut self, slot: u32, change: Change) -> Ack {
        let node = *self.slab.node(slot);
        let number = node.market as usize;
        self.touch_market(number);
        let market = &mut self.markets[number];
        let (asset, before) = hold_of(market, &node);
        market.book.reduce(&mut self.slab, slot, node.remaining - change.remaining);
        self.slab.cold_mut(slot).size = change.size;
        let (_, after) = hold_of(market, self.slab.node(slot));
        if market.kind != SPOT {
            let taker_ppm = self.slab.node(slot).taker_ppm;
            self.release_lots(&node, node.remaining - change.remaining, taker_ppm);
        }
        self.funds.hold(node.account, asset, after - before);
        self.order_event(slot, state::OPEN, reason::NONE);
        let cold = self.slab.cold(slot);
        Ack {
            order_id: cold.order_id,
            filled: cold.filled,
            remaining: change.remaining,
            state: state::OPEN,
            ..Ack::default()
        }
    }
}
