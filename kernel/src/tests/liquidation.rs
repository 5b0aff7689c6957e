//! The waterfall, rule by rule. A lot at 1,000 ticks is worth 10,000 units; initial 5 % (leverage 10 at first), maintenance
//! 2.5 %. A scene is drawn as what happens: stage, lots, price, fee, then equity and maintenance after the step.

use super::perpetuals::PERP;
use super::*;
use crate::accounts::INSURANCE;
use crate::liquidation::{stage, Rules};

/// The account that gets into trouble, and those that are on the other side.
const LONG: u32 = 30;
const SHORTS: [u32; 3] = [41, 42, 43];

/// Bids as (price, lots).
type Bids = &'static [(i64, i64)];

fn rules() -> Rules {
    Rules { fund_margin_ppm: 10_000, ..Rules::for_scale(6) }
}

impl Group {
    /// LONG holds `lots` bought at 1,000 with `cash`, the makers hold the other side; the fund has `fund`.
    fn in_trouble(lots: i64, cash: i64, fund: i64, rules: &Rules) -> Group {
        let mut group = Group::perpetual();
        group.deposit(MAKER, USD, 100_000_000);
        group.deposit(SIBLING, USD, 100_000_000);
        group.open(LONG, cash);
        group.trade(LONG, MAKER, 1_000, lots);
        if fund > 0 {
            group.deposit(INSURANCE, USD, fund);
        }
        group.ok(|out| encode::set_liquidation_rules(out, crate::wire::ALL_MARKETS, rules));
        group
    }

    fn open(&mut self, account: u32, cash: i64) {
        self.ok(|out| encode::account(out, kind::OPEN_ACCOUNT, account, u64::from(account), 0, 0));
        self.deposit(account, USD, cash);
    }

    /// SIBLING bids (price, lots).
    fn bids(&mut self, bids: &[(i64, i64)]) {
        for (price, lots) in bids {
            let ack = self.perp(SIBLING, limit(false, *price, *lots));
            assert_eq!((ack.code, ack.state), (0, 1), "the bid rests");
        }
    }

    /// Move the mark and let the waterfall run; what it did, drawn.
    fn crash(&mut self, mark: i64) -> Vec<String> {
        let before = self.kernel.liquidation.records;
        self.mark(mark);
        self.now_ms += 1;
        self.tick();
        self.drawn(before)
    }

    /// Let time pass; what the waterfall did.
    fn wait(&mut self, ms: u64) -> Vec<String> {
        let before = self.kernel.liquidation.records;
        self.now_ms += ms;
        self.tick();
        self.drawn(before)
    }

    fn drawn(&self, before: u64) -> Vec<String> {
        let ring = &self.kernel.liquidation.ring;
        let new = (self.kernel.liquidation.records - before) as usize;
        let mut lines: Vec<String> = Vec::new();
        for record in ring.iter().rev().take(new) {
            lines.push(format!(
                "{} {} {} @ {} fee {} -> {} / {}",
                record.account,
                stage::NAMES[record.stage as usize],
                record.lots,
                record.price,
                record.fee,
                record.equity_after,
                record.maintenance_after
            ));
        }
        lines.reverse();
        lines
    }

    /// Make the account's position isolated with this margin, at the price it was entered.
    fn isolate(&mut self, account: u32, amount: i64) {
        let slot = self.kernel.funds.account_slot(account).expect("open");
        let at = self.kernel.position_at(slot, PERP as usize).expect("a position");
        let position = &mut self.kernel.markets[PERP as usize].contract.positions[at];
        (position.isolated, position.margin) = (true, amount);
        let (upnl, maintenance) = (position.upnl, position.maintenance);
        let margin = self.kernel.funds.margin_mut(slot);
        margin.isolated += amount;
        margin.upnl -= upnl;
        margin.maintenance -= maintenance;
        self.kernel.refresh(PERP as usize, at);
    }

    /// Withdraw from the fund.
    fn drain(&mut self, amount: i64, id: u64) -> Ack {
        let now_ms = self.now_ms;
        self.send(|out| encode::transfer(out, kind::WITHDRAW, INSURANCE, USD, amount, id, now_ms))
    }

    fn fund(&self) -> i64 {
        self.reserved()[2]
    }

