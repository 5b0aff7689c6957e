//! The book of one market.
//!
//! Prices near the touch are an array: 4,096 levels by tick, with a two-step bitmap a side that gives the
//! next best price in two instructions. Prices further off live in a sorted map a side. Every price is in
//! exactly one of the two, so the window's place is only a matter of speed: it is moved (rarely, by
//! `recentre`) when a new best price falls outside. A level is a queue of order nodes linked by slot;
//! adding, reducing and unlinking are O(1).

use std::collections::BTreeMap;

use crate::slab::{Slab, NIL};

pub const WINDOW: usize = 4_096;
const WORDS: usize = WINDOW / 64;
/// Best price of an empty side.
pub const NO_BID: i64 = i64::MIN;
pub const NO_ASK: i64 = i64::MAX;
/// Best price of an empty side, by side.
pub const NIL_PRICE: [i64; 2] = [NO_BID, NO_ASK];
const BID: usize = 0;
const ASK: usize = 1;
/// Changes between two moves of the window, so that its cost is spread whatever the orders do.
const RECENTRE_EVERY: u32 = 1_024;

#[derive(Clone, Copy, Debug, Default)]
pub struct Level {
    pub head: u32,
    pub tail: u32,
    pub orders: u32,
    pub lots: i64,
}

/// Which ticks of the window hold a level: a bit each, and a bit for each word that is not empty.
struct Bits {
    words: [u64; WORDS],
    summary: u64,
}

impl Bits {
    const EMPTY: Bits = Bits { words: [0; WORDS], summary: 0 };

    #[inline]
    fn set(&mut self, at: usize) {
        self.words[at >> 6] |= 1 << (at & 63);
        self.summary |= 1 << (at >> 6);
    }

    #[inline]
    fn clear(&mut self, at: usize) {
        let word = &mut self.words[at >> 6];
        *word &= !(1 << (at & 63));
        if *word == 0 {
            self.summary &= !(1 << (at >> 6));
        }
    }

    #[inline]
    fn lowest(&self) -> Option<usize> {
        if self.summary == 0 {
            return None;
        }
        let word = self.summary.trailing_zeros() as usize;
        Some(word << 6 | self.words[word].trailing_zeros() as usize)
    }

    #[inline]
    fn highest(&self) -> Option<usize> {
        if self.summary == 0 {
            return None;
        }
        let word = 63 - self.summary.leading_zeros() as usize;
        Some(word << 6 | (63 - self.words[word].leading_zeros() as usize))
    }

    /// Lowest tick not below `at`.
    fn at_or_above(&self, at: usize) -> Option<usize> {
        if at >= WINDOW {
            return None;
        }
        let word = at >> 6;
        let here = self.words[word] & (!0 << (at & 63));
        if here != 0 {
            return Some(word << 6 | here.trailing_zeros() as usize);
        }
        let later = if word == WORDS - 1 { 0 } else { self.summary & (!0 << (word + 1)) };
        (later != 0).then(|| {
            let word = later.trailing_zeros() as usize;
            word << 6 | self.words[word].trailing_zeros() as usize
        })
    }

    /// Highest tick below `at`.
    fn below(&self, at: usize) -> Option<usize> {
        let word = (at >> 6).min(WORDS - 1);
        let mask = if at >= WINDOW { !0 } else { (1 << (at & 63)) - 1 };
        let here = self.words[word] & mask;
        if here != 0 {
            return Some(word << 6 | (63 - here.leading_zeros() as usize));
        }
        let earlier = self.summary & ((1 << word) - 1);
        (earlier != 0).then(|| {
            let word = 63 - earlier.leading_zeros() as usize;
            word << 6 | (63 - self.words[word].leading_zeros() as usize)
        })
    }

    /// Set ticks upwards.
    fn ascending(&self) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.lowest(), |at| self.at_or_above(at + 1))
    }
}

/// The bitmaps come last, so that the rest lies together.
#[repr(C)]
pub struct Book {
    base: i64,
    window: Vec<Level>,
    best: [i64; 2],
    levels: [u32; 2],
    orders: u32,
    since_recentre: u32,
    /// Orders are collected without matching and may cross: both sides stand in the maps.
    collecting: bool,
    far: [BTreeMap<i64, Level>; 2],
    bits: [Bits; 2],
}

