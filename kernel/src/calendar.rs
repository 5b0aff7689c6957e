//! Session calendars: when the reference of a market sleeps.
//!
//! Sessions are minutes of the week in UTC, Monday 00:00 being 0; holidays are whole days since 1970-01-01. Outside
//! its sessions a market trades within a narrower band, or not at all if that band is 0, and may be spared
//! liquidations on a frozen reference. When a session begins it may reopen by an auction. Daylight saving is data:
//! the operator sends the calendar anew.

use crate::auction::why;
use crate::codec::{Reader, Writer};
use crate::codes::{phase, Reject};
use crate::kernel::{Kernel, Outcome};
use crate::num::PPM;
use crate::output::Ack;
use crate::wire::Frame;

const MINUTE_MS: u64 = 60_000;
const DAY_MINUTES: u64 = 24 * 60;
const WEEK_MINUTES: u64 = 7 * DAY_MINUTES;
/// 1970-01-01 was a Thursday.
const FIRST_WEEKDAY: u64 = 3;
const MAX_SESSIONS: usize = 28;
const MAX_HOLIDAYS: usize = 64;
const MAX_AUCTION_MS: u32 = 3_600_000;
/// Flag: no liquidation while closed.
const SPARE: u8 = 1;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// (first minute, minute after the last) of the week, ascending, without overlap.
    pub sessions: Vec<(u16, u16)>,
    /// Days since 1970-01-01, ascending.
    pub holidays: Vec<u32>,
    /// Band while closed; 0: no trading.
    pub closed_band_ppm: u32,
    /// Auction when a session begins; 0: none.
    pub auction_ms: u32,
    pub no_liquidation: bool,
    /// The market is outside its sessions, and halted for it.
    pub closed: bool,
    pub halted: bool,
}

impl Calendar {
    fn is_open_at(&self, minute: u64) -> bool {
        let day = minute / DAY_MINUTES;
        let of_week = (minute + FIRST_WEEKDAY * DAY_MINUTES) % WEEK_MINUTES;
        let holiday = self.holidays.iter().any(|holiday| u64::from(*holiday) == day);
        let inside = |session: &(u16, u16)| (u64::from(session.0)..u64::from(session.1)).contains(&of_week);
        !holiday && self.sessions.iter().any(inside)
    }

    pub fn is_open(&self, now_ms: u64) -> bool {
        self.is_open_at(now_ms / MINUTE_MS)
    }

    /// When it next opens or closes; `u64::MAX` for never.
    pub fn next_change_ms(&self, now_ms: u64) -> u64 {
        let now = now_ms / MINUTE_MS;
        let open = self.is_open_at(now);
        let week = now + FIRST_WEEKDAY * DAY_MINUTES;
        let first_week = week - week % WEEK_MINUTES;
        let weeks = 2 + self.holidays.len() as u64;
        let edges = |week: u64| {
            let of_week = self.sessions.iter().flat_map(|session| [session.0, session.1]);
            let base = first_week + week * WEEK_MINUTES;
            of_week.map(move |minute| (base + u64::from(minute)).saturating_sub(FIRST_WEEKDAY * DAY_MINUTES))
        };
        let days = self.holidays.iter().flat_map(|day| [u64::from(*day), u64::from(*day) + 1]);
        let days = days.map(|day| day * DAY_MINUTES);
        let changes = (0..weeks).flat_map(edges).chain(days);
        let next = changes.filter(|minute| *minute > now && self.is_open_at(*minute) != open).min();
        next.map_or(u64::MAX, |minute| minute * MINUTE_MS)
    }

    fn read(input: &mut Reader) -> Option<Calendar> {
        let mut calendar =
            Calendar { closed_band_ppm: input.u32()?, auction_ms: input.u32()?, ..Calendar::default() };
        let small = input.raw(4)?;
        calendar.no_liquidation = small[0] == SPARE;
        let reserved = input.u32()?;
        for _ in 0..small[1] {
            let pair = input.u32()?;
            calendar.sessions.push((pair as u16, (pair >> 16) as u16));
        }
        for _ in 0..small[2] {
            calendar.holidays.push(input.u32()?);
        }
        (small[0] <= SPARE && small[3] == 0 && reserved == 0).then_some(calendar)
    }

    fn allowed(&self) -> bool {
        let sound = |session: &(u16, u16)| session.0 < session.1 && u64::from(session.1) <= WEEK_MINUTES;
        self.sessions.len() <= MAX_SESSIONS
            && self.holidays.len() <= MAX_HOLIDAYS
            && i64::from(self.closed_band_ppm) <= PPM
            && self.auction_ms <= MAX_AUCTION_MS
            && self.sessions.iter().all(sound)
            && self.sessions.windows(2).all(|pair| pair[0].1 <= pair[1].0)
            && self.holidays.windows(2).all(|pair| pair[0] < pair[1])
            && self.holidays.iter().all(|day| *day < 1 << 20)
    }

    pub fn write(&self, out: &mut Writer) {
        out.u32(self.closed_band_ppm);
        out.u32(self.auction_ms);
        let spare = if self.no_liquidation { SPARE } else { 0 };
        out.raw(&[spare, self.sessions.len() as u8, self.holidays.len() as u8, 0]);
        out.u32(0);
        for (from, to) in &self.sessions {
            out.u32(u32::from(*from) | u32::from(*to) << 16);
        }
        for day in &self.holidays {
            out.u32(*day);
        }
    }
}

