//! The bytes of WIRE.md written a second time, by hand and slowly, so that the tests share no encoder and no decoder with
//! the kernel: frames out, acks and events in.

/// The members of one command that are not its kind; every builder starts from here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head {
    pub account: u32,
    pub market: u32,
    pub key: u32,
    pub flags: u8,
}

pub const ALL_MARKETS: u32 = u32::MAX;
pub const PLACE: u8 = 1;
pub const AMEND: u8 = 2;
pub const CANCEL: u8 = 3;
pub const MASS_CANCEL: u8 = 4;
pub const CANCEL_ALL_AFTER: u8 = 5;
pub const OPEN_ACCOUNT: u8 = 32;
pub const SET_ACCOUNT: u8 = 33;
pub const DEPOSIT: u8 = 34;
pub const WITHDRAW: u8 = 35;
/// Kinds from here on are the operator's.
pub const OPERATOR: u8 = 64;
pub const ADD_ASSET: u8 = 64;
pub const ADD_MARKET: u8 = 65;
pub const SET_MARKET: u8 = 66;
pub const SET_TIER: u8 = 67;
pub const SET_PHASE: u8 = 68;
pub const TICK: u8 = 69;
pub const SET_LIMITS: u8 = 70;

pub const SELL: u8 = 1;
pub const POST_ONLY: u8 = 2;
pub const REDUCE_ONLY: u8 = 4;
pub const NO: u8 = 32;
pub const QUOTE_SIZE: u8 = 8;

/// One frame: header and body, whatever the body is.
pub fn frame(kind: u8, head: Head, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + body.len());
    out.extend(((16 + body.len()) as u16).to_le_bytes());
    out.push(kind);
    out.push(head.flags);
    out.extend(head.account.to_le_bytes());
    out.extend(head.market.to_le_bytes());
    out.extend(head.key.to_le_bytes());
    out.extend(body);
    out
}

/// A little-endian body in the making.
#[derive(Default)]
pub struct Body(pub Vec<u8>);

impl Body {
    pub fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }
    pub fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    pub fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    pub fn i32(self, value: i32) -> Self {
        self.u32(value as u32)
    }
    pub fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }
    pub fn i64(self, value: i64) -> Self {
        self.u64(value as u64)
    }
    pub fn zeros(mut self, count: usize) -> Self {
        self.0.resize(self.0.len() + count, 0);
        self
    }
    pub fn text(mut self, text: &[u8]) -> Self {
        self.0.extend(text);
        self
    }
}

/// A body being read; `None` from the first member that is not there.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        if count > self.0.len() {
            return None;
        }
        let (head, tail) = self.0.split_at(count);
        self.0 = tail;
        Some(head)
    }
    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }
    pub fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|b| u16::from_le_bytes(b.try_into().unwrap()))
    }
    pub fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|b| u32::from_le_bytes(b.try_into().unwrap()))
    }
    pub fn i32(&mut self) -> Option<i32> {
        self.u32().map(|v| v as i32)
    }
    pub fn u64(&mut self) -> Option<u64> {
        self.take(8).map(|b| u64::from_le_bytes(b.try_into().unwrap()))
    }
    pub fn i64(&mut self) -> Option<i64> {
        self.u64().map(|v| v as i64)
    }
    /// `count` bytes which must be zero.
    pub fn zeros(&mut self, count: usize) -> Option<()> {
        self.take(count)?.iter().all(|b| *b == 0).then_some(())
    }
    /// Nothing may be left.
    pub fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// The changeable parameters of a market, 64 bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    pub reference_ticks: i64,
    pub min_lots: i64,
    pub max_lots: i64,
    pub min_notional: i64,
    pub maker_ppm: i32,
    pub taker_ppm: i32,
    pub share_ppm: u32,
    pub band_ppm: u32,
    pub slippage_ppm: u32,
    pub max_levels: u32,
    pub max_matches: u32,
}

impl Default for Params {
    fn default() -> Self {
        Params {
            reference_ticks: 0,
            min_lots: 1,
            max_lots: 1_000_000_000_000,
            min_notional: 0,
            maker_ppm: 0,
            taker_ppm: 0,
            share_ppm: 0,
            band_ppm: 50_000,
            slippage_ppm: 50_000,
            max_levels: 50_000,
            max_matches: 1_000,
        }
    }
}

impl Params {
    pub fn write(&self, body: Body) -> Body {
        body.i64(self.reference_ticks)
            .i64(self.min_lots)
            .i64(self.max_lots)
            .i64(self.min_notional)
            .i32(self.maker_ppm)
            .i32(self.taker_ppm)
            .u32(self.share_ppm)
            .u32(self.band_ppm)
            .u32(self.slippage_ppm)
            .u32(self.max_levels)
            .u32(self.max_matches)
            .zeros(4)
    }
    pub fn read(r: &mut Reader) -> Option<Params> {
        let params = Params {
            reference_ticks: r.i64()?,
            min_lots: r.i64()?,
            max_lots: r.i64()?,
            min_notional: r.i64()?,
            maker_ppm: r.i32()?,
            taker_ppm: r.i32()?,
            share_ppm: r.u32()?,
            band_ppm: r.u32()?,
            slippage_ppm: r.u32()?,
            max_levels: r.u32()?,
            max_matches: r.u32()?,
        };
        r.zeros(4)?;
        Some(params)
    }
}

