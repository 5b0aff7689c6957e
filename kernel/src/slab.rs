//! Open orders of all markets in one slab. A node is one cache line: all that matching, cancelling and
//! holding read of an order. The rest lies in a parallel array, in the very bytes an order event has, so that
//! telling of an order is a copy. Slots are recycled last in, first out: the slot just freed is the one still
//! cached.

use crate::output::Filled;
use crate::pages::{Pages, Zeroed};
use crate::wire::{flag, MAX_CLIENT_ID};

/// Slot 0 is never an order.
pub const NIL: u32 = 0;
/// `Node::client` of an order without a client id.
pub const NO_CLIENT: u64 = u64::MAX;

/// What matching reads and writes of an order: one cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub struct Node {
    pub next: u32,
    pub prev: u32,
    pub remaining: i64,
    pub price: i64,
    /// 0 in a free slot.
    pub order_id: u64,
    /// Sequence in the client id memory, or `NO_CLIENT`.
    pub client: u64,
    /// Slot of the account, not its number.
    pub account: u32,
    pub market: u16,
    pub flags: u8,
    pub stp: u8,
    pub maker_ppm: i32,
    pub taker_ppm: i32,
    /// Fees overpaid by rounding so far, in millionths of a quote unit.
    pub prepaid: u32,
    /// Place in the account's list of open orders.
    pub position: u32,
}

impl Node {
    #[inline]
    pub fn side(&self) -> usize {
        (self.flags & flag::SELL) as usize
    }

    #[inline]
    pub fn is_sell(&self) -> bool {
        self.flags & flag::SELL != 0
    }
}

/// Bytes of `Cold`: the order event without its stamp.
pub const IMAGE: usize = 96 + MAX_CLIENT_ID;

/// The rest of an order, as its event has it (`WIRE.md`): header without the stamp, members, client id. The first cache
/// line is what a fill touches. `price` is kept equal to the node's; `state` and `reason` are of events only.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub struct Cold {
    /// Bytes of its order event.
    pub length: u16,
    pub kind: u8,
    /// Those of the frame, without the ones of nodes only.
    pub flags: u8,
    /// Number of the account.
    pub account: u32,
    pub order_id: u64,
    pub market: u32,
    pub key: u32,
    pub price: i64,
    pub size: i64,
    pub filled: i64,
    pub filled_quote: i64,
    pub fee: i64,
    pub created_ms: u64,
    pub expires_ms: u64,
    pub order_type: u8,
    pub tif: u8,
    pub stp: u8,
    pub state: u8,
    pub reason: u8,
    pub client_len: u8,
    pub zero: [u8; 2],
    pub builder: u32,
    pub zeros: u32,
    pub client_id: [u8; MAX_CLIENT_ID],
}

const _: () = assert!(std::mem::size_of::<Node>() == 64 && std::mem::size_of::<Cold>() == IMAGE);
#[cfg(target_endian = "big")]
compile_error!("orders are kept in the little-endian bytes of their events");

impl Cold {
    pub fn client_text(&self) -> &[u8] {
        &self.client_id[..(self.client_len as usize).min(MAX_CLIENT_ID)]
    }

    /// The order of such bytes; `None` when it cannot be one.
    pub fn of_image(image: &[u8; IMAGE]) -> Option<Cold> {
        use crate::wire::{i64_at, u16_at, u32_at, u64_at};
        let mut order = Cold {
            length: u16_at(image, 0),
            kind: image[2],
            flags: image[3],
            account: u32_at(image, 4),
            order_id: u64_at(image, 8),
            market: u32_at(image, 16),
            key: u32_at(image, 20),
            price: i64_at(image, 24),
            size: i64_at(image, 32),
            filled: i64_at(image, 40),
            filled_quote: i64_at(image, 48),
            fee: i64_at(image, 56),
            created_ms: u64_at(image, 64),
            expires_ms: u64_at(image, 72),
            order_type: image[80],
            tif: image[81],
            stp: image[82],
            state: image[83],
            reason: image[84],
            client_len: image[85],
            builder: u32_at(image, 88),
            ..Cold::default()
        };
        order.client_id.copy_from_slice(&image[96..]);
        (order.client_len as usize <= MAX_CLIENT_ID).then_some(order)
    }

    /// What has been traded of it.
    #[inline(always)]
    pub fn filled(&self) -> Filled {
        Filled { size: self.size, lots: self.filled, quote: self.filled_quote, fee: self.fee }
    }

    #[inline(always)]
    pub fn set_filled(&mut self, filled: Filled) {
        (self.size, self.filled) = (filled.size, filled.lots);
        (self.filled_quote, self.fee) = (filled.quote, filled.fee);
    }

    /// The order as bytes of an event.
    #[inline(always)]
    pub fn image(&self) -> &[u8; IMAGE] {
        // SAFETY: `Cold` is `repr(C)` without padding (its size is asserted above), every byte of it is initialised, and
        // bytes need no alignment.
        unsafe { &*std::ptr::from_ref(self).cast() }
    }
}

