"""Recovery: the newest good snapshot, then replay of the journal. There is no other way to build a kernel's state.

It runs whenever a worker takes a group up, so it is exercised all the time. Every row's place and hash is checked on
the way, and the end must be the head that the owner's row names; anything else halts the group.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator

import orjson
from exchange_kernel import Kernel, KernelBroken

from exchange_os.engine import journal, snapshots
from exchange_os.engine.clock import SteadyClock, running_ms
from exchange_os.engine.errors import JournalBroken
from exchange_os.engine.journal import Connection, Head, Link
from exchange_os.engine.models import RiskGroup
from exchange_os.engine.state import GroupState
from exchange_os.engine.unanswered import UnansweredEntries

log = logging.getLogger(__name__)

READ_AHEAD = 16
FEW_COMMANDS = 10_000


def no_report() -> None:
    """For callers whom nobody watches."""


def open_group(
    connection: Connection,
    head: Head,
    unanswered: UnansweredEntries | None = None,
    progress: Callable[[], None] = no_report,
) -> GroupState:
    """The state of a group that was just taken. Halts the group (and says so in the state) if it cannot be built.

    ``unanswered`` is given the acks of journaled batches whose entries are still in the stream; ``progress`` is called
    after each batch, so that a watchdog sees that a long replay is no stall.
    """
    started = time.perf_counter()
    try:
        kernel, snapshot_sequence, candles = rebuild(connection, head, unanswered, progress)
        halted = head.status == RiskGroup.Status.HALTED
    except (JournalBroken, KernelBroken) as error:
        log.critical("cannot be rebuilt: %s", error, extra={"group": head.id})
        halt(connection, head.id, head.head_sequence, str(error))
        kernel, snapshot_sequence, candles, halted = Kernel(head.id), 0, {}, True
    now = running_ms()
    state = GroupState(
        group=head.id,
        epoch=head.epoch,
        kernel=kernel,
        clock=SteadyClock(kernel.now_ms),
        head_hash=head.head_hash,
        generation=head.stream_generation,
        cursor=head.stream_cursor,
        read_cursor=head.stream_cursor,
        candles_sequence=head.candles_sequence,
        halted=halted,
        suspect_entry=head.crash_entry,
        suspect_count=head.crash_count,
        committed_sequence=head.head_sequence,
        renewed_at_ms=now,
        events_sequence=head.head_sequence,
        last_input_ms=now,
        snapshot_sequence=snapshot_sequence,
        snapshot_at_ms=now,
        candles=candles,
    )
    log.info(
        "taken in epoch %s at %s (%s replayed) in %.3f s",
        head.epoch,
        head.head_sequence,
        head.head_sequence - snapshot_sequence,
        time.perf_counter() - started,
        extra={"group": head.id},
    )
    return state


def rebuild(
    connection: Connection,
    head: Head,
    unanswered: UnansweredEntries | None = None,
    progress: Callable[[], None] = no_report,
) -> tuple[Kernel, int, dict[tuple[int, ...], tuple[int, ...]]]:
    """(kernel at the head, sequence of the snapshot used, candles that were not stored yet).

    Raises ``JournalBroken`` or ``KernelBroken``.
    """
    if not head.head_sequence and not head.head_hash:
        return Kernel(head.id), 0, {}
    kernel, sequence, previous_hash = snapshots.load(connection, head.id, head.head_sequence)
    snapshot_sequence = sequence
    candles: dict[tuple[int, ...], tuple[int, ...]] = {}
    for link in _links(connection, head, sequence):
        journal.check_link(link, head.id, previous_hash, sequence)
        if link.last_sequence > head.head_sequence:
            break
        wanted = unanswered is not None and unanswered.wants(link.stream_cursor)
        if wanted or link.last_sequence > head.candles_sequence:
            applied = kernel.apply(link.commands, link.now_ms)
            for candle in applied.candles:
                candles[(candle[0], candle[1])] = candle
            for minute in applied.price_candles:
                candles[minute[:3]] = minute
            if unanswered is not None and wanted:
                unanswered.answer(link.stream_cursor, applied.acks)
        else:
            kernel.replay(link.commands, link.now_ms)
        sequence, previous_hash = link.last_sequence, link.hash
        progress()
        if kernel.sequence != sequence:
            raise JournalBroken(
                f"replay of risk group {head.id} is at {kernel.sequence}, its journal at {sequence}"
            )
    if (sequence, previous_hash) != (head.head_sequence, head.head_hash):
        raise JournalBroken(
            f"the journal of risk group {head.id} ends at {sequence}, its head is {head.head_sequence}"
        )
    return kernel, snapshot_sequence, candles


def _links(connection: Connection, head: Head, sequence: int) -> Iterator[Link]:
    """The rows to replay: a few at once, many in portions that are fetched ahead."""
    if head.head_sequence - sequence <= FEW_COMMANDS:
        return iter(journal.few_links(connection, head.id, sequence))
    return _read_ahead(journal.links(connection, head.id, sequence))


def _read_ahead(links: Generator[Link, None, None]) -> Iterator[Link]:
    """The same rows, fetched by a thread while those before them are replayed."""
    rows: queue.Queue[Link | BaseException | None] = queue.Queue(READ_AHEAD)
    ended = threading.Event()

    def fetch() -> None:
        try:
            with contextlib.closing(links):
                for link in links:
                    rows.put(link)
                    if ended.is_set():
                        break
            rows.put(None)
        except BaseException as error:
            rows.put(error)

    reader = threading.Thread(target=fetch, name="engine-replay", daemon=True)
    reader.start()
    try:
        while (row := rows.get()) is not None:
            if isinstance(row, BaseException):
                raise row
            yield row
    finally:
        ended.set()
        while reader.is_alive():
            with contextlib.suppress(queue.Empty):
                rows.get_nowait()
            reader.join(0.001)


def halt(connection: Connection, group: int, sequence: int, message: str) -> None:
    """Stop a group and record why; only an operator can let it go on."""
    with connection.transaction():
        connection.execute("UPDATE engine_riskgroup SET status = 'halted' WHERE id = %s", (group,))
        connection.execute(
            "INSERT INTO engine_incident (group_id, sequence, kind, message, stream_entry, commands, resolved,"
            " created_at) VALUES (%s, %s, 'halt', %s, '', '', false, clock_timestamp())",
            (group, sequence, message),
        )


def market_numbers(kernel: Kernel) -> list[int]:
    """Numbers of all markets a kernel lists."""
    return [market["market"] for market in orjson.loads(kernel.query(b'{"q":"markets"}'))["markets"]]
