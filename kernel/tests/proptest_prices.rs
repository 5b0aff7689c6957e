//! Invariants 13 and 31 on random streams: prices that move on their rails, and funding that nets to zero.

use exchange_kernel::encode::{self, Head, Listing, Observed, PlaceOrder};
use exchange_kernel::prices::feed::MAX_SOURCES;
use exchange_kernel::prices::{
    mark_band, FundingRules, Grade, MarketPrices, Observation, PriceRules, Touch, EXTERNAL, INDEX,
};
use exchange_kernel::wire::kind;
use exchange_kernel::{Ack, Kernel, Parameters};
use proptest::prelude::*;

const START_MS: u64 = 1_700_000_000_000;
const HIGHEST: i64 = 1 << 40;
const DAY_MS: u64 = 86_400_000;

/// One observation and one look at a book: (source, external, price, age, time since the last, bid, spread, last).
type Gene = (u8, bool, i64, u64, u64, i64, i64, i64);

fn gene() -> impl Strategy<Value = Gene> {
    let price = prop_oneof![8 => 9_000i64..11_000, 2 => 1i64..200_000, 1 => any::<i64>()];
    let step = prop_oneof![6 => 0u64..4_000, 3 => 4_000u64..15_000, 1 => 0u64..DAY_MS];
    (0u8..6, any::<bool>(), price, 0u64..12_000, step, 8_000i64..12_000, 1i64..500, 0i64..12_000)
}

/// The index by the book: prices of the sources that are fresh now, sorted, middle.
fn median_of_fresh(prices: &MarketPrices, now_ms: u64) -> Option<i64> {
    let stale_ms = prices.feed.rules.stale_ms;
    let fresh = prices.feed.sources().iter().filter(|s| !s.external && s.is_fresh(now_ms, stale_ms));
    let mut sorted: Vec<i64> = fresh.map(|source| source.price).collect();
    sorted.sort_unstable();
    let (low, high) = (sorted.get((sorted.len().max(1) - 1) / 2)?, sorted.get(sorted.len() / 2)?);
    Some((low + high).div_euclid(2))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariant_31_index_and_mark_stay_on_their_rails(genes in prop::collection::vec(gene(), 1..150)) {
        let mut prices = MarketPrices::new();
        let rules = PriceRules::default();
        let mut now_ms = START_MS;
        let mut stepped_ms = 0;
        for (source, external, price, age, elapsed, bid, spread, last) in genes {
            now_ms += elapsed;
            let seen = Observation { source: u32::from(source), external, price, published_ms: now_ms - age };
            let before = prices.clone();
            let _ = prices.feed.observe(&seen, HIGHEST, now_ms);
            prop_assert!(prices.feed.sources().len() <= MAX_SOURCES);
            prop_assert_eq!(prices.feed.index, before.feed.index, "an observation alone moves nothing");
            if !prices.feed.update(now_ms) {
                prop_assert_eq!(prices.feed.index, before.feed.index);
                continue;
            }
            prop_assert!(stepped_ms == 0 || now_ms >= stepped_ms + u64::from(rules.interval_ms), "2.5 s apart");
            stepped_ms = now_ms;
            let touch = Touch { bid: Some(bid), ask: Some(bid + spread), last: (last > 0).then_some(last) };
            prices.step_mark(&touch, now_ms);
            let target = median_of_fresh(&prices, now_ms).expect("a step needs a fresh source");
            let (index, mark) = (prices.feed.index, prices.mark);
            let (low, high) = prices.feed.rails(now_ms);
            prop_assert!((low..=high).contains(&index), "{index} within the day's rails {low}..{high}");
            if before.feed.index != 0 {
                let step = (before.feed.index / 100).max(1);
                prop_assert!((index - before.feed.index).abs() <= step, "1 % at most");
                let reached = (target - before.feed.index).abs() <= step && (low..=high).contains(&target);
                prop_assert!(!reached || index == target, "the median, as soon as a step reaches it");
                let (mark_step, moved) = (MarketPrices::longest_step(before.mark, rules.step_ppm), mark - before.mark);
                prop_assert!(moved.abs() <= mark_step, "mark: 1 % and rounding");
            } else {
                prop_assert_eq!(index, target);
            }
            let (low, high) = mark_band(index, rules.band_ppm);
            prop_assert!((low..=high).contains(&mark), "{mark} within {low}..{high}");
            let grade = prices.grade(now_ms);
            let fresh = prices.feed.sources().iter().filter(|s| !s.external && s.is_fresh(now_ms, rules.stale_ms)).count();
            prop_assert!(grade != Grade::Valid || fresh >= 3, "the full grade takes three");
            prop_assert!(!grade.allows_liquidation() || (target - index).abs() * 10 <= index);
        }
    }
}

