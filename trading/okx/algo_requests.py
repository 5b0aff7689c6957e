"""Algo orders as clients of the dialect ask for them: bodies of order-algo, amend-algos and cancel-algos, and what
hangs on an order (``attachAlgoOrds``)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from trading.okx.errors import DialectError, missing, parameter_error
from trading.okx.requests import (
    CLIENT_ID,
    MAX_ORDER_ID,
    ORDER_ID,
    SELF_TRADE_MODES,
    TRADE_MODES,
    decimal_of,
    flag_of,
    integer_text,
    positive_of,
    text_of,
)
from trading.services.algos import AlgoChange, AlgoDraft, AlgoKey, Attached, Distance, Slices, Wait

Item = Mapping[str, Any]

ALGO_TYPES = ("conditional", "oco", "trigger", "move_order_stop", "iceberg", "twap")
MARKET_PRICE = Decimal(-1)
_MAX_INTERVAL_SECONDS = 3_600


def algo_client_id_of(item: Item, name: str = "algoClOrdId") -> str:
    """The client's id of an algo order, empty if none was sent."""
    text = text_of(item, name)
    if text and not CLIENT_ID.fullmatch(text):
        raise parameter_error(name, "it is 1 to 32 letters and digits")
    return text


def algo_key_of(item: Item) -> AlgoKey:
    """Which algo order is meant: by ``algoId``, else by ``algoClOrdId``."""
    text = text_of(item, "algoId")
    if text:
        if not ORDER_ID.fullmatch(text) or int(text) > MAX_ORDER_ID:
            raise parameter_error("algoId", "it is a number of at most 19 digits")
        return AlgoKey(algo_id=int(text))
    client_id = algo_client_id_of(item)
    if not client_id:
        raise DialectError("50014", "Either parameter algoId or algoClOrdId is required.")
    return AlgoKey(client_id=client_id)


def _given(item: Item, name: str) -> bool:
    return item.get(name) not in (None, "")


def _order_price(item: Item, name: str) -> Decimal | None:
    """The limit of an order to place, ``None`` for ``-1``: at the market."""
    price = decimal_of(item, name)
    if price == MARKET_PRICE:
        return None
    if price <= 0:
        raise parameter_error(name, "it is above zero, or -1 for a market order")
    return price


def _source(item: Item, name: str) -> str:
    source = text_of(item, name, "last")
    if source not in ("last", "mark"):
        raise parameter_error(name, "it is last or mark")
    return source


def _wait(item: Item, prefix: str, side: str) -> Wait | None:
    """The take-profit (``tp``) or stop-loss (``sl``) of an order that then trades on ``side``."""
    if not _given(item, f"{prefix}TriggerPx"):
        return None
    return Wait(
        positive_of(item, f"{prefix}TriggerPx"),
        _order_price(item, f"{prefix}OrdPx"),
        _source(item, f"{prefix}TriggerPxType"),
        rises=(side == "sell") == (prefix == "tp"),
    )


def _distance(item: Item, ratio: str, spread: str) -> Distance | None:
    if _given(item, ratio) == _given(item, spread):
        if _given(item, ratio):
            raise parameter_error(ratio, f"send it or {spread}, not both")
        return None
    if _given(item, spread):
        return Distance(spread=decimal_of(item, spread))
    value = decimal_of(item, ratio)
    if not 0 <= value <= 1:
        raise parameter_error(ratio, "it is a ratio between 0 and 1")
    return Distance(ratio=value)


def _slices(item: Item, kind: str) -> Slices:
    interval_ms = 0
    if kind == "twap":
        seconds = integer_text(text_of(item, "timeInterval"), "timeInterval")
        if seconds is None or not 1 <= seconds <= _MAX_INTERVAL_SECONDS:
            raise parameter_error("timeInterval", f"it is 1 to {_MAX_INTERVAL_SECONDS} seconds")
        interval_ms = seconds * 1000
    distance = _distance(item, "pxVar", "pxSpread")
    return Slices(positive_of(item, "pxLimit"), positive_of(item, "szLimit"), distance, interval_ms)


