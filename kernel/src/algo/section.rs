//! Algo orders in a snapshot. Books, lists, links and timers follow from the orders; the queue of what has
//! fired is part of the state. And what must hold of all this between two commands.

use std::collections::{BTreeSet, VecDeque};

use super::{kind, state, Algo, Distance, Leg, Token, MARK, NO_LEG};
use crate::codec::{Reader, Writer};
use crate::kernel::Kernel;
use crate::slab::Slab;
use crate::wire::{flag, MAX_CLIENT_ID};

/// Fixed bytes of one algo order.
const ALGO: usize = 200;

fn write_leg(out: &mut Writer, leg: &Leg) {
    out.i64(leg.trigger);
    out.i64(leg.price);
    out.raw(&[leg.source, u8::from(leg.rises)]);
}

fn read_leg(input: &mut Reader) -> Option<Leg> {
    let (trigger, price) = (input.i64()?, input.i64()?);
    let (source, rises) = (input.u8()?, input.u8()?);
    (source <= MARK && rises <= 1).then_some(Leg { trigger, price, source, rises: rises == 1 })
}

fn write_algo(out: &mut Writer, algo: &Algo, best: i64) {
    for value in [algo.id, algo.activation, algo.order_id, algo.parent] {
        out.u64(value);
    }
    for value in [algo.account, algo.market, algo.key, algo.builder, algo.distance.ppm] {
        out.u32(value);
    }
    out.raw(&[algo.kind, algo.state, algo.flags, algo.stp, algo.fired, algo.client_len]);
    out.raw(&[u8::from(algo.floats), u8::from(algo.slice_open)]);
    for value in [algo.size, algo.done, algo.distance.ticks, algo.slice, best] {
        out.i64(value);
    }
    algo.legs.iter().for_each(|leg| write_leg(out, leg));
    for value in [algo.interval_ms, algo.next_ms, algo.expires_ms, algo.created_ms] {
        out.u64(value);
    }
    out.raw(&algo.client_id);
}

/// An algo order and the best price it follows.
fn read_algo(input: &mut Reader) -> Option<(Algo, i64)> {
    let [id, activation, order_id, parent] = [input.u64()?, input.u64()?, input.u64()?, input.u64()?];
    let [account, market, key, builder] = [input.u32()?, input.u32()?, input.u32()?, input.u32()?];
    let ppm = input.u32()?;
    let small = input.raw(8)?;
    let [size, done, ticks, slice, best] =
        [input.i64()?, input.i64()?, input.i64()?, input.i64()?, input.i64()?];
    let algo = Algo {
        id,
        account,
        market,
        key,
        builder,
        kind: small[0],
        state: small[1],
        flags: small[2],
        stp: small[3],
        fired: small[4],
        client_len: small[5],
        floats: small[6] == 1,
        slice_open: small[7] == 1,
        size,
        done,
        legs: [read_leg(input)?, read_leg(input)?],
        distance: Distance { ticks, ppm },
        activation,
        slice,
        interval_ms: input.u64()?,
        next_ms: input.u64()?,
        expires_ms: input.u64()?,
        created_ms: input.u64()?,
        order_id,
        parent,
        client_id: input.raw(MAX_CLIENT_ID)?.try_into().ok()?,
    };
    let known = algo.kind <= kind::TWAP && algo.state <= state::LIVE;
    (known && algo.client_len as usize <= MAX_CLIENT_ID).then_some((algo, best))
}

fn write_tokens<'a>(out: &mut Writer, tokens: impl ExactSizeIterator<Item = &'a Token>) {
    out.count(tokens.len());
    tokens.for_each(|token| out.u64(*token));
}

fn read_tokens(input: &mut Reader) -> Option<VecDeque<Token>> {
    (0..input.count(8)?).map(|_| input.u64()).collect()
}

impl Kernel {
    pub(crate) fn write_algos(&self, out: &mut Writer) {
        out.u64(self.algos.last_id);
        out.u64(self.algos.last_activation);
        out.count(self.algos.open.len());
        for algo in self.algos.open.values() {
            write_algo(out, algo, self.best_since(algo));
        }
        write_tokens(out, self.algos.queue.iter());
        out.count(self.algos.parked.len());
        for (market, tokens) in &self.algos.parked {
            out.u32(*market);
            write_tokens(out, tokens.iter());
        }
    }

