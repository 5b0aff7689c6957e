//! The mark price of a contract market: a median of what the index, the market itself and perpetuals
//! elsewhere say, on the same rails as the index and never far from it.

use super::feed::step_towards;
use super::MarketPrices;
use crate::num::{share, PPM};

/// Ticks by which rounding may force mark past its step to stay within its band.
const ROUNDING_TICKS: i64 = 2;

/// What the market itself says; `None` where there is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touch {
    pub bid: Option<i64>,
    pub ask: Option<i64>,
    pub last: Option<i64>,
}

impl Touch {
    /// Twice the middle of a book with both sides.
    fn mid_half_ticks(&self) -> Option<i64> {
        Some(self.bid?.saturating_add(self.ask?))
    }

    /// Median of best bid, best ask and last trade; their middle before the first trade, `None` when a side
    /// is missing.
    fn median(&self) -> Option<i64> {
        let (bid, ask) = (self.bid?, self.ask?);
        Some(self.last.map_or(bid + (ask - bid) / 2, |last| middle(bid, ask, last)))
    }
}

/// The middle of three.
fn middle(a: i64, b: i64, c: i64) -> i64 {
    a.max(b).min(a.min(b).max(c))
}

/// Lowest and highest mark for an index: `ppm` of it away, and one tick at least.
pub fn mark_band(index: i64, ppm: u32) -> (i64, i64) {
    let exact = i128::from(index) * i128::from(ppm);
    let width = ((exact + i128::from(PPM) - 1) / i128::from(PPM)).max(1) as i64;
    ((index - width).max(1), index.saturating_add(width))
}

impl MarketPrices {
    /// What mark would be without rails. With an even number of voices the index is one of them, so that
    /// neither the book alone nor one other venue can move it.
    fn target(&self, index: i64, book: Option<i64>, external: Option<i64>) -> i64 {
        let smooth = index.saturating_add(self.basis.ticks()).max(1);
        match (book, external) {
            (Some(book), Some(external)) => middle(smooth, book, external),
            (Some(voice), None) | (None, Some(voice)) => middle(smooth, voice, index),
            (None, None) => smooth,
        }
    }

    /// One step, after a step of the index. Mark moves at most `step_ppm` (and may always move one
    /// tick); rounding may ask for two ticks more to keep it in its band.
    pub fn step_mark(&mut self, touch: &Touch, now_ms: u64) {
        let (index, rules) = (self.feed.index, self.feed.rules);
        if let Some(mid) = touch.mid_half_ticks() {
            self.basis.feed(mid - 2 * index, now_ms, rules.basis_ms);
        }
        let (low, high) = mark_band(index, rules.band_ppm);
        let (day_low, day_high) = self.feed.rails(now_ms);
        let target = self.target(index, touch.median(), self.feed.external_ticks(now_ms));
        let target = target.clamp(low, high).clamp(day_low, day_high);
        if self.mark == 0 {
            self.mark = target;
            return;
        }
        let reached = step_towards(self.mark, target, rules.step_ppm);
        let outside = reached.clamp(low, high) - reached;
        // Far outside after other rules or a restart: then it walks into the band, step by step.
        self.mark = if outside.abs() <= ROUNDING_TICKS { reached + outside } else { reached };
    }

    /// The most `step` may move a mark, in ticks.
    pub fn longest_step(ticks: i64, step_ppm: u32) -> i64 {
        share(ticks, i64::from(step_ppm)).max(1) + ROUNDING_TICKS
    }
}
