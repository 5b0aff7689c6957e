//! Outcome markets: prices of 10,000 ticks to a contract, one lot is one contract of 1,000,000 units, so a tick of a lot is
//! 100 units. Market 0 is spot; an event's markets follow it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::rejects::check;
use super::*;
use crate::codes::{phase, reason};
use crate::contracts::{NO_ASSET, OUTCOME};
use crate::encode::NewEvent;
use crate::events::Body;
use crate::wire::{ALL_MARKETS, IOC};

/// Units one winning lot pays, and units of one tick of a lot.
const UNIT: i64 = 1_000_000;
const TICK: i64 = 100;
/// What each of the cast has.
const PURSE: i64 = 100 * UNIT;
const NONE: u16 = u16::MAX;

fn at(account: u32, market: u32) -> Head {
    Head { account, market, key: 5 }
}

impl Group {
    /// The cast with a purse each, and one event: `outcomes` of them, without fees.
    pub fn event(outcomes: u16) -> Group {
        Group::event_with(outcomes, outcomes, NONE, 0, (0, 0))
    }

    fn event_with(outcomes: u16, books: u16, fallback: u16, flags: u8, fees: (i32, i32)) -> Group {
        let mut group = Group::bare();
        for (account, owner) in [(MAKER, 1), (TAKER, 2), (SIBLING, 3)] {
            group.ok(|out| encode::account(out, kind::OPEN_ACCOUNT, account, owner, 0, 0));
            group.deposit(account, USD, PURSE);
        }
        for market in 1..=u32::from(books) {
            group.list_outcome(market, fees);
        }
        let event = NewEvent { event: 0, first_market: 1, outcomes, fallback, flags, close_ms: 0 };
        group.ok(|out| encode::add_event(out, &event));
        for market in 1..=u32::from(books) {
            group.ok(|out| encode::set_phase(out, market, phase::OPEN));
        }
        group
    }

    pub fn list_outcome(&mut self, market: u32, (maker_ppm, taker_ppm): (i32, i32)) {
        let listing = Listing {
            kind: OUTCOME,
            base: NO_ASSET,
            quote: USD,
            lot_size: 1,
            tick_quote: TICK,
            payout_ticks: 10_000,
            symbol: b"EVENT-OUTCOME",
        };
        let parameters = Parameters { reference: 0, band_ppm: 0, maker_ppm, taker_ppm, ..parameters() };
        self.ok(|out| encode::add_market(out, market, &listing, &parameters));
    }

    pub fn bet(&mut self, account: u32, market: u32, order: PlaceOrder) -> Ack {
        self.send(|out| encode::place(out, at(account, market), &order))
    }

    /// One buys from the other at a price.
    pub fn deal(&mut self, market: u32, buyer: u32, seller: u32, price: i64, lots: i64) {
        let rested = self.bet(buyer, market, limit(false, price, lots));
        assert_eq!((rested.code, rested.state), (0, 1), "the bid rests");
        let taken = self.bet(seller, market, limit(true, price, lots));
        assert_eq!((taken.code, taken.filled), (0, lots), "the sell takes it");
    }

    pub fn ask(&self, question: &str) -> Value {
        serde_json::from_slice(&self.kernel.query(question.as_bytes())).expect("an answer is JSON")
    }

