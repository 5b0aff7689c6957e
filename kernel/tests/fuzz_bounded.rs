//! Totality (invariant 29): whatever the bytes, the kernel answers and stays sound. A bounded, seeded run of what `fuzz/` does without end:
//! commands, snapshots, questions, events and bulk bodies, all bent from valid ones.

mod reference_model;

use exchange_kernel::{
    decode_bulk, events, render_bulk, wire, Instrument, Instruments, Kernel, SnapshotError,
};
use reference_model::dice::Dice;
use reference_model::harness::{run_seed, GROUP};
use reference_model::script::START_MS;

/// Values that lie at edges of something.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7F,
    0xFFFF,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    1 << 50,
    (1 << 50) + 1,
    i64::MAX as u64,
    i64::MIN as u64,
    u64::MAX,
    START_MS,
];

/// Bend `bytes` in one of the ways that tend to hurt.
fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    if bytes.is_empty() {
        bytes.push(dice.roll() as u8);
        return;
    }
    let at = dice.below(bytes.len() as u64) as usize;
    match dice.below(9) {
        0..=2 => bytes[at] ^= 1 << dice.below(8),
        3 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, 16, 40][dice.below(7) as usize],
        4 => {
            let value = EDGES[dice.below(12) as usize].to_le_bytes();
            let width = [1, 2, 4, 8][dice.below(4) as usize];
            for (to, from) in bytes[at..].iter_mut().zip(&value[..width]) {
                *to = *from;
            }
        }
        5 => bytes.truncate(at),
        6 => bytes.insert(at, dice.roll() as u8),
        7 => {
            let to = (at + 1 + dice.below(64) as usize).min(bytes.len());
            let copy = bytes[at..to].to_vec();
            bytes.splice(at..at, copy);
        }
        _ => {
            let to = (at + 1 + dice.below(64) as usize).min(bytes.len());
            bytes.drain(at..to);
        }
    }
}

/// The frames of a good history, one by one.
fn good_frames(seed: u64) -> Vec<Vec<u8>> {
    let history = run_seed(seed, 1_200, 1_200).history;
    let mut frames = Vec::new();
    for (batch, _) in history {
        let mut rest = &batch[..];
        while !rest.is_empty() {
            let length = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
            frames.push(rest[..length].to_vec());
            rest = &rest[length..];
        }
    }
    frames
}

fn sound(kernel: &Kernel) {
    kernel.check_invariants().unwrap_or_else(|broken| panic!("audit: {broken}"));
}

#[test]
fn invariant_29_bent_commands_never_panic() {
    for seed in 0..40 {
        let (mut dice, mut kernel) = (Dice(seed), Kernel::new(GROUP));
        let mut now = START_MS;
        for batch in good_frames(seed).chunks(6) {
            let mut bytes = Vec::new();
            for frame in batch {
                let mut frame = frame.clone();
                // Most frames stay good, so that there is a state to hurt; of the bent ones most keep their length.
                if dice.below(3) == 0 {
                    let length = frame.len();
                    (0..1 + dice.below(3)).for_each(|_| mutate(&mut frame, &mut dice));
                    if dice.below(8) != 0 {
                        frame.resize(length, 0);
                        frame[..2].copy_from_slice(&(length as u16).to_le_bytes());
                    }
                }
                bytes.extend(frame);
            }
            if dice.below(10) == 0 {
                mutate(&mut bytes, &mut dice);
            }
            now += dice.below(2_000);
            let time = if dice.below(200) == 0 { EDGES[dice.below(12) as usize] } else { now };
            let applied = kernel.apply(&bytes, time.min(now + 86_400_000));
            let count = applied.last_sequence + 1 - applied.first_sequence;
            assert_eq!(kernel.output().acks.len() as u64, 32 * count, "an ack for each command");
            let whole = wire::count_commands(&bytes);
            assert!(whole.is_none_or(|whole| whole as u64 == count), "whole frames are counted alike");
            if dice.below(8) == 0 {
                sound(&kernel);
            }
        }
        sound(&kernel);
        let snapshot = kernel.snapshot();
        assert_eq!(Kernel::restore(&snapshot).expect("what was hurt is sound").snapshot(), snapshot);
    }
}

