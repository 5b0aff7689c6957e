//! Plain commands take paths of their own (`plain.rs`, `take.rs`). On random streams of contracts, with and without mandates,
//! builders and referrers, and on the fixed stream over all market types, they give byte for byte what the general path gives.
//! `replay.rs` compares the two on spot markets.

use exchange_kernel::encode::{self, Head, Listing, MandateTerms, NewEvent, PlaceOrder, Target};
use exchange_kernel::wire::{kind, FOK, IOC};
use exchange_kernel::{Ack, Kernel, Parameters};

const STREAM: &[u8] = include_bytes!("mixed_stream.bin");
const START_MS: u64 = 1_700_000_000_000;
const ACCOUNTS: u32 = 8;
const PERPETUAL: u32 = 0;
const SPOT: u32 = 4;
/// From this account on they trade on the spot market alone in streams with mandates.
const SPOTTERS: u32 = 19;
const DAY_MS: u64 = 86_400_000;
const BUILDER: u32 = 23;

/// The same stream on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn parameters(reference: i64) -> Parameters {
    Parameters {
        reference,
        min_lots: 1,
        max_lots: 10_000,
        min_notional: 0,
        maker_ppm: -50,
        taker_ppm: 1_000,
        protocol_share_ppm: 250_000,
        band_ppm: 100_000,
        slippage_ppm: 50_000,
        max_levels: 30,
        max_matches: 6,
    }
}

/// A perpetual, an event of three outcomes, a spot market; accounts of which some are poor and two have one owner.
fn opening() -> Vec<u8> {
    let mut out = Vec::new();
    encode::add_asset(&mut out, 0, 6, b"USD");
    encode::add_asset(&mut out, 1, 6, b"A");
    for market in 0..5 {
        let (kind, base, payout_ticks, reference) = match market {
            PERPETUAL => (1, u32::MAX, 0, 1_000),
            SPOT => (0, 1, 0, 1_000),
            _ => (2, u32::MAX, 1_000, 333),
        };
        let listing =
            Listing { kind, base, quote: 0, lot_size: 1, tick_quote: 10, payout_ticks, symbol: b"M" };
        encode::add_market(&mut out, market, &listing, &parameters(reference));
    }
    let event =
        NewEvent { event: 0, first_market: 1, outcomes: 3, fallback: u16::MAX, flags: 0, close_ms: 0 };
    encode::add_event(&mut out, &event);
    for market in 0..5 {
        encode::set_phase(&mut out, market, 2);
    }
    for index in 0..ACCOUNTS {
        let owner = u64::from(if index == 7 { 0 } else { index });
        encode::account(&mut out, kind::OPEN_ACCOUNT, 16 + index, owner, 0, 0);
        for asset in 0..2 {
            let amount = if index < 3 { 60_000 } else { 2_000_000 };
            let id = u64::from(index * 2 + asset);
            encode::transfer(&mut out, kind::DEPOSIT, 16 + index, asset, amount, id, START_MS);
        }
    }
    out
}

fn order(dice: &mut Dice, out: &mut Vec<u8>, account: u32, market: u32, now_ms: u64, built: bool) {
    let head = Head { account, market, key: dice.below(3) as u32 };
    if !built && dice.below(5) == 0 {
        let target = Target { order_id: 1 + dice.below(4_000), ..Target::default() };
        return encode::cancel(out, head, &target);
    }
    let middle = if (1..SPOT).contains(&market) { 333 } else { 1_000 };
    // Short ones are used again.
    let client = format!("{:08}", dice.below(100_000));
    let length = if built && dice.below(4) > 0 { 8 } else { dice.below(9) as usize };
    let mut order = PlaceOrder {
        sell: dice.below(2) == 1,
        price_ticks: middle - 8 + dice.below(17) as i64,
        size_lots: 1 + dice.below(40) as i64,
        stp: dice.below(3) as u8,
        client_id: &client.as_bytes()[..length],
        ..PlaceOrder::default()
    };
    match dice.below(20) {
        0 => (order.tif, order.expires_ms) = (1, now_ms + 1 + dice.below(60)),
        1 => order.tif = FOK,
        2..=5 => order.tif = IOC,
        6 => order.post_only = true,
        7 => order.reduce_only = market != SPOT,
        8 => order.price_ticks = 1 + dice.below(1_200) as i64,
        9 if built => order.builder = encode::code_of(BUILDER, 300).expect("a rate a code can carry"),
        _ => {}
    }
    encode::place(out, head, &order);
}

