"""The last 24 hours of many markets at once, for lists: prices, change, volume and a line to draw."""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Q

from exchange_os.engine.models import Candle, RiskGroup
from trading.selectors.candles import DAY_MS
from venues.instruments import Instrument
from venues.models import Market, MarketKind, Venue
from venues.selectors import instrument, open_markets, seen_through

BUCKET_MS = 15 * 60_000
LISTED_AT_MOST = 100
TTL_SECONDS = 2.0


@dataclass
class Day:
    """24 hours of one market. Prices in ticks (0: it never traded), volumes in lots and quote units;
    ``closes`` holds the first price and the last of each quarter of an hour that traded, oldest first."""

    open_ticks: int = 0
    high_ticks: int = 0
    low_ticks: int = 0
    last_ticks: int = 0
    volume_lots: int = 0
    quote_volume: int = 0
    closes: list[int] = field(default_factory=list)

    @property
    def change_ppm(self) -> int:
        """Change of the price in parts per million, rounded down; 0 if it did not trade."""
        return (self.last_ticks - self.open_ticks) * 1_000_000 // self.open_ticks if self.open_ticks else 0

    @property
    def change_percent(self) -> str:
        """Change of the price as a decimal text of two digits; empty if it did not trade."""
        if not self.open_ticks:
            return ""
        basis = self.change_ppm // 100
        return f"{'-' if basis < 0 else ''}{abs(basis) // 100}.{abs(basis) % 100:02d}"


