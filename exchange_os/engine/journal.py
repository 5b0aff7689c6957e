"""The journal in PostgreSQL: ownership, the hash chain, and the one transaction that makes batches durable.

Ownership is a row, not a lock: taking a group increments its epoch, and ``engine_append_batch`` refuses every batch of
an older epoch, so a writer that was paused, partitioned or slow can do no harm. Leases and the advisory lock that an
owner's session holds only decide how soon somebody else may try. All functions take a psycopg connection.
"""

import struct
from collections.abc import Generator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import psycopg
from exchange_kernel import BILL_COLUMNS, FILL_COLUMNS, ORDER_COLUMNS, Applied
from psycopg.rows import namedtuple_row

from exchange_os.engine import limits
from exchange_os.engine.errors import Fenced, JournalBroken
from exchange_os.engine.state import Batch, GroupState

FENCED_STATE = "XO001"
CANDLE_FIELDS = 9
ROWS_A_FETCH = 8

_HEADER = struct.Struct("<qqqqq")
_COPY_START = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
_COPY_FILLS = f"COPY engine_fill ({', '.join(name for name, _ in FILL_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_COPY_ORDERS = (
    f"COPY engine_closedorder ({', '.join(name for name, _ in ORDER_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
)
_COPY_BILLS = f"COPY engine_bill ({', '.join(name for name, _ in BILL_COLUMNS)}) FROM STDIN (FORMAT BINARY)"

_APPEND_CALL = "engine_append_batch(%s, %s, %s, %s, %s, %b, %b, %b, %s::text, %s::text, %s, %s::integer)"
_APPEND = f"SELECT {_APPEND_CALL}"

_TAKE = """
UPDATE engine_riskgroup AS g
   SET epoch = g.epoch + 1, owner = %(owner)s, owner_key = %(owner_key)s,
       lease_expires_at = clock_timestamp() + %(lease_ms)s * interval '1 millisecond',
       crash_sequence = CASE WHEN old.owner = '' THEN g.crash_sequence ELSE g.head_sequence END,
       crash_count = g.crash_count + CASE WHEN old.owner <> '' AND g.crash_entry <> '' THEN 1 ELSE 0 END
  FROM (SELECT id, owner, owner_key, lease_expires_at FROM engine_riskgroup WHERE id = %(group)s
        FOR UPDATE SKIP LOCKED) AS old
 WHERE g.id = old.id
   AND (old.owner IN ('', %(owner)s) OR old.lease_expires_at < clock_timestamp()
        OR NOT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                       AND (classid::bigint << 32 | objid::bigint) = old.owner_key))
RETURNING g.id, g.epoch, g.head_sequence, g.head_hash, g.kernel_now_ms, g.stream_cursor, g.stream_generation,
          g.candles_sequence, g.status, g.crash_count, g.crash_entry, old.owner <> '' AS unclean
"""

# The first also ends a transaction whose client stopped in the middle of a pipeline, which counts as active.
_IMPATIENCE = f"SET LOCAL transaction_timeout = {2 * limits.LEASE_MS}"
_IMPATIENCE_BEFORE_17 = f"SET LOCAL idle_in_transaction_session_timeout = {limits.LEASE_MS}"

_CANDLES = """
INSERT INTO engine_candle (group_id, market, minute_ms, open, high, low, close, volume_lots, quote_volume, trades)
SELECT * FROM unnest(%s::bigint[], %s::integer[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                     %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
ON CONFLICT (group_id, market, minute_ms) DO UPDATE
   SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
       volume_lots = excluded.volume_lots, quote_volume = excluded.quote_volume, trades = excluded.trades
"""

_LINKS = """
SELECT first_sequence, last_sequence, epoch, now_ms, commands, previous_hash, hash, stream_cursor
  FROM engine_journalbatch WHERE group_id = %s AND first_sequence > %s ORDER BY first_sequence
"""

Connection = psycopg.Connection[Any]


class Head(NamedTuple):
    """Where a group's journal stands, as a writer finds it after taking the group or losing a connection."""

    id: int
    epoch: int
    head_sequence: int
    head_hash: bytes
    kernel_now_ms: int
    stream_cursor: str
    stream_generation: str
    candles_sequence: int
    status: str
    crash_count: int
    crash_entry: str
    unclean: bool


class Link(NamedTuple):
    """One journal row as replay reads it."""

    first_sequence: int
    last_sequence: int
    epoch: int
    now_ms: int
    commands: bytes
    previous_hash: bytes
    hash: bytes
    stream_cursor: str


