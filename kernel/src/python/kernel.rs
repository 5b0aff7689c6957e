//! The kernel class. The GIL is released while Rust works; a panic is a broken invariant and closes the
//! object.

use std::panic::{catch_unwind, AssertUnwindSafe};

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::applied::PyApplied;
use super::{KernelBroken, SnapshotError};
use crate::kernel::Kernel;
use crate::publish::{BookDelta, PublicLevel};

#[pyclass(name = "Kernel", module = "exchange_kernel")]
pub struct PyKernel {
    kernel: Kernel,
    broken: bool,
}

impl PyKernel {
    /// Run `work` without the GIL; afterwards the kernel is either sound or closed.
    fn guarded<T: Send>(
        &mut self,
        py: Python<'_>,
        work: impl FnOnce(&mut Kernel) -> T + Send,
    ) -> PyResult<T> {
        if self.broken {
            return Err(KernelBroken::new_err("the kernel is closed: an invariant failed before"));
        }
        let kernel = &mut self.kernel;
        py.allow_threads(move || catch_unwind(AssertUnwindSafe(|| work(kernel)))).map_err(|panic| {
            self.broken = true;
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            KernelBroken::new_err(text.unwrap_or("an invariant failed").to_owned())
        })
    }
}

fn delta_dict<'py>(py: Python<'py>, delta: &BookDelta) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("market", delta.market)?;
    dict.set_item("seq", delta.seq)?;
    dict.set_item("prev", delta.prev)?;
    dict.set_item("bids", &delta.bids)?;
    dict.set_item("asks", &delta.asks)?;
    dict.set_item("checkpoint", delta.checkpoint)?;
    dict.set_item("phase", delta.phase)?;
    Ok(dict)
}

fn unknown_market(market: u32) -> PyErr {
    PyKeyError::new_err(format!("there is no market {market}"))
}

#[pymethods]
impl PyKernel {
    #[new]
    fn new(group: u64) -> PyKernel {
        PyKernel { kernel: Kernel::new(group), broken: false }
    }

    #[staticmethod]
    fn restore(py: Python<'_>, snapshot: &[u8]) -> PyResult<PyKernel> {
        let restored = py.allow_threads(|| catch_unwind(|| Kernel::restore(snapshot)));
        match restored {
            Ok(Ok(kernel)) => Ok(PyKernel { kernel, broken: false }),
            Ok(Err(error)) => Err(SnapshotError::new_err(error.to_string())),
            Err(_) => Err(SnapshotError::new_err("the snapshot contradicts itself")),
        }
    }

    #[getter]
    fn group(&self) -> u64 {
        self.kernel.group()
    }

    #[getter]
    fn sequence(&self) -> u64 {
        self.kernel.sequence()
    }

    #[getter]
    fn now_ms(&self) -> u64 {
        self.kernel.now_ms()
    }

    #[getter]
    fn next_timer_ms(&self) -> Option<u64> {
        self.kernel.next_timer_ms()
    }

    fn apply(&mut self, py: Python<'_>, commands: &[u8], now_ms: u64) -> PyResult<PyApplied> {
        let applied = self.guarded(py, |kernel| kernel.apply(commands, now_ms))?;
        Ok(PyApplied::take(py, &mut self.kernel, applied))
    }

    fn replay(&mut self, py: Python<'_>, commands: &[u8], now_ms: u64) -> PyResult<u64> {
        let applied = self.guarded(py, |kernel| kernel.replay(commands, now_ms))?;
        Ok(applied.last_sequence + 1 - applied.first_sequence)
    }

    fn query<'py>(&mut self, py: Python<'py>, request: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let answer = self.guarded(py, |kernel| kernel.query(request))?;
        Ok(PyBytes::new(py, &answer))
    }

    #[pyo3(signature = (market, depth = 400))]
    fn book(&self, market: u32, depth: usize) -> PyResult<(Vec<PublicLevel>, Vec<PublicLevel>)> {
        self.kernel.book(market, depth).ok_or_else(|| unknown_market(market))
    }

    #[pyo3(signature = (market, depth = 400, checkpoint = false))]
    fn book_delta<'py>(
        &mut self,
        py: Python<'py>,
        market: u32,
        depth: usize,
        checkpoint: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        let delta =
            self.kernel.book_delta(market, depth, checkpoint).ok_or_else(|| unknown_market(market))?;
        delta_dict(py, &delta)
    }

    fn published_book<'py>(&self, py: Python<'py>, market: u32) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.kernel.published_book(market).map(|book| delta_dict(py, book)).transpose()
    }

    fn snapshot<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.guarded(py, |kernel| kernel.snapshot())?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn state_root<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let root = self.guarded(py, |kernel| kernel.state_root())?;
        Ok(PyBytes::new(py, &root))
    }

    fn totals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let totals = PyDict::new(py);
        for (asset, units) in self.kernel.totals() {
            totals.set_item(asset, units)?;
        }
        Ok(totals)
    }

    fn worths<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let worths = self.guarded(py, |kernel| kernel.worths())?;
        let mut rows = Vec::with_capacity(worths.len() * 24);
        for worth in worths {
            rows.extend_from_slice(&worth.owner.to_le_bytes());
            rows.extend_from_slice(&worth.account.to_le_bytes());
            rows.extend_from_slice(&worth.asset.to_le_bytes());
            rows.extend_from_slice(&worth.units.to_le_bytes());
        }
        Ok(PyBytes::new(py, &rows))
    }

    fn check_invariants(&mut self, py: Python<'_>) -> PyResult<()> {
        self.guarded(py, |kernel| kernel.check_invariants())?.map_err(KernelBroken::new_err)
    }
}
