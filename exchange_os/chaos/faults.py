"""The faults, by name: each strikes one private stack once and leaves it whole again.

A fault is a function of the :class:`Strike` that is under way. It returns the moment from which recovery is measured
(monotonic seconds), or ``None`` where nothing is expected to fall silent. Whatever died is started again at once, as
the supervisor of ``make run`` does.
"""

import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from django.db import OperationalError, connection
from redis import Redis

from exchange_os.chaos.clock import SteppedClock
from exchange_os.chaos.world import World
from exchange_os.demo.stack import PrivateStack
from exchange_os.engine import failpoints
from exchange_os.engine.models import Incident, RiskGroup, Snapshot
from exchange_os.engine.services import send_wake

PATIENCE_SECONDS = 20.0
REARM_SECONDS = 8.0


@dataclass
class Strike:
    """What a fault has to work with. ``note`` is a remark for the report."""

    world: World
    clock: SteppedClock
    draws: Random
    redis: Redis
    note: str = ""

    @property
    def stack(self) -> PrivateStack:
        """The stack that is struck."""
        return self.world.stack

    def owner(self) -> str:
        """Name of the engine worker that owns the venue's group; waits until one does."""
        self.wait(lambda: bool(self._owner()), "an owner of the risk group")
        return self._owner()

    def _owner(self) -> str:
        try:
            found = re.search(r"engine-\d+", RiskGroup.objects.get(pk=self.world.group_id).owner)
            return found[0] if found else ""
        except OperationalError:
            connection.close()
            return ""

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until ``condition`` holds, starting again what dies meanwhile.

        Raises ``AssertionError`` naming ``what`` if it never does.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain for {what}"
            self.revive()
            time.sleep(0.01)

    def wait_for_acks(self, count: int, what: str) -> None:
        """Wait until ``count`` more items are answered than now."""
        wanted = self.world.acks + count
        self.wait(lambda: self.world.acks >= wanted, what)

    def revive(self) -> None:
        """Start again whatever has died."""
        for name in self.stack.dead():
            self.stack.launch(name)

    def arm(self, place: str, action: str, most_hits: int, condition: Callable[[], bool], what: str) -> None:
        """Arm a fail-point and wait until ``condition`` holds because of it.

        Whoever serves takes it, which may be a worker that passes by: then it is armed again.
        """
        armed_at = 0.0
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            now = time.monotonic()
            assert now < deadline, f"waited {PATIENCE_SECONDS:.0f} s in vain for {what}"
            if now - armed_at > REARM_SECONDS:
                armed_at = now
                self.redis.hset(failpoints.KEY, place, f"{action}@{self.draws.randint(1, most_hits)}")
            time.sleep(0.01)
        self.redis.delete(failpoints.KEY)

    def die_at(self, place: str, most_hits: int) -> float:
        """Let a worker die at a fail-point; the moment of its death."""
        self.arm(place, "kill", most_hits, lambda: bool(self.stack.dead()), f"a worker to die at {place}")
        moment = time.monotonic()
        self.revive()
        return moment


Fault = Callable[[Strike], float | None]


def kill_worker(strike: Strike) -> float:
    """``kill -9`` of the owner at a moment of no one's choosing."""
    moment = strike.stack.kill(strike.owner())
    strike.revive()
    return moment


def kill_at(place: str, most_hits: int = 20) -> Fault:
    """``kill -9`` of the owner exactly at a fail-point of the drain."""

    def strike_there(strike: Strike) -> float:
        return strike.die_at(place, most_hits)

    strike_there.__doc__ = f"``kill -9`` of the owner at the fail-point {place}."
    return strike_there


def cut_at_commit(strike: Strike) -> None:
    """The database connection is lost right after COMMIT was sent: the outcome is not known to the worker."""
    strike.redis.hset(failpoints.KEY, "at_commit", f"disconnect@{strike.draws.randint(1, 10)}")
    strike.wait(lambda: not strike.redis.hexists(failpoints.KEY, "at_commit"), "the fail-point to be taken")


