//! Encoders of the commands of events and complete sets, and what settlement events say.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::encoders::frame;
use crate::encode::{self, Head, NewEvent};
use crate::events::SettlementPart;
use crate::wire::{kind, ALL_MARKETS};

/// Fallback of an event that takes no late outcomes.
const NO_FALLBACK: u16 = u16::MAX;

#[pyfunction]
#[pyo3(signature = (event, first_market, *, outcomes = 2, one_book = false, scalar = false, fallback = None, close_ms = 0))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python face")]
fn add_event(
    py: Python<'_>,
    event: u32,
    first_market: u32,
    outcomes: u16,
    one_book: bool,
    scalar: bool,
    fallback: Option<u16>,
    close_ms: u64,
) -> Bound<'_, PyBytes> {
    let flags = u8::from(one_book || scalar) | u8::from(scalar) << 1;
    let fallback = fallback.unwrap_or(NO_FALLBACK);
    let new = NewEvent { event, first_market, outcomes, fallback, flags, close_ms };
    frame(py, |out| encode::add_event(out, &new))
}

#[pyfunction]
#[pyo3(signature = (event, market))]
fn add_outcome(py: Python<'_>, event: u32, market: u32) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::add_outcome(out, market, event))
}

#[pyfunction]
#[pyo3(signature = (event, *, close_ms = 0))]
fn close_event(py: Python<'_>, event: u32, close_ms: u64) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::close_event(out, event, close_ms))
}

#[pyfunction]
#[pyo3(signature = (event, payouts, *, is_final))]
fn resolve_event(
    py: Python<'_>,
    event: u32,
    mut payouts: Vec<(u16, u32)>,
    is_final: bool,
) -> PyResult<Bound<'_, PyBytes>> {
    payouts.retain(|(_, ticks)| *ticks != 0);
    payouts.sort_unstable();
    if !(1..=120).contains(&payouts.len()) {
        return Err(PyValueError::new_err("a resolution names 1 to 120 outcomes that pay something"));
    }
    Ok(frame(py, |out| encode::resolve_event(out, event, &payouts, is_final)))
}

#[pyfunction]
#[pyo3(signature = (event, *, is_final))]
fn void_event(py: Python<'_>, event: u32, is_final: bool) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::void_event(out, event, is_final))
}

#[pyfunction]
#[pyo3(signature = (account, event, *, lots, key = 0))]
fn merge_outcomes(py: Python<'_>, account: u32, event: u32, lots: i64, key: u32) -> Bound<'_, PyBytes> {
    let head = Head { account, market: ALL_MARKETS, key };
    frame(py, |out| encode::sets(out, kind::MERGE, head, event, lots))
}

#[pyfunction]
#[pyo3(signature = (account, event, *, lots, key = 0))]
fn split_outcomes(py: Python<'_>, account: u32, event: u32, lots: i64, key: u32) -> Bound<'_, PyBytes> {
    let head = Head { account, market: ALL_MARKETS, key };
    frame(py, |out| encode::sets(out, kind::SPLIT, head, event, lots))
}

pub(super) fn put_settlement(dict: &Bound<'_, PyDict>, paid: &SettlementPart) -> PyResult<()> {
    dict.set_item("kind", "settlement")?;
    dict.set_item("event", paid.event)?;
    dict.set_item("market", paid.market)?;
    dict.set_item("lots", paid.size_lots)?;
    dict.set_item("payout_ticks", paid.payout_ticks)?;
    dict.set_item("amount", paid.amount)?;
    dict.set_item("cash_after", paid.cash_after)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(add_event, module)?)?;
    module.add_function(wrap_pyfunction!(add_outcome, module)?)?;
    module.add_function(wrap_pyfunction!(close_event, module)?)?;
    module.add_function(wrap_pyfunction!(resolve_event, module)?)?;
    module.add_function(wrap_pyfunction!(void_event, module)?)?;
    module.add_function(wrap_pyfunction!(merge_outcomes, module)?)?;
    module.add_function(wrap_pyfunction!(split_outcomes, module)?)
}
