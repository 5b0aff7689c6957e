//! Perpetuals: positions, entries, margin of orders, reduce-only, tiers, isolated margin, withdrawals. Prices in ticks of 10
//! units, so a lot at 1,000 is worth 10,000 units; the tier of the test market is 5% initial and 2.5% maintenance.

use std::collections::BTreeSet;

use super::rejects::check;
use super::*;
use crate::contracts::collateral::Haircut;
use crate::contracts::rules::Tier;
use crate::contracts::{Position, Risk, Rules, NO_ASSET, PERPETUAL};
use crate::encode;
use crate::events::Body;

/// The perpetual market of these tests; market 0 is spot.
pub const PERP: u32 = 1;

pub fn perp_head(account: u32) -> Head {
    Head { account, market: PERP, key: 5 }
}

impl Group {
    /// The cast with 1,000,000 units each and a perpetual at 1,000, no fees.
    pub fn perpetual() -> Group {
        let mut group = Group::bare();
        group.list_perpetual(0, 0);
        for (account, owner) in [(MAKER, 1), (TAKER, 2), (SIBLING, 1)] {
            group.ok(|out| encode::account(out, kind::OPEN_ACCOUNT, account, owner, 0, 0));
            group.deposit(account, USD, 1_000_000);
        }
        group
    }

    pub fn list_perpetual(&mut self, maker_ppm: i32, taker_ppm: i32) {
        let listing = Listing {
            kind: PERPETUAL,
            base: NO_ASSET,
            quote: USD,
            lot_size: 1,
            tick_quote: 10,
            payout_ticks: 0,
            symbol: b"BTC-USD-SWAP",
        };
        let parameters = Parameters { maker_ppm, taker_ppm, ..parameters() };
        self.ok(|out| encode::add_market(out, PERP, &listing, &parameters));
        self.ok(|out| encode::set_phase(out, PERP, 2));
    }

    pub fn perp(&mut self, account: u32, order: PlaceOrder) -> Ack {
        self.send(|out| encode::place(out, perp_head(account), &order))
    }

    /// Taker buys (or sells) from maker at a price.
    pub fn trade(&mut self, buyer: u32, seller: u32, price: i64, lots: i64) {
        let rested = self.perp(buyer, limit(false, price, lots));
        assert_eq!((rested.code, rested.state), (0, 1), "the bid rests");
        let taken = self.perp(seller, limit(true, price, lots));
        assert_eq!((taken.code, taken.filled), (0, lots), "the sell takes it");
    }

    pub fn mark(&mut self, mark: i64) {
        self.kernel.on_mark(PERP as usize, mark);
        self.kernel.check_invariants().expect("a mark update leaves a sound group");
    }

    pub fn held(&self, account: u32) -> Position {
        let slot = self.kernel.funds.account_slot(account).expect("the account is open");
        self.kernel.position(slot, PERP as usize).copied().unwrap_or_default()
    }

    pub fn risk_of(&self, account: u32) -> Risk {
        let slot = self.kernel.funds.account_slot(account).expect("the account is open");
        self.kernel.risk(slot)
    }
}

#[test]
fn a_position_opens_grows_shrinks_and_turns() {
    // (buyer, price, lots) -> taker's lots, entry and cash
    let steps = [
        (TAKER, 1_000, 10, 10, 100_000, 1_000_000),
        (TAKER, 1_100, 5, 15, 155_000, 1_000_000),
        // a third leaves: ceil(155,000 / 3) = 51,667 of the entry; sold for 55,000
        (MAKER, 1_100, 5, 10, 103_333, 1_003_333),
        // all of it and 5 more
        (MAKER, 1_000, 15, -5, -50_000, 1_000_000),
        (TAKER, 900, 5, 0, 0, 1_005_000),
    ];
    let mut group = Group::perpetual();
    for (buyer, price, lots, held, entry, cash) in steps {
        let seller = if buyer == TAKER { MAKER } else { TAKER };
        group.trade(buyer, seller, price, lots);
        let position = group.held(TAKER);
        assert_eq!((position.lots, position.entry, group.balance(TAKER, USD).0), (held, entry, cash));
        assert_eq!(group.held(MAKER).lots, -held);
    }
    assert_eq!(group.balance(MAKER, USD).0, 995_000);
}

