//! Asking memory early: a hint to the processor that never faults and never changes a result.

/// Bytes of a cache line.
const LINE: usize = 64;

/// Bring the cache line of `items[index]` closer, if there is such an item.
#[inline(always)]
pub fn line<T>(items: &[T], index: usize) {
    if let Some(item) = items.get(index) {
        at(item);
    }
}

/// Bring the cache line where `item` begins closer.
#[inline(always)]
pub fn at<T>(item: &T) {
    hint(std::ptr::from_ref(item).cast());
}

/// Bring the cache line of an address closer, which may be anything.
#[inline(always)]
pub fn address<T>(address: *const T) {
    hint(address.cast());
}

/// Bring every cache line of `item` closer.
#[inline(always)]
pub fn whole<T>(item: &T) {
    let start = std::ptr::from_ref(item).cast::<u8>();
    let mut offset = 0;
    while offset < size_of::<T>() {
        hint(start.wrapping_add(offset));
        offset += LINE;
    }
    if align_of::<T>() < LINE {
        hint(start.wrapping_add(size_of::<T>().saturating_sub(1)));
    }
}

/// Bring the cache lines of the first `BYTES` of an item that begins with a line closer.
#[inline(always)]
pub fn first<T, const BYTES: usize>(item: &T) {
    let start = std::ptr::from_ref(item).cast::<u8>();
    for offset in (0..BYTES).step_by(LINE) {
        hint(start.wrapping_add(offset));
    }
}

/// Bring begin, middle and end of a list closer: all of it when it is short.
#[inline(always)]
pub fn list<T>(items: &[T]) {
    let (start, bytes) = (items.as_ptr().cast::<u8>(), size_of_val(items));
    hint(start);
    hint(start.wrapping_add(bytes / 2));
    hint(start.wrapping_add(bytes.saturating_sub(1)));
}

#[inline(always)]
fn hint(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads no value and faults at no address.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
