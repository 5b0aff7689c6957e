//! Arrays that may become large and are reached at random: orders, client ids. Each access to such memory costs a walk of the
//! page tables besides the access itself, which with 4 KiB pages is the dearer of the two; so whatever exceeds a huge page is
//! mapped by itself and the operating system asked for huge pages. Mapped memory is zero without being written, and grows
//! by moving its pages, not their content: no command pays for copying what is there.
//!
//! Small arrays are of the ordinary allocator, so that an idle group costs what it holds.

use std::alloc::{alloc_zeroed, dealloc, handle_alloc_error, Layout};
use std::marker::PhantomData;
use std::mem::size_of;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// From here on memory is mapped.
const HUGE: usize = 1 << 21;
/// Items there is room for at first.
const FIRST: usize = 16;

/// A type of which zero bytes are a value.
///
/// # Safety
/// All zero bytes must be a valid value of the type.
pub unsafe trait Zeroed: Copy {}

// SAFETY: integers.
unsafe impl Zeroed for u64 {}

/// A growing array. Its room beyond the length is zero.
pub struct Pages<T: Zeroed> {
    start: NonNull<T>,
    length: usize,
    room: usize,
    items: PhantomData<T>,
}

// SAFETY: the array owns its items and hands out references by the rules of its own borrow, as `Vec` does.
unsafe impl<T: Zeroed + Send> Send for Pages<T> {}
// SAFETY: as above.
unsafe impl<T: Zeroed + Sync> Sync for Pages<T> {}

impl<T: Zeroed> Default for Pages<T> {
    fn default() -> Self {
        Pages { start: NonNull::dangling(), length: 0, room: 0, items: PhantomData }
    }
}

impl<T: Zeroed> Pages<T> {
    /// `length` items of zero bytes.
    pub fn zeroed(length: usize) -> Pages<T> {
        let mut pages = Pages::default();
        pages.make_room(length);
        pages.length = length;
        pages
    }

    /// Nothing, with room for so many items.
    pub fn with_room(room: usize) -> Pages<T> {
        let bytes = room.checked_mul(size_of::<T>()).expect("the size of an array can be counted");
        let start = match bytes {
            0 => return Pages::default(),
            small if small < HUGE => allocate(layout::<T>(room)),
            large => map(large).unwrap_or_else(|| handle_alloc_error(layout::<T>(room))),
        };
        Pages { start: start.cast(), length: 0, room, items: PhantomData }
    }

    #[inline(always)]
    pub fn push(&mut self, item: T) {
        if self.length == self.room {
            self.make_room((self.room * 2).max(FIRST));
        }
        // SAFETY: the length is now less than the room.
        unsafe { self.start.as_ptr().add(self.length).write(item) };
        self.length += 1;
    }

    /// Hint that the item so many places behind the end is soon pushed.
    #[inline(always)]
    pub fn prefetch_end(&self, ahead: usize) {
        crate::prefetch::address(self.start.as_ptr().wrapping_add(self.length + ahead));
    }

    /// Grow to `room` items, which must be more than there are.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, room: usize) {
        assert!(room >= self.length && size_of::<T>() > 0, "room only grows");
        let bytes = room.checked_mul(size_of::<T>()).expect("the size of an array can be counted");
        if room == self.room {
            return;
        }
        let start = if bytes < HUGE {
            self.copied(allocate(layout::<T>(room)), room)
        } else if self.room * size_of::<T>() < HUGE {
            self.copied(map(bytes).unwrap_or_else(|| handle_alloc_error(layout::<T>(room))), room)
        } else {
            remap(self.start.cast(), self.room * size_of::<T>(), bytes)
                .unwrap_or_else(|| handle_alloc_error(layout::<T>(room)))
                .cast()
        };
        (self.start, self.room) = (start, room);
    }

    /// Copy the items to new memory with room for `room`, and give the old back.
    fn copied(&self, start: NonNull<u8>, room: usize) -> NonNull<T> {
        let start: NonNull<T> = start.cast();
        assert!(self.length <= room, "room only grows");
        // SAFETY: both have room for the items, and the new memory is nobody else's.
        unsafe { std::ptr::copy_nonoverlapping(self.start.as_ptr(), start.as_ptr(), self.length) };
        self.give_back();
        start
    }

    fn give_back(&self) {
        match self.room * size_of::<T>() {
            0 => {}
            // SAFETY: it came from `allocate` with this layout and is not used after this.
            bytes if bytes < HUGE => unsafe { dealloc(self.start.as_ptr().cast(), layout::<T>(self.room)) },
            bytes => unmap(self.start.cast(), bytes),
        }
    }
}

