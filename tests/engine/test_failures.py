"""Commits that fail or whose outcome is unknown, and entries that make the engine fail."""

from collections.abc import Iterator
from types import SimpleNamespace

import exchange_kernel as kernel
import pytest

from exchange_os.engine import batching, client, failpoints
from exchange_os.engine.audit import audit_group
from exchange_os.engine.committer import Committer
from exchange_os.engine.errors import Fenced, Quarantined
from exchange_os.engine.models import Incident, RiskGroup
from exchange_os.engine.services import create_group
from tests.engine.cast import MAKER, MARKET, crossing_flow, open_market, order, send
from tests.engine.conftest import LocalWorker, wait_until

POISON = "poison"


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    """No fail-point outlives its test."""
    yield
    failpoints.disarm()


@pytest.mark.parametrize("place", ["before_commit", "inside_commit", "at_commit"])
def test_a_connection_cut_around_the_commit_leaves_one_effect(market_group: int, place: str) -> None:
    failpoints.arm(place, "disconnect")
    assert send(market_group, order(price=990)).order_id == 1
    assert send(market_group, order(price=991)).order_id == 2
    assert audit_group(market_group).problems == []
    assert RiskGroup.objects.get(pk=market_group).epoch == 1


@pytest.mark.parametrize("places", [("before_apply",), ("after_apply",), ("before_commit", "inside_commit")])
def test_a_failure_throws_memory_away_and_the_command_runs_once(
    market_group: int, places: tuple[str, ...]
) -> None:
    """A commit that is refused is tried once more by itself, hence the two places."""
    for place in places:
        failpoints.arm(place, "raise")
    assert send(market_group, order(price=990)).order_id == 1
    assert RiskGroup.objects.get(pk=market_group).epoch == 2
    assert audit_group(market_group).problems == []
    assert not Incident.objects.exists()


def test_many_batches_in_flight_survive_a_failed_commit(market_group: int) -> None:
    failpoints.arm("inside_commit", "raise", hits=3)
    for command in crossing_flow(30):
        assert client.send(market_group, command, 1)
    assert send(market_group, order(price=900)).code == 0
    audit = audit_group(market_group)
    assert audit.problems == []
    assert sum(1 for frame, _ in audit.acks if kernel.command_kind(frame) == kernel.KINDS["place"]) == 31


@pytest.fixture
def poisonous(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that panics whenever it meets a command with the client id ``poison``."""
    real = batching._guarded

    def guarded(state: batching.GroupState, commands: bytes) -> kernel.Applied:
        if POISON.encode() in commands:
            raise batching.KernelFailed("PanicException: poison")
        return real(state, commands)

    monkeypatch.setattr(batching, "_guarded", guarded)


def test_a_poisonous_command_is_set_aside_and_its_group_goes_cancel_only(
    market_group: int, poisonous: None
) -> None:
    ack = send(market_group, order(price=990))
    with pytest.raises(Quarantined):
        send(market_group, order(client_id=POISON))
    assert RiskGroup.objects.get(pk=market_group).status == RiskGroup.Status.CANCEL_ONLY
    incident = Incident.objects.get(group_id=market_group)
    assert incident.kind == Incident.Kind.QUARANTINE
    assert POISON.encode() in bytes(incident.commands)
    refused = send(market_group, order(price=991))
    assert kernel.REJECTS[refused.code][0] != "OK"
    assert send(market_group, kernel.cancel(MAKER, MARKET, order_id=ack.order_id)).code == 0
    assert (
        client.query(market_group, {"q": "market", "market": MARKET})["market"]["phase"]
        == kernel.PHASE_HALTED
    )
    assert audit_group(market_group).problems == []


def test_its_neighbours_are_not_harmed(market_group: int, poisonous: None, local_worker: LocalWorker) -> None:
    other = create_group().pk
    open_market(other)
    for number in range(5):
        assert client.send(market_group, order(price=900 + number), 1)
    assert client.send(market_group, order(client_id=POISON), 1)
    for number in range(5):
        assert client.send(market_group, order(price=910 + number), 1)
    assert send(other, order(price=990)).order_id == 1
    wait_until(lambda: Incident.objects.filter(group_id=market_group).exists())
    assert RiskGroup.objects.get(pk=other).epoch == 1
    orders = client.query(market_group, {"q": "orders", "account": MAKER})["orders"]
    assert [row["price_ticks"] for row in orders] == [900, 901, 902, 903, 904]
    assert audit_group(market_group).problems == []


def test_a_database_that_refuses_is_not_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog looks away while the database is: a writer that was overtaken meanwhile is watched again."""
    failed: list[object] = []
    committer = Committer(failed.append)
    committer.waiting_for_database = True

    def overtaken(_: object) -> None:
        raise Fenced("another has it")

    monkeypatch.setattr(committer, "_is_committed", lambda _: False)
    monkeypatch.setattr(committer, "_write", overtaken)
    state = SimpleNamespace(group=1, epoch=1, failure=None)
    committer._write_alone(SimpleNamespace(state=state))
    assert not committer.waiting_for_database
    assert failed == [state]
    committer.close()
