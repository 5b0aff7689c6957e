//! Closing in the book: orders of the waterfall are reduce-only, immediate-or-cancel, free of the taker fee, and
//! otherwise orders like any other, with their id, their fills and their record.

use crate::accounts;
use crate::codes::reason;
use crate::kernel::Kernel;
use crate::matching::Taker;
use crate::place::{Entrance, Place};
use crate::wire::{flag, kind, Frame, IOC, LIMIT, STP_CANCEL_MAKER};

/// An order of the waterfall.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweep {
    pub account: u32,
    pub market: usize,
    pub sell: bool,
    /// Worst price.
    pub limit: i64,
    pub lots: i64,
    pub reduce_only: bool,
    /// Most makers it meets.
    pub matches: u32,
    /// Whether it closes all of the position.
    pub whole: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Swept {
    pub lots: i64,
    /// Sum of price times lots times `tick_quote`, in units.
    pub quote: i64,
    /// It met as many makers as it might, and there are more within its price.
    pub cut_short: bool,
    /// Units of work.
    pub units: u32,
}

impl Kernel {
    /// Send an order of the waterfall into the book.
    pub(crate) fn sweep_book(&mut self, sweep: &Sweep) -> Swept {
        let market = &self.markets[sweep.market];
        let side = usize::from(sweep.sell);
        if !market.is_open() || !market.book.crosses(side, sweep.limit) || sweep.lots <= 0 {
            return Swept::default();
        }
        let number = market.number;
        let account = self.funds.account(sweep.account).number;
        let frame = Frame { kind: kind::PLACE, account, market: number, ..Frame::default() };
        let place = Place {
            flags: flag::when(sweep.sell, flag::SELL) | flag::when(sweep.reduce_only, flag::REDUCE_ONLY),
            order_type: LIMIT,
            tif: IOC,
            stp: STP_CANCEL_MAKER,
            price: sweep.limit,
            size: sweep.lots,
            ..Place::default()
        };
        let slot = self.accept(&frame, &place, sweep.account, None);
        self.slab.node_mut(slot).taker_ppm = 0;
        self.slab.cold_mut(slot).flags |= flag::FORCED | flag::when(sweep.whole, flag::WHOLE);
        let mut taker = Taker::new(self, slot, Entrance { limit: sweep.limit, budget: i64::MAX });
        taker.max_matches = sweep.matches.max(1);
        let trades = self.out.trade_count;
        let why = self.match_taker(&mut taker);
        let cold = self.slab.cold(slot);
        let swept = Swept {
            lots: cold.filled,
            quote: cold.filled_quote,
            cut_short: why == reason::MATCH_LIMIT,
            units: 2 + (self.out.trade_count - trades) as u32,
        };
        self.settle_remainder(slot, reason::LIQUIDATION);
        swept
    }

    /// Move `amount` units of S from an account to the insurance fund (negative: to the account).
    pub(crate) fn pay_fund(&mut self, account: u32, amount: i64) {
        if amount == 0 {
            return;
        }
        let settlement = self.funds.settlement;
        self.funds.touch(account);
        self.funds.change(account, settlement, -amount, 0);
        self.funds.change_reserved(accounts::INSURANCE, settlement, amount);
    }
}
