//! The cells of the client id index: where they lie and how an id's is found.
//!
//! Eight cells are a line of the cache, and a byte of each stands in one word of it, so that a search looks at eight at once
//! and without guessing: an id belongs into the line its tag names, or into the first behind it that is not full. Taking a cell
//! out of a full line brings back what has passed it, so a search ends at the first line that has a free cell.

use crate::pages::{Pages, Zeroed};

pub(super) const SHARDS: usize = 256;
/// Binary logarithm of the most and the fewest cells of a shard in a snapshot.
pub(super) const MAX_SIZE: u8 = 22;
pub(super) const MIN_SIZE: u8 = 4;
/// Cells of a line, and the binary logarithm of that.
pub(super) const WIDTH: usize = 1 << LINE_BITS;
const LINE_BITS: u8 = 3;
/// Classes of shards: by the binary logarithm of their lines, which is never 0.
const CLASSES: usize = (MAX_SIZE + 2 - LINE_BITS) as usize;

/// The top bit of every byte, and the lowest.
const HIGH: u64 = 0x8080_8080_8080_8080;
const ONES: u64 = 0x0101_0101_0101_0101;

/// Shard of a tag; the bits below tell the lines and the ids of a shard apart.
#[inline(always)]
pub(super) fn shard_of(tag: u32) -> usize {
    (tag >> 23) as usize % SHARDS
}

/// How a shard stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Shard {
    /// What snapshots call its size: it takes five eighths of 2^size entries before it grows; 0 while it takes none.
    pub(super) size: u8,
    /// Binary logarithm of its lines; 0 while it has none.
    pub(super) bits: u8,
    /// Entries it takes before it grows.
    pub(super) room: u32,
}

/// Lines of a shard of a size, as a binary logarithm: every second growth makes four of one, so that an entry is moved a third
/// of a time on the average and most lines have free cells.
#[inline]
pub(super) fn bits_of(size: u8) -> u8 {
    size.next_multiple_of(2).min(MAX_SIZE + 1).saturating_sub(LINE_BITS)
}

/// Entries a shard of a size takes: five eighths, so that searches stay short.
pub(super) fn capacity(size: u8) -> u32 {
    if size == 0 {
        0
    } else {
        5 << size >> 3
    }
}

/// A free cell, and whether it is near enough to its home; good until the memory changes.
#[derive(Clone, Copy)]
pub struct Vacancy {
    /// Cells before it in its class.
    at: u32,
    near: bool,
}

impl Vacancy {
    /// Whether the cell is near enough to its home. Which lines are full depends only on the ids
    /// remembered and the size of the shard, so the answer is the same after a restore; refusing the rest
    /// bounds every search.
    #[inline(always)]
    pub fn is_near(self) -> bool {
        self.near
    }
}

/// Lines a search goes through at most before an id is refused.
const MAX_PROBE: u32 = 64;

/// Eight cells. What is not told of a tag by them is the shard.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line {
    /// A byte of each cell: 0 when it is free, else the top bit and the seven upper bits of the tag.
    marks: u64,
    /// The entry's sequence.
    sequences: [u32; WIDTH],
    /// The sixteen lower bits of the tag.
    lows: [u16; WIDTH],
}

// SAFETY: integers.
unsafe impl Zeroed for Line {}

/// The byte of a tag.
#[inline(always)]
fn mark_of(tag: u32) -> u64 {
    u64::from(tag >> 16 & 0x7F | 0x80)
}

impl Line {
    /// The top bit of the byte of each free cell.
    #[inline(always)]
    fn free(&self) -> u64 {
        !self.marks & HIGH
    }

    /// The top bit of the byte of each cell that has this mark, and at times of one behind such that is taken.
    #[inline(always)]
    fn alike(&self, mark: u64) -> u64 {
        let other = self.marks ^ (mark * ONES);
        other.wrapping_sub(ONES) & !other & HIGH
    }

    /// What is known of the tag of a cell.
    #[inline(always)]
    fn tag(&self, cell: usize) -> u32 {
        ((self.marks >> (cell * 8)) as u32 & 0x7F) << 16 | u32::from(self.lows[cell])
    }

    #[inline(always)]
    fn set(&mut self, cell: usize, tag: u32, sequence: u32) {
        let shift = cell % WIDTH * 8;
        self.marks = self.marks & !(0xFF << shift) | mark_of(tag) << shift;
        self.sequences[cell % WIDTH] = sequence;
        self.lows[cell % WIDTH] = tag as u16;
    }

