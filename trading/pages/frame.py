"""What the frame of every page asks for: the search of the navigation, and what one's account is worth."""

from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.pages.account import money_text
from trading.selectors.search import search
from trading.selectors.standings import account_standing

WORDS_AT_MOST = 40
WORTH_SECONDS = 15
TIMEOUT_SECONDS = 0.8


@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """What the words typed into the navigation find, as a fragment."""
    words = request.GET.get("q", "").strip()[:WORDS_AT_MOST]
    return render(request, "trading/found.html", {"words": words, "found": search(words)})


@signed_in
@never_cache
@require_safe
def worth(request: SignedInRequest) -> HttpResponse:
    """What the account is worth, and what is at the venue of ``?venue=``, as a fragment; it may be seconds old."""
    key = f"worth:{request.user.pk}"
    known: dict[str, Any] | None = cache.get(key)
    if known is None:
        standing = account_standing(request.user.pk, TIMEOUT_SECONDS)
        known = {
            "unit": standing.unit.symbol,
            "total": money_text(standing.total, standing),
            "whole": standing.whole,
            "venues": {
                each.venue.slug: money_text(each.equity, standing)
                for each in standing.venues
                if each.answered
            },
        }
        if standing.total:  # who has nothing yet sees it change with the first money
            cache.set(key, known, WORTH_SECONDS)
    here = known["venues"].get(request.GET.get("venue", ""))
    return render(request, "trading/worth.html", {**known, "here": here})
