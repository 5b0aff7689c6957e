//! Incidents that ended badly elsewhere, played here as tables: what is observed, what mark does, who loses what.

use super::perpetuals::{perp_head, PERP};
use super::*;
use crate::accounts::{INSURANCE, LIQUIDATOR};
use crate::liquidation::Rules;
use crate::prices::encode::Observed;
use crate::prices::{Grade, INDEX};

const ATTACKER: u32 = 50;
const OTHER_SELF: u32 = 51;
const HONEST: u32 = 52;

/// Prices of the three sources; 0: silent.
type Seen = [i64; 3];

impl Group {
    fn cast(&mut self, accounts: &[(u32, i64)]) {
        for (account, cash) in accounts {
            self.ok(|out| encode::account(out, kind::OPEN_ACCOUNT, *account, u64::from(*account), 0, 0));
            self.deposit(*account, USD, *cash);
        }
    }

    /// What the sources say now; the waterfall runs with the next command.
    fn seen(&mut self, seen: Seen) {
        self.told(seen);
        self.tick();
    }

    /// As `seen`, and nothing after it.
    fn told(&mut self, seen: Seen) {
        let now_ms = self.now_ms;
        let told = seen.iter().enumerate().filter(|(_, price)| **price != 0);
        let told: Vec<Observed> = told
            .map(|(at, price)| Observed {
                what: INDEX,
                market: PERP,
                source: at as u32 + 1,
                price: *price,
                published_ms: now_ms,
            })
            .collect();
        self.ok(|out| crate::prices::encode::observe_prices(out, &told));
    }

    /// Say the same for a while, every two and a half seconds.
    fn seen_for(&mut self, seen: Seen, seconds: u64) {
        for _ in 0..seconds * 2 / 5 {
            self.now_ms += 2_500;
            self.seen(seen);
        }
    }

    fn equity(&self, account: u32) -> i64 {
        self.risk_of(account).equity
    }

    fn withdraw(&mut self, account: u32, amount: i64, id: u64) -> Option<Reject> {
        let now_ms = self.now_ms;
        let ack = self.send(|out| encode::transfer(out, kind::WITHDRAW, account, USD, amount, id, now_ms));
        Reject::of(ack.code)
    }

    fn liquidations(&self) -> u64 {
        self.kernel.liquidation.number
    }

    fn rules(&mut self, rules: &Rules) {
        self.ok(|out| encode::set_liquidation_rules(out, crate::wire::ALL_MARKETS, rules));
    }
}

#[test]
fn a_pumped_oracle_pays_nothing_out() {
    // One person buys from himself, pumps the sources, and wants the profit of one account before the other's loss is known.
    let mut group = Group::perpetual();
    group.cast(&[(ATTACKER, 1_000_000), (OTHER_SELF, 1_000_000)]);
    group.seen([1_000; 3]);
    group.trade(ATTACKER, OTHER_SELF, 1_000, 500);
    // (seconds, mark, attacker's equity): 1 % a step at most, whatever is claimed
    for (at, (seconds, mark, equity)) in
        [(5, 1_020, 1_100_000), (10, 1_060, 1_300_000), (10, 1_100, 1_500_000)].into_iter().enumerate()
    {
        group.seen_for([3_000, 3_000, 1_000], seconds);
        assert_eq!((group.kernel.mark(PERP as usize), group.equity(ATTACKER)), (mark, equity));
        // 1,000,000 were paid in; a tenth of the position must stay, and of the profit nothing leaves
        let stays = mark * 500;
        let id = 900 + at as u64 * 10;
        assert_eq!(group.withdraw(ATTACKER, 1_000_000 - stays + 1, id), Some(Reject::RiskMargin));
    }
    let (fund, paid_out) = (group.reserved()[2], 1_000_000 - 550_000);
    assert_eq!(group.withdraw(ATTACKER, paid_out, 990), None, "his own money");
    group.seen_for([1_000; 3], 60);
    group.seen_for([1_000; 3], 60);
    assert_eq!(group.kernel.mark(PERP as usize), 1_000);
    assert_eq!(group.reserved()[2], fund, "the fund paid nothing");
    assert_eq!(group.equity(ATTACKER) + group.equity(OTHER_SELF), 2_000_000 - paid_out);
}

