//! What algo orders do when their price or their time has come.

use super::{kind, state, Algo, Token, FIRES_PER_COMMAND, RECENT};
use super::{LAST, MARK, NO_LEG};
use crate::book::NIL_PRICE;
use crate::codes::{phase, reason, state as order_state, Reject};
use crate::kernel::Kernel;
use crate::num::MAX_QUANTITY;
use crate::output::Ack;
use crate::place::Place;
use crate::wire::{self, flag, Frame, GTC, IOC, LIMIT, MARKET};

/// Slices of an iceberg placed in a row when each trades at once; then it waits its turn again.
const SLICES_IN_A_ROW: u32 = 8;

impl Kernel {
    /// Note what a price of a source fires; it is carried out after the command.
    #[cold]
    pub(crate) fn observe_trigger_price(&mut self, market: u32, source: u8, price: i64) {
        let known = self.algos.queue.len();
        let Some(books) = self.algos.books.get_mut(&market) else {
            return;
        };
        books[source as usize].observe(price, &mut self.algos.queue);
        let fresh: Vec<Token> = self.algos.queue.drain(known..).collect();
        for token in fresh {
            let Some(algo) = self.algos.open.get_mut(&(token >> 1)) else {
                continue;
            };
            if algo.kind == kind::TRAILING && algo.activation == 0 {
                let id = algo.id;
                self.follow(id, price);
                self.algo_event(id);
            } else {
                algo.fired = (token & 1) as u8;
                self.algos.queue.push_back(token);
            }
        }
        self.reset_alarm(market);
    }

    /// The mark price of a market has become `mark` ticks.
    #[inline]
    pub(crate) fn observe_mark(&mut self, market: u32, mark: i64) {
        if !self.algos.books.is_empty() {
            self.observe_trigger_price(market, MARK, mark);
        }
    }

    /// Tell the market which prints concern its triggers.
    pub(super) fn reset_alarm(&mut self, market: u32) {
        if let Some(books) = self.algos.books.get(&market) {
            self.markets[market as usize].alarm = books[LAST as usize].alarms();
        }
    }

    /// Let a trailing stop follow its source from `price`.
    pub(super) fn follow(&mut self, id: u64, price: i64) {
        self.algos.last_activation += 1;
        let activation = self.algos.last_activation;
        let Some(algo) = self.algos.open.get_mut(&id) else {
            return;
        };
        algo.activation = activation;
        let (follower, source, market) = (1 - algo.side(), algo.legs[0].source as usize, algo.market);
        let books = self.algos.books.entry(market).or_default();
        books[source].follow(follower, price, algo.distance, activation, id << 1);
        self.reset_alarm(market);
    }

    /// Carry out what has fired, a bounded number after one command; what is left makes a timer due.
    #[cold]
    pub(crate) fn run_algos(&mut self) {
        for _ in 0..FIRES_PER_COMMAND {
            self.queue_refills();
            let Some(token) = self.algos.queue.pop_front() else {
                break;
            };
            self.carry_out_token(token);
        }
        self.queue_refills();
        self.find_next_timer();
    }

    /// Icebergs whose slice filled while they were the taker, or for a fill-or-kill order, wait their turn.
    pub(crate) fn queue_refills(&mut self) {
        self.algos.queue.extend(self.algos.refills.drain(..).map(|id| id << 1));
    }

    /// One step of the queue.
    pub(crate) fn carry_out_token(&mut self, token: Token) {
        let Some(algo) = self.algos.open.get(&(token >> 1)) else {
            return;
        };
        let (id, market, sliced) = (algo.id, algo.market, algo.is_slicer());
        match self.markets[market as usize].phase {
            phase::PENDING | phase::AUCTION | phase::HALTED => {
                self.algos.parked.entry(market).or_default().push_back(token);
            }
            _ if sliced => self.next_slice(id),
            _ => self.fire(id, (token & 1) as usize),
        }
        self.settle_child();
    }

    /// What a command does at its end, for an order placed without one.
    fn settle_child(&mut self) {
        if !self.funds.pending.is_empty() {
            self.settle_margins();
        }
    }