def kill_web(strike: Strike) -> float:
    """``kill -9`` of the web process while requests are under way."""
    moment = strike.stack.kill("web-1")
    strike.revive()
    return moment


def restart_postgres(strike: Strike) -> float:
    """PostgreSQL stops immediately, as after a power cut, and comes back."""
    postgres = strike.stack.postgres
    assert postgres.process is not None
    moment = time.monotonic()
    postgres.process.send_signal(signal.SIGQUIT)
    postgres.process.wait()
    seconds = strike.draws.choice((0.0, 0.0, 1.5))
    time.sleep(seconds)
    postgres.start()
    connection.close()
    strike.note = f"stayed away for {time.monotonic() - moment:.1f} s"
    return moment


def flush_valkey(strike: Strike) -> float:
    """Everything in Valkey is gone at once: streams, leases, wakes, queues."""
    moment = time.monotonic()
    strike.redis.flushall()
    return moment


def kill_valkey(strike: Strike) -> float:
    """``kill -9`` of Valkey; it comes back with its file or, by the seed, empty."""
    valkey = strike.stack.valkey
    assert valkey.process is not None
    empty = strike.draws.random() < 0.5
    moment = time.monotonic()
    valkey.process.kill()
    valkey.process.wait()
    if empty:
        shutil.rmtree((strike.stack.data_dir / "valkey" / "appendonlydir").resolve(), ignore_errors=True)
    valkey.start()
    strike.note = "came back empty" if empty else "came back with its file"
    return moment


def pause_valkey(strike: Strike) -> None:
    """Valkey stands still for two to four seconds."""
    process = strike.stack.valkey.process
    assert process is not None
    seconds = strike.draws.uniform(2.0, 4.0)
    process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        process.send_signal(signal.SIGCONT)
    strike.note = f"stood still for {seconds:.1f} s"


def repeat_wakes(strike: Strike) -> None:
    """The same wake is delivered five times, to the owner and to whoever is free, again and again."""
    owner = RiskGroup.objects.get(pk=strike.world.group_id).owner
    for _ in range(10):
        for target in (owner, "*", owner, "*", "*"):
            send_wake(strike.world.group_id, target)
        time.sleep(0.03)


def freeze_owner(strike: Strike) -> float:
    """SIGSTOP of the owner until another worker has taken over and acknowledged, then SIGCONT: two owners at once."""
    owner = strike.owner()
    moment = time.monotonic()
    strike.stack.freeze(owner)
    try:
        strike.wait(lambda: strike.owner() != owner, "another worker to take over")
        strike.wait_for_acks(1, "acks from the new owner")
    finally:
        strike.stack.thaw(owner)
    strike.note = f"taken over after {time.monotonic() - moment:.1f} s"
    return moment


def freeze_at_commit(strike: Strike) -> None:
    """The owner stops itself between its last check and the commit, and wakes when another has moved on.

    The owner is who stopped: the group may have passed to it after it was last looked at.
    """
    strike.arm("before_commit", "stop", 10, lambda: bool(_stopped(strike)), "the owner to stop itself")
    (owner,) = _stopped(strike)
    try:
        strike.wait(lambda: strike.owner() != owner, "another worker to take over")
    finally:
        strike.stack.thaw(owner)


def step_clock(strike: Strike) -> None:
    """The workers' wall clock jumps an hour ahead, then an hour back, then right again."""
    hours = [1, -1] if strike.draws.random() < 0.5 else [-1, 1]
    for hour in (*hours, 0):
        strike.clock.step(hour * 3_600)
        strike.wait_for_acks(50, f"acks with the clock {hour} h off")
    strike.note = f"jumped {hours[0]:+d} h first"


