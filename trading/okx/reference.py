"""What the documents say beside the routes themselves: bodies of requests, meanings of parameters, errors, limits and
channels."""

from dataclasses import dataclass

#: Bodies of POST requests below ``/api/v5``; a star marks what must be sent, ``[]`` a list of up to 20 such objects.
_ORDER = (
    "*instId tdMode *side *ordType *sz px clOrdId tag reduceOnly tgtCcy stpMode posSide outcome expTime "
    "attachAlgoOrds"
)
_CANCEL = "*instId ordId clOrdId"
_AMEND = "*instId ordId clOrdId newSz newPx reqId outcome expTime"
BODIES: dict[str, str] = {
    "/trade/order": _ORDER,
    "/trade/batch-orders": f"[] {_ORDER}",
    "/trade/cancel-order": _CANCEL,
    "/trade/cancel-batch-orders": f"[] {_CANCEL}",
    "/trade/amend-order": _AMEND,
    "/trade/amend-batch-orders": f"[] {_AMEND}",
    "/trade/cancel-all-after": "*timeOut tag",
    "/trade/mass-cancel": "instId instFamily",
    "/trade/close-position": "*instId mgnMode posSide clOrdId tag autoCxl expTime",
    "/trade/order-algo": "*instId tdMode *side *ordType sz algoClOrdId reduceOnly closeFraction triggerPx orderPx "
    "triggerPxType tpTriggerPx tpOrdPx tpTriggerPxType slTriggerPx slOrdPx slTriggerPxType callbackRatio "
    "callbackSpread activePx pxVar pxSpread szLimit pxLimit timeInterval expTime",
    "/trade/cancel-algos": "[] *instId algoId algoClOrdId",
    "/trade/cancel-advance-algos": "[] *instId algoId algoClOrdId",
    "/trade/amend-algos": "*instId algoId algoClOrdId newSz newTriggerPx newOrdPx newTpTriggerPx newTpOrdPx "
    "newSlTriggerPx newSlOrdPx",
    "/account/set-leverage": "*instId *lever mgnMode posSide",
    "/account/set-position-mode": "*posMode",
    "/account/position/margin-balance": "*instId *type *amt posSide",
    "/asset/transfer": "*ccy *amt *from *to type clientId",
    "/asset/withdrawal": "*ccy *amt *dest *toAddr chain fee clientId",
    "/asset/cancel-withdrawal": "*wdId",
}

MEANINGS: dict[str, str] = {
    "instType": "Kind of instrument: SPOT, SWAP or EVENTS.",
    "instId": "Instrument, such as BTC-USD.",
    "ordId": "Our number of an order.",
    "clOrdId": "Your name of an order: 1 to 32 letters and digits, unique among your open orders.",
    "side": "buy or sell.",
    "ordType": "Type of order; several in a list are separated by commas.",
    "sz": "Size: of spot in the base asset, of contracts in contracts; of a book the number of levels.",
    "px": "Limit price.",
    "tdMode": "cash, cross or isolated.",
    "after": "Only what is older than this id or time.",
    "before": "Only what is newer than this id or time.",
    "begin": "Not before this time, in milliseconds.",
    "end": "Not after this time, in milliseconds.",
    "limit": "Most rows of the answer; 100 unless told.",
    "bar": "Length of a candle: 1m to 3M.",
    "expTime": "Milliseconds since the epoch; after it the request is refused.",
    "outcome": "yes or no, of an event contract; the price is that of the outcome.",
    "timeOut": "Seconds until all orders are cancelled, 10 to 120; 0 disarms.",
    "tgtCcy": "Unit of the size of a market order: base_ccy or quote_ccy.",
    "attachAlgoOrds": "List of one object with the take-profit and stop-loss of the order.",
}

#: Members of a body that are no text or number.
LISTS = frozenset({"attachAlgoOrds"})


@dataclass(frozen=True)
class Fault:
    """A code that answers a request: when, and what to do."""

    code: str
    status: int
    meaning: str