    fn carried(&self) -> i64 {
        self.held(crate::accounts::LIQUIDATOR).lots
    }
}

fn draws(lines: &[String], expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, expected);
}

#[test]
fn invariant_16_an_account_above_maintenance_is_left_alone() {
    let mut group = Group::in_trouble(100, 100_000, 0, &rules());
    group.bids(&[(900, 100)]);
    // 923: equity 23,000, maintenance 23,075; 924: 24,000 and 23,100
    assert!(group.crash(924).is_empty());
    assert!(!group.crash(923).is_empty());
}

#[test]
fn orders_that_add_risk_go_first_and_those_that_close_stay() {
    let mut group = Group::in_trouble(100, 150_000, 0, &rules());
    let closing = group.perp(LONG, limit(true, 1_100, 60));
    let also = group.perp(LONG, limit(true, 1_101, 60));
    let adding = group.perp(LONG, limit(false, 800, 1));
    for ack in [closing, also, adding] {
        assert_eq!((ack.code, ack.state), (0, 1));
    }
    let lines = group.crash(870);
    assert!(lines[0].starts_with("30 cancelled 2 "), "{lines:?}");
    let slot = group.kernel.funds.account_slot(LONG).expect("open");
    let left: Vec<u64> = group
        .kernel
        .funds
        .account(slot)
        .orders
        .iter()
        .map(|at| group.kernel.slab.cold(*at).order_id)
        .collect();
    assert_eq!(left, [closing.order_id]);
}

#[test]
fn the_book_takes_until_the_account_is_sound() {
    // at 920: equity 20,000 of 23,000, bankruptcy at 900
    let cases: [(Bids, &str); 4] = [
        // 1 % of 915,000 is 9,150; all left over 900 is 15,000
        (&[(915, 200)], "30 book 100 @ 915 fee 9150 -> 5850 / 0"),
        // no more than what the price left over bankruptcy: 100 lots * 5 ticks * 10
        (&[(905, 200)], "30 book 100 @ 905 fee 5000 -> 0 / 0"),
        // exactly at bankruptcy there is nothing left to take
        (&[(900, 200)], "30 book 100 @ 900 fee 0 -> 0 / 0"),
        // 80 lots leave it sound: it keeps the rest
        (&[(915, 60), (900, 20), (899, 50)], "30 book 80 @ 911 fee 7290 -> 5710 / 4600"),
    ];
    for (bids, expected) in cases {
        let mut group = Group::in_trouble(100, 100_000, 0, &rules());
        group.bids(bids);
        draws(&group.crash(920), expected);
        let fee: i64 = expected.split(' ').nth(6).and_then(|fee| fee.parse().ok()).expect("a fee");
        assert_eq!(group.fund(), fee, "the fee is the fund's");
    }
}

#[test]
fn invariant_18_the_fund_takes_what_the_book_does_not_then_the_other_side() {
    // (equity per cent of maintenance at the mark, bids, fund, cap in lots) -> what happens
    let at = |cap: i64| Rules { fund_cap: cap * 9_200, ..rules() };
    let cases: [(Bids, i64, i64, &str); 4] = [
        (&[(899, 200)], 1_000_000, 200, "30 insurance_fund 100 @ 900 fee 0 -> 0 / 0"),
        (&[], 1_000_000, 200, "30 insurance_fund 100 @ 900 fee 0 -> 0 / 0"),
        (
            &[],
            1_000_000,
            40,
            "30 insurance_fund 40 @ 900 fee 0 -> 12000 / 13800
             30 adl 60 @ 900 fee 0 -> 0 / 0",
        ),
        (&[], 0, 0, "30 adl 100 @ 900 fee 0 -> 0 / 0"),
    ];
    for (bids, fund, cap, expected) in cases {
        let mut group = Group::in_trouble(100, 100_000, fund, &at(cap));
        group.bids(bids);
        draws(&group.crash(920), expected);
        assert_eq!(group.held(LONG).lots, 0);
        assert_eq!(group.balance(LONG, USD).0, 0, "invariant 17: exactly nothing is left");
        assert_eq!(group.fund(), fund, "the fund took the position for what it is worth to it");
        assert_eq!(group.carried(), cap.min(100));
    }
}

