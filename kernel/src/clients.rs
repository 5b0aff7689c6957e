//! The client id memory: what every client order id of the last seven days became.
//!
//! Entries stand in a queue in order of acceptance and are found through an index keyed by a hash of
//! (account, client id). An entry outlives its order, so a client that got no answer can always ask by the
//! id it chose. The index is cut into 256 shards that grow one at a time, so no single command pays for
//! growing the whole, and a probe that grows too long refuses the id instead of searching on. Shards of one size stand side
//! by side in one array (`cells.rs`), so that the index is few large pieces of memory and not many small ones.

mod cells;

use std::collections::VecDeque;

use cells::{bits_of, capacity, free_cell, remove, shard_of, Classes, Shard, MAX_SIZE, MIN_SIZE, SHARDS};

use crate::codes::state;
use crate::pages::{Pages, Zeroed};
use crate::wire::u64_at;

/// How long an id is remembered, in kernel time.
pub const MEMORY_MS: u64 = 7 * 24 * 3_600_000;
/// Entries of a chunk: two MiB.
const CHUNK: usize = 1 << 16;
const MAX_PROBE: usize = 512;
const MARK_MS: u64 = 60_000;

/// Key of one client id: 95 bits of hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    pub high: u64,
    /// What its cell begins with; the top bit is set, the eight below it name the shard.
    pub tag: u32,
}

/// The bytes of a client id as four words, zeros behind its end.
pub type Words = [u64; 4];

/// Which bits of its words a text of each length has.
const MASKS: [Words; 33] = {
    let mut masks = [[0; 4]; 33];
    let mut length = 0;
    while length <= 32 {
        let mut byte = 0;
        while byte < length {
            masks[length][byte / 8] |= 0xFF << (8 * (byte % 8));
            byte += 1;
        }
        length += 1;
    }
    masks
};

/// Words of at most 32 bytes; what is longer is cut.
#[inline(always)]
pub fn words_of(text: &[u8]) -> Words {
    words_at(text, 0, text.len())
}

/// Words of the `length` (at most 32) bytes at `at`. Reads 32 bytes where there are as many, and keeps what belongs to the
/// text.
#[inline(always)]
pub fn words_at(bytes: &[u8], at: usize, length: usize) -> Words {
    match bytes.get(at..).and_then(|bytes| bytes.first_chunk::<32>()) {
        Some(chunk) => {
            let mask = &MASKS[length.min(32)];
            std::array::from_fn(|index| u64_at(chunk, 8 * index) & mask[index])
        }
        None => words_at_end(bytes, at, length),
    }
}

#[inline(never)]
fn words_at_end(bytes: &[u8], at: usize, length: usize) -> Words {
    let mut chunk = [0; 32];
    let text = bytes.get(at..).unwrap_or_default();
    let length = length.min(text.len()).min(32);
    chunk[..length].copy_from_slice(&text[..length]);
    std::array::from_fn(|index| u64_at(&chunk, 8 * index))
}

/// Whether the first `length` (at most 32) bytes are visible ASCII (0x21 to 0x7E), eight at a time.
#[inline(always)]
pub fn visible(words: &Words, length: usize) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const ONE: u64 = 0x0101_0101_0101_0101;
    let mask = &MASKS[length.min(32)];
    let mut bad = 0;
    for (word, mask) in words.iter().zip(mask) {
        // A byte with its high bit set, minus 0x21, keeps the bit unless it was below; 0x7F plus one sets it.
        let low = !((word | HIGH) - 0x21 * ONE);
        let delete = (word & !HIGH) + ONE;
        bad |= (low | delete | word) & mask;
    }
    bad & HIGH == 0
}

/// Key of a client id of the account with this number.
#[inline(always)]
pub fn key_of_words(account: u32, words: &Words, length: usize) -> Key {
    let seed = (u64::from(account) << 8 | length as u64).wrapping_mul(0x9FB2_1C65_1E98_DF25);
    let a = fold(words[0] ^ 0x9E37_79B9_7F4A_7C15, words[1] ^ 0xD6E8_FEB8_6659_FD93 ^ seed);
    let b = fold(words[2] ^ 0xA076_1D64_78BD_642F ^ seed, words[3] ^ 0xE703_7ED1_A0B4_28DB);
    let wide = u128::from(a ^ 0x8EBC_6AF0_9C88_C6E3) * u128::from(b ^ 0x5899_65CC_7537_4CC3);
    let (low, high) = (wide as u64 ^ a.rotate_left(29), (wide >> 64) as u64 ^ b.rotate_left(17) ^ a);
    let low = low ^ high.rotate_left(32);
    Key { high, tag: low as u32 | 1 << 31 }
}

