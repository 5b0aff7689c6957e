//! Mandates as queries and events show them.

use serde_json::{json, Value};

use super::{Mandate, UNBOUNDED};
use crate::kernel::Kernel;
use crate::output::MandateView;

impl Mandate {
    fn json(&self, key: u32) -> Value {
        json!({
            "key": key, "rights": self.rights, "leverage": self.leverage, "rate": self.rate,
            "order_notional": self.order_notional, "position_notional": self.position_notional,
            "daily_loss": self.daily_loss, "expires_ms": self.expires_ms, "markets": self.markets,
            "revoked": self.revoked,
        })
    }
}

impl Kernel {
    /// `{"q":"mandates","account":n}`: mandates, approved builders, referrer of an account.
    pub(crate) fn query_mandates(&self, account: u32) -> Value {
        let range = (account, 0)..=(account, u32::MAX);
        let mandates = self.mandates.keys.of(account);
        let mandates = mandates.map(|(key, mandate)| mandate.json(key)).collect::<Vec<_>>();
        let builders = self.mandates.builders.range(range);
        let builders = builders.map(|((_, builder), cap)| json!([builder, cap])).collect::<Vec<_>>();
        let referrer = self.mandates.referrers.get(&account).copied().unwrap_or(0);
        json!({"account": account, "mandates": mandates, "builders": builders, "referrer": referrer})
    }

    /// `{"q":"capacity"}`: the bound (-1: none), what is open, and the shares of fees.
    pub(crate) fn query_capacity(&self) -> Value {
        let mandates = &self.mandates;
        let capacity = if mandates.capacity == UNBOUNDED { -1 } else { mandates.capacity };
        json!({
            "capacity": capacity, "open_interest": mandates.exposure, "referral_ppm": mandates.referral_ppm,
            "builder_cap_ppm": mandates.builder_cap_ppm,
        })
    }

    /// Tell the account what a key of it may do now.
    pub(super) fn mandate_event(&mut self, account: u32, key: u32) {
        let Some(mandate) = self.mandates.keys.get(account, key) else { return };
        let view = MandateView {
            account,
            key,
            rights: mandate.rights,
            leverage: mandate.leverage,
            rate: mandate.rate,
            revoked: mandate.revoked,
            order_notional: mandate.order_notional,
            position_notional: mandate.position_notional,
            daily_loss: mandate.daily_loss,
            expires_ms: mandate.expires_ms,
        };
        let stamp = self.stamp();
        self.out.mandate_event(stamp, &view);
    }
}
