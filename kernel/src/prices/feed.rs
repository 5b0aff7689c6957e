//! The index of one market or asset: raw observations of named sources, their median, the rails it moves on
//! and the grade it deserves.

use super::ema::Ema;
use super::grade::Grade;
use super::rules::PriceRules;
use crate::num::{share, PPM};

/// Sources one price may have.
pub const MAX_SOURCES: usize = 16;
/// Garbage in a row (more or less: a good observation takes one off) before a source no longer counts.
const DEMOTED_AT: u8 = 3;
/// Good observations a demoted source owes at most.
const STRIKES_KEPT: u8 = 10;
const DAY_MS: u64 = 86_400_000;

/// One raw observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    pub source: u32,
    /// The price of a perpetual elsewhere, for the mark, instead of one for the index.
    pub external: bool,
    pub price: i64,
    pub published_ms: u64,
}

/// Why an observation is ignored and counted against its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Garbage {
    NotPositive = 1,
    TooLarge = 2,
    /// Dated ahead of the kernel's clock.
    Ahead = 3,
    /// Dated before the last one of the same source.
    Older = 4,
    /// Beyond the day's rails: wrong decimals, another thing's price, a slip.
    OffRails = 5,
    /// There is no room for another source.
    Crowded = 6,
}

impl Garbage {
    pub const NAMES: [&'static str; 7] =
        ["", "not_positive", "too_large", "ahead", "older", "off_rails", "crowded"];
}

/// What one source last said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Source {
    pub number: u32,
    pub external: bool,
    /// 0 before its first good observation.
    pub price: i64,
    pub published_ms: u64,
    /// Garbage it has yet to make up for.
    pub strikes: u8,
    /// Does not count until its strikes are made up for.
    pub demoted: bool,
    /// Garbage there ever was.
    pub garbage: u32,
}

impl Source {
    pub(super) fn key(&self) -> (u32, bool) {
        (self.number, self.external)
    }

    /// Whether it counts at `now_ms`.
    pub fn is_fresh(&self, now_ms: u64, stale_ms: u32) -> bool {
        self.price > 0 && !self.demoted && now_ms <= self.published_ms.saturating_add(u64::from(stale_ms))
    }

    /// What it deserves by itself: valid, stale, or garbage while it does not count.
    pub fn grade(&self, now_ms: u64, stale_ms: u32) -> Grade {
        match () {
            _ if self.demoted => Grade::Garbage,
            _ if self.is_fresh(now_ms, stale_ms) => Grade::Valid,
            _ => Grade::Stale,
        }
    }

    fn strike(&mut self) {
        self.garbage = self.garbage.saturating_add(1);
        self.strikes = (self.strikes + 1).min(STRIKES_KEPT);
        self.demoted |= self.strikes >= DEMOTED_AT;
    }

    fn praise(&mut self) {
        self.strikes = self.strikes.saturating_sub(1);
        self.demoted &= self.strikes > 0;
    }
}

/// What the fresh sources say together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weighed {
    median: i64,
    fresh: usize,
    agreeing: usize,
    /// When the first and the last of the fresh ones expire; and until when enough of them agree.
    first_until_ms: u64,
    last_until_ms: u64,
    pub(super) full_until_ms: u64,
}

impl Weighed {
    /// More than half of the fresh sources agree with their median.
    fn has_consensus(&self) -> bool {
        self.agreeing * 2 > self.fresh
    }
}

/// Middle of prices in ascending order; of an even number the mean of the middle two, rounded down.
fn median(sorted: &[i64]) -> i64 {
    let middle = sorted.len() / 2;
    match (sorted.len(), sorted.len() % 2) {
        (0, _) => 0,
        (_, 1) => sorted[middle],
        _ => sorted[middle - 1] + (sorted[middle] - sorted[middle - 1]) / 2,
    }
}

/// `target`, but at most `ppm` of `from` away from it; one tick is always allowed.
pub(crate) fn step_towards(from: i64, target: i64, ppm: u32) -> i64 {
    let step = share(from, i64::from(ppm)).max(1);
    target.clamp(from - step, from + step)
}

/// Whether `price` lies further than `ppm` of `centre` from it.
fn is_beyond(price: i64, centre: i64, ppm: u32) -> bool {
    i128::from((price - centre).abs()) * i128::from(PPM) > i128::from(centre) * i128::from(ppm)
}

