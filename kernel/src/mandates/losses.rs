//! The day's result of a key: the cash its fills brought, fees paid, and what they left behind at present prices.
//!
//! At the first fill or order of a new day what is left is taken over at the price of that moment, so a position held
//! over midnight counts with what it does from then on. When the result falls to the mandate's bound the key's open
//! orders are cancelled, and until the day is over it may only reduce.

use super::{Mandate, Now};
use crate::kernel::Kernel;
use crate::market::Market;

pub(super) const DAY_MS: u64 = 86_400_000;

/// What a key traded in one market today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traded {
    pub market: u32,
    /// Bought less sold.
    pub lots: i64,
    /// Received less paid, in quote units.
    pub cash: i64,
}

/// One side of a fill, as the mandate of its key sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyFill {
    pub account: u32,
    pub key: u32,
    pub market: u32,
    pub lots: i64,
    pub cash: i64,
}

/// What lots of a market are worth at its present price.
fn worth(market: &Market, lots: i64) -> i64 {
    let price = match market.contract.mark {
        0 if market.last == 0 => market.parameters.reference,
        0 => market.last,
        mark => mark,
    };
    market.lot_price(price).saturating_mul(lots)
}

impl Mandate {
    /// Whether one more command of the running second is allowed, and the day is the one that is counted.
    #[inline]
    pub(super) fn has_room(&self, now: Now) -> bool {
        // A rate of 0 is none.
        let free = (self.used <= self.rate.wrapping_sub(1)) | (self.second != now.second);
        free & (self.day == now.day)
    }

    /// Begin a new day if one has begun.
    pub(super) fn turn_day(&mut self, markets: &[Market], now_ms: u64) {
        let day = now_ms / DAY_MS;
        if self.day == day {
            return;
        }
        self.day = day;
        self.traded.retain(|traded| traded.lots != 0);
        for traded in &mut self.traded {
            traded.cash = -worth(&markets[traded.market as usize], traded.lots);
        }
    }

    /// Whether the day's result of any one quote asset has fallen to the bound.
    pub(super) fn has_lost(&self, markets: &[Market]) -> bool {
        if self.daily_loss == 0 {
            return false;
        }
        let market_of = |traded: &Traded| &markets[traded.market as usize];
        self.traded.iter().enumerate().any(|(at, first)| {
            let quote = market_of(first).quote;
            // Each asset is summed up where it comes first.
            if self.traded[..at].iter().any(|traded| market_of(traded).quote == quote) {
                return false;
            }
            let same = self.traded[at..].iter().filter(|traded| market_of(traded).quote == quote);
            let sum = same.fold(0i64, |sum, traded| {
                sum.saturating_add(traded.cash).saturating_add(worth(market_of(traded), traded.lots))
            });
            sum <= -self.daily_loss
        })
    }

    fn note(&mut self, fill: &KeyFill) {
        let at = match self.traded.binary_search_by_key(&fill.market, |traded| traded.market) {
            Ok(at) => at,
            Err(at) => {
                self.traded.insert(at, Traded { market: fill.market, ..Traded::default() });
                at
            }
        };
        let traded = &mut self.traded[at];
        traded.lots = traded.lots.saturating_add(fill.lots);
        traded.cash = traded.cash.saturating_add(fill.cash);
    }
}

impl Kernel {
    /// Count a fill of an order that a key with a daily bound placed.
    pub(super) fn note_key_fill(&mut self, fill: KeyFill) {
        let number = self.funds.account(fill.account).number;
        let held = self.mandates.find(self.funds.account(fill.account), fill.key);
        let mandate = self.mandates.keys.held_mut(held);
        if !mandate.is_daily() {
            return;
        }
        mandate.turn_day(&self.markets, self.now_ms);
        mandate.note(&fill);
        if mandate.has_lost(&self.markets) && !self.mandates.tripped.contains(&(number, fill.key)) {
            self.mandates.tripped.push((number, fill.key));
            self.find_next_timer();
        }
    }
}
