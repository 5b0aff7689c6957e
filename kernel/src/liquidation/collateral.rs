//! Selling spot collateral of an account whose cash is below zero: in the spot market of the asset against S, within
//! its band, no more than the debt asks for.

use super::book::Sweep;
use super::report::{cause, stage, Record};
use super::waterfall::{Case, Run};
use crate::book::NIL_PRICE;
use crate::codes::{phase, reason};
use crate::contracts::{CROSS, SPOT};
use crate::kernel::Kernel;

/// Most makers one sale meets.
const MATCHES: u32 = 128;

impl Kernel {
    /// Bring the collateral value of an account up to date.
    pub(crate) fn freshen(&mut self, account: u32) {
        if self.funds.margin(account).is_some_and(|margin| margin.stale) {
            self.refresh_collateral(account);
        }
    }

    /// Whether every asset that counts as collateral of an account has a price good enough to act on.
    pub(crate) fn collateral_is_live(&self, account: u32) -> bool {
        let balances = self.funds.account(account).balances.iter();
        let mut others =
            balances.filter(|balance| balance.asset != self.funds.settlement && balance.total > 0);
        others.all(|balance| self.asset_price_is_live(balance.asset))
    }

    /// The open spot market in which an asset is sold for S: the one that values it as collateral, else the first.
    fn sale_market(&self, asset: u32) -> Option<usize> {
        let fits = |market: &crate::market::Market| {
            market.kind == SPOT
                && market.base == asset
                && market.quote == self.funds.settlement
                && market.phase == phase::OPEN
        };
        let rule = self.contracts.collateral.iter().find(|rule| rule.asset == asset);
        let valued = rule.map(|rule| rule.market as usize).filter(|market| fits(&self.markets[*market]));
        valued.or_else(|| self.markets.iter().position(fits))
    }

    /// Whether an account still has something that can be sold for S.
    pub(crate) fn has_collateral(&self, account: u32) -> bool {
        let balances = self.funds.account(account).balances.iter();
        let mut others = balances.filter(|balance| balance.asset != self.funds.settlement);
        others.any(|balance| {
            let lot =
                self.sale_market(balance.asset).map_or(i64::MAX, |market| self.markets[market].lot_size);
            balance.total >= lot
        })
    }

    /// Step 3: sell collateral until cash is no longer below zero.
    pub(crate) fn sell_collateral(&mut self, run: &mut Run, case: &Case) {
        let account = case.bucket.0;
        if case.bucket.1 != CROSS || self.is_liquidator(account) {
            return;
        }
        let assets: Vec<u32> =
            self.funds.account(account).balances.iter().map(|balance| balance.asset).collect();
        for asset in assets {
            let cash = self.funds.margin(account).map_or(0, |margin| margin.cash);
            if cash >= 0 {
                return;
            }
            let Some(market) = self.sale_market(asset).filter(|_| asset != self.funds.settlement) else {
                continue;
            };
            self.sell_asset(run, case, market, -cash);
        }
    }

    /// Sell an asset for up to `debt` units of S, its open sells cancelled first.
    fn sell_asset(&mut self, run: &mut Run, case: &Case, market: usize, debt: i64) {
        let account = case.bucket.0;
        let before = self.health(case.bucket);
        let number = self.markets[market].number;
        run.units += 1 + self.cancel_orders(account, number, crate::wire::SELL, reason::LIQUIDATION);
        let record = &self.markets[market];
        let best = record.book.best(0);
        if best == NIL_PRICE[0] {
            return;
        }
        let (low, _) = record.band();
        let free = self.funds.account(account).free(record.base) / record.lot_size;
        let tick_quote = record.tick_quote;
        let lots_for = |units: i64, lot_price: i64| (units - 1) / lot_price.max(1) + 1;
        let mut lots = free.min(lots_for(debt, record.lot_price(best)));
        let mut owed = debt;
        let (mut sold, mut quote) = (0, 0);
        // The first order is sized at the best price; what a deeper price left unpaid is sold after it.
        for _ in 0..4 {
            let sweep = Sweep {
                account,
                market,
                sell: true,
                limit: low,
                lots,
                reduce_only: false,
                matches: MATCHES,
                whole: false,
            };
            let swept = self.sweep_book(&sweep);
            run.units += swept.units;
            (sold, quote, owed) = (sold + swept.lots, quote + swept.quote, owed - swept.quote);
            let best = self.markets[market].book.best(0);
            if swept.lots == 0 || swept.cut_short || owed <= 0 || best == NIL_PRICE[0] {
                break;
            }
            let price = self.markets[market].lot_price(best);
            lots = (free - sold).min(lots_for(owed, price));
        }
        self.freshen(account);
        if sold == 0 {
            return;
        }
        let step = Record {
            market: number,
            stage: stage::COLLATERAL,
            cause: cause::NEGATIVE_CASH,
            lots: sold,
            price: quote / (sold * tick_quote),
            value: quote,
            realised: quote,
            ..Record::default()
        };
        self.report_step(case, before, step);
    }
}
