//! What a key may do, who shares a fill's fees, and how much risk the venue's stake lets a group carry.
//!
//! Every command names the key it came with (0: none, the owner in person). A **mandate** limits one key of one account:
//! what it may do, where, how large, how fast, how much it may lose in a day and until when. It is looked at inside the
//! kernel, so a key that leaked or an agent that ran wild cannot exceed it whatever door it comes through. Commands
//! without a key are the owner's and know no mandate; only they set mandates, approve builders and revoke keys. Nothing is
//! looked up for an account without a mandate.
//!
//! A **builder** is the interface that sent an order. Its code on the order is its account in the low 24 bits and its
//! rate above, in steps of ten ppm; a trader approves it once, up to a rate. The rate is part of the order's fees from the
//! start, so holds and roundings know it. Of each fill's fees the builders get theirs first, then the protocol its share
//! of the rest, then the referrer of each payer a part of what is left, and the venue keeps what remains: to the unit.
//!
//! **Capacity** bounds the value of open interest of all contracts (perpetuals at mark, outcomes at their payout). Above
//! it nothing may add risk; what stands is left alone.
//!
//! `keys.rs` checks commands, `orders.rs` what orders may be worth, `losses.rs` the day's result of a key, `builders.rs`
//! and `shares.rs` the fees, `capacity.rs` the bound, `section.rs` the snapshot, `table.rs` where
//! mandates are kept.

mod builders;
mod capacity;
pub mod encode;
mod keys;
mod losses;
mod orders;
mod query;
mod section;
mod shares;
mod table;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use crate::accounts::Account;
use crate::kernel::Kernel;

pub(crate) use builders::{rate_of, MAX_BUILDER_PPM};
pub(crate) use orders::Wanted;
pub(crate) use shares::Charged;
pub(crate) use table::Held;

/// Rights of a key, as bits.
pub const READ: u16 = 1;
pub const TRADE: u16 = 2;
pub const WITHDRAW: u16 = 4;
/// Most mandates of one account, and markets of one mandate.
const PER_ACCOUNT: usize = 1_000;
pub(crate) const MAX_MARKETS: usize = 200;
/// Most mandates, approvals and referrals of a group, each.
const MOST: usize = 2_000_000;
/// Marks of accounts whose fills concern more than the two sides: a key with a daily bound, a referrer.
const DAILY: u8 = 1;
const REFERRED: u8 = 2;
/// Capacity of a group nobody has bounded.
const UNBOUNDED: i64 = i64::MAX;

/// What one key of an account may do. 0 means no bound, an empty list all markets; values are in units of the quote
/// asset of the market concerned.
///
/// What most orders are checked against comes first: it is in one cache line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Mandate {
    /// Commands a second of the kernel's time; cancels do not count.
    pub rate: u32,
    /// Commands of the second in which they were last counted.
    pub used: u32,
    pub second: u64,
    /// The day the result is of.
    pub day: u64,
    pub expires_ms: u64,
    pub order_notional: i64,
    pub rights: u16,
    /// Highest leverage.
    pub leverage: u16,
    /// Nothing passes any more, for good.
    pub revoked: bool,
    /// Whether no bounds are left to check but the end, the rate and the value of an order: noted by the table.
    pub plain: bool,
    pub position_notional: i64,
    pub daily_loss: i64,
    pub markets: Vec<u32>,
    /// What the key traded in each market on that day.
    pub traded: Vec<losses::Traded>,
}

/// A time as mandates need it: which second, which day.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Now {
    ms: u64,
    second: u64,
    day: u64,
}

impl Now {
    #[inline]
    pub fn at(ms: u64) -> Now {
        Now { ms, second: ms / 1_000, day: ms / losses::DAY_MS }
    }
}

/// Mandates, approvals, referrals, shares and capacity of a group.
pub(crate) struct Mandates {
    keys: table::Table,
    /// Highest approved ppm by (account number, builder's account number).
    builders: BTreeMap<(u32, u32), u32>,
    /// Referrer's account number by account number.
    referrers: BTreeMap<u32, u32>,
    /// Part of the venue's fee that goes to the payer's referrer.
    referral_ppm: u32,
    /// Highest rate a builder may ask at all.
    builder_cap_ppm: u32,
    capacity: i64,
    /// Value of open interest as last counted, by market, and the sum of it.
    exposures: Vec<i64>,
    exposure: i128,
    /// When the running batch is; outside the logical state.
    pub now: Now,
    /// Keys whose day is over by loss and whose open orders are yet to be cancelled: (account number, key).
    tripped: Vec<(u32, u32)>,
}

