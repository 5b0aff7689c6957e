//! A plain order: what its frame says, and what its check found out.

use crate::clients::{ClientIds, Entry, Vacancy};
use crate::codes::{reason, state};
use crate::look::Ahead;
use crate::mandates::Held;
use crate::place::{NOT_RESTING, PLACE_FRAME};
use crate::slab::{NewOrder, Node, NIL, NO_CLIENT};
use crate::wire::{flag, i64_at, u32_at, u64_at};

/// A plain order: its frame, and what was looked up to check it.
pub(crate) struct Plain<'a> {
    pub(super) frame: &'a [u8; PLACE_FRAME],
    pub(super) coming: &'a Ahead<'a>,
    /// Slot of the account.
    pub owner: u32,
    /// Where its client id will stand, if it has one.
    pub(super) vacancy: Option<Vacancy>,
    /// Place of the balance it needs, and the units of that; of a contract none.
    pub(super) balance: u32,
    pub(super) hold: i64,
    pub maker_ppm: i32,
    pub taker_ppm: i32,
    /// Mandate of its key, which counts it.
    pub mandate: Held,
    pub(super) spot: bool,
    pub(super) crosses: bool,
    /// Why it is cancelled as soon as it is accepted: it must not trade, or would have to and cannot. Else `NONE`.
    pub(super) dies: u8,
}

/// What the frame says. It is read again where it is needed: that costs no more than keeping it would.
impl Plain<'_> {
    #[inline(always)]
    pub fn number(&self) -> u32 {
        u32_at(self.frame, 4)
    }

    #[inline(always)]
    pub fn market(&self) -> u32 {
        u32_at(self.frame, 8)
    }

    #[inline(always)]
    pub fn key(&self) -> u32 {
        u32_at(self.frame, 12)
    }

    #[inline(always)]
    pub fn price(&self) -> i64 {
        i64_at(self.frame, 16)
    }

    #[inline(always)]
    pub fn size(&self) -> i64 {
        i64_at(self.frame, 24)
    }

    #[inline(always)]
    pub fn flags(&self) -> u8 {
        self.frame[3]
    }

    #[inline(always)]
    pub fn side(&self) -> usize {
        (self.frame[3] & flag::SELL) as usize
    }

    #[inline(always)]
    pub fn tif(&self) -> u8 {
        self.frame[33]
    }

    #[inline(always)]
    pub fn stp(&self) -> u8 {
        self.frame[34]
    }

    /// Remember its client id; the sequence of that, or `NO_CLIENT`.
    #[inline(always)]
    pub fn remember(&self, clients: &mut ClientIds, order_id: u64, now_ms: u64) -> u64 {
        match self.vacancy {
            Some(vacancy) => {
                clients.push_at(vacancy, Entry::new(self.coming.key, self.number(), order_id), now_ms)
            }
            None => NO_CLIENT,
        }
    }

    /// What its record is written from.
    #[inline(always)]
    pub fn record(&self, order_id: u64, now_ms: u64) -> NewOrder<'_> {
        let client_len = self.frame[35];
        // Type, time in force and self-trade mode stand in the frame as in the record.
        let small = u64_at(self.frame, 32) & 0xFF_FFFF;
        NewOrder {
            head: NewOrder::head_of(self.flags(), self.number(), client_len),
            order_id,
            terms: [u64_at(self.frame, 8), u64_at(self.frame, 16), u64_at(self.frame, 24)],
            created_ms: now_ms,
            expires_ms: 0,
            small: small
                | (state::OPEN as u64) << 24
                | (reason::NONE as u64) << 32
                | u64::from(client_len) << 40,
            builder: 0,
            client_id: &self.coming.words,
        }
    }

    /// What matching needs of it, not in a list yet.
    #[inline(always)]
    pub fn node(&self, order_id: u64, client: u64, remaining: i64, prepaid: u32) -> Node {
        Node {
            next: NIL,
            prev: NIL,
            remaining,
            price: self.price(),
            order_id,
            client,
            account: self.owner,
            market: self.market() as u16,
            flags: self.flags(),
            stp: self.stp(),
            maker_ppm: self.maker_ppm,
            taker_ppm: self.taker_ppm,
            prepaid,
            position: NOT_RESTING,
        }
    }
}
