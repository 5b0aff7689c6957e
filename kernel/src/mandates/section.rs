//! The snapshot's section of mandates.

use super::losses::Traded;
use super::{Mandate, Mandates};
use crate::codec::{Reader, Writer};
use crate::kernel::Kernel;

impl Mandates {
    pub(crate) fn write_section(&self, out: &mut Writer) {
        out.count(self.keys.len());
        for ((account, key), mandate) in self.keys.iter() {
            out.u32(account);
            out.u32(key);
            mandate.write(out);
        }
        out.count(self.builders.len());
        for ((account, builder), cap) in &self.builders {
            out.u32(*account);
            out.u32(*builder);
            out.u32(*cap);
        }
        out.count(self.referrers.len());
        for (account, referrer) in &self.referrers {
            out.u32(*account);
            out.u32(*referrer);
        }
        out.u32(self.referral_ppm);
        out.u32(self.builder_cap_ppm);
        out.i64(self.capacity);
        out.count(self.tripped.len());
        for (account, key) in &self.tripped {
            out.u32(*account);
            out.u32(*key);
        }
    }

    /// Read what `write_section` wrote; exposures are counted again by whoever reads positions and marks.
    fn read_section(&mut self, input: &mut Reader) -> Option<()> {
        for _ in 0..input.count(8)? {
            let (account, key) = (input.u32()?, input.u32()?);
            self.keys.insert(account, key, Mandate::read(input)?);
        }
        for _ in 0..input.count(12)? {
            self.builders.insert((input.u32()?, input.u32()?), input.u32()?);
        }
        for _ in 0..input.count(8)? {
            self.referrers.insert(input.u32()?, input.u32()?);
        }
        self.referral_ppm = input.u32()?;
        self.builder_cap_ppm = input.u32()?;
        self.capacity = input.i64()?;
        for _ in 0..input.count(8)? {
            self.tripped.push((input.u32()?, input.u32()?));
        }
        Some(())
    }

    /// Whether every account and market named is there; for a snapshot just read.
    fn is_sound(&self, known: impl Fn(u32) -> bool, markets: usize) -> bool {
        let keys = self.keys.iter().all(|((account, key), mandate)| {
            let traded = mandate.traded.iter().map(|traded| traded.market);
            let here =
                mandate.markets.iter().copied().chain(traded).all(|market| (market as usize) < markets);
            known(account) && key != 0 && here
        });
        let tripped = self.tripped.iter().all(|(account, _)| known(*account));
        keys && tripped
            && self.builders.keys().all(|(account, builder)| known(*account) && known(*builder))
            && self.referrers.iter().all(|(account, referrer)| known(*account) && known(*referrer))
    }
}

impl Kernel {
    /// Read the section; `None` if it names an account or a market that is not there.
    pub(crate) fn read_mandates(&mut self, input: &mut Reader) -> Option<()> {
        self.mandates.read_section(input)?;
        let known = |number| self.funds.account_slot(number).is_some();
        self.mandates.is_sound(known, self.markets.len()).then_some(())?;
        let referred = self.mandates.referrers.keys().copied();
        for account in self.mandates.keys.accounts().chain(referred).collect::<Vec<_>>() {
            self.mark_account(account);
        }
        Some(())
    }
}

impl Mandate {
    fn write(&self, out: &mut Writer) {
        out.u32(u32::from(self.rights));
        out.u32(u32::from(self.leverage));
        out.u32(self.rate);
        out.u8(u8::from(self.revoked));
        for value in [self.order_notional, self.position_notional, self.daily_loss] {
            out.i64(value);
        }
        out.u64(self.expires_ms);
        out.u64(self.second);
        out.u32(self.used);
        out.u64(self.day);
        out.count(self.markets.len());
        for market in &self.markets {
            out.u32(*market);
        }
        out.count(self.traded.len());
        for traded in &self.traded {
            out.u32(traded.market);
            out.i64(traded.lots);
            out.i64(traded.cash);
        }
    }

    fn read(input: &mut Reader) -> Option<Mandate> {
        let mut mandate = Mandate {
            rights: u16::try_from(input.u32()?).ok()?,
            leverage: u16::try_from(input.u32()?).ok()?,
            rate: input.u32()?,
            revoked: input.u8()? != 0,
            order_notional: input.i64()?,
            position_notional: input.i64()?,
            daily_loss: input.i64()?,
            expires_ms: input.u64()?,
            second: input.u64()?,
            used: input.u32()?,
            day: input.u64()?,
            ..Mandate::default()
        };
        for _ in 0..input.count(4)? {
            mandate.markets.push(input.u32()?);
        }
        for _ in 0..input.count(20)? {
            mandate.traded.push(Traded { market: input.u32()?, lots: input.i64()?, cash: input.i64()? });
        }
        Some(mandate)
    }
}