#[test]
fn equity_and_margins_follow_the_mark() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 100);
    // (mark, taker's equity, initial at 10x, maintenance at 2.5%)
    for (mark, equity, initial, maintenance) in [
        (1_000, 1_000_000, 100_000, 25_000),
        (1_100, 1_100_000, 110_000, 27_500),
        (550, 550_000, 55_000, 13_750),
    ] {
        group.mark(mark);
        assert_eq!(group.risk_of(TAKER), Risk { equity, initial, maintenance });
    }
}

#[test]
fn an_order_beyond_the_margin_is_refused_and_moves_nothing() {
    let mut group = Group::perpetual();
    // 10x of 1,000,000 is 1,000 lots at 1,000; the loss against mark at 1,010 would be 100 a lot.
    group
        .refused(Reject::RiskMargin, |out| encode::place(out, perp_head(TAKER), &limit(false, 1_000, 1_001)));
    group
        .refused(Reject::RiskMargin, |out| encode::place(out, perp_head(TAKER), &limit(false, 1_010, 1_000)));
    group.ok(|out| encode::place(out, perp_head(TAKER), &limit(false, 1_000, 1_000)));
    // The other side needs no more: the worst side counts.
    group.ok(|out| encode::place(out, perp_head(TAKER), &limit(true, 1_001, 1_000)));
    group.refused(Reject::RiskMargin, |out| encode::place(out, perp_head(TAKER), &limit(true, 1_002, 1)));
}

#[test]
fn tiers_are_continuous_and_open_interest_makes_margin_dearer() {
    let mut rules = Rules { count: 3, interest_low: 500, interest_high: 1_000, ..Rules::default() };
    for (tier, (up_to, initial_ppm, maintenance_ppm)) in rules.tiers.iter_mut().zip([
        (1_000, 50_000, 25_000),
        (4_000, 100_000, 50_000),
        (10_000, 500_000, 250_000),
    ]) {
        *tier = Tier { up_to, initial_ppm, maintenance_ppm };
    }
    assert!(rules.allowed());
    // (value, initial at 20x, initial at 10x, maintenance)
    for (value, at_20, at_10, maintenance) in [
        (0, 0, 0, 0),
        (1_000, 50, 100, 25),
        (1_001, 51, 101, 26),
        (4_000, 350, 400, 175),
        (4_001, 351, 401, 176),
        (6_000, 1_350, 1_350, 675),
        (10_000, 3_350, 3_350, 1_675),
    ] {
        assert_eq!((rules.initial(value, 20, 0), rules.initial(value, 10, 0)), (at_20, at_10), "{value}");
        assert_eq!(rules.maintenance(value), maintenance, "{value}");
    }
    for (interest, initial) in [(0, 100), (500, 100), (750, 550), (1_000, 1_000), (9_999, 1_000)] {
        assert_eq!(rules.initial(1_000, 10, rules.extra_ppm(interest)), initial, "at {interest} lots");
    }
}

#[test]
fn a_reduce_only_order_shrinks_with_its_position_and_never_turns_it() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 10);
    let reduce = |price, lots| PlaceOrder { reduce_only: true, ..limit(true, price, lots) };
    group.refused(Reject::RiskReduceOnly, |out| encode::place(out, perp_head(TAKER), &reduce(1_010, 11)));
    group.refused(Reject::RiskReduceOnly, |out| {
        encode::place(out, perp_head(TAKER), &PlaceOrder { reduce_only: true, ..limit(false, 900, 1) });
    });
    let resting = group.perp(TAKER, reduce(1_010, 10)).order_id;
    assert_eq!(group.held(TAKER).reduce_orders, 1);
    // Four are sold otherwise: six are left to reduce.
    group.trade(MAKER, TAKER, 1_000, 4);
    assert_eq!(group.kernel.book(PERP, 9).map(|book| book.1), Some(vec![(1_010, 6, 1)]));
    // The rest is sold: nothing is left, and the order is cancelled.
    group.trade(MAKER, TAKER, 1_000, 6);
    let seen: Vec<(u64, u8)> = group
        .events()
        .into_iter()
        .filter_map(|event| match event.body {
            Body::Order(order) if order.order_id == resting => Some((order.order_id, order.reason)),
            _ => None,
        })
        .collect();
    assert_eq!(seen, [(resting, crate::codes::reason::REDUCE_ONLY)]);
    assert_eq!((group.held(TAKER).lots, group.held(TAKER).reduce_orders), (0, 0));
}

