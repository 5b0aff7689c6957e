"""What the engine carries: from packed submissions in a gateway to acks after the journal commit, fills stored.

PostgreSQL runs with fsync and synchronous commits; gateway and load generator, worker, PostgreSQL and Valkey share
the machine. The commands are those of ``benchmarks.mix``.

- ``pipeline.durable``: 500,000 commands, submissions of 1,000, as many in flight as are acked soonest; commands/s, and
  latency from submission to ack. Five runs, each in a fresh group.
- ``pipeline.mixed``: the same with 300,000 commands on a spot market, a perpetual and a question of margin accounts,
  those of ``benchmarks.mix_markets``; three runs.
- ``pipeline.steady``: 300,000 commands/s for some seconds, a submission every millisecond; latency.
- ``pipeline.latency``: 10,000 commands/s, ten a millisecond; latency.
- ``recovery.replay``: commands/s of rebuilding a kernel from the journal alone, chain of hashes checked, rows read
  from PostgreSQL. ``recovery.cold``: seconds from submission to first ack in a group of 1,000,000 journaled
  commands with a snapshot at half of them, which no worker holds in memory. ``recovery.failover``: seconds from
  ``kill -9`` of a group's only worker, right after an ack, to the next ack from the process started in its place;
  median of three.
- ``venues.idle``: memory in MB that 10,000 risk groups, each with a journal of its own, take in the worker and the
  broker when they are idle; the note has the processor time of the worker.
"""

import asyncio
import gc
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator

from benchmarks.servers import Worker, fill_log, start_servers, wait_until

start_servers()

from exchange_kernel import tick  # noqa: E402
from redis import Redis  # noqa: E402

from benchmarks import mix_markets  # noqa: E402
from benchmarks.load import PORTION, Line, fresh_group, in_loop, line, pace, regroup, saturate  # noqa: E402
from benchmarks.mix import make_mix, setup_commands  # noqa: E402
from exchange_os.engine import client, journal, recovery, snapshots  # noqa: E402
from exchange_os.engine.database import make_connection  # noqa: E402
from exchange_os.engine.gateway import get_gateway  # noqa: E402
from exchange_os.engine.models import JournalBatch, RiskGroup  # noqa: E402
from exchange_os.engine.state import Taken  # noqa: E402

RUN_COMMANDS = 500_000
IN_FLIGHT = 24
RUNS = 5
MIXED_COMMANDS = 300_000
MIXED_RUNS = 3
IDLE_GROUPS = 10_000
TOUCHING_SECONDS = 60


