"""Adding fills and payments up by day, each once, from where it was left to what is committed.

Pages of fills are keyed by account, so what is new is found account by account: two steps in an index for each that
ever traded. A page is read when its ``place`` lies in the range asked for; commits of a group follow one another, so
ranges that follow one another read every page once.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from exchange_kernel import BILL_KINDS, FILL_COLUMNS, unpack_fills

from exchange_os.engine.models import Bill

DAY_MS = 86_400_000
PLACES_AT_ONCE = 400_000
SEQUENCES_AT_ONCE = 200_000
TAKER = 1

_NAMES = [name for name, _ in FILL_COLUMNS]
_MARKET, _ACCOUNT, _ROLE, _NOTIONAL, _FEE, _TIME = (
    _NAMES.index(name) for name in ("market", "account", "role", "notional", "fee", "time_ms")
)
_ACCOUNTS = """
    WITH RECURSIVE seen AS (
        (SELECT account FROM engine_fillpage WHERE group_id = %(group)s ORDER BY account LIMIT 1)
        UNION ALL
        SELECT (SELECT account FROM engine_fillpage WHERE group_id = %(group)s AND account > seen.account
                ORDER BY account LIMIT 1) FROM seen WHERE account IS NOT NULL
    )
"""
_NEWEST = (
    _ACCOUNTS
    + """
    SELECT coalesce(max(last.place), 0) FROM seen, LATERAL (
        SELECT place FROM engine_fillpage WHERE group_id = %(group)s AND account = seen.account
        ORDER BY place DESC LIMIT 1) last
"""
)
_PAGES = (
    _ACCOUNTS
    + """
    SELECT page.account, page.data FROM seen JOIN engine_fillpage page
        ON page.group_id = %(group)s AND page.account = seen.account
    WHERE page.place > %(after)s AND page.place <= %(upto)s
"""
)


@dataclass
class MarketDay:
    """One market on one day: trades, quote units traded and paid as fees (a rebate counts against them)."""

    trades: int = 0
    volume: int = 0
    taker_fees: int = 0
    maker_fees: int = 0


@dataclass
class FillTotals:
    """What a range of fills adds up to. Days count from 1970-01-01 (UTC)."""

    markets: dict[tuple[int, int], MarketDay] = field(default_factory=lambda: defaultdict(MarketDay))
    """By (market, day)."""
    accounts: dict[tuple[int, int, int], int] = field(default_factory=lambda: defaultdict(int))
    """Quote units traded by (account, market, day)."""


def newest_place(group_id: int) -> int:
    """The place of the newest page of fills that is committed; 0 before the first."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, {"group": group_id})
        return int(cursor.fetchone()[0])


def add_fills(group_id: int, after: int, upto: int) -> FillTotals:
    """The fills in pages with a place above ``after``, up to and with ``upto``."""
    totals = FillTotals()
    with connection.cursor() as cursor:
        cursor.execute(_PAGES, {"group": group_id, "after": after, "upto": upto})
        while pages := cursor.fetchmany(500):
            for account, data in pages:
                _add_page(totals, unpack_fills(group_id, account, bytes(data)))
    return totals


def _add_page(totals: FillTotals, rows: list[tuple[Any, ...]]) -> None:
    for row in rows:
        market, day = row[_MARKET], row[_TIME] // DAY_MS
        found = totals.markets[market, day]
        if row[_ROLE] == TAKER:
            found.trades += 1
            found.volume += row[_NOTIONAL]
            found.taker_fees += row[_FEE]
        else:
            found.maker_fees += row[_FEE]
        totals.accounts[row[_ACCOUNT], market, day] += row[_NOTIONAL]


def add_payments(
    group_id: int, markets: list[int], after: int, upto: int
) -> dict[tuple[int, int, int, int], int]:
    """``{(market, day, account, bill kind): units}`` of builder fees and referrals with a sequence in the range."""
    paid: dict[tuple[int, int, int, int], int] = defaultdict(int)
    rows = Bill.objects.filter(
        group_id=group_id,
        market__in=markets,
        kind__in=[BILL_KINDS["builder_fee"], BILL_KINDS["referral"]],
        sequence__gt=after,
        sequence__lte=upto,
    )
    columns = rows.values_list("market", "time_ms", "account", "kind", "amount")
    for market, time_ms, account, kind, amount in columns.iterator(2_000):
        paid[market, time_ms // DAY_MS, account, kind] += amount
    return dict(paid)
