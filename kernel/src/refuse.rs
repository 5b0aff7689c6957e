//! Plain commands (`plain.rs`) that come to nothing: what most of those are refused for that are refused at all, and orders
//! that are cancelled as soon as they are accepted. As there, nothing is decided here that the general path would decide
//! otherwise.

use crate::accounts::FIRST_USER;
use crate::codes::{state, Reject};
use crate::kernel::Kernel;
use crate::look::Ahead;
use crate::mandates::Held;
use crate::output::Ack;
use crate::plain::Plain;
use crate::wire::{u32_at, u64_at, ALL_MARKETS};

/// Bytes of a cancel without a client id.
pub(crate) const CANCEL_FRAME: usize = 40;

/// Why a plain order is not carried out as one.
pub(crate) enum Refusal {
    /// The general path has to see what is the matter.
    Unclear,
    /// Its client id was used before, by the entry of this sequence.
    Duplicate(u64),
    /// It is refused, and its mandate, which allows it, counts it.
    Rejected(Held, Reject),
}

impl Kernel {
    /// Answer a plain order that was checked and refused. `false`: nothing has been done.
    #[inline(never)]
    pub(crate) fn refuse_plain(&mut self, refusal: &Refusal) -> bool {
        let ack = match *refusal {
            Refusal::Unclear => return false,
            Refusal::Duplicate(sequence) => self.duplicate(sequence),
            Refusal::Rejected(mandate, reject) => {
                self.mandates.count(mandate);
                Ack::refused(reject)
            }
        };
        self.out.ack(ack);
        true
    }

    /// A plain order that was checked is accepted and cancelled at once.
    #[inline(never)]
    pub(crate) fn kill_plain(&mut self, order: &Plain, why: u8) {
        let (record, _) = self.begin_plain(order);
        let stamp = self.stamp();
        self.out.order_event(stamp, &record, state::CANCELLED, why);
        self.closed.keep(&record, why, stamp.now_ms);
        let order_id = record.order_id;
        self.out.ack(Ack { order_id, state: state::CANCELLED, reason: why, ..Ack::default() });
    }

    /// Answer the cancel of an order by an id that no open order has. `false`: nothing has been done.
    #[inline(never)]
    pub(crate) fn refuse_cancel(&mut self, coming: &Ahead) -> bool {
        let Some(frame) = coming.bytes.first_chunk::<CANCEL_FRAME>() else { return false };
        let (number, market, key) = (u32_at(frame, 4), u32_at(frame, 8), u32_at(frame, 12));
        let order_id = u64_at(frame, 16);
        let plain = coming.bytes.len() == CANCEL_FRAME
            && frame[3] == 0
            && order_id != 0
            && u64_at(frame, 24) | u64_at(frame, 32) == 0
            && number >= FIRST_USER
            && (market == ALL_MARKETS || (market as usize) < self.markets.len())
            && self.is_quiet();
        let Some(owner) = self.funds.account_slot(number).filter(|_| plain) else { return false };
        if !self.may_cancel(self.funds.account(owner), key) || self.ids.get(order_id).is_some() {
            return false;
        }
        self.out.ack(Ack::refused(Reject::MatchingOrderUnknown));
        true
    }
}
