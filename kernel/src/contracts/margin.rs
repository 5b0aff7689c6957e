//! The margin record of an account, and how balances keep it.

use crate::accounts::Funds;

/// Sums of an account with contracts; the first cache line is all a check needs. Units of S.
#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
pub struct Margin {
    /// Mirrors the balance of S.
    pub cash: i64,
    pub held: i64,
    /// Of cross perpetuals.
    pub upnl: i64,
    /// Of all contracts, orders included; isolated positions only with their orders.
    pub initial: i64,
    /// Of cross perpetuals.
    pub maintenance: i64,
    /// Other assets after haircut.
    pub collateral: i64,
    /// Worst cases of outcome events.
    pub outcomes: i64,
    /// Set aside for isolated positions.
    pub isolated: i64,

    /// Value at mark of all perpetuals.
    pub notional: i64,
    /// Part of `initial` that outcome orders ask for.
    pub outcome_open: i64,
    /// Collateral value that open spot orders in other assets tie up.
    pub locked: i64,
    /// Slot of the account.
    pub account: u32,
    /// Other balances changed since `collateral` and `locked` were computed.
    pub stale: bool,
    /// (market, index of the position there), by market.
    pub rows: Vec<(u32, u32)>,
    /// The row used last, so that most searches end at once. Outside the logical state.
    pub(crate) recent: Recent,
}

/// (market, index of the position there).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recent(u32, u32);

impl Default for Recent {
    fn default() -> Self {
        Recent(u32::MAX, 0)
    }
}

const _: () = assert!(std::mem::size_of::<Margin>() == 128);

/// What decides whether an account may take risk or must lose it. Units of S.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Risk {
    pub equity: i64,
    pub initial: i64,
    pub maintenance: i64,
}

impl Margin {
    /// Of the cross margin: everything but isolated positions.
    #[inline]
    pub fn risk(&self) -> Risk {
        Risk {
            equity: self.cash - self.isolated + self.upnl + self.collateral + self.outcomes,
            initial: self.initial + self.held + self.locked,
            maintenance: self.maintenance,
        }
    }

    /// Whether equity is below maintenance.
    #[inline(always)]
    pub fn is_below(&self) -> bool {
        let equity = self.cash - self.isolated + self.upnl + self.collateral + self.outcomes;
        equity < self.maintenance
    }

    /// Worst cases of outcomes (equity) and what outcome orders may cost beyond them (initial margin) change.
    #[inline(always)]
    pub fn shift_outcomes(&mut self, worst: i64, open: i64) {
        self.outcomes += worst;
        self.outcome_open += open;
        self.initial += open;
    }

    /// Cash that is neither held nor set aside, less what the account could still owe: unrealised loss, the worst cases of
    /// its outcomes and of their orders. Only this may be put elsewhere, however good the collateral.
    pub fn settled(&self) -> i64 {
        let owed = self.upnl.min(0) + self.outcomes - self.outcome_open;
        self.cash - self.held - self.isolated + owed
    }

    /// Index of the account's position in a market, if it ever had one there.
    #[inline(always)]
    pub fn row(&self, market: u32) -> Option<u32> {
        let Recent(last, at) = self.recent;
        if last == market {
            return Some(at);
        }
        self.search(market)
    }

    /// As `row`, and the next search begins with it.
    #[inline(always)]
    pub fn use_row(&mut self, market: u32) -> Option<u32> {
        let at = self.row(market)?;
        self.recent = Recent(market, at);
        Some(at)
    }

    /// The same margin of an account whose positions lie elsewhere.
    pub(super) fn with_rows(&self, account: u32, rows: Vec<(u32, u32)>) -> Margin {
        Margin { rows, account, recent: Recent::default(), ..self.clone() }
    }

    fn search(&self, market: u32) -> Option<u32> {
        if self.rows.len() <= 8 {
            return self.rows.iter().find(|row| row.0 == market).map(|row| row.1);
        }
        self.rows.binary_search_by_key(&market, |row| row.0).ok().map(|at| self.rows[at].1)
    }
}

