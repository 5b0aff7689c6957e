//! Cancels: one order by id or client id, all of an account, and the dead-man switch.

use crate::clients::key_of;
use crate::codes::{reason, Reject};
use crate::kernel::{Kernel, Outcome};
use crate::output::Ack;
use crate::place::client_id;
use crate::slab::NIL;
use crate::wire::{u64_at, zeros, Frame, ALL_MARKETS, BOTH_SIDES};

const BODY: usize = 24;
/// Longest dead-man timeout: a day.
const MAX_TIMEOUT_MS: u64 = 24 * 3_600_000;

/// How a command names an order.
pub(crate) struct Named {
    pub slot: u32,
}

/// Why no open order was found: a reject, or the record of one that is closed.
pub(crate) enum Missing {
    Refused(Reject),
    Closed(Ack),
}

impl From<Reject> for Missing {
    fn from(reject: Reject) -> Self {
        Missing::Refused(reject)
    }
}

impl Missing {
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Missing::Refused(reject) => Err(reject),
            Missing::Closed(ack) => Ok(ack),
        }
    }
}

impl Kernel {
    /// `hint` is the slot an order of that id had a few commands before; `NIL` if none is known.
    #[inline(always)]
    pub(crate) fn cancel(&mut self, frame: &Frame, hint: u32) -> Outcome {
        let Some(body) = frame.body.first_chunk::<BODY>() else { return Err(Reject::InputBody) };
        // The length of the client id, then seven zeros.
        if u64_at(body, 16) != (frame.body.len() - BODY) as u64 || frame.body.len() - BODY > 0xFF {
            return Err(Reject::InputBody);
        }
        let client = &frame.body[BODY..];
        if !client.is_empty() {
            client_id(client)?;
        }
        match self.find_order(frame, u64_at(body, 0), client, u64_at(body, 8), hint) {
            Ok(named) => Ok(self.cancel_open(named.slot, reason::USER)),
            Err(missing) => missing.outcome(),
        }
    }

    /// The open order of the frame's account that an id or else a client id names.
    #[inline(always)]
    pub(crate) fn find_order(
        &self,
        frame: &Frame,
        order_id: u64,
        client: &[u8],
        deadline_ms: u64,
        hint: u32,
    ) -> Result<Named, Missing> {
        if order_id == 0 && client.is_empty() {
            return Err(Reject::InputReference.into());
        }
        let account = self.user(frame.account)?;
        if frame.market != ALL_MARKETS {
            self.market_index(frame.market)?;
        }
        if deadline_ms != 0 && self.now_ms > deadline_ms {
            return Err(Reject::StateDeadline.into());
        }
        let id = if order_id != 0 { order_id } else { self.open_client_order(frame.account, client)? };
        let slot = if hint != NIL && self.slab.node(hint).order_id == id {
            hint
        } else {
            self.ids.get(id).ok_or(Reject::MatchingOrderUnknown)?
        };
        let node = self.slab.node(slot);
        let elsewhere = frame.market != ALL_MARKETS && u32::from(node.market) != frame.market;
        if node.account != account || elsewhere {
            return Err(Reject::MatchingOrderUnknown.into());
        }
        Ok(Named { slot })
    }

    #[inline(never)]
    fn open_client_order(&self, account: u32, client: &[u8]) -> Result<u64, Missing> {
        let sequence = self.clients.find(account, key_of(account, client));
        let entry = self.clients.entry(sequence.ok_or(Reject::MatchingOrderUnknown)?);
        if self.ids.get(entry.order_id()).is_some() {
            return Ok(entry.order_id());
        }
        Err(Missing::Closed(Ack {
            order_id: entry.order_id(),
            filled: entry.filled(),
            code: Reject::MatchingOrderClosed as u16,
            state: entry.state(),
            ..Ack::default()
        }))
    }

    pub(crate) fn mass_cancel(&mut self, frame: &Frame) -> Outcome {
        if frame.body.len() != 8 || !zeros(&frame.body[1..]) {
            return Err(Reject::InputBody);
        }
        let side = frame.body[0];
        if side > BOTH_SIDES {
            return Err(Reject::InputEnum);
        }
        let account = self.user(frame.account)?;
        if frame.market != ALL_MARKETS {
            self.market_index(frame.market)?;
        }
        let count = self.cancel_orders(account, frame.market, side, reason::MASS_CANCEL);
        Ok(Ack::extra(count))
    }

    /// Cancel an account's open orders of a market (or all) and side (or both), oldest first.
    pub(crate) fn cancel_orders(&mut self, account: u32, market: u32, side: u8, why: u8) -> u32 {
        let mut slots: Vec<(u64, u32)> = Vec::new();
        for slot in &self.funds.account(account).orders {
            let node = self.slab.node(*slot);
            let here = market == ALL_MARKETS || u32::from(node.market) == market;
            if here && (side == BOTH_SIDES || usize::from(side) == node.side()) {
                slots.push((self.slab.cold(*slot).order_id, *slot));
            }
        }
        slots.sort_unstable();
        for (_, slot) in &slots {
            self.cancel_open(*slot, why);
        }
        slots.len() as u32
    }

    pub(crate) fn cancel_all_after(&mut self, frame: &Frame) -> Outcome {
        if frame.body.len() != 8 {
            return Err(Reject::InputBody);
        }
        let timeout_ms = u64_at(frame.body, 0);
        if timeout_ms > MAX_TIMEOUT_MS {
            return Err(Reject::InputParameter);
        }
        let account = self.user(frame.account)?;
        let at_ms = if timeout_ms == 0 { 0 } else { self.now_ms + timeout_ms };
        self.arm_switch(account, at_ms);
        Ok(Ack::default())
    }
}
