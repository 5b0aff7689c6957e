"""A market as a widget for other sites: price, line of the day, front of the book. It only reads, has no script and no
cookie of a visitor, and only the sites that the venue names may frame it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from trading.pages.markets import market_or_404, now_ms, venue_or_404
from trading.pages.terminal import front_context
from trading.selectors.overview import listings

REFRESH_SECONDS = 10
THEMES = ("dark", "light")
SANDBOX = ("allow-scripts", "allow-popups", "allow-popups-to-escape-sandbox")  # a refresh needs the first


@require_safe
@xframe_options_exempt
def embed(request: HttpRequest, slug: str, symbol: str) -> HttpResponse:
    """The widget of one market; ``theme`` chooses its colours, else the venue does."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    asked = request.GET.get("theme", "")
    context = {
        "venue": venue,
        "market": market,
        "row": listings([market], now_ms())[0],
        "theme": asked if asked in THEMES else venue.theme or THEMES[0],
        "address": request.build_absolute_uri(f"/v/{venue.slug}/trade/{market.symbol}/"),
        **front_context(listings([market], now_ms())[0].instrument),
    }
    response = render(request, "trading/embed.html", context)
    response.headers["Refresh"] = str(REFRESH_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    policy = {
        "frame-ancestors": ["'self'", *venue.embed_origins],
        "script-src": ["'none'"],
        "form-action": ["'none'"],
        "sandbox": list(SANDBOX),
    }
    response._csp_replace = policy  # type: ignore[attr-defined]
    return response
