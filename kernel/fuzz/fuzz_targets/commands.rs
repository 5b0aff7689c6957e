//! Any bytes as commands, on top of three markets and eight accounts with money.
#![no_main]

#[allow(dead_code)]
#[path = "../../tests/reference_model/script.rs"]
mod script;
#[allow(dead_code)]
#[path = "../../tests/reference_model/wire.rs"]
mod wire;

use exchange_kernel::{events, Kernel};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (seed, commands) = data.split_first().unwrap_or((&0, &[]));
    let mut kernel = Kernel::new(1);
    kernel.apply(&script::opening(u64::from(*seed)).concat(), script::START_MS);
    // The same bytes twice: identity of what was sent before is part of the state.
    for now in [script::START_MS + 1, script::START_MS + 60_000] {
        let applied = kernel.apply(commands, now);
        let out = kernel.output();
        assert_eq!(out.acks.len() as u64, 32 * (applied.last_sequence + 1 - applied.first_sequence));
        events::read_all(&out.events);
        kernel.check_invariants().expect("the audit holds after any commands");
    }
    let snapshot = kernel.snapshot();
    let restored = Kernel::restore(&snapshot).expect("a snapshot is restored");
    assert_eq!(restored.snapshot(), snapshot);
});