/// Key of `text` (at most 32 bytes) for the account with this number.
pub fn key_of(account: u32, text: &[u8]) -> Key {
    key_of_words(account, &words_of(text), text.len())
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a).wrapping_mul(u128::from(b));
    (wide as u64) ^ ((wide >> 64) as u64) ^ a.rotate_left(23)
}

/// What is remembered of one client id: 32 bytes. `state` and `filled` are what its order became, if it is no longer
/// open; until something is known they say cancelled and nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    high: u64,
    order_id: u64,
    /// Lots filled, above two bits of state.
    outcome: u64,
    tag: u32,
    account: u32,
}

impl Entry {
    #[inline(always)]
    pub fn new(key: Key, account: u32, order_id: u64) -> Entry {
        Entry { high: key.high, order_id, outcome: u64::from(state::CANCELLED), tag: key.tag, account }
    }

    #[inline(always)]
    pub fn key(&self) -> Key {
        Key { high: self.high, tag: self.tag }
    }

    pub fn order_id(&self) -> u64 {
        self.order_id
    }

    pub fn account(&self) -> u32 {
        self.account
    }

    pub fn state(&self) -> u8 {
        (self.outcome & 3) as u8
    }

    pub fn filled(&self) -> i64 {
        (self.outcome >> 2) as i64
    }

    /// The entry as four words, for snapshots.
    pub fn to_words(self) -> [u64; 4] {
        [self.high, self.order_id, self.outcome, u64::from(self.tag) << 32 | u64::from(self.account)]
    }

    /// The entry of such words.
    pub fn of_words([high, order_id, outcome, place]: [u64; 4]) -> Entry {
        Entry { high, order_id, outcome, tag: (place >> 32) as u32 | 1 << 31, account: place as u32 }
    }

    /// Note what the order has become; `filled` is below 2^62.
    #[inline(always)]
    pub fn finish(&mut self, state: u8, filled: i64) {
        self.outcome = (filled as u64) << 2 | u64::from(state & 3);
    }
}

// SAFETY: integers.
unsafe impl Zeroed for Entry {}

pub struct ClientIds {
    shards: Box<[Shard; SHARDS]>,
    classes: Box<Classes>,
    chunks: Vec<Pages<Entry>>,
    /// Sequence of the first entry of the first chunk, of the oldest entry, and of the next.
    chunk_base: u64,
    first: u64,
    next: u64,
    /// (minute, first sequence of it), oldest first.
    marks: VecDeque<(u64, u64)>,
    /// The minute of the newest mark.
    minute_ms: u64,
    /// When the oldest entry may be forgotten; `u64::MAX` when there is none.
    due_ms: u64,
}

/// What a search found: the sequence of the entry, or the cell where it would stand.
#[derive(Clone, Copy)]
pub enum Found {
    Entry(u64),
    Vacant(Vacancy),
}

/// A free cell and its steps from home; good until the memory changes.
#[derive(Clone, Copy)]
pub struct Vacancy {
    at: usize,
    steps: usize,
}

impl Default for ClientIds {
    fn default() -> Self {
        ClientIds {
            shards: Box::new([Shard::default(); SHARDS]),
            classes: Box::default(),
            chunks: Vec::new(),
            chunk_base: 0,
            first: 0,
            next: 0,
            marks: VecDeque::new(),
            minute_ms: 0,
            due_ms: u64::MAX,
        }
    }
}

