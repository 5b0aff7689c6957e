//! Prices: from raw observations to index, mark, grade and funding.
//!
//! An `ObservePrices` command carries what named sources say of markets. Each spot or perpetual market has a
//! **feed**: the last good observation of each source, and the index, which is the median of the fresh
//! ones. The index moves on rails: steps at least 2.5 s apart, each at most 1 %, never beyond ten times or
//! below a tenth of the day's start. The **grade** says what the price may be used for: fewer than three
//! agreeing sources make it thin, none fresh makes it stale, disagreement or a long way still to go makes it
//! volatile. Observations that make no sense are garbage: ignored, and counted against their source, which
//! stops counting after some and is heard again after as many good ones.
//!
//! A market has a **mark** besides: the median of the index plus the average distance of the book
//! from it, of the book itself, and of perpetuals elsewhere; it steps when the index steps. What positions
//! are worth is always at mark; what a spot market's base counts as collateral is at the lower of index and slow price.
//!
//! **Funding** (`funding.rs`) samples the premium of the book over the index and is paid each hour through a
//! cumulative index.

mod audit;
mod candle;
mod clock;
mod commands;
mod ema;
pub mod encode;
pub mod feed;
pub mod funding;
mod grade;
mod mark;
mod rules;
mod section;
mod settle;
mod tell;
#[cfg(test)]
pub(crate) mod tests;

pub use candle::{PriceCandle, INDEX_CANDLE, MARK_CANDLE};
pub(crate) use clock::Prices;
pub use commands::{EXTERNAL, INDEX, OBSERVATION};
pub use feed::{Feed, Garbage, Observation};
pub use funding::Funding;
pub use grade::Grade;
pub use mark::{mark_band, Touch};
pub use rules::{FundingRules, PriceRules, FUNDING_RULES, PRICE_RULES};
pub use tell::{EVENT_FUNDING, EVENT_PRICE, FUNDING_EVENT, PRICE_EVENT, REFUSED, REFUSED_EVENT};

use ema::Ema;

/// The prices of one market. Ticks of the market, times of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarketPrices {
    /// What positions are worth; 0 before the first index.
    pub mark: i64,
    /// Average of (mid - index).
    pub(crate) basis: Ema,
    pub feed: Feed,
    pub funding: Funding,
    /// The market was halted because its price had been stale for too long.
    pub(crate) halted: bool,
    /// The running minute of mark and of index.
    pub candles: [PriceCandle; 2],
    /// When feed or funding have something to do; `u64::MAX` for never.
    due_ms: u64,
}

impl MarketPrices {
    pub fn new() -> MarketPrices {
        MarketPrices { feed: Feed::new(PriceRules::default()), due_ms: u64::MAX, ..MarketPrices::default() }
    }

    #[inline]
    pub fn grade(&self, now_ms: u64) -> Grade {
        self.feed.grade(now_ms)
    }

    #[inline]
    pub fn index(&self) -> i64 {
        self.feed.index
    }
}
