//! What the waterfall tells: one record a step, kept in a ring for queries and sent as a private event; one
//! event for each position that was deleveraged; one for each movement of the insurance fund.

use std::collections::VecDeque;

use crate::accounts::INSURANCE;
use crate::codec::{Reader, Writer};
use crate::events::Body;
use crate::output::{header, Output, Stamp, EVENT_HEADER};
use crate::pen::Pen;

pub const EVENT_LIQUIDATION: u8 = 6;
pub const EVENT_ADL: u8 = 7;
pub const EVENT_INSURANCE: u8 = 12;
pub const LIQUIDATION_EVENT: usize = EVENT_HEADER + 96;
pub const ADL_EVENT: usize = EVENT_HEADER + 72;
pub const INSURANCE_EVENT: usize = EVENT_HEADER + 32;
/// Records kept for queries.
pub const KEPT: usize = 2_048;
const RECORD: usize = 16 + 4 + 4 + 4 + 8 * 11;

/// Steps of the waterfall, in its order.
pub mod stage {
    pub const NONE: u8 = 0;
    /// Orders that add risk were cancelled; `lots` is their number.
    pub const CANCELLED: u8 = 1;
    /// Closed in the book.
    pub const BOOK: u8 = 2;
    /// Collateral sold in its spot market.
    pub const COLLATERAL: u8 = 3;
    /// Taken by the insurance fund at the bankruptcy price.
    pub const FUND: u8 = 4;
    /// Closed against the other side at the bankruptcy price.
    pub const ADL: u8 = 5;
    /// A negative balance with nothing left to sell, paid by the insurance fund.
    pub const ABSORBED: u8 = 6;
    /// The fund works a position off in the book.
    pub const WORKED_OFF: u8 = 7;

    pub const NAMES: [&str; 8] =
        ["", "cancelled", "book", "collateral", "insurance_fund", "adl", "absorbed", "worked_off"];
    pub const COUNT: usize = NAMES.len();
}

/// Why a step was taken.
pub mod cause {
    /// Equity below maintenance.
    pub const MAINTENANCE: u8 = 1;
    /// Equity below the severe share of maintenance.
    pub const SEVERE: u8 = 2;
    /// The book had nothing left within the bankruptcy price.
    pub const NO_LIQUIDITY: u8 = 3;
    /// The fund already carries its cap in this market.
    pub const FUND_CAP: u8 = 4;
    /// The fund's own equity does not bear more.
    pub const FUND_EMPTY: u8 = 5;
    /// Cash below zero.
    pub const NEGATIVE_CASH: u8 = 6;
    /// The fee of a close in the book.
    pub const FEE: u8 = 7;
    /// The operator moved venue fees into the fund.
    pub const FUNDED: u8 = 8;

    pub const NAMES: [&str; 9] = [
        "",
        "maintenance",
        "severe",
        "no_liquidity",
        "fund_cap",
        "fund_empty",
        "negative_cash",
        "fee",
        "funded",
    ];
}

/// One step of the waterfall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub sequence: u64,
    pub time_ms: u64,
    pub account: u32,
    pub market: u32,
    pub stage: u8,
    pub cause: u8,
    pub isolated: bool,
    /// Number of the liquidation; its steps share it.
    pub number: u64,
    /// Closed, with the sign of the position; of collateral, lots sold.
    pub lots: i64,
    /// Average price in ticks (book, collateral) or bankruptcy price rounded down.
    pub price: i64,
    /// Signed value of what was closed, exact.
    pub value: i64,
    /// To the insurance fund.
    pub fee: i64,
    pub equity_before: i64,
    pub maintenance_before: i64,
    pub equity_after: i64,
    pub maintenance_after: i64,
    /// Bankruptcy price in ticks.
    pub bankruptcy: i64,
    /// Cash it moved: profit realised, proceeds of collateral, debt paid. The fee is not taken off.
    pub realised: i64,
}

impl Record {
    fn amounts(&self) -> [i64; 11] {
        let numbers = [self.number as i64, self.lots, self.price, self.value, self.fee];
        let risk = [self.equity_before, self.maintenance_before, self.equity_after, self.maintenance_after];
        let mut all = [0; 11];
        all[..5].copy_from_slice(&numbers);
        all[5..9].copy_from_slice(&risk);
        all[9] = self.bankruptcy;
        all[10] = self.realised;
        all
    }

    fn write(&self, out: &mut Writer) {
        out.u64(self.sequence);
        out.u64(self.time_ms);
        out.u32(self.account);
        out.u32(self.market);
        out.raw(&[self.stage, self.cause, u8::from(self.isolated), 0]);
        for amount in self.amounts() {
            out.i64(amount);
        }
    }

    fn read(input: &mut Reader) -> Option<Record> {
        let (sequence, time_ms, account) = (input.u64()?, input.u64()?, input.u32()?);
        Record::read_members(input, sequence, time_ms, account)
    }

