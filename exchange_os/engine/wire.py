"""Byte layouts between gateways and workers, and the names of the Redis keys they share.

A stream entry's payload is a 32-byte header followed by command frames (or by one query as JSON)::

    u8 kind (1 commands, 2 query)   u8 version   u16 reserved   u32 count   u64 entry number   16 bytes gateway id

The answer to an entry is one block in a message on the gateway's channel; a message may hold several blocks::

    u64 entry number   u32 count   u32 body length   u16 status   u16 reserved   body

All integers are little-endian. Acks are the kernel's fixed 32-byte records, one per command, in command order.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from exchange_kernel import count_commands

from exchange_os.engine import limits
from exchange_os.engine.errors import GroupHalted, MalformedCommand, OutcomeUnknown, Quarantined

COMMANDS = 1
QUERY = 2

ACCEPTED = 0
ANSWERED = 1
MALFORMED = 2
QUARANTINED = 3
HALTED = 4

ACK_BYTES = 32
WIRE_VERSION = 1
MAX_ANSWER_BYTES = 64 << 20

_ENTRY = struct.Struct("<BBHIQ16s")
_BLOCK = struct.Struct("<QIIHH")
_ACK = struct.Struct("<QqqHBBI")


class Ack(NamedTuple):
    """What became of one command, after it was committed.

    ``code`` is 0 if accepted, else a code of ``exchange_kernel.REJECTS``; ``state`` is the order's state, ``reason``
    that of a cancel; ``filled_lots`` and ``remaining_lots`` are in lots; ``extra`` is the count of a mass cancel.
    """

    order_id: int
    filled_lots: int
    remaining_lots: int
    code: int
    state: int
    reason: int = 0
    extra: int = 0


class Entry(NamedTuple):
    """One stream entry as a worker reads it."""

    id: str
    generation: str
    total: int
    kind: int
    commands: int
    number: int
    gateway: bytes
    body: bytes


class Block(NamedTuple):
    """One answer as a gateway reads it."""

    number: int
    commands: int
    status: int
    body: bytes


def pack_entry(kind: int, count: int, number: int, gateway: bytes, body: bytes) -> bytes:
    """Payload of one stream entry; ``gateway`` is the 16-byte id under which the answer is awaited."""
    return _ENTRY.pack(kind, WIRE_VERSION, 0, count, number, gateway) + body


def unpack_entry(entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    """Read one entry of a stream. Raises ``ValueError`` if it is not one of ours."""
    try:
        payload = fields[b"e"]
        kind, version, _, count, number, gateway = _ENTRY.unpack_from(payload)
        generation = fields[b"g"].decode("ascii")
        total = int(fields[b"t"])
    except (KeyError, struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"unreadable stream entry: {error}") from error
    if version != WIRE_VERSION or kind not in (COMMANDS, QUERY):
        raise ValueError(f"unknown stream entry kind {kind}, version {version}")
    return Entry(
        entry_id.decode("ascii"), generation, total, kind, count, number, gateway, payload[_ENTRY.size :]
    )


def pack_block(number: int, count: int, status: int, body: bytes | memoryview) -> bytes:
    """One answer block for a gateway's channel."""
    return _BLOCK.pack(number, count, len(body), status, 0) + body


def unpack_blocks(message: bytes) -> Iterator[Block]:
    """Read the answer blocks of one message on a gateway's channel."""
    position = 0
    while position < len(message):
        number, count, length, status, _ = _BLOCK.unpack_from(message, position)
        position += _BLOCK.size
        yield Block(number, count, status, message[position : position + length])
        position += length


def unpack_ack(acks: bytes, index: int = 0) -> Ack:
    """The ``index``-th ack of a run of fixed 32-byte records."""
    return Ack._make(_ACK.unpack_from(acks, index * ACK_BYTES))


def unpack_acks(acks: bytes) -> list[Ack]:
    """All acks of a run of fixed 32-byte records."""
    return [Ack._make(fields) for fields in _ACK.iter_unpack(acks)]


def check_frames(commands: bytes, count: int) -> None:
    """Raise ``MalformedCommand`` unless ``commands`` are ``count`` whole frames within the bounds of one submission."""
    if count > limits.MAX_ENTRY_COMMANDS or len(commands) > limits.MAX_SUBMISSION_BYTES:
        raise MalformedCommand(f"At most {limits.MAX_ENTRY_COMMANDS} commands may be sent at once.")
    try:
        framed = count_commands(commands)
    except ValueError as error:
        raise MalformedCommand(str(error)) from error
    if framed != count:
        raise MalformedCommand(f"{count} commands were announced, {framed} were sent.")


def refusal(status: int, group: int) -> Exception:
    """The error that an answer's status stands for."""
    if status == MALFORMED:
        return MalformedCommand()
    if status == QUARANTINED:
        return Quarantined()
    if status == HALTED:
        return GroupHalted(group)
    return OutcomeUnknown()


def id_after(entry_id: str) -> str:
    """The smallest stream id that follows ``entry_id`` (form ``milliseconds-sequence``)."""
    milliseconds, sequence = entry_id.split("-")
    return f"{milliseconds}-{int(sequence) + 1}"


def id_order(entry_id: str) -> tuple[int, int]:
    """Sort key of a stream id."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)


def stream_key(group: int) -> str:
    """Stream of commands of a group, written by gateways and read by the owner."""
    return f"xos:stream:{group}"


def group_key(group: int) -> str:
    """Hash with the stream's generation, totals in and out, owner and wake mark."""
    return f"xos:group:{group}"


def ack_channel(gateway: bytes) -> str:
    """Channel on which a gateway awaits its answers."""
    return f"xos:ack:{gateway.decode('ascii')}"


def market_channel(group: int, market: int) -> str:
    """Channel of one market's public data."""
    return f"xos:md:{group}:{market}"


def events_channel(group: int) -> str:
    """Channel of a group's private events."""
    return f"xos:events:{group}"


def worker_key(incarnation: str) -> str:
    """Heartbeat of one worker process: ``L`` while its drain loop listens, ``I`` while it is idle."""
    return f"xos:worker:{incarnation}"


def tallies_key(incarnation: str) -> str:
    """What one worker process counted, see ``tallies.py``."""
    return f"xos:tallies:{incarnation}"


def resting_tallies_key(incarnation: str) -> str:
    """What one worker process counted of groups that are at rest."""
    return f"xos:resting:{incarnation}"


def name_key(incarnation: str) -> str:
    """The newest incarnation of a worker's lasting name."""
    return f"xos:name:{incarnation.partition('/')[0]}"


def wakes_key(incarnation: str) -> str:
    """Set of groups a worker should take up; the shared set if ``incarnation`` is empty."""
    return f"xos:wakes:{incarnation}"


def bell_key(incarnation: str) -> str:
    """Stream that interrupts a worker's blocked read; the shared one if ``incarnation`` is empty."""
    return f"xos:bell:{incarnation}"


DIRTY_KEY = "xos:dirty"
UNAVAILABLE_KEY = "xos:unavailable"
BEAT_KEY = "xos:beat"
