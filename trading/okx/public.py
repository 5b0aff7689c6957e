"""Public REST data: instruments, tickers, books, trades and candles. Kinds of market we lack answer empty
lists."""

import asyncio
from typing import Any

from django.http import HttpRequest
from ninja import Router

from exchange_os.engine.history import Trade
from trading import limits
from trading.okx.envelope import envelope
from trading.okx.errors import parameter_error
from trading.okx.gate import Visitor, public, visitor_of
from trading.okx.objects import (
    candle_row,
    instrument_row,
    instruments_named,
    instruments_of_kind,
    level_rows,
    price_limit_row,
    status_rows,
    ticker_row,
    trade_row,
)
from trading.okx.orders import now_ms
from trading.okx.requests import integer_text, kind_named, market_named, page_of
from trading.selectors.candles import bar_name, candles
from trading.selectors.catalogue import TradableMarket
from trading.selectors.live import live_book, live_market, live_touch, live_trades
from trading.selectors.orders import Window
from trading.selectors.tickers import NO_STATS, live_stats
from trading.selectors.trades import older_trades
from trading.threads import in_database_thread

router = Router()
MAX_TRADES = 500
MAX_CANDLES = 300

Answer = dict[str, Any]


def _count(text: str, name: str, default: int, most: int) -> int:
    return min(integer_text(text, name) or default, most)


@router.get("/public/time", auth=public(), summary="Server time")
async def server_time(request: HttpRequest) -> Answer:
    return envelope([{"ts": str(now_ms())}])


@router.get("/system/status", auth=public(), summary="Maintenance, if any")
async def system_status(request: HttpRequest) -> Answer:
    return envelope(status_rows(visitor_of(request).catalogue))


@router.get("/public/instruments", auth=public(), summary="Instruments of a kind")
async def instruments(
    request: HttpRequest,
    instType: str = "",
    instId: str = "",
    uly: str = "",
    instFamily: str = "",
    seriesId: str = "",
) -> Answer:
    catalogue, kind = visitor_of(request).catalogue, kind_named(instType)
    markets = instruments_named(catalogue, kind, instId, uly, instFamily, seriesId)
    return envelope([instrument_row(market) for market in markets])


async def _ticker(visitor: Visitor, market: TradableMarket) -> Answer:
    stats = (await live_stats(market.group_id)).get(market.number, NO_STATS)
    bid, ask, trade = await live_touch(market.group_id, market.number)
    return ticker_row(market, stats.with_last(trade), bid, ask, now_ms())


@router.get("/market/ticker", auth=public(), summary="Ticker of an instrument")
async def ticker(request: HttpRequest, instId: str = "") -> Answer:
    visitor = visitor_of(request)
    return envelope([await _ticker(visitor, market_named(visitor.catalogue, instId))])


@router.get("/market/tickers", auth=public(), summary="Tickers of a kind of instrument")
async def tickers(request: HttpRequest, instType: str = "") -> Answer:
    visitor = visitor_of(request)
    markets = instruments_of_kind(visitor.catalogue, kind_named(instType))
    return envelope(await asyncio.gather(*(_ticker(visitor, market) for market in markets)))


async def _book(request: HttpRequest, inst_id: str, size: str, most: int) -> Answer:
    market = market_named(visitor_of(request).catalogue, inst_id)
    answer = await live_book(market.group_id, market.number, _count(size, "sz", 1, most))
    return envelope(
        [
            {
                "asks": level_rows(market, answer["asks"]),
                "bids": level_rows(market, answer["bids"]),
                "ts": str(now_ms()),
                "seqId": answer["sequence"],
            }
        ]
    )


@router.get("/market/books", auth=public(limits.PUBLIC_BOOKS), summary="Order book, up to 400 levels")
async def books(request: HttpRequest, instId: str = "", sz: str = "") -> Answer:
    return await _book(request, instId, sz, 400)


@router.get("/market/books-full", auth=public(), summary="Order book, up to 5,000 levels")
async def books_full(request: HttpRequest, instId: str = "", sz: str = "") -> Answer:
    return await _book(request, instId, sz, 5000)


@router.get("/market/trades", auth=public(), summary="Newest trades")
async def trades(request: HttpRequest, instId: str = "", limit: str = "") -> Answer:
    market = market_named(visitor_of(request).catalogue, instId)
    count = _count(limit, "limit", 100, MAX_TRADES)
    return envelope(
        [trade_row(market, trade) for trade in await live_trades(market.group_id, market.number, count)]
    )


@router.get(
    "/market/history-trades", auth=public(), summary="Trades, paged by trade id (type 1) or time (type 2)"
)
async def history_trades(
    request: HttpRequest,
    instId: str = "",
    type: str = "1",
    after: str = "",
    before: str = "",
    limit: str = "",
) -> Answer:
    market = market_named(visitor_of(request).catalogue, instId)
    if type not in ("1", "2"):
        raise parameter_error("type", "it is 1 (trade id) or 2 (time)")
    page = page_of(limit, after, before)
    rows: list[Trade] = await in_database_thread(
        older_trades, market.group_id, market.number, page, by_time=type == "2"
    )
    return envelope(
        [
            trade_row(market, (row.trade_id, row.price_ticks, row.size_lots, row.side, row.time_ms))
            for row in rows
        ]
    )


async def _candles(request: HttpRequest, inst_id: str, bar: str, page: Window) -> Answer:
    market = market_named(visitor_of(request).catalogue, inst_id)
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
    )
    return envelope([candle_row(market, candle) for candle in rows])


@router.get("/market/candles", auth=public(limits.PUBLIC_BOOKS), summary="Candles, newest first")
async def market_candles(
    request: HttpRequest, instId: str = "", bar: str = "", after: str = "", before: str = "", limit: str = ""
) -> Answer:
    return await _candles(request, instId, bar, page_of(limit, after, before, most=MAX_CANDLES))


@router.get("/market/history-candles", auth=public(), summary="Candles, newest first")
async def history_candles(
    request: HttpRequest, instId: str = "", bar: str = "", after: str = "", before: str = "", limit: str = ""
) -> Answer:
    return await _candles(request, instId, bar, page_of(limit, after, before, most=MAX_CANDLES))


@router.get("/public/price-limit", auth=public(), summary="Highest buy and lowest sell price taken now")
async def price_limit(request: HttpRequest, instId: str = "") -> Answer:
    market = market_named(visitor_of(request).catalogue, instId)
    live = await live_market(market.group_id, market.number)
    return envelope([price_limit_row(market, live, now_ms())])


async def nothing(request: HttpRequest) -> Answer:
    """An empty list: options and futures with an end do not exist here."""
    return envelope([])


router.get("/public/underlying", auth=public(), summary="Empty: no such markets here")(nothing)
