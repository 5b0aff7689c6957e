//! The insurance fund: what it may take, how it takes a position at an exact value, how it works positions off, and what
//! it pays for accounts that have nothing left.

use super::arithmetic::{slice_lots, Closing};
use super::book::Sweep;
use super::buckets::Health;
use super::queue::Bucket;
use super::report::{cause, stage, Record};
use super::waterfall::{Case, Run};
use super::Rules;
use crate::contracts::{CROSS, PERPETUAL};
use crate::kernel::Kernel;

/// Most makers one order of the fund meets.
const MATCHES: u32 = 64;
/// How often an unpaid debt is looked at again.
const DEBT_MS: u64 = 60_000;

impl Kernel {
    /// The fund's own bucket: its money and what it carries.
    pub(crate) fn fund_health(&self) -> Health {
        match self.liquidator() {
            Some(slot) => self.health((slot, CROSS)),
            None => Health { equity: self.insurance(), maintenance: 0 },
        }
    }

    /// Units at mark the fund carries in all markets.
    pub(crate) fn fund_notional(&self) -> i64 {
        let margin = self.liquidator().and_then(|slot| self.funds.margin(slot));
        margin.map_or(0, |margin| margin.notional)
    }

    /// Lots of `rest` the fund may take at the bankruptcy price, and what binds it if not all.
    fn bearable(&self, market: usize, closing: &Closing, rest: i64, rules: &Rules) -> (i64, u8) {
        let unit = self.markets[market].contract.unit;
        let liquidator = self.liquidator();
        let held = liquidator.and_then(|slot| self.position(slot, market)).map_or(0, |own| own.lots);
        let (Health { equity, maintenance }, notional) = (self.fund_health(), self.fund_notional());
        let contract = &self.markets[market].contract;
        let elsewhere = maintenance - contract.rules.maintenance(self.value_at(market, held));
        let signed = |lots: i64| if closing.lots > 0 { lots } else { -lots };
        let value = |lots: i64| i128::from(lots.abs()) * i128::from(unit);
        let capped = |lots: i64| {
            let after = held + signed(lots);
            after.abs() <= held.abs() || value(after) <= i128::from(rules.fund_cap)
        };
        let borne = |lots: i64| {
            let gain = closing.value_at_mark(signed(lots)) - closing.bankruptcy_value(signed(lots));
            let after = i128::from(notional) - value(held) + value(held + signed(lots));
            let needed = after * i128::from(rules.fund_margin_ppm) / i128::from(crate::num::PPM);
            let kept = elsewhere + contract.rules.maintenance(self.value_at(market, held + signed(lots)));
            i128::from(equity) + i128::from(gain) >= needed.max(i128::from(kept))
        };
        let by_cap = most(rest, capped);
        let both = most(by_cap, borne);
        let limit = if both < by_cap { cause::FUND_EMPTY } else { cause::FUND_CAP };
        (both, limit)
    }

    /// Step 4: the fund takes up to `rest` lots of a position at its bankruptcy price. What it took, and what bound it.
    pub(crate) fn fund_takes(
        &mut self,
        run: &mut Run,
        case: &Case,
        market: usize,
        rest: i64,
        why: u8,
    ) -> (i64, u8) {
        let before = self.health(case.bucket);
        let Some(closing) = self.closing(case.bucket, market) else { return (0, cause::FUND_EMPTY) };
        let rules = self.liquidation_rules(market as u32);
        let rest = rest.min(closing.lots.abs());
        let (lots, limit) = self.bearable(market, &closing, rest, &rules);
        if lots == 0 {
            return (0, limit);
        }
        let signed = if closing.lots > 0 { lots } else { -lots };
        let value = closing.bankruptcy_value(signed);
        let Some(fund) = self.liquidator() else { return (0, limit) };
        let realised = self.move_position_at(case.bucket.0, market, -signed, -value);
        self.move_position_at(fund, market, signed, value);
        self.sweep_fund(market, stage::FUND, why);
        if self.liquidation.work_ms == u64::MAX {
            self.liquidation.work_ms = self.now_ms + u64::from(rules.pause_ms);
        }
        run.units += 2;
        let record = Record {
            market: market as u32,
            stage: stage::FUND,
            cause: why,
            lots: signed,
            price: closing.price(),
            value,
            bankruptcy: closing.price(),
            realised,
            ..Record::default()
        };
        self.report_step(case, before, record);
        (lots, limit)
    }

    /// Bring the liquidator's cash into the fund, or pay from it what the liquidator owes, as far as it goes.
    pub(crate) fn sweep_fund(&mut self, market: usize, stage: u8, cause: u8) {
        let Some(slot) = self.liquidator() else { return };
        let cash = self.funds.margin(slot).map_or(0, |margin| margin.cash);
        let amount = cash.max(-self.insurance());
        if amount != 0 {
            self.pay_fund(slot, amount);
            self.report_fund(market as u32, cause, stage, amount);
        }
    }

