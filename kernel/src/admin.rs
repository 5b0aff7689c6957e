//! Accounts and the operator's commands: assets, markets, parameters, fees, phases, limits.

use crate::accounts::{Account, Asset, ACCOUNT_FLAGS, MAX_ACCOUNT};
use crate::auction::why;
use crate::book::Book;
use crate::codes::{phase, Reject};
use crate::contracts::{Contract, NO_ASSET, OUTCOME, PERPETUAL, SPOT};
use crate::kernel::{Kernel, Limits, Outcome};
use crate::market::{fees_allowed, Candle, Market, Parameters, NO_ALARM, PARAMETERS, TIERS};
use crate::num::MAX_QUANTITY;
use crate::output::Ack;
use crate::prices::{FundingRules, MarketPrices};
use crate::wire::{i32_at, i64_at, kind, u16_at, u32_at, u64_at, zeros, Frame, ALL_MARKETS};

const MAX_ASSETS: usize = 65_536;
const MAX_MARKETS: u32 = 65_535;
const MAX_SCALE: u8 = 8;
const MAX_SYMBOL: usize = 32;

/// A symbol of visible ASCII characters.
fn symbol(bytes: &[u8]) -> Result<String, Reject> {
    let visible = bytes.iter().all(|byte| (0x21..=0x7E).contains(byte));
    match std::str::from_utf8(bytes) {
        Ok(text) if visible && text.len() <= MAX_SYMBOL => Ok(text.to_owned()),
        _ => Err(Reject::InputParameter),
    }
}

/// A body of `length` bytes whose last `reserved` are zero.
fn exact(body: &[u8], length: usize, reserved: usize) -> Result<(), Reject> {
    if body.len() == length && zeros(&body[length - reserved..]) {
        Ok(())
    } else {
        Err(Reject::InputBody)
    }
}

