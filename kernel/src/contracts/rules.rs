//! Margin rules of a market: rates by the size of the position, continuous from tier to tier, and dearer with the
//! market's open interest.

use super::positions::mul_div_ceil;
use crate::num::PPM;

/// Most tiers a market has.
pub const TIERS: usize = 8;
/// Leverage of a position nobody has set.
pub const DEFAULT_LEVERAGE: i64 = 10;
/// Highest leverage there is.
pub const MAX_LEVERAGE: i64 = 1_000;

/// Rates that hold for the part of a position's value above the tier before and up to `up_to`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tier {
    /// Units of S at mark; of the last tier also the largest position there may be.
    pub up_to: i64,
    pub initial_ppm: u32,
    pub maintenance_ppm: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub tiers: [Tier; TIERS],
    pub count: u8,
    /// Open interest in lots where initial margin begins to rise, and where it is all of the value; 0, 0: it never does.
    pub interest_low: i64,
    pub interest_high: i64,
    /// Most lots of open interest; 0: no bound.
    pub interest_cap: i64,
}

impl Default for Rules {
    /// One tier: 5% initial, 2.5% maintenance.
    fn default() -> Self {
        let mut tiers = [Tier::default(); TIERS];
        tiers[0] = Tier { up_to: super::MAX_NOTIONAL, initial_ppm: 50_000, maintenance_ppm: 25_000 };
        Rules { tiers, count: 1, interest_low: 0, interest_high: 0, interest_cap: 0 }
    }
}

impl Rules {
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers[..self.count as usize]
    }

    /// Whether tiers rise, rates are sensible and levels are in order.
    pub fn allowed(&self) -> bool {
        let tiers = self.tiers();
        let rates = |tier: &Tier| {
            tier.maintenance_ppm > 0
                && tier.maintenance_ppm <= tier.initial_ppm
                && i64::from(tier.initial_ppm) <= PPM
                && i64::from(tier.initial_ppm) * MAX_LEVERAGE >= PPM
                && (1..=super::MAX_NOTIONAL).contains(&tier.up_to)
        };
        let rising = tiers.windows(2).all(|pair| {
            pair[0].up_to < pair[1].up_to
                && pair[0].initial_ppm <= pair[1].initial_ppm
                && pair[0].maintenance_ppm <= pair[1].maintenance_ppm
        });
        let levels = 0..=crate::num::MAX_QUANTITY;
        (1..=TIERS).contains(&tiers.len())
            && tiers.iter().all(rates)
            && rising
            && levels.contains(&self.interest_low)
            && levels.contains(&self.interest_high)
            && levels.contains(&self.interest_cap)
            && (self.interest_high == 0) == (self.interest_low == 0)
            && (self.interest_high == 0 || self.interest_low < self.interest_high)
    }

    /// Largest value of a position and its orders.
    pub fn largest(&self) -> i64 {
        self.tiers[self.count as usize - 1].up_to
    }

    /// Highest leverage of the smallest position.
    pub fn max_leverage(&self) -> i64 {
        PPM / i64::from(self.tiers[0].initial_ppm)
    }

    /// Leverage of a position that asks for `leverage` (0: the default).
    #[inline]
    pub fn leverage(&self, leverage: u16) -> i64 {
        match leverage {
            // No division where the default is allowed.
            0 if DEFAULT_LEVERAGE * i64::from(self.tiers[0].initial_ppm) <= PPM => DEFAULT_LEVERAGE,
            0 => self.max_leverage(),
            set => i64::from(set),
        }
    }

    /// Sum over the tiers of the part of `value` in each times its rate, rounded up: continuous where tiers meet.
    #[inline]
    fn tiered(&self, value: i64, rate: impl Fn(&Tier) -> u32) -> i64 {
        let first = &self.tiers[0];
        if value <= first.up_to {
            return ceil_share(value, i64::from(rate(first)));
        }
        let (mut sum, mut below) = (0i128, 0);
        for (at, tier) in self.tiers().iter().enumerate() {
            let last = at + 1 == self.count as usize;
            let top = if last { value } else { value.min(tier.up_to) };
            sum += i128::from(top - below) * i128::from(rate(tier));
            below = top;
            if value <= tier.up_to {
                break;
            }
        }
        // To divide what fits into a word by a constant is a multiplication.
        match u64::try_from(sum) {
            Ok(sum) => sum.div_ceil(PPM as u64) as i64,
            Err(_) => ((sum + i128::from(PPM) - 1) / i128::from(PPM)) as i64,
        }
    }

    /// Initial margin of a value at mark: `max(value / leverage, tiers)`, then `extra_ppm` of the way to the whole value.
    /// Units of S, rounded up.
    #[inline(always)]
    pub fn initial(&self, value: i64, leverage: u16, extra_ppm: i64) -> i64 {
        let leverage = self.leverage(leverage);
        // Most leave leverage as it is, and to divide by a constant is a multiplication.
        let own = match leverage {
            DEFAULT_LEVERAGE => (value + DEFAULT_LEVERAGE - 1) / DEFAULT_LEVERAGE,
            _ => (value + leverage - 1) / leverage,
        };
        let base = own.max(self.tiered(value, |tier| tier.initial_ppm));
        if extra_ppm == 0 {
            return base;
        }
        base + ceil_share(value - base, extra_ppm)
    }

    /// Maintenance margin of a value at mark, rounded up.
    #[inline]
    pub fn maintenance(&self, value: i64) -> i64 {
        self.tiered(value, |tier| tier.maintenance_ppm)
    }

    /// How far initial margin has risen towards the whole value at an open interest, in ppm.
    #[inline]
    pub fn extra_ppm(&self, open_interest: i64) -> i64 {
        if self.interest_high == 0 || open_interest <= self.interest_low {
            return 0;
        }
        if open_interest >= self.interest_high {
            return PPM;
        }
        let (above, width) = (open_interest - self.interest_low, self.interest_high - self.interest_low);
        mul_div_ceil(above, PPM, width)
    }
}

/// `ceil(value * ppm / 10^6)` of values that are not negative.
#[inline]
fn ceil_share(value: i64, ppm: i64) -> i64 {
    match value.checked_mul(ppm) {
        Some(product) => (product + PPM - 1) / PPM,
        None => mul_div_ceil(value, ppm, PPM),
    }
}
