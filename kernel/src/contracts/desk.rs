//! Perpetuals on the path of plain orders (`take.rs`). The maker's position is moved and reckoned at every trade, in one go.
//! The taker's is moved at every trade too, since what closes is rounded each time, but its worth and its account's sums are
//! reckoned once, when it is done.
//!
//! Between two trades the general path would find a taker that is below maintenance. So only those take this path whose equity
//! bears all the order could lose and the largest position there could be on the way (`bears`): of them it would find none.

use super::checks::order_loss;
use super::reckon::{Moved, PositionFill};
use super::{Margin, Position, CROSS};
use crate::accounts::Account;
use crate::kernel::Kernel;
use crate::num::{charge, magnitude};
use crate::plain::Plain;
use crate::slab::{Cold, Node};
use crate::take::{Deal, Desk, Floor, Take, Terms};
use crate::wire::flag;

/// The taker, and what its trades have to tell the rest of the kernel.
struct Positions {
    /// Index of the taker's position, and the position as it is by now.
    at: usize,
    position: Position,
    /// What the taker's cash changed by.
    cash: i64,
    /// Index of the position of the order at the front.
    maker: usize,
    /// Positions changed in this batch, as in `Contracts`.
    dirty: Vec<(u32, u32)>,
    found: Found,
}

/// What trades find out about accounts.
#[derive(Default)]
pub(crate) struct Found {
    /// To be looked at before the command ends, as in `Funds`.
    pending: Vec<u32>,
    /// Below maintenance.
    pub below: Vec<u32>,
}

impl Found {
    /// The cash of an account changes by so much; its margin.
    #[inline(always)]
    pub fn pay<'a>(&mut self, floor: &'a mut Floor, slot: u32, cash: i64) -> &'a mut Margin {
        let quote = floor.market.quote;
        let account = floor.touch(slot);
        account.balance_mut(quote).add(cash, 0);
        let at = account.margin;
        let margin = &mut floor.margins[at as usize];
        margin.cash += cash;
        assert!(margin.held >= 0, "nothing is released that was not held");
        if margin.held > margin.cash.max(0) {
            self.pending.push(slot);
        }
        margin
    }
}

impl Position {
    /// Whether nothing but its lots, entry and orders is concerned by a fill: it is carried by the account, owes no funding, and
    /// has no orders that would have to shrink with it.
    #[inline(always)]
    fn is_plain(&self, funding_index: i128) -> bool {
        !self.isolated & (self.reduce_orders == 0) & (self.funding_index == funding_index)
    }
}

impl Positions {
    /// The cash of an account changes, and what its position adds.
    #[inline(always)]
    fn reckon(&mut self, floor: &mut Floor, slot: u32, cash: i64, (at, initial): (usize, Option<i64>)) {
        self.found.pay(floor, slot, cash);
        let margin = &mut floor.margins[floor.accounts[slot as usize].margin as usize];
        if floor.market.contract.reckon(at, initial, margin) {
            self.found.below.push(slot);
        }
    }
}

impl Desk for Positions {
    #[inline(always)]
    fn serves(&mut self, floor: &Floor, node: &Node, account: &Account) -> bool {
        let contract = &floor.market.contract;
        let Some(at) = floor.margins[account.margin as usize].row(floor.market.number) else { return false };
        self.maker = at as usize;
        contract.positions[self.maker].is_plain(contract.funding_index) && node.flags & flag::REDUCE_ONLY == 0
    }

    #[inline(always)]
    fn expect(&self, floor: &Floor, node: &Node) {
        floor.met().party(floor.market, node);
    }

    #[inline(always)]
    fn settle(&mut self, floor: &mut Floor, order: &Plain, take: &mut Take, slot: u32, price: i64) -> Deal {
        let market = &mut *floor.market;
        let node = floor.slab.node_mut(slot);
        let lots = take.lots(node);
        let notional = market.lot_price(price) * lots;
        let deal = take.charge(order, market, node, Terms { lots, notional, charged: notional });
        let maker = node.account;
        // No branch on the side: it cannot be guessed.
        let sign = 1 - 2 * order.side() as i64;
        let (bought, value) = (lots * sign, notional * sign);

        let contract = &mut market.contract;
        let fill = PositionFill { lots: -bought, value: -value, fee: deal.maker_fee, resting: lots };
        let Moved { realised, entry, kept } = contract.fill(self.maker, &fill);
        let cash = realised - deal.maker_fee;
        take.makers += cash - entry;
        let position = &mut contract.positions[self.maker];
        if !position.dirty {
            position.dirty = true;
            self.dirty.push((maker, market.number));
        }

        let (long, before) = (self.position.lots.max(0), self.position.entry);
        let gained = self.position.trade(bought, value) - deal.taker_fee;
        contract.open_interest += self.position.lots.max(0) - long;
        take.quote += gained - (self.position.entry - before);
        self.cash += gained;
        if !self.position.dirty {
            self.position.dirty = true;
            self.dirty.push((order.owner, market.number));
        }

        self.reckon(floor, maker, cash, (self.maker, kept));
        deal
    }

    #[inline(always)]
    fn close(&mut self, floor: &mut Floor, order: &Plain, _take: &mut Take) {
        floor.market.contract.positions[self.at] = self.position;
        self.reckon(floor, order.owner, self.cash, (self.at, None));
    }
}

impl Kernel {
    /// As `trade_at`, on a perpetual market.
    #[inline(never)]
    pub(crate) fn trade_perpetual(&mut self, order: &Plain, record: &Cold, take: &mut Take) -> bool {
        let bearing =
            self.position_at(order.owner, order.market() as usize).filter(|at| self.bears(order, *at));
        let Some(at) = bearing else { return false };
        let mut desk = Positions {
            at,
            position: self.markets[order.market() as usize].contract.positions[at],
            cash: 0,
            maker: 0,
            dirty: std::mem::take(&mut self.contracts.dirty),
            found: Found::default(),
        };
        let done = self.trade_at(&mut desk, order, record, take);
        self.contracts.dirty = desk.dirty;
        self.act_on(desk.found);
        done
    }

    /// Look after accounts that trades found to be short of something.
    #[inline(always)]
    pub(crate) fn act_on(&mut self, found: Found) {
        if !found.pending.is_empty() {
            self.funds.pending.extend(found.pending);
        }
        for account in found.below {
            self.enqueue((account, CROSS));
        }
    }

    /// Whether an order's position is plain, and its account stays above maintenance whatever the order meets.
    fn bears(&self, order: &Plain, at: usize) -> bool {
        let record = &self.markets[order.market() as usize];
        let contract = &record.contract;
        let position = &contract.positions[at];
        if !position.is_plain(contract.funding_index) || self.mandates.bounded() {
            return false;
        }
        let Some(step) = order_loss(record, order.side(), order.price(), order.size(), order.taker_ppm)
        else {
            return false;
        };
        // A seller's fee is largest at the best price.
        let dearest = record.lot_price(if order.side() == 0 { order.price() } else { record.book.best(0) });
        let Some(notional) = dearest.checked_mul(order.size()) else { return false };
        let fee = charge(notional, order.taker_ppm, 0).max(0);
        let most = magnitude(position.lots) + order.size();
        let Some(worth) = most.checked_mul(contract.unit).filter(|worth| *worth <= super::MAX_NOTIONAL)
        else {
            return false;
        };
        let Some(margin) = self.funds.margin(order.owner) else { return false };
        let risk = margin.risk();
        let maintenance = risk.maintenance - position.maintenance + contract.rules.maintenance(worth);
        risk.equity - step.loss - fee >= maintenance
    }
}
