"""A worker's sign of life: a thread that says the worker makes progress, and ends the process when it does not.

Every ``HEARTBEAT_MS`` it renews the worker's key in Redis (``L`` while the drain loop listens, so that gateways need
not send wakes; ``I`` otherwise), keeps the advisory lock by which others see at once that the process has died, and
watches: a loop or a commit that has not moved for ``STALL_EXIT_MS`` while the database is up, or a Celery queue that
nobody takes from for ``DEAF_EXIT_MS`` although the worker is idle (as happens after the broker went away), ends the
process with status 70, and the supervisor starts it again.
"""

import faulthandler
import logging
import os
import threading

import psycopg
from redis.exceptions import RedisError

from exchange_os.engine import failpoints, limits, wire
from exchange_os.engine.clock import running_ms
from exchange_os.engine.committer import Committer
from exchange_os.engine.connections import make_broker_redis, make_redis
from exchange_os.engine.database import make_connection
from exchange_os.engine.journal import Connection
from exchange_os.engine.services import SHARED_QUEUE, queue_of, send_wake

log = logging.getLogger(__name__)

EXIT_STALLED = 70
RETURN_GRACE_MS = 1_000


class Presence(threading.Thread):
    """The heartbeat and watchdog thread of one worker process."""

    def __init__(self, incarnation: str, owner_key: int, committer: Committer) -> None:
        super().__init__(name="engine-presence", daemon=True)
        self._incarnation = incarnation
        self._owner_key = owner_key
        self._committer = committer
        self._redis = make_redis(socket_timeout=2.0)
        self._broker = make_broker_redis()
        self._connection: Connection | None = None
        self._ended = threading.Event()
        self._serving = False
        self._turned_ms = running_ms()
        self._left_ms = 0
        self._waiting_since_ms = 0
        self.holds_groups = False

    def entered(self) -> None:
        """The drain loop begins."""
        self._turned_ms = running_ms()
        self._serving = True
        self.beat()

    def turned(self) -> None:
        """The drain loop has begun another turn."""
        self._turned_ms = running_ms()

    def left(self, holds_groups: bool) -> None:
        """The drain loop has ended; ``holds_groups``: some stay in memory and will want to be evicted."""
        self._serving = False
        self._left_ms = running_ms()
        self.holds_groups = holds_groups

    def beat(self) -> None:
        """Renew the sign of life. A broker that is away makes the worker invisible, which is what it is."""
        listening = self._serving or running_ms() - self._left_ms < RETURN_GRACE_MS
        try:
            self._redis.set(
                wire.worker_key(self._incarnation), b"L" if listening else b"I", px=limits.WORKER_TTL_MS
            )
        except (RedisError, OSError) as error:
            log.debug("no sign of life: %s", error)

    def run(self) -> None:
        """Beat until stopped."""
        while not self._ended.wait(limits.HEARTBEAT_MS / 1000):
            if self._is_stalled():
                log.critical("no progress for too long: the worker ends itself")
                faulthandler.dump_traceback(all_threads=True)
                os._exit(EXIT_STALLED)
            self.beat()
            self.hold_lock()
            try:
                self._committer.tallies.report(self._redis, self._incarnation)
                self._look_around()
            except (RedisError, OSError) as error:
                log.debug("the broker is away: %s", error)

    def close(self) -> None:
        """Stop beating and vanish at once."""
        self._ended.set()
        if self.is_alive():
            self.join(5)
        try:
            self._redis.delete(wire.worker_key(self._incarnation))
        except (RedisError, OSError):
            log.debug("the broker is away; the sign of life expires by itself")
        if self._connection is not None:
            self._connection.close()

    def hold_lock(self) -> None:
        """Keep the session whose lock shows that this process lives. It speeds take-over up and decides nothing."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = make_connection()
                self._connection.execute("SELECT pg_try_advisory_lock(%s)", (self._owner_key,))
            else:
                self._connection.execute("SELECT 1")
        except psycopg.Error as error:
            log.debug("no presence in the database: %s", error)
            if self._connection is not None:
                self._connection.close()

    def _is_stalled(self) -> bool:
        now = running_ms()
        if self._committer.waiting_for_database:
            return False
        loop_stalled = self._serving and now - self._turned_ms > limits.STALL_EXIT_MS
        commit_age_ms = 0 if self._committer.idle else now - self._committer.last_progress_ms
        committer_stalled = commit_age_ms > 2 * limits.STALL_EXIT_MS
        celery_stalled = bool(self._waiting_since_ms) and now - self._waiting_since_ms > limits.DEAF_EXIT_MS
        return loop_stalled or committer_stalled or celery_stalled

    def _look_around(self) -> None:
        if failpoints.enabled and self._serving:
            failpoints.arm_from_redis(self._redis)
        if self._serving or self._committer.waiting_for_database:
            self._waiting_since_ms = 0
            return
        idle_ms = running_ms() - self._left_ms
        if self.holds_groups and idle_ms > limits.EVICT_IDLE_MS:
            self._left_ms = running_ms()
            send_wake(0, self._incarnation)
        self._watch_queues()

    def _watch_queues(self) -> None:
        """Note since when the worker has been idle although messages wait for it."""
        waiting = self._broker.llen(queue_of(self._incarnation)) + self._broker.llen(SHARED_QUEUE)
        # A wake that Celery fetched and never ran is in no queue any more, but its group still waits to be taken up.
        waiting += self._redis.scard(wire.wakes_key(self._incarnation)) + self._redis.scard(
            wire.wakes_key("")
        )
        if not waiting:
            self._waiting_since_ms = 0
        elif not self._waiting_since_ms:
            self._waiting_since_ms = running_ms()
