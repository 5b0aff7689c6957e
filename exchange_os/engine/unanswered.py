"""Answers that an owner owed when it died between the commit and the answer.

A stream is trimmed together with the answers, so an entry at or before the journal's cursor that is still in the stream
may never have been answered. Replay brings its acks about again, and they are sent before anything new is done. A
gateway that had the answer already does not know the entry any more and passes it over.
"""

import contextlib
from typing import Any

from redis import Redis

from exchange_os.engine import scripts, wire
from exchange_os.engine.wire import Entry


class UnansweredEntries:
    """Entries of one group's stream whose effect is in the journal."""

    def __init__(self, redis: Redis, group: int, generation: str, cursor: str) -> None:
        self._redis = redis
        self._group = group
        self._cursor = cursor
        self._entries: list[Entry] = []
        self._blocks: dict[bytes, list[bytes]] = {}
        stored = redis.hget(wire.group_key(group), "gen")
        if generation and stored == generation.encode():
            found: Any = redis.xrange(wire.stream_key(group), max=cursor)
            for entry_id, fields in found or ():
                # What is unreadable was skipped by the owner, too.
                with contextlib.suppress(ValueError):
                    self._entries.append(wire.unpack_entry(entry_id, fields))
        self._last = self._entries[-1] if self._entries else None

    def wants(self, batch_cursor: str) -> bool:
        """Whether a batch up to ``batch_cursor`` may hold some of the entries."""
        return bool(self._entries) and wire.id_order(self._entries[0].id) <= wire.id_order(batch_cursor)

    def answer(self, batch_cursor: str, acks: bytes) -> None:
        """Take the acks of a replayed batch. Entries that do not fit them stay unanswered."""
        limit = wire.id_order(batch_cursor)
        mine = [entry for entry in self._entries if wire.id_order(entry.id) <= limit]
        self._entries = self._entries[len(mine) :]
        mine = [entry for entry in mine if entry.kind == wire.COMMANDS]
        if sum(entry.commands for entry in mine) * wire.ACK_BYTES != len(acks):
            return
        position = 0
        for entry in mine:
            length = entry.commands * wire.ACK_BYTES
            body = acks[position : position + length]
            block = wire.pack_block(entry.number, entry.commands, wire.ACCEPTED, body)
            self._blocks.setdefault(entry.gateway, []).append(block)
            position += length

    def send(self) -> None:
        """Send the answers and trim the stream. Raises ``RedisError``."""
        if self._last is None:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for gateway, blocks in self._blocks.items():
            pipeline.publish(wire.ack_channel(gateway), b"".join(blocks))
        keep = wire.id_after(self._cursor)
        pipeline.eval(scripts.FINISH, 0, self._group, self._last.generation, keep, self._last.total)
        pipeline.execute()
