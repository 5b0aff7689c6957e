//! Decoders: frames, acks, events and COPY rows as Python values.

use std::collections::BTreeSet;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use super::{liquidation, outcomes};
use crate::algo::show::AlgoPart;
use crate::algo::show::ALGO_COLUMNS;
use crate::bills::BILL_COLUMNS;
use crate::copy::{CHAR, FILL_COLUMNS, ORDER_COLUMNS};
use crate::events::{read, Body, Event, FillPart, OrderPart, Records};
use crate::output::{Ack, MandateView, PositionView, ACK_SIZE};
use crate::prices::OBSERVATION;
use crate::wire::{self, flag, kind, Frame, Frames, ALL_MARKETS};

type ObservationRow = (u8, u32, u32, i64, u64);
type AckRow = (u64, i64, i64, u16, u8, u8, u32);

fn malformed() -> PyErr {
    PyValueError::new_err("the bytes are not whole command frames")
}

#[pyfunction]
fn count_commands(frames: &[u8]) -> PyResult<usize> {
    wire::count_commands(frames).ok_or_else(malformed)
}

#[pyfunction]
fn split_commands<'py>(py: Python<'py>, frames: &[u8]) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    wire::count_commands(frames).ok_or_else(malformed)?;
    let (mut rest, mut parts) = (frames, Vec::new());
    while !rest.is_empty() {
        let (frame, after) = rest.split_at(wire::u16_at(rest, 0) as usize);
        parts.push(PyBytes::new(py, frame));
        rest = after;
    }
    Ok(parts)
}

/// Whole frames of the given kinds; what follows the last whole frame is passed over, as the kernel refuses it.
#[pyfunction]
fn frames_of<'py>(py: Python<'py>, frames: &[u8], kinds: Vec<u8>) -> Vec<Bound<'py, PyBytes>> {
    let (mut rest, mut found) = (frames, Vec::new());
    for frame in Frames::new(frames) {
        let (bytes, after) = rest.split_at(wire::u16_at(rest, 0) as usize);
        if kinds.contains(&frame.kind) {
            found.push(PyBytes::new(py, bytes));
        }
        rest = after;
    }
    found
}

fn single(bytes: &[u8]) -> PyResult<Frame<'_>> {
    let mut frames = Frames::new(bytes);
    match (frames.next(), frames.rest().is_empty()) {
        (Some(frame), true) => Ok(frame),
        _ => Err(malformed()),
    }
}

#[pyfunction]
fn command_kind(frame: &[u8]) -> PyResult<u8> {
    Ok(single(frame)?.kind)
}

