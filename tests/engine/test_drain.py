"""From a submitted command to its durable answer, and what stands in the tables by then."""

import threading

import exchange_kernel as kernel
import pytest
from redis import Redis

from exchange_os.engine import client, limits, sweeper, wire
from exchange_os.engine.audit import audit_group
from exchange_os.engine.connections import make_broker_redis
from exchange_os.engine.errors import GroupHalted, MalformedCommand
from exchange_os.engine.models import Candle, ClosedOrder, Fill, JournalBatch, RiskGroup
from exchange_os.engine.services import create_group, leave_one_wake, queue_of, send_wake
from tests.engine.cast import MAKER, MARKET, QUOTE, TAKER, crossing_flow, open_market, order, send
from tests.engine.conftest import LocalWorker, wait_until


def test_an_answer_means_that_journal_and_fills_are_stored(market_group: int) -> None:
    send(market_group, order(MAKER, kernel.SELL, 1_000, 5))
    ack = send(market_group, order(TAKER, kernel.BUY, 1_000, 3))
    assert (ack.code, ack.filled_lots, ack.remaining_lots, ack.state) == (0, 3, 0, kernel.STATE_FILLED)
    head = RiskGroup.objects.get(pk=market_group)
    last = JournalBatch.objects.filter(group_id=market_group).latest("first_sequence")
    assert last.last_sequence == head.head_sequence
    fills = list(
        Fill.objects.filter(group_id=market_group).order_by("role").values_list("account", "size_lots")
    )
    assert fills == [(MAKER, 3), (TAKER, 3)]
    closed = ClosedOrder.objects.get(group_id=market_group)
    assert (closed.account, closed.filled_lots, closed.state) == (TAKER, 3, kernel.STATE_FILLED)


def test_a_trader_reads_its_own_writes(market_group: int) -> None:
    ack = send(market_group, order(MAKER, kernel.BUY, 990, 7))
    answer = client.query(market_group, {"q": "account", "account": MAKER})
    assert [row["order_id"] for row in answer["orders"]] == [ack.order_id]
    assert next(row for row in answer["balances"] if row["asset"] == QUOTE)["held"] > 0


def test_packed_commands_are_answered_in_order(market_group: int) -> None:
    commands = crossing_flow(500)
    acks = wire.unpack_acks(client.submit_packed(market_group, b"".join(commands), 500))
    assert len(acks) == 500
    ids = [ack.order_id for ack in acks]
    assert ids == sorted(ids)
    assert audit_group(market_group).problems == []


def test_wakes_do_not_pile_up_behind_a_worker_that_is_never_quiet() -> None:
    with make_broker_redis() as broker:
        try:
            for group in (7, 8, 9):
                send_wake(group, "busy/1")
            assert broker.llen(queue_of("busy/1")) == 3
            for _ in range(2):
                leave_one_wake("busy/1")
                assert broker.llen(queue_of("busy/1")) == 1
            broker.delete(queue_of("busy/1"))
            leave_one_wake("busy/1")
            assert broker.llen(queue_of("busy/1")) == 1, "the loop begins again by itself"
        finally:
            broker.delete(queue_of("busy/1"))


def test_commands_with_bad_framing_never_leave_the_caller(market_group: int) -> None:
    head = RiskGroup.objects.get(pk=market_group).head_sequence
    for body, count in ((b"\x01\x00", 1), (order()[:-1], 1), (order(), 2)):
        with pytest.raises(MalformedCommand):
            client.submit_packed(market_group, body, count)
    assert RiskGroup.objects.get(pk=market_group).head_sequence == head