impl ClientIds {
    pub fn len(&self) -> usize {
        (self.next - self.first) as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub fn entry(&self, sequence: u64) -> &Entry {
        let at = (sequence - self.chunk_base) as usize;
        &self.chunks[at / CHUNK][at % CHUNK]
    }

    #[inline]
    fn entry_mut(&mut self, sequence: u64) -> &mut Entry {
        let at = (sequence - self.chunk_base) as usize;
        &mut self.chunks[at / CHUNK][at % CHUNK]
    }

    #[inline]
    fn sequence_of(&self, cell: u64) -> u64 {
        self.first + u64::from((cell as u32).wrapping_sub(self.first as u32))
    }

    /// Hint that `key` is about to be looked up.
    #[inline]
    pub fn prefetch(&self, key: Key) {
        let (cells, base, mask) = self.place_of(key.tag);
        crate::prefetch::line(cells, base + (key.tag as usize & mask));
    }

    /// Hint that the entry of this sequence is about to be finished.
    #[inline]
    pub fn prefetch_entry(&self, sequence: u64) {
        let at = sequence.wrapping_sub(self.chunk_base) as usize;
        if let Some(chunk) = self.chunks.get(at / CHUNK) {
            crate::prefetch::line(chunk, at % CHUNK);
        }
    }

    /// Look an id up; when it is new the shard has room for one more and the cell is returned.
    #[inline]
    pub fn search(&mut self, account: u32, key: Key) -> Found {
        if self.shards[shard_of(key.tag)].room == 0 {
            self.grow(shard_of(key.tag));
        }
        let cells = self.cells_of(key.tag);
        let mask = cells.len() - 1;
        let home = key.tag as usize & mask;
        let mut at = home;
        loop {
            let cell = cells[at & mask];
            if cell == 0 {
                return Found::Vacant(Vacancy { at, steps: at.wrapping_sub(home) & mask });
            }
            if (cell >> 32) as u32 == key.tag {
                let sequence = self.sequence_of(cell);
                if self.is_at(sequence, account, key) {
                    return Found::Entry(sequence);
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// The cell of an id that is not remembered and has room near its home; changes nothing.
    #[inline(always)]
    pub fn vacancy(&self, account: u32, key: Key) -> Option<Vacancy> {
        if self.shards[shard_of(key.tag)].room == 0 {
            return None;
        }
        let (cells, base, mask) = self.place_of(key.tag);
        let home = key.tag as usize & mask;
        let mut at = home;
        loop {
            let cell = cells[base + at];
            if cell == 0 {
                let vacancy = Vacancy { at, steps: at.wrapping_sub(home) & mask };
                return vacancy.is_near().then_some(vacancy);
            }
            if (cell >> 32) as u32 == key.tag && self.is_at(self.sequence_of(cell), account, key) {
                return None;
            }
            at = (at + 1) & mask;
        }
    }

    #[inline(never)]
    fn is_at(&self, sequence: u64, account: u32, key: Key) -> bool {
        let entry = self.entry(sequence);
        entry.key() == key && entry.account() == account
    }

    /// Sequence of the entry of this id, if it is remembered.
    pub fn find(&self, account: u32, key: Key) -> Option<u64> {
        let cells = self.cells_of(key.tag);
        if cells.is_empty() {
            return None;
        }
        let mask = cells.len() - 1;
        let mut at = key.tag as usize & mask;
        while cells[at] != 0 {
            if (cells[at] >> 32) as u32 == key.tag {
                let sequence = self.sequence_of(cells[at]);
                if self.is_at(sequence, account, key) {
                    return Some(sequence);
                }
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// Whether something is old enough to be forgotten.
    #[inline]
    pub fn is_due(&self, now_ms: u64) -> bool {
        self.due_ms <= now_ms
    }

    /// Remember a new id in the cell a search has just found; returns its sequence.
    #[inline(always)]
    pub fn push_at(&mut self, vacancy: Vacancy, entry: Entry, now_ms: u64) -> u64 {
        if now_ms.wrapping_sub(self.minute_ms) >= MARK_MS || self.marks.is_empty() {
            self.minute_ms = now_ms - now_ms % MARK_MS;
            self.marks.push_back((self.minute_ms, self.next));
            self.find_due();
        }
        let sequence = self.next;
        self.next += 1;
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(entry),
            _ => self.begin_chunk(entry),
        }
        let shard = &mut self.shards[shard_of(entry.tag)];
        shard.room -= 1;
        let base = shard_of(entry.tag) << shard.bits;
        self.classes.cells[shard.bits as usize][base + vacancy.at] =
            u64::from(entry.tag) << 32 | u64::from(sequence as u32);
        sequence
    }

    #[cold]
    fn begin_chunk(&mut self, entry: Entry) {
        // The first grows as it fills, so that few ids take little memory.
        let mut chunk = if self.chunks.is_empty() { Pages::default() } else { Pages::with_room(CHUNK) };
        chunk.push(entry);
        self.chunks.push(chunk);
    }

    /// Remember an id that is not remembered yet.
    pub fn push(&mut self, entry: Entry, now_ms: u64) -> u64 {
        if self.shards[shard_of(entry.tag)].room == 0 {
            self.grow(shard_of(entry.tag));
        }
        let (at, steps) = free_cell(self.cells_of(entry.tag), entry.tag);
        self.push_at(Vacancy { at, steps }, entry, now_ms)
    }

    fn find_due(&mut self) {
        self.due_ms = self.marks.front().map_or(u64::MAX, |mark| mark.0 + MARK_MS + MEMORY_MS);
    }

    /// Record what the order of an entry has become, unless that is cancelled without a fill.
    #[inline]
    pub fn finish(&mut self, sequence: u64, state: u8, filled: i64) {
        self.entry_mut(sequence).finish(state, filled);
    }

    /// Forget the oldest entry if it is older than the memory. An entry whose order is still open moves to
    /// the young end instead: then `(order id, new sequence)` is returned for the order to note.
    pub fn expire_one(&mut self, now_ms: u64, is_open: impl Fn(u64) -> bool) -> Option<Option<(u64, u64)>> {
        if !self.is_due(now_ms) || self.is_empty() {
            return None;
        }
        let entry = *self.entry(self.first);
        let first = self.first as u32;
        if remove(self.cells_mut(entry.tag), entry.tag, first) {
            self.shards[shard_of(entry.tag)].room += 1;
        }
        self.first += 1;
        while self.marks.len() > 1 && self.marks[1].1 <= self.first {
            self.marks.pop_front();
        }
        if self.first >= self.chunk_base + CHUNK as u64 {
            self.chunks.remove(0);
            self.chunk_base += CHUNK as u64;
        }
        if self.first == self.next {
            self.marks.clear();
        }
        self.find_due();
        if entry.state() == state::OPEN || is_open(entry.order_id) {
            let sequence = self.push(entry, now_ms);
            return Some(Some((entry.order_id, sequence)));
        }
        Some(None)
    }

    /// Entries oldest first, for snapshots.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        (self.first..self.next).map(|sequence| self.entry(sequence))
    }

    /// (minute, number of entries of it), oldest first, for snapshots.
    pub fn minutes(&self) -> Vec<(u64, u64)> {
        let mut minutes = Vec::with_capacity(self.marks.len());
        for (index, mark) in self.marks.iter().enumerate() {
            let end = self.marks.get(index + 1).map_or(self.next, |next| next.1);
            minutes.push((mark.0, end - mark.1.max(self.first)));
        }
        minutes
    }

    /// Sequence of the oldest entry.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Binary logarithm of each shard's size (0: empty), for snapshots.
    pub fn shard_sizes(&self) -> impl Iterator<Item = u8> + '_ {
        self.shards.iter().map(|shard| shard.size)
    }

    /// Give the shards of an empty memory the sizes they had; `false` if they cannot be right.
    pub fn resize_shards(&mut self, sizes: &[u8]) -> bool {
        let allowed = |size: &u8| *size == 0 || (MIN_SIZE..=MAX_SIZE).contains(size);
        if sizes.len() != SHARDS || !sizes.iter().all(allowed) {
            return false;
        }
        for (shard, size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0) {
            self.resize(shard, *size);
        }
        true
    }

    /// The cells of a tag's shard.
    #[inline(always)]
    fn cells_of(&self, tag: u32) -> &[u64] {
        let shard = shard_of(tag);
        self.classes.of(shard, self.shards[shard].bits)
    }

    #[inline(always)]
    fn cells_mut(&mut self, tag: u32) -> &mut [u64] {
        let shard = shard_of(tag);
        self.classes.of_mut(shard, self.shards[shard].bits)
    }

    /// The cells among which those of a tag's shard are, where they begin, and the mask of places in them.
    #[inline(always)]
    fn place_of(&self, tag: u32) -> (&[u64], usize, usize) {
        let shard = shard_of(tag);
        let bits = self.shards[shard].bits;
        (&self.classes.cells[bits as usize], shard << bits, (1 << bits) - 1)
    }

    #[cold]
    fn grow(&mut self, shard: usize) {
        self.resize(shard, (self.shards[shard].size + 1).max(MIN_SIZE));
    }

    /// Give a shard a size, more than it has.
    fn resize(&mut self, shard: usize, size: u8) {
        let Shard { size: before, bits: had, room } = self.shards[shard];
        let used = capacity(before) - room;
        let bits = bits_of(size);
        self.shards[shard] = Shard { size, bits, room: capacity(size) - used };
        if bits == had {
            return;
        }
        self.classes.enter(bits);
        let (old, new) = self.classes.cells.split_at_mut(bits as usize);
        let (old, new) = (&old[had as usize], &mut new[0][shard << bits..(shard + 1) << bits]);
        for cell in old.get(shard << had..(shard + 1) << had).unwrap_or_default() {
            if *cell != 0 {
                let (at, _) = free_cell(new, (cell >> 32) as u32);
                new[at] = *cell;
            }
        }
        if had > 0 {
            self.classes.leave(had);
        }
    }
}

impl Vacancy {
    /// Whether the cell is near enough to its home. Which cells are taken depends only on the ids
    /// remembered and the size of the shard, so the answer is the same after a restore; refusing the rest
    /// bounds every search.
    #[inline]
    pub fn is_near(self) -> bool {
        self.steps < MAX_PROBE
    }
}

#[cfg(test)]
mod tests {
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
            let found =
                ids.find(16, key_of(16, format!("id{n}").as_bytes())).map(|at| ids.entry(at).order_id());
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
            assert_eq!(ids.classes.cells[bits].len(), if counted > 0 { SHARDS << bits } else { 0 });
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
        assert!(ids.classes.cells.iter().all(|cells| cells.iter().all(|cell| *cell == 0)));
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
}
