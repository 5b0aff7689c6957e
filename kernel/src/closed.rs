//! Orders that were cancelled without a fill: the last of them, for queries.

use crate::codes::state;
use crate::pages::Zeroed;
use crate::ring::Ring;
use crate::slab::Cold;

/// Orders cancelled without a fill that are kept for queries.
pub(crate) const CLOSED_KEPT: usize = 16_384;

/// An order cancelled without a fill, as queries show it: its reason lies in the record.
#[derive(Clone, Copy)]
pub(crate) struct Closed(Cold);

impl Closed {
    pub fn new(order: &Cold, reason: u8, closed_ms: u64) -> Closed {
        let mut closed = Closed(*order);
        closed.note(reason, closed_ms);
        closed
    }

    /// What it traded is nothing, so its place takes the time of the end.
    #[inline(always)]
    fn note(&mut self, reason: u8, closed_ms: u64) {
        self.0.state = state::CANCELLED;
        self.0.reason = reason;
        self.0.filled_quote = closed_ms as i64;
    }

    /// The order, as it was when it closed.
    pub fn order(&self) -> Cold {
        Cold { filled_quote: 0, ..self.0 }
    }

    pub fn order_id(&self) -> u64 {
        self.0.order_id
    }

    pub fn account(&self) -> u32 {
        self.0.account
    }

    pub fn reason(&self) -> u8 {
        self.0.reason
    }

    pub fn closed_ms(&self) -> u64 {
        self.0.filled_quote as u64
    }
}

// SAFETY: an order, which is integers.
unsafe impl Zeroed for Closed {}

/// The last `CLOSED_KEPT` of them.
pub(crate) type ClosedRing = Ring<Closed, CLOSED_KEPT>;

impl ClosedRing {
    /// Keep an order that closes.
    #[inline(always)]
    pub fn keep(&mut self, order: &Cold, reason: u8, closed_ms: u64) {
        self.prefetch(2);
        match self.place() {
            Some(closed) => {
                closed.0 = *order;
                closed.note(reason, closed_ms);
            }
            None => self.push(Closed::new(order, reason, closed_ms)),
        }
    }
}
