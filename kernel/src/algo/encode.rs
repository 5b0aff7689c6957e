//! Encoders of algo commands.

use crate::encode::{Head, PlaceOrder, Target, Writer};
use crate::wire::{flag, kind};

/// A price to wait for and the order to place then; `trigger_ticks` 0: no such leg.
#[derive(Clone, Copy, Debug, Default)]
pub struct LegOrder {
    pub trigger_ticks: i64,
    /// 0 for a market order.
    pub price_ticks: i64,
    /// 0 last price, 1 mark price.
    pub source: u8,
    /// It fires at or above its trigger, else at or below.
    pub rises: bool,
}

/// Members all new algo orders share.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlgoOrder<'a> {
    pub sell: bool,
    pub reduce_only: bool,
    pub quote_size: bool,
    pub whole_position: bool,
    pub size_lots: i64,
    pub stp: u8,
    pub builder: u32,
    pub deadline_ms: u64,
    pub client_id: &'a [u8],
}

/// How a slice is cut and priced; `interval_ms` and `expires_ms` are of a TWAP.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slices {
    pub limit_ticks: i64,
    pub slice_lots: i64,
    /// Price from the best price, `distance_ticks` or `distance_ppm` away; else at the limit.
    pub floats: bool,
    pub distance_ticks: i64,
    pub distance_ppm: u32,
    pub interval_ms: u64,
    pub expires_ms: u64,
}

/// What an amendment changes: 0 keeps a size or a trigger, -1 keeps a price.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlgoChange {
    pub size_lots: i64,
    /// (trigger, price) of the take-profit or only leg, and of the stop-loss.
    pub legs: [(i64, i64); 2],
}

fn begin<'a>(out: &'a mut Vec<u8>, kind: u8, head: Head, order: &AlgoOrder, variant: u8) -> Writer<'a> {
    let flags = flag::when(order.sell, flag::SELL)
        | flag::when(order.reduce_only, flag::REDUCE_ONLY)
        | flag::when(order.quote_size, flag::QUOTE_SIZE)
        | flag::when(order.whole_position, flag::WHOLE_POSITION);
    Writer::new(out, kind, flags, head).i64(order.size_lots).u64(order.deadline_ms).u32(order.builder).u8s(&[
        variant,
        order.stp,
        order.client_id.len() as u8,
        0,
    ])
}

fn leg<'a>(writer: Writer<'a>, leg: &LegOrder) -> Writer<'a> {
    writer.i64(leg.trigger_ticks).i64(leg.price_ticks).u8s(&[
        leg.source,
        u8::from(leg.rises),
        0,
        0,
        0,
        0,
        0,
        0,
    ])
}

/// A trigger that fires from whichever side of it the price is on; `wait.rises` is left aside.
pub fn place_either(out: &mut Vec<u8>, head: Head, order: &AlgoOrder, wait: &LegOrder) {
    leg(begin(out, kind::PLACE_TRIGGER, head, order, 2), wait).u64(0).u64(0).u8s(order.client_id).end();
}

/// A stop or take-profit.
pub fn place_trigger(out: &mut Vec<u8>, head: Head, order: &AlgoOrder, wait: &LegOrder) {
    leg(begin(out, kind::PLACE_TRIGGER, head, order, 0), wait).u64(0).u64(0).u8s(order.client_id).end();
}

/// A trailing stop: a market order once the price is `distance_ticks` or `distance_ppm` from its best since it
/// became active, at `wait.trigger_ticks` (0: at once).
pub fn place_trailing(
    out: &mut Vec<u8>,
    head: Head,
    order: &AlgoOrder,
    wait: &LegOrder,
    distance_ticks: i64,
    distance_ppm: u32,
) {
    leg(begin(out, kind::PLACE_TRIGGER, head, order, 1), wait)
        .i64(distance_ticks)
        .u32(distance_ppm)
        .u32(0)
        .u8s(order.client_id)
        .end();
}

/// Take-profit and stop-loss of which one fires.
pub fn place_oco(out: &mut Vec<u8>, head: Head, order: &AlgoOrder, profit: &LegOrder, stop: &LegOrder) {
    let writer = leg(begin(out, kind::PLACE_OCO, head, order, 0), profit);
    leg(writer, stop).u8s(order.client_id).end();
}

/// An iceberg, or with an interval a TWAP.
pub fn place_slices(out: &mut Vec<u8>, head: Head, order: &AlgoOrder, slices: &Slices) {
    let twap = slices.interval_ms != 0;
    let kind = if twap { kind::PLACE_TWAP } else { kind::PLACE_ICEBERG };
    let mut writer = begin(out, kind, head, order, u8::from(slices.floats))
        .i64(slices.limit_ticks)
        .i64(slices.slice_lots)
        .i64(slices.distance_ticks)
        .u32(slices.distance_ppm)
        .u32(0);
    if twap {
        writer = writer.u64(slices.interval_ms).u64(slices.expires_ms);
    }
    writer.u8s(order.client_id).end();
}

/// An order with a take-profit, a stop-loss or both attached; `algo_client_id` names the attached pair.
pub fn place_bracket(
    out: &mut Vec<u8>,
    head: Head,
    order: &PlaceOrder,
    legs: [&LegOrder; 2],
    algo_client_id: &[u8],
) {
    let mut place = Vec::with_capacity(128);
    crate::encode::place(&mut place, head, order);
    let writer = Writer::new(out, kind::PLACE_BRACKET, place[3], head);
    leg(leg(writer, legs[0]), legs[1])
        .u8s(&[algo_client_id.len() as u8, 0, 0, 0, 0, 0, 0, 0])
        .u8s(algo_client_id)
        .u8s(&place[crate::wire::HEADER..])
        .end();
}

pub fn cancel_algo(out: &mut Vec<u8>, head: Head, target: &Target) {
    Writer::new(out, kind::CANCEL_ALGO, 0, head)
        .u64(target.order_id)
        .u64(target.deadline_ms)
        .u8s(&[target.client_id.len() as u8, 0, 0, 0, 0, 0, 0, 0])
        .u8s(target.client_id)
        .end();
}

pub fn amend_algo(out: &mut Vec<u8>, head: Head, target: &Target, change: &AlgoChange) {
    let mut writer = Writer::new(out, kind::AMEND_ALGO, 0, head)
        .u64(target.order_id)
        .u64(target.deadline_ms)
        .i64(change.size_lots);
    for (trigger, price) in change.legs {
        writer = writer.i64(trigger).i64(price);
    }
    writer.u8s(&[target.client_id.len() as u8, 0, 0, 0, 0, 0, 0, 0]).u8s(target.client_id).end();
}
