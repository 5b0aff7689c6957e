"""Real worker processes: killed at each step, stopped past their lease, started twice; the journal tells the truth."""

import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from exchange_kernel import tick
from redis import Redis

from exchange_os.engine import client, failpoints, sweeper, wire
from exchange_os.engine.audit import audit_group
from exchange_os.engine.models import RiskGroup
from tests.engine.cast import crossing_flow, open_market, order, send
from tests.engine.conftest import WorkerProcess, wait_until


@pytest.fixture
def sweeping(transactional_db: None) -> Iterator[None]:
    """The sweeper, every second, as beat drives it."""
    ended = threading.Event()

    def sweep() -> None:
        while not ended.wait(1.0):
            sweeper.sweep_streams()

    thread = threading.Thread(target=sweep)
    thread.start()
    yield
    ended.set()
    thread.join()


def owner(group: int) -> str:
    """Name of the worker that owns the group."""
    return RiskGroup.objects.get(pk=group).owner.partition("/")[0]


@pytest.mark.parametrize(
    "place", ["after_apply", "before_commit", "inside_commit", "after_commit_before_ack", "after_ack"]
)
def test_a_kill_at_any_step_leaves_each_command_once(
    place: str, group: int, worker_process: Callable[..., WorkerProcess], sweeping: None, redis_client: Redis
) -> None:
    victim = worker_process("engine-1", XOS_FAILPOINTS="redis")
    open_market(group)
    worker_process("engine-2")
    redis_client.hset(failpoints.KEY, place, "kill")
    # A worker takes fail-points while it serves.
    wait_until(lambda: client.send(group, tick(), 1) and not redis_client.hexists(failpoints.KEY, place))
    for command in crossing_flow(5):
        assert client.send(group, command, 1)
    wait_until(lambda: victim.process.poll() is not None)
    assert send(group, order(price=900)).order_id == 6
    assert owner(group) == "engine-2"
    assert audit_group(group).problems == []


def test_a_restarted_worker_takes_its_groups_at_once(
    group: int, worker_process: Callable[..., WorkerProcess], sweeping: None
) -> None:
    worker = worker_process("engine-1")
    open_market(group)
    worker.signal(signal.SIGKILL)
    worker.restart()
    assert send(group, order(price=900)).order_id == 1
    assert RiskGroup.objects.get(pk=group).epoch == 2


def test_a_successor_finds_what_was_sent_to_the_dead(
    group: int, worker_process: Callable[..., WorkerProcess]
) -> None:
    """No sweeper runs: commands appended while the dead was believed to listen woke nobody."""
    worker = worker_process("engine-1")
    open_market(group)
    worker.signal(signal.SIGKILL)
    worker.process.wait(20)
    assert client.send(group, order(price=900), 1)
    worker.restart()
    wait_until(lambda: RiskGroup.objects.get(pk=group).epoch == 2)
    assert send(group, order(price=901)).order_id == 2


def test_a_stopped_owner_is_overtaken_and_does_no_harm_when_it_goes_on(
    group: int, worker_process: Callable[..., WorkerProcess], sweeping: None, redis_client: Redis
) -> None:
    processes = {name: worker_process(name) for name in ("engine-1", "engine-2")}
    open_market(group)
    stopped = processes[owner(group)]
    client.send(group, order(price=901), 1)
    stopped.signal(signal.SIGSTOP)
    send(group, order(price=902))
    assert owner(group) != stopped.name
    stopped.signal(signal.SIGCONT)
    wait_until(lambda: len(list(redis_client.scan_iter(wire.worker_key("*")))) == 2)
    send(group, order(price=903))
    audit = audit_group(group)
    assert audit.problems == []
    assert [row["price_ticks"] for row in audit.query({"q": "orders", "account": 16})["orders"]] == [
        901,
        902,
        903,
    ]


def test_a_planned_end_gives_groups_up(group: int, worker_process: Callable[..., WorkerProcess]) -> None:
    worker = worker_process("engine-1")
    open_market(group)
    assert owner(group) == "engine-1"
    worker.signal(signal.SIGTERM)
    worker.process.wait(20)
    assert owner(group) == ""
