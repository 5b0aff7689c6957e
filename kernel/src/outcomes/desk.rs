//! Outcomes on the path of plain orders (`take.rs`). What a trade takes from the maker's order and adds to its contracts is one
//! change of its holding. Of the taker's holding only the outcome that is traded is kept up while it trades, since what closes
//! is rounded each time; its worst case and its account's sums follow when it is done.
//!
//! Between two trades the general path would find a taker that is below maintenance. So only those take this path whose equity
//! bears the most the order could cost (`bears_outcome`): of them it would find none.

use super::event::Outcomes;
use super::holding::{Holding, Leg};
use super::orders::{fee_of_lot, part_of, reserved};
use super::payouts::fee_base;
use crate::accounts::Account;
use crate::contracts::desk::Found;
use crate::contracts::Margin;
use crate::kernel::Kernel;
use crate::plain::Plain;
use crate::slab::{Cold, Node};
use crate::take::{Deal, Desk, Floor, Take, Terms};
use crate::wire::flag;

/// The taker, and what its trades have to tell the rest of the kernel.
struct Holdings {
    outcomes: Outcomes,
    outcome: usize,
    /// Place of the taker's holding, and the outcome in it as it is by now.
    at: usize,
    leg: Leg,
    /// What the taker's cash changed by.
    cash: i64,
    /// Place of the holding of the order at the front.
    maker: usize,
    /// The most a lot of a maker was charged at worst, by its price and rate: mostly that of the one before.
    fee: (i64, i32, i64),
    found: Found,
}

/// Change a holding; how its worst case and what its orders may cost beyond that change.
#[inline(always)]
fn change(holding: &mut Holding, change: impl FnOnce(&mut Holding)) -> (i64, i64) {
    let (worst, exposure) = (holding.worst(), holding.exposure());
    change(holding);
    let worst = holding.worst() - worst;
    (worst, worst - (holding.exposure() - exposure))
}

impl Holdings {
    #[inline(always)]
    fn fee_of(&mut self, floor: &Floor, node: &Node) -> i64 {
        let (price, taker_ppm, fee) = self.fee;
        if (price, taker_ppm) == (node.price, node.taker_ppm) {
            return fee;
        }
        let fee = fee_of_lot(floor.market, node.is_sell(), node.price, node.taker_ppm);
        self.fee = (node.price, node.taker_ppm, fee);
        fee
    }
}

impl Desk for Holdings {
    #[inline(always)]
    fn serves(&mut self, floor: &Floor, node: &Node, _account: &Account) -> bool {
        let Some(at) = self.outcomes.place(node.account, floor.market.contract.event) else { return false };
        self.maker = at;
        let leg = self.outcomes.holdings[at].leg(self.outcome);
        leg.reduce_orders == 0 && node.flags & flag::REDUCE_ONLY == 0
    }

    #[inline(always)]
    fn expect(&self, floor: &Floor, node: &Node) {
        floor.met().party(floor.market, node);
        self.outcomes.prefetch(node.account, Some(self.outcome as u16));
    }

    #[inline(always)]
    fn settle(&mut self, floor: &mut Floor, order: &Plain, take: &mut Take, slot: u32, price: i64) -> Deal {
        let fee = self.fee_of(floor, floor.slab.node(slot));
        let market = &mut *floor.market;
        let node = floor.slab.node_mut(slot);
        let lots = take.lots(node);
        let notional = market.lot_price(price) * lots;
        // An outcome is charged on `p * (1 - p)`: fees are largest where the outcome is least certain.
        let charged = fee_base(notional, price, market.contract.one());
        let gone = part_of(market, node, lots, fee).gone();
        let deal = take.charge(order, market, node, Terms { lots, notional, charged });
        let maker = node.account;
        // No branch on the side: it cannot be guessed.
        let sign = 1 - 2 * order.side() as i64;
        let (bought, paid) = (lots * sign, notional * sign);

        let holding = &mut self.outcomes.holdings[self.maker];
        let had = holding.lots(self.outcome).max(0) + self.leg.lots().max(0);
        let (worst, open) = change(holding, |holding| holding.fill(self.outcome, gone, -bought, notional));
        let leg = holding.leg_mut(self.outcome);
        let has = leg.lots().max(0);
        if !leg.dirty {
            leg.dirty = true;
            self.outcomes.dirty.push((maker, market.number));
        }
        self.leg.trade(bought, paid);
        market.contract.open_interest += has + self.leg.lots().max(0) - had;
        if !self.leg.dirty {
            self.leg.dirty = true;
            self.outcomes.dirty.push((order.owner, market.number));
        }

        let cash = paid - deal.maker_fee;
        take.makers += cash;
        take.quote -= paid + deal.taker_fee;
        self.cash -= paid + deal.taker_fee;
        let margin = self.found.pay(floor, maker, cash);
        // The fee is paid before the order is released and the contracts change hands.
        let below = margin.risk().equity - paid < margin.maintenance;
        margin.shift_outcomes(worst, open);
        if below || margin.is_below() {
            self.found.below.push(maker);
        }
        deal
    }

    #[inline(always)]
    fn close(&mut self, floor: &mut Floor, order: &Plain, _take: &mut Take) {
        let holding = &mut self.outcomes.holdings[self.at];
        let (worst, open) = change(holding, |holding| holding.put(self.outcome, self.leg));
        let margin = self.found.pay(floor, order.owner, self.cash);
        margin.shift_outcomes(worst, open);
        if margin.is_below() {
            self.found.below.push(order.owner);
        }
    }
}

impl Kernel {
    /// As `trade_at`, on an outcome market.
    #[inline(never)]
    pub(crate) fn trade_outcome(&mut self, order: &Plain, record: &Cold, take: &mut Take) -> bool {
        let contract = &self.markets[order.market() as usize].contract;
        let (event, outcome) = (contract.event, contract.outcome as usize);
        let bearing = self.outcomes.place(order.owner, event).filter(|at| self.bears_outcome(order, *at));
        let Some(at) = bearing else { return false };
        let mut desk = Holdings {
            outcome,
            at,
            leg: self.outcomes.holdings[at].leg(outcome),
            cash: 0,
            maker: 0,
            fee: (0, 0, 0),
            found: Found::default(),
            outcomes: std::mem::take(&mut self.outcomes),
        };
        let done = self.trade_at(&mut desk, order, record, take);
        self.outcomes = desk.outcomes;
        self.act_on(desk.found);
        done
    }

    /// Whether an order's outcome is plain, and its account stays above maintenance whatever the order meets.
    fn bears_outcome(&self, order: &Plain, at: usize) -> bool {
        let record = &self.markets[order.market() as usize];
        let holding = &self.outcomes.holdings[at];
        let outcome = record.contract.outcome as usize;
        let plain = outcome < holding.outcomes() && holding.leg(outcome).reduce_orders == 0;
        if !plain || self.mandates.bounded() {
            return false;
        }
        let sells = order.side() == 1;
        let Some(open) = reserved(record, sells, order.price(), order.size(), order.taker_ppm) else {
            return false;
        };
        let Some(margin) = self.funds.margin(order.owner) else { return false };
        let whole = record.lot_price(record.contract.payout_ticks) * order.size();
        let most = if sells { whole - open.value } else { open.value } + open.fee.max(0);
        Margin::risk(margin).equity - most >= margin.maintenance
    }
}
