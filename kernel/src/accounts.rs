//! Accounts and assets of a risk group, and the only place where a balance changes.
//!
//! A balance is `total` and `held`; free is the difference. Every change goes through `Funds`, which keeps
//! per asset the sum over all accounts, so that conservation can be asserted after each command by
//! comparing two numbers, and asserts `0 <= held <= total` on the spot.

use crate::contracts::{Margin, NO_ASSET};

/// Reserved account numbers; their balances live in the asset record, where every fill finds them warm.
pub const VENUE_FEES: u32 = 1;
pub const PROTOCOL_FEES: u32 = 2;
pub const INSURANCE: u32 = 3;
pub const DUST: u32 = 4;
/// Holds positions the insurance fund works off; an account like a user's, opened with the first contract market.
pub const LIQUIDATOR: u32 = 5;
/// Accounts below this are not for users.
pub const FIRST_USER: u32 = 16;
/// Account numbers stay below this, so that the number table is bounded.
pub const MAX_ACCOUNT: u32 = 1 << 24;
/// Flag of an account that may only cancel.
pub const FROZEN: u16 = 1;
/// Flag of an account that may not withdraw.
pub const NO_WITHDRAWALS: u16 = 2;
const NONE: u32 = u32::MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    pub id: u32,
    pub scale: u8,
    pub symbol: String,
    /// Deposits minus withdrawals.
    pub total: i64,
    /// Sum over all accounts, kept by every change of a balance.
    pub sum: i64,
    /// Balances of the reserved accounts 0 to 4.
    pub reserved: [i64; 5],
    /// Units that belong to no account yet: funding under way, complete sets. May be negative.
    pub pot: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Slot of the asset.
    pub asset: u32,
    /// Changed since the last batch was reported; outside the logical state.
    pub dirty: bool,
    pub total: i64,
    pub held: i64,
}

#[derive(Clone, Debug, Default)]
pub struct Account {
    pub number: u32,
    pub tier: u16,
    pub flags: u16,
    pub owner: u64,
    /// When all orders are to be cancelled; 0 when not armed.
    pub cancel_at_ms: u64,
    /// Slots of open orders; each order knows its place here.
    pub orders: Vec<u32>,
    /// In order of asset slots.
    pub balances: Vec<Balance>,
    pub dirty_batch: u32,
    /// Place of its margin record; 0 while it never had a contract.
    pub margin: u32,
}

impl Account {
    /// What could be spent of an asset.
    #[inline]
    pub fn free(&self, asset: u32) -> i64 {
        match self.balances.iter().find(|balance| balance.asset == asset) {
            Some(balance) => balance.total - balance.held,
            None => 0,
        }
    }

    #[inline]
    fn balance_mut(&mut self, asset: u32) -> &mut Balance {
        match self.balances.iter().position(|balance| balance.asset >= asset) {
            Some(at) if self.balances[at].asset == asset => &mut self.balances[at],
            Some(at) => self.insert_balance(at, asset),
            None => self.insert_balance(self.balances.len(), asset),
        }
    }

    #[cold]
    fn insert_balance(&mut self, at: usize, asset: u32) -> &mut Balance {
        self.balances.insert(at, Balance { asset, ..Balance::default() });
        &mut self.balances[at]
    }
}

/// All accounts and assets, and the doorway to their balances.
pub struct Funds {
    pub accounts: Vec<Account>,
    pub assets: Vec<Asset>,
    slots: Vec<u32>,
    /// Number of the batch, for telling which accounts it touched first.
    pub batch: u32,
    pub dirty_accounts: Vec<u32>,
    /// Slot of the asset contracts settle in; `NO_ASSET` before the first contract market.
    pub settlement: u32,
    /// Margin records; the first is nobody's.
    pub margins: Vec<Margin>,
    /// Accounts whose margin must be looked at before the command ends.
    pub pending: Vec<u32>,
}

