"""What a venue earns: now, by day, by market; payouts and monthly statements."""

import csv
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Transfer, TransferState
from exchange_os.ledger.selectors import amount_text, money_text
from venues.console import Console, console_page
from venues.models import Role, Venue
from venues.revenue import (
    Earned,
    MarketRevenue,
    front_months_of,
    front_revenue_by_day,
    front_revenue_by_market,
    front_revenue_by_market_and_day,
    months_of,
    revenue_assets,
    revenue_by_day,
    revenue_by_market,
    today,
    total,
)
from venues.services.operate import fees_held, payouts_of

RANGES = (7, 30, 90)
PAYOUTS = 20
SHOWN_MARKETS = 25
MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
CHART = (720, 150)


@require_GET
@console_page("revenue")
def revenue(console: Console) -> HttpResponse:
    """Revenue of the venue over some days, with what can be paid out and what was."""
    venue, request = console.venue, console.request
    assets = revenue_assets(venue)
    asset = next((each for each in assets if each.symbol == request.GET.get("asset")), None) or next(
        iter(assets), None
    )
    if asset is None:
        return console.render("venues/console/revenue.html", {"nothing": True})
    if venue.fronts_id is not None:
        return _front(console, asset, assets)
    days = next((each for each in RANGES if str(each) == request.GET.get("days")), 30)
    until = today()
    since = until - timedelta(days=days - 1)
    by_day = revenue_by_day(venue, asset, since - timedelta(days=days), until)
    before, now = by_day[:days], by_day[days:]
    markets = revenue_by_market(venue, asset, since, until)
    context = {
        "asset": asset,
        "assets": assets,
        "days": days,
        "ranges": RANGES,
        "now": _row(total(each for _, each in now), asset, money_text),
        "change": _change(total(e for _, e in before).venue, total(e for _, e in now).venue),
        "today": money_text(now[-1][1].venue, asset),
        "chart": _bars([(day, each.venue) for day, each in now], asset),
        "markets": [
            {"market": row.market, **_row(row.earned, asset, money_text)} for row in markets[:SHOWN_MARKETS]
        ],
        "more_markets": max(0, len(markets) - SHOWN_MARKETS),
        "payouts": [_payout(row) for row in payouts_of(venue)[:PAYOUTS]],
        "months": months_of(venue),
        "can_collect": console.may(Role.TREASURER),
        **_held(venue),
    }
    return console.render("venues/console/revenue.html", context)


def _front(console: Console, asset: Asset, assets: list[Asset]) -> HttpResponse:
    """What a front earns: its builder's part of every trade that came through it."""
    venue, until = console.venue, today()
    days = next((each for each in RANGES if str(each) == console.request.GET.get("days")), 30)
    since = until - timedelta(days=days - 1)
    by_day = front_revenue_by_day(venue, asset, since, until)
    context = {
        "asset": asset,
        "assets": assets,
        "days": days,
        "ranges": RANGES,
        "sum": money_text(sum(units for _, units in by_day), asset),
        "today": money_text(by_day[-1][1], asset),
        "chart": _bars(by_day, asset),
        "owner": venue.fronts,
        "months": front_months_of(venue),
        "markets": [
            (market, money_text(units, asset))
            for market, units in front_revenue_by_market(venue, asset, since, until)
        ],
    }
    return console.render("venues/console/front_revenue.html", context)


@require_GET
@console_page("revenue")
def statement(console: Console, month: str) -> HttpResponse:
    """One month of the venue: what each market earned, and what was paid out."""
    first, last = _month(month)
    if console.venue.fronts_id is not None:
        return _front_statement(console, first, last)
    sheets = []
    for asset in revenue_assets(console.venue):
        rows = revenue_by_market(console.venue, asset, first, last)
        if rows:
            sheets.append(
                {
                    "asset": asset,
                    "rows": [{"market": row.market, **_row(row.earned, asset)} for row in rows],
                    "sum": _row(total(row.earned for row in rows), asset),
                }
            )
    payouts = payouts_of(console.venue).filter(
        state=TransferState.SETTLED, finished__date__gte=first, finished__date__lte=last
    )
    context = {"month": first, "sheets": sheets, "payouts": [_payout(row, amount_text) for row in payouts]}
    return console.render("venues/console/statement.html", context)


