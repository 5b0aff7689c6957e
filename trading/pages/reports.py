"""The public reports of a venue: what its insurance fund, its liquidations, its funding and its disputes came to."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac
from django.views.decorators.http import require_safe

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_text
from trading.decimals import decimal_text
from trading.pages.markets import venue_or_404
from trading.selectors.reports import (
    NO_MARKET,
    Cursor,
    ReportBill,
    ask,
    bills_of,
    disputes_of,
)
from venues.instruments import Instrument
from venues.models import Venue
from venues.selectors import instruments_of
from venues.services.capacity import settlement_asset


@dataclass(frozen=True)
class Report:
    """A public report: its title, what it shows in a sentence, and what is said while it is empty."""

    title: str
    lead: str
    empty: str


REPORTS = {
    "insurance": Report(
        "Insurance fund",
        "Pays what a liquidated account cannot. It lives from liquidation fees and from fees the venue puts in.",
        "The fund has neither paid nor taken anything so far.",
    ),
    "liquidations": Report(
        "Liquidations",
        "Positions closed because an account fell below its maintenance margin.",
        "Nobody has been liquidated here so far.",
    ),
    "deleveraging": Report(
        "Auto-deleveraging",
        "When neither book nor fund can carry a loss, profitable positions are closed by rank, at a known price.",
        "No position has ever been closed by deleveraging here.",
    ),
    "funding": Report(
        "Funding",
        "Paid each hour between longs and shorts of perpetuals. What one side pays the other receives.",
        "No funding has been paid here so far.",
    ),
    "disputes": Report(
        "Disputes",
        "Results of events that somebody disputed inside the window, and what became of them.",
        "No result has been disputed here so far.",
    ),
}  # fmt: skip


def opaque(group_id: int, account: int) -> str:
    """A name for an account that tells the same account apart in every report and nobody whose it is."""
    return salted_hmac("venue reports", f"{group_id}.{account}").hexdigest()[:10]


def moment(time_ms: int) -> datetime:
    """Milliseconds since the epoch as a moment."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)


class Words:
    """The numbers of a venue's bills in the units people read."""

    def __init__(self, venue: Venue, settlement: Asset | None) -> None:
        self.venue, self.settlement = venue, settlement
        self.markets: dict[int, Instrument] = {each.number: each for each in instruments_of(venue)}

    def row(self, bill: ReportBill) -> dict[str, Any]:
        """One bill as the tables show it; a market that is not known has dashes."""
        market = self.markets.get(bill.market)
        asset = market.quote if market else self.settlement
        price = market.tick_size * bill.price_ticks if market and bill.price_ticks else None
        return {
            "time": moment(bill.time_ms),
            "symbol": market.symbol if market else "–",
            "account": opaque(self.venue.group_id, bill.account),
            "lots": abs(bill.lots),
            "side": "Long" if bill.lots > 0 else "Short",
            "closed_side": "Long" if bill.lots < 0 else "Short",
            "price": decimal_text(price) if price is not None else "–",
            "amount": amount_text(bill.amount, asset) if asset else "–",
            "fee": amount_text(bill.fee, asset) if asset else "–",
            "extra": bill.extra,
            "after": amount_text(bill.extra, asset) if asset else "–",
            "unit": asset.symbol if asset else "",
        }


def _insurance(words: Words, before: Cursor | None) -> dict[str, Any]:
    rows, following = bills_of(words.venue.group_id, [NO_MARKET, *words.markets], "insurance", before)
    context: dict[str, Any] = {"rows": [words.row(row) for row in rows], "next": _text(following)}
    if words.settlement is None:
        return context
    try:
        fund = ask(words.venue.group_id, "insurance")
    except DomainError:
        return context | {"away": True}
    return context | {
        "figures": [
            ("In the fund now", amount_text(fund["fund"], words.settlement), words.settlement.symbol),
            ("Positions it holds", str(len(fund["positions"])), ""),
            ("Its equity", amount_text(fund["equity"], words.settlement), words.settlement.symbol),
        ]
    }


def _liquidations(words: Words, before: Cursor | None) -> dict[str, Any]:
    rows, following = bills_of(words.venue.group_id, list(words.markets), "liquidation", before)
    context: dict[str, Any] = {"rows": [words.row(row) for row in rows], "next": _text(following)}
    if words.settlement is None:
        return context
    try:
        fund = ask(words.venue.group_id, "insurance")
    except DomainError:
        return context | {"away": True}
    stages = [
        {
            "name": stage["name"].replace("_", " ").capitalize(),
            "steps": stage["steps"],
            "lots": stage["lots"],
            "value": amount_text(stage["value"], words.settlement),
            "unit": words.settlement.symbol,
        }
        for stage in fund["stages"]
    ]
    return context | {"stages": stages}


def _deleveraging(words: Words, before: Cursor | None) -> dict[str, Any]:
    group, markets = words.venue.group_id, list(words.markets)
    rows, following = bills_of(group, markets, "adl", before)
    # Bills of one command and market are one deleveraging, ranks rising; a page may end within one.
    taken: dict[tuple[int, int], int] = {}
    earlier = bills_of(group, markets, "adl", following, 1_000)[0] if following else []
    for bill in earlier:
        if bill.sequence == rows[-1].sequence:
            taken[bill.sequence, bill.market] = taken.get((bill.sequence, bill.market), 0) + abs(bill.lots)
    shown = []
    for bill in reversed(rows):
        key = (bill.sequence, bill.market)
        taken[key] = taken.get(key, 0) + abs(bill.lots)
        shown.append(words.row(bill) | {"taken": taken[key], "step": bill.sequence})
    return {"rows": shown[::-1], "next": _text(following)}


def _funding(words: Words, before: Cursor | None) -> dict[str, Any]:
    rows, following = bills_of(words.venue.group_id, list(words.markets), "funding", before)
    return {"rows": [words.row(row) for row in rows], "next": _text(following)}


def _disputes(words: Words, before: Cursor | None) -> dict[str, Any]:
    moves, following = disputes_of(words.venue, before[0] if before else None)
    return {"rows": moves, "next": f"{following}-0" if following else ""}


READERS: dict[str, Callable[[Words, Cursor | None], dict[str, Any]]] = {
    "insurance": _insurance,
    "liquidations": _liquidations,
    "deleveraging": _deleveraging,
    "funding": _funding,
    "disputes": _disputes,
}


def _text(cursor: Cursor | None) -> str:
    return f"{cursor[0]}-{cursor[1]}" if cursor else ""


def _cursor(text: str) -> Cursor | None:
    """A cursor out of an address; anything else is the first page."""
    sequence, dash, bill_no = text.partition("-")
    if not dash or not (sequence.isdecimal() and bill_no.isdecimal() and text.isascii()):
        return None
    found = int(sequence[:20]), int(bill_no[:12])
    return found if found[0] < 2**63 and found[1] < 2**31 else None


@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Every report of a venue, with what it is about."""
    context = {"venue": venue_or_404(slug), "reports": REPORTS}
    return render(request, "trading/reports.html", context)


@require_safe
def report(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """One report of a venue, a page from ``?before=``; 404 if there is no such report."""
    if name not in REPORTS:
        raise Http404("There is no such report.")
    venue = venue_or_404(slug)
    before = _cursor(request.GET.get("before", ""))
    context = READERS[name](Words(venue, settlement_asset(venue)), before)
    context |= {"venue": venue, "name": name, "report": REPORTS[name], "reports": REPORTS, "later": before}
    return render(request, "trading/report.html", context)
