"""Partitions of history by month, made ahead of time. What a table's rows are found in is PostgreSQL's affair."""

from datetime import date

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
MONTHS_AHEAD = 3


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
