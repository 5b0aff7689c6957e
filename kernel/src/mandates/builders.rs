//! Builders that traders approve, and referrers.

use super::MOST;
use crate::codes::Reject;
use crate::kernel::{Kernel, Outcome};
use crate::num::PPM;
use crate::output::Ack;
use crate::wire::{u32_at, zeros, Frame};

/// A builder's account is the low 24 bits of its code.
const ACCOUNT: u32 = (1 << 24) - 1;
const STEP_PPM: u32 = 10;
/// Highest rate a code can carry: 0.255%.
pub const MAX_BUILDER_PPM: u32 = 255 * STEP_PPM;

/// What a builder code adds to an order's fees, in ppm.
#[inline(always)]
pub fn rate_of(builder: u32) -> i32 {
    ((builder >> 24) * STEP_PPM) as i32
}

/// The code of a builder and a rate; `None` if it cannot carry them.
pub fn code_of(account: u32, rate_ppm: u32) -> Option<u32> {
    let fits = account <= ACCOUNT && rate_ppm % STEP_PPM == 0 && rate_ppm <= MAX_BUILDER_PPM;
    fits.then_some((rate_ppm / STEP_PPM) << 24 | account)
}

/// Number of the account a builder code pays.
#[inline]
pub fn account_of(builder: u32) -> u32 {
    builder & ACCOUNT
}

impl Kernel {
    /// Whether the trader has approved this builder at this rate.
    #[cold]
    pub(crate) fn check_builder(&self, account: u32, builder: u32) -> Result<(), Reject> {
        let cap = self.mandates.builders.get(&(account, account_of(builder))).copied().unwrap_or(0);
        let rate = rate_of(builder) as u32;
        if rate == 0 || rate > cap.min(self.mandates.builder_cap_ppm) {
            return Err(Reject::AccessBuilder);
        }
        Ok(())
    }

    /// Kind 37: the highest rate a builder may take of the account's orders; 0 takes the approval back. Open orders keep
    /// the rate they were placed with.
    pub(super) fn approve_builder(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() != 8 {
            return Err(Reject::InputBody);
        }
        let (builder, cap) = (u32_at(body, 0), u32_at(body, 4));
        if cap > MAX_BUILDER_PPM || builder == frame.account {
            return Err(Reject::InputParameter);
        }
        self.user(frame.account)?;
        self.user(builder)?;
        let place = (frame.account, builder);
        if cap == 0 {
            self.mandates.builders.remove(&place);
        } else if self.mandates.builders.len() < MOST || self.mandates.builders.contains_key(&place) {
            self.mandates.builders.insert(place, cap);
        } else {
            return Err(Reject::StateTooMany);
        }
        Ok(Ack::default())
    }

    /// Kind 38: who referred the account; itself and accounts of the same owner cannot. 0 ends it.
    pub(super) fn set_referrer(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() != 8 || !zeros(&body[4..]) {
            return Err(Reject::InputBody);
        }
        let referrer = u32_at(body, 0);
        let account = self.user(frame.account)?;
        if referrer == 0 {
            self.mandates.referrers.remove(&frame.account);
            self.mark_account(frame.account);
            return Ok(Ack::default());
        }
        let other = self.user(referrer)?;
        if self.funds.account(other).owner == self.funds.account(account).owner {
            return Err(Reject::InputParameter);
        }
        if self.mandates.referrers.len() >= MOST {
            return Err(Reject::StateTooMany);
        }
        self.mandates.referrers.insert(frame.account, referrer);
        self.mark_account(frame.account);
        Ok(Ack::default())
    }

    /// Kind 93, the operator's: the referrers' part of the venue's fee, and the highest rate of any builder.
    pub(crate) fn set_fee_split(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() != 8 {
            return Err(Reject::InputBody);
        }
        let (referral_ppm, builder_cap_ppm) = (u32_at(body, 0), u32_at(body, 4));
        if i64::from(referral_ppm) > PPM || builder_cap_ppm > MAX_BUILDER_PPM {
            return Err(Reject::InputParameter);
        }
        self.mandates.referral_ppm = referral_ppm;
        self.mandates.builder_cap_ppm = builder_cap_ppm;
        Ok(Ack::default())
    }
}
