//! Workloads through `apply`: the whole risk group.

use std::time::Instant;

use exchange_kernel::wire::Frames;
use exchange_kernel::Kernel;

use crate::flow::{generate, Flow, Shape, BATCH};
use crate::report::{line, median, percentile};

const RUNS: usize = 7;
const SPOT: Shape =
    Shape { markets: 1, accounts: 1_000, resting: 10_000, commands: 1_000_000, seed: 42, perpetual: false };

fn ready(flow: &Flow) -> Kernel {
    let mut kernel = Kernel::new(1);
    for (bytes, now_ms) in &flow.setup {
        kernel.apply(bytes, *now_ms);
    }
    kernel
}

/// One untimed run: (hash over all outputs, share refused, trades).
fn check(flow: &Flow) -> (String, f64, u64) {
    let mut kernel = ready(flow);
    let mut hash = blake3::Hasher::new();
    let (mut rejected, mut trades) = (0, 0);
    for (bytes, now_ms) in &flow.batches {
        let applied = kernel.apply(bytes, *now_ms);
        rejected += applied.rejected;
        trades += applied.trades;
        let out = kernel.output();
        for part in [&out.acks, &out.events, &out.fills, &out.orders] {
            hash.update(part);
        }
    }
    kernel.check_invariants().expect("the workload leaves a sound state");
    let share = rejected as f64 / flow.commands as f64;
    (hash.finalize().to_hex()[..16].to_owned(), share, trades)
}

/// Commands per second of each run, and nanoseconds a command of every batch.
fn measure(flow: &Flow, runs: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut rates, mut batches) = (Vec::new(), Vec::with_capacity(runs * flow.batches.len()));
    for _ in 0..runs {
        let mut kernel = ready(flow);
        let start = Instant::now();
        timed(&mut kernel, flow, &mut batches);
        rates.push(flow.commands as f64 / start.elapsed().as_secs_f64());
    }
    (rates, batches)
}

/// What the clock sees.
#[inline(never)]
fn timed(kernel: &mut Kernel, flow: &Flow, batches: &mut Vec<f64>) {
    for (bytes, now_ms) in &flow.batches {
        let begin = Instant::now();
        kernel.apply(bytes, *now_ms);
        batches.push(begin.elapsed().as_nanos() as f64 / BATCH as f64);
    }
}

pub fn figure(name: &str, flow: &Flow, runs: usize) {
    let (hash, refused, trades) = check(flow);
    let (mut rates, mut batches) = measure(flow, runs);
    assert_eq!(check(flow).0, hash, "two runs give the same event stream");
    let note = format!(
        "through apply with acks, events, fills and closed orders encoded; {:.1}% refused, {trades} trades; best run {:.0}; p50 and p99 in ns a command \
         over batches of {BATCH}; event hash {hash}",
        refused * 100.0,
        percentile(&mut rates, 1.0)
    );
    let (p50, p99) = (percentile(&mut batches, 0.5), percentile(&mut batches, 0.99));
    line(name, median(&mut rates), "commands/s", p50, p99, runs, &note);
}

/// The same mix on perpetuals: every order is checked against the account's margin, every fill moves two positions.
pub fn perp_mix() {
    figure("kernel.perp_mix", &generate(Shape { perpetual: true, ..SPOT }), RUNS);
}

pub fn spot_mix() {
    figure("kernel.spot_mix", &generate(SPOT), RUNS);
}

/// A short run for a profiler: `valgrind --tool=callgrind --toggle-collect='bench::group::timed' ...`.
pub fn profile() {
    profiled("profile.spot_mix", &generate(Shape { commands: 100_000, ..SPOT }));
}

/// The same commands on the general path, which is what every command of a group with mandates took before accounts were told
/// apart.
pub fn profile_general() {
    let flow = generate(Shape { commands: 100_000, ..SPOT });
    let mut kernel = ready(&flow);
    kernel.forgo_plain();
    timed(&mut kernel, &flow, &mut Vec::with_capacity(flow.batches.len()));
}

