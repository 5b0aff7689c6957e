//! Random scripts: a command is drawn from twelve small numbers (its genes), so that a list of genes is all there is to shrink and zeros
//! give the plainest command. Order ids are named by how long ago they were given, so a script is valid for any kernel.

use super::wire::{self, Head, MarketBody, Params, PlaceBody};

pub type Genes = [u16; 12];

pub const START_MS: u64 = 1_700_000_000_000;
pub const USERS: u32 = 8;
pub const ASSETS: [u32; 3] = [7, 2, 30];
const DAY_MS: u64 = 86_400_000;

/// Orders and times a script has met so far.
#[derive(Clone, Debug)]
pub struct Known {
    pub now: u64,
    /// (account, market, id) of every order placed, in order.
    pub orders: Vec<(u32, u32, u64)>,
    /// Those open at the end of the last batch.
    pub open: Vec<(u32, u32, u64)>,
    pub transfers: u64,
    /// Prices over thousands of ticks instead of a few around 100.
    pub wide: bool,
}

impl Known {
    pub fn new(seed: u64) -> Known {
        Known { now: START_MS, orders: Vec::new(), open: Vec::new(), transfers: 0, wide: seed % 8 == 7 }
    }
}

fn pick<T: Copy>(of: &[T], gene: u16) -> T {
    of[gene as usize % of.len()]
}

fn user(gene: u16) -> u32 {
    match gene % 97 {
        96 => pick(&[0, 1, 4, 15, 24, u32::MAX], gene / 97),
        small => 16 + u32::from(small) % USERS,
    }
}

fn market(gene: u16) -> u32 {
    match gene % 61 {
        60 => pick(&[70_000, u32::MAX], gene / 61),
        small => pick(&[0, 0, 1, 2, 0, 1, 2, 0, 1, 0, 2, 0, 1, 0, 0, 3], small),
    }
}

fn price(known: &Known, gene: u16) -> i64 {
    match gene % 251 {
        small if known.wide && small < 200 => 10_000 + i64::from(gene / 8) - 4_096,
        250 => pick(&[0, -1, 1 << 50, (1 << 50) + 1, i64::MAX, i64::MIN, 1 << 40, 5_000], gene / 251),
        small => pick(&[100, 101, 99, 102, 98, 103, 97, 104, 96, 105, 95, 100, 101, 99, 110, 90], small),
    }
}

fn size(gene: u16) -> i64 {
    match gene % 251 {
        250 => pick(&[0, -1, 1 << 50, (1 << 50) + 1, i64::MAX, i64::MIN, 1 << 40, 100_001], gene / 251),
        small => pick(&[1, 2, 3, 5, 8, 13, 40, 120], small),
    }
}

/// No client id mostly, else one of few, so that they repeat.
fn client(gene: u16) -> Vec<u8> {
    match gene % 211 {
        0..=120 => Vec::new(),
        210 => match gene / 211 % 4 {
            0 => b"a client id of just 32 letters..".to_vec(),
            1 => b"spaces not".to_vec(),
            2 => b"one more than 32 visible letters!".to_vec(),
            _ => vec![0xC3, 0xA9],
        },
        _ => format!("c{}", gene / 211 % 300).into_bytes(),
    }
}

fn deadline(now: u64, gene: u16) -> u64 {
    match gene % 32 {
        31 => pick(&[now - 1, now, now + 1, u64::MAX], gene / 32),
        _ => 0,
    }
}

/// (time of the next batch, whether this command ends its batch).
pub fn step(known: &Known, genes: &Genes) -> (u64, bool) {
    let now = known.now;
    let time = match genes[11] % 64 {
        0..=31 => now,
        32..=47 => now + u64::from(genes[10] % 50),
        48..=58 => now + 900 + u64::from(genes[10] % 7_000),
        59..=60 => now.saturating_sub(5_000),
        61..=62 => now + 61_000 * u64::from(genes[10] % 60),
        _ => now + pick(&[DAY_MS, 7 * DAY_MS, 7 * DAY_MS + 60_000, 8 * DAY_MS], genes[10]),
    };
    (time, genes[11] / 64 % 4 == 0)
}

/// The frame these genes stand for.
pub fn frame(known: &mut Known, g: &Genes) -> Vec<u8> {
    let mut bytes = good_frame(known, g);
    if g[10] % 64 == 63 {
        // One bit beyond the length is wrong.
        let at = 2 + usize::from(g[9]) % (bytes.len() - 2);
        bytes[at] ^= 1 << (g[10] / 64 % 8);
        // Kinds of other markets are not the model's: one that nobody knows stands for them.
        if !matches!(bytes[2], 1..=5 | 32..=35 | 64..=70) {
            bytes[2] = 20;
        }
    }
    bytes
}