impl<T: Zeroed> Drop for Pages<T> {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl<T: Zeroed> Deref for Pages<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: so many items have been written or are zero, which is a value of `T`; without room the pointer dangles
        // aligned, as it may for a slice of nothing.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl<T: Zeroed> DerefMut for Pages<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and the array is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

/// Ask the operating system for huge pages behind the room of a list that has just grown, if it is large. What was there stays
/// on the pages it has; what comes is the larger half.
#[cfg(target_os = "linux")]
pub fn ask_huge<T>(list: &Vec<T>) {
    const PAGE: usize = 4_096;
    let bytes = list.capacity() * size_of::<T>();
    if bytes < HUGE {
        return;
    }
    let start = list.as_ptr().cast::<u8>();
    let skipped = start.align_offset(PAGE);
    let whole = (bytes - skipped) / PAGE * PAGE;
    // SAFETY: whole pages within an allocation that is ours; the advice changes neither them nor what they hold, and a refusal
    // changes nothing but speed.
    unsafe { libc::madvise(start.wrapping_add(skipped).cast_mut().cast(), whole, libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
pub fn ask_huge<T>(_list: &Vec<T>) {}

fn layout<T>(items: usize) -> Layout {
    Layout::array::<T>(items).expect("the size of an array can be counted")
}

fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: no item is of size zero and there is at least one.
    NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

/// New memory of zeros, huge pages asked for; `None` if there is none. An array's items need no more than the alignment of a
/// page.
#[cfg(target_os = "linux")]
fn map(bytes: usize) -> Option<NonNull<u8>> {
    // SAFETY: a new private mapping at an address the system chooses touches no other memory.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the range was mapped just now. A refusal changes nothing but speed.
    unsafe { libc::madvise(start, bytes, libc::MADV_HUGEPAGE) };
    NonNull::new(start.cast())
}

/// Move mapped memory to where there is room for more. Its pages move into a new mapping, which lies as huge pages need
/// it, so none of them is taken apart.
#[cfg(target_os = "linux")]
fn remap(start: NonNull<u8>, from: usize, bytes: usize) -> Option<NonNull<u8>> {
    let place = map(bytes)?;
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    // SAFETY: the old range is a mapping of ours nobody refers to while it moves (the array is borrowed alone), the new one
    // was made just now and is given up for it.
    let moved = unsafe {
        libc::mremap(start.as_ptr().cast(), from, bytes, flags, place.as_ptr().cast::<libc::c_void>())
    };
    (moved != libc::MAP_FAILED).then_some(place)
}

#[cfg(target_os = "linux")]
fn unmap(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the range is a mapping of ours that is not used after this.
    unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
}

#[cfg(not(target_os = "linux"))]
const MAPPED_ALIGN: usize = 4_096;

#[cfg(not(target_os = "linux"))]
fn mapped_layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, MAPPED_ALIGN).expect("the size of an array can be counted")
}

#[cfg(not(target_os = "linux"))]
fn map(bytes: usize) -> Option<NonNull<u8>> {
    Some(allocate(mapped_layout(bytes)))
}

#[cfg(not(target_os = "linux"))]
fn remap(start: NonNull<u8>, from: usize, bytes: usize) -> Option<NonNull<u8>> {
    let place = map(bytes)?;
    // SAFETY: the old range is ours, the new one larger and new.
    unsafe { std::ptr::copy_nonoverlapping(start.as_ptr(), place.as_ptr(), from) };
    unmap(start, from);
    Some(place)
}

#[cfg(not(target_os = "linux"))]
fn unmap(start: NonNull<u8>, bytes: usize) {
    // SAFETY: it came from `map` with this layout and is not used after this.
    unsafe { dealloc(start.as_ptr(), mapped_layout(bytes)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_stays_while_it_grows_from_small_to_mapped_to_moved() {
        let mut pages = Pages::<u64>::default();
        assert_eq!(pages.len(), 0);
        let many = 5 * HUGE as u64 / 8;
        for item in 0..many {
            pages.push(item * 3);
        }
        assert_eq!(pages.len() as u64, many);
        assert!(pages.room * 8 > 2 * HUGE, "it was moved at least once");
        assert!(pages.iter().enumerate().all(|(at, item)| *item == at as u64 * 3));
        pages[7] = 1;
        assert_eq!(pages[7], 1);
    }

    #[test]
    fn new_memory_is_zero_at_any_size() {
        for length in [0, 1, 1_000, HUGE / 8 - 1, HUGE / 8, HUGE / 2] {
            let pages = Pages::<u64>::zeroed(length);
            assert_eq!(pages.len(), length);
            assert!(pages.iter().all(|item| *item == 0));
        }
    }

    #[test]
    fn room_asked_for_is_there_from_the_start() {
        let mut pages = Pages::<u64>::with_room(HUGE);
        let start = pages.as_ptr();
        for item in 0..HUGE as u64 {
            pages.push(item);
        }
        assert_eq!((pages.as_ptr(), pages.room), (start, HUGE));
    }
}