#[test]
fn invariant_29_random_bytes_never_panic() {
    let mut dice = Dice(77);
    let mut kernel = Kernel::new(GROUP);
    for frame in good_frames(3) {
        kernel.apply(&frame, START_MS);
    }
    for _ in 0..20_000 {
        let length = dice.below(200) as usize;
        let mut bytes: Vec<u8> = (0..length).map(|_| dice.roll() as u8).collect();
        if length >= 16 && dice.below(4) != 0 {
            bytes[..2].copy_from_slice(&(length as u16).to_le_bytes());
            bytes[2] = [1, 2, 3, 4, 5, 32, 33, 34, 35, 64, 65, 66, 67, 68, 69, 70][dice.below(16) as usize];
        }
        kernel.apply(&bytes, START_MS);
    }
    sound(&kernel);
}

/// A kernel with something of everything in it.
fn full() -> Kernel {
    let mut kernel = Kernel::new(GROUP);
    for frame in good_frames(11) {
        kernel.apply(&frame, START_MS + kernel.sequence() * 20);
    }
    kernel
}

#[test]
fn invariant_27_altered_snapshots_are_refused() {
    let snapshot = full().snapshot();
    let refused = |bytes: &[u8], what: &str| {
        let error = Kernel::restore(bytes).err();
        assert!(error.is_some(), "{what} was restored");
        error
    };
    for at in 0..snapshot.len().min(400) {
        refused(&snapshot[..at], "a cut snapshot");
    }
    let mut dice = Dice(5);
    for _ in 0..600 {
        refused(&snapshot[..dice.below(snapshot.len() as u64) as usize], "a cut snapshot");
        let mut flipped = snapshot.clone();
        flipped[dice.below(snapshot.len() as u64) as usize] ^= 1 << dice.below(8);
        refused(&flipped, "a snapshot with a flipped bit");
        let mut bent = snapshot.clone();
        mutate(&mut bent, &mut dice);
        if bent != snapshot {
            refused(&bent, "a bent snapshot");
        }
    }
    let mut newer = snapshot.clone();
    newer[4] = 0xEE;
    assert!(matches!(refused(&sealed(newer), "a later version"), Some(SnapshotError::Version(_))));
    assert!(Kernel::restore(&snapshot).is_ok());
}

/// The bytes with the hash that belongs to them.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let content = bytes.len() - 32;
    let hash = blake3::hash(&bytes[..content]);
    bytes[content..].copy_from_slice(hash.as_bytes());
    bytes
}

#[test]
fn invariant_29_bent_snapshots_with_a_right_hash_never_panic() {
    let snapshot = full().snapshot();
    let mut dice = Dice(6);
    let mut restored = 0;
    for _ in 0..3_000 {
        let mut bent = snapshot.clone();
        (0..1 + dice.below(3)).for_each(|_| mutate(&mut bent, &mut dice));
        if bent.len() < 64 {
            continue;
        }
        if let Ok(kernel) = Kernel::restore(&sealed(bent)) {
            sound(&kernel);
            restored += 1;
        }
    }
    assert!(restored > 0, "some changes are only other values");
}

#[test]
fn invariant_29_bent_questions_get_an_answer() {
    let kernel = full();
    let questions = [
        r#"{"q":"account","account":16}"#,
        r#"{"q":"order","account":17,"order_id":5}"#,
        r#"{"q":"order","account":17,"client_id":"c1"}"#,
        r#"{"q":"orders","account":18,"market":0}"#,
        r#"{"q":"closed","account":18,"market":1,"limit":3}"#,
        r#"{"q":"market","market":2}"#,
        r#"{"q":"markets"}"#,
        r#"{"q":"assets"}"#,
        r#"{"q":"book","market":0,"depth":5}"#,
        r#"{"q":"trades","market":0,"limit":7}"#,
        r#"{"q":"preview","account":16,"market":0,"side":0,"order_type":0,"price_ticks":101,"size_lots":9}"#,
        r#"{"q":"preview","account":16,"market":0,"side":0,"order_type":1,"size_lots":900,"quote_size":true}"#,
        r#"{"q":"preview","account":19,"market":0,"side":1,"order_type":1,"tif":3,"size_lots":9}"#,
    ];
    let mut dice = Dice(9);
    for round in 0..400 {
        for question in questions {
            let mut bytes = question.as_bytes().to_vec();
            if round > 0 {
                bend_number(&mut bytes, &mut dice);
            }
            if round > 200 {
                mutate(&mut bytes, &mut dice);
            }
            let answer: serde_json::Value =
                serde_json::from_slice(&kernel.query(&bytes)).expect("an answer in JSON");
            assert!(answer["sequence"].is_u64(), "{answer}");
            assert!(
                round > 0 || answer.get("error").is_none() || question.contains("order\""),
                "{question}: {answer}"
            );
        }
    }
}

