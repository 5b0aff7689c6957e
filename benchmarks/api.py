"""Benchmarks of the public trading API against a live stack of its own: real servers, real keys, signed
requests.

``python -m benchmarks.api`` prints one JSON object a line. Client, web server, engine worker, PostgreSQL and
Valkey share the machine. Workloads come from a fixed seed:

- ``api.bulk``: bodies of 1,000 items (60% new orders that rest, 30% cancels of those, 10% that cross) from
four accounts over four kept-alive connections; orders per second until the durable answer. -
``api.order.rest``, ``api.order.ws``: one resting order at a time, open loop at 100 a second over four
accounts; ms from sending to the durable acknowledgement. - ``feed.fanout``: 1,000 sockets on one web process
follow one book that changes ten times a second; ms from the engine's time of the change, which lies before
its commit, to its arrival at each socket. - ``feed.sockets``: the same with 2,000 sockets; how many of them
were told of every change.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import random
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import uvloop
from websockets.asyncio.client import connect

from exchange_os.demo.stack import PROJECT, PrivateStack

SEED = 20_260_101
PEOPLE = 8
BULK_ITEMS = 1_000
BULK_BODIES = 400
BULK_WARM_UP = 40
LANES = 4
ORDERS_A_SECOND = 100
ORDER_SECONDS = 15
SOCKETS, MORE_SOCKETS = 1_000, 2_000
UPDATES_A_SECOND = 10
FANOUT_SECONDS = 10
SETTLED_SECONDS = 10.0

Line = dict[str, Any]


@dataclass(frozen=True)
class Venue:
    """Where the benchmark trades, and as whom."""

    host: str
    port: int
    slug: str
    people: list[dict[str, str]]

    @property
    def prefix(self) -> str:
        """What stands before ``/api`` and ``/ws``."""
        return f"/v/{self.slug}"


def percentiles(samples: list[float]) -> dict[str, float]:
    """p50 and p99 in ms, of samples in seconds."""
    ordered = sorted(samples)
    return {
        "p50": round(1000 * statistics.median(ordered), 2),
        "p99": round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 2),
    }


def line(name: str, value: float, unit: str, note: str, samples: int, figures: dict[str, float]) -> Line:
    """One result."""
    return {"name": name, "value": value, "unit": unit, **figures, "samples": samples, "note": note}


def signature(person: dict[str, str], text: bytes) -> str:
    """Base64 of HMAC-SHA256."""
    return base64.b64encode(hmac.digest(person["secret"].encode(), text, hashlib.sha256)).decode()


def request_bytes(venue: Venue, person: dict[str, str], path: str, body: bytes) -> bytes:
    """A signed POST, ready to be sent."""
    moment = datetime.now(UTC)
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    head = (
        f"POST {venue.prefix}{path} HTTP/1.1\r\nHost: {venue.host}:{venue.port}\r\n"
        f"OK-ACCESS-KEY: {person['key']}\r\nOK-ACCESS-PASSPHRASE: {person['passphrase']}\r\n"
        f"OK-ACCESS-TIMESTAMP: {stamp}\r\nOK-ACCESS-SIGN: {signature(person, f'{stamp}POST{path}'.encode() + body)}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection:
    """A kept-alive HTTP connection with nothing to spare."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue

    async def open(self) -> "Connection":
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection(
            self.venue.host, self.venue.port, limit=1 << 22
        )
        return self

    async def post(self, person: dict[str, str], path: str, body: bytes) -> bytes:
        """Send a signed request and return the body of its answer."""
        self.writer.write(request_bytes(self.venue, person, path, body))
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        return await self.reader.readexactly(length)


def order(price_tenths: int, side: str = "buy") -> dict[str, str]:
    """A small limit order, ``price_tenths`` tenths of a dollar."""
    return {
        "instId": "BTC-USD", "tdMode": "cash", "side": side, "ordType": "limit", "sz": "0.00001",
        "px": f"{price_tenths // 10}.{price_tenths % 10}", "clOrdId": secrets.token_hex(12),
    }  # fmt: skip


def bulk_bodies(count: int, dice: random.Random) -> list[bytes]:
    """Bodies of the mix, each for one account, to be sent in this order."""
    resting: list[str] = []
    bodies = []
    for number in range(count):
        items = []
        for _ in range(BULK_ITEMS):
            luck = dice.random()
            if luck < 0.3 and resting:
                place = dice.randrange(len(resting))
                resting[place], resting[-1] = resting[-1], resting[place]
                items.append({"op": "cancel", "instId": "BTC-USD", "clOrdId": resting.pop()})
                continue
            side = dice.choice(("buy", "sell"))
            away = -dice.randrange(1, 50) if luck > 0.9 else dice.randrange(5, 500)
            item = order(500_000 - away if side == "buy" else 500_000 + away, side)
            item["clOrdId"] = f"b{number}x{len(items)}x{dice.randrange(10**9)}"
            if away > 0:
                resting.append(item["clOrdId"])
            items.append({"op": "place"} | {name: item[name] for name in item if name != "tdMode"})
        bodies.append(json.dumps({"items": items}, separators=(",", ":")).encode())
    return bodies


