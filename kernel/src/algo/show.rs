//! Algo orders as others see them: events, rows of the history, answers to queries.

use serde_json::{json, Value};

use super::{kind, state, Algo};
use crate::copy::Row;
use crate::kernel::Kernel;
use crate::output::{Output, Stamp, EVENT_HEADER};
use crate::pen::Pen;
use crate::query::{refused, Request};
use crate::wire::{flag, i64_at, u32_at, u64_at, MAX_CLIENT_ID};
use crate::Reject;

/// Kind and fixed length of an algo event.
pub const EVENT_ALGO: u8 = 9;
pub const ALGO_EVENT: usize = EVENT_HEADER + 144;

/// Columns of `algos_copy`, with their PostgreSQL types.
pub const ALGO_COLUMNS: [(&str, &str); 37] = [
    ("group_id", "bigint"),
    ("sequence", "bigint"),
    ("algo_id", "bigint"),
    ("account", "bigint"),
    ("market", "integer"),
    ("client_id", "text"),
    ("kind", "smallint"),
    ("state", "smallint"),
    ("reason", "smallint"),
    ("code", "integer"),
    ("side", "smallint"),
    ("reduce_only", "boolean"),
    ("quote_size", "boolean"),
    ("whole_position", "boolean"),
    ("size_lots", "bigint"),
    ("done_lots", "bigint"),
    ("order_id", "bigint"),
    ("parent_id", "bigint"),
    ("fired_leg", "smallint"),
    ("first_trigger_ticks", "bigint"),
    ("first_price_ticks", "bigint"),
    ("first_source", "smallint"),
    ("first_rises", "boolean"),
    ("second_trigger_ticks", "bigint"),
    ("second_price_ticks", "bigint"),
    ("second_source", "smallint"),
    ("second_rises", "boolean"),
    ("distance_ticks", "bigint"),
    ("distance_ppm", "integer"),
    ("floats", "boolean"),
    ("slice_lots", "bigint"),
    ("best_ticks", "bigint"),
    ("interval_ms", "bigint"),
    ("expires_ms", "bigint"),
    ("key", "bigint"),
    ("created_ms", "bigint"),
    ("closed_ms", "bigint"),
];

/// An algo order as it stands, with what is not in it: account number, best price it follows, why it ended.
pub(crate) struct AlgoView<'a> {
    pub algo: &'a Algo,
    pub account: u32,
    pub best: i64,
    pub reason: u8,
    pub code: u16,
}

impl Output {
    /// An algo order was accepted, changed or closed.
    pub(crate) fn algo_event(&mut self, stamp: Stamp, view: &AlgoView) {
        if !self.enabled {
            return;
        }
        let algo = view.algo;
        let mut pen = Pen::begin(&mut self.events, ALGO_EVENT + MAX_CLIENT_ID);
        pen.u16((ALGO_EVENT + algo.client_len as usize) as u16);
        pen.u8(EVENT_ALGO);
        pen.u8(algo.flags);
        pen.u32(view.account);
        pen.u64(stamp.sequence);
        pen.u64(stamp.now_ms);
        pen.u64(algo.id);
        pen.u32(algo.market);
        pen.u32(algo.key);
        for value in [algo.size, algo.done, algo.order_id as i64, algo.parent as i64] {
            pen.i64(value);
        }
        for leg in algo.legs {
            pen.i64(leg.trigger);
            pen.i64(leg.price);
        }
        pen.i64(algo.distance.ticks);
        pen.u32(algo.distance.ppm);
        pen.u32(u32::from(view.code));
        pen.i64(algo.slice);
        pen.i64(view.best);
        for value in [algo.interval_ms, algo.expires_ms, algo.created_ms] {
            pen.u64(value);
        }
        pen.put([algo.kind, algo.state, view.reason, algo.stp]);
        pen.put([legs_byte(algo), algo.fired, u8::from(algo.floats), algo.client_len]);
        pen.put_first(algo.client_id, algo.client_len as usize);
        pen.end();
    }

