"""The one transaction that makes batches durable: journal rows, and what the commands brought about.

Mostly it is one statement in autocommit, so that its answer is the commit's: the journal's function for each batch, and
the pages and records of fills, trades and closed orders, which the kernel packs as arrays in PostgreSQL's binary form.
Only what is rare (transfers, bills, closed algo orders, an entry set aside, candles without a batch) takes a
transaction of several.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

import psycopg
from exchange_kernel import ALGO_COLUMNS, BILL_COLUMNS, Applied, pack_fills, pack_orders
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

from exchange_os.engine import limits
from exchange_os.engine.errors import Fenced
from exchange_os.engine.journal import FENCED_STATE, Connection
from exchange_os.engine.partitions import Months
from exchange_os.engine.state import Batch

_COPY_START = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
_COPY_ALGOS = (
    f"COPY engine_closedalgo ({', '.join(name for name, _ in ALGO_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
)
_COPY_BILLS = f"COPY engine_bill ({', '.join(name for name, _ in BILL_COLUMNS)}) FROM STDIN (FORMAT BINARY)"

_APPEND_CALL = (
    "engine_append_batch(%s, %s, %s, %s, %s, %b, %b, %b, %s::text, %s::text, %s, %s::integer, %s::bigint)"
)
_FILLS = (
    "fills AS (INSERT INTO engine_fillpage{month} (group_id, account, place, time_ms, data)"
    " SELECT * FROM unnest(%b, %b, %b, %b, %b)),"
    " trades AS (INSERT INTO engine_tradepage{month} (group_id, market, place, time_ms, data)"
    " SELECT * FROM unnest(%b, %b, %b, %b, %b))"
)
_ORDERS = (
    "orders AS (INSERT INTO engine_orderrecord{month} (group_id, account, order_id, closed_ms, data)"
    " SELECT * FROM unnest(%b, %b, %b, %b, %b))"
)
_CANDLES = """
INSERT INTO engine_candle (group_id, market, minute_ms, open, high, low, close, volume_lots, quote_volume, trades)
SELECT * FROM unnest(%s::bigint[], %s::integer[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                     %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
ON CONFLICT (group_id, market, minute_ms) DO UPDATE
   SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
       volume_lots = excluded.volume_lots, quote_volume = excluded.quote_volume, trades = excluded.trades
"""
_PRICE_CANDLES = """
INSERT INTO engine_pricecandle (group_id, market, what, minute_ms, open, high, low, close)
SELECT * FROM unnest(%s::bigint[], %s::integer[], %s::smallint[], %s::bigint[], %s::bigint[], %s::bigint[],
                     %s::bigint[], %s::bigint[])
ON CONFLICT (group_id, market, what, minute_ms) DO UPDATE
   SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close
"""
#: Name, statement, members of a candle, how many of the first name it: candles of trades, and of mark and index.
_CANDLE_TABLES = (("candles", _CANDLES, 9, 2), ("price_candles", _PRICE_CANDLES, 7, 3))

# The first also ends a transaction whose client stopped in the middle of a pipeline, which counts as active.
_IMPATIENCE = f"SET LOCAL transaction_timeout = {2 * limits.LEASE_MS}"
_IMPATIENCE_BEFORE_17 = f"SET LOCAL idle_in_transaction_session_timeout = {limits.LEASE_MS}"


class _Bigints(bytes):
    """An array in PostgreSQL's binary form, as the kernel makes it."""


class _Integers(bytes):
    """As ``_Bigints``."""


class _Bytes(bytes):
    """As ``_Bigints``."""


class _ArrayDumper(Dumper):
    """Hands an array over as it is."""

    format = Format.BINARY

    def dump(self, obj: Any) -> Buffer:
        return obj


def _dumper(array_oid: int) -> type[_ArrayDumper]:
    return type("ArrayDumper", (_ArrayDumper,), {"oid": array_oid})


_DUMPERS = ((_Bigints, _dumper(1016)), (_Integers, _dumper(1007)), (_Bytes, _dumper(1001)))
_adapted: "WeakSet[Connection]" = WeakSet()
_months = Months()


def is_plain(batch: Batch) -> bool:
    """Whether a batch can be written by ``append``."""
    applied = batch.applied
    return (
        applied is not None
        and not (applied.bills_count or applied.algos_count or applied.transfers)
        and batch.quarantined is None
    )


def append(connection: Connection, batches: Sequence[Batch]) -> None:
    """Write plain batches in one statement, a transaction of its own on a connection in autocommit.

    Raises ``Fenced`` if a batch does not follow its group's head or its epoch has passed; then none is written.
    """
    if connection not in _adapted:
        for kind, dumper in _DUMPERS:
            connection.adapters.register_dumper(kind, dumper)
        _adapted.add(connection)
    applied = [(batch, batch.applied) for batch in batches if batch.applied is not None]
    written = [one for _, one in applied]
    parts, arguments = _history(written, _months.name(connection, (one.now_ms for one in written)))
    for name, statement, columns in _candle_columns(batches):
        parts.append(f"{name} AS ({statement})")
        arguments.extend(columns)
    calls = ", ".join([_APPEND_CALL] * len(applied))
    for batch, one in applied:
        arguments.extend(_append_arguments(batch, one))
    brought = f"WITH {', '.join(parts)} " if parts else ""
    try:
        with psycopg.Cursor(connection) as cursor:
            cursor.execute(f"{brought}SELECT {calls}", arguments, prepare=True, binary=True)
    except psycopg.Error as error:
        if error.sqlstate == FENCED_STATE:
            raise Fenced(str(error)) from error
        if isinstance(error, psycopg.errors.UndefinedTable):
            _months.forget()
        raise


def write(connection: Connection, batches: Sequence[Batch]) -> None:
    """Write any batches within the transaction that the caller opened.

    From here on a writer that stands still for two leases' length (a stopped process) loses the transaction, and with
    it the lock on the group's row that would keep the next owner out. Raises ``Fenced`` as ``append``.
    """
    newer = connection.info.server_version >= 170_000
    connection.execute(_IMPATIENCE if newer else _IMPATIENCE_BEFORE_17)
    applied = [batch for batch in batches if batch.applied is not None]
    if applied:
        append(connection, applied)
    _write_candles(connection, [batch for batch in batches if batch.applied is None and batch.candles])
    _copy(
        connection,
        _COPY_BILLS,
        [one.bills_copy for batch in applied if (one := batch.applied) and one.bills_count],
    )
    _copy(
        connection,
        _COPY_ALGOS,
        [one.algos_copy for batch in applied if (one := batch.applied) and one.algos_count],
    )


def _history(applied: Sequence[Applied], month: str) -> tuple[list[str], list[Any]]:
    """Parts of the statement that store fills, trades and closed orders, and their arguments.

    All that a batch brought about has the batch's time, so ``month`` is known before.
    """
    parts: list[str] = []
    arguments: list[Any] = []
    fills = [one.fills_copy for one in applied if one.fills_count]
    if fills:
        for columns, owner in zip(pack_fills(b"".join(fills)), (_Bigints, _Integers), strict=True):
            group, account, place, time, data = columns
            arguments += [_Bigints(group), owner(account), _Bigints(place), _Bigints(time), _Bytes(data)]
        parts.append(_FILLS.format(month=month))
    orders = [one.orders_copy for one in applied if one.orders_count]
    if orders:
        *numbers, data = pack_orders(b"".join(orders))
        arguments += [*map(_Bigints, numbers), _Bytes(data)]
        parts.append(_ORDERS.format(month=month))
    return parts, arguments


def _append_arguments(batch: Batch, applied: Applied) -> tuple[Any, ...]:
    state = batch.state
    return (
        state.group,
        state.epoch,
        applied.first_sequence,
        applied.last_sequence,
        applied.now_ms,
        batch.commands,
        batch.previous_hash,
        batch.hash,
        batch.cursor,
        batch.generation,
        batch.next_timer_ms,
        limits.LEASE_MS,
        applied.last_sequence if batch.candles else None,
    )


def _candle_columns(batches: Sequence[Batch]) -> list[tuple[str, str, list[list[int]]]]:
    """(Name, statement, columns) of each kind of candle there is, every candle in its newest state."""
    found = []
    for name, statement, members, key in _CANDLE_TABLES:
        rows: dict[tuple[int, ...], tuple[int, ...]] = {}
        for batch in batches:
            for candle in batch.candles:
                if len(candle) == members:
                    rows[(batch.state.group, *candle[:key])] = candle
        if rows:
            columns = [[candle[i] for candle in rows.values()] for i in range(members)]
            found.append((name, statement, [[named[0] for named in rows], *columns]))
    return found


def _write_candles(connection: Connection, batches: Sequence[Batch]) -> None:
    """Store candles that come without a batch of commands."""
    if not batches:
        return
    with psycopg.Cursor(connection) as cursor:
        for _, statement, columns in _candle_columns(batches):
            cursor.execute(statement, columns, prepare=True)
        for batch in batches:
            cursor.execute(
                "UPDATE engine_riskgroup SET candles_sequence = %s WHERE id = %s AND epoch = %s",
                (batch.state.committed_sequence, batch.state.group, batch.state.epoch),
                prepare=True,
            )


def _copy(connection: Connection, statement: str, chunks: list[bytes]) -> None:
    if not chunks:
        return
    with psycopg.Cursor(connection) as cursor, cursor.copy(statement) as copy:
        copy.write(b"".join((_COPY_START, *chunks, _COPY_END)))
