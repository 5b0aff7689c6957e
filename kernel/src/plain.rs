//! The commands most of a stream consists of, on a path of their own: a limit order of a spot market that rests without
//! trading, and the cancel of an order by its id. Each is checked whole before anything is changed; whatever is not plain
//! about a command (an option, a refusal, a margin account, a timer) leaves it to the general path, which does the same in
//! the same order and gives the rejects. So this file decides nothing: it only saves the general path's questions.

use crate::accounts::{Account, Balance, Funds, BOUND, FIRST_USER};
use crate::clients::{visible, Entry};
use crate::codes::{reason, state};
use crate::contracts::SPOT;
use crate::kernel::{Ahead, Kernel};
use crate::market::Market;
use crate::matching::hold_of;
use crate::num::{charge, product, MAX_QUANTITY};
use crate::output::{Ack, Stamp};
use crate::place::{NOT_RESTING, PLACE_FRAME};
use crate::slab::{NewOrder, Node, NIL, NO_CLIENT};
use crate::wire::{flag, i64_at, u32_at, u64_at, ALL_MARKETS, MAX_CLIENT_ID, STP_CANCEL_BOTH};

/// Bytes of a cancel without a client id.
const CANCEL_FRAME: usize = 40;

/// Whether a quantity is positive and not too large.
#[inline(always)]
fn fits(quantity: i64) -> bool {
    (quantity.wrapping_sub(1) as u64) < MAX_QUANTITY as u64
}

