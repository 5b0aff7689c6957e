"""The drain loop: one per worker, serving every group that the worker owns and that has input.

A Celery wake enters the loop; from then on groups are served without Celery. One turn of the loop is

1. read: one ``XREAD`` over the streams of all active groups and the two doorbells. With nothing to do it blocks there,
   so an idle loop costs nothing and a new entry is seen at once;
2. advance: each group in turn applies at most one batch and hands it to the committer. While that commits, the next
   is applied; a group with ``BATCHES_IN_FLIGHT`` uncommitted batches waits, which makes its next batch larger;
3. publish: market data, candles and timers that are due.

Groups that are woken while the loop runs are found in the worker's wake set, announced by the doorbell; groups that
nobody owns are in the shared set, which a loop helps itself from only when it is not busy, because an idle worker
will get the Celery message. A group that is quiet for ``QUIET_MS`` is no longer listened to; with none left the loop
ends. It also ends after ``SLICE_MS``, leaving a wake for itself, so that Celery can do what it must.
"""

import logging
from collections.abc import Iterable
from typing import Any, Protocol

import psycopg
from redis import Redis

from exchange_os.engine import batching, limits, publisher, wire
from exchange_os.engine.clock import running_ms
from exchange_os.engine.committer import Committer
from exchange_os.engine.errors import Fenced
from exchange_os.engine.failpoints import Injected
from exchange_os.engine.holdings import Holdings
from exchange_os.engine.services import leave_one_wake
from exchange_os.engine.state import Batch, GroupState

log = logging.getLogger(__name__)

COMMIT_POLL_MS = 20
SHARED_WAKES_POLL_MS = 20
WAKES_A_TURN = 32


class Progress(Protocol):
    """What the loop reports to: the watchdog's side of ``presence.Presence``."""

    def turned(self) -> None:
        """The loop has begun another turn."""