    fn read_members(input: &mut Reader, sequence: u64, time_ms: u64, account: u32) -> Option<Record> {
        let market = input.u32()?;
        let small = input.raw(4)?;
        let mut amounts = [0; 11];
        for amount in &mut amounts {
            *amount = input.i64()?;
        }
        let [number, lots, price, value, fee, e0, m0, e1, m1, bankruptcy, realised] = amounts;
        let known = usize::from(small[0]) < stage::COUNT && usize::from(small[1]) < cause::NAMES.len();
        (known && small[2] <= 1 && small[3] == 0).then_some(Record {
            sequence,
            time_ms,
            account,
            market,
            stage: small[0],
            cause: small[1],
            isolated: small[2] == 1,
            number: number as u64,
            lots,
            price,
            value,
            fee,
            equity_before: e0,
            maintenance_before: m0,
            equity_after: e1,
            maintenance_after: m1,
            bankruptcy,
            realised,
        })
    }
}

/// The last `KEPT` records, oldest first.
#[derive(Default)]
pub struct Ring {
    records: VecDeque<Record>,
}

impl Ring {
    pub fn push(&mut self, record: Record) {
        if self.records.len() == KEPT {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.records.iter()
    }

    pub(crate) fn write_section(&self, out: &mut Writer) {
        out.count(self.records.len());
        for record in &self.records {
            record.write(out);
        }
    }

    pub(crate) fn read_section(input: &mut Reader) -> Option<Ring> {
        let mut ring = Ring::default();
        for _ in 0..input.count(RECORD)? {
            ring.push(Record::read(input)?);
        }
        Some(ring)
    }
}

/// One position that was closed by auto-deleveraging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleveraged {
    pub account: u32,
    pub market: u32,
    /// Place in the order of this step, from 1.
    pub rank: u32,
    pub cause: u8,
    pub number: u64,
    /// Closed, with the sign of this account's position.
    pub lots: i64,
    pub price: i64,
    pub value: i64,
    pub realised: i64,
    /// Lots the step had to close, and those it has closed up to and with this one.
    pub needed: i64,
    pub taken: i64,
}

/// One movement of the insurance fund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundMove {
    pub asset: u32,
    pub market: u32,
    pub cause: u8,
    pub stage: u8,
    pub amount: i64,
    pub fund: i64,
}

impl Output {
    pub(crate) fn liquidation_event(&mut self, stamp: Stamp, record: &Record) {
        if !self.enabled {
            return;
        }
        let mut pen = Pen::begin(&mut self.events, LIQUIDATION_EVENT);
        header(&mut pen, EVENT_LIQUIDATION, 0, LIQUIDATION_EVENT, record.account, stamp);
        pen.u32(record.market);
        pen.u8(record.stage);
        pen.u8(record.cause);
        pen.u8(u8::from(record.isolated));
        pen.u8(0);
        for amount in record.amounts() {
            pen.i64(amount);
        }
        pen.end();
    }

    pub(crate) fn adl_event(&mut self, stamp: Stamp, adl: &Deleveraged) {
        if !self.enabled {
            return;
        }
        let mut pen = Pen::begin(&mut self.events, ADL_EVENT);
        header(&mut pen, EVENT_ADL, 0, ADL_EVENT, adl.account, stamp);
        pen.u32(adl.market);
        pen.u32(adl.rank);
        pen.u32(u32::from(adl.cause));
        pen.u32(0);
        pen.u64(adl.number);
        for amount in [adl.lots, adl.price, adl.value, adl.realised, adl.needed, adl.taken] {
            pen.i64(amount);
        }
        pen.end();
    }

    pub(crate) fn insurance_event(&mut self, stamp: Stamp, fund: &FundMove) {
        if !self.enabled {
            return;
        }
        let mut pen = Pen::begin(&mut self.events, INSURANCE_EVENT);
        header(&mut pen, EVENT_INSURANCE, 0, INSURANCE_EVENT, INSURANCE, stamp);
        pen.u32(fund.asset);
        pen.u32(fund.market);
        pen.u8(fund.cause);
        pen.u8(fund.stage);
        pen.u16(0);
        pen.u32(0);
        pen.i64(fund.amount);
        pen.i64(fund.fund);
        pen.end();
    }
}

/// The body of an event of this module; `None` for other kinds and for records that are too short.
pub fn read(kind: u8, bytes: &[u8]) -> Option<Body> {
    let mut input = Reader::new(bytes);
    input.raw(4)?;
    let account = input.u32()?;
    let (sequence, time_ms) = (input.u64()?, input.u64()?);
    match kind {
        EVENT_LIQUIDATION if bytes.len() == LIQUIDATION_EVENT => {
            Record::read_members(&mut input, sequence, time_ms, account).map(Body::Liquidation)
        }
        EVENT_ADL if bytes.len() == ADL_EVENT => {
            let (market, rank, cause) = (input.u32()?, input.u32()?, input.u32()? as u8);
            input.u32()?;
            Some(Body::Adl(Deleveraged {
                account,
                market,
                rank,
                cause,
                number: input.u64()?,
                lots: input.i64()?,
                price: input.i64()?,
                value: input.i64()?,
                realised: input.i64()?,
                needed: input.i64()?,
                taken: input.i64()?,
            }))
        }
        EVENT_INSURANCE if bytes.len() == INSURANCE_EVENT => {
            let (asset, market) = (input.u32()?, input.u32()?);
            let small = input.raw(8)?;
            let (amount, fund) = (input.i64()?, input.i64()?);
            Some(Body::Insurance(FundMove { asset, market, cause: small[0], stage: small[1], amount, fund }))
        }
        _ => None,
    }
}
