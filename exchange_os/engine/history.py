"""Reading packed history: fills of an account and trades of a market, newest first, without unpacking more than asked.

Pages of one account (or market) follow one another in time and never overlap, so a list starts at the page in which its
newest row can be and goes back until it is full.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from django.db import connection as db_connection
from django.db.models import Max, Min, QuerySet
from exchange_kernel import FILL_COLUMNS, FIRST_USER_ACCOUNT, unpack_fills, unpack_trades

from exchange_os.engine.models import Fill, FillPage, TradePage

PAGES_A_READ = 32

_NAMES = tuple(name for name, _ in FILL_COLUMNS)
_TRADE, _FEE, _FEE_ASSET = (_NAMES.index(name) for name in ("trade_id", "fee", "fee_asset"))
_Page = FillPage | TradePage
_Rows = list[tuple[Any, ...]]


class Trade(NamedTuple):
    """A public trade; ``side`` is the taker's."""

    trade_id: int
    price_ticks: int
    size_lots: int
    side: int
    time_ms: int


class Span(NamedTuple):
    """Part of a list: trade ids strictly between, times inclusive in milliseconds."""

    older_than: int | None = None
    newer_than: int | None = None
    begin_ms: int | None = None
    end_ms: int | None = None

    def holds(self, trade_id: int, time_ms: int) -> bool:
        """Whether a row is inside."""
        return (
            (self.older_than is None or trade_id < self.older_than)
            and (self.newer_than is None or trade_id > self.newer_than)
            and (self.begin_ms is None or time_ms >= self.begin_ms)
            and (self.end_ms is None or time_ms <= self.end_ms)
        )

    def is_behind(self, trade_id: int, time_ms: int) -> bool:
        """Whether all rows before this one are older than the span."""
        return (self.newer_than is not None and trade_id <= self.newer_than) or (
            self.begin_ms is not None and time_ms < self.begin_ms
        )


def fills(
    group_id: int, account: int, span: Span, limit: int, wanted: Callable[[Fill], bool] = lambda fill: True
) -> list[Fill]:
    """Up to ``limit`` fills of an account in ``span`` that are ``wanted``, newest first."""
    pages = _since(FillPage.objects.filter(group_id=group_id, account=account), span.begin_ms)
    highest = None if span.older_than is None else 2 * span.older_than - 1

    def rows(page: FillPage) -> _Rows:
        return unpack_fills(group_id, account, bytes(page.data))

    found: list[Fill] = []
    for row in _newest_first(pages, rows, highest, span.end_ms):
        fill = Fill(**dict(zip(_NAMES, row, strict=True)))
        if span.is_behind(fill.trade_id, fill.time_ms):
            break
        if span.holds(fill.trade_id, fill.time_ms) and wanted(fill):
            found.append(fill)
            if len(found) == limit:
                break
    return found


def fills_since(group_id: int, account: int, trade_id: int, at_most_pages: int) -> list[Fill]:
    """Fills of an account in trades after ``trade_id``, oldest first; of more than so many pages the newest."""
    pages = FillPage.objects.filter(group_id=group_id, account=account, place__gt=2 * trade_id + 1)
    newest = list(pages.order_by("-place")[:at_most_pages])
    return _unpacked(group_id, account, reversed(newest), trade_id)


def fills_from(group_id: int, account: int, trade_id: int, at_most_pages: int) -> tuple[list[Fill], bool]:
    """Fills of an account in trades after ``trade_id``, oldest first; of more than so many pages the oldest; and
    whether that is all."""
    pages = FillPage.objects.filter(group_id=group_id, account=account, place__gt=2 * trade_id + 1)
    oldest = list(pages.order_by("place")[: at_most_pages + 1])
    return _unpacked(group_id, account, oldest[:at_most_pages], trade_id), len(oldest) <= at_most_pages


def fees_from(
    group_id: int, account: int, trade_id: int, at_most_pages: int
) -> tuple[list[tuple[int, int, int]], bool]:
    """As ``fills_from``, of each fill its trade, the asset of its fee and the fee: a fill as a row costs ten times as
    much as what is asked of it."""
    pages = FillPage.objects.filter(group_id=group_id, account=account, place__gt=2 * trade_id + 1)
    oldest = list(pages.order_by("place")[: at_most_pages + 1])
    rows = _rows(group_id, account, oldest[:at_most_pages])
    fees = [(row[_TRADE], row[_FEE_ASSET], row[_FEE]) for row in rows if row[_TRADE] > trade_id]
    return fees, len(oldest) <= at_most_pages


