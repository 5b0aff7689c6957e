//! The slow, plain model of a spot risk group: lists that are searched and sorted when asked, holds added up from the open
//! orders each time, money in `i128`. It exists to be obviously right, not fast.

use std::collections::BTreeMap;

use super::codes::*;
use super::money;
use super::told::{Ack, Event, OrderView, What};
use super::wire::{self, Head, Params, Reader};

pub const MAX_QUANTITY: i64 = 1 << 50;
/// A clock beyond this is taken for this.
pub const MAX_TIME_MS: u64 = 1 << 53;
pub const DAY_MS: u64 = 86_400_000;
pub const MEMORY_MS: u64 = 7 * DAY_MS;
pub const MINUTE_MS: u64 = 60_000;
pub const VENUE: u32 = 1;
pub const PROTOCOL: u32 = 2;
pub const DUST: u32 = 4;
pub const FIRST_USER: u32 = 16;
pub const FROZEN: u16 = 1;
pub const NO_WITHDRAWALS: u16 = 2;
pub const REDUCE_SPOT: u16 = 4;
/// With every flag there is.
pub const ALL_FLAGS: u16 = 31;

#[derive(Clone, Debug, Default)]
pub struct Account {
    pub owner: u64,
    pub tier: u16,
    pub flags: u16,
    /// Time of the dead-man switch; 0 when not armed.
    pub cancel_at: u64,
    /// How many accounts were open before it.
    pub opened: usize,
}

#[derive(Clone, Debug)]
pub struct Market {
    pub base: u32,
    pub quote: u32,
    pub lot_size: i64,
    pub tick_quote: i64,
    pub params: Params,
    pub tiers: BTreeMap<u32, (i32, i32)>,
    pub phase: u8,
    pub last: i64,
    pub trades: Vec<Trade>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    pub id: u64,
    pub price: i64,
    pub lots: i64,
    pub taker_side: u8,
    pub time: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Order {
    pub id: u64,
    pub account: u32,
    pub market: u32,
    pub key: u32,
    pub flags: u8,
    pub price: i64,
    pub size: i64,
    pub filled: i64,
    pub filled_quote: i64,
    pub fee: i64,
    /// Millionths of a quote unit charged too much so far.
    pub prepaid: i128,
    pub maker_ppm: i32,
    pub taker_ppm: i32,
    pub created: u64,
    pub expires: u64,
    pub order_type: u8,
    pub tif: u8,
    pub stp: u8,
    pub builder: u32,
    pub client: Vec<u8>,
    /// Place in time: smaller stands earlier in the queue of its price.
    pub rank: u64,
}

impl Order {
    pub fn is_sell(&self) -> bool {
        self.flags & wire::SELL != 0
    }
    pub fn remaining(&self) -> i64 {
        self.size - self.filled
    }
    pub fn view(&self, state: u8, reason: u8) -> OrderView {
        OrderView {
            flags: self.flags,
            order_id: self.id,
            market: self.market,
            key: self.key,
            price: self.price,
            size: self.size,
            filled: self.filled,
            filled_quote: self.filled_quote,
            fee: self.fee,
            created: self.created,
            expires: self.expires,
            order_type: self.order_type,
            tif: self.tif,
            stp: self.stp,
            state,
            reason,
            builder: self.builder,
            client: String::from_utf8(self.client.clone()).unwrap(),
        }
    }
}

/// What a client order id is remembered to have become.
#[derive(Clone, Debug)]
pub struct Memory {
    pub account: u32,
    pub client: Vec<u8>,
    pub minute: u64,
    pub order_id: u64,
    pub filled: i64,
    pub state: u8,
}

/// The decision on a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub id: u64,
    pub account: u32,
    pub asset: u32,
    pub amount: i64,
    pub code: u16,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub accounts: u32,
    pub markets: u32,
    pub orders: u32,
    pub client_ids: u32,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub now: u64,
    pub sequence: u64,
    pub assets: BTreeMap<u32, i128>,
    pub accounts: BTreeMap<u32, Account>,
    pub totals: BTreeMap<(u32, u32), i128>,
    pub markets: Vec<Market>,
    pub orders: Vec<Order>,
    pub clients: Vec<Memory>,
    pub transfers: Vec<(u64, Decision)>,
    pub limits: Limits,
    /// Markets whose orders are being cancelled, in the order in which that began.
    pub settling: Vec<u32>,
    pub next_order: u64,
    pub next_trade: u64,
    pub next_rank: u64,
    pub out: Outcome,
}

