"""What the dashboard costs the engine: ``dashboard.engine``, percent of the worker's processor time per command.

A worker with the settings of production takes submissions of 100 commands (the mix of ``benchmarks.mix``, its seed),
the next when the one before is acked, so that a batch is always one submission: what a batch costs beside its commands
is the same in every segment. In every other segment of 200 submissions somebody looks at the dashboard, more often than
two operators do who each ask every two seconds: its live part is rendered and a sample is kept, where beat keeps one in
ten seconds. Segments come in the order with, without, without, with, so that drift cancels. Processor time is read to
the nanosecond, of all threads of the worker; what others do on the machine does not count but for caches.

The figure is the median, over pairs of segments, of processor time with a look over that without, less one. Added to it
is what the worker's own counting takes, which never rests: counting a batch and writing a report, timed alone, for the
batches and commands there were. ``samples`` are the pairs; the note has their middle half, and between which pairs the
true median lies with 95 % (order statistics), which says how far the figure can be trusted. Who looks is a process of
its own on the same machine, so what it takes from caches and from PostgreSQL counts.
"""

import gc
import inspect
import json
import math
import os
import statistics
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

from benchmarks.servers import PROJECT, Worker, start_servers

READER = "--reader"
if READER in sys.argv:
    import django

    os.environ["STATIC_COLLECTED"] = "0"
    django.setup()
else:
    start_servers()

from django.contrib.auth.models import AnonymousUser  # noqa: E402
from django.test import RequestFactory  # noqa: E402

from benchmarks.load import PORTION, Submission, fresh_group, in_loop, regroup  # noqa: E402
from benchmarks.mix import make_mix  # noqa: E402
from exchange_os.engine import client  # noqa: E402
from exchange_os.engine.gateway import get_gateway  # noqa: E402
from exchange_os.engine.models import JournalBatch  # noqa: E402
from exchange_os.engine.tallies import Tallies  # noqa: E402
from exchange_os.operations.services import take_sample  # noqa: E402
from exchange_os.operations.views.dashboard import live  # noqa: E402

SIZE = 100
SEGMENT = 200  # submissions
PAIRS = 60
ROUNDS = 20_000
#: Commands a second by which a report, one each second, is shared out: what one group does at rest costs nothing.
RATE = 10_000


def main() -> None:
    """Measure and print."""
    portions = make_mix(SEGMENT * SIZE * (2 * PAIRS + 1), PORTION)
    submissions = regroup(portions, SIZE, len(portions) * PORTION)
    gc.freeze()
    worker, group = Worker(), fresh_group()
    segments = [submissions[at : at + SEGMENT] for at in range(0, len(submissions), SEGMENT)]
    with Reader() as reader:
        took(worker, group, segments[0], reader, watched=True)  # warms both
        ratios, bare = [], []
        for number in range(PAIRS):
            first = number % 2 == 0
            pair = segments[1 + 2 * number : 3 + 2 * number]
            costs = {
                watched: took(worker, group, some, reader, watched)
                for watched, some in ((first, pair[0]), (not first, pair[1]))
            }
            ratios.append(costs[True] / costs[False])
            bare.append(costs[False] / (SEGMENT * SIZE))
    worker.kill()
    print(json.dumps(figure(sorted(ratios), statistics.median(bare), group)), flush=True)
    client.close()


def took(worker: Worker, group: int, some: list[Submission], reader: "Reader", watched: bool) -> float:
    """Processor time of the worker, in seconds, for a segment; somebody looks at the dashboard while it runs."""
    before = worker.cpu_seconds()
    if watched:
        reader.begin()
    in_loop(lambda: one_by_one(group, some))
    if watched:
        reader.await_end()
    return worker.cpu_seconds() - before


async def one_by_one(group: int, some: list[Submission]) -> None:
    """Each submission when the one before is acked."""
    gateway = get_gateway()
    for commands, count in some:
        await gateway.submit_packed(group, commands, count, timeout=30.0)


def figure(ratios: list[float], seconds_a_command: float, group: int) -> dict[str, Any]:
    """The line, of sorted ratios; what counting takes is timed here."""
    batches = JournalBatch.objects.filter(group_id=group).count()
    commands = SEGMENT * SIZE * (2 * PAIRS + 1)
    a_batch, a_report = counting()
    counted = (a_batch * batches / commands + a_report / RATE) / seconds_a_command
    looked = statistics.median(ratios) - 1
    half, sure = len(ratios) // 4, sure_place(len(ratios))
    (low, high), (least, most) = ((ratios[at] - 1, ratios[-at - 1] - 1) for at in (half, sure))
    note = (
        f"looking {looked:+.2%}, with 95% between {least:+.2%} and {most:+.2%} (middle half of pairs {low:+.2%} to "
        f"{high:+.2%}), counting {counted:.3%}; {seconds_a_command * 1e6:.2f} us a command, "
        f"{commands / batches:.0f} commands a batch"
    )
    return {
        "name": "dashboard.engine", "value": round((looked + counted) * 100, 3), "unit": "%", "p50": None, "p99": None,
        "samples": len(ratios), "note": note,
    }  # fmt: skip


def sure_place(count: int) -> int:
    """The place from either end of so many sorted samples between which their true median lies with at least 95 %."""
    outside, place = 0.0, 0
    while (outside := outside + math.comb(count, place) / 2**count) <= 0.025:
        place += 1
    return max(0, place - 1)


def counting() -> tuple[float, float]:
    """Seconds that a worker's counting takes: of one batch, and of the report of one group each second."""
    tallies = Tallies()
    applied = SimpleNamespace(first_sequence=1, last_sequence=SIZE)
    batches: Any = [SimpleNamespace(applied=applied, state=SimpleNamespace(group=1), begun_ns=0)]
    started = time.process_time()
    for _ in range(ROUNDS):
        tallies.count(batches, 4_000_000)
    counted = time.process_time()
    for _ in range(ROUNDS):
        json.dumps({"groups": tallies.moving(0)})
    return (counted - started) / ROUNDS, (time.process_time() - counted) / ROUNDS


class Reader:
    """The process of those who look: told to begin a segment, it looks and keeps a sample."""

    def __enter__(self) -> "Reader":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.dashboard", READER], cwd=PROJECT, env={**os.environ},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def begin(self) -> None:
        """Look now."""
        assert self._process.stdin is not None
        self._process.stdin.write("look\n")
        self._process.stdin.flush()

    def await_end(self) -> None:
        """Until the look of this segment is over. Raises ``RuntimeError`` if the reader ended."""
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError("whoever looks at the dashboard ended")

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def read() -> None:
    """What the reader's process does."""
    request = RequestFactory().get("/operator/dashboard/live/")
    request.user = AnonymousUser()
    shown = inspect.unwrap(live)  # who may look is asked elsewhere
    for _ in sys.stdin:
        body = shown(request).content
        take_sample()
        if b"Commands a second" not in body:
            raise RuntimeError("that is not the dashboard")
        print("seen", flush=True)


if __name__ == "__main__":
    read() if READER in sys.argv else main()
