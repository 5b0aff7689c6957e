//! Encoders of the commands of contracts.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::encoders::frame;
use crate::contracts::collateral::{Haircut, HAIRCUTS};
use crate::contracts::rules::{Tier, TIERS};
use crate::contracts::Rules;
use crate::encode::{self, Head};

#[pyfunction]
#[pyo3(signature = (account, market, *, leverage, key = 0))]
fn set_leverage(py: Python<'_>, account: u32, market: u32, leverage: u32, key: u32) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::set_leverage(out, Head { account, market, key }, leverage))
}

#[pyfunction]
#[pyo3(signature = (account, market, *, amount, key = 0))]
fn move_margin(py: Python<'_>, account: u32, market: u32, amount: i64, key: u32) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::move_margin(out, Head { account, market, key }, amount))
}

#[pyfunction]
#[pyo3(signature = (account, market, *, isolated, key = 0))]
fn set_margin_mode(
    py: Python<'_>,
    account: u32,
    market: u32,
    isolated: bool,
    key: u32,
) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::set_margin_mode(out, Head { account, market, key }, isolated))
}

#[pyfunction]
#[pyo3(signature = (account, market, *, price_ticks = 0, turn = false, deadline_ms = 0, key = 0))]
fn close_position(
    py: Python<'_>,
    account: u32,
    market: u32,
    price_ticks: i64,
    turn: bool,
    deadline_ms: u64,
    key: u32,
) -> Bound<'_, PyBytes> {
    let head = Head { account, market, key };
    frame(py, |out| encode::close_position(out, head, price_ticks, turn, deadline_ms))
}

#[pyfunction]
#[pyo3(signature = (market, tiers, *, interest_low = 0, interest_high = 0, interest_cap = 0))]
fn set_margin_tiers(
    py: Python<'_>,
    market: u32,
    tiers: Vec<(i64, u32, u32)>,
    interest_low: i64,
    interest_high: i64,
    interest_cap: i64,
) -> PyResult<Bound<'_, PyBytes>> {
    if !(1..=TIERS).contains(&tiers.len()) {
        return Err(PyValueError::new_err("a market has 1 to 8 tiers"));
    }
    let mut rules =
        Rules { count: tiers.len() as u8, interest_low, interest_high, interest_cap, ..Rules::default() };
    for (tier, (up_to, initial_ppm, maintenance_ppm)) in rules.tiers.iter_mut().zip(tiers) {
        *tier = Tier { up_to, initial_ppm, maintenance_ppm };
    }
    Ok(frame(py, |out| encode::set_margin_tiers(out, market, &rules)))
}

#[pyfunction]
fn set_collateral(py: Python<'_>, market: u32, haircuts: Vec<(i64, u32)>) -> PyResult<Bound<'_, PyBytes>> {
    if haircuts.len() > HAIRCUTS {
        return Err(PyValueError::new_err("collateral has at most 8 tiers"));
    }
    let tiers = haircuts.into_iter().map(|(up_to, haircut_ppm)| Haircut { up_to, haircut_ppm });
    let tiers: Vec<Haircut> = tiers.collect();
    Ok(frame(py, |out| encode::set_collateral(out, market, &tiers)))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(set_leverage, module)?)?;
    module.add_function(wrap_pyfunction!(move_margin, module)?)?;
    module.add_function(wrap_pyfunction!(set_margin_mode, module)?)?;
    module.add_function(wrap_pyfunction!(close_position, module)?)?;
    module.add_function(wrap_pyfunction!(set_margin_tiers, module)?)?;
    module.add_function(wrap_pyfunction!(set_collateral, module)?)
}
