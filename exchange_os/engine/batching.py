"""From stream entries to a batch: the one place where commands meet the kernel.

Normally everything a group has waiting, up to a bound, is applied at once. After a failure whose cause may be an entry,
the entries that were waiting then are tried one at a time, each marked in the database first. An entry that fails
twice on its own (a panic, a crash of the process, an endless loop ended by the watchdog, a refused commit) is set
aside: it gets no effect and a recorded incident, and every market of the group goes cancel-only.
"""

import logging
from collections.abc import Callable
from typing import Any

import orjson
from exchange_kernel import PHASE_HALTED, PHASE_MOVES, Applied, count_commands, set_phase, tick

from exchange_os.engine import failpoints, journal, limits, publisher, wire
from exchange_os.engine.chain import chain_hash
from exchange_os.engine.clock import running_ms
from exchange_os.engine.journal import Connection
from exchange_os.engine.state import Batch, GroupState, Taken
from exchange_os.engine.wire import Entry

log = logging.getLogger(__name__)

MAX_FAILURES_ALONE = 2


class KernelFailed(Exception):
    """The kernel panicked or found an invariant broken; its memory cannot be trusted any more."""


def next_batch(state: GroupState, connect: Callable[[], Connection]) -> Batch | None:
    """Apply what waits for a group, up to one batch; ``None`` if nothing does.

    ``connect`` gives a database connection if one is needed. Raises ``KernelFailed``, ``Fenced`` and ``psycopg.Error``
    (careful mode writes a mark); the state is then worthless.
    """
    if not state.backlog:
        return None
    careful = _is_careful(state)
    entries = [state.backlog.popleft()] if careful else _take(state)
    last = entries[-1]
    state.cursor, state.generation, state.total = last.id, last.generation, last.total
    batch = Batch(state=state, cursor=last.id, generation=last.generation, total=last.total)
    if state.halted:
        batch.answers = [(e.gateway, wire.pack_block(e.number, 0, wire.HALTED, b"")) for e in entries]
        return batch
    queries, commands = _sort(entries, batch)
    if careful and commands and _must_set_aside(state, last, connect):
        commands = _set_aside(state, last, batch)
    if commands:
        _apply(batch, commands)
    for entry in queries:
        answer = orjson.dumps(feed) if (feed := _feed(state, entry)) is not None else _query(state, entry)
        batch.answers.append((entry.gateway, wire.pack_block(entry.number, 1, wire.ANSWERED, answer)))
    add_outputs(batch)
    return batch


def tick_batch(state: GroupState) -> Batch:
    """A batch of one tick, for timers that are due while the group is being drained. Raises ``KernelFailed``."""
    batch = empty_batch(state)
    _apply(batch, [tick()])
    add_outputs(batch)
    return batch


def empty_batch(state: GroupState) -> Batch:
    """A batch without commands: it carries what must wait for the batches before it."""
    return Batch(state=state, cursor=state.cursor, generation=state.generation, total=0)


def add_outputs(batch: Batch) -> None:
    """Add the messages, candles and snapshot that are due to a batch."""
    state, now = batch.state, running_ms()
    batch.publications.extend(publisher.take(state, now))
    batch.candles.extend(publisher.take_candles(state, now))
    due = state.kernel.sequence - state.snapshot_sequence >= limits.SNAPSHOT_COMMANDS
    if due and now - state.snapshot_at_ms >= limits.SNAPSHOT_MIN_MS:
        add_snapshot(batch)


def add_snapshot(batch: Batch) -> None:
    """Serialise the kernel as it is after the batch, to be stored once the batch is committed."""
    state = batch.state
    state.snapshot_sequence, state.snapshot_at_ms = state.kernel.sequence, running_ms()
    batch.snapshot = Taken(state.group, state.kernel.sequence, state.head_hash, state.kernel.snapshot())


def _take(state: GroupState) -> list[Entry]:
    entries = [state.backlog.popleft()]
    count = entries[0].commands
    while state.backlog and count + state.backlog[0].commands <= limits.BATCH_COMMANDS:
        entries.append(state.backlog.popleft())
        count += entries[-1].commands
    return entries


