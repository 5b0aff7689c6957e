"""Movements of an account: transfers from the ledger, trades and all else from the engine's history. Newest first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from exchange_kernel import BILL_KINDS

from exchange_os.engine.history import fills
from exchange_os.engine.models import Bill as BillRow
from exchange_os.engine.models import Fill
from exchange_os.ledger.models import Asset, Direction, Transfer, TransferState
from trading.selectors.catalogue import TradableMarket
from trading.selectors.orders import Window
from venues.models import MarketKind

TRANSFER, TRADE, DELIVERY, LIQUIDATION, MARGIN, FUNDING, ADL = "1", "2", "3", "5", "6", "8", "9"
OTHER = "22"

#: Type of the dialect of each kind of bill the kernel writes.
TYPES = {
    "funding": FUNDING,
    "liquidation": LIQUIDATION,
    "adl": ADL,
    "settlement": DELIVERY,
    "margin": MARGIN,
    "collateral": LIQUIDATION,
    "realised": TRADE,
}
_KIND_TYPES = {number: TYPES.get(name, OTHER) for name, number in BILL_KINDS.items()}
#: Kinds of bills that close a position or part of one.
CLOSINGS = [BILL_KINDS[name] for name in ("realised", "liquidation", "adl", "settlement")]


@dataclass(frozen=True)
class Bill:
    """One movement: ``change`` units of ``asset``, fees apart (``fee`` in quote units, positive if charged).

    ``kind`` is the dialect's type; a trade of spot or outcomes shows its quote leg, one of a perpetual its fee.
    ``identity`` orders bills in time:
    milliseconds, then the number of the row, so that transfers and trades page together.
    """

    identity: int
    kind: str
    asset: Asset
    change: int
    fee: int
    time_ms: int
    market: TradableMarket | None = None
    fill: Fill | None = None
    row: BillRow | None = None


_SLOTS = 100_000


def _transfer_bill(row: Transfer) -> Bill:
    finished = row.finished or row.created
    time_ms = round(finished.timestamp() * 1000)
    change = row.amount if row.direction == Direction.DEPOSIT else -row.amount
    return Bill(time_ms * _SLOTS + row.pk % _SLOTS, TRANSFER, row.asset, change, 0, time_ms)


def _trade_bill(row: Fill, market: TradableMarket) -> Bill:
    moved = 0 if market.kind == MarketKind.PERPETUAL else -row.notional if row.side == 0 else row.notional
    change = moved - row.fee
    identity = row.time_ms * _SLOTS + row.trade_id % _SLOTS
    return Bill(identity, TRADE, market.quote, change, row.fee, row.time_ms, market, row)


def _kernel_bill(row: BillRow, market: TradableMarket) -> Bill:
    identity = row.time_ms * _SLOTS + (row.sequence * 64 + row.bill_no) % _SLOTS
    kind = _KIND_TYPES.get(row.kind, OTHER)
    return Bill(identity, kind, market.quote, row.amount - row.fee, row.fee, row.time_ms, market, row=row)


def closing_bills(group_id: int, account: int, window: Window) -> list[BillRow]:
    """Bills of the account that closed a position or part of one, newest first, paged by time."""
    rows = BillRow.objects.filter(group_id=group_id, account=account, kind__in=CLOSINGS)
    return list(
        rows.filter(window.filters("time_ms", "time_ms")).order_by("-sequence", "-bill_no")[: window.limit]
    )


def funding_bills(group_id: int, account: int, limit: int) -> list[BillRow]:
    """Funding the account paid and received, newest first."""
    rows = BillRow.objects.filter(group_id=group_id, account=account, kind=BILL_KINDS["funding"])
    return list(rows.order_by("-sequence", "-bill_no")[:limit])


def bills_page(
    user_id: int,
    group_id: int,
    account: int,
    window: Window,
    kind: str,
    markets: Mapping[int, TradableMarket],
    symbol: str = "",
    wanted: Collection[int] | None = None,
) -> list[Bill]:
    """Bills of the account inside ``window``; of one ``kind`` and one asset ``symbol`` if given, and of the markets
    whose numbers are ``wanted`` (``None``: all, and transfers, which belong to no market)."""
    times = Window(
        window.limit,
        begin_ms=_least(window.begin_ms, window.newer_than),
        end_ms=_most(window.end_ms, window.older_than),
    )
    bills: list[Bill] = []
    if kind in ("", TRANSFER) and wanted is None:
        rows = Transfer.objects.filter(
            user_id=user_id, group_id=group_id, account=account, state=TransferState.SETTLED
        ).select_related("asset")
        if times.end_ms is not None:
            rows = rows.filter(finished__lt=datetime.fromtimestamp(times.end_ms / 1000 + 0.001, UTC))
        bills += [_transfer_bill(row) for row in rows.order_by("-finished")[: 2 * window.limit]]
    if kind in ("", TRADE):
        rows_of_trades = fills(
            group_id,
            account,
            times.span,
            2 * window.limit,
            lambda fill: wanted is None or fill.market in wanted,
        )
        bills += [_trade_bill(row, markets[row.market]) for row in rows_of_trades]
    if kind not in (TRANSFER,):
        others = BillRow.objects.filter(group_id=group_id, account=account).filter(
            times.filters("sequence", "time_ms")
        )
        if wanted is not None:
            others = others.filter(market__in=wanted)
        if kind:
            others = others.filter(kind__in=[number for number, name in _KIND_TYPES.items() if name == kind])
        bills += [
            _kernel_bill(row, markets[row.market])
            for row in others.order_by("-sequence", "-bill_no")[: 2 * window.limit]
            if row.market in markets
        ]
    chosen = [
        bill
        for bill in bills
        if window.holds(bill.identity, bill.time_ms) and (not symbol or bill.asset.symbol == symbol)
    ]
    return sorted(chosen, key=lambda bill: bill.identity, reverse=True)[: window.limit]


def _least(begin_ms: int | None, newer_than: int | None) -> int | None:
    return begin_ms if newer_than is None else max(begin_ms or 0, newer_than // _SLOTS)


def _most(end_ms: int | None, older_than: int | None) -> int | None:
    last = None if older_than is None else older_than // _SLOTS
    return end_ms if last is None else last if end_ms is None else min(end_ms, last)
