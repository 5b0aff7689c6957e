//! Invariants 16 to 19 on random crashes: many accounts of random size, side and leverage in two perpetuals, a random book, fund
//! and rules; marks jump, time passes, the waterfall runs. The full audit follows every step.

use proptest::prelude::*;

use super::perpetuals::PERP;
use super::*;
use crate::accounts::{INSURANCE, LIQUIDATOR};
use crate::events::Body;
use crate::liquidation::report::{stage, Deleveraged, Record};
use crate::liquidation::Rules;

const SECOND: u32 = 2;
const FIRST_ACCOUNT: u32 = 100;

#[derive(Clone, Debug)]
struct Crash {
    /// (cash in thousands, lots in each market, isolated in the first)
    accounts: Vec<(i64, [i64; 2], bool)>,
    /// (below or above 1,000, lots) of resting orders.
    book: Vec<(i64, i64)>,
    fund: i64,
    cap: i64,
    slice: i64,
    fee_ppm: u32,
    /// (market, mark, milliseconds) one after the other.
    moves: Vec<(bool, i64, u64)>,
}

fn crashes() -> impl Strategy<Value = Crash> {
    let account = (20..400i64, [-60..60i64, -60..60i64], any::<bool>());
    let order = (-120..120i64, 1..80i64);
    let step = (any::<bool>(), 700..1_300i64, prop::sample::select(vec![1u64, 1_000, 31_000]));
    (
        prop::collection::vec(account, 2..14),
        prop::collection::vec(order, 0..12),
        0..400_000i64,
        0..80i64,
        prop::sample::select(vec![50_000i64, 200_000, i64::MAX]),
        0..15_001u32,
        prop::collection::vec(step, 1..8),
    )
        .prop_map(|(accounts, book, fund, cap, slice, fee_ppm, moves)| Crash {
            accounts,
            book,
            fund,
            cap,
            slice,
            fee_ppm,
            moves,
        })
}

impl Crash {
    fn set_up(&self) -> Group {
        let mut group = Group::perpetual();
        let listing = Listing {
            kind: crate::contracts::PERPETUAL,
            base: crate::contracts::NO_ASSET,
            quote: USD,
            lot_size: 1,
            tick_quote: 10,
            payout_ticks: 0,
            symbol: b"ETH-USD-SWAP",
        };
        let free = Parameters { maker_ppm: 0, taker_ppm: 0, ..parameters() };
        group.ok(|out| encode::add_market(out, SECOND, &listing, &free));
        group.ok(|out| encode::set_phase(out, SECOND, 2));
        group.deposit(MAKER, USD, 50_000_000);
        group.deposit(SIBLING, USD, 50_000_000);
        if self.fund > 0 {
            group.deposit(INSURANCE, USD, self.fund);
        }
        let rules = Rules {
            fund_cap: self.cap * 10_000,
            slice_notional: self.slice,
            fee_ppm: self.fee_ppm,
            ..Rules::for_scale(6)
        };
        group.ok(|out| encode::set_liquidation_rules(out, crate::wire::ALL_MARKETS, &rules));
        for (at, (cash, lots, isolated)) in self.accounts.iter().enumerate() {
            let account = FIRST_ACCOUNT + at as u32;
            group.ok(|out| encode::account(out, kind::OPEN_ACCOUNT, account, u64::from(account), 0, 0));
            group.deposit(account, USD, cash * 1_000);
            if *isolated {
                group.ok(|out| encode::set_margin_mode(out, Head { account, market: PERP, key: 0 }, true));
            }
            for (market, lots) in [(PERP, lots[0]), (SECOND, lots[1])] {
                let Some(size) = Some(lots.abs()).filter(|size| *size > 0) else { continue };
                let head = |account: u32| Head { account, market, key: 0 };
                group.send(|out| encode::place(out, head(MAKER), &limit(lots > 0, 1_000, size)));
                group.send(|out| encode::place(out, head(account), &limit(lots < 0, 1_000, size)));
                group.send(|out| encode::mass_cancel(out, head(MAKER), 2));
            }
        }
        for (away, lots) in &self.book {
            let price = 1_000 + away + away.signum();
            for market in [PERP, SECOND] {
                let head = Head { account: SIBLING, market, key: 0 };
                group.send(|out| encode::place(out, head, &limit(*away > 0, price, *lots)));
            }
        }
        group
    }
}

/// What a step of the kernel did: records and deleveraged positions, in order.
fn told(group: &Group) -> Vec<Body> {
    let bodies = group.events().into_iter().map(|event| event.body);
    bodies.filter(|body| matches!(body, Body::Liquidation(_) | Body::Adl(_))).collect()
}

