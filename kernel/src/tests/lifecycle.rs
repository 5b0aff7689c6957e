//! Client ids, timers, transfers, phases, mass cancels.

use super::*;
use crate::clients::MEMORY_MS;
use crate::codes::{reason, state};
use crate::wire::{ALL_MARKETS, BOTH_SIDES, BUY};

fn named(client_id: &[u8]) -> PlaceOrder<'_> {
    PlaceOrder { client_id, ..limit(false, 900, 2) }
}

#[test]
fn a_client_id_acts_once_and_tells_what_became_of_it() {
    let mut group = Group::new();
    let first = group.place(MAKER, named(b"mine"));
    let again = group.place(MAKER, named(b"mine"));
    assert_eq!(Reject::of(again.code), Some(Reject::StateDuplicateClientId));
    assert_eq!((again.order_id, again.state, again.remaining), (first.order_id, state::OPEN, 2));
    group.place(TAKER, PlaceOrder { client_id: b"mine", ..limit(true, 900, 2) });
    let filled = group.place(MAKER, named(b"mine"));
    assert_eq!((filled.order_id, filled.state, filled.filled), (first.order_id, state::FILLED, 2));
    group.now_ms += MEMORY_MS + 120_000;
    group.place(MAKER, named(b"other"));
    let anew = group.place(MAKER, named(b"mine"));
    assert_eq!((anew.code, anew.state), (0, state::OPEN));
}

#[test]
fn an_open_order_is_found_by_its_client_id_however_old() {
    let mut group = Group::new();
    let id = group.place(MAKER, named(b"old")).order_id;
    group.now_ms += 2 * MEMORY_MS;
    for n in 0..10 {
        group.place(TAKER, PlaceOrder { client_id: format!("x{n}").as_bytes(), ..limit(false, 800, 1) });
    }
    let target = Target { client_id: b"old", ..Target::default() };
    let ack = group.send(|out| encode::cancel(out, head(MAKER), &target));
    assert_eq!((ack.code, ack.order_id, ack.reason), (0, id, reason::USER));
}

#[test]
fn the_dead_man_switch_cancels_everything_once() {
    let mut group = Group::new();
    group.buy(MAKER, 900, 1);
    group.sell(MAKER, 1_100, 1);
    group.buy(TAKER, 800, 1);
    group.ok(|out| encode::cancel_all_after(out, MAKER, 0, 1_000));
    group.now_ms += 999;
    group.tick();
    group.draws("1100: 1 x1\n--\n900: 1 x1\n800: 1 x1");
    group.now_ms += 1;
    group.tick();
    group.draws("--\n800: 1 x1");
    assert_eq!(group.kernel.next_timer_ms(), None);
    group.ok(|out| encode::cancel_all_after(out, TAKER, 0, 1_000));
    group.ok(|out| encode::cancel_all_after(out, TAKER, 0, 0));
    group.now_ms += 5_000;
    group.tick();
    group.draws("--\n800: 1 x1");
}

#[test]
fn mass_cancel_by_side_and_market() {
    let mut group = Group::new();
    group.buy(MAKER, 900, 1);
    group.buy(MAKER, 901, 1);
    group.sell(MAKER, 1_100, 1);
    group.buy(TAKER, 800, 1);
    let ack = group.ok(|out| encode::mass_cancel(out, head(MAKER), BUY));
    assert_eq!(ack.extra, 2);
    group.draws("1100: 1 x1\n--\n800: 1 x1");
    let all = Head { market: ALL_MARKETS, ..head(MAKER) };
    assert_eq!(group.ok(|out| encode::mass_cancel(out, all, BOTH_SIDES)).extra, 1);
    group.draws("--\n800: 1 x1");
}

#[test]
fn a_transfer_is_decided_once() {
    let mut group = Group::new();
    let now_ms = group.now_ms;
    let withdraw = |amount, id| {
        move |out: &mut Vec<u8>| {
            encode::transfer(out, kind::WITHDRAW, MAKER, USD, amount, id, now_ms);
        }
    };
    group.ok(withdraw(RICH, 900));
    assert_eq!(group.balance(MAKER, USD), (0, 0));
    group.refused(Reject::StateTransferDuplicate, withdraw(RICH, 900));
    let decided = group.kernel.output().transfers[0];
    assert_eq!((decided.transfer_id, decided.amount, decided.code), (900, -RICH, 0));
    group.refused(Reject::RiskInsufficientBalance, withdraw(1, 901));
    group.deposit(MAKER, USD, 5);
    group.refused(Reject::StateTransferDuplicate, withdraw(1, 901));
    let refused = group.kernel.output().transfers[0];
    assert_eq!(Reject::of(refused.code), Some(Reject::RiskInsufficientBalance), "the first decision stands");
}

#[test]
fn the_venue_withdraws_its_fees() {
    let mut group = Group::new();
    group.sell(MAKER, 1_000, 3);
    group.buy(TAKER, 1_000, 3);
    assert_eq!(group.reserved()[0], 68);
    let now_ms = group.now_ms;
    group.ok(|out| encode::transfer(out, kind::WITHDRAW, 1, USD, 60, 70, now_ms));
    assert_eq!(group.reserved()[0], 8);
}

#[test]
fn phases_move_as_the_table_says() {
    let mut group = Group::new();
    let id = group.buy(MAKER, 900, 1);
    group.ok(|out| encode::set_phase(out, 0, 3));
    let halted = group.place(MAKER, limit(false, 900, 1));
    assert_eq!(Reject::of(halted.code), Some(Reject::StateMarketPhase));
    assert_eq!(group.cancel(MAKER, id).code, 0, "a halt lets orders go");
    group.ok(|out| encode::set_phase(out, 0, 2));
    for price in 1..=70 {
        group.buy(MAKER, price, 1);
    }
    group.ok(|out| encode::set_phase(out, 0, 4));
    group.ok(|out| encode::set_phase(out, 0, 5));
    assert!(group.kernel.next_timer_ms().is_some());
    group.tick();
    group.tick();
    group.draws("--");
    group.ok(|out| encode::set_phase(out, 0, 6));
    assert_eq!(group.kernel.next_timer_ms(), None);
}

#[test]
fn fees_are_those_of_the_acceptance() {
    let mut group = Group::new();
    group.ok(|out| encode::set_fee_tier(out, 0, 3, -500, 500));
    group.sell(MAKER, 1_000, 1);
    group.ok(|out| encode::account(out, kind::SET_ACCOUNT, MAKER, 1, 3, 0));
    group.sell(MAKER, 1_000, 1);
    group.buy(TAKER, 1_000, 2);
    // 10,000 each: the first pays 10 as tier 0, the second earns 5 as tier 3.
    assert_eq!(group.balance(MAKER, USD).0, RICH + 20_000 - 10 + 5);
}
