//! A plain order that trades at once: the third of the paths of `plain.rs`. As long as it meets plain orders (no expiry, no
//! algo order behind them, no owner of its own, no trigger at the price, nobody beside the two sides whom the fill concerns) it
//! is matched here, and what is the same for all its trades is done once: its own balances or position, its record, the level's
//! and the fee accounts' sums. At the first order that is not plain it goes on as any other taker does, from where it stands.
//!
//! What changes hands is the matter of a `Desk`: base and quote here, positions and outcomes in `contracts/desk.rs` and
//! `outcomes/desk.rs`.

use crate::accounts::{Account, Asset, Funds, DUST, PROTOCOL_FEES, VENUE_FEES};
use crate::clients::ClientIds;
use crate::codes::{reason, state};
use crate::contracts::{Margin, OUTCOME, SPOT};
use crate::ids::OrderIds;
use crate::kernel::Kernel;
use crate::look::Met;
use crate::mandates::Mandates;
use crate::market::{Market, Trade};
use crate::matching::{cost_of, state_of, Taker};
use crate::num::{charge, prepaid_after, share};
use crate::output::{Ack, FillView, Filled, Output, Stamp};
use crate::plain::Plain;
use crate::slab::{Cold, Node, Slab, NIL, NO_CLIENT};
use crate::wire::{flag, IOC};

/// What an order has done so far.
pub(crate) struct Take {
    remaining: i64,
    prepaid: u32,
    filled: Filled,
    /// Orders met.
    met: u32,
    /// Changes of its own balances, and of all its makers' quote together; of a perpetual less what positions were entered for.
    base: i64,
    pub quote: i64,
    pub makers: i64,
    /// Quote units of the reserved accounts, and what they had before.
    reserved: [i64; 3],
    before: [i64; 3],
}

/// Reserved accounts a trade pays into.
const RESERVED: [usize; 3] = [VENUE_FEES as usize, PROTOCOL_FEES as usize, DUST as usize];

impl Take {
    fn new(order: &Plain) -> Take {
        Take {
            remaining: order.size(),
            prepaid: 0,
            filled: Filled { size: order.size(), lots: 0, quote: 0, fee: 0 },
            met: 0,
            base: 0,
            quote: 0,
            makers: 0,
            reserved: [0; 3],
            before: [0; 3],
        }
    }

    /// Begin to trade at a desk: what has been paid before is booked.
    #[inline(always)]
    fn begin(&mut self, quote: &Asset) {
        (self.base, self.quote, self.makers) = (0, 0, 0);
        self.before = RESERVED.map(|account| quote.reserved[account]);
        self.reserved = self.before;
    }

    /// Lots it trades with the next order.
    #[inline(always)]
    pub fn lots(&self, node: &Node) -> i64 {
        self.remaining.min(node.remaining)
    }

    /// Take lots off both orders of a trade, and charge both sides and share what that brings.
    #[inline(always)]
    pub fn charge(&mut self, order: &Plain, market: &Market, node: &mut Node, terms: Terms) -> Deal {
        let Terms { lots, notional, charged } = terms;
        // A rebate is never more than the taker of the same fill pays.
        let maker_ppm = node.maker_ppm.max(-order.taker_ppm);
        let maker_fee = charge(charged, maker_ppm, node.prepaid);
        node.prepaid = prepaid_after(charged, maker_ppm, node.prepaid, maker_fee);
        node.remaining -= lots;
        let taker_fee = charge(charged, order.taker_ppm, self.prepaid);
        self.prepaid = prepaid_after(charged, order.taker_ppm, self.prepaid, taker_fee);
        self.filled = self.filled.after(notional, lots, taker_fee);
        self.remaining -= lots;

        let earned = share(charged, i64::from(order.taker_ppm) + i64::from(maker_ppm));
        let protocol = share(earned, i64::from(market.parameters.protocol_share_ppm));
        let [venue, shared, dust] = self.reserved;
        let dust = dust + taker_fee + maker_fee - earned;
        self.reserved = [venue + earned - protocol, shared + protocol, dust];
        assert!(
            (venue + earned - protocol) | (shared + protocol) | dust >= 0,
            "reserved accounts are never negative"
        );
        Deal { lots, notional, maker_fee, taker_fee, left: node.remaining }
    }
}

/// A trade to be made: lots, quote units, and the units both sides are charged on.
pub(crate) struct Terms {
    pub lots: i64,
    pub notional: i64,
    pub charged: i64,
}

