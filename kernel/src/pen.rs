//! Writing records of many small members at the end of a buffer: room is reserved once, then every member is one store.
//! This is half the cost of an order's outputs, which is why it is worth the few unsafe lines below.

/// Writes behind the end of a buffer, within room reserved beforehand.
pub struct Pen<'a> {
    out: &'a mut Vec<u8>,
    length: usize,
    room: usize,
}

impl<'a> Pen<'a> {
    /// Begin a record of at most `room` bytes. Nothing is part of the buffer before `end`.
    #[inline(always)]
    pub fn begin(out: &'a mut Vec<u8>, room: usize) -> Pen<'a> {
        out.reserve(room);
        Pen { out, length: 0, room }
    }

    #[inline(always)]
    pub fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        assert!(self.length + N <= self.room, "a record stays within its room");
        // SAFETY: `begin` reserved `room` bytes behind the length of the buffer, which has not changed since (the pen has
        // it borrowed), and the assertion keeps this store within them.
        unsafe {
            let end = self.out.as_mut_ptr().add(self.out.len() + self.length);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), end, N);
        }
        self.length += N;
    }

    /// Put `bytes`, then take back all but `length` of them: a copy of known size is faster than one of varying size.
    #[inline(always)]
    pub fn put_first<const N: usize>(&mut self, bytes: [u8; N], length: usize) {
        self.put(bytes);
        self.length -= N - length.min(N);
    }

    #[inline(always)]
    pub fn u8(&mut self, value: u8) {
        self.put([value]);
    }

    #[inline(always)]
    pub fn u16(&mut self, value: u16) {
        self.put(value.to_le_bytes());
    }

    #[inline(always)]
    pub fn u32(&mut self, value: u32) {
        self.put(value.to_le_bytes());
    }

    #[inline(always)]
    pub fn u64(&mut self, value: u64) {
        self.put(value.to_le_bytes());
    }

    #[inline(always)]
    pub fn i64(&mut self, value: i64) {
        self.put(value.to_le_bytes());
    }

    /// Make the record part of the buffer.
    #[inline(always)]
    pub fn end(self) {
        let length = self.out.len() + self.length;
        // SAFETY: all bytes up to here were written by `put`, within the capacity reserved by `begin`.
        unsafe { self.out.set_len(length) };
    }
}