@require_GET
@console_page("revenue")
def statement_csv(console: Console, month: str) -> StreamingHttpResponse:
    """One month of the venue by day and market, as CSV."""
    first, last = _month(month)
    lines = _lines if console.venue.fronts_id is None else _front_lines
    answer = StreamingHttpResponse(lines(console.venue, first, last), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{console.venue.slug}-{month}.csv"'
    return answer


def _front_statement(console: Console, first: date, last: date) -> HttpResponse:
    """One month of a front: what its deployer was paid as its builder, to the unit."""
    sheets = []
    for asset in revenue_assets(console.venue):
        rows = front_revenue_by_market_and_day(console.venue, asset, first, last)
        if rows:
            shown = [(day, market, amount_text(units, asset)) for day, market, units in rows]
            whole = amount_text(sum(units for _, _, units in rows), asset)
            sheets.append({"asset": asset, "rows": shown, "sum": whole})
    context = {"month": first, "sheets": sheets, "owner": console.venue.fronts}
    return console.render("venues/console/front_statement.html", context)


def _front_lines(front: Venue, first: date, last: date) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(["day", "market", "asset", "builder_fee"])
    for asset in revenue_assets(front):
        for day, market, units in front_revenue_by_market_and_day(front, asset, first, last):
            yield writer.writerow([day.isoformat(), market.symbol, asset.symbol, amount_text(units, asset)])


class _Echo:
    """Hands every line that a writer writes straight back."""

    def write(self, line: str) -> str:
        return line


def _lines(venue: Venue, first: date, last: date) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(
        ["day", "market", "asset", "trades", "volume", "taker_fees", "maker_fees", "builders", "referrers",
         "protocol", "venue"]
    )  # fmt: skip
    for asset in revenue_assets(venue):
        for n in range((last - first).days + 1):
            day = first + timedelta(days=n)
            for row in revenue_by_market(venue, asset, day, day):
                yield writer.writerow([day.isoformat(), row.market.symbol, asset.symbol, *_cells(row, asset)])
    for paid in payouts_of(venue).filter(
        state=TransferState.SETTLED, finished__date__gte=first, finished__date__lte=last
    ):
        done = paid.finished.date().isoformat() if paid.finished else ""
        amount = amount_text(paid.amount, paid.asset)
        yield writer.writerow([done, "payout", paid.asset.symbol, "", "", "", "", "", "", "", f"-{amount}"])


def _cells(row: MarketRevenue, asset: Asset) -> list[Any]:
    shown = _row(row.earned, asset)
    names = ("volume", "taker_fees", "maker_fees", "builders", "referrers", "protocol", "venue")
    return [row.earned.trades, *(shown[name] for name in names)]


def _month(text: str) -> tuple[date, date]:
    """The first and last day of a month given as ``2026-11``."""
    found = MONTH.fullmatch(text)
    if found is None:
        raise Http404("There is no such month.")
    first = date(int(found[1]), int(found[2]), 1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _row(earned: Earned, asset: Asset, text: Callable[[int, Asset], str] = amount_text) -> dict[str, Any]:
    """What was earned as ``text`` writes it: to the unit in statements, as people read money elsewhere."""
    names = ("volume", "fees", "taker_fees", "maker_fees", "builders", "referrers", "protocol", "venue")
    shown = {name: text(getattr(earned, name), asset) for name in names}
    return {"trades": earned.trades, **shown}


def _change(before: int, now: int) -> str:
    """How much more than in the days before, in per cent; empty without anything to compare with."""
    return f"{(now - before) * 100 / before:+.1f}" if before > 0 else ""


def _bars(days: list[tuple[date, int]], asset: Asset) -> dict[str, Any]:
    """Bars of a chart: one a day, as high as what was earned."""
    width, height = CHART
    most = max((units for _, units in days), default=0)
    step = width / max(1, len(days))
    bars = [
        {
            "x": f"{n * step + step * 0.15:.1f}",
            "width": f"{step * 0.7:.1f}",
            "height": (tall := max(0, units) * height // most if most else 0),
            "y": height - tall,
            "day": day,
            "amount": money_text(units, asset),
        }
        for n, (day, units) in enumerate(days)
    ]
    return {
        "bars": bars,
        "width": width,
        "height": height,
        "most": money_text(most, asset),
        "empty": not most,
    }


def _payout(row: Transfer, text: Callable[[int, Asset], str] = money_text) -> dict[str, Any]:
    levels = {TransferState.SETTLED: "badge-up", TransferState.REFUSED: "badge-down"}
    return {
        "row": row,
        "amount": text(row.amount, row.asset),
        "badge": levels.get(TransferState(row.state), "badge-warn"),
    }


def _held(venue: Venue) -> dict[str, Any]:
    """What is on the fee account now, asset by asset; ``away`` if the kernel does not answer."""
    try:
        held = fees_held(venue)
    except DomainError:
        return {"away": True, "held": []}
    assets = Asset.objects.in_bulk(list(held))
    rows = [(money_text(units, assets[pk]), assets[pk].symbol) for pk, units in sorted(held.items())]
    return {"away": False, "held": rows}