/// Bytes of a book that every change reads: all but the bitmaps.
pub(crate) const HOT: usize = std::mem::offset_of!(Book, bits);

impl Default for Book {
    fn default() -> Self {
        Book {
            base: 0,
            window: Vec::new(),
            bits: [Bits::EMPTY; 2],
            far: [BTreeMap::new(), BTreeMap::new()],
            best: [NO_BID, NO_ASK],
            levels: [0; 2],
            orders: 0,
            since_recentre: RECENTRE_EVERY,
            collecting: false,
        }
    }
}

impl Book {
    /// Best bid, or `NO_BID`.
    #[inline]
    pub fn best_bid(&self) -> i64 {
        self.best[BID]
    }

    /// Best ask, or `NO_ASK`.
    #[inline]
    pub fn best_ask(&self) -> i64 {
        self.best[ASK]
    }

    #[inline]
    pub fn best(&self, side: usize) -> i64 {
        self.best[side]
    }

    /// Whether a price on `side` would trade with the other side at once.
    #[inline]
    pub fn crosses(&self, side: usize, price: i64) -> bool {
        (side == BID) & (price >= self.best[ASK]) | (side != BID) & (price <= self.best[BID])
    }

    pub fn orders(&self) -> u32 {
        self.orders
    }

    pub fn level_count(&self, side: usize) -> u32 {
        self.levels[side]
    }

    #[inline]
    fn window_index(&self, price: i64) -> Option<usize> {
        let at = price.wrapping_sub(self.base) as u64;
        (at < self.window.len() as u64).then_some(at as usize)
    }

    /// The level at a price of a side, if it has orders.
    #[inline]
    pub fn level(&self, side: usize, price: i64) -> Option<&Level> {
        match self.window_index(price) {
            Some(at) => (self.bits[side].words[at >> 6] >> (at & 63) & 1 == 1).then(|| &self.window[at]),
            None => self.far[side].get(&price),
        }
    }

    /// First order of the best level of a side; `NIL` when the side is empty.
    #[inline]
    pub fn head(&self, side: usize) -> u32 {
        self.level(side, self.best[side]).map_or(NIL, |level| level.head)
    }

    /// Hint that the level at `price` is about to be used.
    #[inline]
    pub fn prefetch(&self, price: i64) {
        crate::prefetch::line(&self.window, price.wrapping_sub(self.base) as usize);
    }

    /// What is the last order at `price` in the window, or was: only for hints.
    #[inline]
    pub fn tail_hint(&self, price: i64) -> u32 {
        self.window.get(price.wrapping_sub(self.base) as usize).map_or(NIL, |level| level.tail)
    }

    /// Put an order at the end of the queue of its price.
    #[inline]
    pub fn push(&mut self, slab: &mut Slab, slot: u32) {
        let node = slab.node(slot);
        let (side, price, lots) = (node.side(), node.price, node.remaining);
        let prev = self.append(slab, slot, (side, price, lots));
        let node = slab.node_mut(slot);
        (node.next, node.prev) = (NIL, prev);
    }

    /// Put an order of a side, a price and so many lots at the end of its queue. Its own node is the caller's to write: none
    /// comes after it, and the answer comes before it.
    #[inline]
    pub(crate) fn append(&mut self, slab: &mut Slab, slot: u32, order: (usize, i64, i64)) -> u32 {
        let (side, price, lots) = order;
        self.orders += 1;
        self.since_recentre = self.since_recentre.saturating_add(1);
        let better = (side == BID) & (price > self.best[BID]) | (side != BID) & (price < self.best[ASK]);
        if better && self.window_index(price).is_none() {
            self.recentre(price);
        }
        let (level, created) = match self.window_index(price) {
            Some(at) => {
                let level = &mut self.window[at];
                let created = level.orders == 0;
                if created {
                    self.bits[side].set(at);
                }
                (level, created)
            }
            None => {
                let level = self.far[side].entry(price).or_default();
                let created = level.orders == 0;
                (level, created)
            }
        };
        let tail = level.tail;
        if created {
            level.head = slot;
        }
        level.tail = slot;
        level.orders += 1;
        level.lots += lots;
        self.levels[side] += u32::from(created);
        if better {
            self.best[side] = price;
        }
        if created {
            return NIL;
        }
        slab.node_mut(tail).next = slot;
        tail
    }

