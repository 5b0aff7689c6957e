"""Lists of events: of one venue or of all, those that trade, that close soon, and that are over."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from trading.pages.markets import event_cards, now_ms, venue_or_404
from trading.selectors.events import LISTED_AT_MOST, Which, event_list
from venues.models import Venue

FILTERS = dict(Which.choices)


@require_safe
def every(request: HttpRequest) -> HttpResponse:
    """Events of every venue."""
    return _list(request, None)


@require_safe
def of_venue(request: HttpRequest, slug: str) -> HttpResponse:
    """Events of one venue."""
    return _list(request, venue_or_404(slug))


def _list(request: HttpRequest, venue: Venue | None) -> HttpResponse:
    asked = request.GET.get("show", "")
    show = Which(asked) if asked in Which.values else Which.OPEN
    words = " ".join(request.GET.get("q", "").split())[:60]
    page = int(text) if (text := request.GET.get("page", ""))[:4].isdigit() and len(text) <= 4 else 1
    views, more = event_list(show, words=words, venue_id=venue.pk if venue else None, page=max(1, page))
    context = {
        "venue": venue,
        "filters": FILTERS,
        "show": show,
        "words": words,
        "events": event_cards(views, now_ms()),
        "next_page": max(1, page) + 1 if more else 0,
        "page_size": LISTED_AT_MOST,
    }
    return render(request, "trading/events.html", context)
