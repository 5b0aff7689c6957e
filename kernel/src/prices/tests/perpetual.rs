//! A perpetual under its prices: mark, grades, hours of funding.

use std::collections::BTreeSet;

use serde_json::json;

use super::group::{ask, tell_all};
use crate::codes::{phase, Reject};
use crate::encode;
use crate::events::Body;
use crate::kernel::Kernel;
use crate::prices::funding::HOUR_MS;
use crate::prices::{FundingRules, Grade, PriceRules, EXTERNAL, INDEX};
use crate::tests::perpetuals::PERP;
use crate::tests::{limit, Group, MAKER, SIBLING, START_MS, TAKER, USD};

/// Prices of three sources for the perpetual.
fn tell(group: &mut Group, price: i64) {
    assert_eq!(tell_all(group, INDEX, PERP, &[price; 3]), 3);
}

/// Tell the same price every 5 s until `until_ms`.
fn keep_telling(group: &mut Group, price: i64, until_ms: u64) {
    while group.now_ms + 5_000 <= until_ms {
        group.now_ms += 5_000;
        tell(group, price);
    }
    if group.now_ms < until_ms {
        group.now_ms = until_ms;
        tell(group, price);
    }
}

/// The perpetual with small impact orders, at the beginning of an hour.
fn funded() -> Group {
    let mut group = Group::perpetual();
    let rules = FundingRules { impact_notional: 10_000, ..FundingRules::default() };
    group.ok(|out| encode::set_funding(out, PERP, &rules));
    let never = PriceRules { halt_ms: 0, ..PriceRules::default() };
    group.ok(|out| encode::set_price_rules(out, PERP, false, &never));
    group.now_ms = (START_MS / HOUR_MS + 1) * HOUR_MS;
    group
}

pub fn rejects(seen: &mut BTreeSet<Reject>) {
    let mut group = Group::perpetual();
    tell(&mut group, 1_000);
    group.now_ms += 10_001;
    let ack = group.perp(TAKER, limit(false, 1_000, 1));
    assert_eq!(Reject::of(ack.code), Some(Reject::RiskPriceGrade));
    seen.insert(Reject::RiskPriceGrade);
}

#[test]
fn positions_follow_mark() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 10);
    tell(&mut group, 1_100);
    assert_eq!(group.kernel.mark(1), 1_010, "no jump from the reference price for who holds a position");
    assert_eq!(group.risk_of(TAKER).equity, 1_001_000);
    for mark in [1_020, 1_030, 1_040] {
        group.now_ms += 2_500;
        tell(&mut group, 1_100);
        assert_eq!(group.kernel.mark(1), mark);
    }
    assert_eq!(group.risk_of(MAKER).equity, 996_000);
    assert_eq!(tell_all(&mut group, EXTERNAL, PERP, &[1_090]), 1);
}

#[test]
fn grades_decide_about_new_risk() {
    // The taker has 1,000,000 units; the tier asks 5%, a lot at 1,000 is worth 10,000.
    for (prices, after_ms, lots, code) in [
        (&[1_000; 3][..], 0, 500, 0),
        (&[1_000; 3], 10_000, 500, 0),
        (&[1_000; 3], 10_001, 1, Reject::RiskPriceGrade as u16),
        (&[1_000; 2], 0, 100, 0),
        (&[1_000; 2], 0, 101, Reject::RiskMargin as u16),
    ] {
        let mut group = Group::perpetual();
        tell_all(&mut group, INDEX, PERP, prices);
        group.now_ms += after_ms;
        let ack = group.perp(TAKER, limit(false, 1_000, lots));
        assert_eq!(ack.code, code, "{} sources, {lots} lots after {after_ms} ms", prices.len());
    }
    let mut group = Group::perpetual();
    tell(&mut group, 1_000);
    group.trade(TAKER, MAKER, 1_000, 10);
    group.now_ms += 60_000;
    group.tick();
    assert_eq!(group.kernel.grade(1), Grade::Stale);
    assert_eq!(group.perp(MAKER, limit(false, 1_000, 5)).code, 0, "who makes risk smaller may");
    assert_eq!(group.perp(TAKER, limit(true, 1_000, 5)).code, 0);
    assert_eq!(group.perp(TAKER, limit(false, 1_000, 5)).code, Reject::RiskPriceGrade as u16);
}