impl Kernel {
    /// Give a market a calendar, or with no sessions take it away.
    pub(crate) fn set_calendar(&mut self, frame: &Frame) -> Outcome {
        let mut input = Reader::new(frame.body);
        let calendar = Calendar::read(&mut input).filter(|_| input.is_empty()).ok_or(Reject::InputBody)?;
        if !calendar.allowed() {
            return Err(Reject::InputCalendar);
        }
        let market = self.market_index(frame.market)?;
        let before = self.markets[market].calendar.take();
        self.auctions.sessions.retain(|timer| timer.1 != frame.market);
        let (closed, halted) = before.map_or((false, false), |before| (before.closed, before.halted));
        if !calendar.sessions.is_empty() {
            self.markets[market].calendar = Some(Box::new(Calendar { closed, halted, ..calendar }));
            self.turn_session(market);
        } else if halted && self.markets[market].phase == phase::HALTED {
            self.reopen(market, calendar.auction_ms);
        }
        self.touch_market(market);
        self.find_next_timer();
        Ok(Ack::default())
    }

    /// A session of a market may begin or end now; sets the next time to look.
    pub(crate) fn turn_session(&mut self, market: usize) {
        let now_ms = self.now_ms;
        let record = &mut self.markets[market];
        let Some(calendar) = &mut record.calendar else {
            return;
        };
        let opens = calendar.is_open(now_ms);
        let (was_closed, next_ms) = (calendar.closed, calendar.next_change_ms(now_ms));
        calendar.closed = !opens;
        if next_ms != u64::MAX {
            self.auctions.sessions.insert((next_ms, market as u32));
        }
        if opens && was_closed {
            let halted = std::mem::take(&mut calendar.halted);
            let auction_ms = calendar.auction_ms;
            let here = record.phase == phase::OPEN || (halted && record.phase == phase::HALTED);
            if here {
                self.reopen(market, auction_ms);
            }
        } else if !opens && calendar.closed_band_ppm == 0 && record.phase == phase::OPEN {
            calendar.halted = true;
            record.phase = phase::HALTED;
        }
        self.touch_market(market);
    }

    /// Trade again, after an auction if there is to be one.
    fn reopen(&mut self, market: usize, auction_ms: u32) {
        if auction_ms > 0 {
            self.begin_auction(market, self.now_ms + u64::from(auction_ms), why::SESSION);
        } else if self.markets[market].phase == phase::HALTED {
            self.markets[market].phase = phase::OPEN;
            self.release_parked(market as u32);
        }
    }

    /// The operator has moved the phase of a market: what the calendar did to it no longer counts.
    pub(crate) fn forget_session_halt(&mut self, market: usize) {
        if let Some(calendar) = &mut self.markets[market].calendar {
            calendar.halted = false;
        }
    }

    /// Whether positions of a market are spared liquidation because its reference sleeps.
    pub(crate) fn liquidation_spared(&self, market: usize) -> bool {
        let calendar = self.markets[market].calendar.as_ref();
        calendar.is_some_and(|calendar| calendar.closed && calendar.no_liquidation)
    }

    /// Auctions and calendars in a snapshot.
    pub(crate) fn write_sessions(&self, out: &mut Writer) {
        for market in &self.markets {
            let auction = &market.auction;
            out.u64(auction.ends_ms);
            out.i64(auction.price);
            out.i64(auction.lots);
            out.u32(auction.band_ms);
            out.u8(auction.why);
            out.u8(market
                .calendar
                .as_ref()
                .map_or(0, |calendar| 1 | u8::from(calendar.closed) << 1 | u8::from(calendar.halted) << 2));
            if let Some(calendar) = &market.calendar {
                calendar.write(out);
            }
        }
        out.count(self.auctions.sessions.len());
        for (at_ms, market) in &self.auctions.sessions {
            out.u64(*at_ms);
            out.u32(*market);
        }
    }

    pub(crate) fn read_sessions(&mut self, input: &mut Reader) -> Option<()> {
        for number in 0..self.markets.len() {
            let market = &mut self.markets[number];
            let auction = &mut market.auction;
            auction.ends_ms = input.u64()?;
            auction.price = input.i64()?;
            auction.lots = input.i64()?;
            auction.band_ms = input.u32()?;
            auction.why = input.u8()?;
            if market.phase == phase::AUCTION && auction.price != 0 {
                self.auctions.clearing.insert(number as u32);
            } else if market.phase == phase::AUCTION && auction.ends_ms != 0 {
                self.auctions.ends.insert((auction.ends_ms, number as u32));
            }
            let marks = input.u8()?;
            if marks & 1 != 0 {
                let (closed, halted) = (marks & 2 != 0, marks & 4 != 0);
                let calendar = Calendar::read(input).filter(Calendar::allowed)?;
                market.calendar = Some(Box::new(Calendar { closed, halted, ..calendar }));
            }
        }
        for _ in 0..input.count(12)? {
            let timer = (input.u64()?, input.u32()?);
            ((timer.1 as usize) < self.markets.len()).then_some(())?;
            self.auctions.sessions.insert(timer);
        }
        Some(())
    }
}
