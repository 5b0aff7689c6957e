//! What a batch says, decoded by hand: acks and events.

use super::wire::Reader;

/// One ack of 32 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    pub order_id: u64,
    pub filled: i64,
    pub remaining: i64,
    pub code: u16,
    pub state: u8,
    pub reason: u8,
    pub extra: u32,
}

pub fn read_acks(bytes: &[u8]) -> Vec<Ack> {
    assert_eq!(bytes.len() % 32, 0, "acks are records of 32 bytes");
    let read = |chunk: &[u8]| {
        let mut r = Reader(chunk);
        Some(Ack {
            order_id: r.u64()?,
            filled: r.i64()?,
            remaining: r.i64()?,
            code: r.u16()?,
            state: r.u8()?,
            reason: r.u8()?,
            extra: r.u32()?,
        })
    };
    bytes.chunks(32).map(|chunk| read(chunk).unwrap()).collect()
}

/// The members of an order that events carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderView {
    pub flags: u8,
    pub order_id: u64,
    pub market: u32,
    pub key: u32,
    pub price: i64,
    pub size: i64,
    pub filled: i64,
    pub filled_quote: i64,
    pub fee: i64,
    pub created: u64,
    pub expires: u64,
    pub order_type: u8,
    pub tif: u8,
    pub stp: u8,
    pub state: u8,
    pub reason: u8,
    pub builder: u32,
    pub client: String,
}

/// The members of a fill that come on top of its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FillView {
    pub trade_id: u64,
    pub price: i64,
    pub size: i64,
    pub notional: i64,
    pub fee: i64,
    pub fee_asset: u32,
    pub role: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Order(OrderView),
    Fill(OrderView, FillView),
    Balance { asset: u32, total: i64, held: i64 },
}

/// One private event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub account: u32,
    pub sequence: u64,
    pub time: u64,
    pub what: What,
}

fn read_event(r: &mut Reader) -> Option<Event> {
    let (kind, flags) = (r.u8()?, r.u8()?);
    let (account, sequence, time) = (r.u32()?, r.u64()?, r.u64()?);
    let what = if kind == 3 {
        let asset = r.u32()?;
        r.zeros(4)?;
        What::Balance { asset, total: r.i64()?, held: r.i64()? }
    } else {
        let mut order =
            OrderView { flags, order_id: r.u64()?, market: r.u32()?, key: r.u32()?, ..Default::default() };
        (order.price, order.size, order.filled) = (r.i64()?, r.i64()?, r.i64()?);
        (order.filled_quote, order.fee) = (r.i64()?, r.i64()?);
        (order.created, order.expires) = (r.u64()?, r.u64()?);
        (order.order_type, order.tif, order.stp) = (r.u8()?, r.u8()?, r.u8()?);
        (order.state, order.reason) = (r.u8()?, r.u8()?);
        let client_len = r.u8()? as usize;
        r.zeros(2)?;
        order.builder = r.u32()?;
        r.zeros(4)?;
        let fill = if kind == 2 { Some(read_fill(r)?) } else { None };
        order.client = String::from_utf8(r.take(client_len)?.to_vec()).ok()?;
        match (kind, fill) {
            (1, None) => What::Order(order),
            (2, Some(fill)) => What::Fill(order, fill),
            _ => return None,
        }
    };
    r.end()?;
    Some(Event { account, sequence, time, what })
}

fn read_fill(r: &mut Reader) -> Option<FillView> {
    let fill = FillView {
        trade_id: r.u64()?,
        price: r.i64()?,
        size: r.i64()?,
        notional: r.i64()?,
        fee: r.i64()?,
        fee_asset: r.u32()?,
        role: r.u8()?,
    };
    r.zeros(3)?;
    (r.i64()? == 0).then_some(fill) // only perpetuals have a mark
}

pub fn read_events(bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut rest = Reader(bytes);
    while !rest.0.is_empty() {
        let length = rest.u16().expect("an event begins with its length") as usize;
        let mut one = Reader(rest.take(length - 2).expect("an event is whole"));
        events.push(read_event(&mut one).expect("an event has the members of WIRE.md"));
    }
    events
}
