//! Spot holdings as collateral: what they count for after haircuts, and what open spot orders tie up of it.

use super::{Margin, Risk, SPOT};
use crate::codes::Reject;
use crate::kernel::Kernel;
use crate::matching::hold_of;
use crate::num::PPM;

/// Most tiers of a haircut.
pub const HAIRCUTS: usize = 8;

/// Haircut of the part of a holding above the tier before and up to `up_to` units of the asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Haircut {
    pub up_to: i64,
    pub haircut_ppm: u32,
}

/// How an asset counts as collateral: its value is that of the index of a spot market in which it is traded for S.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collateral {
    /// Slot of the asset.
    pub asset: u32,
    pub market: u32,
    pub haircuts: [Haircut; HAIRCUTS],
    pub count: u8,
}

impl Collateral {
    pub fn haircuts(&self) -> &[Haircut] {
        &self.haircuts[..self.count as usize]
    }

    /// Whether tiers rise and haircuts do not fall.
    pub fn allowed(&self) -> bool {
        let tiers = self.haircuts();
        let sound = |tier: &Haircut| tier.up_to > 0 && i64::from(tier.haircut_ppm) <= PPM;
        let rising =
            |pair: &[Haircut]| pair[0].up_to < pair[1].up_to && pair[0].haircut_ppm <= pair[1].haircut_ppm;
        !tiers.is_empty() && tiers.iter().all(sound) && tiers.windows(2).all(rising)
    }

    /// Units of the asset times what is left of each after its haircut, in ppm. What lies above the last tier counts nothing.
    fn weighed(&self, units: i64) -> i128 {
        let (mut sum, mut below) = (0, 0);
        for tier in self.haircuts() {
            let top = units.min(tier.up_to);
            if top > below {
                sum += i128::from(top - below) * i128::from(PPM - i64::from(tier.haircut_ppm));
                below = top;
            }
        }
        sum
    }
}

impl Kernel {
    /// Price in ticks at which the holdings of a spot market's base count as collateral: the lower of index and slow price, of
    /// a market without an index its reference; 0 when there is none.
    pub(crate) fn collateral_ticks(&self, market: usize) -> i64 {
        let market = &self.markets[market];
        match market.prices.index() {
            0 => market.parameters.reference,
            _ => market.prices.feed.collateral_ticks(),
        }
    }

    /// Units of S that `units` of an asset count for, rounded down. `first` leaves out all but the smallest haircut.
    fn collateral_value(&self, asset: u32, units: i64, first: bool) -> i64 {
        let Some(rule) = self.contracts.collateral.iter().find(|rule| rule.asset == asset) else { return 0 };
        let market = &self.markets[rule.market as usize];
        let price = i128::from(self.collateral_ticks(rule.market as usize)) * i128::from(market.tick_quote);
        let weighed = match first {
            true => i128::from(units) * i128::from(PPM - i64::from(rule.haircuts[0].haircut_ppm)),
            false => rule.weighed(units),
        };
        let value = weighed / i128::from(PPM) * price / i128::from(market.lot_size);
        value.clamp(0, i128::from(super::MAX_NOTIONAL)) as i64
    }

    /// What an account's holdings other than S count for.
    pub(super) fn collateral_of(&self, account: u32) -> i64 {
        let balances = self.funds.account(account).balances.iter();
        let others = balances.filter(|balance| balance.asset != self.funds.settlement && balance.total > 0);
        others.map(|balance| self.collateral_value(balance.asset, balance.total, false)).sum()
    }

    /// What a spot order could take off the account's collateral beyond the S it brings; holds of S are counted as such.
    /// `lots` at `price` ticks, of which `hold` units of the asset given away are held.
    fn shortfall(&self, market: usize, side: usize, price: i64, lots: i64, hold: i64) -> i64 {
        let record = &self.markets[market];
        let settlement = self.funds.settlement;
        let (given, taken) =
            if side == 0 { (record.quote, record.base) } else { (record.base, record.quote) };
        if given == settlement {
            return 0;
        }
        let brings = if taken == settlement { record.lot_price(price).saturating_mul(lots) } else { 0 };
        (self.collateral_value(given, hold, true) - brings).max(0)
    }

    /// Sum of the shortfalls of an account's open spot orders.
    pub(super) fn locked_of(&self, account: u32) -> i64 {
        if self.contracts.collateral.is_empty() {
            return 0;
        }
        let orders = self.funds.account(account).orders.iter();
        let locked = orders.map(|slot| {
            let node = self.slab.node(*slot);
            let market = &self.markets[node.market as usize];
            if market.kind != SPOT {
                return 0;
            }
            let (_, hold) = hold_of(market, node);
            self.shortfall(node.market as usize, node.side(), node.price, node.remaining, hold)
        });
        locked.sum()
    }