    /// Take an order out of its queue.
    #[inline]
    pub fn unlink(&mut self, slab: &mut Slab, slot: u32) {
        let node = *slab.node(slot);
        let (side, price) = (node.side(), node.price);
        self.orders -= 1;
        self.since_recentre = self.since_recentre.saturating_add(1);
        if node.prev != NIL {
            slab.node_mut(node.prev).next = node.next;
        }
        if node.next != NIL {
            slab.node_mut(node.next).prev = node.prev;
        }
        let at = self.window_index(price);
        let Some(level) = self.level_mut(side, price) else {
            panic!("an open order stands in its level");
        };
        if level.head == slot {
            level.head = node.next;
        }
        if level.tail == slot {
            level.tail = node.prev;
        }
        level.orders -= 1;
        level.lots -= node.remaining;
        if level.orders > 0 {
            return;
        }
        match at {
            Some(at) => self.bits[side].clear(at),
            None => {
                self.far[side].remove(&price);
            }
        }
        self.levels[side] -= 1;
        if price == self.best[side] {
            self.find_best(side);
        }
    }

    /// Place in the window and first order of the best level of a side; `None` when the level stands outside the window.
    #[inline(always)]
    pub(crate) fn front(&self, side: usize) -> Option<(usize, u32)> {
        let at = self.window_index(self.best[side])?;
        Some((at, self.window[at].head))
    }

    /// After a run of trades at the front (`at`) of a side: so many of its first orders are gone, `lots` in all were traded,
    /// and `head` comes first now, `NIL` if none is left. Whose orders they were has removed them.
    #[inline(always)]
    pub(crate) fn advance(
        &mut self,
        slab: &mut Slab,
        side: usize,
        (at, head): (usize, u32),
        gone: u32,
        lots: i64,
    ) {
        self.orders -= gone;
        self.since_recentre = self.since_recentre.saturating_add(gone);
        let level = &mut self.window[at];
        level.orders -= gone;
        level.lots -= lots;
        level.head = head;
        if head != NIL {
            slab.node_mut(head).prev = NIL;
            return;
        }
        level.tail = NIL;
        assert!((level.orders == 0) & (level.lots == 0), "a level without a first order is empty");
        self.bits[side].clear(at);
        self.levels[side] -= 1;
        self.find_best(side);
    }

    /// Shrink an order in place; it keeps its place in the queue.
    #[inline]
    pub fn reduce(&mut self, slab: &mut Slab, slot: u32, lots: i64) {
        let node = slab.node_mut(slot);
        node.remaining -= lots;
        let (side, price) = (node.side(), node.price);
        if let Some(level) = self.level_mut(side, price) {
            level.lots -= lots;
        }
    }

    #[inline]
    fn level_mut(&mut self, side: usize, price: i64) -> Option<&mut Level> {
        match self.window_index(price) {
            Some(at) => Some(&mut self.window[at]),
            None => self.far[side].get_mut(&price),
        }
    }

    #[inline]
    fn find_best(&mut self, side: usize) {
        if side == BID {
            let near = self.bits[BID].highest().map_or(NO_BID, |at| self.base + at as i64);
            self.best[BID] = match self.far[BID].last_key_value() {
                Some((price, _)) => near.max(*price),
                None => near,
            };
        } else {
            let near = self.bits[ASK].lowest().map_or(NO_ASK, |at| self.base + at as i64);
            self.best[ASK] = match self.far[ASK].first_key_value() {
                Some((price, _)) => near.min(*price),
                None => near,
            };
        }
    }

