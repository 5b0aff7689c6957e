//! Snapshot and replay: the same state, whichever way it was reached.

use super::*;
use crate::snapshot::SnapshotError;
use crate::wire::GTD;

/// A group in which something of everything has happened.
fn busy() -> Group {
    let mut group = Group::new();
    for n in 0..40 {
        let client = format!("c{n}");
        let order = PlaceOrder {
            client_id: client.as_bytes(),
            ..limit(n % 2 == 0, 1_000 + (n * 7) % 23 - 11, 1 + n % 5)
        };
        group.place(if n % 3 == 0 { TAKER } else { MAKER }, order);
        group.now_ms += 700;
    }
    let expires_ms = group.now_ms + 5_000;
    group.place(MAKER, PlaceOrder { tif: GTD, expires_ms, ..limit(false, 700, 2) });
    group.ok(|out| encode::cancel_all_after(out, TAKER, 0, 60_000));
    group.buy(MAKER, 800, 3);
    let id = group.buy(SIBLING, 801, 3);
    group.cancel(SIBLING, id);
    group
}

fn replayed(journal: &[(Vec<u8>, u64)], kernel: Kernel) -> Kernel {
    let mut kernel = kernel;
    for (frames, now_ms) in journal {
        kernel.replay(frames, *now_ms);
    }
    kernel
}

#[test]
fn a_replay_ends_in_the_same_state() {
    let group = busy();
    assert_eq!(replayed(&group.journal, Kernel::new(7)).state_root(), group.kernel.state_root());
}

#[test]
fn a_snapshot_restores_to_itself() {
    let group = busy();
    let bytes = group.kernel.snapshot();
    let restored = Kernel::restore(&bytes).expect("a whole snapshot");
    assert_eq!(restored.snapshot(), bytes);
    assert_eq!(restored.next_timer_ms(), group.kernel.next_timer_ms());
}

#[test]
fn a_snapshot_anywhere_and_the_rest_is_the_whole() {
    let group = busy();
    for cut in 0..group.journal.len() {
        let (early, late) = group.journal.split_at(cut);
        let middle = replayed(early, Kernel::new(7)).snapshot();
        let restored = Kernel::restore(&middle).expect("a whole snapshot");
        assert_eq!(replayed(late, restored).state_root(), group.kernel.state_root(), "cut at {cut}");
    }
}

#[test]
fn batches_do_not_matter() {
    let mut group = busy();
    let now_ms = group.now_ms;
    let frames: Vec<u8> = (0..30)
        .flat_map(|n| {
            let mut out = Vec::new();
            encode::place(
                &mut out,
                head(if n % 2 == 0 { MAKER } else { TAKER }),
                &limit(n % 3 == 0, 990 + n, 4),
            );
            out
        })
        .collect();
    let mut other = Kernel::restore(&group.kernel.snapshot()).expect("a whole snapshot");
    other.apply(&frames, now_ms);
    let mut rest = frames.as_slice();
    while !rest.is_empty() {
        let (frame, after) = rest.split_at(crate::wire::u16_at(rest, 0) as usize);
        group.kernel.apply(frame, now_ms);
        rest = after;
    }
    assert_eq!(other.state_root(), group.kernel.state_root());
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let bytes = busy().kernel.snapshot();
    for cut in [0, 3, 40, bytes.len() - 1] {
        assert_eq!(Kernel::restore(&bytes[..cut]).err(), Some(SnapshotError::Damaged));
    }
    for at in (0..bytes.len()).step_by(97) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        assert_eq!(Kernel::restore(&flipped).err(), Some(SnapshotError::Damaged));
    }
    let mut newer = bytes[..bytes.len() - 32].to_vec();
    newer[4] = 99;
    let hash = blake3::hash(&newer);
    newer.extend_from_slice(hash.as_bytes());
    assert_eq!(Kernel::restore(&newer).err(), Some(SnapshotError::Version(99)));
}

#[test]
fn an_empty_batch_changes_nothing() {
    let mut group = busy();
    let root = group.kernel.state_root();
    let applied = group.kernel.apply(b"", group.now_ms + 1_000_000);
    assert_eq!(applied.last_sequence + 1, applied.first_sequence);
    assert_eq!(group.kernel.state_root(), root);
}

#[test]
fn the_clock_never_goes_back() {
    let mut group = busy();
    let now_ms = group.kernel.now_ms();
    group.now_ms = 5;
    group.tick();
    assert_eq!(group.kernel.now_ms(), now_ms);
}