#[test]
fn a_loss_pushed_into_the_fund_comes_back_to_who_pushed_it() {
    // He is long and short, lets the short be liquidated into the fund, and would keep the profit of the long.
    // (cap in lots) -> lots the fund takes, lots his own long gives back
    for (cap, taken, given) in [(0, 0, 400), (100, 100, 300), (1_000, 400, 0)] {
        let mut group = Group::perpetual();
        group.cast(&[(ATTACKER, 1_000_000), (OTHER_SELF, 420_000)]);
        group.deposit(INSURANCE, USD, 2_000_000);
        group.rules(&Rules { fund_cap: cap * 11_000, ..Rules::for_scale(6) });
        group.trade(ATTACKER, OTHER_SELF, 1_000, 400);
        let before = group.equity(ATTACKER) + group.equity(OTHER_SELF) + group.reserved()[2];
        group.mark(1_100);
        group.now_ms += 1;
        group.tick();
        assert_eq!(group.held(OTHER_SELF).lots, 0);
        assert_eq!((-group.held(LIQUIDATOR).lots, 400 - group.held(ATTACKER).lots), (taken, given));
        // Bankruptcy at 1,105: he leaves with no more than he came with, and the fund loses nothing it was not paid for.
        let fund = group.reserved()[2] + group.held(LIQUIDATOR).upnl;
        assert_eq!(fund, 2_000_000 + taken * 50);
        assert_eq!(group.equity(ATTACKER) + group.equity(OTHER_SELF) + fund, before);
    }
}

#[test]
fn nobody_is_liquidated_from_a_dead_price() {
    let mut group = Group::perpetual();
    group.cast(&[(HONEST, 200_000)]);
    group.deposit(INSURANCE, USD, 1_000_000);
    group.seen([1_000; 3]);
    group.trade(HONEST, MAKER, 1_000, 100);
    // (prices, seconds of it, silence after, grade, mark, liquidations); he is sound down to 820
    let steps: [(Seen, u64, u64, Grade, i64, u64); 5] = [
        ([900; 3], 60, 0, Grade::Valid, 900, 0),
        ([900; 3], 0, 300, Grade::Stale, 900, 0),
        ([815, 0, 0], 5, 300, Grade::Stale, 883, 0),
        ([830; 3], 60, 0, Grade::Valid, 830, 0),
        ([815; 3], 10, 0, Grade::Valid, 815, 1),
    ];
    for (seen, seconds, silence, grade, mark, liquidations) in steps {
        group.seen_for(seen, seconds);
        group.now_ms += silence * 1_000;
        group.tick();
        let market = PERP as usize;
        let told = (group.kernel.grade(market), group.kernel.mark(market), group.liquidations());
        assert_eq!(told, (grade, mark, liquidations), "after {seen:?}");
    }
    assert_eq!(group.held(HONEST).lots, 0);
}

#[test]
fn an_account_under_water_waits_for_a_live_price() {
    let mut group = Group::perpetual();
    group.cast(&[(HONEST, 100_000)]);
    group.seen([1_000; 3]);
    group.trade(HONEST, MAKER, 1_000, 100);
    group.seen_for([930; 3], 60);
    assert_eq!(group.liquidations(), 0);
    group.now_ms += 11_000;
    group.tick();
    assert_eq!((group.kernel.grade(PERP as usize), group.kernel.mark(PERP as usize)), (Grade::Stale, 930));
    // The sources are silent and the operator asks for more: 4 % of 930,000, of which he has 30,000.
    let mut rules = crate::contracts::Rules::default();
    rules.tiers[0].maintenance_ppm = 40_000;
    group.ok(|out| encode::set_margin_tiers(out, PERP, &rules));
    group.tick();
    assert!(group.equity(HONEST) < group.risk_of(HONEST).maintenance);
    assert_eq!(group.liquidations(), 0);
    let ack = group.perp(HONEST, limit(false, 905, 1));
    assert_eq!(Reject::of(ack.code), Some(Reject::RiskPriceGrade), "no new risk either");
    group.seen_for([930; 3], 5);
    assert_eq!((group.liquidations(), group.held(HONEST).lots), (1, 0));
}

