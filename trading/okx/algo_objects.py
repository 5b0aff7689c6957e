"""Algo orders as the dialect's objects. All values are text."""

from typing import Any

import exchange_kernel as kernel

from trading.decimals import scaled_text
from trading.okx.objects import SIDES, blanks, inst_type
from trading.selectors.algos import NO_LEG, Algo
from trading.selectors.catalogue import TradableMarket
from venues.models import MarketKind

STATES = {
    "waiting": "live",
    "live": "live",
    "effective": "effective",
    "cancelled": "canceled",
    "failed": "order_failed",
}
#: The kernel's states of a state of the dialect, for lists of what is over.
CLOSED_STATES = {"effective": ("effective",), "canceled": ("cancelled",), "order_failed": ("failed",)}
_TYPES = {"trigger": "trigger", "trailing": "move_order_stop", "iceberg": "iceberg", "twap": "twap"}
_SOURCES = ("last", "mark")
_BLANKS = blanks(
    """
    ccy clOrdId closeFraction lever tpTriggerPx tpTriggerPxType tpOrdPx slTriggerPx slTriggerPxType slOrdPx
    triggerPx triggerPxType ordPx actualSz actualPx actualSide triggerTime pxVar pxSpread szLimit pxLimit timeInterval
    callbackRatio callbackSpread activePx moveTriggerPx quickMgnType last failCode failReason amendPxOnTriggerType tag
    isTradeBorrowMode chaseType chaseVal maxChaseType maxChaseVal notionalUsd amendResult reqId
    """
)


def algo_type(algo: Algo) -> str:
    """``ordType`` of an algo order: a pair with one leg is ``conditional``."""
    if algo.kind == "oco":
        return "oco" if all(leg[0] for leg in algo.legs) else "conditional"
    return _TYPES[algo.kind]


def algo_state(algo: Algo) -> str:
    """``state`` of an algo order."""
    if algo.state == "live" and algo.done_lots:
        return "partially_effective"
    return STATES[algo.state]


def _order_price(market: TradableMarket, ticks: int) -> str:
    return market.price_text(ticks) if ticks else "-1"


def _waits(market: TradableMarket, algo: Algo) -> dict[str, str]:
    """The prices an order waits for."""
    if algo.kind == "oco":
        row: dict[str, str] = {}
        for prefix, (trigger, price, source, _) in zip(("tp", "sl"), algo.legs, strict=True):
            if trigger:
                row[f"{prefix}TriggerPx"] = market.price_text(trigger)
                row[f"{prefix}TriggerPxType"] = _SOURCES[source]
                row[f"{prefix}OrdPx"] = _order_price(market, price)
        return row
    trigger, price, source, _ = algo.legs[0]
    if algo.kind == "trigger":
        return {
            "triggerPx": market.price_text(trigger),
            "triggerPxType": _SOURCES[source],
            "ordPx": _order_price(market, price),
        }
    if algo.kind == "trailing":
        row = _distance(market, algo, "callbackRatio", "callbackSpread")
        behind = algo.distance_ticks or max(1, algo.best_ticks * algo.distance_ppm // 1_000_000)
        moved = algo.best_ticks + (-behind if algo.side == kernel.SELL else behind)
        return row | {
            "activePx": market.price_text(trigger) if trigger else "",
            "moveTriggerPx": market.price_text(moved) if algo.best_ticks else "",
            "triggerPxType": _SOURCES[source],
        }
    row = _distance(market, algo, "pxVar", "pxSpread") if algo.floats else {}
    return row | {
        "szLimit": market.size_text(algo.slice_lots),
        "pxLimit": market.price_text(price),
        "timeInterval": str(algo.interval_ms // 1000) if algo.interval_ms else "",
    }


def _distance(market: TradableMarket, algo: Algo, ratio: str, spread: str) -> dict[str, str]:
    if algo.distance_ticks:
        return {spread: market.price_text(algo.distance_ticks)}
    return {ratio: scaled_text(algo.distance_ppm, 6)}


def algo_row(market: TradableMarket, algo: Algo) -> dict[str, Any]:
    """Algo order, open or over; times in milliseconds."""
    spot = market.kind == MarketKind.SPOT
    failed = algo.state == "failed"
    code, sentence = kernel.OKX_CODES[algo.code] if failed and algo.code else ("", "")
    fired = algo.fired != NO_LEG and not algo.is_open
    side = ("tp", "sl")[algo.fired] if fired and algo.kind == "oco" and algo.fired < 2 else ""
    size = market.quote_text(algo.size_lots) if algo.quote_size else market.size_text(algo.size_lots)
    order_id = str(algo.order_id) if algo.order_id else ""
    return {
        **_BLANKS,
        "instType": inst_type(market),
        "instId": market.symbol,
        "instIdCode": market.code,
        "algoId": str(algo.algo_id),
        "algoClOrdId": algo.client_id,
        "ordId": order_id,
        "ordIdList": [order_id] if order_id else [],
        "sz": "" if algo.whole_position else size,
        "closeFraction": "1" if algo.whole_position else "",
        "ordType": algo_type(algo),
        "side": SIDES[algo.side],
        "posSide": "" if spot else "net",
        "tdMode": "cash" if spot else "cross" if market.kind == MarketKind.PERPETUAL else "isolated",
        "tgtCcy": ("quote_ccy" if algo.quote_size else "base_ccy") if spot else "",
        "state": algo_state(algo),
        "actualSz": market.size_text(algo.done_lots) if algo.done_lots else "",
        "actualSide": side,
        "triggerTime": str(algo.closed_ms) if fired else "",
        "failCode": code,
        "failReason": sentence,
        "reduceOnly": "true" if algo.reduce_only else "false",
        "linkedOrd": {"ordId": str(algo.parent_id) if algo.parent_id else ""},
        "attachAlgoOrds": [],
        "cTime": str(algo.created_ms),
        "uTime": str(algo.closed_ms or algo.created_ms),
        **_waits(market, algo),
    }
