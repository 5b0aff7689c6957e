//! One position: what a trade does to it and what it is worth. Pure arithmetic, no state but its own.

use super::MAX_NOTIONAL;
use crate::num::{choose, magnitude};

/// An account's position in a contract market, its resting orders there, and what both add to the account's sums. The
/// first cache line is what a mark update reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Position {
    /// Signed: long is positive.
    pub lots: i64,
    /// What the lots were entered for, units of S; same sign as `lots`.
    pub entry: i64,
    /// Lots of resting orders that are not reduce-only.
    pub open_buy: i64,
    pub open_sell: i64,
    /// Unrealised profit at the present mark, funding due taken off.
    pub upnl: i64,
    /// What it adds to the account's initial margin.
    pub initial: i64,
    /// What it needs to be kept; counts for the account when it is cross, for its own margin when isolated.
    pub maintenance: i64,
    /// Slot of the account.
    pub account: u32,
    /// 0: the market's default.
    pub leverage: u16,
    pub isolated: bool,
    /// Changed since the last batch was reported; outside the logical state.
    pub dirty: bool,

    /// Value at mark, never negative.
    pub notional: i64,
    /// Margin set aside for an isolated position.
    pub margin: i64,
    /// Cumulative funding when it was last settled.
    pub funding_index: i128,
    /// Profit and loss realised so far, fees not included.
    pub realised: i64,
    /// Resting orders that are reduce-only.
    pub reduce_orders: u32,
}

/// `ceil(a * b / c)` for positive `c`.
#[inline]
pub(crate) fn mul_div_ceil(a: i64, b: i64, c: i64) -> i64 {
    if let Some(product) = a.checked_mul(b) {
        // What is negative is rounded up by the division itself.
        return product / c + i64::from(product % c > 0);
    }
    mul_div_ceil_wide(a, b, c)
}

#[cold]
fn mul_div_ceil_wide(a: i64, b: i64, c: i64) -> i64 {
    let product = i128::from(a) * i128::from(b);
    let whole = product.div_euclid(i128::from(c)) + i128::from(product.rem_euclid(i128::from(c)) != 0);
    whole.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// `lots * unit`, held within what sums can carry.
#[inline]
pub(crate) fn value(lots: i64, unit: i64) -> i64 {
    let bound = MAX_NOTIONAL << 1;
    lots.checked_mul(unit)
        .map_or(if (lots < 0) == (unit < 0) { bound } else { -bound }, |value| value)
        .clamp(-bound, bound)
}

/// As `value`, of what is not negative.
#[inline(always)]
pub(crate) fn worth(lots: i64, unit: i64) -> i64 {
    let bound = MAX_NOTIONAL << 1;
    lots.checked_mul(unit).map_or(bound, |value| value.min(bound))
}

impl Position {
    /// Trade `lots` for `value` units of S (both signed alike); returns the profit realised.
    ///
    /// What leaves of the entry when a position shrinks is `ceil(entry * closed / lots)`, so that rounding goes against the
    /// account; it stays in the entry of what is left, and no unit is lost. A trade that passes zero closes all and opens the
    /// rest, each with its part of the value.
    ///
    /// Whether it opens, closes or passes zero cannot be guessed, so there is no branch: one of two divisions is none, as it
    /// gives the whole, and what opens closes nothing.
    #[inline]
    pub fn trade(&mut self, lots: i64, value: i64) -> i64 {
        let (held, given) = (magnitude(self.lots), magnitude(lots));
        let closes = -i64::from((self.lots ^ lots < 0) & (held != 0));
        let (closed, partly) = (held.min(given) & closes, given < held);
        let (whole, all) = (choose(partly, self.entry, value), held.max(given).max(1));
        let share = mul_div_ceil(whole, closed, all);
        let leaving = choose(partly, share, self.entry & closes);
        let closing = choose(partly, value & closes, share);
        let realised = -closing - leaving;
        self.lots += lots;
        self.entry = self.entry - leaving + value - closing;
        self.realised = self.realised.saturating_add(realised);
        realised
    }

    /// Lots of the larger side of position and orders: what could be held if one side's orders all filled. Open lots are not
    /// negative, so of the four sides of two magnitudes the other two are never the largest.
    #[inline(always)]
    pub fn worst_lots(&self) -> i64 {
        (self.lots + self.open_buy).max(self.open_sell - self.lots)
    }

    /// Lots a reduce-only order of a side could take off.
    #[inline]
    pub fn reducible(&self, side: usize) -> i64 {
        if side == 0 { -self.lots } else { self.lots }.max(0)
    }

    /// Nothing held and nothing resting.
    pub fn is_flat(&self) -> bool {
        self.lots == 0 && self.open_buy == 0 && self.open_sell == 0 && self.reduce_orders == 0
    }
}
