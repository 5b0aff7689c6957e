//! Where positions live, and the two ways their worth changes: one position (`refresh`) or all of a market (`revalue`).
//!
//! A market keeps its positions in one array, in order of their first use; an account keeps where its own are. A mark
//! update is one pass over the array.

use super::reckon::{Moved, PositionFill};
use super::{Position, Risk, Rules, CROSS, PERPETUAL};
use crate::accounts::{Account, LIQUIDATOR};
use crate::codes::Reject;
use crate::kernel::Kernel;
use crate::outcomes::payouts::One;

/// What a contract market has beyond what every market has.
#[derive(Clone, Debug)]
pub struct Contract {
    /// Mark price in ticks; 0 before there is one.
    pub mark: i64,
    /// Units of S one lot is worth at mark.
    pub unit: i64,
    /// Ticks an outcome pays if it happens.
    pub payout_ticks: i64,
    /// What divides by those (`One`).
    pub inverse: u64,
    /// Lots held long, which is what is held short.
    pub open_interest: i64,
    /// How far open interest lifts initial margin at present; sampled at each revaluation.
    pub extra_ppm: i64,
    /// Event and place in it of an outcome market; `u32::MAX` for none.
    pub event: u32,
    pub outcome: u16,
    /// Cumulative funding: what one lot long has paid so far, in 10^-12 units of S.
    pub funding_index: i128,
    pub rules: Rules,
    pub positions: Vec<Position>,
    /// Price at which positions are settled in the end, and the next one to look at.
    pub settle_ticks: i64,
    pub settle_at: u32,
    /// A price has been observed, so the reference price no longer sets the mark.
    pub observed: bool,
}

impl Default for Contract {
    fn default() -> Self {
        Contract {
            mark: 0,
            unit: 0,
            payout_ticks: 0,
            inverse: 0,
            open_interest: 0,
            extra_ppm: 0,
            event: u32::MAX,
            outcome: 0,
            funding_index: 0,
            rules: Rules::default(),
            positions: Vec::new(),
            settle_ticks: 0,
            settle_at: 0,
            observed: false,
        }
    }
}

impl Contract {
    /// Of an outcome that pays so many ticks; 0: of no outcome.
    pub fn paying(payout_ticks: i64) -> Contract {
        Contract { payout_ticks, inverse: One::of(payout_ticks).inverse, ..Contract::default() }
    }

    #[inline(always)]
    pub fn one(&self) -> One {
        One { ticks: self.payout_ticks, inverse: self.inverse }
    }
}

/// Most units of the settlement asset a group with contracts may hold, so that sums of profits can be counted.
pub(crate) const MAX_SETTLEMENT: i64 = 1 << 61;
impl Kernel {
    /// Mark price of a contract market in ticks; 0 when there is none yet.
    #[inline]
    pub fn mark(&self, market: usize) -> i64 {
        self.markets[market].contract.mark
    }

    /// Note the asset contracts settle in and open the liquidator's account, with the first contract market.
    pub(crate) fn begin_contracts(&mut self, settlement: u32) -> Result<(), Reject> {
        if self.funds.assets[settlement as usize].total > MAX_SETTLEMENT {
            return Err(Reject::RiskTotal);
        }
        self.funds.settlement = settlement;
        if self.funds.account_slot(LIQUIDATOR).is_none() {
            self.funds.open(Account { number: LIQUIDATOR, owner: u64::MAX, ..Account::default() });
        }
        Ok(())
    }

    /// Index of an account's position in a market.
    #[inline]
    pub(crate) fn position_at(&self, account: u32, market: usize) -> Option<usize> {
        self.funds.margin(account)?.row(market as u32).map(|at| at as usize)
    }

    /// An account's position in a market, if it ever had one.
    #[inline]
    pub(crate) fn position(&self, account: u32, market: usize) -> Option<&Position> {
        self.position_at(account, market).map(|at| &self.markets[market].contract.positions[at])
    }

    /// Index of an account's position in a market, made if it has none.
    #[inline]
    pub(crate) fn open_position(&mut self, account: u32, market: usize) -> usize {
        // Who has no margin record shares that of nobody, which has no rows.
        match self.funds.margin_mut(account).use_row(market as u32) {
            Some(at) => at as usize,
            None => self.make_position(account, market),
        }
    }

    #[cold]
    fn make_position(&mut self, account: u32, market: usize) -> usize {
        self.funds.open_margin(account);
        let contract = &mut self.markets[market].contract;
        let at = contract.positions.len();
        contract.positions.push(Position {
            account,
            funding_index: contract.funding_index,
            ..Position::default()
        });
        let rows = &mut self.funds.margin_mut(account).rows;
        let place = rows.partition_point(|row| row.0 < market as u32);
        rows.insert(place, (market as u32, at as u32));
        self.refresh_collateral(account);
        at
    }

