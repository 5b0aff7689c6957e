"""What leaves after a commit: answers to gateways, private events, market data; and the stream behind it is trimmed.

Everything here may be lost without harm: answers become "outcome unknown", streams are trimmed by a later batch (what
is read again is skipped by the cursor), and subscribers see a gap in the numbers and take a snapshot.
"""

import struct
import time
from typing import Any

import orjson
from redis import Redis

from exchange_os.engine import scripts, wire
from exchange_os.engine.clock import running_ms
from exchange_os.engine.state import Batch, GroupState

EVENTS_POLL_MS = 250
AWAY_TTL_MS = 1_500

#: Before the packed events of a batch: last sequence of the batch with events before it, last sequence of this one.
EVENTS_HEADER = struct.Struct("<qq")


class Announcer:
    """One Redis client, used by the committer's thread only."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def announce(self, batches: list[Batch]) -> None:
        """Send everything that batches have to tell, in one round trip. Raises ``RedisError``."""
        pipeline = self._redis.pipeline(transaction=False)
        last: dict[GroupState, Batch] = {}
        blocks: dict[bytes, list[bytes]] = {}
        for batch in batches:
            for gateway, some in answer_blocks(batch).items():
                blocks.setdefault(gateway, []).extend(some)
            last[batch.state] = batch
        for gateway, some in blocks.items():
            pipeline.publish(wire.ack_channel(gateway), b"".join(some))
        committed_ms = time.time_ns() // 1_000_000
        for batch in batches:
            self._publish(pipeline, batch, committed_ms)
        before = len(pipeline)
        polled = self._poll_subscribers(pipeline, list(last))
        for state, batch in last.items():
            if batch.total:
                keep = wire.id_after(batch.cursor)
                pipeline.eval(scripts.FINISH, 0, state.group, batch.generation, keep, batch.total)
        results = pipeline.execute()
        for state, count in zip(polled, results[before : before + len(polled)], strict=True):
            state.events_wanted = bool(count and count[0][1])  # as of a moment ago

    def database_away(self) -> None:
        """Let gateways refuse work for a while: nothing can be made durable."""
        self._redis.set(wire.UNAVAILABLE_KEY, b"1", px=AWAY_TTL_MS)

    def _publish(self, pipeline: Any, batch: Batch, committed_ms: int) -> None:
        state, applied = batch.state, batch.applied
        if applied is not None and applied.events:
            if state.events_wanted or running_ms() - state.events_asked_ms <= 2 * EVENTS_POLL_MS:
                header = EVENTS_HEADER.pack(state.events_sequence, applied.last_sequence)
                pipeline.publish(wire.events_channel(state.group), header + applied.events)
            state.events_sequence = applied.last_sequence
        for channel, message in batch.publications:
            pipeline.publish(channel, orjson.dumps(message | {"committed_ms": committed_ms}))

    def _poll_subscribers(self, pipeline: Any, states: list[GroupState]) -> list[GroupState]:
        """Ask, a few times a second, whether anybody listens to a group's private events."""
        now = running_ms()
        due = [state for state in states if now - state.events_polled_ms > EVENTS_POLL_MS]
        for state in due:
            state.events_polled_ms = now
            pipeline.pubsub_numsub(wire.events_channel(state.group))
        return due


def answer_blocks(batch: Batch) -> dict[bytes, list[bytes]]:
    """Blocks for each gateway that is owed an answer by a batch."""
    blocks: dict[bytes, list[bytes]] = {}
    acks = memoryview(batch.applied.acks) if batch.applied is not None else memoryview(b"")
    position = 0
    for entry in batch.entries:
        length = entry.commands * wire.ACK_BYTES
        block = wire.pack_block(
            entry.number, entry.commands, wire.ACCEPTED, acks[position : position + length]
        )
        blocks.setdefault(entry.gateway, []).append(block)
        position += length
    for gateway, block in batch.answers:
        blocks.setdefault(gateway, []).append(block)
    return blocks
