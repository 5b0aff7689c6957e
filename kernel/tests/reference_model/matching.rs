//! Matching, step by step as the documents tell it.

use super::codes::*;
use super::model::{refused, Model, Order, Trade, DUST, PROTOCOL, VENUE};
use super::money;
use super::told::{Ack, FillView, What};
use super::wire;

const GTD: u8 = 1;
const IOC: u8 = 2;
const FOK: u8 = 3;

/// An order while it takes: where it must stop and what it may spend.
pub struct Taker {
    pub order: Order,
    pub owner: u64,
    pub limit: i64,
    pub budget: Option<i128>,
}

impl Model {
    /// An amended order that lost its place comes in anew, at its own price.
    pub fn enter_again(&mut self, order: Order) -> Ack {
        let owner = self.accounts[&order.account].owner;
        let limit = order.price;
        self.enter(Taker { order, owner, limit, budget: None })
    }

    /// Trade at once what can be; rest, cancel or close what remains.
    pub fn enter(&mut self, mut taker: Taker) -> Ack {
        let order = &taker.order;
        let crosses =
            self.queue(order.market, !order.is_sell()).first().is_some_and(|best| taker.reaches(best.price));
        if crosses && order.flags & wire::POST_ONLY != 0 {
            return self.finish(taker.order, BY_POST_ONLY);
        }
        if order.tif == FOK && !self.can_fill(&taker) {
            return self.finish(taker.order, BY_FOK);
        }
        let mut why = self.match_taker(&mut taker);
        if why == 0 && taker.order.tif >= IOC {
            why = BY_IOC;
        }
        self.finish(taker.order, why)
    }

    /// Whether all of an order would trade: tried on a copy of the whole model.
    fn can_fill(&self, taker: &Taker) -> bool {
        let mut copy = self.clone();
        let mut again = Taker { order: taker.order.clone(), ..*taker };
        copy.match_taker(&mut again);
        again.order.remaining() == 0
    }

    /// 0 when it ran out of partners or size, else the reason it had to stop.
    fn match_taker(&mut self, taker: &mut Taker) -> u8 {
        let market = taker.order.market;
        let limits = self.markets[market as usize].params;
        let budgeted = taker.order.flags & wire::QUOTE_SIZE != 0;
        let mut steps = 0;
        while budgeted || taker.order.remaining() > 0 {
            let maker = match self.queue(market, !taker.order.is_sell()).first() {
                Some(maker) if taker.reaches(maker.price) => (*maker).clone(),
                _ => return 0,
            };
            steps += 1;
            if steps > limits.max_matches {
                return BY_MATCH_LIMIT;
            }
            if maker.tif == GTD && maker.expires <= self.now {
                self.cancel_order(maker.id, BY_EXPIRY);
                continue;
            }
            if self.accounts[&maker.account].owner == taker.owner {
                let (cancel_maker, cancel_taker) =
                    [(true, false), (false, true), (true, true)][taker.order.stp as usize];
                if cancel_maker {
                    self.cancel_order(maker.id, BY_SELF_TRADE);
                }
                if cancel_taker {
                    return BY_SELF_TRADE;
                }
                continue;
            }
            let mut lots = i128::from(maker.remaining());
            if !budgeted {
                lots = lots.min(i128::from(taker.order.remaining()));
            }
            if let Some(budget) = taker.budget {
                let lot_price =
                    i128::from(maker.price) * i128::from(self.markets[market as usize].tick_quote);
                lots = lots.min(money::affordable_lots(
                    budget,
                    lot_price,
                    taker.order.taker_ppm,
                    taker.order.prepaid,
                ));
            }
            if lots == 0 {
                return BY_BUDGET;
            }
            self.trade(taker, maker.id, lots as i64);
        }
        0
    }

