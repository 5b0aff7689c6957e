//! The operator's commands: money for the insurance fund, the rules of the waterfall, and a hold on it. Every handler checks first and
//! changes afterwards.

use super::report::{cause, stage};
use super::rules::{self, Rules};
use crate::accounts::{INSURANCE, VENUE_FEES};
use crate::codes::Reject;
use crate::kernel::{Kernel, Outcome};
use crate::output::Ack;
use crate::wire::{i64_at, kind, u32_at, u64_at, zeros, Frame, ALL_MARKETS};

/// Body of `fund insurance`: i64 amount, u32 asset, 4 zero bytes.
const FUND_BODY: usize = 16;
/// Body of `hold liquidations`: u64 until_ms, 8 zero bytes.
const HOLD_BODY: usize = 16;
/// A hold lasts at most this long from the command on, so that one that is forgotten ends by itself.
const LONGEST_HOLD_MS: u64 = 4 * 3_600_000;

impl Kernel {
    /// The operator's commands of this module.
    #[cold]
    pub(crate) fn operate_liquidation(&mut self, frame: &Frame) -> Outcome {
        if frame.account != 0 {
            return Err(Reject::AccessOperatorOnly);
        }
        match frame.kind {
            kind::FUND_INSURANCE => self.fund_insurance(frame),
            kind::HOLD_LIQUIDATIONS => self.hold_liquidations(frame),
            _ => self.set_liquidation_rules(frame),
        }
    }

    /// Move venue fees into the insurance fund.
    fn fund_insurance(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() != FUND_BODY || !zeros(&body[12..]) {
            return Err(Reject::InputBody);
        }
        let amount = i64_at(body, 0);
        if amount <= 0 {
            return Err(Reject::InputAmount);
        }
        let asset = self.funds.asset_slot(u32_at(body, 8)).ok_or(Reject::StateAssetUnknown)?;
        if self.funds.assets[asset as usize].reserved[VENUE_FEES as usize] < amount {
            return Err(Reject::RiskInsufficientBalance);
        }
        self.funds.change_reserved(VENUE_FEES, asset, -amount);
        self.funds.change_reserved(INSURANCE, asset, amount);
        self.report_fund_of(asset, ALL_MARKETS, cause::FUNDED, stage::NONE, amount);
        Ok(Ack::default())
    }

    /// Set the rules of the group (header market: all) or of one market.
    fn set_liquidation_rules(&mut self, frame: &Frame) -> Outcome {
        if frame.body.len() != rules::BODY || !zeros(&frame.body[44..]) {
            return Err(Reject::InputBody);
        }
        if frame.market != ALL_MARKETS {
            self.market_index(frame.market)?;
        }
        let rules = Rules::read(frame.body).ok_or(Reject::InputParameter)?;
        match frame.market {
            ALL_MARKETS => self.liquidation.rules = Some(rules),
            market => {
                self.liquidation.markets.insert(market, rules);
            }
        }
        Ok(Ack::default())
    }

    /// Do nothing of the waterfall until `until_ms`; 0 ends a hold. Who falls below meanwhile waits in the queue.
    fn hold_liquidations(&mut self, frame: &Frame) -> Outcome {
        if frame.body.len() != HOLD_BODY || !zeros(&frame.body[8..]) {
            return Err(Reject::InputBody);
        }
        let until_ms = u64_at(frame.body, 0);
        let ahead = self.now_ms + 1..=self.now_ms + LONGEST_HOLD_MS;
        if frame.market != ALL_MARKETS || (until_ms != 0 && !ahead.contains(&until_ms)) {
            return Err(Reject::InputParameter);
        }
        self.liquidation.hold_ms = until_ms;
        self.find_next_timer();
        Ok(Ack::default())
    }

    /// Whether `amount` units may leave the insurance fund: what it carries needs the rest.
    pub(crate) fn check_insurance_withdrawal(&self, asset: u32, amount: i64) -> Result<(), Reject> {
        if asset != self.funds.settlement || self.liquidator().is_none() {
            return Ok(());
        }
        let (health, notional) = (self.fund_health(), self.fund_notional());
        let margin =
            crate::num::share(notional, i64::from(self.liquidation_rules(ALL_MARKETS).fund_margin_ppm));
        if notional > 0 && health.equity.saturating_sub(amount) < margin.max(health.maintenance) {
            return Err(Reject::RiskInsuranceBound);
        }
        Ok(())
    }
}
