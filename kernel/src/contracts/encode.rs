//! Encoders of the commands of contracts; see `encode.rs`.

use super::collateral::Haircut;
use super::Rules;
use crate::encode::{operator, Head, Writer};
use crate::wire::kind;

pub fn set_leverage(out: &mut Vec<u8>, head: Head, leverage: u32) {
    Writer::new(out, kind::SET_LEVERAGE, 0, head).u32(leverage).u32(0).end();
}

/// Units of the settlement asset; negative takes out.
pub fn move_margin(out: &mut Vec<u8>, head: Head, amount: i64) {
    Writer::new(out, kind::MOVE_MARGIN, 0, head).i64(amount).end();
}

pub fn set_margin_mode(out: &mut Vec<u8>, head: Head, isolated: bool) {
    Writer::new(out, kind::SET_MARGIN_MODE, 0, head).u64(u64::from(isolated)).end();
}

/// `price_ticks` bounds the price (0: the slippage of the market does); `turn`: open as much on the other side.
pub fn close_position(out: &mut Vec<u8>, head: Head, price_ticks: i64, turn: bool, deadline_ms: u64) {
    Writer::new(out, kind::CLOSE_POSITION, 0, head)
        .i64(price_ticks)
        .u64(u64::from(turn))
        .u64(deadline_ms)
        .end();
}

pub fn set_margin_tiers(out: &mut Vec<u8>, market: u32, rules: &Rules) {
    let mut writer = Writer::new(out, kind::SET_MARGIN_TIERS, 0, operator(market))
        .u64(u64::from(rules.count))
        .i64(rules.interest_low)
        .i64(rules.interest_high)
        .i64(rules.interest_cap);
    for tier in rules.tiers() {
        writer = writer.i64(tier.up_to).u32(tier.initial_ppm).u32(tier.maintenance_ppm);
    }
    writer.end();
}

/// The base of a spot market counts as collateral with these haircuts; none: no longer.
pub fn set_collateral(out: &mut Vec<u8>, market: u32, haircuts: &[Haircut]) {
    let mut writer = Writer::new(out, kind::SET_COLLATERAL, 0, operator(market)).u64(haircuts.len() as u64);
    for tier in haircuts {
        writer = writer.i64(tier.up_to).u32(tier.haircut_ppm).u32(0);
    }
    writer.end();
}
