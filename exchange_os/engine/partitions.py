"""Partitions of history by month, made ahead of time. What a table's rows are found in is PostgreSQL's affair."""

from datetime import date

from django.db import connection, transaction

PARTITIONED = ("engine_bill",)
MONTHS_AHEAD = 3


def add_partitions(today: date, months: int = MONTHS_AHEAD) -> list[str]:
    """Make the partitions of this month and the ``months`` that follow; the names of those that were missing."""
    made = []
    for table in PARTITIONED:
        for number in range(today.month - 1, today.month + months):
            month = date(today.year + number // 12, number % 12 + 1, 1)
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT engine_add_partition(%s, %s)", (table, month))
                if cursor.fetchone()[0]:
                    made.append(f"{table}_{month:%Y%m}")
    return made
