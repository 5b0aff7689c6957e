//! Questions about the state: JSON in, JSON out, integers only. Answered in sequence with commands, never
//! journaled, nothing is changed.

use serde::Deserialize;
use serde_json::{json, Value};

use crate::accounts::FIRST_USER;
use crate::book::{NO_ASK, NO_BID};
use crate::clients::key_of;
use crate::closed::Closed;
use crate::codes::{phase, state, Reject};
use crate::contracts::{contract_json, NO_ASSET};
use crate::kernel::Kernel;
use crate::market::{Market, TRADES_KEPT};
use crate::slab::Cold;
use crate::wire::{flag, MAX_CLIENT_ID};

/// Most levels or orders one answer carries.
const MOST: usize = 20_000;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Request {
    pub q: String,
    pub account: u32,
    pub market: Option<u32>,
    pub order_id: u64,
    pub client_id: String,
    pub depth: Option<usize>,
    pub limit: Option<usize>,
    pub side: u8,
    pub order_type: u8,
    pub tif: Option<u8>,
    pub price_ticks: i64,
    pub size_lots: i64,
    pub quote_size: bool,
    pub post_only: bool,
    pub event: Option<u32>,
    pub frames: String,
}

pub(crate) fn problem(name: &str, message: &str) -> Value {
    json!({"error": name, "message": message})
}

pub(crate) fn refused(reject: Reject) -> Value {
    problem(reject.name(), reject.sentence())
}

/// An order as queries show it.
struct Shown<'a> {
    order: &'a Cold,
    remaining: i64,
    state: u8,
    reason: u8,
    closed_ms: u64,
}

impl Shown<'_> {
    fn json(&self) -> Value {
        let order = self.order;
        json!({
            "order_id": order.order_id, "account": order.account, "market": order.market,
            "client_id": String::from_utf8_lossy(order.client_text()),
            "side": order.flags & flag::SELL, "order_type": order.order_type, "tif": order.tif,
            "post_only": order.flags & flag::POST_ONLY != 0, "reduce_only": order.flags & flag::REDUCE_ONLY != 0,
            "no_side": order.flags & flag::NO != 0, "stp": order.stp, "state": self.state, "reason": self.reason, "key": order.key,
            "price_ticks": order.price, "size_lots": order.size, "filled_lots": order.filled,
            "remaining_lots": self.remaining, "filled_quote": order.filled_quote, "fee": order.fee,
            "created_ms": order.created_ms, "closed_ms": self.closed_ms, "expires_ms": order.expires_ms,
        })
    }
}

impl Kernel {
    /// Answer one request; see `WIRE.md` for the questions. Never fails: a bad question gets an error object.
    pub fn query(&self, request: &[u8]) -> Vec<u8> {
        let mut answer = match serde_json::from_slice::<Request>(request) {
            Ok(request) => self.answer(&request),
            Err(_) => problem("INPUT_QUERY", "The question is not understood."),
        };
        if let Value::Object(members) = &mut answer {
            members.insert("sequence".into(), self.sequence.into());
            members.insert("now_ms".into(), self.now_ms.into());
        }
        serde_json::to_vec(&answer).unwrap_or_default()
    }

    fn answer(&self, request: &Request) -> Value {
        match request.q.as_str() {
            "account" => self.query_account(request),
            "order" => self.query_order(request),
            "positions" => match self.user(request.account) {
                Ok(slot) => json!({"risk": self.risk_json(slot), "positions": self.positions_json(slot)}),
                Err(reject) => refused(reject),
            },
            "orders" => match self.user(request.account) {
                Ok(slot) => json!({"orders": self.open_orders(slot, request.market)}),
                Err(reject) => refused(reject),
            },
            "closed" => self.query_closed(request),
            "algos" => self.query_algos(request),
            "algo" => self.query_algo(request),
            "market" => self.with_market(request, |market| json!({"market": self.market_json(market)})),
            "markets" => {
                let markets = self.markets.iter().map(|market| self.market_json(market));
                json!({"markets": markets.collect::<Vec<_>>()})
            }
            "assets" => self.query_assets(),
            "book" => self.query_book(request),
            "trades" => self.with_market(request, |market| trades_json(market, request.limit)),
            "prices" => self.query_prices(request.market),
            "funding" => self.with_market(request, |market| self.query_funding(market, request.limit)),
            "simulate" => self.simulate_commands(request.account, &request.frames),
            "leverage" => self.query_leverage(request),
            "preview" => self.preview(request),
            "mandates" => self.query_mandates(request.account),
            "capacity" => self.query_capacity(),
            "insurance" => self.query_insurance(),
            "liquidations" => self.query_liquidations(request),
            "deleveraging" => match self.user(request.account) {
                Ok(slot) => self.query_deleveraging(slot),
                Err(reject) => refused(reject),
            },
            "event" => self.query_event(request),
            "events" => self.query_events(request),
            _ => problem("INPUT_QUERY", "The question is not understood."),
        }
    }