def _rows(group_id: int, account: int, pages: Iterable[FillPage]) -> Iterable[tuple[Any, ...]]:
    return (row for page in pages for row in unpack_fills(group_id, account, bytes(page.data)))


def _unpacked(group_id: int, account: int, pages: Iterable[FillPage], trade_id: int) -> list[Fill]:
    rows = (row for row in _rows(group_id, account, pages) if row[_TRADE] > trade_id)
    return [Fill(**dict(zip(_NAMES, row, strict=True))) for row in rows]


def trades(group_id: int, market: int, span: Span, limit: int) -> list[Trade]:
    """Up to ``limit`` trades of a market in ``span``, newest first."""
    pages = _since(TradePage.objects.filter(group_id=group_id, market=market), span.begin_ms)
    highest = None if span.older_than is None else span.older_than - 1

    def rows(page: TradePage) -> _Rows:
        return list(unpack_trades(bytes(page.data)))

    found: list[Trade] = []
    for row in _newest_first(pages, rows, highest, span.end_ms):
        trade = Trade(*row)
        if span.is_behind(trade.trade_id, trade.time_ms):
            break
        if span.holds(trade.trade_id, trade.time_ms):
            found.append(trade)
            if len(found) == limit:
                break
    return found


def _newest_first(
    pages: "QuerySet[Any]",
    rows: Callable[[Any], _Rows],
    highest: int | None,
    end_ms: int | None,
) -> Iterator[tuple[Any, ...]]:
    """Rows from the page with place ``highest`` and time ``end_ms`` in it on, back to the first."""
    if end_ms is not None:
        last = _place_before(pages, end_ms)
        highest = last if highest is None else min(highest, last)
    if highest is not None:
        straddling = pages.filter(place__gt=highest).order_by("place")[:1]
        for page in straddling:
            yield from reversed(rows(page))
    while some := _read(pages, highest):
        for page in some:
            yield from reversed(rows(page))
        highest = some[-1].place - 1


def _read(pages: "QuerySet[Any]", highest: int | None) -> list[_Page]:
    below: Iterable[_Page] = pages if highest is None else pages.filter(place__lte=highest)
    return list(below.order_by("-place")[:PAGES_A_READ])  # type: ignore[attr-defined]


def _since(pages: "QuerySet[Any]", begin_ms: int | None) -> "QuerySet[Any]":
    """Without the pages, and the months, that are over before a time."""
    return pages if begin_ms is None else pages.filter(time_ms__gte=begin_ms)


def _place_before(pages: "QuerySet[Any]", end_ms: int) -> int:
    """A place below that of the first page that ends after ``end_ms``, found by halving."""
    ends = pages.aggregate(low=Min("place"), high=Max("place"))
    low, high = ends["low"] or 0, ends["high"] or 0
    while low < high:
        middle = (low + high) // 2
        place, time_ms = pages.filter(place__gte=middle).order_by("place").values_list("place", "time_ms")[0]
        if time_ms > end_ms:
            high = middle
        else:
            low = place + 1
    return int(low) - 1


_ACTIVE = """
WITH RECURSIVE seen AS (
  (SELECT account FROM engine_fillpage WHERE group_id = %(group)s AND account >= %(first)s ORDER BY account LIMIT 1)
  UNION ALL
  SELECT (SELECT account FROM engine_fillpage WHERE group_id = %(group)s AND account > seen.account
          ORDER BY account LIMIT 1) FROM seen WHERE account IS NOT NULL
)
SELECT count(*) FROM seen WHERE account IS NOT NULL AND EXISTS (
  SELECT 1 FROM engine_fillpage WHERE group_id = %(group)s AND account = seen.account AND place > %(place)s)
"""


def active_accounts(group_id: int, after_trade: int) -> int:
    """How many accounts of users have a fill of a trade after ``after_trade``: two steps in an index for each account
    that ever traded, however long its history."""
    arguments = {"group": group_id, "first": FIRST_USER_ACCOUNT, "place": 2 * after_trade + 1}
    with db_connection.cursor() as cursor:
        cursor.execute(_ACTIVE, arguments)
        return int(cursor.fetchone()[0])
