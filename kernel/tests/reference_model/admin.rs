//! Accounts, transfers and the operator's commands.

use super::codes::*;
use super::model::{
    Account, Decision, Limits, Market, Model, ALL_FLAGS, DAY_MS, FIRST_USER, MAX_QUANTITY, MEMORY_MS,
    NO_WITHDRAWALS,
};
use super::told::Ack;
use super::wire::{self, Head, Params, Reader, ALL_MARKETS};

const DONE: Result<Ack, u16> =
    Ok(Ack { order_id: 0, filled: 0, remaining: 0, code: 0, state: 0, reason: 0, extra: 0 });
const MAX_ACCOUNT: u32 = 1 << 24;

fn symbol_allowed(symbol: &[u8]) -> bool {
    symbol.len() <= 32 && symbol.iter().all(|b| b.is_ascii_graphic())
}

fn fees_allowed(maker: i32, taker: i32) -> bool {
    (0..=100_000).contains(&taker) && maker <= taker && maker >= -taker
}

fn params_allowed(p: &Params) -> bool {
    let (million, most) = (1_000_000, MAX_QUANTITY);
    let sizes = p.min_lots >= 1 && p.min_lots <= p.max_lots && p.max_lots <= most;
    let money = p.reference_ticks >= 0 && p.reference_ticks <= most && p.min_notional >= 0;
    let rates = p.share_ppm <= million && p.band_ppm <= million && p.slippage_ppm <= million;
    let work = p.max_levels >= 1 && p.max_levels <= million && p.max_matches >= 1 && p.max_matches <= 100_000;
    sizes && money && rates && work && fees_allowed(p.maker_ppm, p.taker_ppm)
}

struct Listing {
    base: u32,
    quote: u32,
    lot_size: i64,
    tick_quote: i64,
    params: Params,
    kind: u8,
    symbol: Vec<u8>,
}

fn read_listing(r: &mut Reader) -> Option<Listing> {
    let (base, quote, lot_size, tick_quote) = (r.u32()?, r.u32()?, r.i64()?, r.i64()?);
    let params = Params::read(r)?;
    let (kind, length) = (r.u8()?, r.u8()?);
    r.zeros(6)?;
    let symbol = r.take(length as usize)?.to_vec();
    r.end()?;
    Some(Listing { base, quote, lot_size, tick_quote, params, kind, symbol })
}

fn read_transfer(r: &mut Reader) -> Option<(u64, i64, u64, u32)> {
    let read = (r.u64()?, r.i64()?, r.u64()?, r.u32()?);
    r.zeros(4)?;
    r.end()?;
    Some(read)
}

fn read_account(r: &mut Reader, with_flags: bool) -> Option<(u64, u16, u16)> {
    let (owner, tier) = (r.u64()?, r.u16()?);
    let flags = if with_flags { r.u16()? } else { 0 };
    r.zeros(if with_flags { 4 } else { 6 })?;
    r.end()?;
    Some((owner, tier, flags))
}

impl Model {
    pub fn open_account(&mut self, head: Head, r: &mut Reader) -> Result<Ack, u16> {
        let (owner, tier, _) = read_account(r, false).ok_or(INPUT_BODY)?;
        if tier > 15 || head.account >= MAX_ACCOUNT {
            return Err(INPUT_PARAMETER);
        }
        if head.account < FIRST_USER {
            return Err(ACCESS_RESERVED);
        }
        if self.accounts.contains_key(&head.account) {
            return Err(STATE_ALREADY_EXISTS);
        }
        if self.accounts.len() >= self.limits.accounts as usize {
            return Err(STATE_TOO_MANY);
        }
        let opened = self.accounts.len();
        self.accounts.insert(head.account, Account { owner, tier, flags: 0, cancel_at: 0, opened });
        DONE
    }

    pub fn set_account(&mut self, head: Head, r: &mut Reader) -> Result<Ack, u16> {
        let (owner, tier, flags) = read_account(r, true).ok_or(INPUT_BODY)?;
        if tier > 15 || flags > ALL_FLAGS {
            return Err(INPUT_PARAMETER);
        }
        self.user(head.account)?;
        let account = self.accounts.get_mut(&head.account).unwrap();
        (account.owner, account.tier, account.flags) = (owner, tier, flags);
        DONE
    }