    fn with_market(&self, request: &Request, answer: impl Fn(&Market) -> Value) -> Value {
        match request.market.and_then(|number| self.markets.get(number as usize)) {
            Some(market) => answer(market),
            None => refused(Reject::StateMarketUnknown),
        }
    }

    fn query_account(&self, request: &Request) -> Value {
        let slot = match self.funds.account_slot(request.account) {
            Some(slot) => slot,
            None if request.account < FIRST_USER => return self.query_reserved(request.account),
            None => return refused(Reject::AccessAccountUnknown),
        };
        let account = self.funds.account(slot);
        let balances = account.balances.iter().map(|balance| {
            let asset = self.funds.assets[balance.asset as usize].id;
            json!({"asset": asset, "total": balance.total, "free": balance.total - balance.held, "held": balance.held})
        });
        json!({
            "account": account.number, "owner": account.owner, "tier": account.tier, "flags": account.flags,
            "cancel_all_after_ms": account.cancel_at_ms, "balances": balances.collect::<Vec<_>>(),
            "orders": self.open_orders(slot, None), "risk": self.risk_json(slot),
            "positions": self.positions_json(slot), "outcomes": self.outcomes_json(slot),
        })
    }

    fn query_reserved(&self, number: u32) -> Value {
        let balances = self.funds.assets.iter().filter_map(|asset| {
            let total = *asset.reserved.get(number as usize)?;
            Some(json!({"asset": asset.id, "total": total, "free": total, "held": 0}))
        });
        json!({
            "account": number, "owner": 0, "tier": 0, "flags": 0, "cancel_all_after_ms": 0,
            "balances": balances.collect::<Vec<_>>(), "orders": [],
        })
    }

    fn open_orders(&self, account: u32, market: Option<u32>) -> Vec<Value> {
        let account = self.funds.account(account);
        let mut slots: Vec<(u64, u32)> =
            account.orders.iter().map(|slot| (self.slab.cold(*slot).order_id, *slot)).collect();
        slots.sort_unstable();
        let here = |slot: &u32| market.is_none_or(|market| u32::from(self.slab.node(*slot).market) == market);
        slots.into_iter().map(|(_, slot)| slot).filter(here).map(|slot| self.open_json(slot)).collect()
    }

    fn open_json(&self, slot: u32) -> Value {
        let (order, remaining) = (self.slab.cold(slot), self.slab.node(slot).remaining);
        Shown { order, remaining, state: state::OPEN, reason: 0, closed_ms: 0 }.json()
    }

    fn closed_json(&self, number: u32, wanted: impl Fn(&Closed) -> bool, limit: usize) -> Vec<Value> {
        let newest = self.closed.iter().rev();
        let found = newest.filter(|closed| closed.account() == number && wanted(closed));
        let shown = found.take(limit).map(|closed| {
            let (reason, closed_ms) = (closed.reason(), closed.closed_ms());
            Shown { order: &closed.order(), remaining: 0, state: state::CANCELLED, reason, closed_ms }.json()
        });
        shown.collect()
    }

    fn query_closed(&self, request: &Request) -> Value {
        let here = |closed: &Closed| request.market.is_none_or(|market| closed.order().market == market);
        json!({"orders": self.closed_json(request.account, here, request.limit.unwrap_or(100).min(MOST))})
    }

