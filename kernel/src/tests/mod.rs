//! Scenarios of one group: a small cast, books drawn as text, exact answers.
//!
//! A book is drawn as lines `price: lots x orders`, asks above bids, worst ask first, a rule between the
//! sides. Every step is followed by the full audit.

mod auctions;
mod incidents;
mod lifecycle;
mod liquidation;
mod liquidation_properties;
mod matching;
mod outcomes;
mod outputs;
mod permissions;
mod perpetual_rules;
pub(crate) mod perpetuals;
mod recovery;
pub mod rejects;
mod streams;

use crate::codes::Reject;
use crate::encode::{self, Head, Listing, PlaceOrder, Target};
use crate::events::{read_all, Event};
use crate::kernel::Kernel;
use crate::market::Parameters;
use crate::output::Ack;
use crate::wire::{kind, IOC, MARKET};

pub const BTC: u32 = 1;
pub const USD: u32 = 2;
/// The cast: a maker and a taker of different owners, and a second account of the maker's owner.
pub const MAKER: u32 = 16;
pub const TAKER: u32 = 17;
pub const SIBLING: u32 = 18;
pub const START_MS: u64 = 1_700_000_000_000;
pub const RICH: i64 = 1_000_000_000_000;

pub struct Group {
    pub kernel: Kernel,
    pub now_ms: u64,
    /// Every command with its time, for replays.
    pub journal: Vec<(Vec<u8>, u64)>,
    transfers: u64,
}

pub fn parameters() -> Parameters {
    Parameters {
        reference: 1_000,
        min_lots: 1,
        max_lots: 1_000_000,
        min_notional: 0,
        maker_ppm: 1_000,
        taker_ppm: 2_000,
        protocol_share_ppm: 250_000,
        band_ppm: 500_000,
        slippage_ppm: 100_000,
        max_levels: 100,
        max_matches: 50,
    }
}

pub fn limit(sell: bool, price_ticks: i64, size_lots: i64) -> PlaceOrder<'static> {
    PlaceOrder { sell, price_ticks, size_lots, ..PlaceOrder::default() }
}

pub fn market_order(sell: bool, size_lots: i64) -> PlaceOrder<'static> {
    PlaceOrder { sell, size_lots, order_type: MARKET, tif: IOC, ..PlaceOrder::default() }
}

pub fn by_id(order_id: u64) -> Target<'static> {
    Target { order_id, ..Target::default() }
}

impl Group {
    /// Two assets and an open market, lot 1,000 units of BTC, one tick times one lot worth 10 units of USD;
    /// no accounts.
    pub fn bare() -> Group {
        let mut group = Group { kernel: Kernel::new(7), now_ms: START_MS, journal: Vec::new(), transfers: 0 };
        group.ok(|out| encode::add_asset(out, BTC, 8, b"BTC"));
        group.ok(|out| encode::add_asset(out, USD, 6, b"USD"));
        group.list(0, &parameters());
        group.ok(|out| encode::set_phase(out, 0, 2));
        group
    }

    /// The bare group and the cast, rich in both assets.
    pub fn new() -> Group {
        let mut group = Group::bare();
        for (account, owner) in [(MAKER, 1), (TAKER, 2), (SIBLING, 1)] {
            group.ok(|out| encode::account(out, kind::OPEN_ACCOUNT, account, owner, 0, 0));
            group.deposit(account, BTC, RICH);
            group.deposit(account, USD, RICH);
        }
        group
    }

    pub fn list(&mut self, market: u32, parameters: &Parameters) -> Ack {
        let listing = Listing {
            kind: 0,
            base: BTC,
            quote: USD,
            lot_size: 1_000,
            tick_quote: 10,
            payout_ticks: 0,
            symbol: b"BTC-USD",
        };
        self.send(|out| encode::add_market(out, market, &listing, parameters))
    }