    fn clear(&mut self, cell: usize) {
        self.marks &= !(0xFF << (cell * 8));
        self.sequences[cell] = 0;
        self.lows[cell] = 0;
    }

    /// Whether nothing is in it.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.marks == 0 && self.sequences == [0; WIDTH] && self.lows == [0; WIDTH]
    }

    /// Its taken cells.
    #[inline(always)]
    fn taken(&self) -> impl Iterator<Item = usize> {
        let mut left = self.marks & HIGH;
        std::iter::from_fn(move || {
            let cell = (left != 0).then_some(left.trailing_zeros() as usize / 8);
            left &= left.wrapping_sub(1);
            cell
        })
    }
}

/// The lines of one shard among those of its class.
pub(super) struct Place<L> {
    lines: L,
    base: usize,
    mask: usize,
}

impl<L> Place<L> {
    #[inline(always)]
    fn new(lines: L, shard: usize, bits: u8) -> Place<L> {
        Place { lines, base: shard << bits, mask: (1 << bits) - 1 }
    }

    /// The line a tag names.
    #[inline(always)]
    fn home(&self, tag: u32) -> usize {
        tag as usize & self.mask
    }
}

impl Place<&[Line]> {
    /// Hint that an id is about to be looked up.
    #[inline(always)]
    pub fn prefetch(&self, tag: u32) {
        crate::prefetch::line(self.lines, self.base + self.home(tag));
    }

    /// Look for an id that `is_it` knows by its sequence: that, or the first free cell for it. There must be one.
    #[inline(always)]
    pub fn search(&self, tag: u32, is_it: impl Fn(u32) -> bool) -> Result<u32, Vacancy> {
        let (mark, mut at, mut steps) = (mark_of(tag), self.home(tag), 0);
        loop {
            let line = &self.lines[self.base + at];
            let mut alike = line.alike(mark);
            while alike != 0 {
                let cell = alike.trailing_zeros() as usize / 8;
                if line.lows[cell] == tag as u16 && is_it(line.sequences[cell]) {
                    return Ok(line.sequences[cell]);
                }
                alike &= alike - 1;
            }
            let free = line.free();
            if free != 0 {
                let cell = (self.base + at) * WIDTH + free.trailing_zeros() as usize / 8;
                return Err(Vacancy { at: cell as u32, near: steps < MAX_PROBE });
            }
            at = (at + 1) & self.mask;
            steps += 1;
        }
    }
}

impl Place<&mut [Line]> {
    /// Give an id that has none the first free cell for it.
    #[inline(always)]
    pub fn insert(&mut self, tag: u32, sequence: u32) {
        let mut at = self.home(tag);
        while self.lines[self.base + at].free() == 0 {
            at = (at + 1) & self.mask;
        }
        let line = &mut self.lines[self.base + at];
        line.set(line.free().trailing_zeros() as usize / 8, tag, sequence);
    }

    /// Take an id's cell out, and bring back what has passed its line because that was full; whether it was there.
    pub fn remove(&mut self, tag: u32, sequence: u32) -> bool {
        let (mask, home) = (self.mask, self.home(tag));
        let lines = &mut self.lines[self.base..=self.base + mask];
        let mut at = home;
        let is_it =
            |line: &Line, cell: usize| line.sequences[cell] == sequence && line.lows[cell] == tag as u16;
        let mut hole = loop {
            let line = &lines[at];
            if let Some(cell) = line.taken().find(|cell| is_it(line, *cell)) {
                break cell;
            }
            at = (at + 1) & mask;
            if line.free() != 0 || at == home {
                return false;
            }
        };
        let mut next = at;
        while lines[next].free() == 0 {
            next = (next + 1) & mask;
            let line = lines[next];
            let passed = |cell: &usize| {
                let home = line.tag(*cell) as usize & mask;
                (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(at) & mask)
            };
            let found = line.taken().find(passed);
            if let Some(cell) = found {
                lines[at].set(hole, line.tag(cell), line.sequences[cell]);
                (at, hole) = (next, cell);
            }
        }
        lines[at].clear(hole);
        true
    }
}

/// The lines of all shards: by the lines of a shard, in one array for the 256 shards of it.
#[derive(Default)]
pub(super) struct Classes {
    pub(super) lines: [Pages<Line>; CLASSES],
    /// Shards of each class; the lines of one without any are given back.
    pub(super) shards: [u16; CLASSES],
}

