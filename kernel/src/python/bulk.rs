//! Bulk entry as Python sees it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::bulk::{BulkCommands, Instrument, Instruments};

#[pyclass(name = "Instruments", module = "exchange_kernel")]
#[derive(Default)]
pub struct PyInstruments {
    instruments: Instruments,
}

#[pymethods]
impl PyInstruments {
    #[new]
    fn new() -> PyInstruments {
        PyInstruments::default()
    }

    #[pyo3(signature = (inst_id, market, *, price_scale, tick_units, size_scale, lot_units, quote_scale = 0))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python face")]
    fn add(
        &mut self,
        inst_id: &str,
        market: u32,
        price_scale: u32,
        tick_units: i64,
        size_scale: u32,
        lot_units: i64,
        quote_scale: u32,
    ) {
        let instrument = Instrument { market, price_scale, tick_units, size_scale, lot_units, quote_scale };
        self.instruments.add(inst_id, instrument);
    }

    fn __len__(&self) -> usize {
        self.instruments.len()
    }
}

#[pyclass(name = "BulkCommands", module = "exchange_kernel", frozen)]
pub struct PyBulkCommands {
    bulk: BulkCommands,
    #[pyo3(get)]
    packed: Py<PyBytes>,
}

#[pymethods]
impl PyBulkCommands {
    #[getter]
    fn count(&self) -> usize {
        self.bulk.count
    }

    #[getter]
    fn items(&self) -> usize {
        self.bulk.items()
    }

    #[getter]
    fn errors(&self) -> Vec<(usize, &'static str, &'static str)> {
        self.bulk.errors()
    }
}

#[pyfunction]
#[pyo3(signature = (body, instruments, account, key = 0, deadline_ms = 0, max_items = 5_000))]
fn decode_bulk(
    py: Python<'_>,
    body: &[u8],
    instruments: &PyInstruments,
    account: u32,
    key: u32,
    deadline_ms: u64,
    max_items: usize,
) -> PyResult<PyBulkCommands> {
    let table = &instruments.instruments;
    let decoded = py.allow_threads(|| crate::decode_bulk(body, table, account, key, deadline_ms, max_items));
    let bulk = decoded.map_err(|error| PyValueError::new_err(error.to_string()))?;
    let packed = PyBytes::new(py, &bulk.packed).unbind();
    Ok(PyBulkCommands { bulk, packed })
}

#[pyfunction]
fn render_bulk<'py>(py: Python<'py>, acks: &[u8], bulk: &PyBulkCommands) -> PyResult<Bound<'py, PyBytes>> {
    let rendered = py.allow_threads(|| crate::render_bulk(acks, &bulk.bulk));
    let bytes = rendered.ok_or_else(|| PyValueError::new_err("the acks are not those of this bulk"))?;
    Ok(PyBytes::new(py, &bytes))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(decode_bulk, module)?)?;
    module.add_function(wrap_pyfunction!(render_bulk, module)?)
}
