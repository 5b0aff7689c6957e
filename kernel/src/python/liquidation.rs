//! Encoders and events of the waterfall.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::encoders::frame;
use crate::encode;
use crate::liquidation::report::{cause, stage, Deleveraged, FundMove, Record};
use crate::liquidation::Rules;
use crate::wire::ALL_MARKETS;

#[pyfunction]
#[pyo3(signature = (asset, *, amount))]
fn fund_insurance(py: Python<'_>, asset: u32, amount: i64) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::fund_insurance(out, asset, amount))
}

#[pyfunction]
#[pyo3(signature = (market = ALL_MARKETS, *, slice_notional, fund_cap, fee_ppm = 10_000, slice_ppm = 200_000,
    pause_ms = 30_000, severe_ppm = 666_667, fund_margin_ppm = 50_000, work_ppm = 10_000, doubt_ppm = 100_000))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python face")]
fn set_liquidation_rules(
    py: Python<'_>,
    market: u32,
    slice_notional: i64,
    fund_cap: i64,
    fee_ppm: u32,
    slice_ppm: u32,
    pause_ms: u32,
    severe_ppm: u32,
    fund_margin_ppm: u32,
    work_ppm: u32,
    doubt_ppm: u32,
) -> Bound<'_, PyBytes> {
    let rules = Rules {
        fee_ppm,
        slice_notional,
        slice_ppm,
        pause_ms,
        severe_ppm,
        fund_cap,
        fund_margin_ppm,
        work_ppm,
        doubt_ppm,
    };
    frame(py, |out| encode::set_liquidation_rules(out, market, &rules))
}

#[pyfunction]
#[pyo3(signature = (until_ms))]
fn hold_liquidations(py: Python<'_>, until_ms: u64) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::hold_liquidations(out, until_ms))
}

fn market_of(market: u32) -> Option<u32> {
    (market != ALL_MARKETS).then_some(market)
}

pub fn put_liquidation(dict: &Bound<'_, PyDict>, record: &Record) -> PyResult<()> {
    dict.set_item("kind", "liquidation")?;
    dict.set_item("market", market_of(record.market))?;
    dict.set_item("stage", stage::NAMES[record.stage as usize])?;
    dict.set_item("cause", cause::NAMES[record.cause as usize])?;
    dict.set_item("isolated", record.isolated)?;
    dict.set_item("number", record.number)?;
    dict.set_item("lots", record.lots)?;
    dict.set_item("price_ticks", record.price)?;
    dict.set_item("value", record.value)?;
    dict.set_item("fee", record.fee)?;
    dict.set_item("bankruptcy_ticks", record.bankruptcy)?;
    dict.set_item("realised", record.realised)?;
    dict.set_item("equity_before", record.equity_before)?;
    dict.set_item("maintenance_before", record.maintenance_before)?;
    dict.set_item("equity_after", record.equity_after)?;
    dict.set_item("maintenance_after", record.maintenance_after)
}

pub fn put_adl(dict: &Bound<'_, PyDict>, adl: &Deleveraged) -> PyResult<()> {
    dict.set_item("kind", "adl")?;
    dict.set_item("market", adl.market)?;
    dict.set_item("rank", adl.rank)?;
    dict.set_item("cause", cause::NAMES[adl.cause as usize % cause::NAMES.len()])?;
    dict.set_item("number", adl.number)?;
    dict.set_item("lots", adl.lots)?;
    dict.set_item("price_ticks", adl.price)?;
    dict.set_item("value", adl.value)?;
    dict.set_item("realised", adl.realised)?;
    dict.set_item("needed", adl.needed)?;
    dict.set_item("taken", adl.taken)
}

pub fn put_insurance(dict: &Bound<'_, PyDict>, fund: &FundMove) -> PyResult<()> {
    dict.set_item("kind", "insurance")?;
    dict.set_item("asset", fund.asset)?;
    dict.set_item("market", market_of(fund.market))?;
    dict.set_item("cause", cause::NAMES[fund.cause as usize % cause::NAMES.len()])?;
    dict.set_item("stage", stage::NAMES[fund.stage as usize % stage::COUNT])?;
    dict.set_item("amount", fund.amount)?;
    dict.set_item("fund", fund.fund)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fund_insurance, module)?)?;
    module.add_function(wrap_pyfunction!(set_liquidation_rules, module)?)?;
    module.add_function(wrap_pyfunction!(hold_liquidations, module)?)
}