    /// Move the window so that `price` lies in its middle, if it was not moved just now.
    #[cold]
    fn recentre(&mut self, price: i64) {
        if self.since_recentre < RECENTRE_EVERY || self.collecting {
            return;
        }
        self.since_recentre = 0;
        if self.window.is_empty() {
            self.window = vec![Level::default(); WINDOW];
        }
        self.scatter();
        self.base = price - (WINDOW / 2) as i64;
        for side in [BID, ASK] {
            let mut beyond = self.far[side].split_off(&self.base);
            let mut above = beyond.split_off(&(self.base + WINDOW as i64));
            self.far[side].append(&mut above);
            for (price, level) in beyond {
                let at = (price - self.base) as usize;
                self.window[at] = level;
                self.bits[side].set(at);
            }
        }
    }

    /// Move all levels of the window to the maps.
    fn scatter(&mut self) {
        for side in [BID, ASK] {
            let bits = std::mem::replace(&mut self.bits[side], Bits::EMPTY);
            for at in bits.ascending() {
                let level = std::mem::take(&mut self.window[at]);
                self.far[side].insert(self.base + at as i64, level);
            }
        }
    }

    /// Let orders cross from now on. A level of the window belongs to one side, so there is none meanwhile.
    pub fn collect(&mut self) {
        self.scatter();
        self.window = Vec::new();
        self.collecting = true;
    }

    /// Orders no longer cross.
    pub fn end_collect(&mut self) {
        self.collecting = false;
        self.since_recentre = RECENTRE_EVERY;
    }

    pub fn is_collecting(&self) -> bool {
        self.collecting
    }

    /// Put an order back at the head of the queue of its price.
    pub fn push_head(&mut self, slab: &mut Slab, slot: u32) {
        let node = *slab.node(slot);
        let head = self.level(node.side(), node.price).map_or(NIL, |level| level.head);
        if head == NIL {
            return self.push(slab, slot);
        }
        self.orders += 1;
        if let Some(level) = self.level_mut(node.side(), node.price) {
            level.head = slot;
            level.orders += 1;
            level.lots += node.remaining;
        }
        slab.node_mut(head).prev = slot;
        let node = slab.node_mut(slot);
        (node.prev, node.next) = (NIL, head);
    }

    /// The next worse price of a side after `price`; `NO_BID` or `NO_ASK` when there is none.
    pub fn worse(&self, side: usize, price: i64) -> i64 {
        let offset = price.saturating_sub(self.base).clamp(-1, self.window.len() as i64);
        if side == BID {
            let near = usize::try_from(offset).ok().and_then(|at| self.bits[BID].below(at));
            let near = near.map_or(NO_BID, |at| self.base + at as i64);
            self.far[BID].range(..price).next_back().map_or(near, |(far, _)| near.max(*far))
        } else {
            let near = self.bits[ASK].at_or_above((offset + 1) as usize);
            let near = near.map_or(NO_ASK, |at| self.base + at as i64);
            let far =
                self.far[ASK].range((std::ops::Bound::Excluded(price), std::ops::Bound::Unbounded)).next();
            far.map_or(near, |(far, _)| near.min(*far))
        }
    }

    /// Prices of a side, best first.
    pub fn prices(&self, side: usize) -> impl Iterator<Item = i64> + '_ {
        let end = [NO_BID, NO_ASK][side];
        let some = move |price: i64| (price != end).then_some(price);
        std::iter::successors(some(self.best[side]), move |price| some(self.worse(side, *price)))
    }

    /// Up to `depth` levels of a side, best first: (price, level).
    pub fn side_levels(&self, side: usize, depth: usize) -> Vec<(i64, Level)> {
        let level = |price| self.level(side, price).map(|level| (price, *level));
        self.prices(side).take(depth).filter_map(level).collect()
    }

    /// Slots of a side in order of priority, best first.
    pub fn queue<'a>(&'a self, slab: &'a Slab, side: usize) -> impl Iterator<Item = u32> + 'a {
        let some = |slot: u32| (slot != NIL).then_some(slot);
        self.prices(side).flat_map(move |price| {
            let head = self.level(side, price).map_or(NIL, |level| level.head);
            std::iter::successors(some(head), move |slot| some(slab.node(*slot).next))
        })
    }
}
