//! How the fees of a fill are shared once venue and protocol have them: builders first, referrers from the venue's part.
//!
//! Of a fill `earned = floor(basis * (taker_ppm + maker_ppm) / 10^6)` whole units came in, the builders' rates included.
//! A builder gets `floor(basis * rate / 10^6)`, never more than is left of `earned`. The protocol's share is of the rest
//! `R` alone, and its part `P = floor(R * share / 10^6)`. Of `R - P` the referrer of a payer gets
//! `floor((R - P) * own / all * referral / 10^6)`, where `own` is what that side's rate contributes (a rebate nothing). The
//! venue keeps what remains, so the five parts are `earned` to the unit.

use super::builders::{account_of, rate_of};
use super::losses::KeyFill;
use crate::accounts::{PROTOCOL_FEES, VENUE_FEES};
use crate::bills::{bill_kind, Bill};
use crate::kernel::Kernel;
use crate::num::{share, PPM};

/// The fees of one fill, already booked to venue and protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charged {
    pub market: usize,
    pub taker: u32,
    pub maker: u32,
    /// Side of the taker: 0 buys.
    pub taker_side: usize,
    pub lots: i64,
    pub notional: i64,
    /// What the rates are of: the notional, or what an outcome market charges on.
    pub basis: i64,
    pub taker_ppm: i32,
    /// As charged: a rebate no larger than the taker's rate.
    pub maker_ppm: i32,
    pub taker_fee: i64,
    pub maker_fee: i64,
    pub earned: i64,
    pub protocol: i64,
}

/// A payment out of the venue's fees.
struct Payment {
    to: u32,
    kind: u8,
    amount: i64,
    extra: i64,
}

impl Kernel {
    /// Pay builders and referrers of a fill, and count it for the keys of its orders.
    #[cold]
    #[inline(never)]
    pub(crate) fn share_fill(&mut self, charged: Charged) {
        self.pay_shares(&charged);
        if !self.mandates.bind() {
            return;
        }
        let market = self.markets[charged.market].number;
        for (slot, side, fee) in [
            (charged.taker, charged.taker_side, charged.taker_fee),
            (charged.maker, 1 - charged.taker_side, charged.maker_fee),
        ] {
            let key = self.slab.cold(slot).key;
            if key != 0 {
                let sign = if side == 0 { 1 } else { -1 };
                let (lots, cash) = (sign * charged.lots, -sign * charged.notional - fee);
                let account = self.slab.node(slot).account;
                self.note_key_fill(KeyFill { account, key, market, lots, cash });
            }
        }
    }

    fn pay_shares(&mut self, charged: &Charged) {
        let builders = [charged.taker, charged.maker].map(|slot| self.slab.cold(slot).builder);
        let payers = [charged.taker, charged.maker]
            .map(|slot| self.funds.account(self.slab.node(slot).account).number);
        let referrers = payers.map(|number| self.mandates.referrers.get(&number).copied());
        if builders == [0, 0] && referrers == [None, None] {
            return;
        }
        let market = &self.markets[charged.market];
        let quote = market.quote;
        let mut rest = charged.earned;
        let mut payments = Vec::with_capacity(4);
        for builder in builders.into_iter().filter(|builder| *builder != 0) {
            let amount = share(charged.basis, i64::from(rate_of(builder))).min(rest);
            rest -= amount;
            payments.push(Payment {
                to: account_of(builder),
                kind: bill_kind::BUILDER_FEE,
                amount,
                extra: i64::from(builder),
            });
        }
        let protocol = share(rest, i64::from(market.parameters.protocol_share_ppm));
        let rates = [charged.taker_ppm - rate_of(builders[0]), charged.maker_ppm - rate_of(builders[1])];
        let all: i64 = rates.iter().map(|rate| i64::from((*rate).max(0))).sum();
        for side in [0, 1] {
            let own = i64::from(rates[side].max(0));
            let Some(referrer) = referrers[side].filter(|_| own > 0) else { continue };
            let part = i128::from(rest - protocol) * i128::from(own) * i128::from(self.mandates.referral_ppm);
            let amount = (part / (i128::from(all) * i128::from(PPM))) as i64;
            let (kind, extra) = (bill_kind::REFERRAL, i64::from(payers[side]));
            payments.push(Payment { to: referrer, kind, amount, extra });
        }
        self.funds.change_reserved(VENUE_FEES, quote, charged.protocol - protocol);
        self.funds.change_reserved(PROTOCOL_FEES, quote, protocol - charged.protocol);
        for payment in payments.into_iter().filter(|payment| payment.amount > 0) {
            self.pay_share(charged.market, payment);
        }
    }

    fn pay_share(&mut self, market: usize, payment: Payment) {
        let (quote, number) = (self.markets[market].quote, self.markets[market].number);
        let Some(account) = self.funds.account_slot(payment.to) else { return };
        self.funds.change_reserved(VENUE_FEES, quote, -payment.amount);
        self.funds.touch(account);
        self.funds.change(account, quote, payment.amount, 0);
        let balances = &self.funds.account(account).balances;
        let cash_after = balances.iter().find(|balance| balance.asset == quote).map_or(0, |b| b.total);
        let bill = Bill {
            account: payment.to,
            market: number,
            kind: payment.kind,
            amount: payment.amount,
            cash_after,
            extra: payment.extra,
            ..Bill::default()
        };
        self.out.bill(self.stamp(), bill);
    }
}
