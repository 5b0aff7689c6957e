//! Snapshots: the whole logical state in one canonical order, with a version in front and a BLAKE3 hash
//! behind.
//!
//! Canonical means that two kernels of equal history write equal bytes, whatever slots their orders happen
//! to have: orders are written in order of priority, lists of orders as ids. So the hash of the snapshot is
//! the state root.

use crate::accounts::{Account, Asset, Balance, MAX_ACCOUNT};
use crate::book::Book;
use crate::clients::{ClientIds, Entry};
use crate::codec::{Reader, Writer};
use crate::codes::phase;
use crate::contracts::{Contract, NO_ASSET, SPOT};
use crate::ids::OrderIds;
use crate::kernel::{Kernel, Limits};
use crate::mandates::rate_of;
use crate::market::{
    fees_allowed, Candle, Market, Parameters, Trade, NO_ALARM, PARAMETERS, TIERS, TRADES_KEPT,
};
use crate::num::{charge, product, MAX_QUANTITY, PPM};
use crate::output::Transfer;
use crate::prices::MarketPrices;
use crate::slab::{Cold, Node, IMAGE, NO_CLIENT};
use crate::wire::flag;

const MAGIC: &[u8; 4] = b"XOSK";
const VERSION: u32 = 3;
const HASH: usize = 32;
/// Bit of a market's phase: its book collects orders that may cross.
const COLLECTING: u8 = 0x80;
const ORDER: usize = 33 + IMAGE;

/// Why bytes are not a snapshot this build can load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// Cut short or altered: the hash does not match.
    Damaged,
    /// Written by a version this build does not read.
    Version(u32),
    /// The hash matches but the content makes no sense.
    Inconsistent,
}

impl std::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            SnapshotError::Damaged => write!(f, "the snapshot is cut short or altered"),
            SnapshotError::Version(version) => {
                write!(f, "snapshot version {version} is not known to this build")
            }
            SnapshotError::Inconsistent => write!(f, "the snapshot contradicts itself"),
        }
    }
}

impl std::error::Error for SnapshotError {}

fn write_order(out: &mut Writer, node: &Node, cold: &Cold, client: u64) {
    out.i64(node.remaining);
    out.u32(node.account);
    out.u8(node.flags);
    out.u32(node.prepaid);
    out.i32(node.maker_ppm);
    out.i32(node.taker_ppm);
    out.u64(client);
    out.raw(cold.image());
}

fn read_order(input: &mut Reader) -> Option<(Node, Cold)> {
    let mut node = Node {
        remaining: input.i64()?,
        account: input.u32()?,
        flags: input.u8()?,
        prepaid: input.u32()?,
        maker_ppm: input.i32()?,
        taker_ppm: input.i32()?,
        client: input.u64()?,
        ..Node::default()
    };
    let cold = Cold::of_image(input.raw(IMAGE)?.first_chunk()?)?;
    node.price = cold.price;
    node.order_id = cold.order_id;
    node.market = u16::try_from(cold.market).ok()?;
    node.stp = cold.stp;
    Some((node, cold))
}

