//! History as it is stored. Rows of a batch become few and narrow rows of PostgreSQL, because each stored row and each
//! index entry costs a microsecond of the commit that traders wait for: the fills of an account are one page, the trades
//! of a market another, a closed order is its key and one value. The result are arrays in PostgreSQL's binary form, one
//! for each column, to be unnested by the statement that journals the batch.
//!
//! A record is the members of a COPY row in the order of its columns without those of the key, numbers big-endian in
//! their width, the one text at the end. In a page each record follows its length in one byte.

use crate::copy::{CHAR, FILL_COLUMNS, MARK, ORDER_COLUMNS};
use crate::wire::flag;

/// A page with more is begun anew: larger rows would be stored out of line.
pub const PAGE_BYTES: usize = 1_800;
/// Trade id, price, lots, time, side of the taker.
pub const TRADE_BYTES: usize = 33;
const FILL_KEYS: [&str; 2] = ["group_id", "account"];
const ORDER_KEYS: [&str; 3] = ["group_id", "account", "order_id"];
const MAX_COLUMNS: usize = 32;
const TAKER: u64 = 1;

const BIGINT: u32 = 20;
const INTEGER: u32 = 23;
const BYTEA: u32 = 17;

type Column = (&'static str, &'static str);
type Values<'a> = [&'a [u8]; MAX_COLUMNS];

/// Columns of rows to insert, each an array of PostgreSQL's binary form.
pub type Arrays = [Vec<u8>; 5];

/// A one-dimensional array being written.
struct Array {
    bytes: Vec<u8>,
    count: u32,
}

impl Array {
    fn of(element: u32, room: usize) -> Array {
        let mut bytes = Vec::with_capacity(20 + room);
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&element.to_be_bytes());
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
        Array { bytes, count: 0 }
    }

    fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(&(value.len() as u32).to_be_bytes());
        self.bytes.extend_from_slice(value);
        self.count += 1;
    }

    fn end(mut self) -> Vec<u8> {
        if self.count == 0 {
            self.bytes.truncate(12);
        } else {
            self.bytes[..4].copy_from_slice(&1u32.to_be_bytes());
            self.bytes[12..16].copy_from_slice(&self.count.to_be_bytes());
        }
        self.bytes
    }
}

/// Width of a column's values; `None` for text.
pub fn width(kind: &str) -> Option<usize> {
    match kind {
        "bigint" => Some(8),
        "integer" => Some(4),
        "smallint" => Some(2),
        "boolean" | CHAR => Some(1),
        _ => None,
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Values of the first COPY row of `rows`, and the rows behind it; `None` if it is no whole row.
fn split<'a>(rows: &'a [u8], columns: &[Column]) -> Option<(Values<'a>, &'a [u8])> {
    let mut values: Values = [&[]; MAX_COLUMNS];
    let mut rest = rows.get(2..)?;
    for value in &mut values[..columns.len()] {
        let length = number(rest.get(..4)?) as usize;
        *value = rest.get(4..4 + length)?;
        rest = &rest[4 + length..];
    }
    Some((values, rest))
}

fn place(columns: &[Column], name: &str) -> usize {
    columns.iter().position(|(column, _)| *column == name).expect("the column is in the list")
}

/// Write the record of a row: numbers, then the text. A mark of 0 is left out.
fn record(out: &mut Vec<u8>, values: &Values, columns: &[Column], keys: &[&str]) {
    let told = |name: &str, value: &[u8]| !keys.contains(&name) && (name != MARK || number(value) != 0);
    let members = || columns.iter().zip(values).filter(|((name, _), value)| told(name, value));
    for texts in [false, true] {
        members()
            .filter(|((_, kind), _)| width(kind).is_none() == texts)
            .for_each(|(_, v)| out.extend_from_slice(v));
    }
}

/// Values of a record in the order of the columns, those of the keys left empty; `None` if it is not whole.
pub fn members<'a>(mut record: &'a [u8], columns: &[Column], keys: &[&str]) -> Option<Vec<&'a [u8]>> {
    let mut values: Vec<&[u8]> = vec![&[]; columns.len()];
    let mut flags = 0;
    for ((name, kind), value) in columns.iter().zip(&mut values) {
        let is_there = !keys.contains(name) && (*name != MARK || flags & flag::MARKED != 0);
        if let (Some(width), true) = (width(kind), is_there) {
            *value = record.get(..width)?;
            record = &record[width..];
        }
        if *name == "flags" {
            flags = value.first().copied().unwrap_or_default();
        }
    }
    if let Some(text) = columns.iter().position(|(_, kind)| width(kind).is_none()) {
        values[text] = record;
    }
    Some(values)
}

/// Members of every fill in a page, as `members` gives them.
pub fn page_fills(mut page: &[u8]) -> Option<Vec<Vec<&[u8]>>> {
    let mut fills = Vec::new();
    while let Some((&length, rest)) = page.split_first() {
        let record = rest.get(..length as usize)?;
        fills.push(members(record, &FILL_COLUMNS, &FILL_KEYS)?);
        page = &rest[length as usize..];
    }
    Some(fills)
}

