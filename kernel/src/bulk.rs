//! Bulk entry of market makers: one JSON body of up to thousands of places, cancels and amends, decoded
//! straight into frames, and the acks rendered straight into the answer. A bad item is answered in its row
//! and does not touch the others. Decimals are text and are scaled exactly.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::codes::Reject;
use crate::decimal::parse_units;
use crate::encode::{self, Head, PlaceOrder, Target};
use crate::output::{Ack, ACK_SIZE};
use crate::place::{bytes_of, client_id};
use crate::wire::{
    FOK, GTC, IOC, LIMIT, MARKET, MAX_CLIENT_ID, STP_CANCEL_BOTH, STP_CANCEL_MAKER, STP_CANCEL_TAKER,
};

/// How the decimals of an instrument become ticks and lots: tick = `tick_units * 10^-price_scale`, lot =
/// `lot_units * 10^-size_scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    pub market: u32,
    pub price_scale: u32,
    pub tick_units: i64,
    pub size_scale: u32,
    pub lot_units: i64,
    pub quote_scale: u32,
}

/// Instruments by instId. Only looked up, never walked.
#[derive(Default)]
pub struct Instruments {
    by_id: HashMap<String, Instrument>,
}

impl Instruments {
    pub fn add(&mut self, inst_id: &str, instrument: Instrument) {
        self.by_id.insert(inst_id.to_owned(), instrument);
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

/// Why a whole body is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkError {
    NotJson,
    NoItems,
    TooManyItems,
}

impl std::fmt::Display for BulkError {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            BulkError::NotJson => "The body is not a JSON object with a list of items.",
            BulkError::NoItems => "There are no items.",
            BulkError::TooManyItems => "There are too many items in one body.",
        })
    }
}

/// An item refused before it became a command: sCode and message.
type ItemError = (&'static str, &'static str);

struct Row {
    client_id: [u8; MAX_CLIENT_ID],
    client_len: u8,
    error: Option<ItemError>,
}

/// A decoded body: frames for the items that are commands, and what the answer needs of every item.
#[derive(Default)]
pub struct BulkCommands {
    pub packed: Vec<u8>,
    pub count: usize,
    rows: Vec<Row>,
}

impl BulkCommands {
    /// Number of items, those in error included.
    pub fn items(&self) -> usize {
        self.rows.len()
    }