def algo_of(item: Item, now_ms: int) -> AlgoDraft:
    """A new algo order. Errors: 50014 and 51000 for its members."""
    side, kind = text_of(item, "side"), text_of(item, "ordType")
    if side not in ("buy", "sell"):
        raise missing("side") if not side else parameter_error("side", "it is buy or sell")
    if kind not in ALGO_TYPES:
        choices = f"choose from {', '.join(ALGO_TYPES)}"
        raise missing("ordType") if not kind else parameter_error("ordType", choices)
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
    whole = text_of(item, "closeFraction") == "1"
    if _given(item, "closeFraction") and not whole:
        raise parameter_error("closeFraction", "it is 1: the whole position")
    parts = _parts_of(item, side, kind)
    return AlgoDraft(
        side=side,
        size=None if whole else positive_of(item, "sz"),
        size_in_quote=_in_quote(item, side, parts),
        reduce_only=whole or flag_of(item, "reduceOnly"),
        self_trade=SELF_TRADE_MODES[self_trade],
        client_id=algo_client_id_of(item),
        deadline_ms=deadline or 0,
        **parts,
    )


def _parts_of(item: Item, side: str, kind: str) -> dict[str, Any]:
    """What the order waits for, or how it is cut."""
    if kind == "trigger":
        price = _order_price(item, "orderPx" if _given(item, "orderPx") else "ordPx")
        return {"trigger": Wait(positive_of(item, "triggerPx"), price, _source(item, "triggerPxType"))}
    if kind in ("conditional", "oco"):
        profit, stop = _wait(item, "tp", side), _wait(item, "sl", side)
        if (profit is None and stop is None) or (kind == "oco" and None in (profit, stop)):
            raise missing("slTriggerPx" if stop is None else "tpTriggerPx")
        return {"profit": profit, "stop": stop}
    if kind == "move_order_stop":
        trail = _distance(item, "callbackRatio", "callbackSpread")
        if trail is None:
            raise DialectError("50014", "Either parameter callbackRatio or callbackSpread is required.")
        active = positive_of(item, "activePx") if _given(item, "activePx") else None
        return {"trail": trail, "activation": active, "trail_source": _source(item, "triggerPxType")}
    return {"slices": _slices(item, kind)}


def _in_quote(item: Item, side: str, parts: Mapping[str, Any]) -> bool:
    """Whether the size is a budget: asked for, and possible for what is placed."""
    target = text_of(item, "tgtCcy", "base_ccy")
    if target not in ("base_ccy", "quote_ccy"):
        raise parameter_error("tgtCcy", "it is base_ccy or quote_ccy")
    waits = [parts[name] for name in ("trigger", "profit", "stop") if parts.get(name) is not None]
    at_market = bool(waits) and all(wait.price is None for wait in waits)
    return target == "quote_ccy" and side == "buy" and at_market


def attached_of(item: Item) -> Attached | None:
    """The take-profit and stop-loss that hang on a new order; ``None`` if none do."""
    some = item.get("attachAlgoOrds")
    if not some:
        return None
    if not isinstance(some, list) or len(some) != 1 or not isinstance(some[0], dict):
        raise parameter_error("attachAlgoOrds", "it is a list of one object")
    side = "sell" if text_of(item, "side") == "buy" else "buy"
    profit, stop = _wait(some[0], "tp", side), _wait(some[0], "sl", side)
    if profit is None and stop is None:
        raise parameter_error("attachAlgoOrds", "it has a tpTriggerPx, an slTriggerPx or both")
    return Attached(profit, stop, algo_client_id_of(some[0], "attachAlgoClOrdId"))


def algo_change_of(item: Item) -> AlgoChange:
    """A change of a trigger or a pair."""

    def price(name: str) -> Decimal | None:
        if not _given(item, name):
            return None
        return _order_price(item, name) or Decimal(0)

    def positive(name: str) -> Decimal | None:
        return positive_of(item, name) if _given(item, name) else None

    change = AlgoChange(
        algo_key_of(item),
        size=positive("newSz"),
        first_trigger=positive("newTpTriggerPx") or positive("newTriggerPx"),
        first_price=price("newOrdPx") if _given(item, "newOrdPx") else price("newTpOrdPx"),
        second_trigger=positive("newSlTriggerPx"),
        second_price=price("newSlOrdPx"),
    )
    if change == AlgoChange(change.algo):
        raise DialectError(
            "50014", "Parameter newSz, newTriggerPx, newTpTriggerPx or newSlTriggerPx is required."
        )
    return change
