//! Outcome markets: events of mutually exclusive outcomes, what accounts hold of them, and their resolution.

pub(crate) mod holding;
pub(crate) mod payouts;
#[cfg(test)]
mod tests;
