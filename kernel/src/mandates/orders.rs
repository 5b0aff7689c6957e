//! What the mandate of a key says to an order, before the order's own checks.

use super::{Held, Mandate, TRADE};
use crate::book::NIL_PRICE;
use crate::codes::Reject;
use crate::contracts::{DEFAULT_LEVERAGE, OUTCOME, PERPETUAL};
use crate::kernel::Kernel;
use crate::num::MAX_QUANTITY;
use crate::wire::{flag, Frame};

/// An order as mandates see it: what it may come to at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub market: u32,
    pub side: usize,
    /// Worst price; 0 for a market order without one.
    pub price: i64,
    pub lots: i64,
    /// Quote units to spend instead of lots; 0 if it is sized in lots.
    pub budget: i64,
    pub reduce_only: bool,
    /// Lots of it that rest already.
    pub standing: i64,
}

impl Wanted {
    /// A plain limit order.
    #[inline(always)]
    pub fn plain(market: u32, side: usize, price: i64, lots: i64) -> Wanted {
        Wanted { market, side, price, lots, budget: 0, reduce_only: false, standing: 0 }
    }
}

impl Kernel {
    /// Check an order of the frame's account and key against the key's mandate, and count it. For any command that
    /// leads to an order, at once or later.
    pub(crate) fn check_key_order(&mut self, frame: &Frame, wanted: Wanted) -> Result<(), Reject> {
        let Some(held) = self.held_by(frame) else { return Ok(()) };
        let mandate = self.mandates.keys.held_mut(held);
        mandate.permits(TRADE, self.now_ms)?;
        if !mandate.covers(wanted.market) {
            return Err(Reject::AccessKeyMarket);
        }
        mandate.count(self.now_ms)?;
        mandate.turn_day(&self.markets, self.now_ms);
        let mandate = self.mandates.keys.held(held);
        let account = self.user(frame.account)?;
        if (wanted.market as usize) < self.markets.len() {
            self.check_size(mandate, account, &wanted)?;
        }
        Ok(())
    }

    /// Whether an order of an account passes the mandate of its key as it stands, and all that is left to do is to count it:
    /// what `check_key_order` checks, with nothing changed. `false` where that refuses, or has a new day to begin.
    #[inline(never)]
    pub(crate) fn keeps_mandate(&self, held: Held, account: u32, wanted: &Wanted) -> bool {
        let mandate = self.mandates.keys.held(held);
        mandate.permits(TRADE, self.now_ms).is_ok()
            && mandate.covers(wanted.market)
            && mandate.has_room(self.mandates.now)
            && (wanted.market as usize) < self.markets.len()
            && (!mandate.bounds_value() || self.check_size(mandate, account, wanted).is_ok())
    }

    /// Check an amendment: as a new order of what would remain, in place of the old one.
    pub(crate) fn check_key_amend(
        &mut self,
        frame: &Frame,
        slot: u32,
        price: i64,
        size: i64,
    ) -> Result<(), Reject> {
        if frame.key == 0 || !self.mandates.bind() {
            return Ok(());
        }
        let (node, cold) = (self.slab.node(slot), self.slab.cold(slot));
        let remaining = if size == 0 { node.remaining } else { size - cold.filled };
        let wanted = Wanted {
            market: u32::from(node.market),
            side: node.side(),
            price: if price == 0 { node.price } else { price },
            lots: remaining.max(0),
            budget: 0,
            reduce_only: node.flags & flag::REDUCE_ONLY != 0,
            standing: node.remaining,
        };
        self.check_key_order(frame, wanted)
    }