    /// A market trades (again): what fired meanwhile is due.
    pub(crate) fn release_parked(&mut self, market: u32) {
        if let Some(tokens) = self.algos.parked.remove(&market) {
            self.algos.queue.extend(tokens);
            self.find_next_timer();
        }
    }

    /// Place the order of a leg. Its algo order has then done its work, or failed.
    fn fire(&mut self, id: u64, leg: usize) {
        let Some(algo) = self.algos.open.get_mut(&id) else {
            return;
        };
        algo.fired = leg as u8;
        let algo = algo.clone();
        let price = algo.legs[leg].price;
        let (order_type, tif) = if price == 0 { (MARKET, IOC) } else { (LIMIT, GTC) };
        let size = self.fired_size(&algo);
        let place = child(&algo, order_type, tif, price, size);
        match self.place_child(&algo, &place, None) {
            Ok(ack) => {
                self.note_child(id, ack);
                self.finish_algo(id, state::EFFECTIVE, reason::NONE, 0);
            }
            Err(reject) => self.finish_algo(id, state::FAILED, reason::NONE, reject as u16),
        }
    }

    /// A reduce-only order is cut to what the position still allows; without one the check refuses it.
    fn fired_size(&self, algo: &Algo) -> i64 {
        if algo.flags & flag::REDUCE_ONLY == 0 {
            return algo.size;
        }
        let wanted = if algo.flags & flag::WHOLE_POSITION != 0 { i64::MAX } else { algo.size };
        let position = self.position(algo.account, algo.market as usize);
        let most = position.map_or(0, |position| position.reducible(algo.side()));
        wanted.min(most).clamp(1, MAX_QUANTITY)
    }

    fn note_child(&mut self, id: u64, ack: Ack) {
        if let Some(algo) = self.algos.open.get_mut(&id) {
            algo.order_id = ack.order_id;
            algo.done = ack.filled;
        }
    }

    /// Place an order on behalf of an algo order; with `watch` the algo order hears of its end.
    fn place_child(&mut self, algo: &Algo, place: &Place, watch: Option<u64>) -> Result<Ack, Reject> {
        let frame = Frame {
            kind: wire::kind::PLACE,
            flags: place.flags,
            account: self.funds.account(algo.account).number,
            market: algo.market,
            key: algo.key,
            body: &[],
        };
        self.place_internal(&frame, place, algo.account, watch)
    }

    /// The first slice of a new iceberg or TWAP, checked; `None` when a TWAP finds no price yet.
    pub(super) fn first_slice(&self, algo: &Algo) -> Result<Option<Place>, Reject> {
        if !self.markets[algo.market as usize].is_open() {
            return Err(Reject::StateMarketPhase);
        }
        let Some(place) = self.slice_order(algo) else {
            return Ok(None);
        };
        self.check_place(&place, algo.account, algo.market)?;
        Ok(Some(place))
    }

    /// The next slice as an order: of an iceberg one that rests at its limit or behind the best price of its
    /// side, of a TWAP one that takes at once. `None` when nothing can be taken within the limit.
    fn slice_order(&self, algo: &Algo) -> Option<Place> {
        let market = &self.markets[algo.market as usize];
        let (left, side, limit) = (algo.size - algo.done, algo.side(), algo.legs[0].price);
        let lots = algo.slice.min(left);
        let crumbs = left - lots < market.parameters.min_lots && left <= market.parameters.max_lots;
        let lots = if crumbs { left } else { lots };
        let sign = if side == 0 { 1 } else { -1 };
        let within = |price: i64| if side == 0 { price.min(limit) } else { price.max(limit) };
        if algo.kind == kind::TWAP {
            let best = market.book.best(1 - side);
            if best == NIL_PRICE[1 - side] || within(best) != best {
                return None;
            }
            let worst = if algo.floats { within(best + sign * algo.offset(best)) } else { limit };
            return Some(child(algo, LIMIT, IOC, worst.max(1), lots));
        }
        let best = market.book.best(side);
        let rests = algo.floats && best != NIL_PRICE[side];
        let price = if rests { within(best - sign * algo.offset(best)) } else { limit };
        Some(child(algo, LIMIT, GTC, price.max(1), lots))
    }

