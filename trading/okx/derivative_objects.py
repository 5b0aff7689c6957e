"""Perpetuals and events as the dialect's public objects. All values are text but the few the dialect has as JSON
numbers and booleans."""

from collections.abc import Mapping, Sequence
from typing import Any

from trading.decimals import decimal_text, scaled_text
from trading.okx.objects import EVENTS, SWAP, family, inst_type
from trading.selectors.candles import Candle
from trading.selectors.catalogue import TradableMarket
from trading.selectors.events import EventView
from venues.models import Market, MarketKind

#: Digits of a funding rate: the kernel counts parts per 10^9 an interval.
RATE_SCALE = 9
#: Stages of a liquidation that close a position of whoever is liquidated.
CLOSED_BY = ("book", "insurance_fund", "adl")


def mark_row(market: TradableMarket, live: Mapping[str, Any], ts_ms: int) -> dict[str, str]:
    """Mark price of a contract."""
    mark = live.get("mark_ticks") or live.get("last_ticks") or live.get("reference_ticks", 0)
    return {
        "instType": inst_type(market),
        "instId": market.symbol,
        "markPx": market.price_text(mark),
        "ts": str(ts_ms),
    }


def index_row(market: TradableMarket, live: Mapping[str, Any], ts_ms: int) -> dict[str, str]:
    """Index price behind a perpetual."""
    ticks = live.get("index_ticks") or live.get("mark_ticks") or live.get("reference_ticks", 0)
    price = market.price_text(ticks)
    return {
        "instId": family(market),
        "idxPx": price,
        "high24h": price,
        "low24h": price,
        "open24h": price,
        "sodUtc0": price,
        "sodUtc8": price,
        "ts": str(ts_ms),
    }


def funding_row(market: TradableMarket, live: Mapping[str, Any], ts_ms: int) -> dict[str, str]:
    """Funding of the running interval: ``fundingRate`` is the estimate that will be paid at ``fundingTime``."""
    interval, due = live["interval_ms"], live["next_ms"]
    cap = scaled_text(live["cap"], RATE_SCALE)
    history = live.get("history") or []
    return {
        "instType": SWAP,
        "instId": market.symbol,
        "fundingRate": scaled_text(live["estimate"], RATE_SCALE),
        "nextFundingRate": "",
        "fundingTime": str(due),
        "nextFundingTime": str(due + interval),
        "prevFundingTime": str(due - interval),
        "minFundingRate": f"-{cap}",
        "maxFundingRate": cap,
        "interestRate": scaled_text(live.get("interest", 0), RATE_SCALE),
        "impactValue": "",
        "settState": "settled" if history else "processing",
        "settFundingRate": scaled_text(history[0][1], RATE_SCALE) if history else "",
        "premium": scaled_text(live.get("premium", 0), RATE_SCALE),
        "formulaType": "withRate",
        "method": "current_period",
        "ts": str(ts_ms),
    }


def funding_history_row(market: TradableMarket, paid: Sequence[int]) -> dict[str, str]:
    """Funding that was paid: ``(time_ms, rate in parts per 10^9, index_ticks)``."""
    rate = scaled_text(paid[1], RATE_SCALE)
    return {
        "instType": SWAP,
        "instId": market.symbol,
        "fundingRate": rate,
        "realizedRate": rate,
        "fundingTime": str(paid[0]),
        "method": "current_period",
        "formulaType": "withRate",
    }


def interest_row(market: TradableMarket, live: Mapping[str, Any], ts_ms: int) -> dict[str, str]:
    """Open interest in contracts, in the underlying and in the settlement asset."""
    lots = live.get("open_interest", 0)
    in_base = lots * market.instrument.contract_value if market.kind == MarketKind.PERPETUAL else lots
    value = lots * (live.get("mark_ticks") or live.get("reference_ticks", 0)) * market.instrument.tick_quote
    return {
        "instType": inst_type(market),
        "instId": market.symbol,
        "oi": market.size_text(lots),
        "oiCcy": decimal_text(in_base) if market.kind == MarketKind.PERPETUAL else str(lots),
        "oiUsd": market.quote_text(value),
        "ts": str(ts_ms),
    }


def price_candle_row(market: TradableMarket, candle: Candle) -> list[str]:
    """A candle of a price without trades: start, open, high, low, close, and whether it is final."""
    return [
        str(candle.start_ms),
        market.price_text(candle.open_ticks),
        market.price_text(candle.high_ticks),
        market.price_text(candle.low_ticks),
        market.price_text(candle.close_ticks),
        "1" if candle.closed else "0",
    ]


def series_row(view: EventView) -> dict[str, Any]:
    """Series of events; ours are questions, resolved by a result."""
    event = view.event
    return {
        "seriesId": event.series,
        "freq": "once",
        "title": event.category or event.series,
        "category": event.category,
        "settlement": {
            "method": "resolution",
            "closeEarly": False,
            "srcName": event.source,
            "underlying": "",
        },
    }


def event_row(view: EventView) -> dict[str, Any]:
    """Event."""
    return {
        "seriesId": view.event.series,
        "eventId": view.event.code,
        "title": view.event.title,
        "fixTime": str(view.closes_ms),
        "expTime": str(view.closes_ms),
        "state": view.dialect_state,
    }


def liquidation_rows(
    by_number: Mapping[int, TradableMarket], steps: Sequence[Mapping[str, Any]], kind: str
) -> dict[str, dict[str, Any]]:
    """Steps of liquidations that closed a position in markets of ``kind``, by a name of each, oldest first. Whose it
    was is not told, and what it cost others is not known of a single step, so ``bkLoss`` is empty."""
    rows = {}
    for step in reversed(steps):
        market = None if step["market"] is None else by_number.get(step["market"])
        if (
            market is None
            or not step["lots"]
            or step["stage_name"] not in CLOSED_BY
            or inst_type(market) != kind
        ):
            continue
        detail = {
            "side": "sell" if step["lots"] > 0 else "buy",
            "posSide": "long" if step["lots"] > 0 else "short",
            "bkPx": market.price_text(step["bankruptcy_ticks"]),
            "bkLoss": "",
            "sz": market.size_text(abs(step["lots"])),
            "ccy": "",
            "ts": str(step["time_ms"]),
        }
        rows[
            f"{step['number']}.{step['sequence']}.{step['stage']}.{step['market']}.{step['equity_after']}"
        ] = {
            "instType": kind,
            "instId": market.symbol,
            "instFamily": family(market),
            "uly": family(market),
            "details": [detail],
        }
    return rows


def event_market_row(view: EventView, market: Market) -> dict[str, Any]:
    """Outcome of an event; ``outcome`` says who won once it is known: 1 yes, 2 no."""
    payout = view.payout_of(market)
    return {
        "seriesId": view.event.series,
        "eventId": view.event.code,
        "instId": market.symbol,
        "instType": EVENTS,
        "title": market.outcome_name,
        "listTime": str(round(market.created.timestamp() * 1000)),
        "fixTime": str(view.closes_ms),
        "expTime": str(view.closes_ms),
        "state": view.dialect_state,
        "outcome": "0" if payout is None else "1" if payout == 1_000_000 else "2" if payout == 0 else "0",
        "floorStrike": "",
        "capStrike": "",
        "settleValue": "" if payout is None else scaled_text(payout, 6),
        "disputed": view.disputed,
        "hitDir": "",
    }