def _sort(entries: list[Entry], batch: Batch) -> tuple[list[Entry], list[bytes]]:
    """(queries, command frames); entries that are not what they say are answered at once."""
    queries: list[Entry] = []
    commands: list[bytes] = []
    for entry in entries:
        if entry.kind == wire.QUERY:
            queries.append(entry)
        elif _is_well_formed(entry):
            batch.entries.append(entry)
            commands.append(entry.body)
        else:
            batch.answers.append((entry.gateway, wire.pack_block(entry.number, 0, wire.MALFORMED, b"")))
    return queries, commands


def _is_well_formed(entry: Entry) -> bool:
    try:
        return count_commands(entry.body) == entry.commands
    except ValueError:
        return False


def _apply(batch: Batch, commands: list[bytes]) -> None:
    state = batch.state
    batch.commands = commands[0] if len(commands) == 1 else b"".join(commands)
    failpoints.hit("before_apply")
    applied = _guarded(state, batch.commands)
    failpoints.hit("after_apply")
    batch.applied = applied
    batch.previous_hash = state.head_hash
    batch.hash = chain_hash(
        state.head_hash,
        state.group,
        state.epoch,
        applied.first_sequence,
        applied.last_sequence,
        applied.now_ms,
        batch.commands,
    )
    batch.next_timer_ms = state.kernel.next_timer_ms
    state.head_hash = batch.hash
    publisher.gather(state, applied)


def _guarded(state: GroupState, commands: bytes) -> Applied:
    """Apply; a panic of the kernel (which derives from ``BaseException``) becomes ``KernelFailed``."""
    try:
        return state.kernel.apply(commands, state.clock.now_ms())
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise KernelFailed(f"{type(error).__name__}: {error}") from error


def _query(state: GroupState, entry: Entry) -> bytes:
    """The answer to any other query. Who asks for an account may be about to follow its events."""
    if b'"q":"account"' in entry.body:
        state.events_asked_ms = running_ms()
    return state.kernel.query(entry.body)


def _feed(state: GroupState, entry: Entry) -> dict[str, Any] | None:
    """The answer to a query for a market's feed; ``None`` if the query is another one."""
    if b'"feed"' not in entry.body:
        return None
    try:
        request = orjson.loads(entry.body)
        if not isinstance(request, dict) or request.get("q") != "feed":
            return None
        return publisher.feed(state, int(request["market"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return {"error": "STATE_MARKET_UNKNOWN", "message": "There is no such market."}


def _is_careful(state: GroupState) -> bool:
    """Whether the next entry is one of those that were waiting when the group failed."""
    if not state.careful_until:
        return False
    if wire.id_order(state.backlog[0].id) > wire.id_order(state.careful_until):
        state.careful_until = ""
        return False
    return True


def _must_set_aside(state: GroupState, entry: Entry, connect: Callable[[], Connection]) -> bool:
    """Mark the entry that is tried next, unless it has failed alone often enough."""
    if entry.id == state.suspect_entry and state.suspect_count >= MAX_FAILURES_ALONE:
        return True
    journal.mark_suspect(connect(), state, entry.id)
    if entry.id != state.suspect_entry:
        state.suspect_entry, state.suspect_count = entry.id, 0
    return False


def _set_aside(state: GroupState, entry: Entry, batch: Batch) -> list[bytes]:
    """Answer a poisonous entry without applying it; the commands that halt the group's markets come in its place."""
    log.critical("entry %s is set aside", entry.id, extra={"group": state.group})
    batch.quarantined = entry
    batch.entries.clear()
    batch.answers.append((entry.gateway, wire.pack_block(entry.number, 0, wire.QUARANTINED, b"")))
    markets = orjson.loads(state.kernel.query(b'{"q":"markets"}'))["markets"]
    return [set_phase(m["market"], PHASE_HALTED) for m in markets if PHASE_HALTED in PHASE_MOVES[m["phase"]]]