/// What changes hands when orders of a kind of markets trade.
pub(crate) trait Desk {
    /// Whether an order at the front, of this account, can be traded with here.
    fn serves(&mut self, floor: &Floor, node: &Node, account: &Account) -> bool;
    /// Hint that an order, whose node is at hand, comes to the front next.
    fn expect(&self, _floor: &Floor, _node: &Node) {}
    /// Money and lots of one trade.
    fn settle(&mut self, floor: &mut Floor, order: &Plain, take: &mut Take, slot: u32, price: i64) -> Deal;
    /// What the order itself is left with after its trades.
    fn close(&mut self, floor: &mut Floor, order: &Plain, take: &mut Take);
}

/// What trading reads and writes, apart from each other.
pub(crate) struct Floor<'a> {
    pub accounts: &'a mut [Account],
    pub margins: &'a mut [Margin],
    wide: bool,
    dirty_accounts: &'a mut Vec<u32>,
    batch: u32,
    pub market: &'a mut Market,
    pub slab: &'a mut Slab,
    ids: &'a mut OrderIds,
    clients: &'a mut ClientIds,
    mandates: &'a Mandates,
    out: &'a mut Output,
    next_trade_id: &'a mut u64,
    fee_asset: u32,
    stamp: Stamp,
}

/// One trade: lots, both fees, lots left of the maker.
pub(crate) struct Deal {
    pub lots: i64,
    pub notional: i64,
    pub maker_fee: i64,
    pub taker_fee: i64,
    pub left: i64,
}

impl Floor<'_> {
    /// Trade with plain orders while they are within reach. `false`: the next one is not plain.
    #[inline(always)]
    fn meet(&mut self, desk: &mut impl Desk, order: &Plain, record: &Cold, take: &mut Take) -> bool {
        let opposite = 1 - order.side();
        let owner = self.accounts[order.owner as usize].owner;
        while take.remaining > 0 && self.market.book.crosses(order.side(), order.price()) {
            let price = self.market.book.best(opposite);
            let Some((at, mut head)) = self.market.book.front(opposite) else { return false };
            if price <= self.market.alarm.0 || price >= self.market.alarm.1 {
                return false;
            }
            let (mut gone, mut traded, mut plain) = (0, 0, true);
            while head != NIL && take.remaining > 0 {
                let node = self.slab.node(head);
                let next = node.next;
                self.met().queue(next);
                if next != NIL {
                    desk.expect(self, self.slab.node(next));
                }
                let account = &self.accounts[node.account as usize];
                if self.wide {
                    // Takes its place in the account's list if it closes.
                    self.slab.prefetch_node(account.orders.last().copied().unwrap_or(NIL));
                }
                plain = node.flags & (flag::TIMED | flag::LINKED) == 0
                    && account.owner != owner
                    && desk.serves(self, node, account)
                    && self.slab.cold(head).builder == 0
                    && !self.mandates.concern(account, self.slab.cold(head).key)
                    && take.met < self.market.parameters.max_matches;
                if !plain {
                    break;
                }
                take.met += 1;
                let deal = desk.settle(self, order, take, head, price);
                self.report(order, record, take, head, price, &deal);
                traded += deal.lots;
                if deal.left == 0 {
                    self.close(head);
                    (head, gone) = (next, gone + 1);
                }
            }
            self.market.book.advance(self.slab, opposite, (at, head), gone, traded);
            if !plain {
                return false;
            }
        }
        true
    }

    #[inline(always)]
    pub fn met(&self) -> Met<'_> {
        Met {
            slab: self.slab,
            ids: self.ids,
            clients: self.clients,
            accounts: self.accounts,
            margins: self.margins,
            wide: self.wide,
        }
    }

    /// Note that an account changed in this batch.
    #[inline(always)]
    pub fn touch(&mut self, slot: u32) -> &mut Account {
        let account = &mut self.accounts[slot as usize];
        account.touch(slot, self.batch, self.dirty_accounts);
        account
    }

    /// Note a trade in the tape and in the maker's record, and tell of it.
    #[inline(always)]
    fn report(&mut self, order: &Plain, record: &Cold, take: &Take, maker: u32, price: i64, deal: &Deal) {
        let trade_id = *self.next_trade_id;
        *self.next_trade_id += 1;
        self.out.trade_count += 1;
        let (time_ms, taker_side) = (self.stamp.now_ms, order.side() as u8);
        let trade = Trade { trade_id, price, lots: deal.lots, taker_side, time_ms };
        self.market.record(trade, deal.notional);
        let cold = self.slab.cold_mut(maker);
        let filled = cold.filled().after(deal.notional, deal.lots, deal.maker_fee);
        if self.out.enabled {
            self.out.trades.push((self.market.number, trade));
            let mut fill = FillView {
                trade_id,
                price,
                lots: deal.lots,
                notional: deal.notional,
                fee: deal.maker_fee,
                fee_asset: self.fee_asset,
                role: 0,
                mark: self.market.mark_of_perpetual(),
                state: state_of(deal.left),
                filled,
            };
            self.out.fill(self.stamp, cold, &fill);
            (fill.fee, fill.role) = (deal.taker_fee, 1);
            (fill.state, fill.filled) = (state_of(take.remaining), take.filled);
            self.out.fill(self.stamp, record, &fill);
        }
        cold.set_filled(filled);
    }

    /// The end of a maker that has filled; its place in the book is given up by `advance`.
    #[inline(always)]
    fn close(&mut self, slot: u32) {
        let (node, cold) = (self.slab.node(slot), self.slab.cold(slot));
        self.out.closed_order(self.stamp, cold, state::FILLED, reason::NONE);
        if node.client != NO_CLIENT {
            self.clients.finish(node.client, state::FILLED, cold.filled);
        }
        let (order_id, position) = (node.order_id, node.position as usize);
        let orders = &mut self.accounts[node.account as usize].orders;
        orders.swap_remove(position);
        if let Some(moved) = orders.get(position) {
            self.slab.node_mut(*moved).position = position as u32;
        }
        self.ids.remove(order_id);
        self.slab.remove(slot);
    }
}