    pub fn event_state(&self, event: u32) -> String {
        self.ask(&format!(r#"{{"q":"event","event":{event}}}"#))["event"]["state_name"]
            .as_str()
            .unwrap_or("")
            .into()
    }

    /// (cash, worst case of all outcomes, what open outcome orders may cost beyond it), in units.
    pub fn outcome_money(&self, account: u32) -> (i64, i64, i64) {
        let slot = self.kernel.funds.account_slot(account).expect("the account is open");
        let margin = self.kernel.funds.margin(slot);
        let (worst, open) = margin.map_or((0, 0), |margin| (margin.outcomes, margin.outcome_open));
        (self.balance(account, USD).0, worst, open)
    }

    pub fn lots(&self, account: u32, market: u32) -> i64 {
        let slot = self.kernel.funds.account_slot(account).expect("the account is open");
        let contract = &self.kernel.markets[market as usize].contract;
        self.kernel
            .outcomes
            .holding(slot, contract.event)
            .map_or(0, |held| held.lots(contract.outcome as usize))
    }

    pub fn resolve(&mut self, event: u32, payouts: &[(u16, u32)], is_final: bool) -> Ack {
        self.send(|out| encode::resolve_event(out, event, payouts, is_final))
    }

    /// Ticks until the kernel has nothing left to do by itself.
    pub fn work_off(&mut self) -> u32 {
        let mut ticks = 0;
        while self.kernel.next_timer_ms() == Some(0) {
            self.tick();
            ticks += 1;
        }
        ticks
    }

    fn cash(&self) -> [i64; 3] {
        [MAKER, TAKER, SIBLING].map(|account| self.balance(account, USD).0)
    }
}

#[test]
fn a_buy_moves_its_price_and_a_sale_is_covered_by_its_worst_case() {
    let mut group = Group::event(2);
    group.deal(1, TAKER, MAKER, 6_000, 10);
    assert_eq!(
        group.outcome_money(TAKER),
        (PURSE - 6 * UNIT, 0, 0),
        "6.00 into a holding that may be worth nothing"
    );
    assert_eq!(
        group.outcome_money(MAKER),
        (PURSE + 6 * UNIT, -10 * UNIT, 0),
        "6.00 of cash and a worst case of -10"
    );
}

/// Invariant 21: contracts of an outcome sum to zero, prices lie within a tick of 0 and 1, and no more is sold than covered.
#[test]
fn invariant_21_what_is_owed_is_covered() {
    let mut group = Group::event(3);
    // A purse of 100 carries 250 short at 0.60: each brings 0.60 and may cost 1.
    group.refused(Reject::RiskInsufficientBalance, |out| {
        encode::place(out, at(MAKER, 1), &limit(true, 6_000, 251));
    });
    assert_eq!(group.bet(MAKER, 1, limit(true, 6_000, 250)).code, 0);
    group.refused(Reject::RiskInsufficientBalance, |out| {
        encode::place(out, at(MAKER, 2), &limit(false, 1, 1))
    });
    assert_eq!(group.bet(MAKER, 1, limit(false, 1, 1)).code, 0, "a buy of the same outcome only hedges");
    for price in [10_000, 10_001] {
        group.refused(Reject::InputPrice, |out| encode::place(out, at(TAKER, 1), &limit(false, price, 1)));
    }
    group.deal(2, TAKER, SIBLING, 9_999, 1);
    group.deal(2, TAKER, SIBLING, 1, 1);
    assert_eq!(group.lots(TAKER, 2) + group.lots(SIBLING, 2), 0);
}

#[test]
fn selling_every_outcome_owes_one_payout() {
    let mut group = Group::event(3);
    let mut released = Vec::new();
    for (market, price) in [(1, 5_000), (2, 3_000), (3, 2_000)] {
        group.deal(market, TAKER, MAKER, price, 10);
        let (cash, worst, _) = group.outcome_money(MAKER);
        released.push((cash - PURSE + worst) / UNIT);
    }
    // Short A is -10 + 5; each further one brings its price and owes nothing more.
    assert_eq!(released, [-5, -2, 0], "capital comes back at once");
    // Seen as No of all three, which cost 0.5 + 0.7 + 0.8 and of which two pay: worth n - 1.
    assert_eq!(group.outcome_money(MAKER), (PURSE + 10 * UNIT, -10 * UNIT, 0));
    // The buyer of all three holds ten complete sets, which are worth ten whichever wins.
    assert_eq!(group.outcome_money(TAKER), (PURSE - 10 * UNIT, 10 * UNIT, 0));
}

#[test]
fn released_capital_can_be_used_at_once() {
    let mut group = Group::event(3);
    // 200 lots short at 0.50 bind the whole purse.
    group.deal(1, TAKER, MAKER, 5_000, 100);
    group.deal(1, SIBLING, MAKER, 5_000, 100);
    group.refused(Reject::RiskInsufficientBalance, |out| {
        encode::place(out, at(MAKER, 1), &limit(true, 5_000, 1))
    });
    // Short of another outcome as well binds nothing more: both cannot win.
    assert_eq!(group.bet(MAKER, 2, limit(true, 3_000, 200)).code, 0);
    assert_eq!(group.outcome_money(MAKER).2, 0, "an order that only hedges reserves nothing");
}

#[test]
fn open_orders_reserve_their_worst_subset() {
    // (market, sell, price, lots) -> reserved units after it, in hundredths of a contract
    let steps = [
        (1, false, 6_000, 10, 600),
        (2, false, 3_000, 10, 900),
        // if A wins the sell loses 3 and the buy of B its 3, which is less than both buys if C does
        (1, true, 7_000, 10, 900),
        // if B wins this loses 6, and the buy of A its 6; that the buy of B fills cannot be hoped for
        (2, true, 4_000, 10, 1_200),
    ];
    let mut group = Group::event(3);
    for (market, sell, price, lots, reserved) in steps {
        assert_eq!(group.bet(MAKER, market, limit(sell, price, lots)).code, 0);
        assert_eq!(group.outcome_money(MAKER), (PURSE, 0, reserved * UNIT / 100));
    }
    group.ok(|out| encode::mass_cancel(out, Head { market: ALL_MARKETS, ..head(MAKER) }, 2));
    assert_eq!(group.outcome_money(MAKER), (PURSE, 0, 0));
}

#[test]
fn no_is_the_other_side_of_the_same_book() {
    let mut group = Group::event_with(2, 1, NONE, 1, (0, 0));
    let no = |sell, price, lots| PlaceOrder { no: true, ..limit(sell, price, lots) };
    assert_eq!(group.bet(MAKER, 1, no(false, 4_500, 10)).state, 1, "to buy No at 0.45");
    let events = group.events();
    let Body::Order(order) = &events[0].body else { panic!("an order event") };
    assert_eq!((order.price_ticks, order.flags), (5_500, 1 | 32), "is to sell Yes at 0.55, and is told so");
    let taken = group.bet(TAKER, 1, limit(false, 5_500, 10));
    assert_eq!((taken.filled, group.lots(TAKER, 1), group.lots(MAKER, 1)), (10, 10, -10));
    assert_eq!(group.outcome_money(MAKER), (PURSE + 11 * UNIT / 2, -10 * UNIT, 0), "4.50 are at stake");
    let id = group.bet(MAKER, 1, no(true, 6_000, 10)).order_id;
    assert_eq!(group.outcome_money(MAKER).2, 0, "it closes what he has");
    let amended = group.send(|out| encode::amend_no(out, at(MAKER, 1), &by_id(id), 6_500, 0, false));
    assert_eq!((amended.code, amended.state), (0, 1));
    assert_eq!(group.kernel.markets[1].book.best_bid(), 3_500, "Yes and No bids together are at most one");
    group.refused(Reject::InputPrice, |out| encode::place(out, at(MAKER, 1), &no(false, 10_000, 1)));
}

#[test]
fn sets_are_made_from_cash_and_turned_back() {
    let mut group = Group::event(3);
    group.ok(|out| encode::sets(out, kind::SPLIT, head(MAKER), 0, 10));
    assert_eq!(group.outcome_money(MAKER), (PURSE - 10 * UNIT, 10 * UNIT, 0), "worth what it cost");
    group.deal(1, TAKER, MAKER, 5_000, 4);
    group.refused(Reject::StateSets, |out| encode::sets(out, kind::MERGE, head(MAKER), 0, 7));
    group.ok(|out| encode::sets(out, kind::MERGE, head(MAKER), 0, 6));
    assert_eq!([1, 2, 3].map(|market| group.lots(MAKER, market)), [0, 4, 4]);
    assert_eq!(group.outcome_money(MAKER), (PURSE - 2 * UNIT, 0, 0));
    group.refused(Reject::RiskInsufficientBalance, |out| encode::sets(out, kind::SPLIT, head(MAKER), 0, 99));
    // Who bought every outcome from sellers merges as well: the pot then holds what they owe.
    for (market, price) in [(2, 3_000), (3, 2_000)] {
        group.deal(market, TAKER, SIBLING, price, 4);
    }
    group.ok(|out| encode::sets(out, kind::MERGE, head(TAKER), 0, 4));
    assert_eq!(group.outcome_money(TAKER), (PURSE, 0, 0), "bought for 0.5, 0.3 and 0.2");
    assert_eq!(group.resolve(0, &[(2, 10_000)], true).code, 0);
    group.work_off();
    // The maker sold 4 A for 0.5 and holds 4 B and 4 C; the sibling owes 4 C and was paid 0.5 for both.
    assert_eq!(group.cash(), [PURSE + 2 * UNIT, PURSE, PURSE - 2 * UNIT]);
}

/// Invariant 22: each contract is paid once, longs exactly what shorts owe; no trade after the close; what is final is final.
#[test]
fn invariant_22_a_resolution_pays_once() {
    let mut group = Group::event(3);
    group.deal(1, TAKER, MAKER, 6_000, 10);
    group.deal(2, SIBLING, MAKER, 3_000, 5);
    group.bet(TAKER, 3, limit(false, 100, 7));
    assert_eq!(group.resolve(0, &[(0, 10_000)], true).code, 0);
    let closed = group.events().len();
    assert_eq!(closed, 0, "payment begins with the next command");
    group.tick();
    group.refused(Reject::StateMarketPhase, |out| encode::place(out, at(MAKER, 1), &limit(false, 5_000, 1)));
    assert_eq!(group.event_state(0), "settled", "few holders are paid in one step");
    assert_eq!(
        group.cash(),
        [PURSE + 6 * UNIT + 3 * UNIT / 2 - 10 * UNIT, PURSE + 4 * UNIT, PURSE - 3 * UNIT / 2]
    );
    assert_eq!([MAKER, TAKER, SIBLING].map(|account| group.outcome_money(account).1), [0; 3]);
    for phase in group.kernel.markets[1..].iter().map(|market| market.phase) {
        assert_eq!(phase, phase::SETTLED);
    }
    let again = group.resolve(0, &[(1, 10_000)], true);
    assert_eq!(Reject::of(again.code), Some(Reject::StateEventState));
}

#[test]
fn settlement_is_told_to_each_holder() {
    let mut group = Group::event(2);
    group.deal(1, TAKER, MAKER, 6_000, 10);
    group.bet(MAKER, 2, limit(true, 9_000, 3));
    group.resolve(0, &[(0, 2_500), (1, 7_500)], true);
    group.tick();
    let mut told = Vec::new();
    for event in group.events() {
        match event.body {
            Body::Order(order) => assert_eq!((order.state, order.reason), (3, reason::RESOLVED)),
            Body::Settlement(paid) => {
                told.push((event.account, paid.market, paid.size_lots, paid.payout_ticks, paid.amount))
            }
            _ => {}
        }
    }
    let half = 5 * UNIT / 2;
    assert_eq!(
        told,
        [(TAKER, 1, 10, 2_500, half), (MAKER, 1, -10, 2_500, -half)],
        "in the order they came in"
    );
    assert_eq!(group.kernel.output().bills.count, 2);
}

#[test]
fn a_result_is_corrected_inside_the_window() {
    let mut group = Group::event(3);
    group.deal(1, TAKER, MAKER, 6_000, 10);
    assert_eq!(group.resolve(0, &[(0, 10_000)], false).code, 0, "home won, says the first report");
    group.work_off();
    assert_eq!(
        (group.event_state(0).as_str(), group.cash()[1]),
        ("proposed", PURSE - 6 * UNIT),
        "nothing is paid"
    );
    group.refused(Reject::StateMarketPhase, |out| encode::place(out, at(SIBLING, 1), &limit(true, 9_000, 1)));
    assert_eq!(group.resolve(0, &[(1, 10_000)], false).code, 0, "no, it was a draw");
    assert_eq!(group.resolve(0, &[(1, 10_000)], true).code, 0, "the window has passed");
    group.work_off();
    assert_eq!(group.cash(), [PURSE + 6 * UNIT, PURSE - 6 * UNIT, PURSE]);
    group.refused(Reject::StateEventState, |out| encode::void_event(out, 0, true));
}

#[test]
fn a_void_pays_last_fair_prices_that_sum_to_one() {
    let mut group = Group::event(3);
    group.deal(1, TAKER, MAKER, 6_000, 10);
    group.deal(2, TAKER, MAKER, 3_000, 10);
    group.bet(MAKER, 2, limit(true, 3_600, 1));
    group.bet(TAKER, 2, limit(false, 3_400, 1));
    // Fair: A last 0.60, B middle 0.35, C nobody has priced: what is left of one, 0.05.
    group.ok(|out| encode::void_event(out, 0, true));
    group.work_off();
    let answer = group.ask(r#"{"q":"event","event":0}"#);
    let payouts: Vec<_> = (0..3).map(|at| answer["event"]["outcomes"][at]["payout_ticks"].as_i64()).collect();
    assert_eq!(payouts, [Some(6_000), Some(3_500), Some(500)]);
    assert_eq!(group.cash(), [PURSE - UNIT / 2, PURSE + UNIT / 2, PURSE]);
}

#[test]
fn a_void_of_prices_beyond_one_is_scaled() {
    let mut group = Group::event(2);
    group.deal(1, TAKER, MAKER, 7_500, 4);
    group.deal(2, TAKER, MAKER, 7_500, 4);
    group.ok(|out| encode::void_event(out, 0, false));
    group.ok(|out| encode::void_event(out, 0, true));
    group.work_off();
    assert_eq!(
        group.cash(),
        [PURSE + 2 * UNIT, PURSE - 2 * UNIT, PURSE],
        "1.50 were paid for what is worth one"
    );
}

#[test]
fn one_print_at_a_tenth_of_a_cent_settles_nothing() {
    let mut group = Group::event_with(2, 1, NONE, 1, (0, 0));
    group.deal(1, TAKER, MAKER, 6_000, 100);
    let before = [MAKER, TAKER].map(|account| group.outcome_money(account));
    // SIBLING sells at 0.0001 to a stale bid: nobody's cover moves, because it never rested on the price.
    group.deal(1, TAKER, SIBLING, 1, 1);
    assert_eq!(group.outcome_money(MAKER), before[0]);
    assert_eq!(group.outcome_money(TAKER), (before[1].0 - TICK, 0, 0));
    assert_eq!(group.outcome_money(SIBLING), (PURSE + TICK, -UNIT, 0));
    // The fair price is moved back into the book before it is anybody's payout.
    group.bet(MAKER, 1, limit(true, 6_200, 1));
    group.bet(MAKER, 1, limit(false, 5_800, 1));
    assert_eq!(group.kernel.fair_price(1), Some(6_000));
}

#[test]
fn a_late_outcome_comes_out_of_the_fallback() {
    let mut group = Group::event_with(3, 3, 2, 0, (0, 0));
    group.deal(3, TAKER, MAKER, 4_000, 10);
    group.deal(1, SIBLING, MAKER, 3_000, 5);
    group.ok(|out| encode::sets(out, kind::SPLIT, head(SIBLING), 0, 2));
    group.bet(TAKER, 3, limit(false, 3_900, 5));
    let before = [MAKER, TAKER, SIBLING].map(|account| group.outcome_money(account));
    group.list_outcome(4, (0, 0));
    group.ok(|out| encode::add_outcome(out, 4, 0));
    group.refused(Reject::StateMarketPhase, |out| encode::place(out, at(MAKER, 3), &limit(true, 4_000, 1)));
    group.work_off();
    let after = [MAKER, TAKER, SIBLING].map(|account| group.outcome_money(account));
    assert_eq!(
        after.map(|money| (money.0, money.1)),
        before.map(|money| (money.0, money.1)),
        "nobody's value changes"
    );
    assert_eq!(after[1].2, 0, "orders of the fallback are gone");
    assert_eq!([MAKER, TAKER, SIBLING].map(|account| group.lots(account, 4)), [-10, 10, 2]);
    for market in [3, 4] {
        group.ok(|out| encode::set_phase(out, market, phase::OPEN));
    }
    group.deal(4, SIBLING, TAKER, 2_500, 10);
    assert_eq!(group.resolve(0, &[(3, 10_000)], true).code, 0);
    group.work_off();
    let maker = PURSE + 4 * UNIT + 3 * UNIT / 2 - 10 * UNIT;
    let taker = PURSE - 4 * UNIT + 5 * UNIT / 2;
    assert_eq!(group.cash(), [maker, taker, PURSE - 3 * UNIT / 2 - 2 * UNIT - 5 * UNIT / 2 + 12 * UNIT]);
}

#[test]
fn a_scalar_pays_a_fraction() {
    let mut group = Group::event_with(2, 1, NONE, 3, (0, 0));
    group.deal(1, TAKER, MAKER, 5_000, 8);
    assert_eq!(group.resolve(0, &[(0, 6_250), (1, 3_750)], true).code, 0);
    group.work_off();
    assert_eq!(group.cash(), [PURSE - UNIT, PURSE + UNIT, PURSE], "long of eight from 0.5 to 0.625");
}

#[test]
fn fees_are_largest_where_the_outcome_is_least_certain() {
    let mut group = Group::event_with(2, 2, NONE, 0, (10_000, 70_000));
    // (price, lots) -> maker's and taker's fee: rate * p * (1 - p) * lots
    for (price, maker, taker) in [(5_000, 2_500, 17_500), (9_000, 900, 6_300), (100, 99, 693), (1, 1, 7)] {
        let before = group.cash();
        group.deal(1, MAKER, TAKER, price, 1);
        let paid = price * TICK;
        assert_eq!(group.cash()[0] - before[0], -paid - maker, "the maker bought");
        assert_eq!(group.cash()[1] - before[1], paid - taker, "the taker sold");
    }
}

#[test]
fn an_event_closes_by_itself_and_early() {
    let mut group = Group::event(2);
    group.bet(MAKER, 1, limit(false, 5_000, 1));
    let close_ms = group.now_ms + 60_000;
    group.ok(|out| encode::close_event(out, 0, close_ms));
    group.now_ms = close_ms - 1;
    group.tick();
    assert_eq!(group.event_state(0), "trading");
    group.now_ms = close_ms;
    group.tick();
    group.work_off();
    assert_eq!(
        (group.event_state(0).as_str(), group.outcome_money(MAKER).2),
        ("closed", 0),
        "its orders are gone"
    );
    group.refused(Reject::StateMarketPhase, |out| encode::place(out, at(MAKER, 1), &limit(false, 5_000, 1)));
    group.refused(Reject::StatePhaseMove, |out| encode::set_phase(out, 1, phase::SETTLING));
    let mut early = Group::event(2);
    early.ok(|out| encode::close_event(out, 0, 0));
    assert_eq!(early.event_state(0), "closed");
}

#[test]
fn cancels_and_payments_are_bounded_per_command() {
    let mut group = Group::event(2);
    let many: Vec<u32> = (100..400).collect();
    for account in &many {
        group.ok(|out| encode::account(out, kind::OPEN_ACCOUNT, *account, u64::from(*account), 0, 0));
        group.deposit(*account, USD, 10 * UNIT);
    }
    for pair in many.chunks(2) {
        group.deal(1, pair[0], pair[1], 5_000, 1);
        group.bet(pair[0], 2, limit(false, 100, 1));
    }
    group.resolve(0, &[(0, 10_000)], true);
    let mut most = 0;
    while group.event_state(0) != "settled" {
        group.tick();
        most = most.max(group.events().len());
    }
    // 64 steps of a cancel, or of payments to 64 holders each; every event of this batch is one of these.
    assert!(most <= 64 * 64 * 2, "{most} events in one command");
    for pair in many.chunks(2) {
        assert_eq!(
            [pair[0], pair[1]].map(|account| group.balance(account, USD).0),
            [21 * UNIT / 2, 19 * UNIT / 2]
        );
    }
}

#[test]
fn reduce_only_never_grows_or_turns_a_position() {
    let mut group = Group::event(2);
    group.deal(1, TAKER, MAKER, 6_000, 10);
    let reduce = |sell, price, lots| PlaceOrder { reduce_only: true, ..limit(sell, price, lots) };
    group.refused(Reject::RiskReduceOnly, |out| encode::place(out, at(TAKER, 1), &reduce(true, 7_000, 11)));
    group.refused(Reject::RiskReduceOnly, |out| encode::place(out, at(TAKER, 1), &reduce(false, 5_000, 1)));
    let id = group.bet(TAKER, 1, reduce(true, 7_000, 10)).order_id;
    group.deal(1, SIBLING, TAKER, 6_500, 4);
    let answer = group.ask(&format!(r#"{{"q":"order","account":{TAKER},"order_id":{id}}}"#));
    assert_eq!(answer["order"]["remaining_lots"], 6, "it shrinks with the position");
    group.deal(1, SIBLING, TAKER, 6_500, 6);
    assert!(group.kernel.markets[1].book.orders() == 0, "and goes with it");
}

#[test]
fn a_restored_group_goes_on_alike() {
    let mut group = Group::event_with(3, 3, 2, 0, (100, 500));
    group.deal(1, TAKER, MAKER, 6_000, 10);
    group.ok(|out| encode::sets(out, kind::SPLIT, head(SIBLING), 0, 5));
    group.bet(TAKER, 2, limit(false, 2_000, 3));
    group.bet(MAKER, 3, PlaceOrder { no: true, ..limit(false, 7_000, 2) });
    group.list_outcome(4, (0, 0));
    let close_ms = group.now_ms + 1_000;
    group.ok(|out| encode::close_event(out, 0, close_ms));
    group.ok(|out| encode::add_outcome(out, 4, 0));
    for step in 0..6 {
        let bytes = group.kernel.snapshot();
        let mut restored = Kernel::restore(&bytes).expect("a whole snapshot");
        assert_eq!(restored.snapshot(), bytes);
        group.now_ms += 300;
        match step {
            0..=3 => group.tick(),
            4 => group.resolve(0, &[(3, 10_000)], false),
            _ => group.resolve(0, &[(1, 4_000), (3, 6_000)], true),
        };
        let (frame, now_ms) = group.journal.last().expect("a command").clone();
        restored.replay(&frame, now_ms);
        assert_eq!(restored.state_root(), group.kernel.state_root(), "after step {step}");
    }
    group.work_off();
    assert_eq!(group.event_state(0), "settled");
}

#[test]
fn an_account_shows_its_outcomes() {
    let mut group = Group::event(3);
    group.deal(1, TAKER, MAKER, 6_000, 10);
    group.bet(TAKER, 2, PlaceOrder { tif: IOC, ..limit(false, 100, 1) });
    let answer = group.ask(&format!(r#"{{"q":"account","account":{TAKER}}}"#));
    let held = &answer["outcomes"][0];
    assert_eq!(
        (&held["event"], &held["worst"], &held["positions"][0]["lots"]),
        (&0.into(), &0.into(), &10.into())
    );
    assert_eq!(held["positions"][0]["entry"], 6 * UNIT);
    let other = group.ask(&format!(r#"{{"q":"account","account":{MAKER}}}"#));
    assert_eq!(other["outcomes"][0]["positions"][0]["entry"], -6 * UNIT, "a short was sold for its entry");
    let answer = group.ask(r#"{"q":"events"}"#);
    assert_eq!(
        (&answer["events"][0]["outcome_count"], &answer["events"][0]["holders"]),
        (&3.into(), &2.into())
    );
}

/// Every reject of outcome markets, for the test that all are reachable.
pub fn rejects(seen: &mut BTreeSet<Reject>) {
    let group = &mut Group::event(2);
    check(group, seen, Reject::StateEventUnknown, |out| encode::close_event(out, 7, 0));
    check(group, seen, Reject::StatePayouts, |out| encode::resolve_event(out, 0, &[(0, 9_999)], true));
    check(group, seen, Reject::StatePayouts, |out| encode::resolve_event(out, 0, &[(2, 10_000)], true));
    check(group, seen, Reject::StateSets, |out| encode::sets(out, kind::MERGE, head(MAKER), 0, 1));
    check(group, seen, Reject::StateNoFallback, |out| encode::add_outcome(out, 1, 0));
    let event = NewEvent { event: 1, first_market: 1, outcomes: 2, fallback: NONE, flags: 0, close_ms: 0 };
    check(group, seen, Reject::StateEventMarkets, |out| encode::add_event(out, &event));
    group.resolve(0, &[(0, 10_000)], false);
    check(group, seen, Reject::StateEventState, |out| encode::close_event(out, 0, 0));
    busy(seen);
}

/// While the orders of the fallback are still being cancelled, the event is busy with its late outcome.
fn busy(seen: &mut BTreeSet<Reject>) {
    let group = &mut Group::event_with(2, 2, 1, 0, (0, 0));
    for price in 1..=99 {
        group.bet(MAKER, 2, limit(false, price, 1));
    }
    group.list_outcome(3, (0, 0));
    group.ok(|out| encode::add_outcome(out, 3, 0));
    check(group, seen, Reject::StateEventBusy, |out| encode::resolve_event(out, 0, &[(0, 10_000)], true));
}
