//! The same commands give the same state and the same bytes: applied twice, replayed, cut into other batches, and continued from a
//! snapshot taken anywhere (invariants 26 and 27).

mod reference_model;

use exchange_kernel::Kernel;
use reference_model::dice::Dice;
use reference_model::harness::{self, run_seed, Run, GROUP};
use reference_model::{script, wire};

type History = Vec<(Vec<u8>, u64)>;

const SEEDS: u64 = 16;
const COMMANDS: usize = 1_500;

fn history(seed: u64) -> History {
    run_seed(seed, COMMANDS, COMMANDS).history
}

/// Everything a kernel handed out for a history, in order.
fn outputs(kernel: &mut Kernel, history: &[(Vec<u8>, u64)]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (batch, now) in history {
        kernel.apply(batch, *now);
        let out = kernel.output();
        all.push([&out.acks[..], &out.events, &out.fills, &out.orders].concat());
    }
    all
}

#[test]
fn invariant_26_equal_histories_give_equal_bytes_and_roots() {
    for seed in 0..SEEDS {
        let history = history(seed);
        let (mut one, mut two) = (Kernel::new(GROUP), Kernel::new(GROUP));
        assert_eq!(outputs(&mut one, &history), outputs(&mut two, &history), "seed {seed}");
        assert_eq!(one.state_root(), two.state_root(), "seed {seed}");
        assert_eq!(one.snapshot(), two.snapshot(), "seed {seed}");
    }
}

#[test]
fn invariant_26_replay_is_apply_without_outputs() {
    for seed in 0..SEEDS {
        let (mut applied, mut replayed) = (Kernel::new(GROUP), Kernel::new(GROUP));
        for (batch, now) in history(seed) {
            let (one, two) = (applied.apply(&batch, now), replayed.replay(&batch, now));
            assert_eq!(one, two, "seed {seed}");
            let out = replayed.output();
            let silent =
                out.acks.is_empty() && out.events.is_empty() && out.fills.is_empty() && out.orders.is_empty();
            assert!(
                silent && out.trades.is_empty() && out.transfers.is_empty(),
                "a replay builds no outputs"
            );
        }
        assert_eq!(applied.state_root(), replayed.state_root(), "seed {seed}");
    }
}

/// A history in which nearly every order is plain, and most trade: few prices, few accounts, now and then an order, an owner or a
/// mode that is not.
fn dense_history(seed: u64) -> History {
    let mut dice = Dice(seed);
    let mut history = vec![(script::opening(0).concat(), script::START_MS)];
    let mut now = script::START_MS;
    for _ in 0..120 {
        now += dice.below(40);
        let mut batch = Vec::new();
        for _ in 0..1 + dice.below(20) {
            let head = wire::Head {
                account: 16 + dice.below(8) as u32,
                market: u32::from(dice.below(8) == 0),
                key: dice.below(3) as u32,
                flags: (dice.below(2) as u8) | if dice.below(10) == 0 { wire::POST_ONLY } else { 0 },
            };
            if dice.below(5) == 0 {
                batch.extend(wire::cancel(head, 1 + dice.below(1_200), 0, b""));
                continue;
            }
            let length = dice.below(9) as usize;
            let mut body = wire::PlaceBody {
                price: 95 + dice.below(11) as i64,
                size: 1 + dice.below(30) as i64,
                stp: dice.below(3) as u8,
                client: format!("{:08}", dice.below(10_000))[..length].into(),
                ..Default::default()
            };
            match dice.below(16) {
                0 => (body.tif, body.expires) = (1, now + 1 + dice.below(90)),
                1 => body.tif = 3,
                2..=5 => body.tif = 2,
                6 => body.price = 60 + dice.below(90) as i64,
                _ => {}
            }
            batch.extend(wire::place(head, &body));
        }
        history.push((batch, now));
    }
    history
}

#[test]
fn plain_paths_give_the_bytes_of_the_general_path() {
    let mut trades = 0;
    for seed in 0..3 * SEEDS {
        let history = if seed < SEEDS { history(seed) } else { dense_history(seed) };
        let (mut plain, mut general) = (Kernel::new(GROUP), Kernel::new(GROUP));
        general.forgo_plain();
        for (at, (batch, now)) in history.iter().enumerate() {
            let (one, two) = (plain.apply(batch, *now), general.apply(batch, *now));
            assert_eq!(one, two, "seed {seed}, batch {at}");
            trades += one.trades;
            let (one, two) = (plain.output(), general.output());
            assert_eq!(one.acks, two.acks, "seed {seed}, batch {at}");
            assert_eq!(one.events, two.events, "seed {seed}, batch {at}");
            assert_eq!((&one.fills, &one.orders), (&two.fills, &two.orders), "seed {seed}, batch {at}");
            assert_eq!(one.trades, two.trades, "seed {seed}, batch {at}");
            assert_eq!(one.dirty_markets, two.dirty_markets, "seed {seed}, batch {at}");
            assert_eq!(plain.dirty_accounts(), general.dirty_accounts(), "seed {seed}, batch {at}");
        }
        assert_eq!(plain.state_root(), general.state_root(), "seed {seed}");
        assert_eq!(plain.snapshot(), general.snapshot(), "seed {seed}");
        plain.check_invariants().expect("a sound group");
    }
    assert!(trades > 5_000, "the streams trade: {trades}");
}

