//! Amends, cancels, timers.

use super::codes::*;
use super::model::{refused, Model, Order, DAY_MS, FROZEN, MAX_QUANTITY, REDUCE_SPOT};
use super::money;
use super::place::client_allowed;
use super::told::{Ack, What};
use super::wire::{Head, Reader, ALL_MARKETS, NO};

/// Timer steps before one command.
const STEPS: usize = 64;

struct AmendBody {
    id: u64,
    price: i64,
    size: i64,
    deadline: u64,
    client: Vec<u8>,
}

fn read_amend(r: &mut Reader) -> Option<AmendBody> {
    let (id, price, size, deadline) = (r.u64()?, r.i64()?, r.i64()?, r.u64()?);
    let length = r.u8()? as usize;
    r.zeros(7)?;
    let client = r.take(length)?.to_vec();
    r.end()?;
    Some(AmendBody { id, price, size, deadline, client })
}

fn read_cancel(r: &mut Reader) -> Option<(u64, u64, Vec<u8>)> {
    let (id, deadline, length) = (r.u64()?, r.u64()?, r.u8()? as usize);
    r.zeros(7)?;
    let client = r.take(length)?.to_vec();
    r.end()?;
    Some((id, deadline, client))
}

impl Model {
    /// The open order a command names; `Err` holds the whole ack, for a closed order tells what became of it.
    fn find(&self, head: Head, id: u64, client: &[u8], deadline: u64) -> Result<Order, Ack> {
        if id == 0 && client.is_empty() {
            return Err(refused(INPUT_REFERENCE));
        }
        self.user(head.account).map_err(refused)?;
        if head.market != ALL_MARKETS && head.market as usize >= self.markets.len() {
            return Err(refused(STATE_MARKET_UNKNOWN));
        }
        if deadline != 0 && deadline < self.now {
            return Err(refused(STATE_DEADLINE));
        }
        let mut id = id;
        if id == 0 {
            let memory = self.memory(head.account, client).ok_or(refused(MATCHING_ORDER_UNKNOWN))?;
            if memory.state != STATE_OPEN {
                let (order_id, filled, state) = (memory.order_id, memory.filled, memory.state);
                return Err(Ack { order_id, filled, state, ..refused(MATCHING_ORDER_CLOSED) });
            }
            id = memory.order_id;
        }
        match self.order(id) {
            Some(order)
                if order.account == head.account
                    && (head.market == ALL_MARKETS || head.market == order.market) =>
            {
                Ok(order.clone())
            }
            _ => Err(refused(MATCHING_ORDER_UNKNOWN)),
        }
    }

    pub fn cancel(&mut self, head: Head, r: &mut Reader) -> Result<Ack, u16> {
        let (id, deadline, client) = read_cancel(r).ok_or(INPUT_BODY)?;
        if !client_allowed(&client) {
            return Err(INPUT_CLIENT_ID);
        }
        Ok(match self.find(head, id, &client, deadline) {
            Ok(order) => self.cancel_order(order.id, BY_USER),
            Err(ack) => ack,
        })
    }

    pub fn amend(&mut self, head: Head, r: &mut Reader) -> Result<Ack, u16> {
        let body = read_amend(r).ok_or(INPUT_BODY)?;
        if !client_allowed(&body.client) {
            return Err(INPUT_CLIENT_ID);
        }
        if head.flags & !(1 | NO) != 0 {
            return Err(INPUT_ENUM);
        }
        if body.price < 0 || body.price > MAX_QUANTITY {
            return Err(INPUT_PRICE);
        }
        if body.size < 0 || body.size > MAX_QUANTITY {
            return Err(INPUT_SIZE);
        }
        let order = match self.find(head, body.id, &body.client, body.deadline) {
            Ok(order) => order,
            Err(ack) => return Ok(ack),
        };
        if head.flags & NO != 0 {
            return Err(INPUT_COMBINATION);
        }
        if order.expires != 0 && order.expires <= self.now {
            return Ok(Ack { code: MATCHING_ORDER_CLOSED, ..self.cancel_order(order.id, BY_EXPIRY) });
        }
        match self.check_amend(&order, &body) {
            Ok(changed) => Ok(self.carry_out(&order, changed)),
            Err(code) if head.flags == 1 => Ok(Ack { code, ..self.cancel_order(order.id, BY_AMEND_FAILED) }),
            Err(code) => Err(code),
        }
    }

