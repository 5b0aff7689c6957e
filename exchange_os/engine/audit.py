"""Verifying a risk group from its journal alone: the chain of hashes, a clean replay, and the tables beside it.

An audit trusts nothing but the rows of ``JournalBatch``: it recomputes every link of the chain, replays every
command in a clean kernel at its journaled time, and compares what that kernel says with the fills, closed orders,
bills and snapshots which the engine stored. It reads everything and changes nothing, so anyone with a copy of the
tables can run it. Cost: about a microsecond a command, and memory for the acks.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from exchange_kernel import (
    ALGO_COLUMNS,
    BILL_COLUMNS,
    FILL_COLUMNS,
    ORDER_COLUMNS,
    Kernel,
    SnapshotError,
    decode_copy_algos,
    decode_copy_bills,
    decode_copy_fills,
    decode_copy_orders,
    split_commands,
    unpack_fills,
    unpack_order,
    unpack_trades,
)

from exchange_os.engine.models import (
    Bill,
    ClosedAlgo,
    FillPage,
    JournalBatch,
    OrderRecord,
    RiskGroup,
    Snapshot,
    TradePage,
)
from exchange_os.engine.wire import Ack, unpack_acks

_HEADER = struct.Struct("<5q")
MAX_PROBLEMS = 50
LATER_TOLD = {"flags", "stp", "mark_ticks"}
TRADE_NAMES = ["market", "trade_id", "price_ticks", "size_lots", "side", "time_ms"]


@dataclass(slots=True)
class Audit:
    """What an audit found. ``problems`` are sentences and empty when everything holds.

    ``acks`` pairs each journaled frame with the clean kernel's ack; ``transfers`` holds its decisions in order:
    (transfer id, account, asset, signed amount, accepted, code).
    """

    group_id: int
    kernel: Kernel
    problems: list[str] = field(default_factory=list)
    batches: int = 0
    trades: int = 0
    snapshots: int = 0
    acks: list[tuple[bytes, Ack]] = field(default_factory=list)
    transfers: list[tuple[int, int, int, int, bool, int]] = field(default_factory=list)

    @property
    def root(self) -> str:
        """State root of the clean replay, in hex."""
        return self.kernel.state_root().hex()

    @property
    def totals(self) -> dict[int, int]:
        """Units of each asset held by all accounts of the group after the clean replay."""
        return self.kernel.totals()

    def query(self, request: dict[str, Any]) -> dict[str, Any]:
        """The clean kernel's answer to a query, as the live one would give it."""
        answer: dict[str, Any] = json.loads(self.kernel.query(json.dumps(request).encode()))
        return answer

    def fault(self, sentence: str) -> None:
        """Note a problem; after :data:`MAX_PROBLEMS` only the first ones are kept."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(sentence)


@contextmanager
def _one_view() -> Iterator[None]:
    """All reads within see the database as it was at the first of them, whatever is committed meanwhile."""
    if connection.in_atomic_block:  # whose isolation is its owner's choice
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def audit_group(group_id: int, *, tables: bool = True) -> Audit:
    """Audit a group's journal and, with ``tables``, its fills, closed orders and bills, as of one moment."""
    with _one_view():
        return _audit(group_id, tables)


def _audit(group_id: int, tables: bool) -> Audit:
    audit = Audit(group_id, Kernel(group_id))
    fills: list[tuple[Any, ...]] = []
    orders: list[tuple[Any, ...]] = []
    bills: list[tuple[Any, ...]] = []
    algos: list[tuple[Any, ...]] = []
    trades: list[tuple[Any, ...]] = []
    roots = _snapshot_roots(group_id)
    for batch in _chained(audit):
        commands = bytes(batch.commands)
        applied = audit.kernel.apply(commands, batch.now_ms)
        if (applied.first_sequence, applied.last_sequence) != (batch.first_sequence, batch.last_sequence):
            audit.fault(
                f"batch {batch.first_sequence}-{batch.last_sequence} replays as "
                f"{applied.first_sequence}-{applied.last_sequence}"
            )
        if batch.last_sequence in roots:
            audit.snapshots += 1
            if roots[batch.last_sequence] != audit.kernel.state_root():
                audit.fault(
                    f"the snapshot at {batch.last_sequence} holds another state than the clean replay"
                )
        audit.batches += 1
        audit.trades += applied.trades
        audit.acks.extend(zip(split_commands(commands), unpack_acks(applied.acks), strict=True))
        audit.transfers.extend(applied.transfers)
        if tables:
            fills.extend(decode_copy_fills(applied.fills_copy))
            orders.extend(decode_copy_orders(applied.orders_copy))
            bills.extend(decode_copy_bills(applied.bills_copy))
            algos.extend(decode_copy_algos(applied.algos_copy))
            trades.extend(
                (market, *trade) for market, some in applied.market_trades.items() for trade in some
            )
    audit.kernel.check_invariants()
    _check_head(audit)
    if tables:
        bill_names = [name for name, _ in BILL_COLUMNS]
        stored_bills = set(Bill.objects.filter(group_id=group_id).values_list(*bill_names))
        _compare(audit, "fill", [name for name, _ in FILL_COLUMNS], _stored_fills(group_id), fills)
        _compare(audit, "trade", TRADE_NAMES, _stored_trades(group_id), trades)
        _compare(audit, "closed order", [name for name, _ in ORDER_COLUMNS], _stored_orders(group_id), orders)
        _compare(audit, "bill", bill_names, stored_bills, bills)
        algo_names = [name for name, _ in ALGO_COLUMNS]
        stored_algos = set(ClosedAlgo.objects.filter(group_id=group_id).values_list(*algo_names))
        _compare(audit, "closed algo order", algo_names, stored_algos, algos)
    return audit


