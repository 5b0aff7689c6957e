//! Accounts and isolated positions whose equity is below maintenance, in the order in which they fell below.

use std::collections::{BTreeSet, VecDeque};

/// (slot of the account, market of the isolated position or `CROSS`).
pub type Bucket = (u32, u32);

#[derive(Clone, Default)]
pub(crate) struct Liquidation {
    pub queue: Queue,
}

/// Buckets that wait to be looked at, each once.
#[derive(Clone, Default)]
pub(crate) struct Queue {
    ready: VecDeque<Bucket>,
    listed: BTreeSet<Bucket>,
}

impl Queue {
    /// Put a bucket at the end, unless it waits already.
    pub fn push(&mut self, bucket: Bucket) {
        if self.listed.insert(bucket) {
            self.ready.push_back(bucket);
        }
    }

    #[allow(dead_code, reason = "read by the waterfall")]
    /// In their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Bucket> + '_ {
        self.ready.iter().copied()
    }
}

impl Liquidation {
    pub fn write_section(&self, out: &mut crate::codec::Writer) {
        out.count(self.queue.ready.len());
        for (account, market) in &self.queue.ready {
            out.u32(*account);
            out.u32(*market);
        }
    }

    /// `accounts`: how many accounts there are.
    pub fn read_section(&mut self, input: &mut crate::codec::Reader, accounts: usize) -> Option<()> {
        for _ in 0..input.count(8)? {
            let bucket = (input.u32()?, input.u32()?);
            ((bucket.0 as usize) < accounts).then_some(())?;
            self.queue.push(bucket);
        }
        Some(())
    }
}