/// Name, offset and width (negative: signed) of the members of each kind, for `decode_command`.
fn members(kind: u8) -> &'static [(&'static str, usize, i8)] {
    match kind {
        kind::PLACE => &[
            ("price_ticks", 0, -8),
            ("size_lots", 8, -8),
            ("order_type", 16, 1),
            ("tif", 17, 1),
            ("stp", 18, 1),
            ("builder", 20, 4),
            ("expires_ms", 24, 8),
            ("deadline_ms", 32, 8),
        ],
        kind::AMEND => &[
            ("order_id", 0, 8),
            ("new_price_ticks", 8, -8),
            ("new_size_lots", 16, -8),
            ("deadline_ms", 24, 8),
        ],
        kind::CANCEL => &[("order_id", 0, 8), ("deadline_ms", 8, 8)],
        kind::MASS_CANCEL => &[("side", 0, 1)],
        kind::CANCEL_ALL_AFTER => &[("timeout_ms", 0, 8)],
        kind::OPEN_ACCOUNT => &[("owner", 0, 8), ("tier", 8, 2)],
        kind::SET_ACCOUNT => &[("owner", 0, 8), ("tier", 8, 2), ("flags", 10, 2)],
        kind::DEPOSIT | kind::WITHDRAW => {
            &[("transfer_id", 0, 8), ("amount", 8, -8), ("issued_ms", 16, 8), ("asset", 24, 4)]
        }
        kind::ADD_ASSET => &[("asset", 0, 4), ("scale", 4, 1)],
        kind::ADD_MARKET => &[("base", 0, 4), ("quote", 4, 4), ("lot_size", 8, -8), ("tick_quote", 16, -8)],
        kind::SET_FEE_TIER => &[("tier", 0, 4), ("maker_ppm", 4, -4), ("taker_ppm", 8, -4)],
        kind::SET_PHASE => &[("phase", 0, 1)],
        kind::MERGE | kind::SPLIT => &[("event", 0, 4), ("lots", 8, -8)],
        kind::ADD_EVENT => &[
            ("event", 0, 4),
            ("first_market", 4, 4),
            ("outcomes", 8, 2),
            ("fallback", 10, 2),
            ("event_flags", 12, 1),
            ("close_ms", 16, 8),
        ],
        kind::ADD_OUTCOME | kind::VOID_EVENT => &[("event", 0, 4)],
        kind::CLOSE_EVENT => &[("event", 0, 4), ("close_ms", 8, 8)],
        kind::RESOLVE_EVENT => &[("event", 0, 4), ("named", 4, 2)],
        kind::SET_LEVERAGE => &[("leverage", 0, 4)],
        kind::MOVE_MARGIN => &[("amount", 0, -8)],
        kind::SET_MARGIN_MODE => &[("isolated", 0, 1)],
        kind::CLOSE_POSITION => &[("price_ticks", 0, -8), ("turn", 8, 1), ("deadline_ms", 16, 8)],
        kind::SET_MARGIN_TIERS => {
            &[("tiers", 0, 1), ("interest_low", 8, -8), ("interest_high", 16, -8), ("interest_cap", 24, -8)]
        }
        kind::SET_COLLATERAL => &[("tiers", 0, 1)],
        kind::SET_LIMITS => &[
            ("max_accounts", 0, 4),
            ("max_markets", 4, 4),
            ("max_orders_per_account", 8, 4),
            ("max_client_ids", 12, 4),
        ],
        kind::SET_MANDATE => &[
            ("of_key", 0, 4),
            ("rights", 4, 2),
            ("leverage", 6, 2),
            ("rate", 8, 4),
            ("order_notional", 16, -8),
            ("position_notional", 24, -8),
            ("daily_loss", 32, -8),
            ("expires_ms", 40, 8),
        ],
        kind::APPROVE_BUILDER => &[("builder", 0, 4), ("cap_ppm", 4, 4)],
        kind::SET_REFERRER => &[("referrer", 0, 4)],
        kind::REVOKE_KEY => &[("of_key", 0, 4)],
        kind::SET_CAPACITY => &[("capacity", 0, -8)],
        kind::FUND_INSURANCE => &[("amount", 0, -8), ("asset", 8, 4)],
        kind::SET_LIQUIDATION_RULES => &[
            ("slice_notional", 0, -8),
            ("fund_cap", 8, -8),
            ("fee_ppm", 16, 4),
            ("slice_ppm", 20, 4),
            ("pause_ms", 24, 4),
            ("severe_ppm", 28, 4),
            ("fund_margin_ppm", 32, 4),
            ("work_ppm", 36, 4),
            ("doubt_ppm", 40, 4),
        ],
        kind::HOLD_LIQUIDATIONS => &[("until_ms", 0, 8)],
        kind::SET_FEE_SPLIT => &[("referral_ppm", 0, 4), ("builder_cap_ppm", 4, 4)],
        kind::SET_FUNDING => &[
            ("interest_ppm", 0, -4),
            ("clamp_ppm", 4, 4),
            ("cap_ppm", 8, 4),
            ("enabled", 12, 4),
            ("impact_notional", 16, -8),
        ],
        kind::SET_PRICE_RULES => &[
            ("interval_ms", 0, 4),
            ("step_ppm", 4, 4),
            ("day_factor", 8, 4),
            ("stale_ms", 12, 4),
            ("full_sources", 16, 4),
            ("basis_ms", 20, 4),
            ("slow_ms", 24, 4),
            ("band_ppm", 28, 4),
            ("divergence_ppm", 32, 4),
            ("volatile_ppm", 36, 4),
            ("ahead_ms", 40, 4),
            ("halt_ms", 44, 4),
            ("restart", 48, 1),
        ],
        _ => &[],
    }
}

