//! Funding of one perpetual: samples of the premium, the hourly rate, and the cumulative index through which
//! positions pay it whenever they are next looked at.
//!
//! Every 5 seconds the premium of the impact prices over the index is noted. An hour ends with
//! `F = mean premium + clamp(interest - mean premium, +-clamp)` for 8 hours, of which an eighth is paid on
//! the index notional, at most the cap; time in which nothing could be sampled (paused, no index) pays
//! nothing. The index adds, exactly, what one lot long owes, in 10^-12 units. A position pays its lots
//! times the growth of the index since it last paid: rounded up when it owes, down when it is owed. What
//! was paid and not yet fetched by the other side lies in the pot, which is negative while receivers came
//! first; what was rounded goes to dust. So over all positions paid = received + dust, to the unit.

use std::collections::VecDeque;

use super::rules::FundingRules;

/// Kernel time between samples.
pub const SAMPLE_MS: u64 = 5_000;
pub const HOUR_MS: u64 = 3_600_000;
const SAMPLES_PER_HOUR: u32 = (HOUR_MS / SAMPLE_MS) as u32;
/// A sample stands for at most this many slots since the one before.
const SAMPLE_WEIGHT: u64 = 12;
/// Hours kept for queries.
pub const HOURS_KEPT: usize = 720;
/// Rates are of 10^12, premiums of 10^9.
pub const RATE_ONE: i128 = 1_000_000_000_000;
const PREMIUM_ONE: i128 = 1_000_000_000;
/// The cumulative index of a market stays within this, far beyond any real rates: sums and differences of it
/// never overflow.
pub const INDEX_LIMIT: i128 = 1 << 120;
/// Levels of a side an impact price looks at.
pub const IMPACT_LEVELS: usize = 128;

/// One hour as it was paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaidHour {
    /// When the hour ended.
    pub end_ms: u64,
    /// What longs paid of the index notional, in 10^-12; negative when shorts paid.
    pub rate: i64,
    /// Mean premium, in 10^-9.
    pub premium: i64,
    pub index_ticks: i64,
    /// What the cumulative index grew by: 10^-12 units of the settlement asset for one lot long.
    pub growth: i128,
}

/// Impact prices of a moment, in 10^-6 ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Impact {
    pub bid: Option<i128>,
    pub ask: Option<i128>,
}

/// What a settlement moves: the account's part and what was rounded to dust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Units the account pays into the pot; negative when it receives.
    pub paid: i64,
    /// Units that move on from the pot to dust.
    pub dust: i64,
}

/// The funding of one market.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Funding {
    pub rules: FundingRules,
    /// Units paid by accounts and received by none yet; negative while receivers came first.
    pub(crate) pot: i64,
    /// Rounded in the pot's favour and not yet dust, in 10^-12 units; below one unit.
    pub(crate) fraction: i64,
    /// The hour being sampled, counted from the epoch.
    pub(crate) hour: u64,
    /// Sum of premium times weight, and of weights.
    pub(crate) premium_sum: i64,
    pub(crate) covered: u32,
    /// Slot of the last sample, counted from the epoch; 0 for none.
    pub(crate) slot: u64,
    pub(crate) history: VecDeque<PaidHour>,
}

/// Average price, in 10^-6 ticks, at which an order worth `notional` trades against `levels` of (price,
/// lots), best first; `None` when they do not hold that much.
pub fn impact_price(
    levels: impl IntoIterator<Item = (i64, i64)>,
    tick_quote: i64,
    notional: i64,
) -> Option<i128> {
    let (mut rest, mut lots, mut cost) = (i128::from(notional), 0i128, 0i128);
    for (price, level_lots) in levels {
        let lot_price = i128::from(price) * i128::from(tick_quote);
        let wanted = (rest + lot_price - 1) / lot_price;
        let taken = wanted.min(i128::from(level_lots));
        lots += taken;
        cost += taken * i128::from(price);
        rest -= taken * lot_price;
        if rest <= 0 {
            return Some(cost.saturating_mul(1_000_000) / lots);
        }
    }
    None
}

/// `(max(bid - index, 0) - max(index - ask, 0)) / index` in 10^-9, between -1 and 1. A side that cannot take
/// the impact order says nothing.
pub fn premium(impact: &Impact, index: i64) -> i64 {
    let centre = i128::from(index.max(1)) * 1_000_000;
    let above = impact.bid.map_or(0, |bid| (bid - centre).max(0));
    let below = impact.ask.map_or(0, |ask| (centre - ask).max(0));
    // Beyond once the index the premium counts as one, so the product stays small.
    let distance = (above - below).clamp(-centre, centre);
    (distance * PREMIUM_ONE / centre) as i64
}

/// Units `lots` owe since the cumulative index stood `moved` lower, rounded against the account; negative when
/// they are owed. Stops at a quarter of the largest number there is.
#[inline]
pub fn owed(lots: i64, moved: i128) -> i64 {
    let exact = moved.saturating_mul(i128::from(lots));
    let units = exact.div_euclid(RATE_ONE) + i128::from(exact.rem_euclid(RATE_ONE) != 0);
    units.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
}

