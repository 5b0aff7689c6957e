//! The bodies of algo commands, checked as far as they can be without state. Layouts are in `WIRE.md`.

use super::{kind, Algo, Distance, Leg, MARK, NO_LEG};
use crate::codec::Reader;
use crate::codes::Reject;
use crate::num::{MAX_QUANTITY, PPM};
use crate::place::{bytes_of, client_id};
use crate::wire::{self, flag, Frame, MAX_CLIENT_ID, STP_CANCEL_BOTH};

/// Largest budget of a market buy sized in quote.
const MAX_BUDGET: i64 = 1 << 61;
/// Nearest trailing distance, in ppm.
const MIN_TRAIL_PPM: u32 = 100;
/// Shortest and longest interval between the slices of a TWAP.
const INTERVALS_MS: std::ops::RangeInclusive<u64> = 1_000..=3_600_000;
/// Slices an order may be cut into.
const MAX_SLICES: i64 = 1_000;

/// A new algo order as a frame asks for it; id, account and times are not set.
pub(super) struct Draft {
    pub algo: Algo,
    pub deadline_ms: u64,
    /// The trigger fires from whichever side of it the price is on.
    pub either_side: bool,
}

/// What an amendment asks for: 0 (or -1 for a leg's price) leaves a member as it is.
pub(super) struct Amendment {
    pub size: i64,
    pub legs: [(i64, i64); 2],
}

/// How cancel and amend name an algo order.
pub(super) struct Target<'a> {
    pub id: u64,
    pub deadline_ms: u64,
    pub client: &'a [u8],
}

fn blank(frame: &Frame, kind: u8) -> Algo {
    Algo {
        id: 0,
        account: 0,
        market: frame.market,
        key: frame.key,
        builder: 0,
        kind,
        state: super::state::LIVE,
        flags: frame.flags,
        stp: 0,
        size: 0,
        done: 0,
        legs: [Leg::default(); 2],
        fired: NO_LEG,
        distance: Distance::default(),
        activation: 0,
        slice: 0,
        floats: false,
        interval_ms: 0,
        next_ms: 0,
        expires_ms: 0,
        created_ms: 0,
        order_id: 0,
        slice_open: false,
        parent: 0,
        client_len: 0,
        client_id: [0; MAX_CLIENT_ID],
    }
}

fn read_leg(input: &mut Reader) -> Option<Leg> {
    let (trigger, price) = (input.i64()?, input.i64()?);
    let small = input.raw(8)?;
    let (source, rises) = (small[0], small[1]);
    // Values that are no flag become a source that no check lets through.
    let sound = source <= MARK && rises <= 1 && wire::zeros(&small[2..]);
    Some(Leg { trigger, price, source: if sound { source } else { u8::MAX }, rises: rises == 1 })
}

impl Leg {
    fn check(&self) -> Result<(), Reject> {
        let sound = (1..=MAX_QUANTITY).contains(&self.trigger) && self.source <= MARK;
        if !sound {
            return Err(Reject::InputTrigger);
        }
        if !(0..=MAX_QUANTITY).contains(&self.price) {
            return Err(Reject::InputPrice);
        }
        Ok(())
    }
}

/// Whether the slices or the stop may be this far from a price: one of the two measures, or `none` for neither.
fn distance_allowed(distance: Distance, none: bool) -> bool {
    match (distance.ticks, distance.ppm) {
        (0, 0) => none,
        (ticks, 0) => (1..=MAX_QUANTITY).contains(&ticks),
        (0, ppm) => i64::from(ppm) <= PPM,
        _ => false,
    }
}

/// Members every new algo order begins with: (the order so far, deadline, variant, client length).
fn read_head(input: &mut Reader, frame: &Frame, kind: u8) -> Option<(Algo, u64, u8)> {
    let mut algo = blank(frame, kind);
    algo.size = input.i64()?;
    let deadline_ms = input.u64()?;
    algo.builder = input.u32()?;
    let small = input.raw(4)?;
    algo.stp = small[1];
    algo.client_len = small[2];
    (small[3] == 0).then_some((algo, deadline_ms, small[0]))
}