/// The frames of a batch one by one.
fn frames(batch: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut frames) = (batch, Vec::new());
    while !rest.is_empty() {
        let length = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
        frames.push(&rest[..length]);
        rest = &rest[length..];
    }
    frames
}

#[test]
fn invariant_26_batches_may_be_cut_anywhere() {
    for seed in 0..SEEDS {
        let (mut whole, mut cut) = (Kernel::new(GROUP), Kernel::new(GROUP));
        let mut dice = Dice(seed);
        for (batch, now) in history(seed) {
            let expected = harness::apply(&mut whole, &batch, now);
            let mut seen = harness::Seen::default();
            let frames = frames(&batch);
            let mut from = 0;
            while from < frames.len() {
                let to = from + 1 + dice.below((frames.len() - from) as u64) as usize;
                let part = harness::apply(&mut cut, &frames[from..to].concat(), now);
                seen.acks.extend(part.acks);
                seen.events.extend(part.events);
                seen.trades.extend(part.trades);
                seen.transfers.extend(part.transfers);
                seen.fill_rows.extend(part.fill_rows);
                seen.order_rows.extend(part.order_rows);
                seen.balances.extend(part.balances);
                from = to;
            }
            // Candles and balances are told once a batch; the last word is the same.
            seen.candles.clone_from(&expected.candles);
            assert_eq!(seen, expected, "seed {seed}");
            assert_eq!(whole.state_root(), cut.state_root(), "seed {seed}");
        }
    }
}

#[test]
fn invariant_27_a_snapshot_anywhere_continues_as_the_whole() {
    for seed in 0..SEEDS {
        let history = history(seed);
        let mut whole = Kernel::new(GROUP);
        let expected = outputs(&mut whole, &history);
        let mut dice = Dice(seed);
        for _ in 0..6 {
            let at = dice.below(history.len() as u64 + 1) as usize;
            let mut first = Kernel::new(GROUP);
            outputs(&mut first, &history[..at]);
            let snapshot = first.snapshot();
            let mut second = Kernel::restore(&snapshot).expect("a snapshot is restored");
            assert_eq!(second.snapshot(), snapshot, "seed {seed} at {at}: restored, then written again");
            assert_eq!((second.state_root(), second.sequence()), (first.state_root(), first.sequence()));
            assert_eq!(second.next_timer_ms(), first.next_timer_ms());
            let rest = outputs(&mut second, &history[at..]);
            assert_eq!(rest, expected[at..], "seed {seed} at {at}");
            assert_eq!(second.state_root(), whole.state_root(), "seed {seed} at {at}");
        }
    }
}

#[test]
fn invariant_27_a_kernel_restored_again_and_again_agrees_with_the_reference() {
    for seed in 300..310 {
        let mut run = Run::new(seed);
        let mut dice = Dice(seed);
        for number in 0..2_000 {
            run.step(&dice.genes());
            if number % 40 == 39 {
                run.finish();
                let snapshot = run.pair.kernel.snapshot();
                run.pair.kernel = Kernel::restore(&snapshot).expect("a snapshot is restored");
            }
        }
        run.finish();
    }
}

/// Orders by the ten thousand, so that pages of ids and chunks of remembered client ids come and go.
#[test]
fn invariant_27_long_histories_survive_a_snapshot() {
    let mut run = Run::new(5);
    let place = |n: u64, price: i64, flags: u8| {
        let account = 16 + (n % 8) as u32;
        let client = format!("n{n}").into_bytes();
        let body = wire::PlaceBody { price, size: 1, client, ..Default::default() };
        wire::place(wire::Head { account, market: 0, key: 0, flags }, &body)
    };
    let start = run.known.now;
    for n in 0..12_000u64 {
        // A bid that stays now and then, and one that is cancelled at once.
        let (mut batch, now) = (place(n, 90 + (n % 9) as i64, wire::POST_ONLY), start + n * 60_000);
        if n % 50 != 0 {
            let client = format!("n{n}");
            let head = wire::Head { account: 16 + (n % 8) as u32, market: 0, key: 0, flags: 0 };
            batch.extend(wire::cancel(head, 0, 0, client.as_bytes()));
        }
        run.send_batch(&batch, now);
    }
    run.finish();
    let snapshot = run.pair.kernel.snapshot();
    let restored = Kernel::restore(&snapshot).expect("a snapshot is restored");
    assert_eq!(restored.snapshot(), snapshot);
    run.pair.kernel = restored;
    let mut dice = Dice(5);
    (0..2_000).for_each(|_| run.step(&dice.genes()));
    run.finish();
}

/// Hashes of a fixed set of histories. They are the same in every build and on every machine; a change of the wire, the events or the
/// state changes them, and then the new ones are written with `GOLDEN=write cargo test --test replay golden`.
#[test]
fn invariant_26_golden_hashes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/replay_golden.txt");
    let mut lines = String::new();
    for seed in 0..8 {
        let mut kernel = Kernel::new(GROUP);
        let bytes = outputs(&mut kernel, &history(seed)).concat();
        let root = blake3::Hash::from(kernel.state_root());
        lines += &format!("seed {seed} events {} root {root}\n", blake3::hash(&bytes));
    }
    if std::env::var("GOLDEN").as_deref() == Ok("write") {
        std::fs::write(path, &lines).unwrap();
    }
    let golden = std::fs::read_to_string(path).expect("the golden hashes are there");
    assert_eq!(lines, golden, "events or state changed; see the comment of this test");
}
