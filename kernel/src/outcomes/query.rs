//! Questions about events and what accounts hold of them.

use serde_json::{json, Value};

use super::event::{event_state, Event, NO_FALLBACK, NO_MARKET, SCALAR};
use super::holding::Holding;
use crate::book::{NO_ASK, NO_BID};
use crate::codes::Reject;
use crate::kernel::Kernel;
use crate::query::{refused, Request};

/// Most events one answer carries.
const MOST: usize = 10_000;

impl Kernel {
    /// One event with all its outcomes.
    pub(crate) fn query_event(&self, request: &Request) -> Value {
        match request.event.and_then(|number| self.outcomes.events.get(number as usize)) {
            Some(event) => json!({"event": self.event_json(event)}),
            None => refused(Reject::StateEventUnknown),
        }
    }

    /// All events, newest first, without their outcomes.
    pub(crate) fn query_events(&self, request: &Request) -> Value {
        let newest = self.outcomes.events.iter().rev().take(request.limit.unwrap_or(MOST).min(MOST));
        json!({"events": newest.map(event_head).collect::<Vec<_>>()})
    }

    fn event_json(&self, event: &Event) -> Value {
        let outcomes =
            event.outcomes.iter().enumerate().map(|(at, row)| self.outcome_json(event, at, row.market));
        let mut head = event_head(event);
        head["outcomes"] = json!(outcomes.collect::<Vec<_>>());
        head
    }

    fn outcome_json(&self, event: &Event, at: usize, number: u32) -> Value {
        let row = &event.outcomes[at];
        let fair = if event.is_trading() { self.fair_price(number) } else { row.fair };
        let payout = (event.state >= event_state::PROPOSED).then_some(row.payout);
        let Some(market) = self.markets.get(number as usize).filter(|_| number != NO_MARKET) else {
            return json!({"outcome": at, "market": null, "payout_ticks": payout});
        };
        let shown = |price: i64| if price == NO_BID || price == NO_ASK { 0 } else { price };
        json!({
            "outcome": at, "market": number, "symbol": market.symbol, "phase": market.phase,
            "best_bid": shown(market.book.best_bid()), "best_ask": shown(market.book.best_ask()),
            "last_ticks": market.last, "fair_ticks": fair, "payout_ticks": payout,
            "open_interest_lots": market.contract.open_interest,
        })
    }

    /// What an account has in every event in which it ever had something and that is not settled.
    pub(crate) fn outcomes_json(&self, account: u32) -> Vec<Value> {
        self.outcomes.holdings_of(account).map(|holding| self.holding_json(holding)).collect()
    }

    fn holding_json(&self, holding: &Holding) -> Value {
        let event = &self.outcomes.events[holding.event as usize];
        let legs = event.markets().map(|(at, market)| (at, market, holding.lots(at), holding.leg(at)));
        let kept = legs.filter(|(_, _, lots, leg)| *lots != 0 || leg.open != [0, 0] || leg.realised != 0);
        let shown = kept.map(|(at, market, lots, leg)| {
            let fair = if event.is_trading() { self.fair_price(market as u32) } else { event.outcomes[at].fair };
            json!({
                "market": market, "outcome": at, "mark_ticks": fair.unwrap_or(0), "lots": lots, "entry": leg.entry, "realised": leg.realised,
                "open_buy_lots": leg.open[0], "open_sell_lots": leg.open[1],
            })
        });
        json!({
            "event": holding.event, "worst": holding.worst(), "exposure": holding.exposure(),
            "sets_lots": if event.is_one_book() { 0 } else { holding.sets() },
            "positions": shown.collect::<Vec<_>>(),
        })
    }
}

fn event_head(event: &Event) -> Value {
    json!({
        "event": event.number, "state": event.state, "state_name": event_state::NAMES[event.state as usize],
        "one_book": event.is_one_book(), "scalar": event.flags & SCALAR != 0, "void": event.voided,
        "fallback": (event.fallback != NO_FALLBACK).then_some(event.fallback), "late_market": event.late,
        "outcome_count": event.outcomes.len(), "payout_ticks": event.one, "tick_quote": event.tick,
        "close_ms": event.close_ms, "sets_lots": event.sets, "holders": event.holders.len(),
    })
}
