"""What the dashboard costs the engine: ``dashboard.engine``, percent of the worker's processor time per command.

A worker with the settings of production takes 10,000 commands/s, in submissions of 100 (the mix of ``benchmarks.mix``,
its seed), in segments of two seconds. In every other segment two operators look at the dashboard: its live part is
rendered once a second, for two people who each ask every two seconds, and a sample is kept each time, where beat keeps
one in ten seconds; which kind of segment comes first changes from pair to pair. The figure is the median over the pairs
of processor time per command with lookers over that without, less one. Added to it is what the worker's own counting
takes, which never rests: counting a batch and writing a report, timed alone, for the batches and commands there were.
``samples`` are the pairs; the note has the middle half of them, which says how far the figure can be trusted. Who looks
is a process of its own on the same machine, so what it takes from caches and from PostgreSQL counts.
"""

import gc
import inspect
import json
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

from benchmarks.load import PORTION, Submission, fresh_group, in_loop, pace, regroup  # noqa: E402
from benchmarks.mix import make_mix  # noqa: E402
from exchange_os.engine import client  # noqa: E402
from exchange_os.engine.models import JournalBatch  # noqa: E402
from exchange_os.engine.tallies import Tallies  # noqa: E402
from exchange_os.operations.services import take_sample  # noqa: E402
from exchange_os.operations.views.dashboard import live  # noqa: E402

RATE = 10_000
SIZE = 100
SEGMENT_SECONDS = 2
PAIRS = 12
ROUNDS = 20_000


def main() -> None:
    """Measure and print."""
    segment = RATE * SEGMENT_SECONDS
    portions = make_mix(segment * (2 * PAIRS + 1), PORTION)
    submissions = regroup(portions, SIZE, len(portions) * PORTION)
    gc.freeze()
    worker, group = Worker(), fresh_group()
    each = segment // SIZE
    segments = [submissions[at : at + each] for at in range(0, len(submissions), each)]
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
            bare.append(costs[False] / segment)
    worker.kill()
    print(json.dumps(figure(sorted(ratios), statistics.median(bare), group)), flush=True)
    client.close()


def took(worker: Worker, group: int, some: list[Submission], reader: "Reader", watched: bool) -> float:
    """Processor time of the worker, in seconds, for a segment; somebody looks at the dashboard while it runs."""
    before = worker.cpu_seconds()
    if watched:
        reader.begin()
    in_loop(lambda: pace(group, some, SIZE / RATE))
    if watched:
        reader.await_end()
    return worker.cpu_seconds() - before


def figure(ratios: list[float], seconds_a_command: float, group: int) -> dict[str, Any]:
    """The line; what counting takes is timed here."""
    batches = JournalBatch.objects.filter(group_id=group).count()
    commands = RATE * SEGMENT_SECONDS * (2 * PAIRS + 1)
    a_batch, a_report = counting()
    counted = (a_batch * batches / commands + a_report / RATE) / seconds_a_command
    looked = statistics.median(ratios) - 1
    low, high = ratios[len(ratios) // 4] - 1, ratios[-(len(ratios) // 4) - 1] - 1
    note = (
        f"looking {looked:+.2%} (middle half {low:+.2%} to {high:+.2%}), counting {counted:.3%}; "
        f"{seconds_a_command * 1e6:.2f} us a command, {commands / batches:.0f} commands a batch"
    )
    return {
        "name": "dashboard.engine", "value": round((looked + counted) * 100, 3), "unit": "%", "p50": None, "p99": None,
        "samples": len(ratios), "note": note,
    }  # fmt: skip


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
        json.dumps({"groups": tallies.rows(0)})
    return (counted - started) / ROUNDS, (time.process_time() - counted) / ROUNDS


class Reader:
    """The process of those who look: told to begin a segment, it looks twice and keeps two samples."""

    def __enter__(self) -> "Reader":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.dashboard", READER], cwd=PROJECT, env={**os.environ},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def begin(self) -> None:
        """Look, from now on."""
        assert self._process.stdin is not None
        self._process.stdin.write("look\n")
        self._process.stdin.flush()

    def await_end(self) -> None:
        """Until the looks of this segment are over. Raises ``RuntimeError`` if the reader ended."""
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
        for _ in range(SEGMENT_SECONDS):
            due = time.perf_counter() + 1
            body = shown(request).content
            take_sample()
            if b"Commands a second" not in body:
                raise RuntimeError("that is not the dashboard")
            time.sleep(max(0.0, due - time.perf_counter() - 0.1))
        print("seen", flush=True)


if __name__ == "__main__":
    read() if READER in sys.argv else main()
