//! Which buckets wait for the waterfall, and how much of it may run now.
//!
//! A bucket is an account's cross margin or one isolated position. It stands in the queue once, in the order in which
//! it fell below; a large position between two slices waits apart until its time. Work is metered in units (a look at a
//! bucket, an order cancelled, a match, a position deleveraged), so many for each millisecond of the kernel's clock: however
//! deep the crash, a command waits for one such portion and no more, and the same history cut into other batches does the same
//! work at the same places.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::codec::{Reader, Writer};

/// Units of work for one millisecond of kernel time.
pub const PORTION: u32 = 2_048;

/// (slot of the account, market of the isolated position or `CROSS`).
pub type Bucket = (u32, u32);

/// Buckets to look at, pauses, and the meter.
#[derive(Default)]
pub struct Queue {
    ready: VecDeque<Bucket>,
    listed: BTreeSet<Bucket>,
    /// (when, bucket) and the other way round: between two slices, or nothing to be done at present.
    paused: BTreeSet<(u64, Bucket)>,
    pauses: BTreeMap<Bucket, u64>,
    /// When the next slice of a position may be closed, by (account slot, market).
    slices: BTreeMap<(u32, u32), u64>,
    /// Millisecond the meter counts for, and units used in it.
    metered_ms: u64,
    used: u32,
    /// Most units one millisecond took.
    pub most: u32,
}

impl Queue {
    /// Put a bucket at the end, unless it waits already.
    pub fn push(&mut self, bucket: Bucket) {
        if self.listed.insert(bucket) {
            self.ready.push_back(bucket);
        }
    }

    /// The next bucket to look at; those whose pause is over come in first.
    pub fn pop(&mut self, now_ms: u64) -> Option<Bucket> {
        while let Some((_, bucket)) = self.paused.first().copied().filter(|pause| pause.0 <= now_ms) {
            self.paused.pop_first();
            self.pauses.remove(&bucket);
            self.push(bucket);
        }
        self.ready.pop_front()
    }

    /// The look at a popped bucket is over; what happened to it meanwhile put it into no queue. `again`: it goes to the end.
    pub fn done(&mut self, bucket: Bucket, again: bool) {
        match again {
            true => self.ready.push_back(bucket),
            false => {
                self.listed.remove(&bucket);
            }
        }
    }

    /// Look at a bucket again at `at_ms`, or when it was to be looked at again before.
    pub fn pause(&mut self, bucket: Bucket, at_ms: u64) {
        if let Some(before) = self.pauses.get(&bucket).copied() {
            if before <= at_ms {
                return;
            }
            self.paused.remove(&(before, bucket));
        }
        self.pauses.insert(bucket, at_ms);
        self.paused.insert((at_ms, bucket));
    }

    /// When the next slice of a position may be closed; 0 for now.
    pub fn slice_ms(&self, account: u32, market: u32) -> u64 {
        self.slices.get(&(account, market)).copied().unwrap_or(0)
    }

    pub fn set_slice(&mut self, account: u32, market: u32, at_ms: u64) {
        self.slices.insert((account, market), at_ms);
    }

    /// When the next slice of a bucket may be closed, if one waits.
    pub fn next_slice(&self, bucket: Bucket) -> Option<u64> {
        self.slices_of(bucket).map(|slice| slice.1).min()
    }

    /// A bucket is sound again or has nothing left: its slices are forgotten.
    pub fn forget(&mut self, bucket: Bucket) {
        if self.slices.is_empty() {
            return;
        }
        let gone: Vec<(u32, u32)> = self.slices_of(bucket).map(|slice| slice.0).collect();
        for at in gone {
            self.slices.remove(&at);
        }
    }