    /// A closed algo order as a row of the history.
    pub(crate) fn closed_algo(&mut self, stamp: Stamp, view: &AlgoView) {
        if !self.enabled {
            return;
        }
        self.algos_count += 1;
        let (algo, [first, second]) = (view.algo, view.algo.legs);
        let mut row = Row::<512>::begin(&mut self.algos, ALGO_COLUMNS.len());
        for value in [stamp.group as i64, stamp.sequence as i64, algo.id as i64, i64::from(view.account)] {
            row.bigint(value);
        }
        row.integer(algo.market);
        row.text(&algo.client_id, algo.client_len);
        for value in [algo.kind, algo.state, view.reason] {
            row.smallint(value);
        }
        row.integer(u32::from(view.code));
        row.smallint(algo.flags & flag::SELL);
        for flag in [flag::REDUCE_ONLY, flag::QUOTE_SIZE, flag::WHOLE_POSITION] {
            row.boolean(algo.flags & flag != 0);
        }
        for value in [algo.size, algo.done, algo.order_id as i64, algo.parent as i64] {
            row.bigint(value);
        }
        row.smallint(algo.fired);
        for leg in [first, second] {
            row.bigint(leg.trigger);
            row.bigint(leg.price);
            row.smallint(leg.source);
            row.boolean(leg.rises);
        }
        row.bigint(algo.distance.ticks);
        row.integer(algo.distance.ppm);
        row.boolean(algo.floats);
        row.bigint(algo.slice);
        row.bigint(view.best);
        row.bigint(algo.interval_ms as i64);
        row.bigint(algo.expires_ms as i64);
        row.bigint(i64::from(algo.key));
        row.bigint(algo.created_ms as i64);
        row.bigint(stamp.now_ms as i64);
        row.end();
    }
}

/// An algo order as its event tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlgoPart {
    pub algo_id: u64,
    pub market: u32,
    pub key: u32,
    pub flags: u8,
    pub kind: u8,
    pub state: u8,
    pub reason: u8,
    pub stp: u8,
    pub code: u16,
    pub size_lots: i64,
    pub done_lots: i64,
    pub order_id: u64,
    pub parent_id: u64,
    /// (trigger, price, source, rises) of the take-profit or only leg, and of the stop-loss.
    pub legs: [(i64, i64, u8, bool); 2],
    /// Which leg has fired; 255 none.
    pub fired: u8,
    pub floats: bool,
    pub distance_ticks: i64,
    pub distance_ppm: u32,
    pub slice_lots: i64,
    pub best_ticks: i64,
    pub interval_ms: u64,
    pub expires_ms: u64,
    pub created_ms: u64,
    pub client_id: String,
}

/// Read the record of an algo event that is long enough.
pub(crate) fn read_event(record: &[u8]) -> AlgoPart {
    let at = &record[EVENT_HEADER..];
    let bits = at[140];
    let leg = |at: &[u8], bits: u8| (i64_at(at, 0), i64_at(at, 8), bits & 1, bits & 2 != 0);
    AlgoPart {
        algo_id: u64_at(at, 0),
        market: u32_at(at, 8),
        key: u32_at(at, 12),
        flags: record[3],
        kind: at[136],
        state: at[137],
        reason: at[138],
        stp: at[139],
        code: u32_at(at, 92) as u16,
        size_lots: i64_at(at, 16),
        done_lots: i64_at(at, 24),
        order_id: u64_at(at, 32),
        parent_id: u64_at(at, 40),
        legs: [leg(&at[48..], bits), leg(&at[64..], bits >> 2)],
        fired: at[141],
        floats: at[142] != 0,
        distance_ticks: i64_at(at, 80),
        distance_ppm: u32_at(at, 88),
        slice_lots: i64_at(at, 96),
        best_ticks: i64_at(at, 104),
        interval_ms: u64_at(at, 112),
        expires_ms: u64_at(at, 120),
        created_ms: u64_at(at, 128),
        client_id: String::from_utf8_lossy(&record[ALGO_EVENT..]).into_owned(),
    }
}

/// Sources and directions of both legs: bit 0 mark, bit 1 rises, of the first; bits 2 and 3 of the second.
fn legs_byte(algo: &Algo) -> u8 {
    let bits = |at: usize| algo.legs[at].source & 1 | u8::from(algo.legs[at].rises) << 1;
    bits(0) | bits(1) << 2
}

