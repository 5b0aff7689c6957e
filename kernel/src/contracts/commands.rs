//! Commands of contracts: leverage, margin mode, isolated margin and closing for traders; margin tiers and collateral for the
//! operator.

use super::collateral::{Haircut, HAIRCUTS};
use super::positions::value;
use super::rules::{Tier, MAX_LEVERAGE, TIERS};
use super::{Collateral, Position, Rules, PERPETUAL, SPOT};
use crate::accounts::FROZEN;
use crate::codes::Reject;
use crate::kernel::{Kernel, Outcome};
use crate::output::Ack;
use crate::wire::{flag, i64_at, kind, u32_at, u64_at, zeros, Frame, IOC, MARKET};

/// A body of exactly this length.
fn exact(body: &[u8], length: usize) -> Result<(), Reject> {
    if body.len() == length {
        Ok(())
    } else {
        Err(Reject::InputBody)
    }
}

impl Kernel {
    #[cold]
    pub(crate) fn contract_command(&mut self, frame: &Frame) -> Outcome {
        if frame.kind >= kind::OPERATOR && frame.account != 0 {
            return Err(Reject::AccessOperatorOnly);
        }
        match frame.kind {
            kind::SET_LEVERAGE => self.set_leverage(frame),
            kind::MOVE_MARGIN => self.move_margin(frame),
            kind::SET_MARGIN_MODE => self.set_margin_mode(frame),
            kind::CLOSE_POSITION => self.close_position(frame),
            kind::SET_MARGIN_TIERS => self.set_margin_tiers(frame),
            _ => self.set_collateral(frame),
        }
    }

    /// The account and perpetual market a trader's command is about.
    fn trader(&self, frame: &Frame) -> Result<(u32, usize), Reject> {
        let account = self.user(frame.account)?;
        if self.funds.account(account).flags & FROZEN != 0 {
            return Err(Reject::AccessFrozen);
        }
        let market = self.market_index(frame.market)?;
        if self.markets[market].kind != PERPETUAL {
            return Err(Reject::InputParameter);
        }
        Ok((account, market))
    }

