//! A new order: read, check, accept, match, rest.
//!
//! Checks run in the order of the reject list with one exception that clients depend on: a client id used
//! before is answered first, with the order it named, so that a retry learns what became of it whatever
//! else has changed since.

mod frame;

use frame::BODY;
pub(crate) use frame::{bytes_of, client_id, Place, PLACE_FRAME};

use crate::accounts::BOUND;
use crate::book::NIL_PRICE;
use crate::clients::{key_of_words, words_at, words_of, Entry, Found, Key, Vacancy};
use crate::codes::{reason, state, Reject};
use crate::contracts::SPOT;
use crate::kernel::{Kernel, Outcome};
use crate::look::Ahead;
use crate::mandates::rate_of;
use crate::matching::Taker;
use crate::num::{charge, product, MAX_QUANTITY};
use crate::output::Ack;
use crate::slab::{NewOrder, Node, NIL, NO_CLIENT};
use crate::wire::{flag, Frame, FOK, GTD, IOC, LIMIT};

/// `Node::position` of an order that has not rested.
pub(crate) const NOT_RESTING: u32 = u32::MAX;

/// How an order enters the book, found while checking.
#[derive(Clone, Copy)]
pub(crate) struct Entrance {
    /// Worst price it may trade at.
    pub limit: i64,
    /// Quote units it may spend; `i64::MAX` when its hold at the limit price was checked instead.
    pub budget: i64,
}

impl Kernel {
    #[inline(always)]
    pub(crate) fn place(&mut self, frame: &Frame, coming: &Ahead) -> Outcome {
        let mut place = Place::read(frame, &coming.words)?;
        if place.flags & (flag::REDUCE_ONLY | flag::NO) != 0 && !self.is_contract(frame.market) {
            return Err(Reject::InputCombination);
        }
        let account = self.user(frame.account)?;
        let mut remember = None;
        if place.client_len > 0 {
            match self.clients.search(frame.account, coming.key) {
                Found::Entry(sequence) => return Ok(self.duplicate(sequence)),
                Found::Vacant(vacancy) => remember = Some((coming.key, vacancy)),
            }
        }
        if place.flags & flag::NO != 0 {
            self.turn_to_yes(&mut place, frame.market)?;
        }
        if place.tif == GTD && place.expires_ms <= self.now_ms {
            return Err(Reject::InputExpiry);
        }
        if frame.key != 0 && self.mandates.bind() {
            self.check_key_order(frame, place.wanted(frame.market))?;
        }
        if place.builder != 0 {
            self.check_builder(frame.account, place.builder)?;
        }
        let entrance = self.check_place(&place, account, frame.market)?;
        if let Some(client) = &mut remember {
            self.check_client_room(frame.account, client)?;
        }
        let slot = self.accept(frame, &place, account, remember);
        let why = self.enter(slot, &place, entrance);
        Ok(self.settle_remainder(slot, why))
    }

    /// Place an order that does not come from a batch: the frame is all there is.
    #[inline(never)]
    pub(crate) fn place_frame(&mut self, frame: &Frame) -> Outcome {
        let client = frame.body.get(BODY..).unwrap_or_default();
        let words = words_of(client);
        let key = key_of_words(frame.account, &words, client.len());
        self.place(frame, &Ahead { words, key, ..Ahead::default() })
    }

    /// Place an order on behalf of an algo order, which hears of its end if it is named in `watch`.
    pub(crate) fn place_internal(
        &mut self,
        frame: &Frame,
        place: &Place,
        account: u32,
        watch: Option<u64>,
    ) -> Outcome {
        if frame.key != 0 && self.mandates.bind() {
            self.check_key_order(frame, place.wanted(frame.market))?;
        }
        if place.builder != 0 {
            self.check_builder(frame.account, place.builder)?;
        }
        let entrance = self.check_place(place, account, frame.market)?;
        let slot = self.accept(frame, place, account, None);
        if let Some(algo) = watch {
            self.slab.node_mut(slot).flags |= flag::LINKED;
            self.watch_slice(algo, self.slab.cold(slot).order_id);
        }
        let why = self.enter(slot, place, entrance);
        Ok(self.settle_remainder(slot, why))
    }

    /// Answer to a client id used before: the order it named, as it stands.
    #[inline(never)]
    pub(crate) fn duplicate(&self, sequence: u64) -> Ack {
        let entry = *self.clients.entry(sequence);
        let mut ack = Ack {
            order_id: entry.order_id(),
            filled: entry.filled(),
            code: Reject::StateDuplicateClientId as u16,
            state: entry.state(),
            ..Ack::default()
        };
        if let Some(slot) = self.ids.get(entry.order_id()) {
            ack.state = state::OPEN;
            ack.filled = self.slab.cold(slot).filled;
            ack.remaining = self.slab.node(slot).remaining;
        }
        ack
    }

    /// See whether one more id can be remembered.
    #[inline(always)]
    pub(crate) fn check_client_room(
        &mut self,
        account: u32,
        client: &mut (Key, Vacancy),
    ) -> Result<(), Reject> {
        if self.clients.is_due(self.now_ms) {
            self.forget_clients();
            if let Found::Vacant(vacancy) = self.clients.search(account, client.0) {
                client.1 = vacancy;
            }
        }
        if self.clients.len() >= self.limits.client_ids as usize || !client.1.is_near() {
            return Err(Reject::StateClientIdsFull);
        }
        Ok(())
    }

