//! New algo orders: the checks that need state, and their way into the books.

use super::frames::{self, Draft};
use super::{kind, state, Algo, Leg, Token, CLIENT_SPACE, CLIENT_SPACE_ID, LAST, MARK};
use super::{MAX_ALGOS, MAX_GROUP_ALGOS, MAX_SLICERS};
use crate::accounts::BOUND;
use crate::clients::{key_of, Entry, Found};
use crate::codes::{phase, state as order_state, Reject};
use crate::kernel::{Kernel, Outcome};
use crate::num::product;
use crate::output::Ack;
use crate::wire::{self, flag, Frame};

/// Bytes of a place body before its client id, and where the length of that stands.
const PLACE_BODY: usize = 40;
const PLACE_CLIENT_LEN: usize = 19;

impl Kernel {
    /// Place trigger, OCO, iceberg or TWAP.
    #[cold]
    pub(crate) fn place_algo(&mut self, frame: &Frame) -> Outcome {
        let Draft { mut algo, deadline_ms, either_side } = match frame.kind {
            wire::kind::PLACE_TRIGGER => frames::read_trigger(frame)?,
            wire::kind::PLACE_OCO => frames::read_oco(frame)?,
            wire::kind::PLACE_ICEBERG => frames::read_slices(frame, false)?,
            _ => frames::read_slices(frame, true)?,
        };
        let account = self.user(frame.account)?;
        if let Some(ack) = self.duplicate_algo(frame.account, algo.client_text()) {
            return Ok(ack);
        }
        if either_side {
            let price = self.source_price(self.market_index(frame.market)? as u32, algo.legs[0].source);
            if price == 0 {
                return Err(Reject::StateNoPrice);
            }
            algo.legs[0].rises = algo.legs[0].trigger > price;
        }
        let algo = Algo { account, created_ms: self.now_ms, ..algo };
        self.check_algo(&algo, deadline_ms)?;
        let slice = if algo.is_slicer() { self.first_slice(&algo)? } else { None };
        self.check_algo_client(frame.account, &algo)?;
        let id = self.take_algo(algo);
        let (size, kind) = self.algos.open.get(&id).map_or((0, 0), |algo| (algo.size, algo.kind));
        match kind {
            kind::ICEBERG | kind::TWAP => self.begin_slices(id, slice),
            kind::TRAILING => self.begin_trail(id),
            _ => self.arm(id),
        }
        Ok(Ack { order_id: id, remaining: size, state: order_state::OPEN, ..Ack::default() })
    }

    /// An order with a take-profit, a stop-loss or both attached.
    #[cold]
    pub(crate) fn place_bracket(&mut self, frame: &Frame) -> Outcome {
        let (Draft { algo, .. }, body) = frames::read_bracket(frame)?;
        if frame.flags & flag::NO != 0 {
            return Err(Reject::InputCombination);
        }
        if body.len() < PLACE_BODY || body.len() != PLACE_BODY + body[PLACE_CLIENT_LEN] as usize {
            return Err(Reject::InputBody);
        }
        let order = Frame { kind: wire::kind::PLACE, body, ..*frame };
        let key = key_of(frame.account, &body[PLACE_BODY..]);
        let account = self.user(frame.account)?;
        let known = body.len() > PLACE_BODY && self.clients.find(frame.account, key).is_some();
        if !known {
            if let Some(ack) = self.duplicate_algo(frame.account, algo.client_text()) {
                return Ok(ack);
            }
            let market = &self.markets[self.market_index(frame.market)?];
            let reduce = flag::when(market.kind != 0, flag::REDUCE_ONLY);
            let flags = (frame.flags & flag::SELL ^ flag::SELL) | reduce;
            let algo = Algo { account, created_ms: self.now_ms, flags, ..algo };
            self.check_legs(&algo)?;
            self.check_algo_room(&algo)?;
            self.check_algo_client(frame.account, &algo)?;
            let ack = self.place_frame(&order)?;
            if ack.code == 0 {
                self.attach(Algo { stp: body[18], ..algo }, ack);
            }
            return Ok(ack);
        }
        self.place_frame(&order)
    }

