//! Asking memory early: a hint to the processor that never faults and never changes a result.

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
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads no value and the address is that of a live reference.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(
            std::ptr::from_ref(item).cast(),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = item;
}
