//! What must hold of prices between two commands.

use super::commands::highest;
use crate::contracts::PERPETUAL;
use crate::kernel::Kernel;

impl Kernel {
    /// Feeds that can be counted, marks that positions follow, timers that are those of their feeds.
    pub(crate) fn check_prices(&self) -> Result<(), String> {
        let mut armed = 0;
        for market in &self.markets {
            let (prices, number) = (&market.prices, market.number);
            prices
                .feed
                .check(highest(market.tick_quote))
                .map_err(|what| format!("market {number}: {what}"))?;
            let counted = prices.mark >= 0 && (prices.mark == 0) == (prices.feed.index == 0);
            if !counted || !prices.funding.is_sound() {
                return Err(format!("the prices of market {number} are unsound"));
            }
            if market.kind == PERPETUAL && prices.mark != 0 && prices.mark != market.contract.mark {
                return Err(format!("the positions of market {number} are not at mark"));
            }
            let wanted = prices.due_ms != u64::MAX;
            if self.prices.due.contains(&(prices.due_ms, number)) != wanted {
                return Err(format!("the price timer of market {number} is not armed"));
            }
            armed += usize::from(wanted);
        }
        self.check_funding()?;
        if armed == self.prices.due.len() {
            Ok(())
        } else {
            Err("a price timer belongs to nothing".to_owned())
        }
    }
}
