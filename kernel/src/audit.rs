//! The full audit: everything that must hold between two commands, recomputed from nothing. Costs as much
//! as the state is large; tests run it after every step, the engine before it trusts a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::Kernel;
use crate::matching::hold_of;
use crate::slab::{NIL, NO_CLIENT};
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
    /// Check every invariant; the error says which one fails and where.
    pub fn check_invariants(&self) -> Result<(), String> {
        self.check_money()?;
        let open = self.check_books()?;
        self.check_orders(&open)?;
        self.check_holds(&open)?;
        self.check_exposures()?;
        self.check_algos(&self.slab, &open)?;
        self.check_timers(&open)?;
        self.check_liquidation()?;
        self.check_contracts(&open)?;
        self.check_prices()?;
        self.check_outcomes(&open)?;
        self.check_worths()
    }

    /// Conservation per asset; every balance `0 <= held <= total`.
    fn check_money(&self) -> Audit {
        let mut sums: Vec<i128> = self.funds.assets.iter().map(|_| 0).collect();
        for account in &self.funds.accounts {
            for balance in &account.balances {
                sums[balance.asset as usize] += i128::from(balance.total);
                let least = if self.lends(account, balance) { balance.total.max(0) } else { balance.total };
                let sound = balance.held >= 0 && balance.held <= least;
                ensure(sound, || format!("balance of account {} is unsound: {balance:?}", account.number))?;
            }
            let ordered = account.balances.windows(2).all(|pair| pair[0].asset < pair[1].asset);
            ensure(ordered, || format!("balances of account {} are out of order", account.number))?;
        }
        for (asset, sum) in self.funds.assets.iter().zip(sums) {
            let reserved: i128 = asset.reserved.iter().map(|amount| i128::from(*amount)).sum();
            let entries = self.entries_of(asset.id);
            let conserved = sum + reserved + i128::from(asset.pot) - entries == i128::from(asset.total)
                && asset.sum == asset.total;
            ensure(conserved, || format!("asset {} is not conserved", asset.id))?;
            ensure(asset.reserved.iter().all(|amount| *amount >= 0), || {
                format!("asset {} owes fees", asset.id)
            })?;
        }
        Ok(())
    }

    /// What accounts are worth, and what belongs to none, is what came in.
    fn check_worths(&self) -> Audit {
        let mut sums: BTreeMap<u32, i128> = BTreeMap::new();
        for worth in self.worths() {
            *sums.entry(worth.asset).or_default() += i128::from(worth.units);
        }
        let sets: i128 = self.outcomes.events.iter().map(|event| i128::from(event.pot)).sum();
        for (slot, asset) in self.funds.assets.iter().enumerate() {
            let reserved: i128 = asset.reserved.iter().map(|amount| i128::from(*amount)).sum();
            let pot = i128::from(asset.pot) - if slot as u32 == self.funds.settlement { sets } else { 0 };
            let sum = sums.get(&asset.id).copied().unwrap_or(0) + reserved + pot;
            ensure(sum == i128::from(asset.total), || {
                format!("accounts are worth {sum} of asset {}, {} came in", asset.id, asset.total)
            })?;
        }
        Ok(())
    }

    /// Levels, queues and best prices of every book; returns the slots found in them.
    fn check_books(&self) -> Result<BTreeSet<u32>, String> {
        let mut open = BTreeSet::new();
        for market in &self.markets {
            let book = &market.book;
            let number = market.number;
            ensure(book.best_bid() < book.best_ask() || book.is_collecting(), || {
                format!("book {number} is crossed")
            })?;
            let mut orders = 0;
            for side in [0, 1] {
                let levels = book.side_levels(side, usize::MAX);
                let sorted = levels.windows(2).all(|pair| (pair[0].0 > pair[1].0) == (side == 0));
                ensure(sorted, || format!("levels of book {number} are out of order"))?;
                ensure(levels.len() == book.level_count(side) as usize, || {
                    format!("book {number} miscounts levels")
                })?;
                for (price, level) in levels {
                    let (mut slot, mut prev, mut lots, mut count) = (level.head, NIL, 0, 0);
                    while slot != NIL {
                        let node = self.slab.node(slot);
                        let linked = node.prev == prev && node.price == price && node.side() == side;
                        let here =
                            u32::from(node.market) == number && node.remaining > 0 && open.insert(slot);
                        ensure(linked && here, || {
                            format!("slot {slot} is misplaced in book {number} at {price}")
                        })?;
                        lots += node.remaining;
                        count += 1;
                        (prev, slot) = (slot, node.next);
                    }
                    let sums = lots == level.lots && count == level.orders && count > 0 && prev == level.tail;
                    ensure(sums, || format!("level {price} of book {number} does not add up"))?;
                    orders += count;
                }
            }
            ensure(orders == book.orders(), || format!("book {number} miscounts orders"))?;
        }
        ensure(open.len() == self.slab.len(), || "an open order stands in no book".to_owned())?;
        Ok(open)
    }

    /// Ids, client ids and account lists agree with the books.
    fn check_orders(&self, open: &BTreeSet<u32>) -> Audit {
        for slot in open {
            let (node, cold) = (self.slab.node(*slot), self.slab.cold(*slot));
            let id = cold.order_id;
            ensure(self.ids.get(id) == Some(*slot), || format!("order {id} is not found by its id"))?;
            ensure(cold.filled + node.remaining == cold.size, || format!("order {id} does not add up"))?;
            let orders = &self.funds.account(node.account).orders;
            let listed = orders.get(node.position as usize) == Some(slot);
            ensure(listed, || format!("order {id} is not in its account's list"))?;
            let image = (cold.account, cold.price, u32::from(node.market), cold.order_id);
            let number = self.funds.account(node.account).number;
            ensure(image == (number, node.price, cold.market, node.order_id), || {
                format!("the record of order {id} differs from its node")
            })?;
            if node.client != NO_CLIENT {
                let entry = self.clients.entry(node.client);
                let known = entry.order_id() == id && entry.filled() == 0;
                ensure(known, || format!("the client id of order {id} names another"))?;
            }
        }
        let listed: usize = self.funds.accounts.iter().map(|account| account.orders.len()).sum();
        ensure(listed == open.len(), || "accounts list orders that are not open".to_owned())
    }

    /// What is held of each balance is what the account's open orders need, to the unit.
    fn check_holds(&self, open: &BTreeSet<u32>) -> Audit {
        let mut needs: BTreeMap<(u32, u32), i128> = BTreeMap::new();
        for slot in open {
            let node = self.slab.node(*slot);
            let (asset, hold) = hold_of(&self.markets[node.market as usize], node);
            *needs.entry((node.account, asset)).or_default() += i128::from(hold);
        }
        for (slot, account) in self.funds.accounts.iter().enumerate() {
            for balance in &account.balances {
                let need = needs.get(&(slot as u32, balance.asset)).copied().unwrap_or(0);
                ensure(i128::from(balance.held) == need, || {
                    format!("account {} holds {} and needs {need}", account.number, balance.held)
                })?;
            }
        }
        Ok(())
    }

    fn check_timers(&self, open: &BTreeSet<u32>) -> Audit {
        let timed = open.iter().filter(|slot| self.slab.node(**slot).flags & flag::TIMED != 0).count();
        ensure(timed == self.expiries.len(), || "expiries and timed orders differ".to_owned())?;
        let armed = self.funds.accounts.iter().filter(|account| account.cancel_at_ms != 0).count();
        ensure(armed == self.switches.len(), || "switches and armed accounts differ".to_owned())?;
        let dues =
            self.expiries.first().map(|due| due.0).into_iter().chain(self.switches.first().map(|due| due.0));
        let next = dues
            .chain(self.settling.first().map(|_| 0))
            .chain(self.mandates.is_due().then_some(0))
            .chain([self.prices.next_ms()])
            .chain([self.algos.next_timer(), self.auctions.next_timer()])
            .chain([self.outcomes.next_timer()])
            .min()
            .unwrap_or(u64::MAX);
        let next = next.min(self.liquidation.due_ms());
        ensure(next == self.next_timer, || "the next timer is not the earliest".to_owned())
    }
}
