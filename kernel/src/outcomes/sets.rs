//! Complete sets: one contract of every outcome pays exactly one, so a set is made from cash (split) and turned back into
//! cash (merge) at any time while the event trades. The event's pot takes the other side.

use crate::accounts::{FROZEN, REDUCE_OUTCOME};
use crate::bills::{bill_kind, Bill};
use crate::codes::Reject;
use crate::kernel::{Kernel, Outcome};
use crate::num::MAX_QUANTITY;
use crate::output::Ack;
use crate::wire::{i64_at, kind, u32_at, zeros, Frame, ALL_MARKETS};

impl Kernel {
    /// Merge (kind 12) or split (kind 13) complete sets.
    pub(crate) fn change_sets(&mut self, frame: &Frame) -> Outcome {
        if frame.body.len() != 16 || !zeros(&frame.body[4..8]) {
            return Err(Reject::InputBody);
        }
        let lots = i64_at(frame.body, 8);
        if !(1..=MAX_QUANTITY).contains(&lots) {
            return Err(Reject::InputSize);
        }
        let account = self.user(frame.account)?;
        let split = frame.kind == kind::SPLIT;
        if self.funds.account(account).flags & FROZEN != 0 {
            return Err(Reject::AccessFrozen);
        }
        if split && self.funds.account(account).flags & REDUCE_OUTCOME != 0 {
            return Err(Reject::AccessReduceOnly);
        }
        let at = self.event_index(u32_at(frame.body, 0))?;
        let event = &self.outcomes.events[at];
        if !event.is_trading() {
            return Err(Reject::StateEventState);
        }
        if event.late.is_some() {
            return Err(Reject::StateEventBusy);
        }
        let units = lots.checked_mul(event.unit()).ok_or(Reject::InputOverflow)?;
        let holding = self.outcomes.holding(account, event.number);
        if event.is_one_book() || (!split && holding.is_none_or(|holding| holding.sets() < lots)) {
            return Err(Reject::StateSets);
        }
        if split {
            let more = units.saturating_mul(event.outcomes.len() as i64);
            self.check_capacity(more)?;
            if holding.is_some_and(|holding| !holding.can_add(lots)) {
                return Err(Reject::InputOverflow);
            }
            if self.free_cash(account) < units {
                return Err(Reject::RiskInsufficientBalance);
            }
        }
        self.move_sets(at, account, if split { lots } else { -lots }, units);
        Ok(Ack::default())
    }

    /// Give an account `lots` of every outcome (negative: take) for `units` of cash.
    fn move_sets(&mut self, at: usize, account: u32, lots: i64, units: i64) {
        let prices = self.fair_payouts(at);
        let event = &self.outcomes.events[at];
        let markets: Vec<(usize, usize)> = event.markets().collect();
        let (number, tick, settlement) = (event.number, event.tick, self.funds.settlement);
        let cash = if lots > 0 { -units } else { units };
        self.funds.touch(account);
        for (outcome, market) in markets {
            self.outcome_fill(account, market, lots, lots.abs() * prices[outcome] * tick);
        }
        self.outcomes.events[at].sets -= lots;
        self.funds.change(account, settlement, cash, 0);
        self.change_event_pot(at, -cash);
        let kind = if lots > 0 { bill_kind::SPLIT } else { bill_kind::MERGE };
        let owner = self.funds.account(account);
        let balance = owner.balances.iter().find(|balance| balance.asset == settlement);
        let bill = Bill {
            account: owner.number,
            market: ALL_MARKETS,
            kind,
            lots,
            price_ticks: 0,
            amount: cash,
            fee: 0,
            cash_after: balance.map_or(0, |balance| balance.total),
            extra: i64::from(number),
        };
        self.out.bill(self.stamp(), bill);
    }
}
