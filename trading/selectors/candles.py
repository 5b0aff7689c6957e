"""Candles of any bar, gathered from the one-minute candles the engine stores.

Bars are gapless from the first trade on: a bar without trades repeats the last close with no volume. Prices
are in ticks, volumes in lots and quote units.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection

from exchange_os.engine.models import Candle as StoredCandle
from exchange_os.engine.models import PriceCandle

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
MONDAY_MS = 4 * DAY_MS  # the epoch was a Thursday; weeks start on Mondays

FIXED_BARS = {
    **{f"{n}m": n * MINUTE_MS for n in (1, 3, 5, 15, 30)},
    **{f"{n}H": n * HOUR_MS for n in (1, 2, 4, 6, 12)},
    **{f"{n}D": n * DAY_MS for n in (1, 2, 3, 5)},
    "1W": WEEK_MS,
}
CALENDAR_BARS = {"1M": 1, "3M": 3}
BARS = (*FIXED_BARS, *CALENDAR_BARS)


@dataclass(frozen=True)
class Candle:
    """One bar: it covers ``[start_ms, end_ms)`` and is final once ``closed``."""

    start_ms: int
    end_ms: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    quote_volume: int
    closed: bool


def bar_name(text: str) -> str | None:
    """The bar a client means, ``None`` if we have none such; ``6Hutc`` is ``6H``: all bars are UTC."""
    name = text.removesuffix("utc")
    return name if name in FIXED_BARS or name in CALENDAR_BARS else None


def bar_start(bar: str, at_ms: int) -> int:
    """Start of the bar that holds ``at_ms``."""
    length = FIXED_BARS.get(bar)
    if length is not None:
        offset = MONDAY_MS if bar == "1W" else 0
        return (at_ms - offset) // length * length + offset
    months = CALENDAR_BARS[bar]
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    first = (moment.month - 1) // months * months + 1
    return round(datetime(moment.year, first, 1, tzinfo=UTC).timestamp() * 1000)


def next_bar(bar: str, start_ms: int, steps: int = 1) -> int:
    """Start of the bar ``steps`` after the one that starts at ``start_ms`` (before it, if negative)."""
    length = FIXED_BARS.get(bar)
    if length is not None:
        return start_ms + steps * length
    moment = datetime.fromtimestamp(start_ms / 1000, UTC)
    months = moment.year * 12 + moment.month - 1 + steps * CALENDAR_BARS[bar]
    return round(datetime(max(1970, months // 12), months % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000)


def _bucket_sql(bar: str) -> tuple[str, list[int]]:
    length = FIXED_BARS.get(bar)
    if length is not None:
        offset = MONDAY_MS if bar == "1W" else 0
        return "(minute_ms - %s) / %s * %s + %s", [offset, length, length, offset]
    unit = "month" if bar == "1M" else "quarter"
    stamp = "to_timestamp(minute_ms / 1000) AT TIME ZONE 'UTC'"
    return f"(extract(epoch FROM date_trunc('{unit}', {stamp})) * 1000)::bigint", []


@dataclass(frozen=True)
class Source:
    """Where one-minute candles are stored: the table, a condition, and its sums of volume."""

    table: str
    condition: str = ""
    lots: str = "0::bigint"
    quote: str = "0::bigint"


_PRICES = PriceCandle._meta.db_table
TRADES = Source(
    StoredCandle._meta.db_table, lots="sum(volume_lots)::bigint", quote="sum(quote_volume)::bigint"
)
MARK = Source(_PRICES, f"AND what = {PriceCandle.What.MARK.value}")
INDEX = Source(_PRICES, f"AND what = {PriceCandle.What.INDEX.value}")


def _stored_bars(
    source: Source, group_id: int, market: int, bar: str, start_ms: int, end_ms: int
) -> dict[int, tuple[int, ...]]:
    bucket, arguments = _bucket_sql(bar)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {bucket} AS bucket, (array_agg(open ORDER BY minute_ms))[1], max(high), min(low),"
            f" (array_agg(close ORDER BY minute_ms DESC))[1], {source.lots}, {source.quote}"
            f" FROM {source.table} WHERE group_id = %s AND market = %s {source.condition}"
            " AND minute_ms >= %s AND minute_ms < %s GROUP BY bucket",
            [*arguments, group_id, market, start_ms, end_ms],
        )
        return {row[0]: row[1:] for row in cursor.fetchall()}


def _edge_candle(source: Source, group_id: int, market: int, before_ms: int | None) -> tuple[int, int] | None:
    """Minute and close of the newest candle before ``before_ms``; of the oldest of all if ``None``."""
    where, order = ("AND minute_ms < %s", "DESC") if before_ms is not None else ("", "ASC")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT minute_ms, close FROM {source.table} WHERE group_id = %s AND market = %s"
            f" {source.condition} {where} ORDER BY minute_ms {order} LIMIT 1",
            [group_id, market, *([before_ms] if before_ms is not None else [])],
        )
        row: tuple[int, int] | None = cursor.fetchone()
        return row


def candles(
    group_id: int,
    market: int,
    bar: str,
    *,
    now_ms: int,
    limit: int,
    older_than_ms: int | None = None,
    newer_than_ms: int | None = None,
    source: Source = TRADES,
) -> list[Candle]:
    """Up to ``limit`` bars, newest first, of trades or of another ``source``.

    ``older_than_ms`` and ``newer_than_ms`` bound the start of a bar, both exclusive; within those bounds the
    newest are returned.
    """
    if newer_than_ms is not None and newer_than_ms >= now_ms:
        return []
    oldest = _edge_candle(source, group_id, market, None)
    if oldest is None or limit <= 0:
        return []
    first = bar_start(bar, oldest[0])
    last = bar_start(bar, now_ms)
    if older_than_ms is not None:
        last = min(last, bar_start(bar, max(0, min(older_than_ms, now_ms) - 1)))
    if newer_than_ms is not None:
        first = max(first, next_bar(bar, bar_start(bar, max(0, newer_than_ms))))
    first = max(first, next_bar(bar, last, 1 - limit))
    if first > last:
        return []
    stored = _stored_bars(source, group_id, market, bar, first, next_bar(bar, last))
    before = _edge_candle(source, group_id, market, first)
    close = before[1] if before else 0
    bars = []
    start = first
    while start <= last:
        end = next_bar(bar, start)
        open_, high, low, close, lots, quote = stored.get(start, (close, close, close, close, 0, 0))
        bars.append(Candle(start, end, open_, high, low, close, lots, quote, closed=end <= now_ms))
        start = end
    return bars[::-1]
