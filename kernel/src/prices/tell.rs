//! What prices tell: events, and answers to questions.

use serde_json::{json, Value};

use super::feed::{Feed, Garbage, Observation};
use super::funding::{PaidHour, HOUR_MS};
use super::{Grade, MarketPrices};
use crate::kernel::Kernel;
use crate::market::Market;
use crate::output::{header, EVENT_HEADER};
use crate::pen::Pen;

pub const EVENT_FUNDING: u8 = 5;
pub const EVENT_PRICE: u8 = 11;
/// Flag of a price event that tells of a refused observation.
pub const REFUSED: u8 = 1;
pub const FUNDING_EVENT: usize = EVENT_HEADER + 56;
pub const PRICE_EVENT: usize = EVENT_HEADER + 40;
pub const REFUSED_EVENT: usize = EVENT_HEADER + 32;
/// Parts of 10^12 in one of 10^9.
const E12_PER_E9: i64 = 1_000;
/// Account of events that are nobody's.
const NOBODY: u32 = 0;

/// What of a price is told when it changes.
type Shown = (i64, i64, Grade);

impl Feed {
    fn json(&self, now_ms: u64) -> Value {
        let (low, high) = self.rails(now_ms);
        let sources = self.sources().iter().map(|source| {
            json!({
                "source": source.number, "external": source.external, "ticks": source.price,
                "grade": source.grade(now_ms, self.rules.stale_ms).name(),
                "published_ms": source.published_ms, "demoted": source.demoted,
                "strikes": source.strikes, "garbage": source.garbage,
                "fresh": source.is_fresh(now_ms, self.rules.stale_ms),
            })
        });
        json!({
            "index_ticks": self.index, "slow_ticks": self.slow_ticks(),
            "collateral_ticks": self.collateral_ticks(), "grade": self.grade(now_ms).name(),
            "updated_ms": self.stepped_ms(), "fresh_until_ms": self.fresh_until_ms(),
            "low_ticks": low, "high_ticks": high, "sources": sources.collect::<Vec<_>>(),
            "rules": {
                "interval_ms": self.rules.interval_ms, "step_ppm": self.rules.step_ppm,
                "day_factor": self.rules.day_factor, "stale_ms": self.rules.stale_ms,
                "full_sources": self.rules.full_sources, "basis_ms": self.rules.basis_ms,
                "slow_ms": self.rules.slow_ms, "band_ppm": self.rules.band_ppm,
                "divergence_ppm": self.rules.divergence_ppm, "volatile_ppm": self.rules.volatile_ppm,
                "ahead_ms": self.rules.ahead_ms, "halt_ms": self.rules.halt_ms,
            },
        })
    }
}

impl MarketPrices {
    pub(super) fn shown(&self) -> Shown {
        (self.feed.index, self.mark, self.feed.stored_grade())
    }
}

impl Kernel {
    /// Index, mark or grade of a market have changed.
    pub(super) fn price_event(&mut self, market: usize) {
        if !self.out.enabled {
            return;
        }
        let prices = &self.markets[market].prices;
        let (feed, mark) = (&prices.feed, prices.mark);
        let fresh = feed.sources().iter().filter(|s| s.is_fresh(self.now_ms, feed.rules.stale_ms)).count();
        let garbage: u64 = feed.sources().iter().map(|source| u64::from(source.garbage)).sum();
        let (grade, index, slow) = (feed.grade(self.now_ms), feed.index, feed.slow_ticks());
        let stamp = self.stamp();
        let mut pen = Pen::begin(&mut self.out.events, PRICE_EVENT);
        header(&mut pen, EVENT_PRICE, 0, PRICE_EVENT, NOBODY, stamp);
        pen.u32(market as u32);
        pen.u8(grade as u8);
        pen.u8(fresh as u8);
        pen.u16(0);
        pen.i64(index);
        pen.i64(mark);
        pen.i64(slow);
        pen.u64(garbage);
        pen.end();
    }

