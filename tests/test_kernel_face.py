"""The Python face of the kernel: what goes in and out of the native module, and rows for a real PostgreSQL."""

import json
import os
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import exchange_kernel as xk
import psycopg
import pytest

START_MS = 1_700_000_000_000
BASE, QUOTE = 1, 2
MAKER, TAKER = 16, 17


def opened() -> xk.Kernel:
    """One market of A in B at 10 B-units a tick and lot, fees 0.1% and 0.2%, a maker and a taker with money."""
    kernel = xk.Kernel(5)
    frames = [
        xk.add_asset(BASE, scale=8, symbol="A"),
        xk.add_asset(QUOTE, scale=2, symbol="B"),
        xk.add_market(
            0,
            base=BASE,
            quote=QUOTE,
            lot_size=100,
            tick_quote=10,
            reference_ticks=1_000,
            maker_ppm=1_000,
            taker_ppm=2_000,
            protocol_share_ppm=100_000,
            symbol="A-B",
        ),
        xk.set_phase(0, xk.PHASE_OPEN),
    ]
    for account in (MAKER, TAKER):
        frames.append(xk.open_account(account, owner=account))
        for asset in (BASE, QUOTE):
            transfer_id = account * 10 + asset
            frames.append(xk.deposit(account, asset, 10**12, transfer_id=transfer_id, issued_ms=START_MS))
    applied = kernel.apply(b"".join(frames), START_MS)
    assert [ack.code for ack in xk.decode_acks(applied.acks)] == [0] * len(frames)
    return kernel


def traded() -> tuple[xk.Kernel, xk.Applied]:
    """A batch with a trade: 3 of 5 lots offered at 1,001 are taken, and the taker's other order is cancelled."""
    kernel = opened()
    return kernel, kernel.apply(
        xk.place(MAKER, 0, side=xk.SELL, price_ticks=1_001, size_lots=5, client_id="offer")
        + xk.place(
            TAKER, 0, side=xk.BUY, price_ticks=1_001, size_lots=3, client_id="täke".encode().hex(), key=77
        )
        + xk.place(TAKER, 0, side=xk.BUY, tif=xk.IOC, price_ticks=1_000, size_lots=1),
        START_MS + 5,
    )


def test_acks_are_fixed_records_in_command_order() -> None:
    _, applied = traded()
    acks = xk.decode_acks(applied.acks)
    assert len(applied.acks) == 3 * xk.ACK_SIZE == 3 * struct.calcsize(xk.ACK_FORMAT)
    assert [tuple(ack) for ack in acks] == list(struct.iter_unpack(xk.ACK_FORMAT, applied.acks))
    assert acks[0] == xk.Ack(1, 0, 5, 0, xk.STATE_OPEN, 0, 0)
    assert acks[1] == xk.Ack(2, 3, 0, 0, xk.STATE_FILLED, 0, 0)
    assert (acks[2].state, xk.CANCEL_REASONS[acks[2].reason][0]) == (xk.STATE_CANCELLED, "ioc")
    with pytest.raises(ValueError):
        xk.decode_acks(applied.acks[:-1])


def test_events_are_filtered_by_account_in_order() -> None:
    _, applied = traded()
    events = xk.decode_events(applied.events)
    assert {event["account"] for event in events} == {MAKER, TAKER}
    for accounts in ({MAKER}, [TAKER], frozenset(), {MAKER, TAKER, 999}):
        assert xk.decode_events(applied.events, accounts) == [e for e in events if e["account"] in accounts]
    kinds = [event["kind"] for event in events]
    assert kinds == ["order", "fill", "fill", "order"] + ["balance"] * 4
    fill = events[2]
    assert fill["client_id"] == "täke".encode().hex()
    assert (fill["role"], fill["fill_price_ticks"], fill["fill_size_lots"]) == (xk.TAKER, 1_001, 3)
    assert (fill["fill_notional"], fill["fill_fee"], fill["fee_asset"]) == (30_030, 61, QUOTE)
    assert (fill["state"], fill["key"], fill["sequence"]) == (xk.STATE_FILLED, 77, applied.first_sequence + 1)
    balances = {(e["account"], e["asset"]): (e["total"], e["held"]) for e in events if e["kind"] == "balance"}
    assert balances == {
        (MAKER, BASE): (10**12 - 300, 200),
        (MAKER, QUOTE): (10**12 + 30_030 - 31, 0),
        (TAKER, BASE): (10**12 + 300, 0),
        (TAKER, QUOTE): (10**12 - 30_030 - 61, 0),
    }


