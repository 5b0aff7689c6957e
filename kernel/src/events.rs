//! Reading events back: what the web side does with the bytes a batch handed out. Never trusts a length.

use crate::algo::show::{read_event, AlgoPart, ALGO_EVENT, EVENT_ALGO};
use crate::auction::{Clearing, AUCTION_EVENT, CLEARED, EVENT_AUCTION};
use crate::liquidation::report::{self, Deleveraged, FundMove, Record};
use crate::output::{
    MandateView, PositionView, BALANCE_EVENT, EVENT_BALANCE, EVENT_FILL, EVENT_HEADER, EVENT_MANDATE,
    EVENT_ORDER, EVENT_POSITION, EVENT_SETTLEMENT, FILL_EVENT, MANDATE_EVENT, ORDER_EVENT, POSITION_EVENT,
    SETTLEMENT_EVENT,
};
use crate::prices::{EVENT_FUNDING, EVENT_PRICE, FUNDING_EVENT, PRICE_EVENT, REFUSED, REFUSED_EVENT};
use crate::wire::{i64_at, u16_at, u32_at, u64_at};

/// The order of an event, as it stood then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPart {
    pub order_id: u64,
    pub market: u32,
    pub key: u32,
    pub flags: u8,
    pub price_ticks: i64,
    pub size_lots: i64,
    pub filled_lots: i64,
    pub filled_quote: i64,
    pub fee: i64,
    pub created_ms: u64,
    pub expires_ms: u64,
    pub order_type: u8,
    pub tif: u8,
    pub stp: u8,
    pub state: u8,
    pub reason: u8,
    pub builder: u32,
    pub client_id: String,
}

/// Contracts of an outcome that were paid; `size_lots` is signed, `amount` what they brought (negative: cost).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettlementPart {
    pub event: u32,
    pub market: u32,
    pub size_lots: i64,
    pub payout_ticks: i64,
    pub amount: i64,
    pub cash_after: i64,
}

/// The fill of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillPart {
    pub trade_id: u64,
    pub price_ticks: i64,
    pub size_lots: i64,
    pub notional: i64,
    pub fee: i64,
    pub fee_asset: u32,
    pub role: u8,
    /// Mark price of a perpetual, 0 elsewhere.
    pub mark: i64,
}

/// Funding, as accrued or settled. Rates of 10^12, premiums of 10^9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingPart {
    pub market: u32,
    pub lots: i64,
    /// What the account received; negative when it paid.
    pub amount: i64,
    pub index_ticks: i64,
    pub rate: i64,
    pub premium: i64,
    pub end_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Order(OrderPart),
    Fill(OrderPart, FillPart),
    Balance {
        asset: u32,
        total: i64,
        held: i64,
    },
    /// An hour of funding of a market (`lots` 0), or what an account settled of it.
    Funding(FundingPart),
    /// Index, mark or grade of a market.
    Price {
        market: u32,
        grade: u8,
        fresh: u8,
        index: i64,
        mark: i64,
        slow: i64,
        garbage: u64,
    },
    /// An observation that made no sense; `why` is a `Garbage`.
    Refused {
        market: u32,
        why: u8,
        external: bool,
        source: u32,
        price: i64,
        published_ms: u64,
    },
    Settlement(SettlementPart),
    Mandate(MandateView),
    Position(PositionView),
    Algo(AlgoPart),
    /// An auction has begun, or begins to fill at one price.
    Auction {
        market: u32,
        cleared: bool,
        why: u8,
        found: Clearing,
        ends_ms: u64,
    },
    Liquidation(Record),
    Adl(Deleveraged),
    Insurance(FundMove),
}

/// One private event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub account: u32,
    pub sequence: u64,
    pub time_ms: u64,
    pub body: Body,
}

/// The records of `events`, cut but not read: (account, bytes). Stops at the first length that cannot be
/// right.
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Records { rest: bytes }
    }

    /// What could not be cut.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<(u32, &'a [u8])> {
        if self.rest.len() < EVENT_HEADER {
            return None;
        }
        let length = u16_at(self.rest, 0) as usize;
        if length < EVENT_HEADER || length > self.rest.len() {
            return None;
        }
        let (record, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some((u32_at(record, 4), record))
    }
}

fn order_part(record: &[u8], client_at: usize) -> OrderPart {
    let at = &record[EVENT_HEADER..];
    OrderPart {
        order_id: u64_at(at, 0),
        market: u32_at(at, 8),
        key: u32_at(at, 12),
        flags: record[3],
        price_ticks: i64_at(at, 16),
        size_lots: i64_at(at, 24),
        filled_lots: i64_at(at, 32),
        filled_quote: i64_at(at, 40),
        fee: i64_at(at, 48),
        created_ms: u64_at(at, 56),
        expires_ms: u64_at(at, 64),
        order_type: at[72],
        tif: at[73],
        stp: at[74],
        state: at[75],
        reason: at[76],
        builder: u32_at(at, 80),
        client_id: String::from_utf8_lossy(&record[client_at..]).into_owned(),
    }
}

