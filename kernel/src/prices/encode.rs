//! Encoders of the price commands.

use super::{FundingRules, PriceRules};
use crate::encode::{operator, Writer};
use crate::wire::{kind, ALL_MARKETS};

/// One raw observation; `what` is `INDEX` or `EXTERNAL`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observed {
    pub what: u8,
    pub market: u32,
    pub source: u32,
    pub price: i64,
    pub published_ms: u64,
}

/// At most 31 observations fit a frame.
pub fn observe_prices(out: &mut Vec<u8>, observations: &[Observed]) {
    let frame = Writer::new(out, kind::OBSERVE_PRICES, 0, operator(ALL_MARKETS));
    observations
        .iter()
        .fold(frame, |frame, seen| {
            frame
                .u32(seen.source)
                .u8s(&[seen.what, 0, 0, 0])
                .u32(seen.market)
                .u32(0)
                .i64(seen.price)
                .u64(seen.published_ms)
        })
        .end();
}

pub fn set_price_rules(out: &mut Vec<u8>, market: u32, restart: bool, rules: &PriceRules) {
    let mut bytes = Vec::with_capacity(48);
    rules.write(&mut bytes);
    Writer::new(out, kind::SET_PRICE_RULES, 0, operator(market))
        .u8s(&bytes)
        .u8s(&[u8::from(restart), 0, 0, 0])
        .end();
}

pub fn set_funding(out: &mut Vec<u8>, market: u32, rules: &FundingRules) {
    let mut bytes = Vec::with_capacity(24);
    rules.write(&mut bytes);
    Writer::new(out, kind::SET_FUNDING, 0, operator(market)).u8s(&bytes).end();
}
