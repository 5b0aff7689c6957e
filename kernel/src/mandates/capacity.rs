//! Capacity: the bound that the venue's stake sets to the open interest of its group.
//!
//! The sum over contract markets of open interest times the value of a lot (a perpetual's at mark, an outcome's payout)
//! is kept by difference: whatever changes a market's open interest or mark counts that market again. An order that
//! adds risk is refused above the bound, and a resting order that would carry the sum past it stops its taker.

use super::UNBOUNDED;
use crate::codes::Reject;
use crate::kernel::{Kernel, Outcome};
use crate::output::Ack;
use crate::wire::{i64_at, zeros, Frame};

impl Kernel {
    /// Kind 82, the operator's: the bound in units of the settlement asset; negative for none.
    pub(crate) fn set_capacity(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() != 16 || !zeros(&body[8..]) {
            return Err(Reject::InputBody);
        }
        let capacity = i64_at(body, 0);
        self.mandates.capacity = if capacity < 0 { UNBOUNDED } else { capacity };
        Ok(Ack::default())
    }

    /// Count a market's open interest again: `value` units of the settlement asset.
    #[inline]
    pub(crate) fn count_exposure(&mut self, market: usize, value: i64) {
        let mandates = &mut self.mandates;
        if mandates.exposures.len() <= market {
            mandates.exposures.resize(market + 1, 0);
        }
        let before = std::mem::replace(&mut mandates.exposures[market], value);
        mandates.exposure = mandates.exposure.saturating_add(value - before);
    }

    /// Whether `value` more of open interest is within the bound.
    #[inline]
    pub(crate) fn check_capacity(&self, value: i64) -> Result<(), Reject> {
        if value > 0 && self.mandates.exposure.saturating_add(value) > self.mandates.capacity {
            return Err(Reject::RiskCapacity);
        }
        Ok(())
    }
}
