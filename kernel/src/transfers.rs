//! Deposits and withdrawals. A transfer id is decided once: accepted or refused, the decision is kept for
//! seven days from the time the transfer was issued, and asking again gives the same decision and moves
//! nothing. A transfer issued longer ago is refused, so that what is forgotten cannot happen twice.

use crate::accounts::{FIRST_USER, INSURANCE, NO_WITHDRAWALS, PROTOCOL_FEES, VENUE_FEES};
use crate::clients::MEMORY_MS;
use crate::codes::Reject;
use crate::kernel::{Kernel, Outcome};
use crate::output::{Ack, Transfer};
use crate::wire::{i64_at, kind, u32_at, u64_at, zeros, Frame};

const BODY: usize = 32;
/// How far a transfer may be issued ahead of the kernel's clock.
const AHEAD_MS: u64 = 24 * 3_600_000;

impl Kernel {
    pub(crate) fn transfer(&mut self, frame: &Frame) -> Outcome {
        let body = frame.body;
        if body.len() != BODY || !zeros(&body[28..]) {
            return Err(Reject::InputBody);
        }
        let (amount, issued_ms) = (i64_at(body, 8), u64_at(body, 16));
        let sign = if frame.kind == kind::DEPOSIT { 1 } else { -1 };
        let mut transfer = Transfer {
            transfer_id: u64_at(body, 0),
            issued_ms,
            account: frame.account,
            asset: u32_at(body, 24),
            amount: amount.max(0) * sign,
            code: 0,
        };
        if let Some(decided) = self.transfers.get(&transfer.transfer_id).copied() {
            self.report_transfer(decided);
            return Err(Reject::StateTransferDuplicate);
        }
        let old = issued_ms.saturating_add(MEMORY_MS) < self.now_ms;
        let ahead = issued_ms > self.now_ms + AHEAD_MS;
        let outcome = if old || ahead { Err(Reject::StateTransferOld) } else { self.decide(&transfer) };
        if let Err(reject) = outcome {
            transfer.code = reject as u16;
        }
        if !old {
            self.remember_transfer(transfer);
        }
        self.report_transfer(transfer);
        outcome.map(|()| Ack::default())
    }

    fn report_transfer(&mut self, transfer: Transfer) {
        if self.out.enabled {
            self.out.transfers.push(transfer);
        }
    }

    /// Keep a decision; forget those that would be refused by age.
    fn remember_transfer(&mut self, transfer: Transfer) {
        while let Some((issued_ms, id)) = self.transfer_ages.first().copied() {
            if issued_ms.saturating_add(MEMORY_MS) >= self.now_ms {
                break;
            }
            self.transfer_ages.remove(&(issued_ms, id));
            self.transfers.remove(&id);
        }
        self.transfer_ages.insert((transfer.issued_ms, transfer.transfer_id));
        self.transfers.insert(transfer.transfer_id, transfer);
    }

    /// Check and move the money.
    fn decide(&mut self, transfer: &Transfer) -> Result<(), Reject> {
        let amount = transfer.amount;
        if amount == 0 {
            return Err(Reject::InputAmount);
        }
        let reserved = transfer.account < FIRST_USER;
        if reserved && ![VENUE_FEES, PROTOCOL_FEES, INSURANCE].contains(&transfer.account) {
            return Err(Reject::AccessReserved);
        }
        let account = if reserved { 0 } else { self.user(transfer.account)? };
        if !reserved && amount < 0 && self.funds.account(account).flags & NO_WITHDRAWALS != 0 {
            return Err(Reject::AccessNoWithdrawals);
        }
        let asset = self.funds.asset_slot(transfer.asset).ok_or(Reject::StateAssetUnknown)?;
        let record = &self.funds.assets[asset as usize];
        let total = record.total.checked_add(amount).ok_or(Reject::RiskTotal)?;
        if asset == self.funds.settlement && total > crate::contracts::MAX_SETTLEMENT {
            return Err(Reject::RiskTotal);
        }
        let free = match reserved {
            true => record.reserved[transfer.account as usize],
            false => self.funds.account(account).free(asset),
        };
        if amount < 0 && free < -amount {
            return Err(Reject::RiskInsufficientBalance);
        }
        if !reserved && amount < 0 && self.funds.account(account).margin != 0 {
            self.check_withdrawal(account, asset, -amount)?;
        }
        if reserved && amount < 0 && transfer.account == INSURANCE {
            self.check_insurance_withdrawal(asset, -amount)?;
        }
        if reserved {
            self.funds.change_reserved(transfer.account, asset, amount);
        } else {
            self.funds.touch(account);
            self.funds.change(account, asset, amount, 0);
        }
        self.funds.assets[asset as usize].total = total;
        self.funds.assert_conserved(asset);
        Ok(())
    }
}
