//! Identity, sequence, totality, bounds, halts (24, 25, 29, 30, 34).

use std::collections::BTreeMap;

use super::{int, Rule, Step};
use crate::reference_model::model::MEMORY_MS;
use crate::reference_model::told::{Event, What};
use crate::reference_model::wire;

/// 24: a client order id and a transfer id act once. Each such command is sent twice; the second time nothing moves and the answer is the
/// first one's.
#[derive(Default)]
pub struct ActsOnce {
    accepted: BTreeMap<(u32, Vec<u8>), (u64, u64)>,
    /// (decision, when it was issued) by transfer id.
    transfers: BTreeMap<u64, (u16, u64)>,
    repeating: Option<u64>,
}

impl ActsOnce {
    fn client(step: &Step) -> Option<Vec<u8>> {
        let named = step.kind() == wire::PLACE && step.frame.len() > 56;
        named.then(|| step.frame[56..].to_vec())
    }
}

impl Rule for ActsOnce {
    fn after(&mut self, step: &Step) {
        let ack = step.ack();
        let now = step.kernel.now_ms();
        if let Some(order_id) = self.repeating.take() {
            assert_ne!(ack.code, 0, "sent twice, done twice");
            assert!(
                order_id == 0 || (ack.code, ack.order_id) == (301, order_id),
                "the same order is named: {ack:?}"
            );
            if !step.timers {
                assert_eq!(step.before, step.after, "sent twice, moved twice");
            }
            return;
        }
        if let (Some(client), 0) = (Self::client(step), ack.code) {
            let key = (step.account(), client);
            if let Some((_, at)) = self.accepted.insert(key, (ack.order_id, now)) {
                assert!(now - at >= MEMORY_MS, "a client id was taken again after {} ms", now - at);
            }
            self.repeating = Some(ack.order_id);
        }
        for decided in &step.seen.transfers {
            self.transfers.retain(|_, (_, issued)| issued.saturating_add(MEMORY_MS) >= now);
            let issued = u64::from_le_bytes(step.frame[32..40].try_into().unwrap());
            // Too old is no decision, and a repeated one is not a new one.
            let first = self.transfers.get(&decided.id).map_or(decided.code, |first| first.0);
            assert!(
                decided.code == first || decided.code == 308,
                "transfer {} decided otherwise",
                decided.id
            );
            if ack.code != 309 && decided.code != 308 {
                self.transfers.insert(decided.id, (decided.code, issued));
            }
        }
        if matches!(step.kind(), wire::DEPOSIT | wire::WITHDRAW) && ack.code == 0 {
            self.repeating = Some(0);
        }
    }

    fn again(&self, _step: &Step) -> bool {
        self.repeating.is_some()
    }
}

/// 25: a sequence per command, without gap; every event names its command and its time; time never falls.
#[derive(Default)]
pub struct Sequences {
    last_ms: u64,
    last_order: u64,
    last_trade: u64,
}

impl Rule for Sequences {
    fn after(&mut self, step: &Step) {
        assert_eq!(step.kernel.sequence(), step.sequence + 1);
        assert_eq!(step.seen.acks.len(), 1, "an ack per command");
        let now = step.kernel.now_ms();
        assert!(now >= self.last_ms, "time falls");
        self.last_ms = now;
        for event in step.events() {
            assert_eq!((event.sequence, event.time), (step.sequence + 1, now), "{event:?}");
            if let What::Fill(_, fill) = &event.what {
                let next = if fill.role == 0 { self.last_trade + 1 } else { self.last_trade };
                assert_eq!(fill.trade_id, next, "trades are numbered without gap");
                self.last_trade = next;
            }
        }
        if step.kind() == wire::PLACE && step.ack().code == 0 {
            assert_eq!(step.ack().order_id, self.last_order + 1, "orders are numbered without gap");
            self.last_order += 1;
        }
    }
}

/// 29: a command either has its effect or leaves everything as it was.
#[derive(Default)]
pub struct AllOrNothing;

impl Rule for AllOrNothing {
    fn after(&mut self, step: &Step) {
        let ack = step.ack();
        if ack.code != 0 && ack.reason == 0 && !step.timers {
            assert_eq!(step.before, step.after, "a refused command moved something: {ack:?}");
            assert!(step.events().is_empty(), "a refused command has events: {:?}", step.events());
        }
    }
}

/// 30: orders, levels and matches stay within their limits.
#[derive(Default)]
pub struct Bounds;

impl Rule for Bounds {
    fn after(&mut self, step: &Step) {
        let trades = step.fills().len() as i64 / 2;
        if let Some((_, order, _)) = step.fills().first() {
            let most = int(&step.before.markets[order.market as usize], "max_matches");
            assert!(trades <= most, "{trades} trades, at most {most}");
        }
        let timed =
            |event: &&Event| matches!(&event.what, What::Order(order) if matches!(order.reason, 6 | 10));
        assert!(step.events().iter().filter(timed).count() <= 64 + 1_000, "timers are bounded");
        let (ack, kind) = (step.ack(), step.kind());
        if kind != wire::PLACE || ack.code != 0 || ack.state != 1 {
            return;
        }
        let mine = step.after.orders.values().filter(|order| order.account == step.account()).count();
        assert!(mine <= step.model.limits.orders as usize, "{mine} open orders");
        let order = &step.after.orders[&ack.order_id];
        let market = &step.after.markets[order.market];
        let levels = market["levels"][order.side].as_i64().unwrap();
        let before = step.before.markets[order.market]["levels"][order.side].as_i64().unwrap();
        assert!(levels <= int(market, "max_levels").max(before), "{levels} levels");
    }
}

/// 34: where a market is not open nothing trades, and money moves only by transfers and released holds.
#[derive(Default)]
pub struct HaltIsSafe;

impl Rule for HaltIsSafe {
    fn after(&mut self, step: &Step) {
        for (_, order, _) in step.fills() {
            assert_eq!(
                int(&step.before.markets[order.market as usize], "phase"),
                2,
                "a trade in a market that is not open"
            );
        }
        for event in step.events() {
            if let What::Order(order) = &event.what {
                let phase = int(&step.before.markets[order.market as usize], "phase");
                assert!(phase == 2 || order.state == 3, "an order entered a market that is not open");
            }
        }
        let closed = step.before.markets.iter().all(|market| int(market, "phase") != 2);
        for (key, (total, held)) in &step.after.balances {
            let before = step.before.balances.get(key).copied().unwrap_or_default();
            let transferred = step.seen.transfers.iter().any(|t| (t.account, t.asset) == *key);
            assert!(
                !closed || transferred || (*total == before.0 && *held <= before.1),
                "{key:?} moved in a halt"
            );
        }
    }
}
