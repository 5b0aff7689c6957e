//! What an operator may set of a price, within the bounds of the protocol.

use crate::num::PPM;
use crate::wire::{i64_at, u32_at};

/// Bytes of the rules in a frame and in snapshots.
pub const PRICE_RULES: usize = 48;
const DAY_MS: u32 = 86_400_000;

/// How observations of one market become its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceRules {
    /// Least time between two steps of the index.
    pub interval_ms: u32,
    /// One step moves index and mark by at most this part of themselves (and by at least one tick).
    pub step_ppm: u32,
    /// The price stays between the day's start divided by this and multiplied by it.
    pub day_factor: u32,
    /// An observation older than this no longer counts.
    pub stale_ms: u32,
    /// Fresh sources in agreement for the full grade.
    pub full_sources: u32,
    /// Period of the average of mid against index in the mark.
    pub basis_ms: u32,
    /// Period of the slow price of collateral.
    pub slow_ms: u32,
    /// Mark stays within this part of the index.
    pub band_ppm: u32,
    /// Sources further than this part from their median disagree with it.
    pub divergence_ppm: u32,
    /// An index further than this part from the median of its sources is volatile.
    pub volatile_ppm: u32,
    /// How far ahead of the kernel's clock an observation may be dated.
    pub ahead_ms: u32,
    /// How long a perpetual trades on a stale price before it only takes cancels; 0 for ever.
    pub halt_ms: u32,
}

impl Default for PriceRules {
    fn default() -> Self {
        PriceRules {
            interval_ms: 2_500,
            step_ppm: 10_000,
            day_factor: 10,
            stale_ms: 10_000,
            full_sources: 3,
            basis_ms: 150_000,
            slow_ms: 3_600_000,
            band_ppm: 50_000,
            divergence_ppm: 50_000,
            volatile_ppm: 100_000,
            ahead_ms: 2_000,
            halt_ms: 900_000,
        }
    }
}

impl PriceRules {
    /// Read from 48 bytes; `None` outside the bounds.
    pub fn read(bytes: &[u8]) -> Option<PriceRules> {
        let word = |at: usize| u32_at(bytes, at * 4);
        let rules = PriceRules {
            interval_ms: word(0),
            step_ppm: word(1),
            day_factor: word(2),
            stale_ms: word(3),
            full_sources: word(4),
            basis_ms: word(5),
            slow_ms: word(6),
            band_ppm: word(7),
            divergence_ppm: word(8),
            volatile_ppm: word(9),
            ahead_ms: word(10),
            halt_ms: word(11),
        };
        rules.allowed().then_some(rules)
    }

    fn allowed(&self) -> bool {
        let million = PPM as u32;
        (1_000..=60_000).contains(&self.interval_ms)
            && (1_000..=50_000).contains(&self.step_ppm)
            && (2..=100).contains(&self.day_factor)
            && (1_000..=DAY_MS).contains(&self.stale_ms)
            && (1..=9).contains(&self.full_sources)
            && (1_000..=3_600_000).contains(&self.basis_ms)
            && (60_000..=DAY_MS).contains(&self.slow_ms)
            && (1_000..=500_000).contains(&self.band_ppm)
            && (1_000..=500_000).contains(&self.divergence_ppm)
            && (10_000..=million).contains(&self.volatile_ppm)
            && self.ahead_ms <= 60_000
            && self.halt_ms <= DAY_MS
    }

    /// The 48 bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        let words = [
            self.interval_ms,
            self.step_ppm,
            self.day_factor,
            self.stale_ms,
            self.full_sources,
            self.basis_ms,
            self.slow_ms,
            self.band_ppm,
            self.divergence_ppm,
            self.volatile_ppm,
            self.ahead_ms,
            self.halt_ms,
        ];
        for word in words {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }
}

/// Bytes of the funding rules in a frame and in snapshots.
pub const FUNDING_RULES: usize = 24;

/// How a perpetual is funded. Rates are of 8 hours, the cap of one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingRules {
    pub enabled: bool,
    pub interest_ppm: i32,
    /// How far the interest may pull the rate from the premium.
    pub clamp_ppm: u32,
    pub cap_ppm: u32,
    /// What an impact order is worth, in units of the settlement asset.
    pub impact_notional: i64,
}

impl Default for FundingRules {
    fn default() -> Self {
        FundingRules {
            enabled: true,
            interest_ppm: 100,
            clamp_ppm: 500,
            cap_ppm: 40_000,
            impact_notional: 10_000_000_000,
        }
    }
}

impl FundingRules {
    /// Read from 24 bytes; `None` outside the bounds.
    pub fn read(bytes: &[u8]) -> Option<FundingRules> {
        let enabled = u32_at(bytes, 12);
        let rules = FundingRules {
            enabled: enabled == 1,
            interest_ppm: u32_at(bytes, 0) as i32,
            clamp_ppm: u32_at(bytes, 4),
            cap_ppm: u32_at(bytes, 8),
            impact_notional: i64_at(bytes, 16),
        };
        let allowed = enabled <= 1
            && (-10_000..=10_000).contains(&rules.interest_ppm)
            && rules.clamp_ppm <= 10_000
            && rules.cap_ppm <= 40_000
            && rules.impact_notional > 0;
        allowed.then_some(rules)
    }

    /// The 24 bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        for word in [self.interest_ppm as u32, self.clamp_ppm, self.cap_ppm, u32::from(self.enabled)] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.impact_notional.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_come_back_and_keep_their_bounds() {
        let mut bytes = Vec::new();
        PriceRules::default().write(&mut bytes);
        assert_eq!((bytes.len(), PriceRules::read(&bytes)), (PRICE_RULES, Some(PriceRules::default())));
        for (at, value) in [(0, 999), (1, 50_001), (2, 1), (3, 86_400_001), (4, 0), (7, 0), (10, 60_001)] {
            let mut wrong = bytes.clone();
            wrong[at * 4..at * 4 + 4].copy_from_slice(&u32::to_le_bytes(value));
            assert_eq!(PriceRules::read(&wrong), None, "word {at} may not be {value}");
        }
        let mut bytes = Vec::new();
        FundingRules::default().write(&mut bytes);
        assert_eq!((bytes.len(), FundingRules::read(&bytes)), (FUNDING_RULES, Some(FundingRules::default())));
        bytes[8..12].copy_from_slice(&40_001u32.to_le_bytes());
        assert_eq!(FundingRules::read(&bytes), None, "the cap is bounded");
    }
}