    /// Place the first slice; a TWAP also begins to count its intervals.
    pub(super) fn begin_slices(&mut self, id: u64, slice: Option<Place>) {
        let twap = self.algos.open.get(&id).is_some_and(|algo| algo.kind == kind::TWAP);
        self.algo_event(id);
        if twap {
            self.take_slice(id, slice);
        } else {
            self.next_slice(id);
        }
    }

    /// Show the next slices of an iceberg until one rests.
    fn next_slice(&mut self, id: u64) {
        for _ in 0..SLICES_IN_A_ROW {
            let Some(algo) = self.algos.open.get(&id).filter(|algo| !algo.slice_open).cloned() else {
                return;
            };
            let Some(place) = self.slice_order(&algo) else {
                return;
            };
            match self.place_child(&algo, &place, Some(id)) {
                Err(reject) => return self.finish_algo(id, state::FAILED, reason::NONE, reject as u16),
                Ok(ack) if ack.state == order_state::OPEN => return self.algo_event(id),
                Ok(_) => self.algos.refills.retain(|waiting| *waiting != id),
            }
        }
        self.algos.refills.push(id);
    }

    /// The slice of an iceberg has filled while another order takes: the next one joins the end of the queue
    /// at its price before that order goes on.
    #[cold]
    pub(crate) fn refill_slices(&mut self) {
        if self.algos.refills_wait {
            return;
        }
        for id in std::mem::take(&mut self.algos.refills) {
            let Some(algo) = self.algos.open.get(&id) else {
                continue;
            };
            let order = self.slice_order(algo);
            let rests = order.is_some_and(|order| {
                !self.markets[algo.market as usize].book.crosses(order.side(), order.price)
            });
            if rests {
                self.next_slice(id);
            } else {
                self.algos.queue.push_back(id << 1);
            }
        }
    }

    /// A fill-or-kill order begins (or ends) to take.
    #[cold]
    pub(crate) fn hold_refills(&mut self, wait: bool) {
        self.algos.refills_wait = wait;
    }

    /// One interval of a TWAP has passed.
    pub(crate) fn run_twap(&mut self, id: u64) {
        let Some(algo) = self.algos.open.get(&id) else {
            return;
        };
        self.algos.timers.remove(&(algo.next_ms, id));
        if algo.expires_ms != 0 && algo.expires_ms <= self.now_ms {
            return self.finish_algo(id, state::CANCELLED, reason::EXPIRED, 0);
        }
        let open = self.markets[algo.market as usize].is_open();
        let slice = if open { self.slice_order(algo) } else { None };
        self.take_slice(id, slice);
        self.settle_child();
    }

    /// Take one slice and set the time of the next. A slice that finds no partner is made up for later.
    fn take_slice(&mut self, id: u64, slice: Option<Place>) {
        let Some(algo) = self.algos.open.get(&id).cloned() else {
            return;
        };
        let placed = slice.map(|place| self.place_child(&algo, &place, None));
        let later = |reject: &Reject| {
            matches!(reject, Reject::RiskPriceBand | Reject::MatchingNoLiquidity | Reject::StateMarketPhase)
        };
        match placed {
            Some(Err(reject)) if !later(&reject) => {
                return self.finish_algo(id, state::FAILED, reason::NONE, reject as u16);
            }
            Some(Ok(ack)) => {
                if let Some(algo) = self.algos.open.get_mut(&id) {
                    algo.order_id = ack.order_id;
                    algo.done += ack.filled;
                }
                if algo.done + ack.filled >= algo.size {
                    return self.finish_algo(id, state::EFFECTIVE, reason::NONE, 0);
                }
                if ack.filled > 0 {
                    self.algo_event(id);
                }
            }
            _ => {}
        }
        let mut next_ms = self.now_ms + algo.interval_ms;
        if algo.expires_ms != 0 {
            next_ms = next_ms.min(algo.expires_ms);
        }
        if let Some(algo) = self.algos.open.get_mut(&id) {
            algo.next_ms = next_ms;
            self.algos.timers.insert((next_ms, id));
            self.find_next_timer();
        }
    }

