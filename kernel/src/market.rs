//! A market: its parameters, phase, book, last trades and the candle of the running minute.

use crate::auction::Auction;
use crate::book::{Book, NO_ASK, NO_BID};
use crate::calendar::Calendar;
use crate::codes::phase;
use crate::contracts::{Contract, PERPETUAL};
use crate::num::{MAX_QUANTITY, PPM};
use crate::pages::Zeroed;
use crate::prices::MarketPrices;
use crate::ring::Ring;
use crate::wire::{i32_at, i64_at, u32_at};

/// Public trades kept per market.
pub const TRADES_KEPT: usize = 500;
/// Fee tiers of accounts; tier 0 is the market's own pair.
pub const TIERS: usize = 16;
const MAX_FEE_PPM: i32 = 100_000;
/// Bytes of the parameters in a frame.
pub const PARAMETERS: usize = 64;

/// What an operator may change of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    pub reference: i64,
    pub min_lots: i64,
    pub max_lots: i64,
    pub min_notional: i64,
    pub maker_ppm: i32,
    pub taker_ppm: i32,
    pub protocol_share_ppm: u32,
    pub band_ppm: u32,
    pub slippage_ppm: u32,
    pub max_levels: u32,
    pub max_matches: u32,
}

/// Whether a pair of fees is allowed: a rebate never exceeds the taker's fee.
pub fn fees_allowed(maker_ppm: i32, taker_ppm: i32) -> bool {
    (0..=MAX_FEE_PPM).contains(&taker_ppm) && (-taker_ppm..=taker_ppm).contains(&maker_ppm)
}

impl Parameters {
    /// Read from 64 bytes; `None` outside the bounds.
    pub fn read(bytes: &[u8]) -> Option<Parameters> {
        let parameters = Parameters {
            reference: i64_at(bytes, 0),
            min_lots: i64_at(bytes, 8),
            max_lots: i64_at(bytes, 16),
            min_notional: i64_at(bytes, 24),
            maker_ppm: i32_at(bytes, 32),
            taker_ppm: i32_at(bytes, 36),
            protocol_share_ppm: u32_at(bytes, 40),
            band_ppm: u32_at(bytes, 44),
            slippage_ppm: u32_at(bytes, 48),
            max_levels: u32_at(bytes, 52),
            max_matches: u32_at(bytes, 56),
        };
        parameters.allowed().then_some(parameters)
    }

    fn allowed(&self) -> bool {
        let million = PPM as u32;
        (0..=MAX_QUANTITY).contains(&self.reference)
            && (1..=MAX_QUANTITY).contains(&self.min_lots)
            && (self.min_lots..=MAX_QUANTITY).contains(&self.max_lots)
            && self.min_notional >= 0
            && fees_allowed(self.maker_ppm, self.taker_ppm)
            && self.protocol_share_ppm <= million
            && self.band_ppm <= million
            && self.slippage_ppm <= million
            && (1..=1_000_000).contains(&self.max_levels)
            && (1..=100_000).contains(&self.max_matches)
    }

