//! Open orders of all markets in one slab. The hot node is 32 bytes, so that matching stays in cache; what
//! matching does not read lies in a parallel array. Slots are recycled last in, first out: the slot just
//! freed is the one still cached.

use crate::wire::{flag, MAX_CLIENT_ID};

/// Slot 0 is never an order.
pub const NIL: u32 = 0;
/// `Cold::client` of an order without a client id.
pub const NO_CLIENT: u64 = u64::MAX;

/// What matching reads and writes of an order.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Node {
    pub next: u32,
    pub prev: u32,
    pub remaining: i64,
    pub price: i64,
    /// Slot of the account, not its number.
    pub account: u32,
    pub market: u16,
    pub flags: u8,
    pub stp: u8,
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

/// The rest of an order; the first cache line is what a fill touches, the second mostly text.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub struct Cold {
    pub order_id: u64,
    pub size: i64,
    pub filled: i64,
    pub filled_quote: i64,
    pub fee: i64,
    /// Fees overpaid by rounding so far, in millionths of a quote unit.
    pub prepaid: u32,
    pub maker_ppm: i32,
    pub taker_ppm: i32,
    /// Place in the account's list of open orders.
    pub position: u32,
    /// Sequence in the client id memory, or `NO_CLIENT`.
    pub client: u64,
    pub created_ms: u64,
    pub expires_ms: u64,
    pub key: u32,
    pub builder: u32,
    pub order_type: u8,
    pub tif: u8,
    pub client_len: u8,
    pub client_id: [u8; MAX_CLIENT_ID],
}

impl Cold {
    pub fn client_text(&self) -> &[u8] {
        &self.client_id[..(self.client_len as usize).min(MAX_CLIENT_ID)]
    }
}

/// All open orders, by slot.
pub struct Slab {
    pub nodes: Vec<Node>,
    pub cold: Vec<Cold>,
    free: u32,
    live: usize,
}

impl Default for Slab {
    fn default() -> Self {
        Slab { nodes: vec![Node::default()], cold: vec![Cold::default()], free: NIL, live: 0 }
    }
}

impl Slab {
    /// Number of orders held.
    pub fn len(&self) -> usize {
        self.live
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
        node.account = u32::MAX;
        self.free = slot;
    }

    #[inline]
    pub fn node(&self, slot: u32) -> &Node {
        &self.nodes[slot as usize]
    }

    #[inline]
    pub fn node_mut(&mut self, slot: u32) -> &mut Node {
        &mut self.nodes[slot as usize]
    }

    #[inline]
    pub fn cold(&self, slot: u32) -> &Cold {
        &self.cold[slot as usize]
    }

    #[inline]
    pub fn cold_mut(&mut self, slot: u32) -> &mut Cold {
        &mut self.cold[slot as usize]
    }

    #[inline]
    pub fn prefetch_node(&self, slot: u32) {
        crate::prefetch::line(&self.nodes, slot as usize);
    }

    #[inline]
    pub fn prefetch(&self, slot: u32) {
        crate::prefetch::line(&self.nodes, slot as usize);
        if let Some(cold) = self.cold.get(slot as usize) {
            crate::prefetch::at(&cold.order_id);
            crate::prefetch::at(&cold.expires_ms);
        }
    }
}
