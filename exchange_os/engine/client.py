"""The blocking way into the engine, for Celery tasks, management commands, synchronous views and tests.

The same stream, answers and errors as the gateway, one call at a time. Each thread keeps one connection and one answer
channel. Do not call it from an event loop.
"""

import secrets
import threading
import time
from collections.abc import Sequence
from typing import Any

import orjson
from redis.client import PubSub
from redis.exceptions import RedisError

from exchange_os.engine import limits, scripts, wire
from exchange_os.engine.connections import make_redis
from exchange_os.engine.errors import Busy, GroupHalted, OutcomeUnknown
from exchange_os.engine.services import send_wake
from exchange_os.errors import DomainError

_local = threading.local()


def submit(
    group: int, command: bytes, timeout: float = limits.SUBMIT_TIMEOUT_SECONDS, *, urgent: bool = False
) -> wire.Ack:
    """Submit one command frame and wait up to ``timeout`` seconds for its durable answer.

    Raises ``Busy``, ``OutcomeUnknown``, ``GroupHalted``, ``MalformedCommand``, ``Quarantined``.
    """
    return wire.unpack_ack(submit_packed(group, command, 1, timeout, urgent=urgent))


def submit_packed(
    group: int,
    commands: bytes,
    count: int,
    timeout: float = limits.SUBMIT_TIMEOUT_SECONDS,
    *,
    urgent: bool = False,
) -> bytes:
    """Submit ``count`` command frames back to back; answers their 32-byte acks in order. Raises as ``submit``."""
    wire.check_frames(commands, count)
    return _client().exchange(group, wire.COMMANDS, commands, count, urgent, timeout)


def query(
    group: int, request: dict[str, Any], timeout: float = limits.SUBMIT_TIMEOUT_SECONDS
) -> dict[str, Any]:
    """Ask a group's kernel (see the queries of ``kernel/WIRE.md``). Raises as ``submit``."""
    return dict(orjson.loads(_client().exchange(group, wire.QUERY, orjson.dumps(request), 1, True, timeout)))


def query_many(
    requests: Sequence[tuple[int, dict[str, Any]]], timeout: float
) -> list[dict[str, Any] | DomainError]:
    """Ask several groups at once and wait up to ``timeout`` seconds for all; answers in order, each with its group's
    refusal in its place if there was one."""
    bodies = [(group, orjson.dumps(request)) for group, request in requests]
    answers = _client().exchange_many(bodies, timeout)
    return [each if isinstance(each, DomainError) else dict(orjson.loads(each)) for each in answers]


def send(group: int, commands: bytes, count: int, *, urgent: bool = False) -> bool:
    """Append commands without waiting for an answer; whether they were appended. For work that can be repeated."""
    try:
        _client().append(group, wire.COMMANDS, commands, count, urgent)
    except (Busy, GroupHalted, OutcomeUnknown):
        return False
    return True


def close() -> None:
    """Close this thread's connection, if it has one."""
    client: _Client | None = getattr(_local, "client", None)
    if client is not None:
        client.close()
        _local.client = None


class _Client:
    """One thread's connection and answer channel."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(8).encode("ascii")
        self.redis = make_redis()
        self.numbers = 0
        self.channel: PubSub | None = None

    def exchange(self, group: int, kind: int, body: bytes, count: int, urgent: bool, timeout: float) -> bytes:
        """Append one entry and wait for its answer."""
        deadline = time.monotonic() + timeout
        channel = self._listen()
        number = self.append(group, kind, body, count, urgent)
        while (remaining := deadline - time.monotonic()) > 0:
            try:
                message = channel.get_message(ignore_subscribe_messages=True, timeout=remaining)
            except (RedisError, OSError) as error:
                self.close()
                raise OutcomeUnknown from error
            for block in wire.unpack_blocks(message["data"]) if message else ():
                if block.number == number:
                    return _answer(block, group)
        raise OutcomeUnknown

    def exchange_many(
        self, queries: Sequence[tuple[int, bytes]], timeout: float
    ) -> list[bytes | DomainError]:
        """Append a query to each group's stream, then wait for the answers in whatever order they come."""
        deadline = time.monotonic() + timeout
        found: list[bytes | DomainError] = [OutcomeUnknown() for _ in queries]
        waiting: dict[int, int] = {}
        try:
            channel = self._listen()
            for place, (group, body) in enumerate(queries):
                try:
                    waiting[self.append(group, wire.QUERY, body, 1, True)] = place
                except (Busy, GroupHalted) as refused:
                    found[place] = refused
            while waiting and (remaining := deadline - time.monotonic()) > 0:
                message = channel.get_message(ignore_subscribe_messages=True, timeout=remaining)
                for block in wire.unpack_blocks(message["data"]) if message else ():
                    at = waiting.pop(block.number, None)
                    if at is not None:
                        found[at] = _answer_or_refusal(block, queries[at][0])
        except (
            RedisError,
            OSError,
            Busy,
            OutcomeUnknown,
        ):  # the broker is away: what has no answer gets none
            self.close()
        return found

    def append(self, group: int, kind: int, body: bytes, count: int, urgent: bool) -> int:
        """Append one entry to the group's stream; answers its number. Sends the wake if one is needed."""
        self.numbers += 1
        payload = wire.pack_entry(kind, count, self.numbers, self.id, body)
        bound = limits.STREAM_DEPTH_URGENT if urgent else limits.STREAM_DEPTH
        try:
            status, target = scripts.append(
                self.redis, group, payload, count, bound, secrets.token_hex(8), limits.WAKE_TTL_MS
            )
        except (RedisError, OSError) as error:
            self.close()
            raise OutcomeUnknown from error
        if status == 0:
            raise Busy(limits.BUSY_RETRY_MS)
        if status < 0:
            raise GroupHalted(group)
        if target:
            send_wake(group, target.decode())
        return self.numbers

    def close(self) -> None:
        """Drop the connections; the next call makes new ones."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        self.redis.close()

    def _listen(self) -> PubSub:
        """The answer channel, subscribed before anything is sent; ``Busy`` if the broker is away."""
        if self.channel is None:
            channel = self.redis.pubsub()
            try:
                channel.subscribe(wire.ack_channel(self.id))
                channel.get_message(timeout=2.0)
            except (RedisError, OSError) as error:
                channel.close()
                raise Busy(limits.BUSY_RETRY_MS * 10) from error
            self.channel = channel
        return self.channel


def _client() -> _Client:
    client: _Client | None = getattr(_local, "client", None)
    if client is None:
        client = _local.client = _Client()
    return client


def _answer_or_refusal(block: wire.Block, group: int) -> bytes | DomainError:
    try:
        return _answer(block, group)
    except DomainError as refused:
        return refused


def _answer(block: wire.Block, group: int) -> bytes:
    if block.status in (wire.ACCEPTED, wire.ANSWERED):
        return block.body
    raise wire.refusal(block.status, group)
