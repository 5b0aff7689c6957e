//! One minute of a price that is not traded: mark or index.

/// Which price a candle is of.
pub const MARK_CANDLE: u8 = 0;
pub const INDEX_CANDLE: u8 = 1;
const MINUTE_MS: u64 = 60_000;

/// A minute as far as it has gone, in ticks. A minute without a move has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriceCandle {
    pub minute_ms: u64,
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
}

impl PriceCandle {
    /// Note a price of `now_ms`.
    pub(crate) fn note(&mut self, ticks: i64, now_ms: u64) {
        let minute_ms = now_ms - now_ms % MINUTE_MS;
        if self.open == 0 || self.minute_ms != minute_ms {
            *self = PriceCandle { minute_ms, open: ticks, high: ticks, low: ticks, close: ticks };
        }
        self.high = self.high.max(ticks);
        self.low = self.low.min(ticks);
        self.close = ticks;
    }
}
