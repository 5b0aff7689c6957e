//! An event: its outcomes, its state, and the pot that stands on the other side of complete sets and of settlement.

use std::collections::BTreeSet;

use super::holding::Holding;

/// Most outcomes of an event.
pub const MOST_OUTCOMES: usize = 256;
/// Event of a market that belongs to none.
pub const NO_EVENT: u32 = u32::MAX;
/// Market of an outcome that has no book of its own: the No of a question, the short side of a scalar.
pub const NO_MARKET: u32 = u32::MAX;
/// Fallback of an event that takes no late outcomes.
pub const NO_FALLBACK: u16 = u16::MAX;
/// Nothing used yet: an event number there never is.
const NOTHING: (u32, u32) = (u32::MAX - 1, 0);
/// Flags of an event: two outcomes in one merged book; a scalar, which settles to any fraction.
pub const ONE_BOOK: u8 = 1;
pub const SCALAR: u8 = 2;

/// States of an event.
pub mod event_state {
    pub const TRADING: u8 = 0;
    /// Trading is over, nobody has said what happened.
    pub const CLOSED: u8 = 1;
    /// Payouts are proposed and may still be corrected.
    pub const PROPOSED: u8 = 2;
    /// Payouts are final and being paid.
    pub const PAYING: u8 = 3;
    pub const SETTLED: u8 = 4;

    pub const NAMES: [&str; 5] = ["trading", "closed", "proposed", "paying", "settled"];
    /// Allowed moves by state.
    pub const MOVES: [&[u8]; 5] =
        [&[CLOSED, PROPOSED, PAYING], &[PROPOSED, PAYING], &[PROPOSED, PAYING], &[SETTLED], &[]];
}

/// One outcome of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub market: u32,
    /// Fair price when trading closed, in ticks; `None` while it trades and if nobody ever priced it.
    pub fair: Option<i64>,
    /// Ticks a lot pays, once proposed.
    pub payout: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub number: u32,
    pub state: u8,
    pub flags: u8,
    /// Paid at fair prices rather than by a result.
    pub voided: bool,
    pub fallback: u16,
    /// Ticks one winning contract pays, and units of the settlement asset a tick of a lot is worth.
    pub one: i64,
    pub tick: i64,
    /// When trading closes by itself; 0: not by time.
    pub close_ms: u64,
    pub outcomes: Vec<Row>,
    /// Complete sets the pot holds (negative: owes): accounts merged them for cash. Lots of every outcome.
    pub sets: i64,
    /// Cash of the pot, units of the settlement asset: what sets brought or cost and what settlement has moved so far.
    pub pot: i64,
    /// Account slots that ever had an order or a contract here, in that order.
    pub holders: Vec<u32>,
    /// Market being added as a late outcome.
    pub late: Option<u32>,
    /// How far the work of this state has come: outcomes cleared of orders, then holders dealt with.
    pub cleared: usize,
    pub cursor: usize,
}

impl Event {
    /// Units of the settlement asset a winning lot pays.
    pub fn unit(&self) -> i64 {
        self.one * self.tick
    }

    pub fn is_one_book(&self) -> bool {
        self.flags & ONE_BOOK != 0
    }

    pub fn is_trading(&self) -> bool {
        self.state == event_state::TRADING
    }

    /// Markets that have a book, with their outcome.
    pub fn markets(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let rows = self.outcomes.iter().enumerate().filter(|(_, row)| row.market != NO_MARKET);
        rows.map(|(at, row)| (at, row.market as usize))
    }
}

/// All events of a group, what accounts hold in them, and the work that is under way.
#[derive(Default)]
pub(crate) struct Outcomes {
    pub events: Vec<Event>,
    pub holdings: Vec<Holding>,
    /// Holdings of settled events, to be used again.
    pub free: Vec<u32>,
    /// By account slot: its events in order, each with the place of the holding.
    pub places: Vec<Vec<(u32, u32)>>,
    /// By account slot: the (event, place) it used last, so that most searches end at once. Outside the logical state.
    recent: Vec<(u32, u32)>,
    /// Events with cancels, late outcomes or payments still to be done, first come first served.
    pub work: Vec<u32>,
    /// When events close by themselves.
    pub closings: BTreeSet<(u64, u32)>,
    /// Positions changed in this batch: (account slot, market); outside the logical state.
    pub dirty: Vec<(u32, u32)>,
}

