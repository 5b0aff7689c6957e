//! Liquidation: what happens to an account that can no longer carry its perpetual positions.
//!
//! A bucket is an account's cross margin or one isolated position; each is judged and closed by itself. When its equity is
//! below its maintenance at a price whose grade allows it, and only then, the waterfall runs over it:
//!
//! 1. its open orders that add risk are cancelled;
//! 2. its positions, the one of the largest maintenance first, are closed by reduce-only immediate-or-cancel orders, at
//!    their bankruptcy price at worst; one above a threshold notional goes a slice at a time with a pause after each. A
//!    fee goes to the insurance fund, never more than what the price left over bankruptcy;
//! 3. if cash is below zero and there is spot collateral, that is sold in its spot market within the band;
//! 4. what the book did not take within the bankruptcy price, and everything once equity is below the severe share of
//!    maintenance, goes to the insurance fund at the bankruptcy price, up to its cap in the market and to what its
//!    own equity bears; the fund works it off in the book;
//! 5. the rest is closed against the other side at the bankruptcy price, in order of profit times leverage, then account
//!    number: never more than needed, never past zero.
//!
//! The insurance fund is the balance of account 3 and the positions of account 5. It is never negative: account 5 is a
//! bucket like any other, with the fund as its equity, and goes through 2 and 5 before the fund is used up. What is owed by
//! an account that has nothing left is paid by the fund as far as it goes.
//!
//! The bankruptcy price of a position gives it the share of the bucket's equity that its maintenance has in the
//! bucket's: closed at it, a bucket is left with exactly nothing (`arithmetic.rs`). Work is done before commands, so much of it
//! for each millisecond of the kernel's clock (`queue.rs`). The operator may hold all of it back for a while: whoever falls
//! below then waits in the queue, and is dealt with at the same pace when the hold is over. Every step is an event, a bill and a record in a ring (`report.rs`).

mod adl;
mod arithmetic;
mod book;
mod buckets;
mod collateral;
mod commands;
mod fund;
mod query;
mod queue;
pub mod report;
mod rules;
mod section;
mod tell;
mod waterfall;

use std::collections::BTreeMap;

pub use report::stage;
pub use rules::Rules;

use queue::Queue;
use report::Ring;

/// How often a step was taken and what it closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub steps: u64,
    pub lots: i64,
    pub value: i64,
}

/// What a group keeps for its liquidations.
pub struct Liquidation {
    pub queue: Queue,
    /// `None`: the defaults of the settlement asset's scale.
    pub rules: Option<Rules>,
    /// Rules of single markets.
    pub markets: BTreeMap<u32, Rules>,
    pub(crate) ring: Ring,
    /// Number of the last liquidation, and of steps taken.
    pub number: u64,
    pub(crate) records: u64,
    /// When the fund next works off what it carries; `u64::MAX` when it carries nothing.
    pub work_ms: u64,
    /// Nothing of the waterfall is done before this time; 0: no hold.
    pub hold_ms: u64,
    /// By stage.
    pub tallies: [Tally; stage::COUNT],
}

impl Default for Liquidation {
    fn default() -> Self {
        Liquidation {
            queue: Queue::default(),
            rules: None,
            markets: BTreeMap::new(),
            ring: Ring::default(),
            number: 0,
            records: 0,
            work_ms: u64::MAX,
            hold_ms: 0,
            tallies: [Tally::default(); stage::COUNT],
        }
    }
}

impl Liquidation {
    /// When there is something to do; `u64::MAX` for never.
    #[inline]
    pub fn due_ms(&self) -> u64 {
        match self.hold_ms {
            0 => self.queue.due_ms().min(self.work_ms),
            held => held,
        }
    }
}
