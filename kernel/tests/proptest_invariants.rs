//! The invariants of the design that apply to spot, each named after its number, on random command streams of one command a batch. The kernel's own
//! audit (`check_invariants`) runs after every command as well. 26 and 27 are in `replay.rs`, 28 in `reference.rs`; 29 also in `fuzz_bounded.rs`.

mod proptest_rules;
mod reference_model;

use proptest::prelude::*;
use proptest_rules::{check, fees, matching, money, state};

macro_rules! invariants {
    ($($name:ident: $rule:ty;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 20, max_shrink_iters: 5_000, failure_persistence: None, ..ProptestConfig::default() })]
            $(
                #[test]
                fn $name(seed in 0u64..1_000, genes in prop::collection::vec(any::<[u16; 12]>(), 1..250)) {
                    check::<$rule>(seed, &genes);
                }
            )*
        }
    };
}

invariants! {
    invariant_01_conservation: money::Conservation;
    invariant_03_nothing_overdrawn: money::NothingOverdrawn;
    invariant_04_holds_are_needs: money::HoldsAreNeeds;
    invariant_05_never_crossed: matching::NeverCrossed;
    invariant_06_price_time_priority: matching::PriceTimePriority;
    invariant_07_fill_prices_and_sizes: matching::FillPricesAndSizes;
    invariant_08_no_self_trades: matching::NoSelfTrades;
    invariant_09_sizes_of_the_market: matching::SizesOfTheMarket;
    invariant_10_order_options: matching::OrderOptions;
    invariant_23_fees: fees::Fees;
    invariant_24_acts_once: state::ActsOnce;
    invariant_25_sequences: state::Sequences;
    invariant_29_all_or_nothing: state::AllOrNothing;
    invariant_30_bounds: state::Bounds;
    invariant_34_halt_is_safe: state::HaltIsSafe;
}