def durable(portions: list[bytes]) -> Iterator[Line]:
    """``pipeline.durable``."""
    yield saturated("pipeline.durable", portions[: RUN_COMMANDS // PORTION], setup_commands, RUNS)


def mixed() -> Iterator[Line]:
    """``pipeline.mixed``."""
    portions = mix_markets.make_mix(MIXED_COMMANDS, PORTION)
    gc.freeze()
    yield saturated("pipeline.mixed", portions, mix_markets.setup_commands, MIXED_RUNS)


def saturated(name: str, portions: list[bytes], setup: Callable[[], list[bytes]], runs: int) -> Line:
    """The median rate of ``runs`` runs of all portions, each in a fresh group, after one that is not counted."""
    rates: list[float] = []
    latencies: list[float] = []
    for run in range(runs + 1):
        group = fresh_group(setup)
        rate, some = in_loop(lambda group=group: saturate(group, portions, IN_FLIGHT))
        if run:  # the first one warms caches and grows files
            rates.append(rate)
            latencies.extend(some)
    count = len(portions) * PORTION
    note = f"median of {runs} runs of {count}, {IN_FLIGHT} x {PORTION} in flight, from {min(rates):.0f}"
    return line(name, statistics.median(rates), "commands/s", latencies, note)


def steady(portions: list[bytes]) -> Iterator[Line]:
    """``pipeline.steady`` and ``pipeline.latency``."""
    for name, rate, size, count in (
        ("pipeline.steady", 300_000, 300, 1_000_000),
        ("pipeline.latency", 10_000, 10, 50_000),
    ):
        fill_log()  # what ran before has used the files up
        group = fresh_group()
        submissions = regroup(portions, size, count)
        latencies = in_loop(lambda g=group, s=submissions, i=size / rate: pace(g, s, i))
        note = f"{rate} commands/s in submissions of {size}, from the time each was due to its acks"
        yield line(name, statistics.median(latencies), "ms", latencies, note)


def recover(portions: list[bytes], worker: Worker | None) -> Iterator[Line]:
    """``recovery.replay`` and ``recovery.cold``; the worker is killed and replaced."""
    group = fresh_group()
    in_loop(lambda: saturate(group, portions, IN_FLIGHT))
    if worker is not None:
        worker.kill()
    connection = make_connection()
    connection.execute("DELETE FROM engine_snapshot WHERE group_id = %s", (group,))
    head = journal.take(connection, group, "bench/0", 1)
    assert head is not None
    rates = []
    for _ in range(3):
        started = time.perf_counter()
        kernel, _, _ = recovery.rebuild(connection, head)
        rates.append(kernel.sequence / (time.perf_counter() - started))
    batches = JournalBatch.objects.filter(group_id=group).count()
    note = f"{head.head_sequence} commands in {batches} batches, median of 3"
    yield line("recovery.replay", statistics.median(rates), "commands/s", [], note)
    store_half(connection, group, head.head_sequence // 2)
    journal.give_up(connection, group, head.epoch)
    connection.close()
    again = Worker()
    started = time.perf_counter()
    client.query(group, {"q": "account", "account": 16}, 30.0)
    seconds = time.perf_counter() - started
    note = (
        "1,000,000 journaled commands, snapshot at half, from submission through the wake to the first answer"
    )
    yield line("recovery.cold", seconds, "s", [], note)
    yield failover(again)


def failover(worker: Worker) -> Line:
    """``recovery.failover``: no other worker and no sweeper helps."""
    group = fresh_group()
    client.submit(group, tick(), 30.0)
    took = []
    for _ in range(3):
        client.submit(group, tick(), 30.0)
        started = time.perf_counter()
        worker.kill()
        worker = Worker(wait=False)
        client.submit(group, tick(), 30.0)
        took.append(time.perf_counter() - started)
    worker.kill()
    note = f"from kill -9 to the next ack, start of the new process included; slowest of 3 {max(took):.2f} s"
    return line("recovery.failover", statistics.median(took), "s", [], note)


def store_half(connection: journal.Connection, group: int, target: int) -> None:
    """Store a snapshot as of the first batch that reaches ``target``."""
    loaded = snapshots.load(connection, group, 0)
    for link in journal.links(connection, group, 0):
        loaded.kernel.replay(link.commands, link.now_ms)
        if link.last_sequence >= target:
            break
    snapshots.store(connection, Taken(group, link.last_sequence, link.hash, loaded.kernel.snapshot()))


def idle() -> Iterator[Line]:
    """``venues.idle``."""
    worker = Worker("engine-idle", ENGINE_EVICT_IDLE_MS="1000")
    redis = Redis.from_url(f"{os.environ['REDIS_URL']}/0")
    commands = setup_commands()[:4]
    body = b"".join(commands)
    groups = [row.pk for row in RiskGroup.objects.bulk_create([RiskGroup() for _ in range(IDLE_GROUPS)])]

    def held() -> bool:
        return RiskGroup.objects.filter(pk__gte=groups[0]).exclude(owner="").exists()

    touched: set[int] = set()
    begin = time.perf_counter()

    async def touch(some: list[int]) -> None:
        gateway, waiting = get_gateway(), iter(some)

        async def one_after_another() -> None:
            for group in waiting:
                if time.perf_counter() - begin > TOUCHING_SECONDS:
                    break
                touched.add(group)
                await gateway.submit_packed(group, body, len(commands), timeout=60.0)

        await asyncio.gather(*(one_after_another() for _ in range(32)))

    in_loop(lambda: touch(groups[:200]))
    wait_until(lambda: not held(), 60)
    begin = time.perf_counter()
    before = worker.memory_mb() + redis.info("memory")["used_memory"] / 2**20
    started = time.perf_counter()
    in_loop(lambda: touch(groups))
    touching = time.perf_counter() - started
    wait_until(lambda: not held(), 60)
    with Redis.from_url(f"{os.environ['REDIS_URL']}/1") as broker:
        wait_until(lambda: broker.llen("engine") == 0, 60)
    after = worker.memory_mb() + redis.info("memory")["used_memory"] / 2**20
    cpu = worker.cpu_seconds()
    time.sleep(5)
    share = (worker.cpu_seconds() - cpu) / 5
    note = f"worker uses {share:.1%} of a core when idle; {len(touched)} of the groups were woken, in {touching:.0f} s"
    yield line("venues.idle", max(0.0, after - before), "MB", [], note)
    worker.kill()


def main() -> None:
    """Run what ``BENCH_NAME`` begins with, or everything."""
    wanted = os.environ.get("BENCH_NAME", "")
    portions: list[bytes] = []
    worker: Worker | None = None
    if not wanted.startswith("venues"):
        portions = [] if wanted == "pipeline.mixed" else make_mix(1_000_000, PORTION)
        worker = Worker()
        gc.freeze()  # the prepared commands are no part of what is measured
    for name, figures in (
        ("pipeline.durable", lambda: durable(portions)),
        ("pipeline.mixed", mixed),
        ("pipeline.steady pipeline.latency", lambda: steady(portions)),
        ("recovery", lambda: recover(portions, worker)),
        ("venues", idle),
    ):
        if any(part.startswith(wanted) or wanted.startswith(part) for part in name.split()):
            for figure in figures():
                print(json.dumps(figure), flush=True)
    client.close()


if __name__ == "__main__":
    main()
