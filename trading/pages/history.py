"""History of one account over all venues: a list by tab, narrowed by a form, in pages, and as an export."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import exchange_kernel as kernel
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from exchange_os.engine.models import Bill, Fill
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Direction, Transfer, TransferState
from exchange_os.ledger.selectors import amount_text
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.models import ExportKind
from trading.pages.rows import order_rows
from trading.selectors.history import (
    KINDS,
    Filter,
    Row,
    Source,
    Tab,
    asset_by_number,
    bill_amounts,
    history_page,
    moment_of,
    place_of,
    price_text,
    size_text,
    sources,
)
from trading.selectors.orders import Order
from trading.services.exports import request_export

DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
FIELDS = ("venue", "market", "kind", "from", "to")
KIND_NAMES = {
    "buy": "Buy", "sell": "Sell", "filled": "Filled", "cancelled": "Cancelled", "realised": "Closed by a trade",
    "liquidation": "Liquidation", "adl": "Auto-deleveraging", "settlement": "Settlement", "funding": "Funding",
    "collateral": "Collateral sold", **dict(Direction.choices),
}  # fmt: skip
EXPORTS: dict[str, str] = {
    Tab.ORDERS: ExportKind.ORDERS, Tab.FILLS: ExportKind.FILLS, Tab.TRANSFERS: ExportKind.TRANSFERS,
}  # fmt: skip
_BILL_NAMES = {number: KIND_NAMES.get(name, name) for name, number in kernel.BILL_KINDS.items()}
_BILL_HEADS = [("What", ""), ("Size", "num"), ("Price", "num hide-phone"), ("Amount", "num"),
               ("Fee", "num hide-phone")]  # fmt: skip
HEADS: dict[str, list[tuple[str, str]]] = {
    Tab.ORDERS: [("Side", ""), ("Type", "hide-phone"), ("Price", "num hide-phone"), ("Average", "num"),
                 ("Filled", "num"), ("Fee", "num hide-phone"), ("State", "hide-phone")],
    Tab.FILLS: [("Side", ""), ("Role", "hide-phone"), ("Price", "num"), ("Size", "num"),
                ("Value", "num hide-phone"), ("Fee", "num hide-phone")],
    Tab.TRANSFERS: [("Direction", ""), ("Amount", "num"), ("State", "")],
}  # fmt: skip
EMPTY = {
    Tab.ORDERS: "Orders that are over show here, those cancelled untouched for a while; open ones are at the terminal.",
    Tab.FILLS: "Every trade of your orders shows here with its fee.",
    Tab.CLOSED: "Each reduced position shows here with what it made.",
    Tab.FUNDING: "Funding is exchanged between the sides of a perpetual while you hold a position.",
    Tab.LIQUIDATIONS: "What a venue closed for want of margin shows here.",
    Tab.TRANSFERS: "Money between your wallet and the venues shows here.",
    Tab.SETTLEMENTS: "What events and expired contracts paid shows here.",
}


@dataclass(frozen=True)
class Cell:
    """A cell of the table: its text, its unit, its classes, and 1 or -1 where its sign is a gain or a loss."""

    text: str
    unit: str = ""
    css: str = ""
    sign: int = 0


def _day(text: str, errors: dict[str, str], name: str) -> date | None:
    if not text:
        return None
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    errors[name] = "Enter a day that exists, such as 2026-03-31."
    return None


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def read_filter(
    tab: str, form: Mapping[str, str], own: list[Source], errors: dict[str, str]
) -> tuple[Filter, list[Source]]:
    """The filter a form asks for, and the accounts it is of; ``errors`` gets a sentence for each bad field."""
    first, last = _day(form["from"], errors, "from"), _day(form["to"], errors, "to")
    if first and last and last < first:
        errors["to"] = "The last day is before the first; exchange them."
    chosen = [each for each in own if form["venue"] in ("", each.account.venue.slug)]
    if form["venue"] and not chosen:
        errors["venue"] = "You have no account at this venue; choose one of the list."
    if form["kind"] and form["kind"] not in KINDS[tab]:
        errors["kind"] = "This list has no such kind; choose one of the list."
    if form["market"] and chosen and not any(each.numbers(form["market"]) for each in chosen):
        errors["market"] = f"No venue of yours has a market {form['market']}; write it as BTC-USD."
    begin = _ms(first) if first else None
    end = _ms(last + timedelta(days=1)) - 1 if last else None
    return Filter(form["venue"], form["market"], form["kind"], begin, end), chosen


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def history(request: SignedInRequest) -> HttpResponse:
    """The list, its rows alone for htmx; a post asks for an export of what the same form shows."""
    given = request.POST if request.method == "POST" else request.GET
    tab = given.get("tab", "")
    tab = tab if tab in Tab.values else Tab.ORDERS.value
    form = {name: given.get(name, "").replace("\0", "").strip()[:60] for name in FIELDS}
    if tab == Tab.TRANSFERS:
        form["market"] = ""
    errors: dict[str, str] = {}
    own = sources(request.user.pk, live=True)
    wanted, chosen = read_filter(tab, form, own, errors)
    if request.method == "POST" and not errors:
        return _export(request, tab, wanted)
    rows, older = (
        ([], None) if errors else history_page(tab, wanted, chosen, place_of(given.get("before", "")))
    )
    query = urlencode({"tab": tab, **{name: value for name, value in form.items() if value}})
    context: dict[str, Any] = {
        "tab": tab,
        "heads": HEADS.get(tab, _BILL_HEADS),
        "rows": [{"row": row, "when": moment_of(row), "cells": cells_of(row)} for row in rows],
        "query": query,
        "older": older.cursor if older else "",
    }
    if request.headers.get("HX-Request") == "true" and not errors:
        return render(request, "trading/account/history_rows.html", context)
    context |= {
        "tabs": Tab.choices,
        "title": Tab(tab).label,
        "form": form | {"from_day": form["from"]},
        "filtered": any(form.values()),
        "later": bool(place_of(given.get("before", ""))),
        "errors": errors,
        "venues": [each.account.venue for each in own],
        "kinds": [(name, KIND_NAMES[name]) for name in KINDS[tab]],
        "markets": sorted({one.symbol for each in own for one in each.instruments.values()})[:500],
        "empty": EMPTY[Tab(tab)],
    }
    return render(request, "trading/account/history.html", context, status=422 if errors else 200)


def _export(request: SignedInRequest, tab: str, wanted: Filter) -> HttpResponse:
    try:
        request_export(request.user.pk, EXPORTS.get(tab, ExportKind.BILLS), {"tab": tab, **asdict(wanted)})
    except DomainError as refused:
        messages.error(request, refused.message)
    return redirect("pages:exports")


def cells_of(row: Row) -> list[Cell]:
    """The cells of a row behind time, venue and market, as ``HEADS`` names them."""
    if isinstance(row.item, Order):
        return _order_cells(row, row.item)
    if isinstance(row.item, Fill):
        return _fill_cells(row, row.item)
    if isinstance(row.item, Transfer):
        return _transfer_cells(row.item)
    return _bill_cells(row)


def _side(side: int) -> Cell:
    return Cell("▲ Buy", css="up") if side == kernel.BUY else Cell("▼ Sell", css="down")


def _order_cells(row: Row, order: Order) -> list[Cell]:
    if row.traded is None:
        filled, fee = size_text(row, order.filled_lots), Cell(f"{order.fee} units", css="num hide-phone")
        rest = [Cell("", css="hide-phone"), Cell(price_text(row, order.price_ticks), css="num hide-phone")]
        return [_side(order.side), *rest, Cell("–", css="num"), Cell(filled, css="num"), fee,
                Cell("", css="hide-phone")]  # fmt: skip
    (shown,) = order_rows([order], {row.market: row.traded})
    quote = row.traded.quote
    return [
        _side(order.side),
        Cell(shown.kind, css="dim hide-phone"),
        Cell(shown.price or "Market", css="num hide-phone"),
        Cell(shown.average or "–", css="num"),
        Cell(shown.filled, f"/ {shown.size}", "num"),
        Cell(amount_text(order.fee, quote), quote.symbol, "num hide-phone"),
        Cell(shown.state, css="hide-phone"),
    ]


def _fill_cells(row: Row, fill: Fill) -> list[Cell]:
    asset = row.traded.quote if row.traded else asset_by_number(fill.fee_asset)
    price = row.traded.price_display(fill.price_ticks) if row.traded else price_text(row, fill.price_ticks)
    return [
        _side(fill.side),
        Cell("taker" if fill.role else "maker", css="dim hide-phone"),
        Cell(price, css="num"),
        Cell(size_text(row, fill.size_lots), row.traded.size_unit if row.traded else "", "num"),
        Cell(amount_text(fill.notional, asset), asset.symbol, "num hide-phone"),
        Cell(amount_text(fill.fee, asset), asset.symbol, "num hide-phone"),
    ]


def _bill_cells(row: Row) -> list[Cell]:
    bill = cast(Bill, row.item)
    amount, fee, unit = bill_amounts(row)
    price = row.traded.price_display(bill.price_ticks) if row.traded else price_text(row, bill.price_ticks)
    return [
        Cell(_BILL_NAMES.get(bill.kind, "")),
        Cell(size_text(row, bill.lots), css="num"),
        Cell(price, css="num hide-phone"),
        Cell(amount, unit, "num", (bill.amount > 0) - (bill.amount < 0)),
        Cell(fee, unit, "num hide-phone"),
    ]


def _transfer_cells(transfer: Transfer) -> list[Cell]:
    amount = amount_text(transfer.amount, transfer.asset)
    return [
        Cell(Direction(transfer.direction).label),
        Cell(amount, transfer.asset.symbol, "num"),
        Cell(TransferState(transfer.state).label),
    ]
