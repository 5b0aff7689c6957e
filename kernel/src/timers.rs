//! Time inside the kernel: expiries, dead-man switches and the cancels of a settling market, a bounded
//! number of steps before each command.

use crate::codes::{phase, reason};
use crate::kernel::Kernel;
use crate::wire::{ALL_MARKETS, BOTH_SIDES};

/// Cancels by timers before one command; a switch that cancels more finishes its account and then stops.
const STEPS: u32 = 64;

impl Kernel {
    /// Do what is due, up to the bound. What is left is due still, and is done before the next command.
    #[cold]
    pub(crate) fn run_timers(&mut self) {
        let mut steps = 0;
        while steps < STEPS {
            let switch = self.switches.first().copied().filter(|switch| switch.0 <= self.now_ms);
            let expiry = self.expiries.first().copied().filter(|expiry| expiry.0 <= self.now_ms);
            steps += 1;
            if let Some((_, account)) = switch {
                self.arm_switch(account, 0);
                steps += self.cancel_orders(account, ALL_MARKETS, BOTH_SIDES, reason::CANCEL_ALL_AFTER);
            } else if let Some((_, order_id)) = expiry {
                if let Some(slot) = self.ids.get(order_id) {
                    self.cancel_open(slot, reason::EXPIRED);
                }
            } else if self.mandates.is_due() {
                steps += self.run_mandates();
            } else if self.prices.next_ms() <= self.now_ms {
                steps += self.price_timer();
            } else if self.auctions.next_timer() <= self.now_ms {
                self.auction_timer();
            } else if let Some(token) = self.algos.queue.pop_front() {
                self.carry_out_token(token);
                self.queue_refills();
            } else if let Some((_, id)) = self.algos.timers.first().copied().filter(|t| t.0 <= self.now_ms) {
                self.run_twap(id);
            } else if let Some((_, event)) = self.due_event_close() {
                self.close_due_event(event);
            } else if !self.outcomes.work.is_empty() {
                self.outcome_step();
            } else if let Some(market) = self.settling.first().copied() {
                self.settle_step(market as usize);
            } else {
                break;
            }
        }
        self.run_liquidations();
        self.find_next_timer();
    }

    /// Cancel the best order of a settling market, or note that it has none left.
    fn settle_step(&mut self, market: usize) {
        let book = &self.markets[market].book;
        let slot = match (book.orders(), book.head(0)) {
            (0, _) => {
                if let Some(id) = self.algos.first_of_market(market as u32) {
                    self.stop_algo(id, reason::MARKET_CLOSED);
                    return;
                }
                if self.settle_position(market) {
                    return;
                }
                self.settling.retain(|settling| *settling as usize != market);
                return;
            }
            (_, 0) => book.head(1),
            (_, bid) => bid,
        };
        self.cancel_open(slot, reason::MARKET_CLOSED);
    }

    /// Begin to cancel all orders of a market that has moved to `SETTLING`.
    pub(crate) fn begin_settling(&mut self, market: u32) {
        debug_assert_eq!(self.markets[market as usize].phase, phase::SETTLING);
        self.fix_settlement(market as usize);
        self.settling.push(market);
        self.find_next_timer();
    }

    /// Set when an account's orders are all cancelled; 0 disarms.
    pub(crate) fn arm_switch(&mut self, account: u32, at_ms: u64) {
        let record = self.funds.account_mut(account);
        let before = std::mem::replace(&mut record.cancel_at_ms, at_ms);
        if before != 0 {
            self.switches.remove(&(before, account));
        }
        if at_ms != 0 {
            self.switches.insert((at_ms, account));
        }
        self.find_next_timer();
    }

    pub(crate) fn find_next_timer(&mut self) {
        let expiry = self.expiries.first().map_or(u64::MAX, |expiry| expiry.0);
        let switch = self.switches.first().map_or(u64::MAX, |switch| switch.0);
        let at_once = !self.settling.is_empty() || self.mandates.is_due();
        let settling = if at_once { 0 } else { u64::MAX };
        let waiting = self.prices.next_ms().min(self.algos.next_timer()).min(self.liquidation.due_ms());
        let waiting = waiting.min(self.outcomes.next_timer()).min(self.auctions.next_timer());
        self.next_timer = expiry.min(switch).min(settling).min(waiting);
    }
}
