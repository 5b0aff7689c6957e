//! Mark: its voices, its band, its steps.

use crate::num::MAX_QUANTITY;
use crate::prices::{mark_band, MarketPrices, Observation, PriceRules, Touch};

const T0: u64 = 1_700_000_000_000;

fn touch(bid: i64, ask: i64, last: i64) -> Touch {
    let some = |price: i64| (price != 0).then_some(price);
    Touch { bid: some(bid), ask: some(ask), last: some(last) }
}

fn observe(prices: &mut MarketPrices, external: bool, price: i64, now_ms: u64) {
    for source in 1..=3 {
        let seen = Observation { source, external, price, published_ms: now_ms };
        assert_eq!(prices.feed.observe(&seen, MAX_QUANTITY, now_ms), Ok(()));
    }
}

/// A step of the index to `index` at `now_ms` with this book.
fn step(prices: &mut MarketPrices, index: i64, book: Touch, now_ms: u64) -> i64 {
    observe(prices, false, index, now_ms);
    assert!(prices.feed.update(now_ms));
    prices.step_mark(&book, now_ms);
    prices.mark
}

#[test]
fn the_first_mark_is_the_median_of_its_voices() {
    // The basis begins at (mid - index), so index + basis is the mid.
    for (bid, ask, last, external, mark) in [
        (0, 0, 0, 0, 10_000),
        (0, 0, 10_300, 0, 10_000),
        (10_100, 0, 10_300, 0, 10_000),
        (10_100, 10_120, 0, 0, 10_110),
        (10_100, 10_120, 10_000, 0, 10_100),
        (10_100, 10_120, 10_300, 0, 10_110),
        (10_100, 10_120, 10_118, 10_050, 10_110),
        (0, 0, 0, 10_050, 10_000),
        (10_900, 10_920, 0, 0, 10_500),
        (9_000, 9_020, 0, 0, 9_500),
    ] {
        let mut prices = MarketPrices::new();
        if external != 0 {
            observe(&mut prices, true, external, T0);
        }
        let book = touch(bid, ask, last);
        assert_eq!(step(&mut prices, 10_000, book, T0), mark, "{bid} {ask} {last} {external}");
    }
}

#[test]
fn one_voice_alone_does_not_move_mark() {
    let mut prices = MarketPrices::new();
    step(&mut prices, 10_000, touch(9_990, 10_010, 10_000), T0);
    assert_eq!(
        step(&mut prices, 10_000, touch(10_400, 10_420, 10_410), T0 + 2_500),
        10_007,
        "a spoofed book"
    );
    let mut now = T0 + 2_500;
    for _ in 0..60 {
        now += 2_500;
        step(&mut prices, 10_000, touch(10_400, 10_420, 10_410), now);
    }
    assert_eq!(prices.mark, 10_260, "150 seconds later the average has come most of the way");
}

#[test]
fn a_step_of_mark_is_short() {
    let mut prices = MarketPrices::new();
    step(&mut prices, 10_000, touch(9_600, 9_602, 0), T0);
    assert_eq!(prices.mark, 9_601);
    assert_eq!(
        step(&mut prices, 10_000, touch(10_400, 10_402, 0), T0 + 2_500),
        9_697,
        "to the index, 1 % at most"
    );
    let mut prices = MarketPrices::new();
    step(&mut prices, 10_000, Touch::default(), T0);
    observe(&mut prices, true, 10_800, T0 + 2_500);
    assert_eq!(step(&mut prices, 10_000, touch(10_800, 10_802, 0), T0 + 2_500), 10_100, "1 % at most");
}

#[test]
fn mark_stays_in_its_band() {
    for (index, ppm, band) in [
        (10_000, 50_000, (9_500, 10_500)),
        (10_001, 50_000, (9_500, 10_502)),
        (10, 50_000, (9, 11)),
        (1, 500_000, (1, 2)),
    ] {
        assert_eq!(mark_band(index, ppm), band);
    }
    let mut prices = MarketPrices::new();
    let rules = PriceRules { band_ppm: 50_000, ..PriceRules::default() };
    prices.feed.set_rules(rules);
    let mut now = T0;
    step(&mut prices, 10_000, touch(10_900, 10_910, 0), now);
    assert_eq!(prices.mark, 10_500);
    for index in (5_000..10_000).rev().step_by(90) {
        now += 2_500;
        step(&mut prices, index, touch(10_900, 10_910, 0), now);
        let (low, high) = mark_band(prices.feed.index, 50_000);
        assert!((low..=high).contains(&prices.mark), "the band falls with the index and takes mark along");
    }
}
