"""Public sockets: snapshots, numbered changes with checksums, trades, tickers, candles, and clients that misbehave."""

import asyncio
import json
import zlib
from collections import Counter

import pytest
from websockets.exceptions import ConnectionClosed

from tests.trading.client import Trader, VenueAddress, public
from tests.trading.sockets import Socket

ARG = {"channel": "books", "instId": "BTC-USD"}


class Copy:
    """A book put together from pushes, as clients do it."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, list[str]]] = {"bids": {}, "asks": {}}
        self.sequence = -1

    def apply(self, push: dict) -> None:
        """Follow one push; numbers must chain and the checksum must hold."""
        row = push["data"][0]
        if push["action"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
            assert row["prevSeqId"] == -1
        else:
            assert row["prevSeqId"] == self.sequence
        self.sequence = row["seqId"]
        for name, levels in self.sides.items():
            for level in row[name]:
                assert len(level) == 4
                if level[1] == "0":
                    del levels[level[0]]
                else:
                    levels[level[0]] = level
        assert row["checksum"] == self.checksum()

    def best(self, side: str, count: int) -> list[list[str]]:
        """Best levels first."""
        order = sorted(self.sides[side].values(), key=lambda level: float(level[0]), reverse=side == "bids")
        return order[:count]

    def checksum(self) -> int:
        """As clients compute it."""
        bids, asks = self.best("bids", 25), self.best("asks", 25)
        parts = []
        for rank in range(25):
            parts += [f"{side[rank][0]}:{side[rank][1]}" for side in (bids, asks) if rank < len(side)]
        crc = zlib.crc32(":".join(parts).encode())
        return crc - (1 << 32) if crc >= 1 << 31 else crc


async def place(trader: Trader, *args: str, **extra: str) -> dict:
    """Place an order without stopping the loop."""
    return await asyncio.to_thread(trader.place, *args, **extra)


async def test_a_book_can_be_followed(address: VenueAddress, maker: Trader) -> None:
    await place(maker, "buy", "0.1", "31000")
    async with Socket(f"{address.ws}/public") as socket:
        answer = await socket.subscribe(**ARG)
        assert (answer["event"], answer["arg"]) == ("subscribe", ARG)
        assert answer["connId"]
        copy = Copy()
        first = await socket.push("books")
        assert (first["action"], first["arg"]) == ("snapshot", ARG)
        copy.apply(first)
        for price in ("31001", "31002", "31003"):
            await place(maker, "buy", "0.2", price)
            while price not in copy.sides["bids"]:
                copy.apply(await socket.push("books"))
        await asyncio.to_thread(maker.post, "/trade/mass-cancel", {})
        while "31003" in copy.sides["bids"]:
            copy.apply(await socket.push("books"))
        whole = (await asyncio.to_thread(public, address, "/market/books?instId=BTC-USD&sz=400"))["data"][0]
        assert copy.best("bids", 400) == whole["bids"]
        assert copy.best("asks", 400) == whole["asks"]


@pytest.mark.parametrize(("channel", "depth"), [("books5", 5), ("bbo-tbt", 1)])
async def test_the_best_levels_come_whole(
    address: VenueAddress, maker: Trader, channel: str, depth: int
) -> None:
    async with Socket(f"{address.ws}/public") as socket:
        await socket.subscribe(channel, instId="BTC-USD")
        await socket.push(channel)
        for step in range(depth + 1):
            await place(maker, "buy", "0.01", f"4900{step}")
        best = f"4900{depth}"
        push = await socket.until(
            lambda message: (
                "data" in message
                and message["data"][0]["bids"][:1]
                and message["data"][0]["bids"][0][0] == best
            )
        )
        assert "action" not in push
        assert len(push["data"][0]["bids"]) == depth
        assert push["data"][0]["instId"] == "BTC-USD"


async def test_depth_of_fifty_keeps_its_own_numbers(address: VenueAddress, maker: Trader) -> None:
    async with Socket(f"{address.ws}/public") as socket:
        await socket.subscribe("books50-l2-tbt", instId="ETH-USD")
        copy = Copy()
        copy.apply(await socket.push("books50-l2-tbt"))
        for start in (1600, 1620, 1640):
            order = {"instId": "ETH-USD", "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.001"}
            batch = [{**order, "px": str(start + step)} for step in range(20)]
            while (await asyncio.to_thread(maker.post, "/trade/batch-orders", batch))["code"] != "0":
                pass  # the limit of orders was reached; what is placed twice is one level all the same
        while "1659" not in copy.sides["bids"]:
            copy.apply(await socket.push("books50-l2-tbt"))
        assert len(copy.sides["bids"]) == 50
        await asyncio.to_thread(maker.post, "/trade/mass-cancel", {})
        while "1659" in copy.sides["bids"]:
            copy.apply(await socket.push("books50-l2-tbt"))


async def test_trades_tickers_and_candles_follow_a_trade(
    address: VenueAddress, maker: Trader, taker: Trader
) -> None:
    async with Socket(f"{address.ws}/public") as socket, Socket(f"{address.ws}/business") as business:
        for channel in ("trades", "tickers", "trades-all"):
            assert (await socket.subscribe(channel, instId="BTC-USD"))["event"] == "subscribe"
        assert (await business.subscribe("candle1m", instId="BTC-USD"))["event"] == "subscribe"
        await place(maker, "sell", "0.0123", "50077.7")
        await place(taker, "buy", "0.0123", "50077.7")

        trade = await socket.until(
            lambda m: (
                m.get("arg", {}).get("channel") == "trades"
                and "data" in m
                and m["data"][-1]["sz"] == "0.0123"
            )
        )
        assert (trade["data"][-1]["px"], trade["data"][-1]["side"]) == ("50077.7", "buy")
        ticker = await socket.until(
            lambda m: (
                m.get("arg", {}).get("channel") == "tickers"
                and "data" in m
                and m["data"][0]["last"] == "50077.7"
            )
        )
        assert ticker["data"][0]["lastSz"] == "0.0123"
        candle = await business.until(lambda m: "data" in m and m["data"][0][4] == "50077.7")
        assert len(candle["data"][0]) == 9


async def test_venue_channels_tell_the_instruments(address: VenueAddress) -> None:
    async with Socket(f"{address.ws}/public") as socket:
        await socket.subscribe("instruments", instType="SPOT")
        push = await socket.push("instruments")
        assert [row["instId"] for row in push["data"]] == ["BTC-USD", "ETH-USD"]
        assert (await socket.subscribe("status"))["event"] == "subscribe"


async def test_a_thousand_subscriptions_are_too_many(address: VenueAddress) -> None:
    async with Socket(f"{address.ws}/public") as socket:
        for first in range(0, 1_000, 100):
            args = [
                {"channel": "mark-price", "instId": "BTC-USD", "n": str(first + more)} for more in range(100)
            ]
            await socket.send({"op": "subscribe", "args": args})
            await socket.send("ping")
            assert await socket.until(lambda message: message == "pong") == "pong"
        events = Counter(message.get("event") for message in socket.seen if message != "pong")
        assert (events["subscribe"], events["error"]) == (480, 520)
        assert {m["code"] for m in socket.seen if m != "pong" and m.get("event") == "error"} == {"60014"}


async def test_unsubscribing_ends_the_pushes(address: VenueAddress, maker: Trader) -> None:
    async with Socket(f"{address.ws}/public") as socket:
        await socket.subscribe(**ARG)
        await socket.push("books")
        await socket.send({"id": "7", "op": "unsubscribe", "args": [ARG]})
        answer = await socket.until(lambda message: message.get("event") == "unsubscribe")
        assert (answer["arg"], answer["id"]) == (ARG, "7")
        socket.seen.clear()
        await place(maker, "buy", "0.01", "30000")
        await socket.send("ping")
        assert await socket.until(lambda message: message == "pong") == "pong"
        assert socket.seen == ["pong"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "60012"),
        ("{", "60012"),
        ("[]", "60012"),
        ("null", "60012"),
        ('{"op":"fly"}', "60012"),
        ('{"op":["subscribe"]}', "60012"),
        ('{"op":"subscribe"}', "60012"),
        ('{"op":"subscribe","args":[]}', "60012"),
        ('{"op":"subscribe","args":[1]}', "60012"),
        ('{"op":"subscribe","args":[{"channel":5}]}', "60012"),
        ('{"op":"subscribe","args":[{"channel":"houses","instId":"BTC-USD"}]}', "60018"),
        ('{"op":"subscribe","args":[{"channel":"books","instId":"DOGE-USD"}]}', "60018"),
        ('{"op":"subscribe","args":[{"channel":"books","instId":{"a":1}}]}', "60018"),
        ('{"op":"subscribe","args":[{"channel":"candle7m","instId":"BTC-USD"}]}', "60018"),
        ('{"op":"login","args":[]}', "60012"),
        ("x" * 60_000, "60012"),
        ('{"op":"subscribe","args":' + "[" * 5_000, "60012"),
    ],
)
async def test_a_bad_frame_is_answered_and_the_socket_lives(
    address: VenueAddress, text: str, code: str
) -> None:
    async with Socket(f"{address.ws}/public") as socket:
        await socket.send(text)
        answer = await socket.receive()
        assert (answer["event"], answer["code"]) == ("error", code)
        assert isinstance(answer["msg"], str)
        assert isinstance(answer["connId"], str)
        await socket.send("ping")
        assert await socket.receive() == "pong"


async def test_frames_that_are_too_large_or_binary_close_the_socket(address: VenueAddress) -> None:
    for message in ("x" * 70_000, b"bytes"):
        async with Socket(f"{address.ws}/public") as socket:
            await socket.connection.send(message)
            with pytest.raises(ConnectionClosed) as closed:
                await socket.receive()
            assert closed.value.rcvd is None or closed.value.rcvd.code == 1009


async def test_one_socket_may_not_shout(address: VenueAddress) -> None:
    async with Socket(f"{address.ws}/public") as socket:
        for _ in range(400):
            await socket.send('{"op":"nothing"}')
        codes = {(await socket.receive())["code"] for _ in range(400)}
        assert codes == {"60012", "60014"}


async def test_a_socket_of_an_unknown_venue_is_refused(address: VenueAddress) -> None:
    nowhere = VenueAddress(address.base_url, "nowhere")
    with pytest.raises(Exception, match="403"):
        async with Socket(f"{nowhere.ws}/public"):
            pass


async def test_a_slow_reader_gets_a_whole_book_again(address: VenueAddress, maker: Trader) -> None:
    """It subscribes, stops reading while thousands of changes pass, and then reads on: the book still chains."""
    async with Socket(f"{address.ws}/public") as socket:
        await socket.subscribe(**ARG)
        order = {"instId": "BTC-USD", "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.0001"}
        for round_ in range(5):
            batch = [{**order, "px": str(30_000 + round_ * 20 + step)} for step in range(20)]
            await asyncio.to_thread(maker.post, "/trade/batch-orders", batch)
        await asyncio.to_thread(maker.post, "/trade/mass-cancel", {})
        await place(maker, "buy", "0.0777", "29999")
        copy = Copy()
        while copy.sides["bids"].get("29999", ["", ""])[1] != "0.0777" or "30099" in copy.sides["bids"]:
            push = await socket.push("books")
            copy.apply(push)
        assert json.dumps(ARG)
