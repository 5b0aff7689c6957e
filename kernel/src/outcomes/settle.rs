//! The work that events leave behind, a few steps before each command: cancel orders, hand late outcomes out, pay.

use super::event::{event_state, NO_MARKET};
use crate::bills::{bill_kind, Bill};
use crate::codes::{phase, reason};
use crate::kernel::Kernel;
use crate::output::SettlementView;
use crate::slab::NIL;

/// Holders that learn of a late outcome, and (eighths of) contracts that are paid, in one step.
const LATE_BATCH: usize = 64;
const PAY_BATCH: usize = 64;

impl Kernel {
    /// One step of the first event that has something to do.
    pub(crate) fn outcome_step(&mut self) {
        let Some(number) = self.outcomes.work.first().copied() else { return };
        let at = number as usize;
        if self.clear_one(at) {
            return;
        }
        if self.outcomes.events[at].late.is_some() {
            self.hand_out_late(at);
        } else if self.outcomes.events[at].state == event_state::PAYING {
            self.pay_holders(at);
        } else {
            self.outcomes.work.remove(0);
        }
    }

    /// The event whose time has come, if there is one.
    pub(crate) fn due_event_close(&self) -> Option<(u64, u32)> {
        self.outcomes.closings.first().copied().filter(|closing| closing.0 <= self.now_ms)
    }

    /// Close it.
    pub(crate) fn close_due_event(&mut self, event: u32) {
        self.stop_trading(event as usize, event_state::CLOSED);
    }

    /// Cancel one open order or algo order that an event's state does not allow any more; whether there was one.
    fn clear_one(&mut self, at: usize) -> bool {
        let event = &self.outcomes.events[at];
        if event.is_trading() {
            let fallback = event.outcomes.get(event.fallback as usize).filter(|_| event.late.is_some());
            return fallback.map(|row| row.market).is_some_and(|market| self.clear_market(market));
        }
        while let Some(row) = self.outcomes.events[at].outcomes.get(self.outcomes.events[at].cleared) {
            if row.market != NO_MARKET && self.clear_market(row.market) {
                return true;
            }
            self.outcomes.events[at].cleared += 1;
        }
        false
    }

    fn clear_market(&mut self, market: u32) -> bool {
        let book = &self.markets[market as usize].book;
        let head = [0, 1].into_iter().map(|side| book.head(side)).find(|slot| *slot != NIL);
        match (head, self.algos.first_of_market(market)) {
            (Some(slot), _) => {
                self.cancel_open(slot, reason::RESOLVED);
            }
            (None, Some(id)) => {
                self.stop_algo(id, reason::RESOLVED);
            }
            (None, None) => return false,
        }
        true
    }

    /// Some holders learn of a late outcome.
    fn hand_out_late(&mut self, at: usize) {
        let event = &self.outcomes.events[at];
        let (outcomes, fallback) = (event.outcomes.len(), event.fallback as usize);
        let Some(market) = event.late else { return };
        let end = (event.cursor + LATE_BATCH).min(event.holders.len());
        for cursor in event.cursor..end {
            let account = self.outcomes.events[at].holders[cursor];
            let Some(place) = self.outcomes.place(account, at as u32) else { continue };
            let holding = &mut self.outcomes.holdings[place];
            if holding.outcomes() >= outcomes {
                continue;
            }
            holding.catch_up(outcomes, fallback);
            let lots = holding.lots(outcomes - 1);
            if lots != 0 {
                holding.leg_mut(outcomes - 1).dirty = true;
                self.outcomes.dirty.push((account, market));
                self.markets[market as usize].contract.open_interest += lots.max(0);
                self.note_exposure(market as usize);
            }
        }
        let event = &mut self.outcomes.events[at];
        event.cursor = end;
        if end == event.holders.len() {
            event.late = None;
            event.cursor = 0;
            self.touch_market(market as usize);
        }
    }

    /// Pay some holders; after the last one the event is settled.
    fn pay_holders(&mut self, at: usize) {
        let mut contracts = 0;
        while contracts < PAY_BATCH {
            let event = &mut self.outcomes.events[at];
            let Some(account) = event.holders.get(event.cursor).copied() else {
                return self.finish_event(at);
            };
            event.cursor += 1;
            contracts += event.outcomes.len().div_ceil(8);
            self.pay_holder(at, account);
        }
        debug_assert_eq!(event_state::PAYING, self.outcomes.events[at].state);
    }

    /// Pay all contracts of one account, once: its holding is gone after that.
    fn pay_holder(&mut self, at: usize, account: u32) {
        let event = &self.outcomes.events[at];
        let Some(holding) = self.outcomes.holding(account, event.number) else { return };
        let contracts: Vec<(u32, i64, i64)> = event
            .markets()
            .map(|(outcome, market)| (market as u32, holding.lots(outcome), event.outcomes[outcome].payout))
            .filter(|(_, lots, _)| *lots != 0)
            .collect();
        let (worst, open) = (holding.worst(), holding.worst() - holding.exposure());
        let (number, tick, settlement) = (event.number, event.tick, self.funds.settlement);
        self.outcomes.close_holding(account, number);
        self.shift_outcome_sums(account, -worst, -open);
        self.funds.touch(account);
        for (market, lots, payout) in contracts {
            let amount = lots * payout * tick;
            self.markets[market as usize].contract.open_interest -= lots.max(0);
            self.note_exposure(market as usize);
            self.funds.change(account, settlement, amount, 0);
            self.change_event_pot(at, -amount);
            self.report_settlement(number, market, account, lots, payout, amount);
        }
    }

    fn report_settlement(
        &mut self,
        event: u32,
        market: u32,
        account: u32,
        lots: i64,
        payout: i64,
        amount: i64,
    ) {
        if !self.out.enabled {
            return;
        }
        let owner = self.funds.account(account);
        let cash = owner.balances.iter().find(|balance| balance.asset == self.funds.settlement);
        let cash_after = cash.map_or(0, |balance| balance.total);
        let (number, stamp) = (owner.number, self.stamp());
        let view =
            SettlementView { account: number, event, market, lots, payout_ticks: payout, amount, cash_after };
        self.out.settlement_event(stamp, view);
        let extra = i64::from(event);
        let kind = bill_kind::SETTLEMENT;
        let bill = Bill {
            account: number,
            market,
            kind,
            lots,
            price_ticks: payout,
            amount,
            fee: 0,
            cash_after,
            extra,
        };
        self.out.bill(stamp, bill);
    }

    /// Move units between an event's pot and whoever `Funds` is changing beside it.
    pub(crate) fn change_event_pot(&mut self, at: usize, amount: i64) {
        self.outcomes.events[at].pot += amount;
        self.funds.change_pot(self.funds.settlement, amount);
    }

    /// Every holder is paid: the pot is empty, because longs and shorts of each outcome and the sets summed to zero.
    fn finish_event(&mut self, at: usize) {
        let event = &mut self.outcomes.events[at];
        assert!(event.pot == 0, "a settled event has paid exactly what it was paid");
        event.state = event_state::SETTLED;
        event.holders = Vec::new();
        event.sets = 0;
        self.outcomes.work.remove(0);
        self.move_event_markets(at, phase::SETTLED);
    }
}
