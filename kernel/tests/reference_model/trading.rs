//! New orders and matching, step by step as the documents tell it.

use super::codes::*;
use super::model::{
    refused, Memory, Model, Order, Trade, DUST, FIRST_USER, FROZEN, MAX_QUANTITY, MEMORY_MS, MINUTE_MS,
    PROTOCOL, VENUE,
};
use super::money;
use super::wire::{self, Ack, FillView, Head, Reader, What};

const LIMIT: u8 = 0;
const MARKET: u8 = 1;
const GTD: u8 = 1;
const IOC: u8 = 2;
const FOK: u8 = 3;
const MAX_BUDGET: i64 = 1 << 61;

/// An order while it takes: where it must stop and what it may spend.
struct Taker {
    order: Order,
    owner: u64,
    limit: i64,
    budget: Option<i128>,
}

fn read_place(r: &mut Reader) -> Option<wire::PlaceBody> {
    let (price, size) = (r.i64()?, r.i64()?);
    let (order_type, tif, stp, client_len) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
    let (builder, expires, deadline) = (r.u32()?, r.u64()?, r.u64()?);
    let client = r.take(client_len as usize)?.to_vec();
    r.end()?;
    Some(wire::PlaceBody { price, size, order_type, tif, stp, builder, expires, deadline, client })
}

/// A client id has at most 32 visible ASCII characters.
pub fn client_allowed(client: &[u8]) -> bool {
    client.len() <= 32 && client.iter().all(|b| b.is_ascii_graphic())
}

fn check_input(flags: u8, p: &wire::PlaceBody) -> Result<(), u16> {
    if !client_allowed(&p.client) {
        return Err(INPUT_CLIENT_ID);
    }
    if flags >= 16 || p.order_type > MARKET || p.tif > FOK || p.stp > 2 {
        return Err(INPUT_ENUM);
    }
    let immediate = p.tif == IOC || p.tif == FOK;
    let budget = flags & wire::QUOTE_SIZE != 0;
    let market_buy = p.order_type == MARKET && flags & wire::SELL == 0 && p.tif == IOC;
    let wrong = [
        p.order_type == MARKET && !immediate,
        flags & wire::POST_ONLY != 0 && immediate,
        flags & wire::REDUCE_ONLY != 0,
        budget && !market_buy,
        (p.tif == GTD) != (p.expires != 0),
    ];
    if wrong.contains(&true) {
        return Err(INPUT_COMBINATION);
    }
    let cheapest = if p.order_type == LIMIT { 1 } else { 0 };
    if p.price < cheapest || p.price > MAX_QUANTITY {
        return Err(INPUT_PRICE);
    }
    if p.size < 1 || p.size > if budget { MAX_BUDGET } else { MAX_QUANTITY } {
        return Err(INPUT_SIZE);
    }
    Ok(())
}

fn fits(value: i128) -> Result<i128, u16> {
    i64::try_from(value).map(i128::from).map_err(|_| INPUT_OVERFLOW)
}

impl Model {
    pub fn user(&self, number: u32) -> Result<(), u16> {
        match number {
            _ if number < FIRST_USER => Err(ACCESS_RESERVED),
            _ if !self.accounts.contains_key(&number) => Err(ACCESS_ACCOUNT_UNKNOWN),
            _ => Ok(()),
        }
    }

    pub fn place(&mut self, head: Head, r: &mut Reader) -> Result<Ack, u16> {
        let body = read_place(r).ok_or(INPUT_BODY)?;
        check_input(head.flags, &body)?;
        self.user(head.account)?;
        if !body.client.is_empty() {
            if let Some(memory) = self.memory(head.account, &body.client) {
                return Ok(self.duplicate(memory));
            }
        }
        if body.tif == GTD && body.expires <= self.now {
            return Err(INPUT_EXPIRY);
        }
        let (limit, budget) = self.check_place(head, &body)?;
        if !body.client.is_empty() {
            self.forget_clients();
            if self.clients.len() >= self.limits.client_ids as usize {
                return Err(STATE_CLIENT_IDS_FULL);
            }
        }
        let order = self.accept(head, body);
        let taker = Taker { owner: self.accounts[&head.account].owner, order, limit, budget };
        Ok(self.enter(taker))
    }

