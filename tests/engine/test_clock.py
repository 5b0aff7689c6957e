"""Kernel time does not jump with the machine's clock, and never goes back."""

from exchange_os.engine.clock import SteadyClock

HOUR = 3_600_000


class Clocks:
    """A wall clock and a running clock that the test moves."""

    def __init__(self) -> None:
        self.wall_ms = 1_000_000_000
        self.running_ms = 50_000

    def steady(self, not_before_ms: int = 0) -> SteadyClock:
        """The clock under test."""
        return SteadyClock(not_before_ms, lambda: self.wall_ms, lambda: self.running_ms)

    def run(self, milliseconds: int) -> None:
        """Let time pass on both."""
        self.wall_ms += milliseconds
        self.running_ms += milliseconds


def test_follows_the_wall_clock() -> None:
    clocks = Clocks()
    clock = clocks.steady()
    clocks.run(1_000)
    assert clock.now_ms() == clocks.wall_ms


def test_a_step_forward_is_approached_slowly() -> None:
    clocks = Clocks()
    clock = clocks.steady()
    before = clock.now_ms()
    clocks.wall_ms += HOUR
    clocks.run(1_000)
    assert clock.now_ms() == before + 1_050


def test_a_step_back_does_not_stop_time() -> None:
    clocks = Clocks()
    clock = clocks.steady()
    before = clock.now_ms()
    clocks.wall_ms -= HOUR
    clocks.run(1_000)
    assert clock.now_ms() == before + 950
    for _ in range(24 * 60):
        clocks.run(60_000)
        clock.now_ms()
    assert clock.now_ms() == clocks.wall_ms


def test_starts_where_the_kernel_is_if_that_is_later() -> None:
    clocks = Clocks()
    clock = clocks.steady(not_before_ms=clocks.wall_ms + HOUR)
    assert clock.now_ms() == clocks.wall_ms + HOUR