    /// The 64 bytes, for frames and snapshots.
    pub fn write(&self, out: &mut Vec<u8>) {
        for value in [self.reference, self.min_lots, self.max_lots, self.min_notional] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        let rates = [self.maker_ppm as u32, self.taker_ppm as u32, self.protocol_share_ppm, self.band_ppm];
        for value in rates.into_iter().chain([self.slippage_ppm, self.max_levels, self.max_matches, 0]) {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// One public trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    pub trade_id: u64,
    pub price: i64,
    pub lots: i64,
    pub taker_side: u8,
    pub time_ms: u64,
}

// SAFETY: integers.
unsafe impl Zeroed for Trade {}

/// One minute of trading, as far as it has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Candle {
    pub minute_ms: u64,
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
    pub lots: i64,
    pub quote: i64,
    pub trades: i64,
}

/// What every order of it reads comes first, what a trade does next: of a thousand markets those lines are fetched each time.
#[repr(C, align(64))]
pub struct Market {
    pub number: u32,
    pub kind: u8,
    pub phase: u8,
    pub dirty_batch: u32,
    /// Slots of the assets.
    pub base: u32,
    pub quote: u32,
    pub lot_size: i64,
    pub tick_quote: i64,
    /// Price of the last trade; 0 before the first.
    pub last: i64,
    pub last_trade_id: u64,
    pub parameters: Parameters,
    pub book: Book,
    /// (maker, taker) ppm by tier; `None` means the market's own pair.
    pub tiers: [Option<(i32, i32)>; TIERS],
    pub candle: Candle,
    pub trades: Ring<Trade, TRADES_KEPT>,
    /// Prints at or below the first and at or above the second price concern a trigger.
    pub alarm: (i64, i64),
    /// What contracts have beyond this; idle in a spot market.
    pub contract: Contract,
    pub prices: MarketPrices,
    pub(crate) auction: Auction,
    pub(crate) calendar: Option<Box<Calendar>>,
    pub symbol: String,
}

/// Bytes of a market that every order reads.
const HOT: usize = 256;
const _: () = assert!(std::mem::offset_of!(Market, book) + crate::book::HOT <= HOT);

/// The band of an auction, in bands of continuous trading.
const AUCTION_BAND: i64 = 4;

/// A part of the centre, 1 in 2^8, that is narrower than most bands.
const NARROW_BITS: u32 = 8;

/// `Market::alarm` of a market without triggers.
pub const NO_ALARM: (i64, i64) = (i64::MIN, i64::MAX);

impl Market {
    /// The mark of a perpetual, 0 of what has none.
    #[inline(always)]
    pub fn mark_of_perpetual(&self) -> i64 {
        if self.kind == PERPETUAL {
            self.contract.mark
        } else {
            0
        }
    }

    /// The market as it stands, without orders, trades and positions.
    pub fn without_orders(&self) -> Market {
        Market {
            symbol: self.symbol.clone(),
            book: Book::default(),
            trades: Default::default(),
            prices: self.prices.clone(),
            calendar: self.calendar.clone(),
            contract: Contract { positions: Vec::new(), ..self.contract },
            ..*self
        }
    }

    /// Price the band is drawn around; 0 when there is none yet.
    #[inline]
    pub fn band_centre(&self) -> i64 {
        if self.last != 0 {
            self.last
        } else {
            self.parameters.reference
        }
    }

    /// Width of the band at present: narrower outside the sessions, four times as wide in an auction, which is to find
    /// a price; 0 for none.
    #[inline]
    fn band_ppm(&self) -> i64 {
        let own = i64::from(self.parameters.band_ppm);
        match (&self.calendar, self.phase) {
            (_, phase::AUCTION) => own.saturating_mul(AUCTION_BAND),
            (Some(calendar), _) if calendar.closed && calendar.closed_band_ppm > 0 => {
                i64::from(calendar.closed_band_ppm)
            }
            _ => own,
        }
    }

    /// Lowest price a sell and highest price a buy may have.
    #[inline]
    pub fn band(&self) -> (i64, i64) {
        let centre = self.band_centre();
        let band_ppm = self.band_ppm();
        if centre == 0 || band_ppm == 0 {
            return (1, self.highest());
        }
        let width = crate::num::share(self.whole(centre), band_ppm);
        ((centre - width).max(1), (centre + width).min(self.highest()))
    }

    /// What bands and slippage are parts of: a price, or of an outcome all it can pay.
    #[inline]
    fn whole(&self, price: i64) -> i64 {
        match self.contract.payout_ticks {
            0 => price,
            payout_ticks => payout_ticks,
        }
    }

    /// Highest price in ticks there can be.
    #[inline]
    pub fn highest(&self) -> i64 {
        match self.contract.payout_ticks {
            0 => MAX_QUANTITY,
            payout_ticks => payout_ticks - 1,
        }
    }

