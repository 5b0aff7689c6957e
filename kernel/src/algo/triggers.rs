//! Trigger prices of one market and one price source, so that a price costs what it fires and nothing more.
//!
//! Plain triggers stand in two sets by price: those that fire when the price rises to them and those that
//! fire when it falls to them (with the price negated, so that both fire from their lower end).
//!
//! A trailing stop follows the best price since it became active. All stops active at the same time and
//! passed by the same best price share it for good, so they stand in groups: a stack in order of activation
//! whose best prices fall from the oldest group to the youngest. A new best price merges the groups it
//! passes, small into large; each group is indexed by the price at which its nearest stop fires. The stops
//! of sells follow highs; those of buys follow lows and see every price negated.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::num::share;

/// An algo order and which of its legs: `id << 1 | leg`.
pub(crate) type Token = u64;

/// How far a trailing stop stays behind the best price: in ticks, or in ppm of it when `ticks` is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Distance {
    pub ticks: i64,
    pub ppm: u32,
}

impl Distance {
    pub fn is_none(self) -> bool {
        self.ticks == 0 && self.ppm == 0
    }

    /// In ticks, seen from a price.
    pub fn at(self, price: i64) -> i64 {
        if self.ticks > 0 {
            self.ticks
        } else {
            share(price.abs(), i64::from(self.ppm)).max(1)
        }
    }
}

/// Trailing stops with the same best price.
#[derive(Default)]
struct Group {
    best: i64,
    /// (distance in ticks, token) and (distance in ppm, token), nearest first.
    by_ticks: BTreeSet<(i64, Token)>,
    by_ppm: BTreeSet<(i64, Token)>,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.by_ticks.is_empty() && self.by_ppm.is_empty()
    }

    /// Price at which the nearest stop fires.
    fn trigger(&self) -> i64 {
        let ticks = self.by_ticks.first().map(|stop| self.best - stop.0);
        let ppm = self.by_ppm.first().map(|stop| self.best - self.ppm_distance(stop.0));
        ticks.into_iter().chain(ppm).max().unwrap_or(i64::MIN)
    }

    fn ppm_distance(&self, ppm: i64) -> i64 {
        Distance { ticks: 0, ppm: ppm as u32 }.at(self.best)
    }

    fn set(&mut self, distance: Distance) -> (&mut BTreeSet<(i64, Token)>, i64) {
        if distance.ticks > 0 {
            (&mut self.by_ticks, distance.ticks)
        } else {
            (&mut self.by_ppm, i64::from(distance.ppm))
        }
    }

    /// Take all stops of `other`.
    fn absorb(&mut self, mut other: Group) {
        for (mine, theirs) in
            [(&mut self.by_ticks, &mut other.by_ticks), (&mut self.by_ppm, &mut other.by_ppm)]
        {
            if mine.len() < theirs.len() {
                std::mem::swap(mine, theirs);
            }
            mine.append(theirs);
        }
    }

    /// Take out the stops that fire at `price`.
    fn fire(&mut self, price: i64, fired: &mut VecDeque<Token>) {
        let fallen = self.best - price;
        while self.by_ticks.first().is_some_and(|stop| stop.0 <= fallen) {
            fired.extend(self.by_ticks.pop_first().map(|stop| stop.1));
        }
        while self.by_ppm.first().is_some_and(|stop| self.ppm_distance(stop.0) <= fallen) {
            fired.extend(self.by_ppm.pop_first().map(|stop| stop.1));
        }
    }
}

/// Active trailing stops of one direction.
#[derive(Default)]
struct Trails {
    /// By the youngest activation in the group; older groups have better prices.
    groups: BTreeMap<u64, Group>,
    /// (price at which the group's nearest stop fires, group).
    triggers: BTreeSet<(i64, u64)>,
}

impl Trails {
    fn take(&mut self, key: u64) -> Option<Group> {
        let group = self.groups.remove(&key)?;
        self.triggers.remove(&(group.trigger(), key));
        Some(group)
    }

    fn put(&mut self, key: u64, group: Group) {
        if !group.is_empty() {
            self.triggers.insert((group.trigger(), key));
            self.groups.insert(key, group);
        }
    }

    /// The youngest group if it passes a test.
    fn take_youngest(&mut self, test: impl Fn(i64) -> bool) -> Option<(u64, Group)> {
        let key = *self.groups.last_key_value().filter(|(_, group)| test(group.best))?.0;
        self.take(key).map(|group| (key, group))
    }

    /// A price has been seen: whoever it passes follows it.
    fn raise(&mut self, price: i64) {
        let Some((key, mut merged)) = self.take_youngest(|best| best < price) else {
            return;
        };
        while let Some((_, group)) = self.take_youngest(|best| best <= price) {
            merged.absorb(group);
        }
        merged.best = price;
        self.put(key, merged);
    }

    fn fire(&mut self, price: i64, fired: &mut VecDeque<Token>) {
        while let Some((trigger, key)) = self.triggers.last().copied() {
            if trigger < price {
                break;
            }
            if let Some(mut group) = self.take(key) {
                group.fire(price, fired);
                self.put(key, group);
            }
        }
    }