/// The body of a place command.
#[derive(Clone, Debug, Default)]
pub struct PlaceBody {
    pub price: i64,
    pub size: i64,
    pub order_type: u8,
    pub tif: u8,
    pub stp: u8,
    pub builder: u32,
    pub expires: u64,
    pub deadline: u64,
    pub client: Vec<u8>,
}

pub fn place(head: Head, p: &PlaceBody) -> Vec<u8> {
    let body = Body::default()
        .i64(p.price)
        .i64(p.size)
        .u8(p.order_type)
        .u8(p.tif)
        .u8(p.stp)
        .u8(p.client.len() as u8);
    let body = body.u32(p.builder).u64(p.expires).u64(p.deadline).text(&p.client);
    frame(PLACE, head, &body.0)
}

pub fn amend(head: Head, id: u64, price: i64, size: i64, deadline: u64, client: &[u8]) -> Vec<u8> {
    let body = Body::default()
        .u64(id)
        .i64(price)
        .i64(size)
        .u64(deadline)
        .u8(client.len() as u8)
        .zeros(7)
        .text(client);
    frame(AMEND, head, &body.0)
}

pub fn cancel(head: Head, id: u64, deadline: u64, client: &[u8]) -> Vec<u8> {
    let body = Body::default().u64(id).u64(deadline).u8(client.len() as u8).zeros(7).text(client);
    frame(CANCEL, head, &body.0)
}

pub fn mass_cancel(head: Head, side: u8) -> Vec<u8> {
    frame(MASS_CANCEL, head, &Body::default().u8(side).zeros(7).0)
}

pub fn cancel_all_after(head: Head, timeout: u64) -> Vec<u8> {
    frame(CANCEL_ALL_AFTER, head, &timeout.to_le_bytes())
}

pub fn open_account(account: u32, owner: u64, tier: u16) -> Vec<u8> {
    frame(OPEN_ACCOUNT, user(account), &Body::default().u64(owner).u16(tier).zeros(6).0)
}

pub fn set_account(account: u32, owner: u64, tier: u16, flags: u16) -> Vec<u8> {
    frame(SET_ACCOUNT, user(account), &Body::default().u64(owner).u16(tier).u16(flags).zeros(4).0)
}

/// `kind` is DEPOSIT or WITHDRAW.
pub fn transfer(kind: u8, account: u32, asset: u32, amount: i64, id: u64, issued: u64) -> Vec<u8> {
    frame(kind, user(account), &Body::default().u64(id).i64(amount).u64(issued).u32(asset).zeros(4).0)
}

pub fn add_asset(asset: u32, scale: u8, symbol: &[u8]) -> Vec<u8> {
    let body = Body::default().u32(asset).u8(scale).u8(symbol.len() as u8).zeros(2).text(symbol);
    frame(ADD_ASSET, operator(ALL_MARKETS), &body.0)
}

#[derive(Clone, Debug)]
pub struct MarketBody {
    pub base: u32,
    pub quote: u32,
    pub lot_size: i64,
    pub tick_quote: i64,
    pub params: Params,
    pub kind: u8,
    pub symbol: Vec<u8>,
}

pub fn add_market(market: u32, m: &MarketBody) -> Vec<u8> {
    let body = Body::default().u32(m.base).u32(m.quote).i64(m.lot_size).i64(m.tick_quote);
    let body = m.params.write(body).u8(m.kind).u8(m.symbol.len() as u8).zeros(6).text(&m.symbol);
    frame(ADD_MARKET, operator(market), &body.0)
}

pub fn set_market(market: u32, params: &Params) -> Vec<u8> {
    frame(SET_MARKET, operator(market), &params.write(Body::default()).0)
}

pub fn set_tier(market: u32, tier: u32, maker: i32, taker: i32) -> Vec<u8> {
    frame(SET_TIER, operator(market), &Body::default().u32(tier).i32(maker).i32(taker).zeros(4).0)
}

pub fn set_phase(market: u32, phase: u8) -> Vec<u8> {
    frame(SET_PHASE, operator(market), &Body::default().u8(phase).zeros(7).0)
}

pub fn tick() -> Vec<u8> {
    frame(TICK, operator(ALL_MARKETS), &[])
}

pub fn set_limits(accounts: u32, markets: u32, orders: u32, client_ids: u32) -> Vec<u8> {
    let body = Body::default().u32(accounts).u32(markets).u32(orders).u32(client_ids);
    frame(SET_LIMITS, operator(ALL_MARKETS), &body.0)
}

fn operator(market: u32) -> Head {
    Head { market, ..Head::default() }
}

fn user(account: u32) -> Head {
    Head { account, market: ALL_MARKETS, ..Head::default() }
}
