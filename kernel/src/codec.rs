//! Plain little-endian writing and bounded reading, for snapshots.

/// Bytes being written.
#[derive(Default)]
pub(crate) struct Writer {
    pub bytes: Vec<u8>,
}

impl Writer {
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    pub fn i64(&mut self, value: i64) {
        self.u64(value as u64);
    }

    pub fn i32(&mut self, value: i32) {
        self.u32(value as u32);
    }

    /// A count, before that many items.
    pub fn count(&mut self, count: usize) {
        self.u64(count as u64);
    }

    pub fn text(&mut self, text: &[u8]) {
        self.u8(text.len() as u8);
        self.raw(text);
    }
}

/// Bytes being read; every read past the end is `None`.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes not read yet.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    pub fn raw(&mut self, length: usize) -> Option<&'a [u8]> {
        if length > self.rest.len() {
            return None;
        }
        let (bytes, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(bytes)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.raw(1).map(|bytes| bytes[0])
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.raw(4).map(|bytes| crate::wire::u32_at(bytes, 0))
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.raw(8).map(|bytes| crate::wire::u64_at(bytes, 0))
    }

    pub fn i64(&mut self) -> Option<i64> {
        self.u64().map(|value| value as i64)
    }

    pub fn i32(&mut self) -> Option<i32> {
        self.u32().map(|value| value as i32)
    }

    /// A count of items of at least `size` bytes each; `None` if that many cannot follow.
    pub fn count(&mut self, size: usize) -> Option<usize> {
        let count = usize::try_from(self.u64()?).ok()?;
        (count.checked_mul(size)? <= self.rest.len()).then_some(count)
    }

    pub fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.raw(length as usize)
    }
}
