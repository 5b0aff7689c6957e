//! The closed lists: rejects, order states, cancel reasons, market phases, and how each reads in the OKX
//! dialect.
//!
//! The code is the contract; names and sentences are for people. Codes are never reused.

macro_rules! rejects {
    ($($name:ident = $code:literal, $text:literal, $okx:literal, $sentence:literal;)*) => {
        /// Why a command had no effect. Grouped by stage; checks run in the order of the stages.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Reject { $($name = $code,)* }

        impl Reject {
            /// Every reject there is, in order of its code.
            pub const ALL: &'static [Reject] = &[$(Reject::$name,)*];

            /// Stable name, such as `RISK_INSUFFICIENT_BALANCE`.
            pub fn name(self) -> &'static str { match self { $(Reject::$name => $text,)* } }
            /// One sentence for people.
            pub fn sentence(self) -> &'static str { match self { $(Reject::$name => $sentence,)* } }
            /// The sCode an OKX client understands.
            pub fn okx(self) -> &'static str { match self { $(Reject::$name => $okx,)* } }
            /// The reject of a code, if there is one.
            pub fn of(code: u16) -> Option<Reject> { match code { $($code => Some(Reject::$name),)* _ => None } }
        }
    };
}

rejects! {
    InputFrame = 101, "INPUT_FRAME", "50000", "The command bytes are cut short or have a wrong length.";
    InputKind = 102, "INPUT_KIND", "50000", "There is no command of this kind.";
    InputBody = 103, "INPUT_BODY", "50000", "The body of the command does not have the length of its kind.";
    InputEnum = 104, "INPUT_ENUM", "51000", "A side, type, time in force or mode is not one of the allowed values.";
    InputCombination = 105, "INPUT_COMBINATION", "51000", "These order options cannot be combined.";
    InputPrice = 106, "INPUT_PRICE", "51000", "The price must be a positive whole number of ticks.";
    InputSize = 107, "INPUT_SIZE", "51020", "The size is below the smallest or above the largest this market takes.";
    InputClientId = 108, "INPUT_CLIENT_ID", "51000", "A client order id has 1 to 32 visible ASCII characters.";
    InputExpiry = 109, "INPUT_EXPIRY", "51000", "The expiry must lie in the future.";
    InputAmount = 110, "INPUT_AMOUNT", "51000", "The amount must be a positive whole number of units.";
    InputOverflow = 111, "INPUT_OVERFLOW", "51000", "Price times size is too large to be counted.";
    InputParameter = 112, "INPUT_PARAMETER", "51000", "A parameter lies outside its bounds.";
    InputReference = 113, "INPUT_REFERENCE", "51000", "Name the order by its id or by its client id.";
    InputNoChange = 114, "INPUT_NO_CHANGE", "51500", "The amendment changes nothing.";
    InputTrigger = 115, "INPUT_TRIGGER", "51000", "A trigger needs a price, a source and the side it is reached from.";
    InputTrailing = 116, "INPUT_TRAILING", "51000", "A distance from the best price is either in ticks or a ratio.";
    InputSlice = 117, "INPUT_SLICE", "51000", "A slice is smaller than the whole, which has at most 1,000 slices.";
    InputInterval = 118, "INPUT_INTERVAL", "51000", "The interval between slices is between a second and an hour.";
    InputCalendar = 119, "INPUT_CALENDAR", "51000", "Sessions lie within the week, in order, and do not overlap.";
    AccessOperatorOnly = 201, "ACCESS_OPERATOR_ONLY", "50114", "Only the operator may send this command.";
    AccessReserved = 202, "ACCESS_RESERVED_ACCOUNT", "50027", "This account number is reserved.";
    AccessAccountUnknown = 203, "ACCESS_ACCOUNT_UNKNOWN", "50027", "The account is not open here.";
    AccessFrozen = 204, "ACCESS_FROZEN", "50027", "The account may only cancel.";
    AccessNoWithdrawals = 205, "ACCESS_NO_WITHDRAWALS", "50027", "The account may not withdraw at present.";
    AccessKeyRevoked = 206, "ACCESS_KEY_REVOKED", "50111", "The key was revoked.";
    AccessKeyExpired = 207, "ACCESS_KEY_EXPIRED", "50111", "The key's mandate has run out.";
    AccessKeyRight = 208, "ACCESS_KEY_RIGHT", "50114", "The key's mandate does not give this right.";
    AccessKeyMarket = 209, "ACCESS_KEY_MARKET", "50114", "The key's mandate does not cover this market.";
    AccessKeyRate = 210, "ACCESS_KEY_RATE", "50011", "The key has sent as many commands this second as its mandate allows.";
    AccessKeyOrder = 211, "ACCESS_KEY_ORDER", "50114", "The order is worth more than the key's mandate allows for one.";
    AccessKeyPosition = 212, "ACCESS_KEY_POSITION", "50114", "The position could become larger than the key's mandate allows.";
    AccessKeyLeverage = 213, "ACCESS_KEY_LEVERAGE", "50114", "The leverage is above what the key's mandate allows.";
    AccessKeyLoss = 214, "ACCESS_KEY_LOSS", "50114", "The key has lost today what its mandate allows; it may only cancel and reduce.";
    AccessBuilder = 215, "ACCESS_BUILDER", "50114", "The account has not approved this builder at this rate.";
    AccessReduceOnly = 216, "ACCESS_REDUCE_ONLY", "50027", "The account may only reduce here: close, sell what it has, or mark the order reduce-only.";
    StateDuplicateClientId = 301, "STATE_DUPLICATE_CLIENT_ID", "51016", "This client order id was used already.";
    StateMarketUnknown = 302, "STATE_MARKET_UNKNOWN", "51001", "There is no such market.";
    StateAssetUnknown = 303, "STATE_ASSET_UNKNOWN", "51000", "There is no such asset.";
    StateMarketPhase = 304, "STATE_MARKET_PHASE", "51022", "The market does not take this command in its present phase.";
    StatePhaseMove = 305, "STATE_PHASE_MOVE", "51000", "The market cannot move from its present phase to this one.";
    StateAlreadyExists = 306, "STATE_ALREADY_EXISTS", "51000", "This number is taken.";
    StateDeadline = 307, "STATE_DEADLINE", "50102", "The deadline of the command has passed.";
    StateTransferOld = 308, "STATE_TRANSFER_OLD", "50102", "The transfer was issued too long ago, or in the future.";
    StateTransferDuplicate = 309, "STATE_TRANSFER_DUPLICATE", "51000", "The transfer was decided already.";
    StateTooMany = 310, "STATE_TOO_MANY", "51000", "The group has as many of these as it may have.";
    StateTooManyOrders = 311, "STATE_TOO_MANY_ORDERS", "51025", "The account has as many open orders as it may have.";
    StateTooManyLevels = 312, "STATE_TOO_MANY_LEVELS", "51025", "The book has as many price levels as it may have.";
    StateClientIdsFull = 313, "STATE_CLIENT_IDS_FULL", "51025", "No more client order ids can be remembered at present.";
    StateBookNotEmpty = 314, "STATE_BOOK_NOT_EMPTY", "51000", "The market still has open orders.";
    StateEventUnknown = 320, "STATE_EVENT_UNKNOWN", "51001", "There is no such event.";
    StateEventState = 321, "STATE_EVENT_STATE", "51022", "The event does not take this command in its present state.";
    StateEventMarkets = 322, "STATE_EVENT_MARKETS", "51000", "Outcomes of an event are new outcome markets of one payout, tick and settlement asset.";
    StateEventBusy = 323, "STATE_EVENT_BUSY", "51022", "A late outcome is still being added to the event.";
    StateNoFallback = 324, "STATE_NO_FALLBACK", "51000", "The event has no fallback that a late outcome could come out of.";
    StatePayouts = 325, "STATE_PAYOUTS", "51000", "The payouts of an event sum to exactly one contract.";
    StateSets = 326, "STATE_SETS", "51008", "There are not that many complete sets; a question in one book has none.";
    StateTriggerPassed = 327, "STATE_TRIGGER_PASSED", "51278", "The price has reached the trigger already.";
    StateTooManyAlgos = 328, "STATE_TOO_MANY_ALGOS", "51291", "The account has as many open algo orders as it may have.";
    StateNoPrice = 329, "STATE_NO_PRICE", "51000", "There is no price of this source yet.";
    StateAuction = 330, "STATE_AUCTION", "51022", "An auction takes only limit orders that can wait.";
    StateClearing = 331, "STATE_CLEARING", "51022", "The auction is being cleared; send it again in a moment.";
    RiskPriceBand = 401, "RISK_PRICE_BAND", "51006", "The price is too far from the last price of the market.";
    RiskMinNotional = 402, "RISK_MIN_NOTIONAL", "51020", "The order is worth less than the smallest this market takes.";
    RiskInsufficientBalance = 403, "RISK_INSUFFICIENT_BALANCE", "51008", "The free balance does not cover this.";
    RiskTotal = 404, "RISK_TOTAL", "51000", "The group cannot hold that much of the asset.";
    RiskMargin = 405, "RISK_MARGIN", "51008", "The equity of the account does not cover the margin this needs.";
    RiskReduceOnly = 406, "RISK_REDUCE_ONLY", "51205", "A reduce-only order may not be larger than the position it reduces.";
    RiskLeverage = 407, "RISK_LEVERAGE", "59102", "The leverage is above what this market allows.";
    RiskPositionLimit = 408, "RISK_POSITION_LIMIT", "51004", "The position and its orders would be larger than this market allows.";
    RiskNoPosition = 409, "RISK_NO_POSITION", "51023", "There is no such position.";
    RiskNoPrice = 410, "RISK_NO_PRICE", "51022", "The market has no mark price yet.";
    RiskOpenInterest = 411, "RISK_OPEN_INTEREST", "51004", "The open interest of the market is at its bound.";
    RiskMarginMode = 412, "RISK_MARGIN_MODE", "59000", "The margin mode cannot change while there is a position or an order.";
    RiskPriceGrade = 413, "RISK_PRICE_GRADE", "51022", "The price of the market is not reliable enough at present for new risk.";
    RiskInsuranceBound = 415, "RISK_INSURANCE_BOUND", "51008", "The insurance fund needs this for the positions it carries.";
    RiskCapacity = 418, "RISK_CAPACITY", "54031", "The venue's stake does not carry more open interest.";
    MatchingOrderUnknown = 501, "MATCHING_ORDER_UNKNOWN", "51400", "There is no such open order.";
    MatchingOrderClosed = 502, "MATCHING_ORDER_CLOSED", "51400", "The order is already filled or cancelled.";
    MatchingNoLiquidity = 503, "MATCHING_NO_LIQUIDITY", "51000", "There is no price on the other side to trade at.";
    MatchingBelowFilled = 504, "MATCHING_BELOW_FILLED", "51503", "The new size is not above what has filled already.";
    MatchingAlgoUnknown = 505, "MATCHING_ALGO_UNKNOWN", "51400", "There is no such open algo order.";
    MatchingAlgoFixed = 506, "MATCHING_ALGO_FIXED", "51503", "An algo order of this kind, or one that has fired, cannot be amended.";
}

