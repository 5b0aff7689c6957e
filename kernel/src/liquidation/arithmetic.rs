//! The numbers of the waterfall, apart from state: bankruptcy values, limits, fees, slices and ranks.
//!
//! A bucket (an account, or one isolated position) has equity `E` and maintenance `M = sum of M_i`. Its position i
//! of signed value `v_i` at mark has the bankruptcy value `B_i = v_i - E * M_i / M`: closed at their bankruptcy values one
//! after the other, the positions leave a bucket of exactly nothing. A position closed in part leaves the same ratio of
//! equity to maintenance behind, so a liquidation at any price between mark and bankruptcy never makes a bucket worse.

use crate::num::{MAX_QUANTITY, PPM};

/// `amount * part / whole` rounded down, for `whole > 0`.
#[inline]
pub fn floor_share(amount: i64, part: i64, whole: i64) -> i64 {
    (i128::from(amount) * i128::from(part)).div_euclid(i128::from(whole)) as i64
}

/// A position to close and the equity that is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Signed size of the position.
    pub lots: i64,
    /// Signed value at mark, in units.
    pub value: i64,
    /// Its share of the bucket's equity.
    pub equity: i64,
    pub tick_quote: i64,
}

impl Closing {
    /// A position of `maintenance` in a bucket of `equity` and `total` maintenance.
    pub fn new(lots: i64, mark: i64, tick_quote: i64, equity: i64, maintenance: i64, total: i64) -> Closing {
        let share = if total > 0 { floor_share(equity, maintenance, total) } else { equity };
        Closing { lots, value: lots * mark * tick_quote, equity: share, tick_quote }
    }

    /// Signed value at mark of `lots` of the position.
    pub fn value_at_mark(&self, lots: i64) -> i64 {
        floor_share(self.value, lots.abs(), self.lots.abs())
    }

    /// Signed value at which `lots` of the position, of its sign, leave their share of equity at nothing.
    ///
    /// Rounded against the account; the whole position is exact.
    pub fn bankruptcy_value(&self, lots: i64) -> i64 {
        let (part, whole) = (lots.abs(), self.lots.abs());
        self.value_at_mark(lots) + floor_share(-self.equity, part, whole)
    }

    /// Worst price the book may give: for a long the lowest, for a short the highest. `None` when no price will do.
    pub fn limit(&self) -> Option<i64> {
        let value = self.bankruptcy_value(self.lots);
        let per_tick = i128::from(self.lots.abs()) * i128::from(self.tick_quote);
        if self.lots > 0 {
            let price = -(-i128::from(value)).div_euclid(per_tick);
            (price <= i128::from(MAX_QUANTITY)).then(|| price.max(1) as i64)
        } else {
            let price = (-i128::from(value)).div_euclid(per_tick);
            (price >= 1).then(|| price.min(i128::from(MAX_QUANTITY)) as i64)
        }
    }

    /// The bankruptcy price in ticks, rounded down; it may lie below zero.
    pub fn price(&self) -> i64 {
        let value = i128::from(self.bankruptcy_value(self.lots)) * i128::from(self.lots.signum());
        value.div_euclid(i128::from(self.lots.abs()) * i128::from(self.tick_quote)) as i64
    }

    /// Fee of a close of `lots` (of the position's sign) for `value`: a share of the notional, never more than what the
    /// price left over bankruptcy.
    pub fn fee(&self, lots: i64, value: i64, fee_ppm: u32) -> i64 {
        let left = value - self.bankruptcy_value(lots);
        crate::num::share(value.abs(), i64::from(fee_ppm)).min(left).max(0)
    }
}

/// Lots to close now: everything, or of a large position a slice of at least one lot.
pub fn slice_lots(lots: i64, notional: i64, threshold: i64, slice_ppm: u32) -> i64 {
    if notional <= threshold {
        return lots.abs();
    }
    crate::num::share(lots.abs(), i64::from(slice_ppm)).max(1)
}

/// Place in the queue for auto-deleveraging: profit on entry times leverage, both in ppm; larger goes first.
pub fn adl_score(profit: i64, entry: i64, notional: i64, equity: i64) -> i128 {
    const MOST: i128 = 1 << 60;
    let million = i128::from(PPM);
    let gain = (i128::from(profit) * million / i128::from(entry.unsigned_abs().max(1))).clamp(-MOST, MOST);
    let leverage = match equity {
        1.. => (i128::from(notional) * million / i128::from(equity)).min(MOST),
        _ => MOST,
    };
    gain * leverage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_a_bucket_leave_exactly_nothing() {
        let (mut equity, mut maintenance) = (1_003_i64, [70, 20, 7]);
        for (at, lots) in [13_i64, -7, 3].into_iter().enumerate() {
            let total: i64 = maintenance.iter().sum();
            let closing = Closing::new(lots, 997, 10, equity, maintenance[at], total);
            equity += closing.bankruptcy_value(lots) - closing.value;
            maintenance[at] = 0;
        }
        assert_eq!(equity, 0);
    }

    #[test]
    fn limits_are_the_last_prices_that_cover() {
        let long = Closing::new(10, 1_000, 1, 95, 5, 5);
        assert_eq!((long.limit(), long.price()), (Some(991), 990));
        let short = Closing::new(-10, 1_000, 1, 95, 5, 5);
        assert_eq!((short.limit(), short.price()), (Some(1_009), 1_009));
        let hopeless = Closing::new(-10, 1_000, 1, -20_000, 5, 5);
        assert_eq!((hopeless.limit(), hopeless.price()), (None, -1_000));
    }

    #[test]
    fn fees_stop_at_what_is_left() {
        let long = Closing::new(10, 1_000, 1, 95, 5, 5);
        assert_eq!(long.fee(10, 10_000, 15_000), 95, "1.5 % would be 150");
        assert_eq!(long.fee(10, 9_910, 15_000), 5);
        assert_eq!(long.fee(10, 9_905, 15_000), 0);
        assert_eq!(long.fee(5, 5_000, 5_000), 25);
    }

    #[test]
    fn slices_end() {
        assert_eq!(slice_lots(-10, 1_000, 1_000, 200_000), 10);
        assert_eq!(slice_lots(-10, 1_001, 1_000, 200_000), 2);
        assert_eq!(slice_lots(3, 1_001, 1_000, 200_000), 1);
    }

    #[test]
    fn scores_put_profit_times_leverage_first() {
        let modest = adl_score(100, 1_000, 1_100, 1_000);
        let levered = adl_score(100, 1_000, 1_100, 200);
        let losing = adl_score(-100, 1_000, 900, 200);
        assert!(levered > modest && modest > 0 && losing < 0);
        assert!(adl_score(100, 1_000, 1_100, 0) > levered);
        assert!(adl_score(i64::MAX, 1, i64::MAX, 1) > 0);
    }
}
