"""Packed history: what is read back is what happened, from any place and time on, and the views show the same."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import exchange_kernel as kernel
import pytest
from django.db import connection, transaction
from django.db.models import Model

from exchange_os.engine import client, history
from exchange_os.engine.database import make_connection
from exchange_os.engine.history import Span
from exchange_os.engine.models import ClosedOrder, Fill, FillPage, OrderRecord, TradePage
from exchange_os.engine.partitions import Months
from tests.engine.cast import MAKER, MARKET, TAKER, order


class Undone(Exception):
    """Undoes a transaction."""


ROUNDS = 9
A_ROUND = 30


@pytest.fixture
def traded_group(market_group: int) -> int:
    """A group with a few commits of many trades each, some by clients with names for their orders."""
    for number in range(ROUNDS):
        commands = []
        for step in range(A_ROUND):
            name = f"order-{number}-{step}" if step % 3 else ""
            commands.append(order(MAKER, kernel.SELL, 1_000 + step, 2, client_id=name))
            commands.append(order(TAKER, kernel.BUY, 1_000 + step, 2))
        client.submit_packed(market_group, b"".join(commands), len(commands))
    return market_group


def places(fills: list[Fill]) -> list[tuple[int, int]]:
    """Trade and role of each."""
    return [(fill.trade_id, fill.role) for fill in fills]


def test_fills_are_read_back_from_any_place_on(traded_group: int) -> None:
    everything = history.fills(traded_group, MAKER, Span(), 10_000)
    last = ROUNDS * A_ROUND
    assert [fill.trade_id for fill in everything] == list(range(last, 0, -1))
    assert FillPage.objects.filter(group_id=traded_group, account=MAKER).count() < last / 5
    for older in (None, 1, 2, 20, 21, 22, 100, last, last + 1, last + 50):
        for newer in (None, 0, 19, 150, last):
            for limit in (1, 7, 10_000):
                inside = [
                    fill
                    for fill in everything
                    if (older is None or fill.trade_id < older) and (newer is None or fill.trade_id > newer)
                ]
                found = history.fills(traded_group, MAKER, Span(older, newer), limit)
                assert places(found) == places(inside[:limit])


def test_fills_and_trades_are_read_back_by_time(traded_group: int) -> None:
    everything = history.fills(traded_group, TAKER, Span(), 10_000)
    tape = history.trades(traded_group, MARKET, Span(), 10_000)
    assert [trade.trade_id for trade in tape] == [fill.trade_id for fill in everything]
    assert [trade[1:3] for trade in tape] == [(fill.price_ticks, fill.size_lots) for fill in everything]
    times = sorted({fill.time_ms for fill in everything})
    for begin in (None, times[0], times[len(times) // 2], times[-1] + 1):
        for end in (None, times[0] - 1, times[0], times[len(times) // 2], times[-1]):
            span = Span(begin_ms=begin, end_ms=end)
            inside = [fill for fill in everything if span.holds(fill.trade_id, fill.time_ms)]
            assert places(history.fills(traded_group, TAKER, span, 10_000)) == places(inside)
            found = history.trades(traded_group, MARKET, span, 10_000)
            assert [trade.trade_id for trade in found] == [fill.trade_id for fill in inside]


def test_wanted_fills_of_a_list(traded_group: int) -> None:
    named = history.fills(traded_group, MAKER, Span(), 5, lambda fill: fill.client_id != "")
    assert [fill.client_id for fill in named][:3] == ["order-8-29", "order-8-28", "order-8-26"]
    assert len(named) == 5


def test_the_views_show_the_rows(traded_group: int) -> None:
    rows = Fill.objects.filter(group_id=traded_group, account=MAKER).order_by("-trade_id", "-role")
    names = [name for name, _ in kernel.FILL_COLUMNS]
    read = [
        tuple(getattr(fill, name) for name in names)
        for fill in history.fills(traded_group, MAKER, Span(), 10_000)
    ]
    assert list(rows.values_list(*names)) == read
    columns = [name for name, _ in kernel.ORDER_COLUMNS]
    shown = ClosedOrder.objects.filter(group_id=traded_group).order_by("order_id").values_list(*columns)
    stored = OrderRecord.objects.filter(group_id=traded_group).order_by("order_id")
    assert len(shown) == 2 * ROUNDS * A_ROUND
    assert list(shown) == [
        kernel.unpack_order(traded_group, row.account, row.order_id, bytes(row.data)) for row in stored
    ]


@pytest.mark.parametrize("model", [FillPage, TradePage, OrderRecord])
def test_history_is_kept_by_month(traded_group: int, model: type[Model]) -> None:
    rows = model._default_manager.filter(group_id=traded_group).order_by("pk")
    move = import_module("exchange_os.engine.migrations.0009_history_by_month").Migration.operations[1]
    table = model._meta.db_table

    def kept() -> list[dict[str, Any]]:
        return list(rows.values())

    def in_months() -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*) FROM {table} WHERE group_id = %s AND tableoid <> %s::regclass",
                [traded_group, f"{table}_default"],
            )
            return int(cursor.fetchone()[0])

    before = kept()
    assert 0 < in_months() == len(before)
    with suppress(Undone), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(move.reverse_sql)
            cursor.execute(f"SELECT count(*) FROM {table} WHERE group_id = %s", [traded_group])
            assert cursor.fetchone() == (len(before),)
            cursor.execute(move.sql)
        assert (kept(), in_months()) == (before, len(before))
        raise Undone


def test_a_writer_names_a_month_that_is_there() -> None:
    months, now_ms = Months(), int(time.time() * 1000)
    with make_connection() as session, session.transaction(force_rollback=True):
        this = months.name(session, [now_ms, now_ms])
        assert this == f"_{datetime.now(UTC):%Y%m}"
        for elsewhere in ([], [now_ms, 5], [5], [10**15], [10**18]):
            assert months.name(session, elsewhere) == ""
        session.execute("ALTER TABLE engine_fillpage DETACH PARTITION engine_fillpage" + this)
        assert months.name(session, [now_ms]) == this
        months.forget()
        assert months.name(session, [now_ms]) == ""


def test_an_account_without_history_has_none(traded_group: int) -> None:
    assert history.fills(traded_group, 99, Span(end_ms=1), 5) == []
    assert history.trades(traded_group, 7, Span(older_than=3, end_ms=10**15), 5) == []
    assert TradePage.objects.filter(group_id=traded_group).count() >= ROUNDS


def test_torn_records_are_refused() -> None:
    fills = b"\x05abc"
    with pytest.raises(ValueError, match="whole"):
        kernel.unpack_fills(1, 2, fills)
    with pytest.raises(ValueError, match="whole"):
        kernel.unpack_order(1, 2, 3, b"short")
    with pytest.raises(ValueError, match="whole"):
        kernel.unpack_trades(b"x" * 34)
    with pytest.raises(ValueError, match="whole"):
        kernel.pack_fills(b"\0")