#[test]
fn an_hour_of_funding_is_paid_and_received() {
    let mut group = funded();
    group.trade(TAKER, MAKER, 1_000, 10);
    // Impact bid 1,010: a premium of 1 %, so 0.95 % in 8 hours and 0.11875 % in one, of 10 * 10,000 units.
    group.perp(MAKER, limit(false, 1_010, 1));
    group.perp(SIBLING, limit(true, 1_030, 1));
    tell(&mut group, 1_000);
    let end_ms = group.now_ms + HOUR_MS;
    keep_telling(&mut group, 1_000, end_ms - 5_000);
    let shown = ask(&group, json!({"q": "funding", "market": PERP}));
    assert_eq!((&shown["premium"], &shown["estimate"]), (&json!(10_000_000), &json!(1_187_500)));
    assert_eq!((&shown["next_ms"], &shown["paused"]), (&json!(end_ms), &json!(false)));
    keep_telling(&mut group, 1_000, end_ms);
    let hour = group.events().into_iter().find_map(|event| match event.body {
        Body::Funding(funding) => Some((event.account, funding)),
        _ => None,
    });
    let (account, hour) = hour.expect("the hour is told");
    assert_eq!((account, hour.lots, hour.index_ticks, hour.end_ms), (0, 0, 1_000, end_ms));
    assert_eq!((hour.rate, hour.premium), (1_187_500_000, 10_000_000));
    // 118.75 units: the payer pays 119, the receiver gets 118; and mark is the bid, 10 ticks above the entry.
    assert_eq!((group.risk_of(TAKER).equity, group.risk_of(MAKER).equity), (1_000_881, 999_118));
    assert_eq!(group.balance(TAKER, USD).0, 1_000_000, "nothing moves before the position is touched");
    group.trade(MAKER, TAKER, 1_030, 1);
    let paid: Vec<(u32, i64, i64)> = group
        .events()
        .iter()
        .filter_map(|event| match event.body {
            Body::Funding(funding) => Some((event.account, funding.lots, funding.amount)),
            _ => None,
        })
        .collect();
    assert_eq!(paid, [(MAKER, -10, 118), (TAKER, 10, -119)]);
    assert_eq!(group.kernel.output().bills.count, 2);
    assert_eq!(group.reserved()[3], 1, "the rounding is dust");
    let shown = ask(&group, json!({"q": "funding", "market": PERP}));
    assert_eq!(shown["history"][0], json!([end_ms, 1_187_500, 1_000]));
}

#[test]
fn funding_pauses_with_the_price() {
    let mut group = funded();
    tell(&mut group, 1_000);
    group.trade(TAKER, MAKER, 1_000, 10);
    let start_ms = group.now_ms;
    keep_telling(&mut group, 1_000, start_ms + HOUR_MS / 4);
    group.now_ms += 10_001;
    group.tick();
    assert_eq!(group.kernel.grade(1), Grade::Stale);
    assert_eq!(group.kernel.next_timer_ms(), Some(start_ms + HOUR_MS), "the hour ends without a price, too");
    group.now_ms = start_ms + 5 * HOUR_MS;
    group.tick();
    let hours = &ask(&group, json!({"q": "funding", "market": PERP}))["history"];
    assert_eq!(hours.as_array().map(Vec::len), Some(1), "hours without a price pay nothing");
    // From its beginning to the end of its first quarter: 181 samples of 720.
    assert_eq!(hours[0][1], json!(12_500i64 * 181 / 720));
    assert_eq!(group.kernel.next_timer_ms(), None);
}

#[test]
fn funding_survives_a_snapshot_within_the_hour() {
    let mut group = funded();
    tell(&mut group, 1_000);
    group.trade(TAKER, MAKER, 1_000, 7);
    let end_ms = group.now_ms + HOUR_MS;
    let half_ms = group.now_ms + HOUR_MS / 2;
    keep_telling(&mut group, 1_000, half_ms);
    let mut restored = Kernel::restore(&group.kernel.snapshot()).expect("a whole snapshot");
    let from = group.journal.len();
    keep_telling(&mut group, 1_001, end_ms + 10_000);
    group.trade(MAKER, TAKER, 1_000, 3);
    for (frame, now_ms) in &group.journal[from..] {
        restored.replay(frame, *now_ms);
    }
    assert_eq!(restored.state_root(), group.kernel.state_root());
}

#[test]
fn a_market_without_a_price_is_halted_and_reopens_with_an_auction() {
    let mut group = Group::perpetual();
    tell(&mut group, 1_000);
    let stale_ms = START_MS + 10_000;
    group.now_ms = stale_ms + 1;
    group.tick();
    assert_eq!(group.kernel.next_timer_ms(), Some(stale_ms + 900_000));
    group.now_ms = stale_ms + 899_999;
    group.tick();
    assert_eq!(group.kernel.markets[1].phase, phase::OPEN);
    group.now_ms += 1;
    group.tick();
    assert_eq!(group.kernel.markets[1].phase, phase::HALTED);
    let restored = Kernel::restore(&group.kernel.snapshot()).expect("a whole snapshot");
    assert_eq!(restored.state_root(), group.kernel.state_root());
    assert_eq!(group.perp(MAKER, limit(false, 1_000, 1)).code, Reject::StateMarketPhase as u16);
    group.now_ms += 60_000;
    tell(&mut group, 1_000);
    assert_eq!(group.kernel.markets[1].phase, phase::AUCTION);
    group.now_ms += 60_000;
    tell(&mut group, 1_000);
    assert_eq!(group.kernel.markets[1].phase, phase::OPEN);
    group.ok(|out| encode::set_phase(out, PERP, phase::HALTED));
    group.now_ms += 2_500;
    tell(&mut group, 1_000);
    assert_eq!(group.kernel.markets[1].phase, phase::HALTED, "what the operator halts stays halted");
}

#[test]
fn a_book_that_collects_says_nothing_about_mark() {
    let mut group = Group::perpetual();
    tell(&mut group, 1_000);
    group.ok(|out| encode::set_phase(out, PERP, phase::HALTED));
    group.ok(|out| encode::set_phase(out, PERP, phase::AUCTION));
    group.perp(MAKER, limit(false, 1_040, 5));
    group.perp(TAKER, limit(true, 960, 3));
    for _ in 0..3 {
        group.now_ms += 2_500;
        tell(&mut group, 1_000);
        assert_eq!(group.kernel.mark(1), 1_000);
    }
    group.ok(|out| encode::set_phase(out, PERP, phase::OPEN));
    group.now_ms += 2_500;
    tell(&mut group, 1_000);
    assert_eq!(group.held(MAKER).lots, 3, "it cleared");
}