#[test]
fn a_price_of_next_to_nothing_for_one_bar_liquidates_nobody() {
    // (prices for a minute) -> mark after it, liquidations. A lot of 100 with 300,000 is sound down to 718.
    for (seen, mark, liquidations) in [
        ([1_000, 1_000, 1], 1_000, 0),
        ([1_000, 1, 1], 1_000, 0),
        ([1, 1, 1], 1_000, 0),
        // Believable to the sources' majority, yet ten steps a minute at one per cent are all it gets while they disagree.
        ([1_000, 980, 200], 980, 0),
    ] {
        let mut group = Group::perpetual();
        group.cast(&[(HONEST, 300_000)]);
        group.seen([1_000; 3]);
        group.trade(HONEST, MAKER, 1_000, 100);
        group.seen_for(seen, 60);
        assert_eq!(
            (group.kernel.mark(PERP as usize), group.liquidations()),
            (mark, liquidations),
            "{seen:?}"
        );
        group.seen_for([1_000; 3], 60);
        assert_eq!((group.held(HONEST).lots, group.liquidations()), (100, 0));
    }
}

#[test]
fn a_dead_market_shields_no_other() {
    let mut group = Group::perpetual();
    let listing = Listing {
        kind: crate::contracts::PERPETUAL,
        base: crate::contracts::NO_ASSET,
        quote: USD,
        lot_size: 1,
        tick_quote: 10,
        payout_ticks: 0,
        symbol: b"DEAD-SWAP",
    };
    let free = Parameters { maker_ppm: 0, taker_ppm: 0, ..parameters() };
    group.ok(|out| encode::add_market(out, 2, &listing, &free));
    group.ok(|out| encode::set_phase(out, 2, 2));
    let dead = Head { market: 2, ..perp_head(HONEST) };
    for (cash, dead_lots, liquidated) in [(152_000, 1, true), (152_000, 200, false)] {
        let mut group = group_like(&group);
        group.cast(&[(HONEST, cash)]);
        group.now_ms += 2_500;
        let now_ms = group.now_ms;
        let told =
            |source: u32| Observed { what: INDEX, market: 2, source, price: 1_000, published_ms: now_ms };
        group.ok(|out| crate::prices::encode::observe_prices(out, &[1, 2, 3].map(told)));
        group.seen([1_000; 3]);
        for head in [dead, perp_head(HONEST)] {
            group.ok(|out| encode::set_leverage(out, head, 20));
        }
        group.trade(HONEST, MAKER, 1_000, 100);
        let rested = group
            .send(|out| encode::place(out, Head { account: MAKER, ..dead }, &limit(true, 1_000, dead_lots)));
        assert_eq!(rested.code, 0);
        let taken = group.send(|out| encode::place(out, dead, &limit(false, 1_000, dead_lots)));
        assert_eq!((Reject::of(taken.code), taken.filled), (None, dead_lots));
        // With one dead lot he is sound down to 871, with 200 of them only to 921; believed ten per cent better, to below 850.
        group.seen_for([868; 3], 60);
        assert_eq!((group.kernel.grade(2), group.kernel.mark(PERP as usize)), (Grade::Stale, 868));
        assert_eq!(group.held(HONEST).lots == 0, liquidated, "{dead_lots} lots at a dead price");
    }
}

/// The same journal in a new kernel.
fn group_like(group: &Group) -> Group {
    let mut other = Group { kernel: Kernel::new(7), journal: Vec::new(), ..*group };
    for (frame, now_ms) in &group.journal {
        other.kernel.apply(frame, *now_ms);
        other.journal.push((frame.clone(), *now_ms));
    }
    other
}