impl Funding {
    /// Mean premium of the running hour in 10^-9; `None` before its first sample.
    pub fn mean_premium(&self) -> Option<i64> {
        (self.covered > 0).then(|| self.premium_sum / i64::from(self.covered))
    }

    /// Rate of 8 hours in 10^-9 for a mean premium: premium plus clamped interest.
    pub fn eight_hour_rate(&self, premium: i64) -> i64 {
        let (interest, clamp) =
            (i64::from(self.rules.interest_ppm) * 1_000, i64::from(self.rules.clamp_ppm) * 1_000);
        premium + (interest - premium).clamp(-clamp, clamp)
    }

    /// Rate of a whole hour in 10^-12 for a mean premium: an eighth of `eight_hour_rate`, capped.
    pub fn hourly_rate(&self, premium: i64) -> i64 {
        let cap = i64::from(self.rules.cap_ppm) * 1_000_000;
        (self.eight_hour_rate(premium) * (1_000 / 8)).clamp(-cap, cap)
    }

    /// What the running hour would pay if it ended now, in 10^-12.
    pub fn rate_so_far(&self) -> i64 {
        let covered = i64::from(self.covered.min(SAMPLES_PER_HOUR));
        self.mean_premium().map_or(0, |premium| {
            (i128::from(self.hourly_rate(premium)) * i128::from(covered) / i128::from(SAMPLES_PER_HOUR))
                as i64
        })
    }

    /// Note a premium for the slot of `now_ms`; it stands for the slots since the last sample, up to a minute.
    pub fn sample(&mut self, premium: i64, now_ms: u64) {
        let slot = now_ms / SAMPLE_MS;
        if slot <= self.slot {
            return;
        }
        let elapsed = if self.slot == 0 { 1 } else { (slot - self.slot).min(SAMPLE_WEIGHT) };
        self.slot = slot;
        self.premium_sum += premium * elapsed as i64;
        self.covered += elapsed as u32;
    }

    /// Forget when the last sample was: the time until the next one was paused.
    pub fn pause(&mut self) {
        self.slot = 0;
    }

    /// End the running hour if `now_ms` lies in a later one, and say what it pays for what it sampled. Hours
    /// without a sample pay nothing. `lot_value`: units one lot is worth at the index, which is `index_ticks`.
    pub fn end_hour(&mut self, lot_value: i64, index_ticks: i64, now_ms: u64) -> Option<PaidHour> {
        let hour = now_ms / HOUR_MS;
        if hour <= self.hour {
            return None;
        }
        let (ended, premium, rate) = (self.hour, self.mean_premium(), self.rate_so_far());
        self.hour = hour;
        (self.premium_sum, self.covered) = (0, 0);
        let premium = premium.filter(|_| self.rules.enabled)?;
        let growth = i128::from(lot_value) * i128::from(rate);
        let paid = PaidHour { end_ms: (ended + 1) * HOUR_MS, rate, premium, index_ticks, growth };
        if self.history.len() == HOURS_KEPT {
            self.history.pop_front();
        }
        self.history.push_back(paid);
        Some(paid)
    }

    /// Settle what `lots` owe since the cumulative index stood `moved` lower. The caller moves `paid` from the
    /// account to the pot and `dust` from the pot to dust, and notes the index as what the position has paid.
    pub fn settle(&mut self, lots: i64, moved: i128) -> Settled {
        let exact = moved.saturating_mul(i128::from(lots));
        let paid = owed(lots, moved);
        // Less than one unit was rounded, unless the payment was cut off at the largest number there is.
        let rounded = i128::from(paid) * RATE_ONE - exact;
        let fraction = i128::from(self.fraction) + rounded.clamp(0, RATE_ONE - 1);
        let dust = i64::from(fraction >= RATE_ONE);
        self.fraction = (fraction - i128::from(dust) * RATE_ONE) as i64;
        self.pot = self.pot.saturating_add(paid - dust);
        Settled { paid, dust }
    }

    /// What the pot holds for those who have not settled, in 10^-12 units.
    pub(crate) fn unpaid_exactly(&self) -> i128 {
        i128::from(self.pot) * RATE_ONE - i128::from(self.fraction)
    }

    /// Whether the numbers are such as sampling makes them.
    pub(crate) fn is_sound(&self) -> bool {
        let most = i64::from(self.covered) * PREMIUM_ONE as i64;
        (0..RATE_ONE).contains(&i128::from(self.fraction))
            && self.covered <= SAMPLES_PER_HOUR + SAMPLE_WEIGHT as u32
            && (-most..=most).contains(&self.premium_sum)
    }

    /// When there is something to do: the next sample.
    pub fn next_sample_ms(now_ms: u64) -> u64 {
        (now_ms / SAMPLE_MS + 1) * SAMPLE_MS
    }

    /// End of the running hour.
    pub fn next_payment_ms(&self) -> u64 {
        (self.hour + 1).saturating_mul(HOUR_MS)
    }
}