    /// A client id used before is answered with the order it named.
    fn duplicate(&self, memory: &Memory) -> Ack {
        let open = self.order(memory.order_id);
        Ack {
            order_id: memory.order_id,
            filled: open.map_or(memory.filled, |o| o.filled),
            remaining: open.map_or(0, |o| o.remaining()),
            code: STATE_DUPLICATE_CLIENT_ID,
            state: memory.state,
            ..Ack::default()
        }
    }

    /// Client ids are kept seven days from the end of the minute of their order, those of open orders for longer; at most four are
    /// forgotten at a time.
    fn forget_clients(&mut self) {
        for _ in 0..4 {
            match self.clients.first() {
                Some(oldest) if oldest.minute + MINUTE_MS + MEMORY_MS <= self.now => {}
                _ => return,
            }
            let mut oldest = self.clients.remove(0);
            if oldest.state == STATE_OPEN {
                oldest.minute = self.now - self.now % MINUTE_MS;
                self.clients.push(oldest);
            }
        }
    }

    /// Stages ACCESS, STATE, RISK, MATCHING: the worst price it may trade at and what it may spend.
    fn check_place(&self, head: Head, p: &wire::PlaceBody) -> Result<(i64, Option<i128>), u16> {
        if self.accounts[&head.account].flags & FROZEN != 0 {
            return Err(ACCESS_FROZEN);
        }
        let market = self.markets.get(head.market as usize).ok_or(STATE_MARKET_UNKNOWN)?;
        if market.phase != OPEN {
            return Err(STATE_MARKET_PHASE);
        }
        if p.deadline != 0 && p.deadline < self.now {
            return Err(STATE_DEADLINE);
        }
        let open = self.orders.iter().filter(|o| o.account == head.account).count();
        if p.tif < IOC && open >= self.limits.orders as usize {
            return Err(STATE_TOO_MANY_ORDERS);
        }
        let budgeted = head.flags & wire::QUOTE_SIZE != 0;
        if !budgeted && (p.size < market.params.min_lots || p.size > market.params.max_lots) {
            return Err(INPUT_SIZE);
        }
        if p.order_type == LIMIT {
            self.check_limit(head, p)
        } else {
            self.check_market(head, p)
        }
    }

    fn check_limit(&self, head: Head, p: &wire::PlaceBody) -> Result<(i64, Option<i128>), u16> {
        let market = &self.markets[head.market as usize];
        let sell = head.flags & wire::SELL != 0;
        let notional = fits(i128::from(p.price) * i128::from(p.size) * i128::from(market.tick_quote))?;
        let base = fits(i128::from(p.size) * i128::from(market.lot_size))?;
        if p.tif < IOC {
            let levels = self.levels(head.market, sell);
            if levels.len() >= market.params.max_levels as usize && levels.iter().all(|l| l.0 != p.price) {
                return Err(STATE_TOO_MANY_LEVELS);
            }
        }
        let (low, high) = self.band(head.market);
        if (sell && p.price < low) || (!sell && p.price > high) {
            return Err(RISK_PRICE_BAND);
        }
        if notional < i128::from(market.params.min_notional) {
            return Err(RISK_MIN_NOTIONAL);
        }
        let (asset, need) = if sell {
            (market.base, base)
        } else {
            (market.quote, fits(money::buy_hold(notional, self.fees(head.account, head.market).1, 0))?)
        };
        if self.free(head.account, asset) < need {
            return Err(RISK_INSUFFICIENT_BALANCE);
        }
        Ok((p.price, None))
    }