    /// Begin to follow from `best`; activations come in ascending order, prices before them were seen.
    fn insert(&mut self, best: i64, distance: Distance, activation: u64, token: Token) {
        self.raise(best);
        let same = self.take_youngest(|youngest| youngest == best);
        let mut group = same.map_or(Group { best, ..Group::default() }, |(_, group)| group);
        let (set, nearest) = group.set(distance);
        set.insert((nearest, token));
        self.put(activation, group);
    }

    fn remove(&mut self, distance: Distance, activation: u64, token: Token) -> bool {
        let Some(key) = self.groups.range(activation..).next().map(|(key, _)| *key) else {
            return false;
        };
        let Some(mut group) = self.take(key) else {
            return false;
        };
        let (set, nearest) = group.set(distance);
        let found = set.remove(&(nearest, token));
        self.put(key, group);
        found
    }

    fn best(&self, activation: u64) -> Option<i64> {
        self.groups.range(activation..).next().map(|(_, group)| group.best)
    }

    fn len(&self) -> usize {
        self.groups.values().map(|group| group.by_ticks.len() + group.by_ppm.len()).sum()
    }

    /// Highest price that fires something; lowest price that is a new best for somebody.
    fn alarms(&self) -> (i64, i64) {
        let fires = self.triggers.last().map_or(i64::MIN, |trigger| trigger.0);
        let raises = self.groups.last_key_value().map_or(i64::MAX, |(_, group)| group.best + 1);
        (fires, raises)
    }
}

/// All triggers of a market on one source.
#[derive(Default)]
pub(crate) struct TriggerBook {
    rising: BTreeSet<(i64, Token)>,
    falling: BTreeSet<(i64, Token)>,
    /// Trailing stops of sells, then of buys.
    trails: [Trails; 2],
}

/// A price as the trails of sells (0) or buys (1) see it.
fn seen_by(follower: usize, price: i64) -> i64 {
    if follower == 0 {
        price
    } else {
        -price
    }
}

/// Take out what lies at or before `end`: one by one, or all at once when there is much of it.
fn fire_until(set: &mut BTreeSet<(i64, Token)>, end: i64, fired: &mut VecDeque<Token>) {
    for _ in 0..64 {
        match set.first() {
            Some((price, _)) if *price <= end => fired.extend(set.pop_first().map(|entry| entry.1)),
            _ => return,
        }
    }
    let rest = set.split_off(&(end + 1, 0));
    let due = std::mem::replace(set, rest);
    fired.extend(due.into_iter().map(|entry| entry.1));
}

impl TriggerBook {
    pub fn insert(&mut self, rises: bool, price: i64, token: Token) {
        if rises {
            self.rising.insert((price, token));
        } else {
            self.falling.insert((-price, token));
        }
    }

    /// Whether it stood there.
    pub fn remove(&mut self, rises: bool, price: i64, token: Token) -> bool {
        if rises {
            self.rising.remove(&(price, token))
        } else {
            self.falling.remove(&(-price, token))
        }
    }

    /// Let a trailing stop (`follower` 0: of a sell, 1: of a buy) follow from `best`.
    pub fn follow(&mut self, follower: usize, best: i64, distance: Distance, activation: u64, token: Token) {
        self.trails[follower].insert(seen_by(follower, best), distance, activation, token);
    }

    pub fn unfollow(&mut self, follower: usize, distance: Distance, activation: u64, token: Token) -> bool {
        self.trails[follower].remove(distance, activation, token)
    }

    /// Best price since an activation.
    pub fn best(&self, follower: usize, activation: u64) -> Option<i64> {
        self.trails[follower].best(activation).map(|best| seen_by(follower, best))
    }

    /// A price of the source: what it fires is taken out and added to `fired`.
    pub fn observe(&mut self, price: i64, fired: &mut VecDeque<Token>) {
        for (follower, trails) in self.trails.iter_mut().enumerate() {
            trails.raise(seen_by(follower, price));
            trails.fire(seen_by(follower, price), fired);
        }
        fire_until(&mut self.rising, price, fired);
        fire_until(&mut self.falling, -price, fired);
    }

    /// (low, high): only a price at or below `low`, or at or above `high`, does anything here.
    pub fn alarms(&self) -> (i64, i64) {
        let (sell_fires, sell_raises) = self.trails[0].alarms();
        let (buy_fires, buy_raises) = self.trails[1].alarms();
        let falls = self.falling.first().map_or(i64::MIN, |entry| -entry.0);
        let rises = self.rising.first().map_or(i64::MAX, |entry| entry.0);
        let high = rises.min(sell_raises).min(buy_fires.checked_neg().unwrap_or(i64::MAX));
        (falls.max(sell_fires).max(-buy_raises), high)
    }

    pub fn len(&self) -> usize {
        self.rising.len() + self.falling.len() + self.trails[0].len() + self.trails[1].len()
    }
}
