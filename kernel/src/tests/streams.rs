//! Random streams of algo orders, auctions, sessions and plain orders over a spot and a perpetual market: every step leaves a
//! sound group, a snapshot goes on like the original, and whatever was begun can be ended.

use super::*;
use crate::algo::encode::{self as algo, AlgoChange, AlgoOrder, LegOrder, Slices};
use crate::encode::Sessions;
use crate::wire::{FOK, GTD};

/// A linear congruential generator: the same stream on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn price(&mut self) -> i64 {
        950 + self.below(100) as i64
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 1
    }
}

const CAST: [u32; 3] = [MAKER, TAKER, SIBLING];

fn leg(dice: &mut Dice) -> LegOrder {
    LegOrder {
        trigger_ticks: if dice.below(8) == 0 { 0 } else { dice.price() },
        price_ticks: if dice.flip() { 0 } else { dice.price() },
        source: u8::from(dice.below(4) == 0),
        rises: dice.flip(),
    }
}

fn plain(dice: &mut Dice, now_ms: u64) -> PlaceOrder<'static> {
    let mut order = limit(dice.flip(), dice.price(), 1 + dice.below(20) as i64);
    order.stp = dice.below(3) as u8;
    match dice.below(12) {
        0 => order.tif = FOK,
        1 => order.tif = IOC,
        2 => (order.tif, order.expires_ms) = (GTD, now_ms + 1 + dice.below(3_000)),
        3 => (order.order_type, order.tif, order.price_ticks) = (MARKET, IOC, 0),
        4 => order.post_only = true,
        5 => order.price_ticks += if order.sell { -120 } else { 120 },
        6 => order.reduce_only = true,
        _ => {}
    }
    order
}

fn algo_frame(dice: &mut Dice, head: Head, out: &mut Vec<u8>) {
    let order = AlgoOrder {
        sell: dice.flip(),
        reduce_only: head.market == 1 && dice.flip(),
        size_lots: 1 + dice.below(30) as i64,
        stp: dice.below(3) as u8,
        ..AlgoOrder::default()
    };
    let (first, second) = (leg(dice), leg(dice));
    match dice.below(7) {
        0 => algo::place_trigger(out, head, &order, &first),
        1 => algo::place_either(out, head, &order, &first),
        2 => algo::place_oco(out, head, &order, &first, &LegOrder { rises: !first.rises, ..second }),
        3 => {
            let ticks = dice.below(20) as i64;
            let ppm = if ticks == 0 { 1_000 + dice.below(20_000) as u32 } else { 0 };
            algo::place_trailing(out, head, &order, &LegOrder { price_ticks: 0, ..first }, ticks, ppm);
        }
        4 => {
            let pair = [&first, &LegOrder { rises: !first.rises, ..second }];
            let entry = PlaceOrder { sell: order.sell, ..limit(order.sell, dice.price(), order.size_lots) };
            algo::place_bracket(out, head, &entry, pair, b"");
        }
        kind => {
            let slices = Slices {
                limit_ticks: dice.price(),
                slice_lots: 1 + dice.below(8) as i64,
                floats: dice.flip(),
                distance_ticks: 0,
                distance_ppm: 0,
                interval_ms: if kind == 5 { 1_000 } else { 0 },
                expires_ms: 0,
            };
            algo::place_slices(out, head, &order, &slices);
        }
    }
}

fn operator(dice: &mut Dice, market: u32, now_ms: u64, out: &mut Vec<u8>) {
    match dice.below(10) {
        0 | 1 => encode::set_phase(out, market, 3),
        2..=4 => encode::set_phase(out, market, 2),
        5 => encode::begin_auction(out, market, now_ms + 1 + dice.below(4_000)),
        6 => encode::clear_auction(out, market),
        7 => encode::set_band_auction(out, market, [0, 500, 2_000][dice.below(3) as usize]),
        8 => {
            let start = dice.below(9_000) as u16;
            let sessions = [(start, start + 1 + dice.below(900) as u16)];
            let some = if dice.flip() { &sessions[..] } else { &[] };
            let calendar = Sessions {
                sessions: some,
                holidays: &[],
                closed_band_ppm: if dice.flip() { 20_000 } else { 0 },
                auction_ms: if dice.flip() { 700 } else { 0 },
                no_liquidation: dice.flip(),
            };
            encode::set_calendar(out, market, &calendar);
        }
        _ => encode::tick(out),
    }
}

