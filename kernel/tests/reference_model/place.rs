//! A new order: what is checked before it is accepted, stage by stage.

use super::codes::*;
use super::matching::Taker;
use super::model::{
    Memory, Model, Order, FIRST_USER, FROZEN, MAX_QUANTITY, MEMORY_MS, MINUTE_MS, REDUCE_SPOT,
};
use super::money;
use super::told::Ack;
use super::wire::{self, Head, Reader};

const LIMIT: u8 = 0;
const MARKET: u8 = 1;
const GTD: u8 = 1;
const IOC: u8 = 2;
const FOK: u8 = 3;
const MAX_BUDGET: i64 = 1 << 61;

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
    if flags & !(15 | wire::NO) != 0 || p.order_type > MARKET || p.tif > FOK || p.stp > 2 {
        return Err(INPUT_ENUM);
    }
    let immediate = p.tif == IOC || p.tif == FOK;
    let budget = flags & wire::QUOTE_SIZE != 0;
    let market_buy = p.order_type == MARKET && flags & wire::SELL == 0 && p.tif == IOC;
    let wrong = [
        p.order_type == MARKET && !immediate,
        flags & wire::POST_ONLY != 0 && immediate,
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
    // There is nothing to reduce in a spot market, and no other side.
    if flags & (wire::REDUCE_ONLY | wire::NO) != 0 {
        return Err(INPUT_COMBINATION);
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
        // Nobody has approved a builder in these histories.
        if body.builder != 0 {
            return Err(ACCESS_BUILDER);
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
        if self.accounts[&head.account].flags & REDUCE_SPOT != 0 && head.flags & wire::SELL == 0 {
            return Err(ACCESS_REDUCE_ONLY);
        }
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
}
