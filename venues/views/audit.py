"""The audit log of a venue: searched, paged, exported."""

from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from venues.console import Console, console_page
from venues.services.acts import acts_csv, acts_of, changes

PAGE = 50


@require_GET
@console_page("audit")
def audit(console: Console) -> HttpResponse:
    """Acts, newest first; ``q`` searches, ``before`` is where the page begins."""
    search, start = console.request.GET.get("q", "").strip()[:100], console.request.GET.get("before", "")
    acts = acts_of(console.venue, search)
    page = acts.filter(pk__lt=int(start)) if start.isdigit() else acts
    rows = list(page[: PAGE + 1])
    more = urlencode({"q": search, "before": rows[PAGE - 1].pk}) if len(rows) > PAGE else ""
    context = {
        "acts": [(act, changes(act.before), changes(act.after)) for act in rows[:PAGE]],
        "search": search,
        "newer": "?" + urlencode({"q": search}) if start else "",
        "older": "?" + more if more else "",
    }
    return console.render("venues/console/audit.html", context)


@require_GET
@console_page("audit")
def export(console: Console) -> HttpResponseBase:
    """The acts that the search finds, as CSV."""
    search = console.request.GET.get("q", "").strip()[:100]
    response = StreamingHttpResponse(
        acts_csv(acts_of(console.venue, search)), content_type="text/csv; charset=utf-8"
    )
    name = f"{console.venue.slug}-audit-{timezone.now():%Y%m%d-%H%M}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