@pytest.fixture
def postgres() -> Iterator[psycopg.Connection]:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize(
    ("table", "columns", "unique", "decode"),
    [
        ("fills", xk.FILL_COLUMNS, "group_id, trade_id, role", xk.decode_copy_fills),
        ("orders", xk.ORDER_COLUMNS, "group_id, order_id", xk.decode_copy_orders),
    ],
)
def test_postgresql_takes_the_rows_as_they_are(
    postgres: Any, table: str, columns: Any, unique: str, decode: Any
) -> None:
    _, applied = traded()
    rows = {"fills": applied.fills_copy, "orders": applied.orders_copy}[table]
    count = {"fills": applied.fills_count, "orders": applied.orders_count}[table]
    declared = ", ".join(f"{name} {kind} NOT NULL" for name, kind in columns)
    postgres.execute(f"CREATE TEMPORARY TABLE {table}_face ({declared}, UNIQUE ({unique})) ON COMMIT DROP")
    with postgres.cursor().copy(f"COPY {table}_face FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows + b"\xff\xff")
    shown = ", ".join(
        f"get_byte(charsend({name}), 0)" if kind == '"char"' else name for name, kind in columns
    )
    stored = postgres.execute(f"SELECT {shown} FROM {table}_face ORDER BY {unique}").fetchall()
    assert len(stored) == count > 0
    assert sorted(stored) == sorted(decode(rows))


def test_rows_name_what_happened() -> None:
    _, applied = traded()
    fills = [
        dict(zip((name for name, _ in xk.FILL_COLUMNS), row, strict=True))
        for row in xk.decode_copy_fills(applied.fills_copy)
    ]
    assert [(row["role"], row["order_id"], row["fee"]) for row in fills] == [(0, 1, 31), (1, 2, 61)]
    orders = [
        dict(zip((name for name, _ in xk.ORDER_COLUMNS), row, strict=True))
        for row in xk.decode_copy_orders(applied.orders_copy)
    ]
    assert [(row["order_id"], row["state"], row["filled_quote"], row["post_only"]) for row in orders] == [
        (2, 2, 30_030, False)
    ]
    for broken in (applied.fills_copy[:-1], b"\0"):
        with pytest.raises(ValueError):
            xk.decode_copy_fills(broken)


def test_the_lock_of_the_interpreter_is_free_while_a_batch_runs() -> None:
    kernel = opened()
    batch = (
        b"".join(
            xk.place(MAKER, 0, side=xk.SELL, price_ticks=1_000 + at % 50, size_lots=1) + xk.mass_cancel(MAKER)
            for at in range(2_000)
        )
        * 100
    )
    span: list[float] = []

    def work() -> None:
        span.append(time.perf_counter())
        kernel.replay(batch, START_MS)
        span.append(time.perf_counter())

    thread = threading.Thread(target=work)
    seen = []
    thread.start()
    while thread.is_alive():
        seen.append(time.perf_counter())
    thread.join()
    begin, end = span
    middle = [at for at in seen if begin + (end - begin) / 4 < at < end - (end - begin) / 4]
    assert len(middle) > 10, f"this thread stood still for {end - begin:.3f} s"


def test_a_kernel_goes_on_from_its_snapshot() -> None:
    kernel, _ = traded()
    snapshot = kernel.snapshot()
    again = xk.Kernel.restore(snapshot)
    assert (again.group, again.sequence, again.now_ms) == (5, kernel.sequence, START_MS + 5)
    assert again.state_root() == kernel.state_root()
    assert len(again.state_root()) == 32
    more = xk.place(TAKER, 0, side=xk.BUY, tif=xk.GTD, expires_ms=START_MS + 50, price_ticks=999, size_lots=1)
    applied = kernel.apply(more, START_MS + 6)
    assert again.replay(more, START_MS + 6) == applied.count == 1
    assert again.state_root() == kernel.state_root()
    assert again.next_timer_ms == kernel.next_timer_ms == START_MS + 50
    assert again.totals() == {BASE: 2 * 10**12, QUOTE: 2 * 10**12}
    again.check_invariants()
    for broken in (
        snapshot[:-1],
        bytes([snapshot[0] ^ 1]) + snapshot[1:],
        snapshot[:90] + b"\xff" + snapshot[91:],
        b"",
    ):
        with pytest.raises(xk.SnapshotError):
            xk.Kernel.restore(broken)
    assert issubclass(xk.SnapshotError, ValueError)
    assert issubclass(xk.KernelBroken, RuntimeError)


def test_deltas_build_the_book() -> None:
    kernel, _ = traded()
    first = kernel.book_delta(0)
    assert (first["checkpoint"], first["prev"], first["asks"]) == (True, -1, [(1_001, 2, 1)])
    kernel.apply(
        xk.mass_cancel(MAKER) + xk.place(MAKER, 0, side=xk.SELL, price_ticks=1_002, size_lots=4), START_MS + 6
    )
    second = kernel.book_delta(0)
    assert (second["checkpoint"], second["prev"]) == (False, first["seq"])
    assert second["asks"] == [(1_001, 0, 0), (1_002, 4, 1)]
    published = kernel.published_book(0)
    assert published is not None
    assert (published["seq"], published["asks"]) == (second["seq"], kernel.book(0)[1])
    with pytest.raises(KeyError):
        kernel.book(1)


def test_a_bad_question_is_answered() -> None:
    kernel = opened()
    for question in (b"", b"[]", b"{", b'{"q":"nothing"}', b'{"q":"account","account":99}', b"\xff"):
        answer = json.loads(kernel.query(question))
        assert {"error", "message", "sequence", "now_ms"} <= set(answer)