    fn trade(&mut self, taker: &mut Taker, maker_id: u64, lots: i64) {
        let at = self.orders.iter().position(|o| o.id == maker_id).unwrap();
        let mut maker = self.orders[at].clone();
        let market = self.markets[maker.market as usize].clone();
        let notional = i128::from(maker.price) * i128::from(lots) * i128::from(market.tick_quote);
        let base = i128::from(lots) * i128::from(market.lot_size);
        // A rebate is never more than the taker of the same fill pays.
        let (taker_ppm, maker_ppm) = (taker.order.taker_ppm, maker.maker_ppm.max(-taker.order.taker_ppm));
        let maker_fee = fill(&mut maker, lots, notional, maker_ppm);
        if taker.order.flags & wire::QUOTE_SIZE != 0 {
            taker.order.size += lots;
        }
        let taker_fee = fill(&mut taker.order, lots, notional, taker_ppm);
        if let Some(budget) = &mut taker.budget {
            *budget -= notional + taker_fee;
        }
        let (buyer, buyer_fee, seller, seller_fee) = if taker.order.is_sell() {
            (maker.account, maker_fee, taker.order.account, taker_fee)
        } else {
            (taker.order.account, taker_fee, maker.account, maker_fee)
        };
        self.add(buyer, market.quote, -notional - buyer_fee);
        self.add(buyer, market.base, base);
        self.add(seller, market.base, -base);
        self.add(seller, market.quote, notional - seller_fee);
        let split =
            money::split(notional, maker_ppm, taker_ppm, market.params.share_ppm, maker_fee + taker_fee);
        self.add(VENUE, market.quote, split.venue);
        self.add(PROTOCOL, market.quote, split.protocol);
        self.add(DUST, market.quote, split.dust);
        let trade = Trade {
            id: self.next_trade,
            price: maker.price,
            lots,
            taker_side: u8::from(taker.order.is_sell()),
            time: self.now,
        };
        self.next_trade += 1;
        self.markets[maker.market as usize].last = maker.price;
        self.markets[maker.market as usize].trades.push(trade);
        self.out.trades.push((maker.market, trade));
        for (order, fee, role) in [(&maker, maker_fee, 0), (&taker.order, taker_fee, 1)] {
            let done = order.remaining() == 0 && order.flags & wire::QUOTE_SIZE == 0;
            let state = if done { STATE_FILLED } else { STATE_OPEN };
            let fill = FillView {
                trade_id: trade.id,
                price: trade.price,
                size: lots,
                notional: notional as i64,
                fee: fee as i64,
                fee_asset: market.quote,
                role,
            };
            self.emit(order.account, What::Fill(order.view(state, 0), fill));
        }
        self.orders[at] = maker.clone();
        if maker.remaining() == 0 {
            self.orders.remove(at);
            self.end(&maker, STATE_FILLED, 0);
        }
    }

    /// After matching: filled, cancelled for a reason, or resting.
    fn finish(&mut self, order: Order, why: u8) -> Ack {
        let budgeted = order.flags & wire::QUOTE_SIZE != 0;
        let spent = budgeted && why == BY_BUDGET && order.filled > 0;
        let mut ack = Ack { order_id: order.id, filled: order.filled, ..Ack::default() };
        if spent || (!budgeted && order.remaining() == 0) {
            ack.state = STATE_FILLED;
            if spent {
                self.emit(order.account, What::Order(order.view(STATE_FILLED, 0)));
            }
            self.end(&order, STATE_FILLED, 0);
        } else if why != 0 {
            (ack.state, ack.reason) = (STATE_CANCELLED, why);
            self.emit(order.account, What::Order(order.view(STATE_CANCELLED, why)));
            self.end(&order, STATE_CANCELLED, why);
        } else {
            (ack.state, ack.remaining) = (STATE_OPEN, order.remaining());
            self.rest(order);
        }
        ack
    }

    /// To the end of the queue of its price.
    pub fn rest(&mut self, mut order: Order) {
        order.rank = self.next_rank;
        self.next_rank += 1;
        self.emit(order.account, What::Order(order.view(STATE_OPEN, 0)));
        self.orders.push(order);
    }

    /// The end of an order: its row if it has traded, and what its client id became.
    fn end(&mut self, order: &Order, state: u8, reason: u8) {
        if order.filled > 0 {
            self.out.closed.push((self.sequence, order.account, order.view(state, reason)));
        }
        if let Some(memory) = self.clients.iter_mut().find(|m| m.order_id == order.id) {
            (memory.state, memory.filled) = (state, order.filled);
        }
    }

    pub fn cancel_order(&mut self, id: u64, why: u8) -> Ack {
        let at = self.orders.iter().position(|o| o.id == id).unwrap();
        let order = self.orders.remove(at);
        self.emit(order.account, What::Order(order.view(STATE_CANCELLED, why)));
        self.end(&order, STATE_CANCELLED, why);
        Ack { order_id: id, filled: order.filled, state: STATE_CANCELLED, reason: why, ..refused(0) }
    }
}

impl Taker {
    fn reaches(&self, price: i64) -> bool {
        if self.order.is_sell() {
            price >= self.limit
        } else {
            price <= self.limit
        }
    }
}

/// Note a fill in an order; what it is charged.
fn fill(order: &mut Order, lots: i64, notional: i128, ppm: i32) -> i128 {
    let (fee, prepaid) = money::charge(notional, ppm, order.prepaid);
    order.prepaid = prepaid;
    order.filled += lots;
    order.filled_quote = order.filled_quote.saturating_add(notional as i64);
    order.fee = order.fee.saturating_add(fee as i64);
    fee
}