/// Equity of everybody in S, isolated positions, fund and fees included, at the present marks.
fn everything(group: &Group) -> i64 {
    let kernel = &group.kernel;
    let accounts = kernel.funds.accounts.iter().flat_map(|account| &account.balances);
    let cash: i64 =
        accounts.filter(|balance| balance.asset == kernel.funds.settlement).map(|b| b.total).sum();
    let positions = kernel.markets.iter().flat_map(|market| &market.contract.positions);
    let reserved: i64 = kernel.funds.assets[1].reserved.iter().sum();
    cash + reserved + positions.map(|position| position.upnl).sum::<i64>()
}

fn check_16(record: &Record) {
    let (before, after) = (record.equity_before, record.equity_after);
    let acts = [stage::BOOK, stage::FUND, stage::ADL].contains(&record.stage);
    if !acts || record.account == LIQUIDATOR {
        return;
    }
    assert!(before < record.maintenance_before, "only below maintenance: {record:?}");
    assert!(record.maintenance_after <= record.maintenance_before, "risk never grows: {record:?}");
    assert!(record.fee == 0 || after >= -1, "the fee stops at what is left: {record:?}");
    let notional = i128::from(record.value.abs());
    assert!(i128::from(record.fee) * 1_000_000 <= notional * 15_000, "the fee is at most 1.5 %: {record:?}");
    // Equity over maintenance does not fall, a unit of rounding a step aside; both maintenances are rounded up.
    let rounded = i128::from(before.abs()) + i128::from(after.abs());
    let now = i128::from(after + 2) * i128::from(record.maintenance_before) + rounded;
    assert!(now >= i128::from(before) * i128::from(record.maintenance_after), "never worse off: {record:?}");
}

fn check_17(record: &Record) {
    let handed_over = [stage::FUND, stage::ADL].contains(&record.stage);
    if handed_over && record.maintenance_after == 0 {
        assert_eq!(record.equity_after, 0, "closed at bankruptcy nothing is left: {record:?}");
    }
}

/// Stages of one liquidation come in their order, market by market.
fn check_18(records: &[&Record]) {
    for pair in records.windows(2) {
        let same = (pair[0].number, pair[0].account) == (pair[1].number, pair[1].account);
        let closing = |record: &Record| [stage::BOOK, stage::FUND, stage::ADL].contains(&record.stage);
        if same && pair[0].market == pair[1].market && closing(pair[0]) && closing(pair[1]) {
            assert!(pair[0].stage < pair[1].stage, "book, fund, then the other side: {pair:?}");
        }
        if same && pair[1].stage == stage::BOOK {
            assert!(pair[0].stage <= stage::BOOK, "the book comes first: {pair:?}");
        }
    }
}

/// Deleveraged positions of one step, which ends with its record.
fn check_19(taken: &[Deleveraged], record: &Record, before: &Kernel) {
    let long = record.lots > 0;
    let order = before.adl_order(record.market as usize, !long);
    let place = |number: u32| order.iter().position(|ranked| ranked.number == number);
    let total: i64 = taken.iter().map(|adl| adl.lots.abs()).sum();
    assert_eq!(total, record.lots.abs(), "what is taken is what is closed");
    for adl in taken {
        assert!((adl.lots > 0) != long, "only the other side");
        assert!(adl.taken <= adl.needed, "never more than needed");
        assert_eq!((adl.price, adl.number, adl.market), (record.price, record.number, record.market));
        // Who only came to a position as a maker of this very run is not in the order from before it.
        assert!(place(adl.account).is_some() || [MAKER, SIBLING].contains(&adl.account));
    }
    assert!(taken.iter().all(|adl| adl.value.signum() * adl.lots.signum() >= 0 || adl.price <= 0));
}