    /// The bounds of value, leverage and loss.
    fn check_size(&self, mandate: &Mandate, account: u32, wanted: &Wanted) -> Result<(), Reject> {
        if !mandate.bounds_value() {
            return Ok(());
        }
        let bounded = mandate.position_notional != 0 || mandate.leverage != 0 || mandate.daily_loss != 0;
        let (notional, lots) = self.reach(wanted);
        if mandate.order_notional != 0 && notional > i128::from(mandate.order_notional) {
            return Err(Reject::AccessKeyOrder);
        }
        // What follows may look through every open order of the account.
        if wanted.reduce_only || !bounded {
            return Ok(());
        }
        let (before, after) = self.exposed_lots(account, wanted, lots);
        if after <= before {
            return Ok(());
        }
        let unit = i128::from(self.markets[wanted.market as usize].lot_price(self.reach_price(wanted)));
        if mandate.position_notional != 0 && after * unit > i128::from(mandate.position_notional) {
            return Err(Reject::AccessKeyPosition);
        }
        if mandate.leverage != 0 && self.leverage_at(account, wanted.market) > mandate.leverage {
            return Err(Reject::AccessKeyLeverage);
        }
        if mandate.has_lost(&self.markets) {
            return Err(Reject::AccessKeyLoss);
        }
        Ok(())
    }

    /// Price an order is valued at: for a buy the worst it may pay, for a sell no less than the market's.
    fn reach_price(&self, wanted: &Wanted) -> i64 {
        let market = &self.markets[wanted.market as usize];
        let best = market.book.best(1 - wanted.side);
        let best = if best == NIL_PRICE[1 - wanted.side] { market.band_centre() } else { best };
        if wanted.side == 0 {
            let limit = market.market_limit(0, wanted.price).unwrap_or(best);
            if wanted.price == 0 {
                limit
            } else {
                wanted.price
            }
        } else {
            best.max(wanted.price)
        }
        .clamp(0, MAX_QUANTITY)
    }

    /// (value, lots) an order comes to at most.
    fn reach(&self, wanted: &Wanted) -> (i128, i64) {
        let market = &self.markets[wanted.market as usize];
        let unit = market.lot_price(self.reach_price(wanted)).max(1);
        if wanted.budget != 0 {
            return (i128::from(wanted.budget), wanted.budget / unit);
        }
        (i128::from(unit) * i128::from(wanted.lots), wanted.lots)
    }

    /// Lots the account is exposed with in the market, its resting orders counted, before and after the order.
    fn exposed_lots(&self, account: u32, wanted: &Wanted, lots: i64) -> (i128, i128) {
        let (held, buying, selling) = self.standing_lots(account, wanted.market);
        let worst = |buying: i128, selling: i128| (held + buying).abs().max((held - selling).abs());
        let (buying, selling) = (i128::from(buying), i128::from(selling));
        let more = i128::from(lots) - i128::from(wanted.standing);
        let after =
            if wanted.side == 0 { worst(buying + more, selling) } else { worst(buying, selling + more) };
        (worst(buying, selling), after)
    }

    /// (lots held, lots of resting buys, lots of resting sells) of an account in a market. Of a spot market what is
    /// held is the base asset, which cannot be sold short: its sells never add.
    fn standing_lots(&self, account: u32, market: u32) -> (i128, i64, i64) {
        let record = &self.markets[market as usize];
        if record.kind == PERPETUAL {
            let position = self.position(account, market as usize).copied().unwrap_or_default();
            return (i128::from(position.lots), position.open_buy, position.open_sell);
        }
        let owner = self.funds.account(account);
        let resting = |side| {
            let nodes = owner.orders.iter().map(|slot| self.slab.node(*slot));
            let nodes = nodes.filter(move |node| u32::from(node.market) == market && node.side() == side);
            nodes.map(|node| node.remaining).fold(0, i64::saturating_add)
        };
        if record.kind == OUTCOME {
            return (i128::from(self.outcome_lots(account, market as usize)), resting(0), resting(1));
        }
        let total = owner.balances.iter().find(|balance| balance.asset == record.base);
        let held = total.map_or(0, |balance| balance.total / record.lot_size);
        (i128::from(held), resting(0), held)
    }

    /// Leverage of the account's position in a market; 1 where there is none to set.
    fn leverage_at(&self, account: u32, market: u32) -> u16 {
        if self.markets[market as usize].kind != PERPETUAL {
            return 1;
        }
        match self.position(account, market as usize).map_or(0, |position| position.leverage) {
            0 => DEFAULT_LEVERAGE as u16,
            leverage => leverage,
        }
    }
}