#[test]
fn close_and_turn_are_one_command() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 10);
    group.perp(MAKER, limit(false, 990, 30));
    let ack = group.ok(|out| encode::close_position(out, perp_head(TAKER), 0, true, 0));
    assert_eq!((ack.filled, group.held(TAKER).lots), (20, -10));
    group.perp(MAKER, limit(true, 1_005, 30));
    let ack = group.ok(|out| encode::close_position(out, perp_head(TAKER), 0, false, 0));
    assert_eq!((ack.filled, group.held(TAKER).lots, group.held(TAKER).entry), (10, 0, 0));
    // bought at 1,000, sold at 990; sold at 990, bought at 1,005: 25 ticks on ten lots
    assert_eq!(group.balance(TAKER, USD).0, 1_000_000 - 25 * 10 * 10);
    group.refused(Reject::RiskNoPosition, |out| encode::close_position(out, perp_head(TAKER), 0, false, 0));
}

#[test]
fn leverage_decides_initial_margin_and_falls_only_with_the_margin_for_it() {
    let mut group = Group::perpetual();
    group.ok(|out| encode::set_leverage(out, perp_head(TAKER), 20));
    group.trade(TAKER, MAKER, 1_000, 1_000 / 10);
    // (leverage, reject, initial): 1,000,000 of value, 1,000,000 of equity
    for (leverage, reject, initial) in [
        (20, None, 50_000),
        (5, None, 200_000),
        (1, None, 1_000_000),
        (21, Some(Reject::RiskLeverage), 1_000_000),
        (20, None, 50_000),
    ] {
        let ack = group.send(|out| encode::set_leverage(out, perp_head(TAKER), leverage));
        assert_eq!((Reject::of(ack.code), group.risk_of(TAKER).initial), (reject, initial));
    }
    group.mark(990);
    group.ok(|out| encode::place(out, perp_head(TAKER), &limit(false, 980, 1)));
    group.refused(Reject::RiskMargin, |out| encode::set_leverage(out, perp_head(TAKER), 1));
}

#[test]
fn an_isolated_position_has_its_own_margin() {
    let mut group = Group::perpetual();
    group.ok(|out| encode::set_margin_mode(out, perp_head(TAKER), true));
    group.trade(TAKER, MAKER, 1_000, 100);
    // 1,000,000 of value at 10x: 100,000 set aside; nothing else of the account is touched.
    assert_eq!((group.held(TAKER).margin, group.held(TAKER).initial), (100_000, 0));
    assert_eq!(group.risk_of(TAKER), Risk { equity: 900_000, initial: 0, maintenance: 0 });
    group.mark(950);
    assert_eq!(group.risk_of(TAKER).equity, 900_000, "its loss is its own");
    group.refused(Reject::RiskMarginMode, |out| encode::set_margin_mode(out, perp_head(TAKER), false));
    // (amount, reject): 95,000 of value at 10x and a tenth; 50,000 are lost
    for (amount, reject) in [
        (-1, Some(Reject::RiskMargin)),
        (45_000, None),
        (-1, Some(Reject::RiskMargin)),
        (1, None),
        (-1, None),
    ] {
        let ack = group.send(|out| encode::move_margin(out, perp_head(TAKER), amount));
        assert_eq!(Reject::of(ack.code), reject, "{amount}");
    }
    assert_eq!(group.held(TAKER).margin, 145_000);
    // Half is closed at 950: 25,000 lost; half of the margin is released with that.
    group.trade(MAKER, TAKER, 950, 50);
    assert_eq!((group.held(TAKER).margin, group.balance(TAKER, USD).0), (72_500, 975_000));
    group.mark(840);
    // 72,500 - 80,000 is less than nothing: its bucket is queued, the account is not.
    let slot = group.kernel.funds.account_slot(TAKER).expect("the account is open");
    assert_eq!(group.kernel.liquidation.queue.iter().collect::<Vec<_>>(), [(slot, PERP)]);
    group.mark(950);
    group.trade(MAKER, TAKER, 950, 50);
    assert_eq!((group.held(TAKER).margin, group.risk_of(TAKER).equity), (0, 950_000));
}

