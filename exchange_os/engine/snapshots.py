"""Snapshots of kernels in PostgreSQL, and the thread that writes them.

A snapshot is serialised between two batches, handed over with the batch it belongs to, and stored only after that
batch is committed. It is never needed for truth: one that is torn, flipped or of another version is skipped with a
recorded incident, and the one before it plus a longer replay gives the same state.
"""

import logging
import queue
import threading
import zlib
from hashlib import sha256
from typing import NamedTuple

import psycopg
from exchange_kernel import Kernel, SnapshotError

from exchange_os.engine import failpoints
from exchange_os.engine.database import make_connection
from exchange_os.engine.journal import Connection
from exchange_os.engine.state import Taken

log = logging.getLogger(__name__)

FORMAT_VERSION = 1
KEPT = 2
_COMPRESSION_LEVEL = 1


class Loaded(NamedTuple):
    """A kernel as some snapshot holds it, or the empty one; replay goes on from here."""

    kernel: Kernel
    sequence: int
    journal_hash: bytes


def store(connection: Connection, taken: Taken) -> None:
    """Write one snapshot and remove those older than the newest two. A snapshot that exists already is left alone."""
    data = zlib.compress(taken.data, _COMPRESSION_LEVEL)
    failpoints.hit("before_snapshot")
    with connection.transaction(), psycopg.Cursor(connection) as cursor:
        cursor.execute(
            "INSERT INTO engine_snapshot (group_id, sequence, version, journal_hash, sha256, size, data)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (group_id, sequence) DO NOTHING",
            (
                taken.group,
                taken.sequence,
                FORMAT_VERSION,
                taken.journal_hash,
                sha256(data).digest(),
                len(taken.data),
                data,
            ),
            binary=True,
        )
        cursor.execute(
            "DELETE FROM engine_snapshot WHERE group_id = %s AND sequence < (SELECT min(sequence) FROM (SELECT sequence"
            " FROM engine_snapshot WHERE group_id = %s ORDER BY sequence DESC LIMIT %s) AS newest)",
            (taken.group, taken.group, KEPT),
        )


def load(connection: Connection, group: int, head_sequence: int) -> Loaded:
    """The newest snapshot that holds, or an empty kernel if none does."""
    rows = connection.execute(
        "SELECT id, sequence FROM engine_snapshot WHERE group_id = %s AND sequence <= %s ORDER BY sequence DESC",
        (group, head_sequence),
    ).fetchall()
    for key, sequence in rows:
        try:
            return _load_one(connection, group, key)
        except (SnapshotError, zlib.error) as error:
            log.error("the snapshot at %s is not usable: %s", sequence, error, extra={"group": group})
            connection.execute(
                "INSERT INTO engine_incident (group_id, sequence, kind, message, stream_entry, commands, resolved,"
                " created_at) VALUES (%s, %s, 'snapshot', %s, '', '', false, clock_timestamp())",
                (group, sequence, f"The snapshot at {sequence} was skipped: {error}"),
            )
    return Loaded(Kernel(group), 0, b"")


def oldest(connection: Connection, group: int) -> int | None:
    """Sequence of the oldest snapshot that is kept, if there is one."""
    row = connection.execute(
        "SELECT min(sequence) FROM engine_snapshot WHERE group_id = %s", (group,)
    ).fetchone()
    return row[0] if row else None


def _load_one(connection: Connection, group: int, key: int) -> Loaded:
    row = connection.execute(
        "SELECT sequence, version, journal_hash, sha256, data FROM engine_snapshot WHERE id = %s",
        (key,),
        binary=True,
    ).fetchone()
    if row is None:
        raise SnapshotError("it is gone")
    sequence, version, journal_hash, digest, data = row
    if version != FORMAT_VERSION:
        raise SnapshotError(f"its format is version {version}, this build reads {FORMAT_VERSION}")
    if sha256(data).digest() != digest:
        raise SnapshotError("its hash does not hold")
    kernel = Kernel.restore(zlib.decompress(data))
    if kernel.group != group or kernel.sequence != sequence:
        raise SnapshotError(f"it is of group {kernel.group} at {kernel.sequence}")
    return Loaded(kernel, sequence, journal_hash)


class SnapshotWriter:
    """A thread with a connection of its own, so that a large snapshot delays no commit."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Taken | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="engine-snapshots", daemon=True)
        self._thread.start()

    def put(self, taken: Taken) -> None:
        """Store a snapshot soon. A failure is logged: the next snapshot will do."""
        self._queue.put(taken)

    def close(self) -> None:
        """Finish what is queued and stop."""
        self._queue.put(None)
        self._thread.join(30)

    def _run(self) -> None:
        connection: Connection | None = None
        while (taken := self._queue.get()) is not None:
            try:
                if connection is None or connection.closed:
                    connection = make_connection()
                store(connection, taken)
            except (psycopg.Error, OSError, failpoints.Injected) as error:
                log.warning("a snapshot was not stored: %s", error, extra={"group": taken.group})
                if connection is not None:
                    connection.close()
        if connection is not None:
            connection.close()
