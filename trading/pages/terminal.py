"""The terminal: the page around the live feed. Book, last trades and open orders are in it as it is sent, so that it
reads without script."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ui.appearance import begun_with
from trading.pages.algo_ticket import PLANS
from trading.pages.margin import figures_context
from trading.pages.markets import market_or_404, now_ms, venue_or_404
from trading.pages.panels import funds_context, panel_context, panels_of
from trading.pages.rows import ladder, percent_text, tape_rows
from trading.pages.ticket import SOURCES, SPANS, TIMES, TicketForm
from trading.selectors.accounts import account_of
from trading.selectors.favourites import favourite_markets
from trading.selectors.overview import listings, venue_listings
from venues.instruments import Instrument
from venues.models import MarketKind, Phase
from venues.standing import standing_at

BARS = (("1m", "1m"), ("5m", "5m"), ("15m", "15m"), ("1H", "1h"), ("4H", "4h"), ("1D", "1d"), ("1W", "1w"))
LEVELS = 20
BLANK = ("", "", "")
#: What the script of the page imports, so that all is fetched at once.
MODULES = (
    *(
        f"js/{name}.js"
        for name in (
            "feed", "numbers", "book", "tape", "ticker", "strip", "ticket", "confirm", "depth", "account", "toast",
            "editing", "forms", "keys", "chart",
        )
    ),
    "vendor/lightweight-charts.mjs",
)  # fmt: skip
TRADES = 40
PATIENCE_SECONDS = 1.0  # what the page shows at once; the feed brings it anyway

PHASES = {
    Phase.PENDING: "This market is not open yet.",
    Phase.AUCTION: "An auction is collecting orders: limit orders may cross and trade at one price when it clears.",
    Phase.HALTED: "This market is halted. Open orders can still be cancelled.",
    Phase.CLOSING: "This market is closing: only orders that reduce a position are taken.",
    Phase.SETTLING: "This market is being settled. Nothing can be placed any more.",
    Phase.SETTLED: "This market was settled. Nothing can be placed any more.",
}
TAKES_ORDERS = (Phase.OPEN, Phase.AUCTION, Phase.CLOSING)


@require_safe
def terminal(request: HttpRequest, slug: str, symbol: str) -> HttpResponse:
    """The terminal of one market; open to everyone, the ticket and the tables for those signed in."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    listing = listings([market], now_ms())[0]
    account = account_of(request.user.pk, venue) if request.user.is_authenticated else None
    panels = panels_of(venue)
    favourites = favourite_markets(request.user.pk) if request.user.is_authenticated else []
    user = request.user if request.user.is_authenticated else None
    context = {
        "venue": venue,
        "market": market,
        "access": standing_at(venue, user, [market.kind]),
        "row": listing,
        "instrument": listing.instrument,
        "others": sorted(venue_listings(venue, now_ms()), key=lambda row: row.market.pk not in favourites),
        "favourites": favourites,
        "bars": BARS,
        "modules": MODULES,
        "panels": panels,
        "account": account,
        **(figures_context(market, listing.instrument) if market.kind != MarketKind.SPOT else {}),
        **front_context(listing.instrument),
        "taker_fee": percent_text(market.taker_fee_ppm),
        "maker_fee": percent_text(market.maker_fee_ppm),
        "phase_sentence": PHASES.get(Phase(market.phase), ""),
        "phases": [(phase.value, PHASES[phase]) for phase in PHASES],
        "takes_orders": market.phase in TAKES_ORDERS,
        "plans": PLANS,
        "times": TIMES,
        "spans": SPANS,
        "sources": SOURCES if market.kind == MarketKind.PERPETUAL else SOURCES[:1],
        "form": TicketForm(initial={"client_id": TicketForm.new_client_id()}),
        **funds_context(request, venue, market, account),
        **panel_context("orders", venue, market, account),
    }
    context["appearance"] = begun_with(request, venue.theme)
    return render(request, "trading/terminal.html", context)


@require_safe
def phase(request: HttpRequest, slug: str, symbol: str) -> HttpResponse:
    """The phase of the market as JSON, for a page whose feed says only that it is suspended: the kernel's own number,
    or what the venue was told last if it does not answer."""
    market = market_or_404(venue_or_404(slug), symbol)
    question = {"q": "market", "market": market.number}
    try:
        answer = client.query(market.venue.group_id, question, PATIENCE_SECONDS)
        number = int(answer.get("market", {}).get("phase", market.phase))
    except DomainError:
        number = market.phase
    return JsonResponse({"phase": number, "takes_orders": number in TAKES_ORDERS})


def front_context(traded: Instrument) -> dict[str, Any]:
    """Front of the book, blank where there is no level, and last trades as texts; the feed brings what the venue does
    not answer at once."""
    try:
        book = client.query(
            traded.group_id, {"q": "book", "market": traded.number, "depth": LEVELS}, PATIENCE_SECONDS
        )
        trades = client.query(
            traded.group_id, {"q": "trades", "market": traded.number, "limit": TRADES}, PATIENCE_SECONDS
        ).get("trades", [])
    except DomainError:
        book, trades = {}, []
    bids, asks = book.get("bids", []), book.get("asks", [])
    spread = asks[0][0] - bids[0][0] if bids and asks else 0
    return {
        "bids": ladder(bids, traded) + [BLANK] * (LEVELS - len(bids)),
        "asks": [BLANK] * (LEVELS - len(asks)) + ladder(asks, traded)[::-1],
        "spread": traded.price_display(spread) if bids and asks else "",
        "trades": tape_rows(trades, traded),
    }
