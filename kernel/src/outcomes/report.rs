//! What private events say of outcome positions.

use crate::kernel::Kernel;
use crate::output::PositionView;

impl Kernel {
    /// Outcome positions changed in this batch, as events, and their marks taken off.
    pub(crate) fn report_outcomes(&mut self) {
        let stamp = self.stamp();
        for (account, market) in std::mem::take(&mut self.outcomes.dirty) {
            let contract = &self.markets[market as usize].contract;
            let (event, outcome) = (contract.event, contract.outcome as usize);
            let mut view = PositionView { market, leverage: 1, ..PositionView::default() };
            if let Some(at) = self.outcomes.place(account, event) {
                let holding = &mut self.outcomes.holdings[at];
                view.lots = holding.lots(outcome);
                let leg = holding.leg_mut(outcome);
                leg.dirty = false;
                (view.entry, view.realised) = (leg.entry, leg.realised);
            }
            if self.out.enabled {
                view.mark_ticks = self.fair_price(market).unwrap_or(0);
                self.out.position_event(stamp, self.funds.account(account).number, &view);
            }
        }
    }
}
