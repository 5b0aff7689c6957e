//! The kernel and the reference side by side: every batch goes to both, and both must say the same.

use std::collections::BTreeMap;

use exchange_kernel::Kernel;

use super::model::{Decision, Model, Trade, FIRST_USER};
use super::script::{self, Dice, Genes, Known};
use super::wire::{self, Ack, Event, What};

/// All that one batch of the kernel handed out, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub acks: Vec<Ack>,
    /// Order and fill events.
    pub events: Vec<Event>,
    pub balances: BTreeMap<(u32, u32), (i64, i64)>,
    pub trades: Vec<(u32, Trade)>,
    pub transfers: Vec<Decision>,
}

/// Apply a batch to a kernel and decode what it says.
pub fn apply(kernel: &mut Kernel, bytes: &[u8], now: u64) -> Seen {
    let applied = kernel.apply(bytes, now);
    let out = kernel.output();
    let mut seen = Seen { acks: wire::read_acks(&out.acks), ..Seen::default() };
    assert_eq!(applied.last_sequence + 1 - applied.first_sequence, seen.acks.len() as u64, "a sequence per command");
    assert_eq!(applied.rejected, seen.acks.iter().filter(|ack| ack.code != 0).count() as u64);
    for event in wire::read_events(&out.events) {
        match event.what {
            What::Balance { asset, total, held } => {
                let before = seen.balances.insert((event.account, asset), (total, held));
                assert_eq!(before, None, "one balance event for each balance of a batch");
            }
            _ => {
                assert!(seen.balances.is_empty(), "balance events come last");
                seen.events.push(event);
            }
        }
    }
    let trade = |t: &exchange_kernel::Trade| Trade {
        id: t.trade_id,
        price: t.price,
        lots: t.lots,
        taker_side: t.taker_side,
        time: t.time_ms,
    };
    seen.trades = out.trades.iter().map(|(market, t)| (*market, trade(t))).collect();
    let decision = |t: &exchange_kernel::Transfer| Decision {
        id: t.transfer_id,
        account: t.account,
        asset: t.asset,
        amount: t.amount,
        code: t.code,
    };
    seen.transfers = out.transfers.iter().map(decision).collect();
    assert_eq!(applied.trades, seen.trades.len() as u64);
    seen
}

/// Kernel and reference in step.
pub struct Pair {
    pub kernel: Kernel,
    pub model: Model,
    /// Balances as last reported.
    pub reported: BTreeMap<(u32, u32), (i64, i64)>,
}

impl Pair {
    pub fn new() -> Pair {
        Pair { kernel: Kernel::new(9), model: Model::new(), reported: BTreeMap::new() }
    }

    /// Apply a batch to both; panics with the first difference.
    pub fn apply(&mut self, bytes: &[u8], now: u64) -> Seen {
        let seen = apply(&mut self.kernel, bytes, now);
        let expected = self.model.apply(bytes, now);
        assert_eq!(seen.acks, expected.acks, "acks: kernel left, reference right");
        assert_eq!(seen.events, expected.events, "events: kernel left, reference right");
        assert_eq!(seen.trades, expected.trades, "trades: kernel left, reference right");
        assert_eq!(seen.transfers, expected.transfers, "transfers: kernel left, reference right");
        assert_eq!(self.kernel.sequence(), self.model.sequence, "sequence");
        assert_eq!(self.kernel.now_ms(), self.model.now, "time");
        self.compare_balances(&seen);
        seen
    }

    /// Each balance that differs from its last report is reported, and each report is the balance.
    fn compare_balances(&mut self, seen: &Seen) {
        self.reported.extend(seen.balances.clone());
        let mut balances: BTreeMap<(u32, u32), (i128, i128)> = BTreeMap::new();
        for (key, total) in self.model.totals.iter().filter(|(key, _)| key.0 >= FIRST_USER) {
            balances.insert(*key, (*total, 0));
        }
        for order in &self.model.orders {
            let (asset, amount) = self.model.order_hold(order);
            balances.entry((order.account, asset)).or_default().1 += amount;
        }
        for (key, (total, held)) in balances {
            let reported = self.reported.get(&key).copied().unwrap_or_default();
            assert_eq!((i128::from(reported.0), i128::from(reported.1)), (total, held), "(total, held) of {key:?}");
        }
    }

