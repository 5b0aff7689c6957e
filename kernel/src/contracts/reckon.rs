//! What a fill does to a position, and what a position adds to the sums of its account.

use super::positions::{value, worth};
use super::store::Contract;
use super::{Margin, Position};
use crate::num::magnitude;
use crate::prices::funding::owed;

/// Units of S a position owes for funding since it was last settled (negative: is owed): payers ceil, receivers floor.
#[inline]
pub(crate) fn funding_due(contract: &Contract, position: &Position) -> i64 {
    let moved = contract.funding_index - position.funding_index;
    if moved == 0 || position.lots == 0 {
        return 0;
    }
    owed(position.lots, moved)
}

/// Lots that move into a position (signed), what they are worth (units of S, same sign), the fee of the account, and how many
/// of the lots come from its resting orders.
pub(crate) struct PositionFill {
    pub lots: i64,
    pub value: i64,
    pub fee: i64,
    pub resting: i64,
}

/// What a fill of a position moved: profit realised, entry, and the initial margin if it is what it was.
pub(crate) struct Moved {
    pub realised: i64,
    pub entry: i64,
    pub kept: Option<i64>,
}

/// What a position adds to the sums of its account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Worth {
    pub upnl: i64,
    pub initial: i64,
    pub maintenance: i64,
    pub notional: i64,
}

impl Contract {
    /// Worth of a perpetual position and its orders at the present mark.
    #[inline]
    pub fn worth(&self, position: &Position) -> Worth {
        self.worth_with(position, self.initial(position))
    }

    /// As `worth`, of a position whose initial margin is known.
    #[inline(always)]
    fn worth_with(&self, position: &Position, initial: i64) -> Worth {
        let marked = value(position.lots, self.unit);
        let notional = magnitude(marked);
        Worth {
            upnl: marked - position.entry - funding_due(self, position),
            initial,
            maintenance: self.rules.maintenance(notional),
            notional,
        }
    }

    /// What a position and its orders add to the account's initial margin.
    #[inline]
    pub(super) fn initial(&self, position: &Position) -> i64 {
        self.initial_at(position, position.worst_lots())
    }

    /// As `initial`, given the lots of the larger side of position and orders.
    #[inline(always)]
    pub(super) fn initial_at(&self, position: &Position, worst: i64) -> i64 {
        let whole = self.rules.initial(worth(worst, self.unit), position.leverage, self.extra_ppm);
        match position.isolated {
            true => whole - self.own_initial(position),
            false => whole,
        }
    }

    /// The margin of an isolated position itself is its own; only its orders lean on the account.
    #[cold]
    fn own_initial(&self, position: &Position) -> i64 {
        self.rules.initial(worth(position.lots.abs(), self.unit), position.leverage, self.extra_ppm)
    }

    /// Move a position by a fill, and open interest with it; money and sums of the account are the caller's.
    #[inline(always)]
    pub(crate) fn fill(&mut self, at: usize, fill: &PositionFill) -> Moved {
        let position = &mut self.positions[at];
        let (long, entry, worst) = (position.lots.max(0), position.entry, position.worst_lots());
        let bought = fill.resting & -i64::from(fill.lots > 0);
        position.open_buy -= bought;
        position.open_sell -= fill.resting - bought;
        let realised = position.trade(fill.lots, fill.value);
        self.open_interest += position.lots.max(0) - long;
        // A fill of what rested moves lots from the orders to the position: their worst side is mostly what it was.
        let same = !position.isolated && position.worst_lots() == worst;
        Moved { realised, entry: position.entry - entry, kept: same.then_some(position.initial) }
    }

    /// Bring what a position adds to the sums of its account up to date; `initial` is its initial margin where that is known.
    /// The answer is whether the account is below maintenance then.
    #[inline(always)]
    pub(crate) fn reckon(&mut self, at: usize, initial: Option<i64>, margin: &mut Margin) -> bool {
        let position = &self.positions[at];
        let worth = self.worth_with(position, initial.unwrap_or_else(|| self.initial(position)));
        let position = &mut self.positions[at];
        margin.adjust(position, &worth);
        position.keep(&worth);
        margin.is_below()
    }
}

impl Margin {
    /// Take over a change of what one position adds.
    #[inline(always)]
    pub(super) fn adjust(&mut self, position: &Position, worth: &Worth) {
        self.initial += worth.initial - position.initial;
        self.notional += worth.notional - position.notional;
        if !position.isolated {
            self.upnl += worth.upnl - position.upnl;
            self.maintenance += worth.maintenance - position.maintenance;
        }
    }
}

impl Position {
    #[inline(always)]
    pub(super) fn keep(&mut self, worth: &Worth) {
        self.upnl = worth.upnl;
        self.initial = worth.initial;
        self.maintenance = worth.maintenance;
        self.notional = worth.notional;
    }

    /// Whether an isolated position no longer carries itself.
    #[inline]
    pub fn is_sunk(&self) -> bool {
        self.isolated && self.lots != 0 && self.margin + self.upnl < self.maintenance
    }
}
