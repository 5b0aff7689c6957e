//! What queries and events say of positions and risk.

use serde_json::{json, Value};

use super::positions::value;
use super::{Margin, Position, Risk, PERPETUAL, SPOT};
use crate::kernel::Kernel;
use crate::market::Market;
use crate::num::MAX_QUANTITY;
use crate::output::PositionView;

impl Kernel {
    /// Positions changed in this batch, as events, and their marks taken off.
    pub(crate) fn report_positions(&mut self) {
        let stamp = self.stamp();
        for (account, market) in std::mem::take(&mut self.contracts.dirty) {
            let Some(at) = self.position_at(account, market as usize) else { continue };
            let number = self.funds.account(account).number;
            let contract = &mut self.markets[market as usize].contract;
            let position = &mut contract.positions[at];
            position.dirty = false;
            let view = PositionView {
                market,
                leverage: contract.rules.leverage(position.leverage) as u16,
                isolated: position.isolated,
                lots: position.lots,
                entry: position.entry,
                realised: position.realised,
                margin: position.margin,
                mark_ticks: contract.mark,
                upnl: position.upnl,
                maintenance: position.maintenance,
            };
            if self.out.enabled {
                self.out.position_event(stamp, number, &view);
            }
        }
    }

    /// First mark at which the bucket of a position would be liquidated, all else staying as it is; 0 when there is none.
    pub(crate) fn liquidation_price(&self, market: usize, position: &Position) -> i64 {
        if position.lots == 0 {
            return 0;
        }
        let (record, risk) = (&self.markets[market], self.bucket_risk(market, position));
        let others = risk.equity - position.upnl - risk.maintenance + position.maintenance;
        let due = value(position.lots, record.contract.unit) - position.entry - position.upnl;
        let sunk = |mark: i64| {
            let marked = value(position.lots, mark.saturating_mul(record.tick_quote));
            let own = i128::from(marked) - i128::from(position.entry) - i128::from(due);
            i128::from(others) + own < i128::from(record.contract.rules.maintenance(marked.abs()))
        };
        let mark = record.contract.mark;
        // Bounds of the search: `sound` is a mark at which it stands, `fallen` one at which it does not.
        let (mut sound, mut fallen) = if position.lots > 0 { (mark, 0) } else { (mark, MAX_QUANTITY) };
        if sunk(sound) || !sunk(fallen) {
            return if sunk(sound) { mark } else { 0 };
        }
        while (sound - fallen).abs() > 1 {
            let middle = fallen + (sound - fallen) / 2;
            if sunk(middle) {
                fallen = middle;
            } else {
                sound = middle;
            }
        }
        fallen
    }

    /// Price in ticks at which a position would leave its bucket with its share of the equity used up, rounded against it; 0
    /// when there is none. The share of a cross position is that of its maintenance.
    pub(crate) fn bankruptcy_price(&self, market: usize, position: &Position) -> i64 {
        let (record, risk) = (&self.markets[market], self.bucket_risk(market, position));
        if position.lots == 0 || risk.maintenance == 0 {
            return 0;
        }
        let share = i128::from(risk.equity) * i128::from(position.maintenance) / i128::from(risk.maintenance);
        let left = i128::from(value(position.lots, record.contract.unit)) - share;
        let lot = i128::from(position.lots) * i128::from(record.tick_quote);
        let (whole, rest) = (left.div_euclid(lot), left.rem_euclid(lot));
        let ticks = if position.lots > 0 { whole + i128::from(rest != 0) } else { whole };
        ticks.clamp(0, i128::from(MAX_QUANTITY)) as i64
    }

    /// Risk of the margin that carries a position: the account's, or its own.
    pub(crate) fn bucket_risk(&self, market: usize, position: &Position) -> Risk {
        if !position.isolated {
            return self.risk(position.account);
        }
        let contract = &self.markets[market].contract;
        let worth = value(position.lots.abs(), contract.unit);
        Risk {
            equity: position.margin + position.upnl,
            initial: contract.rules.initial(worth, position.leverage, contract.extra_ppm),
            maintenance: position.maintenance,
        }
    }

