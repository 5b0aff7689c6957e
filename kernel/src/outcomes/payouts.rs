//! Payouts of an event: ticks by outcome that sum to exactly one contract's payout, so that longs are paid to the unit what
//! shorts owe.

use crate::num::choose;

/// Whether these are payouts of an event whose contract pays `one` ticks.
pub fn sound(payouts: &[i64], one: i64) -> bool {
    let within = payouts.iter().all(|ticks| (0..=one).contains(ticks));
    within && payouts.iter().map(|ticks| i128::from(*ticks)).sum::<i128>() == i128::from(one)
}

/// Payouts in the ratio of `fair` prices (ticks; `None` for an outcome nobody has priced), as a void pays them.
///
/// Outcomes without a price share what the others leave of one, equally. The result is rounded down, and the ticks that are
/// left go one each to the largest remainders, the lower outcome first.
pub fn normalised(fair: &[Option<i64>], one: i64) -> Vec<i64> {
    let known: i128 = fair.iter().flatten().map(|ticks| i128::from(*ticks)).sum();
    let unknown = fair.iter().filter(|ticks| ticks.is_none()).count() as i128;
    let spare = (i128::from(one) - known).max(0);
    // Weights are multiplied by the number of unknown outcomes, so that equal shares of the spare are whole.
    let scale = unknown.max(1);
    let weights: Vec<i128> =
        fair.iter().map(|ticks| ticks.map_or(spare, |ticks| i128::from(ticks.max(0)) * scale)).collect();
    let sum: i128 = weights.iter().sum();
    let (weights, sum) = if sum > 0 { (weights, sum) } else { (vec![1; fair.len()], fair.len() as i128) };
    let mut payouts: Vec<i64> =
        weights.iter().map(|weight| (weight * i128::from(one) / sum) as i64).collect();
    let mut order: Vec<usize> = (0..fair.len()).collect();
    order.sort_by_key(|at| (-(weights[*at] * i128::from(one) % sum), *at));
    let left = one - payouts.iter().sum::<i64>();
    for at in order.into_iter().take(left as usize) {
        payouts[at] += 1;
    }
    payouts
}

/// Ticks one contract pays, and what divides by them without a division: `floor((2^64 - 1) / ticks)`.
#[derive(Clone, Copy, Debug)]
pub struct One {
    pub ticks: i64,
    pub inverse: u64,
}

impl One {
    pub fn of(ticks: i64) -> One {
        One { ticks, inverse: u64::MAX.checked_div(ticks as u64).unwrap_or(0) }
    }

    /// `ceil(product / ticks)` of what is not negative.
    #[inline(always)]
    fn ceil(self, product: i64) -> i64 {
        // Below the quotient by less than one and a half, so that it and what is left tell it.
        let least = ((u128::from(product as u64) * u128::from(self.inverse)) >> 64) as i64;
        let left = product - least * self.ticks;
        assert!((left | (2 * self.ticks - 1 - left)) >= 0, "a quotient is found within one");
        least + i64::from(left > 0) + i64::from(left > self.ticks)
    }
}

/// What `fee_ppm` of an outcome trade is taken from: `notional * (1 - p)` in units, rounded up, so that the fee is
/// `rate * p * (1 - p)` of what the contracts could pay. `notional` is not negative.
#[inline(always)]
pub fn fee_base(notional: i64, price: i64, one: One) -> i64 {
    let rest = (one.ticks - price).max(0);
    match notional.checked_mul(rest) {
        Some(product) => one.ceil(product),
        None => fee_base_wide(notional, rest, one.ticks),
    }
}

#[cold]
fn fee_base_wide(notional: i64, rest: i64, one: i64) -> i64 {
    ((i128::from(notional) * i128::from(rest) + i128::from(one) - 1) / i128::from(one)) as i64
}

/// Largest fee base of one lot of an order: a buy may fill anywhere below its limit, a sell above. However an order fills, its fee
/// bases sum to no more than this times its lots. `tick`: units of one lot at one tick.
#[inline(always)]
pub fn largest_lot_base(sell: bool, limit: i64, one: One, tick: i64) -> i64 {
    // No branch on the side: it cannot be guessed. A buy is dearest at the middle rounded up, a sell rounded down.
    let middle = (one.ticks + i64::from(!sell)) >> 1;
    let dearest = choose(sell, limit.max(middle), limit.min(middle));
    fee_base(dearest * tick, dearest, one)
}
