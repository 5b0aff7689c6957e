//! A group with one event, random commands on it, and a ledger that is kept beside the kernel.

use std::collections::{BTreeMap, BTreeSet};

use exchange_kernel::encode::{self, Head, Listing, NewEvent, PlaceOrder, Target};
use exchange_kernel::events::{read_all, Body, Event};
use exchange_kernel::wire::{kind, ALL_MARKETS, FOK, GTD, IOC, MARKET};
use exchange_kernel::{Ack, Kernel, Parameters};

const USD: u32 = 1;
const BTC: u32 = 2;
const ONE: i64 = 100;
/// Odd, so that fees have something to round.
const TICK: i64 = 7;
const UNIT: i64 = ONE * TICK;
const PURSE: i64 = 40 * UNIT + 3;
const START_MS: u64 = 1_700_000_000_000;
const ACCOUNTS: [u32; 5] = [16, 17, 18, 19, 20];
const NO_FALLBACK: u16 = u16::MAX;

pub struct World {
    kernel: Kernel,
    now_ms: u64,
    one_book: bool,
    fallback: u16,
    /// Outcome markets; market 0 is spot.
    books: u32,
    transfers: u64,
    orders: Vec<(u64, u32, u32)>,
    cash: BTreeMap<u32, i64>,
    lots: BTreeMap<(u32, u32), i64>,
    /// Complete sets held by all accounts together, beyond what they owe each other.
    sets: i64,
    trading: bool,
    paid: BTreeSet<(u32, u32)>,
    payouts: Vec<i64>,
    /// Fills of outcomes seen so far.
    pub fills: u64,
}

fn parameters(maker_ppm: i32, taker_ppm: i32) -> Parameters {
    Parameters {
        reference: 50,
        min_lots: 1,
        max_lots: 1_000,
        min_notional: 0,
        maker_ppm,
        taker_ppm,
        protocol_share_ppm: 300_000,
        band_ppm: 0,
        slippage_ppm: 200_000,
        max_levels: 50,
        max_matches: 20,
    }
}

fn head(account: u32, market: u32) -> Head {
    Head { account, market, key: 0 }
}

impl World {
    /// `shape`: number of outcomes, one book, scalar, fallback, fees.
    pub fn new(shape: [u8; 6]) -> World {
        let one_book = shape[1] % 4 == 0;
        let outcomes = if one_book { 2 } else { 2 + u32::from(shape[0]) % 5 };
        let books = if one_book { 1 } else { outcomes };
        let fallback =
            if one_book || shape[2] % 3 == 0 { NO_FALLBACK } else { u16::from(shape[3]) % outcomes as u16 };
        let mut world = World {
            kernel: Kernel::new(3),
            now_ms: START_MS,
            one_book,
            fallback,
            books,
            transfers: 0,
            orders: Vec::new(),
            cash: BTreeMap::new(),
            lots: BTreeMap::new(),
            sets: 0,
            trading: true,
            paid: BTreeSet::new(),
            payouts: vec![0; outcomes as usize],
            fills: 0,
        };
        let (maker, taker) = [(0, 0), (-1_000, 5_000), (2_000, 20_000), (0, 70_000)][shape[4] as usize % 4];
        let flags = u8::from(one_book) | if one_book { shape[5] & 2 } else { 0 };
        world.must(|out| encode::add_asset(out, USD, 6, b"USD"));
        world.must(|out| encode::add_asset(out, BTC, 8, b"BTC"));
        let spot = Listing {
            kind: 0,
            base: BTC,
            quote: USD,
            lot_size: 3,
            tick_quote: 5,
            symbol: b"S",
            payout_ticks: 0,
        };
        world.must(|out| encode::add_market(out, 0, &spot, &parameters(maker, taker)));
        for market in 1..=books {
            world.list(market, maker, taker);
        }
        let event =
            NewEvent { event: 0, first_market: 1, outcomes: outcomes as u16, fallback, flags, close_ms: 0 };
        world.must(|out| encode::add_event(out, &event));
        for market in 0..=books {
            world.must(|out| encode::set_phase(out, market, 2));
        }
        for account in ACCOUNTS {
            world.must(|out| encode::account(out, kind::OPEN_ACCOUNT, account, u64::from(account / 2), 0, 0));
            world.transfer(kind::DEPOSIT, account, USD, PURSE);
            world.transfer(kind::DEPOSIT, account, BTC, 300);
            world.cash.insert(account, PURSE);
        }
        world
    }

