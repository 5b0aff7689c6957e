//! The invariants of the design that perpetuals add, each named after its number, on random streams of one command a batch.
//! The audit runs after every command.

use proptest::prelude::*;

use super::perpetuals::{perp_head, PERP};
use super::*;
use crate::contracts::collateral::Haircut;
use crate::contracts::rules::Tier;
use crate::contracts::{Position, Risk, Rules};
use crate::encode::Head;
use crate::wire::{FOK, LIMIT};

const ACCOUNTS: [u32; 4] = [MAKER, TAKER, SIBLING, 19];
type Genes = [u16; 6];

/// What one command of an account did.
struct Seen {
    kind: u8,
    reduces: bool,
    ack: Ack,
    before: (Risk, Position, i64),
    after: (Risk, Position, i64),
}

fn pick<T: Copy>(of: &[T], gene: u16) -> T {
    of[gene as usize % of.len()]
}

fn start() -> Group {
    let mut group = Group::perpetual();
    group.ok(|out| encode::account(out, kind::OPEN_ACCOUNT, 19, 3, 0, 0));
    group.ok(|out| {
        encode::set_market_params(out, PERP, &Parameters { maker_ppm: -100, taker_ppm: 500, ..parameters() })
    });
    for account in ACCOUNTS {
        group.deposit(account, BTC, 40_000);
    }
    group.deposit(19, USD, 500_000);
    group.ok(|out| encode::set_collateral(out, 0, &[Haircut { up_to: 30_000, haircut_ppm: 150_000 }]));
    group
}

fn order(genes: &Genes, mark: i64, perpetual: bool) -> PlaceOrder<'static> {
    let market = genes[1] % 6 == 0;
    let offset = i64::from(genes[2] % 60) - 30;
    let tif = if market { pick(&[IOC, FOK], genes[3]) } else { pick(&[0, 0, 0, 0, IOC, FOK], genes[3]) };
    PlaceOrder {
        sell: genes[4] % 2 == 1,
        order_type: if market { MARKET } else { LIMIT },
        tif,
        price_ticks: if market { 0 } else { (mark + offset * mark / 500).max(1) },
        size_lots: i64::from(pick(&[1, 7, 40, 300, 900], genes[5])),
        reduce_only: perpetual && genes[3] % 5 == 4,
        post_only: !market && tif == 0 && genes[2] % 9 == 0,
        ..PlaceOrder::default()
    }
}

/// A command of `account`: its frame, and whether it is a reduce-only order.
fn command(group: &Group, account: u32, genes: &Genes) -> (Vec<u8>, bool) {
    let (mut out, head) = (Vec::new(), perp_head(account));
    let mark = group.kernel.mark(PERP as usize);
    let orders = group.kernel.funds.account_slot(account).map_or(Vec::new(), |slot| {
        let slots = group.kernel.funds.account(slot).orders.iter();
        slots
            .map(|slot| (group.kernel.slab.cold(*slot).order_id, group.kernel.slab.node(*slot).market))
            .collect()
    });
    let mine = orders.get(genes[1] as usize % orders.len().max(1)).copied().unwrap_or((9, 1));
    let there = Head { market: u32::from(mine.1), ..head };
    match genes[0] % 24 {
        0..=11 => {
            let order = order(genes, mark, true);
            encode::place(&mut out, head, &order);
            return (out, order.reduce_only);
        }
        12 | 13 => encode::place(&mut out, Head { market: 0, ..head }, &order(genes, 1_000, false)),
        14 => encode::amend(
            &mut out,
            there,
            &by_id(mine.0),
            mark + i64::from(genes[2] % 40) - 20,
            i64::from(genes[5] % 500),
            genes[3] % 2 == 0,
        ),
        15 | 16 => encode::cancel(&mut out, there, &by_id(mine.0)),
        17 => encode::set_leverage(&mut out, head, u32::from(genes[2] % 22)),
        18 => encode::set_margin_mode(&mut out, head, genes[2] % 2 == 0),
        19 => encode::move_margin(&mut out, head, i64::from(genes[2]) * 4 - 100_000),
        20 => encode::close_position(&mut out, head, 0, genes[2] % 2 == 0, 0),
        21 => {
            let (asset, id) = (pick(&[USD, USD, BTC], genes[2]), 1_000_000 + group.journal.len() as u64);
            let amount = i64::from(genes[3]) * if asset == USD { 20 } else { 1 };
            encode::transfer(&mut out, kind::WITHDRAW, account, asset, amount, id, group.now_ms);
        }
        22 => {
            let reference = mark * i64::from(980 + genes[2] % 41) / 1_000;
            let moved = Parameters { maker_ppm: -100, taker_ppm: 500, reference, ..parameters() };
            encode::set_market_params(&mut out, PERP, &moved);
        }
        _ => {
            let mut rules = Rules { count: 2, interest_low: 2_000, interest_high: 9_000, ..Rules::default() };
            rules.tiers[0] = Tier { up_to: 2_000_000, initial_ppm: 50_000, maintenance_ppm: 25_000 };
            let steep = pick(&[60_000, 100_000, 200_000], genes[2]);
            rules.tiers[1] = Tier { up_to: 1 << 40, initial_ppm: steep, maintenance_ppm: steep / 2 };
            encode::set_margin_tiers(&mut out, PERP, &rules);
        }
    }
    (out, false)
}

