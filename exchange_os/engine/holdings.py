"""The groups a worker holds in memory: taking them up, dropping them, and finding the place in their streams.

A stream lives in Redis, which may lose it, be emptied, or come back as it was a second ago. The place up to which a
group has read is kept with the journal: the id of the last entry and the stream's generation. A stream of another
generation is a new one and is read from its start; one of the same generation whose ids lie behind the cursor has
lost its newest entries, and is told to go on above it.
"""

import logging
import secrets
from collections.abc import Callable
from typing import Any

import psycopg
from redis import Redis
from redis.exceptions import ResponseError

from exchange_os.engine import batching, journal, limits, memory, recovery, scripts, wire
from exchange_os.engine.clock import running_ms
from exchange_os.engine.committer import Committer
from exchange_os.engine.database import make_connection
from exchange_os.engine.errors import Fenced
from exchange_os.engine.services import send_wake
from exchange_os.engine.state import GroupState
from exchange_os.engine.unanswered import UnansweredEntries

log = logging.getLogger(__name__)


class Holdings:
    """All groups of one worker. Used by the drain loop's thread only."""

    def __init__(
        self,
        incarnation: str,
        owner_key: int,
        redis: Redis,
        committer: Committer,
        progress: Callable[[], None],
    ) -> None:
        self.incarnation = incarnation
        self.owner_key = owner_key
        self.groups: dict[int, GroupState] = {}
        #: Groups whose streams the loop reads, in their order of turns.
        self.active: dict[int, GroupState] = {}
        self._redis = redis
        self._committer = committer
        self._progress = progress
        self._connection: journal.Connection | None = None
        self._evicted = False

    def connect(self) -> journal.Connection:
        """The loop's own database connection. Raises ``psycopg.OperationalError`` if there can be none."""
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = make_connection()
        return self._connection

    def take_up(self, group: int) -> GroupState | None:
        """Hold a group and listen to its stream; ``None`` if another worker has it, or the database is away."""
        state = self.groups.get(group)
        failure = None
        if state is not None and state.failure is not None:
            failure = state.failure
            self._drop(state)
            state = None
        if state is None:
            state = self._open(group, failure)
        if state is None:
            return None
        self._listen(state)
        state.last_input_ms = running_ms()
        self.groups[group] = self.active[group] = state
        return state

    def _open(self, group: int, failure: BaseException | None) -> GroupState | None:
        """Take and rebuild a group. A connection that has died unnoticed is worth a second try."""
        for last_try in (False, True):
            try:
                return self._take(group, failure)
            except psycopg.OperationalError as error:
                log.warning("cannot be taken up: %s", error, extra={"group": group})
                if last_try:
                    return None
        return None

    def _take(self, group: int, failure: BaseException | None) -> GroupState | None:
        head = journal.take(self.connect(), group, self.incarnation, self.owner_key)
        if head is None:
            self._forward(group)
            return None
        unanswered = UnansweredEntries(self._redis, group, head.stream_generation, head.stream_cursor)
        state = recovery.open_group(self.connect(), head, unanswered, self._progress)
        unanswered.send()
        if head.unclean and not isinstance(failure, Fenced):
            # Whatever waited when the last owner failed may be why: try it entry by entry.
            state.careful_until = self._last_id(group)
        return state

    def _last_id(self, group: int) -> str:
        entries: Any = self._redis.xrevrange(wire.stream_key(group), count=1)
        return str(entries[0][0].decode()) if entries else ""

    def _forward(self, group: int) -> None:
        """Pass a wake on to the owner. If that is dead, its lease ends and the sweeper's wake finds the group free."""
        owner = journal.owner_of(self.connect(), group)
        if owner is None:
            log.error("commands for a risk group that does not exist are dropped", extra={"group": group})
            self._redis.delete(wire.stream_key(group), wire.group_key(group))
            self._redis.srem(wire.DIRTY_KEY, group)
        elif owner != self.incarnation and self._redis.exists(wire.worker_key(owner)):
            self._redis.sadd(wire.wakes_key(owner), group)
            self._redis.xadd(wire.bell_key(owner), {"w": group}, maxlen=4)
            send_wake(group, owner)

    def _listen(self, state: GroupState) -> None:
        """Tell gateways that this worker reads the stream, and find the place to read from."""
        generation, last = scripts.listen(self._redis, state.group, self.incarnation)
        if state.halted:
            self._redis.hset(wire.group_key(state.group), "h", "1")
        if generation is None:
            return
        generation = generation.decode()
        if generation != state.generation:
            state.read_cursor, state.generation = "0-0", generation
        elif last is None or wire.id_order(last.decode()) < wire.id_order(state.read_cursor):
            self._raise_ids(state)

    def _raise_ids(self, state: GroupState) -> None:
        """Let new ids of a stream that has fallen back start above what was read of it."""
        try:
            self._redis.execute_command("XSETID", wire.stream_key(state.group), state.read_cursor)
        except ResponseError:
            log.debug("its stream is above its cursor again", extra={"group": state.group})

    def retire(self, state: GroupState) -> None:
        """Stop listening to a group that has gone quiet, if its stream is empty; it stays in memory."""
        if scripts.release(self._redis, state.group, self.incarnation, 0):
            self.active.pop(state.group, None)
        else:
            state.last_input_ms = running_ms()

    def reopen_failed(self) -> None:
        """Drop groups whose memory has become worthless and take up those that are still ours to take."""
        for state in [state for state in self.active.values() if state.failure is not None]:
            self.take_up(state.group)

    def evict_idle(self, idle_ms: int = limits.EVICT_IDLE_MS) -> None:
        """Release groups that nobody has used for ``idle_ms``, and the longest unused above the bound."""
        now = running_ms()
        quiet = sorted(
            (
                state
                for group, state in self.groups.items()
                if group not in self.active and not state.in_flight
            ),
            key=lambda state: state.last_input_ms,
        )
        excess = len(self.groups) - limits.MAX_LOADED_GROUPS
        for index, state in enumerate(quiet):
            if index < excess or now - state.last_input_ms >= idle_ms:
                self._evict(state)

    def rest(self) -> None:
        """The loop has ended: what groups evicted since the last time held goes back to the system."""
        if self._evicted:
            self._evicted = False
            memory.give_back()

    def release_all(self) -> None:
        """Give every group up in good order, for a planned end of the process."""
        self._committer.flush(10.0)
        for state in list(self.groups.values()):
            self._evict(state)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def _evict(self, state: GroupState) -> None:
        if (
            state.kernel.sequence - state.snapshot_sequence >= limits.SNAPSHOT_EVICT_COMMANDS
            and not state.failure
        ):
            batch = batching.empty_batch(state)
            batching.add_snapshot(batch)
            self._committer.put(batch)
            self._committer.flush(10.0)
        self._drop(state)
        self._evicted = True
        try:
            journal.give_up(self.connect(), state.group, state.epoch)
        except psycopg.Error as error:
            log.warning("was not given up: %s", error, extra={"group": state.group})

    def _drop(self, state: GroupState) -> None:
        self.active.pop(state.group, None)
        self.groups.pop(state.group, None)
        while state.in_flight:
            self._committer.wait(0.05)
        scripts.release(self._redis, state.group, self.incarnation, 1)


def new_owner_key() -> int:
    """A random key for the advisory lock that tells a live owner from a dead one."""
    return secrets.randbits(62)