    /// The fund closes a slice of each position it carries, not far from mark, while that leaves it sound.
    pub(crate) fn work_off(&mut self, run: &mut Run) {
        self.liquidation.work_ms = u64::MAX;
        let Some(slot) = self.liquidator() else { return };
        let mut due_ms = u64::MAX;
        for (market, lots) in &self.carried(slot) {
            let rules = self.liquidation_rules(*market as u32);
            due_ms = due_ms.min(self.now_ms + u64::from(rules.pause_ms));
            run.units += 1;
            if !self.is_live(*market) {
                continue;
            }
            let record = &self.markets[*market];
            let (mark, tick_quote) = (record.contract.mark, record.tick_quote);
            let width = crate::num::share(mark, i64::from(rules.work_ppm));
            let (low, high) = self.contract_band(*market);
            let sell = *lots > 0;
            let limit = if sell { (mark - width).max(low) } else { (mark + width).min(high) };
            let wanted =
                slice_lots(*lots, self.value_at(*market, *lots), rules.slice_notional, rules.slice_ppm);
            let sweep = Sweep {
                account: slot,
                market: *market,
                sell,
                limit,
                lots: wanted,
                reduce_only: true,
                matches: MATCHES,
                whole: false,
            };
            let before = self.fund_health();
            let realised = self.realised(slot, *market);
            let swept = self.sweep_book(&sweep);
            run.units += swept.units;
            if swept.lots == 0 {
                continue;
            }
            self.sweep_fund(*market, stage::WORKED_OFF, cause::NO_LIQUIDITY);
            let signed = if sell { swept.lots } else { -swept.lots };
            let value = if sell { swept.quote } else { -swept.quote };
            let case = Case { bucket: (slot, CROSS), number: 0, start: before, severe: false };
            let step = Record {
                market: *market as u32,
                stage: stage::WORKED_OFF,
                cause: cause::NO_LIQUIDITY,
                lots: signed,
                price: value / (signed * tick_quote),
                value,
                realised: self.realised(slot, *market) - realised,
                ..Record::default()
            };
            self.report_step(&case, before, step);
        }
        if !self.carried(slot).is_empty() {
            self.liquidation.work_ms = due_ms;
        }
    }

    /// (market, signed lots) of an account's perpetual positions.
    pub(crate) fn carried(&self, account: u32) -> Vec<(usize, i64)> {
        let Some(margin) = self.funds.margin(account) else { return Vec::new() };
        let lots = |row: &(u32, u32)| {
            let record = &self.markets[row.0 as usize];
            let lots = record.contract.positions[row.1 as usize].lots;
            (record.kind == PERPETUAL && lots != 0).then_some((row.0 as usize, lots))
        };
        margin.rows.iter().filter_map(lots).collect()
    }

    /// Profit and loss an account has realised in a market so far.
    pub(crate) fn realised(&self, account: u32, market: usize) -> i64 {
        self.position(account, market).map_or(0, |position| position.realised)
    }

    /// Cash of an account that is not set aside for isolated positions.
    pub(crate) fn cross_cash(&self, account: u32) -> i64 {
        self.funds.margin(account).map_or(0, |margin| margin.cash - margin.isolated)
    }

    /// Units at mark of a number of lots.
    fn value_at(&self, market: usize, lots: i64) -> i64 {
        self.markets[market].contract.unit.saturating_mul(lots.abs())
    }

    /// An account without perpetual positions whose cash is below zero: its collateral is sold, and when none is left
    /// the fund pays what is still owed, as far as it goes.
    pub(crate) fn settle_debt(&mut self, run: &mut Run, bucket: Bucket) {
        let (account, market) = bucket;
        let owes = self.funds.margin(account).is_some_and(|margin| margin.cash < 0);
        if market != CROSS || !owes || self.is_liquidator(account) || !self.carried(account).is_empty() {
            return;
        }
        let start = self.health(bucket);
        let case = Case { bucket, number: self.liquidation.number, start, severe: false };
        self.sell_collateral(run, &case);
        let before = self.health(bucket);
        let cash = self.funds.margin(account).map_or(0, |margin| margin.cash);
        if cash >= 0 {
            return;
        }
        let spendable = self.fund_health().equity.min(self.insurance()).max(0);
        let owed = (-cash).min((-before.equity).max(0));
        let paid = if self.has_collateral(account) { 0 } else { owed.min(spendable) };
        if paid > 0 {
            self.pay_fund(account, -paid);
            self.report_fund(CROSS, cause::NEGATIVE_CASH, stage::ABSORBED, -paid);
            let record = Record {
                market: CROSS,
                stage: stage::ABSORBED,
                cause: cause::NEGATIVE_CASH,
                value: paid,
                realised: paid,
                ..Record::default()
            };
            self.report_step(&case, before, record);
        }
        if paid < owed || self.has_collateral(account) {
            self.liquidation.queue.pause(bucket, self.now_ms + DEBT_MS);
        }
    }
}

/// The largest number up to `all` that `allows`, if what it allows is a range from zero.
fn most(all: i64, allows: impl Fn(i64) -> bool) -> i64 {
    if all <= 0 || allows(all) {
        return all.max(0);
    }
    let (mut fine, mut too_many) = (0, all);
    while too_many - fine > 1 {
        let middle = fine + (too_many - fine) / 2;
        if allows(middle) {
            fine = middle;
        } else {
            too_many = middle;
        }
    }
    fine
}
