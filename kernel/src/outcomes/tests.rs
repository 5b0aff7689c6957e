//! The arithmetic of holdings and payouts against definitions that are slow and obviously right.

use proptest::prelude::*;

use super::holding::{Holding, Open};
use super::payouts::{fee_base, largest_lot_base, normalised, sound, One};

const ONE: i64 = 100;

/// Worst of cash and payout over every outcome and every subset of the orders, by trying them all.
fn slow_exposure(lots: &[i64], orders: &[(usize, bool, i64, i64)]) -> i64 {
    let mut worst = i64::MAX;
    for subset in 0..1_u32 << orders.len() {
        let (mut cash, mut after) = (0, lots.to_vec());
        for (bit, (at, sell, size, price)) in orders.iter().enumerate() {
            if subset & (1 << bit) != 0 {
                let signed = if *sell { -size } else { *size };
                after[*at] += signed;
                cash -= signed * price;
            }
        }
        for lots in after {
            worst = worst.min(cash + lots * ONE);
        }
    }
    worst
}

fn open(sell: bool, lots: i64, price: i64) -> Open {
    Open { sell, lots, value: lots * price, fee: 0 }
}

type Orders = Vec<(usize, bool, i64, i64)>;

fn positions() -> impl Strategy<Value = (Vec<i64>, Orders)> {
    (2_usize..6).prop_flat_map(|outcomes| {
        let orders = prop::collection::vec((0..outcomes, any::<bool>(), 1_i64..20, 1..ONE), 0..7);
        (prop::collection::vec(-30_i64..30, outcomes), orders)
    })
}

proptest! {
    #[test]
    fn exposure_is_the_worst_of_every_outcome_and_every_subset_of_orders((lots, orders) in positions()) {
        let mut holding = Holding::new(0, 0, lots.len(), ONE);
        for (at, lots) in lots.iter().enumerate() {
            holding.trade(at, *lots, lots.abs() * 50);
        }
        prop_assert_eq!(holding.worst(), lots.iter().min().copied().unwrap_or(0) * ONE);
        for (count, (at, sell, size, price)) in orders.iter().enumerate() {
            let order = open(*sell, *size, *price);
            let expected = slow_exposure(&lots, &orders[..=count]);
            prop_assert_eq!(holding.with_order(*at, order), Some(expected), "asked before");
            holding.order(*at, order);
            prop_assert_eq!(holding.exposure(), expected, "and so it is");
        }
        for (at, sell, size, price) in &orders {
            let signed = if *sell { -size } else { *size };
            holding.trade(*at, signed, size * price);
            holding.order(*at, open(*sell, *size, *price).gone());
        }
        prop_assert_eq!(holding.exposure(), holding.worst(), "without open orders both are the same");
    }

    #[test]
    fn a_new_outcome_changes_neither_minimum(
        lots in prop::collection::vec(-30_i64..30, 2..6), size in 1_i64..9, price in 1..ONE
    ) {
        let mut holding = Holding::new(0, 0, lots.len(), ONE);
        for (at, lots) in lots.iter().enumerate() {
            holding.trade(at, *lots, lots.abs() * 50);
        }
        holding.order(0, open(true, size, price));
        let fallback = lots.len() - 1;
        let before = (holding.worst(), holding.exposure());
        holding.catch_up(lots.len() + 2, fallback);
        prop_assert_eq!(before, (holding.worst(), holding.exposure()));
        prop_assert_eq!(holding.lots(lots.len() + 1), lots[fallback]);
    }

    #[test]
    fn void_payouts_sum_to_one_and_keep_the_ratio(
        fair in prop::collection::vec(prop::option::of(0_i64..10_001), 2..48)
    ) {
        let payouts = normalised(&fair, 10_000);
        prop_assert!(sound(&payouts, 10_000));
        let known: i64 = fair.iter().flatten().sum();
        for (ticks, payout) in fair.iter().zip(&payouts) {
            if let (Some(ticks), true) = (ticks, known >= 10_000) {
                prop_assert!((i128::from(*payout) * i128::from(known) - i128::from(*ticks) * 10_000).abs() <= i128::from(known));
            }
        }
    }

    #[test]
    fn what_is_held_for_fees_covers_every_way_to_fill(
        sell in any::<bool>(), limit in 1..ONE, fills in prop::collection::vec((1_i64..9, 1..ONE), 1..12), tick in 1_i64..50
    ) {
        let better = |price: i64| if sell { price.max(limit) } else { price.min(limit) };
        let lots: i64 = fills.iter().map(|fill| fill.0).sum();
        let bases = fills.iter().map(|(lots, price)| fee_base(lots * better(*price) * tick, better(*price), One::of(ONE)));
        prop_assert!(bases.sum::<i64>() <= lots * largest_lot_base(sell, limit, One::of(ONE), tick));
    }
}

proptest! {
    #[test]
    fn a_part_of_one_is_what_division_says(one in 2_i64..=i64::from(u32::MAX), notional in 0_i64..1 << 40, price in 0_i64..1 << 32) {
        let rest = i128::from((one - price).max(0));
        let exact = (i128::from(notional) * rest + i128::from(one) - 1) / i128::from(one);
        prop_assert_eq!(i128::from(fee_base(notional, price, One::of(one))), exact);
    }
}

#[test]
fn no_of_every_outcome_is_worth_all_but_one() {
    let mut holding = Holding::new(0, 0, 3, ONE);
    let mut cash = 0;
    for (at, price) in [50, 30, 20].into_iter().enumerate() {
        holding.trade(at, -10, 10 * price);
        cash += 10 * price;
    }
    // Seen as contracts on No: they cost 50 + 70 + 80 and two of the three pay.
    assert_eq!(holding.worst(), -10 * ONE, "short of all three loses one payout, not three");
    assert_eq!(cash + holding.worst(), 0, "sold at prices that sum to one it is worth what it brought");
}

#[test]
fn entries_leave_in_proportion() {
    let mut holding = Holding::new(0, 0, 2, ONE);
    holding.trade(0, 10, 400);
    holding.trade(0, -4, 240);
    assert_eq!((holding.leg(0).entry, holding.leg(0).realised), (240, 80));
    holding.trade(0, -10, 500);
    assert_eq!((holding.leg(0).entry, holding.leg(0).realised), (-200, 140), "four lots short, sold at 50");
}

#[test]
fn voids_without_prices_pay_alike() {
    assert_eq!(normalised(&[None, None, None], 100), [34, 33, 33]);
    assert_eq!(normalised(&[Some(60), None, None], 100), [60, 20, 20]);
    assert_eq!(normalised(&[Some(90), Some(60), None], 100), [60, 40, 0]);
    assert_eq!(normalised(&[Some(0), Some(0)], 101), [51, 50]);
}