/// What is left is the client id.
fn read_client(input: &mut Reader, algo: &mut Algo) -> Result<(), Reject> {
    let text = input.raw(algo.client_len as usize).filter(|_| input.is_empty()).ok_or(Reject::InputBody)?;
    algo.client_id = bytes_of(&client_id(text)?);
    Ok(())
}

fn check_size(algo: &Algo) -> Result<(), Reject> {
    let quote = algo.flags & flag::QUOTE_SIZE != 0;
    let whole = algo.flags & flag::WHOLE_POSITION != 0;
    if quote && (algo.side() == 1 || algo.legs.iter().any(|leg| leg.price != 0) || algo.is_slicer()) {
        return Err(Reject::InputCombination);
    }
    if whole && (algo.flags & flag::REDUCE_ONLY == 0 || quote || algo.is_slicer()) {
        return Err(Reject::InputCombination);
    }
    let largest = if quote { MAX_BUDGET } else { MAX_QUANTITY };
    let fits = if whole { algo.size == 0 } else { (1..=largest).contains(&algo.size) };
    if fits {
        Ok(())
    } else {
        Err(Reject::InputSize)
    }
}

fn check_flags(algo: &Algo) -> Result<(), Reject> {
    const ALLOWED: u8 = flag::SELL | flag::REDUCE_ONLY | flag::QUOTE_SIZE | flag::WHOLE_POSITION;
    if algo.flags & !ALLOWED != 0 || algo.stp > STP_CANCEL_BOTH {
        return Err(Reject::InputEnum);
    }
    Ok(())
}

fn check_slices(algo: &Algo) -> Result<(), Reject> {
    if !(1..=MAX_QUANTITY).contains(&algo.legs[0].price) {
        return Err(Reject::InputPrice);
    }
    let slices = 1..=algo.size;
    if !slices.contains(&algo.slice) || (algo.size - 1) / algo.slice >= MAX_SLICES {
        return Err(Reject::InputSlice);
    }
    if !distance_allowed(algo.distance, true) || (!algo.floats && !algo.distance.is_none()) {
        return Err(Reject::InputTrailing);
    }
    Ok(())
}

/// A trigger order (variant 0; 2: from whichever side the price is on) or a trailing stop (1).
pub(super) fn read_trigger(frame: &Frame) -> Result<Draft, Reject> {
    let mut input = Reader::new(frame.body);
    let mut read = || {
        let (algo, deadline_ms, variant) = read_head(&mut input, frame, kind::TRIGGER)?;
        let leg = read_leg(&mut input)?;
        let distance = Distance { ticks: input.i64()?, ppm: input.u32()? };
        (input.u32()? == 0).then_some((algo, deadline_ms, variant, leg, distance))
    };
    let (mut algo, deadline_ms, variant, leg, distance) = read().ok_or(Reject::InputBody)?;
    read_client(&mut input, &mut algo)?;
    check_flags(&algo)?;
    (algo.legs[0], algo.distance) = (leg, distance);
    match variant {
        0 | 2 if distance.is_none() => leg.check()?,
        0 | 2 => return Err(Reject::InputTrailing),
        1 => {
            algo.kind = kind::TRAILING;
            let near = distance.ticks == 0 && distance.ppm < MIN_TRAIL_PPM;
            if near || !distance_allowed(distance, false) {
                return Err(Reject::InputTrailing);
            }
            // A trailing stop is a market order; without a trigger price it is active at once.
            if leg.price != 0 || leg.source > MARK || !(0..=MAX_QUANTITY).contains(&leg.trigger) {
                return Err(Reject::InputTrigger);
            }
        }
        _ => return Err(Reject::InputEnum),
    }
    check_size(&algo)?;
    Ok(Draft { algo, deadline_ms, either_side: variant == 2 })
}

/// Take-profit and stop-loss, one of which fires.
pub(super) fn read_oco(frame: &Frame) -> Result<Draft, Reject> {
    let mut input = Reader::new(frame.body);
    let mut read = || {
        let (algo, deadline_ms, variant) = read_head(&mut input, frame, kind::OCO)?;
        let legs = [read_leg(&mut input)?, read_leg(&mut input)?];
        (variant == 0).then_some((algo, deadline_ms, legs))
    };
    let (mut algo, deadline_ms, legs) = read().ok_or(Reject::InputBody)?;
    read_client(&mut input, &mut algo)?;
    check_flags(&algo)?;
    algo.legs = legs;
    check_pair(&legs)?;
    check_size(&algo)?;
    Ok(Draft { algo, deadline_ms, either_side: false })
}

