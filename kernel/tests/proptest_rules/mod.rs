//! Rules of `reliability.md` as observers: each sees what stood before a command, the command, what the kernel said, and what stands after it, all
//! by the kernel's own queries and bytes.

pub mod fees;
pub mod matching;
pub mod money;
pub mod state;

use std::collections::BTreeMap;
use std::rc::Rc;

use exchange_kernel::Kernel;
use serde_json::Value;

use crate::reference_model::harness::{query, Run, Seen};
use crate::reference_model::model::Model;
use crate::reference_model::script::Genes;
use crate::reference_model::told::{Ack, Event, FillView, OrderView, What};
use crate::reference_model::wire;

/// One account as queries show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub owner: u64,
    pub tier: u64,
    pub flags: u64,
}

/// One open order as queries show it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Open {
    pub account: u32,
    pub market: usize,
    pub side: usize,
    pub order_type: u8,
    pub tif: u8,
    pub price: i64,
    pub size: i64,
    pub filled: i64,
    pub remaining: i64,
    pub fee: i64,
}

/// The whole state as queries show it.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub accounts: BTreeMap<u32, Account>,
    /// (total, held) by (account, asset), reserved accounts included.
    pub balances: BTreeMap<(u32, u32), (i64, i64)>,
    pub orders: BTreeMap<u64, Open>,
    pub markets: Vec<Rc<Value>>,
    pub totals: BTreeMap<u32, i64>,
}

/// A whole number of a JSON object.
pub fn int(of: &Value, name: &str) -> i64 {
    of[name].as_i64().unwrap_or_else(|| panic!("{name} is a whole number: {of}"))
}

impl View {
    /// Everything asked anew.
    pub fn of(kernel: &Kernel, model: &Model) -> View {
        let mut view = View {
            accounts: BTreeMap::new(),
            balances: BTreeMap::new(),
            orders: BTreeMap::new(),
            markets: Vec::new(),
            totals: BTreeMap::new(),
        };
        view.refresh_markets(kernel);
        for number in (1..=4).chain(model.accounts.keys().copied()) {
            view.refresh_account(kernel, number);
        }
        view
    }

    /// What the last batch says that it changed, asked anew.
    pub fn refreshed(&self, kernel: &Kernel, seen: &Seen, kind: u8) -> View {
        let mut view = self.clone();
        if kind >= wire::OPERATOR || !kernel.output().dirty_markets.is_empty() {
            view.refresh_markets(kernel);
        }
        view.totals = kernel.totals().into_iter().collect();
        for account in kernel.dirty_accounts() {
            view.refresh_account(kernel, account);
        }
        if !seen.trades.is_empty() || !seen.transfers.is_empty() || kind == wire::ADD_ASSET {
            (1..=4).for_each(|account| view.refresh_account(kernel, account));
        }
        view
    }

