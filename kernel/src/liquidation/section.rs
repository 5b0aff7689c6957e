//! The waterfall in snapshots, and what the audit asks of it.

use std::collections::BTreeMap;

use super::queue::Queue;
use super::report::{stage, Ring};
use super::{Liquidation, Rules, Tally};
use crate::codec::{Reader, Writer};
use crate::kernel::Kernel;

impl Liquidation {
    pub(crate) fn write_section(&self, out: &mut Writer) {
        self.queue.write_section(out);
        out.u8(u8::from(self.rules.is_some()));
        if let Some(rules) = &self.rules {
            rules.write_section(out);
        }
        out.count(self.markets.len());
        for (market, rules) in &self.markets {
            out.u32(*market);
            rules.write_section(out);
        }
        self.ring.write_section(out);
        out.u64(self.number);
        out.u64(self.records);
        out.u64(self.work_ms);
        for tally in &self.tallies {
            out.u64(tally.steps);
            out.i64(tally.lots);
            out.i64(tally.value);
        }
    }

    /// Take over what was written; `accounts`: how many accounts there are.
    pub(crate) fn read_section(&mut self, input: &mut Reader, accounts: usize) -> Option<()> {
        let queue = Queue::read_section(input)?;
        queue.accounts().all(|account| (account as usize) < accounts).then_some(())?;
        let rules = match input.u8()? {
            0 => None,
            1 => Some(Rules::read_section(input)?),
            _ => return None,
        };
        let mut markets = BTreeMap::new();
        for _ in 0..input.count(4 + super::rules::BODY)? {
            markets.insert(input.u32()?, Rules::read_section(input)?);
        }
        let ring = Ring::read_section(input)?;
        let (number, records, work_ms) = (input.u64()?, input.u64()?, input.u64()?);
        let mut tallies = [Tally::default(); stage::COUNT];
        for tally in &mut tallies {
            *tally = Tally { steps: input.u64()?, lots: input.i64()?, value: input.i64()? };
        }
        *self = Liquidation { queue, rules, markets, ring, number, records, work_ms, tallies, hold_ms: 0 };
        Some(())
    }

    /// A hold, while there is one: groups without it keep the snapshots and roots they had before there were holds.
    pub(crate) fn read_hold(&mut self, input: &mut Reader) -> Option<()> {
        self.hold_ms = input.u64()?;
        (self.hold_ms != 0).then_some(())
    }
}

impl Kernel {
    /// What must hold of the waterfall between commands.
    pub(crate) fn check_liquidation(&self) -> Result<(), String> {
        let accounts = self.funds.accounts.len() as u32;
        if self.liquidation.queue.accounts().any(|account| account >= accounts) {
            return Err("an account waits for liquidation that is not there".to_owned());
        }
        if self.liquidation.markets.keys().any(|market| *market as usize >= self.markets.len()) {
            return Err("there are liquidation rules of a market that is not there".to_owned());
        }
        if self.insurance() < 0 {
            return Err("the insurance fund is below zero".to_owned());
        }
        let Some(slot) = self.liquidator() else { return Ok(()) };
        let cash = self.funds.margin(slot).map_or(0, |margin| margin.cash);
        let carries = !self.carried(slot).is_empty();
        if cash > 0 || (cash < 0 && self.insurance() > 0) {
            return Err("the liquidator has cash that belongs to the fund".to_owned());
        }
        if carries && self.liquidation.work_ms == u64::MAX {
            return Err("the fund carries positions and does not work them off".to_owned());
        }
        if !self.funds.account(slot).orders.is_empty() {
            return Err("the liquidator has resting orders".to_owned());
        }
        Ok(())
    }
}