    /// (item index, sCode, message) of the items refused here.
    pub fn errors(&self) -> Vec<(usize, &'static str, &'static str)> {
        let errors = self.rows.iter().enumerate();
        errors.filter_map(|(index, row)| row.error.map(|(code, message)| (index, code, message))).collect()
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    #[serde(borrow, default)]
    op: Cow<'a, str>,
    #[serde(borrow, default)]
    inst_id: Cow<'a, str>,
    #[serde(borrow, default)]
    side: Cow<'a, str>,
    #[serde(borrow, default)]
    ord_type: Cow<'a, str>,
    #[serde(borrow, default)]
    px: Cow<'a, str>,
    #[serde(borrow, default)]
    sz: Cow<'a, str>,
    #[serde(borrow, default)]
    cl_ord_id: Cow<'a, str>,
    #[serde(borrow, default)]
    ord_id: Cow<'a, str>,
    #[serde(borrow, default)]
    new_px: Cow<'a, str>,
    #[serde(borrow, default)]
    new_sz: Cow<'a, str>,
    #[serde(borrow, default)]
    stp_mode: Cow<'a, str>,
    #[serde(borrow, default)]
    tgt_ccy: Cow<'a, str>,
    #[serde(default)]
    cxl_on_fail: bool,
}

/// Decode a body into frames of `account` and `key`.
///
/// # Errors
/// `BulkError` when the body as a whole cannot be used; bad items only fail themselves.
pub fn decode_bulk(
    body: &[u8],
    instruments: &Instruments,
    account: u32,
    key: u32,
    deadline_ms: u64,
    max_items: usize,
) -> Result<BulkCommands, BulkError> {
    let parsed: Body = serde_json::from_slice(body).map_err(|_| BulkError::NotJson)?;
    if parsed.items.is_empty() {
        return Err(BulkError::NoItems);
    }
    if parsed.items.len() > max_items {
        return Err(BulkError::TooManyItems);
    }
    let mut bulk = BulkCommands::default();
    bulk.packed.reserve(parsed.items.len() * 80);
    bulk.rows.reserve(parsed.items.len());
    let head = Head { account, market: 0, key };
    for raw in parsed.items {
        let mut row = Row { client_id: [0; MAX_CLIENT_ID], client_len: 0, error: None };
        // A list would be read by position; an item is an object.
        let object = raw.get().starts_with('{').then(|| serde_json::from_str::<Item>(raw.get()));
        let outcome = match object {
            Some(Ok(item)) => {
                keep_client_id(&mut row, &item);
                encode_item(&mut bulk.packed, &item, instruments, head, deadline_ms)
            }
            _ => Err(("50002", "The item is not an object whose values are strings.")),
        };
        match outcome {
            Ok(()) => bulk.count += 1,
            Err(error) => row.error = Some(error),
        }
        bulk.rows.push(row);
    }
    Ok(bulk)
}

fn keep_client_id(row: &mut Row, item: &Item) {
    if let Ok(words) = client_id(item.cl_ord_id.as_bytes()) {
        row.client_id = bytes_of(&words);
        row.client_len = item.cl_ord_id.len() as u8;
    }
}

fn encode_item(
    out: &mut Vec<u8>,
    item: &Item,
    instruments: &Instruments,
    head: Head,
    deadline_ms: u64,
) -> Result<(), ItemError> {
    let instrument =
        instruments.by_id.get(&*item.inst_id).ok_or(("51001", "Instrument ID does not exist"))?;
    let head = Head { market: instrument.market, ..head };
    let client = item.cl_ord_id.as_bytes();
    client_id(client).map_err(|_| ("51000", "Parameter clOrdId error"))?;
    match &*item.op {
        "place" => encode_place(out, item, instrument, head, deadline_ms),
        "cancel" => {
            encode::cancel(out, head, &target(item, client, deadline_ms)?);
            Ok(())
        }
        "amend" => encode_amend(out, item, instrument, head, deadline_ms),
        _ => Err(("51000", "Parameter op error")),
    }
}

fn target<'a>(item: &Item, client: &'a [u8], deadline_ms: u64) -> Result<Target<'a>, ItemError> {
    let order_id = match item.ord_id.len() {
        0 => 0,
        _ => item.ord_id.parse().map_err(|_| ("51000", "Parameter ordId error"))?,
    };
    if order_id == 0 && client.is_empty() {
        return Err(("50014", "Parameter ordId or clOrdId cannot be empty"));
    }
    Ok(Target { order_id, client_id: client, deadline_ms })
}

fn price(text: &str, instrument: &Instrument) -> Result<i64, ItemError> {
    parse_units(text.as_bytes(), instrument.price_scale, instrument.tick_units)
        .ok_or(("51000", "Parameter px error"))
}

fn size(text: &str, instrument: &Instrument) -> Result<i64, ItemError> {
    let lots = parse_units(text.as_bytes(), instrument.size_scale, instrument.lot_units);
    lots.ok_or(("51121", "Order quantity must be a multiple of the lot size."))
}

