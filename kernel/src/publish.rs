//! The book as publishers need it: whole levels, or what changed since they last looked. The memory of what
//! was published is outside the logical state and is not in snapshots; after a restore the first look is a
//! whole book again.

use std::cmp::Ordering;

use crate::kernel::Kernel;

/// One level as published: (price in ticks, lots, number of orders).
pub type PublicLevel = (i64, i64, u32);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookDelta {
    pub market: u32,
    /// Sequence of the kernel at this look, and at the one before (-1: none).
    pub seq: i64,
    pub prev: i64,
    pub bids: Vec<PublicLevel>,
    pub asks: Vec<PublicLevel>,
    /// Whole levels, not changes.
    pub checkpoint: bool,
    pub phase: u8,
}

/// Last published book of each market.
#[derive(Default)]
pub(crate) struct Publisher {
    last: Vec<Option<BookDelta>>,
}

/// Levels of `new` that differ from `old`, and those of `old` that are gone with 0 lots. Both best first;
/// `rank` is smaller for better prices.
fn changes(old: &[PublicLevel], new: &[PublicLevel], rank: impl Fn(i64) -> i64) -> Vec<PublicLevel> {
    let mut changed = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let order = match (old.get(i), new.get(j)) {
            (Some(was), Some(is)) => rank(was.0).cmp(&rank(is.0)),
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        match order {
            Ordering::Less => changed.push((old[i].0, 0, 0)),
            Ordering::Greater => changed.push(new[j]),
            Ordering::Equal if old[i] != new[j] => changed.push(new[j]),
            Ordering::Equal => {}
        }
        i += usize::from(order != Ordering::Greater);
        j += usize::from(order != Ordering::Less);
    }
    changed
}

impl Kernel {
    /// Up to `depth` levels a side, best first; `None` for an unknown market.
    pub fn book(&self, market: u32, depth: usize) -> Option<(Vec<PublicLevel>, Vec<PublicLevel>)> {
        let book = &self.markets.get(market as usize)?.book;
        let side = |side| {
            let levels = book.side_levels(side, depth);
            levels.into_iter().map(|(price, level)| (price, level.lots, level.orders)).collect()
        };
        Some((side(0), side(1)))
    }

    /// What changed since the last call for this market, or everything when asked or when there was none.
    pub fn book_delta(&mut self, market: u32, depth: usize, checkpoint: bool) -> Option<BookDelta> {
        let (bids, asks) = self.book(market, depth)?;
        let seq = self.sequence as i64;
        let phase = self.markets[market as usize].phase;
        if self.publisher.last.len() <= market as usize {
            self.publisher.last.resize(self.markets.len(), None);
        }
        let whole = BookDelta { market, seq, prev: -1, bids, asks, checkpoint: true, phase };
        let before = self.publisher.last[market as usize].replace(whole.clone());
        Some(match before {
            None => whole,
            Some(before) if checkpoint => BookDelta { prev: before.seq, ..whole },
            Some(before) => BookDelta {
                prev: before.seq,
                bids: changes(&before.bids, &whole.bids, |price| -price),
                asks: changes(&before.asks, &whole.asks, |price| price),
                checkpoint: false,
                ..whole
            },
        })
    }

    /// The whole book as of the last `book_delta`.
    pub fn published_book(&self, market: u32) -> Option<&BookDelta> {
        self.publisher.last.get(market as usize)?.as_ref()
    }
}