fn good_frame(known: &mut Known, g: &Genes) -> Vec<u8> {
    let weight = g[0] % 128;
    match weight {
        0..=57 => place(known, g, false),
        58..=65 => place(known, g, true),
        66..=77 => cancel(known, g),
        78..=91 => amend(known, g),
        92..=93 => wire::mass_cancel(
            head(g, if g[2] % 3 == 0 { wire::ALL_MARKETS } else { market(g[2]) }),
            pick(&[2, 0, 1, 2, 0, 1, 2, 3], g[3]),
        ),
        94..=95 => {
            let timeout = pick(&[0, 1, 500, 4_000, 60_000, u64::MAX], g[3]);
            wire::cancel_all_after(head(g, wire::ALL_MARKETS), timeout)
        }
        96..=105 => transfer(known, g),
        _ => operator(known, g, weight),
    }
}

/// Mostly open, at times halted, seldom on the way to the end.
fn phase(gene: u16) -> u8 {
    match gene % 128 {
        0..=105 => 2,
        106..=117 => 3,
        118..=119 => pick(&[0, 7], gene / 128),
        120..=123 => 5,
        124..=126 => 6,
        _ => pick(&[4, 3, 2], gene / 128),
    }
}

fn head(g: &Genes, market: u32) -> Head {
    Head { account: user(g[1]), market, key: u32::from(g[1] / 97), flags: 0 }
}

fn place(known: &mut Known, g: &Genes, as_market: bool) -> Vec<u8> {
    let odd = g[9];
    let mut body = PlaceBody {
        price: price(known, g[3]),
        size: size(g[4]),
        client: client(g[5]),
        ..PlaceBody::default()
    };
    let mut flags = (g[6] % 2) as u8;
    body.stp = (g[7] % 3) as u8;
    body.tif = pick(&[0, 0, 0, 0, 0, 0, 1, 1, 2, 3], g[8]);
    body.deadline = deadline(known.now, odd);
    if body.tif == 1 {
        body.expires = known.now + pick(&[500, 1, 5_000, 100_000, 10 * DAY_MS], g[10]);
    }
    if as_market {
        (body.order_type, body.tif) = (1, pick(&[2, 2, 3], g[8]));
        body.price = pick(&[0, 0, 0, body.price], g[2] / 61);
        body.expires = 0;
        if flags == 0 && g[9] % 3 == 0 {
            flags |= wire::QUOTE_SIZE;
            body.size = body.size.saturating_mul(i64::from(g[10] % 5_000) + 1);
        }
    } else if body.tif < 2 && g[10] % 5 == 4 {
        flags |= wire::POST_ONLY;
    }
    spoil_place(&mut body, &mut flags, known.now, odd);
    wire::place(Head { flags, ..head(g, market(g[2])) }, &body)
}

/// Now and then an order that should not be.
fn spoil_place(body: &mut PlaceBody, flags: &mut u8, now: u64, odd: u16) {
    match odd % 256 {
        255 => body.tif = 4,
        254 => body.order_type = 2,
        253 => body.stp = 3,
        252 => *flags |= pick(&[16, 32, 128], odd / 256),
        251 => *flags |= wire::REDUCE_ONLY,
        250 => *flags |= wire::QUOTE_SIZE,
        249 => body.expires = pick(&[now, now - 1, now + 1, 1, u64::MAX, 0], odd / 256),
        248 => *flags |= wire::POST_ONLY,
        247 => body.tif = 1,
        246 => body.builder = u32::from(odd / 256),
        245 => body.order_type = 1,
        _ => {}
    }
}

/// An order given before: mostly one of the last, with its own account.
fn target(known: &Known, g: &Genes) -> (u32, u32, u64, Vec<u8>) {
    let open = g[6] / 8 % 4 != 3 && !known.open.is_empty();
    let orders = if open { &known.open } else { &known.orders };
    let count = orders.len();
    let id = client(g[5]);
    if count == 0 || g[6] % 40 == 39 {
        return (user(g[1]), market(g[2]), pick(&[0, 1, 5, u64::MAX, 1 << 40], g[6] / 40), id);
    }
    let back = usize::from(g[3]) % count.min(pick(&[40, 8, 400], g[4]));
    let (account, market, order_id) = orders[count - 1 - back];
    match g[6] % 8 {
        7 => (user(g[1]), market, order_id, id),
        6 => (account, self::market(g[2]), order_id, id),
        5 if !id.is_empty() => (account, market, 0, id),
        _ => (account, market, order_id, Vec::new()),
    }
}

