//! Accounts and assets of a risk group, and the only place where a balance changes.
//!
//! A balance is `total` and `held`; free is the difference. Every change goes through `Funds`, which keeps
//! per asset the sum over all accounts, so that conservation can be asserted after each command by
//! comparing two numbers, and asserts `0 <= held <= total` on the spot.

use crate::codes::Reject;
use crate::contracts::{Margin, NO_ASSET, SPOT};
use crate::wire::flag;

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
/// Flags of an account that may only reduce in markets of a kind, `REDUCE_SPOT << kind`: sell what it has on spot markets,
/// and place contract orders that are reduce-only.
pub const REDUCE_SPOT: u16 = 4;
pub const REDUCE_PERPETUAL: u16 = 8;
pub const REDUCE_OUTCOME: u16 = 16;
/// All three: the account may reduce, and nothing else.
pub const REDUCE_ONLY: u16 = REDUCE_SPOT | REDUCE_PERPETUAL | REDUCE_OUTCOME;
/// Flags that stand against orders.
pub const BOUND: u16 = FROZEN | REDUCE_ONLY;
/// Every flag an account may have.
pub const ACCOUNT_FLAGS: u16 = BOUND | NO_WITHDRAWALS;
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

impl Balance {
    /// Change total and hold; the answer is whether `0 <= held <= total` still.
    #[inline(always)]
    pub fn add(&mut self, total: i64, held: i64) -> bool {
        self.total += total;
        self.held += held;
        self.dirty = true;
        // Neither of the two is negative.
        self.held | self.total.wrapping_sub(self.held) >= 0
    }
}

/// Two cache lines, begun with one: unaligned it would mostly be three.
#[derive(Clone, Debug, Default)]
#[repr(align(64))]
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
    /// Where its mandates are kept; 0 without any. This and what follows is outside the logical state.
    pub keys: u32,
    /// Whom its fills concern beside itself (`mandates`).
    pub marks: u8,
}

impl Account {
    /// Note that it, which has this slot, changes in a batch, and list it if it is the first time. Without a branch: whether it
    /// is cannot be guessed.
    #[inline(always)]
    pub fn touch(&mut self, slot: u32, batch: u32, dirty: &mut Vec<u32>) {
        let before = self.dirty_batch == batch;
        self.dirty_batch = batch;
        dirty.push(slot);
        dirty.truncate(dirty.len() - usize::from(before));
    }

    /// Whether an account with one of the flags `BOUND` may place, or add to, an order with these order flags in a market of
    /// a kind (`None`: there is no such market, which is for later checks to say).
    #[cold]
    pub fn permits(&self, kind: Option<u8>, order_flags: u8) -> Result<(), Reject> {
        if self.flags & FROZEN != 0 {
            return Err(Reject::AccessFrozen);
        }
        let reduces = match kind {
            None => true,
            Some(SPOT) => order_flags & flag::SELL != 0,
            Some(_) => order_flags & flag::REDUCE_ONLY != 0,
        };
        let bound = kind.is_some_and(|kind| self.flags & REDUCE_SPOT << kind != 0);
        if bound && !reduces {
            return Err(Reject::AccessReduceOnly);
        }
        Ok(())
    }

    /// What could be spent of an asset.
    #[inline]
    pub fn free(&self, asset: u32) -> i64 {
        match self.balances.get(self.place_of(asset)).filter(|balance| balance.asset == asset) {
            Some(balance) => balance.total - balance.held,
            None => 0,
        }
    }

    /// Where the balance of an asset stands, or would stand.
    #[inline(always)]
    pub fn place_of(&self, asset: u32) -> usize {
        // The first assets of a group are those most accounts have.
        match self.balances.get(asset as usize) {
            Some(balance) if balance.asset == asset => asset as usize,
            _ => self.count_before(asset),
        }
    }

    /// Counted, since which of two it is cannot be guessed.
    #[inline]
    fn count_before(&self, asset: u32) -> usize {
        self.balances.iter().map(|balance| usize::from(balance.asset < asset)).sum()
    }

    #[inline(always)]
    pub fn balance_mut(&mut self, asset: u32) -> &mut Balance {
        let at = self.place_of(asset);
        match self.balances.get(at) {
            Some(balance) if balance.asset == asset => &mut self.balances[at],
            _ => self.insert_balance(at, asset),
        }
    }

    /// Hint that its first balance and the end of its list of orders are about to be used.
    #[inline(always)]
    pub fn prefetch_ends(&self) {
        crate::prefetch::line(&self.balances, 0);
        if let Some(last) = self.orders.last() {
            crate::prefetch::at(last);
        }
    }

