"""The load of the engine's benchmarks: packed submissions through a gateway, as fast as acked or at a steady rate.

The gateway runs on the event loop of a web process (uvloop).
Starts no server: whoever imports it has set Django up on some.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from benchmarks.mix import setup_commands
from exchange_os.engine import client
from exchange_os.engine.errors import Busy
from exchange_os.engine.gateway import Gateway, get_gateway
from exchange_os.engine.services import create_group

PORTION = 1_000
Line = dict[str, Any]
#: Packed commands and how many they are.
Submission = tuple[bytes, int]


def line(name: str, value: float, unit: str, samples: list[float], note: str) -> Line:
    """One figure; ``samples`` are latencies in milliseconds."""
    ordered = sorted(samples)
    p50, p99 = (round(ordered[int(len(ordered) * q)], 3) if ordered else None for q in (0.5, 0.99))
    return {
        "name": name, "value": round(value, 3), "unit": unit, "p50": p50, "p99": p99, "samples": len(ordered),
        "note": note,
    }  # fmt: skip


def fresh_group(setup: Callable[[], list[bytes]] = setup_commands) -> int:
    """A new group with the markets of the mix open and its accounts funded."""
    group = int(create_group().pk)
    commands = setup()
    client.submit_packed(group, b"".join(commands), len(commands), 30.0)
    return group


async def saturate(group: int, portions: list[bytes], in_flight: int) -> tuple[float, list[float]]:
    """(commands/s, latencies in ms) of all portions, ``in_flight`` of them waiting for their acks at any time."""
    gateway, latencies = get_gateway(), []
    waiting = iter(portions)

    async def submit_next() -> None:
        for portion in waiting:
            started = time.perf_counter()
            await gateway.submit_packed(group, portion, PORTION, timeout=30.0)
            latencies.append((time.perf_counter() - started) * 1_000)

    started = time.perf_counter()
    await asyncio.gather(*(submit_next() for _ in range(in_flight)))
    return len(portions) * PORTION / (time.perf_counter() - started), latencies


async def pace(group: int, submissions: list[Submission], interval_seconds: float) -> list[float]:
    """Latencies in ms of submissions that are due one after each interval, whether or not the earlier are acked."""
    gateway, latencies = get_gateway(), []

    async def one(due: float, commands: bytes, count: int) -> None:
        while True:
            try:
                await gateway.submit_packed(group, commands, count, timeout=30.0)
                break
            except Busy as busy:
                await asyncio.sleep(busy.retry_after_ms / 1_000)
        latencies.append((time.perf_counter() - due) * 1_000)

    tasks: list[asyncio.Task[None]] = []
    begin = time.perf_counter()
    for number, (commands, count) in enumerate(submissions):
        due = begin + number * interval_seconds
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        tasks.append(asyncio.create_task(one(due, commands, count)))
    await asyncio.gather(*tasks)
    return latencies


def in_loop(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run ``work`` in an event loop of its own, with a gateway that is closed at the end."""

    async def main() -> Any:
        gateway: Gateway = get_gateway()
        try:
            return await work()
        finally:
            await gateway.close()

    return uvloop.run(main())


def regroup(portions: list[bytes], size: int, count: int) -> list[Submission]:
    """The first ``count`` commands cut into submissions of ``size``."""
    frames: list[bytes] = []
    for portion in portions[: -(-count // PORTION)]:
        frames.extend(split(portion))
    return [(b"".join(frames[at : at + size]), size) for at in range(0, count - size + 1, size)]


def split(portion: bytes) -> list[bytes]:
    """The frames of a packed portion."""
    frames, at = [], 0
    while at < len(portion):
        length = int.from_bytes(portion[at : at + 2], "little")
        frames.append(portion[at : at + length])
        at += length
    return frames
