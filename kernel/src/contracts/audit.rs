//! What must hold of positions and margin between two commands, recomputed from nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Margin, Position, PERPETUAL, SPOT};
use crate::accounts::{Account, Balance};
use crate::kernel::Kernel;
use crate::wire::flag;

type Audit = Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Audit {
    if holds {
        Ok(())
    } else {
        Err(what())
    }
}

impl Kernel {
    /// Whether a balance may be negative: the settlement asset of an account with contracts.
    pub(crate) fn lends(&self, account: &Account, balance: &Balance) -> bool {
        account.margin != 0 && balance.asset == self.funds.settlement
    }

    /// Sum of the entries of all perpetual positions that settle in an asset.
    pub(crate) fn entries_of(&self, asset: u32) -> i128 {
        if self.funds.asset_slot(asset) != Some(self.funds.settlement) {
            return 0;
        }
        let positions = self.markets.iter().flat_map(|market| &market.contract.positions);
        positions.map(|position| i128::from(position.entry)).sum()
    }

    pub(crate) fn check_contracts(&self, open: &BTreeSet<u32>) -> Audit {
        ensure(self.funds.pending.is_empty(), || "a margin was left unsettled".to_owned())?;
        self.check_positions()?;
        self.check_position_orders(open)?;
        for at in 1..self.funds.margins.len() {
            self.check_margin(at as u32)?;
        }
        Ok(())
    }

    /// Longs and shorts of every contract sum to zero; open interest is what is held long; each position is where its
    /// account says.
    fn check_positions(&self) -> Audit {
        for market in &self.markets {
            let (mut net, mut long) = (0i128, 0i128);
            for (at, position) in market.contract.positions.iter().enumerate() {
                net += i128::from(position.lots);
                long += i128::from(position.lots.max(0));
                let listed = self.position_at(position.account, market.number as usize) == Some(at);
                ensure(listed, || format!("a position of market {} is lost", market.number))?;
                let signed = position.lots != 0 || position.entry == 0;
                ensure(signed, || format!("a flat position of market {} has an entry", market.number))?;
                let worth = market.contract.worth(position);
                let kept = Position { dirty: position.dirty, ..*position };
                let same = (kept.upnl, kept.initial, kept.maintenance, kept.notional)
                    == (worth.upnl, worth.initial, worth.maintenance, worth.notional);
                ensure(same, || format!("worth of a position of market {} is stale", market.number))?;
            }
            if market.kind == PERPETUAL {
                ensure(net == 0, || format!("positions of market {} sum to {net}", market.number))?;
                let interest = i128::from(market.contract.open_interest) == long;
                ensure(interest, || format!("open interest of market {} is wrong", market.number))?;
            }
        }
        Ok(())
    }

    /// Open lots of positions are those of their resting orders; reduce-only orders are counted, and never larger than what
    /// they reduce.
    fn check_position_orders(&self, open: &BTreeSet<u32>) -> Audit {
        let mut sums: BTreeMap<(u32, u16), ([i64; 2], u32)> = BTreeMap::new();
        for slot in open {
            let node = self.slab.node(*slot);
            if self.markets[node.market as usize].kind != PERPETUAL {
                continue;
            }
            let sum = sums.entry((node.account, node.market)).or_default();
            if node.flags & flag::REDUCE_ONLY == 0 {
                sum.0[node.side()] += node.remaining;
                continue;
            }
            sum.1 += 1;
            let left =
                self.position(node.account, node.market as usize).map_or(0, |p| p.reducible(node.side()));
            ensure(node.remaining <= left, || format!("reduce-only order in slot {slot} is too large"))?;
        }
        for market in self.markets.iter().filter(|market| market.kind == PERPETUAL) {
            for position in &market.contract.positions {
                let sum = sums.remove(&(position.account, market.number as u16)).unwrap_or_default();
                let same =
                    ([position.open_buy, position.open_sell], position.reduce_orders) == (sum.0, sum.1);
                ensure(same, || format!("orders of a position of market {} are miscounted", market.number))?;
            }
        }
        ensure(sums.is_empty(), || "an order counts for no position".to_owned())
    }

    /// An account's sums are those of its positions and balances.
    fn check_margin(&self, at: u32) -> Audit {
        let margin = &self.funds.margins[at as usize];
        let account = self.funds.account(margin.account);
        let mut sums = Margin { initial: margin.outcome_open, ..Margin::default() };
        for (market, place) in &margin.rows {
            let position = &self.markets[*market as usize].contract.positions[*place as usize];
            ensure(position.account == margin.account, || "a position is another account's".to_owned())?;
            sums.initial += position.initial;
            sums.notional += position.notional;
            sums.isolated += position.margin;
            if !position.isolated {
                sums.upnl += position.upnl;
                sums.maintenance += position.maintenance;
            }
        }
        let balance = account.balances.iter().find(|balance| balance.asset == self.funds.settlement);
        let (cash, held) = balance.map_or((0, 0), |balance| (balance.total, balance.held));
        let same = account.margin == at
            && (cash, held) == (margin.cash, margin.held)
            && (sums.upnl, sums.initial, sums.maintenance)
                == (margin.upnl, margin.initial, margin.maintenance)
            && (sums.notional, sums.isolated) == (margin.notional, margin.isolated)
            && self.collateral_of(margin.account) == margin.collateral
            && self.locked_of(margin.account) == margin.locked;
        ensure(same, || format!("margin sums of account {} differ: {margin:?}", account.number))?;
        let ordered = margin.rows.windows(2).all(|pair| pair[0].0 < pair[1].0);
        ensure(
            ordered && self.markets.iter().all(|m| m.kind != SPOT || m.contract.positions.is_empty()),
            || format!("positions of account {} are out of order", account.number),
        )
    }
}