    /// Bind the legs to the order just placed, or let them stand at once for what it has filled.
    fn attach(&mut self, algo: Algo, ack: Ack) {
        let open = ack.state == order_state::OPEN;
        if !open && ack.filled == 0 {
            return;
        }
        let id = self.take_algo(Algo { parent: ack.order_id, size: ack.filled + ack.remaining, ..algo });
        match self.ids.get(ack.order_id).filter(|_| open) {
            Some(slot) => {
                self.slab.node_mut(slot).flags |= flag::LINKED;
                self.algos.links.insert(ack.order_id, id);
                self.algo_event(id);
            }
            None => self.release_bracket(id, ack.filled),
        }
    }

    /// The answer to a client id used before for an algo order.
    fn duplicate_algo(&self, account: u32, client: &[u8]) -> Option<Ack> {
        if client.is_empty() {
            return None;
        }
        let space = account | CLIENT_SPACE;
        let entry = self.clients.entry(self.clients.find(space, key_of(space, client))?);
        Some(Ack {
            order_id: entry.order_id() & !CLIENT_SPACE_ID,
            code: Reject::StateDuplicateClientId as u16,
            state: entry.state(),
            ..Ack::default()
        })
    }

    /// Stages ACCESS and STATE of a new algo order.
    fn check_algo(&self, algo: &Algo, deadline_ms: u64) -> Result<(), Reject> {
        let owner = self.funds.account(algo.account);
        if owner.flags & BOUND != 0 {
            owner.permits(self.kind_of(algo.market), algo.flags)?;
        }
        let market = &self.markets[self.market_index(algo.market)?];
        if market.kind == 0 && algo.flags & (flag::REDUCE_ONLY | flag::WHOLE_POSITION) != 0 {
            return Err(Reject::InputCombination);
        }
        if !matches!(market.phase, phase::OPEN | phase::AUCTION | phase::HALTED) {
            return Err(Reject::StateMarketPhase);
        }
        if deadline_ms != 0 && self.now_ms > deadline_ms {
            return Err(Reject::StateDeadline);
        }
        if algo.expires_ms != 0 && algo.expires_ms <= self.now_ms {
            return Err(Reject::InputExpiry);
        }
        let parameters = &market.parameters;
        let counted = algo.flags & (flag::QUOTE_SIZE | flag::WHOLE_POSITION) == 0;
        let piece = if algo.is_slicer() { algo.slice } else { algo.size };
        if counted && !(parameters.min_lots..=parameters.max_lots).contains(&piece) {
            return Err(Reject::InputSize);
        }
        for leg in algo.legs.iter().filter(|leg| leg.price > 0) {
            product(leg.price, piece.max(1), market.tick_quote).ok_or(Reject::InputOverflow)?;
        }
        self.check_legs(algo)?;
        self.check_algo_room(algo)
    }

    /// Whether the prices the legs wait for exist and have not been passed already.
    pub(super) fn check_legs(&self, algo: &Algo) -> Result<(), Reject> {
        let waits = algo.tokens().map(|(_, leg)| leg);
        let trails = (algo.kind == kind::TRAILING).then_some(algo.legs[0]);
        for leg in waits.chain(trails) {
            let price = self.source_price(algo.market, leg.source);
            if price == 0 && (leg.source == MARK || leg.trigger == 0) {
                return Err(Reject::StateNoPrice);
            }
            if algo.kind != kind::TRAILING && price != 0 && leg.reached(price) {
                return Err(Reject::StateTriggerPassed);
            }
        }
        Ok(())
    }

    fn check_algo_room(&self, algo: &Algo) -> Result<(), Reject> {
        let mine = || self.algos.of_account(algo.account);
        let slicers = || mine().filter(|id| self.algos.open.get(id).is_some_and(Algo::is_slicer)).count();
        let full = self.algos.open.len() >= MAX_GROUP_ALGOS
            || mine().count() >= MAX_ALGOS
            || (algo.is_slicer() && slicers() >= MAX_SLICERS);
        if full {
            return Err(Reject::StateTooManyAlgos);
        }
        Ok(())
    }

    /// Whether the client id of a new algo order can be remembered; forgets a few that are old.
    fn check_algo_client(&mut self, account: u32, algo: &Algo) -> Result<(), Reject> {
        let space = account | CLIENT_SPACE;
        let key = key_of(space, algo.client_text());
        match self.clients.search(space, key) {
            Found::Vacant(vacancy) if algo.client_len > 0 => {
                self.check_client_room(space, &mut (key, vacancy))
            }
            _ => Ok(()),
        }
    }

