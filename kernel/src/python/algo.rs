//! Encoders of algo orders, auctions and calendars.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::encoders::{frame, ClientId};
use crate::algo::encode::{self as algo, AlgoChange, AlgoOrder, LegOrder, Slices};
use crate::encode::{self, Head, PlaceOrder, Sessions, Target};

/// (trigger_ticks, price_ticks, source, rises); a trigger of 0 is no leg; of a trigger order `rises` may be left open.
type Leg = (i64, i64, u8, Option<bool>);

fn leg(leg: Leg) -> LegOrder {
    LegOrder { trigger_ticks: leg.0, price_ticks: leg.1, source: leg.2, rises: leg.3.unwrap_or(false) }
}

/// Members every new algo order has.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Order {
    account: u32,
    market: u32,
    side: u8,
    size_lots: i64,
    client_id: ClientId,
    reduce_only: bool,
    quote_size: bool,
    whole_position: bool,
    stp: u8,
    deadline_ms: u64,
    key: u32,
    builder: u32,
}

impl Order {
    fn head(&self) -> Head {
        Head { account: self.account, market: self.market, key: self.key }
    }

    fn algo(&self) -> PyResult<AlgoOrder<'_>> {
        if self.side > 1 {
            return Err(PyValueError::new_err("side is 0 (buy) or 1 (sell)"));
        }
        Ok(AlgoOrder {
            sell: self.side == 1,
            reduce_only: self.reduce_only,
            quote_size: self.quote_size,
            whole_position: self.whole_position,
            size_lots: self.size_lots,
            stp: self.stp,
            builder: self.builder,
            deadline_ms: self.deadline_ms,
            client_id: &self.client_id.0,
        })
    }
}

#[pyfunction]
fn place_trigger<'py>(py: Python<'py>, order: Order, wait: Leg) -> PyResult<Bound<'py, PyBytes>> {
    let of = order.algo()?;
    Ok(frame(py, |out| match wait.3 {
        Some(_) => algo::place_trigger(out, order.head(), &of, &leg(wait)),
        None => algo::place_either(out, order.head(), &of, &leg(wait)),
    }))
}

#[pyfunction]
fn place_trailing<'py>(
    py: Python<'py>,
    order: Order,
    wait: Leg,
    distance_ticks: i64,
    distance_ppm: u32,
) -> PyResult<Bound<'py, PyBytes>> {
    let of = order.algo()?;
    Ok(frame(py, |out| {
        algo::place_trailing(out, order.head(), &of, &leg(wait), distance_ticks, distance_ppm)
    }))
}

#[pyfunction]
fn place_oco<'py>(py: Python<'py>, order: Order, profit: Leg, stop: Leg) -> PyResult<Bound<'py, PyBytes>> {
    let of = order.algo()?;
    Ok(frame(py, |out| algo::place_oco(out, order.head(), &of, &leg(profit), &leg(stop))))
}

#[pyfunction]
#[pyo3(signature = (order, *, limit_ticks, slice_lots, floats = false, distance_ticks = 0, distance_ppm = 0,
    interval_ms = 0, expires_ms = 0))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python face")]
fn place_slices<'py>(
    py: Python<'py>,
    order: Order,
    limit_ticks: i64,
    slice_lots: i64,
    floats: bool,
    distance_ticks: i64,
    distance_ppm: u32,
    interval_ms: u64,
    expires_ms: u64,
) -> PyResult<Bound<'py, PyBytes>> {
    let of = order.algo()?;
    let slices =
        Slices { limit_ticks, slice_lots, floats, distance_ticks, distance_ppm, interval_ms, expires_ms };
    Ok(frame(py, |out| algo::place_slices(out, order.head(), &of, &slices)))
}

#[pyfunction]
#[pyo3(signature = (account, market, *, side, size_lots, profit, stop, order_type = 0, tif = 0, price_ticks = 0,
    client_id = ClientId::default(), algo_client_id = ClientId::default(), stp = 0, post_only = false,
    reduce_only = false, quote_size = false, expires_ms = 0, deadline_ms = 0, key = 0, builder = 0))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python face")]