impl Kernel {
    fn algo_view<'a>(&self, algo: &'a Algo, reason: u8, code: u16) -> AlgoView<'a> {
        let account = self.funds.account(algo.account).number;
        AlgoView { algo, account, best: self.best_since(algo), reason, code }
    }

    /// Best price a trailing stop has seen; 0 when it follows none.
    pub(super) fn best_since(&self, algo: &Algo) -> i64 {
        if algo.activation == 0 {
            return 0;
        }
        let books = self.algos.books.get(&algo.market);
        let book = books.map(|books| &books[algo.legs[0].source as usize]);
        book.and_then(|book| book.best(1 - algo.side(), algo.activation)).unwrap_or(0)
    }

    /// Emit the event of an open algo order as it stands.
    pub(super) fn algo_event(&mut self, id: u64) {
        if let Some(algo) = self.algos.open.get(&id).filter(|_| self.out.enabled) {
            let view = self.algo_view(algo, 0, 0);
            let stamp = self.stamp();
            self.out.algo_event(stamp, &view);
        }
    }

    /// The event and the row of an algo order that has ended.
    pub(super) fn closed_algo(&mut self, algo: &Algo, reason: u8, code: u16) {
        let view = AlgoView { algo, account: self.funds.account(algo.account).number, best: 0, reason, code };
        let stamp = self.stamp();
        self.out.algo_event(stamp, &view);
        self.out.closed_algo(stamp, &view);
    }

    /// Open algo orders of an account, oldest first; one by id or client id.
    pub(crate) fn query_algos(&self, request: &Request) -> Value {
        let slot = match self.user(request.account) {
            Ok(slot) => slot,
            Err(reject) => return refused(reject),
        };
        let here = |algo: &&Algo| request.market.is_none_or(|market| market == algo.market);
        let mine = self.algos.of_account(slot).filter_map(|id| self.algos.open.get(&id)).filter(here);
        json!({"algos": mine.map(|algo| self.algo_json(algo)).collect::<Vec<_>>()})
    }

    pub(crate) fn query_algo(&self, request: &Request) -> Value {
        let slot = match self.user(request.account) {
            Ok(slot) => slot,
            Err(reject) => return refused(reject),
        };
        let named = self.algo_of_client(request.account, request.client_id.as_bytes());
        let id = if request.order_id != 0 { request.order_id } else { named.unwrap_or(0) };
        if let Some(algo) = self.algos.open.get(&id).filter(|algo| algo.account == slot) {
            return json!({"algo": self.algo_json(algo)});
        }
        let recent = self.algos.recent.iter().rev();
        let ended = recent.filter(|ended| ended.0.account == slot).find(|ended| ended.0.id == id);
        let Some((algo, reason, code, time_ms)) = ended else {
            return refused(Reject::MatchingAlgoUnknown);
        };
        let mut shown = self.algo_json(algo);
        if let Value::Object(members) = &mut shown {
            members.insert("reason".into(), (*reason).into());
            members.insert("code".into(), (*code).into());
            members.insert("time_ms".into(), (*time_ms).into());
        }
        json!({"algo": shown})
    }

    fn algo_json(&self, algo: &Algo) -> Value {
        let legs = algo.legs.iter().map(|leg| json!([leg.trigger, leg.price, leg.source, leg.rises]));
        json!({
            "algo_id": algo.id, "account": self.funds.account(algo.account).number, "market": algo.market,
            "algo_kind": algo.kind, "kind_name": kind::NAMES[algo.kind as usize % kind::NAMES.len()],
            "state": algo.state, "state_name": state::NAMES[algo.state as usize % state::NAMES.len()],
            "client_id": String::from_utf8_lossy(algo.client_text()), "key": algo.key, "side": algo.side(),
            "reduce_only": algo.flags & flag::REDUCE_ONLY != 0, "quote_size": algo.flags & flag::QUOTE_SIZE != 0,
            "whole_position": algo.flags & flag::WHOLE_POSITION != 0, "stp": algo.stp, "size_lots": algo.size,
            "done_lots": algo.done, "order_id": algo.order_id, "parent_id": algo.parent,
            "fired": algo.fired, "legs": legs.collect::<Vec<_>>(), "distance_ticks": algo.distance.ticks,
            "distance_ppm": algo.distance.ppm, "floats": algo.floats, "best_ticks": self.best_since(algo),
            "slice_lots": algo.slice,
            "interval_ms": algo.interval_ms, "next_ms": algo.next_ms, "expires_ms": algo.expires_ms,
            "created_ms": algo.created_ms,
        })
    }
}
