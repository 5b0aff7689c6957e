//! What one account has in one event, and the least it can be worth.
//!
//! Exactly one outcome of an event wins (or a vector of payouts that sums to one does), so what an account's contracts pay
//! is at least `unit * min over k of lots(k)`: its **worst case**. It may be positive: a complete set of all outcomes pays
//! `unit` for certain.
//!
//! Open orders can only make it worse in ways that can be counted. Let `k` win. Of the open buys, those of `k` pay back
//! more than they cost, so at worst they stay unfilled, while those of every other outcome fill and lose their price; of
//! the open sells, those of `k` fill and lose `unit - price` a lot, while the others stay unfilled. So with
//!
//! ```text
//! value(k) = unit * lots(k) - (unit * sells(k) - value of those sells) + value of the buys of k
//! ```
//!
//! the least cash and payout over every outcome and every subset of the open orders is
//! `exposure = min over k of value(k) - value of all open buys - most fees they can cost`. It is exact but for fees, needs
//! one number an outcome, and gives back at once what closes a position or hedges another outcome. The minima are kept
//! while values change; only when the smallest one rises are the others looked at.

/// No number an account has in an event goes beyond this, so that sums of a few never overflow.
pub const MOST: i64 = 1 << 60;

/// A minimum over a short array, kept while single members change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Low {
    at: usize,
    value: i64,
}

impl Low {
    fn of(values: &[i64]) -> Low {
        let mut low = Low { at: 0, value: i64::MAX };
        for (at, value) in values.iter().enumerate() {
            if *value < low.value {
                low = Low { at, value: *value };
            }
        }
        low
    }

    /// Member `at` has changed.
    #[inline]
    fn changed(&mut self, values: &[i64], at: usize) {
        if values[at] <= self.value {
            *self = Low { at, value: values[at] };
        } else if at == self.at {
            *self = Low::of(values);
        }
    }
}

/// A change of the open orders of one outcome: lots, their value at the order price and the most their fees can come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    pub sell: bool,
    pub lots: i64,
    pub value: i64,
    pub fee: i64,
}

impl Open {
    /// The same order leaving.
    #[inline]
    pub fn gone(self) -> Open {
        Open { sell: self.sell, lots: -self.lots, value: -self.value, fee: -self.fee }
    }
}

/// One account in one event. Amounts are units of the settlement asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Slot of the account.
    pub account: u32,
    pub event: u32,
    /// What one lot of the winning outcome pays.
    unit: i64,
    values: Vec<i64>,
    lots: Vec<i64>,
    low_value: Low,
    low_lots: Low,
    cost: i64,
    fees: i64,
}

impl Holding {
    pub fn new(account: u32, event: u32, outcomes: usize, unit: i64) -> Holding {
        Holding {
            account,
            event,
            unit,
            values: vec![0; outcomes],
            lots: vec![0; outcomes],
            low_value: Low::default(),
            low_lots: Low::default(),
            cost: 0,
            fees: 0,
        }
    }

    /// Outcomes this holding knows of; an event may have grown since.
    #[inline]
    pub fn outcomes(&self) -> usize {
        self.lots.len()
    }

    /// Signed lots of outcome `at`; of one added since, those of the `fallback` it came out of.
    #[inline]
    pub fn lots(&self, at: usize, fallback: usize) -> i64 {
        let known = if at < self.lots.len() { at } else { fallback };
        self.lots.get(known).copied().unwrap_or(0)
    }

    /// Least the contracts pay, whichever outcome wins.
    #[inline]
    pub fn worst(&self) -> i64 {
        self.unit * self.low_lots.value
    }

    /// Least that contracts and open orders together come to: the worst case over every subset of the orders.
    #[inline]
    pub fn exposure(&self) -> i64 {
        self.low_value.value - self.cost - self.fees
    }

    /// As `exposure`, fees apart: what tells whether an order adds risk.
    #[inline]
    pub fn exposure_before_fees(&self) -> i64 {
        self.low_value.value - self.cost
    }

    /// Complete sets among the lots: how many of every outcome at once.
    pub fn sets(&self) -> i64 {
        self.low_lots.value.max(0)
    }

    /// `exposure_before_fees` as it would be with one more open order, beside `resting` lots of others at that outcome; `None` if
    /// it cannot be counted.
    pub fn with_order(&self, at: usize, open: Open, resting: i64) -> Option<i64> {
        let lots = self.lots[at].checked_abs()?.checked_add(resting)?.checked_add(open.lots)?;
        let cost = self.cost.checked_add(if open.sell { 0 } else { open.value })?;
        if lots.checked_mul(self.unit)? > MOST || cost > MOST || self.fees.checked_add(open.fee)? > MOST {
            return None;
        }
        let delta = self.delta(open);
        let low = if delta > 0 && at == self.low_value.at {
            let others = self.values.iter().enumerate().filter(|(other, _)| *other != at);
            others.map(|(_, value)| *value).fold(self.values[at] + delta, i64::min)
        } else {
            self.low_value.value.min(self.values[at] + delta)
        };
        Some(low - cost)
    }

    #[inline]
    fn delta(&self, open: Open) -> i64 {
        if open.sell {
            open.value - self.unit * open.lots
        } else {
            open.value
        }
    }

    #[inline]
    fn note(&mut self, open: Open) -> i64 {
        if !open.sell {
            self.cost += open.value;
        }
        self.fees += open.fee;
        self.delta(open)
    }

    #[inline]
    fn shift(&mut self, at: usize, delta: i64) {
        self.values[at] += delta;
        self.low_value.changed(&self.values, at);
    }

    /// Open orders change: one rests, shrinks or leaves.
    #[inline]
    pub fn order(&mut self, at: usize, open: Open) {
        let delta = self.note(open);
        self.shift(at, delta);
    }

    /// The position changes by signed `lots`.
    #[inline]
    pub fn trade(&mut self, at: usize, lots: i64) {
        let delta = self.unit * lots;
        self.lots[at] += lots;
        self.low_lots.changed(&self.lots, at);
        self.shift(at, delta);
    }

    /// Learn of outcomes added since: each owes what the fallback it came out of owes. The fallback has no open orders when
    /// an outcome is added, so neither minimum changes.
    pub fn catch_up(&mut self, outcomes: usize, fallback: usize) {
        while self.lots.len() < outcomes {
            let lots = self.lots[fallback];
            self.lots.push(lots);
            self.values.push(self.unit * lots);
        }
    }
}
