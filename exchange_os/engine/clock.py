"""A clock that a step of the machine's clock cannot move: the kernel's time comes from here.

It starts at the wall clock (or where the kernel's time already is, if that is later), runs with the monotonic clock
and approaches the wall clock by at most one part in twenty. So a step of an hour expires no orders at once, and a
kernel whose time is ahead keeps moving instead of standing still until the wall clock has caught up.
"""

import time
from collections.abc import Callable

SLEW = 20
_RUNNING_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def wall_ms() -> int:
    """Milliseconds since 1970 by the machine's clock."""
    return time.time_ns() // 1_000_000


def running_ms() -> int:
    """Milliseconds by a clock that only runs forward and counts while the process is stopped."""
    return time.clock_gettime_ns(_RUNNING_CLOCK) // 1_000_000


class SteadyClock:
    """One group's time. Not for use by several threads."""

    def __init__(
        self, not_before_ms: int, wall: Callable[[], int] = wall_ms, running: Callable[[], int] = running_ms
    ) -> None:
        self._wall = wall
        self._running = running
        self._read_at = running()
        self._time = max(wall(), not_before_ms) * SLEW

    def now_ms(self) -> int:
        """Milliseconds since 1970, never less than before."""
        read_at = self._running()
        elapsed = read_at - self._read_at
        self._read_at = read_at
        self._time += elapsed * SLEW
        offset = self._wall() * SLEW - self._time
        self._time += max(-elapsed, min(elapsed, offset))
        return self._time // SLEW