    fn position_json(&self, market: usize, position: &Position) -> Value {
        let record = &self.markets[market];
        let bucket = self.bucket_risk(market, position);
        let lots = i128::from(position.lots) * i128::from(record.tick_quote);
        let entry = (i128::from(position.entry) * 1_000_000).checked_div(lots).unwrap_or(0);
        json!({
            "market": market, "lots": position.lots, "entry": position.entry,
            "entry_price_ppm": i64::try_from(entry).unwrap_or(i64::MAX), "realised": position.realised,
            "open_buy": position.open_buy, "open_sell": position.open_sell,
            "leverage": record.contract.rules.leverage(position.leverage), "isolated": position.isolated,
            "margin": position.margin, "mark_ticks": record.contract.mark, "notional": position.notional,
            "upnl": position.upnl, "initial": position.initial, "maintenance": position.maintenance,
            "funding_due": value(position.lots, record.contract.unit) - position.entry - position.upnl,
            "liquidation_ticks": self.liquidation_price(market, position),
            "bankruptcy_ticks": self.bankruptcy_price(market, position),
            "bucket": {"equity": bucket.equity, "initial": bucket.initial, "maintenance": bucket.maintenance},
        })
    }

    /// Positions of an account, by market: with lots, orders, or leverage or mode of its own.
    pub(crate) fn positions_json(&self, account: u32) -> Vec<Value> {
        let Some(margin) = self.funds.margin(account) else { return Vec::new() };
        let rows = margin.rows.iter().map(|(market, at)| (*market as usize, *at as usize));
        let positions = rows.map(|(market, at)| (market, &self.markets[market].contract.positions[at]));
        let shown = positions.filter(|(_, p)| !p.is_flat() || p.leverage != 0 || p.isolated);
        shown.map(|(market, position)| self.position_json(market, position)).collect()
    }

    /// Cross risk of an account and what it is made of, in units of the settlement asset.
    pub(crate) fn risk_json(&self, account: u32) -> Value {
        let risk = self.risk(account);
        let margin = self.funds.margin(account).cloned().unwrap_or_else(|| self.spot_margin(account));
        let withdrawable = self.withdrawable(account).min(margin.settled()).max(0);
        let Margin { cash, held, upnl, collateral, outcomes, isolated, notional, .. } = margin;
        json!({
            "asset": self.funds.assets.get(self.funds.settlement as usize).map(|asset| asset.id),
            "equity": risk.equity, "initial": risk.initial, "maintenance": risk.maintenance,
            "free": risk.equity - risk.initial, "withdrawable": withdrawable,
            "cash": cash, "held": held, "upnl": upnl, "collateral": collateral, "outcomes": outcomes,
            "isolated": isolated, "notional": notional,
        })
    }

    /// Leverage and mode an account would trade a perpetual with, whether it has a position or not.
    pub(crate) fn leverage_json(&self, account: u32, market: usize) -> Value {
        let position = self.position(account, market).copied().unwrap_or_default();
        let leverage = self.markets[market].contract.rules.leverage(position.leverage);
        json!({"leverage": leverage, "isolated": position.isolated})
    }
}

/// What a contract market has beyond every market; nothing for spot.
pub(crate) fn contract_json(kernel: &Kernel, market: &Market) -> Vec<(&'static str, Value)> {
    let (contract, rules) = (&market.contract, &market.contract.rules);
    let number = market.number as usize;
    if market.kind == SPOT {
        return Vec::new();
    }
    let event = if contract.event == u32::MAX { Value::Null } else { json!(contract.event) };
    let mut shown = vec![
        ("mark_ticks", json!(kernel.mark_of(market))),
        ("index_ticks", json!(kernel.index(number))),
        ("grade", json!(kernel.grade(number).name())),
        ("open_interest", json!(contract.open_interest)),
        ("payout_ticks", json!(contract.payout_ticks)),
        ("event", event),
        ("outcome", json!(contract.outcome)),
    ];
    if market.kind == PERPETUAL {
        let tiers = rules.tiers().iter();
        let tiers = tiers.map(|tier| json!([tier.up_to, tier.initial_ppm, tier.maintenance_ppm]));
        shown.push(("tiers", tiers.collect()));
        for (name, value) in [
            ("max_leverage", rules.max_leverage()),
            ("interest_low", rules.interest_low),
            ("interest_high", rules.interest_high),
            ("interest_cap", rules.interest_cap),
            ("extra_ppm", contract.extra_ppm),
        ] {
            shown.push((name, json!(value)));
        }
    }
    shown
}