    /// `sign` is 1 for a deposit, -1 for a withdrawal.
    pub fn transfer(&mut self, head: Head, r: &mut Reader, sign: i64) -> Result<Ack, u16> {
        let (id, amount, issued, asset) = read_transfer(r).ok_or(INPUT_BODY)?;
        if let Some((_, decided)) = self.transfers.iter().find(|(_, d)| d.id == id) {
            self.out.transfers.push(*decided);
            return Err(STATE_TRANSFER_DUPLICATE);
        }
        let mut decision =
            Decision { id, account: head.account, asset, amount: amount.max(0) * sign, code: 0 };
        let old = u128::from(issued) + u128::from(MEMORY_MS) < u128::from(self.now);
        if old || issued > self.now + DAY_MS {
            decision.code = STATE_TRANSFER_OLD;
        } else {
            decision.code = self.decide(&decision).err().unwrap_or(0);
        }
        // What is too old stays so; all else is decided for as long as it could come again.
        if !old {
            self.transfers.retain(|(at, _)| at.saturating_add(MEMORY_MS) >= self.now);
            self.transfers.push((issued, decision));
        }
        self.out.transfers.push(decision);
        match decision.code {
            0 => DONE,
            code => Err(code),
        }
    }

    fn decide(&mut self, d: &Decision) -> Result<(), u16> {
        if d.amount == 0 {
            return Err(INPUT_AMOUNT);
        }
        // Fees and insurance may be paid out and topped up; nobody else below the users.
        let house = (1..=3).contains(&d.account);
        if d.account < FIRST_USER && !house {
            return Err(ACCESS_RESERVED);
        }
        if !house {
            self.user(d.account)?;
            if d.amount < 0 && self.accounts[&d.account].flags & NO_WITHDRAWALS != 0 {
                return Err(ACCESS_NO_WITHDRAWALS);
            }
        }
        let total = *self.assets.get(&d.asset).ok_or(STATE_ASSET_UNKNOWN)? + i128::from(d.amount);
        if total > i128::from(i64::MAX) {
            return Err(RISK_TOTAL);
        }
        if d.amount < 0 && self.free(d.account, d.asset) < -i128::from(d.amount) {
            return Err(RISK_INSUFFICIENT_BALANCE);
        }
        self.add(d.account, d.asset, i128::from(d.amount));
        self.assets.insert(d.asset, total);
        Ok(())
    }

    pub fn operator(&mut self, kind: u8, head: Head, r: &mut Reader) -> Result<Ack, u16> {
        if head.account != 0 {
            return Err(ACCESS_OPERATOR_ONLY);
        }
        match kind {
            wire::ADD_ASSET => self.add_asset(r),
            wire::ADD_MARKET => self.add_market(head, r),
            wire::SET_MARKET => self.set_market(head, r),
            wire::SET_TIER => self.set_tier(head, r),
            wire::SET_PHASE => self.set_phase(head, r),
            wire::TICK => r.end().map_or(Err(INPUT_BODY), |()| DONE),
            _ => self.set_limits(r),
        }
    }

    fn add_asset(&mut self, r: &mut Reader) -> Result<Ack, u16> {
        let read = (|| {
            let (id, scale, length) = (r.u32()?, r.u8()?, r.u8()? as usize);
            r.zeros(2)?;
            let symbol = r.take(length)?.to_vec();
            r.end()?;
            Some((id, scale, symbol))
        })();
        let (id, scale, symbol) = read.ok_or(INPUT_BODY)?;
        if !symbol_allowed(&symbol) || scale > 8 {
            return Err(INPUT_PARAMETER);
        }
        if self.assets.contains_key(&id) {
            return Err(STATE_ALREADY_EXISTS);
        }
        self.assets.insert(id, 0);
        DONE
    }

