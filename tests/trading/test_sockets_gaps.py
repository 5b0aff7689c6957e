"""Messages that get lost between the engine and the sockets: nobody is told a book or an order that is not so."""

import asyncio
from collections.abc import Iterator

import orjson
import pytest
from redis import Redis

from exchange_os.demo.stack import PrivateStack
from exchange_os.engine.announcer import EVENTS_HEADER
from tests.trading.client import Trader, VenueAddress, public
from tests.trading.sockets import Socket
from tests.trading.test_sockets_public import Copy


@pytest.fixture
def broker(stack: PrivateStack) -> Iterator[Redis]:
    """The broker under the stack."""
    with Redis.from_url(f"{stack.valkey.url}/0") as client:
        yield client


def channels(broker: Redis, kind: str) -> list[str]:
    """Channels somebody listens to, of a kind."""
    return [name.decode() for name in broker.pubsub_channels(f"xos:{kind}:*")]


def publish_after_a_loss(broker: Redis, step: int) -> None:
    """Publish a change whose predecessor never came, with a level that does not exist."""
    market = next(name for name in channels(broker, "md") if name.endswith(":0"))
    change = {
        "market": 0, "seq": 10**12 + step, "prev": 10**12 - 1, "ts": 1, "bids": [[1, 1, 1]], "asks": [],
        "trades": [], "checkpoint": False, "phase": 2,
    }  # fmt: skip
    broker.publish(market, orjson.dumps(change))


async def test_a_book_survives_lost_changes(address: VenueAddress, broker: Redis, maker: Trader) -> None:
    async with Socket(f"{address.ws}/public") as socket:
        await socket.subscribe("books", instId="BTC-USD")
        copy = Copy()
        copy.apply(await socket.push("books"))
        for step in range(3):
            publish_after_a_loss(broker, step)
            price = f"3100{step}"
            await asyncio.to_thread(maker.place, "buy", "0.1", price)
            while price not in copy.sides["bids"]:
                copy.apply(await socket.push("books"))
        whole = (await asyncio.to_thread(public, address, "/market/books?instId=BTC-USD&sz=400"))["data"][0]
        assert copy.best("bids", 400) == whole["bids"]


async def test_each_trade_around_lost_changes_is_told_once(
    address: VenueAddress, broker: Redis, maker: Trader, taker: Trader
) -> None:
    async with Socket(f"{address.ws}/public") as socket:
        await socket.subscribe("trades", instId="BTC-USD")
        await socket.subscribe("tickers", instId="BTC-USD")
        await socket.push("tickers")
        socket.seen.clear()
        prices = [f"5006{step}.5" for step in range(8)]
        for step, price in enumerate(prices):
            publish_after_a_loss(broker, step)
            await asyncio.to_thread(maker.place, "sell", "0.01", price)
            publish_after_a_loss(broker, step)
            await asyncio.to_thread(taker.place, "buy", "0.01", price)
        await socket.until(
            lambda message: (
                message.get("arg", {}).get("channel") == "tickers"
                and "data" in message
                and message["data"][0]["last"] == prices[-1]
            )
        )
        pushes = [message for message in socket.seen if message["arg"]["channel"] == "trades"]
        trades = [row for push in pushes for row in push["data"]]
        assert [row["px"] for row in trades] == prices
        first = int(trades[0]["tradeId"])
        assert [int(row["tradeId"]) for row in trades] == list(range(first, first + len(prices)))


async def test_orders_survive_lost_events(address: VenueAddress, broker: Redis, maker: Trader) -> None:
    async with Socket(f"{address.ws}/private") as socket:
        await socket.login(maker.person)
        await socket.subscribe("orders", instType="ANY")
        row = await asyncio.to_thread(maker.place, "buy", "0.1", "31000")
        assert (await socket.push("orders"))["data"][0]["state"] == "live"
        # Events after ones that never came: the account is asked for, and told where it differs.
        for channel in channels(broker, "events"):
            broker.publish(channel, EVENTS_HEADER.pack(10**12, 10**12 + 1))
        await asyncio.to_thread(
            maker.post, "/trade/cancel-order", {"instId": "BTC-USD", "ordId": row["ordId"]}
        )
        push = await socket.push("orders")
        assert (push["data"][0]["ordId"], push["data"][0]["state"]) == (row["ordId"], "canceled")


async def test_sockets_follow_again_after_the_broker_dropped_them(
    address: VenueAddress, broker: Redis, maker: Trader
) -> None:
    async with Socket(f"{address.ws}/public") as socket, Socket(f"{address.ws}/private") as private:
        await socket.subscribe("books", instId="BTC-USD")
        copy = Copy()
        copy.apply(await socket.push("books"))
        await private.login(maker.person)
        await private.subscribe("orders", instType="ANY")
        broker.client_kill_filter(_type="pubsub")
        # The answers of orders travel the same way, so the first ones may be "outcome unknown".
        order = {
            "instId": "BTC-USD",
            "tdMode": "cash",
            "side": "buy",
            "ordType": "limit",
            "sz": "0.1",
            "px": "31009",
        }
        rows: list = []
        while not rows or rows[0]["sCode"] != "0":
            rows = (await asyncio.to_thread(maker.post, "/trade/order", order))["data"]
        row = rows[0]
        while "31009" not in copy.sides["bids"]:
            copy.apply(await socket.push("books"))
        push = await private.until(
            lambda message: "data" in message and message["data"][0].get("ordId") == row["ordId"]
        )
        assert push["data"][0]["state"] == "live"