fn price(record: &[u8]) -> Option<Event> {
    let body = match record[3] {
        REFUSED if record.len() >= REFUSED_EVENT => Body::Refused {
            market: u32_at(record, 24),
            why: record[28],
            external: record[29] == 1,
            source: u32_at(record, 32),
            price: i64_at(record, 40),
            published_ms: u64_at(record, 48),
        },
        0 if record.len() >= PRICE_EVENT => Body::Price {
            market: u32_at(record, 24),
            grade: record[28],
            fresh: record[29],
            index: i64_at(record, 32),
            mark: i64_at(record, 40),
            slow: i64_at(record, 48),
            garbage: u64_at(record, 56),
        },
        _ => return None,
    };
    Some(Event { account: u32_at(record, 4), sequence: u64_at(record, 8), time_ms: u64_at(record, 16), body })
}

/// Read one record; `None` for kinds this version does not know and for records that are too short.
pub fn read(record: &[u8]) -> Option<Event> {
    let body = match record[2] {
        EVENT_ORDER if record.len() >= ORDER_EVENT => Body::Order(order_part(record, ORDER_EVENT)),
        EVENT_FILL if record.len() >= FILL_EVENT => {
            let at = &record[ORDER_EVENT..];
            let fill = FillPart {
                trade_id: u64_at(at, 0),
                price_ticks: i64_at(at, 8),
                size_lots: i64_at(at, 16),
                notional: i64_at(at, 24),
                fee: i64_at(at, 32),
                fee_asset: u32_at(at, 40),
                role: at[44],
                mark: i64_at(at, 48),
            };
            Body::Fill(order_part(record, FILL_EVENT), fill)
        }
        EVENT_BALANCE if record.len() >= BALANCE_EVENT => {
            Body::Balance { asset: u32_at(record, 24), total: i64_at(record, 32), held: i64_at(record, 40) }
        }
        EVENT_MANDATE if record.len() >= MANDATE_EVENT => {
            let at = &record[EVENT_HEADER..];
            Body::Mandate(MandateView {
                account: u32_at(record, 4),
                key: u32_at(at, 0),
                rights: u16_at(at, 4),
                leverage: u16_at(at, 6),
                rate: u32_at(at, 8),
                revoked: record[3] != 0,
                order_notional: i64_at(at, 16),
                position_notional: i64_at(at, 24),
                daily_loss: i64_at(at, 32),
                expires_ms: u64_at(at, 40),
            })
        }
        EVENT_FUNDING if record.len() >= FUNDING_EVENT => Body::Funding(FundingPart {
            market: u32_at(record, 24),
            lots: i64_at(record, 32),
            amount: i64_at(record, 40),
            index_ticks: i64_at(record, 48),
            rate: i64_at(record, 56),
            premium: i64_at(record, 64),
            end_ms: u64_at(record, 72),
        }),
        EVENT_PRICE => return price(record),
        EVENT_POSITION if record.len() >= POSITION_EVENT => {
            let at = &record[EVENT_HEADER..];
            Body::Position(PositionView {
                market: u32_at(at, 0),
                leverage: u16_at(at, 4),
                isolated: at[6] != 0,
                lots: i64_at(at, 8),
                entry: i64_at(at, 16),
                realised: i64_at(at, 24),
                margin: i64_at(at, 32),
                mark_ticks: i64_at(at, 40),
                upnl: i64_at(at, 48),
                maintenance: i64_at(at, 56),
            })
        }
        EVENT_AUCTION if record.len() >= AUCTION_EVENT => Body::Auction {
            market: u32_at(record, 24),
            cleared: record[28] == CLEARED,
            why: record[29],
            found: Clearing {
                price: i64_at(record, 32),
                lots: i64_at(record, 40),
                surplus: i64_at(record, 48),
            },
            ends_ms: u64_at(record, 56),
        },
        EVENT_ALGO if record.len() >= ALGO_EVENT => Body::Algo(read_event(record)),
        EVENT_SETTLEMENT if record.len() >= SETTLEMENT_EVENT => Body::Settlement(SettlementPart {
            event: u32_at(record, 24),
            market: u32_at(record, 28),
            size_lots: i64_at(record, 32),
            payout_ticks: i64_at(record, 40),
            amount: i64_at(record, 48),
            cash_after: i64_at(record, 56),
        }),
        kind => report::read(kind, record)?,
    };
    Some(Event { account: u32_at(record, 4), sequence: u64_at(record, 8), time_ms: u64_at(record, 16), body })
}

/// All events of a batch in order.
pub fn read_all(bytes: &[u8]) -> Vec<Event> {
    Records::new(bytes).filter_map(|(_, record)| read(record)).collect()
}