    fn add_market(&mut self, head: Head, r: &mut Reader) -> Result<Ack, u16> {
        let l = read_listing(r).ok_or(INPUT_BODY)?;
        let units = 1..=MAX_QUANTITY;
        let good = symbol_allowed(&l.symbol) && params_allowed(&l.params) && l.kind == 0;
        if !good || !units.contains(&l.lot_size) || !units.contains(&l.tick_quote) {
            return Err(INPUT_PARAMETER);
        }
        if !self.assets.contains_key(&l.base) || !self.assets.contains_key(&l.quote) {
            return Err(STATE_ASSET_UNKNOWN);
        }
        let next = self.markets.len() as u32;
        if l.base == l.quote || head.market > next {
            return Err(INPUT_PARAMETER);
        }
        if head.market < next {
            return Err(STATE_ALREADY_EXISTS);
        }
        if next >= self.limits.markets {
            return Err(STATE_TOO_MANY);
        }
        self.markets.push(Market {
            base: l.base,
            quote: l.quote,
            lot_size: l.lot_size,
            tick_quote: l.tick_quote,
            params: l.params,
            tiers: Default::default(),
            phase: PENDING,
            last: 0,
            trades: Vec::new(),
        });
        DONE
    }

    fn set_market(&mut self, head: Head, r: &mut Reader) -> Result<Ack, u16> {
        let params = Params::read(r).filter(|_| r.end().is_some()).ok_or(INPUT_BODY)?;
        if !params_allowed(&params) {
            return Err(INPUT_PARAMETER);
        }
        let market = self.markets.get_mut(head.market as usize).ok_or(STATE_MARKET_UNKNOWN)?;
        let reference = market.params.reference_ticks;
        market.params = params;
        if params.reference_ticks == 0 {
            market.params.reference_ticks = reference;
        }
        DONE
    }

    fn set_tier(&mut self, head: Head, r: &mut Reader) -> Result<Ack, u16> {
        let read = (|| {
            let read = (r.u32()?, r.i32()?, r.i32()?);
            r.zeros(4)?;
            r.end()?;
            Some(read)
        })();
        let (tier, maker, taker) = read.ok_or(INPUT_BODY)?;
        if !(1..16).contains(&tier) || !fees_allowed(maker, taker) {
            return Err(INPUT_PARAMETER);
        }
        if head.market != ALL_MARKETS && head.market as usize >= self.markets.len() {
            return Err(STATE_MARKET_UNKNOWN);
        }
        for (number, market) in self.markets.iter_mut().enumerate() {
            if head.market == ALL_MARKETS || head.market as usize == number {
                market.tiers.insert(tier, (maker, taker));
            }
        }
        DONE
    }

    fn set_phase(&mut self, head: Head, r: &mut Reader) -> Result<Ack, u16> {
        let read = (|| {
            let to = r.u8()?;
            r.zeros(7)?;
            r.end()?;
            Some(to)
        })();
        let to = read.ok_or(INPUT_BODY)?;
        let from = self.markets.get(head.market as usize).ok_or(STATE_MARKET_UNKNOWN)?.phase;
        // PENDING -> AUCTION -> OPEN <-> HALTED -> CLOSING -> SETTLING -> SETTLED; markets open without an auction as yet.
        let allowed = [
            (PENDING, OPEN),
            (AUCTION, OPEN),
            (AUCTION, HALTED),
            (OPEN, HALTED),
            (HALTED, OPEN),
            (OPEN, CLOSING),
            (HALTED, CLOSING),
            (CLOSING, SETTLING),
            (SETTLING, SETTLED),
        ];
        if !allowed.contains(&(from, to)) {
            return Err(STATE_PHASE_MOVE);
        }
        if to == SETTLED && self.orders.iter().any(|o| o.market == head.market) {
            return Err(STATE_BOOK_NOT_EMPTY);
        }
        self.markets[head.market as usize].phase = to;
        if to == SETTLING {
            self.settling.push(head.market);
        }
        DONE
    }

    fn set_limits(&mut self, r: &mut Reader) -> Result<Ack, u16> {
        let read = (|| {
            let limits =
                Limits { accounts: r.u32()?, markets: r.u32()?, orders: r.u32()?, client_ids: r.u32()? };
            r.end()?;
            Some(limits)
        })();
        let limits = read.ok_or(INPUT_BODY)?;
        let good = (1..MAX_ACCOUNT).contains(&limits.accounts)
            && (1..65_535).contains(&limits.markets)
            && (1..=1_000_000).contains(&limits.orders)
            && (1..=200_000_000).contains(&limits.client_ids);
        if !good {
            return Err(INPUT_PARAMETER);
        }
        self.limits = limits;
        DONE
    }
}