/// What a new order needs of its account: the asset and the units. `None` where the general path has to say why not.
#[inline(always)]
fn need(market: &Market, side: usize, price: i64, size: i64, taker_ppm: i32) -> Option<(u32, i64)> {
    let notional = product(price, size, market.tick_quote)?;
    let base = size.checked_mul(market.lot_size)?;
    let cost = notional.checked_add(charge(notional, taker_ppm, 0))?;
    let (low, high) = market.band();
    // No branch on the side: it cannot be guessed.
    let allowed = (notional >= market.parameters.min_notional)
        & (market.book.level_count(side) < market.parameters.max_levels)
        & ((side == 0) & (price <= high) | (side != 0) & (price >= low));
    let needs = [(market.quote, cost), (market.base, base)];
    allowed.then_some(needs[side & 1])
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
        !self.algos.is_busy() && self.funds.pending.is_empty() && !self.mandates.bind()
    }

    /// Carry out a plain order and tell of it. `false`: nothing has been done.
    #[inline(never)]
    pub(crate) fn place_plain(&mut self, bytes: &[u8], coming: &Ahead) -> bool {
        let Some(frame) = bytes.first_chunk::<PLACE_FRAME>() else { return false };
        let (flags, stp, client_len) = (frame[3], frame[34], frame[35] as usize);
        // Type, time in force and builder are 0; so are expiry and deadline.
        let options = u64_at(frame, 32) & 0xFFFF_FFFF_0000_FFFF | u64_at(frame, 40) | u64_at(frame, 48);
        let (price, size) = (i64_at(frame, 16), i64_at(frame, 24));
        let sound = options == 0
            && flags & !(flag::SELL | flag::POST_ONLY) == 0
            && stp <= STP_CANCEL_BOTH
            && client_len <= MAX_CLIENT_ID
            && bytes.len() == PLACE_FRAME + client_len
            && fits(price)
            && fits(size);
        let spot = self.markets.get(u32_at(frame, 8) as usize).is_some_and(|market| market.kind == SPOT);
        if !sound || !spot || !visible(&coming.words, client_len) || !self.is_quiet() {
            return false;
        }
        let (number, market_number, key) = (u32_at(frame, 4), u32_at(frame, 8), u32_at(frame, 12));
        let side = (flags & flag::SELL) as usize;
        let Some(owner) = self.funds.account_slot(number) else { return false };
        let Kernel { funds, markets, slab, ids, clients, out, limits, .. } = self;
        let Funds { accounts, batch, dirty_accounts, .. } = funds;
        let (Some(account), Some(market)) =
            (accounts.get_mut(owner as usize), markets.get_mut(market_number as usize))
        else {
            return false;
        };
        let lots = market.parameters.min_lots..=market.parameters.max_lots;
        let welcome = number >= FIRST_USER
            && account.flags & BOUND == 0
            && account.margin == 0
            && account.orders.len() < limits.orders_per_account as usize
            && market.is_open()
            && !market.book.is_collecting()
            && !market.book.crosses(side, price)
            && lots.contains(&size);
        if !welcome {
            return false;
        }
        let (maker_ppm, taker_ppm) = market.fees(account.tier);
        let Some((asset, hold)) = need(market, side, price, size, taker_ppm) else { return false };
        let Some(balance) = balance_of(account, asset) else { return false };
        if balance.total - balance.held < hold {
            return false;
        }
        let now_ms = self.now_ms;
        let mut vacancy = None;
        if client_len > 0 {
            let full = clients.len() >= limits.client_ids as usize || clients.is_due(now_ms);
            vacancy = clients.vacancy(number, coming.key).filter(|_| !full);
            if vacancy.is_none() {
                return false;
            }
        }

        // From here on it is accepted.
        balance.held += hold;
        balance.dirty = true;
        assert!(
            balance.held >= hold && balance.held <= balance.total,
            "0 <= held <= total for every balance"
        );
        if account.dirty_batch != *batch {
            account.dirty_batch = *batch;
            dirty_accounts.push(owner);
        }
        if market.dirty_batch != *batch {
            market.dirty_batch = *batch;
            out.dirty_markets.push(market.number);
        }
        let slot = slab.take();
        let order_id = ids.assign(slot);
        let client = match vacancy {
            Some(vacancy) => clients.push_at(vacancy, Entry::new(coming.key, number, order_id), now_ms),
            None => NO_CLIENT,
        };
        let position = account.orders.len() as u32;
        account.orders.push(slot);
        *slab.node_mut(slot) = Node {
            next: NIL,
            prev: NIL,
            remaining: size,
            price,
            order_id,
            client,
            account: owner,
            market: market_number as u16,
            flags,
            stp,
            maker_ppm,
            taker_ppm,
            prepaid: 0,
            position,
        };
        debug_assert_ne!(position, NOT_RESTING);
        let new = NewOrder {
            flags,
            account: number,
            order_id,
            market: market_number,
            key,
            price,
            size,
            created_ms: now_ms,
            expires_ms: 0,
            small: [0, 0, stp, state::OPEN, reason::NONE, client_len as u8, 0, 0],
            builder: 0,
            client_id: &coming.words,
        };
        slab.cold_mut(slot).begin(&new);
        market.book.push(slab, slot);
        assert!(market.book.best_bid() < market.book.best_ask(), "the book is never crossed after a command");
        let stamp = Stamp { group: self.group, sequence: self.sequence, now_ms };
        out.new_order_event(stamp, &new);
        out.ack(Ack { order_id, remaining: size, state: state::OPEN, ..Ack::default() });
        true
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
        let (number, market_number) = (u32_at(frame, 4), u32_at(frame, 8));
        let Kernel { funds, markets, slab, ids, clients, closed, out, .. } = self;
        let owner = funds.account_slot(number);
        let Funds { accounts, batch, dirty_accounts, .. } = funds;
        let node = slab.node(slot);
        let Some(market) = markets.get_mut(node.market as usize) else { return false };
        let mine = node.order_id == u64_at(frame, 16)
            && owner == Some(node.account)
            && number >= FIRST_USER
            && (market_number == u32::from(node.market) || market_number == ALL_MARKETS)
            && node.flags & (flag::TIMED | flag::LINKED) == 0
            && market.kind == SPOT;
        if !mine {
            return false;
        }
        let account = &mut accounts[node.account as usize];
        let (asset, hold) = hold_of(market, node);
        let margin = account.margin;
        let (owner, order_id, client, position) = (node.account, node.order_id, node.client, node.position);
        let Some(balance) = balance_of(account, asset) else { return false };
        if margin != 0 || position == NOT_RESTING {
            return false;
        }

        // From here on it is done.
        balance.held -= hold;
        balance.dirty = true;
        assert!(balance.held >= 0 && balance.held <= balance.total, "0 <= held <= total for every balance");
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
        true
    }
}