impl Default for Funds {
    fn default() -> Self {
        Funds {
            accounts: Vec::new(),
            assets: Vec::new(),
            slots: Vec::new(),
            batch: 0,
            dirty_accounts: Vec::new(),
            settlement: NO_ASSET,
            margins: vec![Margin { account: u32::MAX, ..Margin::default() }],
            pending: Vec::new(),
        }
    }
}

impl Funds {
    /// Slot of an account number.
    #[inline]
    pub fn account_slot(&self, number: u32) -> Option<u32> {
        self.slots.get(number as usize).copied().filter(|slot| *slot != NONE)
    }

    /// Slot of an asset id; groups have few assets, so a scan does.
    pub fn asset_slot(&self, id: u32) -> Option<u32> {
        self.assets.iter().position(|asset| asset.id == id).map(|at| at as u32)
    }

    #[inline]
    pub fn account(&self, slot: u32) -> &Account {
        &self.accounts[slot as usize]
    }

    #[inline]
    pub fn account_mut(&mut self, slot: u32) -> &mut Account {
        &mut self.accounts[slot as usize]
    }

    /// Open an account whose number is free and below `MAX_ACCOUNT`.
    pub fn open(&mut self, account: Account) -> u32 {
        let (slot, number) = (self.accounts.len() as u32, account.number as usize);
        if self.slots.len() <= number {
            self.slots.resize(number + 1, NONE);
        }
        self.slots[number] = slot;
        self.accounts.push(account);
        slot
    }

    /// Note that an account changed in this batch.
    #[inline]
    pub fn touch(&mut self, slot: u32) {
        let account = &mut self.accounts[slot as usize];
        if account.dirty_batch != self.batch {
            account.dirty_batch = self.batch;
            self.dirty_accounts.push(slot);
        }
    }

    /// Change a user's total and hold in an account that is touched. The caller has made sure that it can
    /// afford it.
    #[inline]
    pub fn change(&mut self, slot: u32, asset: u32, total: i64, held: i64) {
        let balance = self.accounts[slot as usize].balance_mut(asset);
        balance.total += total;
        balance.held += held;
        balance.dirty = true;
        let sound = balance.held >= 0 && balance.held <= balance.total;
        self.assets[asset as usize].sum += total;
        if !sound || self.accounts[slot as usize].margin != 0 {
            self.note_margin(slot, asset, total, held);
        }
    }

    /// Hold more (or, negative, less) of a user's balance.
    #[inline]
    pub fn hold(&mut self, slot: u32, asset: u32, units: i64) {
        self.touch(slot);
        let balance = self.accounts[slot as usize].balance_mut(asset);
        balance.held += units;
        balance.dirty = true;
        let sound = balance.held >= 0 && balance.held <= balance.total;
        if !sound || self.accounts[slot as usize].margin != 0 {
            self.note_margin(slot, asset, 0, units);
        }
    }

    /// Change the balance of a reserved account.
    #[inline]
    pub fn change_reserved(&mut self, number: u32, asset: u32, amount: i64) {
        let asset = &mut self.assets[asset as usize];
        let balance = &mut asset.reserved[number as usize];
        *balance += amount;
        assert!(*balance >= 0, "reserved accounts are never negative");
        asset.sum += amount;
    }

    /// Assert that an asset is conserved: what all accounts have is what came in.
    #[inline]
    pub fn assert_conserved(&self, asset: u32) {
        let asset = &self.assets[asset as usize];
        assert!(asset.sum == asset.total, "conservation: accounts together hold deposits minus withdrawals");
    }

    /// Hint that the balances and orders of an account asked for before are about to be used.
    #[inline]
    pub fn prefetch_lists(&self, number: u32) {
        if let Some(slot) = self.account_slot(number) {
            let account = self.account(slot);
            crate::prefetch::line(&account.balances, 0);
            if let Some(last) = account.orders.last() {
                crate::prefetch::at(last);
            }
        }
    }

    #[inline]
    pub fn prefetch(&self, number: u32) {
        if let Some(slot) = self.account_slot(number) {
            crate::prefetch::line(&self.accounts, slot as usize);
        }
    }
}