    /// Apply one command, audit, and return its ack.
    pub fn send(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Ack {
        let mut frame = Vec::new();
        write(&mut frame);
        self.send_bytes(frame)
    }

    pub fn send_bytes(&mut self, frame: Vec<u8>) -> Ack {
        let before = self.kernel.state_root();
        let applied = self.kernel.apply(&frame, self.now_ms);
        assert_eq!(applied.first_sequence, applied.last_sequence, "one command, one sequence");
        self.kernel.check_invariants().expect("every step leaves a sound group");
        let ack = Ack::read(&self.kernel.output().acks);
        if ack.code != 0 {
            assert_eq!(applied.rejected, 1);
            assert!(self.kernel.output().fills.is_empty());
            assert_ne!(before, self.kernel.state_root(), "a refused command still counts");
        }
        self.journal.push((frame, self.now_ms));
        ack
    }

    /// Apply one command that must be accepted.
    pub fn ok(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Ack {
        let ack = self.send(write);
        assert_eq!(Reject::of(ack.code), None, "refused");
        ack
    }

    /// Apply one command that must be refused for this reason, and moves nothing.
    pub fn refused(&mut self, reject: Reject, write: impl FnOnce(&mut Vec<u8>)) -> Ack {
        let (money, book) = (self.money(), self.book());
        let ack = self.send(write);
        assert_eq!(Reject::of(ack.code), Some(reject));
        assert_eq!((money, book), (self.money(), self.book()), "a refused command moves nothing");
        ack
    }

    pub fn deposit(&mut self, account: u32, asset: u32, amount: i64) {
        self.transfers += 1;
        let (id, now_ms) = (self.transfers, self.now_ms);
        self.ok(|out| encode::transfer(out, kind::DEPOSIT, account, asset, amount, id, now_ms));
    }

    pub fn place(&mut self, account: u32, order: PlaceOrder) -> Ack {
        self.send(|out| encode::place(out, head(account), &order))
    }

    pub fn buy(&mut self, account: u32, price: i64, lots: i64) -> u64 {
        self.place(account, limit(false, price, lots)).order_id
    }

    pub fn sell(&mut self, account: u32, price: i64, lots: i64) -> u64 {
        self.place(account, limit(true, price, lots)).order_id
    }

    pub fn cancel(&mut self, account: u32, order_id: u64) -> Ack {
        self.send(|out| encode::cancel(out, head(account), &by_id(order_id)))
    }

    pub fn amend(&mut self, account: u32, order_id: u64, price: i64, size: i64) -> Ack {
        self.send(|out| encode::amend(out, head(account), &by_id(order_id), price, size, false))
    }

    pub fn tick(&mut self) -> Ack {
        self.ok(encode::tick)
    }

    /// The book as drawn text.
    pub fn book(&self) -> String {
        let Some((bids, mut asks)) = self.kernel.book(0, 100) else {
            return String::new();
        };
        asks.reverse();
        let row = |level: &(i64, i64, u32)| format!("{}: {} x{}", level.0, level.1, level.2);
        let asks = asks.iter().map(row);
        asks.chain(["--".to_owned()]).chain(bids.iter().map(row)).collect::<Vec<_>>().join("\n")
    }

    #[track_caller]
    pub fn draws(&self, expected: &str) {
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(self.book(), expected.join("\n"));
    }

    /// (total, held) of an account's asset.
    pub fn balance(&self, account: u32, asset: u32) -> (i64, i64) {
        let asset = self.kernel.funds.asset_slot(asset).expect("the asset is listed");
        let slot = self.kernel.funds.account_slot(account).expect("the account is open");
        let balances = &self.kernel.funds.account(slot).balances;
        let balance = balances.iter().find(|balance| balance.asset == asset);
        balance.map_or((0, 0), |balance| (balance.total, balance.held))
    }

    /// Balances of the reserved accounts in USD: venue, protocol, insurance, dust.
    pub fn reserved(&self) -> [i64; 4] {
        let [_, venue, protocol, insurance, dust] = self.kernel.funds.assets[1].reserved;
        [venue, protocol, insurance, dust]
    }

    fn money(&self) -> Vec<(u32, i64, i64)> {
        let balances = self.kernel.funds.accounts.iter().flat_map(|account| &account.balances);
        balances.map(|balance| (balance.asset, balance.total, balance.held)).collect()
    }

    pub fn events(&self) -> Vec<Event> {
        read_all(&self.kernel.output().events)
    }
}

pub fn head(account: u32) -> Head {
    Head { account, market: 0, key: 5 }
}
