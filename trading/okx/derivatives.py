"""Public REST data of perpetuals and outcomes: mark and index prices, funding, open interest, margin tiers, events."""

import asyncio
from typing import Any

from django.http import HttpRequest
from ninja import Router

from trading import limits
from trading.okx.derivative_objects import (
    event_market_row,
    event_row,
    funding_history_row,
    funding_row,
    index_row,
    interest_row,
    mark_row,
    price_candle_row,
    series_row,
)
from trading.okx.envelope import envelope
from trading.okx.errors import missing, parameter_error, unknown_instrument
from trading.okx.gate import Visitor, public, visitor_of
from trading.okx.objects import EVENTS, SWAP, family, inst_type, instruments_of_kind
from trading.okx.orders import now_ms
from trading.okx.position_objects import tier_rows
from trading.okx.requests import kind_named, market_named, page_of
from trading.selectors.candles import INDEX, MARK, Source, bar_name, candles
from trading.selectors.catalogue import TradableMarket
from trading.selectors.events import EventView, events_of
from trading.selectors.live import live_funding, live_market
from trading.selectors.orders import Window
from trading.threads import in_database_thread
from venues.models import MarketKind

router = Router()
Answer = dict[str, Any]
MAX_CANDLES = 300


def _contracts(visitor: Visitor, kind: str, name: str, uly: str = "") -> list[TradableMarket]:
    """Contract markets of a kind, a name or an underlying. Errors: 51000, 51001."""
    if name and name != "ANY":
        markets = [market_named(visitor.catalogue, name)]
    else:
        markets = [m for m in visitor.catalogue.markets if m.kind != MarketKind.SPOT]
    if kind:
        markets = [market for market in markets if inst_type(market) == kind_named(kind)]
    return [market for market in markets if not uly or family(market) == uly]


def _perpetuals(visitor: Visitor, name: str) -> list[TradableMarket]:
    if not name:
        raise missing("instId")
    return [m for m in _contracts(visitor, "", name) if m.kind == MarketKind.PERPETUAL]


async def _live(markets: list[TradableMarket]) -> list[tuple[TradableMarket, dict[str, Any]]]:
    found = await asyncio.gather(*(live_market(market.group_id, market.number) for market in markets))
    return list(zip(markets, found, strict=True))


@router.get("/public/mark-price", auth=public(), summary="Mark prices")
async def mark_price(
    request: HttpRequest, instType: str = "", instId: str = "", uly: str = "", instFamily: str = ""
) -> Answer:
    if not instType and not instId:
        raise missing("instType")
    markets = _contracts(visitor_of(request), instType, instId, uly or instFamily)
    return envelope([mark_row(market, live, now_ms()) for market, live in await _live(markets)])


@router.get("/market/index-tickers", auth=public(), summary="Index prices")
async def index_tickers(request: HttpRequest, instId: str = "", quoteCcy: str = "") -> Answer:
    if not instId and not quoteCcy:
        raise missing("instId")
    markets = [
        market
        for market in instruments_of_kind(visitor_of(request).catalogue, SWAP)
        if (not instId or family(market) == instId) and (not quoteCcy or market.quote.symbol == quoteCcy)
    ]
    if instId and not markets:
        raise unknown_instrument()
    return envelope([index_row(market, live, now_ms()) for market, live in await _live(markets)])


@router.get("/public/funding-rate", auth=public(), summary="Funding: the running interval")
async def funding_rate(request: HttpRequest, instId: str = "") -> Answer:
    markets = _perpetuals(visitor_of(request), instId)
    rows = await asyncio.gather(*(live_funding(market.group_id, market.number) for market in markets))
    return envelope(
        [funding_row(market, row, now_ms()) for market, row in zip(markets, rows, strict=True) if row]
    )


@router.get("/public/funding-rate-history", auth=public(), summary="Funding that was paid, newest first")
async def funding_rate_history(
    request: HttpRequest, instId: str = "", before: str = "", after: str = "", limit: str = ""
) -> Answer:
    page = page_of(limit, after, before)
    rows = []
    for market in _perpetuals(visitor_of(request), instId):
        answer = await live_funding(market.group_id, market.number)
        rows += [
            funding_history_row(market, paid)
            for paid in answer.get("history", ())
            if page.holds(paid[0], paid[0])
        ]
    return envelope(rows[: page.limit])


@router.get("/public/open-interest", auth=public(), summary="Open interest")
async def open_interest(
    request: HttpRequest, instType: str = "", instId: str = "", uly: str = "", instFamily: str = ""
) -> Answer:
    if not instType:
        raise missing("instType")
    markets = _contracts(visitor_of(request), instType, instId, uly or instFamily)
    return envelope([interest_row(market, live, now_ms()) for market, live in await _live(markets)])


