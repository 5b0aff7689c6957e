"""What loaded groups held goes back to the system when they are gone."""

import sys
import time
from pathlib import Path

import pytest
from exchange_kernel import Kernel

from exchange_os.engine import memory
from tests.engine.cast import setup_commands

LOADED = 300


def _anonymous_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_evicted_kernels_leave_nothing_behind() -> None:
    body = b"".join(setup_commands())
    before = _anonymous_kb()
    kernels = [Kernel(number) for number in range(1, LOADED + 1)]
    for kernel in kernels:
        kernel.apply(body, time.time_ns() // 1_000_000)
    loaded = _anonymous_kb() - before
    del kernel
    kernels.clear()
    memory.give_back()
    assert loaded > 5_000
    assert _anonymous_kb() - before < loaded // 4
