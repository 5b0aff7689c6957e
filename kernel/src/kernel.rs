//! One risk group and the loop that applies a batch.
//!
//! A command runs to its end before the next begins: timers that are due, then checks in the order of the
//! reject list, then the effect, then the assertions that hold between commands. While a command runs,
//! memory for those a few places behind it is already being fetched; that is all the concurrency there is.

use std::collections::{BTreeMap, BTreeSet};

use crate::accounts::{Funds, FIRST_USER};
use crate::algo::Algos;
use crate::auction::Auctions;
use crate::clients::ClientIds;
use crate::closed::ClosedRing;
use crate::codes::Reject;
use crate::contracts::{Contracts, SPOT};
use crate::ids::OrderIds;
use crate::liquidation::Liquidation;
use crate::look::{Ahead, RING, WIDE};
use crate::mandates::{Mandates, Now};
use crate::market::{Candle, Market};
use crate::outcomes::Outcomes;
use crate::output::{Ack, Output, Stamp, Transfer};
use crate::prices::Prices;
use crate::publish::Publisher;
use crate::slab::Slab;
use crate::wire::{frame_length, kind, Frame};

/// Answer of a command handler.
pub(crate) type Outcome = Result<Ack, Reject>;

/// A clock beyond this is taken for this, so that sums of times never overflow.
const MAX_TIME_MS: u64 = 1 << 53;

/// What a group may have at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub accounts: u32,
    pub markets: u32,
    pub orders_per_account: u32,
    pub client_ids: u32,
}

/// Accounts asked for ahead of the one whose balances are reported, and their balances.
const REPORT_FAR: usize = 16;
const REPORT_NEAR: usize = 8;

/// The state of one risk group. `publisher`, `out` and the dirty marks are outside the logical state.
pub struct Kernel {
    pub(crate) group: u64,
    pub(crate) sequence: u64,
    pub(crate) now_ms: u64,
    pub(crate) limits: Limits,
    pub(crate) funds: Funds,
    pub(crate) markets: Vec<Market>,
    pub(crate) slab: Slab,
    pub(crate) ids: OrderIds,
    pub(crate) clients: ClientIds,
    pub(crate) next_trade_id: u64,
    /// GTD orders by (expiry, order id).
    pub(crate) expiries: BTreeSet<(u64, u64)>,
    /// Armed dead-man switches by (time, account slot).
    pub(crate) switches: BTreeSet<(u64, u32)>,
    /// Markets whose orders are being cancelled before settlement.
    pub(crate) settling: Vec<u32>,
    pub(crate) algos: Algos,
    pub(crate) auctions: Auctions,
    /// When the earliest timer is due; `u64::MAX` for none.
    pub(crate) next_timer: u64,
    /// Decided transfers by id, and by (issued, id) for forgetting them.
    pub(crate) transfers: BTreeMap<u64, Transfer>,
    pub(crate) transfer_ages: BTreeSet<(u64, u64)>,
    pub(crate) closed: ClosedRing,
    pub(crate) contracts: Contracts,
    pub(crate) liquidation: Liquidation,
    pub(crate) mandates: Mandates,
    pub(crate) prices: Prices,
    pub(crate) outcomes: Outcomes,
    pub(crate) out: Output,
    pub(crate) publisher: Publisher,
    /// Whether plain commands take the paths of `plain.rs`.
    pub(crate) plain: bool,
    /// Whether the group has outgrown the caches, so that whole chains are asked for ahead (`look.rs`).
    pub(crate) wide: bool,
    /// Accounts here have margin, positions and holdings: a command leads to more memory than the book's.
    pub(crate) margined: bool,
    /// Commands that took the general path.
    general: u64,
}

/// What one batch did; the buffers are those of `Kernel::output` until the next batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    pub first_sequence: u64,
    pub last_sequence: u64,
    pub rejected: u64,
    pub trades: u64,
    pub now_ms: u64,
}

