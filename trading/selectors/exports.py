"""Lines of a user's history for an export, as they come: nothing is held but the page that is being read."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import exchange_kernel as kernel
from django.db.models import QuerySet

from exchange_os.engine.models import Bill, Fill
from exchange_os.ledger.models import Transfer
from exchange_os.ledger.selectors import amount_text, wallet_history
from trading.models import Export, ExportKind, ExportPart
from trading.selectors.history import (
    Filter,
    Row,
    asset_by_number,
    bill_amounts,
    every_row,
    price_text,
    size_text,
    sources,
)
from trading.selectors.orders import Order

PAGE = 2_000
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
_BILL_NAMES = {number: name for name, number in kernel.BILL_KINDS.items()}
Line = list[str]

HEADINGS: dict[str, Line] = {
    ExportKind.FILLS: [
        "time", "venue", "market", "trade", "order", "side", "role", "price", "size", "value", "fee", "asset",
    ],
    ExportKind.BILLS: ["time", "venue", "market", "kind", "size", "price", "amount", "fee", "asset"],
    ExportKind.ORDERS: [
        "time", "venue", "market", "order", "client order", "side", "price", "size", "filled", "value", "fee", "asset",
        "state",
    ],
    ExportKind.TRANSFERS: ["time", "venue", "transfer", "direction", "amount", "asset", "state"],
    ExportKind.WALLET: ["time", "posting", "kind", "amount", "asset", "balance"],
}  # fmt: skip


def safe_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe before what could be one."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def lines_of(user_id: int, kind: str, wanted: Mapping[str, Any] | None = None) -> Iterator[Line]:
    """Every line of a kind, ``wanted`` as an export keeps it; newest first, of the wallet oldest first."""
    if kind == ExportKind.WALLET:
        yield from _wallet_lines(user_id)
        return
    asked = dict(wanted or {})
    tab = asked.pop("tab", kind)
    narrowed = Filter(**asked)
    for row in every_row(tab, narrowed, sources(user_id, narrowed.venue), PAGE):
        yield [_time(row.place.time_ms), safe_text(row.venue_name), *_CELLS[kind](row)]


def _fill_cells(row: Row) -> Line:
    fill = cast(Fill, row.item)
    asset = row.traded.quote if row.traded else asset_by_number(fill.fee_asset)
    return [
        safe_text(row.market_name), str(fill.trade_id), str(fill.order_id),
        "buy" if fill.side == kernel.BUY else "sell", "taker" if fill.role else "maker",
        price_text(row, fill.price_ticks), size_text(row, fill.size_lots),
        amount_text(fill.notional, asset), amount_text(fill.fee, asset), asset.symbol,
    ]  # fmt: skip


def _bill_cells(row: Row) -> Line:
    bill = cast(Bill, row.item)
    amount, fee, unit = bill_amounts(row)
    return [
        safe_text(row.market_name), _BILL_NAMES.get(bill.kind, ""), size_text(row, bill.lots),
        price_text(row, bill.price_ticks), amount, fee, unit,
    ]  # fmt: skip


def _order_cells(row: Row) -> Line:
    order = cast(Order, row.item)
    unit = row.traded.quote.symbol if row.traded else "units"
    value, fee = (
        amount_text(each, row.traded.quote) if row.traded else str(each)
        for each in (order.filled_quote, order.fee)
    )
    return [
        safe_text(row.market_name), str(order.order_id), safe_text(order.client_id),
        "buy" if order.side == kernel.BUY else "sell",
        price_text(row, order.price_ticks) if order.order_type == kernel.LIMIT else "market",
        size_text(row, order.size_lots), size_text(row, order.filled_lots), value, fee, unit,
        "filled" if order.state == kernel.STATE_FILLED else "cancelled",
    ]  # fmt: skip


def _transfer_cells(row: Row) -> Line:
    transfer = cast(Transfer, row.item)
    amount = amount_text(transfer.amount, transfer.asset)
    return [str(transfer.pk), transfer.direction, amount, transfer.asset.symbol, transfer.state]


_CELLS: dict[str, Callable[[Row], Line]] = {
    ExportKind.FILLS: _fill_cells,
    ExportKind.BILLS: _bill_cells,
    ExportKind.ORDERS: _order_cells,
    ExportKind.TRANSFERS: _transfer_cells,
}


def _wallet_lines(user_id: int) -> Iterator[Line]:
    """With the balance after each movement, so that whoever reads it can check the sums."""
    balances: dict[int, int] = {}
    for entry in wallet_history(user_id).order_by("pk").iterator(chunk_size=PAGE):
        asset = entry.account.asset
        balances[asset.pk] = balances.get(asset.pk, 0) + entry.amount
        yield [
            entry.posting.created.isoformat(timespec="milliseconds"), str(entry.posting_id),
            entry.posting.get_kind_display(), amount_text(entry.amount, asset), asset.symbol,
            amount_text(balances[asset.pk], asset),
        ]  # fmt: skip


def exports_of(user_id: int) -> QuerySet[Export]:
    """A user's exports, newest first."""
    return Export.objects.filter(user_id=user_id).order_by("-pk")


def export_text(export: Export) -> Iterator[bytes]:
    """The CSV of an export that is done, part by part."""
    for number in range(export.parts):
        part = ExportPart.objects.get(export=export, number=number)
        yield zlib.decompress(bytes(part.data))
