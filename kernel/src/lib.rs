//! The kernel of Exchange OS: one risk group as a pure function `(state, commands, time) -> (state',
//! events)`.
//!
//! Integers only; no clock, no input or output, no randomness, no order of a hash map. Any bytes give an
//! effect or a typed reject, never half of one: every command is validated first and then carried out. Read
//! `kernel.rs` for the loop, `place.rs` and `matching.rs` for the path of an order, `accounts.rs` for
//! money, `WIRE.md` for the bytes.

mod accounts;
mod admin;
pub mod algo;
mod amend;
pub mod auction;
mod audit;
pub mod bills;
pub mod book;
mod bulk;
mod calendar;
mod cancel;
mod clients;
mod closed;
mod codec;
pub mod codes;
mod contracts;
pub mod copy;
mod decimal;
pub mod encode;
pub mod events;
pub mod ids;
mod kernel;
mod liquidation;
mod look;
mod mandates;
mod market;
mod matching;
pub mod num;
#[allow(dead_code)]
mod outcomes;
pub mod output;
pub mod packed;
mod pages;
mod pen;
mod place;
mod plain;
mod prefetch;
mod preview;
pub mod prices;
mod publish;
#[cfg(feature = "python")]
mod python;
mod query;
mod refuse;
mod ring;
pub mod slab;
mod snapshot;
mod take;
#[cfg(test)]
pub(crate) mod tests;
mod timers;
mod transfers;
pub mod wire;
mod worths;

pub use accounts::{
    DUST, FIRST_USER, FROZEN, INSURANCE, LIQUIDATOR, MAX_ACCOUNT, NO_WITHDRAWALS, PROTOCOL_FEES, REDUCE_ONLY,
    REDUCE_OUTCOME, REDUCE_PERPETUAL, REDUCE_SPOT, VENUE_FEES,
};
pub use bulk::{decode_bulk, okx_code, render_bulk, BulkCommands, BulkError, Instrument, Instruments};
pub use codes::Reject;
pub use kernel::{Applied, Kernel};
pub use liquidation::Rules as LiquidationRules;
pub use market::{Candle, Parameters, Trade};
pub use output::{Ack, Transfer, ACK_SIZE};
pub use publish::BookDelta;
pub use snapshot::SnapshotError;
