//! What brings prices up to date: an observation, or time. And how the rest of the kernel asks for them.

use std::collections::BTreeSet;

use super::funding::{impact_price, premium, Funding, Impact, IMPACT_LEVELS, INDEX_LIMIT};
use super::{Grade, PriceCandle, Touch, INDEX_CANDLE, MARK_CANDLE};
use crate::auction::why;
use crate::book::{NO_ASK, NO_BID};
use crate::codes::phase;
use crate::contracts::{PERPETUAL, SPOT};
use crate::kernel::Kernel;
use crate::market::Market;

/// What one update counts for among the steps of timers: it walks the book twice at most.
const UPDATE_STEPS: u32 = 8;
/// How long orders are collected before a market that its price halted trades again.
const REOPENING_MS: u64 = 60_000;

/// When the prices of which market are next to be looked at.
#[derive(Default)]
pub(crate) struct Prices {
    pub due: BTreeSet<(u64, u32)>,
}

impl Prices {
    pub fn arm(&mut self, market: u32, before_ms: u64, due_ms: u64) {
        if before_ms != due_ms {
            self.due.remove(&(before_ms, market));
        }
        if due_ms != u64::MAX {
            self.due.insert((due_ms, market));
        }
    }

    /// When the first is due; `u64::MAX` for never.
    pub fn next_ms(&self) -> u64 {
        self.due.first().map_or(u64::MAX, |due| due.0)
    }
}

impl Market {
    /// What the market says; a book that collects for an auction may be crossed and says nothing.
    fn touch(&self) -> Touch {
        let (bid, ask) = (self.book.best_bid(), self.book.best_ask());
        let trades = !self.book.is_collecting();
        Touch {
            bid: (trades && bid != NO_BID).then_some(bid),
            ask: (trades && ask != NO_ASK).then_some(ask),
            last: (self.last != 0).then_some(self.last),
        }
    }

    /// What an order of the impact notional would trade at, on either side.
    fn impact(&self) -> Impact {
        let side = |side| {
            let levels = self.book.side_levels(side, IMPACT_LEVELS).into_iter();
            let levels = levels.map(|(price, level)| (price, level.lots));
            impact_price(levels, self.tick_quote, self.prices.funding.rules.impact_notional)
        };
        Impact { bid: side(0), ask: side(1) }
    }

    /// Whether funding is sampled now.
    fn is_funded(&self, now_ms: u64) -> bool {
        self.prices.funding.rules.enabled
            && matches!(self.phase, phase::OPEN | phase::CLOSING)
            && !self.prices.grade(now_ms).funding_paused()
    }
}

impl Kernel {
    /// Index of a market in ticks; 0 when there is none.
    #[inline]
    pub fn index(&self, market: usize) -> i64 {
        self.markets[market].prices.feed.index
    }

    /// Grade of a market's price now.
    #[inline]
    pub fn grade(&self, market: usize) -> Grade {
        self.markets[market].prices.grade(self.now_ms)
    }

    /// Mark and index candles the last batch touched: (market, which of the two, the minute so far).
    pub fn touched_price_candles(&self) -> Vec<(u32, u8, PriceCandle)> {
        let mut markets = self.out.price_steps.clone();
        markets.sort_unstable();
        markets.dedup();
        let both = [MARK_CANDLE, INDEX_CANDLE];
        let candle = |market: u32, what: u8| self.markets[market as usize].prices.candles[what as usize];
        let touched =
            markets.into_iter().flat_map(|market| both.map(|what| (market, what, candle(market, what))));
        touched.collect()
    }

    /// Do the first price update that is due; the steps it took, 0 when none is.
    #[cold]
    pub(crate) fn price_timer(&mut self) -> u32 {
        match self.prices.due.first().copied() {
            Some((due_ms, market)) if due_ms <= self.now_ms => {
                self.refresh_prices(market as usize);
                UPDATE_STEPS
            }
            _ => 0,
        }
    }

