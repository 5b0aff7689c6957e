//! What a contract order must pass before it is accepted.
//!
//! An order adds risk if it makes the worst side of position and orders larger. Then equity, less what the order would lose
//! at once against mark at its worst price and its fee, must cover initial margin as it will be. An order that adds none must
//! only not lose more than is left above maintenance: nobody may trade a loss into the insurance fund.

use super::positions::{value, worth};
use super::{Margin, Position, Risk, OUTCOME, SPOT};
use crate::codes::{phase, Reject};
use crate::kernel::Kernel;
use crate::mandates::rate_of;
use crate::market::Market;
use crate::num::{charge, choose, magnitude};
use crate::outcomes::holding::Open;
use crate::place::{Entrance, Place};
use crate::slab::Node;
use crate::wire::flag;

/// A change of an account's orders or position in a market, as its margin sees it.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub side: usize,
    /// Lots more on that side (negative: fewer).
    pub lots: i64,
    /// Units of S lost at once at worst against mark, and fees.
    pub loss: i64,
    pub fee: i64,
}

/// An order as its margin sees it: it trades at `limit` ticks at worst.
pub(crate) struct Bid {
    /// Slot of the account.
    pub account: u32,
    pub side: usize,
    pub limit: i64,
    pub lots: i64,
    pub taker_ppm: i32,
}

impl Kernel {
    /// Whether a market takes an order in its phase: open, or closing and the order is reduce-only.
    #[inline]
    pub(crate) fn takes(&self, market: &Market, flags: u8) -> bool {
        market.is_open()
            || (market.phase == phase::CLOSING && market.kind != SPOT && flags & flag::REDUCE_ONLY != 0)
    }

    /// The kind of a market, by its number.
    #[cold]
    pub(crate) fn kind_of(&self, market: u32) -> Option<u8> {
        self.markets.get(market as usize).map(|market| market.kind)
    }

    /// Whether a number is that of a contract market.
    #[cold]
    pub(crate) fn is_contract(&self, market: u32) -> bool {
        self.markets.get(market as usize).is_some_and(|market| market.kind != SPOT)
    }

    /// Stage RISK of a new contract order; `limit` is the worst price it may trade at.
    #[inline(never)]
    pub(crate) fn check_contract(
        &self,
        place: &Place,
        account: u32,
        market: usize,
        limit: i64,
    ) -> Result<Entrance, Reject> {
        let record = &self.markets[market];
        let entrance = Entrance { limit, budget: i64::MAX };
        if record.kind == OUTCOME {
            return self.check_outcome(place, account, market, limit).map(|()| entrance);
        }
        if place.is_quote_size() {
            return Err(Reject::InputCombination);
        }
        // A reduce-only order counts as well: what it takes off no longer covers the other orders of its side.
        let reduces = place.flags & flag::REDUCE_ONLY != 0;
        if reduces
            && place.size > self.position(account, market).map_or(0, |held| held.reducible(place.side()))
        {
            return Err(Reject::RiskReduceOnly);
        }
        let taker_ppm = record.fees(self.funds.account(account).tier).1 + rate_of(place.builder);
        let bid = Bid { account, side: place.side(), limit, lots: place.size, taker_ppm };
        self.check_bid(record, &bid).map(|()| entrance)
    }

    /// Whether a plain order of a contract passes stage RISK: what it would reserve, of a perpetual nothing.
    #[inline(never)]
    pub(crate) fn passes(&self, market: u32, bid: &Bid) -> Option<Open> {
        let record = &self.markets[market as usize];
        match record.kind {
            OUTCOME => self.check_outcome_bid(record, bid).ok(),
            _ => self.check_bid(record, bid).map(|()| Open::default()).ok(),
        }
    }

    /// Whether a perpetual order passes the margin of its account.
    #[inline]
    fn check_bid(&self, record: &Market, bid: &Bid) -> Result<(), Reject> {
        if record.contract.mark == 0 {
            return Err(Reject::RiskNoPrice);
        }
        let margin = self.funds.margin(bid.account);
        let none = Position::default();
        let at = margin.and_then(|margin| margin.row(record.number));
        let position = at.map_or(&none, |at| &record.contract.positions[at as usize]);
        let risk = margin.map_or_else(|| self.spot_risk(bid.account), Margin::risk);
        let loss = order_loss(record, bid.side, bid.limit, bid.lots, bid.taker_ppm);
        let checked = self.check_step(record, position, risk, loss.ok_or(Reject::InputOverflow)?);
        if checked != Err(Reject::RiskMargin) || !record.book.crosses(bid.side, bid.limit) {
            return checked;
        }
        // If it failed even were all of it done at the best price, there is no need to look at the rest.
        self.check_step(record, position, risk, least_loss(record, bid))?;
        self.check_step(record, position, risk, self.walk_loss(record, bid))
    }

    /// What an order would lose at once at most, given the orders it would meet. Those that may be gone when it gets there
    /// (of its owner, expired, reduce-only) are left out, and what the others do not fill is counted at the limit.
    #[cold]
    fn walk_loss(&self, record: &Market, bid: &Bid) -> Step {
        let Bid { account, side, limit, lots, .. } = *bid;
        let owner = self.funds.account(account).owner;
        let (mut wanted, mut cost) = (lots, 0i128);
        for slot in record.book.queue(&self.slab, 1 - side).take(record.parameters.max_matches as usize) {
            let node = self.slab.node(slot);
            let within = if side == 0 { node.price <= limit } else { node.price >= limit };
            if !within || wanted == 0 {
                break;
            }
            let uncertain = node.flags & (flag::REDUCE_ONLY | flag::TIMED) != 0;
            if uncertain || self.funds.account(node.account).owner == owner {
                continue;
            }
            let met = wanted.min(node.remaining);
            cost += i128::from(met) * i128::from(node.price);
            wanted -= met;
        }
        met_loss(record, bid, cost + i128::from(wanted) * i128::from(limit))
    }

