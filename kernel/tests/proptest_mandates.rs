//! Mandates, builder fees, referrals and capacity on random streams: what a key may not do never happens, and every unit
//! of a fee is with somebody (invariant 23).

use exchange_kernel::bills::BILL_COLUMNS;
use exchange_kernel::encode::{self, Head, Listing, MandateTerms, PlaceOrder, Target};
use exchange_kernel::events::{read_all, Body};
use exchange_kernel::wire::{kind, IOC, MARKET};
use exchange_kernel::{Ack, Kernel, Parameters};
use proptest::prelude::*;
use serde_json::Value;

const SPOT: u32 = 0;
const PERP: u32 = 1;
const USD: u32 = 2;
const TRADERS: [u32; 3] = [16, 17, 18];
const BUILDER: u32 = 19;
const REFERRER: u32 = 20;
const START_MS: u64 = 1_700_000_000_000;
/// The keys: 0 is the owner; 1 is bounded in value, 2 in rate and market, 3 in what it may lose.
const ORDER_BOUND: i64 = 60_000;
const POSITION_BOUND: i64 = 150_000;
const RATE: u32 = 2;
const CAPACITY: i64 = 400_000;

#[derive(Clone, Debug)]
enum Step {
    Place { who: usize, key: u32, market: u32, sell: bool, price: i64, lots: i64, ioc: bool, builder: u32 },
    Cancel { who: usize, key: u32, back: u64 },
    Amend { who: usize, key: u32, back: u64, price: i64, lots: i64 },
    Wait { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let place = (0..3usize, 0..4u32, 0..2u32, any::<bool>(), 95..106i64, 1..9i64, any::<bool>(), 0..4u32)
        .prop_map(|(who, key, market, sell, price, lots, ioc, builder)| {
            let builder = if builder == 3 { encode::code_of(BUILDER, 300).unwrap() } else { 0 };
            Step::Place { who, key, market, sell, price: price * 10, lots, ioc, builder }
        });
    let amend = (0..3usize, 0..4u32, 0..12u64, 95..106i64, 0..12i64)
        .prop_map(|(who, key, back, price, lots)| Step::Amend { who, key, back, price: price * 10, lots });
    prop_oneof![
        8 => place,
        1 => (0..3usize, 0..4u32, 0..12u64).prop_map(|(who, key, back)| Step::Cancel { who, key, back }),
        1 => amend,
        1 => (0..1_500u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

struct World {
    kernel: Kernel,
    now_ms: u64,
    last_order: u64,
}

impl World {
    fn send(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Ack {
        let mut frame = Vec::new();
        write(&mut frame);
        self.kernel.apply(&frame, self.now_ms);
        self.kernel.check_invariants().expect("every command leaves a sound group");
        Ack::read(&self.kernel.output().acks)
    }

    fn ok(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        assert_eq!(self.send(write).code, 0);
    }

    fn ask(&self, question: Value) -> Value {
        serde_json::from_slice(&self.kernel.query(question.to_string().as_bytes())).expect("JSON")
    }

    /// Units of venue, protocol and dust together in USD.
    fn house(&self) -> i64 {
        let answer = self.ask(serde_json::json!({"q": "assets"}));
        let usd = answer["assets"].as_array().unwrap().iter().find(|asset| asset["asset"] == USD).unwrap();
        ["venue_fees", "protocol_fees", "dust"].iter().map(|name| usd[name].as_i64().unwrap()).sum()
    }

    fn new() -> World {
        let mut world = World { kernel: Kernel::new(1), now_ms: START_MS, last_order: 0 };
        world.ok(|out| encode::add_asset(out, 1, 8, b"BTC"));
        world.ok(|out| encode::add_asset(out, USD, 6, b"USD"));
        let parameters = Parameters {
            reference: 1_000,
            min_lots: 1,
            max_lots: 1_000,
            min_notional: 0,
            maker_ppm: -333,
            taker_ppm: 777,
            protocol_share_ppm: 123_457,
            band_ppm: 500_000,
            slippage_ppm: 100_000,
            max_levels: 100,
            max_matches: 50,
        };
        for (market, kind, base, symbol) in
            [(SPOT, 0, 1, &b"BTC-USD"[..]), (PERP, 1, u32::MAX, b"BTC-USD-SWAP")]
        {
            let listing =
                Listing { kind, base, quote: USD, lot_size: 1, tick_quote: 10, payout_ticks: 0, symbol };
            world.ok(|out| encode::add_market(out, market, &listing, &parameters));
            world.ok(|out| encode::set_phase(out, market, 2));
        }
        for (at, account) in [16, 17, 18, BUILDER, REFERRER].into_iter().enumerate() {
            world.ok(|out| encode::account(out, kind::OPEN_ACCOUNT, account, u64::from(account), 0, 0));
            for (asset, amount) in [(1, 1_000), (USD, 1_000_000)] {
                let id = at as u64 * 2 + u64::from(asset);
                world
                    .ok(|out| encode::transfer(out, kind::DEPOSIT, account, asset, amount, id + 1, START_MS));
            }
        }
        world.ok(|out| encode::set_fee_split(out, 333_331, 2_550));
        world.ok(|out| encode::set_capacity(out, CAPACITY));
        for account in TRADERS {
            let terms = MandateTerms { rights: 7, ..MandateTerms::default() };
            let keys = [
                MandateTerms {
                    key: 1,
                    order_notional: ORDER_BOUND,
                    position_notional: POSITION_BOUND,
                    ..terms
                },
                MandateTerms { key: 2, rate: RATE, markets: &[PERP], ..terms },
                MandateTerms { key: 3, daily_loss: 500, ..terms },
            ];
            for terms in keys {
                world.ok(|out| encode::set_mandate(out, account, &terms));
            }
            world.ok(|out| encode::approve_builder(out, account, BUILDER, 300));
            world.ok(|out| encode::set_referrer(out, account, REFERRER));
        }
        world
    }

    fn play(&mut self, step: &Step) -> Ack {
        let id = |back: &u64, last: u64| Target {
            order_id: last.saturating_sub(*back).max(1),
            ..Target::default()
        };
        let last = self.last_order;
        match step {
            Step::Place { who, key, market, sell, price, lots, ioc, builder } => {
                let order = PlaceOrder {
                    sell: *sell,
                    price_ticks: if *ioc { 0 } else { *price },
                    size_lots: *lots,
                    order_type: if *ioc { MARKET } else { 0 },
                    tif: if *ioc { IOC } else { 0 },
                    builder: *builder,
                    ..PlaceOrder::default()
                };
                let head = Head { account: TRADERS[*who], market: *market, key: *key };
                let ack = self.send(|out| encode::place(out, head, &order));
                self.last_order = self.last_order.max(ack.order_id);
                ack
            }
            Step::Cancel { who, key, back } => {
                let head = Head { account: TRADERS[*who], market: u32::MAX, key: *key };
                self.send(|out| encode::cancel(out, head, &id(back, last)))
            }
            Step::Amend { who, key, back, price, lots } => {
                let head = Head { account: TRADERS[*who], market: u32::MAX, key: *key };
                self.send(|out| encode::amend(out, head, &id(back, last), *price, *lots, false))
            }
            Step::Wait { ms } => {
                self.now_ms += ms;
                self.send(encode::tick)
            }
        }
    }

    /// What the bills of the last command paid to builders and referrers.
    fn shared(&self) -> i64 {
        let bills = &self.kernel.output().bills;
        let amount = BILL_COLUMNS.iter().position(|(name, _)| *name == "amount").unwrap();
        let kind = BILL_COLUMNS.iter().position(|(name, _)| *name == "kind").unwrap();
        let (mut rest, mut sum) = (bills.rows.as_slice(), 0);
        while !rest.is_empty() {
            rest = &rest[2..];
            let mut values = Vec::new();
            for _ in BILL_COLUMNS {
                let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
                let wide = rest[4..4 + length].iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
                values.push(wide as i64);
                rest = &rest[4 + length..];
            }
            if [6, 7].contains(&values[kind]) {
                sum += values[amount];
            }
        }
        sum
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn invariant_23_every_unit_of_a_shared_fee_is_with_somebody(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            let before = world.house();
            world.play(step);
            let fees: i64 = read_all(&world.kernel.output().events).iter().map(|event| match &event.body {
                Body::Fill(_, fill) => fill.fee,
                _ => 0,
            }).sum();
            prop_assert_eq!(world.house() - before + world.shared(), fees, "{:?}", step);
        }
    }

    #[test]
    fn invariant_33_a_key_never_does_what_its_mandate_forbids(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        let mut second = (0, [0u32; 3]);
        for step in &steps {
            let ack = world.play(step);
            if second.0 != world.now_ms / 1_000 {
                second = (world.now_ms / 1_000, [0; 3]);
            }
            let Step::Place { who, key, market, price, lots, ioc, .. } = step else { continue };
            if ack.code != 0 {
                continue;
            }
            if *key == 1 && !ioc {
                prop_assert!(price * lots * 10 <= ORDER_BOUND);
            }
            if *key == 2 {
                second.1[*who] += 1;
                prop_assert!(*market == PERP && second.1[*who] <= RATE);
            }
        }
    }

    #[test]
    fn invariant_12_new_risk_never_passes_the_capacity(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            let before = world.ask(serde_json::json!({"q": "capacity"}))["open_interest"].as_i64().unwrap();
            world.play(step);
            let after = world.ask(serde_json::json!({"q": "capacity"}))["open_interest"].as_i64().unwrap();
            prop_assert!(after <= before || after <= CAPACITY, "{before} -> {after}");
        }
    }

    #[test]
    fn invariant_27_mandates_are_the_same_after_a_snapshot(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        let half = steps.len() / 2;
        for step in &steps[..half] {
            world.play(step);
        }
        let mut other = World {
            kernel: Kernel::restore(&world.kernel.snapshot()).expect("a whole snapshot"),
            now_ms: world.now_ms,
            last_order: world.last_order,
        };
        for step in &steps[half..] {
            prop_assert_eq!(world.play(step), other.play(step));
        }
        prop_assert_eq!(world.kernel.state_root(), other.kernel.state_root());
    }
}