def _chained(audit: Audit) -> Iterator[JournalBatch]:
    """The group's batches in order, each link checked on the way."""
    previous_hash, next_sequence, epoch, now_ms = b"", 1, 0, 0
    batches = JournalBatch.objects.filter(group_id=audit.group_id).order_by("first_sequence")
    for batch in batches.iterator(chunk_size=200):
        name = f"batch {batch.first_sequence}-{batch.last_sequence}"
        header = _HEADER.pack(
            batch.group_id, batch.epoch, batch.first_sequence, batch.last_sequence, batch.now_ms
        )
        expected = hashlib.sha256(previous_hash + header + bytes(batch.commands)).digest()
        if batch.first_sequence != next_sequence:
            audit.fault(f"{name} follows sequence {next_sequence - 1}")
        if bytes(batch.previous_hash) != previous_hash:
            audit.fault(f"{name} names another predecessor than the one before it")
        if bytes(batch.hash) != expected:
            audit.fault(f"{name} does not have the hash of its bytes")
        if batch.epoch < epoch:
            audit.fault(f"{name} was written by epoch {batch.epoch} after epoch {epoch}")
        if batch.now_ms < now_ms:
            audit.fault(f"{name} goes back in time")
        previous_hash, next_sequence = bytes(batch.hash), batch.last_sequence + 1
        epoch, now_ms = batch.epoch, batch.now_ms
        yield batch


def _snapshot_roots(group_id: int) -> dict[int, bytes]:
    """State roots of the stored snapshots that can be read, by sequence; a torn one is no snapshot at all."""
    roots = {}
    for snapshot in Snapshot.objects.filter(group_id=group_id):
        data = bytes(snapshot.data)
        if hashlib.sha256(data).digest() == bytes(snapshot.sha256):
            with suppress(SnapshotError):
                roots[snapshot.sequence] = Kernel.restore(zlib.decompress(data)).state_root()
    return roots


def _check_head(audit: Audit) -> None:
    """The group's row must stand at the journal's end."""
    head = RiskGroup.objects.get(pk=audit.group_id)
    if head.head_sequence != audit.kernel.sequence:
        audit.fault(
            f"the group's row says sequence {head.head_sequence}, the journal ends at {audit.kernel.sequence}"
        )
    last = JournalBatch.objects.filter(group_id=audit.group_id).order_by("-first_sequence").first()
    if last is not None and bytes(head.head_hash) != bytes(last.hash):
        audit.fault("the group's row carries another hash than the journal's last batch")


def _stored_fills(group_id: int) -> set[tuple[Any, ...]]:
    pages = FillPage.objects.filter(group_id=group_id).values_list("account", "data").iterator()
    return {row for account, data in pages for row in unpack_fills(group_id, account, bytes(data))}


def _stored_trades(group_id: int) -> set[tuple[Any, ...]]:
    pages = TradePage.objects.filter(group_id=group_id).values_list("market", "data").iterator()
    return {(market, *row) for market, data in pages for row in unpack_trades(bytes(data))}


def _stored_orders(group_id: int) -> set[tuple[Any, ...]]:
    rows = OrderRecord.objects.filter(group_id=group_id).values_list("account", "order_id", "data").iterator()
    return {unpack_order(group_id, account, order_id, bytes(data)) for account, order_id, data in rows}


def _as_before(names: list[str], row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row without what records did not tell until 0291."""
    return tuple(0 if name in LATER_TOLD else value for name, value in zip(names, row, strict=True))


def _compare(
    audit: Audit, what: str, columns: list[str], stored: set[tuple[Any, ...]], replayed: list[tuple[Any, ...]]
) -> None:
    """The stored rows must be exactly those of the clean replay."""
    expected = set(replayed)
    before = {old: row for row in expected - stored if (old := _as_before(columns, row)) in stored}
    stored = stored - before.keys() | set(before.values())
    if len(expected) != len(replayed):
        audit.fault(f"the clean replay itself repeats a {what}")
    for row in sorted(stored - expected)[:5]:
        audit.fault(f"a stored {what} is not in the journal: {dict(zip(columns, row, strict=True))}")
    for row in sorted(expected - stored)[:5]:
        audit.fault(f"a {what} of the journal is not stored: {dict(zip(columns, row, strict=True))}")