#[test]
fn nobody_trades_a_loss_into_the_insurance_fund() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 1_000);
    group.mark(930);
    // equity 300,000, maintenance 232,500; selling all at 900 would lose 300,000 at once, at 901 less than there is
    group.perp(SIBLING, limit(false, 900, 1_000));
    for (price, lots, reject) in
        [(899, 1_000, Some(Reject::RiskMargin)), (921, 1_000, Some(Reject::RiskMargin)), (929, 10, None)]
    {
        let ack = group.perp(TAKER, limit(true, price, lots));
        assert_eq!(Reject::of(ack.code), reject, "{lots} at {price}");
    }
}

#[test]
fn collateral_counts_after_its_haircut_and_cash_may_be_owed_against_it() {
    let mut group = Group::perpetual();
    group.deposit(TAKER, BTC, 100_000);
    group.deposit(MAKER, USD, 1_000_000);
    let haircuts =
        [Haircut { up_to: 50_000, haircut_ppm: 100_000 }, Haircut { up_to: 80_000, haircut_ppm: 500_000 }];
    group.ok(|out| encode::set_collateral(out, 0, &haircuts));
    // A lot of 1,000 units is worth 10,000: 50 lots at 90%, 30 at half, 20 at nothing.
    assert_eq!(group.risk_of(TAKER).equity, 1_000_000 + 450_000 + 150_000);
    group.trade(TAKER, MAKER, 1_000, 1_500);
    group.mark(920);
    // Selling all at 920 realises 1,200,000 of loss: cash is owed, equity is not.
    group.trade(MAKER, TAKER, 920, 1_500);
    assert_eq!(group.balance(TAKER, USD), (-200_000, 0));
    assert_eq!(group.risk_of(TAKER), Risk { equity: 400_000, initial: 0, maintenance: 0 });
    // Collateral may go as far as equity stays; the first units to go count nothing.
    let now_ms = group.now_ms;
    for (units, reject) in [(20_000, None), (80_000, Some(Reject::RiskMargin)), (40_000, None)] {
        let ack = group.send(|out| {
            encode::transfer(out, kind::WITHDRAW, TAKER, BTC, units, 7_000 + units as u64, now_ms)
        });
        assert_eq!(Reject::of(ack.code), reject, "{units}");
    }
}

#[test]
fn a_realised_loss_cancels_spot_buys_youngest_first() {
    let mut group = Group::perpetual();
    let older = group.place(TAKER, limit(false, 900, 40));
    let younger = group.place(TAKER, limit(false, 901, 40));
    assert_eq!((older.state, younger.state, group.balance(TAKER, USD).1), (1, 1, 721_841));
    group.trade(TAKER, MAKER, 1_000, 100);
    group.mark(960);
    group.trade(MAKER, TAKER, 960, 100);
    assert_eq!(group.balance(TAKER, USD), (960_000, 721_841), "still covered");
    group.mark(1_000);
    group.trade(TAKER, MAKER, 1_000, 100);
    group.mark(970);
    group.trade(MAKER, TAKER, 970, 100);
    assert_eq!(group.balance(TAKER, USD), (930_000, 721_841));
    group.mark(1_000);
    group.trade(TAKER, MAKER, 1_000, 200);
    group.mark(880);
    group.trade(MAKER, TAKER, 880, 200);
    assert_eq!(group.balance(TAKER, USD), (690_000, 360_720), "the younger is cancelled");
}