#[test]
fn invariant_17_the_shortfall_is_what_the_fund_and_the_other_side_lose() {
    // at 880 equity is -20,000: bankruptcy at 900, 20 ticks above mark
    for (fund, cap) in [(1_000_000, 1_000), (1_000_000, 50), (0, 0)] {
        let rules = Rules { fund_cap: cap * 8_800, ..rules() };
        let mut group = Group::in_trouble(100, 100_000, fund, &rules);
        let before = group.risk_of(MAKER).equity + 120 * 100 * 10;
        group.crash(880);
        assert_eq!((group.held(LONG).lots, group.balance(LONG, USD).0), (0, 0));
        let carried = group.carried();
        assert_eq!(carried, cap.min(100));
        let fund_loss = -group.held(crate::accounts::LIQUIDATOR).upnl;
        let maker_loss = before - group.risk_of(MAKER).equity;
        assert_eq!((fund_loss, fund_loss + maker_loss), (carried * 200, 20_000));
        assert_eq!(group.fund(), fund);
    }
}

#[test]
fn invariant_18_a_fund_that_cannot_bear_it_leaves_it_to_the_other_side() {
    // -20,000 for 100 lots; the fund has 5,000 and its own maintenance is 2.5 % of 8,800 a lot: 200 + 220 each
    let mut group = Group::in_trouble(100, 100_000, 5_000, &rules());
    let lines = group.crash(880);
    draws(
        &lines,
        "30 insurance_fund 11 @ 900 fee 0 -> -17800 / 19580
         30 adl 89 @ 900 fee 0 -> 0 / 0",
    );
    assert_eq!((group.fund(), group.carried()), (5_000, 11));
    // The fund's own bucket is closed against the other side before it is used up.
    let lines = group.crash(850);
    assert!(lines[0].starts_with("5 adl 11 @ 854"), "{lines:?}");
    assert_eq!(group.carried(), 0);
    assert_eq!(group.fund(), 0, "used up to the unit, never below");
}

#[test]
fn large_positions_go_a_slice_at_a_time() {
    let rules = Rules { slice_notional: 500_000, ..rules() };
    let mut group = Group::in_trouble(100, 100_000, 0, &rules);
    group.bids(&[(918, 1_000)]);
    // A fifth leaves the account below maintenance: 20,000 - 20 lots * 20 - fee
    draws(&group.crash(920), "30 book 20 @ 918 fee 1836 -> 17764 / 18400");
    assert!(group.wait(29_000).is_empty(), "thirty seconds have not passed");
    draws(&group.wait(1_000), "30 book 16 @ 918 fee 1468 -> 15976 / 14720");
    assert!(group.wait(60_000).is_empty(), "it is sound");
    // Severe: no more slices.
    let lines = group.crash(905);
    assert!(lines.last().is_some_and(|line| line.ends_with("/ 0")), "{lines:?}");
    assert_eq!(group.held(LONG).lots, 0);
}

#[test]
fn invariant_19_the_other_side_is_closed_in_order_and_not_more_than_needed() {
    // (account, cash, entry, lots): profit on entry times leverage decides, then the number
    let mut group = Group::perpetual();
    group.deposit(MAKER, USD, 100_000_000);
    let cast =
        [(SHORTS[0], 2_000_000, 1_000, 40), (SHORTS[1], 200_000, 1_000, 40), (SHORTS[2], 200_000, 1_000, 40)];
    group.open(LONG, 100_000);
    group.ok(|out| {
        encode::set_liquidation_rules(out, crate::wire::ALL_MARKETS, &Rules { fund_cap: 0, ..rules() })
    });
    for (account, cash, entry, lots) in cast {
        group.open(account, cash);
        group.trade(MAKER, account, entry, lots);
    }
    group.trade(LONG, MAKER, 1_000, 100);
    draws(&group.crash(900), "30 adl 100 @ 900 fee 0 -> 0 / 0");
    let adl: Vec<_> = group
        .events()
        .into_iter()
        .filter_map(|event| match event.body {
            crate::events::Body::Adl(adl) => Some((event.account, adl.rank, adl.lots, adl.needed, adl.taken)),
            _ => None,
        })
        .collect();
    // The two of high leverage first, by number; the third gives what is still needed and keeps the rest.
    assert_eq!(adl, [(42, 1, -40, 100, 40), (43, 2, -40, 100, 80), (41, 3, -20, 100, 100)]);
    assert_eq!(SHORTS.map(|account| group.held(account).lots), [-20, 0, 0]);
    let cash = |account: u32| group.balance(account, USD).0;
    assert_eq!((cash(42), cash(41)), (240_000, 2_020_000), "closed at 900: 100 ticks of profit a lot");
}

