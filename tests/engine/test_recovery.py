"""State is only ever built from a snapshot and the journal, and always comes out the same."""

import exchange_kernel as kernel
import pytest

from exchange_os.engine import client, journal, recovery, snapshots
from exchange_os.engine.audit import audit_group
from exchange_os.engine.database import make_connection
from exchange_os.engine.errors import GroupHalted
from exchange_os.engine.models import Candle, Incident, RiskGroup, Snapshot
from exchange_os.engine.state import Taken
from tests.engine.cast import MAKER, TAKER, crossing_flow, order, send
from tests.engine.conftest import LocalWorker, wait_until


def evict(worker: LocalWorker) -> None:
    """Let the worker forget every group."""
    wait_until(lambda: not worker.engine.holdings.active)
    worker.engine.holdings.evict_idle(idle_ms=0)


def store_snapshots(group: int, count: int) -> None:
    """Store snapshots after each of the first ``count`` batches."""
    with make_connection() as connection:
        state = kernel.Kernel(group)
        for number, link in enumerate(journal.links(connection, group, 0)):
            state.replay(link.commands, link.now_ms)
            if number < count:
                snapshots.store(connection, Taken(group, link.last_sequence, link.hash, state.snapshot()))


def live_root(worker: LocalWorker, group: int) -> str:
    """State root of the kernel in the worker's memory."""
    return worker.engine.holdings.groups[group].kernel.state_root().hex()


def test_snapshot_and_replay_give_what_replay_gives(market_group: int, local_worker: LocalWorker) -> None:
    for command in crossing_flow(12):
        send(market_group, command)
    before = live_root(local_worker, market_group)
    evict(local_worker)
    store_snapshots(market_group, 5)
    assert Snapshot.objects.filter(group_id=market_group).count() == snapshots.KEPT
    client.query(market_group, {"q": "markets"})
    assert local_worker.engine.holdings.groups[market_group].snapshot_sequence > 0
    assert live_root(local_worker, market_group) == before == audit_group(market_group).root


@pytest.mark.parametrize("damage", ["flipped", "torn", "newer"])
def test_a_bad_snapshot_is_skipped_with_an_alarm(
    market_group: int, local_worker: LocalWorker, damage: str
) -> None:
    for command in crossing_flow(8):
        send(market_group, command)
    before = live_root(local_worker, market_group)
    evict(local_worker)
    store_snapshots(market_group, 4)
    older, newest = Snapshot.objects.filter(group_id=market_group).order_by("sequence")
    data = bytearray(newest.data)
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    elif damage == "torn":
        del data[len(data) // 2 :]
    else:
        newest.version = snapshots.FORMAT_VERSION + 1
    newest.data = bytes(data)
    newest.save()
    client.query(market_group, {"q": "markets"})
    assert local_worker.engine.holdings.groups[market_group].snapshot_sequence == older.sequence
    assert live_root(local_worker, market_group) == before
    assert Incident.objects.get(group_id=market_group).kind == Incident.Kind.SNAPSHOT


def test_a_journal_that_does_not_reach_its_head_halts_the_group(
    market_group: int, local_worker: LocalWorker
) -> None:
    evict(local_worker)
    RiskGroup.objects.filter(pk=market_group).update(head_hash=b"another")
    with pytest.raises(GroupHalted):
        send(market_group, order())
    with pytest.raises(GroupHalted):
        send(market_group, order())
    assert RiskGroup.objects.get(pk=market_group).status == RiskGroup.Status.HALTED
    assert Incident.objects.get(group_id=market_group).kind == Incident.Kind.HALT


def test_candles_that_were_not_stored_come_back_with_the_replay(
    market_group: int, local_worker: LocalWorker
) -> None:
    send(market_group, order(MAKER, kernel.SELL, 1_000, 5))
    send(market_group, order(TAKER, kernel.BUY, 1_000, 3))
    wait_until(lambda: Candle.objects.filter(group_id=market_group).exists())
    evict(local_worker)
    Candle.objects.all().delete()
    RiskGroup.objects.filter(pk=market_group).update(candles_sequence=0)
    client.query(market_group, {"q": "markets"})
    wait_until(lambda: Candle.objects.filter(group_id=market_group, volume_lots=3).exists())


def test_rebuild_reads_the_journal_alone(market_group: int, local_worker: LocalWorker) -> None:
    for command in crossing_flow(6):
        send(market_group, command)
    expected = live_root(local_worker, market_group)
    evict(local_worker)
    with make_connection() as connection:
        head = journal.take(connection, market_group, "reader/1", 1)
        assert head is not None
        state, snapshot_sequence, _ = recovery.rebuild(connection, head)
    assert (state.state_root().hex(), snapshot_sequence) == (expected, 0)