impl Kernel {
    pub(crate) fn open_account(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, 16, 6)?;
        let (owner, tier) = (u64_at(frame.body, 0), u16_at(frame.body, 8));
        if tier as usize >= TIERS || frame.account >= MAX_ACCOUNT {
            return Err(Reject::InputParameter);
        }
        match self.user(frame.account) {
            Ok(_) => return Err(Reject::StateAlreadyExists),
            Err(Reject::AccessAccountUnknown) => {}
            Err(reject) => return Err(reject),
        }
        if self.funds.accounts.len() >= self.limits.accounts as usize {
            return Err(Reject::StateTooMany);
        }
        let slot = self.funds.open(Account { number: frame.account, owner, tier, ..Account::default() });
        self.funds.touch(slot);
        Ok(Ack::default())
    }

    pub(crate) fn set_account(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, 16, 4)?;
        let (owner, tier, flags) = (u64_at(frame.body, 0), u16_at(frame.body, 8), u16_at(frame.body, 10));
        if tier as usize >= TIERS || flags & !ACCOUNT_FLAGS != 0 {
            return Err(Reject::InputParameter);
        }
        let slot = self.user(frame.account)?;
        let account = self.funds.account_mut(slot);
        account.owner = owner;
        account.tier = tier;
        account.flags = flags;
        self.funds.touch(slot);
        Ok(Ack::default())
    }

    #[cold]
    pub(crate) fn operate(&mut self, frame: &Frame) -> Outcome {
        if frame.account != 0 {
            return Err(Reject::AccessOperatorOnly);
        }
        match frame.kind {
            kind::ADD_ASSET => self.add_asset(frame),
            kind::ADD_MARKET => self.add_market(frame),
            kind::SET_MARKET_PARAMS => self.set_market_params(frame),
            kind::SET_FEE_TIER => self.set_fee_tier(frame),
            kind::SET_PHASE => self.set_phase(frame),
            kind::TICK => exact(frame.body, 0, 0).map(|()| Ack::default()),
            kind::SET_LIMITS => self.set_limits(frame),
            kind::SET_CAPACITY => self.set_capacity(frame),
            kind::SET_FEE_SPLIT => self.set_fee_split(frame),
            kind::OBSERVE_PRICES => self.observe_prices(frame),
            kind::SET_FUNDING => self.set_funding(frame),
            kind::AUCTION => self.auction_command(frame),
            kind::SET_CALENDAR => self.set_calendar(frame),
            kind::SET_PRICE_RULES => self.set_price_rules(frame),
            _ => Err(Reject::InputKind),
        }
    }

    fn add_asset(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() < 8 || body.len() != 8 + body[5] as usize || !zeros(&body[6..8]) {
            return Err(Reject::InputBody);
        }
        let (id, scale, symbol) = (u32_at(body, 0), body[4], symbol(&body[8..])?);
        if scale > MAX_SCALE {
            return Err(Reject::InputParameter);
        }
        if self.funds.asset_slot(id).is_some() {
            return Err(Reject::StateAlreadyExists);
        }
        if self.funds.assets.len() >= MAX_ASSETS {
            return Err(Reject::StateTooMany);
        }
        self.funds.assets.push(Asset { id, scale, symbol, total: 0, sum: 0, reserved: [0; 5], pot: 0 });
        Ok(Ack::default())
    }

    fn add_market(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        const FIXED: usize = 24 + PARAMETERS + 8;
        let reserved = 24 + PARAMETERS + 2..FIXED - 4;
        if body.len() < FIXED || body.len() != FIXED + body[reserved.start - 1] as usize {
            return Err(Reject::InputBody);
        }
        if !zeros(&body[reserved]) || !zeros(&body[20 + PARAMETERS..24 + PARAMETERS]) {
            return Err(Reject::InputBody);
        }
        let (kind, payout_ticks) = (body[24 + PARAMETERS], i64::from(u32_at(body, FIXED - 4)));
        if kind != OUTCOME && payout_ticks != 0 {
            return Err(Reject::InputBody);
        }
        let symbol = symbol(&body[FIXED..])?;
        let (lot_size, tick_quote) = (i64_at(body, 8), i64_at(body, 16));
        let parameters = Parameters::read(&body[24..24 + PARAMETERS]).ok_or(Reject::InputParameter)?;
        let units = 1..=MAX_QUANTITY;
        if kind > OUTCOME || (kind == OUTCOME && payout_ticks < 2) {
            return Err(Reject::InputParameter);
        }
        if !units.contains(&lot_size) || !units.contains(&tick_quote) {
            return Err(Reject::InputParameter);
        }
        let base = match (kind, u32_at(body, 0)) {
            (SPOT, base) => self.funds.asset_slot(base).ok_or(Reject::StateAssetUnknown)?,
            (_, NO_ASSET) => NO_ASSET,
            _ => return Err(Reject::InputParameter),
        };
        let quote = self.funds.asset_slot(u32_at(body, 4)).ok_or(Reject::StateAssetUnknown)?;
        let settlement = self.funds.settlement;
        if kind != SPOT && settlement != NO_ASSET && settlement != quote {
            return Err(Reject::InputParameter);
        }
        let next = self.markets.len() as u32;
        if base == quote || frame.market > next {
            return Err(Reject::InputParameter);
        }
        if frame.market < next {
            return Err(Reject::StateAlreadyExists);
        }
        if next >= self.limits.markets {
            return Err(Reject::StateTooMany);
        }
        if kind != SPOT {
            self.begin_contracts(quote)?;
        }
        self.markets.push(Market {
            number: next,
            kind,
            symbol,
            base,
            quote,
            lot_size,
            tick_quote,
            parameters,
            tiers: [None; TIERS],
            phase: phase::PENDING,
            last: 0,
            last_trade_id: 0,
            book: Book::default(),
            trades: Default::default(),
            candle: Candle::default(),
            prices: MarketPrices::new(),
            dirty_batch: 0,
            contract: Contract::paying(payout_ticks),
            alarm: NO_ALARM,
            auction: Default::default(),
            calendar: None,
        });
        self.touch_market(next as usize);
        if kind == PERPETUAL {
            let scale = self.funds.assets[quote as usize].scale;
            self.markets[next as usize].prices.funding.rules = FundingRules::of_scale(scale);
            self.on_mark(next as usize, parameters.reference);
        }
        Ok(Ack::default())
    }

    fn set_market_params(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, PARAMETERS, 4)?;
        let mut parameters = Parameters::read(frame.body).ok_or(Reject::InputParameter)?;
        let market = self.market_index(frame.market)?;
        let current = &mut self.markets[market].parameters;
        if parameters.reference == 0 {
            parameters.reference = current.reference;
        }
        *current = parameters;
        self.touch_market(market);
        let record = &self.markets[market];
        if record.kind == PERPETUAL && !record.contract.observed {
            self.on_mark(market, parameters.reference);
        }
        self.on_collateral_price(market);
        Ok(Ack::default())
    }

    fn set_fee_tier(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, 16, 4)?;
        let (tier, maker, taker) =
            (u32_at(frame.body, 0) as usize, i32_at(frame.body, 4), i32_at(frame.body, 8));
        if !(1..TIERS).contains(&tier) || !fees_allowed(maker, taker) {
            return Err(Reject::InputParameter);
        }
        let markets = match frame.market {
            ALL_MARKETS => 0..self.markets.len(),
            number => {
                let market = self.market_index(number)?;
                market..market + 1
            }
        };
        for market in markets {
            self.markets[market].tiers[tier] = Some((maker, taker));
        }
        Ok(Ack::default())
    }

    fn set_phase(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, 8, 7)?;
        let to = frame.body[0];
        let market = self.market_index(frame.market)?;
        let from = self.markets[market].phase;
        if !phase::MOVES[from as usize].contains(&to) {
            return Err(Reject::StatePhaseMove);
        }
        if self.markets[market].kind == OUTCOME {
            self.check_outcome_phase(market, to)?;
        }
        let left = self.algos.first_of_market(frame.market).is_some();
        let record = &self.markets[market];
        let held = record.kind == PERPETUAL && record.contract.open_interest > 0;
        if to == phase::SETTLED && (left || held || record.book.orders() > 0) {
            return Err(Reject::StateBookNotEmpty);
        }
        // What an auction has collected may cross: it trades only through a clearing.
        let collected = self.markets[market].book.is_collecting();
        let crossed = self.indicative(&self.markets[market]).is_some();
        if to == phase::CLOSING && crossed {
            return Err(Reject::StatePhaseMove);
        }
        self.forget_session_halt(market);
        self.forget_price_halt(market);
        match to {
            phase::AUCTION => self.begin_auction(market, 0, why::OPERATOR),
            phase::OPEN if collected => self.begin_clearing(market),
            _ => self.enter_phase(market, to),
        }
        Ok(Ack::default())
    }

    fn enter_phase(&mut self, market: usize, to: u8) {
        let number = market as u32;
        self.stop_auction_timers(market);
        let record = &mut self.markets[market];
        record.phase = to;
        if to != phase::HALTED {
            record.book.end_collect();
        }
        self.touch_market(market);
        match to {
            phase::SETTLING => self.begin_settling(number),
            phase::OPEN | phase::CLOSING => self.release_parked(number),
            _ => {}
        }
        self.find_next_timer();
    }

    fn set_limits(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, 16, 0)?;
        let limits = Limits {
            accounts: u32_at(frame.body, 0),
            markets: u32_at(frame.body, 4),
            orders_per_account: u32_at(frame.body, 8),
            client_ids: u32_at(frame.body, 12),
        };
        let (accounts, markets) = (1..MAX_ACCOUNT, 1..MAX_MARKETS);
        let (orders, ids) = (1..=1_000_000, 1..=200_000_000);
        let allowed = accounts.contains(&limits.accounts)
            && markets.contains(&limits.markets)
            && orders.contains(&limits.orders_per_account)
            && ids.contains(&limits.client_ids);
        if !allowed {
            return Err(Reject::InputParameter);
        }
        self.limits = limits;
        Ok(Ack::default())
    }
}