/// Replace one number of a JSON text by an edge.
fn bend_number(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
    if digits.is_empty() {
        return;
    }
    let at = digits[dice.below(digits.len() as u64) as usize];
    let edge = EDGES[dice.below(12) as usize];
    let text = if dice.below(2) == 0 { format!("{edge}") } else { format!("{}", edge as i64) };
    bytes.splice(at..=at, text.into_bytes());
}

#[test]
fn invariant_29_bent_events_are_read_without_panic() {
    let mut kernel = Kernel::new(GROUP);
    let mut dice = Dice(10);
    for batch in good_frames(4).chunks(20) {
        kernel.apply(&batch.concat(), START_MS);
        let good = kernel.output().events.clone();
        let expected = reference_model::told::read_events(&good).len();
        assert_eq!(events::read_all(&good).len(), expected, "the kernel reads its own events");
        for _ in 0..20 {
            let mut bent = good.clone();
            (0..1 + dice.below(3)).for_each(|_| mutate(&mut bent, &mut dice));
            events::read_all(&bent);
            wire::count_commands(&bent);
        }
    }
}

#[test]
fn invariant_29_bent_bulk_bodies_never_panic() {
    let mut instruments = Instruments::default();
    let instrument =
        Instrument { market: 0, price_scale: 2, tick_units: 5, size_scale: 4, lot_units: 10, quote_scale: 2 };
    instruments.add("A-B", instrument);
    let body = br#"{"items": [
        {"op": "place", "instId": "A-B", "side": "buy", "ordType": "limit", "px": "1.05", "sz": "0.001", "clOrdId": "a1"},
        {"op": "place", "instId": "A-B", "side": "sell", "ordType": "post_only", "px": "99.95", "sz": "12"},
        {"op": "place", "instId": "A-B", "side": "buy", "ordType": "market", "sz": "5.00", "tgtCcy": "quote_ccy"},
        {"op": "cancel", "instId": "A-B", "clOrdId": "a1"}, {"op": "cancel", "instId": "A-B", "ordId": "7"},
        {"op": "amend", "instId": "A-B", "ordId": "7", "newPx": "1.10", "newSz": "0.002"}]}"#;
    let good = decode_bulk(body, &instruments, 16, 3, 0, 5_000).expect("a good body");
    assert_eq!((good.items(), wire::count_commands(&good.packed)), (6, Some(6)));
    let (mut dice, mut kernel) = (Dice(12), full());
    for _ in 0..20_000 {
        let mut bent = body.to_vec();
        (0..1 + dice.below(4)).for_each(|_| mutate(&mut bent, &mut dice));
        let Ok(bulk) = decode_bulk(&bent, &instruments, 16, 3, 0, 5_000) else {
            continue;
        };
        assert_eq!(
            wire::count_commands(&bulk.packed),
            Some(bulk.items() - bulk.errors().len()),
            "frames and errors add up"
        );
        kernel.apply(&bulk.packed, START_MS);
        let answer = render_bulk(&kernel.output().acks, &bulk).expect("an ack for each frame");
        let answer: serde_json::Value = serde_json::from_slice(&answer).expect("an answer in JSON");
        assert_eq!(answer["data"].as_array().map(Vec::len), Some(bulk.items()), "a row for each item");
    }
    sound(&kernel);
}
