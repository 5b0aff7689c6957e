//! The waterfall over one bucket, step by step in the order of the rules.

use super::adl::Ranks;
use super::arithmetic::slice_lots;
use super::book::Sweep;
use super::buckets::Health;
use super::queue::Bucket;
use super::report::{cause, stage, Record};
use crate::codes::reason;
use crate::contracts::{CROSS, SPOT};
use crate::kernel::Kernel;
use crate::wire::flag;

/// When a bucket that could not be closed is looked at again.
const RETRY_MS: u64 = 1_000;
/// Most makers one order of the waterfall meets, and most orders cancelled in one look.
const MATCHES: u32 = 256;
const CANCELS: usize = 512;

/// One run of the queue: what it may share between buckets, since no price moves meanwhile.
#[derive(Default)]
pub(crate) struct Run {
    pub ranks: Ranks,
    /// Units of work since the last charge, and looks at ranks not yet among them.
    pub units: u32,
    pub looks: u32,
}

/// One bucket on its way through the waterfall.
pub(crate) struct Case {
    pub bucket: Bucket,
    /// Number of this liquidation.
    pub number: u64,
    pub start: Health,
    pub severe: bool,
}

/// What is left to close of a position after the book.
#[derive(Clone, Copy)]
struct Rest {
    market: usize,
    lots: i64,
}

impl Kernel {
    /// Look at the buckets that wait, as far as this millisecond's portion goes.
    #[cold]
    pub(crate) fn run_liquidations(&mut self) {
        if self.liquidation.hold_ms <= self.now_ms {
            self.liquidation.hold_ms = 0;
        }
        if self.liquidation.due_ms() > self.now_ms {
            return;
        }
        let mut run = Run::default();
        while self.liquidation.queue.left(self.now_ms) > 0 {
            let Some(bucket) = self.liquidation.queue.pop(self.now_ms) else { break };
            let again = self.look_at(&mut run, bucket);
            self.liquidation.queue.done(bucket, again);
            self.liquidation.queue.charge(std::mem::take(&mut run.units));
        }
        if self.liquidation.work_ms <= self.now_ms && self.liquidation.queue.left(self.now_ms) > 0 {
            self.work_off(&mut run);
            self.liquidation.queue.charge(std::mem::take(&mut run.units));
        }
    }

    /// Look at one bucket and do what must be done. Whether there is more to do than one look allows.
    fn look_at(&mut self, run: &mut Run, bucket: Bucket) -> bool {
        run.units += 1;
        self.freshen(bucket.0);
        let start = self.health(bucket);
        if start.is_sound() {
            self.liquidation.queue.forget(bucket);
            self.settle_debt(run, bucket);
            return false;
        }
        if self.benefit_of_doubt(bucket).is_sound() {
            self.liquidation.queue.pause(bucket, self.now_ms + RETRY_MS);
            return false;
        }
        let number = self.liquidation.number + 1;
        let severe = start.is_severe(self.liquidation_rules(bucket.1).severe_ppm);
        let (records, case) = (self.liquidation.records, Case { bucket, number, start, severe });
        let again = self.liquidate(run, &case);
        if self.liquidation.records != records {
            self.liquidation.number = number;
        }
        again
    }

    /// The steps, until the bucket is sound. Whether it must be looked at again at once.
    fn liquidate(&mut self, run: &mut Run, case: &Case) -> bool {
        if self.cancel_risk(run, case) {
            return true;
        }
        let Some(rests) = self.close_in_book(run, case) else { return true };
        if !self.health(case.bucket).is_sound() {
            self.sell_collateral(run, case);
        }
        for rest in rests {
            if self.health(case.bucket).is_sound() {
                break;
            }
            self.hand_over(run, case, rest);
        }
        self.settle_debt(run, case.bucket);
        if self.health(case.bucket).is_sound() {
            self.liquidation.queue.forget(case.bucket);
        } else {
            self.wait(case.bucket);
        }
        false
    }

    /// Step 1: cancel the bucket's open orders that add risk, oldest first. Whether there are more than one look allows.
    fn cancel_risk(&mut self, run: &mut Run, case: &Case) -> bool {
        let mut risky = self.risky_orders(case.bucket);
        let more = risky.len() > CANCELS;
        risky.truncate(CANCELS);
        for (_, slot) in &risky {
            self.cancel_open(*slot, reason::LIQUIDATION);
        }
        run.units += risky.len() as u32;
        if !risky.is_empty() {
            let record = Record {
                market: case.bucket.1,
                stage: stage::CANCELLED,
                cause: cause::MAINTENANCE,
                lots: risky.len() as i64,
                ..Record::default()
            };
            self.report_step(case, case.start, record);
        }
        more
    }

