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

use crate::num::{choose, magnitude};

/// No number an account has in an event goes beyond this, so that sums of a few never overflow.
pub const MOST: i64 = 1 << 60;

/// A minimum over a short array, kept while single members change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Low {
    at: usize,
    value: i64,
}

impl Low {
    #[cold]
    fn of(legs: &[Leg], of: impl Fn(&Leg) -> i64) -> Low {
        let mut low = Low { at: 0, value: i64::MAX };
        for (at, leg) in legs.iter().enumerate() {
            if of(leg) < low.value {
                low = Low { at, value: of(leg) };
            }
        }
        low
    }

    /// Member `at` has changed to `value`.
    #[inline(always)]
    fn changed(&mut self, legs: &[Leg], at: usize, value: i64, of: impl Fn(&Leg) -> i64) {
        // Whether it is the least now cannot be guessed: no branch on that.
        let Low { at: low, value: least } = *self;
        if (at == low) & (value > least) {
            *self = Low::of(legs, of);
            return;
        }
        let lower = -i64::from(value <= least);
        *self = Low { at: low ^ ((low ^ at) & lower as usize), value: value.min(least) };
    }
}

/// What an account has of one outcome: one cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Leg {
    /// Least cash and payout if this outcome wins, all but the cost of buys: `value(k)` above.
    value: i64,
    lots: i64,
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

const _: () = assert!(std::mem::size_of::<Leg>() == 64);

impl Leg {
    pub fn lots(&self) -> i64 {
        self.lots
    }

    /// Lots change by `lots`, for `paid` units (negative: received). A reduction takes its part of the entry out.
    #[inline]
    pub fn trade(&mut self, lots: i64, paid: i64) {
        // No branch on whether it opens, closes or passes zero: of what it closes of the holding and of the trade one is the whole.
        let (held, given) = (magnitude(self.lots), magnitude(lots));
        let closing = -i64::from((self.lots ^ lots < 0) & (held != 0));
        let (closed, partly) = (held.min(given) & closing, given < held);
        let share = part(choose(partly, self.entry, paid), closed, held.max(given).max(1));
        let leaves = choose(partly, share, self.entry & closing);
        let closes = choose(partly, paid & closing, share);
        self.lots += lots;
        self.entry = (self.entry - leaves).saturating_add(paid - closes);
        self.realised = self.realised.saturating_sub(closes.saturating_add(leaves));
    }
}

