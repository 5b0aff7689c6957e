//! What the waterfall sees of a bucket: its equity, its maintenance, its positions, and whether their prices are
//! good enough to act on.

use super::arithmetic::Closing;
use super::queue::Bucket;
use super::Rules;
use crate::accounts::{INSURANCE, LIQUIDATOR};
use crate::contracts::{CROSS, PERPETUAL};
use crate::kernel::Kernel;
use crate::num::MAX_QUANTITY;
use crate::prices::Grade;

/// Equity and maintenance of a bucket, in units of S.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    pub equity: i64,
    pub maintenance: i64,
}

impl Health {
    pub fn is_sound(&self) -> bool {
        self.equity >= self.maintenance
    }

    /// Equity below `severe_ppm` of maintenance.
    pub fn is_severe(&self, severe_ppm: u32) -> bool {
        let million = i128::from(crate::num::PPM);
        i128::from(self.equity) * million < i128::from(self.maintenance) * i128::from(severe_ppm)
    }
}

impl Kernel {
    /// Rules of the waterfall in a market.
    pub(crate) fn liquidation_rules(&self, market: u32) -> Rules {
        let group = self.liquidation.rules;
        let default = || {
            let settlement = self.funds.assets.get(self.funds.settlement as usize);
            Rules::for_scale(settlement.map_or(0, |asset| asset.scale))
        };
        self.liquidation.markets.get(&market).copied().or(group).unwrap_or_else(default)
    }

    /// Slot of the account that carries the fund's positions; `None` before the first contract market.
    #[inline]
    pub(crate) fn liquidator(&self) -> Option<u32> {
        self.funds.account_slot(LIQUIDATOR)
    }

    #[inline]
    pub(crate) fn is_liquidator(&self, account: u32) -> bool {
        self.liquidator() == Some(account)
    }

    /// Units of S in the insurance fund.
    pub(crate) fn insurance(&self) -> i64 {
        let settlement = self.funds.assets.get(self.funds.settlement as usize);
        settlement.map_or(0, |asset| asset.reserved[INSURANCE as usize])
    }

    /// Equity and maintenance of a bucket as they are now. The fund's own bucket has the fund's money.
    pub(crate) fn health(&self, (account, market): Bucket) -> Health {
        if market != CROSS {
            return self.position(account, market as usize).map_or(Health::default(), |position| Health {
                equity: position.margin + position.upnl,
                maintenance: position.maintenance,
            });
        }
        let risk = self.risk(account);
        let fund = if self.is_liquidator(account) { self.insurance() } else { 0 };
        Health { equity: risk.equity + fund, maintenance: risk.maintenance }
    }

    /// Markets of a bucket's perpetual positions whose price is good enough, largest maintenance first.
    pub(crate) fn bucket_markets(&self, (account, market): Bucket) -> Vec<usize> {
        let Some(margin) = self.funds.margin(account) else { return Vec::new() };
        let mut found: Vec<(i64, usize)> = Vec::new();
        for (number, at) in &margin.rows {
            let record = &self.markets[*number as usize];
            let position = &record.contract.positions[*at as usize];
            let ours = if market == CROSS { !position.isolated } else { *number == market };
            if ours && record.kind == PERPETUAL && position.lots != 0 && self.is_live(*number as usize) {
                found.push((-position.maintenance, *number as usize));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, market)| market).collect()
    }

    /// Whether the price of a market is good enough for liquidations. One that nobody has ever observed does not move, and
    /// stands for itself; one that sleeps between its sessions may be no ground for them.
    fn price_is_live(&self, market: usize) -> bool {
        let grade = self.grade(market);
        !self.liquidation_spared(market) && (grade == Grade::None || grade.allows_liquidation())
    }

    /// Whether the price of an asset that counts as collateral is.
    pub(crate) fn asset_price_is_live(&self, asset: u32) -> bool {
        let rule = self.contracts.collateral.iter().find(|rule| rule.asset == asset);
        rule.is_none_or(|rule| self.price_is_live(rule.market as usize))
    }

    /// Whether a market's positions may be liquidated at its present price.
    pub(crate) fn is_live(&self, market: usize) -> bool {
        self.markets[market].contract.mark > 0 && self.price_is_live(market)
    }

    /// Lowest and highest price a contract may trade at: its band around mark.
    pub(crate) fn contract_band(&self, market: usize) -> (i64, i64) {
        let record = &self.markets[market];
        let (mark, band_ppm) = (record.contract.mark, record.parameters.band_ppm);
        if band_ppm == 0 {
            return (1, MAX_QUANTITY);
        }
        let width = crate::num::share(mark, i64::from(band_ppm));
        ((mark - width).max(1), mark.saturating_add(width).min(MAX_QUANTITY))
    }

    /// Put a bucket into the queue, and see to it that the queue is looked at.
    #[inline]
    pub(crate) fn enqueue(&mut self, bucket: Bucket) {
        self.liquidation.queue.push(bucket);
        self.next_timer = self.next_timer.min(self.liquidation.due_ms());
    }

    /// What a bucket would have if the prices that are not live were a good deal better for it, and what it needs to keep
    /// its live positions. A bucket sound by this is left alone: nobody is liquidated from a dead price; but a dead price
    /// shields no more than it could be worth.
    pub(crate) fn benefit_of_doubt(&self, bucket: Bucket) -> Health {
        let (account, market) = bucket;
        let mut health = self.health(bucket);
        let Some(margin) = self.funds.margin(account) else { return health };
        for (number, at) in &margin.rows {
            let record = &self.markets[*number as usize];
            let position = &record.contract.positions[*at as usize];
            let ours = if market == CROSS { !position.isolated } else { *number == market };
            if !ours || record.kind != PERPETUAL || position.lots == 0 || self.is_live(*number as usize) {
                continue;
            }
            let doubt = i64::from(self.liquidation_rules(*number).doubt_ppm);
            health.equity += crate::num::share(position.notional, doubt);
            health.maintenance -= position.maintenance;
        }
        if market == CROSS && margin.collateral > 0 && !self.collateral_is_live(account) {
            let doubt = i64::from(self.liquidation_rules(CROSS).doubt_ppm);
            health.equity += crate::num::share(margin.collateral, doubt);
        }
        health
    }

    /// A position and its share of its bucket's equity, as they are now. `None` when it is closed.
    pub(crate) fn closing(&self, bucket: Bucket, market: usize) -> Option<Closing> {
        let record = &self.markets[market];
        let position = self.position(bucket.0, market).filter(|position| position.lots != 0)?;
        let Health { equity, maintenance } = self.health(bucket);
        let own = if bucket.1 == CROSS { position.maintenance } else { maintenance };
        let mark = record.contract.mark;
        Some(Closing::new(position.lots, mark, record.tick_quote, equity, own, maintenance))
    }
}
