//! Books, priority, prices, sizes, self-trades, order options (5 to 10).

use std::collections::BTreeMap;

use super::{int, Rule, Step};
use crate::reference_model::told::{OrderView, What};
use crate::reference_model::wire::{self, POST_ONLY, QUOTE_SIZE, REDUCE_ONLY, SELL};

const IOC: u8 = 2;
const FOK: u8 = 3;

/// 5: best bid below best ask, always.
#[derive(Default)]
pub struct NeverCrossed;

impl Rule for NeverCrossed {
    fn after(&mut self, step: &Step) {
        for market in 0..step.after.markets.len() as u32 {
            let (bids, asks) = step.kernel.book(market, usize::MAX).unwrap();
            if let (Some(bid), Some(ask)) = (bids.first(), asks.first()) {
                assert!(bid.0 < ask.0, "market {market}: bid {} and ask {}", bid.0, ask.0);
            }
            assert!(bids.windows(2).all(|pair| pair[0].0 > pair[1].0), "bids fall");
            assert!(asks.windows(2).all(|pair| pair[0].0 < pair[1].0), "asks rise");
        }
    }
}

/// 6: a fill never passes over a better price or an older order at its price; only a smaller size keeps the place.
#[derive(Default)]
pub struct PriceTimePriority {
    /// Open orders in order of arrival: (id, market, sell, price, size).
    queue: Vec<(u64, u32, bool, i64, i64)>,
}

impl Rule for PriceTimePriority {
    fn after(&mut self, step: &Step) {
        for event in step.events() {
            match &event.what {
                What::Order(order) => self.moved(order),
                What::Fill(order, fill) if fill.role == 0 => self.maker_filled(order),
                What::Fill(order, _) => self.queue.retain(|entry| entry.0 != order.order_id),
                What::Balance { .. } => {}
            }
        }
    }
}

impl PriceTimePriority {
    fn moved(&mut self, order: &OrderView) {
        let sell = order.flags & SELL != 0;
        let at = self.queue.iter().position(|entry| entry.0 == order.order_id);
        let keeps = |entry: &(u64, u32, bool, i64, i64)| entry.3 == order.price && order.size < entry.4;
        match at {
            Some(at) if order.state == 1 && keeps(&self.queue[at]) => self.queue[at].4 = order.size,
            _ => {
                self.queue.retain(|entry| entry.0 != order.order_id);
                if order.state == 1 {
                    self.queue.push((order.order_id, order.market, sell, order.price, order.size));
                }
            }
        }
    }

    fn maker_filled(&mut self, order: &OrderView) {
        let sell = order.flags & SELL != 0;
        let side = self.queue.iter().filter(|entry| entry.1 == order.market && entry.2 == sell);
        // `min_by_key` gives the first of equals: the oldest.
        let first = side.min_by_key(|entry| if sell { entry.3 } else { -entry.3 }).map(|entry| entry.0);
        assert_eq!(first, Some(order.order_id), "the maker is the first of its side");
        if order.state == 2 {
            self.queue.retain(|entry| entry.0 != order.order_id);
        }
    }
}

/// 7: fills are at the maker's price, within the taker's limit, and add up with what remains.
#[derive(Default)]
pub struct FillPricesAndSizes {
    filled: BTreeMap<u64, (i64, i64)>,
}

