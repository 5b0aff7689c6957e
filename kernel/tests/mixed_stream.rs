//! The fixed stream of `tests/mixed_stream.py` over all three market types meets its golden state root and event hash. `cargo test`
//! builds at opt-level 1 with debug assertions; `tests/test_mixed_stream.py` asserts the same of the release build on the same bytes
//! (invariant 26).

use exchange_kernel::Kernel;

const STREAM: &[u8] = include_bytes!("mixed_stream.bin");
const GOLDEN: &str = include_str!("mixed_stream.txt");
const GROUP: u64 = 11;

/// FNV-1a of 64 bits, continued.
fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn invariant_26_the_checked_build_meets_the_golden_root_of_the_mixed_stream() {
    let (mut kernel, mut told, mut rest) = (Kernel::new(GROUP), 0xcbf2_9ce4_8422_2325, STREAM);
    while let Some((head, tail)) = rest.split_first_chunk::<12>() {
        let now_ms = u64::from_le_bytes(head[..8].try_into().expect("eight bytes"));
        let length = u32::from_le_bytes(head[8..].try_into().expect("four bytes")) as usize;
        let (batch, next) = tail.split_at(length);
        kernel.apply(batch, now_ms);
        told = fnv(fnv(told, &kernel.output().acks), &kernel.output().events);
        rest = next;
    }
    assert!(rest.is_empty(), "the stream is whole");
    kernel.check_invariants().expect("a sound group");
    let root = blake3::Hash::from(kernel.state_root());
    let found = format!("events {told:016x} root {root}\n");
    assert_eq!(found, GOLDEN, "commands, events or state changed; see tests/mixed_stream.py");
}
