//! The frame of a new order: read, and checked as far as it can be without state.

use crate::clients::{visible, words_of, Words};
use crate::codes::Reject;
use crate::mandates::Wanted;
use crate::num::MAX_QUANTITY;
use crate::wire::{
    flag, i64_at, u32_at, u64_at, Frame, FOK, GTC, GTD, HEADER, IOC, MARKET, MAX_CLIENT_ID, STP_CANCEL_BOTH,
};

/// Bytes of the body before the client id.
pub(super) const BODY: usize = 40;
/// Bytes of the frame before the client id.
pub(crate) const PLACE_FRAME: usize = HEADER + BODY;
/// Largest budget of a market buy sized in quote.
const MAX_BUDGET: i64 = 1 << 61;
/// The body of a place frame, checked as far as it can be without state.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    pub flags: u8,
    pub order_type: u8,
    pub tif: u8,
    pub stp: u8,
    pub price: i64,
    pub size: i64,
    pub expires_ms: u64,
    pub deadline_ms: u64,
    pub builder: u32,
    pub client_len: u8,
    pub client_id: Words,
}

/// A client id of visible ASCII characters as words.
#[inline]
pub(crate) fn client_id(bytes: &[u8]) -> Result<Words, Reject> {
    let words = words_of(bytes);
    if bytes.len() > MAX_CLIENT_ID || !visible(&words, bytes.len()) {
        return Err(Reject::InputClientId);
    }
    Ok(words)
}

/// The words of a client id as bytes again.
#[inline(always)]
pub(crate) fn bytes_of(words: &Words) -> [u8; MAX_CLIENT_ID] {
    let mut bytes = [0; MAX_CLIENT_ID];
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

impl Place {
    /// Read and check the body; stage INPUT. `client_id` is that of the body as words, if it has one.
    #[inline(always)]
    pub fn read(frame: &Frame, client_id: &Words) -> Result<Place, Reject> {
        let (client_len, body) = match frame.body.first_chunk::<BODY>() {
            Some(body) if frame.body.len() == BODY + body[19] as usize => (body[19], body),
            _ => return Err(Reject::InputBody),
        };
        if client_len as usize > MAX_CLIENT_ID || !visible(client_id, client_len as usize) {
            return Err(Reject::InputClientId);
        }
        let place = Place {
            flags: frame.flags,
            order_type: body[16],
            tif: body[17],
            stp: body[18],
            price: i64_at(body, 0),
            size: i64_at(body, 8),
            expires_ms: u64_at(body, 24),
            deadline_ms: u64_at(body, 32),
            builder: u32_at(body, 20),
            client_len,
            client_id: *client_id,
        };
        place.check()?;
        Ok(place)
    }

    /// Members that cannot be right in any state.
    #[inline(always)]
    pub fn check(&self) -> Result<(), Reject> {
        let plain = self.order_type | self.tif == 0
            && self.flags & !(flag::SELL | flag::POST_ONLY) == 0
            && self.stp <= STP_CANCEL_BOTH
            && self.expires_ms == 0;
        if !plain {
            self.check_options()?;
        }
        let market = self.order_type == MARKET;
        let lowest = i64::from(!market);
        if !(lowest..=MAX_QUANTITY).contains(&self.price) {
            return Err(Reject::InputPrice);
        }
        let largest = if self.flags & flag::QUOTE_SIZE != 0 { MAX_BUDGET } else { MAX_QUANTITY };
        if !(1..=largest).contains(&self.size) {
            return Err(Reject::InputSize);
        }
        Ok(())
    }

    #[inline(never)]
    fn check_options(&self) -> Result<(), Reject> {
        if self.flags & !(0x0F | flag::NO) != 0
            || self.order_type > MARKET
            || self.tif > FOK
            || self.stp > STP_CANCEL_BOTH
        {
            return Err(Reject::InputEnum);
        }
        let immediate = self.tif == IOC || self.tif == FOK;
        let market = self.order_type == MARKET;
        let post_only = self.flags & flag::POST_ONLY != 0;
        let quote_buy = market && self.tif == IOC && self.flags & flag::SELL == 0;
        if (market && !immediate)
            || (post_only && immediate)
            || (self.flags & flag::QUOTE_SIZE != 0 && !quote_buy)
            || (self.tif == GTD) != (self.expires_ms != 0)
        {
            return Err(Reject::InputCombination);
        }
        Ok(())
    }

    #[inline]
    pub fn side(&self) -> usize {
        (self.flags & flag::SELL) as usize
    }

    pub fn is_quote_size(&self) -> bool {
        self.flags & flag::QUOTE_SIZE != 0
    }

    /// The order as a mandate sees it.
    pub fn wanted(&self, market: u32) -> Wanted {
        let quote_size = self.is_quote_size();
        Wanted {
            market,
            side: self.side(),
            price: self.price,
            lots: if quote_size { 0 } else { self.size },
            budget: if quote_size { self.size } else { 0 },
            reduce_only: self.flags & flag::REDUCE_ONLY != 0,
            standing: 0,
        }
    }

    #[inline]
    pub fn may_rest(&self) -> bool {
        self.tif == GTC || self.tif == GTD
    }
}
