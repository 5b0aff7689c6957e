//! Fees, their rounding and their split (23).

use std::collections::BTreeMap;

use super::{int, Rule, Step};
use crate::reference_model::told::What;
use crate::reference_model::wire;

/// 23: every unit of a fee is with the venue, the protocol or in the dust; an order overpays by less than one unit; a rebate is never more than the
/// taker of the same fill pays.
#[derive(Default)]
pub struct Fees {
    /// (maker, taker) ppm by order, as of its acceptance.
    rates: BTreeMap<u64, (i64, i64)>,
    /// Exact fee so far in millionths, and what was charged.
    exact: BTreeMap<u64, (i128, i128)>,
}

impl Rule for Fees {
    fn after(&mut self, step: &Step) {
        if step.kind() == wire::PLACE && step.ack().code == 0 {
            let market = u32::from_le_bytes(step.frame[8..12].try_into().unwrap());
            self.rates.insert(step.ack().order_id, step.before.fees(step.account(), market));
        }
        let mut earned: BTreeMap<u32, (i128, i128)> = BTreeMap::new();
        let mut charged: BTreeMap<u32, i128> = BTreeMap::new();
        for sides in step.fills().chunks(2) {
            let [(_, maker, m), (_, taker, t)] = sides else { unreachable!() };
            let taker_ppm = self.rates[&taker.order_id].1;
            let maker_ppm = self.rates[&maker.order_id].0.max(-taker_ppm);
            let market = &step.before.markets[maker.market as usize];
            assert_eq!(i64::from(m.fee_asset), int(market, "quote"), "fees are in the quote asset");
            for (order, fill, ppm) in [(maker, m, maker_ppm), (taker, t, taker_ppm)] {
                let sum = self.exact.entry(order.order_id).or_default();
                sum.0 += i128::from(fill.notional) * i128::from(ppm);
                sum.1 += i128::from(fill.fee);
                assert_eq!(i128::from(order.fee), sum.1, "the order tells its fees");
                let over = sum.1 * 1_000_000 - sum.0;
                assert!(
                    (0..1_000_000).contains(&over),
                    "order {} overpays {over} millionths",
                    order.order_id
                );
                *charged.entry(fill.fee_asset).or_default() += i128::from(fill.fee);
            }
            let whole = (i128::from(m.notional) * i128::from(maker_ppm + taker_ppm)).div_euclid(1_000_000);
            assert!(whole >= 0, "a fill never costs the venue");
            let protocol = whole * i128::from(int(market, "protocol_share_ppm")) / 1_000_000;
            let sum = earned.entry(m.fee_asset).or_default();
            *sum = (sum.0 + whole - protocol, sum.1 + protocol);
        }
        self.collected(step, &earned, &charged);
    }
}

impl Fees {
    fn collected(&self, step: &Step, earned: &BTreeMap<u32, (i128, i128)>, charged: &BTreeMap<u32, i128>) {
        let transfers: Vec<(u32, u32)> = step.seen.transfers.iter().map(|t| (t.account, t.asset)).collect();
        for asset in step.after.totals.keys().copied() {
            let change = |account: u32| step.after.total(account, asset) - step.before.total(account, asset);
            let (venue, protocol) = earned.get(&asset).copied().unwrap_or_default();
            let paid = charged.get(&asset).copied().unwrap_or_default();
            for (account, expected) in [(1, venue), (2, protocol), (4, paid - venue - protocol)] {
                if !transfers.contains(&(account, asset)) {
                    assert_eq!(change(account), expected, "account {account}, asset {asset}");
                }
            }
            assert!(step.after.total(4, asset) >= 0, "dust is never owed");
        }
        let traded = step.events().iter().any(|event| matches!(event.what, What::Fill(..)));
        assert!(traded || charged.is_empty());
    }
}
