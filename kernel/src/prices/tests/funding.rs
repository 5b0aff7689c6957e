//! Premium, rate, payment, settlement.

use crate::prices::funding::{impact_price, owed, premium, Impact, HOUR_MS, RATE_ONE, SAMPLE_MS};
use crate::prices::{Funding, FundingRules};

const T0: u64 = 472_222 * HOUR_MS;

#[test]
fn impact_prices_walk_the_book() {
    let levels = [(100, 10), (101, 10), (110, 100)];
    for (notional, price) in [
        (1, Some(100_000_000)),
        (1_000, Some(100_000_000)),
        (1_001, Some(100_090_909)),
        (2_010, Some(100_500_000)),
        (2_011, Some(100_952_380)),
        (13_010, Some(108_416_666)),
        (13_011, None),
    ] {
        assert_eq!(impact_price(levels, 1, notional), price, "{notional}");
    }
    assert_eq!(impact_price([(100, 10)], 10, 10_000), Some(100_000_000), "a tick of a lot is worth ten");
    assert_eq!(impact_price([], 1, 1), None);
    assert_eq!(impact_price([(1 << 50, 1 << 50)], 1 << 50, i64::MAX), Some((1 << 50) * 1_000_000));
}

#[test]
fn the_premium_is_what_an_impact_order_pays_over_the_index() {
    let ticks = |ticks: i128| Some(ticks * 1_000_000);
    for (bid, ask, expected) in [
        (ticks(1_001), ticks(1_002), 1_000_000),
        (ticks(998), ticks(999), -1_000_000),
        (ticks(999), ticks(1_001), 0),
        (None, ticks(990), -10_000_000),
        (ticks(1_010), None, 10_000_000),
        (None, None, 0),
        (ticks(5_000), None, 1_000_000_000),
        (None, ticks(1), -999_000_000),
    ] {
        assert_eq!(premium(&Impact { bid, ask }, 1_000), expected, "{bid:?} {ask:?}");
    }
}

#[test]
fn the_rate_is_the_premium_with_clamped_interest() {
    let funding = Funding::default();
    // Premium, rate of 8 hours (10^-9), rate of one hour (10^-12).
    for (premium, eight, hour) in [
        (0, 100_000, 12_500_000),
        (300_000, 100_000, 12_500_000),
        (600_000, 100_000, 12_500_000),
        (601_000, 101_000, 12_625_000),
        (-400_000, 100_000, 12_500_000),
        (-401_000, 99_000, 12_375_000),
        (1_000_000, 500_000, 62_500_000),
        (-1_000_000, -500_000, -62_500_000),
        (320_500_000, 320_000_000, 40_000_000_000),
        (999_999_999, 999_499_999, 40_000_000_000),
        (-999_999_999, -999_499_999, -40_000_000_000),
    ] {
        assert_eq!(funding.eight_hour_rate(premium), eight, "premium {premium}");
        assert_eq!(funding.hourly_rate(premium), hour, "premium {premium}");
    }
}

/// An hour of samples of this premium, `count` of them 5 s apart, and its end.
fn hour(funding: &mut Funding, premium: i64, count: u64, lot_value: i64) -> Option<i64> {
    let start = (funding.hour + 1) * HOUR_MS;
    funding.end_hour(lot_value, 1, start);
    for at in 0..count {
        funding.sample(premium, start + at * SAMPLE_MS + 100);
    }
    funding.pause();
    funding.end_hour(lot_value, 1, start + HOUR_MS).map(|paid| paid.rate)
}

#[test]
fn an_hour_pays_for_what_it_sampled() {
    let start = || Funding { hour: T0 / HOUR_MS, ..Funding::default() };
    for (premium, count, rate) in [
        (0, 720, Some(12_500_000)),
        (1_000_000, 720, Some(62_500_000)),
        (1_000_000, 360, Some(31_250_000)),
        (1_000_000, 1, Some(86_805)),
        (1_000_000, 0, None),
    ] {
        assert_eq!(hour(&mut start(), premium, count, 1_000), rate, "{count} samples of {premium}");
    }
    let mut off = start();
    off.rules = FundingRules { enabled: false, ..off.rules };
    assert_eq!(hour(&mut off, 1_000_000, 720, 1_000), None);
}

#[test]
fn a_sample_stands_for_a_minute_at_most() {
    let mut funding = Funding { hour: T0 / HOUR_MS, ..Funding::default() };
    for minute in 0..60 {
        funding.sample(1_000_000, T0 + minute * 60_000);
    }
    assert_eq!(funding.covered, 1 + 59 * 12);
    funding.sample(1_000_000, T0 + 59 * 60_000 + 4_999);
    assert_eq!(funding.covered, 1 + 59 * 12, "one sample a slot");
    let mut sparse = Funding { hour: T0 / HOUR_MS, ..Funding::default() };
    sparse.sample(0, T0);
    sparse.sample(0, T0 + 600_000);
    assert_eq!(sparse.covered, 13);
    sparse.pause();
    sparse.sample(0, T0 + 660_000);
    assert_eq!(sparse.covered, 14, "a pause counts for nothing");
}

#[test]
fn missed_hours_pay_once() {
    let mut funding = Funding { hour: T0 / HOUR_MS, ..Funding::default() };
    funding.sample(1_000_000, T0);
    let paid = funding.end_hour(1_000, 7, T0 + 5 * HOUR_MS + 1).expect("what was sampled is paid");
    assert_eq!(
        (paid.end_ms, paid.rate, paid.index_ticks, paid.growth),
        (T0 + HOUR_MS, 86_805, 7, 86_805_000)
    );
    assert_eq!(funding.end_hour(1_000, 7, T0 + 5 * HOUR_MS + 2), None);
    assert_eq!(funding.history.len(), 1);
    assert_eq!(funding.next_payment_ms(), T0 + 6 * HOUR_MS);
}

#[test]
fn owed_is_rounded_against_the_account() {
    let half = RATE_ONE / 2;
    for (lots, moved, expected) in [
        (1, half, 1),
        (-1, half, 0),
        (2, half, 1),
        (-2, half, -1),
        (3, half, 2),
        (-3, half, -1),
        (5, 0, 0),
        (0, half, 0),
        (1, -half, 0),
        (-1, -half, 1),
        (i64::MAX, i128::MAX, i64::MAX / 4),
        (i64::MIN, i128::MAX, i64::MIN / 4),
        (i64::MIN, i128::MIN, i64::MAX / 4),
    ] {
        assert_eq!(owed(lots, moved), expected, "{lots} lots after {moved}");
    }
}

#[test]
fn longs_and_shorts_net_to_zero_but_for_dust() {
    let mut funding = Funding::default();
    let (mut paid, mut dust) = (0, 0);
    for lots in [7, -3, 11, -15, 1, -1, 5, -5] {
        let settled = funding.settle(lots, 333_333_333_333);
        paid += settled.paid;
        dust += settled.dust;
    }
    assert_eq!((paid, dust), (5, 5), "eight roundings of less than a unit");
    assert_eq!(funding.fraction, 0, "all have settled, all was paid out");
}
