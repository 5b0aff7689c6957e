//! Constants and closed lists as Python sees them.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::algo::show::ALGO_COLUMNS;
use crate::bills::{bill_kind, BILL_COLUMNS};
use crate::codes::{phase, state, Reject, REASONS};
use crate::copy::{FILL_COLUMNS, ORDER_COLUMNS};
use crate::prices::{Garbage, Grade};
use crate::wire::{self, kind};

const NUMBERS: &[(&str, u32)] = &[
    ("BUY", wire::BUY as u32),
    ("SELL", wire::SELL as u32),
    ("BOTH_SIDES", wire::BOTH_SIDES as u32),
    ("LIMIT", wire::LIMIT as u32),
    ("MARKET", wire::MARKET as u32),
    ("GTC", wire::GTC as u32),
    ("GTD", wire::GTD as u32),
    ("IOC", wire::IOC as u32),
    ("FOK", wire::FOK as u32),
    ("STP_CANCEL_MAKER", wire::STP_CANCEL_MAKER as u32),
    ("STP_CANCEL_TAKER", wire::STP_CANCEL_TAKER as u32),
    ("STP_CANCEL_BOTH", wire::STP_CANCEL_BOTH as u32),
    ("SPOT", 0),
    ("PERPETUAL", 1),
    ("OUTCOME", 2),
    ("PRICE_INDEX", crate::prices::INDEX as u32),
    ("PRICE_EXTERNAL", crate::prices::EXTERNAL as u32),
    ("MAKER", 0),
    ("TAKER", 1),
    ("STATE_NONE", state::NONE as u32),
    ("STATE_OPEN", state::OPEN as u32),
    ("STATE_FILLED", state::FILLED as u32),
    ("STATE_CANCELLED", state::CANCELLED as u32),
    ("PHASE_PENDING", phase::PENDING as u32),
    ("PHASE_AUCTION", phase::AUCTION as u32),
    ("PHASE_OPEN", phase::OPEN as u32),
    ("PHASE_HALTED", phase::HALTED as u32),
    ("PHASE_CLOSING", phase::CLOSING as u32),
    ("PHASE_SETTLING", phase::SETTLING as u32),
    ("PHASE_SETTLED", phase::SETTLED as u32),
    ("ACCOUNT_FROZEN", crate::FROZEN as u32),
    ("ACCOUNT_NO_WITHDRAWALS", crate::NO_WITHDRAWALS as u32),
    ("ACCOUNT_REDUCE_SPOT", crate::REDUCE_SPOT as u32),
    ("ACCOUNT_REDUCE_PERPETUAL", crate::REDUCE_PERPETUAL as u32),
    ("ACCOUNT_REDUCE_OUTCOME", crate::REDUCE_OUTCOME as u32),
    ("ACCOUNT_REDUCE_ONLY", crate::REDUCE_ONLY as u32),
    ("ALL_MARKETS", wire::ALL_MARKETS),
    ("OPERATOR", 0),
    ("VENUE_FEES", crate::VENUE_FEES),
    ("PROTOCOL_FEES", crate::PROTOCOL_FEES),
    ("INSURANCE", crate::INSURANCE),
    ("DUST", crate::DUST),
    ("FIRST_USER_ACCOUNT", crate::FIRST_USER),
    ("FLAG_REDUCE_ONLY", wire::flag::REDUCE_ONLY as u32),
    ("FLAG_NO", wire::flag::NO as u32),
    ("FLAG_WHOLE", wire::flag::WHOLE as u32),
    ("FLAG_FORCED", wire::flag::FORCED as u32),
    ("RIGHT_READ", crate::mandates::READ as u32),
    ("RIGHT_TRADE", crate::mandates::TRADE as u32),
    ("RIGHT_WITHDRAW", crate::mandates::WITHDRAW as u32),
    ("ACK_SIZE", crate::ACK_SIZE as u32),
];
const CANDLE_COLUMNS: [&str; 9] =
    ["market", "minute_ms", "open", "high", "low", "close", "volume_lots", "quote_volume", "trades"];

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    for (name, value) in NUMBERS {
        module.add(*name, *value)?;
    }
    let (kinds, rejects, okx) = (PyDict::new(py), PyDict::new(py), PyDict::new(py));
    for (name, value) in kind::NAMES {
        kinds.set_item(name, value)?;
    }
    rejects.set_item(0, ("OK", ""))?;
    okx.set_item(0, crate::okx_code(0))?;
    for reject in Reject::ALL {
        rejects.set_item(*reject as u16, (reject.name(), reject.sentence()))?;
        okx.set_item(*reject as u16, crate::okx_code(*reject as u16))?;
    }
    let (reasons, phases, moves) = (PyDict::new(py), PyDict::new(py), PyDict::new(py));
    for (reason, name, source, sentence) in REASONS {
        reasons.set_item(reason, (name, source, sentence))?;
    }
    for (number, name) in phase::NAMES.iter().enumerate() {
        phases.set_item(number, name)?;
        moves.set_item(number, PyTuple::new(py, phase::MOVES[number])?)?;
    }
    module.add("KINDS", kinds)?;
    module.add("REJECTS", rejects)?;
    module.add("OKX_CODES", okx)?;
    module.add("CANCEL_REASONS", reasons)?;
    module.add("PHASES", phases)?;
    module.add("PHASE_MOVES", moves)?;
    module.add("PRICE_GRADES", PyTuple::new(py, Grade::NAMES)?)?;
    module.add("PRICE_REFUSALS", PyTuple::new(py, Garbage::NAMES)?)?;
    module.add("FILL_COLUMNS", PyTuple::new(py, FILL_COLUMNS)?)?;
    module.add("ORDER_COLUMNS", PyTuple::new(py, ORDER_COLUMNS)?)?;
    module.add("ALGO_COLUMNS", PyTuple::new(py, ALGO_COLUMNS)?)?;
    module.add("ALGO_KINDS", PyTuple::new(py, crate::algo::kind::NAMES)?)?;
    module.add("ALGO_STATES", PyTuple::new(py, crate::algo::state::NAMES)?)?;
    module.add("BILL_COLUMNS", PyTuple::new(py, BILL_COLUMNS)?)?;
    let bills = PyDict::new(py);
    for (number, name) in bill_kind::NAMES {
        bills.set_item(name, number)?;
    }
    module.add("BILL_KINDS", bills)?;
    module.add("CANDLE_COLUMNS", PyTuple::new(py, CANDLE_COLUMNS)?)
}
