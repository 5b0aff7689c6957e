//! What an operator may set of the waterfall, for the group and apart for single markets, within bounds.

use crate::codec::{Reader, Writer};
use crate::num::PPM;
use crate::wire::{i64_at, u32_at};

/// Bytes of the rules in a frame.
pub const BODY: usize = 48;
/// The fee of a liquidation is at most 1.5 %.
const MAX_FEE_PPM: u32 = 15_000;
const DAY_MS: u32 = 24 * 3_600_000;

/// Rules of the waterfall. Amounts in units of the settlement asset, rates in ppm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Of the notional closed in the book, to the insurance fund; never more than what the price left over.
    pub fee_ppm: u32,
    /// Positions of a larger notional are closed `slice_ppm` at a time, `pause_ms` apart.
    pub slice_notional: i64,
    pub slice_ppm: u32,
    pub pause_ms: u32,
    /// Equity below this share of maintenance takes the whole position out at once.
    pub severe_ppm: u32,
    /// Largest notional the insurance fund carries in a market; 0: it takes nothing.
    pub fund_cap: i64,
    /// The fund takes positions only while its equity is at least this share of what it carries.
    pub fund_margin_ppm: u32,
    /// How far from mark the fund may trade when it works a position off.
    pub work_ppm: u32,
    /// How much better a price that is not live is taken to be before its holder is liquidated elsewhere.
    pub doubt_ppm: u32,
}

impl Rules {
    /// The defaults for a settlement asset of this scale: 100,000 whole units a slice, 1,000,000 a market.
    pub fn for_scale(scale: u8) -> Rules {
        let whole = 10_i64.pow(u32::from(scale));
        Rules {
            fee_ppm: 10_000,
            slice_notional: 100_000 * whole,
            slice_ppm: 200_000,
            pause_ms: 30_000,
            severe_ppm: 666_667,
            fund_cap: 1_000_000 * whole,
            fund_margin_ppm: 50_000,
            work_ppm: 10_000,
            doubt_ppm: 100_000,
        }
    }

    /// Read from 48 bytes; `None` outside the bounds.
    pub fn read(bytes: &[u8]) -> Option<Rules> {
        let rules = Rules {
            slice_notional: i64_at(bytes, 0),
            fund_cap: i64_at(bytes, 8),
            fee_ppm: u32_at(bytes, 16),
            slice_ppm: u32_at(bytes, 20),
            pause_ms: u32_at(bytes, 24),
            severe_ppm: u32_at(bytes, 28),
            fund_margin_ppm: u32_at(bytes, 32),
            work_ppm: u32_at(bytes, 36),
            doubt_ppm: u32_at(bytes, 40),
        };
        (rules.allowed() && u32_at(bytes, 44) == 0).then_some(rules)
    }

    fn allowed(&self) -> bool {
        let million = PPM as u32;
        self.fee_ppm <= MAX_FEE_PPM
            && self.slice_notional >= 0
            && (10_000..=million).contains(&self.slice_ppm)
            && (1..=DAY_MS).contains(&self.pause_ms)
            && self.severe_ppm <= million
            && self.fund_cap >= 0
            && (1..=million).contains(&self.fund_margin_ppm)
            && self.work_ppm <= million
            && self.doubt_ppm <= million
    }

    /// The 48 bytes, for frames and snapshots.
    pub fn write(&self, out: &mut Vec<u8>) {
        for value in [self.slice_notional, self.fund_cap] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        let rates = [self.fee_ppm, self.slice_ppm, self.pause_ms, self.severe_ppm, self.fund_margin_ppm];
        for value in rates.into_iter().chain([self.work_ppm, self.doubt_ppm, 0]) {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }

    pub(crate) fn write_section(&self, out: &mut Writer) {
        self.write(&mut out.bytes);
    }

    pub(crate) fn read_section(input: &mut Reader) -> Option<Rules> {
        Rules::read(input.raw(BODY)?)
    }
}
