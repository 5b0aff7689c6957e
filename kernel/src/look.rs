//! What is asked of memory ahead of the command that needs it.
//!
//! A group with many orders does not fit the caches, so a command that began to look for its account, its order, the order
//! before that one would mostly wait. Each such chain is walked while the commands before are carried out: a step of it is
//! asked for some commands ahead, the next step when the first has arrived. All of it is a hint: what the commands in
//! between change is looked up anew when its turn comes.

use crate::accounts::Account;
use crate::clients::{ClientIds, Key, Words};
use crate::contracts::{Margin, OUTCOME, PERPETUAL};
use crate::ids::OrderIds;
use crate::kernel::Kernel;
use crate::market::Market;
use crate::slab::{Node, Slab, NIL};
use crate::wire::{flag, i64_at, kind, u32_at, u64_at, HEADER};

/// With so few markets they are in the cache anyway.
const FEW_MARKETS: usize = 8;
/// Open orders from which on a group is wide: their nodes and records (192 bytes each), accounts and ids no longer fit a cache
/// near the processor. Below, the further steps of a chain cost more than they save. Unit tests are wide almost at once.
pub(crate) const WIDE: usize = if cfg!(test) { 2 } else { 40_000 };

/// Commands looked at ahead: ids and index cells at once, what they point to at the distances below.
pub(crate) const RING: usize = 8;
/// Bytes of the batch ahead of those.
const LOOK_INPUT: usize = 1_024;
const LOOK_NEAR: usize = 4;
const LOOK_FRONT: usize = 3;
const LOOK_LAST: usize = 2;
const LOOK_NEXT: usize = 1;

/// What a command will do to the book, as it looks from afar.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Way {
    #[default]
    Other,
    /// An order that will rest.
    Joins,
    /// An order that will trade.
    Takes,
}

/// A command some places ahead, and what was found out about it when memory was asked for. Slots are hints to be checked, the
/// rest follows from the frame alone.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ahead<'a> {
    /// Its frame.
    pub bytes: &'a [u8],
    /// Slot of the order a cancel names by id; `NIL` when not known.
    pub slot: u32,
    /// Slot of its account.
    pub owner: u32,
    pub way: Way,
    /// Client id of a new order as words, and its key.
    pub words: Words,
    pub key: Key,
}

/// Orders that will be met one after the other, and where what they name lies. What an order leads to is asked for in three
/// steps: its node; what the node names; what its account names.
pub(crate) struct Met<'a> {
    pub slab: &'a Slab,
    pub ids: &'a OrderIds,
    pub clients: &'a ClientIds,
    pub accounts: &'a [Account],
    pub margins: &'a [Margin],
    pub wide: bool,
}

impl Met<'_> {
    /// The second step of an order, and the first of the one behind it.
    #[inline(always)]
    pub fn order(&self, slot: u32) {
        let node = self.slab.node(slot);
        self.slab.prefetch_cold(slot);
        self.slab.prefetch_node(node.next);
        self.clients.prefetch_entry(node.client);
        if !self.wide {
            return crate::prefetch::line(self.accounts, node.account as usize);
        }
        self.ids.prefetch(node.order_id);
        if let Some(account) = self.accounts.get(node.account as usize) {
            crate::prefetch::whole(account);
        }
    }

    /// The third step of an order, the second of the one behind it, and the first of the one behind that. Of a group that is
    /// not wide the second step only.
    #[inline(always)]
    pub fn queue(&self, slot: u32) {
        if slot == NIL {
            return;
        }
        if !self.wide {
            return self.order(slot);
        }
        let node = self.slab.node(slot);
        if let Some(account) = self.accounts.get(node.account as usize) {
            account.prefetch_lists(node.position);
            self.margin(account);
        }
        if node.next != NIL {
            self.order(node.next);
        }
    }

    /// What the account of an order has of a contract market: money, margin and, of a perpetual, its position.
    #[inline(always)]
    pub fn party(&self, market: &Market, node: &Node) {
        let Some(account) = self.accounts.get(node.account as usize) else { return };
        crate::prefetch::line(&account.balances, 0);
        let Some(margin) = self.margins.get(account.margin as usize) else { return };
        crate::prefetch::whole(margin);
        if market.kind == PERPETUAL {
            if let Some(at) = margin.row(market.number) {
                if let Some(position) = market.contract.positions.get(at as usize) {
                    crate::prefetch::whole(position);
                }
            }
        }
    }

    #[inline(always)]
    fn margin(&self, account: &Account) {
        if account.margin != 0 {
            if let Some(margin) = self.margins.get(account.margin as usize) {
                crate::prefetch::whole(margin);
            }
        }
    }
}