@dataclass(frozen=True)
class Listing:
    """One line of a markets list."""

    market: Market
    instrument: Instrument
    day: Day
    funding: str = ""  # of a perpetual, where it was asked for
    interest: str = ""

    @property
    def last_text(self) -> str:
        """Last price as people read it; empty if it never traded."""
        return self.instrument.price_display(self.day.last_ticks) if self.day.last_ticks else ""

    @property
    def high_text(self) -> str:
        """Highest price of the day; empty if it did not trade."""
        return self.instrument.price_display(self.day.high_ticks) if self.day.high_ticks else ""

    @property
    def low_text(self) -> str:
        """Lowest price of the day; empty if it did not trade."""
        return self.instrument.price_display(self.day.low_ticks) if self.day.low_ticks else ""

    @property
    def size_text(self) -> str:
        """24 hours of volume in the base asset."""
        return self.instrument.size_text(self.day.volume_lots)

    @property
    def volume_text(self) -> str:
        """24 hours of volume in whole units of the quote asset."""
        return str(self.day.quote_volume // 10**self.instrument.quote.scale)


_DAYS_SQL = f"""
SELECT group_id, market, minute_ms / %s AS bucket, (array_agg(open ORDER BY minute_ms))[1], max(high), min(low),
       (array_agg(close ORDER BY minute_ms DESC))[1], sum(volume_lots)::bigint, sum(quote_volume)::bigint
FROM {Candle._meta.db_table} WHERE group_id = ANY(%s::bigint[]) AND minute_ms > %s
GROUP BY group_id, market, bucket ORDER BY group_id, market, bucket
"""
_LAST_SQL = f"""
SELECT asked.group_id, asked.market, last.close
FROM unnest(%s::bigint[], %s::int[]) AS asked(group_id, market)
CROSS JOIN LATERAL (
    SELECT close FROM {Candle._meta.db_table} AS candle
    WHERE candle.group_id = asked.group_id AND candle.market = asked.market ORDER BY minute_ms DESC LIMIT 1
) AS last
"""

Place = tuple[int, int]  # (risk group, market number)


def days(group_ids: Collection[int], now_ms: int) -> dict[Place, Day]:
    """The markets of these risk groups that traded in the last 24 hours."""
    found: dict[Place, Day] = {}
    with connection.cursor() as cursor:
        cursor.execute(_DAYS_SQL, [BUCKET_MS, list(group_ids), now_ms - DAY_MS])
        for group, market, _, first, high, low, last, lots, quote in cursor.fetchall():
            day = found.setdefault((group, market), Day(open_ticks=first, low_ticks=low, closes=[first]))
            day.high_ticks = max(day.high_ticks, high)
            day.low_ticks = min(day.low_ticks, low)
            day.last_ticks = last
            day.volume_lots += lots
            day.quote_volume += quote
            day.closes.append(last)
    return found


def _quiet_days(places: list[Place]) -> dict[Place, Day]:
    """Markets without a trade today: their last price, whenever it was."""
    if not places:
        return {}
    groups, markets = zip(*places, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_LAST_SQL, [list(groups), list(markets)])
        return {(group, market): Day(last_ticks=close) for group, market, close in cursor.fetchall()}


def listings(markets: Iterable[Market], now_ms: int) -> list[Listing]:
    """Markets with their day, liveliest first."""
    rows = list(markets)
    known = days({market.venue.group_id for market in rows}, now_ms)
    quiet = _quiet_days(
        [(m.venue.group_id, m.number) for m in rows if (m.venue.group_id, m.number) not in known]
    )
    listed = []
    for market in rows:
        place = (market.venue.group_id, market.number)
        listed.append(Listing(market, instrument(market), known.get(place) or quiet.get(place) or Day()))
    return sorted(listed, key=lambda row: (-len(row.day.closes), -row.day.quote_volume, row.market.symbol))


def venue_listings(venue: Venue, now_ms: int) -> list[Listing]:
    """Every market in the books of one venue but those of outcomes, which belong to their events."""
    markets = open_markets().filter(venue_id=venue.books_id).exclude(kind=MarketKind.OUTCOME)
    return listings([seen_through(market, venue) for market in markets], now_ms)


_remembered: tuple[float, list[Listing]] = (0.0, [])


def market_list(now_ms: int, words: str = "", kind: str = "") -> list[Listing]:
    """Markets of every venue whose symbol, assets, event or venue carry ``words``, of one ``kind`` if given; without
    words the liveliest and newest, outcomes left to their events.

    At most ``LISTED_AT_MOST`` lines; the list without words is remembered for ``TTL_SECONDS``.
    """
    global _remembered
    if words:
        wanted = (
            Q(symbol__icontains=words)
            | Q(base__name__icontains=words)
            | Q(venue__name__icontains=words)
            | Q(event__title__icontains=words)
            | Q(outcome_name__icontains=words)
            | Q(venue__slug__icontains=words)
        )
        found = open_markets().filter(wanted)
        return listings((found.filter(kind=kind) if kind else found)[:LISTED_AT_MOST], now_ms)
    until, known = _remembered
    if until < time.monotonic():
        known = listings(_front_markets(), now_ms)
        _remembered = (time.monotonic() + TTL_SECONDS, known)
    return [row for row in known if row.market.kind == kind] if kind else known


#: A list of movers and how many are in it.
MOVERS_SHOWN = 4


def movers(now_ms: int) -> list[tuple[str, list[Listing]]]:
    """What moves on the first page, each list with its title: the greatest rises and falls of 24 hours, the greatest
    turnover in units of its own quote asset, the newest markets. Lists that would be empty are left out."""
    rows = market_list(now_ms)
    moved = [row for row in rows if row.day.open_ticks]
    by_change = sorted(moved, key=lambda row: (-row.day.change_ppm, row.market.symbol))
    lists = [
        ("Rising", [row for row in by_change if row.day.change_ppm > 0]),
        ("Falling", [row for row in reversed(by_change) if row.day.change_ppm < 0]),
        ("Most traded", sorted(moved, key=lambda row: (-int(row.volume_text), row.market.symbol))),
        ("New", sorted(rows, key=lambda row: -row.market.pk)),
    ]
    return [(title, found[:MOVERS_SHOWN]) for title, found in lists if found]


def _front_markets() -> list[Market]:
    """Markets of the groups that moved last, and the newest ones."""
    lively = RiskGroup.objects.order_by("-kernel_now_ms").values_list("pk", flat=True)[: LISTED_AT_MOST // 2]
    listed = open_markets().exclude(kind=MarketKind.OUTCOME)
    newest = listed.order_by("-pk")[: LISTED_AT_MOST // 2]
    moved = listed.filter(venue__group_id__in=list(lively))[: LISTED_AT_MOST // 2]
    return list({market.pk: market for market in (*moved, *newest)}.values())