fn place_bracket<'py>(
    py: Python<'py>,
    account: u32,
    market: u32,
    side: u8,
    size_lots: i64,
    profit: Leg,
    stop: Leg,
    order_type: u8,
    tif: u8,
    price_ticks: i64,
    client_id: ClientId,
    algo_client_id: ClientId,
    stp: u8,
    post_only: bool,
    reduce_only: bool,
    quote_size: bool,
    expires_ms: u64,
    deadline_ms: u64,
    key: u32,
    builder: u32,
) -> PyResult<Bound<'py, PyBytes>> {
    if side > 1 {
        return Err(PyValueError::new_err("side is 0 (buy) or 1 (sell)"));
    }
    let order = PlaceOrder {
        sell: side == 1,
        order_type,
        tif,
        stp,
        post_only,
        reduce_only,
        quote_size,
        price_ticks,
        size_lots,
        client_id: &client_id.0,
        expires_ms,
        deadline_ms,
        builder,
        ..PlaceOrder::default()
    };
    let (head, legs) = (Head { account, market, key }, [&leg(profit), &leg(stop)]);
    Ok(frame(py, |out| algo::place_bracket(out, head, &order, legs, &algo_client_id.0)))
}

#[pyfunction]
#[pyo3(signature = (account, market, *, algo_id = 0, client_id = ClientId::default(), deadline_ms = 0, key = 0))]
fn cancel_algo<'py>(
    py: Python<'py>,
    account: u32,
    market: u32,
    algo_id: u64,
    client_id: ClientId,
    deadline_ms: u64,
    key: u32,
) -> Bound<'py, PyBytes> {
    let target = Target { order_id: algo_id, client_id: &client_id.0, deadline_ms };
    frame(py, |out| algo::cancel_algo(out, Head { account, market, key }, &target))
}

#[pyfunction]
#[pyo3(signature = (account, market, *, algo_id = 0, client_id = ClientId::default(), size_lots = 0, first = (0, -1),
    second = (0, -1), deadline_ms = 0, key = 0))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python face")]
fn amend_algo<'py>(
    py: Python<'py>,
    account: u32,
    market: u32,
    algo_id: u64,
    client_id: ClientId,
    size_lots: i64,
    first: (i64, i64),
    second: (i64, i64),
    deadline_ms: u64,
    key: u32,
) -> Bound<'py, PyBytes> {
    let target = Target { order_id: algo_id, client_id: &client_id.0, deadline_ms };
    let change = AlgoChange { size_lots, legs: [first, second] };
    frame(py, |out| algo::amend_algo(out, Head { account, market, key }, &target, &change))
}

#[pyfunction]
#[pyo3(signature = (market, *, ends_ms = 0))]
fn begin_auction(py: Python<'_>, market: u32, ends_ms: u64) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::begin_auction(out, market, ends_ms))
}

#[pyfunction]
fn clear_auction(py: Python<'_>, market: u32) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::clear_auction(out, market))
}

#[pyfunction]
fn set_band_auction(py: Python<'_>, market: u32, band_ms: u32) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::set_band_auction(out, market, band_ms))
}

#[pyfunction]
#[pyo3(signature = (market, sessions, *, holidays = vec![], closed_band_ppm = 0, auction_ms = 0,
    no_liquidation = false))]
fn set_calendar(
    py: Python<'_>,
    market: u32,
    sessions: Vec<(u16, u16)>,
    holidays: Vec<u32>,
    closed_band_ppm: u32,
    auction_ms: u32,
    no_liquidation: bool,
) -> PyResult<Bound<'_, PyBytes>> {
    if sessions.len() > 28 || holidays.len() > 64 {
        return Err(PyValueError::new_err("a calendar has at most 28 sessions and 64 holidays"));
    }
    let calendar =
        Sessions { sessions: &sessions, holidays: &holidays, closed_band_ppm, auction_ms, no_liquidation };
    Ok(frame(py, |out| encode::set_calendar(out, market, &calendar)))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(place_trigger, module)?)?;
    module.add_function(wrap_pyfunction!(place_trailing, module)?)?;
    module.add_function(wrap_pyfunction!(place_oco, module)?)?;
    module.add_function(wrap_pyfunction!(place_slices, module)?)?;
    module.add_function(wrap_pyfunction!(place_bracket, module)?)?;
    module.add_function(wrap_pyfunction!(cancel_algo, module)?)?;
    module.add_function(wrap_pyfunction!(amend_algo, module)?)?;
    module.add_function(wrap_pyfunction!(begin_auction, module)?)?;
    module.add_function(wrap_pyfunction!(clear_auction, module)?)?;
    module.add_function(wrap_pyfunction!(set_band_auction, module)?)?;
    module.add_function(wrap_pyfunction!(set_calendar, module)?)
}
