"""What a change of rules would have done to a risk group's own history.

The last commands of the journal are replayed twice from one state: once as they were, once with the commands of the
change applied at the start. Both kernels go through the same rows at the same times, so that the first ends with the
state root that the group really had, and every difference of the second is the change's.

An order that the change refuses, or lets in, shifts the ids of all later orders. Clients' cancels and amendments name
ids, so from the first shift on they are translated: what named an order in the first run names the order of the same
command in the second. Later commands of the journal that set the very thing being changed are left out of the second
run: it shows the change as if it had held all along.
"""

import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import orjson
from exchange_kernel import (
    ACK_SIZE,
    BILL_COLUMNS,
    BILL_KINDS,
    FILL_COLUMNS,
    KINDS,
    REJECTS,
    VENUE_FEES,
    Applied,
    Kernel,
    decode_copy_bills,
    decode_copy_fills,
    frames_of,
    tick,
)

from exchange_os.engine import journal, snapshots
from exchange_os.engine.database import make_connection
from exchange_os.engine.errors import JournalBroken
from exchange_os.engine.journal import Connection, Link
from exchange_os.engine.models import RiskGroup
from exchange_os.errors import DomainError

#: Liquidations are looked up after this many commands; the kernel keeps the last 2,048 steps.
LOOK_COMMANDS = 1_000
ROWS_A_FETCH = 64
#: A journal without a snapshot far enough back is replayed from its beginning if that is no more than this many times
#: the commands wanted; else the history is as long as the oldest snapshot allows.
WORTH_REPLAYING = 4
ADL_STAGE = 5
NO_ORDER = 2**63 - 1
ALL_MARKETS = 0xFFFFFFFF
TAKER = 1
LISTING = [KINDS[name] for name in ("add_market", "add_outcome")]
NAMING_ORDERS = frozenset(KINDS[name] for name in ("amend", "cancel"))
ALGO_KINDS = frozenset(range(6, 10)) | {18, 19}
NAMING_ALGOS = frozenset({18, 19})
HEADER = 16
#: A frame of margin tiers: where they begin, how long one is, how many there can be.
TIERS_AT, TIER, MAX_TIERS = 48, 16, 8
#: A row as long as this is worth handing to another thread; the kernels work side by side.
WORTH_A_THREAD_BYTES = 8_192
_ID = struct.Struct("<Q")
_ID_AT = 16
_CODE_AT = 12  # in an ack, counted in units of 16 bits
_FILL = {name: at for at, (name, _) in enumerate(FILL_COLUMNS)}
_BILL = {name: at for at, (name, _) in enumerate(BILL_COLUMNS)}
_SHARES = {BILL_KINDS["builder_fee"]: "builders", BILL_KINDS["referral"]: "referrers"}


@dataclass
class Charged:
    """What the trades of one market paid, in units of its quote asset (a rebate is negative), and whom of it besides
    the venue and the protocol."""

    trades: int = 0
    volume: int = 0
    taker_fees: int = 0
    maker_fees: int = 0
    builders: int = 0
    referrers: int = 0


@dataclass
class Run:
    """What came of one replay: fees in units by asset, refusals by name, liquidation steps, accounts by value lost.

    ``liquidated`` maps an account to the value of what was closed for it, in units of the settlement asset; ``charged``
    a market to what its trades paid, where that was asked for.
    """

    commands: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    liquidations: int = 0
    deleveraged: int = 0
    liquidated: dict[int, int] = field(default_factory=dict)
    fees: dict[int, int] = field(default_factory=dict)
    insurance: int = 0
    charged: dict[int, Charged] = field(default_factory=dict)
    root: str = ""


@dataclass(frozen=True)
class Simulation:
    """Both runs over commands ``first`` to ``last``, inclusive, of a group's journal, ``begin_ms`` to ``end_ms``."""

    first: int
    last: int
    begin_ms: int
    end_ms: int
    seconds: float
    before: Run
    after: Run


def no_progress(done: int, whole: int) -> None:
    """For callers who show none."""


