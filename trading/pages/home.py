"""The first page: markets and venues to discover, searched as one types, with one's favourites."""

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from trading.pages.markets import event_cards, now_ms
from trading.pages.series import series_context
from trading.selectors.contract_figures import contract_figures
from trading.selectors.events import open_events
from trading.selectors.favourites import favourite_markets
from trading.selectors.overview import Listing, listings, market_list, movers
from trading.services.favourites import KEPT_AT_MOST, toggle_favourite
from venues.models import Market, MarketKind, Venue
from venues.selectors import LIVE_STATES, backed_venues, open_markets

FAVOURITES = "favourites"
#: Tabs of the markets list.
KINDS = {
    "": "All",
    FAVOURITES: "Favourites",
    MarketKind.SPOT: "Spot",
    MarketKind.PERPETUAL: "Perpetuals",
    MarketKind.OUTCOME: "Outcomes",
}
COOKIE = "favourites"
YEAR_SECONDS = 365 * 86_400
VENUES_SHOWN = 12


def favourites_of(request: HttpRequest) -> list[int]:
    """Numbers of the visitor's favourite markets, newest first: the account's, or the cookie's of who has none."""
    if request.user.is_authenticated:
        return favourite_markets(request.user.pk)
    told = request.COOKIES.get(COOKIE, "").split(".")
    return [int(number) for number in told[:KEPT_AT_MOST] if number.isascii() and number.isdigit()][
        :KEPT_AT_MOST
    ]


def _rows(kind: str, words: str, favourites: list[int], now: int) -> list[Listing]:
    if kind == FAVOURITES:
        wanted = words.lower()
        rows = listings(open_markets().filter(pk__in=[pk for pk in favourites if pk < 1 << 31]), now)
        return [row for row in rows if wanted in f"{row.market.symbol} {row.market.venue.name}".lower()]
    if kind == MarketKind.OUTCOME and not words:
        return []  # they are shown as events
    return market_list(now, words, kind)


def _with_figures(rows: list[Listing]) -> list[Listing]:
    """Perpetuals with their funding and open interest, where the venues say them at once."""
    known = contract_figures(row.instrument for row in rows)
    return [
        replace(row, funding=known[row.market.pk].funding, interest=known[row.market.pk].interest)
        if row.market.pk in known
        else row
        for row in rows
    ]


def _featured(request: HttpRequest) -> dict[str, Any]:
    """The venue that the page leads with, if the operator chose one (``FEATURED_VENUE``) and it is a series."""
    venue = Venue.objects.filter(slug=settings.FEATURED_VENUE, state__in=LIVE_STATES).first()
    context = series_context(request, venue) if venue else {}
    return {"venue": venue, **context} if context else {}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Markets of every venue: a tab by ``?kind=``, searched by ``?q=``."""
    words = request.GET.get("q", "").strip()[:40]
    kind = request.GET.get("kind", "")
    if kind not in KINDS:
        kind = ""
    now = now_ms()
    favourites = favourites_of(request)
    front = not words and not kind
    rows = _rows(kind, words, favourites, now)
    contracts = kind == MarketKind.PERPETUAL
    featured = _featured(request) if front else {}
    shown = open_events(without=featured["venue"].pk if featured else None)
    context = {
        "rows": _with_figures(rows) if contracts else rows,
        "contracts": contracts,
        "favourites": set(favourites),
        "words": words,
        "kind": kind,
        "kinds": KINDS,
        "movers": movers(now) if front else [],
        "events": event_cards(shown, now) if not words and kind in ("", MarketKind.OUTCOME) else [],
        "venues": backed_venues(VENUES_SHOWN) if front else [],
    } | featured
    return render(request, "trading/home.html", context)


@require_POST
def favourite(request: HttpRequest, number: int) -> HttpResponse:
    """Marks a market as a favourite, or takes the mark away; answers with the new star, or leads back."""
    market = open_markets().filter(pk=number).first() if number < 1 << 31 else None
    if market is None:
        raise Http404("There is no such market.")
    known = favourites_of(request)
    if request.user.is_authenticated:
        chosen = toggle_favourite(request.user.pk, market.pk)
    else:
        chosen = market.pk not in known
        known = [pk for pk in known if pk != market.pk]
    answer = _star(request, market, chosen) if request.headers.get("HX-Request") else _back(request)
    if not request.user.is_authenticated:
        kept = ([market.pk, *known] if chosen else known)[:KEPT_AT_MOST]
        answer.set_cookie(
            COOKIE,
            ".".join(map(str, kept)),
            max_age=YEAR_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure(),
        )
    return answer


def _star(request: HttpRequest, market: Market, chosen: bool) -> HttpResponse:
    return render(request, "trading/star.html", {"market": market, "chosen": chosen})


def _back(request: HttpRequest) -> HttpResponse:
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}):
        back = "/"
    return HttpResponseRedirect(back)