#[test]
fn unrealised_profit_cannot_be_withdrawn() {
    let mut group = Group::perpetual();
    group.deposit(MAKER, USD, 10_000_000);
    group.trade(TAKER, MAKER, 1_000, 500);
    group.mark(1_500);
    // equity 3,500,000 of which 2,500,000 are not settled; a tenth of 7,500,000 must stay
    assert_eq!(group.risk_of(TAKER).equity, 3_500_000);
    let now_ms = group.now_ms;
    for (units, reject) in
        [(250_001, Some(Reject::RiskMargin)), (250_000, None), (1, Some(Reject::RiskMargin))]
    {
        let ack = group.send(|out| {
            encode::transfer(out, kind::WITHDRAW, TAKER, USD, units, 9_000 + units as u64, now_ms)
        });
        assert_eq!(Reject::of(ack.code), reject, "{units}");
    }
}

#[test]
fn liquidation_and_bankruptcy_prices_are_where_they_say() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 500);
    // 10 units a tick and lot: 5,000 a tick; maintenance 2.5% of 5,000 a tick
    for account in [TAKER, MAKER] {
        let position = group.held(account);
        let price = group.kernel.liquidation_price(PERP as usize, &position);
        let bankrupt = group.kernel.bankruptcy_price(PERP as usize, &position);
        let toward = position.lots.signum();
        let below = |group: &Group| group.risk_of(account).equity < group.risk_of(account).maintenance;
        group.mark(price);
        assert!(below(&group), "at {price}");
        group.mark(price + toward);
        assert!(!below(&group), "a tick before {price}");
        group.mark(bankrupt);
        assert_eq!(group.risk_of(account).equity, 0, "at {bankrupt}");
        group.mark(1_000);
    }
    assert_eq!(group.kernel.bankruptcy_price(PERP as usize, &group.held(TAKER)), 800);
}

#[test]
fn a_closing_market_takes_only_what_reduces() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 10);
    group.ok(|out| encode::set_phase(out, PERP, 4));
    group.refused(Reject::StateMarketPhase, |out| {
        encode::place(out, perp_head(TAKER), &limit(true, 1_000, 1))
    });
    let bid = PlaceOrder { reduce_only: true, ..limit(false, 1_000, 10) };
    assert_eq!(group.perp(MAKER, bid).state, 1);
    let ack = group.ok(|out| encode::close_position(out, perp_head(TAKER), 0, false, 0));
    assert_eq!((ack.filled, group.held(TAKER).lots, group.held(MAKER).lots), (10, 0, 0));
}

#[test]
fn a_settling_market_closes_all_positions_at_one_price() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 10);
    group.trade(SIBLING, TAKER, 1_010, 15);
    group.perp(MAKER, limit(false, 900, 5));
    group.mark(1_005);
    group.ok(|out| encode::set_phase(out, PERP, 4));
    group.ok(|out| encode::set_phase(out, PERP, 5));
    // What the mark does from now on is of no account; orders go first, then positions, before the next command.
    group.mark(1_200);
    assert_eq!(group.held(TAKER).lots, -5);
    group.tick();
    for (account, lots, cash) in [(TAKER, 0, 1_001_250), (MAKER, 0, 999_500), (SIBLING, 0, 999_250)] {
        assert_eq!((group.held(account).lots, group.balance(account, USD).0), (lots, cash));
        assert_eq!(group.risk_of(account), Risk { equity: cash, initial: 0, maintenance: 0 });
    }
    group.ok(|out| encode::set_phase(out, PERP, 6));
    assert_eq!(group.kernel.next_timer_ms(), None);
}

#[test]
fn positions_survive_a_snapshot() {
    let mut group = Group::perpetual();
    group.ok(|out| encode::set_margin_mode(out, perp_head(SIBLING), true));
    group.trade(TAKER, MAKER, 1_000, 10);
    group.trade(SIBLING, TAKER, 1_010, 15);
    group.perp(MAKER, PlaceOrder { reduce_only: true, ..limit(false, 900, 5) });
    group.deposit(TAKER, BTC, 5_000);
    group.ok(|out| encode::set_collateral(out, 0, &[Haircut { up_to: 1 << 40, haircut_ppm: 200_000 }]));
    group.mark(1_005);
    let bytes = group.kernel.snapshot();
    let restored = Kernel::restore(&bytes).expect("a snapshot restores");
    assert_eq!(restored.snapshot(), bytes);
    for account in [MAKER, TAKER, SIBLING] {
        let slot = group.kernel.funds.account_slot(account).expect("the account is open");
        assert_eq!(restored.risk(slot), group.kernel.risk(slot));
    }
}