    /// Stage RISK of an amendment of a perpetual order: as if it were taken out and placed anew.
    #[cold]
    pub(crate) fn check_amend_contract(
        &self,
        amended: &Node,
        node: &Node,
        taker_ppm: i32,
    ) -> Result<(), Reject> {
        let (market, account, side) = (node.market as usize, node.account, node.side());
        let record = &self.markets[market];
        if record.kind == OUTCOME {
            return self.check_amend_outcome(amended, node, taker_ppm);
        }
        let loss = order_loss(record, side, amended.price, amended.remaining, taker_ppm);
        let loss = loss.ok_or(Reject::InputOverflow)?;
        let mut position = self.position(account, market).copied().unwrap_or_default();
        if node.flags & flag::REDUCE_ONLY != 0 {
            if amended.remaining > position.reducible(side) {
                return Err(Reject::RiskReduceOnly);
            }
            return self.check_step(record, &position, self.risk(account), loss);
        }
        match side {
            0 => position.open_buy -= node.remaining,
            _ => position.open_sell -= node.remaining,
        }
        self.check_step(record, &position, self.risk(account), loss)
    }

    /// Whether an account may take a step in a market, given its risk and its position there without what the step replaces.
    #[inline]
    fn check_step(&self, record: &Market, position: &Position, risk: Risk, step: Step) -> Result<(), Reject> {
        let contract = &record.contract;
        let before = position.worst_lots();
        // No branch on the side: it cannot be guessed.
        let (bought, sold) = (position.lots + position.open_buy, position.lots - position.open_sell);
        let after = magnitude(choose(step.side == 0, bought + step.lots, sold - step.lots));
        if after <= before {
            let left = risk.equity - risk.maintenance;
            let bearable = step.loss == 0 || step.loss + step.fee <= left;
            return if bearable { Ok(()) } else { Err(Reject::RiskMargin) };
        }
        let worth = worth(after, contract.unit);
        if worth > contract.rules.largest() {
            return Err(Reject::RiskPositionLimit);
        }
        let added = contract.open_interest.saturating_add(step.lots.max(0));
        if contract.rules.interest_cap != 0 && added > contract.rules.interest_cap {
            return Err(Reject::RiskOpenInterest);
        }
        self.check_capacity(value(step.lots.max(0), contract.unit))?;
        let leveraged = !contract.observed || self.leverage_allowed(record)?;
        let Risk { equity, initial, .. } = risk;
        let free = equity.saturating_sub(step.loss + step.fee) - (initial - position.initial);
        // Initial margin is never more than the whole value: who has that needs no reckoning.
        if free >= worth && !position.isolated {
            return Ok(());
        }
        let extra_ppm = contract.rules.extra_ppm(added).max(contract.extra_ppm);
        let whole = if leveraged {
            contract.rules.initial(worth, position.leverage, extra_ppm)
        } else {
            let had = value(before, contract.unit);
            contract.rules.initial(had, position.leverage, extra_ppm) + worth - had
        };
        let own = match position.isolated {
            true => contract.rules.initial(
                value(position.lots.abs(), contract.unit),
                position.leverage,
                extra_ppm,
            ),
            false => 0,
        };
        if free < whole - own {
            return Err(Reject::RiskMargin);
        }
        Ok(())
    }
}

impl Kernel {
    /// Whether the grade of a market's price lets new risk be leveraged; refused when it allows none at all.
    fn leverage_allowed(&self, market: &Market) -> Result<bool, Reject> {
        let grade = market.prices.grade(self.now_ms);
        match grade.allows_new_risk() {
            true => Ok(grade.allows_leverage()),
            false => Err(Reject::RiskPriceGrade),
        }
    }
}

/// Units of S an order would lose at once if it filled whole at `price`: the distance to mark if that is worse, and its fee.
/// `None` when it cannot be counted.
pub(crate) fn order_loss(
    market: &Market,
    side: usize,
    price: i64,
    lots: i64,
    taker_ppm: i32,
) -> Option<Step> {
    let unit = price.checked_mul(market.tick_quote)?;
    let notional = unit.checked_mul(lots).filter(|notional| *notional <= super::MAX_NOTIONAL)?;
    let above = unit - market.contract.unit;
    let worse = choose(side == 0, above, -above);
    let loss = worse.max(0).checked_mul(lots).filter(|loss| *loss <= super::MAX_NOTIONAL)?;
    let fee = charge(notional, taker_ppm, 0).max(0);
    Some(Step { side, lots, loss, fee })
}

/// What an order would lose at once if it cost so many ticks in all.
fn met_loss(market: &Market, bid: &Bid, ticks: i128) -> Step {
    let Bid { side, limit, lots, .. } = *bid;
    let cost = ticks * i128::from(market.tick_quote);
    let marked = i128::from(lots) * i128::from(market.contract.unit);
    let loss = if side == 0 { cost - marked } else { marked - cost };
    // The dearest the whole could trade at bounds the fee.
    let dearest = if side == 0 { limit } else { market.book.best(0).max(limit) };
    let notional = market.lot_price(dearest).saturating_mul(lots);
    let clamped = |units: i128| units.clamp(0, i128::from(super::MAX_NOTIONAL)) as i64;
    Step { side, lots, loss: clamped(loss), fee: charge(notional, bid.taker_ppm, 0).max(0) }
}

/// What a crossing order would lose at once at least: all of it at the best price there is.
#[cold]
fn least_loss(market: &Market, bid: &Bid) -> Step {
    met_loss(market, bid, i128::from(market.book.best(1 - bid.side)) * i128::from(bid.lots))
}