impl Default for Mandates {
    fn default() -> Self {
        Mandates {
            keys: table::Table::default(),
            builders: BTreeMap::new(),
            referrers: BTreeMap::new(),
            referral_ppm: 0,
            builder_cap_ppm: MAX_BUILDER_PPM,
            capacity: UNBOUNDED,
            exposures: Vec::new(),
            exposure: 0,
            now: Now::default(),
            tripped: Vec::new(),
        }
    }
}

impl Mandates {
    /// What concerns one account, with the bounds of the whole group.
    pub fn part(&self, account: u32) -> Mandates {
        let of = (account, 0)..=(account, u32::MAX);
        Mandates {
            keys: self.keys.part(account),
            builders: self.builders.range(of).map(|(at, ppm)| (*at, *ppm)).collect(),
            referrers: self.referrers.range(account..=account).map(|(at, by)| (*at, *by)).collect(),
            exposures: self.exposures.clone(),
            tripped: Vec::new(),
            ..*self
        }
    }

    /// Whether commands with a key have to be looked at.
    #[inline(always)]
    pub fn bind(&self) -> bool {
        !self.keys.is_empty()
    }

    /// What `Account::keys` is to be for an account number.
    pub fn keys_of(&self, account: u32) -> u32 {
        self.keys.keys_of(account)
    }

    /// The mandate of a key of an account, nobody's when there is nothing to look at.
    #[inline(always)]
    pub fn find(&self, account: &Account, key: u32) -> Held {
        self.keys.find(account.keys, key)
    }

    /// Hint that a command of this account comes soon.
    #[inline]
    pub fn prefetch(&self, account: &Account) {
        self.keys.prefetch(account.keys);
    }

    /// Whether a mandate lets an order of at most this value pass now wherever it is placed, and all that is left to do is to
    /// count it; one that does not may still allow it.
    #[inline(always)]
    pub fn lets(&self, held: Held, value: i64) -> bool {
        let mandate = self.keys.held(held);
        // Less one, what is not bounded is bounded by the largest number; no branch, since keys differ from order to order.
        let lasts = self.now.ms <= mandate.expires_ms.wrapping_sub(1);
        let small = value.wrapping_sub(1) as u64 <= mandate.order_notional.wrapping_sub(1) as u64;
        (held == Held::NOBODYS) | (mandate.plain & lasts & small & mandate.has_room(self.now))
    }

    /// Count a command of the key whose mandate allows it now.
    #[inline(always)]
    pub fn count(&mut self, held: Held) {
        let second = self.now.second;
        let mandate = self.keys.held_mut(held);
        let used = if mandate.second == second { mandate.used } else { 0 };
        assert!(used <= mandate.rate.wrapping_sub(1), "what is counted was allowed");
        (mandate.second, mandate.used) = (second, used.saturating_add(1));
    }

    /// Whether a fill of an order may concern a referrer or the day of its key; builders are named by the order itself.
    #[inline(always)]
    pub fn concern(&self, account: &Account, key: u32) -> bool {
        account.marks != 0 && self.concern_marked(account, key)
    }

    #[inline(never)]
    fn concern_marked(&self, account: &Account, key: u32) -> bool {
        account.marks & REFERRED != 0 || self.keys.held(self.find(account, key)).is_daily()
    }

    /// What `Account::marks` is to be for an account number.
    fn marks_of(&self, account: u32) -> u8 {
        let daily = self.keys.of(account).any(|(_, mandate)| mandate.is_daily());
        let referred = self.referrers.contains_key(&account);
        (if daily { DAILY } else { 0 }) | (if referred { REFERRED } else { 0 })
    }

    /// Whether open interest is bounded.
    #[inline(always)]
    pub fn bounded(&self) -> bool {
        self.capacity != UNBOUNDED
    }

    /// Whether a timer has to run.
    #[inline]
    pub fn is_due(&self) -> bool {
        !self.tripped.is_empty()
    }
}

impl Mandate {
    /// Whether there is a bound of value, leverage or loss.
    #[inline(always)]
    fn bounds_value(&self) -> bool {
        self.order_notional | self.position_notional | self.daily_loss | i64::from(self.leverage) != 0
    }

    /// What `plain` is to be.
    fn is_plain(&self) -> bool {
        let more = self.position_notional | self.daily_loss | i64::from(self.leverage);
        self.rights & TRADE != 0 && !self.revoked && self.markets.is_empty() && more == 0
    }

    /// Whether fills count towards a daily bound.
    fn is_daily(&self) -> bool {
        self.daily_loss != 0 && !self.revoked
    }
}

impl Kernel {
    /// Note in an account's record what mandates and referrers there are of it.
    fn mark_account(&mut self, number: u32) {
        let (keys, marks) = (self.mandates.keys_of(number), self.mandates.marks_of(number));
        if let Some(slot) = self.funds.account_slot(number) {
            let account = self.funds.account_mut(slot);
            (account.keys, account.marks) = (keys, marks);
        }
    }
}