fn cancel(known: &Known, g: &Genes) -> Vec<u8> {
    let (account, market, id, client) = target(known, g);
    let head = Head { account, market, key: 3, flags: u8::from(g[8] % 101 == 100) };
    wire::cancel(head, id, deadline(known.now, g[9]), &client)
}

fn amend(known: &Known, g: &Genes) -> Vec<u8> {
    let (account, market, id, client) = target(known, g);
    let new_price = if g[7] % 2 == 0 { 0 } else { price(known, g[7] / 2) };
    let new_size = if g[8] % 2 == 0 { 0 } else { size(g[8] / 2) };
    let flags = if g[10] % 53 == 52 { 2 } else { u8::from(g[10] % 4 == 3) };
    let head = Head { account, market, key: 4, flags };
    wire::amend(head, id, new_price, new_size, deadline(known.now, g[9]), &client)
}

fn transfer(known: &mut Known, g: &Genes) -> Vec<u8> {
    let kind = if g[3] % 3 == 2 { wire::WITHDRAW } else { wire::DEPOSIT };
    known.transfers += 1;
    let id = if g[4] % 6 == 5 { u64::from(g[4] / 6) % known.transfers } else { known.transfers };
    let asset = if g[5] % 50 == 49 { 99 } else { pick(&ASSETS, g[5]) };
    let amount = match g[6] % 64 {
        63 => pick(&[0, -1, i64::MAX, i64::MIN, i64::MAX / 2], g[6] / 64),
        small => pick(&[1_000, 5_000_000, 1, 777_777], small) * i64::from(g[6] / 64 + 1),
    };
    let now = known.now;
    let issued = match g[7] % 16 {
        15 => pick(
            &[
                now - 6 * DAY_MS,
                now - 7 * DAY_MS - 1,
                now + DAY_MS + 1,
                now + DAY_MS,
                now - 7 * DAY_MS,
                0,
                u64::MAX,
            ],
            g[7] / 16,
        ),
        _ => now - u64::from(g[7] / 16 % 1_000),
    };
    wire::transfer(kind, user(g[1]), asset, amount, id, issued)
}

/// Parameters near the usual ones, some outside their bounds.
pub fn params(g: &Genes) -> Params {
    let (maker, taker) =
        pick(&[(0, 0), (200, 500), (-100, 333), (1_500, 1_500), (-99_999, 100_000), (77_777, 100_000)], g[3]);
    let mut params = Params {
        reference_ticks: pick(&[100, 0, 100, 90], g[4]),
        maker_ppm: maker,
        taker_ppm: taker,
        share_ppm: pick(&[0, 100_000, 333_333, 1_000_000], g[5]),
        band_ppm: pick(&[50_000, 100_000, 0, 1_000_000], g[6]),
        slippage_ppm: pick(&[50_000, 10_000, 0, 1_000_000], g[7]),
        max_matches: pick(&[1_000, 3, 1, 8], g[8]),
        max_levels: pick(&[50_000, 6, 3, 50_000], g[9]),
        min_notional: pick(&[0, 0, 300, 0], g[10]),
        min_lots: pick(&[1, 1, 1, 2], g[1]),
        max_lots: pick(&[100_000, 1 << 50, 100_000, 60], g[1] / 4),
    };
    match g[2] % 64 {
        63 => params.taker_ppm = pick(&[-1, 100_001, i32::MIN], g[2] / 64),
        62 => params.maker_ppm = params.taker_ppm + 1,
        61 => params.band_ppm = 1_000_001,
        60 => params.max_levels = 0,
        59 => params.max_matches = pick(&[0, 100_001], g[2] / 64),
        58 => params.min_lots = pick(&[0, -1, i64::MAX], g[2] / 64),
        57 => params.min_notional = -1,
        56 => params.share_ppm = u32::MAX,
        55 => params.reference_ticks = pick(&[-1, i64::MAX], g[2] / 64),
        _ => {}
    }
    params
}

