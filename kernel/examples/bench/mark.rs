//! A move of the mark of a perpetual: every holder's equity and margins follow, and who falls below is queued.

use std::time::Instant;

use exchange_kernel::encode::{self, Head, Listing, PlaceOrder};
use exchange_kernel::wire::kind;
use exchange_kernel::{Kernel, Parameters};

use crate::report::{line, median, percentile};

const NOW_MS: u64 = 1_700_000_000_000;
const MARK: i64 = 1_000_000;
const MOVES: usize = 60;

fn parameters(reference: i64) -> Parameters {
    Parameters {
        reference,
        min_lots: 1,
        max_lots: 1_000_000_000,
        min_notional: 0,
        maker_ppm: 0,
        taker_ppm: 500,
        protocol_share_ppm: 0,
        band_ppm: 50_000,
        slippage_ppm: 50_000,
        max_levels: 50_000,
        max_matches: 1_000,
    }
}

/// A perpetual in which so many accounts hold three lots each, half of them long.
fn holders(accounts: u32) -> Kernel {
    let mut kernel = Kernel::new(1);
    let mut out = Vec::new();
    encode::set_limits(&mut out, accounts + 16, 16, 100, 1_000);
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
    encode::add_market(&mut out, 0, &listing, &parameters(MARK));
    encode::set_phase(&mut out, 0, 2);
    for index in 0..accounts {
        encode::account(&mut out, kind::OPEN_ACCOUNT, 16 + index, u64::from(index), 0, 0);
        encode::transfer(&mut out, kind::DEPOSIT, 16 + index, 0, 100_000_000, u64::from(index), NOW_MS);
    }
    kernel.replay(&out, NOW_MS);
    out.clear();
    // Partners are far apart, so that the pass does not meet accounts in the order of their memory.
    let half = accounts / 2;
    for index in 0..half {
        let partner = (index * 7 + accounts / 3) % half + half;
        for (account, sell) in [(16 + index, true), (16 + partner, false)] {
            let order = PlaceOrder { sell, price_ticks: MARK, size_lots: 3, ..PlaceOrder::default() };
            encode::place(&mut out, Head { account, market: 0, key: 0 }, &order);
        }
    }
    kernel.replay(&out, NOW_MS);
    kernel
}

fn measure(accounts: u32) {
    let mut kernel = holders(accounts);
    let mut times = Vec::with_capacity(MOVES);
    for step in 0..MOVES as i64 {
        let mut frame = Vec::new();
        encode::set_market_params(&mut frame, 0, &parameters(MARK + (step % 7 - 3) * 1_000));
        let begin = Instant::now();
        kernel.apply(&frame, NOW_MS);
        times.push(begin.elapsed().as_nanos() as f64 / 1e3);
    }
    kernel.check_invariants().expect("marks leave a sound state");
    let note = format!(
        "microseconds for one move of the mark, the whole command; {accounts} accounts with a position"
    );
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    line(&format!("mark.update.{accounts}"), median(&mut times), "us", p50, p99, MOVES, &note);
}

pub fn update() {
    measure(10_000);
    measure(1_000_000);
}
