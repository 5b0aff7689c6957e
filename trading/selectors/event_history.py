"""How the chances of an event's outcomes moved, for its chart: last prices at even distances in time."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from exchange_os.engine.models import Candle
from trading.selectors.candles import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from venues.models import Market

#: Ranges of the chart: how far back and how far apart its points are; ``all`` fits its step to the age of the event.
RANGES = {
    "1d": (DAY_MS, 5 * MINUTE_MS),
    "1w": (WEEK_MS, HOUR_MS),
    "1m": (30 * DAY_MS, 6 * HOUR_MS),
    "all": (0, 0),
}
POINTS_OF_ALL = 160

_POINTS_SQL = f"""
SELECT market, (minute_ms - %s) / %s AS step, (array_agg(close ORDER BY minute_ms DESC))[1]
FROM {Candle._meta.db_table} WHERE group_id = %s AND market = ANY(%s) AND minute_ms >= %s GROUP BY market, step
"""
_BEFORE_SQL = f"""
SELECT asked.market, last.close FROM unnest(%s::int[]) AS asked(market)
CROSS JOIN LATERAL (
    SELECT close FROM {Candle._meta.db_table} AS candle
    WHERE candle.group_id = %s AND candle.market = asked.market AND candle.minute_ms < %s
    ORDER BY minute_ms DESC LIMIT 1
) AS last
"""


@dataclass(frozen=True)
class Course:
    """Prices of one outcome in ticks, one a step from ``start_ms`` on; ``None`` before its first trade."""

    market: Market
    prices: list[int | None]


@dataclass(frozen=True)
class Courses:
    """Courses of several outcomes over the same steps."""

    start_ms: int
    step_ms: int
    courses: list[Course]


def courses(markets: Sequence[Market], name: str, *, since_ms: int, now_ms: int) -> Courses:
    """The last prices of ``markets``, all of one venue, over the range ``name``; they were listed at ``since_ms``."""
    length, step = RANGES[name]
    if not step:
        step = max(MINUTE_MS, -(-(now_ms - since_ms) // POINTS_OF_ALL // MINUTE_MS) * MINUTE_MS)
        length = now_ms - since_ms
    start = max(now_ms - length, since_ms) // step * step
    count = (now_ms - start) // step + 1
    if not markets:
        return Courses(start, step, [])
    group, numbers = markets[0].venue.group_id, [market.number for market in markets]
    with connection.cursor() as cursor:
        cursor.execute(_POINTS_SQL, [start, step, group, numbers, start])
        known = {(market, at): close for market, at, close in cursor.fetchall()}
        cursor.execute(_BEFORE_SQL, [numbers, group, start])
        before: dict[int, int] = dict(cursor.fetchall())
    return Courses(
        start, step, [_course(market, known, before.get(market.number), count) for market in markets]
    )


def _course(market: Market, known: dict[tuple[int, int], int], last: int | None, count: int) -> Course:
    prices: list[int | None] = []
    for at in range(count):
        last = known.get((market.number, at), last)
        prices.append(last)
    return Course(market, prices)
