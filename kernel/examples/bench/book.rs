//! Matching only: book, order slab and order ids, no accounts, no money, no outputs but a running hash of
//! the trades. Same mix as `flow.rs`.

use std::time::Instant;

use exchange_kernel::book::{Book, NIL_PRICE};
use exchange_kernel::ids::OrderIds;
use exchange_kernel::slab::{Node, Slab};

use crate::flow::{Random, BATCH};
use crate::report::{line, median, percentile};

const MID: i64 = 1_000_000;
const REACH: i64 = 50;
const RESTING: usize = 10_000;
const COMMANDS: usize = 2_000_000;
const RUNS: usize = 9;

#[derive(Clone, Copy)]
enum Command {
    Add { side: usize, price: i64, lots: i64 },
    Take { side: usize, price: i64, lots: i64 },
    Cancel { id: u64 },
}

#[derive(Default)]
struct Engine {
    book: Book,
    slab: Slab,
    ids: OrderIds,
    hash: u64,
}

impl Engine {
    #[inline]
    fn run(&mut self, command: Command) -> u64 {
        match command {
            Command::Add { side, price, lots } => self.add(side, price, lots, true),
            Command::Take { side, price, lots } => self.add(side, price, lots, false),
            Command::Cancel { id } => {
                if let Some(slot) = self.ids.get(id) {
                    self.book.unlink(&mut self.slab, slot);
                    self.ids.remove(id);
                    self.slab.remove(slot);
                }
                0
            }
        }
    }

    #[inline]
    fn add(&mut self, side: usize, price: i64, mut lots: i64, rests: bool) -> u64 {
        while lots > 0 && self.book.crosses(side, price) && self.book.best(1 - side) != NIL_PRICE[1 - side] {
            let maker = self.book.head(1 - side);
            let node = *self.slab.node(maker);
            let traded = lots.min(node.remaining);
            lots -= traded;
            let id = self.slab.cold(maker).order_id;
            self.hash = (self.hash ^ id ^ (node.price << 20) as u64 ^ (traded << 48) as u64)
                .wrapping_mul(0x100_0000_01B3);
            if traded == node.remaining {
                self.book.unlink(&mut self.slab, maker);
                self.ids.remove(id);
                self.slab.remove(maker);
            } else {
                self.book.reduce(&mut self.slab, maker, traded);
            }
        }
        if lots == 0 || !rests {
            return 0;
        }
        let slot = self.slab.take();
        *self.slab.node_mut(slot) = Node { remaining: lots, price, flags: side as u8, ..Node::default() };
        let id = self.ids.assign(slot);
        self.slab.cold_mut(slot).order_id = id;
        self.book.push(&mut self.slab, slot);
        id
    }
}

fn generate(commands: usize) -> (Vec<Command>, Vec<Command>) {
    let mut random = Random(11);
    let mut engine = Engine::default();
    let (mut mid, mut open) = (MID, Vec::new());
    let (mut fill, mut flow) = (Vec::new(), Vec::new());
    while flow.len() < commands {
        let draw = if fill.len() < RESTING { 50 } else { random.below(100) };
        mid = (mid + random.below(3) as i64 - 1).clamp(MID - REACH, MID + REACH);
        let side = random.below(2) as usize;
        let away = 1 + random.below(REACH as u64) as i64;
        let command = if draw < 30 && !open.is_empty() {
            // One that has traded away meanwhile is drawn again, so that the book keeps its size.
            let mut id = 0;
            while !open.is_empty() && engine.ids.get(id).is_none() {
                id = open.swap_remove(random.below(open.len() as u64) as usize);
            }
            Command::Cancel { id }
        } else if draw < 40 {
            let lots = 1 + random.below(if engine.slab.len() > RESTING { 80 } else { 30 }) as i64;
            Command::Take { side, price: if side == 0 { mid + away } else { mid - away }, lots }
        } else {
            let lots = 1 + random.below(20) as i64;
            Command::Add { side, price: if side == 0 { mid - away } else { mid + away }, lots }
        };
        let id = engine.run(command);
        if id != 0 {
            open.push(id);
        }
        if fill.len() < RESTING {
            fill.push(command);
        } else {
            flow.push(command);
        }
    }
    (fill, flow)
}

/// What the clock sees.
#[inline(never)]
fn timed(engine: &mut Engine, flow: &[Command], batches: &mut Vec<f64>) {
    for batch in flow.chunks(BATCH) {
        let begin = Instant::now();
        for (index, command) in batch.iter().enumerate() {
            if let Some(Command::Cancel { id }) = batch.get(index + 8) {
                engine.ids.prefetch(*id);
            }
            if let Some(Command::Cancel { id }) = batch.get(index + 4) {
                if let Some(slot) = engine.ids.get(*id) {
                    engine.slab.prefetch(slot);
                }
            }
            engine.run(*command);
        }
        batches.push(begin.elapsed().as_nanos() as f64 / batch.len() as f64);
    }
}

/// A short run for a profiler: `valgrind --tool=callgrind --toggle-collect='bench::book::timed' ...`.
pub fn profile() {
    run(200_000, 1, "profile.book");
}

pub fn matching_only() {
    run(COMMANDS, RUNS, "kernel.book");
}

fn run(commands: usize, runs: usize, name: &str) {
    let (fill, flow) = generate(commands);
    let (mut rates, mut hashes, mut open) = (Vec::new(), Vec::new(), 0);
    let mut batches = Vec::with_capacity(runs * (commands / BATCH + 1));
    for _ in 0..runs {
        let mut engine = Engine::default();
        for command in &fill {
            engine.run(*command);
        }
        let start = Instant::now();
        timed(&mut engine, &flow, &mut batches);
        rates.push(flow.len() as f64 / start.elapsed().as_secs_f64());
        hashes.push(engine.hash);
        open = engine.slab.len();
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 1, "every run trades the same");
    let note = format!(
        "book, slab and ids only; {RESTING} resting at the start, {open} at the end; best run {:.0}; p50 and p99 in ns a command over batches of {BATCH}; trade hash {:016x}",
        percentile(&mut rates, 1.0),
        hashes[0]
    );
    let (p50, p99) = (percentile(&mut batches, 0.5), percentile(&mut batches, 0.99));
    line(name, median(&mut rates), "commands/s", p50, p99, rates.len(), &note);
}