/// The index of a market or asset. Prices in ticks, times in kernel milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feed {
    /// 0 before the first consensus.
    pub index: i64,
    pub(super) grade: Grade,
    /// Until when any, and until when enough, of the present sources are fresh.
    pub(super) fresh_until_ms: u64,
    pub(super) full_until_ms: u64,
    pub(super) slow: Ema,
    pub(super) stepped_ms: u64,
    /// The day, counted from the epoch, and the index it began with.
    pub(super) day: u64,
    pub(super) day_start: i64,
    /// When there is something to do without a new observation; `u64::MAX` for never.
    pub(super) due_ms: u64,
    /// Something was observed since the last step.
    pub(super) pending: bool,
    pub rules: PriceRules,
    /// In order of (number, external).
    pub(super) sources: Vec<Source>,
}

impl Feed {
    pub fn new(rules: PriceRules) -> Feed {
        Feed { rules, due_ms: u64::MAX, ..Feed::default() }
    }

    /// The grade at `now_ms`, expiry since the last update included.
    #[inline]
    pub fn grade(&self, now_ms: u64) -> Grade {
        match self.grade {
            Grade::None => Grade::None,
            _ if now_ms > self.fresh_until_ms => Grade::Stale,
            Grade::Valid if now_ms > self.full_until_ms => Grade::Thin,
            grade => grade,
        }
    }

    /// The grade as of the last update.
    pub(super) fn stored_grade(&self) -> Grade {
        self.grade
    }

    /// What collateral counts: the lower of index and slow price; 0 when there is none.
    pub fn collateral_ticks(&self) -> i64 {
        self.index.min(self.slow.ticks().max(0))
    }

    pub fn slow_ticks(&self) -> i64 {
        self.slow.ticks()
    }

    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    pub fn stepped_ms(&self) -> u64 {
        self.stepped_ms
    }

    pub fn due_ms(&self) -> u64 {
        self.due_ms
    }

    /// Until when the present observations keep the price from being stale.
    pub fn fresh_until_ms(&self) -> u64 {
        self.fresh_until_ms
    }

    /// Take over other rules; they hold from the next update on.
    pub fn set_rules(&mut self, rules: PriceRules) {
        self.rules = rules;
    }

    /// Forget the sources and the day's start, after a move that the rails of the day kept out. The index stays
    /// where it is and walks; the day begins anew when it has arrived.
    pub fn restart(&mut self) {
        self.sources.clear();
        self.day_start = 0;
    }

    /// Lowest and highest price of the day; all before the day has begun.
    pub fn rails(&self, now_ms: u64) -> (i64, i64) {
        if self.day_start == 0 {
            return (1, crate::num::MAX_QUANTITY);
        }
        let start = if now_ms / DAY_MS == self.day { self.day_start } else { self.index };
        let factor = i64::from(self.rules.day_factor);
        (((start - 1) / factor + 1).max(1), start.saturating_mul(factor).min(crate::num::MAX_QUANTITY))
    }

    /// Note one observation. `highest`: no price above it can be counted in this market or asset.
    ///
    /// A repetition of what the source said last is no news and no fault.
    pub fn observe(&mut self, seen: &Observation, highest: i64, now_ms: u64) -> Result<(), Garbage> {
        let at = self.source_place(seen, now_ms).ok_or(Garbage::Crowded)?;
        let (low, high) = self.rails(now_ms);
        let source = &mut self.sources[at];
        let latest = now_ms.saturating_add(u64::from(self.rules.ahead_ms));
        let garbage = match seen {
            _ if seen.price <= 0 => Some(Garbage::NotPositive),
            _ if seen.price > highest => Some(Garbage::TooLarge),
            _ if seen.published_ms > latest => Some(Garbage::Ahead),
            _ if source.price > 0 && seen.published_ms < source.published_ms => Some(Garbage::Older),
            _ if seen.price < low || seen.price > high => Some(Garbage::OffRails),
            _ => None,
        };
        if let Some(garbage) = garbage {
            source.strike();
            return Err(garbage);
        }
        if source.price == 0 || seen.published_ms > source.published_ms {
            source.praise();
            source.price = seen.price;
            source.published_ms = seen.published_ms;
            self.pending = true;
        }
        Ok(())
    }

