//! Encoders of the price commands.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::encoders::frame;
use crate::encode::{self, Observed};
use crate::prices::{FundingRules, PriceRules};

/// What fits a frame.
const MOST: usize = 31;

#[pyfunction]
fn observe_prices<'py>(
    py: Python<'py>,
    observations: Vec<(u8, u32, u32, i64, u64)>,
) -> PyResult<Bound<'py, PyBytes>> {
    if observations.is_empty() || observations.len() > MOST {
        return Err(PyValueError::new_err("a frame carries 1 to 31 observations"));
    }
    let observed =
        |(what, market, source, price, published_ms)| Observed { what, market, source, price, published_ms };
    let observed: Vec<Observed> = observations.into_iter().map(observed).collect();
    Ok(frame(py, |out| encode::observe_prices(out, &observed)))
}

#[pyfunction]
#[pyo3(signature = (market, *, restart = false, interval_ms = 2_500,
    step_ppm = 10_000, day_factor = 10, stale_ms = 10_000, full_sources = 3, basis_ms = 150_000,
    slow_ms = 3_600_000, band_ppm = 50_000, divergence_ppm = 50_000, volatile_ppm = 100_000,
    ahead_ms = 2_000, halt_ms = 900_000))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python face")]
fn set_price_rules(
    py: Python<'_>,
    market: u32,
    restart: bool,
    interval_ms: u32,
    step_ppm: u32,
    day_factor: u32,
    stale_ms: u32,
    full_sources: u32,
    basis_ms: u32,
    slow_ms: u32,
    band_ppm: u32,
    divergence_ppm: u32,
    volatile_ppm: u32,
    ahead_ms: u32,
    halt_ms: u32,
) -> Bound<'_, PyBytes> {
    let rules = PriceRules {
        interval_ms,
        step_ppm,
        day_factor,
        stale_ms,
        full_sources,
        basis_ms,
        slow_ms,
        band_ppm,
        divergence_ppm,
        volatile_ppm,
        ahead_ms,
        halt_ms,
    };
    frame(py, |out| encode::set_price_rules(out, market, restart, &rules))
}

#[pyfunction]
#[pyo3(signature = (market, *, enabled = true, interest_ppm = 100, clamp_ppm = 500, cap_ppm = 40_000,
    impact_notional))]
fn set_funding(
    py: Python<'_>,
    market: u32,
    enabled: bool,
    interest_ppm: i32,
    clamp_ppm: u32,
    cap_ppm: u32,
    impact_notional: i64,
) -> Bound<'_, PyBytes> {
    let rules = FundingRules { enabled, interest_ppm, clamp_ppm, cap_ppm, impact_notional };
    frame(py, |out| encode::set_funding(out, market, &rules))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(observe_prices, module)?)?;
    module.add_function(wrap_pyfunction!(set_price_rules, module)?)?;
    module.add_function(wrap_pyfunction!(set_funding, module)?)
}
