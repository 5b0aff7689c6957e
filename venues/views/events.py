"""The console's pages of events: the list, one with its rules and state, and the verbs that end it."""

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import amount_words, stake_asset
from exchange_os.ui.requests import SignedInRequest
from venues.console import Console, console_page
from venues.event_inputs import read_evidence, read_result
from venues.inputs import text_of
from venues.models import UNDECIDED, Event, EventState
from venues.services import add_outcome, clarify_event, close_event, propose_result, propose_void
from venues.services.clarifications import CLARIFIED_WHILE
from venues.services.disputes import bond_units
from venues.services.event_moves import EVENT_MOVES, outcome_names

#: States in which somebody of the team has something to do.
WAITING = (EventState.CLOSED, EventState.DISPUTED, EventState.PROPOSED)
OVER = (EventState.RESOLVED, EventState.VOID)


@require_GET
@console_page("events")
def events(console: Console) -> HttpResponse:
    """Every event of the venue, those that wait for something first."""
    rows = list(console.venue.events.annotate(market_count=Count("markets")).order_by("closes", "pk"))
    waiting = [row for row in rows if row.state in WAITING]
    trading = [row for row in rows if row.state not in (*WAITING, *OVER)]
    over = [row for row in reversed(rows) if row.state in OVER]
    return console.render("venues/console/events.html", {"waiting": waiting, "others": trading, "over": over})


@require_GET
@console_page("events")
def event(console: Console, event_id: int) -> HttpResponse:
    """One event of the venue."""
    return _page(console, _event(console, event_id))


@require_POST
@console_page("events")
def act(console: Console, event_id: int, verb: str) -> HttpResponse:
    """Close, add an outcome or a clarification, propose a result, or propose to void."""
    request, found = console.request, _event(console, event_id)
    try:
        if verb == "close":
            close_event(request.user, found)
            messages.success(request, "Trading has closed; propose the result when it is known.")
        elif verb == "outcome":
            market = add_outcome(request.user, found, text_of(request.POST, "outcome_name"))
            messages.success(
                request, f"{market.outcome_name} opens in a moment; “Any other” pauses meanwhile."
            )
        elif verb == "clarify":
            clarify_event(request.user, found, text_of(request.POST, "clarification"))
            messages.success(request, "It is added; everyone has more time to challenge the result.")
        else:
            _propose(request, found, voiding=verb == "void")
    except DomainError as refused:
        return _page(console, found, refused, 422)
    return redirect("deployer:event", console.venue.pk, found.pk)


def _propose(request: SignedInRequest, event: Event, *, voiding: bool) -> None:
    """The result as typed, with what bears it out."""
    payouts = None if voiding else read_result(event, request.POST, outcome_names(event))
    items = read_evidence(request.POST, request.FILES.getlist("files"))
    words, source = text_of(request.POST, "evidence"), text_of(request.POST, "source")
    if payouts is None:
        propose_void(request.user, event, words, source=source, evidence=items)
        messages.success(request, "Proposed to void: the last fair prices are paid after the window.")
    else:
        propose_result(request.user, event, payouts, words, source=source, evidence=items)
        messages.success(request, "The result is proposed; it is paid when its window has passed.")


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
        "moves": event.moves.prefetch_related("evidence").order_by("pk"),
        "disputed": event.disputes.filter(state__in=UNDECIDED).exists(),
        "clarifications": event.clarifications.all(),
        "can_clarify": event.state in CLARIFIED_WHILE,
        "bond": amount_words(bond_units(), stake_asset()),
        "can_close": EventState.CLOSED in moves,
        "can_add": event.fallback is not None and event.state == EventState.OPEN,
        "can_propose": EventState.PROPOSED in moves,
        "typed": console.request.POST,
        "error": refused.message if refused else "",
        "error_field": refused.field or "" if refused else "",
    }
    return console.render("venues/event.html", context, status=status)
