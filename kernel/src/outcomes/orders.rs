//! Orders of outcome markets: what they must pass, what they reserve, and what a fill does to a holding.
//!
//! Outcomes are paid for with settled money: cash that is not held, less (or, for complete sets, plus) what the account's
//! outcomes may cost at worst, less what its perpetuals have lost. Profit not yet realised and collateral do not count, so
//! that neither leaves through the seller of an outcome.

use super::event::NO_EVENT;
use super::holding::{Holding, Open, MOST};
use super::payouts::largest_lot_base;
use crate::codes::Reject;
use crate::contracts::checks::Bid;
use crate::contracts::{Margin, Risk, CROSS, OUTCOME};
use crate::kernel::Kernel;
use crate::mandates::rate_of;
use crate::market::Market;
use crate::num::charge;
use crate::place::Place;
use crate::slab::Node;
use crate::wire::flag;

/// What `lots` of an order with a limit reserve; `None` if it cannot be counted.
#[inline]
pub(super) fn reserved(market: &Market, sell: bool, limit: i64, lots: i64, taker_ppm: i32) -> Option<Open> {
    let fee = fee_of_lot(market, sell, limit, taker_ppm).checked_mul(lots)?;
    let value = market.lot_price(limit).checked_mul(lots)?;
    let whole = market.lot_price(market.contract.payout_ticks).checked_mul(lots)?;
    (whole <= MOST && fee <= MOST).then_some(Open { sell, lots, value, fee })
}

/// The most a lot of an order that trades at `limit` at worst can be charged.
#[inline]
pub(super) fn fee_of_lot(market: &Market, sell: bool, limit: i64, taker_ppm: i32) -> i64 {
    charge(largest_lot_base(sell, limit, market.contract.one(), market.tick_quote), taker_ppm, 0)
}

/// What `lots` of a resting order reserve, given the most that one is charged.
#[inline(always)]
pub(super) fn part_of(market: &Market, node: &Node, lots: i64, fee: i64) -> Open {
    Open { sell: node.is_sell(), lots, value: market.lot_price(node.price) * lots, fee: fee * lots }
}

impl Kernel {
    /// An order that names the No side of an outcome becomes the order of the Yes side that is the same: to buy No at `p` is to sell
    /// Yes at `payout - p`.
    #[cold]
    pub(crate) fn turn_to_yes(&self, place: &mut Place, market: u32) -> Result<(), Reject> {
        let market = &self.markets[self.market_index(market)?];
        if market.kind != OUTCOME {
            return Err(Reject::InputCombination);
        }
        if place.price >= market.contract.payout_ticks {
            return Err(Reject::InputPrice);
        }
        if place.price != 0 {
            place.price = market.contract.payout_ticks - place.price;
        }
        place.flags ^= flag::SELL;
        Ok(())
    }

    /// Price of the Yes side for one of the No side (0: no change) in an amendment of an outcome order.
    #[cold]
    pub(crate) fn yes_price(&self, slot: u32, price: i64) -> Result<i64, Reject> {
        let market = &self.markets[self.slab.node(slot).market as usize];
        match market.kind {
            OUTCOME if price == 0 => Ok(0),
            OUTCOME if price < market.contract.payout_ticks => Ok(market.contract.payout_ticks - price),
            OUTCOME => Err(Reject::InputPrice),
            _ => Err(Reject::InputCombination),
        }
    }

    /// Whether an account may place an outcome order that trades at `limit` ticks at worst.
    pub(crate) fn check_outcome(
        &self,
        place: &Place,
        account: u32,
        market: usize,
        limit: i64,
    ) -> Result<(), Reject> {
        let record = &self.markets[market];
        if place.is_quote_size() {
            return Err(Reject::InputCombination);
        }
        let one = record.contract.payout_ticks;
        if !(1..one).contains(&limit) || place.price >= one {
            return Err(Reject::InputPrice);
        }
        let side = place.side();
        let reduces = place.flags & flag::REDUCE_ONLY != 0;
        if reduces && place.size > self.outcome_reducible(account, market, side) {
            return Err(Reject::RiskReduceOnly);
        }
        let taker_ppm = record.fees(self.funds.account(account).tier).1 + rate_of(place.builder);
        self.check_outcome_bid(record, &Bid { account, side, limit, lots: place.size, taker_ppm }).map(|_| ())
    }

