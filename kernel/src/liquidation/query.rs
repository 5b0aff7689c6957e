//! What queries show of the waterfall: the fund, and the last steps taken.

use serde_json::{json, Value};

use super::report::{cause, stage, Record, KEPT};
use crate::contracts::CROSS;
use crate::kernel::Kernel;
use crate::query::Request;

fn record_json(record: &Record) -> Value {
    json!({
        "number": record.number, "sequence": record.sequence, "time_ms": record.time_ms, "account": record.account,
        "market": if record.market == CROSS { Value::Null } else { record.market.into() },
        "stage": record.stage, "stage_name": stage::NAMES[record.stage as usize % stage::COUNT],
        "cause": record.cause, "cause_name": cause::NAMES[record.cause as usize % cause::NAMES.len()],
        "isolated": record.isolated, "lots": record.lots, "price_ticks": record.price, "value": record.value,
        "fee": record.fee, "realised": record.realised, "bankruptcy_ticks": record.bankruptcy,
        "equity_before": record.equity_before, "maintenance_before": record.maintenance_before,
        "equity_after": record.equity_after, "maintenance_after": record.maintenance_after,
    })
}

impl Kernel {
    /// `{"q":"insurance"}`: the fund, what it carries and what the stages have done so far.
    pub(crate) fn query_insurance(&self) -> Value {
        let health = self.fund_health();
        let carried = self.liquidator().map(|slot| self.carried(slot)).unwrap_or_default();
        let positions = carried.iter().map(|(market, lots)| {
            let record = &self.markets[*market];
            let own = self.liquidator().and_then(|slot| self.position(slot, *market));
            json!({
                "market": record.number, "lots": lots, "mark_ticks": record.contract.mark,
                "entry_value": own.map_or(0, |own| own.entry), "unrealised": own.map_or(0, |own| own.upnl),
                "cap": self.liquidation_rules(record.number).fund_cap,
            })
        });
        let balances = self.funds.assets.iter().map(|asset| json!([asset.id, asset.reserved[3]]));
        let stages = self.liquidation.tallies.iter().enumerate().skip(1).map(|(at, tally)| {
            json!({"stage": at, "name": stage::NAMES[at], "steps": tally.steps, "lots": tally.lots, "value": tally.value})
        });
        json!({
            "fund": self.insurance(), "equity": health.equity, "maintenance": health.maintenance,
            "notional": self.fund_notional(), "balances": balances.collect::<Vec<_>>(),
            "positions": positions.collect::<Vec<_>>(), "stages": stages.collect::<Vec<_>>(),
            "waiting": self.liquidation.queue.len(), "liquidations": self.liquidation.number,
            "most_units": self.liquidation.queue.most, "held_until_ms": self.liquidation.hold_ms,
        })
    }

    /// `{"q":"deleveraging","account":a}`: where the account's positions stand in the order of their market's side.
    pub(crate) fn query_deleveraging(&self, account: u32) -> Value {
        let held = self.funds.margin(account).map(|margin| margin.rows.as_slice()).unwrap_or_default();
        let places = held.iter().filter_map(|(market, _)| {
            let (place, count) = self.adl_place(*market as usize, account)?;
            Some(json!({"market": self.markets[*market as usize].number, "place": place, "count": count}))
        });
        json!({"queue": places.collect::<Vec<_>>()})
    }

    /// `{"q":"liquidations","limit":n,"account":a?,"market":m?}`: the last steps, newest first.
    pub(crate) fn query_liquidations(&self, request: &Request) -> Value {
        let limit = request.limit.unwrap_or(100).min(KEPT);
        let wanted = |record: &&Record| {
            (request.account == 0 || record.account == request.account)
                && request.market.is_none_or(|market| record.market == market)
        };
        let newest = self.liquidation.ring.iter().rev().filter(wanted).take(limit);
        json!({"liquidations": newest.map(record_json).collect::<Vec<_>>()})
    }
}