impl Kernel {
    /// The whole state as bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.raw(MAGIC);
        out.u32(VERSION);
        self.write_group(&mut out);
        self.write_accounts(&mut out);
        for market in &self.markets {
            self.write_market(&mut out, market);
        }
        for account in &self.funds.accounts {
            out.count(account.orders.len());
            for slot in &account.orders {
                out.u64(self.slab.cold(*slot).order_id);
            }
        }
        self.write_memory(&mut out);
        self.write_sections(&mut out);
        let hash = blake3::hash(&out.bytes);
        out.raw(hash.as_bytes());
        out.bytes
    }

    /// 32 bytes that are equal for equal histories.
    pub fn state_root(&self) -> [u8; HASH] {
        let bytes = self.snapshot();
        let mut root = [0; HASH];
        root.copy_from_slice(&bytes[bytes.len() - HASH..]);
        root
    }

    fn write_group(&self, out: &mut Writer) {
        for value in [self.group, self.sequence, self.now_ms, self.next_trade_id, self.ids.next()] {
            out.u64(value);
        }
        let limits = &self.limits;
        for value in [limits.accounts, limits.markets, limits.orders_per_account, limits.client_ids] {
            out.u32(value);
        }
        out.count(self.funds.assets.len());
        for asset in &self.funds.assets {
            out.u32(asset.id);
            out.u8(asset.scale);
            out.text(asset.symbol.as_bytes());
            out.i64(asset.total);
            for amount in asset.reserved {
                out.i64(amount);
            }
            out.i64(asset.pot);
        }
        out.count(self.settling.len());
        for market in &self.settling {
            out.u32(*market);
        }
        out.count(self.markets.len());
    }

    fn write_accounts(&self, out: &mut Writer) {
        out.count(self.funds.accounts.len());
        for account in &self.funds.accounts {
            out.u32(account.number);
            out.raw(&account.tier.to_le_bytes());
            out.raw(&account.flags.to_le_bytes());
            out.u64(account.owner);
            out.u64(account.cancel_at_ms);
            out.count(account.balances.len());
            for balance in &account.balances {
                out.u32(balance.asset);
                out.i64(balance.total);
                out.i64(balance.held);
            }
        }
    }

    fn write_market(&self, out: &mut Writer, market: &Market) {
        out.u8(market.kind);
        out.text(market.symbol.as_bytes());
        out.u32(market.base);
        out.u32(market.quote);
        out.i64(market.lot_size);
        out.i64(market.tick_quote);
        market.parameters.write(&mut out.bytes);
        for tier in market.tiers {
            let (maker, taker) = tier.unwrap_or((i32::MIN, i32::MIN));
            out.i32(maker);
            out.i32(taker);
        }
        out.u8(market.phase | if market.book.is_collecting() { COLLECTING } else { 0 });
        out.i64(market.last);
        out.u64(market.last_trade_id);
        let candle = &market.candle;
        out.u64(candle.minute_ms);
        for value in
            [candle.open, candle.high, candle.low, candle.close, candle.lots, candle.quote, candle.trades]
        {
            out.i64(value);
        }
        out.count(market.trades.len());
        for trade in market.trades.iter() {
            out.u64(trade.trade_id);
            out.i64(trade.price);
            out.i64(trade.lots);
            out.u8(trade.taker_side);
            out.u64(trade.time_ms);
        }
        out.count(market.book.orders() as usize);
        for slot in [0, 1].into_iter().flat_map(|side| market.book.queue(&self.slab, side)) {
            let node = self.slab.node(slot);
            let client =
                if node.client == NO_CLIENT { NO_CLIENT } else { node.client - self.clients.first() };
            write_order(out, node, self.slab.cold(slot), client);
        }
    }

    /// Client ids, transfers, recently closed orders.
    fn write_memory(&self, out: &mut Writer) {
        for size in self.clients.shard_sizes() {
            out.u8(size);
        }
        let minutes = self.clients.minutes();
        out.count(minutes.len());
        for (minute, count) in minutes {
            out.u64(minute);
            out.u64(count);
        }
        out.count(self.clients.len());
        for entry in self.clients.entries() {
            for word in entry.to_words() {
                out.u64(word);
            }
        }
        out.count(self.transfers.len());
        for transfer in self.transfers.values() {
            out.u64(transfer.transfer_id);
            out.u64(transfer.issued_ms);
            out.u32(transfer.account);
            out.u32(transfer.asset);
            out.i64(transfer.amount);
            out.u32(u32::from(transfer.code));
        }
        out.count(self.closed.len());
        for closed in self.closed.iter() {
            out.u8(closed.reason());
            out.u64(closed.closed_ms());
            out.raw(closed.order().image());
        }
    }

    /// Rebuild a kernel from `snapshot` bytes.
    pub fn restore(bytes: &[u8]) -> Result<Kernel, SnapshotError> {
        if bytes.len() < HASH + 8 || &bytes[..4] != MAGIC {
            return Err(SnapshotError::Damaged);
        }
        let (content, hash) = bytes.split_at(bytes.len() - HASH);
        if blake3::hash(content).as_bytes() != hash {
            return Err(SnapshotError::Damaged);
        }
        let version = crate::wire::u32_at(content, 4);
        if version != VERSION {
            return Err(SnapshotError::Version(version));
        }
        let kernel = Kernel::read(&content[8..]).ok_or(SnapshotError::Inconsistent)?;
        kernel.check_invariants().map_err(|_| SnapshotError::Inconsistent)?;
        Ok(kernel)
    }

    fn read(content: &[u8]) -> Option<Kernel> {
        let input = &mut Reader::new(content);
        let mut kernel = Kernel::new(0);
        let markets = kernel.read_group(input)?;
        kernel.read_accounts(input)?;
        for number in 0..markets {
            kernel.read_market(input, number as u32)?;
        }
        for slot in 0..kernel.funds.accounts.len() {
            for position in 0..input.count(8)? {
                let order = kernel.ids.get(input.u64()?)?;
                kernel.slab.node_mut(order).position = position as u32;
                kernel.funds.accounts[slot].orders.push(order);
            }
        }
        kernel.read_memory(input)?;
        kernel.read_sections(input)?;
        kernel.find_next_timer();
        input.is_empty().then_some(kernel)
    }

    fn read_group(&mut self, input: &mut Reader) -> Option<usize> {
        self.group = input.u64()?;
        self.sequence = input.u64()?;
        self.now_ms = input.u64()?;
        self.next_trade_id = input.u64()?;
        self.ids = OrderIds::starting_at(input.u64()?);
        self.limits = Limits {
            accounts: input.u32()?,
            markets: input.u32()?,
            orders_per_account: input.u32()?,
            client_ids: input.u32()?,
        };
        for _ in 0..input.count(62)? {
            let mut asset = Asset {
                id: input.u32()?,
                scale: input.u8()?,
                symbol: String::from_utf8(input.text()?.to_vec()).ok()?,
                total: input.i64()?,
                sum: 0,
                reserved: [0; 5],
                pot: 0,
            };
            for amount in &mut asset.reserved {
                *amount = input.i64()?;
                asset.sum = asset.sum.checked_add(*amount)?;
            }
            asset.pot = input.i64()?;
            asset.sum = asset.sum.checked_add(asset.pot)?;
            self.funds.assets.push(asset);
        }
        for _ in 0..input.count(4)? {
            self.settling.push(input.u32()?);
        }
        let markets = input.count(1)?;
        let known = self.settling.iter().all(|market| (*market as usize) < markets);
        (known && markets <= usize::from(u16::MAX)).then_some(markets)
    }

    fn read_accounts(&mut self, input: &mut Reader) -> Option<()> {
        for slot in 0..input.count(32)? {
            let mut account = Account {
                number: input.u32()?,
                tier: input.raw(2).map(|bytes| crate::wire::u16_at(bytes, 0))?,
                flags: input.raw(2).map(|bytes| crate::wire::u16_at(bytes, 0))?,
                owner: input.u64()?,
                cancel_at_ms: input.u64()?,
                ..Account::default()
            };
            for _ in 0..input.count(20)? {
                let (asset, total, held) = (input.u32()?, input.i64()?, input.i64()?);
                account.balances.push(Balance { asset, dirty: false, total, held });
                let asset = self.funds.assets.get_mut(asset as usize)?;
                asset.sum = asset.sum.checked_add(total)?;
            }
            if account.number >= MAX_ACCOUNT || self.funds.account_slot(account.number).is_some() {
                return None;
            }
            if account.cancel_at_ms != 0 {
                self.switches.insert((account.cancel_at_ms, slot as u32));
            }
            self.funds.open(account);
        }
        Some(())
    }

    fn read_market(&mut self, input: &mut Reader, number: u32) -> Option<()> {
        let mut market = read_market_members(input, number)?;
        let assets = self.funds.assets.len() as u32;
        let based = if market.kind == SPOT { market.base < assets } else { market.base == NO_ASSET };
        if !based || market.quote >= assets || market.phase > phase::SETTLED {
            return None;
        }
        for _ in 0..input.count(ORDER)? {
            let (node, cold) = read_order(input)?;
            let sound = countable(&market, &node, &cold) && u32::from(node.market) == number;
            if !sound
                || node.account as usize >= self.funds.accounts.len()
                || cold.order_id >= self.ids.next()
            {
                return None;
            }
            let slot = self.slab.insert(node, cold);
            self.ids.put(cold.order_id, slot);
            market.book.push(&mut self.slab, slot);
            if node.flags & flag::TIMED != 0 {
                self.expiries.insert((cold.expires_ms, cold.order_id));
            }
        }
        self.markets.push(market);
        Some(())
    }

    fn read_memory(&mut self, input: &mut Reader) -> Option<()> {
        let mut clients = ClientIds::default();
        if !clients.resize_shards(input.raw(256)?) {
            return None;
        }
        let mut minutes = Vec::new();
        for _ in 0..input.count(16)? {
            minutes.push((input.u64()?, input.u64()?));
        }
        let mut minutes = minutes.into_iter();
        let mut minute = (0, 0);
        for _ in 0..input.count(32)? {
            while minute.1 == 0 {
                minute = minutes.next()?;
            }
            minute.1 -= 1;
            let entry = Entry::of_words([input.u64()?, input.u64()?, input.u64()?, input.u64()?]);
            clients.push(entry, minute.0);
        }
        let known = |node: &Node| node.client == NO_CLIENT || (node.client as usize) < clients.len();
        if !self.slab.nodes.iter().skip(1).all(known) {
            return None;
        }
        self.clients = clients;
        for _ in 0..input.count(36)? {
            let transfer = Transfer {
                transfer_id: input.u64()?,
                issued_ms: input.u64()?,
                account: input.u32()?,
                asset: input.u32()?,
                amount: input.i64()?,
                code: u16::try_from(input.u32()?).ok()?,
            };
            self.transfer_ages.insert((transfer.issued_ms, transfer.transfer_id));
            self.transfers.insert(transfer.transfer_id, transfer);
        }
        for _ in 0..input.count(9 + IMAGE)? {
            let (reason, closed_ms) = (input.u8()?, input.u64()?);
            let order = Cold::of_image(input.raw(IMAGE)?.first_chunk()?)?;
            self.closed.keep(&order, reason, closed_ms);
        }
        Some(())
    }
}

