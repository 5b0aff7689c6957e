//! Index, rails, grades, garbage.

use crate::num::MAX_QUANTITY;
use crate::prices::feed::MAX_SOURCES;
use crate::prices::{Feed, Garbage, Grade, Observation, PriceRules};

const DAY: u64 = 86_400_000;
const T0: u64 = 20_000 * DAY;

fn say(source: u32, price: i64, published_ms: u64) -> Observation {
    Observation { source, external: false, price, published_ms }
}

/// All `prices` at `now_ms` by sources 1, 2, ..., then an update.
fn tell(feed: &mut Feed, prices: &[i64], now_ms: u64) {
    for (at, price) in prices.iter().enumerate() {
        let _ = feed.observe(&say(at as u32 + 1, *price, now_ms), MAX_QUANTITY, now_ms);
    }
    feed.update(now_ms);
}

fn feed() -> Feed {
    Feed::new(PriceRules::default())
}

#[test]
fn the_index_is_the_median_of_the_fresh() {
    for (prices, index, grade) in [
        (&[][..], 0, Grade::None),
        (&[1_000], 1_000, Grade::Thin),
        (&[1_000, 1_010], 1_005, Grade::Thin),
        (&[1_000, 1_011], 1_005, Grade::Thin),
        (&[1_010, 1_000, 1_005], 1_005, Grade::Valid),
        (&[1_010, 1_000, 1_005, 1_020], 1_007, Grade::Valid),
        (&[3_560, 1_055, 3_561], 3_560, Grade::Thin),
        (&[3_560, 1_055, 3_561, 3_562], 3_560, Grade::Valid),
        (&[3_560, 1_055], 0, Grade::None),
    ] {
        let mut feed = feed();
        tell(&mut feed, prices, T0);
        assert_eq!((feed.index, feed.grade(T0)), (index, grade), "{prices:?}");
    }
}

#[test]
fn steps_are_apart_and_short() {
    let mut feed = feed();
    tell(&mut feed, &[100_000; 3], T0);
    for (after_ms, price, index) in [
        (2_499, 100_500, 100_000),
        (2_500, 100_500, 100_500),
        (4_999, 100_400, 100_500),
        (5_000, 110_000, 101_505),
        (7_500, 110_000, 102_520),
        (10_000, 90_000, 101_495),
    ] {
        tell(&mut feed, &[price; 3], T0 + after_ms);
        assert_eq!(feed.index, index, "after {after_ms} ms");
    }
}

#[test]
fn a_price_of_few_ticks_still_moves() {
    let mut feed = feed();
    tell(&mut feed, &[10; 3], T0);
    tell(&mut feed, &[15; 3], T0 + 2_500);
    assert_eq!(feed.index, 11);
}

#[test]
fn the_walk_goes_on_without_new_observations() {
    let mut feed = feed();
    tell(&mut feed, &[100_000; 3], T0);
    tell(&mut feed, &[102_000; 3], T0 + 2_500);
    assert_eq!((feed.index, feed.due_ms()), (101_000, T0 + 5_000));
    assert!(feed.update(feed.due_ms()));
    assert_eq!(feed.index, 102_000);
    assert_eq!(feed.due_ms(), T0 + 12_501, "then nothing until the observations expire");
}

#[test]
fn the_day_has_rails() {
    let mut feed = feed();
    let steps = PriceRules { step_ppm: 50_000, ..PriceRules::default() };
    feed.set_rules(steps);
    tell(&mut feed, &[1_000; 3], T0);
    assert_eq!(feed.rails(T0), (100, 10_000));
    let highest = MAX_QUANTITY;
    for (price, result) in
        [(99, Err(Garbage::OffRails)), (100, Ok(())), (10_000, Ok(())), (10_001, Err(Garbage::OffRails))]
    {
        assert_eq!(feed.observe(&say(price as u32, price, T0 + 1), highest, T0 + 1), result);
    }
    let mut now = T0;
    for _ in 0..200 {
        now += 2_500;
        tell(&mut feed, &[9_999; 3], now);
    }
    assert_eq!(feed.index, 9_999);
    assert_eq!(feed.rails(now), (100, 10_000));
    assert_eq!(feed.rails(T0 + DAY), (1_000, 99_990), "a new day begins where the last ended");
}

#[test]
fn prices_grow_stale() {
    let mut feed = feed();
    for source in 1..=4 {
        let published = T0 - u64::from(source) * 1_000;
        assert_eq!(feed.observe(&say(source, 500, published), MAX_QUANTITY, T0), Ok(()));
    }
    feed.update(T0);
    for (after_ms, grade) in [
        (0, Grade::Valid),
        (7_000, Grade::Valid),
        (7_001, Grade::Thin),
        (9_000, Grade::Thin),
        (9_001, Grade::Stale),
        (DAY, Grade::Stale),
    ] {
        assert_eq!(feed.grade(T0 + after_ms), grade, "after {after_ms} ms, before any update");
        let mut updated = feed.clone();
        updated.update(T0 + after_ms);
        assert_eq!(updated.grade(T0 + after_ms), grade, "after {after_ms} ms, updated");
    }
}

