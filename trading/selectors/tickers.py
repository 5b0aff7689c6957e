"""The last 24 hours of every market of a risk group, from the one-minute candles, remembered for a second."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import connection

from exchange_os.engine.models import Candle
from trading.selectors.candles import DAY_MS, HOUR_MS
from trading.threads import in_database_thread
from venues.models import Market

TTL_SECONDS = 1.0


@dataclass(frozen=True)
class MarketStats:
    """Prices in ticks, 0 where there was none; volumes in lots and quote units over the last 24 hours.

    ``day_open_ticks`` is the price at 00:00 UTC, ``day_open_utc8_ticks`` that at 00:00 in UTC+8.
    ``last_lots`` is the size of the last trade, 0 if it is not known.
    """

    last_ticks: int = 0
    last_lots: int = 0
    open_ticks: int = 0
    high_ticks: int = 0
    low_ticks: int = 0
    volume_lots: int = 0
    quote_volume: int = 0
    day_open_ticks: int = 0
    day_open_utc8_ticks: int = 0

    def with_last(self, trade: Sequence[int] | None) -> "MarketStats":
        """The same with the last trade ``(trade_id, price_ticks, size_lots, …)``, which candles know a
        moment later."""
        if trade is None:
            return self
        price = trade[1]
        return replace(
            self,
            last_ticks=price,
            last_lots=trade[2],
            open_ticks=self.open_ticks or price,
            high_ticks=max(self.high_ticks, price),
            low_ticks=min(self.low_ticks or price, price),
            day_open_ticks=self.day_open_ticks or price,
            day_open_utc8_ticks=self.day_open_utc8_ticks or price,
        )

    @property
    def change_ppm(self) -> int:
        """Change of the price over 24 hours in parts per million; 0 without a price."""
        return (self.last_ticks - self.open_ticks) * 1_000_000 // self.open_ticks if self.open_ticks else 0


NO_STATS = MarketStats()

_SQL = f"""
SELECT market,
       (array_agg(open ORDER BY minute_ms))[1],
       max(high), min(low), sum(volume_lots)::bigint, sum(quote_volume)::bigint,
       (array_agg(close ORDER BY minute_ms DESC))[1],
       coalesce((array_agg(open ORDER BY minute_ms) FILTER (WHERE minute_ms >= %(day)s))[1], 0),
       coalesce((array_agg(open ORDER BY minute_ms) FILTER (WHERE minute_ms >= %(day_utc8)s))[1], 0)
FROM {Candle._meta.db_table} WHERE group_id = %(group)s AND minute_ms > %(since)s
GROUP BY market
"""
_LAST_SQL = f"""
SELECT asked.market, last.close FROM unnest(%(markets)s::int[]) AS asked(market)
CROSS JOIN LATERAL (
    SELECT close FROM {Candle._meta.db_table}
    WHERE group_id = %(group)s AND market = asked.market ORDER BY minute_ms DESC LIMIT 1
) AS last
"""


def last_price(group_id: int, market: int) -> int | None:
    """Price of the last trade in ticks, as the candles know it a moment later; ``None`` before the first."""
    rows = Candle.objects.filter(group_id=group_id, market=market).order_by("-minute_ms")
    return rows.values_list("close", flat=True).first()


def market_stats(group_id: int, now_ms: int) -> dict[int, MarketStats]:
    """Market number to its last 24 hours; markets that never traded are missing."""
    markets = Market.objects.filter(venue__group_id=group_id).values_list("number", flat=True)
    arguments: dict[str, int | list[int]] = {
        "group": group_id,
        "markets": list(markets),
        "since": now_ms - DAY_MS,
        "day": now_ms // DAY_MS * DAY_MS,
        "day_utc8": (now_ms + 8 * HOUR_MS) // DAY_MS * DAY_MS - 8 * HOUR_MS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LAST_SQL, arguments)
        stats = {market: MarketStats(last_ticks=close) for market, close in cursor.fetchall()}
        cursor.execute(_SQL, arguments)
        for market, first, high, low, lots, quote, last, day, day_utc8 in cursor.fetchall():
            stats[market] = MarketStats(last, 0, first, high, low, lots, quote, day or last, day_utc8 or last)
    return stats


_remembered: dict[int, tuple[float, dict[int, MarketStats]]] = {}
_reading: dict[int, asyncio.Future[dict[int, MarketStats]]] = {}


async def live_stats(group_id: int) -> dict[int, MarketStats]:
    """``market_stats`` for asynchronous callers, at most once a second per group however many ask."""
    known = _remembered.get(group_id)
    if known is not None and known[0] > time.monotonic():
        return known[1]
    return await _read(group_id)


async def _read(group_id: int) -> dict[int, MarketStats]:
    under_way = _reading.get(group_id)
    if under_way is not None and under_way.get_loop() is asyncio.get_running_loop():
        return await asyncio.shield(under_way)
    future = asyncio.ensure_future(in_database_thread(market_stats, group_id, time.time_ns() // 1_000_000))
    _reading[group_id] = future
    try:
        stats = await future
    finally:
        if _reading.get(group_id) is future:
            del _reading[group_id]
    _remembered[group_id] = (time.monotonic() + TTL_SECONDS, stats)
    return stats
