//! Commands of prices: observations, price rules, funding rules.

use super::feed::{Garbage, Observation};
use super::{FundingRules, PriceRules, FUNDING_RULES, PRICE_RULES};
use crate::codes::{phase, Reject};
use crate::contracts::{OUTCOME, PERPETUAL};
use crate::kernel::{Kernel, Outcome};
use crate::num::MAX_QUANTITY;
use crate::output::Ack;
use crate::wire::{i64_at, u32_at, u64_at, zeros, Frame};

/// Bytes of one observation in a frame.
pub const OBSERVATION: usize = 32;
/// What an observation is of: the index of a market, or a perpetual elsewhere.
pub const INDEX: u8 = 0;
pub const EXTERNAL: u8 = 1;
const RULES_BODY: usize = PRICE_RULES + 4;

/// Highest price in ticks whose value, ten times over, can still be counted.
pub(super) fn highest(tick_quote: i64) -> i64 {
    (i64::MAX / 16 / tick_quote.max(1)).min(MAX_QUANTITY)
}

impl Kernel {
    /// The market an observation of these bytes is about.
    fn observed(&self, bytes: &[u8]) -> Result<usize, Reject> {
        if !zeros(&bytes[5..8]) || !zeros(&bytes[12..16]) {
            return Err(Reject::InputBody);
        }
        let market = self.market_index(u32_at(bytes, 8))?;
        match (bytes[4], self.markets[market].kind) {
            (INDEX | EXTERNAL, OUTCOME) => Err(Reject::InputParameter),
            (INDEX, _) | (EXTERNAL, PERPETUAL) => Ok(market),
            (EXTERNAL, _) => Err(Reject::InputParameter),
            _ => Err(Reject::InputEnum),
        }
    }

    /// Carry raw observations to their feeds. Each that makes no sense is counted against its source and told;
    /// the answer's `extra` is how many did make sense.
    pub(crate) fn observe_prices(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.is_empty() || body.len() % OBSERVATION != 0 {
            return Err(Reject::InputBody);
        }
        let items = || body.chunks_exact(OBSERVATION);
        let mut markets = items().map(|item| self.observed(item)).collect::<Result<Vec<usize>, Reject>>()?;
        let mut good = 0;
        for (item, market) in items().zip(&markets) {
            let seen = Observation {
                source: u32_at(item, 0),
                external: item[4] == EXTERNAL,
                price: i64_at(item, 16),
                published_ms: u64_at(item, 24),
            };
            match self.note_observation(*market, &seen) {
                Ok(()) => good += 1,
                Err(garbage) => self.garbage_event(*market, &seen, garbage),
            }
        }
        markets.sort_unstable();
        markets.dedup();
        for market in markets {
            self.refresh_prices(market);
        }
        self.find_next_timer();
        Ok(Ack::extra(good))
    }

    fn note_observation(&mut self, market: usize, seen: &Observation) -> Result<(), Garbage> {
        let now_ms = self.now_ms;
        let market = &mut self.markets[market];
        market.prices.feed.observe(seen, highest(market.tick_quote), now_ms)
    }

    /// Set how the observations of a market become its price. A restart also forgets sources and the day's
    /// rails; an open market must be halted for it.
    pub(crate) fn set_price_rules(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() != RULES_BODY || !zeros(&body[PRICE_RULES + 1..]) {
            return Err(Reject::InputBody);
        }
        let rules = PriceRules::read(&body[..PRICE_RULES]).ok_or(Reject::InputParameter)?;
        let restart = match body[PRICE_RULES] {
            0 => false,
            1 => true,
            _ => return Err(Reject::InputEnum),
        };
        let number = self.market_index(frame.market)?;
        let market = &mut self.markets[number];
        if market.kind == OUTCOME {
            return Err(Reject::InputParameter);
        }
        if restart && market.phase == phase::OPEN {
            return Err(Reject::StateMarketPhase);
        }
        market.prices.feed.set_rules(rules);
        if restart {
            market.prices.feed.restart();
        }
        self.refresh_prices(number);
        self.find_next_timer();
        Ok(Ack::default())
    }

    /// Set how a perpetual is funded, from the next sample on.
    pub(crate) fn set_funding(&mut self, frame: &Frame) -> Outcome {
        if frame.body.len() != FUNDING_RULES {
            return Err(Reject::InputBody);
        }
        let rules = FundingRules::read(frame.body).ok_or(Reject::InputParameter)?;
        let market = self.market_index(frame.market)?;
        if self.markets[market].kind != PERPETUAL {
            return Err(Reject::InputParameter);
        }
        self.markets[market].prices.funding.rules = rules;
        self.refresh_prices(market);
        self.find_next_timer();
        Ok(Ack::default())
    }
}