/// What a batch did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub acks: Vec<Ack>,
    pub events: Vec<Event>,
    pub trades: Vec<(u32, Trade)>,
    pub transfers: Vec<Decision>,
    /// (sequence, account, order) as rows of the table of closed orders: those that have traded.
    pub closed: Vec<(u64, u32, OrderView)>,
}

impl Model {
    pub fn new() -> Model {
        Model {
            now: 0,
            sequence: 0,
            assets: BTreeMap::new(),
            accounts: BTreeMap::new(),
            totals: BTreeMap::new(),
            markets: Vec::new(),
            orders: Vec::new(),
            clients: Vec::new(),
            transfers: Vec::new(),
            limits: Limits { accounts: 1_000_000, markets: 4_096, orders: 20_000, client_ids: 50_000_000 },
            settling: Vec::new(),
            next_order: 1,
            next_trade: 1,
            next_rank: 1,
            out: Outcome::default(),
        }
    }

    // --- reading -------------------------------------------------------------------------------------------------

    pub fn total(&self, account: u32, asset: u32) -> i128 {
        self.totals.get(&(account, asset)).copied().unwrap_or(0)
    }

    /// What the open orders of an account still need of an asset.
    pub fn held(&self, account: u32, asset: u32) -> i128 {
        self.orders.iter().filter(|o| o.account == account).map(|o| self.need(o, asset)).sum()
    }

    fn need(&self, order: &Order, asset: u32) -> i128 {
        let (of, amount) = self.order_hold(order);
        if of == asset {
            amount
        } else {
            0
        }
    }

    /// (asset, amount) that an open order holds.
    pub fn order_hold(&self, order: &Order) -> (u32, i128) {
        let market = &self.markets[order.market as usize];
        let remaining = i128::from(order.remaining());
        if order.is_sell() {
            (market.base, remaining * i128::from(market.lot_size))
        } else {
            let notional = remaining * i128::from(order.price) * i128::from(market.tick_quote);
            (market.quote, money::buy_hold(notional, order.taker_ppm, order.prepaid))
        }
    }

    pub fn free(&self, account: u32, asset: u32) -> i128 {
        self.total(account, asset) - self.held(account, asset)
    }

    /// Orders of one side of a book, first to trade first.
    pub fn queue(&self, market: u32, sell: bool) -> Vec<&Order> {
        let mut queue: Vec<&Order> =
            self.orders.iter().filter(|o| o.market == market && o.is_sell() == sell).collect();
        queue.sort_by_key(|o| (if sell { o.price } else { -o.price }, o.rank));
        queue
    }

    /// (price, lots, orders) of one side, best first.
    pub fn levels(&self, market: u32, sell: bool) -> Vec<(i64, i64, u32)> {
        let mut levels: Vec<(i64, i64, u32)> = Vec::new();
        for order in self.queue(market, sell) {
            match levels.last_mut() {
                Some(level) if level.0 == order.price => {
                    level.1 += order.remaining();
                    level.2 += 1;
                }
                _ => levels.push((order.price, order.remaining(), 1)),
            }
        }
        levels
    }