/// Base for quote.
struct Spot;

impl Desk for Spot {
    #[inline(always)]
    fn serves(&mut self, _floor: &Floor, _node: &Node, account: &Account) -> bool {
        account.margin == 0
    }

    #[inline(always)]
    fn settle(&mut self, floor: &mut Floor, order: &Plain, take: &mut Take, slot: u32, price: i64) -> Deal {
        let market = &*floor.market;
        let node = floor.slab.node_mut(slot);
        let lots = take.lots(node);
        let (notional, base) = (market.lot_price(price) * lots, lots * market.lot_size);
        let held = if order.side() == 0 { 0 } else { cost_of(market, node, node.remaining, node.prepaid) };
        let deal = take.charge(order, market, node, Terms { lots, notional, charged: notional });
        // What the maker gets of either asset, and what its hold falls by: of base if it sells, of quote if it buys.
        let (gets_base, gets_quote, released) = if order.side() == 0 {
            (-base, notional - deal.maker_fee, [base, 0])
        } else {
            let rest = if deal.left == 0 { 0 } else { cost_of(market, node, deal.left, node.prepaid) };
            (base, -(notional + deal.maker_fee), [0, held - rest])
        };
        take.base -= gets_base;
        take.quote -= gets_quote + deal.maker_fee + deal.taker_fee;
        take.makers += gets_quote;
        let (base, quote, account) = (market.base, market.quote, node.account);
        let account = floor.touch(account);
        let sound = account.balance_mut(base).add(gets_base, -released[0])
            & account.balance_mut(quote).add(gets_quote, -released[1]);
        assert!(sound, "0 <= held <= total for every balance");
        deal
    }

    #[inline(always)]
    fn close(&mut self, floor: &mut Floor, order: &Plain, take: &mut Take) {
        let account = &mut floor.accounts[order.owner as usize];
        let sound = account.balance_mut(floor.market.base).add(take.base, 0)
            & account.balance_mut(floor.market.quote).add(take.quote, 0);
        assert!(sound, "0 <= held <= total for every balance");
    }
}

impl Kernel {
    /// Carry out a plain order that was checked and crosses, and tell of it.
    #[inline(never)]
    pub(crate) fn take_plain(&mut self, order: &Plain) {
        if !self.wide && !self.margined {
            // Otherwise it was asked for earlier.
            self.met().order(self.markets[order.market() as usize].book.head(1 - order.side()));
        }
        self.touch_market(order.market() as usize);
        let (mut record, client) = self.begin_plain(order);
        let order_id = record.order_id;
        let mut take = Take::new(order);
        let shared = self.mandates.concern(self.funds.account(order.owner), order.key());
        let whole = !shared && self.trade_plain(order, &record, &mut take);
        record.set_filled(take.filled);
        if !whole {
            return self.take_further(order, &record, client, &mut take, shared);
        }
        let mut ack = Ack { order_id, filled: take.filled.lots, ..Ack::default() };
        if take.remaining > 0 && order.tif() != IOC {
            self.open_plain(order, &record, client, &take);
            (ack.state, ack.remaining) = (state::OPEN, take.remaining);
        } else {
            let filled = take.remaining == 0;
            (ack.state, ack.reason) =
                if filled { (state::FILLED, reason::NONE) } else { (state::CANCELLED, reason::IOC) };
            let stamp = self.stamp();
            if !filled {
                self.out.order_event(stamp, &record, ack.state, ack.reason);
            }
            self.out.closed_order(stamp, &record, ack.state, ack.reason);
            if client != NO_CLIENT {
                self.clients.finish(client, ack.state, take.filled.lots);
            }
        }
        self.conclude(ack, order.market());
    }