@router.get("/public/position-tiers", auth=public(), summary="Margin tiers of perpetuals")
async def position_tiers(
    request: HttpRequest,
    instType: str = "",
    tdMode: str = "",
    instFamily: str = "",
    uly: str = "",
    instId: str = "",
    tier: str = "",
) -> Answer:
    if not instType:
        raise missing("instType")
    if tdMode not in ("cross", "isolated"):
        raise missing("tdMode") if not tdMode else parameter_error("tdMode", "it is cross or isolated")
    wanted = (instFamily or uly).split(",") if instFamily or uly else []
    rows: list[dict[str, str]] = []
    for market, live in await _live(_contracts(visitor_of(request), instType, instId)):
        if not wanted or family(market) in wanted:
            tiers = tier_rows(market, live.get("tiers", ()), live.get("mark_ticks", 0))
            rows += [row | {"uly": family(market), "instFamily": family(market)} for row in tiers]
    return envelope([row for row in rows if not tier or row["tier"] == tier])


async def _price_candles(market: TradableMarket, source: Source, bar: str, page: Window) -> Answer:
    name = bar_name(bar or "1m")
    if name is None:
        raise parameter_error("bar")
    rows = await in_database_thread(
        candles,
        market.group_id,
        market.number,
        name,
        now_ms=now_ms(),
        limit=page.limit,
        older_than_ms=page.older_than,
        newer_than_ms=page.newer_than,
        source=source,
    )
    return envelope([price_candle_row(market, candle) for candle in rows])


async def mark_candles(
    request: HttpRequest, instId: str = "", bar: str = "", after: str = "", before: str = "", limit: str = ""
) -> Answer:
    """Candles of the mark price, newest first."""
    market = market_named(visitor_of(request).catalogue, instId)
    return await _price_candles(market, MARK, bar, page_of(limit, after, before, most=MAX_CANDLES))


async def index_candles(
    request: HttpRequest, instId: str = "", bar: str = "", after: str = "", before: str = "", limit: str = ""
) -> Answer:
    """Candles of the index price, newest first; ``instId`` is the index, such as BTC-USD."""
    perpetuals = instruments_of_kind(visitor_of(request).catalogue, SWAP)
    market = next((m for m in perpetuals if instId in (family(m), m.symbol)), None)
    if market is None:
        raise unknown_instrument()
    return await _price_candles(market, INDEX, bar, page_of(limit, after, before, most=MAX_CANDLES))


for path in ("/market/mark-price-candles", "/market/history-mark-price-candles"):
    router.get(path, auth=public(), summary="Candles of the mark price")(mark_candles)
for path in ("/market/index-candles", "/market/history-index-candles"):
    router.get(path, auth=public(), summary="Candles of the index price")(index_candles)


@router.get("/public/instrument-tick-bands", auth=public(), summary="Price steps of event contracts")
async def tick_bands(request: HttpRequest, instType: str = "", instFamily: str = "") -> Answer:
    if instType != EVENTS:
        return envelope([])
    markets = instruments_of_kind(visitor_of(request).catalogue, EVENTS)
    steps = {market.price_text(1): market for market in markets}
    bands = [
        {
            "minPx": "0",
            "maxPx": "1",
            "tickSz": step,
        }
        for step in sorted(steps)
    ]
    return envelope([{"instType": EVENTS, "instFamily": "", "tickBand": bands}] if bands else [])


async def _events(request: HttpRequest, series: str, event: str = "", state: str = "") -> list[EventView]:
    views = await in_database_thread(events_of, visitor_of(request).catalogue.id)
    return [
        view
        for view in views
        if (not series or view.event.series == series)
        and (not event or view.event.code == event)
        and (not state or view.dialect_state == state)
    ]


@router.get("/public/event-contract/series", auth=public(limits.PUBLIC_BOOKS), summary="Series of events")
async def event_series(request: HttpRequest, seriesId: str = "") -> Answer:
    newest = {view.event.series: view for view in await _events(request, seriesId)}
    return envelope([series_row(view) for view in newest.values()])


@router.get("/public/event-contract/events", auth=public(limits.PUBLIC_BOOKS), summary="Events of a series")
async def events(
    request: HttpRequest,
    seriesId: str = "",
    eventId: str = "",
    state: str = "",
    limit: str = "",
    before: str = "",
    after: str = "",
) -> Answer:
    page = page_of(limit, after, before)
    views = [
        v for v in await _events(request, seriesId, eventId, state) if page.holds(v.closes_ms, v.closes_ms)
    ]
    return envelope([event_row(view) for view in views[: page.limit]])


@router.get("/public/event-contract/markets", auth=public(limits.PUBLIC_BOOKS), summary="Outcomes of events")
async def event_markets(
    request: HttpRequest,
    seriesId: str = "",
    eventId: str = "",
    instId: str = "",
    state: str = "",
    limit: str = "",
    before: str = "",
    after: str = "",
) -> Answer:
    page = page_of(limit, after, before)
    rows = [
        event_market_row(view, market)
        for view in await _events(request, seriesId, eventId, state)
        if page.holds(view.closes_ms, view.closes_ms)
        for market in view.markets
        if not instId or market.symbol == instId
    ]
    return envelope(rows[: page.limit])