/// Where the text at the end of a kind's body begins, and its name.
fn text_member(kind: u8) -> Option<(&'static str, usize)> {
    match kind {
        kind::PLACE | kind::AMEND => Some(("client_id", 40)),
        kind::CANCEL => Some(("client_id", 24)),
        kind::ADD_ASSET => Some(("symbol", 8)),
        kind::ADD_MARKET => Some(("symbol", 96)),
        _ => None,
    }
}

/// (what, market, source, price in ticks, published_ms) of a frame of observations.
fn observations(body: &[u8]) -> PyResult<Vec<ObservationRow>> {
    if body.len() % OBSERVATION != 0 {
        return Err(malformed());
    }
    let row = |item: &[u8]| {
        (
            item[4],
            wire::u32_at(item, 8),
            wire::u32_at(item, 0),
            wire::i64_at(item, 16),
            wire::u64_at(item, 24),
        )
    };
    Ok(body.chunks_exact(OBSERVATION).map(row).collect())
}

#[pyfunction]
fn decode_command<'py>(py: Python<'py>, frame: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let frame = single(frame)?;
    let dict = PyDict::new(py);
    let name = kind::NAMES.iter().find(|(_, kind)| *kind == frame.kind).map_or("unknown", |(name, _)| name);
    dict.set_item("kind", name)?;
    dict.set_item("account", frame.account)?;
    dict.set_item("market", (frame.market != ALL_MARKETS).then_some(frame.market))?;
    dict.set_item("key", frame.key)?;
    for (name, at, width) in members(frame.kind) {
        let Some(bytes) = frame.body.get(*at..at + width.unsigned_abs() as usize) else {
            return Err(malformed());
        };
        match width {
            1 => dict.set_item(name, bytes[0])?,
            2 => dict.set_item(name, wire::u16_at(bytes, 0))?,
            4 => dict.set_item(name, wire::u32_at(bytes, 0))?,
            -4 => dict.set_item(name, wire::i32_at(bytes, 0))?,
            8 => dict.set_item(name, wire::u64_at(bytes, 0))?,
            _ => dict.set_item(name, wire::i64_at(bytes, 0))?,
        }
    }
    if frame.kind == kind::PLACE {
        dict.set_item("side", frame.flags & flag::SELL)?;
        dict.set_item("post_only", frame.flags & flag::POST_ONLY != 0)?;
        dict.set_item("reduce_only", frame.flags & flag::REDUCE_ONLY != 0)?;
        dict.set_item("quote_size", frame.flags & flag::QUOTE_SIZE != 0)?;
        dict.set_item("no_side", frame.flags & flag::NO != 0)?;
    }
    if matches!(frame.kind, kind::RESOLVE_EVENT | kind::VOID_EVENT) {
        dict.set_item("is_final", frame.flags != 0)?;
    }
    if frame.kind == kind::RESOLVE_EVENT {
        let payouts = frame.body.get(8..).ok_or_else(malformed)?.chunks_exact(8);
        let payouts = payouts.map(|entry| (wire::u16_at(entry, 0), wire::u32_at(entry, 4)));
        dict.set_item("payouts", payouts.collect::<Vec<_>>())?;
    }
    if frame.kind == kind::OBSERVE_PRICES {
        dict.set_item("observations", observations(frame.body)?)?;
    }
    if let Some((name, text)) =
        text_member(frame.kind).and_then(|(name, at)| Some((name, frame.body.get(at..)?)))
    {
        dict.set_item(name, String::from_utf8_lossy(text))?;
    }
    Ok(dict)
}

