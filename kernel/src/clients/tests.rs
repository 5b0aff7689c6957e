use super::*;

fn entry(account: u32, text: &str, order_id: u64, state: u8) -> Entry {
    let mut entry = Entry::new(key_of(account, text.as_bytes()), account, order_id);
    entry.finish(state, 0);
    entry
}

#[test]
fn ids_are_found_until_they_are_a_week_old() {
    let mut ids = ClientIds::default();
    for n in 0..50_000u64 {
        let item = entry(16, &format!("id{n}"), n, state::CANCELLED);
        assert!(matches!(ids.search(16, item.key()), Found::Vacant(vacancy) if vacancy.is_near()));
        ids.push(item, n * 100);
    }
    for n in (0..50_000).step_by(7) {
        let found = ids.find(16, key_of(16, format!("id{n}").as_bytes())).map(|at| ids.entry(at).order_id());
        assert_eq!(found, Some(n));
    }
    assert_eq!(ids.find(17, key_of(17, b"id5")), None);
    let half = MEMORY_MS + 25_000 * 100;
    while ids.expire_one(half, |_| false).is_some() {}
    assert_eq!(ids.find(16, key_of(16, b"id10")), None);
    assert!(ids.find(16, key_of(16, b"id30000")).is_some());
    assert!(ids.len() >= 25_000);
}

#[test]
fn shards_of_all_sizes_are_found_again_and_their_old_cells_given_back() {
    let mut ids = ClientIds::default();
    let text = |n: u64| format!("n{n}");
    // Two chunks of entries, and shards that have grown ten times.
    let many = CHUNK as u64 * 2 + 5;
    for n in 0..many {
        ids.push(entry(16, &text(n), n, state::CANCELLED), 0);
    }
    let sizes: Vec<u8> = ids.shard_sizes().collect();
    for (bits, shards) in ids.classes.shards.iter().enumerate() {
        let counted = sizes.iter().filter(|size| bits_of(**size) as usize == bits && bits > 0).count();
        assert_eq!(*shards as usize, counted);
        assert_eq!(ids.classes.lines[bits].len(), if counted > 0 { SHARDS << bits } else { 0 });
    }
    let cells: u64 = sizes.iter().map(|size| u64::from(capacity(*size))).sum();
    let room: u64 = ids.shards.iter().map(|shard| u64::from(shard.room)).sum();
    assert_eq!(cells - room, many, "every id takes one cell");
    for n in 0..many {
        assert_eq!(ids.find(16, key_of(16, text(n).as_bytes())), Some(n));
    }
    let late = MEMORY_MS + 2 * MARK_MS;
    while ids.expire_one(late, |_| false).is_some() {}
    assert!(ids.is_empty() && ids.chunks.len() <= 1);
    assert!(ids.classes.lines.iter().all(|lines| lines.iter().all(Line::is_empty)));
}

#[test]
fn an_open_order_keeps_its_id() {
    let mut ids = ClientIds::default();
    ids.push(entry(16, "old", 1, state::CANCELLED), 0);
    let late = MEMORY_MS + 2 * MARK_MS;
    assert_eq!(ids.expire_one(late, |id| id == 1), Some(Some((1, 1))));
    assert_eq!(ids.expire_one(late, |id| id == 1), None);
    assert_eq!(ids.find(16, key_of(16, b"old")), Some(1));
}

#[test]
fn visible_ascii_is_told_from_the_rest() {
    for length in 0..=32 {
        let good: Vec<u8> = (0..length).map(|n| b"!~Az09_-"[n % 8]).collect();
        assert!(visible(&words_of(&good), length));
        for at in 0..length {
            for byte in (0..=0x20).chain(0x7F..=0xFF) {
                let mut text = good.clone();
                text[at] = byte;
                assert!(!visible(&words_of(&text), length), "{byte} at {at} of {length}");
            }
        }
    }
}

#[test]
fn keys_of_similar_texts_differ() {
    let mut seen = std::collections::BTreeSet::new();
    for account in 16..20 {
        for n in 0..10_000 {
            let key = key_of(account, format!("{n}").as_bytes());
            assert!(seen.insert((key.tag, key.high)));
        }
    }
}
