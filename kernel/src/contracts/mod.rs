//! Contracts: perpetuals and outcomes, the positions in them, and the margin that carries them.
//!
//! One account has one pool of money. All contracts of a group settle in one asset S, the quote of the first contract
//! market. A perpetual moves no money when it is opened: the position notes what it was entered for (`entry`), and cash
//! moves when it is made smaller. An outcome moves its price at once. So, per asset and after every command, the cash of
//! all accounts less the entries of all perpetual positions is what was deposited less what was withdrawn.
//!
//! ```text
//! equity      = cash - isolated margins + collateral + unrealised of cross perpetuals + worst cases of outcomes
//! initial     = perpetuals: worst side of position and orders, at mark, tiers and leverage; outcomes: their orders;
//!               spot: what is held
//! maintenance = perpetuals: position at mark, by tiers
//! ```
//!
//! The sums are kept per account in one cache line (`Margin`) and moved by differences: each position remembers what it
//! adds (`upnl`, `initial`, `maintenance`), and whatever changes it or the mark goes through `refresh` or `revalue`.
//! Accounts without a contract have no such record and cost nothing.
//!
//! `positions.rs` is the arithmetic of one position, `rules.rs` of the tiers, `reckon.rs` what a position adds to its account,
//! `margin.rs` the account's record, `store.rs` where positions live, `trade.rs` how a match moves them, `desk.rs` the same on
//! the path of plain orders, `checks.rs` what an order must pass.

mod audit;
pub(crate) mod checks;
pub(crate) mod collateral;
mod commands;
pub(crate) mod desk;
pub mod encode;
mod margin;
mod positions;
mod reckon;
mod report;
pub(crate) mod rules;
mod section;
mod settle;
mod simulate;
mod store;
mod trade;

pub(crate) use collateral::Collateral;
pub(crate) use margin::{Margin, Risk};
pub(crate) use positions::Position;
pub(crate) use report::contract_json;
pub(crate) use rules::{Rules, DEFAULT_LEVERAGE};
pub(crate) use store::{Contract, MAX_SETTLEMENT};

/// Kinds of markets.
pub const SPOT: u8 = 0;
pub const PERPETUAL: u8 = 1;
pub const OUTCOME: u8 = 2;
/// Base of a contract market on the wire and in memory: it has none.
pub const NO_ASSET: u32 = u32::MAX;
/// Market number of a queue entry that means the account's cross margin.
pub const CROSS: u32 = u32::MAX;
/// Largest value of a position and its orders at mark, in units of S.
pub const MAX_NOTIONAL: i64 = 1 << 56;

/// What a group keeps for all its contracts together.
#[derive(Clone, Default)]
pub(crate) struct Contracts {
    /// Positions changed in this batch: (account slot, market).
    pub dirty: Vec<(u32, u32)>,
    /// Assets that count as collateral, by when they were first set.
    pub collateral: Vec<Collateral>,
}