    fn refresh_markets(&mut self, kernel: &Kernel) {
        let answer = query(kernel, r#"{"q":"markets"}"#);
        self.markets = answer["markets"].as_array().unwrap().iter().cloned().map(Rc::new).collect();
        self.totals = kernel.totals().into_iter().collect();
    }

    fn refresh_account(&mut self, kernel: &Kernel, number: u32) {
        let answer = query(kernel, &format!(r#"{{"q":"account","account":{number}}}"#));
        if answer.get("error").is_some() {
            return;
        }
        let owner = answer["owner"].as_u64().unwrap();
        let (tier, flags) = (int(&answer, "tier") as u64, int(&answer, "flags") as u64);
        self.accounts.insert(number, Account { owner, tier, flags });
        for balance in answer["balances"].as_array().unwrap() {
            let key = (number, int(balance, "asset") as u32);
            assert_eq!(int(balance, "free"), int(balance, "total") - int(balance, "held"));
            self.balances.insert(key, (int(balance, "total"), int(balance, "held")));
        }
        self.orders.retain(|_, order| order.account != number);
        for order in answer["orders"].as_array().unwrap() {
            assert_eq!((int(order, "state"), int(order, "account")), (1, i64::from(number)));
            let open = Open {
                account: number,
                market: int(order, "market") as usize,
                side: int(order, "side") as usize,
                order_type: int(order, "order_type") as u8,
                tif: int(order, "tif") as u8,
                price: int(order, "price_ticks"),
                size: int(order, "size_lots"),
                filled: int(order, "filled_lots"),
                remaining: int(order, "remaining_lots"),
                fee: int(order, "fee"),
            };
            self.orders.insert(int(order, "order_id") as u64, open);
        }
    }

    pub fn total(&self, account: u32, asset: u32) -> i128 {
        self.balances.get(&(account, asset)).map_or(0, |balance| i128::from(balance.0))
    }

    /// (maker, taker) ppm that a new order of this account gets.
    pub fn fees(&self, account: u32, market: u32) -> (i64, i64) {
        let (market, tier) = (&self.markets[market as usize], self.accounts[&account].tier);
        let own = (int(market, "maker_ppm"), int(market, "taker_ppm"));
        let of_tier =
            |row: &Value| (row[0].as_u64() == Some(tier)).then(|| (row[1].as_i64(), row[2].as_i64()));
        match market["fee_tiers"].as_array().unwrap().iter().find_map(of_tier) {
            Some((Some(maker), Some(taker))) => (maker, taker),
            _ => own,
        }
    }
}

/// One command and all around it.
pub struct Step<'a> {
    pub before: &'a View,
    pub after: &'a View,
    pub frame: &'a [u8],
    pub seen: &'a Seen,
    pub kernel: &'a Kernel,
    pub model: &'a Model,
    /// Whether a timer was due before the command.
    pub timers: bool,
    /// The sequence before the command.
    pub sequence: u64,
}

impl Step<'_> {
    pub fn kind(&self) -> u8 {
        self.frame[2]
    }
    pub fn account(&self) -> u32 {
        u32::from_le_bytes(self.frame[4..8].try_into().unwrap())
    }
    pub fn ack(&self) -> Ack {
        self.seen.acks[0]
    }
    pub fn events(&self) -> &[Event] {
        &self.seen.events
    }
    /// (account, order, fill) of the fills, in order: maker and taker by turns.
    pub fn fills(&self) -> Vec<(u32, &OrderView, &FillView)> {
        let mut fills = Vec::new();
        for event in &self.seen.events {
            if let What::Fill(order, fill) = &event.what {
                fills.push((event.account, order, fill));
            }
        }
        fills
    }
}

/// What must hold at every command.
pub trait Rule: Default {
    fn after(&mut self, step: &Step);
    /// A frame to send at once after this step, to see that it does nothing.
    fn again(&self, _step: &Step) -> bool {
        false
    }
}

/// Carry out a script with one command a batch and show each step to the rule; the kernel audits itself as well.
pub fn check<R: Rule>(seed: u64, genes: &[Genes]) {
    let (mut run, mut rule) = (Run::new(seed), R::default());
    let mut before = View::of(&run.pair.kernel, &run.pair.model);
    for genes in genes {
        let sequence = run.pair.kernel.sequence();
        let timer = run.pair.kernel.next_timer_ms();
        let (frame, now, seen) = run.alone(genes);
        let after = before.refreshed(&run.pair.kernel, &seen, frame[2]);
        let timers = timer.is_some_and(|due| due <= run.pair.kernel.now_ms());
        let again = show(&mut rule, &run, (&before, &after), (&frame, &seen), (timers, sequence));
        before = after;
        if again {
            let sequence = run.pair.kernel.sequence();
            let timers = run.pair.kernel.next_timer_ms().is_some_and(|due| due <= run.pair.kernel.now_ms());
            let seen = run.send(&frame, now);
            let after = before.refreshed(&run.pair.kernel, &seen, frame[2]);
            show(&mut rule, &run, (&before, &after), (&frame, &seen), (timers, sequence));
            before = after;
        }
    }
    let whole = View::of(&run.pair.kernel, &run.pair.model);
    assert_eq!(before.accounts, whole.accounts, "an account changed unmarked");
    assert_eq!(before.balances, whole.balances, "a balance changed unmarked");
    assert_eq!(before.orders, whole.orders, "an order changed unmarked");
    assert_eq!(before.markets, whole.markets, "a market changed unmarked");
    assert_eq!(before.totals, whole.totals, "a total changed unmarked");
}

fn show<R: Rule>(
    rule: &mut R,
    run: &Run,
    (before, after): (&View, &View),
    (frame, seen): (&[u8], &Seen),
    (timers, sequence): (bool, u64),
) -> bool {
    let (kernel, model) = (&run.pair.kernel, &run.pair.model);
    kernel.check_invariants().unwrap_or_else(|broken| panic!("audit: {broken}"));
    let step = Step { before, after, frame, seen, kernel, model, timers, sequence };
    rule.after(&step);
    rule.again(&step)
}