#[test]
fn disagreement_and_distance_are_volatile() {
    let mut feed = feed();
    tell(&mut feed, &[1_000; 3], T0);
    tell(&mut feed, &[1_000, 3_000], T0 + 3_000);
    assert_eq!((feed.index, feed.grade(T0 + 3_000)), (1_000, Grade::Thin), "the third still counts");
    let mut feed = super::feed::feed();
    tell(&mut feed, &[1_000, 1_000], T0);
    tell(&mut feed, &[1_000, 3_000], T0 + 3_000);
    assert_eq!((feed.index, feed.grade(T0 + 3_000)), (1_000, Grade::Volatile), "no majority agrees");
    tell(&mut feed, &[1_200, 1_200, 1_200], T0 + 6_000);
    assert_eq!((feed.index, feed.grade(T0 + 6_000)), (1_010, Grade::Volatile), "a long way to go");
    let mut now = T0 + 6_000;
    while feed.grade(now) == Grade::Volatile {
        now += 2_500;
        tell(&mut feed, &[1_200; 3], now);
    }
    assert_eq!((feed.index, feed.grade(now)), (1_100, Grade::Valid), "within a tenth of the sources");
}

#[test]
fn garbage_is_refused_by_kind_and_changes_no_price() {
    let mut feed = feed();
    tell(&mut feed, &[1_000; 3], T0);
    let before = feed.index;
    for (price, published_ms, garbage) in [
        (0, T0 + 10, Garbage::NotPositive),
        (-5, T0 + 10, Garbage::NotPositive),
        (i64::MIN, T0 + 10, Garbage::NotPositive),
        (i64::MAX, T0 + 10, Garbage::TooLarge),
        (1_000, T0 + 2_011, Garbage::Ahead),
        (1_000, u64::MAX, Garbage::Ahead),
        (1_000, T0 - 1, Garbage::Older),
        (100_000_000, T0 + 10, Garbage::OffRails),
        (1, T0 + 10, Garbage::OffRails),
    ] {
        let mut heard = feed.clone();
        assert_eq!(heard.observe(&say(1, price, published_ms), MAX_QUANTITY, T0 + 10), Err(garbage));
        heard.update(T0 + 10);
        assert_eq!((heard.index, heard.grade(T0 + 10)), (before, Grade::Valid));
        assert_eq!((heard.sources()[0].strikes, heard.sources()[0].garbage), (1, 1));
    }
    assert_eq!(feed.observe(&say(1, 1_000, T0), MAX_QUANTITY, T0 + 10), Ok(()), "a repetition is no fault");
}

#[test]
fn a_source_is_demoted_and_comes_back() {
    let mut feed = feed();
    tell(&mut feed, &[1_000; 3], T0);
    for tried in 1..=3 {
        assert!(feed.observe(&say(2, 0, T0 + tried), MAX_QUANTITY, T0 + tried).is_err());
    }
    feed.update(T0 + 4);
    assert!(feed.sources()[1].demoted);
    assert_eq!(feed.grade(T0 + 4), Grade::Thin, "two are left");
    for good in 1..=3 {
        assert!(feed.sources()[1].demoted);
        tell(&mut feed, &[1_001; 3], T0 + good * 2_500);
    }
    assert!(!feed.sources()[1].demoted);
    assert_eq!(feed.grade(T0 + 7_500), Grade::Valid);
    assert_eq!(feed.sources()[1].garbage, 3, "what there was is not forgotten");
}

#[test]
fn sources_are_bounded() {
    let mut feed = feed();
    for source in 0..MAX_SOURCES as u32 {
        assert_eq!(feed.observe(&say(source, 1_000, T0), MAX_QUANTITY, T0), Ok(()));
    }
    assert_eq!(feed.observe(&say(99, 1_000, T0), MAX_QUANTITY, T0), Err(Garbage::Crowded));
    let later = T0 + 10_001;
    assert_eq!(feed.observe(&say(99, 1_000, later), MAX_QUANTITY, later), Ok(()), "the silent make room");
    assert_eq!(feed.sources().len(), MAX_SOURCES);
}

#[test]
fn a_dead_feed_resumes_on_its_rails() {
    let mut feed = feed();
    tell(&mut feed, &[1_000; 3], T0);
    let later = T0 + 600_000;
    feed.update(later);
    assert_eq!(feed.grade(later), Grade::Stale);
    tell(&mut feed, &[700; 3], later);
    assert_eq!((feed.index, feed.grade(later)), (990, Grade::Volatile), "no jump and no liquidation");
}

#[test]
fn collateral_counts_at_the_lower_of_index_and_slow_price() {
    let mut feed = feed();
    tell(&mut feed, &[100_000; 3], T0);
    let mut now = T0;
    for _ in 0..10 {
        now += 2_500;
        tell(&mut feed, &[200_000; 3], now);
    }
    assert_eq!(feed.index, 110_459, "pumped by ten steps");
    assert_eq!(
        (feed.slow_ticks(), feed.collateral_ticks()),
        (100_039, 100_039),
        "the slow price has hardly moved"
    );
    for _ in 0..20 {
        now += 2_500;
        tell(&mut feed, &[50_000; 3], now);
    }
    assert_eq!(feed.collateral_ticks(), feed.index, "down at once");
}
