//! The fair price of an outcome: what its mark is, and what a void pays.

use super::event::NO_MARKET;
use crate::book::{NO_ASK, NO_BID};
use crate::contracts::OUTCOME;
use crate::kernel::Kernel;
use crate::market::Market;

/// A spread up to this part of a contract makes the middle a price.
const FAIR_SPREAD: i64 = 10;

impl Kernel {
    /// Mark of a market in ticks as it is shown; of an outcome its fair price, 0 if there is none.
    pub(crate) fn mark_of(&self, market: &Market) -> i64 {
        match market.kind {
            OUTCOME => self.fair_price(market.number).unwrap_or(0),
            _ => market.contract.mark,
        }
    }

    /// Fair price of an outcome market in ticks: the middle of a book whose spread is at most a tenth of a contract, else the last
    /// trade moved into the book, else the reference price; `None` if there is none of these.
    pub(crate) fn fair_price(&self, market: u32) -> Option<i64> {
        if market == NO_MARKET {
            return None;
        }
        let market = &self.markets[market as usize];
        let (bid, ask) = (market.book.best_bid(), market.book.best_ask());
        let one = market.contract.payout_ticks;
        let (has_bid, has_ask) = (bid != NO_BID, ask != NO_ASK);
        if has_bid && has_ask && ask - bid <= (one / FAIR_SPREAD).max(2) {
            return Some((bid + ask) / 2);
        }
        let known = match (market.last, market.parameters.reference) {
            (0, 0) => return None,
            (0, reference) => reference,
            (last, _) => last,
        };
        let low = if has_bid { bid } else { 1 };
        let high = if has_ask { ask } else { one - 1 };
        Some(known.clamp(low.min(high), high))
    }
}