#[test]
fn an_isolated_position_goes_by_itself() {
    let mut group = Group::in_trouble(100, 1_000_000, 1_000_000, &rules());
    group.isolate(LONG, 100_000);
    draws(&group.crash(920), "30 insurance_fund 100 @ 900 fee 0 -> 0 / 0");
    assert_eq!(group.balance(LONG, USD), (900_000, 0), "what was not set aside is not touched");
    assert_eq!(group.kernel.liquidation.ring.iter().last().map(|record| record.isolated), Some(true));
}

#[test]
fn collateral_is_sold_when_cash_is_below_zero() {
    // He has 20,000 in cash and ten lots of BTC, worth 10,000 each and counted at 80 %. At 915 all is closed: 85,000 and the fee of
    // 9,150 are gone, so 74,150 are owed, which eight lots at 1,000 pay.
    let closed = "30 book 100 @ 915 fee 9150 -> 5850 / 0";
    let cases: [(Bids, &str, i64); 3] = [
        (&[(1_000, 20)], "30 collateral 8 @ 1000 fee 0 -> 21850 / 0", 5_850),
        (&[(1_000, 5), (900, 20)], "30 collateral 8 @ 962 fee 0 -> 18850 / 0", 2_850),
        // Nobody buys within the band: the debt stands, covered.
        (&[(400, 20)], "", -74_150),
    ];
    for (bids, expected, cash) in cases {
        let mut group = Group::perpetual();
        group.deposit(MAKER, USD, 100_000_000);
        group.deposit(SIBLING, USD, 100_000_000);
        let haircut = crate::contracts::collateral::Haircut { up_to: 1 << 50, haircut_ppm: 200_000 };
        group.ok(|out| encode::set_collateral(out, 0, &[haircut]));
        group.ok(|out| encode::set_liquidation_rules(out, crate::wire::ALL_MARKETS, &rules()));
        group.open(LONG, 20_000);
        group.deposit(LONG, BTC, 10_000);
        group.trade(LONG, MAKER, 1_000, 100);
        for (price, lots) in bids {
            group.ok(|out| encode::place(out, head(SIBLING), &limit(false, *price, *lots)));
        }
        group.bids(&[(915, 200)]);
        draws(&group.crash(920), &format!("{closed}\n{expected}"));
        assert_eq!(group.balance(LONG, USD).0, cash);
    }
}

#[test]
fn the_fund_works_off_what_it_took() {
    let mut group = Group::in_trouble(100, 100_000, 1_000_000, &rules());
    group.crash(920);
    assert_eq!(group.carried(), 100);
    // Bought at 900; sold at 912 or better (1 % below mark), not at 910.
    group.bids(&[(915, 30), (912, 30), (910, 1_000)]);
    draws(&group.wait(30_000), "5 worked_off 60 @ 913 fee 0 -> 1016100 / 9200");
    assert_eq!((group.carried(), group.fund()), (40, 1_008_100));
    assert!(group.wait(29_999).is_empty());
    group.bids(&[(911, 5), (913, 100)]);
    let lines = group.wait(1);
    assert!(lines[0].starts_with("5 worked_off 40 @ 913"), "{lines:?}");
    assert_eq!(group.carried(), 0);
    assert_eq!(group.kernel.liquidation.work_ms, u64::MAX);
}

#[test]
fn the_fund_may_not_be_emptied_while_it_carries_positions() {
    let mut group = Group::in_trouble(100, 100_000, 1_000_000, &rules());
    group.crash(920);
    // equity 1,020,000; 100 lots need maintenance 23,000
    assert_eq!(group.drain(997_001, 901).code, Reject::RiskInsuranceBound as u16);
    assert_eq!(group.fund(), 1_000_000);
    assert_eq!(group.drain(997_000, 902).code, 0);
}

/// Rejects of this module.
pub fn rejects(seen: &mut std::collections::BTreeSet<Reject>) {
    let mut group = Group::in_trouble(100, 100_000, 1_000_000, &rules());
    group.crash(920);
    seen.extend(Reject::of(group.drain(1_000_000, 901).code));
}

