"""One engine worker process: the drain loop with everything it works with, made when Celery starts the worker.

The worker's Celery name is its lasting name; each process adds a random incarnation, so that a restarted worker is not
mistaken for the dead one, whose groups it may take at once.
"""

import gc
import logging
import secrets
import sys
import threading
import time

from redis.exceptions import RedisError

from exchange_os.engine.clock import running_ms
from exchange_os.engine.committer import Committer
from exchange_os.engine.connections import make_redis
from exchange_os.engine.drain import Drain
from exchange_os.engine.holdings import Holdings, new_owner_key
from exchange_os.engine.presence import Presence
from exchange_os.engine.state import GroupState

log = logging.getLogger(__name__)

BROKER_PATIENCE_MS = 5_000
#: The loop and the committer take turns in the interpreter; the usual 5 ms would be most of an answer's latency.
SWITCH_SECONDS = 0.0005
#: What was loaded at the start is never looked at again; evicted groups must go soon, their kernels are large.
_COLLECTION = (10_000, 10, 10)


class EngineWorker:
    """The runtime of one process. ``serve`` is for one thread, that of Celery's solo pool."""

    def __init__(self, name: str) -> None:
        self.incarnation = f"{name}/{secrets.token_hex(4)}"
        owner_key = new_owner_key()
        redis = make_redis()
        self.committer = Committer(self._group_failed)
        self.presence = Presence(self.incarnation, owner_key, self.committer)
        self.holdings = Holdings(self.incarnation, owner_key, redis, self.committer, self.presence.turned)
        self.drain = Drain(self.incarnation, redis, self.holdings, self.committer, self.presence)
        self.presence.hold_lock()
        self.presence.start()

    def serve(self, group: int, slice_ms: int | None = None) -> None:
        """Drain ``group`` and everything else that waits for this worker; returns when quiet or after a slice of time.

        While the broker is away it tries again for a while, so that its return is met by a loop that runs.
        """
        self.presence.entered()
        try:
            self._serve_through_outages(group, slice_ms)
        finally:
            self.presence.left(bool(self.holdings.groups))
            self.holdings.rest()

    def stop(self) -> None:
        """Let the loop end after its present turn; safe to call from a signal handler."""
        self.drain.stopping = True

    def close(self) -> None:
        """Finish what is in flight, give every group up and vanish."""
        self.stop()
        try:
            self.holdings.release_all()
        except (RedisError, OSError) as error:
            log.warning("the broker is away; groups are given up by their leases: %s", error)
        self.holdings.close()
        self.committer.close()
        self.presence.close()

    def _serve_through_outages(self, group: int, slice_ms: int | None) -> None:
        lost_at: int | None = None
        while not self.drain.stopping:
            try:
                if slice_ms is None:
                    self.drain.serve(group)
                else:
                    self.drain.serve(group, slice_ms)
            except (RedisError, OSError) as error:
                now = running_ms()
                lost_at = lost_at or now
                if now - lost_at > BROKER_PATIENCE_MS:
                    log.error("the broker is away: %s", error)
                    return
                time.sleep(0.1)
            else:
                return

    def _group_failed(self, state: GroupState) -> None:
        """Called by the committer's thread; the loop sees the failure at its next turn."""


_worker: EngineWorker | None = None
_lock = threading.Lock()


def start_worker(name: str) -> EngineWorker:
    """Make this process's worker, or answer the one it has."""
    global _worker
    with _lock:
        if _worker is None:
            _worker = EngineWorker(name)
            sys.setswitchinterval(SWITCH_SECONDS)
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_COLLECTION)
        return _worker


def current_worker() -> EngineWorker | None:
    """This process's worker, if it has one."""
    return _worker


def close_worker() -> None:
    """Close this process's worker, if it has one."""
    global _worker
    with _lock:
        worker, _worker = _worker, None
    if worker is not None:
        worker.close()