    /// Recompute what an account's other holdings count for.
    pub(crate) fn refresh_collateral(&mut self, account: u32) {
        let (collateral, locked) = (self.collateral_of(account), self.locked_of(account));
        let margin = self.funds.margin_mut(account);
        margin.collateral = collateral;
        margin.locked = locked;
        margin.stale = false;
    }

    /// The price of an asset that counts as collateral moved: value it anew for all who hold it.
    pub(crate) fn on_collateral_price(&mut self, market: usize) {
        let rule = self.contracts.collateral.iter().find(|rule| rule.market as usize == market);
        let Some(asset) = rule.map(|rule| rule.asset) else { return };
        for at in 1..self.funds.margins.len() {
            let account = self.funds.margins[at].account;
            let holds = |balance: &crate::accounts::Balance| balance.asset == asset && balance.total > 0;
            if self.funds.account(account).balances.iter().any(holds) {
                self.refresh_collateral(account);
                self.watch(account);
            }
        }
    }

    /// Risk of an account that never had a contract.
    pub(crate) fn spot_risk(&self, account: u32) -> Risk {
        self.spot_margin(account).risk()
    }

    /// The margin record an account without contracts would have.
    pub(crate) fn spot_margin(&self, account: u32) -> Margin {
        let settlement = self.funds.settlement;
        let balance = self.funds.account(account).balances.iter().find(|balance| balance.asset == settlement);
        let (cash, held) = balance.map_or((0, 0), |balance| (balance.total, balance.held));
        let (collateral, locked) = (self.collateral_of(account), self.locked_of(account));
        Margin { cash, held, collateral, locked, account, ..Margin::default() }
    }

    /// Whether an account with contracts may place a spot order that holds `hold` units at `price` ticks at worst.
    #[cold]
    pub(crate) fn check_spot_margin(
        &self,
        account: u32,
        market: usize,
        side: usize,
        price: i64,
        lots: i64,
        hold: i64,
    ) -> Result<(), Reject> {
        let risk = self.risk(account);
        let record = &self.markets[market];
        let given = if side == 0 { record.quote } else { record.base };
        let more = if given == self.funds.settlement {
            if hold > 0 && self.funds.margin(account).is_some_and(|margin| margin.settled() < hold) {
                return Err(Reject::RiskMargin);
            }
            hold
        } else {
            self.shortfall(market, side, price, lots, hold)
        };
        if more > 0 && risk.equity < risk.initial.saturating_add(more) {
            return Err(Reject::RiskMargin);
        }
        Ok(())
    }

    /// Units of S an account may still put into spot: all of what is free, as far as its margin leaves it.
    #[cold]
    pub(crate) fn spendable(&self, account: u32, free: i64) -> i64 {
        let risk = self.risk(account);
        let settled = self.funds.margin(account).map_or(free, Margin::settled);
        free.min(risk.equity - risk.initial).min(settled)
    }

    /// Units of S an account may lose to withdrawals: equity without unrealised profit, above initial margin and a tenth of
    /// the value of its perpetuals.
    pub(crate) fn withdrawable(&self, account: u32) -> i64 {
        let Some(margin) = self.funds.margin(account) else { return i64::MAX };
        let risk = margin.risk();
        let settled = risk.equity - margin.upnl.max(0);
        settled - risk.initial.max(margin.notional / 10)
    }

    /// Whether an account with contracts may withdraw `units` of an asset that are free.
    #[cold]
    pub(crate) fn check_withdrawal(&self, account: u32, asset: u32, units: i64) -> Result<(), Reject> {
        let cost = if asset == self.funds.settlement {
            if self.funds.margin(account).is_some_and(|margin| margin.settled() < units) {
                return Err(Reject::RiskMargin);
            }
            units
        } else {
            let balances = self.funds.account(account).balances.iter();
            let total = balances.filter(|b| b.asset == asset).map(|b| b.total).sum::<i64>();
            self.collateral_value(asset, total, false) - self.collateral_value(asset, total - units, false)
        };
        if cost > 0 && cost > self.withdrawable(account) {
            return Err(Reject::RiskMargin);
        }
        Ok(())
    }

    /// At the end of a command: value anew what changed, and cancel spot buys that are no longer covered.
    #[cold]
    pub(crate) fn settle_margins(&mut self) {
        while let Some(account) = self.funds.pending.pop() {
            if self.funds.margin_mut(account).stale {
                self.refresh_collateral(account);
            }
            self.relieve_holds(account);
            self.watch(account);
        }
    }
}