/// A group with nothing but a perpetual, five traders, and small impact orders.
struct Group {
    kernel: Kernel,
    now_ms: u64,
}

const USD: u32 = 1;
const TRADERS: u32 = 5;
const CASH: i64 = 10_000_000;

impl Group {
    /// List and open the perpetual.
    fn list(&mut self, tick_quote: i64) {
        self.ok(|out| encode::add_asset(out, USD, 6, b"USD"));
        let listing = Listing {
            kind: 1,
            base: u32::MAX,
            quote: USD,
            lot_size: 1,
            tick_quote,
            payout_ticks: 0,
            symbol: b"X",
        };
        let parameters = Parameters {
            reference: 10_000,
            min_lots: 1,
            max_lots: 1_000,
            band_ppm: 500_000,
            slippage_ppm: 500_000,
            max_levels: 1_000,
            max_matches: 100,
            min_notional: 0,
            maker_ppm: 0,
            taker_ppm: 0,
            protocol_share_ppm: 0,
        };
        self.ok(|out| encode::add_market(out, 0, &listing, &parameters));
        self.ok(|out| encode::set_phase(out, 0, 2));
    }

    fn new() -> Group {
        let mut group = Group { kernel: Kernel::new(1), now_ms: START_MS };
        group.list(3);
        let rules = FundingRules { impact_notional: 40_000, ..FundingRules::default() };
        group.ok(|out| encode::set_funding(out, 0, &rules));
        for account in 16..16 + TRADERS {
            group.ok(|out| encode::account(out, kind::OPEN_ACCOUNT, account, u64::from(account), 0, 0));
            group.ok(|out| {
                encode::transfer(out, kind::DEPOSIT, account, USD, CASH, u64::from(account), START_MS)
            });
        }
        group
    }

