//! The mix of the performance page: 60% adds, 30% cancels, 10% crossing; mid in a random walk of at most 50
//! ticks; about `resting` open orders a market; client ids on every order; 5% of the commands refused
//! (unknown order, duplicate client id, price band, too little balance). Three of four accounts send with an API key, which has
//! a mandate (`mandates`); the fourth sends in person. The generator plays its own stream
//! against a kernel, so that every cancel names an order that is open then.

use exchange_kernel::encode::{self, Head, Listing, MandateTerms, PlaceOrder, Target};
use exchange_kernel::output::Ack;
use exchange_kernel::wire::{kind, IOC};
use exchange_kernel::{Kernel, Parameters};

const MID: i64 = 1_000_000;
const REACH: i64 = 50;
const START_MS: u64 = 1_700_000_000_000;

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

/// Shape of a workload.
#[derive(Clone, Copy)]
pub struct Shape {
    pub markets: u32,
    pub accounts: u32,
    pub resting: usize,
    pub commands: usize,
    pub seed: u64,
    /// Perpetual markets instead of spot: positions and margin instead of holds.
    pub perpetual: bool,
}

/// A generated workload: batches to set up and fill the book, then the batches to measure, each with its
/// time.
pub struct Flow {
    pub setup: Vec<(Vec<u8>, u64)>,
    pub batches: Vec<(Vec<u8>, u64)>,
    pub commands: usize,
}

struct Open {
    id: u64,
    account: u32,
    market: u32,
}

struct Generator {
    random: Random,
    shape: Shape,
    kernel: Kernel,
    open: Vec<Open>,
    mids: Vec<i64>,
    clients: u64,
    now_ms: u64,
}

/// Commands in one batch.
pub const BATCH: usize = 512;

fn parameters() -> Parameters {
    Parameters {
        reference: MID,
        min_lots: 1,
        max_lots: 1_000_000_000,
        min_notional: 0,
        maker_ppm: -50,
        taker_ppm: 500,
        protocol_share_ppm: 200_000,
        band_ppm: 50_000,
        slippage_ppm: 50_000,
        max_levels: 50_000,
        max_matches: 1_000,
    }
}

fn set_up(shape: Shape) -> Vec<u8> {
    let mut out = Vec::new();
    encode::add_asset(&mut out, 0, 6, b"USD");
    for market in 0..shape.markets {
        let (kind, base) = if shape.perpetual { (1, u32::MAX) } else { (0, market + 1) };
        if kind == 0 {
            encode::add_asset(&mut out, base, 8, format!("A{market}").as_bytes());
        }
        let listing =
            Listing { kind, base, quote: 0, lot_size: 1_000, tick_quote: 10, payout_ticks: 0, symbol: b"M" };
        encode::add_market(&mut out, market, &listing, &parameters());
        encode::set_phase(&mut out, market, 2);
    }
    for index in 0..shape.accounts {
        let account = 16 + index;
        encode::account(&mut out, kind::OPEN_ACCOUNT, account, u64::from(index), 0, 0);
        let id = u64::from(index) * 4;
        encode::transfer(&mut out, kind::DEPOSIT, account, 0, 1 << 40, id, START_MS);
    }
    out
}

/// The key an account sends with; 0: its owner in person.
pub fn key_of(account: u32) -> u32 {
    u32::from(account % 4 != 0)
}

/// What every API key has, rights and an end; of one in eight also a bound of orders and of their rate; of one in thirty-two
/// every bound there is. None is so tight that it refuses what the account could do without it.
pub fn mandates(accounts: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for account in (16..16 + accounts).filter(|account| key_of(*account) != 0) {
        let mut terms =
            MandateTerms { key: 1, rights: 3, expires_ms: START_MS + 90 * 86_400_000, ..Default::default() };
        if account % 8 == 1 {
            (terms.order_notional, terms.rate) = (1 << 38, 100_000);
        }
        if account % 32 == 1 {
            (terms.position_notional, terms.daily_loss, terms.leverage) = (1 << 45, 1 << 40, 100);
        }
        encode::set_mandate(&mut out, account, &terms);
    }
    out
}

/// Every account trades three markets; this is the n-th of them.
fn market_of(shape: Shape, account: u32, n: u64) -> u32 {
    ((u64::from(account) * 7 + n * 331) % u64::from(shape.markets)) as u32
}

fn base_deposits(shape: Shape) -> Vec<u8> {
    let mut out = Vec::new();
    for index in (0..shape.accounts).filter(|_| !shape.perpetual) {
        let account = 16 + index;
        let mut markets: Vec<u32> = (0..3).map(|n| market_of(shape, account, n)).collect();
        markets.dedup();
        for (n, market) in markets.iter().enumerate() {
            let id = u64::from(index) * 4 + 1 + n as u64;
            encode::transfer(&mut out, kind::DEPOSIT, account, market + 1, 1 << 40, id, START_MS);
        }
    }
    out
}

