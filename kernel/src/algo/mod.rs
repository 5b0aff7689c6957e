//! Algo orders: orders that wait for a price or a time and then place ordinary orders.
//!
//! A trigger (stop or take-profit), an OCO pair and a trailing stop wait in a `TriggerBook` for the last or
//! the mark price; an iceberg shows one slice after the other; a TWAP places one slice an interval. An
//! algo order holds no money: each order it places is checked like any other when it is placed, and if it
//! is refused then the algo order has failed and says why.
//!
//! A print that fires triggers only moves their tokens into one queue. The queue is worked off in order, a
//! bounded number after each command and before the next; while something is left in it a timer is due,
//! so the engine sends ticks until it is empty. A trigger that fires while its market does not trade waits
//! until it opens.
//!
//! A bracket is an order with a take-profit, a stop-loss or both attached: they wait for the order to
//! close and then stand for as much as it has filled.

mod change;
pub mod encode;
mod frames;
mod place;
mod run;
mod section;
pub mod show;
#[cfg(test)]
mod tests;
mod triggers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) use triggers::{Distance, Token, TriggerBook};

use crate::wire::{flag, MAX_CLIENT_ID};

/// Open algo orders an account may have, and how many of them may be icebergs or TWAPs.
pub(crate) const MAX_ALGOS: usize = 500;
pub(crate) const MAX_SLICERS: usize = 50;
/// Open algo orders of a group.
pub(crate) const MAX_GROUP_ALGOS: usize = 1_000_000;
/// Algo orders that have ended and are kept for queries.
const RECENT: usize = 1_024;
/// Triggers carried out after one command.
const FIRES_PER_COMMAND: usize = 16;
/// Bit of account numbers and order ids in the client id memory that makes them those of algo orders.
pub(crate) const CLIENT_SPACE: u32 = 1 << 31;
const CLIENT_SPACE_ID: u64 = 1 << 63;

/// Kinds of algo orders, as frames, events and rows carry them.
pub mod kind {
    pub const TRIGGER: u8 = 0;
    pub const OCO: u8 = 1;
    pub const TRAILING: u8 = 2;
    pub const ICEBERG: u8 = 3;
    pub const TWAP: u8 = 4;
    pub const NAMES: [&str; 5] = ["trigger", "oco", "trailing", "iceberg", "twap"];
}

/// States of algo orders.
pub mod state {
    /// Attached to an order that is still open.
    pub const WAITING: u8 = 0;
    pub const LIVE: u8 = 1;
    /// It has placed all it had to place.
    pub const EFFECTIVE: u8 = 2;
    pub const CANCELLED: u8 = 3;
    /// The order it had to place was refused.
    pub const FAILED: u8 = 4;
    pub const NAMES: [&str; 5] = ["waiting", "live", "effective", "cancelled", "failed"];
}

/// Sources of trigger prices.
pub(crate) const LAST: u8 = 0;
pub(crate) const MARK: u8 = 1;
/// `Algo::fired` before a leg has.
pub(crate) const NO_LEG: u8 = 255;

/// A price to wait for and the order to place then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leg {
    /// In ticks; 0 when there is no such leg.
    pub trigger: i64,
    /// Limit of the order to place; 0 for a market order.
    pub price: i64,
    pub source: u8,
    /// It fires at or above its price, else at or below.
    pub rises: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Algo {
    pub id: u64,
    /// Slot of the account.
    pub account: u32,
    pub market: u32,
    pub key: u32,
    pub builder: u32,
    pub kind: u8,
    pub state: u8,
    /// Order flags, of the order to place: sell, reduce-only, quote budget, whole position.
    pub flags: u8,
    pub stp: u8,
    /// Lots (or the quote budget) to place in all, and of an iceberg or TWAP what has filled.
    pub size: i64,
    pub done: i64,
    /// Take-profit and stop-loss of an OCO; else one. Of slices: `legs[0].price` is the limit.
    pub legs: [Leg; 2],
    pub fired: u8,
    /// Of a trailing stop how far it stays behind; of slices how far from the best price.
    pub distance: Distance,
    /// Of an active trailing stop: its number in order of activation; else 0.
    pub activation: u64,
    pub slice: i64,
    /// Slices are priced from the best price, not at the limit.
    pub floats: bool,
    pub interval_ms: u64,
    pub next_ms: u64,
    pub expires_ms: u64,
    pub created_ms: u64,
    /// Last order placed, whether it is open as a slice, and the order this one is attached to.
    pub order_id: u64,
    pub slice_open: bool,
    pub parent: u64,
    pub client_len: u8,
    pub client_id: [u8; MAX_CLIENT_ID],
}