    /// Give a checked algo order its id and its place in memory.
    fn take_algo(&mut self, mut algo: Algo) -> u64 {
        self.algos.last_id += 1;
        algo.id = self.algos.last_id;
        let id = algo.id;
        if algo.client_len > 0 {
            let account = self.funds.account(algo.account).number | CLIENT_SPACE;
            let key = key_of(account, algo.client_text());
            let mut entry = Entry::new(key, account, id | CLIENT_SPACE_ID);
            entry.finish(order_state::OPEN, 0);
            self.clients.push(entry, self.now_ms);
        }
        self.funds.touch(algo.account);
        self.algos.add(algo);
        id
    }

    /// Last or mark price of a market; 0 when there is none.
    pub(super) fn source_price(&self, market: u32, source: u8) -> i64 {
        match source {
            LAST => self.markets[market as usize].last,
            _ => self.mark(market as usize),
        }
    }

    /// Put the legs into the trigger books.
    pub(super) fn arm(&mut self, id: u64) {
        let Some(algo) = self.algos.open.get(&id) else {
            return;
        };
        let market = algo.market;
        let legs: Vec<(Token, Leg)> = algo.tokens().collect();
        let books = self.algos.books.entry(market).or_default();
        for (token, leg) in legs {
            books[leg.source as usize].insert(leg.rises, leg.trigger, token);
        }
        self.reset_alarm(market);
        self.algo_event(id);
    }

    /// A trailing stop with a price to wait for waits; any other follows from here.
    fn begin_trail(&mut self, id: u64) {
        match self.algos.open.get(&id).map(|algo| algo.legs[0]) {
            Some(leg) if leg.trigger > 0 && !leg.reached(self.source_price_of(id)) => self.arm(id),
            _ => {
                let price = self.source_price_of(id);
                self.follow(id, price);
                self.algo_event(id);
            }
        }
    }

    fn source_price_of(&self, id: u64) -> i64 {
        self.algos.open.get(&id).map_or(0, |algo| self.source_price(algo.market, algo.legs[0].source))
    }

    /// The order a bracket hangs on has closed with `filled` lots: the legs stand for them from now on.
    pub(super) fn release_bracket(&mut self, id: u64, filled: i64) {
        let Some(algo) = self.algos.open.get_mut(&id) else {
            return;
        };
        algo.size = filled;
        algo.state = state::LIVE;
        let (market, legs) = (algo.market, algo.tokens().collect::<Vec<_>>());
        let passed = legs.iter().find(|(_, leg)| {
            let price = self.source_price(market, leg.source);
            price != 0 && leg.reached(price)
        });
        let passed = passed.map(|(token, leg)| (*token, *leg));
        self.arm(id);
        let Some((token, leg)) = passed else {
            return;
        };
        let book = self.algos.books.entry(market).or_default();
        book[leg.source as usize].remove(leg.rises, leg.trigger, token);
        self.reset_alarm(market);
        if let Some(algo) = self.algos.open.get_mut(&id) {
            algo.fired = (token & 1) as u8;
            self.algos.queue.push_back(token);
        }
        self.find_next_timer();
    }

    /// Whether a client id names an algo order: its number.
    pub(super) fn algo_of_client(&self, account: u32, client: &[u8]) -> Option<u64> {
        let space = account | CLIENT_SPACE;
        let entry = self.clients.entry(self.clients.find(space, key_of(space, client))?);
        Some(entry.order_id() & !CLIENT_SPACE_ID)
    }

    /// Record in the client id memory what an algo order has become.
    pub(super) fn finish_algo_client(&mut self, algo: &Algo, order_state: u8) {
        if algo.client_len > 0 {
            let space = self.funds.account(algo.account).number | CLIENT_SPACE;
            if let Some(sequence) = self.clients.find(space, key_of(space, algo.client_text())) {
                self.clients.finish(sequence, order_state, algo.done);
            }
        }
    }
}

impl Leg {
    /// Whether a price of its source fires it.
    pub(super) fn reached(&self, price: i64) -> bool {
        if self.rises {
            price >= self.trigger
        } else {
            price <= self.trigger
        }
    }
}
