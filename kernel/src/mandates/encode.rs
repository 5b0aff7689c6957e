//! Encoders of the commands of this module.

use crate::encode::{operator, Head, Writer};
use crate::wire::{kind, ALL_MARKETS};

pub use super::builders::code_of;

/// What a key may do; see `WIRE.md`. Zero is no bound, no markets are all markets.
#[derive(Clone, Copy, Debug, Default)]
pub struct MandateTerms<'a> {
    pub key: u32,
    pub rights: u16,
    pub leverage: u16,
    pub rate: u32,
    pub order_notional: i64,
    pub position_notional: i64,
    pub daily_loss: i64,
    pub expires_ms: u64,
    pub markets: &'a [u32],
}

fn person(account: u32) -> Head {
    Head { account, market: ALL_MARKETS, key: 0 }
}

pub fn set_mandate(out: &mut Vec<u8>, account: u32, terms: &MandateTerms) {
    let markets: Vec<u8> = terms.markets.iter().flat_map(|market| market.to_le_bytes()).collect();
    Writer::new(out, kind::SET_MANDATE, 0, person(account))
        .u32(terms.key)
        .u8s(&terms.rights.to_le_bytes())
        .u8s(&terms.leverage.to_le_bytes())
        .u32(terms.rate)
        .u32(terms.markets.len() as u32)
        .i64(terms.order_notional)
        .i64(terms.position_notional)
        .i64(terms.daily_loss)
        .u64(terms.expires_ms)
        .u8s(&markets)
        .end();
}

pub fn revoke_key(out: &mut Vec<u8>, account: u32, key: u32) {
    Writer::new(out, kind::REVOKE_KEY, 0, person(account)).u32(key).u32(0).end();
}

pub fn approve_builder(out: &mut Vec<u8>, account: u32, builder: u32, cap_ppm: u32) {
    Writer::new(out, kind::APPROVE_BUILDER, 0, person(account)).u32(builder).u32(cap_ppm).end();
}

pub fn set_referrer(out: &mut Vec<u8>, account: u32, referrer: u32) {
    Writer::new(out, kind::SET_REFERRER, 0, person(account)).u32(referrer).u32(0).end();
}

pub fn set_capacity(out: &mut Vec<u8>, capacity: i64) {
    Writer::new(out, kind::SET_CAPACITY, 0, operator(ALL_MARKETS)).i64(capacity).i64(0).end();
}

pub fn set_fee_split(out: &mut Vec<u8>, referral_ppm: u32, builder_cap_ppm: u32) {
    Writer::new(out, kind::SET_FEE_SPLIT, 0, operator(ALL_MARKETS))
        .u32(referral_ppm)
        .u32(builder_cap_ppm)
        .end();
}