def chain_hash(
    previous: bytes, group: int, epoch: int, first: int, last: int, now_ms: int, commands: bytes
) -> bytes:
    """``sha256(previous || header || commands)``: 32 bytes that commit to this batch and all before it."""
    digest = sha256(previous)
    digest.update(_HEADER.pack(group, epoch, first, last, now_ms))
    digest.update(commands)
    return digest.digest()


def take(connection: Connection, group: int, owner: str, owner_key: int) -> Head | None:
    """Become the owner if nobody live is; ``None`` if somebody is, or there is no such group.

    It never waits: whoever holds the row is writing, and if that writer has stopped in the middle, the database ends
    its transaction before long (see ``write``).
    """
    arguments = {"group": group, "owner": owner, "owner_key": owner_key, "lease_ms": limits.LEASE_MS}
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        row = cursor.execute(_TAKE, arguments).fetchone()
    return Head._make(row) if row else None


def owner_of(connection: Connection, group: int) -> str | None:
    """The worker that owns a group, empty if none does; ``None`` if there is no such group."""
    row = connection.execute("SELECT owner FROM engine_riskgroup WHERE id = %s", (group,)).fetchone()
    return str(row[0]) if row else None


def renew(connection: Connection, state: GroupState) -> None:
    """Extend the lease of an owned group. Raises ``Fenced`` if it is owned no more."""
    cursor = connection.execute(
        "UPDATE engine_riskgroup SET lease_expires_at = clock_timestamp() + %s * interval '1 millisecond'"
        " WHERE id = %s AND epoch = %s",
        (limits.LEASE_MS, state.group, state.epoch),
    )
    if cursor.rowcount != 1:
        raise Fenced(f"risk group {state.group} has left epoch {state.epoch}")


def give_up(connection: Connection, group: int, epoch: int) -> None:
    """Release a group whose memory is dropped in good order; nothing happens if it is owned no more."""
    connection.execute(
        "UPDATE engine_riskgroup SET owner = '', owner_key = 0, lease_expires_at = NULL WHERE id = %s AND epoch = %s",
        (group, epoch),
    )


def has(connection: Connection, batch: Batch) -> bool:
    """Whether the journal holds exactly this batch: what to ask first when the outcome of a commit is unknown."""
    assert batch.applied is not None
    row = connection.execute(
        "SELECT hash FROM engine_journalbatch WHERE group_id = %s AND first_sequence = %s",
        (batch.state.group, batch.applied.first_sequence),
    ).fetchone()
    return row is not None and bytes(row[0]) == batch.hash


def links(connection: Connection, group: int, after_sequence: int) -> Generator[Link, None, None]:
    """The journal's rows that follow ``after_sequence``, in order, fetched in portions."""
    with connection.transaction(), psycopg.ServerCursor(connection, name="engine_replay") as cursor:
        cursor.itersize = ROWS_A_FETCH
        cursor.execute(_LINKS, (group, after_sequence), binary=True)
        for row in cursor:
            yield Link._make(row)


def few_links(connection: Connection, group: int, after_sequence: int) -> list[Link]:
    """As ``links``, all at once."""
    rows = connection.execute(_LINKS, (group, after_sequence), binary=True).fetchall()
    return [Link._make(row) for row in rows]


def check_link(link: Link, group: int, previous_hash: bytes, previous_sequence: int) -> None:
    """Raise ``JournalBroken`` unless ``link`` follows the given place and its hash holds."""
    expected = chain_hash(
        previous_hash, group, link.epoch, link.first_sequence, link.last_sequence, link.now_ms, link.commands
    )
    if (
        link.first_sequence != previous_sequence + 1
        or link.previous_hash != previous_hash
        or link.hash != expected
    ):
        raise JournalBroken(
            f"the journal of risk group {group} does not hold at sequence {link.first_sequence}"
        )


def is_plain(batch: Batch) -> bool:
    """Whether a batch has a journal row and nothing else to store."""
    applied = batch.applied
    return (
        applied is not None
        and not (applied.fills_count or applied.orders_count or applied.bills_count or applied.transfers)
        and not batch.candles
        and batch.quarantined is None
    )