    fn send(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Ack {
        let mut frame = Vec::new();
        write(&mut frame);
        self.kernel.apply(&frame, self.now_ms);
        Ack::read(&self.kernel.output().acks)
    }

    fn ok(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        assert_eq!(self.send(write).code, 0);
    }

    fn limit(&mut self, account: u32, sell: bool, price_ticks: i64, size_lots: i64) {
        let order = PlaceOrder { sell, price_ticks, size_lots, ..PlaceOrder::default() };
        self.send(|out| encode::place(out, Head { account, market: 0, key: 0 }, &order));
    }

    fn tell(&mut self, price: i64, external: bool) {
        let published_ms = self.now_ms;
        let what = if external { EXTERNAL } else { INDEX };
        let seen = [1, 2, 3].map(|source| Observed { what, market: 0, source, price, published_ms });
        self.ok(|out| encode::observe_prices(out, &seen));
    }

    fn ask(&self, question: &str) -> serde_json::Value {
        serde_json::from_slice(&self.kernel.query(question.as_bytes())).expect("answers are JSON")
    }

    /// What the dust account has.
    fn dust(&self) -> i64 {
        self.ask("{\"q\":\"assets\"}")["assets"][0]["dust"].as_i64().expect("a number")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariant_13_funding_nets_to_zero(
        genes in prop::collection::vec((0u8..8, 0u32..TRADERS, any::<bool>(), 9_700i64..10_300, 1i64..40, 0u64..400_000), 1..120),
    ) {
        let mut group = Group::new();
        let genes_seen = genes.len() as i64;
        group.tell(10_000, false);
        for (what, trader, sell, price, lots, elapsed) in genes {
            group.now_ms += if what < 5 { elapsed % 3_000 } else { elapsed };
            match what {
                0..=4 => group.limit(16 + trader, sell, price, lots),
                5 => group.tell(price, sell),
                6 => group.tell(price, false),
                _ => group.ok(encode::tick),
            }
            group.kernel.check_invariants().map_err(TestCaseError::fail)?;
            let restored = Kernel::restore(&group.kernel.snapshot()).expect("a whole snapshot");
            prop_assert_eq!(restored.next_timer_ms(), group.kernel.next_timer_ms());
        }
        let hours = group.ask("{\"q\":\"funding\",\"market\":0}")["history"].as_array().map_or(0, Vec::len);
        let dust = group.dust();
        prop_assert!(dust >= 0 && dust <= genes_seen * 4, "less than a unit a settlement: {dust} after {hours} hours");
        group.kernel.check_invariants().map_err(TestCaseError::fail)?;
    }
}

/// A number at an edge of something, or any.
fn edge() -> impl Strategy<Value = u64> {
    let edges = [0, 1, 2, 1_000, 0xFFFF_FFFF, 1 << 50, (1 << 50) + 1, 1 << 62, i64::MAX as u64, u64::MAX];
    prop_oneof![4 => prop::sample::select(edges.to_vec()), 1 => any::<u64>(), 2 => Just(START_MS), 3 => 1u64..20_000]
}

/// A frame of a price command: mostly of the right length, filled with edges, for market 0 or any.
fn price_frame() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop::sample::select(vec![(80u8, 4usize), (80, 8), (86, 3), (91, 7), (91, 6)]);
    let words = prop::collection::vec(edge(), 8);
    (kinds, words, prop_oneof![5 => Just(0u32), 1 => any::<u32>()], 0u8..12, any::<bool>()).prop_map(
        |((kind, count), words, market, cut, tidy)| {
            let mut body: Vec<u8> = words[..count].iter().flat_map(|word| word.to_le_bytes()).collect();
            match kind {
                80 if tidy => (0..count / 4).for_each(|at| body[at * 32 + 4..at * 32 + 16].fill(0)),
                91 => body.truncate(52 - usize::from(cut == 0)),
                _ => {}
            }
            let mut frame = vec![0, 0, kind, 0, 0, 0, 0, 0];
            frame.extend_from_slice(&market.to_le_bytes());
            frame.extend_from_slice(&[0; 4]);
            frame.append(&mut body);
            let length = frame.len() as u16;
            frame[..2].copy_from_slice(&length.to_le_bytes());
            frame
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariant_29_price_commands_are_answered_whatever_they_say(
        tick_quote in prop::sample::select(vec![1i64, 3, 1 << 20, 1 << 50]),
        steps in prop::collection::vec((price_frame(), edge()), 1..60),
    ) {
        let mut group = Group { kernel: Kernel::new(1), now_ms: START_MS };
        group.list(tick_quote);
        for (frame, elapsed) in steps {
            group.now_ms = group.now_ms.saturating_add(elapsed % (40 * DAY_MS));
            group.kernel.apply(&frame, group.now_ms);
            group.kernel.check_invariants().map_err(TestCaseError::fail)?;
            for question in [r#"{"q":"prices"}"#, r#"{"q":"funding","market":0}"#] {
                prop_assert!(group.ask(question).get("error").is_none());
            }
        }
        let restored = Kernel::restore(&group.kernel.snapshot()).expect("a whole snapshot");
        prop_assert_eq!(restored.state_root(), group.kernel.state_root());
    }
}
