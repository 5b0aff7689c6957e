//! Order id to slot. Ids are given in sequence, so a page of 4-byte slots per 4,096 ids is a plain array; a
//! page that has become old and nearly empty moves to a sorted map, so that memory follows the number of
//! open orders and not the number ever placed.

use std::collections::BTreeMap;

const PAGE_BITS: u64 = 12;
const PAGE: usize = 1 << PAGE_BITS;
/// A past page with no more than this many orders left is dissolved.
const SPARSE: u32 = 64;
/// Pages kept at most; the oldest is dissolved first.
const MAX_PAGES: usize = 1 << 16;

struct Page {
    /// Orders left.
    live: u32,
    slots: Box<[u32; PAGE]>,
}

/// Open order ids; `next` is the id the next order gets.
pub struct OrderIds {
    next: u64,
    first_page: u64,
    /// From that on; few enough that taking some from the front is cheap.
    pages: Vec<Option<Page>>,
    scattered: BTreeMap<u64, u32>,
}

impl Default for OrderIds {
    fn default() -> Self {
        OrderIds::starting_at(1)
    }
}

impl OrderIds {
    pub fn starting_at(next: u64) -> Self {
        OrderIds { next, first_page: next >> PAGE_BITS, pages: Vec::new(), scattered: BTreeMap::new() }
    }

    pub fn next(&self) -> u64 {
        self.next
    }

    /// Give `slot` the next id.
    #[inline(always)]
    pub fn assign(&mut self, slot: u32) -> u64 {
        let id = self.reserve();
        self.name(id, slot);
        id
    }

    /// The next id, of an order that has no slot and may never get one.
    #[inline(always)]
    pub fn reserve(&mut self) -> u64 {
        let id = self.next;
        self.next += 1;
        let page = (id >> PAGE_BITS) - self.first_page;
        if page as usize >= self.pages.len() {
            self.open_page();
        }
        id
    }

    /// Note the slot of the id reserved last.
    #[inline(always)]
    pub fn name(&mut self, id: u64, slot: u32) {
        if let Some(Some(page)) = self.pages.last_mut() {
            page.slots[id as usize % PAGE] = slot;
            page.live += 1;
        }
    }

    /// Note an id given earlier (restore).
    pub fn put(&mut self, id: u64, slot: u32) {
        self.scattered.insert(id, slot);
    }

    #[inline]
    pub fn get(&self, id: u64) -> Option<u32> {
        let page = (id >> PAGE_BITS).wrapping_sub(self.first_page);
        match self.pages.get(page as usize) {
            Some(Some(page)) => match page.slots[id as usize % PAGE] {
                0 => self.scattered_get(id),
                slot => Some(slot),
            },
            _ => self.scattered_get(id),
        }
    }

    #[inline]
    fn scattered_get(&self, id: u64) -> Option<u32> {
        if self.scattered.is_empty() {
            return None;
        }
        self.scattered.get(&id).copied()
    }

    #[inline(always)]
    pub fn remove(&mut self, id: u64) {
        let index = (id >> PAGE_BITS).wrapping_sub(self.first_page) as usize;
        let last = self.pages.len().wrapping_sub(1);
        if let Some(Some(page)) = self.pages.get_mut(index) {
            let slot = &mut page.slots[id as usize % PAGE];
            if *slot != 0 {
                *slot = 0;
                page.live -= 1;
                if page.live <= SPARSE && index < last {
                    self.dissolve(index);
                }
                return;
            }
        }
        self.remove_scattered(id);
    }

    #[cold]
    #[inline(never)]
    fn remove_scattered(&mut self, id: u64) {
        self.scattered.remove(&id);
    }

    /// Hint that `id` is about to be looked up.
    #[inline]
    pub fn prefetch(&self, id: u64) {
        let page = (id >> PAGE_BITS).wrapping_sub(self.first_page);
        if let Some(Some(page)) = self.pages.get(page as usize) {
            crate::prefetch::line(&page.slots[..], id as usize % PAGE);
        }
    }

    #[cold]
    fn open_page(&mut self) {
        self.pages.push(Some(Page { live: 0, slots: Box::new([0; PAGE]) }));
        let last = self.pages.len() - 1;
        if last > 0 && self.pages[last - 1].as_ref().is_some_and(|page| page.live <= SPARSE) {
            self.dissolve(last - 1);
        }
        if self.pages.len() > MAX_PAGES {
            self.dissolve(0);
        }
    }

    #[cold]
    fn dissolve(&mut self, index: usize) {
        let first_id = (self.first_page + index as u64) << PAGE_BITS;
        if let Some(page) = self.pages[index].take() {
            for (offset, slot) in page.slots.iter().enumerate().filter(|(_, slot)| **slot != 0) {
                self.scattered.insert(first_id + offset as u64, *slot);
            }
        }
        let last = self.pages.len() - 1;
        let gone = self.pages[..last].iter().take_while(|page| page.is_none()).count();
        self.pages.drain(..gone);
        self.first_page += gone as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_after_their_page_dissolves() {
        let mut ids = OrderIds::default();
        for slot in 1..=20_000 {
            ids.assign(slot);
        }
        for id in (1..=20_000).filter(|id| id % 100 != 0) {
            ids.remove(id);
        }
        for id in 1..=20_000u64 {
            let expected = (id % 100 == 0).then_some(id as u32);
            assert_eq!(ids.get(id), expected);
        }
        assert!(ids.pages.len() < 3, "sparse pages are gone");
        assert_eq!(ids.next(), 20_001);
        assert_eq!(ids.assign(7), 20_001);
    }

    #[test]
    fn restored_ids_are_found_beside_new_ones() {
        let mut ids = OrderIds::starting_at(5_000);
        ids.put(4_999, 3);
        ids.put(12, 4);
        assert_eq!(ids.assign(9), 5_000);
        assert_eq!((ids.get(4_999), ids.get(12), ids.get(5_000)), (Some(3), Some(4), Some(9)));
        ids.remove(4_999);
        assert_eq!(ids.get(4_999), None);
    }
}
