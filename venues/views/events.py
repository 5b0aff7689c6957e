"""The deployer's page of an event: its rules and state, and the verbs that end it."""

from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from exchange_os.errors import DomainError
from exchange_os.ui.requests import SignedInRequest
from venues.inputs import text_of
from venues.models import PPM, Event, EventKind, EventState
from venues.services import add_outcome
from venues.services.events import (
    EVENT_MOVES,
    close_event,
    outcome_names,
    own_event,
    propose_result,
    propose_void,
)


@login_required
@require_GET
def event(request: SignedInRequest, event_id: int) -> HttpResponse:
    """One event of one's own venues."""
    try:
        found = own_event(request.user, event_id)
    except DomainError:
        return redirect("deployer:home")
    return _page(request, found)


@login_required
@require_POST
def act(request: SignedInRequest, event_id: int, verb: str) -> HttpResponse:
    """Close, add an outcome, propose a result, or propose to void."""
    try:
        found = own_event(request.user, event_id)
    except DomainError:
        return redirect("deployer:home")
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
        return _page(request, found, refused, 422)
    return redirect("deployer:event", found.pk)


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


def _page(
    request: SignedInRequest, event: Event, refused: DomainError | None = None, status: int = 200
) -> HttpResponse:
    moves = EVENT_MOVES[EventState(event.state)]
    names = outcome_names(event)
    context = {
        "event": event,
        "venue": event.venue,
        "outcomes": list(names.items()),
        "markets": event.markets.order_by("outcome"),
        "payouts": [(names.get(int(at), at), ppm) for at, ppm in event.payouts.items() if ppm],
        "window": f"{event.window_seconds // 3600} h",
        "can_close": EventState.CLOSED in moves,
        "can_add": event.fallback is not None and event.state == EventState.OPEN,
        "can_propose": EventState.PROPOSED in moves,
        "typed": request.POST,
        "error": refused.message if refused else "",
    }
    return render(request, "venues/event.html", context, status=status)
