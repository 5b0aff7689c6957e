//! History as it is stored, for the engine that writes it and for those who read it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::decoders::copy_value;
use crate::copy::{FILL_COLUMNS, ORDER_COLUMNS};
use crate::packed::{self, Arrays, TRADE_BYTES};

/// (trade_id, price_ticks, size_lots, taker_side, time_ms)
type TradeRow = (u64, i64, i64, u8, u64);
type Columns<'py> = Vec<Bound<'py, PyBytes>>;

fn be(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn broken() -> PyErr {
    PyValueError::new_err("the bytes are not whole records")
}

fn columns(py: Python<'_>, arrays: Arrays) -> Columns<'_> {
    arrays.iter().map(|array| PyBytes::new(py, array)).collect()
}

#[pyfunction]
fn pack_fills<'py>(py: Python<'py>, rows: &[u8]) -> PyResult<(Columns<'py>, Columns<'py>)> {
    let (fills, trades) = py.allow_threads(|| packed::pack_fills(rows)).ok_or_else(broken)?;
    Ok((columns(py, fills), columns(py, trades)))
}

#[pyfunction]
fn pack_orders<'py>(py: Python<'py>, rows: &[u8]) -> PyResult<Columns<'py>> {
    Ok(columns(py, py.allow_threads(|| packed::pack_orders(rows)).ok_or_else(broken)?))
}

fn row<'py>(
    py: Python<'py>,
    columns: &[(&str, &str)],
    values: &[&[u8]],
    keys: &[(&str, u64)],
) -> PyResult<Bound<'py, PyTuple>> {
    let values = columns.iter().zip(values).map(|((name, kind), value)| {
        match keys.iter().find(|(key, _)| key == name) {
            Some((_, number)) => Ok(number.into_pyobject(py)?.into_any()),
            None => copy_value(py, kind, value),
        }
    });
    PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)
}

#[pyfunction]
fn unpack_fills<'py>(
    py: Python<'py>,
    group: u64,
    account: u64,
    page: &[u8],
) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    let keys = [("group_id", group), ("account", account)];
    let fills = packed::page_fills(page).ok_or_else(broken)?;
    fills.iter().map(|values| row(py, &FILL_COLUMNS, values, &keys)).collect()
}

#[pyfunction]
fn unpack_order<'py>(
    py: Python<'py>,
    group: u64,
    account: u64,
    order_id: u64,
    record: &[u8],
) -> PyResult<Bound<'py, PyTuple>> {
    let keys = [("group_id", group), ("account", account), ("order_id", order_id)];
    row(py, &ORDER_COLUMNS, &packed::order_members(record).ok_or_else(broken)?, &keys)
}

#[pyfunction]
fn unpack_trades(page: &[u8]) -> PyResult<Vec<TradeRow>> {
    if page.len() % TRADE_BYTES != 0 {
        return Err(broken());
    }
    let trade = |t: &[u8]| (be(t, 0), be(t, 8) as i64, be(t, 16) as i64, t[32], be(t, 24));
    Ok(page.chunks_exact(TRADE_BYTES).map(trade).collect())
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(pack_fills, module)?)?;
    module.add_function(wrap_pyfunction!(pack_orders, module)?)?;
    module.add_function(wrap_pyfunction!(unpack_fills, module)?)?;
    module.add_function(wrap_pyfunction!(unpack_order, module)?)?;
    module.add_function(wrap_pyfunction!(unpack_trades, module)?)
}