/// Terms a key may be given: mostly those of any API key, else every bound there is.
fn terms(dice: &mut Dice, out: &mut Vec<u8>, account: u32, now_ms: u64) {
    let mut terms = MandateTerms { key: 1 + dice.below(2) as u32, rights: 3, ..MandateTerms::default() };
    let value = 10_000 * (1 + dice.below(60) as i64);
    match dice.below(40) {
        0 => terms.rate = 1 + dice.below(6) as u32,
        1 => terms.order_notional = value,
        2 => terms.position_notional = 4 * value,
        3 => terms.leverage = 5 + dice.below(10) as u16,
        4 | 5 => terms.daily_loss = 20 + dice.below(3_000) as i64,
        6 => terms.markets = &[PERPETUAL, SPOT],
        7 => terms.expires_ms = now_ms + dice.below(400),
        8 => terms.rights = 1,
        9 => return encode::revoke_key(out, account, terms.key),
        10 => return encode::set_referrer(out, account, 16 + dice.below(ACCOUNTS.into()) as u32),
        11 => return encode::set_referrer(out, account, 0),
        12 => return encode::approve_builder(out, account, BUILDER, 300 * dice.below(2) as u32),
        _ => terms.expires_ms = now_ms + 3 * DAY_MS,
    }
    encode::set_mandate(out, account, &terms);
}

/// As `history`, of accounts with keys: whose mandates come, change and end while their orders stand. A kernel plays along,
/// so that cancels name orders which are open.
fn mandated_history(seed: u64) -> Vec<(Vec<u8>, u64)> {
    let (mut dice, mut now_ms, mut scout) = (Dice(seed), START_MS, Kernel::new(9));
    let (mut first, mut open) = (opening(), Vec::new());
    encode::set_fee_split(&mut first, 300_000, 2_550);
    for account in 16..16 + ACCOUNTS {
        for key in 1..3 {
            encode::set_mandate(&mut first, account, &MandateTerms { key, rights: 3, ..Default::default() });
        }
    }
    scout.apply(&first, START_MS);
    let mut history = vec![(first, START_MS)];
    for number in 0..250 {
        now_ms += if number % 50 == 49 { DAY_MS / 2 } else { dice.below(90) };
        let mut batch = Vec::new();
        for _ in 0..1 + dice.below(16) {
            let account = 16 + dice.below(ACCOUNTS.into()) as u32;
            let market = if account < SPOTTERS { dice.below(5) as u32 } else { SPOT };
            let mut frame = Vec::new();
            if dice.below(4) == 0 && !open.is_empty() {
                let (order_id, head) = open.swap_remove(dice.below(open.len() as u64) as usize);
                encode::cancel(&mut frame, head, &Target { order_id, ..Target::default() });
            } else {
                order(&mut dice, &mut frame, account, market, now_ms, true);
            }
            scout.apply(&frame, now_ms);
            let ack = Ack::read(&scout.output().acks);
            if ack.code == 0 && ack.state == 1 {
                open.push((ack.order_id, Head { account, market, key: dice.below(3) as u32 }));
            }
            batch.extend_from_slice(&frame);
        }
        if number % 4 == 3 {
            let (mut frame, account) = (Vec::new(), 16 + dice.below(ACCOUNTS.into()) as u32);
            terms(&mut dice, &mut frame, account, now_ms);
            scout.apply(&frame, now_ms);
            batch.extend_from_slice(&frame);
        }
        history.push((batch, now_ms));
    }
    history
}

fn history(seed: u64) -> Vec<(Vec<u8>, u64)> {
    let (mut dice, mut now_ms) = (Dice(seed), START_MS);
    let mut history = vec![(opening(), START_MS)];
    for number in 0..250 {
        now_ms += dice.below(30);
        let mut batch = Vec::new();
        for _ in 0..1 + dice.below(16) {
            let market = dice.below(5) as u32;
            let account = 16 + dice.below(ACCOUNTS.into()) as u32;
            order(&mut dice, &mut batch, account, market, now_ms, false);
        }
        if number % 25 == 24 {
            // The mark of the perpetual moves, so that some accounts are liquidated.
            encode::set_market_params(&mut batch, PERPETUAL, &parameters(970 + dice.below(61) as i64));
        }
        history.push((batch, now_ms));
    }
    history
}

