"""The committer: a thread that makes batches durable and then, and only then, tells the world.

Batches arrive in the order in which they were applied. All that wait are written in one transaction; if that fails,
each is tried alone, so that one group's trouble is not another's. Outcomes:

- committed: answers, publications and the snapshot leave, the stream is trimmed;
- fenced (another owner has the group): the group's memory is worthless, nothing leaves;
- refused for another reason: the same, and the place is remembered as suspect;
- the database is away, or the connection broke at the commit: nobody knows. The journal is read again before anything
  else; if it has the batch, hash and all, it was committed, else the commit is repeated for as long as it takes.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable

import psycopg
from django.db import DatabaseError, connection, transaction
from redis.exceptions import RedisError

from exchange_os.engine import failpoints, journal, limits, writing
from exchange_os.engine.announcer import Announcer
from exchange_os.engine.clock import running_ms
from exchange_os.engine.connections import make_redis
from exchange_os.engine.errors import Fenced
from exchange_os.engine.models import Incident
from exchange_os.engine.snapshots import SnapshotWriter
from exchange_os.engine.state import Batch, GroupState
from exchange_os.engine.tallies import Tallies
from exchange_os.ledger.services import settle_transfers

log = logging.getLogger(__name__)

MAX_TOGETHER = 64
CONFLICTS = ("40001", "40P01")
MAX_CONFLICT_RETRIES = 5
#: Classes of errors after which the same transaction may succeed later: connection, resources, operator, system.
AWAY_CLASSES = ("08", "53", "57", "58")


class Committer:
    """Owns a thread, its Django connection and its Redis client. ``put`` and ``wait`` are for the drain loop."""

    def __init__(self, on_failure: Callable[[GroupState], None]) -> None:
        self._on_failure = on_failure
        self._queue: deque[Batch] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._busy = False
        self._untold = 0
        self._tell: queue.SimpleQueue[tuple[list[Batch], list[Batch]] | None] = queue.SimpleQueue()
        self.waiting_for_database = False
        self.last_progress_ms = running_ms()
        self.tallies = Tallies()
        self._snapshots = SnapshotWriter()
        self._announcer = Announcer(make_redis())
        self._thread = threading.Thread(target=self._run, name="engine-committer", daemon=True)
        self._teller = threading.Thread(target=self._run_teller, name="engine-teller", daemon=True)
        self._teller.start()
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Take over a batch; it is dropped without a trace if its group fails before its turn."""
        with self._changed:
            batch.state.in_flight += 1
            if self.idle:
                self.last_progress_ms = running_ms()
            self._queue.append(batch)
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or being written."""
        return not self._queue and not self._busy and not self._untold

    def wait(self, timeout_seconds: float) -> None:
        """Return when some batch is finished, at the latest after ``timeout_seconds``."""
        with self._changed:
            if not self.idle:
                self._changed.wait(timeout_seconds)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until nothing is in flight; whether that was reached in time."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while not self.idle:
                if (
                    not self._changed.wait(max(0.0, deadline - time.monotonic()))
                    and time.monotonic() >= deadline
                ):
                    return False
        return True

    def close(self) -> None:
        """Finish what is queued and stop the threads."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(30)
        self._teller.join(30)
        self._snapshots.close()

    # --- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (batches := self._next()) is not None:
            done: list[Batch] = []
            try:
                done = self._commit(batches)
            except Exception:
                log.exception("the committer failed; its batches are dropped")
                for batch in batches:
                    self._fail(batch.state, RuntimeError("the committer failed"))
            self._hand_over(done, batches)
        self._tell.put(None)
        connection.close()

    def _hand_over(self, done: list[Batch], batches: list[Batch]) -> None:
        """Tell of a commit: at once if nothing else is to be done, else while the next one is written."""
        with self._changed:
            self._busy = False
            at_once = not self._queue and not self._untold
            self._untold += 1
        if at_once:
            self._finish(done, batches)
        else:
            self._tell.put((done, batches))

    def _run_teller(self) -> None:
        while (told := self._tell.get()) is not None:
            self._finish(*told)

    def _next(self) -> list[Batch] | None:
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            if not self._queue:
                return None
            self._busy = True
            count = min(len(self._queue), MAX_TOGETHER)
            return [self._queue.popleft() for _ in range(count)]

    def _commit(self, batches: list[Batch]) -> list[Batch]:
        """Make batches durable; answers those whose effects may be told."""
        batches = [batch for batch in batches if batch.state.failure is None]
        writing = [
            batch for batch in batches if batch.applied is not None or batch.candles or batch.quarantined
        ]
        if writing and not self.waiting_for_database:
            try:
                self._write(writing)
            except (Fenced, DatabaseError, psycopg.Error, failpoints.Injected) as error:
                log.warning("%s batches in one transaction: %s; trying each alone", len(writing), error)
                connection.close()
            else:
                return self._with_lease(batches, writing)
        for batch in writing:
            if batch.state.failure is None:
                self._write_alone(batch)
        return self._with_lease([batch for batch in batches if batch.state.failure is None], writing)

    def _write(self, batches: list[Batch]) -> None:
        """One transaction for all of ``batches``; mostly a single statement."""
        failpoints.hit("before_commit")
        if all(writing.is_plain(batch) for batch in batches):
            connection.ensure_connection()
            failpoints.hit("inside_commit")
            writing.append(connection.connection, batches)
            failpoints.hit("at_commit")
            return
        with transaction.atomic():
            raw = connection.connection
            writing.write(raw, batches)
            for batch in batches:
                if batch.quarantined is not None:
                    self._write_quarantine(raw, batch)
                if batch.applied is not None and batch.applied.transfers:
                    settle_transfers(batch.state.group, batch.applied.transfers)
            failpoints.hit("inside_commit")
        failpoints.hit("at_commit")

    def _write_quarantine(self, raw: journal.Connection, batch: Batch) -> None:
        journal.write_quarantine(raw, batch)
        assert batch.quarantined is not None
        Incident.objects.create(
            group_id=batch.state.group,
            sequence=batch.state.committed_sequence,
            kind=Incident.Kind.QUARANTINE,
            message="An entry made the engine fail twice when tried alone; it was set aside without effect.",
            stream_entry=batch.quarantined.id,
            commands=batch.quarantined.body,
        )

    def _write_alone(self, batch: Batch) -> None:
        """Write one batch through conflicts and outages; on any other refusal its group fails."""
        conflicts = 0
        while True:
            try:
                if not self._is_committed(batch):
                    self._write([batch])
                self.waiting_for_database = False
                return
            except Fenced as error:
                self.waiting_for_database = False  # it answered
                self._fail(batch.state, error)
                return
            except (DatabaseError, psycopg.Error, failpoints.Injected) as error:
                state = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None) or ""
                lost = isinstance(error, psycopg.OperationalError) or isinstance(
                    error.__cause__, psycopg.OperationalError
                )
                connection.close()
                if state in CONFLICTS and conflicts < MAX_CONFLICT_RETRIES:
                    conflicts += 1
                elif (lost or state[:2] in AWAY_CLASSES) and state not in CONFLICTS and not self._closing:
                    self._database_away(error)
                else:
                    self.waiting_for_database = False
                    log.exception("a batch was refused", extra={"group": batch.state.group})
                    self._fail(batch.state, error)
                    return

    def _is_committed(self, batch: Batch) -> bool:
        """Whether the journal has the batch already: an earlier try may have succeeded without our knowing."""
        connection.ensure_connection()
        return batch.applied is not None and journal.has(connection.connection, batch)

    def _database_away(self, error: Exception) -> None:
        """Tell gateways to refuse work, and wait a little."""
        if not self.waiting_for_database:
            log.error("the database is away: %s", error)
        self.waiting_for_database = True
        self.last_progress_ms = running_ms()
        self._announcer.database_away()
        time.sleep(0.1)

    def _with_lease(self, batches: list[Batch], written: list[Batch]) -> list[Batch]:
        """Batches that may be told: those of groups that are surely still ours.

        A batch that wrote to the journal proves it. Answers to queries alone need a lease renewed recently: the group
        may have moved on while this process was stopped.
        """
        now = running_ms()
        for batch in written:
            if batch.applied is not None and batch.state.failure is None:
                batch.state.renewed_at_ms = now
                batch.state.committed_sequence = batch.applied.last_sequence
        for state in {
            batch.state for batch in batches if now - batch.state.renewed_at_ms > limits.LEASE_MS // 3
        }:
            try:
                connection.ensure_connection()
                journal.renew(connection.connection, state)
                state.renewed_at_ms = now
            except (Fenced, DatabaseError, psycopg.Error) as error:
                connection.close()
                self._fail(state, error)
        return [batch for batch in batches if batch.state.failure is None]

    def _fail(self, state: GroupState, error: BaseException) -> None:
        if state.failure is None:
            log.warning("leaves memory in epoch %s: %s", state.epoch, error, extra={"group": state.group})
            state.failure = error
            self._on_failure(state)

    def _finish(self, done: list[Batch], batches: list[Batch]) -> None:
        """After the commit of ``done``, which were among ``batches``: tell of it, then let the loop have its slots."""
        try:
            self._tell_all(done)
        except Exception:
            log.exception("answers of %s batches not sent", len(done))
        self.tallies.count(done, time.perf_counter_ns())
        with self._changed:
            for batch in batches:
                batch.state.in_flight -= 1
            self._untold -= 1
            self.last_progress_ms = running_ms()
            self._changed.notify_all()

    def _tell_all(self, batches: list[Batch]) -> None:
        """Answers, trims, publications, snapshots. A broker that is away loses only these."""
        if not batches:
            return
        failpoints.hit("after_commit_before_ack")
        try:
            self._announcer.announce(batches)
        except (RedisError, OSError) as error:
            log.warning("answers of %s batches not sent: %s", len(batches), error)
        failpoints.hit("after_ack")
        for batch in batches:
            if batch.snapshot is not None:
                self._snapshots.put(batch.snapshot)