def test_an_entry_that_lies_about_itself_is_answered_and_skipped(
    market_group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(wire, "check_frames", lambda commands, count: None)
        with pytest.raises(MalformedCommand):
            client.submit_packed(market_group, b"\x05\x00nonsense", 1)
    assert send(market_group, order()).code == 0


def test_candles_are_stored_within_a_moment(market_group: int) -> None:
    send(market_group, order(MAKER, kernel.SELL, 1_000, 5))
    send(market_group, order(TAKER, kernel.BUY, 1_000, 3))
    wait_until(lambda: Candle.objects.filter(group_id=market_group, market=MARKET).exists())
    candle = Candle.objects.filter(group_id=market_group).latest("minute_ms")
    assert (candle.close, candle.volume_lots, candle.trades) == (1_000, 3, 1)


def test_one_worker_serves_many_groups(local_worker: LocalWorker) -> None:
    groups = [create_group().pk for _ in range(5)]
    for group in groups:
        open_market(group)
    for group in groups:
        assert send(group, order(price=990)).order_id == 1
    assert set(local_worker.engine.holdings.groups) == set(groups)


def test_a_flood_in_one_group_costs_its_neighbour_a_turn(
    local_worker: LocalWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both wait before the worker looks: a turn does one batch of the flood, and the neighbour is in the first."""
    noisy, quiet = (create_group().pk for _ in range(2))
    for group in (noisy, quiet):
        open_market(group)
    monkeypatch.setattr(limits, "BATCH_COMMANDS", 100)
    held, serve = threading.Event(), local_worker.engine.serve
    monkeypatch.setattr(local_worker.engine, "serve", lambda group: held.wait(30) and serve(group))
    wait_until(lambda: not local_worker.engine.holdings.active)
    for _ in range(40):
        assert client.send(noisy, order() * 100, 100)
    assert client.send(quiet, order(price=991), 1)
    before = RiskGroup.objects.get(pk=quiet).head_sequence
    held.set()
    wait_until(lambda: RiskGroup.objects.get(pk=noisy).head_sequence > 4_000)
    wait_until(lambda: RiskGroup.objects.get(pk=quiet).head_sequence > before)
    last = JournalBatch.objects.filter(group_id=quiet).latest("first_sequence")
    flood = JournalBatch.objects.filter(group_id=noisy, last_sequence__gt=4_000 - 39 * 100)
    assert flood.count() >= 40
    assert flood.filter(now_ms__lt=last.now_ms).count() < 20 < flood.filter(now_ms__gt=last.now_ms).count()


def test_a_quiet_group_is_left_and_taken_up_again(market_group: int, local_worker: LocalWorker) -> None:
    wait_until(lambda: not local_worker.engine.holdings.active)
    assert send(market_group, order(price=990)).code == 0
    wait_until(lambda: not local_worker.engine.holdings.active)
    local_worker.engine.holdings.evict_idle(idle_ms=0)
    assert RiskGroup.objects.get(pk=market_group).owner == ""
    assert send(market_group, order(price=991)).code == 0
    assert RiskGroup.objects.get(pk=market_group).epoch == 2


def test_due_timers_run_without_a_command(market_group: int) -> None:
    now = client.query(market_group, {"q": "markets"})["now_ms"]
    ack = send(market_group, order(price=990, tif=kernel.GTD, expires_ms=now + 1_500))
    assert ack.state == kernel.STATE_OPEN
    assert RiskGroup.objects.get(pk=market_group).next_timer_ms == now + 1_500
    wait_until(lambda: bool(sweeper.sweep_timers()))
    wait_until(lambda: RiskGroup.objects.get(pk=market_group).next_timer_ms is None)
    assert client.query(market_group, {"q": "orders", "account": MAKER})["orders"] == []


def test_time_of_the_journal_never_goes_back(market_group: int) -> None:
    for command in crossing_flow(4):
        send(market_group, command)
    times = list(
        JournalBatch.objects.filter(group_id=market_group)
        .order_by("first_sequence")
        .values_list("now_ms", flat=True)
    )
    assert times == sorted(times)


def test_bounds_are_sane() -> None:
    assert limits.STREAM_DEPTH < limits.STREAM_DEPTH_URGENT
    assert limits.HEARTBEAT_MS * 3 < limits.WORKER_TTL_MS < limits.LEASE_MS


def test_several_groups_are_asked_at_once(market_group: int, redis_client: Redis) -> None:
    stopped = create_group().pk
    redis_client.hset(wire.group_key(stopped), "h", 1)
    asked = {"q": "account", "account": MAKER}
    first, refused, second = client.query_many(
        [(market_group, asked), (stopped, asked), (market_group, {"q": "markets"})], 5.0
    )
    assert (first, second) == (
        client.query(market_group, asked),
        client.query(market_group, {"q": "markets"}),
    )
    assert isinstance(refused, GroupHalted)
    assert client.query_many([], 5.0) == []