impl Outcomes {
    /// Place of an account's holding in an event, if it ever had anything there.
    #[inline]
    pub fn place(&self, account: u32, event: u32) -> Option<usize> {
        match self.recent.get(account as usize) {
            Some((last, at)) if *last == event => Some(*at as usize),
            Some(_) => self.search(account, event),
            None => None,
        }
    }

    fn search(&self, account: u32, event: u32) -> Option<usize> {
        let places = self.places.get(account as usize)?;
        let found = match places.len() {
            0..=8 => places.iter().position(|place| place.0 == event)?,
            _ => places.binary_search_by_key(&event, |place| place.0).ok()?,
        };
        Some(places[found].1 as usize)
    }

    /// What an account has in an event, if it ever had anything there.
    #[inline]
    pub fn holding(&self, account: u32, event: u32) -> Option<&Holding> {
        self.place(account, event).map(|at| &self.holdings[at])
    }

    /// All that an account has, by event.
    pub fn holdings_of(&self, account: u32) -> impl Iterator<Item = &Holding> {
        let places = self.places.get(account as usize).map_or(&[][..], |places| places);
        places.iter().map(|place| &self.holdings[place.1 as usize])
    }

    /// Place of an account's holding in an event, made if there is none.
    #[inline]
    pub fn open_holding(&mut self, account: u32, event: u32) -> usize {
        if let Some((last, at)) = self.recent.get(account as usize) {
            if *last == event {
                return *at as usize;
            }
        }
        let at = self.search(account, event).unwrap_or_else(|| self.make_holding(account, event));
        self.recent[account as usize] = (event, at as u32);
        at
    }

    /// Hint that an account's holding is soon looked at: first the record, later what it has of an outcome.
    #[inline]
    pub fn prefetch(&self, account: u32, outcome: Option<u16>) {
        let Some((_, at)) = self.recent.get(account as usize) else { return };
        let Some(holding) = self.holdings.get(*at as usize) else { return };
        match outcome {
            None => crate::prefetch::at(holding),
            Some(outcome) => holding.prefetch(outcome as usize),
        }
    }

    #[cold]
    fn make_holding(&mut self, account: u32, event: u32) -> usize {
        let record = &mut self.events[event as usize];
        record.holders.push(account);
        let holding = Holding::new(account, event, record.outcomes.len(), record.unit());
        let at = self.free.pop().unwrap_or(self.holdings.len() as u32);
        match self.holdings.get_mut(at as usize) {
            Some(place) => *place = holding,
            None => self.holdings.push(holding),
        }
        if self.places.len() <= account as usize {
            self.places.resize_with(account as usize + 1, Vec::new);
            self.recent.resize(account as usize + 1, NOTHING);
        }
        let places = &mut self.places[account as usize];
        let before = places.partition_point(|place| place.0 < event);
        places.insert(before, (event, at));
        at as usize
    }

    /// Forget a holding whose contracts are paid.
    pub fn close_holding(&mut self, account: u32, event: u32) {
        let Some(at) = self.place(account, event) else { return };
        self.places[account as usize].retain(|place| place.0 != event);
        self.recent[account as usize] = NOTHING;
        self.holdings[at] = Holding::new(u32::MAX, NO_EVENT, 0, 0);
        self.free.push(at as u32);
    }

    /// When there is something to do by itself; 0: at once, `u64::MAX`: never.
    pub fn next_timer(&self) -> u64 {
        match self.work.is_empty() {
            true => self.closings.first().map_or(u64::MAX, |closing| closing.0),
            false => 0,
        }
    }

    /// Put an event among those that have work to be done before the next command.
    pub fn begin_work(&mut self, event: u32) {
        if !self.work.contains(&event) {
            self.work.push(event);
        }
    }
}
