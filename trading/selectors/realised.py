"""What each fill of a contract realised, told from an account's fills as the kernel reckons it.

The kernel keeps what a position has realised in all; a fill's part follows from the position it met. So an account's
fills are walked once, oldest first, and how far the walk came is remembered by this process: a later question reads
only what is new.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

from exchange_kernel import BILL_KINDS

from exchange_os.engine.history import fills_from
from exchange_os.engine.models import Bill, Fill

PAGES_A_WALK = 2_000  # of an account; what lies after them is told once later questions have walked on
MAX_WALKS = 256
MAX_FILLS = 20_000  # realised figures kept of an account, the newest

#: What moves a position without an order of the account, and what moves those of a whole event.
_FORCED = [BILL_KINDS[name] for name in ("liquidation", "adl", "settlement")]
_SETS = [BILL_KINDS[name] for name in ("split", "merge")]


class Held(NamedTuple):
    """A position: signed lots, and what they cost in units, signed as they are."""

    lots: int = 0
    entry: int = 0


def moved(held: Held, lots: int, value: int, *, rounds_up: bool) -> tuple[Held, int]:
    """The position after signed ``lots`` worth ``value`` (signed as they are), and the profit that realised, in units.

    A part of an entry is rounded up for a perpetual (``rounds_up``) and towards zero for an outcome, as in the kernel.
    """
    if held.lots == 0 or (held.lots > 0) == (lots > 0):
        return Held(held.lots + lots, held.entry + value), 0
    closed = min(abs(lots), abs(held.lots))
    leaving = _part(held.entry, closed, abs(held.lots), rounds_up)
    closing = _part(value, closed, abs(lots), rounds_up)
    return Held(held.lots + lots, held.entry - leaving + value - closing), -closing - leaving


def _part(whole: int, some: int, of: int, rounds_up: bool) -> int:
    return -(-whole * some // of) if rounds_up or whole < 0 else whole * some // of


@dataclass
class _Walk:
    """How far an account's fills are known: positions then, and what fills and orders realised."""

    lock: Lock = field(default_factory=Lock)
    trade_id: int = 0
    sequence: int = -1
    held: dict[int, Held] = field(default_factory=dict)
    sets: bool = False
    of_fill: OrderedDict[tuple[int, int], int | None] = field(default_factory=OrderedDict)
    of_order: OrderedDict[int, int | None] = field(default_factory=OrderedDict)


class Realised:
    """What an account's fills realised, in units; ``None`` where it is not known (yet)."""

    def __init__(self, walk: _Walk) -> None:
        self._of_fill, self._of_order = walk.of_fill, walk.of_order

    def of_fill(self, fill: Fill) -> int | None:
        """Of one fill of a contract."""
        return self._of_fill.get((fill.trade_id, fill.role))

    def of_order(self, order_id: int) -> int | None:
        """Of all fills of one order of a contract that has any."""
        return self._of_order.get(order_id)


_walks: OrderedDict[tuple[int, int], _Walk] = OrderedDict()
_walks_lock = Lock()


def realised(group_id: int, account: int, rounds_up: Callable[[int], bool | None]) -> Realised:
    """What the account's fills realised so far; ``rounds_up`` says how a market number rounds (``None``: it has no
    positions)."""
    with _walks_lock:
        walk = _walks.setdefault((group_id, account), _Walk())
        _walks.move_to_end((group_id, account))
        while len(_walks) > MAX_WALKS:
            _walks.popitem(last=False)
    with walk.lock:
        fills, _ = fills_from(group_id, account, walk.trade_id, PAGES_A_WALK)
        if fills:
            _walk_on(walk, fills, _forced(group_id, account, walk.sequence, fills[-1].sequence), rounds_up)
        return Realised(walk)


def _forced(group_id: int, account: int, after: int, last: int) -> list[Bill]:
    rows = Bill.objects.filter(group_id=group_id, account=account, kind__in=[*_FORCED, *_SETS])
    return list(rows.filter(sequence__gt=after, sequence__lte=last).order_by("sequence", "bill_no"))


def _walk_on(
    walk: _Walk, fills: Sequence[Fill], forced: Sequence[Bill], rounds_up: Callable[[int], bool | None]
) -> None:
    bills = untraded(fills, forced)
    at = 0
    for fill in fills:
        while at < len(bills) and bills[at].sequence < fill.sequence:
            _force(walk, bills[at])
            at += 1
        up = rounds_up(fill.market)
        if up is not None:
            lots, value = _signed(fill, fill.size_lots), _signed(fill, fill.notional)
            walk.held[fill.market], gain = moved(
                walk.held.get(fill.market, Held()), lots, value, rounds_up=up
            )
            _note(walk, fill, None if walk.sets and not up else gain)
    for bill in bills[at:]:
        _force(walk, bill)
    _trim(walk.of_fill)
    _trim(walk.of_order)
    walk.trade_id, walk.sequence = fills[-1].trade_id, fills[-1].sequence


def _signed(fill: Fill, amount: int) -> int:
    return -amount if fill.side else amount


def untraded(fills: Sequence[Fill], forced: Sequence[Bill]) -> list[Bill]:
    """The bills with what no fill tells: a liquidation trades in the book as far as it can, and its bills tell all."""
    traded: defaultdict[tuple[int, int], int] = defaultdict(int)
    places = {(bill.sequence, bill.market) for bill in forced}
    for fill in fills:
        if (fill.sequence, fill.market) in places:
            traded[fill.sequence, fill.market] += _signed(fill, fill.size_lots)
    for bill in forced:
        left = traded[bill.sequence, bill.market]
        if bill.kind not in _SETS and left * bill.lots > 0:
            told = min(abs(left), abs(bill.lots)) * (1 if left > 0 else -1)
            traded[bill.sequence, bill.market] -= told
            bill.lots -= told
    return list(forced)


def _trim(kept: OrderedDict[Any, int | None]) -> None:
    while len(kept) > MAX_FILLS:
        kept.popitem(last=False)


def _note(walk: _Walk, fill: Fill, gain: int | None) -> None:
    walk.of_fill[(fill.trade_id, fill.role)] = gain
    earlier = walk.of_order.get(fill.order_id, 0)
    walk.of_order[fill.order_id] = None if gain is None or earlier is None else earlier + gain


def _force(walk: _Walk, bill: Bill) -> None:
    if bill.kind in _SETS:
        # Sets move every outcome of an event at its fair price, which no bill tells.
        walk.sets = True
    elif bill.kind == BILL_KINDS["settlement"]:
        walk.held.pop(bill.market, None)
    elif bill.lots:
        before = walk.held.get(bill.market, Held())
        walk.held[bill.market], _ = moved(before, bill.lots, 0, rounds_up=True)
