"""The way of an event to its end as its page tells it, and the challenge of a proposed result."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from exchange_os.ui.toasts import toast, trigger
from trading.pages.event_scope import event_or_404
from trading.pages.markets import venue_or_404
from trading.pages.rows import percent_text
from trading.selectors.event_moves import moves_of, result_text
from trading.selectors.events import EventView
from venues.models import EventMove, EventState
from venues.services import dispute_result

DONE, HERE, NEXT = "done", "here", "next"


@dataclass(frozen=True)
class Step:
    """One step: done, here or to come; when (it was or will be), who made it, what was said and where it is seen."""

    state: str
    title: str
    at: datetime | None = None
    who: str = ""
    words: str = ""
    source: str = ""
    result: str = ""


def way_context(view: EventView) -> dict[str, Any]:
    """What the template of an event's way needs."""
    event = view.event
    ends = event.proposed + timedelta(seconds=event.window_seconds) if event.proposed else None
    return {
        "way": way_of(view),
        "taker_fee": percent_text(view.markets[0].taker_fee_ppm) if view.markets else "",
        "can_dispute": event.state == EventState.PROPOSED and ends is not None and timezone.now() < ends,
        "window_ends": ends if event.state == EventState.PROPOSED else None,
        "result": result_text(view, event.payouts, event.voiding) if event.payouts or event.voiding else "",
    }


def way_of(view: EventView) -> list[Step]:
    """The steps that were made, and those to come."""
    event = view.event
    steps = [Step(DONE, "Trading opened", event.created, event.venue.deployer.name)]
    moves = moves_of(event)
    if not any(move.state == EventState.CLOSED for move in moves) and event.state != EventState.OPEN:
        steps.append(Step(DONE, "Trading closed", min([event.closes, *(move.at for move in moves[:1])])))
    steps += [_made(view, move) for move in moves]
    return [*steps[:-1], _here(steps[-1]), *_to_come(view)]


def _here(step: Step) -> Step:
    over = step.title in ("Paid", "Void")
    return Step(DONE if over else HERE, step.title, step.at, step.who, step.words, step.source, step.result)


def _made(view: EventView, move: EventMove) -> Step:
    titles = {
        EventState.CLOSED: "Trading closed",
        EventState.PROPOSED: "Result proposed",
        EventState.DISPUTED: "Result disputed",
        EventState.RESOLVED: "Paid",
        EventState.VOID: "Void",
    }
    deployer = view.event.venue.deployer
    who = "" if move.by is None else deployer.name if move.by.pk == deployer.user_id else "a trader"
    state = EventState(move.state)
    result = result_text(view, move.payouts, move.voiding) if state == EventState.PROPOSED else ""
    return Step(DONE, titles[state], move.at, who, move.words, move.source, result)


def _to_come(view: EventView) -> list[Step]:
    event, window = view.event, timedelta(seconds=view.event.window_seconds)
    closing = Step(NEXT, "Trading closes", event.closes)
    proposal = Step(NEXT, "Result proposed", None, event.venue.deployer.name)
    challenge = Step(NEXT, "Time to challenge ends", event.proposed + window if event.proposed else None)
    paid = Step(NEXT, "Contracts are paid")
    return {
        EventState.OPEN: [closing, proposal, Step(NEXT, "Time to challenge"), paid],
        EventState.CLOSED: [proposal, Step(NEXT, "Time to challenge"), paid],
        EventState.PROPOSED: [challenge, paid],
        EventState.DISPUTED: [
            Step(NEXT, "Result judged and proposed anew"), Step(NEXT, "Time to challenge"), paid,
        ],
    }.get(EventState(event.state), [])  # fmt: skip


@require_safe
def way(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """The way of the event as a fragment."""
    venue = venue_or_404(slug)
    view = event_or_404(venue, code)
    return render(request, "trading/event/way.html", _page(view))


def _page(view: EventView) -> dict[str, Any]:
    return {"venue": view.event.venue, "event": view.event, **way_context(view)}


@signed_in
@require_POST
def dispute(request: SignedInRequest, slug: str, code: str) -> HttpResponse:
    """Challenge the proposed result; a refusal comes back at its field."""
    venue = venue_or_404(slug)
    view = event_or_404(venue, code)
    reason, source = (request.POST.get(name, "")[:600] for name in ("reason", "source"))
    htmx = request.headers.get("HX-Request") == "true"
    try:
        dispute_result(request.user, view.event, reason, source)
    except DomainError as refused:
        if not htmx:
            messages.error(request, refused.message)
            return redirect("pages:event", venue.slug, view.event.code)
        field = refused.field or ""
        context = {
            "error": refused.message,
            "error_field": field,
            "typed": {"reason": reason, "source": source},
        }
        context |= _page(view)
        return render(request, "trading/event/way.html", context, status=422)
    text = "The result is disputed: it is not paid until it has been judged."
    if not htmx:
        messages.success(request, text)
        return redirect("pages:event", venue.slug, view.event.code)
    response = render(request, "trading/event/way.html", _page(event_or_404(venue, code)))
    return trigger(toast(response, "success", text), "xos:event")