    /// The running minute of each market in `touched`, as
    /// (market, minute, open, high, low, close, lots, quote, trades).
    pub fn candles(&self, touched: &[(u32, Trade)]) -> Vec<[i64; 9]> {
        let mut markets: Vec<u32> = touched.iter().map(|(market, _)| *market).collect();
        markets.sort();
        markets.dedup();
        let minute = self.now - self.now % MINUTE_MS;
        let candle = |number: u32| {
            let market = &self.markets[number as usize];
            let trades: Vec<&Trade> = market.trades.iter().rev().take_while(|t| t.time >= minute).collect();
            let prices = || trades.iter().map(|t| t.price);
            let quote: i128 = trades.iter().map(|t| i128::from(t.price) * i128::from(t.lots)).sum();
            let quote = (quote * i128::from(market.tick_quote)) as i64;
            let (open, close) = (trades[trades.len() - 1].price, trades[0].price);
            let (high, low) = (prices().max().unwrap(), prices().min().unwrap());
            let lots = trades.iter().map(|t| t.lots).sum();
            [i64::from(number), minute as i64, open, high, low, close, lots, quote, trades.len() as i64]
        };
        markets.into_iter().map(candle).collect()
    }

    pub fn order(&self, id: u64) -> Option<&Order> {
        self.orders.iter().find(|o| o.id == id)
    }

    pub fn memory(&self, account: u32, client: &[u8]) -> Option<&Memory> {
        self.clients.iter().find(|m| m.account == account && m.client == client)
    }

    // --- writing -------------------------------------------------------------------------------------------------

    pub fn add(&mut self, account: u32, asset: u32, amount: i128) {
        *self.totals.entry((account, asset)).or_insert(0) += amount;
    }

    pub fn emit(&mut self, account: u32, what: What) {
        self.out.events.push(Event { account, sequence: self.sequence, time: self.now, what });
    }

    /// Apply a batch: timers and a command by turns. Balances are for the caller to ask for.
    pub fn apply(&mut self, bytes: &[u8], now: u64) -> Outcome {
        if !bytes.is_empty() {
            self.now = self.now.max(now.min(MAX_TIME_MS));
        }
        self.out = Outcome::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let length =
                if rest.len() < 16 { 0 } else { usize::from(u16::from_le_bytes([rest[0], rest[1]])) };
            self.sequence += 1;
            if !(16..=1024).contains(&length) || length > rest.len() {
                self.out.acks.push(refused(INPUT_FRAME));
                break;
            }
            self.before_command();
            let (frame, tail) = rest.split_at(length);
            rest = tail;
            let ack = self.command(frame);
            self.out.acks.push(ack);
        }
        std::mem::take(&mut self.out)
    }

    fn command(&mut self, frame: &[u8]) -> Ack {
        let mut r = Reader(&frame[2..]);
        let (kind, flags) = (r.u8().unwrap(), r.u8().unwrap());
        let head = Head { account: r.u32().unwrap(), market: r.u32().unwrap(), key: r.u32().unwrap(), flags };
        let known = matches!(kind, 1..=5 | 32..=35 | 64..=70);
        let done = match kind {
            _ if !known => Err(INPUT_KIND),
            wire::PLACE => self.place(head, &mut r),
            wire::AMEND => self.amend(head, &mut r),
            _ if flags != 0 => Err(INPUT_ENUM),
            wire::CANCEL => self.cancel(head, &mut r),
            wire::MASS_CANCEL => self.mass_cancel(head, &mut r),
            wire::CANCEL_ALL_AFTER => self.cancel_all_after(head, &mut r),
            wire::OPEN_ACCOUNT => self.open_account(head, &mut r),
            wire::SET_ACCOUNT => self.set_account(head, &mut r),
            wire::DEPOSIT => self.transfer(head, &mut r, 1),
            wire::WITHDRAW => self.transfer(head, &mut r, -1),
            _ => self.operator(kind, head, &mut r),
        };
        done.unwrap_or_else(refused)
    }
}

pub fn refused(code: u16) -> Ack {
    Ack { code, ..Ack::default() }
}
