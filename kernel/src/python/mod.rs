//! The Python face: thin wrappers that convert and translate errors. Every rule lives in the core.

mod algo;
mod applied;
mod bulk;
mod constants;
mod contracts;
mod decoders;
mod encoders;
mod kernel;
mod liquidation;
mod mandates;
mod outcomes;
mod packed;
mod prices;

use pyo3::create_exception;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

create_exception!(exchange_kernel, KernelBroken, PyRuntimeError, "An invariant of the kernel failed.");
create_exception!(exchange_kernel, SnapshotError, PyValueError, "Not a whole snapshot this build reads.");

#[pymodule]
fn _exchange_kernel(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("KernelBroken", module.py().get_type::<KernelBroken>())?;
    module.add("SnapshotError", module.py().get_type::<SnapshotError>())?;
    module.add_class::<kernel::PyKernel>()?;
    module.add_class::<applied::PyApplied>()?;
    module.add_class::<bulk::PyInstruments>()?;
    module.add_class::<bulk::PyBulkCommands>()?;
    constants::register(module)?;
    encoders::register(module)?;
    algo::register(module)?;
    contracts::register(module)?;
    liquidation::register(module)?;
    mandates::register(module)?;
    outcomes::register(module)?;
    prices::register(module)?;
    decoders::register(module)?;
    packed::register(module)?;
    bulk::register(module)
}
