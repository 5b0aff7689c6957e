//! The cells of the client id index: where they lie and how an id's is found. Linear probing within a shard; taking a
//! cell out closes the gap, so a probe ends at the first empty cell.

use crate::pages::Pages;

pub(super) const SHARDS: usize = 256;
/// Binary logarithm of the most and the fewest cells of a shard in a snapshot.
pub(super) const MAX_SIZE: u8 = 22;
pub(super) const MIN_SIZE: u8 = 4;

/// Shard of a tag; a shard never has more cells than there are bits below.
#[inline(always)]
pub(super) fn shard_of(tag: u32) -> usize {
    (tag >> 23) as usize % SHARDS
}

/// How a shard stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Shard {
    /// What snapshots call its size: it takes five eighths of 2^size entries before it grows; 0 while it takes none.
    pub(super) size: u8,
    /// Binary logarithm of its cells.
    pub(super) bits: u8,
    /// Entries it takes before it grows.
    pub(super) room: u32,
}

/// Cells of a shard of a size: every second growth makes four of one, so that an entry is moved a third of a time on the
/// average and most cells looked at first are free.
#[inline]
pub(super) fn bits_of(size: u8) -> u8 {
    (size.next_multiple_of(2)).min(MAX_SIZE + 1)
}

/// The cells of all shards: by their number, in one array for the 256 shards of it. A cell is 0 when empty, else the tag in
/// the high half (its top bit set) and the entry's sequence in the low half.
#[derive(Default)]
pub(super) struct Classes {
    pub(super) cells: [Pages<u64>; MAX_SIZE as usize + 2],
    /// Shards of each number of cells; the cells of one without any are given back.
    pub(super) shards: [u16; MAX_SIZE as usize + 2],
}

impl Classes {
    #[inline(always)]
    pub(super) fn of(&self, shard: usize, bits: u8) -> &[u64] {
        self.cells[bits as usize].get(shard << bits..(shard + 1) << bits).unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn of_mut(&mut self, shard: usize, bits: u8) -> &mut [u64] {
        self.cells[bits as usize].get_mut(shard << bits..(shard + 1) << bits).unwrap_or_default()
    }

    /// A shard begins to have 2^bits cells, all empty.
    pub(super) fn enter(&mut self, bits: u8) {
        let at = bits as usize;
        if self.shards[at] == 0 {
            self.cells[at] = Pages::zeroed(SHARDS << at);
        }
        self.shards[at] += 1;
    }

    pub(super) fn leave(&mut self, bits: u8) {
        let at = bits as usize;
        self.shards[at] -= 1;
        if self.shards[at] == 0 {
            self.cells[at] = Pages::default();
        }
    }
}

/// Entries a shard of a size takes: five eighths, so that searches stay short.
pub(super) fn capacity(size: u8) -> u32 {
    if size == 0 {
        0
    } else {
        5 << size >> 3
    }
}

/// (first free cell for a tag, steps from its home); at least three eighths of the cells are free.
#[inline]
pub(super) fn free_cell(cells: &[u64], tag: u32) -> (usize, usize) {
    let mask = cells.len() - 1;
    let home = tag as usize & mask;
    let mut at = home;
    while cells[at] != 0 {
        at = (at + 1) & mask;
    }
    (at, at.wrapping_sub(home) & mask)
}

/// Take a cell out and close the gap, so that no probe ever crosses a grave; whether it was there.
pub(super) fn remove(cells: &mut [u64], tag: u32, sequence: u32) -> bool {
    let mask = cells.len() - 1;
    let cell = u64::from(tag) << 32 | u64::from(sequence);
    let mut hole = tag as usize & mask;
    let mut steps = 0;
    while cells[hole] != cell {
        hole = (hole + 1) & mask;
        steps += 1;
        if cells[hole] == 0 || steps > mask {
            return false;
        }
    }
    let mut at = hole;
    loop {
        at = (at + 1) & mask;
        let moved = cells[at];
        if moved == 0 {
            break;
        }
        let home = (moved >> 32) as usize & mask;
        if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
            cells[hole] = moved;
            hole = at;
        }
    }
    cells[hole] = 0;
    true
}