    /// The order as it will be.
    fn check_amend(&self, order: &Order, body: &AmendBody) -> Result<Order, u16> {
        let mut changed = order.clone();
        if body.price != 0 {
            changed.price = body.price;
        }
        if body.size != 0 {
            changed.size = body.size;
        }
        if (changed.price, changed.size) == (order.price, order.size) {
            return Err(INPUT_NO_CHANGE);
        }
        if self.accounts[&order.account].flags & FROZEN != 0 && !keeps_place(order, &changed) {
            return Err(ACCESS_FROZEN);
        }
        let bound = self.accounts[&order.account].flags & REDUCE_SPOT != 0;
        if bound && !order.is_sell() && !keeps_place(order, &changed) {
            return Err(ACCESS_REDUCE_ONLY);
        }
        let market = &self.markets[order.market as usize];
        if market.phase != OPEN {
            return Err(STATE_MARKET_PHASE);
        }
        if changed.size <= changed.filled {
            return Err(MATCHING_BELOW_FILLED);
        }
        if changed.size < market.params.min_lots || changed.size > market.params.max_lots {
            return Err(INPUT_SIZE);
        }
        let whole = i128::from(changed.price) * i128::from(changed.size) * i128::from(market.tick_quote);
        let base = i128::from(changed.size) * i128::from(market.lot_size);
        let most = whole.max(base).max(money::buy_hold(whole, order.taker_ppm, 0));
        if most > i128::from(i64::MAX) {
            return Err(INPUT_OVERFLOW);
        }
        let levels = self.levels(order.market, order.is_sell());
        if levels.len() >= market.params.max_levels as usize && levels.iter().all(|l| l.0 != changed.price) {
            return Err(STATE_TOO_MANY_LEVELS);
        }
        let (low, high) = self.band(order.market);
        let outside = if order.is_sell() { changed.price < low } else { changed.price > high };
        if changed.price != order.price && outside {
            return Err(RISK_PRICE_BAND);
        }
        if whole < i128::from(market.params.min_notional) {
            return Err(RISK_MIN_NOTIONAL);
        }
        let (asset, need) = self.order_hold(&changed);
        if self.free(order.account, asset) + self.order_hold(order).1 < need {
            return Err(RISK_INSUFFICIENT_BALANCE);
        }
        Ok(changed)
    }

    fn carry_out(&mut self, order: &Order, changed: Order) -> Ack {
        let at = self.orders.iter().position(|o| o.id == order.id).unwrap();
        if keeps_place(order, &changed) {
            self.emit(changed.account, What::Order(changed.view(STATE_OPEN, 0)));
            let ack = Ack {
                order_id: changed.id,
                filled: changed.filled,
                remaining: changed.remaining(),
                state: STATE_OPEN,
                ..Ack::default()
            };
            self.orders[at] = changed;
            return ack;
        }
        self.orders.remove(at);
        self.enter_again(changed)
    }

    pub fn mass_cancel(&mut self, head: Head, r: &mut Reader) -> Result<Ack, u16> {
        let side = (|| {
            let side = r.u8()?;
            r.zeros(7)?;
            r.end()?;
            Some(side)
        })();
        let side = side.ok_or(INPUT_BODY)?;
        if side > 2 {
            return Err(INPUT_ENUM);
        }
        self.user(head.account)?;
        if head.market != ALL_MARKETS && head.market as usize >= self.markets.len() {
            return Err(STATE_MARKET_UNKNOWN);
        }
        let extra = self.cancel_all(head.account, head.market, side, BY_MASS_CANCEL) as u32;
        Ok(Ack { extra, ..Ack::default() })
    }

    fn cancel_all(&mut self, account: u32, market: u32, side: u8, why: u8) -> usize {
        let wanted = |o: &&Order| {
            o.account == account
                && (market == ALL_MARKETS || o.market == market)
                && (side == 2 || o.is_sell() == (side == 1))
        };
        let mut ids: Vec<u64> = self.orders.iter().filter(wanted).map(|o| o.id).collect();
        ids.sort();
        for id in &ids {
            self.cancel_order(*id, why);
        }
        ids.len()
    }

    pub fn cancel_all_after(&mut self, head: Head, r: &mut Reader) -> Result<Ack, u16> {
        let timeout = r.u64().filter(|_| r.end().is_some()).ok_or(INPUT_BODY)?;
        if timeout > DAY_MS {
            return Err(INPUT_PARAMETER);
        }
        self.user(head.account)?;
        let now = self.now;
        self.accounts.get_mut(&head.account).unwrap().cancel_at =
            if timeout == 0 { 0 } else { now + timeout };
        Ok(Ack::default())
    }

    /// Timers that are due: switches first, then expiries, then the cancels of settling markets; about 64 steps.
    pub fn before_command(&mut self) {
        let mut steps = 0;
        while steps < STEPS {
            steps += 1;
            let now = self.now;
            let switch = self.accounts.iter().filter(|(_, a)| a.cancel_at != 0 && a.cancel_at <= now);
            let switch = switch.min_by_key(|(_, a)| (a.cancel_at, a.opened)).map(|(number, _)| *number);
            let expired = self.orders.iter().filter(|o| o.expires != 0 && o.expires <= now);
            let expired = expired.min_by_key(|o| (o.expires, o.id)).map(|o| o.id);
            if let Some(account) = switch {
                self.accounts.get_mut(&account).unwrap().cancel_at = 0;
                steps += self.cancel_all(account, ALL_MARKETS, 2, BY_DEAD_MAN);
            } else if let Some(id) = expired {
                self.cancel_order(id, BY_EXPIRY);
            } else if let Some(market) = self.settling.first().copied() {
                let first =
                    self.queue(market, false).first().or(self.queue(market, true).first()).map(|o| o.id);
                match first {
                    Some(id) => {
                        self.cancel_order(id, BY_MARKET_CLOSED);
                    }
                    None => self.settling.retain(|m| *m != market),
                }
            } else {
                break;
            }
        }
    }
}

/// Only a smaller size at the same price leaves an order where it stands in the queue.
fn keeps_place(order: &Order, changed: &Order) -> bool {
    changed.price == order.price && changed.size < order.size
}