    /// An observation was refused.
    pub(super) fn garbage_event(&mut self, market: usize, seen: &Observation, garbage: Garbage) {
        if !self.out.enabled {
            return;
        }
        let stamp = self.stamp();
        let mut pen = Pen::begin(&mut self.out.events, REFUSED_EVENT);
        header(&mut pen, EVENT_PRICE, REFUSED, REFUSED_EVENT, NOBODY, stamp);
        pen.u32(market as u32);
        pen.u8(garbage as u8);
        pen.u8(u8::from(seen.external));
        pen.u16(0);
        pen.u64(u64::from(seen.source));
        pen.i64(seen.price);
        pen.u64(seen.published_ms);
        pen.end();
    }

    /// An hour of funding was accrued in a market.
    pub(super) fn funding_event(&mut self, market: usize, paid: &PaidHour) {
        if !self.out.enabled {
            return;
        }
        let stamp = self.stamp();
        let mut pen = Pen::begin(&mut self.out.events, FUNDING_EVENT);
        header(&mut pen, EVENT_FUNDING, 0, FUNDING_EVENT, NOBODY, stamp);
        pen.u64(u64::from(self.markets[market].number));
        for value in [0, 0, paid.index_ticks, paid.rate, paid.premium] {
            pen.i64(value);
        }
        pen.u64(paid.end_ms);
        pen.end();
    }

    /// An account settled funding in a market: received `amount`, or paid when negative.
    pub(super) fn funding_paid_event(
        &mut self,
        account: u32,
        market: usize,
        lots: i64,
        amount: i64,
        index_ticks: i64,
    ) {
        let stamp = self.stamp();
        let mut pen = Pen::begin(&mut self.out.events, FUNDING_EVENT);
        header(&mut pen, EVENT_FUNDING, 0, FUNDING_EVENT, account, stamp);
        pen.u64(market as u64);
        for value in [lots, amount, index_ticks, 0, 0, 0] {
            pen.i64(value);
        }
        pen.end();
    }

    /// `{"q":"prices","market":m}`: one market, or all of which something was observed.
    pub(crate) fn query_prices(&self, only: Option<u32>) -> Value {
        let wanted = |market: &&Market| match only {
            Some(number) => market.number == number,
            None => !market.prices.feed.sources().is_empty(),
        };
        let markets = self.markets.iter().filter(wanted).map(|market| {
            let mut shown = market.prices.feed.json(self.now_ms);
            shown["market"] = market.number.into();
            shown["mark_ticks"] = market.prices.mark.into();
            shown["basis_ticks"] = market.prices.basis.ticks().into();
            shown
        });
        json!({"markets": markets.collect::<Vec<_>>()})
    }

    /// `{"q":"funding","market":m,"limit":n}`: rates of one hour in 10^-9; the hours paid newest first.
    pub(crate) fn query_funding(&self, market: &Market, limit: Option<usize>) -> Value {
        let (funding, rules) = (&market.prices.funding, &market.prices.funding.rules);
        let hours = funding.history.iter().rev().take(limit.unwrap_or(100));
        let hours = hours.map(|paid| json!([paid.end_ms, paid.rate / E12_PER_E9, paid.index_ticks]));
        let premium = funding.mean_premium().unwrap_or(0);
        json!({
            "market": market.number, "enabled": rules.enabled,
            "paused": market.prices.grade(self.now_ms).funding_paused(),
            "estimate": funding.hourly_rate(premium) / E12_PER_E9, "premium": premium,
            "accrued": funding.rate_so_far() / E12_PER_E9,
            "interest": i64::from(rules.interest_ppm) * 1_000 / 8, "cap": i64::from(rules.cap_ppm) * 1_000,
            "clamp": i64::from(rules.clamp_ppm) * 1_000 / 8, "impact_notional": rules.impact_notional,
            "interval_ms": HOUR_MS, "next_ms": (self.now_ms / HOUR_MS + 1) * HOUR_MS,
            "history": hours.collect::<Vec<_>>(),
        })
    }
}
