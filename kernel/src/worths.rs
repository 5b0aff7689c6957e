//! What every account would be left with if all of it were closed at the present marks: what a venue owes to whom.
//!
//! Positions are worth `value at mark - entry`, contracts of an event the payouts that are known or else the fair prices
//! scaled to one, so that what some gain others lose to the unit: over all accounts, reserved ones and pots, the worths
//! of an asset sum to what was deposited and not withdrawn. Funding under way is not counted; it is in the pot.

use crate::contracts::OUTCOME;
use crate::kernel::Kernel;
use crate::outcomes::event::event_state;

/// Units of an asset that an account is worth; negative for one that owes more than it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth {
    pub owner: u64,
    pub account: u32,
    pub asset: u32,
    pub units: i64,
}

impl Kernel {
    /// The worth of every user's account in every asset it has, in the order of accounts; nothing where it is zero.
    pub fn worths(&self) -> Vec<Worth> {
        let mut marked = vec![0i128; self.funds.accounts.len()];
        for market in self.markets.iter().filter(|market| market.kind != OUTCOME) {
            for position in &market.contract.positions {
                let lots = i128::from(position.lots) * i128::from(market.contract.unit);
                marked[position.account as usize] += lots - i128::from(position.entry);
            }
        }
        for (at, event) in self.outcomes.events.iter().enumerate() {
            let known = event.state == event_state::PAYING || event.state == event_state::SETTLED;
            let payouts = match known {
                true => event.outcomes.iter().map(|row| row.payout).collect(),
                false => self.fair_payouts(at),
            };
            for account in &event.holders {
                let Some(holding) = self.outcomes.holding(*account, event.number) else { continue };
                for (outcome, payout) in payouts.iter().enumerate() {
                    // Who has not learned of a late outcome has as much of it as of the fallback it came out of.
                    let known = if outcome < holding.outcomes() { outcome } else { event.fallback as usize };
                    let ticks = i128::from(holding.lots(known)) * i128::from(*payout);
                    marked[*account as usize] += ticks * i128::from(event.tick);
                }
            }
        }
        let mut worths = Vec::new();
        for (account, mut extra) in self.funds.accounts.iter().zip(marked) {
            for balance in &account.balances {
                let settles = balance.asset == self.funds.settlement;
                let more = if settles { std::mem::take(&mut extra) } else { 0 };
                let units = i128::from(balance.total) + more;
                let asset = self.funds.assets[balance.asset as usize].id;
                let units = units.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
                if units != 0 {
                    worths.push(Worth { owner: account.owner, account: account.number, asset, units });
                }
            }
            assert!(extra == 0, "an account with contracts has a balance of what they settle in");
        }
        worths
    }
}