    /// Recompute what one perpetual position adds, after its lots, entry, orders, leverage or margin changed.
    #[inline]
    pub(crate) fn refresh(&mut self, market: usize, at: usize) {
        self.refresh_with(market, at, None);
    }

    /// As `refresh`, of a position whose initial margin may be known.
    #[inline]
    fn refresh_with(&mut self, market: usize, at: usize, initial: Option<i64>) {
        let contract = &mut self.markets[market].contract;
        let position = &contract.positions[at];
        let (account, sunk) = (position.account, position.is_sunk());
        let below = contract.reckon(at, initial, self.funds.margin_mut(account));
        if sunk || contract.positions[at].is_sunk() {
            self.enqueue((account, market as u32));
        }
        if below {
            self.enqueue((account, CROSS));
        }
    }

    /// Queue an account whose equity is below maintenance.
    #[inline]
    pub(crate) fn watch(&mut self, account: u32) {
        if self.funds.margin_mut(account).is_below() {
            self.enqueue((account, CROSS));
        }
    }

    /// Set what an account's outcomes add: `worst` to equity, `open` (what their orders may still cost) to initial.
    #[allow(dead_code, reason = "called by outcome events")]
    pub(crate) fn set_outcome_sums(&mut self, account: u32, worst: i64, open: i64) {
        self.funds.open_margin(account);
        let margin = self.funds.margin_mut(account);
        margin.outcomes = worst;
        margin.initial += open - margin.outcome_open;
        margin.outcome_open = open;
        self.watch(account);
    }

    /// Set the mark of a perpetual market and revalue all its positions. Accounts (or isolated positions) whose equity is then
    /// below maintenance are put into the liquidation queue.
    pub(crate) fn on_mark(&mut self, market: usize, mark: i64) {
        let record = &mut self.markets[market];
        record.contract.mark = mark;
        record.contract.unit = mark.saturating_mul(record.tick_quote);
        self.observe_mark(market as u32, mark);
        self.revalue(market);
    }

    /// Bring the worth of all positions of a perpetual market up to date: after a move of its mark, its funding index or its
    /// margin rules. One pass.
    pub(crate) fn revalue(&mut self, market: usize) {
        let record = &mut self.markets[market];
        if record.kind != PERPETUAL {
            return;
        }
        let contract = &mut record.contract;
        contract.extra_ppm = contract.rules.extra_ppm(contract.open_interest);
        let mut positions = std::mem::take(&mut contract.positions);
        for at in 0..positions.len() {
            if let Some(ahead) = positions.get(at + 16) {
                crate::prefetch::line(&self.funds.accounts, ahead.account as usize);
            }
            if let Some(ahead) = positions.get(at + 8) {
                let margin = self.funds.accounts[ahead.account as usize].margin;
                crate::prefetch::line(&self.funds.margins, margin as usize);
            }
            let position = &mut positions[at];
            if position.is_flat() {
                continue;
            }
            let worth = contract.worth(position);
            let margin = self.funds.margin_mut(position.account);
            margin.adjust(position, &worth);
            position.keep(&worth);
            let risk = margin.risk();
            if risk.equity < risk.maintenance {
                self.liquidation.queue.push((position.account, CROSS));
            }
            if position.is_sunk() {
                self.liquidation.queue.push((position.account, market as u32));
            }
        }
        self.markets[market].contract.positions = positions;
        self.note_exposure(market);
        self.next_timer = self.next_timer.min(self.liquidation.due_ms());
    }

    /// Equity, initial and maintenance of an account's cross margin, in units of S.
    pub(crate) fn risk(&self, account: u32) -> Risk {
        match self.funds.margin(account) {
            Some(margin) => margin.risk(),
            None => self.spot_risk(account),
        }
    }

    /// Move an account's perpetual position by `lots` (signed) at a price in ticks: settles funding due, moves entry, open
    /// interest and what cash is realised, and trims reduce-only orders. Fees are the caller's. Returns the profit realised.
    /// Used by matching, liquidation and settlement; the two sides of one trade are two calls.
    #[cfg(test)]
    pub(crate) fn move_position(&mut self, account: u32, market: usize, lots: i64, price: i64) -> i64 {
        let value = lots * price * self.markets[market].tick_quote;
        self.move_position_at(account, market, lots, value)
    }

