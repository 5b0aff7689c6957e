"""Pause switches: what stands, what waits for a second person, and asking for a move."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.ledger.models import PauseFunction
from exchange_os.operations import banner
from exchange_os.operations.access import for_staff
from exchange_os.operations.selectors.watching import past_switches, pauses, waiting_switches
from exchange_os.operations.services import ask_switch, confirm_switch, withdraw_switch
from exchange_os.ui.requests import SignedInRequest
from venues.models import Venue

VENUES_SHOWN = 500


@for_staff
@require_http_methods(["GET", "HEAD", "POST"])
def switches(request: SignedInRequest) -> HttpResponse:
    """All switches; POST asks for a move."""
    refused = None
    if request.method == "POST":
        group = request.POST.get("group", "0")
        try:
            made = ask_switch(
                request.user,
                request.POST.get("function", ""),
                int(group) if group.isdecimal() and len(group) < 19 else -1,
                pause=request.POST.get("pause") != "0",
                reason=request.POST.get("reason", "").replace("\0", ""),
            )
        except DomainError as error:
            refused = error
        else:
            messages.success(
                request, f"Asked for. Somebody else must confirm it by {made.expires_at:%H:%M} UTC."
            )
            return redirect("operations:switches")
    return _page(request, refused)


@for_staff
@require_POST
def move_switch(request: SignedInRequest, pk: int) -> HttpResponse:
    """Confirm (or, with ``withdraw``, take back) what waits."""
    withdraws = "withdraw" in request.POST
    try:
        (withdraw_switch if withdraws else confirm_switch)(request.user, pk)
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        banner.forget()
        messages.success(request, "Taken back." if withdraws else "Done.")
    return redirect("operations:switches")


def _page(request: HttpRequest, refused: DomainError | None) -> HttpResponse:
    standing = pauses()
    everywhere = {row["pause"].function: row["pause"] for row in standing if not row["pause"].group_id}
    venues = list(Venue.objects.filter(fronts=None).order_by("name")[:VENUES_SHOWN])
    names = {venue.group_id: venue.name for venue in venues} | {0: "everywhere"}
    context = {
        "tab": "switches",
        "functions": [
            {"value": each.value, "label": each.label, "pause": everywhere.get(each.value)}
            for each in PauseFunction
        ],
        "narrow": [row for row in standing if row["pause"].group_id],
        "waiting": [
            {"row": row, "where": names.get(row.group_id, f"risk group {row.group_id}")}
            for row in waiting_switches()
        ],
        "past": [
            {"row": row, "where": names.get(row.group_id, f"risk group {row.group_id}")}
            for row in past_switches()
        ],
        "venues": venues,
        "refused": refused,
        "sent": request.POST,
    }
    return render(request, "operations/switches.html", context, status=422 if refused else 200)
