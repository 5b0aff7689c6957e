"""What a worker counts of each group it serves, for whoever watches: commands, batches, and how long batches take.

Counting is a few additions in the worker's memory per batch. Once a second the heartbeat writes one report to Redis,
under the worker's name and for a few seconds only; nobody asks the worker for anything. Counts go up for as long as
the process lives; rates and latencies are those of the last ``WINDOW_SECONDS``.
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
WINDOW_SECONDS = 10
FORGET_MS = 600_000

#: Upper bounds of the latency buckets in ms; what took longer falls into one more.
BOUNDS_MS = (0.5, 1, 2, 3, 5, 8, 12, 20, 35, 60, 100, 250, 500, 1_000, 5_000)

Mark = tuple[int, int, tuple[int, ...]]


class Tally:
    """The counts of one group. ``buckets[i]`` batches took at most ``BOUNDS_MS[i]`` and longer than the bound before,
    from the moment their commands were taken to the moment their answers left."""

    __slots__ = ("batches", "buckets", "commands", "marks", "seen_ms", "total_ms")

    def __init__(self) -> None:
        self.commands = self.batches = 0
        self.total_ms = 0.0
        self.buckets = [0] * (len(BOUNDS_MS) + 1)
        self.seen_ms = 0
        self.marks: deque[Mark] = deque([(0, 0, tuple(self.buckets))], maxlen=WINDOW_SECONDS + 1)

    def add(self, commands: int, took_ms: float) -> None:
        """Count one batch."""
        self.commands += commands
        self.batches += 1
        self.total_ms += took_ms
        self.buckets[bisect_left(BOUNDS_MS, took_ms)] += 1

    def report(self) -> dict[str, Any]:
        """The counts, and what they were worth over the window that ends now."""
        self.marks.append((self.commands, self.batches, tuple(self.buckets)))
        first, last = self.marks[0], self.marks[-1]
        seconds = max(1, len(self.marks) - 1)
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
        return len(self.marks) > WINDOW_SECONDS and self.marks[0][1] == self.batches


class Tallies:
    """The counts of every group of one worker: added to by the committer's threads, reported by the heartbeat's."""

    def __init__(self) -> None:
        self._tallies: dict[int, Tally] = {}
        self._lock = threading.Lock()
        self._reported_ms = 0

    def count(self, batches: list[Batch], now_ns: int) -> None:
        """Count batches whose answers left at ``now_ns`` (of ``time.perf_counter_ns``); those without commands not."""
        with self._lock:
            for batch in batches:
                if batch.applied is None:
                    continue
                group = batch.state.group
                tally = self._tallies.get(group)
                if tally is None:
                    tally = self._tallies[group] = Tally()
                commands = batch.applied.last_sequence - batch.applied.first_sequence + 1
                tally.add(commands, (now_ns - batch.begun_ns) / 1_000_000)

    def report(self, redis: Redis, incarnation: str) -> bool:
        """Write the report if it is due; whether it was. Raises ``RedisError``."""
        now = running_ms()
        if now - self._reported_ms < REPORT_MS:
            return False
        self._reported_ms = now
        body = orjson.dumps({"groups": self.rows(now)}, option=orjson.OPT_NON_STR_KEYS)
        redis.set(wire.tallies_key(incarnation), body, px=REPORT_TTL_MS)
        return True

    def rows(self, now_ms: int) -> dict[int, dict[str, Any]]:
        """The reports of all groups that moved lately, by group; one at rest for long is forgotten."""
        with self._lock:
            rows = {}
            for group, tally in list(self._tallies.items()):
                if not tally.rests:
                    tally.seen_ms = now_ms
                elif now_ms - tally.seen_ms > FORGET_MS:
                    del self._tallies[group]
                    continue
                rows[group] = tally.report()
            return rows


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
    """What every worker reported within the last seconds: ``{worker: {group: row of Tally.report}}``.

    Raises ``RedisError``.
    """
    prefix = len(wire.tallies_key(""))
    found = {}
    for key in redis.scan_iter(wire.tallies_key("*"), count=1_000):
        body: Any = redis.get(key)
        if body:
            rows = orjson.loads(body)["groups"]
            found[key.decode()[prefix:]] = {int(group): row for group, row in rows.items()}
    return found