async def bench_bulk(venue: Venue) -> Line:
    """Orders a second through bulk entry."""
    dice = random.Random(SEED)
    share = (BULK_BODIES + BULK_WARM_UP) // len(venue.people)
    queues = [bulk_bodies(share, dice) for _ in venue.people]
    connections = [await Connection(venue).open() for _ in range(LANES)]
    taken: list[float] = []
    refused = 0

    async def send(lane: int, first: int, last: int) -> None:
        nonlocal refused
        mine = range(lane, len(venue.people), LANES)
        for number, body in [
            (number, queues[number][turn]) for turn in range(first, last) for number in mine
        ]:
            start = time.perf_counter()
            answer = await connections[lane].post(venue.people[number], "/api/exos/v1/bulk", body)
            taken.append(time.perf_counter() - start)
            refused += answer.count(b'"sCode"') - answer.count(b'"sCode":"0"')
            assert answer.count(b'"sCode"') == BULK_ITEMS, answer[:300]

    warm_up = BULK_WARM_UP // len(venue.people)
    await asyncio.gather(*(send(lane, 0, warm_up) for lane in range(LANES)))
    taken.clear()
    refused = 0
    start = time.perf_counter()
    await asyncio.gather(*(send(lane, warm_up, share) for lane in range(LANES)))
    seconds = time.perf_counter() - start
    items = len(taken) * BULK_ITEMS
    note = f"{len(taken)} bodies of {BULK_ITEMS}, {len(connections)} connections, {100 * refused / items:.1f}% refused"
    return line("api.bulk", round(items / seconds), "orders/s", note, len(taken), percentiles(taken))