    /// Forget a few ids that are old enough.
    #[cold]
    fn forget_clients(&mut self) {
        for _ in 0..4 {
            match self.clients.expire_one(self.now_ms, |id| self.ids.get(id).is_some()) {
                Some(Some((order_id, sequence))) => {
                    if let Some(slot) = self.ids.get(order_id) {
                        self.slab.node_mut(slot).client = sequence;
                    }
                }
                Some(None) => {}
                None => break,
            }
        }
    }

    /// Stages ACCESS, STATE, RISK and MATCHING; nothing is changed.
    #[inline(always)]
    pub(crate) fn check_place(&self, place: &Place, account: u32, market: u32) -> Result<Entrance, Reject> {
        let owner = self.funds.account(account);
        if owner.flags & BOUND != 0 {
            owner.permits(self.kind_of(market), place.flags)?;
        }
        let market = &self.markets[self.market_index(market)?];
        if !market.is_open() && !self.takes(market, place.flags) {
            self.check_collecting(market, place)?;
        }
        if place.deadline_ms != 0 && self.now_ms > place.deadline_ms {
            return Err(Reject::StateDeadline);
        }
        if place.may_rest() && owner.orders.len() >= self.limits.orders_per_account as usize {
            return Err(Reject::StateTooManyOrders);
        }
        let lots = market.parameters.min_lots..=market.parameters.max_lots;
        if !place.is_quote_size() && !lots.contains(&place.size) {
            return Err(Reject::InputSize);
        }
        if place.order_type == LIMIT {
            self.check_limit(place, account, market.number as usize)
        } else {
            self.check_market(place, account, market.number as usize)
        }
    }

    #[inline(always)]
    fn check_limit(&self, place: &Place, account: u32, market: usize) -> Result<Entrance, Reject> {
        let market = &self.markets[market];
        let side = place.side();
        if place.price > market.highest() {
            return Err(Reject::InputPrice);
        }
        let notional = product(place.price, place.size, market.tick_quote).ok_or(Reject::InputOverflow)?;
        let base = place.size.checked_mul(market.lot_size).ok_or(Reject::InputOverflow)?;
        if place.may_rest()
            && market.book.level_count(side) >= market.parameters.max_levels
            && market.book.level(side, place.price).is_none()
        {
            return Err(Reject::StateTooManyLevels);
        }
        let limit = match market.within_band(side, place.price) {
            true => place.price,
            false => self.check_breach(place, market)?,
        };
        if notional < market.parameters.min_notional {
            return Err(Reject::RiskMinNotional);
        }
        if market.kind != SPOT {
            let entrance = self.check_contract(place, account, market.number as usize, place.price)?;
            return Ok(Entrance { limit, ..entrance });
        }
        let owner = self.funds.account(account);
        let (asset, hold) = if side == 0 {
            let fee = charge(notional, market.fees(owner.tier).1 + rate_of(place.builder), 0);
            (market.quote, notional.checked_add(fee).ok_or(Reject::InputOverflow)?)
        } else {
            (market.base, base)
        };
        if owner.free(asset) < hold {
            return Err(Reject::RiskInsufficientBalance);
        }
        if owner.margin != 0 {
            self.check_spot_margin(account, market.number as usize, side, place.price, place.size, hold)?;
        }
        Ok(Entrance { limit, budget: i64::MAX })
    }

    #[inline(never)]
    fn check_market(&self, place: &Place, account: u32, market: usize) -> Result<Entrance, Reject> {
        let market = &self.markets[market];
        let side = place.side();
        let owner = self.funds.account(account);
        let best = market.book.best(1 - side);
        let quote_size = place.is_quote_size();
        let base = if quote_size {
            0
        } else {
            place.size.checked_mul(market.lot_size).ok_or(Reject::InputOverflow)?
        };
        let limit = market.market_limit(side, place.price);
        let at_best = if best == NIL_PRICE[1 - side] { 1 } else { best };
        let value =
            if quote_size { Some(place.size) } else { product(at_best, place.size, market.tick_quote) };
        let value = value.ok_or(Reject::InputOverflow)?;
        let worst = product(limit.unwrap_or(1), if quote_size { 1 } else { place.size }, market.tick_quote);
        worst.ok_or(Reject::InputOverflow)?;
        if limit.is_some() && value < market.parameters.min_notional {
            return Err(Reject::RiskMinNotional);
        }
        if market.kind != SPOT {
            let limit = limit.ok_or(Reject::MatchingNoLiquidity)?;
            return self.check_contract(place, account, market.number as usize, limit);
        }
        let mut free_quote = owner.free(market.quote);
        if owner.margin != 0 && market.quote == self.funds.settlement {
            free_quote = self.spendable(account, free_quote);
        }
        let enough = match (side, quote_size) {
            (0, true) => free_quote >= place.size,
            (0, false) => {
                let taker_ppm = market.fees(owner.tier).1 + rate_of(place.builder);
                let cost = value.checked_add(charge(value, taker_ppm, 0));
                limit.is_none() || free_quote >= cost.ok_or(Reject::InputOverflow)?
            }
            _ => owner.free(market.base) >= base,
        };
        if !enough {
            return Err(Reject::RiskInsufficientBalance);
        }
        let limit = limit.ok_or(Reject::MatchingNoLiquidity)?;
        if owner.margin != 0 && side == 1 {
            self.check_spot_margin(account, market.number as usize, side, limit, place.size, base)?;
        }
        let budget = match (side, quote_size) {
            (0, true) => place.size,
            // `i64::MAX` would mean no budget at all.
            (0, false) => free_quote.min(i64::MAX - 1),
            _ => i64::MAX,
        };
        Ok(Entrance { limit, budget })
    }

