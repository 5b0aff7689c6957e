//! Encoders of commands. Ranges are checked by the argument types; rules are the kernel's.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::encode::{self, Head, Listing, PlaceOrder, Target};
use crate::market::Parameters;
use crate::wire::{kind, ALL_MARKETS, BOTH_SIDES, MAX_CLIENT_ID};

/// A client id given as bytes or text.
#[derive(Default)]
pub(super) struct ClientId(pub Vec<u8>);

impl<'py> FromPyObject<'py> for ClientId {
    fn extract_bound(value: &Bound<'py, PyAny>) -> PyResult<Self> {
        let bytes = if let Ok(text) = value.downcast::<PyString>() {
            text.to_cow()?.as_bytes().to_vec()
        } else if let Ok(bytes) = value.downcast::<PyBytes>() {
            bytes.as_bytes().to_vec()
        } else {
            return Err(PyTypeError::new_err("a client id is bytes or str"));
        };
        if bytes.len() > MAX_CLIENT_ID {
            return Err(PyValueError::new_err("a client id has at most 32 characters"));
        }
        Ok(ClientId(bytes))
    }
}

pub(super) fn frame(py: Python<'_>, write: impl FnOnce(&mut Vec<u8>)) -> Bound<'_, PyBytes> {
    let mut out = Vec::with_capacity(160);
    write(&mut out);
    PyBytes::new(py, &out)
}

#[pyfunction]
#[pyo3(signature = (account, market, *, side, order_type = 0, tif = 0, price_ticks = 0, size_lots,
    client_id = ClientId::default(), stp = 0, post_only = false, reduce_only = false, quote_size = false,
    expires_ms = 0, deadline_ms = 0, key = 0, builder = 0, no_side = false))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python face")]
fn place<'py>(
    py: Python<'py>,
    account: u32,
    market: u32,
    side: u8,
    order_type: u8,
    tif: u8,
    price_ticks: i64,
    size_lots: i64,
    client_id: ClientId,
    stp: u8,
    post_only: bool,
    reduce_only: bool,
    quote_size: bool,
    expires_ms: u64,
    deadline_ms: u64,
    key: u32,
    builder: u32,
    no_side: bool,
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
        no: no_side,
        price_ticks,
        size_lots,
        client_id: &client_id.0,
        expires_ms,
        deadline_ms,
        builder,
    };
    Ok(frame(py, |out| encode::place(out, Head { account, market, key }, &order)))
}

#[pyfunction]
#[pyo3(signature = (account, market, *, order_id = 0, client_id = ClientId::default(), new_price_ticks = 0,
    new_size_lots = 0, cancel_on_fail = false, deadline_ms = 0, key = 0, no_side = false))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python face")]
fn amend<'py>(
    py: Python<'py>,
    account: u32,
    market: u32,
    order_id: u64,
    client_id: ClientId,
    new_price_ticks: i64,
    new_size_lots: i64,
    cancel_on_fail: bool,
    deadline_ms: u64,
    key: u32,
    no_side: bool,
) -> Bound<'py, PyBytes> {
    let target = Target { order_id, client_id: &client_id.0, deadline_ms };
    let head = Head { account, market, key };
    let write = if no_side { encode::amend_no } else { encode::amend };
    frame(py, |out| write(out, head, &target, new_price_ticks, new_size_lots, cancel_on_fail))
}

#[pyfunction]
#[pyo3(signature = (account, market, *, order_id = 0, client_id = ClientId::default(), deadline_ms = 0, key = 0))]
fn cancel<'py>(
    py: Python<'py>,
    account: u32,
    market: u32,
    order_id: u64,
    client_id: ClientId,
    deadline_ms: u64,
    key: u32,
) -> Bound<'py, PyBytes> {
    let target = Target { order_id, client_id: &client_id.0, deadline_ms };
    frame(py, |out| encode::cancel(out, Head { account, market, key }, &target))
}

#[pyfunction]
#[pyo3(signature = (account, *, market = ALL_MARKETS, side = BOTH_SIDES, key = 0))]
fn mass_cancel(py: Python<'_>, account: u32, market: u32, side: u8, key: u32) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::mass_cancel(out, Head { account, market, key }, side))
}

#[pyfunction]
#[pyo3(signature = (account, *, timeout_ms, key = 0))]
fn cancel_all_after(py: Python<'_>, account: u32, timeout_ms: u64, key: u32) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::cancel_all_after(out, account, key, timeout_ms))
}

#[pyfunction]
#[pyo3(signature = (account, *, owner, tier = 0))]
fn open_account(py: Python<'_>, account: u32, owner: u64, tier: u16) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::account(out, kind::OPEN_ACCOUNT, account, owner, tier, 0))
}

#[pyfunction]
#[pyo3(signature = (account, *, owner, tier = 0, flags = 0))]
fn set_account(py: Python<'_>, account: u32, owner: u64, tier: u16, flags: u16) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::account(out, kind::SET_ACCOUNT, account, owner, tier, flags))
}

#[pyfunction]
#[pyo3(signature = (account, asset, amount, *, transfer_id, issued_ms))]
fn deposit(
    py: Python<'_>,
    account: u32,
    asset: u32,
    amount: i64,
    transfer_id: u64,
    issued_ms: u64,
) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::transfer(out, kind::DEPOSIT, account, asset, amount, transfer_id, issued_ms))
}

#[pyfunction]
#[pyo3(signature = (account, asset, amount, *, transfer_id, issued_ms))]
fn withdraw(
    py: Python<'_>,
    account: u32,
    asset: u32,
    amount: i64,
    transfer_id: u64,
    issued_ms: u64,
) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::transfer(out, kind::WITHDRAW, account, asset, amount, transfer_id, issued_ms))
}