    /// Compare what is not in outputs: books, totals, fees; and let the kernel audit itself.
    pub fn compare_state(&self) {
        for number in 0..self.model.markets.len() as u32 {
            let (bids, asks) = self.kernel.book(number, usize::MAX).expect("the kernel has every market");
            assert_eq!(bids, self.model.levels(number, false), "bids of market {number}");
            assert_eq!(asks, self.model.levels(number, true), "asks of market {number}");
        }
        let totals: BTreeMap<u32, i128> =
            self.kernel.totals().into_iter().map(|(asset, total)| (asset, i128::from(total))).collect();
        assert_eq!(totals, self.model.assets, "totals by asset");
        for asset in query(&self.kernel, r#"{"q":"assets"}"#)["assets"].as_array().expect("a list of assets") {
            let id = asset["asset"].as_u64().unwrap() as u32;
            for (name, account) in [("venue_fees", 1), ("protocol_fees", 2), ("insurance", 3), ("dust", 4)] {
                let amount = asset[name].as_i64().unwrap();
                assert_eq!(i128::from(amount), self.model.total(account, id), "{name} of asset {id}");
            }
        }
        self.compare_timer();
        self.kernel.check_invariants().unwrap_or_else(|broken| panic!("audit: {broken}"));
    }

    fn compare_timer(&self) {
        let switches = self.model.accounts.values().map(|a| a.cancel_at).filter(|at| *at != 0);
        let expiries = self.model.orders.iter().map(|o| o.expires).filter(|at| *at != 0);
        let settling = self.model.settling.first().map(|_| 0);
        let next = switches.chain(expiries).chain(settling).min();
        assert_eq!(self.kernel.next_timer_ms(), next, "when the next timer is due");
    }
}

/// Ask the kernel and parse the answer.
pub fn query(kernel: &Kernel, request: &str) -> serde_json::Value {
    serde_json::from_slice(&kernel.query(request.as_bytes())).expect("answers are JSON")
}

/// A script being carried out: it knows the orders that acks named.
pub struct Run {
    pub pair: Pair,
    pub known: Known,
    batch: Vec<u8>,
    places: Vec<Option<(u32, u32)>>,
    pub history: Vec<(Vec<u8>, u64)>,
}

impl Run {
    /// Both sides set up as `script::opening` says.
    pub fn new(seed: u64) -> Run {
        let mut run = Run {
            pair: Pair::new(),
            known: Known::new(),
            batch: Vec::new(),
            places: Vec::new(),
            history: Vec::new(),
        };
        for frame in script::opening(seed) {
            run.push(frame);
        }
        run.flush(script::START_MS);
        run
    }

    fn push(&mut self, frame: Vec<u8>) {
        let number = |at: usize| u32::from_le_bytes(frame[at..at + 4].try_into().unwrap());
        self.places.push((frame[2] == wire::PLACE).then(|| (number(4), number(8))));
        self.batch.extend(frame);
    }

    fn flush(&mut self, now: u64) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        let seen = self.pair.apply(&batch, now);
        for (place, ack) in self.places.drain(..).zip(&seen.acks) {
            if let (Some((account, market)), 0, false) = (place, ack.code, ack.order_id == 0) {
                self.known.orders.push((account, market, ack.order_id));
            }
        }
        self.known.now = self.pair.model.now;
        self.history.push((batch, now));
    }

    /// One command; it may stay in the batch that is being gathered.
    pub fn step(&mut self, genes: &Genes) {
        let (now, ends) = script::step(&self.known, genes);
        let frame = script::frame(&mut self.known, genes);
        self.push(frame);
        if ends || self.places.len() >= 16 {
            self.flush(now);
        }
    }

    /// What is gathered is applied and everything compared.
    pub fn finish(&mut self) {
        self.flush(self.known.now + 1);
        self.pair.compare_state();
    }
}

/// A whole script of a seed; compared after every batch, and in depth every `every` commands.
pub fn run_seed(seed: u64, commands: usize, every: usize) -> Run {
    let mut run = Run::new(seed);
    let mut dice = Dice(seed);
    for number in 0..commands {
        run.step(&dice.genes());
        if number % every == every - 1 {
            run.finish();
        }
    }
    run.finish();
    run
}