    /// (order id, slot) of the orders that add risk: contract orders that do more than close a position, and spot
    /// buys, which turn cash into something of less weight.
    fn risky_orders(&self, (account, market): Bucket) -> Vec<(u64, u32)> {
        let mut orders: Vec<(u64, u32)> = Vec::new();
        for slot in &self.funds.account(account).orders {
            orders.push((self.slab.cold(*slot).order_id, *slot));
        }
        orders.sort_unstable();
        let mut closing: Vec<(usize, i64)> = Vec::new();
        orders.retain(|(_, slot)| {
            let node = self.slab.node(*slot);
            let here = node.market as usize;
            if market != CROSS && u32::from(node.market) != market {
                return false;
            }
            if self.markets[here].kind == SPOT {
                return node.side() == 0;
            }
            if node.flags & flag::REDUCE_ONLY != 0 {
                return false;
            }
            let position = self.position(account, here).copied().unwrap_or_default();
            let at = closing.iter().position(|seen| seen.0 == here).unwrap_or_else(|| {
                closing.push((here, position.reducible(node.side())));
                closing.len() - 1
            });
            let room = if position.reducible(node.side()) > 0 { closing[at].1 } else { 0 };
            if node.remaining > room {
                return true;
            }
            closing[at].1 -= node.remaining;
            false
        });
        orders
    }

    /// Step 2: close positions in the book, the one of the largest maintenance first, until the bucket is sound. What the
    /// book did not take of what had to go; `None` if it would take more than one look allows.
    fn close_in_book(&mut self, run: &mut Run, case: &Case) -> Option<Vec<Rest>> {
        let mut rests = Vec::new();
        for market in self.bucket_markets(case.bucket) {
            let before = self.health(case.bucket);
            if before.is_sound() {
                break;
            }
            let Some(closing) = self.closing(case.bucket, market) else { continue };
            let rules = self.liquidation_rules(market as u32);
            let whole = closing.lots.abs();
            let slice = slice_lots(closing.lots, closing.value.abs(), rules.slice_notional, rules.slice_ppm);
            let wanted = if case.severe { whole } else { slice };
            if wanted < whole && self.liquidation.queue.slice_ms(case.bucket.0, market as u32) > self.now_ms {
                break;
            }
            let mut left = wanted;
            if let Some(limit) = closing.limit() {
                let (low, high) = self.contract_band(market);
                let sell = closing.lots > 0;
                let limit = if sell { limit.max(low) } else { limit.min(high) };
                let sweep = Sweep {
                    account: case.bucket.0,
                    market,
                    sell,
                    limit,
                    lots: wanted,
                    reduce_only: true,
                    matches: MATCHES,
                    whole: wanted == whole,
                };
                let realised = self.realised(case.bucket.0, market);
                let outside = self.cross_cash(case.bucket.0);
                let swept = self.sweep_book(&sweep);
                run.units += swept.units;
                left -= swept.lots;
                if swept.lots > 0 {
                    let signed = if sell { swept.lots } else { -swept.lots };
                    let quote = if sell { swept.quote } else { -swept.quote };
                    let left = match case.bucket.1 {
                        CROSS => before.equity + quote - closing.value_at_mark(signed),
                        _ => self.cross_cash(case.bucket.0) - outside,
                    };
                    let fee = closing.fee(signed, quote, rules.fee_ppm).min(left).max(0);
                    self.pay_fee(case, market, fee);
                    if self.is_liquidator(case.bucket.0) {
                        self.sweep_fund(market, stage::WORKED_OFF, cause::SEVERE);
                    }
                    let record = Record {
                        market: market as u32,
                        stage: stage::BOOK,
                        cause: if case.severe { cause::SEVERE } else { cause::MAINTENANCE },
                        lots: signed,
                        price: quote / (signed * closing.tick_quote),
                        value: quote,
                        fee,
                        bankruptcy: closing.price(),
                        realised: self.realised(case.bucket.0, market) - realised,
                        ..Record::default()
                    };
                    self.report_step(case, before, record);
                }
                if swept.cut_short {
                    return None;
                }
            }
            if wanted < whole {
                let at_ms = self.now_ms + u64::from(rules.pause_ms);
                self.liquidation.queue.set_slice(case.bucket.0, market as u32, at_ms);
            }
            if left > 0 {
                rests.push(Rest { market, lots: left });
            }
            if wanted < whole {
                break;
            }
        }
        Some(rests)
    }

    /// Steps 4 and 5: what the book did not take goes to the fund, and what the fund does not take against the other side.
    fn hand_over(&mut self, run: &mut Run, case: &Case, rest: Rest) {
        let why = if case.severe { cause::SEVERE } else { cause::NO_LIQUIDITY };
        let (taken, limit) = match self.is_liquidator(case.bucket.0) {
            true => (0, cause::FUND_EMPTY),
            false => self.fund_takes(run, case, rest.market, rest.lots, why),
        };
        let left = rest.lots - taken;
        if left > 0 && !self.health(case.bucket).is_sound() {
            self.deleverage(run, case, rest.market, left, limit);
        }
    }

    /// A bucket that is still not sound is looked at again: at its next slice, or soon.
    fn wait(&mut self, bucket: Bucket) {
        let slices = self.liquidation.queue.next_slice(bucket);
        let at_ms = slices.unwrap_or(self.now_ms + RETRY_MS).max(self.now_ms + 1);
        self.liquidation.queue.pause(bucket, at_ms);
    }

    /// The fee of a close in the book, to the insurance fund.
    fn pay_fee(&mut self, case: &Case, market: usize, fee: i64) {
        if fee > 0 && !self.is_liquidator(case.bucket.0) {
            self.pay_fund(case.bucket.0, fee);
            self.report_fund(market as u32, cause::FEE, stage::BOOK, fee);
        }
    }
}