impl Algo {
    pub fn side(&self) -> usize {
        (self.flags & flag::SELL) as usize
    }

    pub fn is_slicer(&self) -> bool {
        self.kind == kind::ICEBERG || self.kind == kind::TWAP
    }

    pub fn client_text(&self) -> &[u8] {
        &self.client_id[..(self.client_len as usize).min(MAX_CLIENT_ID)]
    }

    /// Legs there are, with their tokens.
    pub fn tokens(&self) -> impl Iterator<Item = (Token, Leg)> + '_ {
        let legs = self.legs.iter().enumerate().filter(|(_, leg)| leg.trigger > 0);
        legs.map(|(at, leg)| (self.id << 1 | at as u64, *leg))
    }
}

/// All open algo orders of a group.
#[derive(Default)]
pub(crate) struct Algos {
    pub last_id: u64,
    pub last_activation: u64,
    pub open: BTreeMap<u64, Algo>,
    /// (slot of the account, id) and (market, id).
    pub by_account: BTreeSet<(u32, u64)>,
    pub by_market: BTreeSet<(u32, u64)>,
    /// Orders that an algo order watches: its open slice or the order it is attached to.
    pub links: BTreeMap<u64, u64>,
    /// Triggers on last and on mark price by market.
    pub books: BTreeMap<u32, [TriggerBook; 2]>,
    /// What has fired and is still to be carried out, in order.
    pub queue: VecDeque<Token>,
    /// What has fired in a market that does not trade at present.
    pub parked: BTreeMap<u32, VecDeque<Token>>,
    /// TWAPs by the time of their next slice.
    pub timers: BTreeSet<(u64, u64)>,
    /// Icebergs whose slice has filled while another order takes; empty between commands.
    pub refills: Vec<u64>,
    /// A fill-or-kill order takes: it was promised the visible book, so refills wait until it has it.
    pub refills_wait: bool,
    /// The last that have ended (reason, code, time), for queries until their rows are stored; outside the logical state.
    pub recent: VecDeque<(Algo, u8, u16, u64)>,
}

impl Algos {
    pub fn add(&mut self, algo: Algo) {
        self.by_account.insert((algo.account, algo.id));
        self.by_market.insert((algo.market, algo.id));
        self.open.insert(algo.id, algo);
    }

    /// Ids of an account's open algo orders, oldest first.
    pub fn of_account(&self, account: u32) -> impl Iterator<Item = u64> + '_ {
        self.by_account.range((account, 0)..=(account, u64::MAX)).map(|entry| entry.1)
    }

    /// Oldest open algo order of a market.
    pub fn first_of_market(&self, market: u32) -> Option<u64> {
        self.by_market.range((market, 0)..=(market, u64::MAX)).next().map(|entry| entry.1)
    }

    /// Whether something is left to do when a command ends.
    #[inline]
    pub fn is_busy(&self) -> bool {
        self.queue.len() | self.refills.len() != 0
    }

    /// When the next of them has something to do; 0 for at once.
    pub fn next_timer(&self) -> u64 {
        if !self.queue.is_empty() {
            return 0;
        }
        self.timers.first().map_or(u64::MAX, |timer| timer.0)
    }
}