fn play(crash: &Crash) {
    let mut group = crash.set_up();
    for (second, mark, wait_ms) in &crash.moves {
        let market = if *second { SECOND } else { PERP };
        group.kernel.on_mark(market as usize, *mark);
        let sum = everything(&group);
        let before = Kernel::restore(&group.kernel.snapshot()).expect("a sound group");
        group.now_ms += wait_ms;
        group.tick();
        assert_eq!(everything(&group), sum, "at one mark nobody gains what another does not lose");
        assert!(group.reserved()[2] >= 0, "invariant 18: the fund is never below zero");
        let bodies = told(&group);
        let records: Vec<&Record> = bodies
            .iter()
            .filter_map(|body| if let Body::Liquidation(record) = body { Some(record) } else { None })
            .collect();
        records.iter().for_each(|record| check_16(record));
        records.iter().for_each(|record| check_17(record));
        check_18(&records);
        let mut taken: Vec<Deleveraged> = Vec::new();
        for body in &bodies {
            match body {
                Body::Adl(adl) => taken.push(*adl),
                Body::Liquidation(record) if record.stage == stage::ADL => {
                    check_19(&std::mem::take(&mut taken), record, &before);
                }
                _ => {}
            }
        }
        let flips = group.kernel.markets.iter().zip(&before.markets);
        for (now, was) in
            flips.flat_map(|(now, was)| now.contract.positions.iter().zip(&was.contract.positions))
        {
            let traded = [MAKER, SIBLING, LIQUIDATOR].map(|number| group.kernel.funds.account_slot(number));
            if !traded.contains(&Some(now.account)) {
                assert!(now.lots.abs() <= was.lots.abs() && now.lots * was.lots >= 0, "never past zero");
            }
        }
    }
}

/// The crash during a hold, a command after every move, and the same crash where nothing was held and no command came in
/// between: nothing is told during the hold, and when it has lapsed both are equal to the last byte.
fn play_held(crash: &Crash) {
    let (mut held, mut free) = (crash.set_up(), crash.set_up());
    let until_ms = held.now_ms + crash.moves.iter().map(|step| step.2).sum::<u64>() + 1;
    held.ok(|out| encode::hold_liquidations(out, until_ms));
    free.tick();
    let before = (held.kernel.liquidation.records, held.kernel.liquidation.tallies);
    for (second, mark, wait_ms) in &crash.moves {
        held.kernel.on_mark(if *second { SECOND } else { PERP } as usize, *mark);
        held.now_ms += wait_ms;
        held.tick();
        free.tick();
        assert!(told(&held).is_empty(), "nobody is liquidated during a hold");
        assert_eq!((held.kernel.liquidation.records, held.kernel.liquidation.tallies), before);
        let restored = Kernel::restore(&held.kernel.snapshot()).expect("a sound group");
        assert_eq!(restored.liquidation.hold_ms, until_ms);
    }
    for (second, mark, _) in &crash.moves {
        free.kernel.on_mark(if *second { SECOND } else { PERP } as usize, *mark);
    }
    held.now_ms = until_ms;
    free.now_ms = until_ms;
    held.tick();
    free.tick();
    assert_eq!(held.kernel.output().events, free.kernel.output().events);
    assert_eq!(held.kernel.state_root(), free.kernel.state_root(), "as if it never was");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariants_16_to_19_on_random_crashes(crash in crashes()) {
        play(&crash);
    }

    #[test]
    fn a_hold_holds_and_leaves_nothing_behind(crash in crashes()) {
        play_held(&crash);
    }
}

/// The order of a lone deleveraging is the one computed by hand: profit on entry times leverage, then the number.
#[test]
fn invariant_19_the_order_is_total() {
    let crash = Crash {
        accounts: vec![
            (60, [50, 0], false),
            (300, [-10, 0], false),
            (100, [-10, 0], false),
            (100, [-10, 0], false),
            (200, [-10, 0], true),
        ],
        book: Vec::new(),
        fund: 0,
        cap: 0,
        slice: i64::MAX,
        fee_ppm: 0,
        moves: Vec::new(),
    };
    let group = crash.set_up();
    let order: Vec<u32> =
        group.kernel.adl_order(PERP as usize, false).iter().map(|ranked| ranked.number).collect();
    // At 1,000 nobody has a profit: only the numbers decide.
    assert_eq!(order, [MAKER, 101, 102, 103, 104]);
    let mut group = group;
    group.kernel.on_mark(PERP as usize, 950);
    let order: Vec<u32> =
        group.kernel.adl_order(PERP as usize, false).iter().map(|ranked| ranked.number).collect();
    // The isolated one has 10,000 behind 95,000: the highest leverage; then the two of 100,000 by number, then 300,000.
    assert_eq!(order, [104, 102, 103, 101, MAKER]);
    for (at, number) in order.iter().enumerate() {
        let slot = group.kernel.funds.account_slot(*number).expect("open");
        assert_eq!(group.kernel.adl_place(PERP as usize, slot), Some((at + 1, 5)));
    }
    let answer = group.kernel.query(br#"{"q":"deleveraging","account":102}"#);
    let answer: serde_json::Value = serde_json::from_slice(&answer).expect("an object");
    assert_eq!(answer["queue"], serde_json::json!([{"market": PERP, "place": 2, "count": 5}]));
}
