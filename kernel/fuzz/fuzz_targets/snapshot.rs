//! Any bytes as a snapshot, as they are and with the hash that belongs to them.
#![no_main]

use exchange_kernel::Kernel;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    assert!(data.len() >= 40 || Kernel::restore(data).is_err());
    let content = [b"XOSK\x01\0\0\0", data].concat();
    let hash = blake3::hash(&content);
    if let Ok(kernel) = Kernel::restore(&[&content, &hash.as_bytes()[..]].concat()) {
        kernel.check_invariants().expect("what is restored is sound");
        Kernel::restore(&kernel.snapshot()).expect("and can be written and restored again");
    }
});