/// States of an order, as acks and events carry them.
pub mod state {
    pub const NONE: u8 = 0;
    pub const OPEN: u8 = 1;
    pub const FILLED: u8 = 2;
    pub const CANCELLED: u8 = 3;
}

/// Reasons of a cancel.
pub mod reason {
    pub const NONE: u8 = 0;
    pub const USER: u8 = 1;
    pub const IOC: u8 = 2;
    pub const FOK: u8 = 3;
    pub const POST_ONLY: u8 = 4;
    pub const SELF_TRADE: u8 = 5;
    pub const EXPIRED: u8 = 6;
    pub const CANCEL_ALL_AFTER: u8 = 7;
    pub const MASS_CANCEL: u8 = 8;
    pub const MATCH_LIMIT: u8 = 9;
    pub const MARKET_CLOSED: u8 = 10;
    pub const AMEND_FAILED: u8 = 11;
    pub const BUDGET: u8 = 12;
    pub const REDUCE_ONLY: u8 = 13;
    pub const LIQUIDATION: u8 = 14;
    pub const RESOLVED: u8 = 15;
    pub const ALGO: u8 = 17;
    pub const AUCTION: u8 = 18;
    pub const MANDATE: u8 = 19;
    pub const MARGIN: u8 = 20;
}

/// (reason, name, OKX cancelSource, sentence).
pub const REASONS: &[(u8, &str, &str, &str)] = &[
    (0, "none", "", ""),
    (1, "user", "1", "Cancelled by its owner."),
    (2, "ioc", "14", "The rest of an immediate-or-cancel order found no match."),
    (3, "fok", "13", "A fill-or-kill order could not be filled whole."),
    (4, "post_only", "31", "A post-only order would have traded at once."),
    (5, "self_trade", "32", "It would have traded with an order of the same owner."),
    (6, "expired", "0", "Its time ran out."),
    (7, "cancel_all_after", "20", "The dead-man switch of the account went off."),
    (8, "mass_cancel", "1", "Cancelled with all others by its owner."),
    (9, "match_limit", "14", "One command may only match so many orders."),
    (10, "market_closed", "0", "The market is closing."),
    (11, "amend_failed", "1", "Its amendment failed and asked for a cancel."),
    (12, "budget", "14", "The money for this market order was used up."),
    (13, "reduce_only", "23", "There is no position left for it to reduce."),
    (14, "liquidation", "3", "The account is being liquidated."),
    (15, "resolved", "0", "The event it belongs to is over, or one of its outcomes is being split."),
    (17, "algo", "1", "The algo order it was a slice of was cancelled."),
    (18, "auction", "14", "The rest lay outside the band, and no auction began."),
    (19, "mandate", "0", "A limit of its key, or of what the venue's stake carries, ended it."),
    (20, "margin", "3", "The margin of the account no longer covers it."),
];

/// Phases of a market and the moves between them.
pub mod phase {
    pub const PENDING: u8 = 0;
    pub const AUCTION: u8 = 1;
    pub const OPEN: u8 = 2;
    pub const HALTED: u8 = 3;
    pub const CLOSING: u8 = 4;
    pub const SETTLING: u8 = 5;
    pub const SETTLED: u8 = 6;

    pub const NAMES: [&str; 7] = ["pending", "auction", "open", "halted", "closing", "settling", "settled"];
    /// Moves an operator may make, by phase. From an auction to `OPEN` goes through its clearing; a breach of the price band
    /// and the beginning of a session move a market from `OPEN` to an auction.
    pub const MOVES: [&[u8]; 7] = [
        &[AUCTION, OPEN],
        &[OPEN, HALTED],
        &[HALTED, CLOSING],
        &[AUCTION, OPEN, CLOSING],
        &[SETTLING],
        &[SETTLED],
        &[],
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_come_back() {
        for pair in Reject::ALL.windows(2) {
            assert!((pair[0] as u16) < pair[1] as u16);
        }
        for reject in Reject::ALL {
            assert_eq!(Reject::of(*reject as u16), Some(*reject));
            assert!(reject.sentence().ends_with('.'));
        }
    }
}