    fn slices_of(&self, (account, market): Bucket) -> impl Iterator<Item = ((u32, u32), u64)> + '_ {
        let markets = if market == u32::MAX { 0..=u32::MAX } else { market..=market };
        let range = (account, *markets.start())..=(account, *markets.end());
        self.slices.range(range).map(|(at, at_ms)| (*at, *at_ms))
    }

    /// Units left for the millisecond `now_ms`.
    pub fn left(&mut self, now_ms: u64) -> u32 {
        if self.metered_ms != now_ms {
            (self.metered_ms, self.used) = (now_ms, 0);
        }
        PORTION.saturating_sub(self.used)
    }

    /// Note work done.
    pub fn charge(&mut self, units: u32) {
        self.used = self.used.saturating_add(units);
        self.most = self.most.max(self.used);
    }

    /// When there is something to do; `u64::MAX` for never.
    pub fn due_ms(&self) -> u64 {
        let pause = self.paused.first().map_or(u64::MAX, |pause| pause.0);
        match (self.ready.is_empty(), self.used >= PORTION) {
            (true, _) => pause,
            (false, true) => self.metered_ms + 1,
            (false, false) => 0,
        }
    }

    /// Those that wait to be looked at, in their order.
    #[cfg(test)]
    pub fn iter(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.ready.iter().copied()
    }

    /// How many wait to be looked at.
    pub fn len(&self) -> usize {
        self.ready.len()
    }

    /// Accounts that wait, in whatever state.
    pub fn accounts(&self) -> impl Iterator<Item = u32> + '_ {
        let pauses = self.paused.iter().map(|pause| pause.1 .0);
        self.ready.iter().map(|bucket| bucket.0).chain(pauses).chain(self.slices.keys().map(|at| at.0))
    }

    pub(crate) fn write_section(&self, out: &mut Writer) {
        out.count(self.ready.len());
        for (account, market) in &self.ready {
            out.u32(*account);
            out.u32(*market);
        }
        out.count(self.paused.len());
        for (at_ms, (account, market)) in &self.paused {
            out.u64(*at_ms);
            out.u32(*account);
            out.u32(*market);
        }
        out.count(self.slices.len());
        for ((account, market), at_ms) in &self.slices {
            out.u32(*account);
            out.u32(*market);
            out.u64(*at_ms);
        }
        out.u64(self.metered_ms);
        out.u32(self.used);
        out.u32(self.most);
    }

    pub(crate) fn read_section(input: &mut Reader) -> Option<Queue> {
        let mut queue = Queue::default();
        for _ in 0..input.count(8)? {
            let bucket = (input.u32()?, input.u32()?);
            queue.listed.insert(bucket).then_some(())?;
            queue.ready.push_back(bucket);
        }
        for _ in 0..input.count(16)? {
            let (at_ms, bucket) = (input.u64()?, (input.u32()?, input.u32()?));
            queue.pauses.insert(bucket, at_ms).is_none().then_some(())?;
            queue.paused.insert((at_ms, bucket));
        }
        for _ in 0..input.count(16)? {
            queue.slices.insert((input.u32()?, input.u32()?), input.u64()?);
        }
        (queue.metered_ms, queue.used, queue.most) = (input.u64()?, input.u32()?, input.u32()?);
        Some(queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_waits_once_and_in_its_turn() {
        let mut queue = Queue::default();
        for bucket in [(3, 0), (1, 7), (3, 0), (2, 0)] {
            queue.push(bucket);
        }
        queue.pause((9, 0), 100);
        queue.pause((9, 0), 200);
        assert_eq!((queue.pop(99), queue.pop(100)), (Some((3, 0)), Some((1, 7))));
        queue.push((3, 0));
        queue.done((3, 0), false);
        queue.done((1, 7), false);
        assert_eq!((queue.pop(100), queue.pop(100), queue.pop(100)), (Some((2, 0)), Some((9, 0)), None));
        assert_eq!(queue.due_ms(), u64::MAX);
    }

    #[test]
    fn the_meter_counts_for_one_millisecond() {
        let mut queue = Queue::default();
        queue.push((1, 0));
        assert_eq!((queue.left(5), queue.due_ms()), (PORTION, 0));
        queue.charge(PORTION + 3);
        assert_eq!((queue.left(5), queue.due_ms(), queue.most), (0, 6, PORTION + 3));
        assert_eq!((queue.left(6), queue.due_ms()), (PORTION, 0));
    }
}
