"""A web process that ends tells its sockets first."""

import os
import subprocess
import sys
import time

import httpx
from websockets.exceptions import ConnectionClosed

from exchange_os.demo.stack import PROJECT, PrivateStack
from exchange_os.embedded.processes import free_port
from tests.trading.client import VenueAddress
from tests.trading.sockets import Socket

READY_SECONDS = 60.0


async def test_sockets_are_told_before_a_restart(stack: PrivateStack, stage: dict) -> None:
    port = free_port()
    environment = {**stack.environment, "PORT": str(port)}
    server = subprocess.Popen(
        [sys.executable, "-m", "exchange_os.server"], cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL
    )
    address = VenueAddress(f"http://127.0.0.1:{port}", stage["venue"])
    try:
        wait_until_it_answers(address.base_url)
        async with Socket(f"{address.ws}/public") as socket:
            await socket.subscribe("tickers", instId="BTC-USD")
            server.terminate()
            notice = await socket.until(lambda message: message.get("event") == "notice")
            assert (notice["code"], notice["connId"]) == ("64008", socket.seen[0]["connId"])
            try:
                while True:
                    await socket.receive()
            except ConnectionClosed as closed:
                assert closed.rcvd is None or closed.rcvd.code == 1012
    finally:
        server.terminate()
        server.wait(30)


def wait_until_it_answers(url: str) -> None:
    """Ask ``/healthz`` until the server is there."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            httpx.get(f"{url}/healthz", timeout=5)
            return
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the server did not come up"
            os.sched_yield()
