//! Prices in a group: commands, timers, events, questions, snapshots.

use serde_json::{json, Value};

use crate::codes::{phase, Reject};
use crate::encode::{self, Observed};
use crate::events::Body;
use crate::kernel::Kernel;
use crate::prices::{FundingRules, Grade, PriceRules, EXTERNAL, INDEX};
use crate::tests::{Group, MAKER, START_MS, TAKER};

/// Three sources say `price` of market 0 now.
pub fn tell(group: &mut Group, price: i64) -> u32 {
    tell_all(group, INDEX, 0, &[price; 3])
}

/// Sources 1, 2, ... say these prices of a market now; how many made sense.
pub fn tell_all(group: &mut Group, what: u8, market: u32, prices: &[i64]) -> u32 {
    let published_ms = group.now_ms;
    let seen = |(at, price): (usize, &i64)| Observed {
        what,
        market,
        source: at as u32 + 1,
        price: *price,
        published_ms,
    };
    let observed: Vec<Observed> = prices.iter().enumerate().map(seen).collect();
    group.ok(|out| encode::observe_prices(out, &observed)).extra
}

pub fn ask(group: &Group, question: Value) -> Value {
    let answer = group.kernel.query(question.to_string().as_bytes());
    serde_json::from_slice(&answer).expect("answers are JSON")
}

#[test]
fn observations_become_index_mark_and_event() {
    let mut group = Group::new();
    group.buy(MAKER, 998, 5);
    group.sell(MAKER, 1_006, 5);
    assert_eq!(tell_all(&mut group, INDEX, 0, &[1_001, 1_000, 999]), 3);
    let (index, mark, grade) =
        (group.kernel.index(0), group.kernel.markets[0].prices.mark, group.kernel.grade(0));
    assert_eq!((index, mark, grade), (1_000, 1_002, Grade::Valid));
    let [event] = &group.events()[..] else { panic!("one price event") };
    let Body::Price { market, grade, fresh, index, mark, slow, garbage } = event.body else {
        panic!("a price event")
    };
    assert_eq!((event.account, market, grade, fresh), (0, 0, Grade::Valid as u8, 3));
    assert_eq!((index, mark, slow, garbage), (1_000, 1_002, 1_000, 0));
    assert_eq!(group.kernel.output().dirty_markets, [0]);
    tell(&mut group, 1_000);
    assert!(group.events().is_empty(), "nothing changed, nothing is told");
}

