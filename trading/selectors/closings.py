"""Positions in perpetuals that trading closed, or closed in part, told from an account's fills."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from exchange_kernel import BILL_KINDS

from exchange_os.engine.history import Span, fills
from exchange_os.engine.models import Bill as BillRow
from exchange_os.engine.models import Fill
from trading.selectors.realised import Held, moved, untraded

#: Fills that are looked at, newest first; what was opened before them is not told.
MAX_FILLS = 5_000
_FUNDING = BILL_KINDS["funding"]
#: What moves a position of a perpetual without a trade.
_FORCED = [BILL_KINDS[name] for name in ("liquidation", "adl", "settlement")]


@dataclass(frozen=True)
class Closing:
    """A position from its first lot to its last closing. ``lots`` were opened in all, at most ``most`` at once, and
    ``closed_lots`` of them closed. Values, ``gain`` (fees and funding apart), ``fee`` and ``funding`` (positive
    received) are units of the settlement asset."""

    market: int
    long: bool
    opened_ms: int
    closed_ms: int = 0
    lots: int = 0
    closed_lots: int = 0
    most: int = 0
    open_value: int = 0
    close_value: int = 0
    gain: int = 0
    fee: int = 0
    funding: int = 0
    forced: bool = False

    @property
    def is_partial(self) -> bool:
        """Whether some of it is still held."""
        return self.closed_lots < self.lots


@dataclass(frozen=True)
class Closed:
    """What became of an account's positions: those that trading closed, the last closed first, and the places
    (sequence, market) of liquidations that left a part."""

    closings: list[Closing]
    partly_liquidated: set[tuple[int, int]]


@dataclass(frozen=True)
class _Move:
    """A change of a position: signed lots, what they are worth (unsigned units), and whether it was forced."""

    order: tuple[int, int]
    market: int
    lots: int
    value: int
    fee: int
    time_ms: int
    forced: bool = False


def closings(group_id: int, account: int, held: Mapping[int, int], markets: set[int]) -> Closed:
    """Positions in these ``markets`` that trading closed or reduced; ``held`` are the lots of the present.

    Those that liquidation, deleveraging or a settlement had a part in are told by their bills.
    """
    traded = fills(group_id, account, Span(), MAX_FILLS, lambda fill: fill.market in markets)
    since = traded[-1].time_ms if traded else 0
    bills = BillRow.objects.filter(group_id=group_id, account=account, time_ms__gte=since, market__in=markets)
    rows = list(bills.filter(kind__in=[*_FORCED, _FUNDING]))
    moves = sorted(
        _moves(traded, [row for row in rows if row.kind != _FUNDING]),
        key=lambda move: (move.market, move.order),
    )
    found: list[Closing] = []
    partly: set[tuple[int, int]] = set()
    for market, group in groupby(moves, key=lambda move: move.market):
        own = list(group)
        whole = len(traded) < MAX_FILLS
        start = 0 if whole else held.get(market, 0) - sum(move.lots for move in own)
        found += _episodes(own, start)
        partly |= {(sequence, market) for sequence in _left_after(own, start)}
    funding = [row for row in rows if row.kind == _FUNDING]
    funded = sorted((_funded(one, funding) for one in found), key=lambda one: one.closed_ms, reverse=True)
    return Closed(funded, partly)


def _moves(traded: Sequence[Fill], forced: Sequence[BillRow]) -> list[_Move]:
    moves = [
        _Move(
            (fill.sequence, fill.trade_id),
            fill.market,
            fill.size_lots if fill.side == 0 else -fill.size_lots,
            fill.notional,
            fill.fee,
            fill.time_ms,
        )
        for fill in traded
    ]
    # A bill whose lots traded in the book has none left, and only says why.
    for row in untraded(traded, forced):
        moves.append(_Move((row.sequence, -1), row.market, row.lots, 0, 0, row.time_ms, forced=True))
    return moves


def _left_after(moves: Iterable[_Move], lots: int) -> list[int]:
    """Sequences of forced moves of one market after which something was still held."""
    left, forced = {}, set()
    for move in moves:
        lots += move.lots
        left[move.order[0]] = lots
        if move.forced:
            forced.add(move.order[0])
    return [sequence for sequence in forced if left[sequence]]


def _episodes(moves: Iterable[_Move], lots: int) -> list[Closing]:
    """Positions closed, and the present one if part of it was, among the moves of one market, which held ``lots``
    before them."""
    found: list[Closing] = []
    now: Closing | None = None
    held = Held(lots)
    for move in moves:
        left, value, fee = move.lots, move.value, move.fee
        if now is not None and move.forced:
            now = replace(now, forced=True)
        if held.lots and left * held.lots < 0:
            closed, size = min(abs(left), abs(held.lots)), abs(left)
            sign = 1 if left > 0 else -1
            part, paid = fee * closed // size, value * closed // size
            held, gain = moved(held, sign * closed, sign * paid, rounds_up=True)
            left, value, fee = left - sign * closed, value - paid, fee - part
            now = _reduced(now, closed, paid, gain, part, move.time_ms)
            if not held.lots:
                found += [now] if now is not None and not now.forced else []
                now = None
        if left:
            if held.lots == 0:
                now = Closing(move.market, left > 0, move.time_ms, forced=move.forced)
            held = Held(held.lots + left, held.entry + (value if left > 0 else -value))
            now = _grown(now, abs(left), abs(held.lots), value, fee)
    return [*found, now] if now is not None and now.closed_lots and not now.forced else found


def _reduced(now: Closing | None, lots: int, value: int, gain: int, fee: int, time_ms: int) -> Closing | None:
    if now is None:
        return None
    return replace(
        now,
        closed_lots=now.closed_lots + lots,
        close_value=now.close_value + value,
        gain=now.gain + gain,
        fee=now.fee + fee,
        closed_ms=time_ms,
    )


def _grown(now: Closing | None, lots: int, held: int, value: int, fee: int) -> Closing | None:
    if now is None:
        return None
    return replace(
        now,
        lots=now.lots + lots,
        most=max(now.most, held),
        open_value=now.open_value + value,
        fee=now.fee + fee,
    )


def _funded(one: Closing, funding: Iterable[BillRow]) -> Closing:
    own = (
        row.amount
        for row in funding
        if row.market == one.market and one.opened_ms <= row.time_ms <= one.closed_ms
    )
    return replace(one, funding=sum(own))
