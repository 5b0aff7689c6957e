"""Positions in perpetuals that were opened and closed by trading, told from an account's fills."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from exchange_kernel import BILL_KINDS

from exchange_os.engine.history import Span, fills
from exchange_os.engine.models import Bill as BillRow
from exchange_os.engine.models import Fill

#: Fills that are looked at, newest first; what was opened before them is not told.
MAX_FILLS = 5_000
_FUNDING = BILL_KINDS["funding"]
#: What moves a position of a perpetual without a trade.
_FORCED = [BILL_KINDS[name] for name in ("liquidation", "adl", "settlement")]


@dataclass(frozen=True)
class Closing:
    """A position from its first lot to none. ``lots`` were opened and closed in all, at most ``most`` at once; values
    are lots times price in ticks, ``fee`` and ``funding`` (positive received) are units of the settlement asset."""

    market: int
    long: bool
    opened_ms: int
    closed_ms: int = 0
    lots: int = 0
    most: int = 0
    open_value: int = 0
    close_value: int = 0
    fee: int = 0
    funding: int = 0
    forced: bool = False

    @property
    def gain(self) -> int:
        """Profit in lots times ticks, fees and funding apart."""
        made = self.close_value - self.open_value
        return made if self.long else -made


@dataclass(frozen=True)
class _Move:
    """A change of a position: signed lots, and whether it was forced."""

    order: tuple[int, int]
    market: int
    lots: int
    price: int
    fee: int
    time_ms: int
    forced: bool = False


def closings(group_id: int, account: int, held: Mapping[int, int], markets: set[int]) -> list[Closing]:
    """Positions in these ``markets`` that trading closed, the last closed first; ``held`` are the lots of the present.

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
    for market, group in groupby(moves, key=lambda move: move.market):
        own = list(group)
        whole = len(traded) < MAX_FILLS
        start = 0 if whole else held.get(market, 0) - sum(move.lots for move in own)
        found += _episodes(own, start)
    funding = [row for row in rows if row.kind == _FUNDING]
    return sorted((_funded(one, funding) for one in found), key=lambda one: one.closed_ms, reverse=True)


def _moves(traded: Iterable[Fill], forced: Iterable[BillRow]) -> list[_Move]:
    moves, traded_in = [], set()
    for fill in traded:
        traded_in.add((fill.sequence, fill.market))
        signed = fill.size_lots if fill.side == 0 else -fill.size_lots
        order = (fill.sequence, fill.trade_id)
        moves.append(_Move(order, fill.market, signed, fill.price_ticks, fill.fee, fill.time_ms))
    for row in forced:
        # The order of a liquidation trades like any other; its bill then only says why.
        lots = 0 if (row.sequence, row.market) in traded_in else row.lots
        moves.append(
            _Move((row.sequence, -1), row.market, lots, row.price_ticks, 0, row.time_ms, forced=True)
        )
    return moves


def _episodes(moves: Iterable[_Move], lots: int) -> list[Closing]:
    """Whole positions among the moves of one market, which held ``lots`` before them."""
    found: list[Closing] = []
    now: Closing | None = None
    for move in moves:
        left, fee = move.lots, move.fee
        if now is not None and move.forced:
            now = replace(now, forced=True)
        if lots and left * lots < 0:
            closed = min(abs(left), abs(lots))
            part = fee * closed // abs(left)
            lots += closed if left > 0 else -closed
            left, fee = left - (closed if left > 0 else -closed), fee - part
            if now is not None:
                value = now.close_value + closed * move.price
                now = replace(now, close_value=value, fee=now.fee + part, closed_ms=move.time_ms)
                if lots == 0:
                    found += [] if now.forced else [now]
            now = now if lots else None
        if left:
            if lots == 0:
                now = Closing(move.market, left > 0, move.time_ms, forced=move.forced)
            lots += left
            if now is not None:
                now = replace(
                    now,
                    lots=now.lots + abs(left),
                    most=max(now.most, abs(lots)),
                    open_value=now.open_value + abs(left) * move.price,
                    fee=now.fee + fee,
                )
    return found


def _funded(one: Closing, funding: Iterable[BillRow]) -> Closing:
    own = (
        row.amount
        for row in funding
        if row.market == one.market and one.opened_ms <= row.time_ms <= one.closed_ms
    )
    return replace(one, funding=sum(own))
