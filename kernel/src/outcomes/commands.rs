//! The operator's commands on events: add one, add a late outcome, close, resolve, void.
//!
//! Who may say what happened, and until when it may be disputed, is decided outside. Here a resolution is a proposal until
//! one comes with the flag `FINAL`; a proposal may be replaced by another, or by a void; what is final is paid once.

use super::event::{
    event_state, Event, Row, MOST_OUTCOMES, NO_EVENT, NO_FALLBACK, NO_MARKET, ONE_BOOK, SCALAR,
};
use super::payouts::{normalised, sound};
use crate::codes::{phase, Reject};
use crate::contracts::OUTCOME;
use crate::kernel::{Kernel, Outcome};
use crate::output::Ack;
use crate::wire::{kind, u16_at, u32_at, u64_at, zeros, Frame};

/// Flag of a resolution or void: it is final, pay.
pub const FINAL: u8 = 1;
/// Most outcomes a resolution names; the others pay nothing.
const MOST_NAMED: usize = 120;
/// Most units of the settlement asset one lot may pay.
const MOST_UNIT: i64 = 1 << 50;

/// A body of `length` bytes whose last `reserved` are zero.
fn exact(body: &[u8], length: usize, reserved: usize) -> Result<(), Reject> {
    match body.len() == length && zeros(&body[length - reserved..]) {
        true => Ok(()),
        false => Err(Reject::InputBody),
    }
}

impl Kernel {
    #[cold]
    pub(crate) fn operate_events(&mut self, frame: &Frame) -> Outcome {
        let known = if matches!(frame.kind, kind::RESOLVE_EVENT | kind::VOID_EVENT) { FINAL } else { 0 };
        if frame.flags & !known != 0 {
            return Err(Reject::InputEnum);
        }
        if frame.account != 0 {
            return Err(Reject::AccessOperatorOnly);
        }
        match frame.kind {
            kind::ADD_EVENT => self.add_event(frame),
            kind::ADD_OUTCOME => self.add_outcome(frame),
            kind::CLOSE_EVENT => self.close_event(frame),
            kind::RESOLVE_EVENT => self.resolve_event(frame),
            kind::VOID_EVENT => self.void_event(frame),
            _ => Err(Reject::InputKind),
        }
    }

    pub(crate) fn event_index(&self, number: u32) -> Result<usize, Reject> {
        match (number as usize) < self.outcomes.events.len() {
            true => Ok(number as usize),
            false => Err(Reject::StateEventUnknown),
        }
    }

    /// Whether `market` may become an outcome of an event whose contracts pay `one` ticks of `tick` units.
    fn is_new_outcome(&self, market: usize, one: i64, tick: i64) -> bool {
        self.markets.get(market).is_some_and(|market| {
            market.kind == OUTCOME
                && market.phase == phase::PENDING
                && market.contract.event == NO_EVENT
                && (market.contract.payout_ticks, market.tick_quote) == (one, tick)
        })
    }

    fn add_event(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        exact(body, 24, 0)?;
        let (number, first, count) = (u32_at(body, 0), u32_at(body, 4), u16_at(body, 8) as usize);
        let (fallback, flags, close_ms) = (u16_at(body, 10), body[12], u64_at(body, 16));
        if !zeros(&body[13..16]) {
            return Err(Reject::InputBody);
        }
        let one_book = flags & ONE_BOOK != 0;
        let allowed = flags & !(ONE_BOOK | SCALAR) == 0
            && (one_book || flags & SCALAR == 0)
            && (2..=MOST_OUTCOMES).contains(&count)
            && (!one_book || (count == 2 && fallback == NO_FALLBACK))
            && (fallback == NO_FALLBACK || (fallback as usize) < count)
            && (close_ms == 0 || close_ms > self.now_ms)
            && close_ms < 1 << 53;
        let next = self.outcomes.events.len() as u32;
        if !allowed || number > next {
            return Err(Reject::InputParameter);
        }
        if number < next {
            return Err(Reject::StateAlreadyExists);
        }
        if next >= self.limits.markets {
            return Err(Reject::StateTooMany);
        }
        let books = if one_book { 1 } else { count };
        let markets = first as usize..first as usize + books;
        let lead = self.markets.get(first as usize).ok_or(Reject::StateMarketUnknown)?;
        let (one, tick) = (lead.contract.payout_ticks, lead.tick_quote);
        let sized = one.checked_mul(tick).is_some_and(|unit| unit <= MOST_UNIT);
        if !sized || !markets.clone().all(|market| self.is_new_outcome(market, one, tick)) {
            return Err(Reject::StateEventMarkets);
        }
        let mut outcomes = vec![Row { market: NO_MARKET, fair: None, payout: 0 }; count];
        for (at, market) in markets.enumerate() {
            outcomes[at].market = market as u32;
            let contract = &mut self.markets[market].contract;
            (contract.event, contract.outcome) = (number, at as u16);
        }
        self.outcomes.events.push(Event {
            number,
            state: event_state::TRADING,
            flags,
            voided: false,
            fallback,
            one,
            tick,
            close_ms,
            outcomes,
            sets: 0,
            pot: 0,
            holders: Vec::new(),
            late: None,
            cleared: 0,
            cursor: 0,
        });
        self.plan_close(number as usize, close_ms);
        Ok(Ack::default())
    }