#[test]
fn garbage_is_counted_and_told() {
    let mut group = Group::new();
    tell(&mut group, 1_000);
    group.now_ms += 3_000;
    assert_eq!(tell_all(&mut group, INDEX, 0, &[1_000, 0, 100_000_000]), 1);
    let refused: Vec<(u32, u8, i64)> = group
        .events()
        .iter()
        .filter_map(|event| match event.body {
            Body::Refused { source, why, price, .. } => Some((source, why, price)),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [(2, 1, 0), (3, 5, 100_000_000)]);
    let shown = ask(&group, json!({"q": "prices"}));
    let market = &shown["markets"][0];
    assert_eq!(
        (&market["market"], &market["index_ticks"], &market["grade"]),
        (&json!(0), &json!(1_000), &json!("valid"))
    );
    assert_eq!((&market["sources"][1]["garbage"], &market["sources"][1]["strikes"]), (&json!(1), &json!(1)));
}

#[test]
fn time_alone_makes_prices_stale() {
    let mut group = Group::new();
    tell(&mut group, 1_000);
    assert_eq!(group.kernel.next_timer_ms(), Some(START_MS + 10_001));
    group.now_ms += 10_001;
    assert_eq!(group.kernel.grade(0), Grade::Valid, "the kernel's clock stands still without commands");
    group.tick();
    assert_eq!(group.kernel.grade(0), Grade::Stale);
    let [event] = &group.events()[..] else { panic!("the fall is told") };
    assert!(matches!(event.body, Body::Price { grade: 3, index: 1_000, .. }));
    assert_eq!(group.kernel.next_timer_ms(), None, "a dead feed costs nothing");
}

#[test]
fn the_walk_is_driven_by_ticks() {
    let mut group = Group::new();
    tell(&mut group, 10_000);
    group.now_ms += 2_500;
    tell(&mut group, 10_300);
    let mut walked = vec![group.kernel.index(0)];
    while let Some(due) = group.kernel.next_timer_ms().filter(|due| *due <= START_MS + 10_000) {
        group.now_ms = due;
        group.tick();
        walked.push(group.kernel.index(0));
    }
    assert_eq!(walked, [10_100, 10_201, 10_300]);
}

#[test]
fn collateral_counts_at_the_lower_of_index_and_slow_price() {
    let mut group = Group::new();
    assert_eq!(group.kernel.collateral_ticks(0), 1_000, "the reference, before there is an index");
    tell(&mut group, 1_001);
    assert_eq!(group.kernel.collateral_ticks(0), 1_001);
    for _ in 0..4 {
        group.now_ms += 2_500;
        tell(&mut group, 1_100);
    }
    assert_eq!((group.kernel.index(0), group.kernel.collateral_ticks(0)), (1_041, 1_001));
    let shown = ask(&group, json!({"q": "prices", "market": 0}));
    assert_eq!(shown["markets"][0]["collateral_ticks"], json!(1_001));
}

#[test]
fn a_restart_lets_a_new_day_begin() {
    let mut group = Group::new();
    tell(&mut group, 1_000);
    group.now_ms += 60_000;
    assert_eq!(tell(&mut group, 20_000), 0, "beyond ten times the day's start");
    let rules = PriceRules::default();
    let restart = |out: &mut Vec<u8>| encode::set_price_rules(out, 0, true, &rules);
    group.refused(Reject::StateMarketPhase, restart);
    group.ok(|out| encode::set_phase(out, 0, phase::HALTED));
    group.ok(restart);
    assert_eq!((group.kernel.index(0), group.kernel.grade(0)), (1_000, Grade::Stale));
    assert_eq!(tell(&mut group, 20_000), 3);
    assert_eq!((group.kernel.index(0), group.kernel.grade(0)), (1_010, Grade::Volatile), "no jump");
    while group.kernel.grade(0) != Grade::Valid {
        group.now_ms += 2_500;
        tell(&mut group, 20_000);
    }
    assert_eq!(group.kernel.markets[0].prices.feed.rails(group.now_ms), (1_833, 183_210));
}

#[test]
fn refusals_of_price_commands() {
    let mut group = Group::new();
    let seen = Observed { what: INDEX, market: 0, source: 1, price: 1, published_ms: START_MS };
    let mut refused = |reject, seen: Observed| {
        let good = Observed { what: INDEX, market: 0, source: 9, price: 1_000, published_ms: START_MS };
        group.refused(reject, |out| encode::observe_prices(out, &[good, seen]));
        assert_eq!(group.kernel.index(0), 0, "all or nothing");
    };
    refused(Reject::StateMarketUnknown, Observed { market: 7, ..seen });
    refused(Reject::InputEnum, Observed { what: 2, ..seen });
    refused(Reject::InputParameter, Observed { what: EXTERNAL, ..seen });
    group.refused(Reject::InputBody, |out| encode::observe_prices(out, &[]));
    group.refused(Reject::InputParameter, |out| encode::set_funding(out, 0, &FundingRules::default()));
    let wide = PriceRules { step_ppm: 900_000, ..PriceRules::default() };
    group.refused(Reject::InputParameter, |out| encode::set_price_rules(out, 0, false, &wide));
    group.refused(Reject::AccessOperatorOnly, |out| {
        encode::observe_prices(out, &[seen]);
        out[4..8].copy_from_slice(&TAKER.to_le_bytes());
    });
}

#[test]
fn snapshots_carry_prices_and_their_timers() {
    let mut group = Group::new();
    tell_all(&mut group, INDEX, 0, &[1_000, 1_001, 0]);
    group.now_ms += 2_500;
    tell(&mut group, 1_100);
    let mut restored = Kernel::restore(&group.kernel.snapshot()).expect("a whole snapshot");
    assert_eq!(restored.next_timer_ms(), group.kernel.next_timer_ms());
    for _ in 0..6 {
        group.now_ms += 2_500;
        group.tick();
        let mut tick = Vec::new();
        encode::tick(&mut tick);
        restored.apply(&tick, group.now_ms);
        assert_eq!(restored.state_root(), group.kernel.state_root());
        assert_eq!(restored.output().events, group.kernel.output().events);
    }
    assert_eq!(restored.grade(0), Grade::Stale);
}

#[test]
fn minutes_of_mark_and_index() {
    let mut group = Group::new();
    group.now_ms = START_MS - START_MS % 60_000 + 60_000;
    let minute_ms = group.now_ms;
    let mut last = Vec::new();
    for (after_ms, price) in
        [(0, 10_000), (10_000, 10_050), (30_000, 9_990), (59_999, 10_000), (60_000, 10_010)]
    {
        group.now_ms = minute_ms + after_ms;
        tell(&mut group, price);
        last.push(group.kernel.touched_price_candles());
    }
    let shape = |at: usize| {
        last[at].iter().map(|(m, what, c)| (*m, *what, c.minute_ms, [c.open, c.high, c.low, c.close]))
    };
    let first = [10_000, 10_050, 9_990, 10_000];
    let found: Vec<(u32, u8, u64, [i64; 4])> = shape(3).collect();
    assert_eq!(found, [(0, 0, minute_ms, first), (0, 1, minute_ms, first)]);
    assert!(last[4].is_empty(), "2.5 s have not gone by");
    group.now_ms = minute_ms + 62_500;
    group.tick();
    let next = group.kernel.touched_price_candles();
    assert_eq!((next[1].2.minute_ms, next[1].2.open, next[1].2.close), (minute_ms + 60_000, 10_010, 10_010));
    group.tick();
    assert!(group.kernel.touched_price_candles().is_empty(), "no step, no candle");
}