pub fn profile_perp() {
    profiled("profile.perp_mix", &generate(Shape { commands: 100_000, perpetual: true, ..SPOT }));
}

pub fn profile_many() {
    profiled("profile.many", &generate(many_shape(1_000, 100_000, 1_000_000, 100_000)));
}

pub fn profiled(name: &str, flow: &Flow) {
    let (mut rates, mut batches) = measure(flow, 1);
    let (p50, p99) = (percentile(&mut batches, 0.5), percentile(&mut batches, 0.99));
    line(name, median(&mut rates), "commands/s", p50, p99, 1, "not a figure");
}

/// One command an `apply`, the balance report and all: nanoseconds.
pub fn latency() {
    let flow = generate(Shape { commands: 200_000, ..SPOT });
    let mut samples = Vec::new();
    for _ in 0..5 {
        let mut kernel = ready(&flow);
        for (bytes, now_ms) in &flow.batches {
            let mut frames = Frames::new(bytes);
            let mut before = frames.rest();
            while frames.next().is_some() {
                let frame = &before[..before.len() - frames.rest().len()];
                before = frames.rest();
                let begin = Instant::now();
                kernel.apply(frame, *now_ms);
                samples.push(begin.elapsed().as_nanos() as f64);
            }
        }
    }
    let (p50, p99) = (percentile(&mut samples, 0.5), percentile(&mut samples, 0.99));
    let p999 = percentile(&mut samples, 0.999);
    let note = format!(
        "ns of one command alone in its batch; value is p99.9, worst {:.0}",
        percentile(&mut samples, 1.0)
    );
    line("kernel.latency", p999, "ns", p50, p99, samples.len(), &note);
}

fn many_shape(markets: u32, accounts: u32, resting: usize, commands: usize) -> Shape {
    Shape { markets, accounts, resting, commands, seed: 7, perpetual: false }
}

pub fn many() {
    for (markets, accounts, resting) in
        [(1, 1_000, 10_000), (100, 10_000, 100_000), (1_000, 100_000, 1_000_000)]
    {
        let flow = generate(many_shape(markets, accounts, resting, 500_000));
        figure(&format!("kernel.many.{markets}"), &flow, 5);
    }
}

pub fn replay() {
    let flow = generate(SPOT);
    let (mut rates, mut roots) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let mut kernel = ready(&flow);
        let start = Instant::now();
        for (bytes, now_ms) in &flow.batches {
            kernel.replay(bytes, *now_ms);
        }
        rates.push(flow.commands as f64 / start.elapsed().as_secs_f64());
        roots.push(kernel.state_root());
    }
    roots.dedup();
    assert_eq!(roots.len(), 1, "every replay ends in the same state");
    let seconds = flow.commands as f64 / median(&mut rates);
    let note =
        format!("kernel alone, the spot mix without outputs; {seconds:.2} s for {} commands", flow.commands);
    let (low, high) = (percentile(&mut rates, 0.5), percentile(&mut rates, 0.01));
    line("recovery.replay.kernel", median(&mut rates), "commands/s", low, high, RUNS, &note);
}

/// Snapshot and restore after a million commands of the mix.
pub fn snapshot() {
    let flow = generate(SPOT);
    let mut kernel = ready(&flow);
    for (bytes, now_ms) in &flow.batches {
        kernel.replay(bytes, *now_ms);
    }
    let (mut writes, mut reads, mut size) = (Vec::new(), Vec::new(), 0);
    for _ in 0..5 {
        let start = Instant::now();
        let bytes = kernel.snapshot();
        writes.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        let restored = Kernel::restore(&bytes).expect("a snapshot restores");
        reads.push(start.elapsed().as_secs_f64() * 1e3);
        assert_eq!(restored.state_root(), kernel.state_root());
        size = bytes.len();
    }
    let (write, worst) = (median(&mut writes), percentile(&mut reads, 1.0));
    let note =
        format!("ms to restore with audit; writing takes {write:.1} ms; {size} bytes, 600,000 client ids");
    line("recovery.snapshot.kernel", median(&mut reads), "ms", median(&mut reads), worst, 5, &note);
}