/// Whether what an order needs can be counted without overflow, so that the audit may add it up.
fn countable(market: &Market, node: &Node, cold: &Cold) -> bool {
    let (quantities, sizes) = (1..=MAX_QUANTITY, 0..=MAX_QUANTITY);
    let notional = product(node.price, market.tick_quote, node.remaining);
    let cost =
        notional.and_then(|notional| notional.checked_add(charge(notional, node.taker_ppm, node.prepaid)));
    fees_allowed(node.maker_ppm - rate_of(cold.builder), node.taker_ppm - rate_of(cold.builder))
        && i64::from(node.prepaid) < PPM
        && quantities.contains(&node.price)
        && quantities.contains(&node.remaining)
        && sizes.contains(&cold.filled)
        && cost.is_some()
        && node.remaining.checked_mul(market.lot_size).is_some()
}

fn read_market_members(input: &mut Reader, number: u32) -> Option<Market> {
    let mut market = Market {
        number,
        kind: input.u8()?,
        symbol: String::from_utf8(input.text()?.to_vec()).ok()?,
        base: input.u32()?,
        quote: input.u32()?,
        lot_size: input.i64()?,
        tick_quote: input.i64()?,
        parameters: Parameters::read(input.raw(PARAMETERS)?)?,
        tiers: [None; TIERS],
        phase: 0,
        last: 0,
        last_trade_id: 0,
        book: Book::default(),
        trades: Default::default(),
        candle: Candle::default(),
        prices: MarketPrices::new(),
        dirty_batch: 0,
        contract: Contract::default(),
        alarm: NO_ALARM,
        auction: Default::default(),
        calendar: None,
    };
    for tier in &mut market.tiers {
        let (maker, taker) = (input.i32()?, input.i32()?);
        *tier = (maker != i32::MIN).then_some((maker, taker));
    }
    let phase = input.u8()?;
    market.phase = phase & !COLLECTING;
    if phase & COLLECTING != 0 {
        market.book.collect();
    }
    market.last = input.i64()?;
    market.last_trade_id = input.u64()?;
    market.candle = Candle {
        minute_ms: input.u64()?,
        open: input.i64()?,
        high: input.i64()?,
        low: input.i64()?,
        close: input.i64()?,
        lots: input.i64()?,
        quote: input.i64()?,
        trades: input.i64()?,
    };
    for _ in 0..input.count(33)?.min(TRADES_KEPT) {
        market.trades.push(Trade {
            trade_id: input.u64()?,
            price: input.i64()?,
            lots: input.i64()?,
            taker_side: input.u8()?,
            time_ms: input.u64()?,
        });
    }
    Some(market)
}