#[pyfunction]
fn unpack_acks(acks: &[u8]) -> PyResult<Vec<AckRow>> {
    if acks.len() % ACK_SIZE != 0 {
        return Err(PyValueError::new_err("acks are records of 32 bytes"));
    }
    let rows = acks.chunks_exact(ACK_SIZE).map(Ack::read);
    Ok(rows.map(|a| (a.order_id, a.filled, a.remaining, a.code, a.state, a.reason, a.extra)).collect())
}

fn put_order(dict: &Bound<'_, PyDict>, order: &OrderPart) -> PyResult<()> {
    dict.set_item("order_id", order.order_id)?;
    dict.set_item("market", order.market)?;
    dict.set_item("client_id", &order.client_id)?;
    dict.set_item("side", order.flags & flag::SELL)?;
    dict.set_item("order_type", order.order_type)?;
    dict.set_item("tif", order.tif)?;
    dict.set_item("post_only", order.flags & flag::POST_ONLY != 0)?;
    dict.set_item("reduce_only", order.flags & flag::REDUCE_ONLY != 0)?;
    dict.set_item("quote_size", order.flags & flag::QUOTE_SIZE != 0)?;
    dict.set_item("no_side", order.flags & flag::NO != 0)?;
    dict.set_item("forced", order.flags & flag::FORCED != 0)?;
    dict.set_item("whole", order.flags & flag::WHOLE != 0)?;
    dict.set_item("stp", order.stp)?;
    dict.set_item("state", order.state)?;
    dict.set_item("reason", order.reason)?;
    dict.set_item("key", order.key)?;
    dict.set_item("builder", order.builder)?;
    dict.set_item("price_ticks", order.price_ticks)?;
    dict.set_item("size_lots", order.size_lots)?;
    dict.set_item("filled_lots", order.filled_lots)?;
    dict.set_item("filled_quote", order.filled_quote)?;
    dict.set_item("fee", order.fee)?;
    dict.set_item("created_ms", order.created_ms)?;
    dict.set_item("expires_ms", order.expires_ms)
}

fn put_fill(dict: &Bound<'_, PyDict>, fill: &FillPart) -> PyResult<()> {
    dict.set_item("trade_id", fill.trade_id)?;
    dict.set_item("role", fill.role)?;
    dict.set_item("fill_price_ticks", fill.price_ticks)?;
    dict.set_item("fill_size_lots", fill.size_lots)?;
    dict.set_item("fill_notional", fill.notional)?;
    dict.set_item("fill_fee", fill.fee)?;
    dict.set_item("fee_asset", fill.fee_asset)?;
    dict.set_item("fill_mark_ticks", fill.mark)
}

fn put_mandate(dict: &Bound<'_, PyDict>, mandate: &MandateView) -> PyResult<()> {
    dict.set_item("kind", "mandate")?;
    dict.set_item("key", mandate.key)?;
    dict.set_item("rights", mandate.rights)?;
    dict.set_item("leverage", mandate.leverage)?;
    dict.set_item("rate", mandate.rate)?;
    dict.set_item("revoked", mandate.revoked)?;
    dict.set_item("order_notional", mandate.order_notional)?;
    dict.set_item("position_notional", mandate.position_notional)?;
    dict.set_item("daily_loss", mandate.daily_loss)?;
    dict.set_item("expires_ms", mandate.expires_ms)
}

fn put_algo(dict: &Bound<'_, PyDict>, algo: &AlgoPart) -> PyResult<()> {
    dict.set_item("kind", "algo")?;
    dict.set_item("algo_id", algo.algo_id)?;
    dict.set_item("market", algo.market)?;
    dict.set_item("key", algo.key)?;
    dict.set_item("client_id", &algo.client_id)?;
    dict.set_item("flags", algo.flags)?;
    dict.set_item("algo_kind", algo.kind)?;
    dict.set_item("state", algo.state)?;
    dict.set_item("reason", algo.reason)?;
    dict.set_item("stp", algo.stp)?;
    dict.set_item("code", algo.code)?;
    dict.set_item("size_lots", algo.size_lots)?;
    dict.set_item("done_lots", algo.done_lots)?;
    dict.set_item("order_id", algo.order_id)?;
    dict.set_item("parent_id", algo.parent_id)?;
    dict.set_item("legs", algo.legs)?;
    dict.set_item("fired", algo.fired)?;
    dict.set_item("floats", algo.floats)?;
    dict.set_item("distance_ticks", algo.distance_ticks)?;
    dict.set_item("distance_ppm", algo.distance_ppm)?;
    dict.set_item("slice_lots", algo.slice_lots)?;
    dict.set_item("best_ticks", algo.best_ticks)?;
    dict.set_item("interval_ms", algo.interval_ms)?;
    dict.set_item("expires_ms", algo.expires_ms)?;
    dict.set_item("created_ms", algo.created_ms)
}

