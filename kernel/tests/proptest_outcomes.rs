//! Invariants 21 and 22 on random streams over one event, a late outcome and a spot market beside it, seen from outside: a ledger kept from fills and
//! complete sets alone says what everybody has and is due. The kernel's own audit runs after every command, snapshots are taken and
//! restored in between, and in the end the event is resolved, everything is withdrawn, and only dust is left.

mod outcome_world;

use outcome_world::World;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariants_21_and_22_hold_until_nothing_is_left(
        shape in any::<[u8; 6]>(), genes in prop::collection::vec(any::<[u16; 8]>(), 1..160), end in any::<[u16; 4]>()
    ) {
        let mut world = World::new(shape);
        for gene in &genes {
            world.play(gene);
        }
        world.finish(end);
    }
}

/// Longer streams of fixed seeds.
#[test]
fn long_streams_end_with_nothing_left() {
    for seed in 0..24_u64 {
        let mut state = seed * 0x9E37_79B9 + 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u16
        };
        let mut world = World::new(std::array::from_fn(|_| next() as u8));
        for _ in 0..900 {
            let gene = std::array::from_fn(|_| next());
            world.play(&gene);
        }
        assert!(world.fills > 40, "seed {seed} trades {} times", world.fills);
        world.finish(std::array::from_fn(|_| next()));
    }
}
