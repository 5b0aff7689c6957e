//! The kernel agrees with the naive reference on every ack, event, balance, book and trade of random command streams (invariant 28).

mod reference_model;

use reference_model::harness::{run_seed, Run};
use proptest::prelude::*;

/// Seeds of the long runs and commands of each.
const SEEDS: u64 = 200;
const COMMANDS: usize = 5_000;

#[test]
fn long_seeded_streams_agree() {
    for seed in 0..SEEDS {
        let done = std::panic::catch_unwind(|| run_seed(seed, COMMANDS, 500));
        assert!(done.is_ok(), "seed {seed} of {SEEDS} differs (see above)");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Short streams, for their shrinking: a difference is reduced to a few plain commands.
    #[test]
    fn random_streams_agree(seed in 0u64..1_000, genes in prop::collection::vec(any::<[u16; 12]>(), 1..120)) {
        let mut run = Run::new(seed);
        for genes in &genes {
            run.step(genes);
        }
        run.finish();
    }
}

#[test]
fn stats() {
    let mut codes = std::collections::BTreeMap::new();
    let mut reasons = std::collections::BTreeMap::new();
    let (mut trades, mut open, mut clients, mut levels, mut states) = (0, 0, 0, 0, [0; 4]);
    for seed in 0..SEEDS {
        let run = run_seed(seed, COMMANDS, 5_000);
        for (code, n) in &run.codes { *codes.entry(*code).or_insert(0) += n; }
        for (code, n) in &run.reasons { *reasons.entry(*code).or_insert(0) += n; }
        for i in 0..4 { states[i] += run.states[i]; }
        trades += run.pair.model.next_trade;
        open += run.pair.model.orders.len();
        clients += run.pair.model.clients.len();
        for m in 0..3 { levels += run.pair.model.levels(m, false).len(); }
    }
    eprintln!("codes {codes:?}\nreasons {reasons:?} trades {trades} open {open} clients {clients} bid levels {levels} states {states:?}");
}