    /// As `check_outcome`, of an order whose limit can be a price and that is not reduce-only or takes off no more than there is.
    #[inline]
    pub(crate) fn check_outcome_bid(&self, record: &Market, bid: &Bid) -> Result<Open, Reject> {
        let Bid { account, side, limit, lots, taker_ppm } = *bid;
        let cap = record.contract.rules.interest_cap;
        if cap != 0 && side == 0 && record.contract.open_interest.saturating_add(lots) > cap {
            return Err(Reject::RiskOpenInterest);
        }
        let open = reserved(record, side == 1, limit, lots, taker_ppm).ok_or(Reject::InputOverflow)?;
        self.check_open(account, record, open).map(|()| open)
    }

    /// Whether a resting outcome order may become `amended`.
    pub(crate) fn check_amend_outcome(
        &self,
        amended: &Node,
        node: &Node,
        taker_ppm: i32,
    ) -> Result<(), Reject> {
        let market = node.market as usize;
        let record = &self.markets[market];
        if amended.price >= record.contract.payout_ticks {
            return Err(Reject::InputPrice);
        }
        let reducible = self.outcome_reducible(node.account, market, node.side());
        if node.flags & flag::REDUCE_ONLY != 0 && amended.remaining > reducible {
            return Err(Reject::RiskReduceOnly);
        }
        let of = |node: &Node| reserved(record, node.is_sell(), node.price, node.remaining, taker_ppm);
        let (then, now) = (of(amended).ok_or(Reject::InputOverflow)?, of(node).ok_or(Reject::InputOverflow)?);
        let change = Open {
            sell: now.sell,
            lots: then.lots - now.lots,
            value: then.value - now.value,
            fee: then.fee - now.fee,
        };
        self.check_open(node.account, record, change)
    }

    /// Stage RISK of a change of an account's open orders: it adds no risk, or settled money and equity cover what it adds.
    #[inline]
    fn check_open(&self, account: u32, record: &Market, open: Open) -> Result<(), Reject> {
        let contract = &record.contract;
        let parts = (self.outcomes.holding(account, contract.event), self.funds.margin(account));
        if let (Some(holding), Some(margin)) = parts {
            let after = holding.with_order(contract.outcome as usize, open).ok_or(Reject::InputOverflow)?;
            let more = holding.exposure_before_fees().saturating_sub(after);
            let need = more.saturating_add(open.fee.max(0));
            let Risk { equity, initial, .. } = margin.risk();
            // Who has that needs not be asked whether it is risk: which cannot be guessed.
            let has = (margin.settled() >= need) & (equity.saturating_sub(initial) >= need);
            if has && !self.mandates.bounded() {
                return Ok(());
            }
        }
        self.check_open_whole(account, record, open)
    }

    #[cold]
    fn check_open_whole(&self, account: u32, record: &Market, open: Open) -> Result<(), Reject> {
        let contract = &record.contract;
        let event = self.outcomes.events.get(contract.event as usize).ok_or(Reject::StateMarketPhase)?;
        let (before, after) = match self.outcomes.holding(account, contract.event) {
            Some(holding) => {
                let after = holding.with_order(contract.outcome as usize, open);
                (holding.exposure_before_fees(), after.ok_or(Reject::InputOverflow)?)
            }
            None if open.sell => (0, open.value - event.unit() * open.lots),
            None => (0, -open.value),
        };
        if after >= before {
            return Ok(());
        }
        self.check_capacity(event.unit().saturating_mul(open.lots.max(0)))?;
        let need = before.saturating_sub(after).saturating_add(open.fee.max(0));
        let margin = self.funds.margin(account);
        if margin.map_or_else(|| self.settled_money(account), Margin::settled) < need {
            return Err(Reject::RiskInsufficientBalance);
        }
        let risk = margin.map_or_else(|| self.spot_risk(account), Margin::risk);
        if risk.equity.saturating_sub(risk.initial) < need {
            return Err(Reject::RiskMargin);
        }
        Ok(())
    }

    /// Units of S an account may spend on outcomes.
    pub(crate) fn settled_money(&self, account: u32) -> i64 {
        match self.funds.margin(account) {
            None => self.funds.account(account).free(self.funds.settlement),
            Some(margin) => margin.settled(),
        }
    }

    /// Units of S that are neither held nor set aside for isolated positions.
    pub(crate) fn free_cash(&self, account: u32) -> i64 {
        let isolated = self.funds.margin(account).map_or(0, |margin| margin.isolated);
        self.funds.account(account).free(self.funds.settlement) - isolated
    }