/// Symbols travel with a one-byte length.
fn short(symbol: &str) -> PyResult<&[u8]> {
    if symbol.len() > 32 {
        return Err(PyValueError::new_err("a symbol has at most 32 characters"));
    }
    Ok(symbol.as_bytes())
}

#[pyfunction]
#[pyo3(signature = (asset, *, scale, symbol))]
fn add_asset<'py>(py: Python<'py>, asset: u32, scale: u8, symbol: &str) -> PyResult<Bound<'py, PyBytes>> {
    let symbol = short(symbol)?;
    Ok(frame(py, |out| encode::add_asset(out, asset, scale, symbol)))
}

#[pyfunction]
#[pyo3(signature = (market, *, kind = 0, base, quote, lot_size, tick_quote, reference_ticks = 0, maker_ppm = 0,
    taker_ppm = 0, protocol_share_ppm = 0, band_ppm = 50_000, slippage_ppm = 50_000, min_lots = 1,
    max_lots = 1_000_000_000_000, min_notional = 0, max_levels = 50_000, max_matches = 1_000, payout_ticks = 0,
    symbol = ""))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python face")]
fn add_market<'py>(
    py: Python<'py>,
    market: u32,
    kind: u8,
    base: u32,
    quote: u32,
    lot_size: i64,
    tick_quote: i64,
    reference_ticks: i64,
    maker_ppm: i32,
    taker_ppm: i32,
    protocol_share_ppm: u32,
    band_ppm: u32,
    slippage_ppm: u32,
    min_lots: i64,
    max_lots: i64,
    min_notional: i64,
    max_levels: u32,
    max_matches: u32,
    payout_ticks: u32,
    symbol: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let listing = Listing { kind, base, quote, lot_size, tick_quote, payout_ticks, symbol: short(symbol)? };
    let parameters = Parameters {
        reference: reference_ticks,
        min_lots,
        max_lots,
        min_notional,
        maker_ppm,
        taker_ppm,
        protocol_share_ppm,
        band_ppm,
        slippage_ppm,
        max_levels,
        max_matches,
    };
    Ok(frame(py, |out| encode::add_market(out, market, &listing, &parameters)))
}

#[pyfunction]
#[pyo3(signature = (market, *, maker_ppm, taker_ppm, protocol_share_ppm, band_ppm = 50_000, slippage_ppm = 50_000,
    min_lots = 1, max_lots = 1_000_000_000_000, min_notional = 0, max_levels = 50_000, max_matches = 1_000,
    reference_ticks = 0))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python face")]
fn set_market_params<'py>(
    py: Python<'py>,
    market: u32,
    maker_ppm: i32,
    taker_ppm: i32,
    protocol_share_ppm: u32,
    band_ppm: u32,
    slippage_ppm: u32,
    min_lots: i64,
    max_lots: i64,
    min_notional: i64,
    max_levels: u32,
    max_matches: u32,
    reference_ticks: i64,
) -> Bound<'py, PyBytes> {
    let parameters = Parameters {
        reference: reference_ticks,
        min_lots,
        max_lots,
        min_notional,
        maker_ppm,
        taker_ppm,
        protocol_share_ppm,
        band_ppm,
        slippage_ppm,
        max_levels,
        max_matches,
    };
    frame(py, |out| encode::set_market_params(out, market, &parameters))
}

#[pyfunction]
#[pyo3(signature = (market, tier, *, maker_ppm, taker_ppm))]
fn set_fee_tier(
    py: Python<'_>,
    market: u32,
    tier: u32,
    maker_ppm: i32,
    taker_ppm: i32,
) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::set_fee_tier(out, market, tier, maker_ppm, taker_ppm))
}

#[pyfunction]
fn set_phase(py: Python<'_>, market: u32, phase: u8) -> Bound<'_, PyBytes> {
    frame(py, |out| encode::set_phase(out, market, phase))
}

#[pyfunction]
#[pyo3(signature = (*, max_accounts = 1_000_000, max_markets = 4_096, max_orders_per_account = 20_000,
    max_client_ids = 50_000_000))]
fn set_limits(
    py: Python<'_>,
    max_accounts: u32,
    max_markets: u32,
    max_orders_per_account: u32,
    max_client_ids: u32,
) -> Bound<'_, PyBytes> {
    frame(py, |out| {
        encode::set_limits(out, max_accounts, max_markets, max_orders_per_account, max_client_ids)
    })
}

#[pyfunction]
fn tick(py: Python<'_>) -> Bound<'_, PyBytes> {
    frame(py, encode::tick)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(place, module)?)?;
    module.add_function(wrap_pyfunction!(amend, module)?)?;
    module.add_function(wrap_pyfunction!(cancel, module)?)?;
    module.add_function(wrap_pyfunction!(mass_cancel, module)?)?;
    module.add_function(wrap_pyfunction!(cancel_all_after, module)?)?;
    module.add_function(wrap_pyfunction!(open_account, module)?)?;
    module.add_function(wrap_pyfunction!(set_account, module)?)?;
    module.add_function(wrap_pyfunction!(deposit, module)?)?;
    module.add_function(wrap_pyfunction!(withdraw, module)?)?;
    module.add_function(wrap_pyfunction!(add_asset, module)?)?;
    module.add_function(wrap_pyfunction!(add_market, module)?)?;
    module.add_function(wrap_pyfunction!(set_market_params, module)?)?;
    module.add_function(wrap_pyfunction!(set_fee_tier, module)?)?;
    module.add_function(wrap_pyfunction!(set_phase, module)?)?;
    module.add_function(wrap_pyfunction!(set_limits, module)?)?;
    module.add_function(wrap_pyfunction!(tick, module)?)
}