    /// Whether the band lets a price of this side in.
    #[inline]
    pub fn within_band(&self, side: usize, price: i64) -> bool {
        let centre = self.band_centre();
        if (side == 0 && price <= centre) || (side == 1 && price >= centre) {
            return true;
        }
        let (low, high) = self.band();
        if side == 0 {
            price <= high
        } else {
            price >= low
        }
    }

    /// `within_band` of a price above 0 and no higher than the highest. Most are so near that there is nothing to divide; on
    /// which side of the centre a price is cannot be guessed, so nothing branches on that.
    #[inline(always)]
    pub fn admits(&self, side: usize, price: i64) -> bool {
        let centre = self.band_centre();
        let above = price - centre;
        // Turned round for a sell.
        let turn = (side as i64).wrapping_neg();
        let beyond = (above ^ turn).wrapping_sub(turn);
        let near = beyond <= self.whole(centre) >> NARROW_BITS;
        let wide = i64::from(self.parameters.band_ppm) > PPM >> NARROW_BITS;
        (near & wide & self.calendar.is_none()) || self.within_band(side, price)
    }

    /// Worst price a market order of this side may trade at: its own limit or the slippage from the best
    /// opposite price, and never outside the band. `None` without an opposite price.
    pub fn market_limit(&self, side: usize, own_limit: i64) -> Option<i64> {
        let (low, high) = self.band();
        let opposite = self.book.best(1 - side);
        if opposite == NO_BID || opposite == NO_ASK {
            return None;
        }
        let slippage = crate::num::share(self.whole(opposite), i64::from(self.parameters.slippage_ppm));
        let bound = match (side, own_limit) {
            (0, 0) => opposite.saturating_add(slippage),
            (_, 0) => (opposite - slippage).max(1),
            (_, own) => own,
        };
        Some(if side == 0 { bound.min(high) } else { bound.max(low) })
    }

    /// Hint that a command of this market comes soon.
    #[inline]
    pub fn prefetch(&self) {
        crate::prefetch::first::<_, HOT>(self);
        crate::prefetch::at(&self.tiers);
        crate::prefetch::at(&self.contract.payout_ticks);
    }

    /// Hint that a trade comes soon.
    #[inline]
    pub fn prefetch_trade(&self) {
        crate::prefetch::whole(&self.candle);
        crate::prefetch::at(&self.alarm);
        self.trades.prefetch_end();
    }

    /// (maker, taker) ppm of an account tier.
    #[inline]
    pub fn fees(&self, tier: u16) -> (i32, i32) {
        let own = (self.parameters.maker_ppm, self.parameters.taker_ppm);
        self.tiers[tier as usize % TIERS].unwrap_or(own)
    }

    /// Quote units of one lot at `price`.
    #[inline]
    pub fn lot_price(&self, price: i64) -> i64 {
        price * self.tick_quote
    }

    pub fn is_open(&self) -> bool {
        self.phase == phase::OPEN
    }

    /// Note a trade in the tape and the candle; returns whether the candle began a new minute.
    #[inline(always)]
    pub fn record(&mut self, trade: Trade, notional: i64) {
        self.last = trade.price;
        self.last_trade_id = trade.trade_id;
        self.trades.push(trade);
        let candle = &mut self.candle;
        if trade.time_ms.wrapping_sub(candle.minute_ms) >= 60_000 || candle.trades == 0 {
            let (price, minute_ms) = (trade.price, trade.time_ms - trade.time_ms % 60_000);
            *candle = Candle { minute_ms, open: price, high: price, low: price, ..Candle::default() };
        }
        candle.high = candle.high.max(trade.price);
        candle.low = candle.low.min(trade.price);
        candle.close = trade.price;
        candle.lots = candle.lots.saturating_add(trade.lots);
        candle.quote = candle.quote.saturating_add(notional);
        candle.trades += 1;
    }
}