def poison_command(strike: Strike) -> None:
    """One entry makes every worker that tries it crash, until it is set aside; the venue is then cancel-only.

    The workers are started so that they die of the first thing they apply, until the same entry has failed twice alone.
    """
    groups = RiskGroup.objects.filter(pk=strike.world.group_id)
    set_aside = groups.filter(status=RiskGroup.Status.CANCEL_ONLY)
    failed_twice = groups.filter(crash_count__gte=2)
    deaths = 0
    deadline = time.monotonic() + 2 * PATIENCE_SECONDS
    usual = strike.stack.engine_extra["XOS_FAILPOINTS"]
    strike.stack.engine_extra["XOS_FAILPOINTS"] = "before_apply=kill"
    try:
        _kill_workers(strike)
        while not set_aside.exists():
            assert time.monotonic() < deadline, f"after {deaths} crashes nothing was set aside"
            if failed_twice.exists():
                strike.stack.engine_extra["XOS_FAILPOINTS"] = usual
            deaths += len(strike.stack.dead())
            strike.revive()
            time.sleep(0.02)
    finally:
        strike.stack.engine_extra["XOS_FAILPOINTS"] = usual
        _kill_workers(strike)
        strike.revive()
    incidents = Incident.objects.filter(group_id=strike.world.group_id, kind=Incident.Kind.QUARANTINE)
    assert incidents.exists(), "no incident was recorded"
    strike.note = f"set aside after {deaths} crashes"


def _kill_workers(strike: Strike) -> None:
    """End every engine worker by force."""
    for name, process in strike.stack.processes.items():
        if name.startswith("engine-") and process.poll() is None:
            strike.stack.kill(name)


def tear_snapshot(strike: Strike) -> float:
    """The newest snapshot loses its end, then the owner is killed: recovery must not believe it."""
    snapshots = Snapshot.objects.filter(group_id=strike.world.group_id).order_by("-sequence")
    strike.wait(snapshots.exists, "a snapshot")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE engine_snapshot SET data = substring(data FOR octet_length(data) / 2) WHERE group_id = %s",
            [strike.world.group_id],
        )
    moment = kill_worker(strike)
    incidents = Incident.objects.filter(group_id=strike.world.group_id, kind=Incident.Kind.SNAPSHOT)
    strike.wait(incidents.exists, "the torn snapshot to be noticed")
    return moment


def _stopped(strike: Strike) -> list[str]:
    """Names of the programs that are stopped by a signal."""

    def is_stopped(pid: int) -> bool:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        except OSError:  # it has just died
            return False
        return stat.rpartition(")")[2].split()[0] in ("T", "t")

    return [name for name, process in strike.stack.processes.items() if is_stopped(process.pid)]


FAULTS: dict[str, Fault] = {
    "none": lambda strike: None,
    "kill_worker": kill_worker,
    **{f"kill_{place}": kill_at(place) for place in failpoints.NAMES if place != "before_snapshot"},
    "kill_before_snapshot": kill_at("before_snapshot", most_hits=2),
    "cut_at_commit": cut_at_commit,
    "kill_web": kill_web,
    "restart_postgres": restart_postgres,
    "flush_valkey": flush_valkey,
    "kill_valkey": kill_valkey,
    "pause_valkey": pause_valkey,
    "repeat_wakes": repeat_wakes,
    "freeze_owner": freeze_owner,
    "freeze_at_commit": freeze_at_commit,
    "step_clock": step_clock,
    "poison_command": poison_command,
    "tear_snapshot": tear_snapshot,
}

#: The fixed set of ``make test``: one of each kind, seeds fixed. The poisonous command, which takes half a minute of
#: restarts, is tried there without processes (``tests/engine/test_failures.py``).
SMOKE = (
    "kill_before_commit", "kill_inside_commit", "kill_after_commit_before_ack", "kill_web", "restart_postgres",
    "flush_valkey", "kill_valkey", "repeat_wakes", "freeze_at_commit", "step_clock",
    "tear_snapshot",
)  # fmt: skip

assert os.name == "posix", "signals and fail-points are those of POSIX"
