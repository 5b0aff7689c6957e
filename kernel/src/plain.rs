//! The commands most of a stream consists of, on a path of their own: a limit order, which rests without trading or
//! (`take.rs`) trades at once, and the cancel of an order by its id. Each is checked whole before anything is changed; whatever is not plain
//! about a command (an option, a refusal, a margin account, a timer, a mandate with a new day to begin) leaves it to the general path, which does the same in
//! the same order and gives the rejects. So this file decides nothing: it only saves the general path's questions.

use crate::accounts::{Account, Balance, Funds, BOUND, FIRST_USER};
use crate::clients::{visible, Entry, Vacancy};
use crate::codes::{reason, state};
use crate::contracts::checks::Bid;
use crate::contracts::SPOT;
use crate::kernel::Kernel;
use crate::look::Ahead;
use crate::mandates::{Held, Wanted};
use crate::market::Market;
use crate::matching::hold_of;
use crate::num::{charge, product, MAX_QUANTITY};
use crate::outcomes::holding::Open;
use crate::output::{Ack, Stamp};
use crate::place::{NOT_RESTING, PLACE_FRAME};
use crate::slab::{Node, NIL, NO_CLIENT};
use crate::wire::{flag, i64_at, u32_at, u64_at, ALL_MARKETS, GTC, IOC, MAX_CLIENT_ID, STP_CANCEL_BOTH};

/// A plain order: what its frame says and what was looked up to check it.
pub(crate) struct Plain {
    pub number: u32,
    /// Slot of the account.
    pub owner: u32,
    pub market: u32,
    pub key: u32,
    pub side: usize,
    pub price: i64,
    pub size: i64,
    pub flags: u8,
    pub tif: u8,
    pub stp: u8,
    pub client_len: u8,
    pub maker_ppm: i32,
    pub taker_ppm: i32,
    /// Mandate of its key, which counts it.
    pub mandate: Option<Held>,
    /// Whether its fills may concern others than the two sides.
    pub shared: bool,
}

/// Bytes of a cancel without a client id.
const CANCEL_FRAME: usize = 40;

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
    // No branch on the side: it cannot be guessed.
    let centre = market.band_centre();
    let inner = (side == 0) & (price <= centre) | (side != 0) & (price >= centre);
    let allowed = (notional >= market.parameters.min_notional)
        & (market.book.level_count(side) < market.parameters.max_levels);
    if !allowed || (!inner && !in_band(market, side, price)) {
        return None;
    }
    if market.kind != SPOT {
        return (price <= market.highest()).then_some((market.quote, 0));
    }
    let cost = notional.checked_add(charge(notional, taker_ppm, 0))?;
    let needs = [(market.quote, cost), (market.base, base)];
    Some(needs[side & 1])
}

#[inline(always)]
fn in_band(market: &Market, side: usize, price: i64) -> bool {
    let (low, high) = market.band();
    (side == 0) & (price <= high) | (side != 0) & (price >= low)
}

#[inline(always)]
fn balance_of(account: &mut Account, asset: u32) -> Option<&mut Balance> {
    let at = account.place_of(asset);
    account.balances.get_mut(at).filter(|balance| balance.asset == asset)
}

impl Kernel {
    /// Whether nothing is pending that has to be looked at after every command or before each of its checks.
    #[inline(always)]
    fn is_quiet(&self) -> bool {
        self.plain && !self.algos.is_busy() && self.funds.pending.is_empty()
    }