impl Kernel {
    /// An empty risk group.
    pub fn new(group: u64) -> Kernel {
        Kernel {
            group,
            sequence: 0,
            now_ms: 0,
            limits: Limits {
                accounts: 1_000_000,
                markets: 4_096,
                orders_per_account: 20_000,
                client_ids: 50_000_000,
            },
            funds: Funds::default(),
            markets: Vec::new(),
            slab: Slab::default(),
            ids: OrderIds::default(),
            clients: ClientIds::default(),
            next_trade_id: 1,
            expiries: BTreeSet::new(),
            switches: BTreeSet::new(),
            settling: Vec::new(),
            algos: Algos::default(),
            auctions: Auctions::default(),
            next_timer: u64::MAX,
            transfers: BTreeMap::new(),
            transfer_ages: BTreeSet::new(),
            closed: ClosedRing::default(),
            contracts: Contracts::default(),
            liquidation: Liquidation::default(),
            mandates: Mandates::default(),
            prices: Prices::default(),
            outcomes: Outcomes::default(),
            out: Output::default(),
            publisher: Publisher::default(),
            plain: true,
            wide: false,
            margined: false,
            general: 0,
        }
    }

    /// Commands that took the general path so far: for tests, which want to know that most do not.
    #[doc(hidden)]
    pub fn general_count(&self) -> u64 {
        self.general
    }

    /// Let every command take the general path from now on. It does the same, only slower: for tests, which compare the two.
    #[doc(hidden)]
    pub fn forgo_plain(&mut self) {
        self.plain = false;
    }

    pub fn group(&self) -> u64 {
        self.group
    }

    /// Number of commands applied since the group began.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// When the earliest timer is due, if there is one.
    pub fn next_timer_ms(&self) -> Option<u64> {
        (self.next_timer != u64::MAX).then_some(self.next_timer)
    }

    /// Buffers of the last batch.
    pub fn output(&self) -> &Output {
        &self.out
    }

    pub fn output_mut(&mut self) -> &mut Output {
        &mut self.out
    }

    /// (asset id, units held by all accounts together).
    pub fn totals(&self) -> Vec<(u32, i64)> {
        self.funds.assets.iter().map(|asset| (asset.id, asset.total)).collect()
    }

    /// Apply whole frames at time `max(self.now_ms, now_ms)` and fill the output buffers.
    ///
    /// # Panics
    /// When an invariant is broken; the kernel must not be used after that.
    pub fn apply(&mut self, commands: &[u8], now_ms: u64) -> Applied {
        self.run(commands, now_ms, true)
    }

    /// As `apply`, without outputs; for recovery.
    pub fn replay(&mut self, commands: &[u8], now_ms: u64) -> Applied {
        self.run(commands, now_ms, false)
    }

    fn run(&mut self, commands: &[u8], now_ms: u64, enabled: bool) -> Applied {
        let first_sequence = self.sequence + 1;
        self.out.clear();
        self.out.enabled = enabled;
        self.funds.batch = self.funds.batch.wrapping_add(1);
        self.funds.dirty_accounts.clear();
        if !commands.is_empty() {
            self.now_ms = self.now_ms.max(now_ms.min(MAX_TIME_MS));
            self.wide = self.slab.len() >= WIDE;
            self.margined = self.funds.margins.len() > 1;
            self.mandates.now = Now::at(self.now_ms);
            self.run_frames(commands);
        }
        self.report_outcomes();
        self.report_balances();
        self.report_positions();
        Applied {
            first_sequence,
            last_sequence: self.sequence,
            rejected: self.out.rejected,
            trades: self.out.trade_count,
            now_ms: self.now_ms,
        }
    }