fn put_position(dict: &Bound<'_, PyDict>, position: &PositionView) -> PyResult<()> {
    dict.set_item("market", position.market)?;
    dict.set_item("leverage", position.leverage)?;
    dict.set_item("isolated", position.isolated)?;
    dict.set_item("lots", position.lots)?;
    dict.set_item("entry", position.entry)?;
    dict.set_item("realised", position.realised)?;
    dict.set_item("margin", position.margin)?;
    dict.set_item("mark_ticks", position.mark_ticks)?;
    dict.set_item("upnl", position.upnl)?;
    dict.set_item("maintenance", position.maintenance)
}

fn event_dict<'py>(py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    match &event.body {
        Body::Order(order) => {
            dict.set_item("kind", "order")?;
            put_order(&dict, order)?;
        }
        Body::Fill(order, fill) => {
            dict.set_item("kind", "fill")?;
            put_order(&dict, order)?;
            put_fill(&dict, fill)?;
        }
        Body::Balance { asset, total, held } => {
            dict.set_item("kind", "balance")?;
            dict.set_item("asset", asset)?;
            dict.set_item("total", total)?;
            dict.set_item("held", held)?;
        }
        Body::Settlement(paid) => outcomes::put_settlement(&dict, paid)?,
        Body::Mandate(mandate) => put_mandate(&dict, mandate)?,
        Body::Algo(algo) => put_algo(&dict, algo)?,
        Body::Auction { market, cleared, why, found, ends_ms } => {
            dict.set_item("kind", "auction")?;
            dict.set_item("market", market)?;
            dict.set_item("cleared", cleared)?;
            dict.set_item("why", why)?;
            dict.set_item("price_ticks", found.price)?;
            dict.set_item("lots", found.lots)?;
            dict.set_item("surplus_lots", found.surplus)?;
            dict.set_item("ends_ms", ends_ms)?;
        }
        Body::Funding(funding) => {
            dict.set_item("kind", "funding")?;
            dict.set_item("market", funding.market)?;
            dict.set_item("lots", funding.lots)?;
            dict.set_item("amount", funding.amount)?;
            dict.set_item("index_ticks", funding.index_ticks)?;
            dict.set_item("rate_e12", funding.rate)?;
            dict.set_item("premium_e9", funding.premium)?;
            dict.set_item("end_ms", funding.end_ms)?;
        }
        Body::Price { market, grade, fresh, index, mark, slow, garbage } => {
            dict.set_item("kind", "price")?;
            dict.set_item("market", market)?;
            dict.set_item("grade", grade)?;
            dict.set_item("fresh", fresh)?;
            dict.set_item("index_ticks", index)?;
            dict.set_item("mark_ticks", mark)?;
            dict.set_item("slow_ticks", slow)?;
            dict.set_item("garbage", garbage)?;
        }
        Body::Refused { market, why, external, source, price, published_ms } => {
            dict.set_item("kind", "price_refused")?;
            dict.set_item("market", market)?;
            dict.set_item("why", why)?;
            dict.set_item("external", external)?;
            dict.set_item("source", source)?;
            dict.set_item("price_ticks", price)?;
            dict.set_item("published_ms", published_ms)?;
        }
        Body::Position(position) => {
            dict.set_item("kind", "position")?;
            put_position(&dict, position)?;
        }
        Body::Liquidation(record) => liquidation::put_liquidation(&dict, record)?,
        Body::Adl(adl) => liquidation::put_adl(&dict, adl)?,
        Body::Insurance(fund) => liquidation::put_insurance(&dict, fund)?,
    }
    dict.set_item("account", event.account)?;
    dict.set_item("sequence", event.sequence)?;
    dict.set_item("time_ms", event.time_ms)?;
    Ok(dict)
}

