//! Snapshots: the sections behind the core state, and the one of contracts.
//!
//! A section is a tag, a length and that many bytes, written by the module it belongs to; all are written, in one order, but
//! that of a hold on liquidations, which is there only during one. Sums of margin are not written: they follow from the positions, and the audit compares them.

use super::collateral::{Haircut, HAIRCUTS};
use super::rules::{Tier, TIERS};
use super::{Collateral, Position, Rules, NO_ASSET, PERPETUAL, SPOT};
use crate::codec::{Reader, Writer};
use crate::kernel::Kernel;
use crate::outcomes::payouts::One;

/// Tags of the sections, in the order they are written.
mod tag {
    pub const CONTRACTS: u8 = 1;
    pub const LIQUIDATION: u8 = 2;
    pub const PRICES: u8 = 3;
    pub const OUTCOMES: u8 = 5;
    pub const ALGOS: u8 = 6;
    pub const MANDATES: u8 = 7;
    pub const SESSIONS: u8 = 8;
    pub const HOLD: u8 = 9;
}

fn put(out: &mut Writer, tag: u8, write: impl FnOnce(&mut Writer)) {
    let mut section = Writer::default();
    write(&mut section);
    out.u8(tag);
    out.count(section.bytes.len());
    out.raw(&section.bytes);
}

impl Kernel {
    pub(crate) fn write_sections(&self, out: &mut Writer) {
        put(out, tag::CONTRACTS, |out| self.write_contracts(out));
        put(out, tag::PRICES, |out| self.write_prices(out));
        put(out, tag::OUTCOMES, |out| self.write_outcomes(out));
        put(out, tag::LIQUIDATION, |out| self.liquidation.write_section(out));
        put(out, tag::ALGOS, |out| self.write_algos(out));
        put(out, tag::MANDATES, |out| self.mandates.write_section(out));
        put(out, tag::SESSIONS, |out| self.write_sessions(out));
        if self.liquidation.hold_ms != 0 {
            put(out, tag::HOLD, |out| out.u64(self.liquidation.hold_ms));
        }
    }

    pub(crate) fn read_sections(&mut self, input: &mut Reader) -> Option<()> {
        while !input.is_empty() {
            let tag = input.u8()?;
            let length = input.count(1)?;
            let section = &mut Reader::new(input.raw(length)?);
            match tag {
                tag::CONTRACTS => self.read_contracts(section)?,
                tag::PRICES => self.read_prices(section)?,
                tag::OUTCOMES => self.read_outcomes(section)?,
                tag::LIQUIDATION => self.liquidation.read_section(section, self.funds.accounts.len())?,
                tag::ALGOS => self.read_algos(section)?,
                tag::MANDATES => self.read_mandates(section)?,
                tag::SESSIONS => self.read_sessions(section)?,
                tag::HOLD => self.liquidation.read_hold(section)?,
                _ => return None,
            }
            if !section.is_empty() {
                return None;
            }
        }
        self.recount_exposures();
        Some(())
    }

    fn write_contracts(&self, out: &mut Writer) {
        out.u32(self.funds.settlement);
        out.count(self.contracts.collateral.len());
        for rule in &self.contracts.collateral {
            out.u32(rule.asset);
            out.u32(rule.market);
            out.u8(rule.count);
            for tier in rule.haircuts() {
                out.i64(tier.up_to);
                out.u32(tier.haircut_ppm);
            }
        }
        for market in self.markets.iter().filter(|market| market.kind != SPOT) {
            let contract = &market.contract;
            for value in [contract.mark, contract.payout_ticks, contract.open_interest, contract.extra_ppm] {
                out.i64(value);
            }
            out.u32(contract.event);
            out.u32(u32::from(contract.outcome));
            out.i64(contract.settle_ticks);
            out.u32(contract.settle_at);
            out.raw(&contract.funding_index.to_le_bytes());
            out.u8(u8::from(contract.observed));
            write_rules(out, &contract.rules);
            out.count(contract.positions.len());
            for position in &contract.positions {
                write_position(out, position);
            }
        }
    }

    fn read_contracts(&mut self, input: &mut Reader) -> Option<()> {
        let assets = self.funds.assets.len();
        self.funds.settlement = input.u32()?;
        if self.funds.settlement != NO_ASSET && self.funds.settlement as usize >= assets {
            return None;
        }
        for _ in 0..input.count(9)? {
            let rule = read_collateral(input)?;
            let market = self.markets.get(rule.market as usize)?;
            let sound = market.kind == SPOT && market.base == rule.asset;
            (sound && rule.allowed() && (rule.asset as usize) < assets).then_some(())?;
            self.contracts.collateral.push(rule);
        }
        for number in 0..self.markets.len() {
            if self.markets[number].kind != SPOT {
                self.read_contract(input, number)?;
            }
        }
        for at in 1..self.funds.margins.len() {
            let account = self.funds.margins[at].account;
            self.refresh_collateral(account);
        }
        Some(())
    }

