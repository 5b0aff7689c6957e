"""What a worker counts of each group it serves, for whoever watches: commands, batches, and how long batches take.

Counting is a few additions in the worker's memory per batch. Once a second the heartbeat writes one report to Redis,
under the worker's name and for a few seconds only; nobody asks the worker for anything. Counts go up for as long as
the process lives; rates and latencies are those of the last ``WINDOW_SECONDS``. Groups that have come to rest are
reported apart and seldom, so that thousands of them cost next to nothing, and forgotten after a while.
"""

import threading
from bisect import bisect_left
from collections import deque
from typing import Any

import orjson
from redis import Redis

from exchange_os.engine import wire
from exchange_os.engine.clock import running_ms
from exchange_os.engine.state import Batch

REPORT_MS = 1_000
REPORT_TTL_MS = 5_000
RESTING_REPORT_MS = 30_000
RESTED_REPORT_MS = 5_000
WINDOW_SECONDS = 10
FORGET_MS = 600_000

#: Upper bounds of the latency buckets in ms; what took longer falls into one more.
BOUNDS_MS = (0.5, 1, 2, 3, 5, 8, 12, 20, 35, 60, 100, 250, 500, 1_000, 5_000)

Mark = tuple[int, int, tuple[int, ...]]


class Tally:
    """The counts of one group. ``buckets[i]`` batches took at most ``BOUNDS_MS[i]`` and longer than the bound before,
    from the moment their commands were taken to the moment their answers left."""

    __slots__ = ("batches", "buckets", "commands", "marks", "rested_ms", "total_ms")

    def __init__(self) -> None:
        self.commands = self.batches = 0
        self.total_ms = 0.0
        self.buckets = [0] * (len(BOUNDS_MS) + 1)
        self.rested_ms = 0
        self.marks: deque[Mark] | None = None
        self.wake()

    def add(self, commands: int, took_ms: float) -> None:
        """Count one batch."""
        self.commands += commands
        self.batches += 1
        self.total_ms += took_ms
        self.buckets[bisect_left(BOUNDS_MS, took_ms)] += 1

    def wake(self) -> None:
        """Begin a window, before the first batch after a rest is added."""
        self.marks = deque([self._mark()], maxlen=WINDOW_SECONDS + 1)

    def rest(self, now_ms: int) -> None:
        """Keep the counts and no window."""
        self.marks, self.rested_ms = None, now_ms

    def report(self) -> dict[str, Any]:
        """The counts, and what they were worth over the window that ends now."""
        if self.marks is not None:
            self.marks.append(self._mark())
        marks = self.marks or (self._mark(),)
        first, last = marks[0], marks[-1]
        seconds = max(1, len(marks) - 1)
        window = [new - old for new, old in zip(last[2], first[2], strict=True)]
        return {
            "commands": self.commands,
            "batches": self.batches,
            "total_ms": round(self.total_ms, 3),
            "buckets": self.buckets,
            "rate": round((last[0] - first[0]) / seconds, 1),
            "p50": quantile(window, 0.50),
            "p99": quantile(window, 0.99),
        }

    @property
    def rests(self) -> bool:
        """Whether nothing has happened for a whole window."""
        return self.marks is None or (len(self.marks) > WINDOW_SECONDS and self.marks[0][1] == self.batches)

    def _mark(self) -> Mark:
        return self.commands, self.batches, tuple(self.buckets)


class Tallies:
    """The counts of every group of one worker: added to by the committer's threads, reported by the heartbeat's."""

    def __init__(self) -> None:
        self._moving: dict[int, Tally] = {}
        self._resting: dict[int, Tally] = {}
        self._just_rested: dict[int, Tally] = {}
        self._lock = threading.Lock()
        self._reported_ms = self._resting_reported_ms = 0

    def count(self, batches: list[Batch], now_ns: int) -> None:
        """Count batches whose answers left at ``now_ns`` (of ``time.perf_counter_ns``); those without commands not."""
        with self._lock:
            for batch in batches:
                if batch.applied is None:
                    continue
                group = batch.state.group
                tally = self._moving.get(group)
                if tally is None:
                    tally = self._moving[group] = self._woken(group)
                commands = batch.applied.last_sequence - batch.applied.first_sequence + 1
                tally.add(commands, (now_ns - batch.begun_ns) / 1_000_000)

    def _woken(self, group: int) -> Tally:
        self._just_rested.pop(group, None)
        if (tally := self._resting.pop(group, None)) is None:
            return Tally()
        tally.wake()
        return tally

    def report(self, redis: Redis, incarnation: str) -> bool:
        """Write the report if it is due; whether it was. Raises ``RedisError``."""
        now = running_ms()
        if now - self._reported_ms < REPORT_MS:
            return False
        self._reported_ms = now
        redis.set(wire.tallies_key(incarnation), _pack(self.moving(now)), px=REPORT_TTL_MS)
        if now - self._resting_reported_ms >= (RESTED_REPORT_MS if self._just_rested else RESTING_REPORT_MS):
            self._resting_reported_ms = now
            redis.set(
                wire.resting_tallies_key(incarnation), _pack(self.resting(now)), px=2 * RESTING_REPORT_MS
            )
        return True

    def moving(self, now_ms: int) -> dict[int, dict[str, Any]]:
        """The reports of the groups that moved within the window, by group; the others come to rest, and are among
        these until they were among those at rest."""
        with self._lock:
            for group in [group for group, tally in self._moving.items() if tally.rests]:
                tally = self._moving.pop(group)
                tally.rest(now_ms)
                self._resting[group] = self._just_rested[group] = tally
            return {group: tally.report() for group, tally in (self._just_rested | self._moving).items()}

    def resting(self, now_ms: int) -> dict[int, dict[str, Any]]:
        """The reports of the groups at rest, by group; who has rested for long is forgotten."""
        with self._lock:
            self._just_rested.clear()
            self._resting = {
                group: tally
                for group, tally in self._resting.items()
                if now_ms - tally.rested_ms <= FORGET_MS
            }
            return {group: tally.report() for group, tally in self._resting.items()}


def _pack(rows: dict[int, dict[str, Any]]) -> bytes:
    return orjson.dumps({"groups": rows}, option=orjson.OPT_NON_STR_KEYS)


def quantile(buckets: list[int], share: float) -> float | None:
    """The latency in ms below which ``share`` of the batches were, to the upper bound of its bucket; None of none."""
    count = sum(buckets)
    if not count:
        return None
    reached = 0
    for bound, many in zip(BOUNDS_MS, buckets, strict=False):
        reached += many
        if reached >= share * count:
            return float(bound)
    return float(BOUNDS_MS[-1])


def read_tallies(redis: Redis) -> dict[str, dict[int, dict[str, Any]]]:
    """What every worker reported, of groups at rest a while ago: ``{worker: {group: row of Tally.report}}``.

    Raises ``RedisError``.
    """
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for key_of in (wire.resting_tallies_key, wire.tallies_key):
        for key in redis.scan_iter(key_of("*"), count=1_000):
            if body := redis.get(key):
                rows = orjson.loads(body)["groups"]
                worker = key.decode().removeprefix(key_of(""))
                found.setdefault(worker, {}).update((int(group), row) for group, row in rows.items())
    return found
