//! Frames: how the bytes of a batch are cut into commands. `WIRE.md` is the contract; `command.rs` reads
//! the bodies.

/// Bytes of the header every frame begins with.
pub const HEADER: usize = 16;
/// Longest frame there is.
pub const MAX_FRAME: usize = 1_024;
/// Market number that means all or none.
pub const ALL_MARKETS: u32 = u32::MAX;
/// Longest client order id.
pub const MAX_CLIENT_ID: usize = 32;

/// Command kinds. Numbers from 64 are the operator's.
pub mod kind {
    pub const PLACE: u8 = 1;
    pub const AMEND: u8 = 2;
    pub const CANCEL: u8 = 3;
    pub const MASS_CANCEL: u8 = 4;
    pub const CANCEL_ALL_AFTER: u8 = 5;
    pub const SET_LEVERAGE: u8 = 10;
    pub const MOVE_MARGIN: u8 = 11;
    pub const SET_MARGIN_MODE: u8 = 16;
    pub const CLOSE_POSITION: u8 = 17;
    pub const PLACE_TRIGGER: u8 = 6;
    pub const PLACE_OCO: u8 = 7;
    pub const PLACE_ICEBERG: u8 = 8;
    pub const PLACE_TWAP: u8 = 9;
    pub const PLACE_BRACKET: u8 = 14;
    pub const CANCEL_ALGO: u8 = 18;
    pub const AMEND_ALGO: u8 = 19;
    pub const MERGE: u8 = 12;
    pub const SPLIT: u8 = 13;
    pub const OPEN_ACCOUNT: u8 = 32;
    pub const SET_ACCOUNT: u8 = 33;
    pub const DEPOSIT: u8 = 34;
    pub const WITHDRAW: u8 = 35;
    pub const SET_MANDATE: u8 = 36;
    pub const APPROVE_BUILDER: u8 = 37;
    pub const SET_REFERRER: u8 = 38;
    pub const REVOKE_KEY: u8 = 39;
    pub const OPERATOR: u8 = 64;
    pub const ADD_ASSET: u8 = 64;
    pub const ADD_MARKET: u8 = 65;
    pub const SET_MARKET_PARAMS: u8 = 66;
    pub const SET_FEE_TIER: u8 = 67;
    pub const SET_PHASE: u8 = 68;
    pub const TICK: u8 = 69;
    pub const SET_LIMITS: u8 = 70;
    pub const OBSERVE_PRICES: u8 = 80;
    pub const SET_CAPACITY: u8 = 82;
    pub const SET_FUNDING: u8 = 86;
    pub const AUCTION: u8 = 88;
    pub const SET_CALENDAR: u8 = 89;
    pub const FUND_INSURANCE: u8 = 90;
    pub const SET_PRICE_RULES: u8 = 91;
    pub const SET_FEE_SPLIT: u8 = 93;
    pub const SET_LIQUIDATION_RULES: u8 = 95;
    pub const HOLD_LIQUIDATIONS: u8 = 96;
    pub const SET_MARGIN_TIERS: u8 = 85;
    pub const SET_COLLATERAL: u8 = 94;

    /// Commands of positions and margin.
    pub fn contract(kind: u8) -> bool {
        matches!(
            kind,
            SET_LEVERAGE | MOVE_MARGIN | SET_MARGIN_MODE | CLOSE_POSITION | SET_MARGIN_TIERS | SET_COLLATERAL
        )
    }
    pub const RESOLVE_EVENT: u8 = 81;
    pub const ADD_EVENT: u8 = 83;
    pub const ADD_OUTCOME: u8 = 84;
    pub const VOID_EVENT: u8 = 87;
    pub const CLOSE_EVENT: u8 = 92;

    /// Whether this version carries out commands of a kind.
    pub fn implemented(kind: u8) -> bool {
        let known = matches!(
            kind,
            PLACE..=CANCEL_ALL_AFTER
                | CANCEL_ALGO
                | AMEND_ALGO
                | MERGE..=SPLIT
                | OPEN_ACCOUNT..=REVOKE_KEY
                | OPERATOR..=SET_LIMITS
                | OBSERVE_PRICES
                | SET_CAPACITY
                | SET_FUNDING
                | AUCTION
                | SET_CALENDAR
                | SET_PRICE_RULES
                | FUND_INSURANCE
                | SET_FEE_SPLIT
                | SET_LIQUIDATION_RULES..=HOLD_LIQUIDATIONS
        );
        known || contract(kind)
    }

