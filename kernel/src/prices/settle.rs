//! Funding reaching an account: its part of the market's cumulative index, paid into or out of the pot.

use super::FundingRules;
use crate::accounts::DUST;
use crate::bills::{bill_kind, Bill};
use crate::contracts::{Position, PERPETUAL};
use crate::kernel::Kernel;
use crate::market::Market;

/// One ppm of the 10^-12 that rates are of.
const RATE_PER_PPM: i128 = 1_000_000;

impl FundingRules {
    /// The rules a perpetual begins with: an impact order is worth 10,000 of a settlement asset of `scale`.
    pub fn of_scale(scale: u8) -> FundingRules {
        FundingRules {
            impact_notional: 10_000 * 10i64.pow(u32::from(scale.min(8))),
            ..FundingRules::default()
        }
    }
}

impl Kernel {
    /// Pay the funding a position owes, or is owed, into or out of its market's pot; what rounding leaves goes to
    /// dust. An isolated position pays from its own margin.
    #[cold]
    pub(crate) fn pay_funding(&mut self, market: usize, at: usize) {
        let record = &mut self.markets[market];
        let (settlement, index) = (record.quote, record.contract.funding_index);
        let position = &mut record.contract.positions[at];
        let moved = index - position.funding_index;
        position.funding_index = index;
        let (account, lots) = (position.account, position.lots);
        if lots == 0 || moved == 0 {
            return;
        }
        let settled = record.prices.funding.settle(lots, moved);
        if position.isolated {
            position.margin -= settled.paid;
            self.funds.margin_mut(account).isolated -= settled.paid;
        }
        self.funds.touch(account);
        self.funds.change(account, settlement, -settled.paid, 0);
        self.funds.change_pot(settlement, settled.paid - settled.dust);
        if settled.dust != 0 {
            self.funds.change_reserved(DUST, settlement, settled.dust);
        }
        self.note_position(market, at);
        if settled.paid != 0 {
            self.tell_funding(account, market, lots, moved, -settled.paid);
        }
    }

    /// Event and bill of what an account received (negative: paid).
    fn tell_funding(&mut self, slot: u32, number: usize, lots: i64, moved: i128, amount: i64) {
        if !self.out.enabled {
            return;
        }
        let account = self.funds.account(slot).number;
        let cash_after = self.funds.margin(slot).map_or(0, |margin| margin.cash);
        let market = &self.markets[number];
        let (price_ticks, rate_ppm) = (market.prices.index(), rate_ppm(market, moved));
        self.funding_paid_event(account, number, lots, amount, price_ticks);
        let stamp = self.stamp();
        self.out.bill(
            stamp,
            Bill {
                account,
                market: number as u32,
                kind: bill_kind::FUNDING,
                lots,
                price_ticks,
                amount,
                cash_after,
                extra: rate_ppm,
                ..Bill::default()
            },
        );
    }

    /// Over the positions of each perpetual, what was paid and not fetched is what is owed and not settled, to the
    /// 10^-12 of a unit (invariant 13: funding paid is funding received, but for dust).
    pub(crate) fn check_funding(&self) -> Result<(), String> {
        for market in self.markets.iter().filter(|market| market.kind == PERPETUAL) {
            let contract = &market.contract;
            let owed = |sum: i128, position: &Position| {
                let moved = contract.funding_index.checked_sub(position.funding_index)?;
                sum.checked_add(moved.checked_mul(i128::from(position.lots))?)
            };
            let unsettled = contract.positions.iter().try_fold(0, owed);
            if unsettled.is_none_or(|unsettled| market.prices.funding.unpaid_exactly() != -unsettled) {
                return Err(format!("funding of market {} does not net to zero", market.number));
            }
        }
        Ok(())
    }
}

/// The rate of the index notional that a growth of the cumulative index stands for, in ppm.
fn rate_ppm(market: &Market, moved: i128) -> i64 {
    let lot_value = i128::from(market.prices.index()) * i128::from(market.tick_quote);
    let rate = moved / lot_value.max(1) / RATE_PER_PPM;
    rate.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}