impl Kernel {
    #[inline(always)]
    pub(crate) fn met(&self) -> Met<'_> {
        Met {
            slab: &self.slab,
            ids: &self.ids,
            clients: &self.clients,
            accounts: &self.funds.accounts,
            margins: &self.funds.margins,
            wide: self.wide,
        }
    }

    /// Before the command at `first` is carried out: look at those behind it, as far as `end`.
    #[inline(always)]
    pub(crate) fn look_ahead(&self, ahead: &mut [Ahead; RING], first: usize, end: usize) {
        if first + LOOK_NEAR < end {
            self.look_near(&mut ahead[(first + LOOK_NEAR) % RING]);
        }
        if first + LOOK_LAST < end {
            self.look_last(&ahead[(first + LOOK_LAST) % RING]);
        }
        if self.wide {
            self.look_wide(ahead, first, end);
        }
        if self.margined && first + LOOK_NEXT < end {
            let coming = &ahead[(first + LOOK_NEXT) % RING];
            if coming.way == Way::Takes {
                self.look_at_party(coming);
            }
        }
    }

    /// What the account of the first order to be met has of the market.
    #[inline(never)]
    fn look_at_party(&self, coming: &Ahead) {
        let Some((market, side, _)) = self.order_ahead(coming) else { return };
        let head = market.book.head(1 - side);
        if head != NIL {
            let node = self.slab.node(head);
            self.met().party(market, node);
            if market.kind == OUTCOME {
                self.outcomes.prefetch(node.account, Some(market.contract.outcome));
            }
        }
    }

    /// The steps between, of a group that has outgrown the caches.
    #[inline(never)]
    fn look_wide(&self, ahead: &[Ahead; RING], first: usize, end: usize) {
        if first + LOOK_FRONT < end {
            self.look_front(&ahead[(first + LOOK_FRONT) % RING]);
        }
        if first + LOOK_NEXT < end {
            self.look_next(&ahead[(first + LOOK_NEXT) % RING]);
        }
    }

    /// Ask for what a command names: account, market, cell of its client id, cell of its order id. `rest` is the batch from
    /// its frame on.
    #[inline(always)]
    pub(crate) fn look_far(&self, rest: &[u8], coming: &mut Ahead) {
        coming.slot = NIL;
        coming.way = Way::Other;
        let Some(head) = coming.bytes.first_chunk::<HEADER>() else { return };
        let account = u32_at(head, 4);
        coming.owner = self.funds.prefetch(account, self.wide | self.margined);
        crate::prefetch::line(rest, LOOK_INPUT);
        if self.markets.len() > FEW_MARKETS {
            self.look_at_market(u32_at(head, 8));
        }
        match head[2] {
            kind::PLACE => self.prefetch_place(account, rest, coming),
            kind::CANCEL | kind::AMEND => {
                if let Some(bytes) = coming.bytes.first_chunk::<24>() {
                    self.look_for_order(u64_at(bytes, HEADER), coming);
                }
            }
            _ => {}
        }
    }

    /// Ask for the cell of an order id; where that is at hand, for the order.
    #[inline(always)]
    fn look_for_order(&self, order_id: u64, coming: &mut Ahead) {
        if self.wide {
            return self.ids.prefetch(order_id);
        }
        coming.slot = self.ids.get(order_id).unwrap_or(NIL);
        self.slab.prefetch(coming.slot);
    }

    #[inline(never)]
    fn look_at_market(&self, market: u32) {
        if let Some(market) = self.markets.get(market as usize) {
            market.prefetch();
        }
    }

    /// Ask for what the account names, and for the level of a new order, its own or the one it will meet; look an order up and
    /// ask for it.
    #[inline(always)]
    fn look_near(&self, coming: &mut Ahead) {
        let Some(bytes) = coming.bytes.first_chunk::<24>() else { return };
        if let Some(account) = self.funds.accounts.get(coming.owner as usize) {
            if self.wide {
                self.mandates.prefetch(account);
                account.prefetch_lists(0);
                self.met().margin(account);
            } else {
                account.prefetch_ends();
                if self.margined {
                    self.mandates.prefetch(account);
                    self.met().margin(account);
                }
            }
        }
        if !self.outcomes.events.is_empty() {
            self.outcomes.prefetch(coming.owner, None);
        }
        // Few levels are in use where there are few orders: they are at hand, and the order of a cancel was looked up.
        if !self.wide && !self.margined {
            return;
        }
        match bytes[2] {
            kind::PLACE => {
                let Some((market, side, price)) = self.order_ahead(coming) else { return };
                if market.book.crosses(side, price) {
                    market.book.prefetch(market.book.best(1 - side));
                    coming.way = Way::Takes;
                } else {
                    market.book.prefetch(price);
                    coming.way = Way::Joins;
                }
            }
            kind::CANCEL if self.wide => {
                let slot = self.ids.get(u64_at(bytes, HEADER)).unwrap_or(NIL);
                self.slab.prefetch(slot);
                coming.slot = slot;
            }
            _ => {}
        }
    }

    /// Market, side and price of a new order.
    #[inline(always)]
    fn order_ahead(&self, coming: &Ahead) -> Option<(&Market, usize, i64)> {
        let bytes = coming.bytes.first_chunk::<24>()?;
        let market = self.markets.get(u32_at(bytes, 8) as usize)?;
        Some((market, (bytes[3] & flag::SELL) as usize, i64_at(bytes, HEADER)))
    }

    /// Ask for the first order that one meets which will trade.
    #[inline(always)]
    fn look_front(&self, coming: &Ahead) {
        if coming.way == Way::Takes {
            self.slab.prefetch_node(self.front_of(coming));
        }
    }

    #[inline(never)]
    fn front_of(&self, coming: &Ahead) -> u32 {
        self.order_ahead(coming).map_or(NIL, |(market, side, _)| market.book.head(1 - side))
    }

    /// What the account of a command has of the outcome it names.
    #[inline(never)]
    fn look_at_outcome(&self, coming: &Ahead) {
        let Some(header) = coming.bytes.first_chunk::<HEADER>() else { return };
        let market = self.markets.get(u32_at(header, 8) as usize);
        if let Some(market) = market.filter(|market| market.kind == OUTCOME) {
            self.outcomes.prefetch(coming.owner, Some(market.contract.outcome));
        }
    }

    /// What an order about to be cancelled points to, the order a new one will stand behind, what the first order to be met
    /// names.
    #[inline(always)]
    fn look_last(&self, coming: &Ahead) {
        if !self.outcomes.events.is_empty() {
            self.look_at_outcome(coming);
        }
        match coming.way {
            Way::Joins => {
                if let Some((market, _, price)) = self.order_ahead(coming) {
                    self.slab.prefetch_node(market.book.tail_hint(price));
                }
            }
            Way::Takes => self.look_at_trade(coming),
            Way::Other if coming.slot != NIL => self.look_at_cancel(coming.slot),
            Way::Other => {}
        }
    }

    #[inline(never)]
    fn look_at_trade(&self, coming: &Ahead) {
        let Some((market, side, _)) = self.order_ahead(coming) else { return };
        self.met().order(market.book.head(1 - side));
        if self.markets.len() > FEW_MARKETS {
            market.prefetch_trade();
        }
    }

    #[inline(always)]
    fn look_at_cancel(&self, slot: u32) {
        let node = self.slab.node(slot);
        self.slab.prefetch_node(node.prev);
        self.slab.prefetch_node(node.next);
        if let Some(market) = self.markets.get(node.market as usize) {
            market.book.prefetch(node.price);
        }
        if let Some(account) = self.funds.accounts.get(node.account as usize) {
            crate::prefetch::line(&account.orders, node.position as usize);
            self.slab.prefetch_node(account.orders.last().copied().unwrap_or(NIL));
        }
    }

    /// What the first orders to be met lead to; the position of the account.
    #[inline(always)]
    fn look_next(&self, coming: &Ahead) {
        if coming.way == Way::Takes {
            self.look_at_queue(coming);
        }
        if let Some(account) = self.funds.accounts.get(coming.owner as usize) {
            if account.margin != 0 {
                self.look_at_position(coming);
            }
        }
    }

    #[inline(never)]
    fn look_at_queue(&self, coming: &Ahead) {
        self.met().queue(self.front_of(coming));
    }

    #[inline(never)]
    fn look_at_position(&self, coming: &Ahead) {
        let Some(header) = coming.bytes.first_chunk::<HEADER>() else { return };
        let number = u32_at(header, 8) as usize;
        if self.markets.get(number).is_some_and(|market| market.kind == PERPETUAL) {
            if let Some(position) = self.position(coming.owner, number) {
                crate::prefetch::whole(position);
            }
        }
    }
}