impl Generator {
    fn new(shape: Shape) -> Generator {
        Generator {
            random: Random(shape.seed),
            shape,
            kernel: Kernel::new(1),
            open: Vec::new(),
            mids: vec![MID; shape.markets as usize],
            clients: 0,
            now_ms: START_MS,
        }
    }

    /// Play a frame, note what rests.
    fn play(&mut self, frame: &[u8], account: u32, market: u32) {
        self.kernel.apply(frame, self.now_ms);
        let ack = Ack::read(&self.kernel.output().acks);
        if ack.code == 0 && ack.state == 1 {
            self.open.push(Open { id: ack.order_id, account, market });
        }
    }

    fn pick(&mut self) -> (u32, u32) {
        let account = 16 + self.random.below(u64::from(self.shape.accounts)) as u32;
        let n = self.random.below(3);
        (account, market_of(self.shape, account, n))
    }

    fn client(&mut self) -> String {
        self.clients += 1;
        format!("c{:015}", self.clients)
    }

    fn order(&mut self, crossing: bool, wrong: u64) -> (Vec<u8>, u32, u32) {
        let (account, market) = self.pick();
        let step = self.random.below(3) as i64 - 1;
        let mid = &mut self.mids[market as usize];
        *mid = (*mid + step).clamp(MID - REACH, MID + REACH);
        let mid = *mid;
        let sell = self.random.below(2) == 1;
        let away = 1 + self.random.below(REACH as u64) as i64;
        let signed = if sell != crossing { away } else { -away };
        // Crossing orders are sized so that the number of open orders stays where it is.
        let full = self.open.len() > self.shape.resting;
        let lots = if crossing {
            1 + self.random.below(if full { 80 } else { 30 })
        } else {
            1 + self.random.below(20)
        };
        let client = self.client();
        let mut order = PlaceOrder {
            sell,
            price_ticks: mid + signed,
            size_lots: lots as i64,
            client_id: client.as_bytes(),
            tif: if crossing { IOC } else { 0 },
            ..PlaceOrder::default()
        };
        match wrong {
            1 => order.client_id = b"c000000000000001",
            2 => order.price_ticks = if sell { MID / 2 } else { MID * 2 },
            3 => order.size_lots = 900_000_000,
            _ => {}
        }
        let account = if wrong == 1 { 16 } else { account };
        let mut out = Vec::with_capacity(80);
        encode::place(&mut out, Head { account, market, key: key_of(account) }, &order);
        (out, account, market)
    }

    fn cancel(&mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40);
        while !self.open.is_empty() {
            let at = self.random.below(self.open.len() as u64) as usize;
            let Open { id, account, market } = self.open.swap_remove(at);
            encode::cancel(
                &mut out,
                Head { account, market, key: key_of(account) },
                &Target { order_id: id, ..Target::default() },
            );
            self.play(&out, account, market);
            if Ack::read(&self.kernel.output().acks).code == 0 {
                return out;
            }
            // It had traded away; the attempt is not part of the stream, and changed nothing.
            out.clear();
        }
        self.order(false, 0).0
    }

    fn command(&mut self) -> Vec<u8> {
        let draw = self.random.below(100);
        if draw < 5 {
            let (account, market) = self.pick();
            let wrong = self.random.below(4);
            if wrong > 0 {
                let (frame, account, market) = self.order(false, wrong);
                self.play(&frame, account, market);
                return frame;
            }
            let mut out = Vec::new();
            let target = Target { order_id: self.random.next() >> 20, ..Target::default() };
            encode::cancel(&mut out, Head { account, market, key: key_of(account) }, &target);
            self.play(&out, account, market);
            return out;
        }
        if draw < 33 {
            return self.cancel();
        }
        let (frame, account, market) = self.order(draw < 43, 0);
        self.play(&frame, account, market);
        frame
    }
}

/// Generate the workload of a shape.
pub fn generate(shape: Shape) -> Flow {
    let mut generator = Generator::new(shape);
    let mut setup = vec![
        (set_up(shape), START_MS),
        (base_deposits(shape), START_MS),
        (mandates(shape.accounts), START_MS),
    ];
    for (bytes, now_ms) in &setup {
        generator.kernel.apply(bytes, *now_ms);
    }
    let mut fill = Vec::new();
    while generator.open.len() < shape.resting {
        let (frame, account, market) = generator.order(false, 0);
        generator.play(&frame, account, market);
        fill.extend_from_slice(&frame);
    }
    setup.push((fill, START_MS));
    let mut batches = Vec::new();
    let mut made = 0;
    while made < shape.commands {
        generator.now_ms += 1;
        let mut batch = Vec::with_capacity(BATCH * 72);
        for _ in 0..BATCH {
            let frame = generator.command();
            batch.extend_from_slice(&frame);
        }
        made += BATCH;
        batches.push((batch, generator.now_ms));
    }
    Flow { setup, batches, commands: made }
}