class Drain:
    """The loop and its clients. One thread uses it."""

    def __init__(
        self,
        incarnation: str,
        redis: Redis,
        holdings: Holdings,
        committer: Committer,
        progress: Progress,
    ) -> None:
        self._incarnation = incarnation
        self._redis = redis
        self._holdings = holdings
        self._committer = committer
        self._progress = progress
        self._own_bell = wire.bell_key(incarnation)
        self._bells: dict[str, str] = {self._own_bell: "0-0", wire.bell_key(""): "0-0"}
        self._own_rung = self._shared_rung = True
        self._shared_checked_ms = 0
        self._busy = False
        self.stopping = False

    def serve(self, group: int, slice_ms: int = limits.SLICE_MS) -> None:
        """Drain ``group`` (0: none in particular) and all else this worker should, until quiet or the slice is over.

        Raises ``RedisError`` if the broker is away: the sweeper's wake brings the worker back.
        """
        started = running_ms()
        self._own_rung = self._shared_rung = True
        if group and self._has_work(group):
            self._holdings.take_up(group)
        while self._turn():
            if self.stopping:
                return
            if running_ms() - started > slice_ms:
                leave_one_wake(self._incarnation)
                return

    def _has_work(self, group: int) -> bool:
        """Whether a wake is still worth anything: a loop that ran may have served the group long ago."""
        waiting = self._redis.xlen(wire.stream_key(group))
        for key in (wire.wakes_key(self._incarnation), wire.wakes_key("")):
            self._redis.srem(key, group)
        return bool(waiting)

    def _turn(self) -> bool:
        """One turn; whether there is a reason for another."""
        self._progress.turned()
        self._holdings.reopen_failed()
        self._collect_wakes()
        active = self._holdings.active
        if not active:
            self._holdings.evict_idle()
            return False
        if len(self._holdings.groups) > limits.MAX_LOADED_GROUPS:
            self._holdings.evict_idle()
        self._read()
        advanced = False
        for state in list(active.values()):
            advanced |= self._advance(state)
        self._busy = advanced
        if not advanced and any(state.backlog for state in active.values()):
            self._committer.wait(COMMIT_POLL_MS / 1000)
        return True

    def _collect_wakes(self) -> None:
        """Take up groups that were woken. Shared ones only when not busy, or when nobody else has come for them."""
        now = running_ms()
        keys: list[str] = []
        if self._own_rung:
            keys.append(wire.wakes_key(self._incarnation))
            self._own_rung = False
        patience_over = now - self._shared_checked_ms > SHARED_WAKES_POLL_MS
        if self._shared_rung and (not self._busy or patience_over):
            keys.append(wire.wakes_key(""))
            self._shared_rung = False
            self._shared_checked_ms = now
        for key in keys:
            for group in self._redis.spop(key, WAKES_A_TURN) or ():
                self._holdings.take_up(int(group))

    def _read(self) -> None:
        """Read new entries of all active groups whose backlog is empty; blocks while there is nothing to do."""
        active = self._holdings.active
        streams: dict[Any, Any] = dict(self._bells)
        streams.update((wire.stream_key(g), s.read_cursor) for g, s in active.items() if not s.backlog)
        reply = self._redis.xread(streams, count=limits.READ_ENTRIES, block=self._patience_ms())
        pairs: Iterable[Any] = reply.items() if isinstance(reply, dict) else reply or ()
        now = running_ms()
        for key, entries in pairs:
            name = key.decode()
            if name in self._bells:
                self._ring(name, entries)
                continue
            state = active[int(name.rpartition(":")[2])]
            state.last_input_ms = now
            self._admit(state, entries)

    def _ring(self, bell: str, entries: list[Any]) -> None:
        self._bells[bell] = entries[-1][0].decode()
        if bell == self._own_bell:
            self._own_rung = True
        else:
            self._shared_rung = True

    def _admit(self, state: GroupState, entries: list[Any]) -> None:
        for entry_id, fields in entries:
            state.read_cursor = entry_id.decode()
            try:
                state.backlog.append(wire.unpack_entry(entry_id, fields))
            except ValueError as error:
                log.error("entry %s is skipped: %s", state.read_cursor, error, extra={"group": state.group})

    def _patience_ms(self) -> int | None:
        """How long a read may block: not at all with work at hand, even if its turn comes after a commit, which
        ``_turn`` then waits for; else until the next thing is due."""
        now = running_ms()
        patience = limits.QUIET_MS
        for state in self._holdings.active.values():
            if state.backlog:
                return None
            patience = min(patience, limits.QUIET_MS - (now - state.last_input_ms))
            if state.in_flight:
                patience = min(patience, COMMIT_POLL_MS)
            if (due := publisher.due_in_ms(state, now)) is not None:
                patience = min(patience, due)
            if state.candles:
                patience = min(patience, limits.CANDLE_FLUSH_MS)
            timer = state.kernel.next_timer_ms
            if timer is not None:
                patience = min(patience, max(0, timer - state.clock.now_ms()))
        return max(1, patience)

    def _advance(self, state: GroupState) -> bool:
        """Give a group its turn; whether it had commands or queries to work on."""
        if state.failure is not None or state.in_flight >= limits.BATCHES_IN_FLIGHT:
            return False
        try:
            batch = batching.next_batch(state, self._holdings.connect) if state.backlog else None
            if batch is None:
                self._look_after(state)
                return False
        except (batching.KernelFailed, Fenced, psycopg.Error, Injected) as error:
            log.error("a risk group failed: %s", error, extra={"group": state.group})
            state.failure = error
            return False
        self._committer.put(batch)
        return True

    def _look_after(self, state: GroupState) -> None:
        """What a group without input needs: due timers, due messages, and rest."""
        timer = state.kernel.next_timer_ms
        now = running_ms()
        batch: Batch | None = None
        if timer is not None and timer <= state.clock.now_ms() and not state.halted:
            batch = batching.tick_batch(state)
        elif publisher.due_in_ms(state, now) == 0 or state.candles:
            batch = batching.empty_batch(state)
            batching.add_outputs(batch)
        if batch is not None and (batch.applied is not None or batch.publications or batch.candles):
            self._committer.put(batch)
        elif now - state.last_input_ms >= limits.QUIET_MS and not state.in_flight:
            self._holdings.retire(state)
