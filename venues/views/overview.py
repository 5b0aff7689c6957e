"""The console's first page: how the venue is doing, kept up to date while somebody looks."""

from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_text
from venues.console import TABS, Console, console_page, sees
from venues.models import Phase
from venues.services.pulse import Alert, MarketPulse, Pulse, pulse_of

ROWS = 50


@require_GET
@console_page("overview")
def overview(console: Console) -> HttpResponse:
    """The venue at a glance."""
    return console.render("venues/console/overview.html", _context(console))


@require_GET
@console_page("overview")
def pulse(console: Console) -> HttpResponse:
    """The figures alone (a fragment that the page asks for every few seconds)."""
    return console.render("venues/console/pulse.html", _context(console))


def _context(console: Console) -> dict[str, Any]:
    found = pulse_of(console.venue)
    order = sorted(found.markets, key=lambda row: (-row.volume_units, row.market.number))
    return {
        "pulse": found,
        "unit": found.money.symbol if found.money else "",
        "tiles": _tiles(found),
        "alerts": [(alert, _mend(console, alert)) for alert in found.alerts],
        "rows": [_row(row) for row in order[:ROWS]],
        "more": max(0, len(order) - ROWS),
    }


def _tiles(found: Pulse) -> list[dict[str, Any]]:
    """Name, figure, what stands below it, and the line through the last 24 hours."""
    day = "over 24 hours"
    unit = found.money.symbol if found.money else ""

    def money(units: int) -> str:
        return short_amount(units, found.money)

    capacity = found.capacity_percent
    rest = "" if capacity is None else f"{capacity}% of capacity"
    tiles = [
        ("Volume, 24 h", money(found.volume_units), f"{unit} · {found.trades:,} trades", found.hourly_volume),
        (
            "Fees, 24 h",
            money(found.fees_units),
            f"{unit} · {money(found.fees_total_units)} to date",
            found.hourly_fees,
        ),
        (
            "Open interest",
            money(found.interest_units),
            f"{unit} · {rest}" if rest else unit,
            found.hourly_interest,
        ),
        ("Traders, 24 h", f"{found.traders:,}", "accounts with a fill", []),
        ("Liquidations, 24 h", f"{found.liquidations:,}", "steps of the waterfall", []),
        ("Insurance fund", money(found.insurance_units), unit, found.hourly_insurance),
    ]
    return [
        {"name": name, "figure": figure, "below": below, "line": line, "label": f"{name.split(',')[0]} {day}"}
        for name, figure, below, line in tiles
        if not found.away or name.startswith("Volume")
    ]


def _row(row: MarketPulse) -> dict[str, Any]:
    market = row.market
    price = (Decimal(market.tick_size) * row.price_ticks) if row.price_ticks else None
    return {
        "market": market,
        "open": row.phase == Phase.OPEN,
        "phase": Phase(row.phase).label,
        "price": f"{price:.{market.price_scale}f}" if price is not None else "",
        "spread": "" if row.spread_ppm is None else f"{Decimal(row.spread_ppm) / 100:.1f}",
        "bids": short_amount(row.depth_units[0], market.quote) if row.depth_units else "",
        "asks": short_amount(row.depth_units[1], market.quote) if row.depth_units else "",
        "grade": row.grade,
        "interest": f"{row.interest_lots:,}" if row.interest_lots else "",
        "volume": short_amount(row.volume_units, market.quote),
    }


def _mend(console: Console, alert: Alert) -> str:
    """Address of the tab where an alert is mended, if there is one that the visitor sees."""
    if alert.tab == "stake":
        return reverse("deployer:stake") if console.is_owner else ""
    tab = next((tab for tab in TABS if tab.key == alert.tab and sees(console.roles, tab)), None)
    return reverse(tab.url_name, args=[console.venue.pk]) if tab else ""


def short_amount(units: int, asset: Asset | None) -> str:
    """An amount as a dashboard shows it: two decimals, thousands separated, millions shortened."""
    if asset is None:
        return "0"
    amount = Decimal(amount_text(units, asset))
    for bound, letter in ((Decimal(10**9), "B"), (Decimal(10**6), "M")):
        if abs(amount) >= bound:
            return f"{amount / bound:,.2f}{letter}"
    return f"{amount:,.2f}"
