"""The asynchronous way in: packing, order, admission, and honesty about what is not known."""

import asyncio
from typing import Any

import exchange_kernel as kernel
import pytest
from redis import Redis

from exchange_os.engine import gateway as gateway_module
from exchange_os.engine import limits, wire
from exchange_os.engine.errors import Busy, OutcomeUnknown
from exchange_os.engine.gateway import Gateway, get_gateway
from exchange_os.engine.models import JournalBatch
from tests.engine.cast import MAKER, MARKET, order
from tests.engine.conftest import LocalWorker, wait_until


async def closing(gateway: Gateway, work: "asyncio.Future[list[wire.Ack]]") -> list[wire.Ack]:
    """Await ``work`` and close the gateway."""
    try:
        return await work
    finally:
        await gateway.close()


def together(group: int, commands: list[bytes]) -> list[wire.Ack]:
    """Submit commands in one turn of an event loop of its own."""

    async def main() -> list[wire.Ack]:
        gateway = get_gateway()
        assert gateway is get_gateway()
        return await closing(
            gateway, asyncio.gather(*(gateway.submit(group, command) for command in commands))
        )

    return asyncio.run(main())


def test_commands_of_one_turn_travel_together_and_in_order(market_group: int) -> None:
    before = JournalBatch.objects.filter(group_id=market_group).count()
    acks = together(market_group, [order(price=900 + number) for number in range(50)])
    assert [ack.order_id for ack in acks] == list(range(1, 51))
    assert JournalBatch.objects.filter(group_id=market_group).count() == before + 1


def test_each_submission_gets_its_own_acks(market_group: int) -> None:
    async def main() -> tuple[bytes, wire.Ack, dict[str, object], bytes]:
        gateway = get_gateway()
        try:
            return await asyncio.gather(
                gateway.submit_packed(market_group, order(price=900) + order(price=901), 2),
                gateway.submit(market_group, order(price=902)),
                gateway.query(market_group, {"q": "account", "account": MAKER}),
                gateway.submit_packed(market_group, b"", 0),
            )
        finally:
            await gateway.close()

    packed, single, answer, nothing = asyncio.run(main())
    assert [ack.order_id for ack in wire.unpack_acks(packed)] == [1, 2]
    assert single.order_id == 3
    assert len(answer["orders"]) == 3  # type: ignore[arg-type]
    assert nothing == b""


def no_wake(group: int, target: str = "*") -> bool:
    """A wake that is lost."""
    return False


def fill_stream(monkeypatch: pytest.MonkeyPatch, worker: LocalWorker, group: int) -> None:
    """Leave the group without a worker, and its stream bounded to what two more commands fill."""
    wait_until(lambda: not worker.engine.holdings.active)
    monkeypatch.setattr(gateway_module, "send_wake", no_wake)
    monkeypatch.setattr(limits, "STREAM_DEPTH", 2)
    monkeypatch.setattr(limits, "STREAM_DEPTH_URGENT", 4)


def test_a_full_queue_says_busy_at_once_and_lets_cancels_pass(
    market_group: int, local_worker: LocalWorker, monkeypatch: pytest.MonkeyPatch, redis_client: Redis
) -> None:
    fill_stream(monkeypatch, local_worker, market_group)
    cancel = kernel.cancel(MAKER, MARKET, order_id=1)

    async def main() -> list[object]:
        gateway = get_gateway()
        try:
            first = asyncio.gather(*(gateway.submit(market_group, order()) for _ in range(2)))
            while redis_client.xlen(wire.stream_key(market_group)) < 1:
                await asyncio.sleep(0.01)
            results = await asyncio.gather(
                gateway.submit(market_group, order()),
                gateway.submit(market_group, cancel, urgent=True, timeout=1.0),
                gateway.submit(market_group, order()),
                return_exceptions=True,
            )
            local_worker.wake(market_group)
            return [*results, *await first]
        finally:
            await gateway.close()

    refused, passed, also_refused, *acks = asyncio.run(main())
    assert isinstance(refused, Busy) and refused.retry_after_ms > 0
    assert isinstance(also_refused, Busy)
    assert isinstance(passed, OutcomeUnknown)
    assert [ack.order_id for ack in acks] == [1, 2]  # type: ignore[attr-defined]


def test_no_answer_means_unknown_and_the_command_may_still_run(
    market_group: int, local_worker: LocalWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_stream(monkeypatch, local_worker, market_group)

    async def main() -> None:
        gateway = get_gateway()
        with pytest.raises(OutcomeUnknown):
            await gateway.submit(market_group, order(client_id="mine"), timeout=0.5)
        local_worker.wake(market_group)
        answer = await gateway.query(market_group, {"q": "order", "account": MAKER, "client_id": "mine"})
        assert answer["order"]["order_id"] == 1
        await gateway.close()

    asyncio.run(main())


def test_while_the_database_is_away_work_is_refused(market_group: int, redis_client: Redis) -> None:
    redis_client.set(wire.UNAVAILABLE_KEY, b"1", px=1_000)

    async def main() -> None:
        gateway = get_gateway()
        with pytest.raises(Busy):
            await gateway.submit(market_group, order())
        await gateway.close()

    asyncio.run(main())


def test_an_unreachable_broker_is_busy_not_unknown(market_group: int, settings: Any) -> None:
    settings.REDIS_STREAM_URL = "redis://127.0.0.1:1/0"

    async def main() -> None:
        gateway = get_gateway()
        with pytest.raises(Busy):
            await gateway.submit(market_group, order(), timeout=4.0)
        await gateway.close()

    asyncio.run(main())


def test_scripts_forgotten_by_the_broker_are_loaded_again(market_group: int, redis_client: Redis) -> None:
    async def main() -> list[int]:
        gateway = get_gateway()
        try:
            first = await gateway.submit(market_group, order())
            redis_client.script_flush()
            return [first.order_id, (await gateway.submit(market_group, order())).order_id]
        finally:
            await gateway.close()

    assert asyncio.run(main()) == [1, 2]
