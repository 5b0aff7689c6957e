"""The console's pages of events: the list, one with its rules and state, and the verbs that end it."""

from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from exchange_os.errors import DomainError
from exchange_os.ui.requests import SignedInRequest
from venues.console import Console, console_page
from venues.inputs import text_of
from venues.models import PPM, Event, EventKind, EventState
from venues.services import add_outcome
from venues.services.events import (
    EVENT_MOVES,
    close_event,
    outcome_names,
    propose_result,
    propose_void,
)

#: States in which somebody of the team has something to do.
WAITING = (EventState.CLOSED, EventState.DISPUTED, EventState.PROPOSED)


@require_GET
@console_page("events")
def events(console: Console) -> HttpResponse:
    """Every event of the venue, those that wait for something first."""
    rows = console.venue.events.annotate(market_count=Count("markets"))
    waiting = [row for row in rows if row.state in WAITING]
    others = [row for row in rows if row.state not in WAITING]
    return console.render("venues/console/events.html", {"waiting": waiting, "others": others})


@require_GET
@console_page("events")
def event(console: Console, event_id: int) -> HttpResponse:
    """One event of the venue."""
    return _page(console, _event(console, event_id))


@require_POST
@console_page("events")
def act(console: Console, event_id: int, verb: str) -> HttpResponse:
    """Close, add an outcome, propose a result, or propose to void."""
    request, found = console.request, _event(console, event_id)
    evidence = text_of(request.POST, "evidence")
    try:
        if verb == "close":
            close_event(request.user, found)
            messages.success(request, "Trading has closed; propose the result when it is known.")
        elif verb == "outcome":
            market = add_outcome(request.user, found, text_of(request.POST, "outcome_name"))
            messages.success(
                request, f"{market.outcome_name} opens in a moment; “Any other” pauses meanwhile."
            )
        elif verb == "void":
            propose_void(request.user, found, evidence)
            messages.success(request, "Proposed to void: the last fair prices are paid after the window.")
        else:
            propose_result(request.user, found, _payouts(found, request), evidence)
            messages.success(request, "The result is proposed; it is paid when its window has passed.")
    except DomainError as refused:
        return _page(console, found, refused, 422)
    return redirect("deployer:event", console.venue.pk, found.pk)


def _payouts(event: Event, request: SignedInRequest) -> dict[int, int]:
    """The result as typed: the outcome that won, or what the long side of a scalar gets in per cent."""
    if event.kind == EventKind.SCALAR:
        try:
            part = Decimal(text_of(request.POST, "percent").rstrip("% ")) * (PPM // 100)
        except InvalidOperation:
            part = Decimal(-1)
        if not 0 <= part <= PPM or part != part.to_integral_value():
            raise DomainError(
                "payouts_invalid", "Enter what Long gets, from 0 to 100 per cent.", field="percent"
            )
        return {0: int(part), 1: PPM - int(part)}
    won = text_of(request.POST, "outcome")
    if not won.isdigit() or int(won) not in outcome_names(event):
        raise DomainError("payouts_invalid", "Choose the outcome that happened.", field="outcome")
    return {int(won): PPM}


def _event(console: Console, event_id: int) -> Event:
    return get_object_or_404(
        Event.objects.select_related("venue", "settlement_asset"), pk=event_id, venue=console.venue
    )


def _page(
    console: Console, event: Event, refused: DomainError | None = None, status: int = 200
) -> HttpResponse:
    moves = EVENT_MOVES[EventState(event.state)]
    names = outcome_names(event)
    context = {
        "event": event,
        "outcomes": list(names.items()),
        "markets": event.markets.order_by("outcome"),
        "payouts": [(names.get(int(at), at), ppm) for at, ppm in event.payouts.items() if ppm],
        "window": f"{event.window_seconds // 3600} h",
        "can_close": EventState.CLOSED in moves,
        "can_add": event.fallback is not None and event.state == EventState.OPEN,
        "can_propose": EventState.PROPOSED in moves,
        "typed": console.request.POST,
        "error": refused.message if refused else "",
    }
    return console.render("venues/event.html", context, status=status)
