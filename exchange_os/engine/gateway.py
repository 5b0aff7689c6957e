"""The asynchronous way into the engine: one ``Gateway`` per event loop.

Commands for one group that arrive in the same turn of the event loop (or while the previous append is on its way) are
packed into one stream entry; each caller gets a future. One task appends, over one connection, so the commands of a
group enter its stream in the order they were submitted. Answers come back on the gateway's own channel after the
commit; a caller whose answer does not come is told that the outcome is unknown, never that nothing happened.
"""

import asyncio
import logging
import secrets
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from redis.exceptions import NoScriptError, RedisError, ResponseError

from exchange_os.engine import limits, scripts, wire
from exchange_os.engine.connections import make_async_redis
from exchange_os.engine.errors import Busy, GroupHalted, OutcomeUnknown
from exchange_os.engine.services import send_wake

log = logging.getLogger(__name__)


class _Item:
    """One submission: its frames (or a query), and the future its caller awaits."""

    __slots__ = ("body", "count", "future", "kind", "timer", "urgent")

    def __init__(
        self, kind: int, body: bytes, count: int, urgent: bool, future: "asyncio.Future[Any]"
    ) -> None:
        self.kind = kind
        self.body = body
        self.count = count
        self.urgent = urgent
        self.future = future
        self.timer: asyncio.TimerHandle | None = None

    def give_up(self) -> None:
        """Tell the caller that no answer came in time."""
        self.refuse(OutcomeUnknown())

    def finished(self, _: "asyncio.Future[Any]") -> None:
        if self.timer is not None:
            self.timer.cancel()

    def resolve(self, value: Any) -> None:
        if not self.future.done():
            self.future.set_result(value)

    def refuse(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class _Entry:
    """The submissions that travel in one stream entry."""

    __slots__ = ("count", "group", "items", "kind", "number", "urgent")

    def __init__(self, group: int, number: int, items: list[_Item], urgent: bool) -> None:
        self.group = group
        self.number = number
        self.items = items
        self.kind = items[0].kind
        self.count = sum(item.count for item in items)
        self.urgent = urgent

    def refuse(self, error: Exception) -> None:
        for item in self.items:
            item.refuse(error)


class Gateway:
    """Submits commands and queries to risk groups and awaits their answers. Use ``get_gateway()``."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(8).encode("ascii")
        self._numbers = 0
        self._buffers: dict[int, list[_Item]] = {}
        self._sent: dict[int, _Entry] = {}
        self._writer: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._subscribed = asyncio.Event()
        self._redis = make_async_redis()
        self._healthy = False
        self._append_sha = ""
        self._wakes: set[asyncio.Future[bool]] = set()

    async def submit(
        self,
        group: int,
        command: bytes,
        *,
        urgent: bool = False,
        timeout: float = limits.SUBMIT_TIMEOUT_SECONDS,
    ) -> wire.Ack:
        """Submit one command frame; the answer comes after it is durable.

        ``urgent`` (cancels) passes a full queue up to the hard bound. Raises ``Busy``, ``OutcomeUnknown`` (after
        ``timeout`` seconds), ``GroupHalted``, ``MalformedCommand``, ``Quarantined``.
        """
        return wire.unpack_ack(await self._enqueue(group, wire.COMMANDS, command, 1, urgent, timeout))

    async def submit_packed(
        self,
        group: int,
        commands: bytes,
        count: int,
        *,
        urgent: bool = False,
        timeout: float = limits.SUBMIT_TIMEOUT_SECONDS,
    ) -> bytes:
        """Submit ``count`` command frames back to back; answers their 32-byte acks in order. Raises as ``submit``."""
        if count == 0:
            return b""
        acks: bytes = await self._enqueue(group, wire.COMMANDS, commands, count, urgent, timeout)
        return acks

    async def query(
        self, group: int, request: dict[str, Any], *, timeout: float = limits.SUBMIT_TIMEOUT_SECONDS
    ) -> dict[str, Any]:
        """Ask a group's kernel; the answer reflects all that was acknowledged before. Raises as ``submit``."""
        answer = await self._enqueue(group, wire.QUERY, orjson.dumps(request), 1, True, timeout)
        return dict(orjson.loads(answer))

    async def publish(self, channel: str, message: bytes) -> None:
        """Tell whoever listens now; it may be lost."""
        try:
            await self._redis.publish(channel, message)
        except (RedisError, OSError) as error:
            log.info("nothing could be told on %s: %s", channel, error)

    async def close(self) -> None:
        """Stop the gateway's tasks; whatever is still awaited gets ``OutcomeUnknown``."""
        for task in (self._listener, self._writer):
            if task is not None:
                task.cancel()
        for entry in list(self._sent.values()):
            entry.refuse(OutcomeUnknown())
        await self._redis.aclose()

    def _enqueue(
        self, group: int, kind: int, body: bytes, count: int, urgent: bool, timeout: float
    ) -> "asyncio.Future[Any]":
        if kind == wire.COMMANDS:
            wire.check_frames(body, count)
        loop = asyncio.get_running_loop()
        item = _Item(kind, body, count, urgent, loop.create_future())
        item.timer = loop.call_later(timeout, item.give_up)
        item.future.add_done_callback(item.finished)
        self._buffers.setdefault(group, []).append(item)
        if self._writer is None or self._writer.done():
            self._writer = loop.create_task(self._write())
        return item.future

    async def _write(self) -> None:
        """Append what has gathered, until nothing has."""
        await self._ready()
        while self._buffers:
            buffers, self._buffers = self._buffers, {}
            entries = [entry for group, items in buffers.items() for entry in self._pack(group, items)]
            refused = await self._append(entries)
            urgent = [entry for full in refused for entry in self._urgent_part(full)]
            for entry in await self._append(urgent):
                entry.refuse(Busy(limits.BUSY_RETRY_MS))

    async def _ready(self) -> None:
        """Be subscribed and connected before anything is sent, so that a failure until then is certain."""
        if self._listener is None or self._listener.done():
            self._subscribed.clear()
            self._listener = asyncio.get_running_loop().create_task(self._listen())
        try:
            await asyncio.wait_for(self._subscribed.wait(), 2.0)
            if not self._healthy:
                await self._redis.ping()
                self._append_sha = str(await self._redis.script_load(scripts.APPEND))
                self._healthy = True
        except (TimeoutError, RedisError, OSError):
            buffers, self._buffers = self._buffers, {}
            for items in buffers.values():
                for item in items:
                    item.refuse(Busy(limits.BUSY_RETRY_MS * 10))

    def _pack(self, group: int, items: list[_Item]) -> list[_Entry]:
        """Entries for one group's submissions: commands together up to the bound, a query alone, order kept."""
        entries: list[_Entry] = []
        run: list[_Item] = []
        count = 0
        for item in items:
            if item.future.done():
                continue
            if run and (item.kind == wire.QUERY or count + item.count > limits.MAX_ENTRY_COMMANDS):
                entries.append(self._entry(group, run))
                run, count = [], 0
            run.append(item)
            count += item.count
            if item.kind == wire.QUERY:
                entries.append(self._entry(group, run))
                run, count = [], 0
        if run:
            entries.append(self._entry(group, run))
        return entries

    def _entry(self, group: int, items: list[_Item], urgent: bool | None = None) -> _Entry:
        self._numbers += 1
        everything_urgent = all(item.urgent for item in items) if urgent is None else urgent
        return _Entry(group, self._numbers, items, everything_urgent)

    def _urgent_part(self, entry: _Entry) -> list[_Entry]:
        """Of an entry that found the queue full, what may still pass; the rest is refused at once."""
        urgent = [item for item in entry.items if item.urgent and not entry.urgent]
        for item in entry.items:
            if item not in urgent:
                item.refuse(Busy(limits.BUSY_RETRY_MS))
        return [self._entry(entry.group, urgent, True)] if urgent else []

    async def _append(self, entries: list[_Entry]) -> list[_Entry]:
        """Append entries to their streams, in order. Returns those that found the queue full."""
        if not entries:
            return []
        for entry in entries:
            self._sent[entry.number] = entry
        full: list[_Entry] = []
        try:
            results = await self._evaluate(entries)
        except (RedisError, OSError) as error:
            log.warning("append failed, outcome unknown: %s", error)
            self._healthy = False
            for entry in entries:
                self._forget(entry).refuse(OutcomeUnknown())
            await self._ready()
            return []
        for entry, result in zip(entries, results, strict=True):
            if isinstance(result, Exception):
                self._forget(entry).refuse(Busy(limits.BUSY_RETRY_MS * 10))
            elif result[0] == 1:
                self._wake(entry.group, result[1])
            elif result[0] == 0:
                full.append(self._forget(entry))
            else:
                self._forget(entry).refuse(GroupHalted(entry.group))
        return full

    async def _evaluate(self, entries: list[_Entry]) -> list[Any]:
        results = await self._run_scripts(entries)
        missing = [index for index, result in enumerate(results) if isinstance(result, NoScriptError)]
        if missing:
            self._append_sha = str(await self._redis.script_load(scripts.APPEND))
            again = await self._run_scripts([entries[index] for index in missing])
            for index, result in zip(missing, again, strict=True):
                results[index] = result
        for result in results:
            if isinstance(result, ResponseError):
                log.error("append refused by the broker: %s", result)
        return results

    async def _run_scripts(self, entries: list[_Entry]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        generation = secrets.token_hex(8)
        for entry in entries:
            body = (
                entry.items[0].body if len(entry.items) == 1 else b"".join(item.body for item in entry.items)
            )
            payload = wire.pack_entry(entry.kind, entry.count, entry.number, self.id, body)
            bound = limits.STREAM_DEPTH_URGENT if entry.urgent else limits.STREAM_DEPTH
            pipeline.evalsha(
                self._append_sha, 0, entry.group, payload, entry.count, bound, generation, limits.WAKE_TTL_MS
            )
        return list(await pipeline.execute(raise_on_error=False))

    def _forget(self, entry: _Entry) -> _Entry:
        self._sent.pop(entry.number, None)
        return entry

    def _wake(self, group: int, target: bytes) -> None:
        """Send the Celery wake the append script asked for, off the event loop."""
        if target:
            wake = asyncio.get_running_loop().run_in_executor(None, send_wake, group, target.decode())
            self._wakes.add(wake)
            wake.add_done_callback(self._wakes.discard)

    async def _listen(self) -> None:
        """Receive answers for as long as the gateway lives; a lost connection is made anew."""
        while True:
            redis = make_async_redis(socket_timeout=None)
            try:
                async with redis.pubsub() as channel:
                    await channel.subscribe(wire.ack_channel(self.id))
                    async for message in channel.listen():
                        if message["type"] == "subscribe":
                            self._subscribed.set()
                        else:
                            self._receive(message["data"])
            except (RedisError, OSError) as error:
                log.warning("answer channel lost: %s", error)
            finally:
                self._subscribed.clear()
                await redis.aclose()
            await asyncio.sleep(0.2)
            self._drop_expired()

    def _receive(self, message: bytes) -> None:
        for block in wire.unpack_blocks(message):
            entry = self._sent.pop(block.number, None)
            if entry is None:
                continue
            if block.status == wire.ANSWERED:
                entry.items[0].resolve(block.body)
            elif block.status == wire.ACCEPTED:
                _distribute(entry, block.body)
            else:
                entry.refuse(wire.refusal(block.status, entry.group))
        if len(self._sent) > 10_000:
            self._drop_expired()

    def _drop_expired(self) -> None:
        """Forget entries of which every caller has given up."""
        for number, entry in list(self._sent.items()):
            if all(item.future.done() for item in entry.items):
                del self._sent[number]


def _distribute(entry: _Entry, acks: bytes) -> None:
    """Give each submission of an entry its own acks."""
    position = 0
    for item in entry.items:
        length = item.count * wire.ACK_BYTES
        item.resolve(acks[position : position + length])
        position += length


_gateways: "WeakKeyDictionary[asyncio.AbstractEventLoop, Gateway]" = WeakKeyDictionary()


def get_gateway() -> Gateway:
    """The gateway of the running event loop, made at the first call."""
    loop = asyncio.get_running_loop()
    gateway = _gateways.get(loop)
    if gateway is None:
        gateway = _gateways[loop] = Gateway()
    return gateway