    /// Accept an order: its record, and the sequence of its client id.
    #[inline(always)]
    pub(crate) fn begin_plain(&mut self, order: &Plain) -> (Cold, u64) {
        let now_ms = self.now_ms;
        self.mandates.count(order.mandate);
        self.funds.touch(order.owner);
        let order_id = self.ids.reserve();
        let client = order.remember(&mut self.clients, order_id, now_ms);
        let mut record = Cold::default();
        record.begin(&order.record(order_id, now_ms));
        (record, client)
    }

    /// Trade with the plain orders at the front, and pay. `false`: an order comes that is not plain.
    fn trade_plain(&mut self, order: &Plain, record: &Cold, take: &mut Take) -> bool {
        match self.markets[order.market() as usize].kind {
            SPOT => self.trade_at(&mut Spot, order, record, take),
            OUTCOME => self.trade_outcome(order, record, take),
            _ => self.trade_perpetual(order, record, take),
        }
    }

    /// Trade at a desk with the plain orders at the front, and pay. `false`: an order comes that is not plain.
    #[inline(always)]
    pub(crate) fn trade_at(
        &mut self,
        desk: &mut impl Desk,
        order: &Plain,
        record: &Cold,
        take: &mut Take,
    ) -> bool {
        let stamp = self.stamp();
        let Kernel { funds, markets, slab, ids, clients, mandates, out, next_trade_id, wide, .. } = self;
        let Funds { accounts, assets, margins, batch, dirty_accounts, .. } = funds;
        let market = &mut markets[order.market() as usize];
        let asset = &mut assets[market.quote as usize];
        take.begin(asset);
        let met = take.met;
        let fee_asset = asset.id;
        let batch = *batch;
        let mut floor = Floor {
            accounts,
            margins,
            wide: *wide,
            dirty_accounts,
            batch,
            market,
            slab,
            ids,
            clients,
            mandates,
            out,
            next_trade_id,
            fee_asset,
            stamp,
        };
        let whole = floor.meet(desk, order, record, take);
        if take.met > met {
            desk.close(&mut floor, order, take);
            let mut fees = 0;
            for (at, number) in RESERVED.into_iter().enumerate() {
                fees += take.reserved[at] - take.before[at];
                asset.reserved[number] = take.reserved[at];
            }
            assert!(take.quote + take.makers + fees == 0, "conservation: what one pays the others get");
        }
        whole
    }

    /// What remains of an order that has traded rests.
    #[inline(always)]
    fn open_plain(&mut self, order: &Plain, record: &Cold, client: u64, take: &Take) {
        let slot = self.slab.take();
        *self.slab.node_mut(slot) = order.node(record.order_id, client, take.remaining, take.prepaid);
        *self.slab.cold_mut(slot) = *record;
        self.ids.name(record.order_id, slot);
        self.rest(slot);
    }

    /// Go on as any taker with an order that is not plain, and at the desk again with those behind it; `shared`: with all of
    /// them as any taker, since its own fills concern others.
    #[inline(never)]
    fn take_further(&mut self, order: &Plain, record: &Cold, client: u64, take: &mut Take, shared: bool) {
        let slot = self.slab.take();
        *self.slab.node_mut(slot) = order.node(record.order_id, client, take.remaining, take.prepaid);
        *self.slab.cold_mut(slot) = *record;
        self.ids.name(record.order_id, slot);
        let market = order.market() as usize;
        let mut taker = Taker {
            slot,
            account: order.owner,
            owner: self.funds.account(order.owner).owner,
            market,
            side: order.side(),
            limit: order.price(),
            budget: i64::MAX,
            remaining: take.remaining,
            filled: take.filled,
            prepaid: take.prepaid,
            stp: order.stp(),
            fee_ppm: order.taker_ppm,
            quote_size: false,
            price: 0,
            max_matches: 0,
        };
        let mut why = loop {
            let left = self.markets[market].parameters.max_matches - take.met;
            taker.max_matches = if shared { left } else { left.min(1) };
            let why = self.match_taker(&mut taker);
            if why != reason::MATCH_LIMIT || taker.max_matches == left {
                break why;
            }
            take.met += 1;
            (take.remaining, take.prepaid, take.filled) = (taker.remaining, taker.prepaid, taker.filled);
            let whole = self.trade_plain(order, record, take);
            (taker.remaining, taker.prepaid, taker.filled) = (take.remaining, take.prepaid, take.filled);
            if whole {
                self.note_taken(&taker);
                break reason::NONE;
            }
        };
        if why == reason::NONE && order.tif() == IOC {
            why = reason::IOC;
        }
        let ack = self.settle_remainder(slot, why);
        self.conclude(ack, order.market());
    }
}