fn encode_place(
    out: &mut Vec<u8>,
    item: &Item,
    instrument: &Instrument,
    head: Head,
    deadline_ms: u64,
) -> Result<(), ItemError> {
    let sell = match &*item.side {
        "buy" => false,
        "sell" => true,
        _ => return Err(("51000", "Parameter side error")),
    };
    let (order_type, tif, post_only) = match &*item.ord_type {
        "limit" => (LIMIT, GTC, false),
        "post_only" => (LIMIT, GTC, true),
        "ioc" => (LIMIT, IOC, false),
        "fok" => (LIMIT, FOK, false),
        "market" | "optimal_limit_ioc" => (MARKET, IOC, false),
        _ => return Err(("51000", "Parameter ordType error")),
    };
    let quote_size = order_type == MARKET && !sell && item.tgt_ccy == "quote_ccy";
    let size_lots = if quote_size {
        parse_units(item.sz.as_bytes(), instrument.quote_scale, 1).ok_or(("51000", "Parameter sz error"))?
    } else {
        size(&item.sz, instrument)?
    };
    let stp = match &*item.stp_mode {
        "" | "cancel_maker" => STP_CANCEL_MAKER,
        "cancel_taker" => STP_CANCEL_TAKER,
        "cancel_both" => STP_CANCEL_BOTH,
        _ => return Err(("51000", "Parameter stpMode error")),
    };
    let order = PlaceOrder {
        sell,
        order_type,
        tif,
        stp,
        post_only,
        quote_size,
        price_ticks: if order_type == MARKET { 0 } else { price(&item.px, instrument)? },
        size_lots,
        client_id: item.cl_ord_id.as_bytes(),
        deadline_ms,
        ..PlaceOrder::default()
    };
    encode::place(out, head, &order);
    Ok(())
}

fn encode_amend(
    out: &mut Vec<u8>,
    item: &Item,
    instrument: &Instrument,
    head: Head,
    deadline_ms: u64,
) -> Result<(), ItemError> {
    let target = target(item, item.cl_ord_id.as_bytes(), deadline_ms)?;
    let new_price = if item.new_px.is_empty() { 0 } else { price(&item.new_px, instrument)? };
    let new_size = if item.new_sz.is_empty() { 0 } else { size(&item.new_sz, instrument)? };
    encode::amend(out, head, &target, new_price, new_size, item.cxl_on_fail);
    Ok(())
}

/// The OKX sCode and message of a reject code; `("0", "")` for success.
pub fn okx_code(code: u16) -> (&'static str, &'static str) {
    match (code, Reject::of(code)) {
        (0, _) => ("0", ""),
        (_, Some(reject)) => (reject.okx(), reject.sentence()),
        (_, None) => ("50026", "System error."),
    }
}

/// One row of the answer.
fn render_row(out: &mut Vec<u8>, row: &Row, order_id: u64, code: &str, message: &str) {
    out.extend_from_slice(b"{\"ordId\":\"");
    if order_id != 0 {
        out.extend_from_slice(order_id.to_string().as_bytes());
    }
    out.extend_from_slice(b"\",\"clOrdId\":\"");
    for byte in &row.client_id[..row.client_len as usize] {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.extend_from_slice(b"\",\"sCode\":\"");
    out.extend_from_slice(code.as_bytes());
    out.extend_from_slice(b"\",\"sMsg\":\"");
    out.extend_from_slice(message.as_bytes());
    out.extend_from_slice(b"\"}");
}

/// The answer to a bulk body: `{"code", "msg", "data": [...]}` with one row per item, or `None` if the acks
/// are not those of `bulk`.
pub fn render_bulk(acks: &[u8], bulk: &BulkCommands) -> Option<Vec<u8>> {
    if acks.len() != bulk.count * ACK_SIZE {
        return None;
    }
    let mut rows = Vec::with_capacity(bulk.rows.len() * 96);
    let (mut acks, mut good) = (acks.chunks_exact(ACK_SIZE), 0);
    for row in &bulk.rows {
        if !rows.is_empty() {
            rows.push(b',');
        }
        match (row.error, acks.len()) {
            (Some((code, message)), _) => render_row(&mut rows, row, 0, code, message),
            (None, _) => {
                let ack = Ack::read(acks.next()?);
                let (code, message) = okx_code(ack.code);
                good += usize::from(ack.code == 0);
                render_row(&mut rows, row, ack.order_id, code, message);
            }
        }
    }
    let code = match good {
        0 => "1",
        all if all == bulk.rows.len() => "0",
        _ => "2",
    };
    let message = if code == "1" { "All operations failed" } else { "" };
    let mut out = format!("{{\"code\":\"{code}\",\"msg\":\"{message}\",\"data\":[").into_bytes();
    out.extend_from_slice(&rows);
    out.extend_from_slice(b"]}");
    Some(out)
}