    fn read_contract(&mut self, input: &mut Reader, number: usize) -> Option<()> {
        let settlement = self.funds.settlement;
        let market = &mut self.markets[number];
        if market.quote != settlement {
            return None;
        }
        let contract = &mut market.contract;
        contract.mark = input.i64()?;
        let one = One::of(input.i64()?);
        (contract.payout_ticks, contract.inverse) = (one.ticks, one.inverse);
        contract.open_interest = input.i64()?;
        contract.extra_ppm = input.i64()?;
        contract.event = input.u32()?;
        contract.outcome = u16::try_from(input.u32()?).ok()?;
        contract.settle_ticks = input.i64()?;
        contract.settle_at = input.u32()?;
        contract.funding_index = i128::from_le_bytes(input.raw(16)?.try_into().ok()?);
        contract.observed = input.u8()? != 0;
        contract.rules = read_rules(input)?;
        contract.unit = contract.mark.saturating_mul(market.tick_quote);
        let perpetual = market.kind == PERPETUAL;
        for _ in 0..input.count(76)? {
            let stored = read_position(input)?;
            if !perpetual || stored.account as usize >= self.funds.accounts.len() {
                return None;
            }
            if self.position_at(stored.account, number).is_some() {
                return None;
            }
            self.funds.change_entry(stored.entry);
            let at = self.open_position(stored.account, number);
            self.restore_position(number, at, stored)?;
        }
        Some(())
    }

    /// Put a position back, count its orders, and add what it is worth to its account.
    fn restore_position(&mut self, market: usize, at: usize, stored: Position) -> Option<()> {
        let contract = &mut self.markets[market].contract;
        let mut position = Position { ..stored };
        let worth = contract.worth(&position);
        let margin = self.funds.margin_mut(position.account);
        margin.isolated = margin.isolated.checked_add(position.margin)?;
        margin.adjust(&Position { isolated: position.isolated, ..Position::default() }, &worth);
        position.keep(&worth);
        contract.positions[at] = position;
        Some(())
    }
}

fn write_rules(out: &mut Writer, rules: &Rules) {
    out.u8(rules.count);
    for tier in rules.tiers() {
        out.i64(tier.up_to);
        out.u32(tier.initial_ppm);
        out.u32(tier.maintenance_ppm);
    }
    for value in [rules.interest_low, rules.interest_high, rules.interest_cap] {
        out.i64(value);
    }
}

fn read_rules(input: &mut Reader) -> Option<Rules> {
    let count = input.u8()?;
    let mut rules = Rules { count, ..Rules::default() };
    for tier in rules.tiers.get_mut(..count as usize).filter(|_| count as usize <= TIERS)? {
        *tier = Tier { up_to: input.i64()?, initial_ppm: input.u32()?, maintenance_ppm: input.u32()? };
    }
    rules.interest_low = input.i64()?;
    rules.interest_high = input.i64()?;
    rules.interest_cap = input.i64()?;
    rules.allowed().then_some(rules)
}

fn read_collateral(input: &mut Reader) -> Option<Collateral> {
    let (asset, market, count) = (input.u32()?, input.u32()?, input.u8()?);
    let mut rule = Collateral { asset, market, count, haircuts: [Haircut::default(); HAIRCUTS] };
    for tier in rule.haircuts.get_mut(..count as usize)? {
        *tier = Haircut { up_to: input.i64()?, haircut_ppm: input.u32()? };
    }
    Some(rule)
}

fn write_position(out: &mut Writer, position: &Position) {
    out.u32(position.account);
    out.u32(u32::from(position.leverage));
    out.u8(u8::from(position.isolated));
    for value in [
        position.lots,
        position.entry,
        position.open_buy,
        position.open_sell,
        position.margin,
        position.realised,
    ] {
        out.i64(value);
    }
    out.raw(&position.funding_index.to_le_bytes());
    out.u32(position.reduce_orders);
}

fn read_position(input: &mut Reader) -> Option<Position> {
    let mut position = Position {
        account: input.u32()?,
        leverage: u16::try_from(input.u32()?).ok()?,
        isolated: input.u8()? != 0,
        ..Position::default()
    };
    for value in [
        &mut position.lots,
        &mut position.entry,
        &mut position.open_buy,
        &mut position.open_sell,
        &mut position.margin,
        &mut position.realised,
    ] {
        *value = input.i64()?;
    }
    position.funding_index = i128::from_le_bytes(input.raw(16)?.try_into().ok()?);
    position.reduce_orders = input.u32()?;
    Some(position)
}