impl Funds {
    /// The margin record of an account; `None` if it never had a contract.
    #[inline]
    pub(crate) fn margin(&self, account: u32) -> Option<&Margin> {
        match self.accounts[account as usize].margin {
            0 => None,
            at => Some(&self.margins[at as usize]),
        }
    }

    /// The margin record of an account that has one.
    #[inline]
    pub(crate) fn margin_mut(&mut self, account: u32) -> &mut Margin {
        &mut self.margins[self.accounts[account as usize].margin as usize]
    }

    /// Give an account a margin record, if it has none.
    #[inline(always)]
    pub(crate) fn open_margin(&mut self, account: u32) {
        if self.accounts[account as usize].margin == 0 {
            self.make_margin(account);
        }
    }

    #[cold]
    fn make_margin(&mut self, account: u32) {
        let settlement = self.settlement;
        let at = self.margins.len() as u32;
        let record = &mut self.accounts[account as usize];
        record.margin = at;
        let balance = record.balances.iter().find(|balance| balance.asset == settlement);
        let (cash, held) = balance.map_or((0, 0), |balance| (balance.total, balance.held));
        self.margins.push(Margin { cash, held, account, stale: true, ..Margin::default() });
    }

    /// As `change`, of the settlement asset of an account with margin that is touched: cash may become negative.
    #[inline(always)]
    pub(crate) fn change_cash(&mut self, slot: u32, settlement: u32, units: i64) {
        let account = &mut self.accounts[slot as usize];
        if account.margin == 0 || settlement != self.settlement {
            return self.change(slot, settlement, units, 0);
        }
        account.balance_mut(settlement).add(units, 0);
        let margin = &mut self.margins[account.margin as usize];
        margin.cash += units;
        let short = margin.held > margin.cash.max(0);
        assert!(margin.held >= 0, "nothing is released that was not held");
        self.assets[settlement as usize].sum += units;
        if short {
            self.pending.push(slot);
        }
    }

    /// A balance of an account with margin changed, or one is unsound. Only the settlement asset may fall below what is held
    /// of it, and only until the end of the command (`settle_margins`).
    #[inline]
    pub(crate) fn note_margin(&mut self, slot: u32, asset: u32, total: i64, held: i64) {
        let at = self.accounts[slot as usize].margin;
        if at == 0 || asset != self.settlement {
            return self.note_holding(slot, asset);
        }
        let margin = &mut self.margins[at as usize];
        margin.cash += total;
        margin.held += held;
        assert!(margin.held >= 0, "nothing is released that was not held");
        if margin.held > margin.cash.max(0) {
            self.pending.push(slot);
        }
    }

    /// A balance that is not of the settlement asset of an account with margin changed, or one is unsound.
    #[cold]
    fn note_holding(&mut self, slot: u32, asset: u32) {
        let record = &self.accounts[slot as usize];
        let balance = record.balances.iter().find(|balance| balance.asset == asset);
        let sound = balance.is_none_or(|balance| balance.held >= 0 && balance.held <= balance.total.max(0));
        assert!(sound, "0 <= held <= total for every balance");
        let margin = &mut self.margins[record.margin as usize];
        if record.margin != 0 && !margin.stale {
            margin.stale = true;
            self.pending.push(slot);
        }
    }

    /// Change a pot of an asset: units that belong to no account yet (funding under way, complete sets).
    pub(crate) fn change_pot(&mut self, asset: u32, amount: i64) {
        let asset = &mut self.assets[asset as usize];
        asset.pot += amount;
        asset.sum += amount;
    }

    /// The entries of open perpetuals changed by `entry` units: part of the conserved sum.
    #[inline]
    pub(crate) fn change_entry(&mut self, entry: i64) {
        self.assets[self.settlement as usize].sum -= entry;
    }
}