    fn check_market(&self, head: Head, p: &wire::PlaceBody) -> Result<(i64, Option<i128>), u16> {
        let market = &self.markets[head.market as usize];
        let sell = head.flags & wire::SELL != 0;
        let budgeted = head.flags & wire::QUOTE_SIZE != 0;
        let tick_quote = i128::from(market.tick_quote);
        let lots = if budgeted { 1 } else { i128::from(p.size) };
        let base = if budgeted { 0 } else { fits(lots * i128::from(market.lot_size))? };
        let best = self.queue(head.market, !sell).first().map(|o| o.price);
        let limit = best.map(|best| self.market_limit(head.market, sell, best, p.price));
        let mut value = fits(i128::from(best.unwrap_or(1)) * lots * tick_quote)?;
        fits(i128::from(limit.unwrap_or(1)) * lots * tick_quote)?;
        if budgeted {
            value = i128::from(p.size);
        }
        if best.is_some() && value < i128::from(market.params.min_notional) {
            return Err(RISK_MIN_NOTIONAL);
        }
        let free = self.free(head.account, if sell { market.base } else { market.quote });
        let need = match (sell, budgeted) {
            (true, _) => base,
            (false, true) => value,
            (false, false) if best.is_none() => 0,
            (false, false) => fits(money::buy_hold(value, self.fees(head.account, head.market).1, 0))?,
        };
        if free < need {
            return Err(RISK_INSUFFICIENT_BALANCE);
        }
        let limit = limit.ok_or(MATCHING_NO_LIQUIDITY)?;
        let budget = match (sell, budgeted) {
            (true, _) => None,
            (false, true) => Some(value),
            (false, false) => Some(free),
        };
        Ok((limit, budget))
    }

    /// Lowest price of a sell and highest of a buy.
    pub fn band(&self, market: u32) -> (i64, i64) {
        let market = &self.markets[market as usize];
        let centre = if market.last != 0 { market.last } else { market.params.reference_ticks };
        if centre == 0 || market.params.band_ppm == 0 {
            return (1, MAX_QUANTITY);
        }
        let width = money::floor_ppm(i128::from(centre) * i128::from(market.params.band_ppm)) as i64;
        ((centre - width).max(1), (centre + width).min(MAX_QUANTITY))
    }

    /// Worst price of a market order: its own, else the slippage from the best opposite price; never outside the band.
    fn market_limit(&self, market: u32, sell: bool, best: i64, own: i64) -> i64 {
        let (low, high) = self.band(market);
        let params = &self.markets[market as usize].params;
        let slip = money::floor_ppm(i128::from(best) * i128::from(params.slippage_ppm)) as i64;
        match (sell, own) {
            (true, 0) => (best - slip).max(low),
            (true, _) => own.max(low),
            (false, 0) => (best + slip).min(high),
            (false, _) => own.min(high),
        }
    }

    /// (maker, taker) ppm of an account in a market.
    pub fn fees(&self, account: u32, market: u32) -> (i32, i32) {
        let tier = u32::from(self.accounts[&account].tier);
        let market = &self.markets[market as usize];
        market.tiers.get(&tier).copied().unwrap_or((market.params.maker_ppm, market.params.taker_ppm))
    }

    fn accept(&mut self, head: Head, p: wire::PlaceBody) -> Order {
        let (maker_ppm, taker_ppm) = self.fees(head.account, head.market);
        let id = self.next_order;
        self.next_order += 1;
        if !p.client.is_empty() {
            let minute = self.now - self.now % MINUTE_MS;
            let memory = Memory {
                account: head.account,
                client: p.client.clone(),
                minute,
                order_id: id,
                filled: 0,
                state: STATE_OPEN,
            };
            self.clients.push(memory);
        }
        Order {
            id,
            account: head.account,
            market: head.market,
            key: head.key,
            flags: head.flags,
            price: p.price,
            // What a quote budget buys is known only when it is spent.
            size: if head.flags & wire::QUOTE_SIZE != 0 { 0 } else { p.size },
            maker_ppm,
            taker_ppm,
            created: self.now,
            expires: p.expires,
            order_type: p.order_type,
            tif: p.tif,
            stp: p.stp,
            builder: p.builder,
            client: p.client,
            ..Order::default()
        }
    }

    /// An amended order that lost its place comes in anew, at its own price.
    pub fn enter_again(&mut self, order: Order) -> Ack {
        let owner = self.accounts[&order.account].owner;
        let limit = order.price;
        self.enter(Taker { order, owner, limit, budget: None })
    }

    /// Trade at once what can be; rest, cancel or close what remains.
    fn enter(&mut self, mut taker: Taker) -> Ack {
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
