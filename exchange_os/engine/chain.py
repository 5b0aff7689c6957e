"""The hash chain of a journal: one link a batch, each committing to all before it. Nothing but arithmetic."""

import struct
from hashlib import sha256
from typing import NamedTuple

_HEADER = struct.Struct("<qqqqq")


class JournalLink(NamedTuple):
    """One batch of a journal with its place and hash."""

    first_sequence: int
    last_sequence: int
    epoch: int
    now_ms: int
    commands: bytes
    hash: bytes


def chain_hash(
    previous: bytes, group: int, epoch: int, first: int, last: int, now_ms: int, commands: bytes
) -> bytes:
    """``sha256(previous || header || commands)``: 32 bytes that commit to this batch and all before it."""
    digest = sha256(previous)
    digest.update(_HEADER.pack(group, epoch, first, last, now_ms))
    digest.update(commands)
    return digest.digest()


def link_fault(link: JournalLink, group: int, previous: bytes, sequence: int) -> str:
    """What is wrong with a link that should follow ``sequence`` and ``previous``; empty if it holds."""
    if link.first_sequence != sequence + 1:
        return f"the batch that begins at {link.first_sequence} follows sequence {sequence}: there is a gap"
    expected = chain_hash(
        previous, group, link.epoch, link.first_sequence, link.last_sequence, link.now_ms, link.commands
    )
    if expected != link.hash:
        return f"the batch that begins at {link.first_sequence} does not have the hash of its bytes"
    return ""
