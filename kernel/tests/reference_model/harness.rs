//! The kernel and the reference side by side: every batch goes to both, and both must say the same.

use std::collections::BTreeMap;

use exchange_kernel::Kernel;

use super::dice::Dice;
use super::model::{Decision, Model, Trade, FIRST_USER};
use super::rows::{fill_row, order_row, read_rows, Row};
use super::script::{self, Genes, Known};
use super::told::{self, Ack, Event, What};
use super::wire;

/// Number of the risk group in all tests.
pub const GROUP: u64 = 9;

/// All that one batch of the kernel handed out, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub acks: Vec<Ack>,
    /// Order and fill events.
    pub events: Vec<Event>,
    pub balances: BTreeMap<(u32, u32), (i64, i64)>,
    pub trades: Vec<(u32, Trade)>,
    pub transfers: Vec<Decision>,
    pub fill_rows: Vec<Row>,
    pub order_rows: Vec<Row>,
    /// (market, minute, open, high, low, close, lots, quote, trades).
    pub candles: Vec<[i64; 9]>,
}

/// Apply a batch to a kernel and decode what it says.
pub fn apply(kernel: &mut Kernel, bytes: &[u8], now: u64) -> Seen {
    let applied = kernel.apply(bytes, now);
    let out = kernel.output();
    let mut seen = Seen { acks: told::read_acks(&out.acks), ..Seen::default() };
    assert_eq!(
        applied.last_sequence + 1 - applied.first_sequence,
        seen.acks.len() as u64,
        "a sequence per command"
    );
    assert_eq!(applied.rejected, seen.acks.iter().filter(|ack| ack.code != 0).count() as u64);
    for event in told::read_events(&out.events) {
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
    seen.fill_rows = read_rows(&out.fills, "nnnnnntnnnnnnnnnnn");
    seen.order_rows = read_rows(&out.orders, "nnnnntnnnnnbnnnnnnnnnn");
    assert_eq!(
        (out.fills_count, out.orders_count),
        (seen.fill_rows.len() as u64, seen.order_rows.len() as u64)
    );
    for (market, c) in kernel.touched_candles() {
        let minute = c.minute_ms as i64;
        seen.candles.push([
            i64::from(market),
            minute,
            c.open,
            c.high,
            c.low,
            c.close,
            c.lots,
            c.quote,
            c.trades,
        ]);
    }
    seen.transfers = out.transfers.iter().map(decision).collect();
    assert_eq!(applied.trades, seen.trades.len() as u64);
    seen
}

/// Panic with the first member in which two lists differ, and with the frames of the batch.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, kernel: &[T], reference: &[T], batch: &[u8]) {
    if kernel == reference {
        return;
    }
    let at = kernel.iter().zip(reference).take_while(|(a, b)| a == b).count();
    let (left, right) = (kernel.get(at), reference.get(at));
    let mut frames = String::new();
    let mut rest = batch;
    while rest.len() >= 16 {
        let length = usize::from(u16::from_le_bytes([rest[0], rest[1]])).clamp(16, rest.len());
        let (frame, tail) = rest.split_at(length);
        frames += &format!("\n  {frame:?}");
        rest = tail;
    }
    panic!("{what} {at} differs\n  kernel    {left:?}\n  reference {right:?}\nbatch{frames}");
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
        Pair { kernel: Kernel::new(GROUP), model: Model::new(), reported: BTreeMap::new() }
    }

    /// Apply a batch to both; panics with the first difference.
    pub fn apply(&mut self, bytes: &[u8], now: u64) -> Seen {
        let seen = apply(&mut self.kernel, bytes, now);
        let expected = self.model.apply(bytes, now);
        same("ack", &seen.acks, &expected.acks, bytes);
        same("event", &seen.events, &expected.events, bytes);
        same("trade", &seen.trades, &expected.trades, bytes);
        same("transfer", &seen.transfers, &expected.transfers, bytes);
        let fills: Vec<Row> = expected.events.iter().filter_map(fill_row).collect();
        same("row of a fill", &seen.fill_rows, &fills, bytes);
        let closed: Vec<Row> =
            expected.closed.iter().map(|(s, a, o)| order_row(*s, *a, o, self.model.now)).collect();
        same("row of an order", &seen.order_rows, &closed, bytes);
        same("candle", &seen.candles, &self.model.candles(&expected.trades), bytes);
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
            assert_eq!(
                (i128::from(reported.0), i128::from(reported.1)),
                (total, held),
                "(total, held) of {key:?}"
            );
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
        for asset in query(&self.kernel, r#"{"q":"assets"}"#)["assets"].as_array().expect("a list of assets")
        {
            let id = asset["asset"].as_u64().unwrap() as u32;
            for (name, account) in [("venue_fees", 1), ("protocol_fees", 2), ("insurance", 3), ("dust", 4)] {
                let amount = asset[name].as_i64().unwrap();
                assert_eq!(i128::from(amount), self.model.total(account, id), "{name} of asset {id}");
            }
        }
        self.compare_timer();
        super::answers::compare(&self.kernel, &self.model);
        self.kernel.check_invariants().unwrap_or_else(|broken| panic!("audit: {broken}"));
    }

    fn compare_timer(&self) {
        let switches = self.model.accounts.values().map(|a| a.cancel_at).filter(|at| *at != 0);
        let expiries = self.model.orders.iter().map(|o| o.expires).filter(|at| *at != 0);
        let settling = self.model.settling.first().map(|_| 0);
        let next = switches.chain(expiries).chain(settling).min().filter(|at| *at != u64::MAX);
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
    /// How often each code came in acks, and each reason in events of cancelled orders.
    pub codes: BTreeMap<u16, u64>,
    pub reasons: BTreeMap<u8, u64>,
    pub states: [u64; 4],
}

impl Run {
    /// Both sides set up as `script::opening` says.
    pub fn new(seed: u64) -> Run {
        let mut run = Run {
            pair: Pair::new(),
            known: Known::new(seed),
            batch: Vec::new(),
            places: Vec::new(),
            history: Vec::new(),
            codes: BTreeMap::new(),
            reasons: BTreeMap::new(),
            states: [0; 4],
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

    /// Whole frames as they are, in a batch of their own.
    pub fn send_batch(&mut self, batch: &[u8], now: u64) -> Seen {
        let seen = self.pair.apply(batch, now);
        self.known.now = self.pair.model.now;
        self.history.push((batch.to_vec(), now));
        seen
    }

    fn flush(&mut self, now: u64) -> Seen {
        if self.batch.is_empty() {
            return Seen::default();
        }
        let batch = std::mem::take(&mut self.batch);
        let seen = self.pair.apply(&batch, now);
        for ack in &seen.acks {
            *self.codes.entry(ack.code).or_default() += 1;
            self.states[ack.state as usize] += 1;
        }
        for event in &seen.events {
            if let What::Order(order) = &event.what {
                *self.reasons.entry(order.reason).or_default() += 1;
            }
        }
        for (place, ack) in self.places.drain(..).zip(&seen.acks) {
            if let (Some((account, market)), 0, false) = (place, ack.code, ack.order_id == 0) {
                self.known.orders.push((account, market, ack.order_id));
            }
        }
        self.known.now = self.pair.model.now;
        self.known.open = self.pair.model.orders.iter().map(|o| (o.account, o.market, o.id)).collect();
        self.history.push((batch, now));
        seen
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

    /// One command in a batch of its own: its frame, the time given, what the kernel said.
    pub fn alone(&mut self, genes: &Genes) -> (Vec<u8>, u64, Seen) {
        let (now, _) = script::step(&self.known, genes);
        let frame = script::frame(&mut self.known, genes);
        self.push(frame.clone());
        let seen = self.flush(now);
        (frame, now, seen)
    }

    /// This very frame, in a batch of its own.
    pub fn send(&mut self, frame: &[u8], now: u64) -> Seen {
        self.push(frame.to_vec());
        self.flush(now)
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
