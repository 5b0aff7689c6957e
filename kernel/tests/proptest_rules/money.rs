//! Conservation, balances, holds (1, 3, 4).

use std::collections::BTreeMap;

use super::{Rule, Step};

/// 1: what all accounts have of an asset is what came in, and only a transfer changes it.
#[derive(Default)]
pub struct Conservation;

impl Rule for Conservation {
    fn after(&mut self, step: &Step) {
        let sums = |view: &super::View| {
            let mut sums: BTreeMap<u32, i128> = view.totals.keys().map(|asset| (*asset, 0)).collect();
            for ((_, asset), (total, _)) in &view.balances {
                *sums.get_mut(asset).unwrap() += i128::from(*total);
            }
            sums
        };
        let (before, after) = (sums(step.before), sums(step.after));
        for (asset, sum) in &after {
            assert_eq!(*sum, i128::from(step.after.totals[asset]), "asset {asset}: accounts and total");
            let moved: i128 = step
                .seen
                .transfers
                .iter()
                .filter(|t| t.code == 0 && t.asset == *asset)
                .map(|t| i128::from(t.amount))
                .sum();
            let moved = if step.ack().code == 0 { moved } else { 0 };
            assert_eq!(
                sum - before.get(asset).unwrap_or(&0),
                moved,
                "asset {asset}: only transfers change the sum"
            );
        }
    }
}

/// 3: nothing is overdrawn: `0 <= held <= total`.
#[derive(Default)]
pub struct NothingOverdrawn;

impl Rule for NothingOverdrawn {
    fn after(&mut self, step: &Step) {
        for (key, (total, held)) in &step.after.balances {
            assert!(0 <= *held && held <= total, "balance {key:?}: total {total}, held {held}");
        }
    }
}

/// 4: what is held is what the open orders still need, to the unit.
#[derive(Default)]
pub struct HoldsAreNeeds;

impl Rule for HoldsAreNeeds {
    fn after(&mut self, step: &Step) {
        for ((account, asset), (_, held)) in &step.after.balances {
            assert_eq!(i128::from(*held), step.model.held(*account, *asset), "held by {account} of {asset}");
            let open = step.after.orders.values().any(|order| order.account == *account);
            assert!(open || *held == 0, "account {account} has no open order and holds {held}");
        }
    }
}