/// Members of a closed order's record.
pub fn order_members(record: &[u8]) -> Option<Vec<&[u8]>> {
    members(record, &ORDER_COLUMNS, &ORDER_KEYS)
}

/// A record on its way to a page: whose page, which key and time the page has if it is the last, where its bytes are.
struct Part {
    owner: (u64, u64),
    key: u64,
    time: u64,
    from: usize,
    to: usize,
}

/// Pages of `parts`, by owner, in the order they came; `owner_kind` is the type of the owner's second number.
fn pages(mut parts: Vec<Part>, bytes: &[u8], owner_kind: u32) -> Arrays {
    parts.sort_by_key(|part| part.owner);
    let rows = parts.len();
    let (mut groups, mut owners) = (Array::of(BIGINT, rows * 12), Array::of(owner_kind, rows * 12));
    let (mut keys, mut times) = (Array::of(BIGINT, rows * 12), Array::of(BIGINT, rows * 12));
    let mut data = Array::of(BYTEA, bytes.len() + rows * 4);
    let mut page: Vec<u8> = Vec::with_capacity(PAGE_BYTES + 256);
    for (index, part) in parts.iter().enumerate() {
        page.extend_from_slice(&bytes[part.from..part.to]);
        let next = parts.get(index + 1);
        let fits = next.is_some_and(|next| page.len() + next.to - next.from <= PAGE_BYTES);
        if next.is_some_and(|next| next.owner == part.owner) && fits {
            continue;
        }
        groups.push(&part.owner.0.to_be_bytes());
        match owner_kind {
            INTEGER => owners.push(&(part.owner.1 as u32).to_be_bytes()),
            _ => owners.push(&part.owner.1.to_be_bytes()),
        }
        keys.push(&part.key.to_be_bytes());
        times.push(&part.time.to_be_bytes());
        data.push(&page);
        page.clear();
    }
    [groups.end(), owners.end(), keys.end(), times.end(), data.end()]
}

/// Fill rows as pages of accounts (group, account, place and time of the last fill, data) and of markets (group, market,
/// id and time of the last trade, data). The place of a fill is twice its trade id, and one more for the taker. `None` if
/// `rows` are not whole.
pub fn pack_fills(mut rows: &[u8]) -> Option<(Arrays, Arrays)> {
    let at = |name| place(&FILL_COLUMNS, name);
    let (group, account, market, trade, role) =
        (at("group_id"), at("account"), at("market"), at("trade_id"), at("role"));
    let (side, time) = (at("side"), at("time_ms"));
    let told = [trade, at("price_ticks"), at("size_lots"), time];
    let (mut fills, mut trades) = (Vec::new(), Vec::new());
    let (mut fill_bytes, mut trade_bytes) = (Vec::with_capacity(rows.len()), Vec::new());
    while !rows.is_empty() {
        let (values, rest) = split(rows, &FILL_COLUMNS)?;
        let (group, trade_id, role) = (number(values[group]), number(values[trade]), number(values[role]));
        let time = number(values[time]);
        let from = fill_bytes.len();
        fill_bytes.push(0);
        record(&mut fill_bytes, &values, &FILL_COLUMNS, &FILL_KEYS);
        let to = fill_bytes.len();
        fill_bytes[from] = u8::try_from(to - from - 1).ok()?;
        fills.push(Part {
            owner: (group, number(values[account])),
            key: 2 * trade_id + role,
            time,
            from,
            to,
        });
        if role == TAKER {
            let from = trade_bytes.len();
            told.iter().for_each(|column| trade_bytes.extend_from_slice(values[*column]));
            trade_bytes.push(number(values[side]) as u8);
            let owner = (group, number(values[market]));
            trades.push(Part { owner, key: trade_id, time, from, to: trade_bytes.len() });
        }
        rows = rest;
    }
    Some((pages(fills, &fill_bytes, BIGINT), pages(trades, &trade_bytes, INTEGER)))
}

/// Rows of closed orders as (group, account, order id, time of closing, record). `None` if `rows` are not whole.
pub fn pack_orders(mut rows: &[u8]) -> Option<Arrays> {
    let keys = ["group_id", "account", "order_id", "closed_ms"].map(|name| place(&ORDER_COLUMNS, name));
    let mut columns = [BIGINT, BIGINT, BIGINT, BIGINT, BYTEA].map(|kind| Array::of(kind, rows.len() / 3));
    let mut packed = Vec::with_capacity(256);
    while !rows.is_empty() {
        let (values, rest) = split(rows, &ORDER_COLUMNS)?;
        packed.clear();
        record(&mut packed, &values, &ORDER_COLUMNS, &ORDER_KEYS);
        for (column, key) in columns.iter_mut().zip(keys) {
            column.push(values[key]);
        }
        columns[4].push(&packed);
        rows = rest;
    }
    Some(columns.map(Array::end))
}
