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
        let value = least(values);
        let at = values.iter().position(|other| *other == value).unwrap_or(0);
        Low { at, value }
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

/// The least of some values, `i64::MAX` of none: four at a time, without branches.
#[inline]
fn least(values: &[i64]) -> i64 {
    let mut lows = [i64::MAX; 4];
    let chunks = values.chunks_exact(4);
    let rest = chunks.remainder().iter().copied().fold(i64::MAX, i64::min);
    for chunk in chunks {
        for (low, value) in lows.iter_mut().zip(chunk) {
            *low = (*low).min(*value);
        }
    }
    lows.into_iter().fold(rest, i64::min)
}

/// What an account has of one outcome beside its lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    /// What the lots were bought for, or (negative) sold for; a statistic.
    pub entry: i64,
    /// Profit of reduced lots over their entry; a statistic.
    pub realised: i64,
    /// Lots of open buys and sells.
    pub open: [i64; 2],
    /// Open orders that are reduce-only.
    pub reduce_orders: u32,
    /// Changed since the last batch was reported; outside the logical state.
    pub dirty: bool,
}

/// A change of the open orders of one outcome: lots, their value at the order price and the most their fees can come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    pub sell: bool,
    pub lots: i64,
    pub value: i64,
    pub fee: i64,
}

impl Leg {
    /// `held` lots change by `lots`, for `paid` units (negative: received). A reduction takes its part of the entry out.
    fn trade(&mut self, held: i64, lots: i64, paid: i64) {
        if held == 0 || (held > 0) == (lots > 0) {
            self.entry = self.entry.saturating_add(paid);
            return;
        }
        let closing = lots.abs().min(held.abs());
        let leaves = part(self.entry, closing, held.abs());
        let closes = part(paid, closing, lots.abs());
        self.entry = (self.entry - leaves).saturating_add(paid - closes);
        self.realised = self.realised.saturating_sub(closes.saturating_add(leaves));
    }
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
    legs: Vec<Leg>,
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
            legs: vec![Leg::default(); outcomes],
            low_value: Low::default(),
            low_lots: Low::default(),
            cost: 0,
            fees: 0,
        }
    }

    /// Hint that outcome `at` is about to change.
    #[inline]
    pub fn prefetch(&self, at: usize) {
        crate::prefetch::line(&self.values, at);
        crate::prefetch::line(&self.lots, at);
        crate::prefetch::line(&self.legs, at);
    }

    /// Outcomes this holding knows of; an event may have grown since.
    #[inline]
    pub fn outcomes(&self) -> usize {
        self.lots.len()
    }

    /// Signed lots of outcome `at`; of one not learned of yet, none.
    #[inline]
    pub fn lots(&self, at: usize) -> i64 {
        self.lots.get(at).copied().unwrap_or(0)
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

    /// Lots a reduce-only order of a side could take off.
    pub fn reducible(&self, at: usize, side: usize) -> i64 {
        let lots = self.lots(at);
        if side == 0 { -lots } else { lots }.max(0)
    }

    /// Whether `sets` more of every outcome can still be counted.
    pub fn can_add(&self, sets: i64) -> bool {
        let reach = |(lots, leg): (&i64, &Leg)| {
            let open = leg.open[0].checked_add(leg.open[1])?;
            lots.checked_abs()?.checked_add(open)?.checked_add(sets)?.checked_mul(self.unit)
        };
        self.lots.iter().zip(&self.legs).all(|leg| reach(leg).is_some_and(|reach| reach <= MOST))
    }

    /// Beside its lots, what there is of outcome `at`.
    pub fn leg(&self, at: usize) -> Leg {
        self.legs.get(at).copied().unwrap_or_default()
    }

    /// For marking what has changed since the last report.
    pub fn leg_mut(&mut self, at: usize) -> &mut Leg {
        &mut self.legs[at]
    }

    /// `exposure_before_fees` as it would be after a change of the open orders; `None` if that cannot be counted.
    pub fn with_order(&self, at: usize, open: Open) -> Option<i64> {
        let [buys, sells] = self.legs[at].open;
        let lots =
            self.lots[at].checked_abs()?.checked_add(buys)?.checked_add(sells)?.checked_add(open.lots)?;
        let cost = self.cost.checked_add(if open.sell { 0 } else { open.value })?;
        if lots.checked_mul(self.unit)? > MOST || cost > MOST || self.fees.checked_add(open.fee)? > MOST {
            return None;
        }
        let delta = self.delta(open);
        let low = if delta > 0 && at == self.low_value.at {
            let (before, after) = (&self.values[..at], &self.values[at + 1..]);
            least(before).min(least(after)).min(self.values[at] + delta)
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
    fn note(&mut self, at: usize, open: Open) -> i64 {
        self.legs[at].open[usize::from(open.sell)] += open.lots;
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
        let delta = self.note(at, open);
        self.shift(at, delta);
    }

    /// The position changes by signed `lots`, which are worth `value` units in all.
    #[inline]
    pub fn trade(&mut self, at: usize, lots: i64, value: i64) {
        let delta = self.unit * lots;
        self.legs[at].trade(self.lots[at], lots, if lots > 0 { value } else { -value });
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
            self.legs.push(Leg::default());
        }
    }

    /// Bring back what a snapshot has of outcome `at`; open orders are counted after that.
    pub fn load(&mut self, at: usize, lots: i64, entry: i64, realised: i64) -> Option<()> {
        let payout = lots.checked_mul(self.unit).filter(|payout| payout.abs() <= MOST)?;
        (self.lots[at], self.values[at]) = (lots, payout);
        (self.legs[at].entry, self.legs[at].realised) = (entry, realised);
        self.low_lots.changed(&self.lots, at);
        self.low_value.changed(&self.values, at);
        Some(())
    }

    /// The same with all that is kept incrementally made anew; for the audit.
    pub fn recounted(&self, orders: &[(usize, Open)]) -> Holding {
        let mut fresh = Holding::new(self.account, self.event, self.lots.len(), self.unit);
        for (at, lots) in self.lots.iter().enumerate() {
            fresh.trade(at, *lots, 0);
            fresh.legs[at] = Leg { open: [0, 0], ..self.legs[at] };
        }
        for (at, open) in orders {
            fresh.order(*at, *open);
        }
        (fresh.low_value.at, fresh.low_lots.at) = (self.low_value.at, self.low_lots.at);
        fresh
    }
}

/// `whole * some / all`, rounded towards zero.
fn part(whole: i64, some: i64, all: i64) -> i64 {
    match whole.checked_mul(some) {
        Some(product) => product / all,
        None => (i128::from(whole) * i128::from(some) / i128::from(all)) as i64,
    }
}