def simulate_change(
    group_id: int,
    frames: list[bytes],
    last_commands: int,
    progress: Callable[[int, int], None] = no_progress,
    *,
    by_market: bool = False,
) -> Simulation:
    """Replay the group's last ``last_commands`` commands (fewer if it has fewer, or keeps no state that old) as they
    were and with ``frames`` before them; ``progress(done, whole)`` is called as it goes. Reads only.

    Frames of a market that is listed later follow its listing. ``by_market`` also says what the trades of each market
    paid. Raises ``change_refused`` if the kernel will not have a frame, ``journal_empty`` if nothing was ever done or
    no market of the change has a history, ``JournalBroken`` if the journal does not hold.
    """
    started = time.perf_counter()
    with make_connection() as connection:
        row = RiskGroup.objects.get(pk=group_id)
        head = row.head_sequence
        base, sequence, previous = _base(connection, group_id, head, last_commands)
        start = max(sequence, head - last_commands)
        markets = {_market(frame) for frame in frames} - {ALL_MARKETS}
        pair: _Pair | None = None
        first, begin_ms, end_ms = 0, 0, 0
        for link in journal.links(connection, group_id, sequence, ROWS_A_FETCH):
            if link.first_sequence > head:
                break
            journal.check_link(link, group_id, previous, sequence)
            if pair is None and sequence >= start and _lists(base, markets):
                pair = _Pair(base, frames, by_market)
                first, begin_ms = link.first_sequence, link.now_ms
            if pair is None:
                base.replay(link.commands, link.now_ms)
            else:
                pair.step(link)
                progress(link.last_sequence - first + 1, head - first + 1)
            sequence, previous, end_ms = link.last_sequence, link.hash, link.now_ms
    if pair is None:
        raise DomainError("journal_empty", "There is no history to try this on yet.")
    if sequence != head:
        raise JournalBroken(f"the journal of risk group {group_id} ends at {sequence}, its head is {head}")
    before, after = pair.finish()
    return Simulation(first, sequence, begin_ms, end_ms, time.perf_counter() - started, before, after)


def _base(connection: Connection, group_id: int, head: int, wanted: int) -> tuple[Kernel, int, bytes]:
    """The state to start from: the newest snapshot that leaves ``wanted`` commands, else the beginning if that is not
    far, else the oldest snapshot."""
    loaded = snapshots.load(connection, group_id, max(0, head - wanted))
    if loaded.sequence or head <= wanted * WORTH_REPLAYING:
        return loaded.kernel, loaded.sequence, loaded.journal_hash
    oldest = snapshots.oldest(connection, group_id)
    loaded = snapshots.load(connection, group_id, head if oldest is None else oldest)
    return loaded.kernel, loaded.sequence, loaded.journal_hash


def _lists(kernel: Kernel, markets: set[int]) -> bool:
    """Whether the kernel has one of these markets, or any where none is named."""
    listed = _listed(kernel)
    return bool(listed & markets if markets else listed)


def _listed(kernel: Kernel) -> set[int]:
    return {market["market"] for market in _ask(kernel, {"q": "markets"})["markets"]}


def _market(frame: bytes) -> int:
    return int.from_bytes(frame[8:12], "little")


def _ask(kernel: Kernel, question: dict[str, Any]) -> dict[str, Any]:
    return dict(orjson.loads(kernel.query(orjson.dumps(question))))