    /// The slice of an iceberg has got its id.
    pub(crate) fn watch_slice(&mut self, id: u64, order_id: u64) {
        self.algos.links.insert(order_id, id);
        if let Some(algo) = self.algos.open.get_mut(&id) {
            algo.order_id = order_id;
            algo.slice_open = true;
        }
    }

    /// An order that an algo order watches has closed.
    #[cold]
    pub(crate) fn linked_closed(&mut self, order_id: u64, filled: i64, order_state: u8, why: u8) {
        let Some(id) = self.algos.links.remove(&order_id) else {
            return;
        };
        let Some(algo) = self.algos.open.get_mut(&id) else {
            return;
        };
        if algo.state == state::WAITING {
            match filled {
                0 => self.finish_algo(id, state::CANCELLED, why, 0),
                _ => self.release_bracket(id, filled),
            }
            return;
        }
        algo.slice_open = false;
        algo.order_id = order_id;
        algo.done += filled;
        if algo.done >= algo.size {
            self.finish_algo(id, state::EFFECTIVE, reason::NONE, 0);
        } else if order_state == crate::codes::state::FILLED || why == reason::MATCH_LIMIT {
            self.algos.refills.push(id);
        } else {
            self.finish_algo(id, state::CANCELLED, why, 0);
        }
    }

    /// An algo order ends: out of every book and list; its event and its row.
    pub(super) fn finish_algo(&mut self, id: u64, state: u8, why: u8, code: u16) {
        self.disarm(id);
        let Some(algo) = self.algos.open.remove(&id) else {
            return;
        };
        self.algos.by_account.remove(&(algo.account, id));
        self.algos.by_market.remove(&(algo.market, id));
        self.algos.timers.remove(&(algo.next_ms, id));
        let effective = state == super::state::EFFECTIVE;
        self.finish_algo_client(&algo, if effective { order_state::FILLED } else { order_state::CANCELLED });
        let algo = Algo { state, ..algo };
        self.closed_algo(&algo, why, code);
        if self.algos.recent.len() == RECENT {
            self.algos.recent.pop_front();
        }
        self.algos.recent.push_back((algo, why, code, self.now_ms));
        self.find_next_timer();
    }

    /// Take the legs of an algo order out of the trigger books.
    pub(super) fn disarm(&mut self, id: u64) {
        let Some(algo) = self.algos.open.get(&id) else {
            return;
        };
        let Some(books) = self.algos.books.get_mut(&algo.market) else {
            return;
        };
        if algo.activation != 0 {
            let (follower, source) = (1 - algo.side(), algo.legs[0].source as usize);
            books[source].unfollow(follower, algo.distance, algo.activation, id << 1);
        }
        for (token, leg) in algo.tokens() {
            books[leg.source as usize].remove(leg.rises, leg.trigger, token);
        }
        let market = algo.market;
        self.reset_alarm(market);
    }
}

impl Algo {
    /// Ticks between the best price and a slice.
    fn offset(&self, best: i64) -> i64 {
        if self.distance.is_none() {
            0
        } else {
            self.distance.at(best)
        }
    }

    /// Whether it has fired and only waits to be carried out.
    pub(super) fn has_fired(&self) -> bool {
        self.fired != NO_LEG
    }
}

/// An order for an algo order.
fn child(algo: &Algo, order_type: u8, tif: u8, price: i64, size: i64) -> Place {
    Place {
        flags: algo.flags & (flag::SELL | flag::REDUCE_ONLY | flag::QUOTE_SIZE),
        order_type,
        tif,
        stp: algo.stp,
        price,
        size,
        expires_ms: 0,
        deadline_ms: 0,
        builder: algo.builder,
        client_len: 0,
        client_id: [0; 4],
    }
}
