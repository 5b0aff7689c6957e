//! Setting and revoking mandates, and what a mandate says to a command that is not an order.

use super::{Held, Mandate, MAX_MARKETS, MOST, PER_ACCOUNT, TRADE, WITHDRAW};
use crate::accounts::Account;
use crate::codes::{reason, Reject};
use crate::kernel::{Kernel, Outcome};
use crate::output::Ack;
use crate::wire::{i64_at, kind, u16_at, u32_at, u64_at, zeros, Frame, ALL_MARKETS};

/// Bytes of a mandate before its markets.
const BODY: usize = 48;
const ALL_RIGHTS: u16 = super::READ | TRADE | WITHDRAW;
/// Highest leverage a mandate may name.
const MAX_LEVERAGE: u16 = 1_000;
const SET_LEVERAGE: u8 = 10;
const CANCEL_ALGO: u8 = 18;

/// Read a mandate from a frame: (key, mandate).
fn read(body: &[u8]) -> Result<(u32, Mandate), Reject> {
    if body.len() < BODY || !zeros(&body[14..16]) {
        return Err(Reject::InputBody);
    }
    let count = u16_at(body, 12) as usize;
    if count > MAX_MARKETS || body.len() != BODY + 4 * count {
        return Err(Reject::InputBody);
    }
    let mut markets: Vec<u32> = body[BODY..].chunks_exact(4).map(|bytes| u32_at(bytes, 0)).collect();
    markets.sort_unstable();
    markets.dedup();
    let mandate = Mandate {
        rights: u16_at(body, 4),
        leverage: u16_at(body, 6),
        rate: u32_at(body, 8),
        order_notional: i64_at(body, 16),
        position_notional: i64_at(body, 24),
        daily_loss: i64_at(body, 32),
        expires_ms: u64_at(body, 40),
        markets,
        ..Mandate::default()
    };
    let allowed = mandate.rights & !ALL_RIGHTS == 0
        && mandate.leverage <= MAX_LEVERAGE
        && mandate.order_notional >= 0
        && mandate.position_notional >= 0
        && mandate.daily_loss >= 0;
    let key = u32_at(body, 0);
    if key == 0 || !allowed {
        return Err(Reject::InputParameter);
    }
    Ok((key, mandate))
}

impl Mandate {
    /// Whether a market is one of the mandate's.
    pub fn covers(&self, market: u32) -> bool {
        self.markets.is_empty() || self.markets.binary_search(&market).is_ok()
    }

    /// Whether the key may do what needs these rights at this time.
    pub fn permits(&self, rights: u16, now_ms: u64) -> Result<(), Reject> {
        if self.revoked {
            return Err(Reject::AccessKeyRevoked);
        }
        if self.expires_ms != 0 && now_ms >= self.expires_ms {
            return Err(Reject::AccessKeyExpired);
        }
        if self.rights & rights != rights {
            return Err(Reject::AccessKeyRight);
        }
        Ok(())
    }

    /// Count one command of the running second.
    #[inline]
    pub fn count(&mut self, now_ms: u64) -> Result<(), Reject> {
        let second = now_ms / 1_000;
        if self.second != second {
            (self.second, self.used) = (second, 0);
        }
        if self.rate != 0 && self.used >= self.rate {
            return Err(Reject::AccessKeyRate);
        }
        self.used = self.used.saturating_add(1);
        Ok(())
    }
}

impl Kernel {
    /// Kinds 36 to 39: only the owner in person sends them.
    #[cold]
    pub(crate) fn entrust(&mut self, frame: &Frame) -> Outcome {
        if frame.key != 0 {
            return Err(Reject::AccessKeyRight);
        }
        match frame.kind {
            kind::SET_MANDATE => self.set_mandate(frame),
            kind::APPROVE_BUILDER => self.approve_builder(frame),
            kind::SET_REFERRER => self.set_referrer(frame),
            _ => self.revoke_key(frame),
        }
    }

    fn set_mandate(&mut self, frame: &Frame) -> Outcome {
        let (key, mandate) = read(frame.body)?;
        self.user(frame.account)?;
        if mandate.markets.iter().any(|market| *market as usize >= self.markets.len()) {
            return Err(Reject::StateMarketUnknown);
        }
        let before = self.mandates.keys.get(frame.account, key);
        if before.is_some_and(|before| before.revoked) {
            return Err(Reject::AccessKeyRevoked);
        }
        if before.is_none() {
            self.check_key_room(frame.account)?;
        }
        let now = before.map_or(Mandate::default(), Mandate::clone);
        let Mandate { second, used, day, traded, .. } = now;
        let mandate = Mandate { second, used, day, traded, ..mandate };
        self.mandates.keys.insert(frame.account, key, mandate);
        self.mark_account(frame.account);
        self.mandate_event(frame.account, key);
        Ok(Ack::default())
    }