class _Tally:
    """One kernel and what has come of it so far."""

    def __init__(self, kernel: Kernel, by_market: bool) -> None:
        self.kernel = kernel
        self.by_market = by_market
        self.run = Run()
        self.seen = int(_ask(kernel, {"q": "insurance"})["liquidations"])
        self.fund = int(_ask(kernel, {"q": "insurance"})["fund"])
        self.fees = self._fees()
        self.unlooked = 0

    def apply(self, commands: bytes, now_ms: int) -> Applied:
        """Apply one row and count."""
        applied = self.kernel.apply(commands, now_ms)
        run = self.run
        run.commands += applied.count
        if applied.rejected:
            codes = Counter(memoryview(applied.acks).cast("H")[_CODE_AT :: ACK_SIZE // 2].tolist())
            for code, count in codes.items():
                if code:
                    run.refused[REJECTS[code][0]] += count
        for _, account, asset, amount, accepted, _ in applied.transfers:
            if account == VENUE_FEES and accepted:
                run.fees[asset] = run.fees.get(asset, 0) - amount
        if self.by_market:
            self.charge(applied)
        self.unlooked += applied.count
        if self.unlooked >= LOOK_COMMANDS:
            self.look()
        return applied

    def charge(self, applied: Applied) -> None:
        """Add up what the fills of a row paid, market by market."""
        charged = self.run.charged
        fills: Iterable[Any] = decode_copy_fills(applied.fills_copy)
        for fill in fills:
            found = charged.setdefault(fill[_FILL["market"]], Charged())
            if fill[_FILL["role"]] == TAKER:
                found.trades += 1
                found.volume += fill[_FILL["notional"]]
                found.taker_fees += fill[_FILL["fee"]]
            else:
                found.maker_fees += fill[_FILL["fee"]]
        for bill in decode_copy_bills(applied.bills_copy):
            if (to := _SHARES.get(bill[_BILL["kind"]])) is not None:
                found = charged.setdefault(bill[_BILL["market"]], Charged())
                setattr(found, to, getattr(found, to) + bill[_BILL["amount"]])

    def look(self) -> None:
        """Note the liquidations since the last look."""
        self.unlooked = 0
        number = int(_ask(self.kernel, {"q": "insurance"})["liquidations"])
        if number == self.seen:
            return
        steps = _ask(self.kernel, {"q": "liquidations", "limit": number - self.seen})["liquidations"]
        self.run.liquidations += number - self.seen
        for step in steps:
            account, lost = step["account"], self.run.liquidated
            lost[account] = lost.get(account, 0) + step["value"]
            self.run.deleveraged += step["stage"] == ADL_STAGE
        self.seen = number

    def finish(self) -> Run:
        """The run, whole."""
        self.look()
        run = self.run
        for asset, units in self._fees().items():
            run.fees[asset] = run.fees.get(asset, 0) + units - self.fees.get(asset, 0)
        run.insurance = int(_ask(self.kernel, {"q": "insurance"})["fund"]) - self.fund
        run.root = self.kernel.state_root().hex()
        return run

    def _fees(self) -> dict[int, int]:
        return {item["asset"]: item["venue_fees"] for item in _ask(self.kernel, {"q": "assets"})["assets"]}


class _Pair:
    """The same rows through both kernels."""

    def __init__(self, base: Kernel, frames: list[bytes], by_market: bool) -> None:
        changed = Kernel.restore(base.snapshot())
        self.waiting = frames
        self._change(changed)
        self.before, self.after = _Tally(base, by_market), _Tally(changed, by_market)
        self.orders: dict[int, int] = {}
        self.algos: dict[int, int] = {}
        self.set_again = {header for frame in frames for header in _headers(frame)}
        self.set_kinds = sorted({header[2] for header in self.set_again})
        self.other_core = ThreadPoolExecutor(1, "simulation")

    def step(self, link: Link) -> None:
        """One row."""
        commands = self._translated(link.commands)
        if len(commands) > WORTH_A_THREAD_BYTES:
            changing = self.other_core.submit(self.after.apply, commands, link.now_ms)
            as_was, as_changed = self.before.apply(link.commands, link.now_ms), changing.result()
        else:
            as_was = self.before.apply(link.commands, link.now_ms)
            as_changed = self.after.apply(commands, link.now_ms)
        if as_was.acks != as_changed.acks:
            self._note_ids(link.commands, as_was.acks, as_changed.acks)
        if self.waiting and frames_of(link.commands, LISTING):
            self._change(self.after.kernel)

    def _change(self, kernel: Kernel) -> None:
        """Apply what waits for its market to be listed, if it is by now."""
        listed = _listed(kernel) | {ALL_MARKETS}
        ready = [frame for frame in self.waiting if _market(frame) in listed]
        self.waiting = [frame for frame in self.waiting if _market(frame) not in listed]
        acks = kernel.apply(b"".join(ready), kernel.now_ms).acks
        for at in range(0, len(acks), ACK_SIZE):
            if code := int.from_bytes(acks[at + 24 : at + 26], "little"):
                raise DomainError("change_refused", f"The exchange refuses it: {REJECTS[code][1]}")

    def finish(self) -> tuple[Run, Run]:
        """Both runs, whole."""
        self.other_core.shutdown()
        return self.before.finish(), self.after.finish()

    def _translated(self, commands: bytes) -> bytes:
        """The row as the second run must read it."""
        if frames_of(commands, self.set_kinds):
            commands = b"".join(
                tick() if commands[at : at + HEADER] in self.set_again else commands[at : at + length]
                for at, length in _frames(commands)
            )
        if not self.orders and not self.algos:
            return commands
        changed = bytearray(commands)
        for at, _ in _frames(commands):
            kind = commands[at + 2]
            if kind in NAMING_ORDERS:
                known = self.orders
            elif kind in NAMING_ALGOS:
                known = self.algos
            else:
                continue
            (named,) = _ID.unpack_from(commands, at + _ID_AT)
            if (other := known.get(named)) is not None:
                _ID.pack_into(changed, at + _ID_AT, other)
        return bytes(changed)

    def _note_ids(self, commands: bytes, as_was: bytes, as_changed: bytes) -> None:
        """Which order of the second run answers to an id of the first, where they differ."""
        first = memoryview(as_was).cast("Q")[:: ACK_SIZE // 8].tolist()
        second = memoryview(as_changed).cast("Q")[:: ACK_SIZE // 8].tolist()
        if first == second:
            return
        for (at, _), old, new in zip(_frames(commands), first, second, strict=True):
            if old and old != new:
                (self.algos if commands[at + 2] in ALGO_KINDS else self.orders)[old] = new or NO_ORDER


def _headers(frame: bytes) -> Iterator[bytes]:
    """Headers of the commands that set the same as ``frame``: length, kind, no flags, account 0, market, no key.
    Tiers are as many as there are, so the length says nothing there."""
    if frame[2] != KINDS["set_margin_tiers"]:
        yield frame[:HEADER]
        return
    for tiers in range(1, MAX_TIERS + 1):
        yield (TIERS_AT + TIER * tiers).to_bytes(2, "little") + frame[2:HEADER]


def _frames(commands: bytes) -> Iterator[tuple[int, int]]:
    """Where each frame begins, and its length."""
    at, end = 0, len(commands)
    while at < end:
        length = commands[at] | commands[at + 1] << 8
        yield at, length
        at += length
