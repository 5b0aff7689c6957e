"""The journal in PostgreSQL: ownership and the hash chain. ``engine.writing`` makes batches durable.

Ownership is a row, not a lock: taking a group increments its epoch, and ``engine_append_batch`` refuses every batch of
an older epoch, so a writer that was paused, partitioned or slow can do no harm. Leases and the advisory lock that an
owner's session holds only decide how soon somebody else may try. All functions take a psycopg connection.
"""

from collections.abc import Generator
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import namedtuple_row

from exchange_os.engine import limits
from exchange_os.engine.chain import chain_hash
from exchange_os.engine.errors import Fenced, JournalBroken
from exchange_os.engine.state import Batch, GroupState

FENCED_STATE = "XO001"
ROWS_A_FETCH = 8

_TAKE = """
UPDATE engine_riskgroup AS g
   SET epoch = g.epoch + 1, owner = %(owner)s, owner_key = %(owner_key)s,
       lease_expires_at = clock_timestamp() + %(lease_ms)s * interval '1 millisecond',
       crash_sequence = CASE WHEN old.owner = '' THEN g.crash_sequence ELSE g.head_sequence END,
       crash_count = g.crash_count + CASE WHEN old.owner <> '' AND g.crash_entry <> '' THEN 1 ELSE 0 END
  FROM (SELECT id, owner, owner_key, lease_expires_at FROM engine_riskgroup WHERE id = %(group)s
        FOR NO KEY UPDATE SKIP LOCKED) AS old
 WHERE g.id = old.id
   AND (old.owner IN ('', %(owner)s) OR old.lease_expires_at < clock_timestamp()
        OR NOT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                       AND (classid::bigint << 32 | objid::bigint) = old.owner_key))
RETURNING g.id, g.epoch, g.head_sequence, g.head_hash, g.kernel_now_ms, g.stream_cursor, g.stream_generation,
          g.candles_sequence, g.status, g.crash_count, g.crash_entry, old.owner <> '' AS unclean
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


def take(connection: Connection, group: int, owner: str, owner_key: int) -> Head | None:
    """Become the owner if nobody live is; ``None`` if somebody is, or there is no such group.

    It never waits: whoever holds the row is writing, and if that writer has stopped in the middle, the database ends
    its transaction before long (see ``writing.write``). Transactions that only refer to the group (a snapshot being
    stored by an owner that was stopped, say) do not hold it.
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


def links(
    connection: Connection, group: int, after_sequence: int, portion: int = ROWS_A_FETCH
) -> Generator[Link, None, None]:
    """The journal's rows that follow ``after_sequence``, in order, fetched ``portion`` at a time."""
    with connection.transaction(), psycopg.ServerCursor(connection, name="engine_replay") as cursor:
        cursor.itersize = portion
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
