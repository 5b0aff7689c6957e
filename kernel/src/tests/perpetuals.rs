//! Perpetuals: positions, entries, margin of orders, reduce-only, tiers, isolated margin, withdrawals. Prices in ticks of 10
//! units, so a lot at 1,000 is worth 10,000 units; the tier of the test market is 5% initial and 2.5% maintenance.

use std::collections::BTreeSet;

use super::rejects::check;
use super::*;
use crate::contracts::rules::Tier;
use crate::contracts::{Position, Risk, Rules, NO_ASSET, PERPETUAL};
use crate::encode;

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

/// Every reject of perpetuals, for the test that all are reachable.
pub fn rejects(seen: &mut BTreeSet<Reject>) {
    let group = &mut Group::perpetual();
    let mut refused = |group: &mut Group, reject, order: PlaceOrder| {
        check(group, seen, reject, |out| encode::place(out, perp_head(TAKER), &order));
    };
    refused(group, Reject::RiskMargin, limit(false, 1_000, 1_001));
    refused(group, Reject::RiskReduceOnly, PlaceOrder { reduce_only: true, ..limit(false, 1_000, 1) });
    let rules = group.kernel.markets[PERP as usize].contract.rules;
    let tier = Tier { up_to: 10_000, ..rules.tiers()[0] };
    let mut small = Rules { interest_cap: 5, ..rules };
    small.tiers[0] = tier;
    group.kernel.markets[PERP as usize].contract.rules = small;
    refused(group, Reject::RiskPositionLimit, limit(false, 1_000, 2));
    group.kernel.markets[PERP as usize].contract.rules = Rules { interest_cap: 5, ..rules };
    refused(group, Reject::RiskOpenInterest, limit(false, 1_000, 6));
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
    check(group, seen, Reject::RiskNoPrice, |out| {
        encode::place(out, Head { market: 2, ..perp_head(TAKER) }, &limit(false, 1_000, 1));
    });
}
