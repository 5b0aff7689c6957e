"""The console's page of oracles: what every source says, what is wrong, and asking for other sources."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from exchange_os.errors import DomainError
from exchange_os.oracles.selectors import market_prices, open_alarms
from venues.console import Console, console_page
from venues.models import Market, MarketKind, Phase, Role
from venues.services.oracle_sources import request_sources, source_lines

PATIENCE_SECONDS = 1.5
BADGES = {"valid": "badge-up", "thin": "badge-warn", "stale": "badge-down", "volatile": "badge-down"}


@require_GET
@console_page("oracles")
def oracles(console: Console) -> HttpResponse:
    """Every perpetual with its prices and sources."""
    return _page(console)


@require_POST
@console_page("oracles")
def change(console: Console, number: int) -> HttpResponse:
    """Ask for other sources of one market."""
    post = console.request.POST
    text, words = post.get("sources", "")[:4000], post.get("words", "")[:400]
    try:
        asked = request_sources(console.request.user, console.venue, number, text, words)
    except DomainError as refused:
        return _page(console, {number: (text, words, refused.message)}, 422)
    waits = f"until {asked.due:%d %B, %H:%M} UTC" if asked.due else "for a second person"
    messages.success(console.request, f"The change of sources waits {waits}.")
    return redirect("deployer:changes", console.venue.pk)


def _page(
    console: Console, typed: dict[int, tuple[str, str, str]] | None = None, status: int = 200
) -> HttpResponse:
    venue = console.venue
    markets = Market.objects.filter(venue=venue, kind=MarketKind.PERPETUAL).exclude(phase=Phase.PENDING)
    try:
        told = {row["market"]: row for row in market_prices(venue.group_id, timeout=PATIENCE_SECONDS)}
        away = False
    except DomainError:
        told, away = {}, True
    rows = []
    for market in markets:
        text, words, error = (typed or {}).get(market.number, ("\n".join(source_lines(market)), "", ""))
        rows.append(
            {
                "market": market,
                "text": text,
                "words": words,
                "error": error,
                **_shown(market, told.get(market.number)),
            }
        )
    symbols = {market.number: market.symbol for market in markets}
    alarms = [(symbols.get(alarm.market, ""), alarm) for alarm in open_alarms(venue.group_id)]
    context = {"rows": rows, "away": away, "alarms": alarms, "can_change": console.may(Role.ORACLE_UPDATER)}
    return console.render("venues/console/oracles.html", context, status=status)


def _shown(market: Market, told: dict[str, Any] | None) -> dict[str, Any]:
    if told is None:
        return {"grade": "", "sources": []}
    now_ms = int(timezone.now().timestamp() * 1000)
    index = told["index_ticks"]

    def price(ticks: int) -> str:
        return f"{Decimal(market.tick_size) * ticks:.{market.price_scale}f}" if ticks else ""

    return {
        "grade": told["grade"],
        "badge": BADGES.get(told["grade"], ""),
        "index": price(index),
        "mark": price(told["mark_ticks"]),
        "sources": [
            {
                "name": source["name"] or f"Source {source['source']}",
                "price": price(source["ticks"]),
                "away": f"{Decimal(source['ticks'] - index) * 100 / index:+.3f}"
                if index and source["ticks"]
                else "",
                "age": max(0, now_ms - source["published_ms"]) // 1000 if source["published_ms"] else None,
                "fresh": source["fresh"],
                "demoted": source["demoted"],
                "error": source["last_error"],
            }
            for source in told["sources"]
        ],
    }