impl Classes {
    /// The lines of a shard that has any.
    #[inline(always)]
    pub fn of(&self, shard: usize, bits: u8) -> Place<&[Line]> {
        Place::new(&self.lines[bits as usize], shard, bits)
    }

    #[inline(always)]
    pub fn of_mut(&mut self, shard: usize, bits: u8) -> Place<&mut [Line]> {
        Place::new(&mut self.lines[bits as usize], shard, bits)
    }

    /// Take a free cell of a shard with so many lines for an id.
    #[inline(always)]
    pub fn take(&mut self, bits: u8, vacancy: Vacancy, tag: u32, sequence: u32) {
        let at = vacancy.at as usize;
        self.lines[bits as usize][at / WIDTH].set(at % WIDTH, tag, sequence);
    }

    /// A shard begins to have 2^`bits` lines instead of the fewer it `had`: each of its ids is given a cell among them.
    pub fn grow(&mut self, shard: usize, had: u8, bits: u8) {
        let (at, before) = (bits as usize, had as usize);
        if self.shards[at] == 0 {
            self.lines[at] = Pages::zeroed(SHARDS << at);
        }
        self.shards[at] += 1;
        if had == 0 {
            return;
        }
        let (old, new) = self.lines.split_at_mut(at);
        let mut place = Place::new(&mut *new[0], shard, bits);
        for line in &old[before][shard << had..(shard + 1) << had] {
            for cell in line.taken() {
                place.insert(line.tag(cell), line.sequences[cell]);
            }
        }
        self.shards[before] -= 1;
        if self.shards[before] == 0 {
            self.lines[before] = Pages::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLANK: Line = Line { marks: 0, sequences: [0; WIDTH], lows: [0; WIDTH] };

    fn of(lines: &mut [Line]) -> Place<&mut [Line]> {
        Place::new(lines, 0, 4)
    }

    /// Every id is in the first line from its home on that is not full before it.
    fn assert_sound(lines: &[Line], count: usize) {
        let mask = lines.len() - 1;
        let mut taken = 0;
        for (at, line) in lines.iter().enumerate() {
            for cell in line.taken() {
                taken += 1;
                let mut passed = line.tag(cell) as usize & mask;
                while passed != at {
                    assert_eq!(lines[passed].free(), 0, "line {passed} was passed by one in line {at}");
                    passed = (passed + 1) & mask;
                }
            }
        }
        assert_eq!(taken, count);
    }

    /// Tags of few homes, so that lines are full and passed.
    fn tag(n: u32) -> u32 {
        let random = n.wrapping_mul(0x9E37_79B9);
        1 << 31 | (random >> 9) & 0x7F_FFF8 | ((random >> 5) % 5 + 12)
    }

    #[test]
    fn ids_that_crowd_a_few_lines_are_found_whichever_of_them_is_taken_out() {
        let mut lines = vec![BLANK; 16];
        let mut kept: Vec<u32> = Vec::new();
        for n in 0..4_000u32 {
            if kept.is_empty() || (kept.len() < 100 && n % 7 != 0) {
                of(&mut lines).insert(tag(n), n);
                kept.push(n);
            } else {
                let gone = kept.remove((n as usize * 31) % kept.len());
                assert!(of(&mut lines).remove(tag(gone), gone));
                assert!(!of(&mut lines).remove(tag(gone), gone), "it is gone");
            }
            assert_sound(&lines, kept.len());
        }
        for n in kept {
            let found = Place::new(&*lines, 0, 4).search(tag(n), |sequence| sequence == n);
            assert_eq!(found.ok(), Some(n));
            assert!(of(&mut lines).remove(tag(n), n));
        }
        assert!(lines.iter().all(Line::is_empty));
    }

    #[test]
    fn which_lines_are_full_does_not_depend_on_the_order() {
        let (mut one, mut other) = (vec![BLANK; 16], vec![BLANK; 16]);
        for n in 0..100 {
            of(&mut one).insert(tag(n), n);
            of(&mut other).insert(tag(99 - n), 99 - n);
        }
        let marks = |lines: &[Line]| lines.iter().map(|line| line.free().count_ones()).collect::<Vec<_>>();
        assert_eq!(marks(&one), marks(&other));
        assert!(marks(&one).contains(&0));
    }
}
