//! The last few of a sequence: a buffer that is written over from its oldest item on.

use crate::pages::{Pages, Zeroed};

/// At most `N` items, the newest of those pushed.
pub struct Ring<T: Zeroed, const N: usize> {
    items: Pages<T>,
    /// Where the next item goes once the buffer is full: its oldest.
    next: usize,
}

impl<T: Zeroed, const N: usize> Default for Ring<T, N> {
    fn default() -> Self {
        Ring { items: Pages::default(), next: 0 }
    }
}

impl<T: Zeroed, const N: usize> Ring<T, N> {
    /// The place of the next item; `None` while the buffer still grows: then it is to be pushed.
    #[inline(always)]
    pub fn place(&mut self) -> Option<&mut T> {
        if self.items.len() < N {
            return None;
        }
        let at = self.next;
        self.next = if at + 1 == N { 0 } else { at + 1 };
        Some(&mut self.items[at])
    }

    #[inline(always)]
    pub fn push(&mut self, item: T) {
        match self.place() {
            Some(place) => *place = item,
            None => self.items.push(item),
        }
    }

    /// Hint that the place `ahead` items further is soon written over.
    #[inline(always)]
    pub fn prefetch(&self, ahead: usize) {
        if let Some(item) = self.items.get(self.next + ahead) {
            crate::prefetch::whole(item);
        }
    }

    /// Hint that one or two items are soon noted.
    #[inline]
    pub fn prefetch_end(&self) {
        let next = if self.items.len() < N { self.items.len().saturating_sub(1) } else { self.next };
        crate::prefetch::line(&self.items, next);
        crate::prefetch::line(&self.items, next + 1);
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        let (newer, older) = self.items.split_at(self.next);
        older.iter().chain(newer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_written_over() {
        let mut ring = Ring::<u64, 3>::default();
        for item in 1..=5 {
            ring.push(item);
        }
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(ring.iter().next_back(), Some(&5));
        assert_eq!(ring.len(), 3);
    }
}
