//! What one batch did, as Python sees it.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::kernel::{Applied, Kernel};
use crate::market::Trade;

type CandleRow = (u32, u64, i64, i64, i64, i64, i64, i64, i64);
type PriceCandleRow = (u32, u8, u64, i64, i64, i64, i64);
type TransferRow = (u64, u32, u32, i64, bool, u16);

#[pyclass(name = "Applied", module = "exchange_kernel", frozen)]
pub struct PyApplied {
    applied: Applied,
    #[pyo3(get)]
    count: u64,
    #[pyo3(get)]
    acks: Py<PyBytes>,
    #[pyo3(get)]
    fills_copy: Py<PyBytes>,
    #[pyo3(get)]
    fills_count: u64,
    #[pyo3(get)]
    orders_copy: Py<PyBytes>,
    #[pyo3(get)]
    orders_count: u64,
    #[pyo3(get)]
    algos_copy: Py<PyBytes>,
    #[pyo3(get)]
    algos_count: u64,
    #[pyo3(get)]
    bills_copy: Py<PyBytes>,
    #[pyo3(get)]
    bills_count: u64,
    #[pyo3(get)]
    events: Py<PyBytes>,
    trades: Vec<(u32, Trade)>,
    #[pyo3(get)]
    transfers: Vec<TransferRow>,
    #[pyo3(get)]
    candles: Vec<CandleRow>,
    #[pyo3(get)]
    price_candles: Vec<PriceCandleRow>,
    #[pyo3(get)]
    dirty_markets: Vec<u32>,
    #[pyo3(get)]
    dirty_accounts: Vec<u32>,
}

impl PyApplied {
    /// Take the outputs of the batch just applied out of the kernel.
    pub fn take(py: Python<'_>, kernel: &mut Kernel, applied: Applied) -> PyApplied {
        let dirty_accounts = kernel.dirty_accounts();
        let candles = kernel.touched_candles().into_iter().map(|(market, c)| {
            (market, c.minute_ms, c.open, c.high, c.low, c.close, c.lots, c.quote, c.trades)
        });
        let candles = candles.collect();
        let price_candles = kernel.touched_price_candles().into_iter();
        let price_candles = price_candles
            .map(|(market, what, c)| (market, what, c.minute_ms, c.open, c.high, c.low, c.close));
        let price_candles = price_candles.collect();
        let out = kernel.output_mut();
        let transfers = out.transfers.iter().map(|transfer| {
            let accepted = transfer.code == 0;
            (transfer.transfer_id, transfer.account, transfer.asset, transfer.amount, accepted, transfer.code)
        });
        PyApplied {
            applied,
            count: out.count,
            acks: PyBytes::new(py, &out.acks).unbind(),
            fills_copy: PyBytes::new(py, &out.fills).unbind(),
            fills_count: out.fills_count,
            orders_copy: PyBytes::new(py, &out.orders).unbind(),
            orders_count: out.orders_count,
            algos_copy: PyBytes::new(py, &out.algos).unbind(),
            algos_count: out.algos_count,
            bills_copy: PyBytes::new(py, &out.bills.rows).unbind(),
            bills_count: out.bills.count,
            events: PyBytes::new(py, &out.events).unbind(),
            transfers: transfers.collect(),
            candles,
            price_candles,
            dirty_accounts,
            trades: std::mem::take(&mut out.trades),
            dirty_markets: std::mem::take(&mut out.dirty_markets),
        }
    }
}

#[pymethods]
impl PyApplied {
    #[getter]
    fn first_sequence(&self) -> u64 {
        self.applied.first_sequence
    }

    #[getter]
    fn last_sequence(&self) -> u64 {
        self.applied.last_sequence
    }

    #[getter]
    fn rejected(&self) -> u64 {
        self.applied.rejected
    }

    #[getter]
    fn trades(&self) -> u64 {
        self.applied.trades
    }

    #[getter]
    fn now_ms(&self) -> u64 {
        self.applied.now_ms
    }

    /// market -> [(trade_id, price_ticks, size_lots, taker_side, time_ms)]
    #[getter]
    fn market_trades<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let markets = PyDict::new(py);
        for (market, trade) in &self.trades {
            let row = (trade.trade_id, trade.price, trade.lots, trade.taker_side, trade.time_ms);
            match markets.get_item(market)? {
                Some(rows) => rows.downcast::<PyList>()?.append(row)?,
                None => markets.set_item(market, PyList::new(py, [row])?)?,
            }
        }
        Ok(markets)
    }

    fn __repr__(&self) -> String {
        let applied = &self.applied;
        format!(
            "Applied(sequences {}..={}, {} rejected, {} trades)",
            applied.first_sequence, applied.last_sequence, applied.rejected, applied.trades
        )
    }
}
