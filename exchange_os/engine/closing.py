"""What every account of a risk group is worth at the head of its journal, as of the caller's view of the database.

The kernel is built as any owner builds it, from the newest snapshot and the journal after it, so the numbers belong to
exactly the sequence that the group's row names in that view, whatever is committed meanwhile.
"""

import struct
from dataclasses import dataclass

from exchange_os.engine import recovery
from exchange_os.engine.journal import Connection, Head

WORTH = struct.Struct("<QIIq")
_HEAD = """
SELECT epoch, head_sequence, head_hash, kernel_now_ms, stream_cursor, stream_generation, status
  FROM engine_riskgroup WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class Closing:
    """A group at its head: its journal's hash, its state root, and rows (owner, account, asset, units)."""

    group: int
    sequence: int
    hash: bytes
    root: bytes
    worths: list[tuple[int, int, int, int]]


def closing_of(connection: Connection, group: int) -> Closing:
    """The closing of a group. Raises ``JournalBroken`` or ``KernelBroken`` if its state cannot be built."""
    row = connection.execute(_HEAD, (group,), binary=True).fetchone()
    if row is None:
        raise LookupError(f"there is no risk group {group}")
    epoch, sequence, digest, now_ms, cursor, generation, status = row
    head = Head(
        id=group, epoch=epoch, head_sequence=sequence, head_hash=digest, kernel_now_ms=now_ms,
        stream_cursor=cursor, stream_generation=generation, candles_sequence=sequence, status=status,
        crash_count=0, crash_entry="", unclean=False,
    )  # fmt: skip
    kernel, _, _ = recovery.rebuild(connection, head)
    return Closing(group, sequence, digest, kernel.state_root(), list(WORTH.iter_unpack(kernel.worths())))
