//! The commands most of a stream consists of, on a path of their own: a limit order, which rests without trading or
//! (`take.rs`) trades at once, and the cancel of an order by its id. Each is checked whole before anything is changed; whatever is not plain
//! about a command (an option, a refusal, a margin account, a timer, a mandate with a new day to begin) leaves it to the general path, which does the same in
//! the same order and gives the rejects. So this file decides nothing: it only saves the general path's questions.

mod order;

pub(crate) use order::Plain;

use crate::accounts::{Account, Balance, Funds, BOUND, FIRST_USER};
use crate::clients::{visible, Found};
use crate::codes::{reason, state, Reject};
use crate::contracts::checks::Bid;
use crate::contracts::SPOT;
use crate::kernel::Kernel;
use crate::look::Ahead;
use crate::mandates::Wanted;
use crate::market::Market;
use crate::matching::hold_of;
use crate::num::{charge, product, MAX_QUANTITY};
use crate::output::{Ack, Stamp};
use crate::place::{NOT_RESTING, PLACE_FRAME};
use crate::refuse::{Refusal, CANCEL_FRAME};
use crate::slab::{Node, NIL, NO_CLIENT};
use crate::wire::{flag, i64_at, u32_at, u64_at, ALL_MARKETS, GTC, IOC, MAX_CLIENT_ID, STP_CANCEL_BOTH};

/// Whether a quantity is positive and not too large.
#[inline(always)]
fn fits(quantity: i64) -> bool {
    (quantity.wrapping_sub(1) as u64) < MAX_QUANTITY as u64
}

/// What a new order needs of its account: the asset and the units, of a contract none. `None` where the general path has to
/// say why not.
#[inline(always)]
fn need(market: &Market, side: usize, price: i64, size: i64, taker_ppm: i32) -> Option<(u32, i64)> {
    let notional = product(price, size, market.tick_quote)?;
    let base = size.checked_mul(market.lot_size)?;
    if notional < market.parameters.min_notional {
        return None;
    }
    if market.kind != SPOT {
        return Some((market.quote, 0));
    }
    let cost = notional.checked_add(charge(notional, taker_ppm, 0))?;
    let needs = [(market.quote, cost), (market.base, base)];
    Some(needs[side & 1])
}

/// What an order may be worth at most to the mandate of its key, which values a sell at the market's price if that is more.
#[inline(always)]
fn most_worth(market: &Market, side: usize, price: i64, size: i64) -> i64 {
    let sold = price.max(market.band_centre()).max(market.book.best_bid());
    // No branch on the side.
    let most = price + ((sold - price) & (side as i64).wrapping_neg());
    product(most, size, market.tick_quote).unwrap_or(i64::MAX)
}

/// One bit tells a plain order that is over at once from one that may wait, and the same bit one that must not trade.
const _: () = assert!(GTC == 0 && IOC.is_power_of_two() && IOC == flag::POST_ONLY);

/// Whether the frame of a new order asks for nothing that is not plain.
#[inline(always)]
fn is_plain(frame: &[u8; PLACE_FRAME], bytes: usize, coming: &Ahead) -> bool {
    // Type and builder are 0; so are expiry and deadline.
    let options = u64_at(frame, 32) & 0xFFFF_FFFF_0000_00FF | u64_at(frame, 40) | u64_at(frame, 48);
    let (tif, stp, length) = (frame[33], frame[34], frame[35] as usize);
    let sound = (options == 0)
        & (frame[3] & !(flag::SELL | flag::POST_ONLY) == 0)
        & (tif & !IOC == 0)
        & (tif & frame[3] & flag::POST_ONLY == 0)
        & (stp <= STP_CANCEL_BOTH)
        & (length <= MAX_CLIENT_ID)
        & (bytes == PLACE_FRAME + length)
        & fits(i64_at(frame, 16))
        & fits(i64_at(frame, 24));
    sound && visible(&coming.words, length)
}

#[inline(always)]
fn balance_of(account: &mut Account, asset: u32) -> Option<&mut Balance> {
    let at = account.place_of(asset);
    account.balances.get_mut(at).filter(|balance| balance.asset == asset)
}

impl Kernel {
    /// Whether nothing is pending that has to be looked at after every command or before each of its checks.
    #[inline(always)]
    pub(crate) fn is_quiet(&self) -> bool {
        self.plain && !self.algos.is_busy() && self.funds.pending.is_empty()
    }

    /// Carry out a plain order and tell of it. `false`: nothing has been done.
    #[inline(always)]
    pub(crate) fn place_plain(&mut self, bytes: &[u8], coming: &Ahead) -> bool {
        let Some(frame) = bytes.first_chunk::<PLACE_FRAME>() else { return false };
        if !is_plain(frame, bytes.len(), coming) || !self.is_quiet() {
            return false;
        }
        // Looked at where it was written: a copy would wait for the stores.
        let checked = self.check_plain(frame, coming);
        let order = match &checked {
            Ok(order) => order,
            Err(refusal) => return self.refuse_plain(refusal),
        };
        if !order.spot {
            return self.place_contract(order);
        }
        self.enter_plain(order);
        true
    }