    /// Every kind by name; those past the implemented ones are numbers kept for the markets to come.
    pub const NAMES: &[(&str, u8)] = &[
        ("place", 1),
        ("amend", 2),
        ("cancel", 3),
        ("mass_cancel", 4),
        ("cancel_all_after", 5),
        ("open_account", 32),
        ("set_account", 33),
        ("deposit", 34),
        ("withdraw", 35),
        ("add_asset", 64),
        ("add_market", 65),
        ("set_market_params", 66),
        ("set_fee_tier", 67),
        ("set_phase", 68),
        ("tick", 69),
        ("set_limits", 70),
        ("place_trigger", 6),
        ("place_oco", 7),
        ("place_iceberg", 8),
        ("place_twap", 9),
        ("place_bracket", 14),
        ("cancel_algo", 18),
        ("amend_algo", 19),
        ("set_leverage", 10),
        ("move_margin", 11),
        ("merge_outcomes", 12),
        ("split_outcomes", 13),
        ("set_margin_mode", 16),
        ("close_position", 17),
        ("set_mandate", 36),
        ("approve_builder", 37),
        ("set_referrer", 38),
        ("revoke_key", 39),
        ("observe_prices", 80),
        ("resolve_event", 81),
        ("set_capacity", 82),
        ("add_event", 83),
        ("add_outcome", 84),
        ("set_margin_tiers", 85),
        ("set_funding", 86),
        ("void_event", 87),
        ("close_event", 92),
        ("auction", 88),
        ("set_calendar", 89),
        ("fund_insurance", 90),
        ("set_fee_split", 93),
        ("set_price_rules", 91),
        ("set_collateral", 94),
        ("set_liquidation_rules", 95),
        ("hold_liquidations", 96),
        ("poison", 127),
    ];
}

/// Order flags, the same bits in frames, order nodes and events.
pub mod flag {
    pub const SELL: u8 = 1;
    pub const POST_ONLY: u8 = 2;
    pub const REDUCE_ONLY: u8 = 4;
    pub const QUOTE_SIZE: u8 = 8;
    /// Of an outcome order: the client names the No side, so that side and price are turned round. Everything reported is the
    /// Yes side's, with this flag.
    pub const NO: u8 = 32;
    /// A flag if it is wanted.
    pub fn when(wanted: bool, flag: u8) -> u8 {
        if wanted {
            flag
        } else {
            0
        }
    }

    /// In records of orders only: liquidation made the order, to close a part of a position, or with `WHOLE` all of it.
    pub const FORCED: u8 = 128;
    pub const WHOLE: u8 = 64;
    /// In stored fills only: the mark price follows.
    pub const MARKED: u8 = 16;
    /// In order nodes only: the order has an expiry.
    pub const TIMED: u8 = 16;
    /// In order nodes only: an algo order watches the order.
    pub const LINKED: u8 = 64;
    /// Of algo orders: as many lots as the position has then.
    pub const WHOLE_POSITION: u8 = 64;
    /// Of an amend frame: cancel the order if it cannot be amended.
    pub const CANCEL_ON_FAIL: u8 = 1;
}

pub const LIMIT: u8 = 0;
pub const MARKET: u8 = 1;
pub const GTC: u8 = 0;
pub const GTD: u8 = 1;
pub const IOC: u8 = 2;
pub const FOK: u8 = 3;
pub const STP_CANCEL_MAKER: u8 = 0;
pub const STP_CANCEL_TAKER: u8 = 1;
pub const STP_CANCEL_BOTH: u8 = 2;
pub const BUY: u8 = 0;
pub const SELL: u8 = 1;
pub const BOTH_SIDES: u8 = 2;

#[inline]
pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

#[inline]
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

#[inline]
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[inline]
pub fn i64_at(bytes: &[u8], at: usize) -> i64 {
    u64_at(bytes, at) as i64
}

#[inline]
pub fn i32_at(bytes: &[u8], at: usize) -> i32 {
    u32_at(bytes, at) as i32
}

/// Whether reserved bytes are zero.
#[inline]
pub fn zeros(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// One frame: header members and the body that follows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frame<'a> {
    pub kind: u8,
    pub flags: u8,
    pub account: u32,
    pub market: u32,
    pub key: u32,
    pub body: &'a [u8],
}

/// The frames of a batch in order. Ends at the first length that cannot be right; `rest` is then not empty.
#[derive(Clone, Copy)]
pub struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Frames { rest: bytes }
    }

    /// What is left uncut.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

/// Length of the frame that begins here, if a whole one does.
#[inline(always)]
pub fn frame_length(bytes: &[u8]) -> Option<usize> {
    let length = u16_at(bytes.first_chunk::<HEADER>()?, 0) as usize;
    ((HEADER..=MAX_FRAME).contains(&length) && length <= bytes.len()).then_some(length)
}

impl<'a> Frame<'a> {
    /// The frame that begins at `at`, if a whole one does.
    #[inline(always)]
    pub fn at(bytes: &'a [u8], at: usize) -> Option<Frame<'a>> {
        let bytes = bytes.get(at..)?;
        let head = bytes.first_chunk::<HEADER>()?;
        let length = frame_length(bytes)?;
        Some(Frame {
            kind: head[2],
            flags: head[3],
            account: u32_at(head, 4),
            market: u32_at(head, 8),
            key: u32_at(head, 12),
            body: &bytes[HEADER..length],
        })
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        let frame = Frame::at(self.rest, 0)?;
        self.rest = &self.rest[HEADER + frame.body.len()..];
        Some(frame)
    }
}

/// Number of frames, or `None` if the bytes are not whole frames.
pub fn count_commands(bytes: &[u8]) -> Option<usize> {
    let mut frames = Frames::new(bytes);
    let count = frames.by_ref().count();
    frames.rest().is_empty().then_some(count)
}
