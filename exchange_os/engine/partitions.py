"""Partitions of history by month, made ahead of time.

Where rows are found is PostgreSQL's affair, and where they are put too, but for what every batch adds: there the writer
names the month, because looking for it costs a batch a quarter of its time (measured on ``pipeline.durable``).
"""

import time
from collections.abc import Iterable
from datetime import UTC, date, datetime

import psycopg
from django.db import connection, transaction

#: Tables by month, and whether their rows are kept as they are (fills, bills) or written over (candles).
PARTITIONED = {
    "engine_fillpage": True,
    "engine_tradepage": True,
    "engine_orderrecord": True,
    "engine_bill": True,
    "engine_closedalgo": True,
    "engine_candle": False,
    "engine_pricecandle": False,
}
#: What every batch adds to.
ADDED_TO = ("engine_fillpage", "engine_tradepage", "engine_orderrecord")
MONTHS_AHEAD = 3
DAY_MS = 86_400_000
_ASK_AGAIN_SECONDS = 60.0
_READY = """
SELECT bool_and(EXISTS (SELECT FROM pg_inherits WHERE inhrelid = leaf) AND has_table_privilege(leaf, 'INSERT')) IS TRUE
  FROM unnest(%s::text[]) AS name, LATERAL (SELECT to_regclass(quote_ident(name))) AS found (leaf)
"""


def add_partitions(today: date, months: int = MONTHS_AHEAD) -> list[str]:
    """Make the partitions of this month and the ``months`` that follow; the names of those that were missing."""
    made = []
    for table, kept in PARTITIONED.items():
        for number in range(today.month - 1, today.month + months):
            month = date(today.year + number // 12, number % 12 + 1, 1)
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT engine_add_partition(%s, %s, %s)", (table, month, kept))
                if cursor.fetchone()[0]:
                    made.append(f"{table}_{month:%Y%m}")
    return made


class Months:
    """The months whose partitions of ``ADDED_TO`` a writer may name; one for a process, for one thread at a time."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._ready: set[str] = set()
        self._asked: dict[str, float] = {}

    def name(self, connection: "psycopg.Connection[tuple[object, ...]]", times_ms: Iterable[int]) -> str:
        """``_YYYYMM`` if all times are of one month that has its partitions; else nothing: the tables find them."""
        names = {self._name_of(time_ms // DAY_MS) for time_ms in times_ms}
        if len(names) != 1:
            return ""
        name = names.pop()
        if name not in self._ready:
            now = time.monotonic()
            if now < self._asked.get(name, 0.0):
                return ""
            self._asked[name] = now + _ASK_AGAIN_SECONDS
            found = connection.execute(_READY, ([table + name for table in ADDED_TO],)).fetchone()
            if found is None or not found[0]:
                return ""
            self._ready.add(name)
        return name

    def forget(self) -> None:
        """A partition was not there any more: ask again."""
        self._ready.clear()

    def _name_of(self, day: int) -> str:
        if day not in self._names:
            try:
                self._names[day] = f"_{datetime.fromtimestamp(day * DAY_MS / 1000, UTC):%Y%m}"
            except (ValueError, OverflowError):  # beyond the calendar
                self._names[day] = "_none"
        return self._names[day]