/// One leg or both; both fire on opposite sides of the price.
fn check_pair(legs: &[Leg; 2]) -> Result<(), Reject> {
    let both = legs.iter().all(|leg| *leg != Leg::default());
    if both && legs[0].rises == legs[1].rises || legs[0] == legs[1] {
        return Err(Reject::InputTrigger);
    }
    legs.iter().filter(|leg| **leg != Leg::default()).try_for_each(Leg::check)
}

pub(super) fn read_slices(frame: &Frame, twap: bool) -> Result<Draft, Reject> {
    let mut input = Reader::new(frame.body);
    let mut read = || {
        let of = if twap { kind::TWAP } else { kind::ICEBERG };
        let (mut algo, deadline_ms, variant) = read_head(&mut input, frame, of)?;
        algo.legs[0].price = input.i64()?;
        algo.slice = input.i64()?;
        algo.distance = Distance { ticks: input.i64()?, ppm: input.u32()? };
        algo.floats = variant == 1;
        let reserved = input.u32()?;
        if twap {
            (algo.interval_ms, algo.expires_ms) = (input.u64()?, input.u64()?);
        }
        (reserved == 0).then_some((algo, deadline_ms, variant))
    };
    let (mut algo, deadline_ms, variant) = read().ok_or(Reject::InputBody)?;
    read_client(&mut input, &mut algo)?;
    check_flags(&algo)?;
    if variant > 1 {
        return Err(Reject::InputEnum);
    }
    check_size(&algo)?;
    check_slices(&algo)?;
    if twap && !INTERVALS_MS.contains(&algo.interval_ms) {
        return Err(Reject::InputInterval);
    }
    Ok(Draft { algo, deadline_ms, either_side: false })
}

/// A place frame with legs in front: (the legs' draft, the place body).
pub(super) fn read_bracket<'a>(frame: &Frame<'a>) -> Result<(Draft, &'a [u8]), Reject> {
    let mut input = Reader::new(frame.body);
    let mut read = || {
        let legs = [read_leg(&mut input)?, read_leg(&mut input)?];
        let small = input.raw(8)?;
        let text = input.raw(small[0] as usize)?;
        wire::zeros(&small[1..]).then_some((legs, text))
    };
    let (legs, text) = read().ok_or(Reject::InputBody)?;
    let mut algo = blank(frame, kind::OCO);
    algo.client_len = text.len() as u8;
    algo.client_id = bytes_of(&client_id(text)?);
    algo.state = super::state::WAITING;
    algo.legs = legs;
    check_pair(&legs)?;
    let place = &frame.body[frame.body.len() - input.left()..];
    Ok((Draft { algo, deadline_ms: 0, either_side: false }, place))
}

pub(super) fn read_cancel<'a>(frame: &Frame<'a>) -> Result<Target<'a>, Reject> {
    let mut input = Reader::new(frame.body);
    let mut read = || {
        let (id, deadline_ms) = (input.u64()?, input.u64()?);
        let small = input.raw(8)?;
        let client = input.raw(small[0] as usize)?;
        (wire::zeros(&small[1..]) && input.is_empty()).then_some(Target { id, deadline_ms, client })
    };
    read().ok_or(Reject::InputBody)
}

pub(super) fn read_amend<'a>(frame: &Frame<'a>) -> Result<(Target<'a>, Amendment), Reject> {
    let mut input = Reader::new(frame.body);
    let mut read = || {
        let (id, deadline_ms, size) = (input.u64()?, input.u64()?, input.i64()?);
        let legs = [(input.i64()?, input.i64()?), (input.i64()?, input.i64()?)];
        let small = input.raw(8)?;
        let client = input.raw(small[0] as usize)?;
        let target = Target { id, deadline_ms, client };
        (wire::zeros(&small[1..]) && input.is_empty()).then_some((target, Amendment { size, legs }))
    };
    read().ok_or(Reject::InputBody)
}
