//! The client id memory: what every client order id of the last seven days became.
//!
//! Entries stand in a queue in order of acceptance and are found through an index keyed by a hash of
//! (account, client id). An entry outlives its order, so a client that got no answer can always ask by the
//! id it chose. The index is cut into 256 shards that grow one at a time, so no single command pays for
//! growing the whole, and a probe that grows too long refuses the id instead of searching on. Shards of one size stand side
//! by side in one array (`cells.rs`), so that the index is few large pieces of memory and not many small ones.

mod cells;
mod key;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use cells::{bits_of, capacity, shard_of, Classes, Line, Place, Shard, MAX_SIZE, MIN_SIZE, SHARDS};

pub use cells::Vacancy;
pub use key::{key_of, key_of_words, visible, words_at, words_of, Key, Words};

use crate::codes::state;
use crate::pages::{Pages, Zeroed};

/// How long an id is remembered, in kernel time.
pub const MEMORY_MS: u64 = 7 * 24 * 3_600_000;
/// Entries of a chunk: two MiB.
const CHUNK: usize = 1 << 16;
/// Entries ahead of the newest whose memory is asked for: nobody has been there yet, and a store that waits for it holds up
/// all those behind it.
const ENTRIES_AHEAD: usize = 16;
const MARK_MS: u64 = 60_000;

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

    /// The sequence of which a cell keeps the lower half.
    #[inline]
    fn sequence_of(&self, low: u32) -> u64 {
        self.first + u64::from(low.wrapping_sub(self.first as u32))
    }

    /// Hint that `key` is about to be looked up.
    #[inline]
    pub fn prefetch(&self, key: Key) {
        self.lines_of(key.tag).prefetch(key.tag);
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
        match self.look_up(account, key) {
            Ok(low) => Found::Entry(self.sequence_of(low)),
            Err(vacancy) => Found::Vacant(vacancy),
        }
    }

    /// As `search`, but nothing is changed; `None` when the shard has no room for one more, or none near enough.
    #[inline(always)]
    pub fn peek(&self, account: u32, key: Key) -> Option<Found> {
        if self.shards[shard_of(key.tag)].room == 0 {
            return None;
        }
        match self.look_up(account, key) {
            Ok(low) => Some(Found::Entry(self.sequence_of(low))),
            Err(vacancy) => vacancy.is_near().then_some(Found::Vacant(vacancy)),
        }
    }

    /// Look an id up in its shard, which must have cells.
    #[inline(always)]
    fn look_up(&self, account: u32, key: Key) -> Result<u32, Vacancy> {
        self.lines_of(key.tag).search(key.tag, |low| self.is_at(low, account, key))
    }

    #[inline(never)]
    fn is_at(&self, low: u32, account: u32, key: Key) -> bool {
        let entry = self.entry(self.sequence_of(low));
        entry.key() == key && entry.account() == account
    }

    /// Sequence of the entry of this id, if it is remembered.
    pub fn find(&self, account: u32, key: Key) -> Option<u64> {
        if self.shards[shard_of(key.tag)].bits == 0 {
            return None;
        }
        self.look_up(account, key).ok().map(|low| self.sequence_of(low))
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
            Some(chunk) if chunk.len() < CHUNK => {
                chunk.prefetch_end(ENTRIES_AHEAD);
                chunk.push(entry);
            }
            _ => self.begin_chunk(entry),
        }
        let shard = &mut self.shards[shard_of(entry.tag)];
        shard.room -= 1;
        self.classes.take(shard.bits, vacancy, entry.tag, sequence as u32);
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
        let Err(vacancy) = self.lines_of(entry.tag).search(entry.tag, |_| false) else {
            unreachable!("no id is known")
        };
        self.push_at(vacancy, entry, now_ms)
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
        if self.lines_mut(entry.tag).remove(entry.tag, first) {
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

    /// The lines of a tag's shard.
    #[inline(always)]
    fn lines_of(&self, tag: u32) -> Place<&[Line]> {
        let shard = shard_of(tag);
        self.classes.of(shard, self.shards[shard].bits)
    }

    #[inline(always)]
    fn lines_mut(&mut self, tag: u32) -> Place<&mut [Line]> {
        let shard = shard_of(tag);
        self.classes.of_mut(shard, self.shards[shard].bits)
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
        if bits != had {
            self.classes.grow(shard, had, bits);
        }
    }
}