    /// Leverage of an account in a market, for what it holds and for its orders. Less leverage asks for more margin and passes
    /// only if there is as much.
    fn set_leverage(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, 8)?;
        let leverage = u32_at(frame.body, 0);
        if !zeros(&frame.body[4..]) {
            return Err(Reject::InputBody);
        }
        if leverage == 0 || i64::from(leverage) > MAX_LEVERAGE {
            return Err(Reject::InputParameter);
        }
        let (account, market) = self.trader(frame)?;
        let contract = &self.markets[market].contract;
        if i64::from(leverage) > contract.rules.max_leverage() {
            return Err(Reject::RiskLeverage);
        }
        let position = self.position(account, market).copied().unwrap_or_default();
        let next = Position { leverage: leverage as u16, ..position };
        let more = contract.worth(&next).initial - position.initial;
        let risk = self.risk(account);
        if more > 0 && risk.equity < risk.initial + more {
            return Err(Reject::RiskMargin);
        }
        let at = self.open_position(account, market);
        self.markets[market].contract.positions[at].leverage = leverage as u16;
        self.note_position(market, at);
        self.refresh(market, at);
        Ok(Ack::default())
    }

    /// Cross or isolated; only while the account has neither position nor orders in the market.
    fn set_margin_mode(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, 8)?;
        let isolated = frame.body[0];
        if !zeros(&frame.body[1..]) {
            return Err(Reject::InputBody);
        }
        if isolated > 1 {
            return Err(Reject::InputEnum);
        }
        let (account, market) = self.trader(frame)?;
        let position = self.position(account, market).copied().unwrap_or_default();
        if position.isolated == (isolated == 1) {
            return Ok(Ack::default());
        }
        if !position.is_flat() {
            return Err(Reject::RiskMarginMode);
        }
        let at = self.open_position(account, market);
        self.settle_funding(market, at);
        self.markets[market].contract.positions[at].isolated = isolated == 1;
        self.note_position(market, at);
        self.refresh(market, at);
        Ok(Ack::default())
    }

    /// Add to or take from the margin of an isolated position. What is added must be free cash and leave the account's own
    /// initial margin covered; what is left must cover the position's, and a tenth of its value, without unrealised profit.
    fn move_margin(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, 8)?;
        let amount = i64_at(frame.body, 0);
        if amount == 0 || amount == i64::MIN {
            return Err(Reject::InputAmount);
        }
        let (account, market) = self.trader(frame)?;
        let at = self.position_at(account, market).ok_or(Reject::RiskNoPosition)?;
        let contract = &self.markets[market].contract;
        let position = &contract.positions[at];
        if !position.isolated || position.lots == 0 {
            return Err(Reject::RiskNoPosition);
        }
        let margin = self.funds.margin_mut(account);
        let risk = margin.risk();
        let sound = if amount > 0 {
            amount <= margin.settled().min(risk.equity - risk.initial)
        } else {
            let left = position.margin.saturating_add(amount).saturating_add(position.upnl.min(0));
            let worth = value(position.lots.abs(), contract.unit);
            let needed = contract.rules.initial(worth, position.leverage, contract.extra_ppm);
            left >= needed.max(worth / 10)
        };
        if !sound {
            return Err(Reject::RiskMargin);
        }
        margin.isolated += amount;
        self.markets[market].contract.positions[at].margin += amount;
        self.note_position(market, at);
        self.refresh(market, at);
        Ok(Ack::default())
    }

    /// Close a position at market, or turn it round: a market order of the lots held, or twice as many, on the other side.
    fn close_position(&mut self, frame: &Frame) -> Outcome {
        exact(frame.body, 24)?;
        let (price, turn, deadline_ms) = (i64_at(frame.body, 0), frame.body[8], u64_at(frame.body, 16));
        if !zeros(&frame.body[9..16]) {
            return Err(Reject::InputBody);
        }
        if turn > 1 {
            return Err(Reject::InputEnum);
        }
        let (account, market) = self.trader(frame)?;
        let lots = self.position(account, market).map_or(0, |position| position.lots);
        if lots == 0 {
            return Err(Reject::RiskNoPosition);
        }
        let size = if turn == 1 { lots.saturating_mul(2) } else { lots };
        let mut body = [0; 40];
        body[..8].copy_from_slice(&price.to_le_bytes());
        body[8..16].copy_from_slice(&size.saturating_abs().to_le_bytes());
        body[16] = MARKET;
        body[17] = IOC;
        body[32..].copy_from_slice(&deadline_ms.to_le_bytes());
        let flags = flag::when(lots > 0, flag::SELL) | flag::when(turn == 0, flag::REDUCE_ONLY);
        let order = Frame { kind: kind::PLACE, flags, body: &body, ..*frame };
        self.place_frame(&order)
    }

    /// Margin tiers and open-interest levels of a perpetual market; all its positions are revalued at once.
    fn set_margin_tiers(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        const FIXED: usize = 32;
        if body.len() < FIXED || body.len() != FIXED + 16 * body[0] as usize || !zeros(&body[1..8]) {
            return Err(Reject::InputBody);
        }
        if !(1..=TIERS).contains(&(body[0] as usize)) {
            return Err(Reject::InputParameter);
        }
        let mut rules = Rules {
            count: body[0],
            interest_low: i64_at(body, 8),
            interest_high: i64_at(body, 16),
            interest_cap: i64_at(body, 24),
            ..Rules::default()
        };
        for (tier, bytes) in rules.tiers.iter_mut().zip(body[FIXED..].chunks_exact(16)) {
            *tier = Tier {
                up_to: i64_at(bytes, 0),
                initial_ppm: u32_at(bytes, 8),
                maintenance_ppm: u32_at(bytes, 12),
            };
        }
        if !rules.allowed() {
            return Err(Reject::InputParameter);
        }
        let market = self.market_index(frame.market)?;
        if self.markets[market].kind != PERPETUAL {
            return Err(Reject::InputParameter);
        }
        self.markets[market].contract.rules = rules;
        self.touch_market(market);
        self.revalue(market);
        Ok(Ack::default())
    }

    /// How the base asset of a spot market counts as collateral; no tiers: not at all.
    fn set_collateral(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        const FIXED: usize = 8;
        if body.len() < FIXED || body.len() != FIXED + 16 * body[0] as usize || !zeros(&body[1..8]) {
            return Err(Reject::InputBody);
        }
        if body[0] as usize > HAIRCUTS {
            return Err(Reject::InputParameter);
        }
        let mut haircuts = [Haircut::default(); HAIRCUTS];
        for (tier, bytes) in haircuts.iter_mut().zip(body[FIXED..].chunks_exact(16)) {
            if !zeros(&bytes[12..]) {
                return Err(Reject::InputBody);
            }
            *tier = Haircut { up_to: i64_at(bytes, 0), haircut_ppm: u32_at(bytes, 8) };
        }
        let market = &self.markets[self.market_index(frame.market)?];
        let rule = Collateral { asset: market.base, market: frame.market, haircuts, count: body[0] };
        let settles = market.kind == SPOT && market.quote == self.funds.settlement;
        if !settles || (rule.count > 0 && !rule.allowed()) {
            return Err(Reject::InputParameter);
        }
        self.contracts.collateral.retain(|known| known.asset != rule.asset);
        if rule.count > 0 {
            self.contracts.collateral.push(rule);
        }
        for at in 1..self.funds.margins.len() {
            let account = self.funds.margins[at].account;
            self.refresh_collateral(account);
            self.watch(account);
        }
        Ok(Ack::default())
    }
}
