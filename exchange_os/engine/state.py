"""What a worker holds in memory for one risk group, and for one batch on its way to the journal."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from exchange_kernel import Applied, Kernel

from exchange_os.engine.clock import SteadyClock
from exchange_os.engine.wire import Entry


@dataclass(slots=True, eq=False)
class GroupState:
    """One owned group. The drain loop's thread owns all of it but ``failure``, ``in_flight``, ``committed_sequence``,
    ``renewed_at_ms`` and ``events_*``, which the committer's thread writes.
    """

    group: int
    epoch: int
    kernel: Kernel
    clock: SteadyClock
    head_hash: bytes
    generation: str
    cursor: str
    candles_sequence: int
    halted: bool = False

    # Entries read but not applied; the stream total and cursor of the last one applied.
    backlog: deque[Entry] = field(default_factory=deque)
    read_cursor: str = "0-0"
    total: int = 0

    # Careful mode: up to this stream id entries are applied one at a time, each marked before it is tried.
    careful_until: str = ""
    suspect_entry: str = ""
    suspect_count: int = 0

    # Pipeline.
    in_flight: int = 0
    failure: BaseException | None = None
    committed_sequence: int = 0
    renewed_at_ms: int = 0
    last_input_ms: int = 0

    # Snapshots.
    snapshot_sequence: int = 0
    snapshot_at_ms: int = 0

    # Publication: markets changed since their last message, trades gathered, time of the last message and checkpoint.
    dirty_markets: set[int] = field(default_factory=set)
    trades: dict[int, list[tuple[int, int, int, int, int]]] = field(default_factory=dict)
    published_at_ms: dict[int, int] = field(default_factory=dict)
    checkpoint_at_ms: dict[int, int] = field(default_factory=dict)
    events_wanted: bool = False
    events_sequence: int = 0
    events_polled_ms: int = 0
    #: When somebody last asked for an account: who does so is about to follow its events.
    events_asked_ms: int = -10_000
    #: Candles to store: of trades by (market, minute), of mark and index by (market, which, minute).
    candles: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict)
    candles_flushed_ms: int = 0


class Taken(NamedTuple):
    """A serialised kernel on its way to the table; ``journal_hash`` is the chain's hash at ``sequence``."""

    group: int
    sequence: int
    journal_hash: bytes
    data: bytes


@dataclass(slots=True, eq=False)
class Batch:
    """A run of stream entries applied together, and everything to do once it is durable.

    Without ``applied`` it has nothing for the journal: answers, publications or a snapshot that must wait for the
    batches before it.
    """

    state: GroupState
    cursor: str
    generation: str
    total: int
    entries: list[Entry] = field(default_factory=list)
    commands: bytes = b""
    applied: Applied | None = None
    previous_hash: bytes = b""
    hash: bytes = b""
    next_timer_ms: int | None = None
    candles: list[tuple[int, ...]] = field(default_factory=list)
    answers: list[tuple[bytes, bytes]] = field(default_factory=list)
    publications: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    snapshot: Taken | None = None
    quarantined: Entry | None = None
    begun_ns: int = field(default_factory=time.perf_counter_ns)