    /// Read the section; accounts, markets and orders are there already.
    pub(crate) fn read_algos(&mut self, input: &mut Reader) -> Option<()> {
        self.algos.last_id = input.u64()?;
        self.algos.last_activation = input.u64()?;
        let mut following = Vec::new();
        for _ in 0..input.count(ALGO)? {
            let (algo, best) = read_algo(input)?;
            let known = (algo.account as usize) < self.funds.accounts.len()
                && (algo.market as usize) < self.markets.len();
            if !known || algo.id > self.algos.last_id || algo.activation > self.algos.last_activation {
                return None;
            }
            if algo.activation != 0 {
                following.push((algo.activation, algo.id, best));
            }
            self.algos.add(algo);
        }
        self.algos.queue = read_tokens(input)?;
        for _ in 0..input.count(12)? {
            let market = input.u32()?;
            let tokens = read_tokens(input)?;
            self.algos.parked.insert(market, tokens);
        }
        self.bind_algos(following)
    }

    /// Books, links and timers of algo orders just read.
    fn bind_algos(&mut self, mut following: Vec<(u64, u64, i64)>) -> Option<()> {
        following.sort_unstable();
        let fired = self.fired_tokens();
        let algos: Vec<Algo> = self.algos.open.values().cloned().collect();
        for algo in &algos {
            if algo.state == state::WAITING {
                self.algos.links.insert(algo.parent, algo.id);
            } else if algo.slice_open {
                self.algos.links.insert(algo.order_id, algo.id);
            }
            if algo.kind == kind::TWAP {
                self.algos.timers.insert((algo.next_ms, algo.id));
            }
            if algo.state == state::LIVE && algo.activation == 0 {
                let books = self.algos.books.entry(algo.market).or_default();
                for (token, leg) in algo.tokens().filter(|(token, _)| !fired.contains(token)) {
                    books[leg.source as usize].insert(leg.rises, leg.trigger, token);
                }
            }
        }
        for (activation, id, best) in following.into_iter().filter(|(_, id, _)| !fired.contains(&(id << 1))) {
            let algo = self.algos.open.get(&id)?;
            let (follower, source) = (1 - algo.side(), algo.legs[0].source as usize);
            let books = self.algos.books.entry(algo.market).or_default();
            books[source].follow(follower, best, algo.distance, activation, id << 1);
        }
        let markets: Vec<u32> = self.algos.books.keys().copied().collect();
        markets.into_iter().for_each(|market| self.reset_alarm(market));
        Some(())
    }

    /// Tokens that have left the trigger books and are still to be carried out.
    fn fired_tokens(&self) -> BTreeSet<Token> {
        self.algos.queue.iter().chain(self.algos.parked.values().flatten()).copied().collect()
    }

    /// Every algo order stands exactly where its state says.
    pub(crate) fn check_algos(&self, slab: &Slab, open: &BTreeSet<u32>) -> Result<(), String> {
        let algos = &self.algos;
        let fired = self.fired_tokens();
        let (mut armed, mut links) = (0, 0);
        for algo in algos.open.values() {
            let id = algo.id;
            let listed = algos.by_account.contains(&(algo.account, id))
                && algos.by_market.contains(&(algo.market, id));
            let timed = (algo.kind == kind::TWAP) == algos.timers.contains(&(algo.next_ms, id));
            if !listed || !timed || algo.done > algo.size && algo.flags & flag::QUOTE_SIZE == 0 {
                return Err(format!("algo order {id} is not where it should be"));
            }
            let watched = if algo.state == state::WAITING { algo.parent } else { algo.order_id };
            if algo.state == state::WAITING || algo.slice_open {
                links += 1;
                let slot = self.ids.get(watched).filter(|slot| open.contains(slot));
                let marked = slot.is_some_and(|slot| slab.node(slot).flags & flag::LINKED != 0);
                if algos.links.get(&watched) != Some(&id) || !marked {
                    return Err(format!("algo order {id} does not watch order {watched}"));
                }
            }
            if algo.kind == kind::TRAILING && algo.activation != 0 {
                armed += usize::from(!fired.contains(&(id << 1)));
            } else if algo.state == state::LIVE {
                armed += algo.tokens().filter(|(token, _)| !fired.contains(token)).count();
            }
            if algo.fired != NO_LEG && !fired.contains(&(id << 1 | u64::from(algo.fired & 1))) {
                return Err(format!("algo order {id} has fired and is not in the queue"));
            }
        }
        let standing: usize = algos.books.values().flatten().map(|book| book.len()).sum();
        let lists = algos.by_account.len() + algos.by_market.len() == 2 * algos.open.len();
        if standing != armed || links != algos.links.len() || !lists || !algos.refills.is_empty() {
            return Err(format!("{standing} triggers stand in the books, {armed} should"));
        }
        for (market, books) in &algos.books {
            if self.markets[*market as usize].alarm != books[0].alarms() {
                return Err(format!("market {market} does not know its triggers"));
            }
        }
        Ok(())
    }
}
