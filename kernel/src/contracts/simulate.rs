//! "What would my risk be": commands carried out on a copy, of which only the answers and the risk after them are kept.
//!
//! The copy is a whole kernel but small: all markets without their history, the account with its orders and positions, and of
//! the books it names as many orders from the front as the commands could possibly reach, with their owners. The commands then
//! run through the very code that would carry them out. What reaches further (the operator's commands, outcomes, whose events
//! bind many markets) runs on a copy of everything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{json, Value};

use super::OUTCOME;
use crate::accounts::{Account, Asset};
use crate::codes::Reject;
use crate::ids::OrderIds;
use crate::kernel::Kernel;
use crate::output::{Ack, ACK_SIZE};
use crate::query::{problem, refused};
use crate::slab::NO_CLIENT;
use crate::wire::{count_commands, flag, kind, u64_at, Frame, Frames, ALL_MARKETS, HEADER};

/// Most commands of one simulation, and most orders of a side of a book it copies.
const COMMANDS: usize = 100;
const REACH: usize = 20_000;

/// Bytes of a text of hexadecimal digits.
fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some((digit(pair[0])? << 4 | digit(*pair.get(1)?)?) as u8)).collect()
}

/// The accounts of a copy: slot there by slot here.
#[derive(Default)]
struct Cast {
    slots: BTreeMap<u32, u32>,
}

impl Kernel {
    /// Risk of an account before and after commands of its own, or of the operator, given as frames in hexadecimal.
    pub(crate) fn simulate_commands(&self, account: u32, frames: &str) -> Value {
        let slot = match self.user(account) {
            Ok(slot) => slot,
            Err(reject) => return refused(reject),
        };
        let Some(bytes) = bytes_of_hex(frames) else { return refused(Reject::InputFrame) };
        match count_commands(&bytes) {
            Some(1..=COMMANDS) => {}
            Some(_) => return problem("INPUT_QUERY", "A simulation takes 1 to 100 commands."),
            None => return refused(Reject::InputFrame),
        }
        if Frames::new(&bytes).any(|frame| frame.account != account && frame.account != 0) {
            return refused(Reject::AccessAccountUnknown);
        }
        let copy = if self.is_far_reaching(slot, &bytes) {
            Kernel::restore(&self.snapshot()).ok()
        } else {
            Some(self.fork(slot, &bytes))
        };
        let Some(mut copy) = copy else { return problem("INPUT_QUERY", "The state cannot be copied.") };
        let acks = copy.run_simulated(self, &bytes);
        let Ok(there) = copy.user(account) else { return refused(Reject::AccessAccountUnknown) };
        json!({
            "acks": acks, "before": self.risk_json(slot), "after": copy.risk_json(there),
            "positions": copy.positions_json(there),
        })
    }

    /// Carry out frames one by one on this copy of `whole`, whose memory of client ids counts; the acks as JSON.
    fn run_simulated(&mut self, whole: &Kernel, bytes: &[u8]) -> Vec<Value> {
        let (mut rest, mut acks) = (bytes, Vec::new());
        for frame in Frames::new(bytes) {
            let (mut one, after) = {
                let (one, after) = rest.split_at(HEADER + frame.body.len());
                (one.to_vec(), after)
            };
            rest = after;
            let ack = match whole.resolve_client(&frame, &mut one) {
                Some(ack) => ack,
                None => {
                    self.apply(&one, self.now_ms);
                    self.output().acks.chunks_exact(ACK_SIZE).map(Ack::read).next().unwrap_or_default()
                }
            };
            let reject = Reject::of(ack.code);
            acks.push(json!({
                "code": ack.code, "name": reject.map_or("OK", Reject::name),
                "message": reject.map_or("", Reject::sentence), "order_id": ack.order_id, "state": ack.state,
                "reason": ack.reason, "filled_lots": ack.filled, "remaining_lots": ack.remaining,
            }));
        }
        acks
    }

    /// Copies do not know the client ids of orders that were there before: name such an order by its id, and answer at once
    /// a new order whose client id was used.
    fn resolve_client(&self, frame: &Frame, bytes: &mut [u8]) -> Option<Ack> {
        let (from, names) = match frame.kind {
            kind::PLACE => (40, false),
            kind::AMEND => (40, true),
            kind::CANCEL => (24, true),
            _ => return None,
        };
        let client = frame.body.get(from..).filter(|client| !client.is_empty())?;
        let known = self.clients.find(frame.account, crate::clients::key_of(frame.account, client))?;
        let entry = self.clients.entry(known);
        if !names {
            let code = Reject::StateDuplicateClientId as u16;
            return Some(Ack { order_id: entry.order_id(), code, state: entry.state(), ..Ack::default() });
        }
        if u64_at(frame.body, 0) == 0 {
            bytes[HEADER..HEADER + 8].copy_from_slice(&entry.order_id().to_le_bytes());
        }
        None
    }

