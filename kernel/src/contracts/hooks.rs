//! What outcome markets do at the seams of matching and margin.

use crate::codes::Reject;
use crate::kernel::Kernel;
use crate::place::Place;
use crate::slab::Node;

impl Kernel {
    /// `lots` (signed) of an outcome changed hands for `value` units, which have moved already.
    pub(crate) fn outcome_fill(&mut self, _account: u32, _market: usize, _lots: i64, _value: i64) {}

    /// A resting outcome order grew by `lots` (negative: shrank).
    pub(crate) fn outcome_rest(&mut self, _node: &Node, _lots: i64) {}

    /// Whether an account may place an outcome order that trades at `limit` ticks at worst.
    pub(crate) fn check_outcome(
        &self,
        _place: &Place,
        _account: u32,
        _market: usize,
        _limit: i64,
    ) -> Result<(), Reject> {
        Err(Reject::StateMarketPhase)
    }

    /// Whether a resting outcome order may become `amended`.
    pub(crate) fn check_amend_outcome(&self, _amended: &Node, _node: &Node) -> Result<(), Reject> {
        Err(Reject::StateMarketPhase)
    }
}
