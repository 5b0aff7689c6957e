//! Cancels: one order by id or client id, all of an account, and the dead-man switch.

use crate::clients::key_of;
use crate::codes::{reason, state, Reject};
use crate::kernel::{Kernel, Outcome};
use crate::output::Ack;
use crate::place::client_id;
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
    pub(crate) fn cancel(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() < BODY || body.len() != BODY + body[16] as usize || !zeros(&body[17..BODY]) {
            return Err(Reject::InputBody);
        }
        let client = &body[BODY..];
        if !client.is_empty() {
            client_id(client)?;
        }
        let named = match self.find_order(frame, u64_at(body, 0), client, u64_at(body, 8)) {
            Ok(named) => named,
            Err(missing) => return missing.outcome(),
        };
        Ok(self.cancel_open(named.slot, reason::USER))
    }

    /// The open order of the frame's account that an id or else a client id names.
    #[inline]
    pub(crate) fn find_order(
        &self,
        frame: &Frame,
        order_id: u64,
        client: &[u8],
        deadline_ms: u64,
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
        let slot = self.ids.get(id).ok_or(Reject::MatchingOrderUnknown)?;
        let node = self.slab.node(slot);
        let elsewhere = frame.market != ALL_MARKETS && u32::from(node.market) != frame.market;
        if node.account != account || elsewhere {
            return Err(Reject::MatchingOrderUnknown.into());
        }
        Ok(Named { slot })
    }

    fn open_client_order(&self, account: u32, client: &[u8]) -> Result<u64, Missing> {
        let sequence = self.clients.find(account, key_of(account, client));
        let entry = self.clients.entry(sequence.ok_or(Reject::MatchingOrderUnknown)?);
        if entry.state == state::OPEN {
            return Ok(entry.order_id);
        }
        Err(Missing::Closed(Ack {
            order_id: entry.order_id,
            filled: entry.filled,
            code: Reject::MatchingOrderClosed as u16,
            state: entry.state,
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
