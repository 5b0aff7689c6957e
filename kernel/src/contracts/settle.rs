//! The end of a perpetual market: once it is SETTLING and its orders are gone, every position is closed at the mark it had
//! when settlement began, a bounded number before each command. All at one price, so what some gain the others lose.

use super::PERPETUAL;
use crate::accounts::LIQUIDATOR;
use crate::bills::{bill_kind, Bill};
use crate::kernel::Kernel;
use crate::liquidation::report::{cause, stage};

/// Flat positions passed over in one step.
const LOOK: usize = 64;

impl Kernel {
    /// Fix the price at which the positions of a market are settled.
    pub(crate) fn fix_settlement(&mut self, market: usize) {
        let contract = &mut self.markets[market].contract;
        contract.settle_ticks = contract.mark;
        contract.settle_at = 0;
    }

    /// Close the next position of a settling market, or pass over flat ones; whether there is more to do.
    pub(crate) fn settle_position(&mut self, market: usize) -> bool {
        let record = &mut self.markets[market];
        if record.kind != PERPETUAL || record.contract.open_interest == 0 {
            return false;
        }
        let (tick_quote, contract) = (record.tick_quote, &mut record.contract);
        let (from, price) = (contract.settle_at as usize, contract.settle_ticks);
        let ahead = contract.positions.iter().skip(from).take(LOOK);
        let Some(passed) = ahead.clone().position(|position| position.lots != 0) else {
            let end = from + LOOK >= contract.positions.len();
            contract.settle_at = if end { 0 } else { (from + LOOK) as u32 };
            return true;
        };
        contract.settle_at = (from + passed + 1) as u32;
        let position = &contract.positions[from + passed];
        let (account, lots) = (position.account, position.lots);
        let amount = self.move_position_at(account, market, -lots, -lots * price * tick_quote);
        let cash_after = self.funds.margin(account).map_or(0, |margin| margin.cash);
        let number = self.funds.account(account).number;
        let bill = Bill {
            account: number,
            market: market as u32,
            kind: bill_kind::SETTLEMENT,
            lots: -lots,
            price_ticks: price,
            amount,
            cash_after,
            ..Bill::default()
        };
        self.out.bill(self.stamp(), bill);
        if number == LIQUIDATOR {
            self.sweep_fund(market, stage::WORKED_OFF, cause::NO_LIQUIDITY);
        }
        true
    }
}
