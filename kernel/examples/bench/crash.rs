//! Ten thousand accounts that must be liquidated at once: a third of their lots finds buyers, a third goes to the insurance
//! fund, the rest against the other side. What is measured is the kernel's whole time until nobody waits any more, and the longest
//! single command, which is what any other command may have to wait.

use std::time::Instant;

use exchange_kernel::encode::{self, Head, Listing, PlaceOrder};
use exchange_kernel::wire::{kind, ALL_MARKETS};
use exchange_kernel::{Kernel, LiquidationRules, Parameters, INSURANCE};

use crate::report::{line, median, percentile};

const NOW_MS: u64 = 1_700_000_000_000;
const PRICE: i64 = 1_000_000;
const FALLEN: i64 = 915_000;
const ACCOUNTS: u32 = 10_000;
const SHORTS: u32 = 100;
const BUYER: u32 = 16;
const LOTS: i64 = 3;
const RUNS: usize = 7;

fn parameters(reference: i64) -> Parameters {
    Parameters {
        reference,
        min_lots: 1,
        max_lots: 1_000_000_000,
        min_notional: 0,
        maker_ppm: 0,
        taker_ppm: 500,
        protocol_share_ppm: 0,
        band_ppm: 200_000,
        slippage_ppm: 50_000,
        max_levels: 50_000,
        max_matches: 1_000,
    }
}

fn opened(out: &mut Vec<u8>, account: u32, cash: i64) {
    encode::account(out, kind::OPEN_ACCOUNT, account, u64::from(account), 0, 0);
    encode::transfer(out, kind::DEPOSIT, account, 0, cash, u64::from(account), NOW_MS);
}

fn placed(out: &mut Vec<u8>, account: u32, sell: bool, price_ticks: i64, size_lots: i64) {
    let order = PlaceOrder { sell, price_ticks, size_lots, ..PlaceOrder::default() };
    encode::place(out, Head { account, market: 0, key: 0 }, &order);
}

/// Everybody long with a tenth of the value, against a hundred shorts; buyers below, and a fund for a third of it all.
fn crowd() -> Kernel {
    let mut kernel = Kernel::new(1);
    let mut out = Vec::new();
    encode::set_limits(&mut out, ACCOUNTS + SHORTS + 64, 16, 1_000, 1_000);
    encode::add_asset(&mut out, 0, 6, b"USD");
    let listing = Listing {
        kind: 1,
        base: u32::MAX,
        quote: 0,
        lot_size: 1,
        tick_quote: 10,
        symbol: b"M",
        ..Listing::default()
    };
    encode::add_market(&mut out, 0, &listing, &parameters(PRICE));
    encode::set_phase(&mut out, 0, 2);
    let third = i64::from(ACCOUNTS) * LOTS / 3;
    let rules = LiquidationRules { fund_cap: third * FALLEN * 10, ..LiquidationRules::for_scale(6) };
    encode::set_liquidation_rules(&mut out, ALL_MARKETS, &rules);
    encode::transfer(&mut out, kind::DEPOSIT, INSURANCE, 0, 1 << 40, 1, NOW_MS);
    opened(&mut out, BUYER, 1 << 45);
    for short in 0..SHORTS {
        let (account, lots) = (100 + short, i64::from(ACCOUNTS / SHORTS) * LOTS);
        opened(&mut out, account, 2_000_000_000 + i64::from(short) * 1_000_000);
        placed(&mut out, account, true, PRICE, lots);
    }
    for long in 0..ACCOUNTS {
        opened(&mut out, 1_000 + long, 3_100_000);
        placed(&mut out, 1_000 + long, false, PRICE, LOTS);
    }
    for order in 0..100 {
        placed(&mut out, BUYER, false, FALLEN - 100 - order, third / 100);
    }
    let applied = kernel.replay(&out, NOW_MS);
    assert_eq!(applied.rejected, 0, "the crowd is in its places");
    kernel
}

fn waiting(kernel: &Kernel) -> bool {
    !kernel.query(b"{\"q\":\"insurance\"}").windows(11).any(|part| part == b"\"waiting\":0")
}

pub fn liquidate() {
    let (mut totals, mut longest) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let mut kernel = crowd();
        let (mut total, mut worst, mut now_ms) = (0.0, 0.0f64, NOW_MS);
        let mut frame = Vec::new();
        encode::set_market_params(&mut frame, 0, &parameters(FALLEN));
        let mut tick = Vec::new();
        encode::tick(&mut tick);
        while now_ms == NOW_MS || waiting(&kernel) {
            let begin = Instant::now();
            kernel.apply(if now_ms == NOW_MS { &frame } else { &tick }, now_ms);
            let seconds = begin.elapsed().as_secs_f64();
            total += seconds;
            worst = worst.max(seconds);
            now_ms += 1;
        }
        kernel.check_invariants().expect("the crash leaves a sound state");
        totals.push(total * 1e3);
        longest.push(worst * 1e3);
    }
    let (p50, p99) = (percentile(&mut longest, 0.5), percentile(&mut longest, 1.0));
    let note =
        "ms of kernel time for 10,000 accounts in one crash; p50 and p99: ms of the longest single command";
    line("kernel.liquidate", median(&mut totals), "ms", p50, p99, RUNS, note);
}
