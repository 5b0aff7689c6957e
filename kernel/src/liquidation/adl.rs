//! Auto-deleveraging: positions of the other side are closed at the bankruptcy price, in a total order: profit on entry
//! times leverage, larger first, then the smaller account number.

use super::arithmetic::{adl_score, floor_share};
use super::report::{stage, Deleveraged, Record};
use super::waterfall::{Case, Run};
use crate::kernel::Kernel;

/// Most positions one step closes; what is left is closed when the bucket is looked at again.
const MOST: usize = 512;

/// One position in the order of deleveraging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ranked {
    pub score: i128,
    pub number: u32,
    pub account: u32,
}

impl Ranked {
    fn key(&self) -> (std::cmp::Reverse<i128>, u32) {
        (std::cmp::Reverse(self.score), self.number)
    }
}

/// The orders of deleveraging of one run, by market and side. Made when first asked for; prices stand still in a run, and
/// who was closed meanwhile is passed over by what is left of the position.
#[derive(Default)]
pub(crate) struct Ranks {
    lists: Vec<RankList>,
}

struct RankList {
    market: usize,
    long: bool,
    order: Vec<Ranked>,
    /// Everyone before has been closed.
    first: usize,
}

/// What one position gives.
struct Taking {
    rank: u32,
    account: u32,
    lots: i64,
}

impl Kernel {
    /// Positions of a market's long (or short) side in the order in which they are deleveraged; the fund's own is not
    /// among them.
    pub(crate) fn adl_order(&self, market: usize, long: bool) -> Vec<Ranked> {
        let mut order: Vec<Ranked> = self.ranked(market, long).collect();
        order.sort_unstable_by_key(Ranked::key);
        order
    }

    /// Positions of a market's side with what places them, in no order.
    fn ranked(&self, market: usize, long: bool) -> impl Iterator<Item = Ranked> + '_ {
        let held = self.markets[market].contract.positions.iter().filter(move |position| match long {
            true => position.lots > 0,
            false => position.lots < 0,
        });
        held.filter(|position| !self.is_liquidator(position.account)).map(|position| Ranked {
            score: adl_score(position.upnl, position.entry, position.notional, self.bucket_equity(position)),
            number: self.funds.account(position.account).number,
            account: position.account,
        })
    }

    /// Place of an account's position in the order of its side, 1 for the first, and how many are in it; counted, not
    /// sorted. `None` without a position.
    pub(crate) fn adl_place(&self, market: usize, account: u32) -> Option<(usize, usize)> {
        let long = self.position(account, market).filter(|position| position.lots != 0)?.lots > 0;
        let own = self.ranked(market, long).find(|ranked| ranked.account == account)?.key();
        let side = self.ranked(market, long);
        let (before, count) = side
            .fold((0, 0), |(before, count), ranked| (before + usize::from(ranked.key() < own), count + 1));
        Some((before + 1, count))
    }

    /// Step 5: close `lots` of a position against the other side.
    pub(crate) fn deleverage(&mut self, run: &mut Run, case: &Case, market: usize, lots: i64, why: u8) {
        let before = self.health(case.bucket);
        let Some(closing) = self.closing(case.bucket, market) else { return };
        let needed = lots.min(closing.lots.abs());
        let long = closing.lots > 0;
        let takings = self.takings(run, case.bucket.0, market, !long, needed, |lots| {
            // What a counterparty loses against mark when it closes so many lots at the bankruptcy price.
            floor_share(-closing.equity, lots, closing.lots.abs()).max(0)
        });
        let taken: i64 = takings.iter().map(|taking| taking.lots).sum();
        if taken == 0 {
            return;
        }
        let signed = |lots: i64| if long { lots } else { -lots };
        let value = closing.bankruptcy_value(signed(taken));
        let price = closing.price();
        let own = self.move_position_at(case.bucket.0, market, -signed(taken), -value);
        let (mut lots_left, mut value_left, mut so_far) = (taken, value, 0);
        for taking in takings {
            let part = floor_share(value_left, taking.lots, lots_left);
            let realised = self.move_position_at(taking.account, market, signed(taking.lots), part);
            (lots_left, value_left) = (lots_left - taking.lots, value_left - part);
            so_far += taking.lots;
            let adl = Deleveraged {
                account: self.funds.account(taking.account).number,
                market: market as u32,
                rank: taking.rank,
                cause: why,
                number: case.number,
                lots: -signed(taking.lots),
                price,
                value: -part,
                realised,
                needed,
                taken: so_far,
            };
            self.report_adl(&adl, taking.account);
            run.units += 2;
        }
        if self.is_liquidator(case.bucket.0) {
            self.sweep_fund(market, stage::ADL, why);
        }
        let record = Record {
            market: market as u32,
            stage: stage::ADL,
            cause: why,
            lots: signed(taken),
            price,
            value,
            bankruptcy: price,
            realised: own,
            ..Record::default()
        };
        self.report_step(case, before, record);
    }

    /// Who gives how much: down the order, never more than a position, and in a first pass nobody who could not pay for it.
    fn takings(
        &mut self,
        run: &mut Run,
        account: u32,
        market: usize,
        long: bool,
        needed: i64,
        loss: impl Fn(i64) -> i64,
    ) -> Vec<Taking> {
        let at = self.rank_list(run, market, long);
        let list = &mut run.ranks.lists[at];
        let held = |account: u32| {
            let lots = self.position(account, market).map_or(0, |position| position.lots);
            if (lots > 0) == long {
                lots.abs()
            } else {
                0
            }
        };
        while list.order.get(list.first).is_some_and(|ranked| held(ranked.account) == 0) {
            list.first += 1;
        }
        let mut takings: Vec<Taking> = Vec::new();
        let mut left = needed;
        for pass in [true, false] {
            for (rank, ranked) in list.order.iter().enumerate().skip(list.first) {
                if left == 0 || takings.len() == MOST {
                    break;
                }
                run.looks += 1;
                let lots = held(ranked.account).min(left);
                let known = !pass && takings.iter().any(|taking| taking.account == ranked.account);
                if lots == 0 || ranked.account == account || known {
                    continue;
                }
                let Some(position) = self.position(ranked.account, market) else { continue };
                if pass && self.bucket_equity(position) < loss(lots) {
                    continue;
                }
                takings.push(Taking { rank: rank as u32 + 1, account: ranked.account, lots });
                left -= lots;
            }
        }
        run.units += std::mem::take(&mut run.looks) / 16;
        takings
    }

    /// Place of the order of deleveraging of a market's side, made if it is not there.
    fn rank_list(&self, run: &mut Run, market: usize, long: bool) -> usize {
        let found = run.ranks.lists.iter().position(|list| list.market == market && list.long == long);
        found.unwrap_or_else(|| {
            let order = self.adl_order(market, long);
            run.units += order.len() as u32 / 32;
            run.ranks.lists.push(RankList { market, long, order, first: 0 });
            run.ranks.lists.len() - 1
        })
    }

    fn bucket_equity(&self, position: &crate::contracts::Position) -> i64 {
        match position.isolated {
            true => position.margin + position.upnl,
            false => self.funds.margin(position.account).map_or(0, |margin| margin.risk().equity),
        }
    }
}
