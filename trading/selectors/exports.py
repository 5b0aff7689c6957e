"""Lines of a user's history for an export, as they come: nothing is held but the page that is being read."""

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime

import exchange_kernel as kernel
from django.db.models import QuerySet

from exchange_os.engine.history import Span, fills
from exchange_os.engine.models import Bill
from exchange_os.ledger.selectors import amount_text, decimal_text, wallet_history
from trading.models import Export, ExportKind, ExportPart, TradingAccount
from venues.instruments import Instrument
from venues.selectors import instruments_of

PAGE = 2_000
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
_BILL_NAMES = {number: name for name, number in kernel.BILL_KINDS.items()}
Line = list[str]

HEADINGS: dict[str, Line] = {
    ExportKind.FILLS: [
        "time", "venue", "market", "trade", "order", "side", "role", "price", "size", "value", "fee", "asset",
    ],
    ExportKind.BILLS: ["time", "venue", "market", "kind", "size", "price", "amount", "fee", "asset"],
    ExportKind.WALLET: ["time", "posting", "kind", "amount", "asset", "balance"],
}  # fmt: skip


def safe_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe before what could be one."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def _accounts(user_id: int) -> Iterator[tuple[TradingAccount, dict[int, Instrument]]]:
    for account in TradingAccount.objects.select_related("venue").filter(user_id=user_id).order_by("pk"):
        yield account, {each.number: each for each in instruments_of(account.venue)}


def lines_of(user_id: int, kind: str) -> Iterator[Line]:
    """Every line of a kind; of fills and bills newest first within a venue, of the wallet oldest first."""
    if kind == ExportKind.WALLET:
        yield from _wallet_lines(user_id)
        return
    for account, instruments in _accounts(user_id):
        yield from (_fill_lines if kind == ExportKind.FILLS else _bill_lines)(account, instruments)


def _fill_lines(account: TradingAccount, instruments: dict[int, Instrument]) -> Iterator[Line]:
    older_than: int | None = None
    while rows := fills(account.venue.group_id, account.number, Span(older_than=older_than), PAGE):
        # A trade with itself has two fills of one id; a page that ends between them begins again with both.
        last = rows[-1].trade_id
        whole = rows if len(rows) < PAGE else [row for row in rows if row.trade_id != last] or rows
        for row in whole:
            traded = instruments[row.market]
            side = "buy" if row.side == kernel.BUY else "sell"
            yield [
                _time(row.time_ms), safe_text(account.venue.name), traded.symbol, str(row.trade_id),
                str(row.order_id), side, "taker" if row.role else "maker", traded.price_text(row.price_ticks),
                traded.size_text(row.size_lots), amount_text(row.notional, traded.quote),
                amount_text(row.fee, traded.quote), traded.quote.symbol,
            ]  # fmt: skip
        older_than = whole[-1].trade_id


def _bill_lines(account: TradingAccount, instruments: dict[int, Instrument]) -> Iterator[Line]:
    rows = Bill.objects.filter(group_id=account.venue.group_id, account=account.number)
    for row in rows.order_by("-sequence", "-bill_no").iterator(chunk_size=PAGE):
        traded = instruments.get(row.market)
        if traded is None:
            continue
        yield [
            _time(row.time_ms), safe_text(account.venue.name), traded.symbol, _BILL_NAMES.get(row.kind, ""),
            decimal_text(traded.size(row.lots)), traded.price_text(row.price_ticks),
            amount_text(row.amount, traded.quote), amount_text(row.fee, traded.quote), traded.quote.symbol,
        ]  # fmt: skip


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