ERRORS = (
    Fault("0", 200, "Done. Rows of order operations carry their own sCode."),
    Fault("1", 200, "Every item of the request failed: read sCode and sMsg of the rows."),
    Fault("2", 200, "Some items of the request failed: read sCode and sMsg of the rows."),
    Fault("404", 404, "There is no such address or venue."),
    Fault("50000", 400, "The body is empty, or with status 413 larger than 2 MB."),
    Fault("50001", 503, "The service or the venue is not available at the moment: try again later."),
    Fault("50002", 400, "The body is not the JSON that is expected."),
    Fault(
        "50004",
        504,
        "Timed out and the outcome is unknown: look the order up by its clOrdId before sending again.",
    ),
    Fault("50011", 429, "Too fast: wait as long as Retry-After says."),
    Fault("50013", 503, "Busy, nothing was done: try again."),
    Fault("50014", 400, "A parameter that is needed is empty."),
    Fault("50026", 500, "A fault of ours, which is recorded."),
    Fault("50027", 200, "The account is restricted."),
    Fault(
        "50102",
        401,
        "The timestamp is more than 30 seconds off, or expTime has passed: set your clock. Or this very request was"
        " received before: look at what became of it, then sign anew.",
    ),
    Fault(
        "50103", 401, "The header OK-ACCESS-KEY is empty; 50104, 50106 and 50107 say so of the other three."
    ),
    Fault("50105", 401, "Wrong passphrase."),
    Fault("50110", 401, "Your address is not on the key's list."),
    Fault("50111", 401, "There is no such key at this venue, or it has expired."),
    Fault("50113", 401, "Wrong signature."),
    Fault("50114", 401, "The key may not do this."),
    Fault("50115", 405, "The address does not take this method."),
    Fault("51000", 200, "A parameter is wrong; the sentence names it."),
    Fault("51001", 200, "There is no such instrument at this venue."),
    Fault("51006", 200, "The price is outside the limits or off the tick."),
    Fault("51008", 200, "Not enough balance or margin."),
    Fault("51016", 200, "An open order of yours has this clOrdId."),
    Fault("51020", 200, "Smaller than the smallest size."),
    Fault("51121", 200, "The size is not a multiple of lotSz."),
    Fault("51400", 200, "Nothing to cancel: filled, cancelled or never there."),
    Fault("51503", 200, "Nothing to amend: filled, cancelled or never there."),
    Fault("51603", 200, "There is no such order."),
    Fault("51732", 200, "The venue asks for a credential that you lack, or do not share: sMsg says which."),
    Fault("51733", 200, "Screening against sanctions lists stands against it."),
    Fault("51734", 200, "The venue does not serve your country."),
    Fault("58350", 200, "Not enough funds for the transfer."),
)

SOCKET_ERRORS = (
    ("60004", "The timestamp of a login is not in unix seconds."),
    (
        "60006",
        "The timestamp of a login has expired: set your clock. Or this login was used before: sign anew.",
    ),
    ("60009", "Login failed; the sentence says why."),
    ("60011", "Log in first."),
    ("60012", "The frame is not a request."),
    ("60014", "Too many messages, logins or subscriptions."),
    ("60018", "There is no such channel or instrument."),
    ("64008", "The server is about to restart: connect again."),
)

LIMITS = (
    ("Market data", "20 in 2 s (books and candles 40)", "address and path"),
    ("Account and order queries", "60 in 2 s (history and settings 20)", "account and path"),
    ("Place, amend, cancel", "60 in 2 s each", "account and instrument"),
    ("Batches of orders", "300 orders in 2 s for each kind", "account and instrument"),
    ("Mass cancel, cancel all after", "5 in 2 s", "account and instrument"),
    ("Place and amend of a key with a rate", "what its mandate says, in a second", "key"),
    ("Transfers", "4 in 2 s", "account"),
    ("Sockets", "30 new in 10 s", "address"),
    ("Frames", "100 a second, 64 kB each; 480 subscriptions", "socket"),
)

CHANNELS = (
    (
        "public",
        "books, books5, bbo-tbt, books-l2-tbt, books50-l2-tbt",
        "instId",
        "Order book; check prevSeqId.",
    ),
    ("public", "trades, tickers", "instId", "Trades and figures of a market."),
    ("public", "mark-price, index-tickers, funding-rate, open-interest, price-limit", "instId", "Contracts."),
    ("public", "instruments, event-contract-markets", "instType", "What can be traded."),
    ("public", "liquidation-orders", "instType", "Positions that are liquidated, without whose."),
    ("public", "status", "", "Maintenance."),
    ("business", "candle1m and other bars, mark-price-candle1m", "instId", "Candles; no login."),
    ("private", "orders, fills", "instType", "One push for each change and each fill."),
    ("private", "account, positions, balance_and_position", "", "A snapshot first, then changes."),
    ("business", "orders-algo", "instType", "Orders that wait for a price."),
)