fn state_of(group: &Group, account: u32) -> (Risk, Position, i64) {
    let slot = group.kernel.funds.account_slot(account).expect("the account is open");
    (group.risk_of(account), group.held(account), group.kernel.withdrawable(slot))
}

/// Apply one command and audit; the waterfall may trade beside it, whatever its answer.
fn send(group: &mut Group, frame: Vec<u8>) -> Ack {
    group.kernel.apply(&frame, group.now_ms);
    group.kernel.check_invariants().expect("every step leaves a sound group");
    let ack = Ack::read(&group.kernel.output().acks);
    group.journal.push((frame, group.now_ms));
    ack
}

/// Play a stream and show what each command of an account did.
fn play(stream: &[Genes], mut check: impl FnMut(&Group, &Seen)) -> Group {
    let mut group = start();
    for genes in stream {
        let account = pick(&ACCOUNTS, genes[0] / 24);
        let (frame, reduces) = command(&group, account, genes);
        let kind = frame[2];
        let before = state_of(&group, account);
        let ack = send(&mut group, frame);
        let after = state_of(&group, account);
        check(&group, &Seen { kind, reduces, ack, before, after });
    }
    group
}

/// JSON of a simulation of `frame`.
fn simulated(kernel: &Kernel, account: u32, frame: &[u8]) -> serde_json::Value {
    let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
    let question = format!("{{\"q\":\"simulate\",\"account\":{account},\"frames\":\"{hex}\"}}");
    serde_json::from_slice(&kernel.query(question.as_bytes())).expect("an answer is JSON")
}

