//! The mix of `flow.rs` on one event of 48 outcomes: every command takes a random outcome, so each holding spreads over
//! all of them and its worst case moves with nearly every order.

use exchange_kernel::encode::{self, Head, Listing, NewEvent, PlaceOrder, Target};
use exchange_kernel::wire::{kind, IOC};
use exchange_kernel::{Ack, Kernel, Parameters};

use crate::flow::{key_of, mandates, Flow, Random, BATCH};
use crate::group::{figure, profiled};

const OUTCOMES: u32 = 48;
const ACCOUNTS: u32 = 1_000;
const RESTING: usize = 10_000;
const COMMANDS: usize = 1_000_000;
const PAYOUT: u32 = 100_000;
const MID: i64 = PAYOUT as i64 / OUTCOMES as i64;
const REACH: i64 = 50;
const START_MS: u64 = 1_700_000_000_000;
const RUNS: usize = 7;

fn set_up() -> Vec<u8> {
    let mut out = Vec::new();
    let parameters = Parameters {
        reference: MID,
        min_lots: 1,
        max_lots: 1_000_000_000,
        min_notional: 0,
        maker_ppm: -50,
        taker_ppm: 500,
        protocol_share_ppm: 200_000,
        band_ppm: 10_000,
        slippage_ppm: 10_000,
        max_levels: 50_000,
        max_matches: 1_000,
    };
    let listing = Listing {
        kind: 2,
        base: u32::MAX,
        quote: 0,
        lot_size: 1,
        tick_quote: 10,
        payout_ticks: PAYOUT,
        symbol: b"O",
    };
    encode::add_asset(&mut out, 0, 6, b"USD");
    for market in 0..OUTCOMES {
        encode::add_market(&mut out, market, &listing, &parameters);
    }
    let event = NewEvent {
        event: 0,
        first_market: 0,
        outcomes: OUTCOMES as u16,
        fallback: u16::MAX,
        flags: 0,
        close_ms: 0,
    };
    encode::add_event(&mut out, &event);
    for market in 0..OUTCOMES {
        encode::set_phase(&mut out, market, 2);
    }
    for index in 0..ACCOUNTS {
        let account = 16 + index;
        encode::account(&mut out, kind::OPEN_ACCOUNT, account, u64::from(index), 0, 0);
        encode::transfer(&mut out, kind::DEPOSIT, account, 0, 1 << 40, u64::from(index), START_MS);
    }
    out
}

struct Generator {
    random: Random,
    kernel: Kernel,
    open: Vec<(u64, u32, u32)>,
    mids: Vec<i64>,
    clients: u64,
    now_ms: u64,
}

impl Generator {
    fn play(&mut self, frame: &[u8], account: u32, market: u32) -> u16 {
        self.kernel.apply(frame, self.now_ms);
        let ack = Ack::read(&self.kernel.output().acks);
        if ack.code == 0 && ack.state == 1 {
            self.open.push((ack.order_id, account, market));
        }
        ack.code
    }

    fn order(&mut self, crossing: bool, wrong: u64) -> Vec<u8> {
        let account = 16 + self.random.below(u64::from(ACCOUNTS)) as u32;
        let market = self.random.below(u64::from(OUTCOMES)) as u32;
        let step = self.random.below(3) as i64 - 1;
        let mid = &mut self.mids[market as usize];
        *mid = (*mid + step).clamp(MID - REACH, MID + REACH);
        let mid = *mid;
        let sell = self.random.below(2) == 1;
        let away = 1 + self.random.below(REACH as u64) as i64;
        let full = self.open.len() > RESTING;
        let lots = 1 + self.random.below(if !crossing {
            20
        } else if full {
            80
        } else {
            30
        });
        self.clients += 1;
        let client = format!("c{:015}", self.clients);
        let mut order = PlaceOrder {
            sell,
            price_ticks: mid + if sell != crossing { away } else { -away },
            size_lots: lots as i64,
            client_id: client.as_bytes(),
            tif: if crossing { IOC } else { 0 },
            ..PlaceOrder::default()
        };
        match wrong {
            1 => order.price_ticks = i64::from(PAYOUT),
            2 => order.price_ticks = if sell { 1 } else { MID * 2 },
            3 => order.size_lots = 900_000_000,
            _ => {}
        }
        let mut out = Vec::with_capacity(80);
        encode::place(&mut out, Head { account, market, key: key_of(account) }, &order);
        self.play(&out, account, market);
        out
    }

    fn cancel(&mut self) -> Vec<u8> {
        while !self.open.is_empty() {
            let at = self.random.below(self.open.len() as u64) as usize;
            let (order_id, account, market) = self.open.swap_remove(at);
            let mut out = Vec::with_capacity(40);
            let target = Target { order_id, ..Target::default() };
            encode::cancel(&mut out, Head { account, market, key: key_of(account) }, &target);
            if self.play(&out, account, market) == 0 {
                return out;
            }
        }
        self.order(false, 0)
    }

    fn command(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..=4 => {
                let wrong = 1 + self.random.below(3);
                self.order(false, wrong)
            }
            5..=32 => self.cancel(),
            draw => self.order(draw < 43, 0),
        }
    }
}

fn generate(commands: usize) -> Flow {
    let mut setup = set_up();
    setup.extend(mandates(ACCOUNTS));
    let mut generator = Generator {
        random: Random(48),
        kernel: Kernel::new(1),
        open: Vec::new(),
        mids: vec![MID; OUTCOMES as usize],
        clients: 0,
        now_ms: START_MS,
    };
    generator.kernel.apply(&setup, START_MS);
    let mut fill = Vec::new();
    while generator.open.len() < RESTING {
        fill.extend_from_slice(&generator.order(false, 0));
    }
    let (mut batches, mut made) = (Vec::new(), 0);
    while made < commands {
        generator.now_ms += 1;
        let mut batch = Vec::with_capacity(BATCH * 72);
        for _ in 0..BATCH {
            batch.extend_from_slice(&generator.command());
        }
        made += BATCH;
        batches.push((batch, generator.now_ms));
    }
    Flow { setup: vec![(setup, START_MS), (fill, START_MS)], batches, commands: made }
}

pub fn outcome_mix() {
    figure("kernel.outcome_mix", &generate(COMMANDS), RUNS);
}

/// A short run for a profiler, see `group.rs`.
pub fn profile() {
    profiled("profile.outcome_mix", &generate(100_000));
}
