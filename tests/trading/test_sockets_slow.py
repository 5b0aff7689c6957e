"""A client that subscribes to everything and never reads: it is let go, and nobody else notices."""

import asyncio
import time

import pytest
from websockets.exceptions import ConnectionClosed

from tests.trading.client import Trader, VenueAddress
from tests.trading.sockets import Socket

SUBSCRIPTIONS = 400
SILENT_SECONDS = 9.0  # longer than a frame may be stuck


async def test_a_client_that_never_reads_is_let_go_and_nobody_else_notices(
    address: VenueAddress, maker: Trader
) -> None:
    order = {"instId": "ETH-USD", "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.001"}
    for start in range(1600, 1800, 20):
        batch = [{**order, "px": str(start + step)} for step in range(20)]
        await asyncio.to_thread(maker.post, "/trade/batch-orders", batch)
    options = {"max_queue": 1, "ping_interval": None, "compression": None, "close_timeout": 0.1}
    async with Socket(f"{address.ws}/public") as fair, Socket(f"{address.ws}/public", **options) as silent:
        args = [
            {"channel": channel, "instId": "ETH-USD", "copy": str(number)}
            for channel in ("books", "books-l2-tbt")
            for number in range(SUBSCRIPTIONS // 2)
        ]
        for start in range(0, SUBSCRIPTIONS, 100):
            await silent.send({"op": "subscribe", "args": args[start : start + 100]})
        waits = []
        deadline = time.monotonic() + SILENT_SECONDS
        while time.monotonic() < deadline:
            asked = time.monotonic()
            await fair.send("ping")
            assert await fair.receive() == "pong"
            waits.append(time.monotonic() - asked)
            await asyncio.to_thread(maker.post, "/trade/batch-orders", [{**order, "px": "1700"}])
        assert sorted(waits)[len(waits) // 2] < 0.5
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await silent.receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