    /// As `move_position`, for all `lots` together at a signed value in units of S: bankruptcy prices are no whole ticks.
    pub(crate) fn move_position_at(&mut self, account: u32, market: usize, lots: i64, value: i64) -> i64 {
        self.fill_position(account, market, &PositionFill { lots, value, fee: 0, resting: 0 })
    }

    /// As `move_position_at`, with the fee and with what leaves the resting orders on the same side, in one reckoning.
    pub(crate) fn fill_position(&mut self, account: u32, market: usize, fill: &PositionFill) -> i64 {
        let PositionFill { lots, value, fee, .. } = *fill;
        let at = self.open_position(account, market);
        self.settle_funding(market, at);
        let record = &mut self.markets[market];
        let settlement = record.quote;
        let Moved { realised, entry, kept } = record.contract.fill(at, fill);
        let position = &record.contract.positions[at];
        let (reduce_orders, isolated) = (position.reduce_orders, position.isolated);
        self.funds.change_entry(entry);
        if isolated {
            self.move_isolated(market, at, lots, value, realised);
        }
        self.funds.touch(account);
        self.funds.change_cash(account, settlement, realised - fee);
        self.note_exposure(market);
        self.note_position(market, at);
        self.refresh_with(market, at, kept);
        if reduce_orders > 0 {
            self.trim_reduce_orders(account, market);
        }
        realised
    }

    /// Pay the funding a position owes, or is owed, from or to the funding pot.
    #[inline]
    pub(crate) fn settle_funding(&mut self, market: usize, at: usize) {
        let contract = &self.markets[market].contract;
        if contract.funding_index != contract.positions[at].funding_index {
            self.pay_funding(market, at);
        }
    }

    /// Resting perpetual orders of an account grew by `lots` (negative: shrank).
    #[inline]
    pub(crate) fn reserve(&mut self, account: u32, market: usize, side: usize, lots: i64) {
        let at = self.open_position(account, market);
        let (contract, margin) = (&mut self.markets[market].contract, self.funds.margin_mut(account));
        let position = &mut contract.positions[at];
        let before = position.worst_lots();
        // No branch on the side: it cannot be guessed.
        let buys = lots & -i64::from(side == 0);
        position.open_buy += buys;
        position.open_sell += lots - buys;
        // Orders on the smaller side, and equity and maintenance in any case, change nothing.
        let worst = position.worst_lots();
        if worst == before {
            return;
        }
        let initial = contract.initial_at(&contract.positions[at], worst);
        let position = &mut contract.positions[at];
        margin.initial += initial - position.initial;
        position.initial = initial;
    }

    /// Note a position for the events at the end of the batch.
    #[inline]
    pub(crate) fn note_position(&mut self, market: usize, at: usize) {
        let position = &mut self.markets[market].contract.positions[at];
        if !position.dirty {
            position.dirty = true;
            let account = position.account;
            self.contracts.dirty.push((account, market as u32));
        }
    }

    /// An isolated position's own margin follows its lots: lots taken off release their share of it with what they realise, as
    /// far as what stays is sound without it (a loss beyond that share is taken from the rest); lots added bring their initial
    /// margin.
    #[cold]
    fn move_isolated(&mut self, market: usize, at: usize, lots: i64, value: i64, realised: i64) {
        let contract = &mut self.markets[market].contract;
        let position = &mut contract.positions[at];
        let (before, was) = (position.margin, position.lots - lots);
        let closed = if (was > 0) == (lots > 0) { 0 } else { lots.abs().min(was.abs()) };
        let opened = lots.abs() - closed;
        if closed > 0 {
            let own = share_of(position.margin.max(0), closed, was.abs());
            let (freed, rest) = ((own + realised).max(0), position.margin - own + (own + realised).min(0));
            let marked = super::positions::value(position.lots, contract.unit);
            let spare = rest + freed + marked - position.entry - contract.rules.maintenance(marked.abs());
            position.margin = if closed == was.abs() { 0 } else { rest + freed - spare.clamp(0, freed) };
        }
        if opened > 0 {
            let worth = share_of(value.abs(), opened, lots.abs()).min(super::MAX_NOTIONAL);
            let brought = contract.rules.initial(worth, position.leverage, contract.extra_ppm);
            position.margin += brought;
        }
        let (account, moved) = (position.account, position.margin - before);
        self.funds.margin_mut(account).isolated += moved;
    }
}

/// `floor(amount * part / whole)` of values that are not negative.
fn share_of(amount: i64, part: i64, whole: i64) -> i64 {
    (i128::from(amount) * i128::from(part) / i128::from(whole)) as i64
}

const _: () = assert!(std::mem::size_of::<Position>() == 128);