    /// Carry out a plain order and tell of it. `false`: nothing has been done.
    #[inline(never)]
    pub(crate) fn place_plain(&mut self, bytes: &[u8], coming: &Ahead) -> bool {
        let Some(frame) = bytes.first_chunk::<PLACE_FRAME>() else { return false };
        let (flags, tif, stp, client_len) = (frame[3], frame[33], frame[34], frame[35]);
        // Type and builder are 0; so are expiry and deadline.
        let options = u64_at(frame, 32) & 0xFFFF_FFFF_0000_00FF | u64_at(frame, 40) | u64_at(frame, 48);
        let (price, size) = (i64_at(frame, 16), i64_at(frame, 24));
        let length = client_len as usize;
        let sound = options == 0
            && flags & !(flag::SELL | flag::POST_ONLY) == 0
            && (tif == GTC) | (tif == IOC)
            && stp <= STP_CANCEL_BOTH
            && length <= MAX_CLIENT_ID
            && bytes.len() == PLACE_FRAME + length
            && fits(price)
            && fits(size);
        if !sound || !visible(&coming.words, length) || !self.is_quiet() {
            return false;
        }
        let (number, market_number, key) = (u32_at(frame, 4), u32_at(frame, 8), u32_at(frame, 12));
        let side = (flags & flag::SELL) as usize;
        let Some(owner) = self.funds.account_slot(number) else { return false };
        let account = self.funds.account(owner);
        let (mandate, shared) = (self.mandates.find(account, key), self.mandates.concern(account, key));
        if let Some(held) = mandate {
            let wanted = Wanted {
                market: market_number,
                side,
                price,
                lots: size,
                budget: 0,
                reduce_only: false,
                standing: 0,
            };
            if !self.keeps_mandate(held, owner, &wanted) {
                return false;
            }
        }
        let Some(market) = self.markets.get(market_number as usize) else { return false };
        let spot = market.kind == SPOT;
        let welcome = number >= FIRST_USER
            && account.flags & BOUND == 0
            && (account.margin == 0 || !spot)
            && account.orders.len() < self.limits.orders_per_account as usize
            && market.is_open()
            && !market.book.is_collecting()
            && (size >= market.parameters.min_lots) & (size <= market.parameters.max_lots);
        if !welcome {
            return false;
        }
        let crosses = market.book.crosses(side, price);
        let taking = flags & flag::POST_ONLY == 0;
        if if crosses { !taking } else { tif != GTC } {
            return false;
        }
        let (maker_ppm, taker_ppm) = market.fees(account.tier);
        let Some((asset, hold)) = need(market, side, price, size, taker_ppm) else { return false };
        let at = account.place_of(asset);
        let Some(balance) = account.balances.get(at).filter(|balance| balance.asset == asset) else {
            return false;
        };
        if spot && balance.total - balance.held < hold {
            return false;
        }
        let mut vacancy = None;
        if client_len > 0 {
            let clients = &self.clients;
            let full = clients.len() >= self.limits.client_ids as usize || clients.is_due(self.now_ms);
            vacancy = clients.vacancy(number, coming.key).filter(|_| !full);
            if vacancy.is_none() {
                return false;
            }
        }

        // Made where it is used, so that it need not be in memory where it only rests.
        let order = |shared| Plain {
            number,
            owner,
            market: market_number,
            key,
            side,
            price,
            size,
            flags,
            tif,
            stp,
            client_len,
            maker_ppm,
            taker_ppm,
            mandate,
            shared,
        };
        let bid = Bid { account: owner, side, limit: price, lots: size, taker_ppm };
        let open = if spot { Some(Open::default()) } else { self.passes(market_number, &bid) };
        let Some(open) = open else { return false };
        if crosses {
            self.take_plain(&order(shared), vacancy, coming);
            return true;
        }
        // What a contract order needs is reserved when it rests; it holds nothing, but its balance is told.
        let balance = &mut self.funds.account_mut(owner).balances[at];
        balance.held += hold;
        balance.dirty = true;
        assert!(
            !spot || (balance.held >= hold && balance.held <= balance.total),
            "0 <= held <= total for every balance"
        );
        self.rest_plain(&order(false), vacancy, coming);
        if !spot {
            self.reserve_plain(market_number, &bid, open);
        }
        true
    }

    /// A plain order enters the book; what it holds or reserves is the caller's.
    #[inline(always)]
    fn rest_plain(&mut self, order: &Plain, vacancy: Option<Vacancy>, coming: &Ahead) {
        let now_ms = self.now_ms;
        let Kernel { funds, markets, slab, ids, clients, out, mandates, .. } = self;
        if let Some(held) = order.mandate {
            mandates.count(held, now_ms);
        }
        let Funds { accounts, batch, dirty_accounts, .. } = funds;
        let (account, market) = (&mut accounts[order.owner as usize], &mut markets[order.market as usize]);
        if account.dirty_batch != *batch {
            account.dirty_batch = *batch;
            dirty_accounts.push(order.owner);
        }
        if market.dirty_batch != *batch {
            market.dirty_batch = *batch;
            out.dirty_markets.push(market.number);
        }
        let slot = slab.take();
        let order_id = ids.assign(slot);
        let client = match vacancy {
            Some(vacancy) => clients.push_at(vacancy, Entry::new(coming.key, order.number, order_id), now_ms),
            None => NO_CLIENT,
        };
        let position = account.orders.len() as u32;
        account.orders.push(slot);
        let node = Node { position, ..order.node(order_id, client, order.size, 0) };
        *slab.node_mut(slot) = node;
        debug_assert_ne!(position, NOT_RESTING);
        let new = order.begin(order_id, now_ms, &coming.words);
        slab.cold_mut(slot).begin(&new);
        market.book.push(slab, slot);
        assert!(market.book.best_bid() < market.book.best_ask(), "the book is never crossed after a command");
        let stamp = Stamp { group: self.group, sequence: self.sequence, now_ms };
        out.new_order_event(stamp, &new);
        out.ack(Ack { order_id, remaining: order.size, state: state::OPEN, ..Ack::default() });
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
        if account.dirty_batch != *batch {
            account.dirty_batch = *batch;
            dirty_accounts.push(owner);
        }
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