#[test]
fn the_fund_is_fed_from_fees() {
    let mut group = Group::new();
    let id = group.sell(MAKER, 1_000, 10);
    group.buy(TAKER, 1_000, 10);
    assert!(id > 0);
    let [venue, _, insurance, _] = group.reserved();
    group.ok(|out| encode::fund_insurance(out, USD, venue));
    assert_eq!(group.reserved()[2], insurance + venue);
    group.refused(Reject::RiskInsufficientBalance, |out| encode::fund_insurance(out, USD, 1));
}

#[test]
fn a_snapshot_carries_the_queue_and_the_pauses() {
    let rules = Rules { slice_notional: 500_000, ..rules() };
    let mut group = Group::in_trouble(100, 100_000, 1_000_000, &rules);
    group.bids(&[(918, 1_000)]);
    group.crash(920);
    let snapshot = group.kernel.snapshot();
    let mut restored = Kernel::restore(&snapshot).expect("a sound snapshot");
    assert_eq!(restored.snapshot(), snapshot);
    let mut frame = Vec::new();
    encode::tick(&mut frame);
    let later = group.now_ms + 30_000;
    restored.apply(&frame, later);
    group.kernel.apply(&frame, later);
    assert_eq!(restored.state_root(), group.kernel.state_root());
    assert_eq!(restored.output().events, group.kernel.output().events);
    let slot = restored.funds.account_slot(LONG).expect("open");
    assert_eq!(restored.position(slot, PERP as usize).map(|position| position.lots), Some(64));
}

#[test]
fn a_hold_ends_by_itself_or_when_told() {
    const HOUR_MS: u64 = 3_600_000;
    let until = |group: &Group| group.kernel.liquidation.hold_ms;
    let mut group = Group::in_trouble(100, 100_000, 0, &rules());
    let now_ms = group.now_ms;
    group.bids(&[(940, 1_000)]);
    group.open(SHORTS[0], 1_000_000);
    // At most four hours ahead, and not in the past.
    for wrong in [now_ms, now_ms - 1, now_ms + 4 * HOUR_MS + 1, u64::MAX] {
        group.refused(Reject::InputParameter, |out| encode::hold_liquidations(out, wrong));
    }
    group.ok(|out| encode::hold_liquidations(out, now_ms + 4 * HOUR_MS));
    assert_eq!(group.kernel.next_timer_ms(), Some(now_ms + 4 * HOUR_MS));
    // Below maintenance: 100 lots at 920 leave 20,000 of 23,000. Trading goes on meanwhile.
    assert!(group.crash(920).is_empty());
    assert_eq!(group.perp(SHORTS[0], limit(true, 940, 1)).filled, 1);
    assert_eq!(group.kernel.liquidation.queue.len(), 1);
    // Told to end: the next command finds it liquidated.
    group.ok(|out| encode::hold_liquidations(out, 0));
    assert_eq!(until(&group), 0);
    assert_eq!(group.wait(0).len(), 1, "liquidated now");

    let mut group = Group::in_trouble(100, 100_000, 0, &rules());
    group.bids(&[(940, 1_000)]);
    group.ok(|out| encode::hold_liquidations(out, now_ms + HOUR_MS));
    assert!(group.crash(920).is_empty());
    // What recovers in time is left alone.
    assert!(group.crash(1_000).is_empty());
    assert!(group.wait(2 * HOUR_MS).is_empty());
    assert_eq!((until(&group), group.kernel.liquidation.number), (0, 0));
}

#[test]
fn a_hold_is_the_operators_alone() {
    let mut group = Group::in_trouble(100, 100_000, 0, &rules());
    let mut frame = Vec::new();
    encode::hold_liquidations(&mut frame, group.now_ms + 1_000);
    for (at, byte, reject) in [
        (4, LONG as u8, Reject::AccessOperatorOnly),
        (8, 0, Reject::InputParameter),
        (31, 1, Reject::InputBody),
        (3, 1, Reject::InputEnum),
    ] {
        let mut wrong = frame.clone();
        wrong[at] = byte;
        let ack = group.send_bytes(wrong);
        assert_eq!((Reject::of(ack.code), group.kernel.liquidation.hold_ms), (Some(reject), 0));
    }
}