/// Both kernels through a history, compared after every batch; the number of trades.
fn compare<'a>(name: &str, history: impl Iterator<Item = (&'a [u8], u64)>) -> u64 {
    compare_from(Kernel::new(9), Kernel::new(9), name, history).0
}

/// As `compare`, from where two equal kernels stand; the number of trades, and the kernel that took the plain paths.
fn compare_from<'a>(
    mut plain: Kernel,
    mut general: Kernel,
    name: &str,
    history: impl Iterator<Item = (&'a [u8], u64)>,
) -> (u64, Kernel) {
    general.forgo_plain();
    let mut trades = 0;
    for (at, (batch, now_ms)) in history.enumerate() {
        let applied = plain.apply(batch, now_ms);
        assert_eq!(applied, general.apply(batch, now_ms), "{name}, batch {at}");
        trades += applied.trades;
        let (one, two) = (plain.output(), general.output());
        assert_eq!(one.acks, two.acks, "{name}, batch {at}");
        assert_eq!(one.events, two.events, "{name}, batch {at}");
        assert_eq!((&one.fills, &one.orders), (&two.fills, &two.orders), "{name}, batch {at}");
        assert_eq!((&one.algos, &one.bills.rows), (&two.algos, &two.bills.rows), "{name}, batch {at}");
        assert_eq!(
            (&one.trades, &one.dirty_markets),
            (&two.trades, &two.dirty_markets),
            "{name}, batch {at}"
        );
        assert_eq!(plain.next_timer_ms(), general.next_timer_ms(), "{name}, batch {at}");
        assert_eq!(plain.dirty_accounts(), general.dirty_accounts(), "{name}, batch {at}");
    }
    assert_eq!(plain.state_root(), general.state_root(), "{name}");
    assert_eq!(plain.snapshot(), general.snapshot(), "{name}");
    plain.check_invariants().expect("a sound group");
    (trades, plain)
}

#[test]
fn contracts_on_the_plain_paths_give_the_bytes_of_the_general_path() {
    let mut trades = 0;
    for seed in 0..24 {
        let history = history(seed);
        trades += compare(&format!("seed {seed}"), history.iter().map(|(batch, now)| (&batch[..], *now)));
    }
    assert!(trades > 5_000, "the streams trade: {trades}");
}

#[test]
fn the_mixed_stream_on_the_plain_paths_gives_the_bytes_of_the_general_path() {
    let (mut batches, mut rest) = (Vec::new(), STREAM);
    while let Some((head, tail)) = rest.split_first_chunk::<12>() {
        let now_ms = u64::from_le_bytes(head[..8].try_into().expect("eight bytes"));
        let length = u32::from_le_bytes(head[8..].try_into().expect("four bytes")) as usize;
        let (batch, next) = tail.split_at(length);
        batches.push((batch, now_ms));
        rest = next;
    }
    assert!(compare("mixed stream", batches.into_iter()) > 0, "it trades");
}

#[test]
fn mandates_are_kept_on_the_plain_paths_as_on_the_general_path() {
    let (mut trades, mut general, mut all) = (0, 0, 0);
    for seed in 0..24 {
        let history = mandated_history(seed);
        let whole = || history.iter().map(|(batch, now)| (&batch[..], *now));
        let cut = 60 + seed as usize * 7;
        let (traded, half) =
            compare_from(Kernel::new(9), Kernel::new(9), &format!("seed {seed}"), whole().take(cut));
        // What a snapshot does not hold, such as where an account's mandates are kept, is found again.
        let restored = || Kernel::restore(&half.snapshot()).expect("a snapshot restores");
        let (more, rest) =
            compare_from(restored(), restored(), &format!("seed {seed}, restored"), whole().skip(cut));
        let mut replayed = Kernel::new(9);
        for (batch, now) in whole() {
            replayed.replay(batch, now);
        }
        assert_eq!(rest.state_root(), replayed.state_root(), "seed {seed}");
        trades += traded + more;
        general += half.general_count() + rest.general_count();
        all += rest.sequence();
    }
    assert!(trades > 5_000, "the streams trade: {trades}");
    assert!(general * 4 < all * 3, "many of them are plain: {general} of {all} were not");
}
