//! What an order would do if it were placed now, for the ticket of a trader: the same checks, and a walk
//! through the book that trades nothing.

use serde_json::{json, Value};

use crate::codes::Reject;
use crate::kernel::Kernel;
use crate::market::Market;
use crate::num::{affordable_lots, charge, prepaid_after, PPM};
use crate::place::Place;
use crate::query::{refused, Request};
use crate::wire::{flag, FOK, GTC, IOC, LIMIT};

/// What a walk through the opposite side would trade.
#[derive(Default)]
struct Walk {
    lots: i64,
    notional: i64,
    worst: i64,
}

/// Trade `wanted` lots within `limit`, or as many as `budget` quote units pay for.
fn walk(market: &Market, side: usize, limit: i64, mut wanted: i64, mut budget: i64, fee_ppm: i32) -> Walk {
    let (mut done, mut prepaid) = (Walk::default(), 0);
    for price in market.book.prices(1 - side) {
        let within = if side == 0 { price <= limit } else { price >= limit };
        if !within || wanted == 0 {
            break;
        }
        let lot_price = market.lot_price(price);
        let mut lots = market.book.level(1 - side, price).map_or(0, |level| level.lots.min(wanted));
        if budget != i64::MAX {
            lots = lots.min(affordable_lots(budget, lot_price, fee_ppm, prepaid));
        }
        let Some(value) = lots.checked_mul(lot_price).filter(|_| lots > 0) else {
            break;
        };
        let Some(notional) = done.notional.checked_add(value) else {
            break;
        };
        if budget != i64::MAX {
            let fee = charge(value, fee_ppm, prepaid);
            prepaid = prepaid_after(value, fee_ppm, prepaid, fee);
            budget -= value + fee;
        }
        wanted -= lots;
        done = Walk { lots: done.lots + lots, notional, worst: price };
    }
    done
}

impl Kernel {
    /// What an order would do if it were placed now.
    pub(crate) fn preview(&self, request: &Request) -> Value {
        let market = match request.market.and_then(|number| self.markets.get(number as usize)) {
            Some(market) => market,
            None => return refused(Reject::StateMarketUnknown),
        };
        let flags = flag::when(request.side == 1, flag::SELL)
            | flag::when(request.post_only, flag::POST_ONLY)
            | flag::when(request.quote_size, flag::QUOTE_SIZE);
        let place = Place {
            flags,
            order_type: request.order_type,
            tif: request.tif.unwrap_or(if request.order_type == LIMIT { GTC } else { IOC }),
            stp: 0,
            price: request.price_ticks,
            size: request.size_lots,
            expires_ms: 0,
            deadline_ms: 0,
            builder: 0,
            client_len: 0,
            client_id: [0; 4],
        };
        let checked = self.user(request.account).and_then(|account| {
            place.check()?;
            self.check_place(&place, account, market.number)
        });
        let tier = self.user(request.account).map_or(0, |slot| self.funds.account(slot).tier);
        self.simulate(&place, market, tier, checked.err())
    }

    fn simulate(&self, place: &Place, market: &Market, tier: u16, reject: Option<Reject>) -> Value {
        let side = place.side();
        let taker_ppm = market.fees(tier).1;
        let limit = match place.order_type {
            LIMIT => place.price,
            _ => market.market_limit(side, place.price).unwrap_or(0),
        };
        let (wanted, budget) =
            if place.is_quote_size() { (i64::MAX, place.size) } else { (place.size, i64::MAX) };
        let would_take = limit > 0 && market.book.crosses(side, limit);
        let mut done = Walk::default();
        if would_take && place.flags & flag::POST_ONLY == 0 {
            done = walk(market, side, limit, wanted, budget, taker_ppm);
        }
        if place.tif == FOK && done.lots < wanted {
            done = Walk::default();
        }
        let post_only_cancel = would_take && place.flags & flag::POST_ONLY != 0;
        let resting = if place.may_rest() && !post_only_cancel { (wanted - done.lots).max(0) } else { 0 };
        let rest_notional = resting.saturating_mul(place.price.max(0)).saturating_mul(market.tick_quote);
        let hold = match side {
            0 => rest_notional.saturating_add(charge(rest_notional, taker_ppm, 0)),
            _ => resting.saturating_mul(market.lot_size),
        };
        let average = match done.lots {
            0 => 0,
            lots => {
                i128::from(done.notional) * i128::from(PPM) / i128::from(market.tick_quote) / i128::from(lots)
            }
        };
        json!({
            "code": reject.map_or(0, |reject| reject as u16), "name": reject.map_or("OK", |reject| reject.name()),
            "message": reject.map_or("", |reject| reject.sentence()),
            "filled_lots": done.lots, "average_price_ppm": i64::try_from(average).unwrap_or(i64::MAX),
            "worst_price_ticks": done.worst, "notional": done.notional,
            "fee": charge(done.notional, taker_ppm, 0), "resting_lots": resting, "hold": hold,
            "would_take": would_take,
        })
    }
}
