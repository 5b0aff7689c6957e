"""History rows of bills: stored by the month, append-only in every partition."""

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction
from exchange_kernel import BILL_COLUMNS, BILL_KINDS

from exchange_os.engine.models import Bill, Candle
from exchange_os.engine.partitions import PARTITIONED, add_partitions

JANUARY_MS = 1_767_225_600_000  # 2026-01-01


def bill(time_ms: int, bill_no: int = 0) -> Bill:
    """A funding payment of one account."""
    return Bill.objects.create(
        group_id=1, sequence=9, bill_no=bill_no, account=16, market=0, kind=BILL_KINDS["funding"], lots=3,
        price_ticks=100, amount=-7, fee=0, cash_after=93, extra=125, time_ms=time_ms,
    )  # fmt: skip


def partition_of(row: Bill) -> str:
    """Name of the partition that holds a row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM engine_bill WHERE sequence = %s AND bill_no = %s",
            (row.sequence, row.bill_no),
        )
        return str(cursor.fetchone()[0])


def test_columns_of_the_kernel_are_those_of_the_table() -> None:
    columns = {field.name for field in Bill._meta.get_fields()} - {"pk"}
    assert {name for name, _ in BILL_COLUMNS} == columns


@pytest.mark.django_db
def test_a_bill_goes_to_its_month_or_to_the_default() -> None:
    add_partitions(date(2026, 1, 15), months=1)
    rows = bill(JANUARY_MS, 0), bill(JANUARY_MS + 31 * 86_400_000, 1), bill(5, 2)
    assert [partition_of(row) for row in rows] == [
        "engine_bill_202601",
        "engine_bill_202602",
        "engine_bill_default",
    ]


@pytest.mark.django_db
def test_partitions_are_made_once_and_across_the_end_of_a_year() -> None:
    made = add_partitions(date(2031, 11, 30), months=3)
    months = ("203111", "203112", "203201", "203202")
    assert made == [f"{table}_{month}" for table in PARTITIONED for month in months]
    assert add_partitions(date(2031, 11, 30), months=3) == []


@pytest.mark.django_db
def test_a_month_whose_rows_are_in_the_default_stays_there() -> None:
    bill(JANUARY_MS + 365 * 86_400_000 * 10)
    assert "engine_bill_203512" not in add_partitions(date(2035, 12, 1), months=0)


@pytest.mark.django_db
def test_candles_go_to_their_month_and_may_be_written_over() -> None:
    add_partitions(date(2026, 1, 15), months=0)
    numbers = dict.fromkeys(("open", "high", "low", "volume_lots", "quote_volume", "trades"), 5)
    for close in (5, 6):
        Candle.objects.update_or_create(
            group_id=1, market=0, minute_ms=JANUARY_MS, defaults={**numbers, "close": close}
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text, close FROM engine_candle")
        assert cursor.fetchall() == [("engine_candle_202601", 6)]


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["engine_bill", "engine_bill_default", "engine_bill_202601"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET group_id = 9", "DELETE FROM {}", "TRUNCATE {}"])
def test_bills_are_append_only_in_every_partition(table: str, statement: str) -> None:
    add_partitions(date(2026, 1, 15), months=0)
    with connection.cursor() as cursor:
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            cursor.execute(statement.format(table))
        cursor.execute(f"GRANT UPDATE, DELETE, TRUNCATE ON {table} TO CURRENT_USER")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(statement.format(table))