/// Every reject of perpetuals, for the test that all are reachable.
pub fn rejects(seen: &mut BTreeSet<Reject>) {
    let group = &mut Group::perpetual();
    refused(group, seen, Reject::RiskMargin, limit(false, 1_000, 1_001));
    check(group, seen, Reject::RiskLeverage, |out| encode::set_leverage(out, perp_head(TAKER), 21));
    check(group, seen, Reject::RiskNoPosition, |out| {
        encode::close_position(out, perp_head(TAKER), 0, false, 0)
    });
    refused(group, seen, Reject::RiskReduceOnly, PlaceOrder { reduce_only: true, ..limit(false, 1_000, 1) });
    let rules = group.kernel.markets[PERP as usize].contract.rules;
    let tier = Tier { up_to: 10_000, ..rules.tiers()[0] };
    let mut small = Rules { interest_cap: 5, ..rules };
    small.tiers[0] = tier;
    group.kernel.markets[PERP as usize].contract.rules = small;
    refused(group, seen, Reject::RiskPositionLimit, limit(false, 1_000, 2));
    group.kernel.markets[PERP as usize].contract.rules = Rules { interest_cap: 5, ..rules };
    refused(group, seen, Reject::RiskOpenInterest, limit(false, 1_000, 6));
    let unpriced = Parameters { reference: 0, ..parameters() };
    let listing = Listing {
        kind: PERPETUAL,
        base: NO_ASSET,
        quote: USD,
        lot_size: 1,
        tick_quote: 10,
        ..Listing::default()
    };
    group.ok(|out| encode::add_market(out, 2, &listing, &unpriced));
    group.ok(|out| encode::set_phase(out, 2, 2));
    group.kernel.markets[PERP as usize].contract.rules = rules;
    group.perp(TAKER, limit(false, 1_000, 1));
    check(group, seen, Reject::RiskMarginMode, |out| encode::set_margin_mode(out, perp_head(TAKER), true));
    check(group, seen, Reject::RiskNoPrice, |out| {
        encode::place(out, Head { market: 2, ..perp_head(TAKER) }, &limit(false, 1_000, 1));
    });
}

fn refused(group: &mut Group, seen: &mut BTreeSet<Reject>, reject: Reject, order: PlaceOrder) {
    check(group, seen, reject, |out| encode::place(out, perp_head(TAKER), &order));
}

#[test]
fn an_amended_reduce_only_order_takes_without_being_trimmed() {
    let mut group = Group::perpetual();
    group.trade(TAKER, MAKER, 1_000, 10);
    let reduce = PlaceOrder { reduce_only: true, ..limit(true, 1_050, 10) };
    let order_id = group.perp(TAKER, reduce).order_id;
    // Another one rests, so that the account's reduce-only orders are looked through after each fill.
    group.perp(TAKER, PlaceOrder { reduce_only: true, ..limit(true, 1_100, 10) });
    // Two bids: the first fill shrinks the position while the amended order is out of the book.
    group.perp(MAKER, limit(false, 1_000, 3));
    group.perp(SIBLING, limit(false, 1_000, 4));
    let ack = group.send(|out| encode::amend(out, perp_head(TAKER), &by_id(order_id), 1_000, 0, false));
    assert_eq!((ack.code, ack.filled, ack.remaining, ack.state), (0, 7, 3, 1));
    assert_eq!((group.held(TAKER).lots, group.held(TAKER).reduce_orders), (3, 2));
    let sizes: Vec<i64> = group
        .events()
        .into_iter()
        .filter_map(|event| match event.body {
            Body::Order(order) if order.order_id == order_id => Some(order.size_lots),
            _ => None,
        })
        .collect();
    assert_eq!(sizes, [10], "told once, at its end, with its whole size");
    group.kernel.check_invariants().expect("a sound group");
}
