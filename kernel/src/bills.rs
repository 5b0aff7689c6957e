//! Bills: one row of history for whatever moves a position or cash outside a plain trade, such as funding, a
//! liquidation, auto-deleveraging, a settlement or a share of fees. Rows are PostgreSQL's binary COPY tuples, in a
//! buffer of the batch; they are no part of the state, and a replay makes none.

use crate::copy::Row;
use crate::output::{Output, Stamp};

/// Columns of `bills_copy`, with their PostgreSQL types.
pub const BILL_COLUMNS: [(&str, &str); 13] = [
    ("group_id", "bigint"),
    ("sequence", "bigint"),
    ("bill_no", "integer"),
    ("account", "bigint"),
    ("market", "integer"),
    ("kind", "smallint"),
    ("lots", "bigint"),
    ("price_ticks", "bigint"),
    ("amount", "bigint"),
    ("fee", "bigint"),
    ("cash_after", "bigint"),
    ("extra", "bigint"),
    ("time_ms", "bigint"),
];

/// What a bill is about. Numbers are never reused.
pub mod bill_kind {
    /// Funding paid (negative) or received; `lots` the position, `price_ticks` the index, `extra` the rate in ppm.
    pub const FUNDING: u8 = 1;
    /// A position sold or bought by liquidation; `fee` to the insurance fund, `extra` the bankruptcy price in ticks.
    pub const LIQUIDATION: u8 = 2;
    /// A position reduced by auto-deleveraging; `extra` the rank.
    pub const ADL: u8 = 3;
    /// A contract paid out; `lots` the position, `price_ticks` the payout of a lot, `extra` the event.
    pub const SETTLEMENT: u8 = 4;
    /// The insurance fund paid or took; `extra` the fund afterwards.
    pub const INSURANCE: u8 = 5;
    /// Shares of a fill's fees: to the builder of the order; `extra` the builder's code.
    pub const BUILDER_FEE: u8 = 6;
    /// To the referrer of the payer; `extra` the payer's account.
    pub const REFERRAL: u8 = 7;
    /// Profit or loss realised by a reduced position; `extra` the trade.
    pub const REALISED: u8 = 8;
    /// Margin moved to (negative: cash into the bucket) or from an isolated position.
    pub const MARGIN: u8 = 9;
    /// A complete set made from cash or given back for it; `extra` the event.
    pub const SPLIT: u8 = 10;
    pub const MERGE: u8 = 11;
    /// Spot collateral sold by liquidation; `lots` and `price_ticks` of the sale.
    pub const COLLATERAL: u8 = 12;
    /// Units left over by rounding that a command moved to the dust account.
    pub const DUST: u8 = 13;

    pub const NAMES: [(u8, &str); 13] = [
        (FUNDING, "funding"),
        (LIQUIDATION, "liquidation"),
        (ADL, "adl"),
        (SETTLEMENT, "settlement"),
        (INSURANCE, "insurance"),
        (BUILDER_FEE, "builder_fee"),
        (REFERRAL, "referral"),
        (REALISED, "realised"),
        (MARGIN, "margin"),
        (SPLIT, "split"),
        (MERGE, "merge"),
        (COLLATERAL, "collateral"),
        (DUST, "dust"),
    ];
}

/// One movement of one account. Amounts are in units of the market's quote (settlement) asset, signed as the account
/// sees them; `fee` is positive if charged and not part of `amount`. `market` is `ALL_MARKETS` where none is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    pub account: u32,
    pub market: u32,
    pub kind: u8,
    pub lots: i64,
    pub price_ticks: i64,
    pub amount: i64,
    pub fee: i64,
    pub cash_after: i64,
    pub extra: i64,
}

/// Rows of one batch, and what numbers the next one: bills of a command count from 0.
#[derive(Default)]
pub struct Bills {
    pub rows: Vec<u8>,
    pub count: u64,
    sequence: u64,
    next: u32,
}

impl Bills {
    pub fn clear(&mut self) {
        self.rows.clear();
        self.count = 0;
    }

    fn number(&mut self, sequence: u64) -> u32 {
        if self.sequence != sequence {
            (self.sequence, self.next) = (sequence, 0);
        }
        self.next += 1;
        self.next - 1
    }
}

impl Output {
    /// Add one bill to the history of the batch.
    pub fn bill(&mut self, stamp: Stamp, bill: Bill) {
        if !self.enabled {
            return;
        }
        let number = self.bills.number(stamp.sequence);
        self.bills.count += 1;
        const ROOM: usize = 2 + 10 * 12 + 2 * 8 + 6;
        let mut row = Row::<ROOM>::begin(&mut self.bills.rows, BILL_COLUMNS.len());
        row.bigint(stamp.group as i64);
        row.bigint(stamp.sequence as i64);
        row.integer(number);
        row.bigint(i64::from(bill.account));
        row.integer(bill.market);
        row.smallint(bill.kind);
        for value in [bill.lots, bill.price_ticks, bill.amount, bill.fee, bill.cash_after, bill.extra] {
            row.bigint(value);
        }
        row.bigint(stamp.now_ms as i64);
        row.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: usize = BILL_COLUMNS.len();
    const ROW: usize = 2 + 10 * 12 + 2 * 8 + 6;

    #[test]
    fn bills_of_a_command_count_from_zero() {
        let mut out = Output { enabled: true, ..Output::default() };
        let stamp = |sequence| Stamp { group: 7, sequence, now_ms: 1_000 };
        for sequence in [4, 4, 5] {
            out.bill(stamp(sequence), Bill { account: 16, amount: -3, ..Bill::default() });
        }
        assert_eq!((out.bills.count, out.bills.rows.len()), (3, 3 * ROW));
        assert_eq!(out.bills.rows[..2], (COLUMNS as u16).to_be_bytes());
        let number = |row: usize| out.bills.rows[row * ROW + 2 + 24 + 7];
        assert_eq!([number(0), number(1), number(2)], [0, 1, 0]);
        out.enabled = false;
        out.clear();
        out.bill(stamp(6), Bill::default());
        assert_eq!((out.bills.count, out.bills.rows.len()), (0, 0), "a replay has no history");
    }
}