    /// Give the order its id and its place in memory. From here on nothing can be refused.
    #[inline(always)]
    pub(crate) fn accept(
        &mut self,
        frame: &Frame,
        place: &Place,
        account: u32,
        client: Option<(Key, Vacancy)>,
    ) -> u32 {
        let (maker_ppm, taker_ppm) =
            self.markets[frame.market as usize].fees(self.funds.account(account).tier);
        let rate = rate_of(place.builder);
        let timed = if place.tif == GTD { flag::TIMED } else { 0 };
        let quote_size = place.is_quote_size();
        let slot = self.slab.take();
        let order_id = self.ids.assign(slot);
        let client = match client {
            Some((key, vacancy)) => {
                self.clients.push_at(vacancy, Entry::new(key, frame.account, order_id), self.now_ms)
            }
            None => NO_CLIENT,
        };
        *self.slab.node_mut(slot) = Node {
            next: NIL,
            prev: NIL,
            remaining: if quote_size { MAX_QUANTITY } else { place.size },
            price: place.price,
            order_id,
            client,
            account,
            market: frame.market as u16,
            flags: place.flags | timed,
            stp: place.stp,
            maker_ppm: maker_ppm + rate,
            taker_ppm: taker_ppm + rate,
            prepaid: 0,
            position: NOT_RESTING,
        };
        let size = if quote_size { 0 } else { place.size };
        let small =
            [place.order_type, place.tif, place.stp, state::OPEN, reason::NONE, place.client_len, 0, 0];
        self.slab.cold_mut(slot).begin(&NewOrder {
            head: NewOrder::head_of(place.flags, frame.account, place.client_len),
            order_id,
            terms: [u64::from(frame.market) | u64::from(frame.key) << 32, place.price as u64, size as u64],
            created_ms: self.now_ms,
            expires_ms: place.expires_ms,
            small: u64::from_le_bytes(small),
            builder: place.builder,
            client_id: &place.client_id,
        });
        self.funds.touch(account);
        slot
    }

    /// Match what can be matched at once. The answer is why the remainder must not rest, `NONE` if it may.
    #[inline(never)]
    fn enter(&mut self, slot: u32, place: &Place, entrance: Entrance) -> u8 {
        let market = self.slab.node(slot).market as usize;
        let breaches = place.order_type == LIMIT && place.price != entrance.limit;
        if !self.markets[market].book.crosses(place.side(), entrance.limit) {
            return match place.tif {
                _ if breaches => self.breach_band(market, place.side(), place.price),
                IOC => reason::IOC,
                FOK => reason::FOK,
                _ => reason::NONE,
            };
        }
        if place.flags & flag::POST_ONLY != 0 {
            return reason::POST_ONLY;
        }
        if self.markets[market].book.is_collecting() {
            return reason::NONE;
        }
        let mut taker = Taker::fresh(self, slot, entrance, place);
        if place.tif == FOK {
            return self.kill_or_fill(&mut taker);
        }
        let reason = self.match_taker(&mut taker);
        if breaches && reason == reason::NONE && self.slab.node(slot).remaining > 0 {
            return self.breach_band(market, place.side(), place.price);
        }
        if reason == reason::NONE && !place.may_rest() {
            return reason::IOC;
        }
        reason
    }

    /// Fill the order whole from what the book shows, or say that it must be killed.
    fn kill_or_fill(&mut self, taker: &mut Taker) -> u8 {
        if !self.can_fill(taker) {
            return reason::FOK;
        }
        self.hold_refills(true);
        let why = self.match_taker(taker);
        self.hold_refills(false);
        if why == reason::NONE {
            reason::IOC
        } else {
            why
        }
    }

    /// Read the client id of a place frame some commands ahead and ask for the memory it will need. `rest` is the batch from
    /// this frame on.
    #[inline(always)]
    pub(crate) fn prefetch_place(&self, account: u32, rest: &[u8], coming: &mut Ahead) {
        let length = coming.bytes.len();
        if length <= PLACE_FRAME {
            coming.words = [0; 4];
            return;
        }
        coming.words = words_at(rest, PLACE_FRAME, length - PLACE_FRAME);
        coming.key = key_of_words(account, &coming.words, length - PLACE_FRAME);
        self.clients.prefetch(coming.key);
    }
}
