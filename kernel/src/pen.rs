//! Writing records of many small members at the end of a buffer: room is made sure of once, then every member is one store.
//! Outputs are a third of an order's cost, which is why it is worth the few unsafe lines below. `Block` is for the records of
//! every order, `Pen` for the others.

/// A record of at most `N` bytes behind the end of a buffer, written at places that are known when it is compiled, so
/// that nothing is checked at run time but the room, once.
pub struct Block<'a, const N: usize> {
    out: &'a mut Vec<u8>,
    start: *mut u8,
}

impl<'a, const N: usize> Block<'a, N> {
    /// Begin a record. Nothing is part of the buffer before `end`.
    #[inline(always)]
    pub fn begin(out: &'a mut Vec<u8>) -> Block<'a, N> {
        if out.capacity() - out.len() < N {
            make_room(out, N);
        }
        // SAFETY: the length is at most the capacity.
        let start = unsafe { out.as_mut_ptr().add(out.len()) };
        Block { out, start }
    }

    #[inline(always)]
    pub fn put<const M: usize>(&mut self, at: usize, bytes: &[u8; M]) {
        assert!(at + M <= N, "a record stays within its room");
        // SAFETY: `begin` made sure of `N` bytes behind the length of the buffer, which is borrowed and has not moved since;
        // the assertion keeps this store within them.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(at), M) };
    }

    #[inline(always)]
    pub fn u16(&mut self, at: usize, value: u16) {
        self.put(at, &value.to_le_bytes());
    }

    #[inline(always)]
    pub fn u32(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    #[inline(always)]
    pub fn u64(&mut self, at: usize, value: u64) {
        self.put(at, &value.to_le_bytes());
    }

    #[inline(always)]
    pub fn i64(&mut self, at: usize, value: i64) {
        self.put(at, &value.to_le_bytes());
    }

    /// Make the first `length` bytes, all of which have been put, part of the buffer.
    #[inline(always)]
    pub fn end(self, length: usize) {
        assert!(length <= N, "a record stays within its room");
        let length = self.out.len() + length;
        // SAFETY: these bytes lie within the capacity and were written by `put`; they are zero where they were not, since
        // `make_room` clears what it adds.
        unsafe { self.out.set_len(length) };
    }
}

/// Room for at least `bytes` more, and for as much again as there is; the new memory is cleared, so that it is also touched
/// before it is needed.
#[cold]
#[inline(never)]
fn make_room(out: &mut Vec<u8>, bytes: usize) {
    let length = out.len();
    out.resize((out.capacity() * 2).max(length + bytes).max(1 << 16), 0);
    out.truncate(length);
}

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
