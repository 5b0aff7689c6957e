//! Mandates, builders, referrers, capacity: encoders as Python sees them.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::encoders::frame;
use crate::encode::{self, MandateTerms};

#[pyfunction]
#[pyo3(signature = (account, key, *, rights, markets = Vec::new(), order_notional = 0, position_notional = 0,
    daily_loss = 0, leverage = 0, rate = 0, expires_ms = 0))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python face")]
#[allow(clippy::needless_pass_by_value, reason = "extracted from a Python sequence")]
fn set_mandate(
    py: Python<'_>,
    account: u32,
    key: u32,
    rights: u16,
    markets: Vec<u32>,
    order_notional: i64,
    position_notional: i64,
    daily_loss: i64,
    leverage: u16,
    rate: u32,
    expires_ms: u64,
) -> PyResult<Bound<'_, PyBytes>> {
    if markets.len() > crate::mandates::MAX_MARKETS {
        return Err(pyo3::exceptions::PyValueError::new_err("a mandate names at most 200 markets"));
    }
    let terms = MandateTerms {
        key,
        rights,
        leverage,
        rate,
        order_notional,
        position_notional,
        daily_loss,
        expires_ms,
        markets: &markets,
    };
    Ok(frame(py, |out| encode::set_mandate(out, account, &terms)))
}

#[pyfunction]
fn revoke_key(py: Python<'_>, account: u32, key: u32) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::revoke_key(out, account, key))
}

#[pyfunction]
#[pyo3(signature = (account, builder, *, cap_ppm))]
fn approve_builder(py: Python<'_>, account: u32, builder: u32, cap_ppm: u32) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::approve_builder(out, account, builder, cap_ppm))
}

#[pyfunction]
fn set_referrer(py: Python<'_>, account: u32, referrer: u32) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::set_referrer(out, account, referrer))
}

#[pyfunction]
fn set_capacity(py: Python<'_>, capacity: i64) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::set_capacity(out, capacity))
}

#[pyfunction]
#[pyo3(signature = (*, referral_ppm, builder_cap_ppm = crate::mandates::MAX_BUILDER_PPM))]
fn set_fee_split(py: Python<'_>, referral_ppm: u32, builder_cap_ppm: u32) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::set_fee_split(out, referral_ppm, builder_cap_ppm))
}

/// The code an order carries: the builder's account and its rate, a multiple of ten ppm.
#[pyfunction]
#[pyo3(signature = (account, *, rate_ppm))]
fn builder_code(account: u32, rate_ppm: u32) -> PyResult<u32> {
    encode::code_of(account, rate_ppm)
        .ok_or_else(|| pyo3::exceptions::PyValueError::new_err("a rate is a multiple of ten ppm up to 2,550"))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(set_mandate, module)?)?;
    module.add_function(wrap_pyfunction!(revoke_key, module)?)?;
    module.add_function(wrap_pyfunction!(approve_builder, module)?)?;
    module.add_function(wrap_pyfunction!(set_referrer, module)?)?;
    module.add_function(wrap_pyfunction!(set_capacity, module)?)?;
    module.add_function(wrap_pyfunction!(set_fee_split, module)?)?;
    module.add_function(wrap_pyfunction!(builder_code, module)?)
}
