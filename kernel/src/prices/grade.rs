//! What a price may be used for.

/// How good the price of a market or asset is at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Grade {
    /// Nothing was ever observed.
    #[default]
    None = 0,
    /// Enough sources that agree, all fresh.
    Valid = 1,
    /// Fresh, but of too few sources.
    Thin = 2,
    /// No source is fresh.
    Stale = 3,
    /// The sources contradict one another, or the price is still far behind them.
    Volatile = 4,
    /// Of one observation only: it makes no sense, is ignored and counted against its source.
    Garbage = 5,
}

impl Grade {
    pub const NAMES: [&'static str; 6] = ["none", "valid", "thin", "stale", "volatile", "garbage"];

    pub fn name(self) -> &'static str {
        Grade::NAMES[self as usize]
    }

    /// The grade of a number in a snapshot or event.
    pub fn of(number: u8) -> Option<Grade> {
        use Grade::*;
        [None, Valid, Thin, Stale, Volatile, Garbage].into_iter().find(|grade| *grade as u8 == number)
    }

    /// Whether positions may be opened or enlarged. On a thin price only without leverage
    /// (`allows_leverage`).
    #[inline]
    pub fn allows_new_risk(self) -> bool {
        matches!(self, Grade::Valid | Grade::Thin)
    }

    /// Whether what is opened may be leveraged; else it is margined in full.
    #[inline]
    pub fn allows_leverage(self) -> bool {
        self == Grade::Valid
    }

    #[inline]
    pub fn allows_liquidation(self) -> bool {
        matches!(self, Grade::Valid | Grade::Thin)
    }

    #[inline]
    pub fn funding_paused(self) -> bool {
        !matches!(self, Grade::Valid | Grade::Thin)
    }
}