def append(connection: Connection, batches: Sequence[Batch]) -> None:
    """Write plain batches in one statement on a connection in autocommit: its answer is the commit's.

    Raises ``Fenced`` as ``write`` does; then none of the batches is written.
    """
    calls = ", ".join([_APPEND_CALL] * len(batches))
    arguments = [
        argument
        for batch in batches
        if batch.applied is not None
        for argument in _append_arguments(batch, batch.applied)
    ]
    try:
        with psycopg.Cursor(connection) as cursor:
            cursor.execute(f"SELECT {calls}", arguments, prepare=True, binary=True)
    except psycopg.Error as error:
        if error.sqlstate == FENCED_STATE:
            raise Fenced(str(error)) from error
        raise


def write(connection: Connection, batches: Sequence[Batch]) -> None:
    """Write batches within the transaction that the caller opened: journal rows first, then what they brought about.

    From here on a writer that stands still for two leases' length (a stopped process) loses the transaction, and with
    it the lock on the group's row that would keep the next owner out.

    Raises ``Fenced`` if a batch does not follow its group's head or its epoch has passed.
    """
    try:
        with connection.pipeline(), psycopg.Cursor(connection) as cursor:
            cursor.execute(
                _IMPATIENCE if connection.info.server_version >= 170_000 else _IMPATIENCE_BEFORE_17
            )
            for batch in batches:
                if batch.applied is not None:
                    cursor.execute(
                        _APPEND, _append_arguments(batch, batch.applied), prepare=True, binary=True
                    )
            _write_candles(cursor, [batch for batch in batches if batch.candles])
    except psycopg.Error as error:
        if error.sqlstate == FENCED_STATE:
            raise Fenced(str(error)) from error
        raise
    applied = [batch.applied for batch in batches if batch.applied is not None]
    _copy(connection, _COPY_FILLS, [one.fills_copy for one in applied if one.fills_count])
    _copy(connection, _COPY_ORDERS, [one.orders_copy for one in applied if one.orders_count])
    _copy(connection, _COPY_BILLS, [one.bills_copy for one in applied if one.bills_count])


def write_quarantine(connection: Connection, batch: Batch) -> None:
    """Move the cursor past an entry that is set aside, in the caller's transaction. Raises ``Fenced``."""
    entry = batch.quarantined
    assert entry is not None
    cursor = connection.execute(
        "UPDATE engine_riskgroup SET stream_cursor = %s, stream_generation = %s, status = 'cancel_only',"
        " crash_count = 0, crash_entry = '' WHERE id = %s AND epoch = %s",
        (entry.id, entry.generation, batch.state.group, batch.state.epoch),
    )
    if cursor.rowcount != 1:
        raise Fenced(f"risk group {batch.state.group} has left epoch {batch.state.epoch}")


def mark_suspect(connection: Connection, state: GroupState, entry: str) -> None:
    """Note which entry is about to be tried alone, so that a crash tells. Raises ``Fenced``.

    The count of crashes is kept if it is the entry that was tried last time. The mark must survive this process, not
    the database server, so it does not wait for the disk.
    """
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = off")
        cursor = connection.execute(
            "UPDATE engine_riskgroup SET crash_count = CASE WHEN crash_entry = %s THEN crash_count ELSE 0 END,"
            " crash_entry = %s WHERE id = %s AND epoch = %s",
            (entry, entry, state.group, state.epoch),
        )
    if cursor.rowcount != 1:
        raise Fenced(f"risk group {state.group} has left epoch {state.epoch}")


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
    )


def _copy(connection: Connection, statement: str, chunks: list[bytes]) -> None:
    if not chunks:
        return
    with psycopg.Cursor(connection) as cursor, cursor.copy(statement) as copy:
        copy.write(b"".join((_COPY_START, *chunks, _COPY_END)))


def _write_candles(cursor: "psycopg.Cursor[Any]", batches: list[Batch]) -> None:
    rows: dict[tuple[int, int, int], tuple[int, ...]] = {}
    for batch in batches:
        for candle in batch.candles:
            rows[(batch.state.group, candle[0], candle[1])] = candle
    if not rows:
        return
    columns = [
        [key[0] for key in rows],
        *([candle[i] for candle in rows.values()] for i in range(CANDLE_FIELDS)),
    ]
    cursor.execute(_CANDLES, columns, prepare=True)
    for batch in batches:
        last = batch.applied.last_sequence if batch.applied else batch.state.committed_sequence
        cursor.execute(
            "UPDATE engine_riskgroup SET candles_sequence = %s WHERE id = %s AND epoch = %s",
            (last, batch.state.group, batch.state.epoch),
            prepare=True,
        )