    fn list(&mut self, market: u32, maker: i32, taker: i32) {
        let listing = Listing {
            kind: 2,
            base: u32::MAX,
            quote: USD,
            lot_size: 1,
            tick_quote: TICK,
            payout_ticks: ONE as u32,
            symbol: b"O",
        };
        self.must(|out| encode::add_market(out, market, &listing, &parameters(maker, taker)));
    }

    fn transfer(&mut self, kind: u8, account: u32, asset: u32, amount: i64) {
        self.transfers += 1;
        let (id, now_ms) = (self.transfers, self.now_ms);
        self.must(|out| encode::transfer(out, kind, account, asset, amount, id, now_ms));
    }

    fn must(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let ack = self.send(write);
        assert_eq!(ack.code, 0, "refused");
    }

    /// Apply one command, audit the kernel, take its fills and settlements over, and check the invariants.
    fn send(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Ack {
        let mut frame = Vec::new();
        write(&mut frame);
        self.kernel.apply(&frame, self.now_ms);
        self.kernel.check_invariants().expect("every command leaves a sound group");
        let ack = Ack::read(&self.kernel.output().acks);
        for event in read_all(&self.kernel.output().events) {
            self.note(&event);
        }
        self.check();
        ack
    }

    fn note(&mut self, event: &Event) {
        match &event.body {
            Body::Fill(order, fill) => {
                let bought = order.flags & 1 == 0;
                let paid = if bought { fill.notional } else { -fill.notional };
                *self.cash.entry(event.account).or_default() -= paid + fill.fee;
                if order.market == 0 {
                    return;
                }
                self.fills += 1;
                assert!(self.trading, "no trade after the close");
                assert!((1..ONE).contains(&fill.price_ticks), "prices lie within a tick of nothing and one");
                let lots = if bought { fill.size_lots } else { -fill.size_lots };
                *self.lots.entry((event.account, order.market)).or_default() += lots;
            }
            Body::Settlement(paid) => {
                let key = (event.account, paid.market);
                assert!(self.paid.insert(key), "each position is redeemed once");
                let lots = self.lots.remove(&key).unwrap_or_default();
                let due = lots * self.payouts[paid.market as usize - 1] * TICK;
                assert_eq!(
                    (paid.size_lots, paid.amount),
                    (lots, due),
                    "account {} in {}",
                    event.account,
                    paid.market
                );
                *self.cash.entry(event.account).or_default() += due;
            }
            _ => {}
        }
    }

    fn held(&self, account: u32, market: u32) -> i64 {
        self.lots.get(&(account, market)).copied().unwrap_or_default()
    }

    /// Contracts of each outcome sum to the sets outstanding; nobody owes more at worst than he has in cash.
    fn check(&self) {
        if !self.trading {
            return;
        }
        for market in 1..=self.books {
            let sum: i64 = ACCOUNTS.iter().map(|account| self.held(*account, market)).sum();
            assert_eq!(sum, self.sets, "contracts of market {market}");
        }
        for account in ACCOUNTS {
            let worst = (1..=self.books).map(|market| self.held(account, market)).min().unwrap_or(0);
            let worst = if self.one_book { worst.min(0) } else { worst };
            let cash = self.cash.get(&account).copied().unwrap_or_default();
            assert!(cash + worst * UNIT >= 0, "account {account} has {cash} and may owe {}", -worst * UNIT);
        }
    }

    /// One random command.
    pub fn play(&mut self, gene: &[u16; 8]) {
        let account = ACCOUNTS[gene[1] as usize % ACCOUNTS.len()];
        let market = 1 + u32::from(gene[2]) % self.books;
        match gene[0] % 20 {
            0..=9 => self.place(account, market, gene),
            10 => self.change(gene, |out, head, target, gene| {
                let (price, size) = (i64::from(gene[4]) % 102, i64::from(gene[5]) % 14);
                let write = if gene[6] % 3 == 0 { encode::amend_no } else { encode::amend };
                write(out, head, target, price, size, gene[7] % 4 == 0);
            }),
            11 => self.change(gene, |out, head, target, _| encode::cancel(out, head, target)),
            12 | 13 => self.change_sets(account, 1 + i64::from(gene[5]) % 6, gene[0] % 20 == 12),
            14 => {
                let all = if gene[3] % 2 == 0 { ALL_MARKETS } else { market };
                self.must(|out| encode::mass_cancel(out, head(account, all), (gene[4] % 3) as u8));
            }
            15 => {
                let (maker, taker) = [(0, 0), (-500, 1_000), (3_000, 50_000)][gene[5] as usize % 3];
                self.must(|out| encode::set_market_params(out, market, &parameters(maker, taker)));
            }
            16 if gene[3] % 8 == 0 => self.add_late(),
            17 => self.restore(),
            18 => {
                let order = PlaceOrder {
                    sell: gene[3] % 2 == 0,
                    price_ticks: 1 + i64::from(gene[4]) % 9,
                    size_lots: 1 + i64::from(gene[5]) % 40,
                    ..PlaceOrder::default()
                };
                self.send(|out| encode::place(out, head(account, 0), &order));
            }
            _ => {
                self.now_ms += u64::from(gene[5]);
                self.must(encode::tick);
            }
        }
    }

    fn place(&mut self, account: u32, market: u32, gene: &[u16; 8]) {
        let mut order = PlaceOrder {
            sell: gene[3] & 1 != 0,
            no: gene[3] & 6 == 0,
            price_ticks: 1 + i64::from(gene[4]) % 101,
            size_lots: 1 + i64::from(gene[5]) % 14,
            stp: (gene[7] % 3) as u8,
            ..PlaceOrder::default()
        };
        match gene[6] % 10 {
            0 => order.tif = IOC,
            1 => order.tif = FOK,
            2 => (order.tif, order.expires_ms) = (GTD, self.now_ms + 1 + u64::from(gene[7])),
            3 => order.post_only = true,
            4 | 5 => order.reduce_only = true,
            6 => (order.order_type, order.tif, order.price_ticks) = (MARKET, IOC, 0),
            _ => {}
        }
        let ack = self.send(|out| encode::place(out, head(account, market), &order));
        if ack.state == 1 {
            self.orders.push((ack.order_id, account, market));
        }
    }

    fn change(&mut self, gene: &[u16; 8], write: impl FnOnce(&mut Vec<u8>, Head, &Target, &[u16; 8])) {
        if self.orders.is_empty() {
            return;
        }
        let (order_id, account, market) = self.orders[gene[3] as usize % self.orders.len()];
        let target = Target { order_id, ..Target::default() };
        self.send(|out| write(out, head(account, market), &target, gene));
    }

    fn change_sets(&mut self, account: u32, lots: i64, split: bool) {
        // Both sides of the check below move with the command, so the ledger moves first and back if it is refused.
        let signed = if split { lots } else { -lots };
        self.move_sets(account, signed);
        let (before, kind) = (self.sets, if split { kind::SPLIT } else { kind::MERGE });
        let mut frame = Vec::new();
        encode::sets(&mut frame, kind, head(account, ALL_MARKETS), 0, lots);
        self.kernel.apply(&frame, self.now_ms);
        self.kernel.check_invariants().expect("every command leaves a sound group");
        if Ack::read(&self.kernel.output().acks).code != 0 {
            self.move_sets(account, -signed);
            assert_eq!(self.sets, before - signed);
        }
        for event in read_all(&self.kernel.output().events) {
            self.note(&event);
        }
        self.check();
    }

    fn move_sets(&mut self, account: u32, lots: i64) {
        self.sets += lots;
        *self.cash.entry(account).or_default() -= lots * UNIT;
        for market in 1..=self.books {
            *self.lots.entry((account, market)).or_default() += lots;
        }
    }

    /// A late outcome comes out of the fallback: worked off at once, then open to trade.
    fn add_late(&mut self) {
        if self.fallback == NO_FALLBACK || self.books >= 12 {
            return;
        }
        let (market, fallback) = (self.books + 1, u32::from(self.fallback) + 1);
        self.list(market, 0, 10_000);
        self.must(|out| encode::add_outcome(out, market, 0));
        while self.kernel.next_timer_ms() == Some(0) {
            self.must(encode::tick);
        }
        for account in ACCOUNTS {
            let lots = self.held(account, fallback);
            self.lots.insert((account, market), lots);
        }
        self.books = market;
        self.payouts.push(0);
        self.must(|out| encode::set_phase(out, market, 2));
        self.must(|out| encode::set_phase(out, fallback, 2));
    }

    /// The group as a snapshot brings it back, instead of the one that made it.
    fn restore(&mut self) {
        let bytes = self.kernel.snapshot();
        let restored = Kernel::restore(&bytes).expect("a whole snapshot");
        assert_eq!(restored.snapshot(), bytes);
        self.kernel = restored;
    }

    /// Close, report wrongly, correct, pay, and withdraw everything.
    pub fn finish(&mut self, end: [u16; 4]) {
        if end[0] % 3 == 0 {
            self.must(|out| encode::close_event(out, 0, 0));
        }
        self.trading = false;
        let named = self.payouts.len() as u16;
        let (wrong, right) = (end[1] % named, end[2] % named);
        self.must(|out| encode::resolve_event(out, 0, &[(wrong, ONE as u32)], false));
        self.payouts[right as usize] = ONE;
        if end[3] % 4 == 0 {
            let other = (right + 1) % named;
            let part = 1 + i64::from(end[3]) % (ONE - 1);
            (self.payouts[right as usize], self.payouts[other as usize]) = (ONE - part, part);
        }
        if end[3] % 4 == 1 {
            self.payouts = self.void_payouts();
            self.must(|out| encode::void_event(out, 0, true));
        } else {
            let payouts = self.payouts.iter().enumerate().filter(|(_, ticks)| **ticks > 0);
            let payouts: Vec<(u16, u32)> = payouts.map(|(at, ticks)| (at as u16, *ticks as u32)).collect();
            self.must(|out| encode::resolve_event(out, 0, &payouts, true));
        }
        self.restore();
        while self.kernel.next_timer_ms() == Some(0) {
            self.must(encode::tick);
        }
        let left: Vec<_> = self.lots.iter().filter(|(_, lots)| **lots != 0).collect();
        assert!(left.is_empty(), "never paid: {left:?}");
        self.withdraw_all();
    }

    /// What a void would pay: the kernel proposes it, and is asked.
    fn void_payouts(&mut self) -> Vec<i64> {
        self.must(|out| encode::void_event(out, 0, false));
        let answer = self.ask(r#"{"q":"event","event":0}"#);
        let outcomes = answer["event"]["outcomes"].as_array().expect("outcomes").iter();
        let payouts: Vec<i64> = outcomes.map(|row| row["payout_ticks"].as_i64().expect("ticks")).collect();
        assert_eq!(payouts.iter().sum::<i64>(), ONE, "a void sums to one");
        payouts
    }

    fn ask(&self, question: &str) -> serde_json::Value {
        serde_json::from_slice(&self.kernel.query(question.as_bytes())).expect("an answer is JSON")
    }

    fn withdraw_all(&mut self) {
        for account in ACCOUNTS {
            self.must(|out| encode::mass_cancel(out, head(account, ALL_MARKETS), 2));
        }
        for account in [1, 2].into_iter().chain(ACCOUNTS) {
            let answer = self.ask(&format!(r#"{{"q":"account","account":{account}}}"#));
            for balance in answer["balances"].as_array().expect("balances") {
                let (asset, total) = (balance["asset"].as_u64(), balance["total"].as_i64().unwrap_or(-1));
                if let (Some(USD), Some(cash)) = (asset.map(|asset| asset as u32), self.cash.get(&account)) {
                    assert_eq!(total, *cash, "account {account} has what the ledger says");
                }
                if total != 0 {
                    self.transfer(kind::WITHDRAW, account, asset.expect("an asset") as u32, total);
                }
            }
        }
        let assets = self.ask(r#"{"q":"assets"}"#);
        for asset in assets["assets"].as_array().expect("assets") {
            assert_eq!(asset["total"], asset["dust"], "only dust is left");
        }
    }
}