    /// Place of the observation's source, made if it is new; a new one takes the place of the longest silent
    /// when there are too many. `None` when all of those are fresh.
    fn source_place(&mut self, seen: &Observation, now_ms: u64) -> Option<usize> {
        let key = (seen.source, seen.external);
        let place = |sources: &[Source]| sources.binary_search_by_key(&key, Source::key);
        if let Ok(at) = place(&self.sources) {
            return Some(at);
        }
        if self.sources.len() >= MAX_SOURCES {
            let stale_ms = self.rules.stale_ms;
            let silent = self.sources.iter().enumerate().filter(|(_, s)| !s.is_fresh(now_ms, stale_ms));
            let (oldest, _) = silent.min_by_key(|(at, source)| (source.published_ms, *at))?;
            self.sources.remove(oldest);
        }
        let at = place(&self.sources).unwrap_or_else(|at| at);
        self.sources.insert(at, Source { number: seen.source, external: seen.external, ..Source::default() });
        Some(at)
    }

    fn fresh(&self, external: bool, now_ms: u64) -> impl Iterator<Item = &Source> {
        let stale_ms = self.rules.stale_ms;
        self.sources.iter().filter(move |s| s.external == external && s.is_fresh(now_ms, stale_ms))
    }

    /// Median of the fresh prices of perpetuals elsewhere.
    pub fn external_ticks(&self, now_ms: u64) -> Option<i64> {
        let mut prices: Vec<i64> = self.fresh(true, now_ms).map(|source| source.price).collect();
        prices.sort_unstable();
        (!prices.is_empty()).then(|| median(&prices))
    }

    fn weigh(&self, now_ms: u64) -> Weighed {
        let mut prices: Vec<i64> = self.fresh(false, now_ms).map(|source| source.price).collect();
        prices.sort_unstable();
        let median = median(&prices);
        let until = |source: &Source| source.published_ms.saturating_add(u64::from(self.rules.stale_ms));
        let agrees = |source: &&Source| !is_beyond(source.price, median, self.rules.divergence_ppm);
        let mut ends: Vec<u64> = self.fresh(false, now_ms).filter(agrees).map(until).collect();
        ends.sort_unstable_by(|one, other| other.cmp(one));
        Weighed {
            median,
            fresh: prices.len(),
            agreeing: ends.len(),
            first_until_ms: self.fresh(false, now_ms).map(until).min().unwrap_or(0),
            last_until_ms: self.fresh(false, now_ms).map(until).max().unwrap_or(0),
            full_until_ms: ends.get(self.rules.full_sources as usize - 1).copied().unwrap_or(0),
        }
    }

    /// Bring index and grade up to date; whether the index took a step (which may leave it where it was).
    pub fn update(&mut self, now_ms: u64) -> bool {
        let weighed = self.weigh(now_ms);
        let rested = now_ms >= self.stepped_ms.saturating_add(u64::from(self.rules.interval_ms));
        let stepped = weighed.has_consensus() && (self.index == 0 || rested);
        if stepped {
            self.step(weighed.median, now_ms);
        }
        if weighed.fresh > 0 {
            self.fresh_until_ms = weighed.last_until_ms;
            self.full_until_ms = weighed.full_until_ms;
        }
        self.grade = self.graded(&weighed);
        if self.day_start == 0 && self.grade.allows_new_risk() {
            (self.day, self.day_start) = (now_ms / DAY_MS, self.index);
        }
        self.due_ms = self.next_due(&weighed);
        stepped
    }

    fn graded(&self, weighed: &Weighed) -> Grade {
        if self.index == 0 {
            Grade::None
        } else if weighed.fresh == 0 {
            Grade::Stale
        } else if !weighed.has_consensus() || is_beyond(weighed.median, self.index, self.rules.volatile_ppm) {
            Grade::Volatile
        } else if weighed.agreeing < self.rules.full_sources as usize {
            Grade::Thin
        } else {
            Grade::Valid
        }
    }

    /// The next expiry of a source, or the next step if there is reason for one.
    fn next_due(&self, weighed: &Weighed) -> u64 {
        if weighed.fresh == 0 {
            return u64::MAX;
        }
        let expiry = weighed.first_until_ms.saturating_add(1);
        if weighed.has_consensus() && (self.pending || self.index != weighed.median) {
            expiry.min(self.stepped_ms.saturating_add(u64::from(self.rules.interval_ms)))
        } else {
            expiry
        }
    }

    fn step(&mut self, target: i64, now_ms: u64) {
        let day = now_ms / DAY_MS;
        if self.index == 0 {
            self.index = target;
        } else {
            if self.day_start != 0 && day != self.day {
                (self.day, self.day_start) = (day, self.index);
            }
            let (low, high) = self.rails(now_ms);
            self.index = step_towards(self.index, target.clamp(low, high), self.rules.step_ppm);
        }
        self.slow.feed(self.index * 2, now_ms, self.rules.slow_ms);
        self.stepped_ms = now_ms;
        self.pending = false;
    }
}
