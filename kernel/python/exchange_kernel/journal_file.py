"""Journals as files, and their verification without the platform: the chain of hashes, a replay, conservation, the root.

A journal file is the magic, the group as a little-endian u64, then batches: five little-endian i64 (group, epoch, first sequence, last
sequence, time in ms), a u32 length, that many bytes of command frames, and the 32 bytes of the batch's hash. The hash is
``sha256(hash of the batch before || the five numbers || frames)``, the first batch following the empty hash.
"""

import hashlib
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from exchange_kernel import KINDS, Kernel, KernelBroken, frames_of

MAGIC = b"XOSJRNL1"
START = struct.Struct("<8sQ")
HEADER = struct.Struct("<5q")
LENGTH = struct.Struct("<I")
HASH_BYTES = 32
MAX_BATCH_BYTES = 1 << 28
TRANSFERS = [KINDS["deposit"], KINDS["withdraw"]]


class NotAJournal(ValueError):
    """The bytes are no journal file, or end in the middle of a batch."""


class FileBatch(NamedTuple):
    """One batch as the file holds it; ``header`` is what the hash covers before the frames."""

    header: bytes
    group: int
    epoch: int
    first_sequence: int
    last_sequence: int
    now_ms: int
    commands: bytes
    hash: bytes


def start_bytes(group: int) -> bytes:
    """What a journal file of ``group`` begins with."""
    return START.pack(MAGIC, group)


def batch_bytes(numbers: tuple[int, int, int, int, int], commands: bytes, digest: bytes) -> bytes:
    """One batch of a file: (group, epoch, first sequence, last sequence, time in ms), its frames and its hash."""
    return HEADER.pack(*numbers) + LENGTH.pack(len(commands)) + commands + digest


def read_batches(file: BinaryIO) -> tuple[int, Iterator[FileBatch]]:
    """(group, batches in order) of a journal file. Raises ``NotAJournal``, the batches too while they are read."""
    start = file.read(START.size)
    if len(start) != START.size or not start.startswith(MAGIC):
        raise NotAJournal("this is not a journal file: it does not begin as one")
    return START.unpack(start)[1], _batches(file)


def _batches(file: BinaryIO) -> Iterator[FileBatch]:
    while header := file.read(HEADER.size):
        head = file.read(LENGTH.size) if len(header) == HEADER.size else b""
        if len(head) != LENGTH.size:
            raise NotAJournal("the file ends in the middle of a batch; download it again")
        (length,) = LENGTH.unpack(head)
        if length > MAX_BATCH_BYTES:
            raise NotAJournal(f"a batch of {length} bytes is longer than any can be")
        rest = file.read(length + HASH_BYTES)
        if len(rest) != length + HASH_BYTES:
            raise NotAJournal("the file ends in the middle of a batch; download it again")
        yield FileBatch(header, *HEADER.unpack(header), rest[:length], rest[length:])


@dataclass
class Verdict:
    """What a verification found; ``faults`` are sentences, none when everything holds.

    ``deposits`` and ``withdrawals`` are units by asset id as the journal's commands moved them; ``totals`` what the
    replayed kernel holds.
    """

    kernel: Kernel
    batches: int = 0
    hash: bytes = b""
    deposits: dict[int, int] = field(default_factory=dict)
    withdrawals: dict[int, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def root(self) -> str:
        """State root after the last batch, in hex."""
        return self.kernel.state_root().hex()

    @property
    def totals(self) -> dict[int, int]:
        """Asset id -> units held by all accounts together."""
        return {asset: units for asset, units in self.kernel.totals().items() if units}


def verify(
    file: BinaryIO, until: int | None = None, progress: Callable[[int], None] = lambda sequence: None
) -> Verdict:
    """Replay a journal file from zero, up to the batch that ends at or before sequence ``until``.

    Hashes are computed while the batch before is replayed. ``progress`` is told the sequence after each batch. Stops at
    the first fault, since nothing after it means anything. Raises ``NotAJournal``.
    """
    group, batches = read_batches(file)
    verdict = Verdict(Kernel(group))
    with ThreadPoolExecutor(1) as replayer:
        running: Future[str] | None = None
        sequence, epoch, now_ms = 0, 0, 0
        for batch in batches:
            if until is not None and batch.last_sequence > until:
                break
            fault = _link_fault(batch, group, verdict.hash, sequence, epoch, now_ms)
            if running is not None:
                fault = running.result() or fault
            if fault:
                running = None
                verdict.faults.append(fault)
                break
            running = replayer.submit(_replay, verdict, batch)
            verdict.batches, verdict.hash = verdict.batches + 1, batch.hash
            sequence, epoch, now_ms = batch.last_sequence, batch.epoch, batch.now_ms
            progress(sequence)
        if running is not None and (fault := running.result()):
            verdict.faults.append(fault)
    if not verdict.faults:
        verdict.faults.extend(_final_faults(verdict))
    return verdict


def _link_fault(batch: FileBatch, group: int, previous: bytes, sequence: int, epoch: int, now_ms: int) -> str:
    name = f"batch {batch.first_sequence}-{batch.last_sequence}"
    if batch.group != group:
        return f"{name} is of group {batch.group}, the file of group {group}"
    if batch.first_sequence != sequence + 1:
        return f"{name} follows sequence {sequence}: the journal has a gap"
    if hashlib.sha256(previous + batch.header + batch.commands).digest() != batch.hash:
        return f"{name} does not have the hash of its bytes and its predecessor"
    if batch.epoch < epoch or batch.now_ms < now_ms:
        return f"{name} goes back in {'ownership' if batch.epoch < epoch else 'time'}"
    return ""


def _replay(verdict: Verdict, batch: FileBatch) -> str:
    """Apply one batch; outputs are built only where money came in or went out. Answers what is wrong, if anything."""
    kernel = verdict.kernel
    try:
        if frames_of(batch.commands, TRANSFERS):
            for _, _, asset, amount, accepted, _ in kernel.apply(batch.commands, batch.now_ms).transfers:
                if accepted:
                    side = verdict.deposits if amount > 0 else verdict.withdrawals
                    side[asset] = side.get(asset, 0) + abs(amount)
        else:
            kernel.replay(batch.commands, batch.now_ms)
    except KernelBroken as broken:
        return f"an invariant fails in batch {batch.first_sequence}-{batch.last_sequence}: {broken}"
    if kernel.sequence != batch.last_sequence:
        return f"batch {batch.first_sequence}-{batch.last_sequence} replays to sequence {kernel.sequence}"
    return ""


def _final_faults(verdict: Verdict) -> Iterator[str]:
    try:
        verdict.kernel.check_invariants()
    except KernelBroken as broken:
        yield f"an invariant does not hold at the end: {broken}"
        return
    totals = verdict.totals
    for asset in sorted(totals.keys() | verdict.deposits.keys()):
        came = verdict.deposits.get(asset, 0) - verdict.withdrawals.get(asset, 0)
        if totals.get(asset, 0) != came:
            yield (
                f"asset {asset} is not conserved: {came} units came in and stayed, accounts hold {totals.get(asset, 0)}"
            )
