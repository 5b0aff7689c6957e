//! Outcome markets: events of mutually exclusive outcomes, what accounts hold of them, and their resolution.
//!
//! An event has 2 to 256 outcomes of which exactly one wins; a lot of the winner pays one contract, all others nothing.
//! Positions are signed: who sells what he does not have owes the payout, covered by cash (`holding.rs` says how much), so
//! contracts come into being by trading and sum to zero. A yes/no question is an event of two outcomes with one book; what
//! is done to No there is done, mirrored, to Yes. A scalar is the same with any fraction as its result.
//!
//! `holding.rs` is the arithmetic of one account in one event, `payouts.rs` that of results and fees, `event.rs` the state,
//! `commands.rs` what the operator may do, `orders.rs` what an order must pass, `desk.rs` trades of plain orders, `sets.rs` complete sets, `settle.rs` the work
//! left to later commands.

mod audit;
mod commands;
mod desk;
pub(crate) mod event;
mod fair;
pub(crate) mod holding;
mod orders;
pub(crate) mod payouts;
mod query;
mod report;
mod section;
mod sets;
mod settle;
#[cfg(test)]
mod tests;

pub(crate) use event::Outcomes;