impl Rule for FillPricesAndSizes {
    fn after(&mut self, step: &Step) {
        let fills = step.fills();
        assert_eq!(fills.len() % 2, 0, "each trade has two sides");
        for sides in fills.chunks(2) {
            let [(_, maker, m), (_, taker, t)] = sides else { unreachable!() };
            assert_eq!((m.role, t.role), (0, 1), "maker, then taker");
            assert_eq!((m.trade_id, m.price, m.size, m.notional), (t.trade_id, t.price, t.size, t.notional));
            assert_ne!(maker.flags & SELL, taker.flags & SELL, "a buy and a sell");
            assert_eq!(m.price, maker.price, "at the maker's price");
            let tick_quote = int(&step.after.markets[maker.market as usize], "tick_quote");
            assert_eq!(m.notional, m.price * m.size * tick_quote, "notional");
            let worse = if taker.flags & SELL != 0 { t.price < taker.price } else { t.price > taker.price };
            assert!(taker.price == 0 || !worse, "taker limit {} and fill {}", taker.price, t.price);
            for (order, fill) in [(maker, m), (taker, t)] {
                let sum = self.filled.entry(order.order_id).or_default();
                sum.0 += fill.size;
                sum.1 += fill.notional;
                assert_eq!(
                    (order.filled, order.filled_quote),
                    *sum,
                    "fills of order {} add up",
                    order.order_id
                );
                assert!(order.filled <= order.size && fill.size > 0, "never more than the size");
                let whole = order.filled == order.size && order.flags & QUOTE_SIZE == 0;
                assert_eq!(order.state == 2, whole, "filled when nothing remains");
            }
        }
        for (id, order) in &step.after.orders {
            let sum = self.filled.get(id).copied().unwrap_or_default();
            assert_eq!(order.filled, sum.0);
            assert_eq!(order.remaining, order.size - sum.0, "filled and remaining");
        }
        if step.ack().state == 1 && step.ack().code == 0 {
            let order = &step.after.orders[&step.ack().order_id];
            assert_eq!((step.ack().filled, step.ack().remaining), (order.filled, order.remaining));
        }
    }
}

/// 8: no trade within one owner.
#[derive(Default)]
pub struct NoSelfTrades;

impl Rule for NoSelfTrades {
    fn after(&mut self, step: &Step) {
        for sides in step.fills().chunks(2) {
            let owner = |side: usize| step.before.accounts[&sides[side].0].owner;
            assert_ne!(owner(0), owner(1), "trade {} within one owner", sides[0].2.trade_id);
        }
    }
}

/// 9: sizes, prices and values of what is accepted are those the market takes.
#[derive(Default)]
pub struct SizesOfTheMarket;

impl Rule for SizesOfTheMarket {
    fn after(&mut self, step: &Step) {
        for order in step.after.orders.values() {
            assert!(order.price >= 1 && order.remaining >= 1, "dust: {order:?}");
        }
        let entered = step.ack().code == 0 && matches!(step.kind(), wire::PLACE | wire::AMEND);
        let Some(order) = step.after.orders.get(&step.ack().order_id).filter(|_| entered) else {
            return;
        };
        let market = &step.before.markets[order.market];
        let size = order.size;
        assert!(
            int(market, "min_lots") <= size && size <= int(market, "max_lots"),
            "size {size} of {market}"
        );
        let value = i128::from(size) * i128::from(order.price) * i128::from(int(market, "tick_quote"));
        assert!(value >= i128::from(int(market, "min_notional")), "value {value} of {market}");
    }
}

/// 10: post-only never takes, IOC and FOK never rest, FOK is all or nothing, reduce-only has nothing to reduce here.
#[derive(Default)]
pub struct OrderOptions;

impl Rule for OrderOptions {
    fn after(&mut self, step: &Step) {
        for (_, order, fill) in step.fills() {
            assert!(
                fill.role == 0 || order.flags & POST_ONLY == 0,
                "post-only order {} took",
                order.order_id
            );
        }
        for order in step.after.orders.values() {
            assert!(order.tif < IOC, "an immediate order rests: {order:?}");
            assert_eq!(order.order_type, 0, "a market order rests: {order:?}");
        }
        if step.kind() != wire::PLACE || step.ack().code != 0 {
            return;
        }
        assert_eq!(step.frame[3] & REDUCE_ONLY, 0, "reduce-only was accepted in a spot market");
        let (size, tif) = (i64::from_le_bytes(step.frame[24..32].try_into().unwrap()), step.frame[33]);
        let ack = step.ack();
        assert!(tif < IOC || ack.state != 1, "an immediate order stays open");
        assert!(tif != FOK || ack.filled == 0 || ack.filled == size, "FOK filled {} of {size}", ack.filled);
        let traded: i64 = step.fills().iter().filter(|side| side.2.role == 1).map(|side| side.2.size).sum();
        assert_eq!(ack.filled, traded, "the ack tells what was filled");
    }
}