    fn query_order(&self, request: &Request) -> Value {
        let account = match self.user(request.account) {
            Ok(slot) => slot,
            Err(reject) => return refused(reject),
        };
        let client = request.client_id.as_bytes();
        let entry = match (request.order_id, client.len()) {
            (0, 1..=MAX_CLIENT_ID) => self.clients.find(request.account, key_of(request.account, client)),
            _ => None,
        };
        let entry = entry.map(|sequence| *self.clients.entry(sequence));
        let id = entry.map_or(request.order_id, |entry| entry.order_id());
        if let Some(slot) = self.ids.get(id).filter(|slot| self.slab.node(*slot).account == account) {
            return json!({"order": self.open_json(slot)});
        }
        let closed = self.closed_json(request.account, |closed| id != 0 && closed.order_id() == id, 1).pop();
        match (closed, entry) {
            (Some(order), _) => json!({"order": order}),
            (None, Some(entry)) => json!({"order": {
                "order_id": entry.order_id(), "filled_lots": entry.filled(), "state": entry.state(),
                "client_id": request.client_id, "account": request.account, "summary": true,
            }}),
            (None, None) => refused(Reject::MatchingOrderUnknown),
        }
    }

    fn market_json(&self, market: &Market) -> Value {
        let p = &market.parameters;
        let tiers = market.tiers.iter().enumerate();
        let tiers = tiers.filter_map(|(tier, fees)| fees.map(|(maker, taker)| json!([tier, maker, taker])));
        let shown = |price: i64| {
            if price == NO_BID || price == NO_ASK {
                0
            } else {
                price
            }
        };
        let mut shown = json!({
            "market": market.number, "kind": market.kind, "symbol": market.symbol, "phase": market.phase,
            "phase_name": phase::NAMES[market.phase as usize % phase::NAMES.len()],
            "base": self.funds.assets.get(market.base as usize).map_or(NO_ASSET, |asset| asset.id), "quote": self.funds.assets[market.quote as usize].id,
            "lot_size": market.lot_size, "tick_quote": market.tick_quote,
            "reference_ticks": p.reference, "last_ticks": market.last,
            "best_bid": shown(market.book.best_bid()), "best_ask": shown(market.book.best_ask()),
            "auction": self.auction_json(market), "session_closed": market.calendar.as_ref().is_some_and(|c| c.closed),
            "last_trade_id": market.last_trade_id, "maker_ppm": p.maker_ppm, "taker_ppm": p.taker_ppm,
            "protocol_share_ppm": p.protocol_share_ppm, "band_ppm": p.band_ppm, "slippage_ppm": p.slippage_ppm,
            "min_lots": p.min_lots, "max_lots": p.max_lots, "min_notional": p.min_notional,
            "max_levels": p.max_levels, "max_matches": p.max_matches, "orders": market.book.orders(),
            "levels": [market.book.level_count(0), market.book.level_count(1)], "fee_tiers": tiers.collect::<Vec<_>>(),
        });
        for (name, value) in contract_json(self, market) {
            shown[name] = value;
        }
        shown
    }

    fn query_leverage(&self, request: &Request) -> Value {
        let market = request.market.and_then(|number| self.market_index(number).ok());
        match (self.user(request.account), market) {
            (Ok(slot), Some(market)) => self.leverage_json(slot, market),
            (Err(reject), _) => refused(reject),
            (_, None) => refused(Reject::StateMarketUnknown),
        }
    }

    fn query_assets(&self) -> Value {
        let assets = self.funds.assets.iter().map(|asset| {
            json!({
                "asset": asset.id, "symbol": asset.symbol, "scale": asset.scale, "total": asset.total,
                "venue_fees": asset.reserved[1], "protocol_fees": asset.reserved[2],
                "insurance": asset.reserved[3], "dust": asset.reserved[4],
            })
        });
        json!({"assets": assets.collect::<Vec<_>>()})
    }

    fn query_book(&self, request: &Request) -> Value {
        let depth = request.depth.unwrap_or(400).min(MOST);
        match request.market.and_then(|market| self.book(market, depth)) {
            Some((bids, asks)) => json!({"bids": bids, "asks": asks}),
            None => refused(Reject::StateMarketUnknown),
        }
    }
}

fn trades_json(market: &Market, limit: Option<usize>) -> Value {
    let limit = limit.unwrap_or(100).min(TRADES_KEPT);
    let newest = market.trades.iter().rev().take(limit);
    let trades = newest.map(|t| json!([t.trade_id, t.price, t.lots, t.taker_side, t.time_ms]));
    json!({"trades": trades.collect::<Vec<_>>()})
}
