//! What must hold of events and holdings between two commands, recomputed from nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{event_state, Event, NO_EVENT};
use super::holding::Open;
use super::payouts::sound;
use crate::codes::phase;
use crate::contracts::OUTCOME;
use crate::kernel::Kernel;

type Audit = Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Audit {
    match holds {
        true => Ok(()),
        false => Err(what()),
    }
}

/// Open outcome orders by (account slot, event): what each reserves, by outcome.
type Orders = BTreeMap<(u32, u32), Vec<(usize, Open)>>;

impl Kernel {
    pub(crate) fn check_outcomes(&self, open: &BTreeSet<u32>) -> Audit {
        let mut orders = Orders::new();
        for slot in open {
            let node = self.slab.node(*slot);
            let market = &self.markets[node.market as usize];
            if market.kind != OUTCOME {
                continue;
            }
            let reserved =
                self.reserved_by(*slot).ok_or_else(|| format!("order in slot {slot} is uncountable"))?;
            let (event, outcome) = (market.contract.event, market.contract.outcome as usize);
            orders.entry((node.account, event)).or_default().push((outcome, reserved));
        }
        for event in &self.outcomes.events {
            self.check_event(event, &mut orders)?;
        }
        ensure(orders.is_empty(), || "an outcome order counts for no holding".to_owned())?;
        let held = self.outcomes.events.iter().map(|event| event.holders.len()).sum::<usize>();
        let listed = self.outcomes.places.iter().map(Vec::len).sum::<usize>();
        ensure(listed <= held && listed + self.outcomes.free.len() == self.outcomes.holdings.len(), || {
            "holdings and holders differ".to_owned()
        })?;
        self.check_outcome_sums()
    }

    /// Holdings are what their orders make them, contracts and sets sum to zero, the pot is what settlement still owes.
    fn check_event(&self, event: &Event, orders: &mut Orders) -> Audit {
        let number = event.number;
        let (mut net, mut long) = (vec![0i128; event.outcomes.len()], vec![0i128; event.outcomes.len()]);
        let mut owed = 0i128;
        for account in &event.holders {
            let mine = orders.remove(&(*account, number)).unwrap_or_default();
            let Some(holding) = self.outcomes.holding(*account, number) else {
                ensure(event.state == event_state::PAYING && mine.is_empty(), || {
                    format!("a holding of event {number} is lost")
                })?;
                continue;
            };
            ensure(holding.recounted(&mine) == *holding, || {
                format!("holding of account slot {account} in event {number} is miscounted: {holding:?}")
            })?;
            for at in 0..holding.outcomes() {
                net[at] += i128::from(holding.lots(at));
                long[at] += i128::from(holding.lots(at).max(0));
                owed += i128::from(holding.lots(at)) * i128::from(event.outcomes[at].payout * event.tick);
            }
        }
        let due = match event.state {
            event_state::PAYING => owed,
            _ => -i128::from(event.sets) * i128::from(event.unit()),
        };
        ensure(i128::from(event.pot) == due, || {
            format!("pot of event {number} is {} and not {due}", event.pot)
        })?;
        let decided = event.state >= event_state::PROPOSED;
        let payouts: Vec<i64> = event.outcomes.iter().map(|row| row.payout).collect();
        ensure(!decided || sound(&payouts, event.one), || {
            format!("payouts of event {number} do not sum to one")
        })?;
        for (at, market) in event.markets() {
            let record = &self.markets[market];
            let contract = &record.contract;
            let bound = contract.event == number && contract.outcome as usize == at;
            ensure(bound && event.is_trading() == (record.phase < phase::CLOSING), || {
                format!("market {market} and event {number} disagree")
            })?;
            if event.late.is_some() || event.state == event_state::PAYING {
                continue;
            }
            ensure(net[at] == -i128::from(event.sets), || {
                format!("contracts of outcome {at} of event {number} sum to {}", net[at])
            })?;
            ensure(long[at] == i128::from(contract.open_interest), || {
                format!("open interest of market {market} is wrong")
            })?;
        }
        Ok(())
    }

    /// Margins carry the sums of their holdings, and whoever has nothing but outcomes and cash cannot owe.
    fn check_outcome_sums(&self) -> Audit {
        for (slot, account) in self.funds.accounts.iter().enumerate() {
            let holdings = self.outcomes.holdings_of(slot as u32);
            let sums = holdings.fold((0, 0), |(worst, open), holding| {
                (worst + holding.worst(), open + holding.worst() - holding.exposure())
            });
            let margin = self.funds.margin(slot as u32);
            let kept = margin.map_or((0, 0), |margin| (margin.outcomes, margin.outcome_open));
            ensure(sums == kept, || format!("outcome sums of account {} differ", account.number))?;
            let covered =
                margin.is_none_or(|margin| !margin.rows.is_empty() || margin.cash + margin.outcomes >= 0);
            ensure(covered, || format!("account {} does not cover its outcomes", account.number))?;
        }
        let stray = self.markets.iter().filter(|market| market.kind == OUTCOME);
        let stray = stray.filter(|market| market.contract.event == NO_EVENT);
        ensure(stray.into_iter().all(|market| market.book.orders() == 0), || {
            "an outcome without an event has orders".to_owned()
        })
    }
}