    /// Whether commands need more than the account, and the fronts of the books they name.
    fn is_far_reaching(&self, account: u32, bytes: &[u8]) -> bool {
        let outcome = |market: u32| self.markets.get(market as usize).is_some_and(|m| m.kind == OUTCOME);
        let orders = self.funds.account(account).orders.iter();
        let rests = orders.map(|slot| u32::from(self.slab.node(*slot).market)).any(outcome);
        let local = |kind: u8| {
            matches!(kind, kind::PLACE..=kind::MASS_CANCEL)
                || (kind::contract(kind) && kind < kind::OPERATOR)
                || matches!(kind, kind::DEPOSIT | kind::WITHDRAW)
        };
        rests || Frames::new(bytes).any(|frame| !local(frame.kind) || outcome(frame.market))
    }

    /// A small kernel in which commands of one account do what they would do here.
    fn fork(&self, account: u32, bytes: &[u8]) -> Kernel {
        let commands = count_commands(bytes).unwrap_or(0);
        let named: BTreeSet<usize> = Frames::new(bytes)
            .filter(|frame| frame.market != ALL_MARKETS)
            .map(|frame| frame.market as usize)
            .chain(
                self.funds.account(account).orders.iter().map(|slot| self.slab.node(*slot).market as usize),
            )
            .filter(|market| *market < self.markets.len())
            .collect();
        let mut fork = self.fork_shell(account);
        let mut cast = Cast::default();
        fork.cast_account(self, &mut cast, account);
        for market in named {
            let reach = (self.markets[market].parameters.max_matches as usize).saturating_mul(commands);
            fork.copy_orders(self, &mut cast, market, account, reach.min(REACH));
        }
        fork
    }

    /// Everything that does not grow with accounts and orders.
    fn fork_shell(&self, account: u32) -> Kernel {
        let mut fork = Kernel::new(self.group);
        fork.sequence = self.sequence;
        fork.now_ms = self.now_ms;
        fork.limits = self.limits;
        fork.next_trade_id = self.next_trade_id;
        fork.ids = OrderIds::starting_at(self.ids.next());
        fork.funds.settlement = self.funds.settlement;
        fork.funds.assets = self.funds.assets.iter().map(Asset::clone).collect();
        fork.markets = self.markets.iter().map(|market| market.without_orders()).collect();
        fork.contracts.collateral.clone_from(&self.contracts.collateral);
        fork.mandates = self.mandates.part(self.funds.account(account).number);
        fork.liquidation.hold_ms = self.liquidation.hold_ms;
        fork.out.enabled = true;
        fork
    }

    /// Slot in this copy of an account of `whole`: its money and its positions, without its orders.
    fn cast_account(&mut self, whole: &Kernel, cast: &mut Cast, slot: u32) -> u32 {
        if let Some(there) = cast.slots.get(&slot) {
            return *there;
        }
        let from = whole.funds.account(slot);
        let copied = Account {
            orders: Vec::new(),
            balances: from.balances.clone(),
            margin: 0,
            cancel_at_ms: 0,
            dirty_batch: 0,
            keys: self.mandates.keys_of(from.number),
            ..*from
        };
        let there = self.funds.open(copied);
        cast.slots.insert(slot, there);
        let Some(margin) = whole.funds.margin(slot) else { return there };
        self.funds.open_margin(there);
        let mut rows = Vec::with_capacity(margin.rows.len());
        for (market, at) in &margin.rows {
            let mut position = whole.markets[*market as usize].contract.positions[*at as usize];
            position.account = there;
            position.dirty = false;
            let positions = &mut self.markets[*market as usize].contract.positions;
            rows.push((*market, positions.len() as u32));
            positions.push(position);
        }
        *self.funds.margin_mut(there) = margin.with_rows(there, rows);
        there
    }

    /// Copy the first `reach` orders of each side of a book, and all of the account's own, in their order of priority.
    fn copy_orders(&mut self, whole: &Kernel, cast: &mut Cast, market: usize, account: u32, reach: usize) {
        for side in [0, 1] {
            let book = &whole.markets[market].book;
            let front: Vec<u32> = book.queue(&whole.slab, side).take(reach).collect();
            let copied: BTreeSet<u32> = front.iter().copied().collect();
            let mut behind: Vec<(u64, u32)> = whole
                .funds
                .account(account)
                .orders
                .iter()
                .filter(|slot| {
                    let node = whole.slab.node(**slot);
                    node.market as usize == market && node.side() == side && !copied.contains(slot)
                })
                .map(|slot| (whole.slab.cold(*slot).order_id, *slot))
                .collect();
            behind.sort_unstable();
            for slot in front.into_iter().chain(behind.into_iter().map(|(_, slot)| slot)) {
                self.copy_order(whole, cast, slot);
            }
        }
    }

    fn copy_order(&mut self, whole: &Kernel, cast: &mut Cast, slot: u32) {
        let (mut node, cold) = (*whole.slab.node(slot), *whole.slab.cold(slot));
        node.account = self.cast_account(whole, cast, node.account);
        node.client = NO_CLIENT;
        // An algo order behind it is not copied: what is told is told of the orders in the book.
        node.flags &= !flag::LINKED;
        let orders = &mut self.funds.account_mut(node.account).orders;
        node.position = orders.len() as u32;
        let there = self.slab.insert(node, cold);
        self.funds.account_mut(node.account).orders.push(there);
        self.ids.put(cold.order_id, there);
        if cold.expires_ms != 0 {
            self.expiries.insert((cold.expires_ms, cold.order_id));
        }
        self.markets[node.market as usize].book.push(&mut self.slab, there);
    }
}