#[pyfunction]
#[pyo3(signature = (events, accounts = None))]
fn decode_events<'py>(
    py: Python<'py>,
    events: &[u8],
    accounts: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let wanted = match accounts {
        None => None,
        Some(accounts) => {
            Some(accounts.try_iter()?.map(|number| number?.extract()).collect::<PyResult<BTreeSet<u32>>>()?)
        }
    };
    let list = PyList::empty(py);
    let mut records = Records::new(events);
    for (account, record) in records.by_ref() {
        if wanted.as_ref().is_some_and(|wanted| !wanted.contains(&account)) {
            continue;
        }
        if let Some(event) = read(record) {
            list.append(event_dict(py, &event)?)?;
        }
    }
    if records.rest().is_empty() {
        Ok(list)
    } else {
        Err(PyValueError::new_err("the bytes are not whole events"))
    }
}

pub fn copy_value<'py>(py: Python<'py>, kind: &str, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let wide = bytes.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    match kind {
        "bigint" => Ok((wide as i64).into_pyobject(py)?.into_any()),
        "integer" => Ok((wide as i32).into_pyobject(py)?.into_any()),
        "smallint" => Ok((wide as i16).into_pyobject(py)?.into_any()),
        CHAR => Ok((wide as u8).into_pyobject(py)?.into_any()),
        "boolean" => Ok((wide != 0).into_pyobject(py)?.to_owned().into_any()),
        _ => Ok(String::from_utf8_lossy(bytes).into_pyobject(py)?.into_any()),
    }
}

/// Rows of binary COPY tuples with these columns.
fn copy_rows<'py>(
    py: Python<'py>,
    mut data: &[u8],
    columns: &[(&str, &str)],
) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    let broken = || PyValueError::new_err("the bytes are not whole COPY tuples");
    let mut rows = Vec::new();
    while !data.is_empty() {
        data = data.get(2..).ok_or_else(broken)?;
        let mut row = Vec::with_capacity(columns.len());
        for (_, kind) in columns {
            let length = data.get(..4).ok_or_else(broken)?;
            let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
            row.push(copy_value(py, kind, data.get(4..4 + length).ok_or_else(broken)?)?);
            data = &data[4 + length..];
        }
        rows.push(PyTuple::new(py, row)?);
    }
    Ok(rows)
}

#[pyfunction]
fn decode_copy_fills<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    copy_rows(py, data, &FILL_COLUMNS)
}

#[pyfunction]
fn decode_copy_orders<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    copy_rows(py, data, &ORDER_COLUMNS)
}

#[pyfunction]
fn decode_copy_algos<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    copy_rows(py, data, &ALGO_COLUMNS)
}

#[pyfunction]
fn decode_copy_bills<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    copy_rows(py, data, &BILL_COLUMNS)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(count_commands, module)?)?;
    module.add_function(wrap_pyfunction!(split_commands, module)?)?;
    module.add_function(wrap_pyfunction!(frames_of, module)?)?;
    module.add_function(wrap_pyfunction!(command_kind, module)?)?;
    module.add_function(wrap_pyfunction!(decode_command, module)?)?;
    module.add_function(wrap_pyfunction!(unpack_acks, module)?)?;
    module.add_function(wrap_pyfunction!(decode_events, module)?)?;
    module.add_function(wrap_pyfunction!(decode_copy_fills, module)?)?;
    module.add_function(wrap_pyfunction!(decode_copy_orders, module)?)?;
    module.add_function(wrap_pyfunction!(decode_copy_algos, module)?)?;
    module.add_function(wrap_pyfunction!(decode_copy_bills, module)?)
}
