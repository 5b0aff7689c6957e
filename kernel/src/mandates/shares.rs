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
use crate::matching::Taker;
use crate::num::{share, PPM};

/// One side of a fill, as its fees see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payer {
    /// Slot of the account.
    pub account: u32,
    pub key: u32,
    pub builder: u32,
    /// 0 bought.
    pub side: usize,
    /// As charged: a rebate no larger than the taker's rate.
    pub ppm: i32,
    pub fee: i64,
}

/// The fees of one fill, already booked to venue and protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charged {
    pub market: usize,
    /// Taker and maker.
    pub payers: [Payer; 2],
    pub lots: i64,
    pub notional: i64,
    /// What the rates are of: the notional, or what an outcome market charges on.
    pub basis: i64,
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
    /// Whether a fill concerns anybody beside its two sides: a builder, a referrer or the day of a key.
    #[inline(always)]
    pub(crate) fn is_shared(&self, taker: &Taker, maker: u32) -> bool {
        let (one, other) = (self.slab.cold(taker.slot), self.slab.cold(maker));
        let (taking, making) = (taker.account, self.slab.node(maker).account);
        one.builder | other.builder != 0
            || self.mandates.concern(self.funds.account(taking), one.key)
            || self.mandates.concern(self.funds.account(making), other.key)
    }

    /// Both sides of a fill, while their orders are there; of each its rate and fee.
    pub(crate) fn payers(
        &self,
        taker: &Taker,
        taken: (i32, i64),
        maker: u32,
        made: (i32, i64),
    ) -> [Payer; 2] {
        [(taker.slot, taken), (maker, made)].map(|(slot, (ppm, fee))| {
            let (node, cold) = (self.slab.node(slot), self.slab.cold(slot));
            Payer { account: node.account, key: cold.key, builder: cold.builder, side: node.side(), ppm, fee }
        })
    }

    /// Pay builders and referrers of a fill, and count it for the keys of its orders.
    #[cold]
    #[inline(never)]
    pub(crate) fn share_fill(&mut self, charged: Charged) {
        self.pay_shares(&charged);
        if !self.mandates.bind() {
            return;
        }
        let market = self.markets[charged.market].number;
        for payer in charged.payers.iter().filter(|payer| payer.key != 0) {
            let sign = if payer.side == 0 { 1 } else { -1 };
            let (lots, cash) = (sign * charged.lots, -sign * charged.notional - payer.fee);
            let (account, key) = (payer.account, payer.key);
            self.note_key_fill(KeyFill { account, key, market, lots, cash });
        }
    }

    fn pay_shares(&mut self, charged: &Charged) {
        let builders = charged.payers.map(|payer| payer.builder);
        let payers = charged.payers.map(|payer| self.funds.account(payer.account).number);
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
        let rates = charged.payers.map(|payer| payer.ppm - rate_of(payer.builder));
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