    /// Signed lots an account has of an outcome.
    pub(crate) fn outcome_lots(&self, account: u32, market: usize) -> i64 {
        let contract = &self.markets[market].contract;
        let holding = self.outcomes.holding(account, contract.event);
        holding.map_or(0, |holding| holding.lots(contract.outcome as usize))
    }

    /// Lots a reduce-only order of a side could take off.
    pub(crate) fn outcome_reducible(&self, account: u32, market: usize, side: usize) -> i64 {
        let contract = &self.markets[market].contract;
        let holding = self.outcomes.holding(account, contract.event);
        holding.map_or(0, |holding| holding.reducible(contract.outcome as usize, side))
    }

    /// A resting outcome order grew by `lots` (negative: shrank).
    #[inline]
    pub(crate) fn outcome_rest(&mut self, node: &Node, lots: i64, taker_ppm: i32) {
        let market = &self.markets[node.market as usize];
        let fee = fee_of_lot(market, node.is_sell(), node.price, taker_ppm);
        let open = part_of(market, node, lots, fee);
        self.outcome_reserve(node.account, u32::from(node.market), open);
    }

    /// What an account's open orders of an outcome reserve changes.
    #[inline]
    pub(crate) fn outcome_reserve(&mut self, account: u32, market: u32, open: Open) {
        let contract = &self.markets[market as usize].contract;
        let (event, outcome) = (contract.event, contract.outcome as usize);
        debug_assert_ne!(event, NO_EVENT);
        let at = self.outcomes.open_holding(account, event);
        let holding = &mut self.outcomes.holdings[at];
        let exposure = holding.exposure();
        holding.order(outcome, open);
        let more = exposure - holding.exposure();
        self.shift_outcome_sums(account, 0, more);
    }

    /// What an open outcome order reserves.
    pub(crate) fn reserved_by(&self, slot: u32) -> Option<Open> {
        let node = self.slab.node(slot);
        let market = &self.markets[node.market as usize];
        reserved(market, node.is_sell(), node.price, node.remaining, node.taker_ppm)
    }

    /// A resting reduce-only order came or went.
    pub(crate) fn count_outcome_reduce(&mut self, account: u32, market: usize, more: bool) {
        let contract = &self.markets[market].contract;
        let at = self.outcomes.open_holding(account, contract.event);
        let leg = self.outcomes.holdings[at].leg_mut(contract.outcome as usize);
        leg.reduce_orders = if more { leg.reduce_orders + 1 } else { leg.reduce_orders - 1 };
    }

    /// `lots` (signed) of an outcome changed hands for `value` units (of either sign), which have moved already.
    #[inline]
    pub(crate) fn outcome_fill(&mut self, account: u32, market: usize, lots: i64, value: i64) {
        let contract = &mut self.markets[market].contract;
        let (event, outcome) = (contract.event, contract.outcome as usize);
        let at = self.outcomes.open_holding(account, event);
        let holding = &mut self.outcomes.holdings[at];
        let before = holding.lots(outcome).max(0);
        contract.open_interest += (holding.lots(outcome) + lots).max(0) - before;
        let leg = holding.leg_mut(outcome);
        let reduce_orders = leg.reduce_orders;
        if !leg.dirty {
            leg.dirty = true;
            self.outcomes.dirty.push((account, market as u32));
        }
        self.note_exposure(market);
        self.change_holding(account, event, |holding| holding.trade(outcome, lots, value.abs()));
        if reduce_orders > 0 {
            let left = [0, 1].map(|side| self.outcome_reducible(account, market, side));
            self.trim_reduce_orders_to(account, market, left);
        }
    }

    /// Change a holding, and with it what outcomes add to the account's margin.
    #[inline(always)]
    fn change_holding(&mut self, account: u32, event: u32, change: impl FnOnce(&mut Holding)) {
        let at = self.outcomes.open_holding(account, event);
        let holding = &mut self.outcomes.holdings[at];
        let (worst, exposure) = (holding.worst(), holding.exposure());
        change(holding);
        let (worst, exposure) = (holding.worst() - worst, holding.exposure() - exposure);
        self.shift_outcome_sums(account, worst, worst - exposure);
    }

    /// Worst cases of an account's outcomes (equity) and what its outcome orders may cost beyond them (initial margin) change.
    #[inline(always)]
    pub(crate) fn shift_outcome_sums(&mut self, account: u32, worst: i64, open: i64) {
        self.funds.open_margin(account);
        let margin = self.funds.margin_mut(account);
        margin.shift_outcomes(worst, open);
        if margin.is_below() {
            self.enqueue((account, CROSS));
        }
    }
}
