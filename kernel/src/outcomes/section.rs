//! Events in a snapshot. What holdings reserve follows from their open orders and is not written.

use super::event::{event_state, Event, Row, MOST_OUTCOMES, NO_EVENT, NO_FALLBACK, NO_MARKET};
use super::holding::Holding;
use crate::codec::{Reader, Writer};
use crate::contracts::OUTCOME;
use crate::kernel::Kernel;
use crate::num::MAX_QUANTITY;
use crate::wire::flag;

/// Fair price of an outcome that has none.
const NONE: i64 = -1;

impl Kernel {
    pub(crate) fn write_outcomes(&self, out: &mut Writer) {
        out.count(self.outcomes.events.len());
        for event in &self.outcomes.events {
            self.write_event(out, event);
        }
        out.count(self.outcomes.work.len());
        for event in &self.outcomes.work {
            out.u32(*event);
        }
    }

    fn write_event(&self, out: &mut Writer, event: &Event) {
        out.raw(&[event.state, event.flags, u8::from(event.voided)]);
        out.u32(u32::from(event.fallback));
        for value in [event.one, event.tick, event.sets, event.pot] {
            out.i64(value);
        }
        out.u64(event.close_ms);
        out.u32(event.late.unwrap_or(NO_MARKET));
        out.u64(event.cleared as u64);
        out.u64(event.cursor as u64);
        out.count(event.outcomes.len());
        for row in &event.outcomes {
            out.u32(row.market);
            out.i64(row.fair.unwrap_or(NONE));
            out.i64(row.payout);
        }
        out.count(event.holders.len());
        for account in &event.holders {
            out.u32(*account);
            let holding = self.outcomes.holding(*account, event.number);
            let known = holding.map_or(0, Holding::outcomes);
            out.count(known);
            for at in 0..known {
                let (lots, leg) =
                    holding.map(|holding| (holding.lots(at), holding.leg(at))).unwrap_or_default();
                for value in [lots, leg.entry, leg.realised] {
                    out.i64(value);
                }
            }
        }
    }

    pub(crate) fn read_outcomes(&mut self, input: &mut Reader) -> Option<()> {
        for number in 0..input.count(80)? {
            self.read_event(input, number as u32)?;
        }
        for _ in 0..input.count(4)? {
            let event = input.u32()?;
            ((event as usize) < self.outcomes.events.len()).then_some(())?;
            self.outcomes.begin_work(event);
        }
        let bound = |contract: &crate::contracts::Contract| {
            let event = self.outcomes.events.get(contract.event as usize);
            event.and_then(|event| event.outcomes.get(contract.outcome as usize))
        };
        let outcomes = self.markets.iter().filter(|market| market.kind == OUTCOME);
        let sound = outcomes
            .filter(|market| market.contract.event != NO_EVENT)
            .all(|market| bound(&market.contract).is_some_and(|row| row.market == market.number));
        sound.then_some(())?;
        self.reserve_open_orders()
    }

    fn read_event(&mut self, input: &mut Reader, number: u32) -> Option<()> {
        let small = input.raw(3)?;
        let fallback = u16::try_from(input.u32()?).ok()?;
        let mut event = Event {
            number,
            state: small[0],
            flags: small[1],
            voided: small[2] != 0,
            fallback,
            one: input.i64()?,
            tick: input.i64()?,
            sets: input.i64()?,
            pot: input.i64()?,
            close_ms: input.u64()?,
            outcomes: Vec::new(),
            holders: Vec::new(),
            late: Some(input.u32()?).filter(|market| *market != NO_MARKET),
            cleared: usize::try_from(input.u64()?).ok()?,
            cursor: usize::try_from(input.u64()?).ok()?,
        };
        let quantities = 1..=MAX_QUANTITY;
        let counted = quantities.contains(&event.one) && quantities.contains(&event.tick);
        (counted && event.one.checked_mul(event.tick)? <= MAX_QUANTITY).then_some(())?;
        for _ in 0..input.count(20)? {
            let (market, fair, payout) = (input.u32()?, input.i64()?, input.i64()?);
            let own = |market: u32| {
                let contract = &self.markets.get(market as usize)?.contract;
                (contract.event == number && contract.outcome as usize == event.outcomes.len()).then_some(())
            };
            if market != NO_MARKET {
                own(market)?;
            }
            event.outcomes.push(Row { market, fair: Some(fair).filter(|fair| *fair != NONE), payout });
        }
        let outcomes = event.outcomes.len();
        let sound = event.state <= event_state::SETTLED
            && (2..=MOST_OUTCOMES).contains(&outcomes)
            && (fallback == NO_FALLBACK || (fallback as usize) < outcomes)
            && event
                .late
                .is_none_or(|market| (market as usize) < self.markets.len() && fallback != NO_FALLBACK);
        sound.then_some(())?;
        if event.state == event_state::TRADING && event.close_ms != 0 {
            self.outcomes.closings.insert((event.close_ms, number));
        }
        self.outcomes.events.push(event);
        for _ in 0..input.count(12)? {
            self.read_holder(input, number)?;
        }
        Some(())
    }

    fn read_holder(&mut self, input: &mut Reader, event: u32) -> Option<()> {
        let account = input.u32()?;
        ((account as usize) < self.funds.accounts.len()).then_some(())?;
        let known = input.count(24)?;
        let fresh = self.outcomes.holding(account, event).is_none();
        let event = &mut self.outcomes.events[event as usize];
        if known == 0 {
            event.holders.push(account);
            return Some(());
        }
        (fresh && known <= event.outcomes.len()).then_some(())?;
        let mut holding = Holding::new(account, event.number, known, event.unit());
        for at in 0..known {
            holding.load(at, input.i64()?, input.i64()?, input.i64()?)?;
        }
        let (number, worst) = (event.number, holding.worst());
        let at = self.outcomes.open_holding(account, number);
        self.outcomes.holdings[at] = holding;
        self.shift_outcome_sums(account, worst, 0);
        Some(())
    }

    /// Count what every open outcome order reserves.
    fn reserve_open_orders(&mut self) -> Option<()> {
        let markets: Vec<usize> =
            (0..self.markets.len()).filter(|at| self.markets[*at].kind == OUTCOME).collect();
        for market in markets {
            let slots: Vec<u32> = [0, 1]
                .into_iter()
                .flat_map(|side| self.markets[market].book.queue(&self.slab, side))
                .collect();
            for slot in slots {
                let (node, taker_ppm) = (*self.slab.node(slot), self.slab.node(slot).taker_ppm);
                let contract = &self.markets[market].contract;
                let holding = self.outcomes.holding(node.account, contract.event)?;
                let sound = node.price < contract.payout_ticks
                    && (contract.outcome as usize) < holding.outcomes()
                    && holding.can_add(node.remaining);
                sound.then_some(())?;
                self.outcome_rest(&node, node.remaining, taker_ppm);
                if node.flags & flag::REDUCE_ONLY != 0 {
                    self.count_outcome_reduce(node.account, market, true);
                }
            }
        }
        Some(())
    }
}
