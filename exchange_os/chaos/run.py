"""One chaos run: trade, strike, trade on, stop, judge; and the driver of many runs on one private stack."""

import os
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from django.conf import settings
from redis import Redis

from exchange_os.chaos.clients import Fate, seconds_to_first_ack
from exchange_os.chaos.clock import SteppedClock
from exchange_os.chaos.faults import FAULTS, Strike
from exchange_os.chaos.oracle import verdict
from exchange_os.chaos.world import TransferClient, World, build_world
from exchange_os.demo.stack import PrivateStack

ENGINE_WORKERS = 2
#: Venues for little stake, and snapshots often enough for a run of seconds to meet them.
EXTRA = {"MIN_STAKE": "1", "ENGINE_SNAPSHOT_COMMANDS": "400", "ENGINE_SNAPSHOT_MIN_MS": "300"}
WARM_ACKS = 150
AFTER_SECONDS = 1.0
RECOVERY_GOAL_SECONDS = 3.0
RECOVERY_LIMIT_SECONDS = 45.0  # a bound for slow machines; the goal is told beside it


@dataclass(slots=True)
class Result:
    """What one run showed. ``recovery_seconds``: from the strike to the first ack of something sent after it."""

    fault: str
    seed: int
    problems: list[str] = field(default_factory=list)
    recovery_seconds: float | None = None
    sent: int = 0
    acked: int = 0
    unknown: int = 0
    journaled: int = 0
    trades: int = 0
    transfers: int = 0
    note: str = ""
    seconds: float = 0.0
    broken: bool = False

    def line(self) -> str:
        """The run in one line for people."""
        state = "FAILED" if self.problems else "holds"
        recovery = "" if self.recovery_seconds is None else f" recovery {self.recovery_seconds:.2f} s;"
        return (
            f"{self.fault} seed {self.seed}: {state};{recovery} {self.sent:,} sent, {self.acked:,} acked, "
            f"{self.unknown:,} unknown, {self.journaled:,} journaled, {self.trades:,} trades, "
            f"{self.transfers:,} transfers{'; ' + self.note if self.note else ''} ({self.seconds:.1f} s)"
        )


def make_stack() -> tuple[PrivateStack, SteppedClock]:
    """The stack of this process, as described in its environment, with a clock that can be stepped; not yet running."""
    stack = PrivateStack.adopted(ENGINE_WORKERS, EXTRA)
    clock = SteppedClock(stack.data_dir)
    clock.build()
    stack.engine_extra.update(clock.environment)
    stack.engine_extra["XOS_FAILPOINTS"] = "redis"
    return stack, clock


def run_all(faults: Sequence[str], seeds: Sequence[int]) -> Iterator[Result]:
    """Start the stack, run every fault with every seed, stop the stack.

    A run that breaks is a failed result; after two such in a row the stack is beyond use and the rest is not run.
    """
    stack, clock = make_stack()
    broken = 0
    try:
        stack.start()
        number = 0
        for seed in seeds:
            for fault in faults:
                number += 1
                result = run_one(stack, clock, fault, seed, number)
                broken = broken + 1 if result.broken else 0
                yield result
                if broken == 2:
                    return
    finally:
        stack.stop()


def run_one(stack: PrivateStack, clock: SteppedClock, fault: str, seed: int, number: int) -> Result:
    """One fault with one seed on a running stack, in a venue of its own."""
    result = Result(fault, seed)
    started = time.monotonic()
    world: World | None = None
    try:
        world = build_world(stack, number, seed)
        _trade_and_strike(world, clock, result)
        problems, audit = verdict(world)
        result.problems += problems
        result.journaled, result.trades = audit.kernel.sequence, audit.trades
    except Exception:
        result.broken = True
        result.problems.append(f"the run itself broke:\n{traceback.format_exc()}{stack.complaints()}")
    finally:
        clock.step(0)
        for name in stack.dead():
            stack.launch(name)
    if world is not None:
        records = [record for client in world.clients for record in client.sent]
        result.sent = len(records)
        result.acked = sum(record.fate is Fate.ACKED for record in records)
        result.unknown = sum(record.fate is Fate.UNKNOWN for record in records)
    result.seconds = time.monotonic() - started
    return result


def _trade_and_strike(world: World, clock: SteppedClock, result: Result) -> None:
    """Orders and transfers flow; the fault strikes; they flow on until answers come again."""
    with Redis.from_url(settings.REDIS_STREAM_URL, socket_timeout=10.0) as redis:
        strike = Strike(world, clock, Random(f"{result.seed}:{result.fault}"), redis)
        transfers = TransferClient(world)
        world.start_clients()
        transfers.start()
        try:
            strike.wait(lambda: world.acks > WARM_ACKS, "the first acks")
            moment = FAULTS[result.fault](strike)
            struck = moment if moment is not None else time.monotonic()
            strike.wait(
                lambda: seconds_to_first_ack(world.clients, struck) is not None,
                "acks after the fault",
                RECOVERY_LIMIT_SECONDS,
            )
            time.sleep(AFTER_SECONDS)
            if moment is not None:
                result.recovery_seconds = seconds_to_first_ack(world.clients, moment)
        finally:
            transfers.stop()
            world.stop_clients()
            transfers.join()
        result.transfers, result.note = transfers.asked, strike.note


def child_environment() -> dict[str, str]:
    """Environment of a process that is to own a new private stack, which :func:`make_stack` then finds."""
    stack = PrivateStack(ENGINE_WORKERS, EXTRA)
    return {**os.environ, **stack.environment}