    /// One more outcome, out of the fallback: the fallback's market is halted and its orders cancelled, and every holding of
    /// the fallback becomes one of the new outcome, too. Done by steps; the operator opens both markets after that.
    fn add_outcome(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, 8, 4)?;
        let at = self.event_index(u32_at(frame.body, 0))?;
        let event = &self.outcomes.events[at];
        if !event.is_trading() {
            return Err(Reject::StateEventState);
        }
        if event.late.is_some() {
            return Err(Reject::StateEventBusy);
        }
        if event.fallback == NO_FALLBACK {
            return Err(Reject::StateNoFallback);
        }
        if event.outcomes.len() >= MOST_OUTCOMES {
            return Err(Reject::StateTooMany);
        }
        if !self.is_new_outcome(self.market_index(frame.market)?, event.one, event.tick) {
            return Err(Reject::StateEventMarkets);
        }
        let (number, outcome) = (event.number, event.outcomes.len());
        let fallback = event.outcomes[event.fallback as usize].market as usize;
        let contract = &mut self.markets[frame.market as usize].contract;
        (contract.event, contract.outcome) = (number, outcome as u16);
        let event = &mut self.outcomes.events[at];
        event.outcomes.push(Row { market: frame.market, fair: None, payout: 0 });
        event.late = Some(frame.market);
        event.cursor = 0;
        if matches!(self.markets[fallback].phase, phase::OPEN | phase::AUCTION) {
            self.markets[fallback].phase = phase::HALTED;
            self.touch_market(fallback);
        }
        self.begin_outcome_work(number);
        Ok(Ack::default())
    }

    /// Close trading now, or say when it closes by itself.
    fn close_event(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, 16, 0)?;
        let close_ms = u64_at(frame.body, 8);
        if !zeros(&frame.body[4..8]) {
            return Err(Reject::InputBody);
        }
        if close_ms >= 1 << 53 {
            return Err(Reject::InputParameter);
        }
        let at = self.event_index(u32_at(frame.body, 0))?;
        if !self.outcomes.events[at].is_trading() {
            return Err(Reject::StateEventState);
        }
        if close_ms <= self.now_ms {
            self.stop_trading(at, event_state::CLOSED);
        } else {
            self.plan_close(at, close_ms);
        }
        Ok(Ack::default())
    }

    fn resolve_event(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() < 8 || !zeros(&body[6..8]) {
            return Err(Reject::InputBody);
        }
        let named = u16_at(body, 4) as usize;
        if !(1..=MOST_NAMED).contains(&named) || body.len() != 8 + 8 * named {
            return Err(Reject::InputBody);
        }
        let at = self.event_index(u32_at(body, 0))?;
        let mut payouts = vec![0; self.outcomes.events[at].outcomes.len()];
        let mut before = None;
        for entry in body[8..].chunks_exact(8) {
            let outcome = u16_at(entry, 0);
            if !zeros(&entry[2..4]) || before >= Some(outcome) {
                return Err(Reject::InputBody);
            }
            before = Some(outcome);
            *payouts.get_mut(outcome as usize).ok_or(Reject::StatePayouts)? = i64::from(u32_at(entry, 4));
        }
        if !sound(&payouts, self.outcomes.events[at].one) {
            return Err(Reject::StatePayouts);
        }
        self.check_resolvable(at, frame.flags)?;
        self.settle_event(at, frame.flags, payouts, false);
        Ok(Ack::default())
    }

    fn void_event(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, 8, 4)?;
        let at = self.event_index(u32_at(frame.body, 0))?;
        self.check_resolvable(at, frame.flags)?;
        let payouts = self.fair_payouts(at);
        self.settle_event(at, frame.flags, payouts, true);
        Ok(Ack::default())
    }

    fn check_resolvable(&self, at: usize, flags: u8) -> Result<(), Reject> {
        let event = &self.outcomes.events[at];
        let to = if flags & FINAL != 0 { event_state::PAYING } else { event_state::PROPOSED };
        if !event_state::MOVES[event.state as usize].contains(&to) {
            return Err(Reject::StateEventState);
        }
        if event.late.is_some() {
            return Err(Reject::StateEventBusy);
        }
        Ok(())
    }

    /// Payouts in the ratio of the last fair prices: those of the moment trading closed.
    pub(crate) fn fair_payouts(&self, at: usize) -> Vec<i64> {
        let event = &self.outcomes.events[at];
        let mut fair: Vec<Option<i64>> = match event.is_trading() {
            true => event.outcomes.iter().map(|row| self.fair_price(row.market)).collect(),
            false => event.outcomes.iter().map(|row| row.fair).collect(),
        };
        if event.is_one_book() {
            fair[1] = fair[0].map(|ticks| event.one - ticks);
        }
        normalised(&fair, event.one)
    }

    fn settle_event(&mut self, at: usize, flags: u8, payouts: Vec<i64>, voided: bool) {
        let is_final = flags & FINAL != 0;
        self.stop_trading(at, if is_final { event_state::PAYING } else { event_state::PROPOSED });
        let event = &mut self.outcomes.events[at];
        event.voided = voided;
        event.cursor = 0;
        for (row, payout) in event.outcomes.iter_mut().zip(payouts) {
            row.payout = payout;
        }
    }

    /// Set when an event closes by itself; 0: not by time.
    fn plan_close(&mut self, at: usize, close_ms: u64) {
        let event = &mut self.outcomes.events[at];
        let before = std::mem::replace(&mut event.close_ms, close_ms);
        self.outcomes.closings.remove(&(before, event.number));
        if close_ms != 0 {
            self.outcomes.closings.insert((close_ms, event.number));
        }
        self.find_next_timer();
    }

    /// Move an event to a state past trading: no market of it trades any more, and the last fair prices are kept.
    pub(crate) fn stop_trading(&mut self, at: usize, state: u8) {
        let event = &self.outcomes.events[at];
        debug_assert!(event_state::MOVES[event.state as usize].contains(&state));
        if event.is_trading() {
            let close_ms = event.close_ms;
            let fair: Vec<_> = event.outcomes.iter().map(|row| self.fair_price(row.market)).collect();
            let event = &mut self.outcomes.events[at];
            event.cleared = 0;
            for (row, fair) in event.outcomes.iter_mut().zip(fair) {
                row.fair = fair;
            }
            self.outcomes.closings.remove(&(close_ms, at as u32));
        }
        self.outcomes.events[at].state = state;
        let to = if state == event_state::CLOSED { phase::CLOSING } else { phase::SETTLING };
        self.move_event_markets(at, to);
        self.begin_outcome_work(at as u32);
    }

    /// All markets of an event move to a phase.
    pub(crate) fn move_event_markets(&mut self, at: usize, to: u8) {
        let markets: Vec<usize> = self.outcomes.events[at].markets().map(|(_, market)| market).collect();
        for market in markets {
            self.markets[market].phase = to;
            self.touch_market(market);
        }
    }

    pub(crate) fn begin_outcome_work(&mut self, event: u32) {
        self.outcomes.begin_work(event);
        self.find_next_timer();
    }

    /// Whether the operator may move an outcome market to a phase by hand: only open and halt, and only while its event trades and
    /// no late outcome is being split off.
    pub(crate) fn check_outcome_phase(&self, market: usize, to: u8) -> Result<(), Reject> {
        let contract = &self.markets[market].contract;
        let event = self.outcomes.events.get(contract.event as usize).ok_or(Reject::StateEventUnknown)?;
        if !event.is_trading() || to >= phase::CLOSING {
            return Err(Reject::StatePhaseMove);
        }
        let splitting = event.late == Some(market as u32) || contract.outcome == event.fallback;
        if to != phase::HALTED && event.late.is_some() && splitting {
            return Err(Reject::StateEventBusy);
        }
        Ok(())
    }
}