    fn run_frames(&mut self, commands: &[u8]) {
        let mut ahead = [Ahead::default(); RING];
        let (mut first, mut end, mut rest) = (0, 0, commands);
        while end < RING && self.look_at_frame(&mut rest, &mut ahead[end]) {
            end += 1;
        }
        while first < end {
            self.look_ahead(&mut ahead, first, end);
            let coming = &mut ahead[first % RING];
            self.step(coming);
            first += 1;
            // Its place is the next frame's that nobody has looked at.
            end += usize::from(self.look_at_frame(&mut rest, coming));
        }
        if !rest.is_empty() {
            self.sequence += 1;
            self.out.ack(Ack::refused(Reject::InputFrame));
        }
    }

    /// Cut the next frame off the batch and look at it from afar. `false`: no whole frame follows.
    #[inline(always)]
    fn look_at_frame<'a>(&self, rest: &mut &'a [u8], coming: &mut Ahead<'a>) -> bool {
        let here = *rest;
        let Some(length) = frame_length(here) else { return false };
        (coming.bytes, *rest) = here.split_at(length);
        self.look_far(here, coming);
        true
    }

    #[inline(always)]
    fn step(&mut self, coming: &Ahead) {
        self.sequence += 1;
        if self.next_timer <= self.now_ms {
            self.run_timers();
        }
        let done = match coming.bytes[2] {
            kind::PLACE => self.place_plain(coming.bytes, coming),
            kind::CANCEL => self.cancel_plain(coming.bytes, coming.slot) || self.refuse_cancel(coming),
            _ => false,
        };
        if !done {
            self.step_whole(coming);
        }
    }

    /// A command on the general path.
    #[inline(never)]
    fn step_whole(&mut self, coming: &Ahead) {
        self.general += 1;
        let Some(frame) = Frame::at(coming.bytes, 0) else { unreachable!("the frame was cut before") };
        let ack = match self.dispatch(&frame, coming) {
            Ok(ack) => ack,
            Err(reject) => Ack::refused(reject),
        };
        self.conclude(ack, frame.market);
    }

    /// What follows every command on the general path.
    #[inline(always)]
    pub(crate) fn conclude(&mut self, ack: Ack, market: u32) {
        if !self.funds.pending.is_empty() {
            self.settle_margins();
        }
        self.out.ack(ack);
        if self.algos.is_busy() {
            self.run_algos();
        }
        self.assert_market(market);
    }

    /// Assert what holds between commands of the market a command named.
    #[inline(always)]
    pub(crate) fn assert_market(&self, market: u32) {
        if let Some(market) = self.markets.get(market as usize) {
            assert!(
                market.book.best_bid() < market.book.best_ask() || market.book.is_collecting(),
                "the book is never crossed after a command"
            );
            if market.kind == SPOT {
                self.funds.assert_conserved(market.base);
            }
            self.funds.assert_conserved(market.quote);
        }
    }

    #[inline(always)]
    fn dispatch(&mut self, frame: &Frame, coming: &Ahead) -> Outcome {
        if frame.key != 0 && self.mandates.bind() {
            self.check_key(frame)?;
        }
        match frame.kind {
            kind::PLACE => self.place(frame, coming),
            kind::CANCEL if frame.flags == 0 => self.cancel(frame, coming.slot),
            _ => self.dispatch_others(frame),
        }
    }

    #[inline(never)]
    fn dispatch_others(&mut self, frame: &Frame) -> Outcome {
        match frame.kind {
            kind::AMEND => self.amend(frame),
            kind::PLACE_TRIGGER..=kind::PLACE_TWAP => self.place_algo(frame),
            kind::PLACE_BRACKET => self.place_bracket(frame),
            kind::ADD_EVENT
            | kind::ADD_OUTCOME
            | kind::RESOLVE_EVENT
            | kind::VOID_EVENT
            | kind::CLOSE_EVENT => self.operate_events(frame),
            known if frame.flags != 0 && kind::implemented(known) => Err(Reject::InputEnum),
            kind::MASS_CANCEL => self.mass_cancel(frame),
            kind::CANCEL_ALL_AFTER => self.cancel_all_after(frame),
            kind::CANCEL_ALGO => self.cancel_algo(frame),
            kind::AMEND_ALGO => self.amend_algo(frame),
            kind::OPEN_ACCOUNT => self.open_account(frame),
            kind::SET_ACCOUNT => self.set_account(frame),
            kind::DEPOSIT | kind::WITHDRAW => self.transfer(frame),
            kind::SET_MANDATE..=kind::REVOKE_KEY => self.entrust(frame),
            kind::ADD_ASSET..=kind::SET_LIMITS | kind::SET_CAPACITY | kind::SET_FEE_SPLIT => {
                self.operate(frame)
            }
            kind::OBSERVE_PRICES | kind::SET_FUNDING | kind::SET_PRICE_RULES => self.operate(frame),
            kind::AUCTION | kind::SET_CALENDAR => self.operate(frame),
            kind::FUND_INSURANCE | kind::SET_LIQUIDATION_RULES | kind::HOLD_LIQUIDATIONS => {
                self.operate_liquidation(frame)
            }
            known if kind::contract(known) => self.contract_command(frame),
            kind::MERGE | kind::SPLIT => self.change_sets(frame),
            _ => Err(Reject::InputKind),
        }
    }

    /// Slot of a user's account.
    #[inline]
    pub(crate) fn user(&self, number: u32) -> Result<u32, Reject> {
        if number < FIRST_USER {
            return Err(Reject::AccessReserved);
        }
        self.funds.account_slot(number).ok_or(Reject::AccessAccountUnknown)
    }

    #[inline]
    pub(crate) fn market_index(&self, number: u32) -> Result<usize, Reject> {
        if (number as usize) < self.markets.len() {
            Ok(number as usize)
        } else {
            Err(Reject::StateMarketUnknown)
        }
    }

    #[inline]
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { group: self.group, sequence: self.sequence, now_ms: self.now_ms }
    }

    /// Note that a market's book changed in this batch.
    #[inline]
    pub(crate) fn touch_market(&mut self, market: usize) {
        let market = &mut self.markets[market];
        if market.dirty_batch != self.funds.batch {
            market.dirty_batch = self.funds.batch;
            self.out.dirty_markets.push(market.number);
        }
    }

    /// Emit the event of an order as it stands.
    #[inline]
    pub(crate) fn order_event(&mut self, slot: u32, state: u8, reason: u8) {
        let stamp = Stamp { group: self.group, sequence: self.sequence, now_ms: self.now_ms };
        self.out.order_event(stamp, &self.slab.cold[slot as usize], state, reason);
    }

    /// Balances changed in this batch, as events, and their marks taken off.
    fn report_balances(&mut self) {
        let stamp = self.stamp();
        let enabled = self.out.enabled;
        let Funds { accounts, assets, dirty_accounts, .. } = &mut self.funds;
        for (at, slot) in dirty_accounts.iter().enumerate() {
            if let Some(later) = dirty_accounts.get(at + REPORT_FAR) {
                crate::prefetch::whole(&accounts[*later as usize]);
            }
            if let Some(later) = dirty_accounts.get(at + REPORT_NEAR) {
                crate::prefetch::list(&accounts[*later as usize].balances);
            }
            let account = &mut accounts[*slot as usize];
            for balance in &mut account.balances {
                let changed = std::mem::take(&mut balance.dirty);
                if enabled {
                    let asset = assets[balance.asset as usize].id;
                    self.out.balance_event(stamp, account.number, asset, balance, changed);
                }
            }
        }
    }

    /// Numbers of the accounts the last batch changed.
    pub fn dirty_accounts(&self) -> Vec<u32> {
        self.funds.dirty_accounts.iter().map(|slot| self.funds.account(*slot).number).collect()
    }

    /// Candles the last batch touched: (market, the minute so far).
    pub fn touched_candles(&self) -> Vec<(u32, Candle)> {
        let mut markets: Vec<u32> = self.out.trades.iter().map(|(market, _)| *market).collect();
        markets.sort_unstable();
        markets.dedup();
        markets.into_iter().map(|market| (market, self.markets[market as usize].candle)).collect()
    }
}
