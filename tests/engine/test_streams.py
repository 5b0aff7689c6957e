"""The broker may lose everything, or come back as it was: nothing acknowledged is lost, nothing happens twice."""

import pytest
from redis import Redis

from exchange_os.engine import client, sweeper, wire
from exchange_os.engine.audit import audit_group
from exchange_os.engine.models import RiskGroup
from exchange_os.engine.state import Batch
from exchange_os.engine.wire import unpack_acks
from tests.engine.cast import order, send
from tests.engine.conftest import LocalWorker, wait_until


def sequence(group: int) -> int:
    """Commands in the journal."""
    return RiskGroup.objects.get(pk=group).head_sequence


def test_an_emptied_broker_is_filled_anew(market_group: int, redis_client: Redis) -> None:
    send(market_group, order(price=990))
    redis_client.flushall()
    assert send(market_group, order(price=991)).order_id == 2
    assert audit_group(market_group).problems == []


def test_ids_behind_the_cursor_are_read_if_the_stream_is_a_new_one(
    market_group: int, local_worker: LocalWorker, redis_client: Redis
) -> None:
    """An emptied broker on a machine whose clock has gone back: new ids are below those in the journal."""
    wait_until(lambda: not local_worker.engine.holdings.active)
    state = local_worker.engine.holdings.groups[market_group]
    state.read_cursor = state.cursor = "9999999999999-0"
    redis_client.flushall()
    assert send(market_group, order(price=990)).order_id == 1


def test_entries_that_were_applied_are_not_applied_again_when_they_come_back(
    market_group: int, local_worker: LocalWorker, redis_client: Redis
) -> None:
    """The broker restarts from an older state: same generation, entries that the journal has already."""
    send(market_group, order(price=990))
    before = sequence(market_group)
    wait_until(lambda: not local_worker.engine.holdings.active)
    cursor = local_worker.engine.holdings.groups[market_group].cursor
    generation = redis_client.hget(wire.group_key(market_group), "gen")
    redis_client.delete(wire.stream_key(market_group))
    milliseconds = wire.id_order(cursor)[0]
    payload = wire.pack_entry(wire.COMMANDS, 1, 1, b"0" * 16, order(price=990))
    redis_client.xadd(
        wire.stream_key(market_group), {"e": payload, "g": generation, "t": 1}, id=f"{milliseconds - 5}-0"
    )
    redis_client.sadd(wire.DIRTY_KEY, market_group)
    sweeper.sweep_streams()
    assert send(market_group, order(price=991)).order_id == 2
    assert sequence(market_group) == before + 1


def test_depth_comes_down_with_what_is_finished(market_group: int, redis_client: Redis) -> None:
    for price in range(900, 910):
        send(market_group, order(price=price))
    wait_until(lambda: redis_client.xlen(wire.stream_key(market_group)) == 0)
    appended, finished = redis_client.hmget(wire.group_key(market_group), "in", "out")
    assert appended == finished


def test_a_lost_wake_is_repeated_by_the_sweeper(
    market_group: int, local_worker: LocalWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: not local_worker.engine.holdings.active)
    before = sequence(market_group)
    with monkeypatch.context() as patch:
        patch.setattr(client, "send_wake", lambda group, target: False)
        assert client.send(market_group, order(price=990), 1)
    sweeper.sweep_streams()
    wait_until(lambda: sequence(market_group) == before + 1)


def test_a_wake_delivered_five_times_has_one_effect(market_group: int, local_worker: LocalWorker) -> None:
    before = sequence(market_group)
    for _ in range(5):
        local_worker.wake(market_group)
    assert send(market_group, order(price=990)).order_id == 1
    assert sequence(market_group) == before + 1


def test_commands_for_a_group_that_does_not_exist_are_dropped(
    local_worker: LocalWorker, redis_client: Redis
) -> None:
    assert client.send(987_654, order(), 1)
    wait_until(lambda: not redis_client.exists(wire.stream_key(987_654)))


def test_the_sweeper_forgets_groups_without_work(market_group: int, redis_client: Redis) -> None:
    wait_until(lambda: redis_client.xlen(wire.stream_key(market_group)) == 0)
    sweeper.sweep_streams()
    assert redis_client.smembers(wire.DIRTY_KEY) == set()
    assert redis_client.exists(wire.BEAT_KEY)


def test_answers_lost_between_commit_and_ack_are_sent_by_the_next_owner(
    market_group: int, local_worker: LocalWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(market_group, order(price=990))
    announcer = local_worker.engine.committer._announcer
    real, lost = announcer.announce, []

    def lose_first(batches: list[Batch]) -> None:
        if any(batch.entries for batch in batches) and not lost:
            lost.extend(batches)
            batches[0].state.failure = RuntimeError("the owner died before it could answer")
            return
        real(batches)

    monkeypatch.setattr(announcer, "announce", lose_first)
    acks = unpack_acks(client.submit_packed(market_group, order(price=991) + order(price=992), 2))
    assert [ack.order_id for ack in acks] == [2, 3]
    assert lost and audit_group(market_group).problems == []