    /// Check a plain order whole.
    #[inline(never)]
    fn check_plain<'a>(
        &self,
        frame: &'a [u8; PLACE_FRAME],
        coming: &'a Ahead<'a>,
    ) -> Result<Plain<'a>, Refusal> {
        const UNCLEAR: Refusal = Refusal::Unclear;
        let (number, key) = (u32_at(frame, 4), u32_at(frame, 12));
        let (price, size) = (i64_at(frame, 16), i64_at(frame, 24));
        let (flags, tif) = (frame[3], frame[33]);
        let side = (flags & flag::SELL) as usize;
        let account = self.funds.accounts.get(coming.owner as usize).ok_or(UNCLEAR)?;
        let market = self.markets.get(u32_at(frame, 8) as usize).ok_or(UNCLEAR)?;
        let spot = market.kind == SPOT;
        let welcome = number >= FIRST_USER
            && account.flags & BOUND == 0
            && (account.margin == 0 || !spot)
            && account.orders.len() < self.limits.orders_per_account as usize
            && market.is_open()
            && !market.book.is_collecting()
            && (size >= market.parameters.min_lots) & (size <= market.parameters.max_lots)
            && (price <= market.highest()) & (market.book.level_count(side) < market.parameters.max_levels);
        if !welcome {
            return Err(UNCLEAR);
        }
        let mut vacancy = None;
        if frame[35] > 0 {
            let clients = &self.clients;
            if clients.len() >= self.limits.client_ids as usize || clients.is_due(self.now_ms) {
                return Err(UNCLEAR);
            }
            match clients.peek(number, coming.key).ok_or(UNCLEAR)? {
                Found::Vacant(vacant) => vacancy = Some(vacant),
                Found::Entry(sequence) => return Err(Refusal::Duplicate(sequence)),
            }
        }
        let crosses = market.book.crosses(side, price);
        let dies = match crosses {
            true if flags & flag::POST_ONLY != 0 => reason::POST_ONLY,
            false if tif != GTC => reason::IOC,
            _ => reason::NONE,
        };
        let mandate = self.mandates.find(account, key);
        if !self.mandates.lets(mandate, most_worth(market, side, price, size))
            && !self.keeps_mandate(mandate, coming.owner, &Wanted::plain(market.number, side, price, size))
        {
            return Err(UNCLEAR);
        }
        let (maker_ppm, taker_ppm) = market.fees(account.tier);
        let (asset, hold) = need(market, side, price, size, taker_ppm).ok_or(UNCLEAR)?;
        if !market.admits(side, price) {
            let why = Refusal::Rejected(mandate, Reject::RiskPriceBand);
            return Err(if market.auction.band_ms == 0 { why } else { UNCLEAR });
        }
        let balance = account.place_of(asset);
        let has = account.balances.get(balance).filter(|balance| balance.asset == asset).ok_or(UNCLEAR)?;
        if spot && has.total - has.held < hold {
            return Err(Refusal::Rejected(mandate, Reject::RiskInsufficientBalance));
        }
        let (owner, balance) = (coming.owner, balance as u32);
        Ok(Plain {
            frame,
            coming,
            owner,
            vacancy,
            balance,
            hold,
            maker_ppm,
            taker_ppm,
            mandate,
            spot,
            crosses,
            dies,
        })
    }

    /// The rest of a plain order of a contract: its margin is checked, and reserved if it rests; if it trades, that is as for
    /// any taker. `false`: nothing has been done.
    #[inline(never)]
    fn place_contract(&mut self, order: &Plain) -> bool {
        let bid = Bid {
            account: order.owner,
            side: order.side(),
            limit: order.price(),
            lots: order.size(),
            taker_ppm: order.taker_ppm,
        };
        let Some(open) = self.passes(order.market(), &bid) else { return false };
        // It holds nothing, but if it rests its balance is told.
        if self.enter_plain(order) {
            self.reserve_plain(order.market(), &bid, open);
        }
        true
    }

    /// A plain order that passed trades, rests or dies; whether it rests.
    #[inline(always)]
    fn enter_plain(&mut self, order: &Plain) -> bool {
        if order.dies != reason::NONE {
            self.kill_plain(order, order.dies);
        } else if order.crosses {
            self.take_plain(order);
        } else {
            self.rest_plain(order);
            return true;
        }
        false
    }

    /// A plain order enters the book, and holds what it needs; what it reserves is the caller's.
    #[inline(never)]
    fn rest_plain(&mut self, order: &Plain) {
        let now_ms = self.now_ms;
        let Kernel { funds, markets, slab, ids, clients, out, mandates, .. } = self;
        mandates.count(order.mandate);
        let Funds { accounts, batch, dirty_accounts, .. } = funds;
        let (account, market) = (&mut accounts[order.owner as usize], &mut markets[order.market() as usize]);
        let balance = &mut account.balances[order.balance as usize];
        balance.held += order.hold;
        balance.dirty = true;
        let sound = balance.held >= order.hold && balance.held <= balance.total;
        assert!(sound || !order.spot, "0 <= held <= total for every balance");
        account.touch(order.owner, *batch, dirty_accounts);
        if market.dirty_batch != *batch {
            market.dirty_batch = *batch;
            out.dirty_markets.push(market.number);
        }
        let slot = slab.take();
        let order_id = ids.assign(slot);
        let client = order.remember(clients, order_id, now_ms);
        let position = account.orders.len() as u32;
        account.orders.push(slot);
        debug_assert_ne!(position, NOT_RESTING);
        let prev = market.book.append(slab, slot, (order.side(), order.price(), order.size()));
        assert!(market.book.best_bid() < market.book.best_ask(), "the book is never crossed after a command");
        *slab.node_mut(slot) = Node { prev, position, ..order.node(order_id, client, order.size(), 0) };
        let new = order.record(order_id, now_ms);
        slab.cold_mut(slot).begin(&new);
        out.new_order_event(Stamp { group: self.group, sequence: self.sequence, now_ms }, &new);
        out.ack(Ack { order_id, remaining: order.size(), state: state::OPEN, ..Ack::default() });
    }

    /// Carry out the cancel of an order whose slot was found when it was looked at ahead. `false`: nothing has been done.
    #[inline(never)]
    pub(crate) fn cancel_plain(&mut self, bytes: &[u8], slot: u32) -> bool {
        let Some(frame) = bytes.first_chunk::<CANCEL_FRAME>().filter(|_| bytes.len() == CANCEL_FRAME) else {
            return false;
        };
        // No client id, no deadline, no flags.
        if slot == NIL || u64_at(frame, 24) | u64_at(frame, 32) != 0 || frame[3] != 0 || !self.is_quiet() {
            return false;
        }
        let (number, market_number, key) = (u32_at(frame, 4), u32_at(frame, 8), u32_at(frame, 12));
        let owner = self.funds.account_slot(number);
        if owner.is_some_and(|owner| !self.may_cancel(self.funds.account(owner), key)) {
            return false;
        }
        let Kernel { funds, markets, slab, ids, clients, closed, out, .. } = self;
        let Funds { accounts, batch, dirty_accounts, .. } = funds;
        let node = slab.node(slot);
        let Some(market) = markets.get_mut(node.market as usize) else { return false };
        let mine = node.order_id == u64_at(frame, 16)
            && owner == Some(node.account)
            && number >= FIRST_USER
            && (market_number == u32::from(node.market) || market_number == ALL_MARKETS)
            && node.flags & (flag::TIMED | flag::LINKED | flag::REDUCE_ONLY) == 0;
        if !mine {
            return false;
        }
        let account = &mut accounts[node.account as usize];
        let (asset, hold) = hold_of(market, node);
        let spot = market.kind == SPOT;
        let margin = account.margin;
        let (owner, order_id, client, position) = (node.account, node.order_id, node.client, node.position);
        let Some(balance) = balance_of(account, asset) else { return false };
        if (margin != 0 && spot) || position == NOT_RESTING {
            return false;
        }

        // From here on it is done.
        balance.held -= hold;
        balance.dirty = true;
        let sound = balance.held >= 0 && balance.held <= balance.total;
        assert!(sound || !spot, "0 <= held <= total for every balance");
        let reserved = (!spot).then_some(*node);
        account.touch(owner, *batch, dirty_accounts);
        if market.dirty_batch != *batch {
            market.dirty_batch = *batch;
            out.dirty_markets.push(market.number);
        }
        market.book.unlink(slab, slot);
        let cold = slab.cold(slot);
        let filled = cold.filled;
        let stamp = Stamp { group: self.group, sequence: self.sequence, now_ms: self.now_ms };
        out.order_event(stamp, cold, state::CANCELLED, reason::USER);
        if filled > 0 {
            out.closed_order(stamp, cold, state::CANCELLED, reason::USER);
            if client != NO_CLIENT {
                clients.finish(client, state::CANCELLED, filled);
            }
        } else {
            closed.keep(cold, reason::USER, stamp.now_ms);
        }
        account.orders.swap_remove(position as usize);
        if let Some(moved) = account.orders.get(position as usize) {
            slab.node_mut(*moved).position = position;
        }
        ids.remove(order_id);
        slab.remove(slot);
        out.ack(Ack { order_id, filled, state: state::CANCELLED, reason: reason::USER, ..Ack::default() });
        if let Some(node) = reserved {
            self.release_lots(&node, node.remaining, node.taker_ppm);
        }
        true
    }
}