async def paced(send: Callable[[int], Any]) -> list[float]:
    """Call ``send(number)`` at the pace of the benchmark, whatever earlier calls do; seconds each took."""
    taken: list[float] = []

    async def one(number: int, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        start = time.perf_counter()
        await send(number)
        taken.append(time.perf_counter() - start)

    start = time.perf_counter() + 0.1
    count = ORDERS_A_SECOND * ORDER_SECONDS
    await asyncio.gather(*(one(number, start + number / ORDERS_A_SECOND) for number in range(count)))
    return taken[ORDERS_A_SECOND:]  # the first second warms up


def resting_order(number: int) -> dict[str, str]:
    """An order that rests, a little elsewhere each time."""
    return order(400_000 + number % 1_000)


async def bench_rest(venue: Venue) -> Line:
    """ms of one order over REST."""
    lanes: asyncio.Queue[tuple[Connection, dict[str, str]]] = asyncio.Queue()
    for number in range(16):
        lanes.put_nowait((await Connection(venue).open(), venue.people[number % len(venue.people)]))

    async def send(number: int) -> None:
        connection, person = await lanes.get()
        body = json.dumps(resting_order(number)).encode()
        answer = await connection.post(person, "/api/v5/trade/order", body)
        assert b'"sCode":"0"' in answer, answer
        lanes.put_nowait((connection, person))

    taken = await paced(send)
    figures = percentiles(taken)
    return line("api.order.rest", figures["p50"], "ms", f"{ORDERS_A_SECOND}/s, signed", len(taken), figures)


async def bench_ws(venue: Venue) -> Line:
    """ms of one order over a socket."""
    sockets, waiting = [], {}

    async def listen(socket: Any) -> None:
        async for text in socket:
            message = json.loads(text)
            if message.get("op") == "order":
                assert message["code"] == "0", message
                waiting.pop(message["id"]).set_result(None)

    for person in venue.people:
        socket = await connect(
            f"ws://{venue.host}:{venue.port}{venue.prefix}/ws/v5/private", compression=None
        )
        stamp = str(int(time.time()))
        sign = signature(person, f"{stamp}GET/users/self/verify".encode())
        arg = {"apiKey": person["key"], "passphrase": person["passphrase"], "timestamp": stamp, "sign": sign}
        await socket.send(json.dumps({"op": "login", "args": [arg]}))
        assert json.loads(await socket.recv())["event"] == "login"
        sockets.append(socket)
    listeners = [asyncio.create_task(listen(socket)) for socket in sockets]

    async def send(number: int) -> None:
        done = waiting[str(number)] = asyncio.get_running_loop().create_future()
        request = {"id": str(number), "op": "order", "args": [resting_order(number)]}
        await sockets[number % len(sockets)].send(json.dumps(request))
        await done

    taken = await paced(send)
    for listener, socket in zip(listeners, sockets, strict=True):
        listener.cancel()
        await socket.close()
    figures = percentiles(taken)
    return line("api.order.ws", figures["p50"], "ms", f"{ORDERS_A_SECOND}/s, signed in", len(taken), figures)


class Watcher(asyncio.Protocol):
    """A socket that follows a book and notes how old each change is when it arrives."""

    def __init__(self, venue: Venue, ages: list[float]) -> None:
        self.venue = venue
        self.ages = ages
        self.changes = 0
        self.ready = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(
            f"GET {self.venue.prefix}/ws/v5/public HTTP/1.1\r\nHost: {self.venue.host}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Take frames apart."""
        now = time.time()
        self.buffer += data
        if not self.upgraded:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            assert b" 101 " in head, head
            self.upgraded, self.buffer = True, rest
            self._send(
                json.dumps({"op": "subscribe", "args": [{"channel": "books", "instId": "BTC-USD"}]}).encode()
            )
        while (frame := self._frame()) is not None:
            if b'"action":"snapshot"' in frame:
                self.ready.set_result(None)
            elif b'"action":"update"' in frame:
                self.changes += 1
                stamp = frame.split(b'"ts":"', 1)[1].split(b'"', 1)[0]
                self.ages.append(now - int(stamp) / 1000)

    def _frame(self) -> bytes | None:
        buffer = self.buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1] & 127, 2
        if length == 126:
            length, start = int.from_bytes(buffer[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < start + length:
            return None
        self.buffer = buffer[start + length :]
        return buffer[start : start + length]

    def _send(self, payload: bytes) -> None:
        mask = b"\0\0\0\0"
        self.transport.write(bytes((0x81, 0x80 | len(payload))) + mask + payload)


async def fanned_out(venue: Venue, sockets: int) -> tuple[list[Watcher], list[float]]:
    """So many sockets that have followed a changing book for a while, closed again, and the ages of what they got."""
    ages: list[float] = []
    loop = asyncio.get_running_loop()
    watchers: list[Watcher] = []
    for _ in range(sockets):
        _, watcher = await loop.create_connection(lambda: Watcher(venue, ages), venue.host, venue.port)
        watchers.append(watcher)
        await watcher.ready
    connection = await Connection(venue).open()
    ages.clear()
    for watcher in watchers:
        watcher.changes = 0
    start = time.perf_counter()
    for number in range(UPDATES_A_SECOND * FANOUT_SECONDS):
        await asyncio.sleep(max(0.0, start + number / UPDATES_A_SECOND - time.perf_counter()))
        body = json.dumps(order(450_000 + number)).encode()
        answer = await connection.post(venue.people[0], "/api/v5/trade/order", body)
        assert b'"sCode":"0"' in answer, answer
    told, deadline = -1, time.perf_counter() + SETTLED_SECONDS
    while told != len(ages) and time.perf_counter() < deadline:  # the last change is on its way to some
        told = len(ages)
        await asyncio.sleep(1.0)
    for watcher in watchers:
        watcher.transport.close()
    return watchers, ages


def fanout_note(sockets: int, ages: list[float]) -> str:
    """How many updates each socket got."""
    pace = len(ages) / sockets / FANOUT_SECONDS
    return f"{sockets} sockets, {pace:.1f} book updates/s each, aged from before the commit"


async def bench_fanout(venue: Venue) -> Line:
    """ms from a change of the book to its arrival at each of 1,000 sockets."""
    _, ages = await fanned_out(venue, SOCKETS)
    figures = percentiles(ages)
    return line("feed.fanout", figures["p99"], "ms", fanout_note(SOCKETS, ages), len(ages), figures)


async def bench_sockets(venue: Venue) -> Line:
    """How many of 2,000 sockets one web process tells of every change."""
    watchers, ages = await fanned_out(venue, MORE_SOCKETS)
    most = max(watcher.changes for watcher in watchers)
    served = sum(watcher.changes == most for watcher in watchers)
    return line(
        "feed.sockets", served, "sockets", fanout_note(MORE_SOCKETS, ages), len(ages), percentiles(ages)
    )


BENCHES: dict[str, Callable[[Venue], Any]] = {
    "api.order.rest": bench_rest,
    "api.order.ws": bench_ws,
    "feed.fanout": bench_fanout,
    "feed.sockets": bench_sockets,
    "api.bulk": bench_bulk,  # last: it fills the book
}


def lines(wanted: str = "") -> Iterator[Line]:
    """Start a stack, run the benchmarks whose names begin with ``wanted``, and take the stack down."""
    stack = PrivateStack(extra={"API_RATE_FACTOR": "1000"})  # one address plays a thousand clients
    try:
        stack.start()
        made = subprocess.run(
            [sys.executable, "-m", "benchmarks.api_stage", str(PEOPLE)],
            cwd=PROJECT,
            env=stack.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        stage = json.loads(made.stdout.splitlines()[-1])
        venue = Venue("127.0.0.1", stack.port, stage["venue"], stage["people"])
        for name, bench in BENCHES.items():
            if name.startswith(wanted) or wanted.startswith(f"{name}."):
                yield uvloop.run(bench(venue))
    finally:
        stack.stop()


if __name__ == "__main__":
    for result in lines(os.environ.get("BENCH_NAME", "")):
        print(json.dumps(result), flush=True)