/// What a new order's record and event are written from, word by word while it is in registers: reading either back as a
/// block so soon after it was stored in pieces would wait for the stores.
pub struct NewOrder<'a> {
    /// Length and kind of its event, flags, account: what record and event begin with.
    pub head: u64,
    pub order_id: u64,
    /// Market and key, price, size: as in the frame.
    pub terms: [u64; 3],
    pub created_ms: u64,
    pub expires_ms: u64,
    /// Type, time in force, self-trade mode, state, reason, length of the client id, zeros.
    pub small: u64,
    pub builder: u32,
    pub client_id: &'a [u64; 4],
}

impl NewOrder<'_> {
    /// `head` of an order with these flags, of this account and with so long a client id.
    #[inline(always)]
    pub fn head_of(flags: u8, account: u32, client_len: u8) -> u64 {
        let length = crate::output::ORDER_EVENT as u64 + u64::from(client_len);
        length
            | u64::from(crate::output::EVENT_ORDER) << 16
            | u64::from(flags) << 24
            | u64::from(account) << 32
    }

    /// Bytes of its event.
    #[inline(always)]
    pub fn length(&self) -> usize {
        self.head as u16 as usize
    }

    /// The words of its record.
    #[inline(always)]
    pub fn words(&self) -> [u64; IMAGE / 8] {
        let ([a, b, c], [k, l, m, n]) = (self.terms, *self.client_id);
        let (created, expires) = (self.created_ms, self.expires_ms);
        let builder = u64::from(self.builder);
        [self.head, self.order_id, a, b, c, 0, 0, 0, created, expires, self.small, builder, k, l, m, n]
    }
}

impl Cold {
    /// Write the record of a new order.
    #[inline(always)]
    pub fn begin(&mut self, new: &NewOrder) {
        // SAFETY: `Cold` is `repr(C)` without padding (its size is asserted above) and aligned to more than a word, and any
        // bytes are a value of its integers.
        let words = unsafe { &mut *std::ptr::from_mut(self).cast::<[u64; IMAGE / 8]>() };
        *words = new.words();
    }
}

// SAFETY: integers.
unsafe impl Zeroed for Node {}
// SAFETY: integers.
unsafe impl Zeroed for Cold {}

/// All open orders, by slot.
pub struct Slab {
    pub(crate) nodes: Pages<Node>,
    pub(crate) cold: Pages<Cold>,
    free: u32,
    live: u32,
}

impl Default for Slab {
    fn default() -> Self {
        let (mut nodes, mut cold) = (Pages::default(), Pages::default());
        nodes.push(Node::default());
        cold.push(Cold::default());
        Slab { nodes, cold, free: NIL, live: 0 }
    }
}

impl Slab {
    /// Number of orders held.
    pub fn len(&self) -> usize {
        self.live as usize
    }

    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    #[inline]
    pub fn insert(&mut self, node: Node, cold: Cold) -> u32 {
        let slot = self.take();
        self.nodes[slot as usize] = node;
        self.cold[slot as usize] = cold;
        slot
    }

    /// A slot whose content is left from its last order; the caller writes all of it.
    #[inline]
    pub fn take(&mut self) -> u32 {
        self.live += 1;
        let slot = self.free;
        if slot != NIL {
            self.free = self.nodes[slot as usize].next;
            return slot;
        }
        self.grow()
    }

    #[cold]
    fn grow(&mut self) -> u32 {
        self.nodes.push(Node::default());
        self.cold.push(Cold::default());
        (self.nodes.len() - 1) as u32
    }

    #[inline]
    pub fn remove(&mut self, slot: u32) {
        self.live -= 1;
        let node = &mut self.nodes[slot as usize];
        node.next = self.free;
        node.order_id = 0;
        node.account = u32::MAX;
        self.free = slot;
    }

    #[inline(always)]
    pub fn node(&self, slot: u32) -> &Node {
        &self.nodes[slot as usize]
    }

    #[inline(always)]
    pub fn node_mut(&mut self, slot: u32) -> &mut Node {
        &mut self.nodes[slot as usize]
    }

    #[inline(always)]
    pub fn cold(&self, slot: u32) -> &Cold {
        &self.cold[slot as usize]
    }

    #[inline(always)]
    pub fn cold_mut(&mut self, slot: u32) -> &mut Cold {
        &mut self.cold[slot as usize]
    }

    #[inline]
    pub fn prefetch_node(&self, slot: u32) {
        crate::prefetch::line(&self.nodes, slot as usize);
    }

    #[inline]
    pub fn prefetch_cold(&self, slot: u32) {
        if let Some(cold) = self.cold.get(slot as usize) {
            crate::prefetch::at(&cold.length);
            crate::prefetch::at(&cold.created_ms);
        }
    }

    #[inline]
    pub fn prefetch(&self, slot: u32) {
        self.prefetch_node(slot);
        self.prefetch_cold(slot);
    }
}
