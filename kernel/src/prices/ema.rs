//! Moving averages of prices in fixed point.

/// Bits behind the point of an average.
const FRACTION: u32 = 12;

/// An exponential moving average in ticks, fed at any times. A value that stood for `dt` weighs
/// `dt / (period + dt)`, the backward Euler step: it never overshoots, however late the next value comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ema {
    /// In 2^-12 ticks.
    pub scaled: i64,
    /// When it was last fed; 0 before the first value.
    pub fed_ms: u64,
}

impl Ema {
    /// Feed `half_ticks / 2`, at most 2^51 half ticks either way. The first value is taken as it is.
    pub fn feed(&mut self, half_ticks: i64, now_ms: u64, period_ms: u32) {
        let value = i128::from(half_ticks) << (FRACTION - 1);
        if self.fed_ms == 0 {
            self.scaled = value as i64;
        } else {
            let elapsed = i128::from(now_ms.saturating_sub(self.fed_ms));
            let behind = value - i128::from(self.scaled);
            self.scaled += (behind * elapsed / (i128::from(period_ms) + elapsed)) as i64;
        }
        self.fed_ms = now_ms.max(1);
    }

    /// In whole ticks, rounded to the nearest.
    pub fn ticks(&self) -> i64 {
        (self.scaled + (1 << (FRACTION - 1))) >> FRACTION
    }
}