fn frame(dice: &mut Dice, now_ms: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let head = Head { account: CAST[dice.below(3) as usize], market: dice.below(2) as u32, key: 0 };
    let id = by_id(1 + dice.below(400));
    match dice.below(100) {
        0..=54 => encode::place(&mut out, head, &plain(dice, now_ms)),
        55..=79 => algo_frame(dice, head, &mut out),
        80..=84 => encode::cancel(&mut out, head, &id),
        85..=87 => encode::amend(&mut out, head, &id, dice.price(), 1 + dice.below(30) as i64, dice.flip()),
        88..=90 => algo::cancel_algo(&mut out, head, &id),
        91..=92 => {
            let change = AlgoChange { size_lots: 5, legs: [(dice.price(), -1), (0, -1)] };
            algo::amend_algo(&mut out, head, &id, &change);
        }
        93 => encode::mass_cancel(&mut out, head, 2),
        _ => operator(dice, head.market, now_ms, &mut out),
    }
    out
}

fn stream(seed: u64, steps: u64) {
    let mut dice = Dice(seed);
    let mut group = Group::new();
    let narrow = Parameters { band_ppm: 40_000, ..parameters() };
    group.ok(|out| encode::set_market_params(out, 0, &narrow));
    let listing = Listing {
        kind: 1,
        base: u32::MAX,
        quote: USD,
        lot_size: 1_000,
        tick_quote: 10,
        payout_ticks: 0,
        symbol: b"BTC-PERP",
    };
    group.ok(|out| encode::add_market(out, 1, &listing, &narrow));
    group.ok(|out| encode::set_phase(out, 1, 2));
    let mut now_ms = group.now_ms;
    let mut twin = Kernel::restore(&group.kernel.snapshot()).expect("a whole snapshot");
    for step in 0..steps {
        now_ms += [0, 0, 1, 40, 1_100, 90_000][dice.below(6) as usize];
        let bytes = frame(&mut dice, now_ms);
        group.kernel.apply(&bytes, now_ms);
        twin.apply(&bytes, now_ms);
        if let Err(what) = group.kernel.check_invariants() {
            panic!("seed {seed} step {step}: {what} after {bytes:?}");
        }
        if step % 50 == 49 {
            assert_eq!(twin.state_root(), group.kernel.state_root(), "seed {seed} step {step}");
            twin = Kernel::restore(&group.kernel.snapshot()).expect("a whole snapshot");
        }
    }
    finish(&mut group, now_ms, seed);
}

/// Everything that is open is cancelled, and the markets can be settled.
fn finish(group: &mut Group, now_ms: u64, seed: u64) {
    for market in 0..2 {
        let mut out = Vec::new();
        encode::set_calendar(&mut out, market, &Sessions::default());
        encode::set_phase(&mut out, market, 2);
        encode::set_phase(&mut out, market, 3);
        encode::tick(&mut out);
        group.kernel.apply(&out, now_ms);
    }
    for account in CAST {
        let mut out = Vec::new();
        let ids: Vec<u64> = group.kernel.algos.open.keys().copied().collect();
        for id in ids {
            let head = Head { account, market: crate::wire::ALL_MARKETS, key: 0 };
            algo::cancel_algo(&mut out, head, &by_id(id));
            encode::mass_cancel(&mut out, head, 2);
        }
        let head = Head { account, market: crate::wire::ALL_MARKETS, key: 0 };
        encode::mass_cancel(&mut out, head, 2);
        group.kernel.apply(&out, now_ms);
    }
    group.kernel.check_invariants().expect("a sound group");
    assert!(group.kernel.algos.open.is_empty(), "seed {seed}: every algo order can be cancelled");
    assert!(group.kernel.slab.is_empty(), "seed {seed}: every order can be cancelled");
}

#[test]
fn random_streams_leave_a_sound_group() {
    let seeds = std::env::var("STREAMS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12);
    for seed in 0..seeds {
        stream(seed, 600);
    }
}
