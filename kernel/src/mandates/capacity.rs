//! Capacity: the bound that the venue's stake sets to the open interest of its group.
//!
//! The sum over contract markets of open interest times the value of a lot (a perpetual's at mark, an outcome's payout)
//! is kept by difference: whatever changes a market's open interest or mark counts that market again. Every
//! trade has a taker, and an order that adds risk is refused when it could carry the sum past the bound.

use super::UNBOUNDED;
use crate::codes::Reject;
use crate::contracts::{OUTCOME, PERPETUAL};
use crate::kernel::{Kernel, Outcome};
use crate::market::Market;
use crate::output::Ack;
use crate::wire::{i64_at, zeros, Frame};

/// Units of the settlement asset that a market's open interest is worth.
fn exposure_of(market: &Market) -> i64 {
    let contract = &market.contract;
    let unit = match market.kind {
        PERPETUAL => contract.unit,
        OUTCOME => market.lot_price(contract.payout_ticks),
        _ => return 0,
    };
    contract.open_interest.saturating_mul(unit)
}

impl Kernel {
    /// Kind 82, the operator's: the bound in units of the settlement asset; negative for none.
    pub(crate) fn set_capacity(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() != 16 || !zeros(&body[8..]) {
            return Err(Reject::InputBody);
        }
        let capacity = i64_at(body, 0);
        self.mandates.capacity = if capacity < 0 { UNBOUNDED } else { capacity };
        self.recount_exposures();
        Ok(Ack::default())
    }

    /// A market's open interest or mark has changed.
    #[inline]
    pub(crate) fn note_exposure(&mut self, market: usize) {
        if self.mandates.bounded() {
            self.count_exposure(market);
        }
    }

    fn count_exposure(&mut self, market: usize) {
        let value = exposure_of(&self.markets[market]);
        let mandates = &mut self.mandates;
        if mandates.exposures.len() <= market {
            mandates.exposures.resize(market + 1, 0);
        }
        let before = std::mem::replace(&mut mandates.exposures[market], value);
        mandates.exposure += i128::from(value) - i128::from(before);
    }

    /// Count all markets anew; a group without a bound counts none.
    pub(crate) fn recount_exposures(&mut self) {
        self.mandates.exposures.clear();
        self.mandates.exposure = 0;
        for market in 0..self.markets.len() {
            self.note_exposure(market);
        }
    }

    /// Check the sum against the markets; the error says how far off it is.
    pub(crate) fn check_exposures(&self) -> Result<(), String> {
        let bounded = self.mandates.bounded();
        let markets = self.markets.iter().filter(|_| bounded);
        let sum: i128 = markets.map(|market| i128::from(exposure_of(market))).sum();
        if sum == self.mandates.exposure {
            return Ok(());
        }
        Err(format!("open interest is worth {sum}, not {}", self.mandates.exposure))
    }

    /// Whether `value` units more of open interest are within the bound; for orders that add risk.
    #[inline]
    pub(crate) fn check_capacity(&self, value: i64) -> Result<(), Reject> {
        let mandates = &self.mandates;
        if mandates.bounded() && mandates.exposure + i128::from(value) > i128::from(mandates.capacity) {
            return Err(Reject::RiskCapacity);
        }
        Ok(())
    }
}