impl Open {
    /// What it costs if it buys. No branch on the side, here and below: it cannot be guessed.
    #[inline(always)]
    fn cost(self) -> i64 {
        self.value & (i64::from(self.sell) - 1)
    }

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
        crate::prefetch::line(&self.legs, at);
    }

    /// Outcomes this holding knows of; an event may have grown since.
    #[inline]
    pub fn outcomes(&self) -> usize {
        self.legs.len()
    }

    /// Signed lots of outcome `at`; of one not learned of yet, none.
    #[inline]
    pub fn lots(&self, at: usize) -> i64 {
        self.legs.get(at).map_or(0, |leg| leg.lots)
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
        let reach = |leg: &Leg| {
            let open = leg.open[0].checked_add(leg.open[1])?;
            leg.lots.checked_abs()?.checked_add(open)?.checked_add(sets)?.checked_mul(self.unit)
        };
        self.legs.iter().all(|leg| reach(leg).is_some_and(|reach| reach <= MOST))
    }

    /// What there is of outcome `at`.
    pub fn leg(&self, at: usize) -> Leg {
        self.legs.get(at).copied().unwrap_or_default()
    }

    /// For marking what has changed since the last report, and for the count of reduce-only orders.
    pub fn leg_mut(&mut self, at: usize) -> &mut Leg {
        &mut self.legs[at]
    }

    /// `exposure_before_fees` as it would be after a change of the open orders; `None` if that cannot be counted.
    pub fn with_order(&self, at: usize, open: Open) -> Option<i64> {
        let leg = &self.legs[at];
        let [buys, sells] = leg.open;
        let lots = leg.lots.checked_abs()?.checked_add(buys)?.checked_add(sells)?.checked_add(open.lots)?;
        let cost = self.cost.checked_add(open.cost())?;
        if lots.checked_mul(self.unit)? > MOST || cost > MOST || self.fees.checked_add(open.fee)? > MOST {
            return None;
        }
        let delta = self.delta(open);
        let low = if (delta > 0) & (at == self.low_value.at) {
            self.least_but(at).min(leg.value + delta)
        } else {
            self.low_value.value.min(leg.value + delta)
        };
        Some(low - cost)
    }

    /// The least value of all outcomes but `at`.
    #[cold]
    fn least_but(&self, at: usize) -> i64 {
        let (before, after) = (&self.legs[..at], &self.legs[at + 1..]);
        before.iter().chain(after).fold(i64::MAX, |low, leg| low.min(leg.value))
    }

    #[inline(always)]
    fn delta(&self, open: Open) -> i64 {
        open.value - self.unit * (open.lots & -i64::from(open.sell))
    }

    #[inline(always)]
    fn note(&mut self, at: usize, open: Open) -> i64 {
        self.legs[at].open[usize::from(open.sell)] += open.lots;
        self.cost += open.cost();
        self.fees += open.fee;
        self.delta(open)
    }

    #[inline]
    fn shift(&mut self, at: usize, delta: i64) {
        let leg = &mut self.legs[at];
        leg.value += delta;
        let value = leg.value;
        self.low_value.changed(&self.legs, at, value, |leg| leg.value);
    }

    /// Lots of outcome `at` have changed by `lots`.
    #[inline]
    fn moved(&mut self, at: usize, lots: i64) {
        let held = self.legs[at].lots;
        self.low_lots.changed(&self.legs, at, held, |leg| leg.lots);
        self.shift(at, self.unit * lots);
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
        self.legs[at].trade(lots, choose(lots > 0, value, -value));
        self.moved(at, lots);
    }

    /// As `trade`, of lots that come out of a resting order: `gone` leaves the open orders.
    #[inline(always)]
    pub fn fill(&mut self, at: usize, gone: Open, lots: i64, value: i64) {
        let delta = self.note(at, gone);
        let leg = &mut self.legs[at];
        leg.value += delta;
        leg.trade(lots, choose(lots > 0, value, -value));
        self.moved(at, lots);
    }

    /// Outcome `at` has traded apart from here: what it is by now.
    #[inline]
    pub fn put(&mut self, at: usize, leg: Leg) {
        let lots = leg.lots - self.legs[at].lots;
        self.legs[at] = leg;
        self.moved(at, lots);
    }

    /// Learn of outcomes added since: each owes what the fallback it came out of owes. The fallback has no open orders when
    /// an outcome is added, so neither minimum changes.
    pub fn catch_up(&mut self, outcomes: usize, fallback: usize) {
        while self.legs.len() < outcomes {
            let lots = self.legs[fallback].lots;
            self.legs.push(Leg { lots, value: self.unit * lots, ..Leg::default() });
        }
    }

    /// Bring back what a snapshot has of outcome `at`; open orders are counted after that.
    pub fn load(&mut self, at: usize, lots: i64, entry: i64, realised: i64) -> Option<()> {
        let payout = lots.checked_mul(self.unit).filter(|payout| payout.abs() <= MOST)?;
        self.legs[at] = Leg { lots, value: payout, entry, realised, ..self.legs[at] };
        self.low_lots.changed(&self.legs, at, lots, |leg| leg.lots);
        self.low_value.changed(&self.legs, at, payout, |leg| leg.value);
        Some(())
    }

    /// The same with all that is kept incrementally made anew; for the audit.
    pub fn recounted(&self, orders: &[(usize, Open)]) -> Holding {
        let mut fresh = Holding::new(self.account, self.event, self.legs.len(), self.unit);
        for (at, leg) in self.legs.iter().enumerate() {
            fresh.trade(at, leg.lots, 0);
            let value = fresh.legs[at].value;
            fresh.legs[at] = Leg { value, open: [0, 0], ..*leg };
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
