//! Exact arithmetic of money: ppm fees with one rounding per order, notionals with overflow as `None`.

/// One million: rates are parts of it.
pub const PPM: i64 = 1_000_000;
/// Highest price in ticks and highest size in lots a command may carry.
pub const MAX_QUANTITY: i64 = 1 << 50;

/// Ceiling of `value / 10^6`, for either sign.
#[inline]
fn ceil_ppm(value: i64) -> i64 {
    if value > 0 {
        (value - 1) / PPM + 1
    } else {
        value / PPM
    }
}

/// `ceil((notional * ppm - prepaid) / 10^6)`: what a fill is charged, given what earlier roundings
/// overcharged.
///
/// Units: `notional` and result in quote units, `prepaid` in millionths of one. Negative for a rebate.
#[inline(always)]
pub fn charge(notional: i64, ppm: i32, prepaid: u32) -> i64 {
    let exact =
        notional.checked_mul(i64::from(ppm)).and_then(|product| product.checked_sub(i64::from(prepaid)));
    match exact {
        Some(exact) => ceil_ppm(exact),
        None => charge_wide(notional, ppm, prepaid),
    }
}

#[cold]
fn charge_wide(notional: i64, ppm: i32, prepaid: u32) -> i64 {
    let exact = i128::from(notional) * i128::from(ppm) - i128::from(prepaid);
    let (whole, rest) = (exact.div_euclid(i128::from(PPM)), exact.rem_euclid(i128::from(PPM)));
    // |ppm| <= 10^6, so the result is never larger than the notional.
    (whole + i128::from(rest != 0)) as i64
}

/// What a charge overpaid, in millionths of a unit: always in `0..10^6`.
#[inline]
pub fn prepaid_after(notional: i64, ppm: i32, prepaid: u32, charged: i64) -> u32 {
    // The true value is in 0..10^6, so wrapping arithmetic gives it exactly.
    let left = charged
        .wrapping_mul(PPM)
        .wrapping_add(i64::from(prepaid))
        .wrapping_sub(notional.wrapping_mul(i64::from(ppm)));
    assert!((0..PPM).contains(&left), "a charge overpays by less than one unit");
    left as u32
}

/// `floor(notional * ppm / 10^6)` for a non-negative ppm.
#[inline]
pub fn share(notional: i64, ppm: i64) -> i64 {
    match notional.checked_mul(ppm) {
        Some(product) => product / PPM,
        None => (i128::from(notional) * i128::from(ppm) / i128::from(PPM)) as i64,
    }
}

/// `|value|` without a branch: whether something was bought or sold cannot be guessed.
#[inline(always)]
pub fn magnitude(value: i64) -> i64 {
    let sign = value >> 63;
    (value ^ sign) - sign
}

/// One of two numbers that are at hand, without a branch.
#[inline(always)]
pub fn choose(condition: bool, yes: i64, no: i64) -> i64 {
    no ^ ((yes ^ no) & -i64::from(condition))
}

/// `a * b * c`, or `None` beyond `i64`.
#[inline]
pub fn product(a: i64, b: i64, c: i64) -> Option<i64> {
    a.checked_mul(b)?.checked_mul(c)
}

/// Largest number of lots whose notional at `lot_price` and fee at `fee_ppm`, less `prepaid` millionths,
/// stay within `budget` quote units.
pub fn affordable_lots(budget: i64, lot_price: i64, fee_ppm: i32, prepaid: u32) -> i64 {
    if budget <= 0 {
        return 0;
    }
    let gross = i128::from(PPM) + i128::from(fee_ppm.max(0));
    ((i128::from(budget) * i128::from(PPM) + i128::from(prepaid)) / gross / i128::from(lot_price)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_round_up_once_per_order() {
        let (mut prepaid, mut paid) = (0, 0);
        for _ in 0..10 {
            let charged = charge(333, 1_500, prepaid);
            prepaid = prepaid_after(333, 1_500, prepaid, charged);
            paid += charged;
        }
        assert_eq!(paid, 5, "3,330 units at 0.15% is 4.995");
        assert_eq!(prepaid, 5_000);
    }

    #[test]
    fn rebates_round_against_the_account() {
        assert_eq!(charge(999, -1_000, 0), 0);
        assert_eq!(prepaid_after(999, -1_000, 0, 0), 999_000);
        assert_eq!(charge(1, -1_000, 999_000), -1);
    }

    #[test]
    fn wide_products_agree_with_narrow() {
        assert_eq!(charge_wide(1_000_001, 10, 7), charge(1_000_001, 10, 7));
        assert_eq!(charge(i64::MAX, 100_000, 0), i64::MAX / 10 + 1);
        assert_eq!(share(i64::MAX, 1_000_000), i64::MAX);
    }

    #[test]
    fn choices_without_a_branch_are_choices() {
        for value in [0, 1, -1, 17, -17, i64::MAX, i64::MIN + 1] {
            assert_eq!(magnitude(value), value.abs());
            assert_eq!((choose(true, value, 5), choose(false, 5, value)), (value, value));
        }
        assert!(
            std::panic::catch_unwind(|| magnitude(i64::MIN)).is_err(),
            "what cannot be counted is noticed"
        );
    }

    #[test]
    fn affordable_lots_never_overspend() {
        for budget in 0..500 {
            for prepaid in [0, 1, 500_000, 999_999] {
                let cost = |lots: i64| lots * 7 + charge(lots * 7, 1_234, prepaid);
                let lots = affordable_lots(budget, 7, 1_234, prepaid);
                assert!(lots == 0 || cost(lots) <= budget);
                assert!(budget == 0 || cost(lots + 1) > budget);
            }
        }
    }
}