fn operator(known: &Known, g: &Genes, weight: u16) -> Vec<u8> {
    let market = market(g[1]);
    match weight {
        106..=111 => wire::tick(),
        112..=115 => wire::set_phase(market, phase(g[2])),
        116..=117 => wire::set_market(market, &params(g)),
        118 => {
            let (maker, taker) = pick(&[(0, 0), (-200, 700), (90, 90), (700, 200), (-1, 0)], g[3]);
            wire::set_tier(market, pick(&[1, 2, 3, 0, 16, u32::MAX], g[4]), maker, taker)
        }
        119 => wire::open_account(user(g[1]), u64::from(g[2] % 5), g[3] % 5),
        120..=121 => wire::set_account(
            user(g[1]),
            u64::from(g[2] % 5),
            pick(&[0, 1, 2, 0, 1, 2, 15, 16], g[3]),
            if g[4] % 12 == 11 { pick(&[0, 1, 2, 3, 4, 5, 28, 32], g[4] / 12) } else { 0 },
        ),
        122 => wire::set_limits(
            pick(&[9, 1_000, 0], g[2]),
            pick(&[4, 10, 0], g[3]),
            pick(&[20, 20_000, 6], g[4]),
            pick(&[60, 1_000, 400, 0], g[5]),
        ),
        123 => wire::add_asset(
            pick(&[5, 7, 0, u32::MAX], g[2]),
            pick(&[8, 0, 9], g[3]),
            pick(&[&b"NEW"[..], b"A7", b"", b"b d"], g[4]),
        ),
        124 => wire::add_market(u32::from(g[2] % 5), &listing(g)),
        125 => wire::frame(
            pick(&[20, 50, 110, 127, 0, 255, 71], g[2]),
            Head { account: user(g[1]), ..Head::default() },
            &[0; 8],
        ),
        126 => {
            wire::frame(pick(&[1, 2, 3, 4, 5, 32, 34, 64, 65, 66, 67, 68, 69, 70], g[2]), head(g, 0), &[1; 9])
        }
        _ => {
            // An operator's command sent by a user, and a user's sent by the operator.
            let mut bytes = if g[2] % 2 == 0 { wire::tick() } else { wire::mass_cancel(Head::default(), 2) };
            bytes[4] = if g[2] % 2 == 0 { 16 } else { 0 };
            let _ = known;
            bytes
        }
    }
}

fn listing(g: &Genes) -> MarketBody {
    MarketBody {
        base: pick(&[7, 30, 2, 99], g[3]),
        quote: pick(&[2, 7, 99], g[4]),
        lot_size: pick(&[1, 1_000, 0, -5, i64::MAX], g[5]),
        tick_quote: pick(&[1, 13, 0, -5, i64::MAX], g[6]),
        params: params(g),
        kind: pick(&[0, 0, 1, 3], g[7]),
        symbol: pick(&[&b"X-Y"[..], b"", b"bad symbol"], g[8]).to_vec(),
    }
}

/// Three assets, three markets, eight accounts of four owners with money: where every script begins.
pub fn opening(seed: u64) -> Vec<Vec<u8>> {
    let vary = |of: &[i64], salt: u64| of[((seed / salt.max(1)) % of.len() as u64) as usize];
    let mut frames =
        vec![wire::add_asset(7, 8, b"A7"), wire::add_asset(2, 2, b"A2"), wire::add_asset(30, 0, b"A30")];
    let fees = [(200, 500), (-100, 333), (0, 0), (1_500, 1_500), (-99_999, 100_000), (77_777, 100_000)];
    for (number, (base, quote)) in [(7, 2), (30, 2), (7, 30)].into_iter().enumerate() {
        let (maker_ppm, taker_ppm) = fees[(seed as usize + number) % fees.len()];
        let params = Params {
            reference_ticks: if seed % 8 == 7 { 10_000 } else { vary(&[100, 0], 2) },
            maker_ppm,
            taker_ppm,
            share_ppm: vary(&[100_000, 333_333, 0, 1_000_000], 3) as u32,
            band_ppm: if seed % 8 == 7 { 1_000_000 } else { vary(&[50_000, 100_000, 0], 5) as u32 },
            max_matches: vary(&[1_000, 3, 8], 7) as u32,
            max_levels: vary(&[50_000, 8], 11) as u32,
            max_lots: 100_000,
            ..Params::default()
        };
        let body = MarketBody {
            base,
            quote,
            lot_size: vary(&[1, 10, 1_000], 13),
            tick_quote: vary(&[1, 7, 100], 17),
            params,
            kind: 0,
            symbol: format!("M{number}").into_bytes(),
        };
        frames.push(wire::add_market(number as u32, &body));
        frames.push(wire::set_phase(number as u32, 2));
    }
    frames.push(wire::set_tier(0, 1, -200, 700));
    frames.push(wire::set_tier(0, 2, 0, 100));
    for user in 0..USERS {
        frames.push(wire::open_account(16 + user, u64::from(user / 2), (user % 3) as u16));
        for (at, asset) in ASSETS.into_iter().enumerate() {
            let amount = vary(&[1_000_000_000, 30_000_000], 19);
            let id = 1_000_000 + u64::from(user) * 10 + at as u64;
            frames.push(wire::transfer(wire::DEPOSIT, 16 + user, asset, amount, id, START_MS));
        }
    }
    frames
}
