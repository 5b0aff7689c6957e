"""What clients ask for, checked and in our own words: bodies, pages of lists, orders, amends and cancels.

Numbers may come as JSON strings or numbers, booleans as JSON or as text; fields we do not know are ignored.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from trading.decimals import parse_decimal
from trading.okx.errors import DialectError, missing, parameter_error, unknown_instrument
from trading.selectors.catalogue import TradableMarket, VenueCatalogue
from trading.selectors.orders import Window
from trading.services.orders import AmendDraft, OrderDraft, OrderKey

MAX_BATCH = 20
CLIENT_ID = re.compile(r"[A-Za-z0-9]{1,32}")
ORDER_ID = re.compile(r"[0-9]{1,19}")
MAX_ORDER_ID = 2**63 - 1
SELF_TRADE_MODES = {
    "": "cancel_maker",
    "cancel_maker": "cancel_maker",
    "cancel_taker": "cancel_taker",
    "cancel_both": "cancel_both",
}
ORDER_TYPES = {
    "limit": ("limit", "gtc", False),
    "post_only": ("limit", "gtc", True),
    "ioc": ("limit", "ioc", False),
    "fok": ("limit", "fok", False),
    "market": ("market", "ioc", False),
    "optimal_limit_ioc": ("market", "ioc", False),
}
KINDS = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION", "EVENTS")
TRADE_MODES = ("cash", "cross", "isolated")


def json_body(raw: bytes) -> Any:
    """The JSON of a request body; 50000 if it is empty, 50002 if it is not JSON."""
    if not raw.strip():
        raise DialectError("50000", "Body for POST request cannot be empty.")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise DialectError("50002", f"JSON syntax error: {error.msg}.") from None


def json_object(raw: bytes) -> dict[str, Any]:
    """The body as one JSON object; some clients wrap a single one in a list."""
    body = json_body(raw)
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        raise DialectError("50002", "The body must be a JSON object.")
    return body


def json_batch(raw: bytes) -> list[Any]:
    """The body as a JSON array of 1 to 20 items."""
    body = json_body(raw)
    return checked_batch([body] if isinstance(body, dict) else body)


def checked_batch(items: Any) -> list[Any]:
    """``items`` if it is a list of 1 to 20; else 50002 or 51000."""
    if not isinstance(items, list):
        raise DialectError("50002", "The body must be a JSON array of orders.")
    if not 1 <= len(items) <= MAX_BATCH:
        raise parameter_error("orders", f"a batch holds 1 to {MAX_BATCH} items")
    return items


def text_of(item: Mapping[str, Any], name: str, default: str = "") -> str:
    """Field ``name`` as text; numbers are written out, anything else than text or number is refused."""
    value = item.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise parameter_error(name)


def flag_of(item: Mapping[str, Any], name: str) -> bool:
    """Field ``name`` as a boolean, sent as JSON or as text."""
    text = text_of(item, name, "false")
    if text not in ("true", "false"):
        raise parameter_error(name, "it is true or false")
    return text == "true"


def decimal_of(item: Mapping[str, Any], name: str) -> Decimal:
    """Field ``name`` as a decimal; 50014 if it is empty, 51000 if it is no number."""
    value = item.get(name)
    if value is None or value == "":
        raise missing(name)
    number = parse_decimal(value)
    if number is None:
        raise parameter_error(name, "it is not a number")
    return number


def positive_of(item: Mapping[str, Any], name: str) -> Decimal:
    """Field ``name`` as a decimal above zero."""
    number = decimal_of(item, name)
    if number <= 0:
        raise parameter_error(name, "it must be above zero")
    return number


def integer_text(text: str, name: str) -> int | None:
    """A query value as a whole number of at most 19 digits, ``None`` if it is empty."""
    if not text:
        return None
    if not ORDER_ID.fullmatch(text) or int(text) > MAX_ORDER_ID:
        raise parameter_error(name, "it is a whole number")
    return int(text)


def market_of(catalogue: VenueCatalogue, item: Mapping[str, Any]) -> TradableMarket:
    """The market an item names by ``instId`` or ``instIdCode``; 51001 if this venue has no such one."""
    name = item.get("instId")
    if name is None or name == "":
        code = parse_decimal(item.get("instIdCode", ""))
        if code is None:
            raise missing("instId")
        found = catalogue.by_code.get(int(code)) if code == code.to_integral_value() else None
    else:
        found = catalogue.by_symbol.get(name) if isinstance(name, str) else None
    if found is None:
        raise unknown_instrument()
    return found


def market_named(catalogue: VenueCatalogue, name: str) -> TradableMarket:
    """The market of that instrument id; 50014 if it is empty, 51001 if there is none."""
    if not name:
        raise missing("instId")
    market = catalogue.by_symbol.get(name)
    if market is None:
        raise unknown_instrument()
    return market


def kind_named(name: str) -> str:
    """A kind of instrument; 50014 if it is empty, 51000 if there is none such."""
    if not name:
        raise missing("instType")
    if name not in KINDS:
        raise parameter_error("instType", f"choose from {', '.join(KINDS)}")
    return name


def client_id_of(item: Mapping[str, Any]) -> str:
    """The client order id, empty if none was sent."""
    text = text_of(item, "clOrdId")
    if text and not CLIENT_ID.fullmatch(text):
        raise parameter_error("clOrdId", "it is 1 to 32 letters and digits")
    return text


def order_key_of(item: Mapping[str, Any]) -> OrderKey:
    """Which order is meant: by ``ordId``, else by ``clOrdId``."""
    text = text_of(item, "ordId")
    if text:
        if not ORDER_ID.fullmatch(text) or int(text) > MAX_ORDER_ID:
            raise parameter_error("ordId", "it is a number of at most 19 digits")
        return OrderKey(order_id=int(text))
    client_id = client_id_of(item)
    if not client_id:
        raise DialectError("50014", "Either parameter ordId or clOrdId is required.")
    return OrderKey(client_id=client_id)


def order_of(item: Mapping[str, Any], now_ms: int, *, contract: bool = False) -> OrderDraft:
    """A new order. Sizes are in the base asset, but for a market buy of spot in ``quote_ccy`` (the default of such);
    those of a ``contract`` are in contracts, whatever ``tgtCcy`` says."""
    side = text_of(item, "side")
    if side not in ("buy", "sell"):
        raise missing("side") if not side else parameter_error("side", "it is buy or sell")
    name = text_of(item, "ordType")
    if name not in ORDER_TYPES:
        raise (
            missing("ordType")
            if not name
            else parameter_error("ordType", f"choose from {', '.join(ORDER_TYPES)}")
        )
    if text_of(item, "tdMode", "cash") not in TRADE_MODES:
        raise parameter_error("tdMode", "it is cash, cross or isolated")
    if text_of(item, "posSide", "net") != "net":
        raise DialectError("51000", "Parameter posSide error: this venue keeps net positions.")
    deadline = integer_text(text_of(item, "expTime"), "expTime")
    if deadline is not None and deadline < now_ms:
        raise DialectError("50102", "expTime has passed: the order was not sent.")
    self_trade = text_of(item, "stpMode")
    if self_trade not in SELF_TRADE_MODES:
        raise parameter_error("stpMode", "it is cancel_maker, cancel_taker or cancel_both")
    order_type, time_in_force, post_only = ORDER_TYPES[name]
    in_quote = order_type == "market" and side == "buy"
    target = text_of(item, "tgtCcy", "quote_ccy" if in_quote else "base_ccy")
    if target not in ("base_ccy", "quote_ccy"):
        raise parameter_error("tgtCcy", "it is base_ccy or quote_ccy")
    return OrderDraft(
        side=side,
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=post_only,
        size=positive_of(item, "sz"),
        price=positive_of(item, "px") if order_type == "limit" else None,
        size_in_quote=order_type == "market" and target == "quote_ccy" and not contract,
        client_id=client_id_of(item),
        self_trade=SELF_TRADE_MODES[self_trade],
        reduce_only=flag_of(item, "reduceOnly"),
        no_side=_outcome(item) == "no",
        deadline_ms=deadline or 0,
    )


def _outcome(item: Mapping[str, Any]) -> str:
    """``outcome`` of an event contract: yes, no, or empty (which means yes)."""
    outcome = text_of(item, "outcome").lower()
    if outcome not in ("", "yes", "no"):
        raise parameter_error("outcome", "it is yes or no")
    return outcome


def amend_of(item: Mapping[str, Any]) -> AmendDraft:
    """A change of an order; ``newSz`` is the total size, what is already filled included, ``newPx``
    a price of No with ``outcome`` no."""
    size = positive_of(item, "newSz") if item.get("newSz") not in (None, "") else None
    price = positive_of(item, "newPx") if item.get("newPx") not in (None, "") else None
    if size is None and price is None:
        raise DialectError("50014", "Either parameter newSz or newPx is required.")
    return AmendDraft(order_key_of(item), size=size, price=price, no_side=_outcome(item) == "no")


def page_of(
    limit: str = "", after: str = "", before: str = "", begin: str = "", end: str = "", *, most: int = 100
) -> Window:
    """The page of a list that ``after`` (older), ``before`` (newer), ``begin``, ``end`` and ``limit``
    describe."""
    count = integer_text(limit, "limit")
    return Window(
        limit=min(count, most) if count else min(100, most),
        older_than=integer_text(after, "after"),
        newer_than=integer_text(before, "before"),
        begin_ms=integer_text(begin, "begin"),
        end_ms=integer_text(end, "end"),
    )
