"""A venue of many events as one page: what closes next, what it is all about, its groups and rounds, every day."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from trading.pages.markets import now_ms, venue_or_404
from trading.selectors.series import Series, SeriesEvent, series_of
from venues.models import Venue

NEXT_SHOWN = 4
VIEWS = {"": "Overview", "days": "By time", "rounds": "Rounds"}


def series_context(request: HttpRequest, venue: Venue) -> dict[str, Any]:
    """What the template of a series needs: ``?view=`` chooses the tab, ``?find=`` searches; nothing if it is none."""
    series = series_of(venue, now_ms())
    if series is None:
        return {}
    view = request.GET.get("view", "")
    words = " ".join(request.GET.get("find", "").split())[:60]
    views = {name: title for name, title in VIEWS.items() if name != "rounds" or series.stages}
    context = {
        "series": series,
        "view": view if view in views else "",
        "views": views,
        "words": words,
        "found": found_in(series, words) if words else [],
        "next_events": series.next_to_close(NEXT_SHOWN),
        "hours": series.by_day() if view == "days" else [],
    }
    return context | {"body": _drawn(venue, series, context)}


def _drawn(venue: Venue, series: Series, context: dict[str, Any]) -> str:
    """The series as HTML, drawn once for all visitors while it is remembered; what is searched for is drawn anew."""
    key = (venue.pk, context["view"])
    if not context["words"] and key in series.drawn:
        return series.drawn[key]
    html = render_to_string("trading/series/body.html", {"venue": venue, **context})
    if not context["words"]:
        series.drawn[key] = html
    return html


def found_in(series: Series, words: str) -> list[SeriesEvent]:
    """Events whose question, category or outcomes carry the words, those that trade first."""
    wanted = words.casefold()

    def carries(each: SeriesEvent) -> bool:
        names = " ".join(chance.name for chance in each.chances)
        return wanted in f"{each.event.title} {each.event.category} {names}".casefold()

    return sorted((each for each in series.events if carries(each)), key=lambda each: not each.trades)


@require_safe
def body(request: HttpRequest, slug: str) -> HttpResponse:
    """The series as a fragment, with present chances; the venue's page for who has no script."""
    venue = venue_or_404(slug)
    if request.headers.get("HX-Request") != "true":
        return redirect("pages:venue", slug)
    return HttpResponse(series_context(request, venue).get("body", ""))