    /// Whether one more key of the account can be kept.
    fn check_key_room(&self, account: u32) -> Result<(), Reject> {
        if self.mandates.keys.of(account).count() >= PER_ACCOUNT || self.mandates.keys.len() >= MOST {
            return Err(Reject::StateTooMany);
        }
        Ok(())
    }

    /// End a key for good and cancel its open orders; `extra` of the ack is how many.
    fn revoke_key(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() != 8 || !zeros(&body[4..]) {
            return Err(Reject::InputBody);
        }
        let key = u32_at(body, 0);
        if key == 0 {
            return Err(Reject::InputParameter);
        }
        let account = self.user(frame.account)?;
        if self.mandates.keys.get(frame.account, key).is_none() {
            self.check_key_room(frame.account)?;
        }
        self.mandates.keys.insert(frame.account, key, Mandate { revoked: true, ..Mandate::default() });
        self.mark_account(frame.account);
        let count = self.cancel_of_key(account, key);
        self.mandate_event(frame.account, key);
        Ok(Ack::extra(count))
    }

    /// Cancel the open orders an account placed with one key, oldest first, and its algo orders.
    pub(super) fn cancel_of_key(&mut self, account: u32, key: u32) -> u32 {
        let orders = self.funds.account(account).orders.iter();
        let mut slots: Vec<(u64, u32)> = orders
            .filter(|slot| self.slab.cold(**slot).key == key)
            .map(|slot| (self.slab.cold(*slot).order_id, *slot))
            .collect();
        slots.sort_unstable();
        for (_, slot) in &slots {
            self.cancel_open(*slot, reason::MANDATE);
        }
        slots.len() as u32 + self.stop_algos_of_key(account, key)
    }

    /// The mandate of a command's key; `None` when there is nothing to look at.
    #[inline]
    pub(super) fn held_by(&self, frame: &Frame) -> Option<Held> {
        let account = self.funds.account_slot(frame.account)?;
        let held = self.mandates.find(self.funds.account(account), frame.key);
        (held != Held::NOBODYS).then_some(held)
    }

    /// Whether the mandate of a key lets a plain cancel pass.
    #[inline(always)]
    pub(crate) fn may_cancel(&self, account: &Account, key: u32) -> bool {
        let held = self.mandates.find(account, key);
        let mandate = self.mandates.keys.held(held);
        let lasts = self.now_ms <= mandate.expires_ms.wrapping_sub(1);
        (held == Held::NOBODYS) | (!mandate.revoked & lasts & (mandate.rights & TRADE != 0))
    }

    /// What the mandate of a key says to a command; orders and amendments are looked at when they are read. Cancels
    /// pass at any rate and in any market.
    pub(crate) fn check_key(&mut self, frame: &Frame) -> Result<(), Reject> {
        let Some(held) = self.held_by(frame) else { return Ok(()) };
        let mandate = self.mandates.keys.held_mut(held);
        let rights = if frame.kind == kind::WITHDRAW { WITHDRAW } else { TRADE };
        match frame.kind {
            kind::PLACE | kind::AMEND => return Ok(()),
            kind::CANCEL | kind::MASS_CANCEL | kind::CANCEL_ALL_AFTER | CANCEL_ALGO => {
                return mandate.permits(rights, self.now_ms)
            }
            kind::DEPOSIT => mandate.permits(0, self.now_ms)?,
            _ => mandate.permits(rights, self.now_ms)?,
        }
        let anywhere = matches!(frame.kind, kind::WITHDRAW | kind::DEPOSIT);
        if !anywhere && frame.market != ALL_MARKETS && !mandate.covers(frame.market) {
            return Err(Reject::AccessKeyMarket);
        }
        if frame.kind == SET_LEVERAGE && frame.body.len() >= 4 {
            let most = u32::from(mandate.leverage);
            if most != 0 && u32_at(frame.body, 0) > most {
                return Err(Reject::AccessKeyLeverage);
            }
        }
        mandate.count(self.now_ms)
    }

    /// Finish what a tripped mandate began; one key a step.
    pub(crate) fn run_mandates(&mut self) -> u32 {
        let Some((number, key)) = self.mandates.tripped.pop() else {
            return 0;
        };
        self.funds.account_slot(number).map_or(0, |account| self.cancel_of_key(account, key))
    }
}
