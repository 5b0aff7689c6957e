//! Cancel and amend of algo orders.

use super::frames::{self, Amendment, Target};
use super::{kind, state, Algo};
use crate::accounts::BOUND;
use crate::codes::{reason, state as order_state, Reject};
use crate::kernel::{Kernel, Outcome};
use crate::num::{product, MAX_QUANTITY};
use crate::output::Ack;
use crate::place::client_id;
use crate::wire::{flag, Frame, ALL_MARKETS};

impl Kernel {
    #[cold]
    pub(crate) fn cancel_algo(&mut self, frame: &Frame) -> Outcome {
        let target = frames::read_cancel(frame)?;
        let id = self.find_algo(frame, &target)?;
        let filled = self.stop_algo(id, reason::USER);
        let (state, reason) = (order_state::CANCELLED, reason::USER);
        Ok(Ack { order_id: id, filled, state, reason, ..Ack::default() })
    }

    /// End an algo order before its time; its open slice is cancelled, an order it hangs on is left alone. What it
    /// has done.
    pub(crate) fn stop_algo(&mut self, id: u64, why: u8) -> i64 {
        let Some(algo) = self.algos.open.get_mut(&id) else {
            return 0;
        };
        let watched = if algo.state == state::WAITING { algo.parent } else { algo.order_id };
        let slice = algo.slice_open;
        algo.slice_open = false;
        if self.algos.links.get(&watched) == Some(&id) {
            self.algos.links.remove(&watched);
            if let Some(slot) = self.ids.get(watched) {
                self.slab.node_mut(slot).flags &= !flag::LINKED;
                let filled = self.slab.cold(slot).filled;
                if slice {
                    self.cancel_open(slot, reason::ALGO);
                    if let Some(algo) = self.algos.open.get_mut(&id) {
                        algo.done += filled;
                    }
                }
            }
        }
        let done = self.algos.open.get(&id).map_or(0, |algo| algo.done);
        self.finish_algo(id, state::CANCELLED, why, 0);
        done
    }

    /// End the algo orders an account placed with one key; how many there were.
    pub(crate) fn stop_algos_of_key(&mut self, account: u32, key: u32) -> u32 {
        let of_key = |id: &u64| self.algos.open.get(id).is_some_and(|algo| algo.key == key);
        let ids: Vec<u64> = self.algos.of_account(account).filter(of_key).collect();
        for id in &ids {
            self.stop_algo(*id, reason::MANDATE);
        }
        ids.len() as u32
    }

    /// The open algo order of the frame's account that an id or else a client id names.
    fn find_algo(&self, frame: &Frame, target: &Target) -> Result<u64, Reject> {
        client_id(target.client)?;
        if target.id == 0 && target.client.is_empty() {
            return Err(Reject::InputReference);
        }
        let account = self.user(frame.account)?;
        if frame.market != ALL_MARKETS {
            self.market_index(frame.market)?;
        }
        if target.deadline_ms != 0 && self.now_ms > target.deadline_ms {
            return Err(Reject::StateDeadline);
        }
        let id = match target.id {
            0 => self.algo_of_client(frame.account, target.client).ok_or(Reject::MatchingAlgoUnknown)?,
            id => id,
        };
        let algo = self.algos.open.get(&id).filter(|algo| algo.account == account);
        let here = |algo: &&Algo| frame.market == ALL_MARKETS || algo.market == frame.market;
        algo.filter(here).map(|algo| algo.id).ok_or(Reject::MatchingAlgoUnknown)
    }

    /// Change size, trigger prices or order prices of a trigger, an OCO pair or an attached pair.
    #[cold]
    pub(crate) fn amend_algo(&mut self, frame: &Frame) -> Outcome {
        let (target, amendment) = frames::read_amend(frame)?;
        let id = self.find_algo(frame, &target)?;
        let amended = self.check_amend_algo(id, &amendment)?;
        let waiting = amended.state == state::WAITING;
        self.disarm(id);
        let size = amended.size;
        self.algos.open.insert(id, amended);
        if waiting {
            self.algo_event(id);
        } else {
            self.arm(id);
        }
        Ok(Ack { order_id: id, remaining: size, state: order_state::OPEN, ..Ack::default() })
    }

    fn check_amend_algo(&self, id: u64, amendment: &Amendment) -> Result<Algo, Reject> {
        let algo = self.algos.open.get(&id).ok_or(Reject::MatchingAlgoUnknown)?;
        let mut amended = algo.clone();
        if amendment.size < 0 || amendment.size > MAX_QUANTITY {
            return Err(Reject::InputSize);
        }
        if algo.is_slicer() || algo.kind == kind::TRAILING || algo.has_fired() {
            return Err(Reject::MatchingAlgoFixed);
        }
        for (leg, (trigger, price)) in amended.legs.iter_mut().zip(amendment.legs) {
            if !(0..=MAX_QUANTITY).contains(&trigger) || (trigger != 0 && leg.trigger == 0) {
                return Err(Reject::InputTrigger);
            }
            if !(-1..=MAX_QUANTITY).contains(&price) || (price > 0 && leg.trigger == 0) {
                return Err(Reject::InputPrice);
            }
            leg.trigger = if trigger == 0 { leg.trigger } else { trigger };
            leg.price = if price == -1 { leg.price } else { price };
        }
        if amendment.size != 0 && (algo.state == state::WAITING || algo.flags & flag::WHOLE_POSITION != 0) {
            return Err(Reject::InputSize);
        }
        amended.size = if amendment.size == 0 { algo.size } else { amendment.size };
        if amended == *algo {
            return Err(Reject::InputNoChange);
        }
        let owner = self.funds.account(algo.account);
        if owner.flags & BOUND != 0 {
            owner.permits(self.kind_of(algo.market), algo.flags)?;
        }
        let market = &self.markets[algo.market as usize];
        let lots = market.parameters.min_lots..=market.parameters.max_lots;
        let counted = algo.flags & (flag::QUOTE_SIZE | flag::WHOLE_POSITION) == 0;
        if algo.state != state::WAITING && counted && !lots.contains(&amended.size) {
            return Err(Reject::InputSize);
        }
        for leg in amended.legs.iter().filter(|leg| leg.price > 0) {
            if algo.flags & flag::QUOTE_SIZE != 0 {
                return Err(Reject::InputCombination);
            }
            product(leg.price, amended.size.max(1), market.tick_quote).ok_or(Reject::InputOverflow)?;
        }
        self.check_legs(&amended)?;
        Ok(amended)
    }
}
