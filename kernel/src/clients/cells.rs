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
    /// Binary logarithm of its cells; 0 while it has none.
    pub(super) size: u8,
    /// Entries it takes before it grows.
    pub(super) room: u32,
}

/// The cells of all shards: by size, in one array for the 256 shards of it. A cell is 0 when empty, else the tag in the
/// high half (its top bit set) and the entry's sequence in the low half.
#[derive(Default)]
pub(super) struct Classes {
    pub(super) cells: [Pages<u64>; MAX_SIZE as usize + 2],
    /// Shards of each size; the cells of a size without any are given back.
    pub(super) shards: [u16; MAX_SIZE as usize + 2],
}

impl Classes {
    #[inline(always)]
    pub(super) fn of(&self, shard: usize, size: u8) -> &[u64] {
        self.cells[size as usize].get(shard << size..(shard + 1) << size).unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn of_mut(&mut self, shard: usize, size: u8) -> &mut [u64] {
        self.cells[size as usize].get_mut(shard << size..(shard + 1) << size).unwrap_or_default()
    }

    /// A shard begins to have 2^size cells, all empty.
    pub(super) fn enter(&mut self, size: u8) {
        let at = size as usize;
        if self.shards[at] == 0 {
            self.cells[at] = Pages::zeroed(SHARDS << at);
        }
        self.shards[at] += 1;
    }

    pub(super) fn leave(&mut self, size: u8) {
        let at = size as usize;
        self.shards[at] -= 1;
        if self.shards[at] == 0 {
            self.cells[at] = Pages::default();
        }
    }
}

/// Entries that so many cells take: five eighths, so that searches stay short.
pub(super) fn capacity(cells: usize) -> u32 {
    (cells * 5 / 8) as u32
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