    /// Bring a market's prices up to now: grade, a step of index and mark, funding; and tell what changed.
    pub(crate) fn refresh_prices(&mut self, number: usize) {
        let now_ms = self.now_ms;
        let market = &mut self.markets[number];
        let (due_ms, before) = (market.prices.due_ms, market.prices.shown());
        let collateral = market.prices.feed.collateral_ticks();
        let touch = market.touch();
        if market.prices.feed.update(now_ms) {
            if market.prices.mark == 0 && market.contract.open_interest > 0 {
                // Who holds a position at the reference price is spared the jump to the first index.
                market.prices.mark = market.contract.mark;
            }
            market.prices.step_mark(&touch, now_ms);
            market.prices.candles[MARK_CANDLE as usize].note(market.prices.mark, now_ms);
            market.prices.candles[INDEX_CANDLE as usize].note(market.prices.feed.index, now_ms);
            self.out.price_steps.push(number as u32);
        }
        let market = &self.markets[number];
        let revalued = market.prices.feed.collateral_ticks() != collateral;
        if before != market.prices.shown() {
            self.touch_market(number);
            self.price_event(number);
        }
        let funding_ms = self.fund(number).min(self.mind_phase(number));
        let prices = &mut self.markets[number].prices;
        prices.due_ms = prices.feed.due_ms().min(funding_ms);
        let next_ms = prices.due_ms;
        self.prices.arm(number as u32, due_ms, next_ms);
        self.carry_prices(number, revalued);
    }

    /// Let positions and collateral follow the prices of a market.
    fn carry_prices(&mut self, number: usize, revalued: bool) {
        let market = &mut self.markets[number];
        let mark = market.prices.mark;
        match market.kind {
            SPOT if revalued => self.on_collateral_price(number),
            PERPETUAL if mark != 0 && (mark != market.contract.mark || !market.contract.observed) => {
                market.contract.observed = true;
                self.on_mark(number, mark);
            }
            _ => {}
        }
    }

    /// Halt a perpetual whose price has been stale for too long, and let it trade again, after an auction, when the
    /// price is back. Says when it is to be halted if nothing comes.
    fn mind_phase(&mut self, number: usize) -> u64 {
        let now_ms = self.now_ms;
        let market = &mut self.markets[number];
        let grade = market.prices.grade(now_ms);
        let prices = &mut market.prices;
        if market.kind != PERPETUAL || prices.feed.rules.halt_ms == 0 {
            return u64::MAX;
        }
        if prices.halted && grade.allows_new_risk() {
            prices.halted = false;
            if market.phase == phase::HALTED {
                self.begin_auction(number, now_ms + REOPENING_MS, why::PRICE);
            }
        } else if grade == Grade::Stale && market.phase == phase::OPEN {
            let halt_at_ms = prices.feed.fresh_until_ms() + u64::from(prices.feed.rules.halt_ms);
            if now_ms < halt_at_ms {
                return halt_at_ms;
            }
            prices.halted = true;
            market.phase = phase::HALTED;
            self.touch_market(number);
        }
        u64::MAX
    }

    /// The operator has moved the phase of a market: that its price halted it no longer counts.
    pub(crate) fn forget_price_halt(&mut self, market: usize) {
        self.markets[market].prices.halted = false;
    }

    /// End the hour, take the sample, and say when funding has something to do next.
    fn fund(&mut self, number: usize) -> u64 {
        let now_ms = self.now_ms;
        let market = &mut self.markets[number];
        let index = market.prices.feed.index;
        if market.kind != PERPETUAL || index == 0 {
            return u64::MAX;
        }
        let lot_value = index.saturating_mul(market.tick_quote);
        if let Some(paid) = market.prices.funding.end_hour(lot_value, index, now_ms) {
            self.funding_event(number, &paid);
            self.accrue_funding(number, paid.growth);
        }
        let market = &mut self.markets[number];
        if market.is_funded(now_ms) {
            let sample = premium(&market.impact(), index);
            market.prices.funding.sample(sample, now_ms);
            return Funding::next_sample_ms(now_ms);
        }
        market.prices.funding.pause();
        match market.prices.funding.mean_premium() {
            Some(_) => market.prices.funding.next_payment_ms(),
            None => u64::MAX,
        }
    }

    /// Every lot long owes `growth` more, in 10^-12 units of the settlement asset.
    fn accrue_funding(&mut self, market: usize, growth: i128) {
        let contract = &mut self.markets[market].contract;
        let grown = contract.funding_index.saturating_add(growth);
        if grown.saturating_abs() < INDEX_LIMIT {
            contract.funding_index = grown;
            self.revalue(market);
        }
    }
}