fn streams() -> impl Strategy<Value = Vec<Genes>> {
    prop::collection::vec(any::<Genes>(), 1..160)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariant_10_reduce_only_never_increases_or_turns(stream in streams()) {
        play(&stream, |_, seen| if seen.reduces && seen.ack.code == 0 {
            let (was, is) = (seen.before.1.lots, seen.after.1.lots);
            assert!(is.abs() <= was.abs() && is * was >= 0, "{was} became {is}");
        });
    }

    #[test]
    fn invariants_01_03_11_12_hold_after_every_command(stream in streams()) {
        // The audit checks them; at the end everything is closed and nothing is owed or left.
        let mut group = play(&stream, |_, _| {});
        for account in ACCOUNTS {
            let mut frame = Vec::new();
            encode::mass_cancel(&mut frame, Head { market: u32::MAX, ..perp_head(account) }, 2);
            send(&mut group, frame);
        }
        if group.held(crate::accounts::LIQUIDATOR).lots != 0 {
            return Ok(());
        }
        let mark = group.kernel.mark(PERP as usize);
        for account in ACCOUNTS {
            let (slot, lots) = (group.kernel.funds.account_slot(account).expect("open"), group.held(account).lots);
            if lots != 0 {
                group.kernel.move_position(slot, PERP as usize, -lots, mark);
            }
        }
        let entries: i64 = ACCOUNTS.iter().map(|account| group.held(*account).entry).sum();
        assert_eq!(entries, 0);
        group.kernel.check_invariants().expect("a closed group is sound");
    }

    #[test]
    fn invariant_14_withdrawals_leave_the_margin_and_no_unsettled_profit(stream in streams()) {
        play(&stream, |_, seen| if seen.kind == kind::WITHDRAW && seen.ack.code == 0 {
            assert!(seen.after.2 >= 0 || seen.after.2 == seen.before.2, "{:?}", seen.after);
        });
    }

    #[test]
    fn invariant_15_more_risk_only_with_the_margin_for_it(stream in streams()) {
        let operator = [kind::SET_MARKET_PARAMS, kind::SET_MARGIN_TIERS];
        play(&stream, |_, seen| {
            // What lies above the last haircut counts for nothing, and may go whatever the margin is.
            let removed = seen.kind == kind::WITHDRAW && seen.after.0.equity < seen.before.0.equity;
            let more = seen.after.0.initial > seen.before.0.initial || removed;
            // Orders beside an isolated position that shrinks lean on the account more than before; that adds no risk.
            let (was, is) = (seen.before.1, seen.after.1);
            let handed = was.isolated && is.lots.abs() < was.lots.abs() && is.lots * was.lots >= 0;
            if more && !handed && seen.ack.code == 0 && !operator.contains(&seen.kind) {
                assert!(seen.after.0.equity >= seen.after.0.initial, "{} {:?}: {:?} to {:?}", seen.kind, seen.ack, seen.before, seen.after);
            }
        });
    }

    #[test]
    fn invariant_27_a_snapshot_continues_as_the_whole(stream in streams(), cut in 0usize..160) {
        let group = play(&stream, |_, _| {});
        let cut = cut.min(group.journal.len());
        let mut first = Kernel::new(7);
        for (frame, now_ms) in &group.journal[..cut] {
            first.replay(frame, *now_ms);
        }
        let mut second = Kernel::restore(&first.snapshot()).expect("a snapshot restores");
        for (frame, now_ms) in &group.journal[cut..] {
            second.replay(frame, *now_ms);
        }
        assert_eq!(second.state_root(), group.kernel.state_root());
    }

    #[test]
    fn a_simulation_tells_what_the_command_then_does(stream in streams(), last in any::<Genes>()) {
        let mut group = play(&stream, |_, _| {});
        // A simulation tells of the command alone, not of the liquidations that were due before it.
        while group.kernel.next_timer_ms().is_some_and(|at_ms| at_ms <= group.now_ms) {
            let mut tick = Vec::new();
            encode::tick(&mut tick);
            send(&mut group, tick);
        }
        let account = pick(&ACCOUNTS, last[0] / 24);
        let (frame, _) = command(&group, account, &last);
        let (root, told) = (group.kernel.state_root(), simulated(&group.kernel, account, &frame));
        assert_eq!(root, group.kernel.state_root(), "a simulation changes nothing");
        let ack = send(&mut group, frame);
        assert_eq!(told["acks"][0]["code"], ack.code);
        assert_eq!(told["acks"][0]["filled_lots"], ack.filled);
        let risk = group.risk_of(account);
        for (name, value) in [("equity", risk.equity), ("initial", risk.initial), ("maintenance", risk.maintenance)] {
            assert_eq!(told["after"][name], value, "{name}");
        }
    }
}
