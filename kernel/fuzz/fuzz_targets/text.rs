//! Any bytes as a question and as a bulk body.
#![no_main]

#[allow(dead_code)]
#[path = "../../tests/reference_model/script.rs"]
mod script;
#[allow(dead_code)]
#[path = "../../tests/reference_model/wire.rs"]
mod wire;

use exchange_kernel::{decode_bulk, render_bulk, wire::count_commands, Instrument, Instruments, Kernel};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut kernel = Kernel::new(1);
    kernel.apply(&script::opening(1).concat(), script::START_MS);
    assert!(!kernel.query(data).is_empty());

    let mut instruments = Instruments::default();
    let sizes =
        Instrument { market: 0, price_scale: 2, tick_units: 5, size_scale: 4, lot_units: 10, quote_scale: 2 };
    instruments.add("A-B", sizes);
    let Ok(bulk) = decode_bulk(data, &instruments, 16, 0, 0, 100) else { return };
    assert_eq!(count_commands(&bulk.packed), Some(bulk.count));
    kernel.apply(&bulk.packed, script::START_MS);
    kernel.check_invariants().expect("the audit holds after a bulk body");
    render_bulk(&kernel.output().acks, &bulk).expect("an ack for each frame");
});
