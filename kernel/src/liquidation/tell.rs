//! From a step to its record, event and bill.

use super::buckets::Health;
use super::report::{stage, Deleveraged, FundMove, Record};
use super::waterfall::Case;
use crate::accounts::INSURANCE;
use crate::bills::{bill_kind, Bill};
use crate::contracts::CROSS;
use crate::kernel::Kernel;

impl Kernel {
    /// Complete a step with the bucket's numbers before it and now, and tell it.
    pub(crate) fn report_step(&mut self, case: &Case, before: Health, step: Record) {
        let after = self.health(case.bucket);
        let stamp = self.stamp();
        let record = Record {
            sequence: stamp.sequence,
            time_ms: stamp.now_ms,
            account: self.funds.account(case.bucket.0).number,
            isolated: case.bucket.1 != CROSS,
            number: case.number,
            equity_before: before.equity,
            maintenance_before: before.maintenance,
            equity_after: after.equity,
            maintenance_after: after.maintenance,
            ..step
        };
        let tally = &mut self.liquidation.tallies[record.stage as usize];
        tally.steps += 1;
        tally.lots = tally.lots.saturating_add(record.lots.abs());
        tally.value = tally.value.saturating_add(record.value.abs());
        self.liquidation.records += 1;
        self.liquidation.ring.push(record);
        self.out.liquidation_event(stamp, &record);
        let kind = match record.stage {
            stage::CANCELLED => return,
            stage::COLLATERAL => bill_kind::COLLATERAL,
            _ => bill_kind::LIQUIDATION,
        };
        let bill = Bill {
            account: record.account,
            market: record.market,
            kind,
            lots: -record.lots,
            price_ticks: record.price,
            amount: record.realised,
            fee: record.fee,
            cash_after: self.funds.margin(case.bucket.0).map_or(0, |margin| margin.cash),
            extra: record.bankruptcy,
        };
        self.out.bill(stamp, bill);
    }

    /// Tell one deleveraged position.
    pub(crate) fn report_adl(&mut self, adl: &Deleveraged, slot: u32) {
        let stamp = self.stamp();
        self.out.adl_event(stamp, adl);
        let bill = Bill {
            account: adl.account,
            market: adl.market,
            kind: bill_kind::ADL,
            lots: -adl.lots,
            price_ticks: adl.price,
            amount: adl.realised,
            fee: 0,
            cash_after: self.funds.margin(slot).map_or(0, |margin| margin.cash),
            extra: i64::from(adl.rank),
        };
        self.out.bill(stamp, bill);
    }

    /// Tell a movement of the fund in S.
    pub(crate) fn report_fund(&mut self, market: u32, cause: u8, stage: u8, amount: i64) {
        self.report_fund_of(self.funds.settlement, market, cause, stage, amount);
    }

    /// Tell a movement of the fund in an asset.
    pub(crate) fn report_fund_of(&mut self, asset: u32, market: u32, cause: u8, stage: u8, amount: i64) {
        let stamp = self.stamp();
        let record = &self.funds.assets[asset as usize];
        let (asset, fund) = (record.id, record.reserved[INSURANCE as usize]);
        self.out.insurance_event(stamp, &FundMove { asset, market, cause, stage, amount, fund });
        let bill = Bill {
            account: INSURANCE,
            market,
            kind: bill_kind::INSURANCE,
            lots: 0,
            price_ticks: 0,
            amount,
            fee: 0,
            cash_after: fund,
            extra: fund,
        };
        self.out.bill(stamp, bill);
    }
}