    /// Hint that its balances, and its list of orders at this place and at the end, are about to be used.
    #[inline(always)]
    pub fn prefetch_lists(&self, position: u32) {
        crate::prefetch::list(&self.balances);
        crate::prefetch::line(&self.orders, position as usize);
        if let Some(last) = self.orders.last() {
            crate::prefetch::at(last);
        }
    }

    #[cold]
    fn insert_balance(&mut self, at: usize, asset: u32) -> &mut Balance {
        self.balances.insert(at, Balance { asset, ..Balance::default() });
        &mut self.balances[at]
    }
}

/// One spot trade as money: base from seller to buyer, quote from buyer to seller, the difference to the fee accounts.
pub struct Swap {
    /// Slots of the accounts, and of the assets.
    pub buyer: u32,
    pub seller: u32,
    pub base: u32,
    pub quote: u32,
    /// Base units that change hands.
    pub units: i64,
    /// Quote units the buyer pays and the seller gets, fees included.
    pub paid: i64,
    pub received: i64,
    /// What becomes free of the buyer's hold of quote and the seller's of base.
    pub buyer_released: i64,
    pub seller_released: i64,
    /// Quote units for the reserved accounts.
    pub venue: i64,
    pub protocol: i64,
    pub dust: i64,
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
        if self.accounts.len() == self.accounts.capacity() {
            self.accounts.reserve(self.accounts.len().max(16));
            crate::pages::ask_huge(&self.accounts);
        }
        self.accounts.push(account);
        slot
    }

    /// Note that an account changed in this batch.
    #[inline]
    pub fn touch(&mut self, slot: u32) {
        self.accounts[slot as usize].touch(slot, self.batch, &mut self.dirty_accounts);
    }

    /// Change a user's total and hold in an account that is touched. The caller has made sure that it can
    /// afford it.
    #[inline]
    pub fn change(&mut self, slot: u32, asset: u32, total: i64, held: i64) {
        self.shift(slot, asset, total, held);
        self.assets[asset as usize].sum += total;
    }

    /// Hold more (or, negative, less) of a user's balance.
    #[inline]
    pub fn hold(&mut self, slot: u32, asset: u32, units: i64) {
        self.touch(slot);
        self.shift(slot, asset, 0, units);
    }

    /// Change a balance, and tell the margin of its account.
    #[inline(always)]
    fn shift(&mut self, slot: u32, asset: u32, total: i64, held: i64) {
        let account = &mut self.accounts[slot as usize];
        let sound = account.balance_mut(asset).add(total, held);
        if !sound || account.margin != 0 {
            self.note_margin(slot, asset, total, held);
        }
    }

    /// Carry out a spot trade between accounts that are touched and can afford it. Conservation is asserted here: what the
    /// buyer pays is what the seller and the fee accounts get, so the sums of the assets stay.
    #[inline(always)]
    pub fn swap(&mut self, swap: &Swap) {
        self.shift(swap.buyer, swap.base, swap.units, 0);
        self.shift(swap.buyer, swap.quote, -swap.paid, -swap.buyer_released);
        self.shift(swap.seller, swap.base, -swap.units, -swap.seller_released);
        self.shift(swap.seller, swap.quote, swap.received, 0);
        let quote = &mut self.assets[swap.quote as usize];
        let venue = quote.reserved[VENUE_FEES as usize] + swap.venue;
        let protocol = quote.reserved[PROTOCOL_FEES as usize] + swap.protocol;
        let dust = quote.reserved[DUST as usize] + swap.dust;
        assert!(venue | protocol | dust >= 0, "reserved accounts are never negative");
        quote.reserved[VENUE_FEES as usize] = venue;
        quote.reserved[PROTOCOL_FEES as usize] = protocol;
        quote.reserved[DUST as usize] = dust;
        let fees = swap.venue + swap.protocol + swap.dust;
        assert!(swap.paid - swap.received == fees, "conservation: what one pays the others get");
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

    /// Hint that an account is about to be used, by its number; its slot, `u32::MAX` if there is none.
    #[inline(always)]
    pub fn prefetch(&self, number: u32, whole: bool) -> u32 {
        let slot = self.slots.get(number as usize).copied().unwrap_or(NONE);
        match self.accounts.get(slot as usize) {
            Some(account) if whole => crate::prefetch::whole(account),
            Some(account) => crate::prefetch::at(account),
            None => {}
        }
        slot
    }
}
