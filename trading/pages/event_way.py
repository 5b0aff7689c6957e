"""The way of an event to its end as its page tells it, and what anyone may do about it: dispute, or propose."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.parameters.selectors import whole
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from exchange_os.ui.toasts import toast, trigger
from trading.pages.event_scope import event_or_404
from trading.pages.markets import venue_or_404
from trading.pages.rows import percent_text
from trading.selectors.event_moves import (
    DisputeView,
    bond_text,
    clarifications_of,
    disputes_in,
    evidence_by_id,
    moves_of,
    result_text,
)
from trading.selectors.events import EventView
from venues.event_inputs import VOID, read_evidence, read_result
from venues.models import Clarification, Event, EventKind, EventMove, EventState, Evidence
from venues.services import open_dispute, propose_result, propose_void
from venues.services.event_moves import outcome_names, window_ends
from venues.services.events import anyone_may_propose_from

DONE, HERE, NEXT = "done", "here", "next"
TITLES = {
    EventState.CLOSED: "Trading closed",
    EventState.PROPOSED: "Result proposed",
    EventState.DISPUTED: "Result disputed",
    EventState.RESOLVED: "Paid",
    EventState.VOID: "Void",
}
TYPED = ("reason", "source", "outcome", "percent", "evidence", "link", "hash")


@dataclass(frozen=True)
class Step:
    """One step: done, here or to come; when (it was or will be), who made it, what was said, where it is seen, and what
    bears it out."""

    state: str
    title: str
    at: datetime | None = None
    who: str = ""
    words: str = ""
    source: str = ""
    result: str = ""
    evidence: tuple[Evidence, ...] = ()


def way_context(view: EventView) -> dict[str, Any]:
    """What the template of an event's way needs."""
    event = view.event
    ends, now = window_ends(event), timezone.now()
    disputes = disputes_in(view)
    open_now = event.state in (EventState.PROPOSED, EventState.DISPUTED) and ends is not None and now < ends
    judged = any(row.dispute.verdict for row in disputes if row.undecided)
    return {
        "way": way_of(view, disputes),
        "taker_fee": percent_text(view.markets[0].taker_fee_ppm) if view.markets else "",
        "can_dispute": open_now and not judged,
        "joining": event.state == EventState.DISPUTED,
        "can_propose": event.state == EventState.CLOSED and now >= anyone_may_propose_from(event),
        "window_ends": ends if open_now else None,
        "result": result_text(view, event.payouts, event.voiding) if event.payouts or event.voiding else "",
        "disputes": disputes,
        "bond": bond_text(),
        "is_scalar": event.kind == EventKind.SCALAR,
        "claims": [item for item in outcome_names(event).items() if not _proposed_alone(event, item[0])],
        "claim_void": not event.voiding,
        "clarifications": clarifications_of(event),
    }


def _proposed_alone(event: Event, outcome: int) -> bool:
    """Whether this outcome alone is the proposed result, so that nobody can dispute it by naming it."""
    if event.voiding or event.state not in (EventState.PROPOSED, EventState.DISPUTED):
        return False
    return [int(at) for at, ppm in event.payouts.items() if ppm] == [outcome]


def way_of(view: EventView, disputes: list[DisputeView]) -> list[Step]:
    """The steps that were made, with what was clarified in between, and those to come."""
    event = view.event
    steps = [Step(DONE, "Trading opened", event.created, event.venue.deployer.name)]
    moves = moves_of(event)
    if not any(move.state == EventState.CLOSED for move in moves) and event.state != EventState.OPEN:
        steps.append(Step(DONE, "Trading closed", min([event.closes, *(move.at for move in moves[:1])])))
    steps += [_made(view, move) for move in moves]
    steps[-1] = _here(steps[-1])
    steps += [_clarified(view, row) for row in clarifications_of(event)]
    steps.sort(key=lambda step: step.at or event.created)
    return steps + _to_come(view, disputes)


def _here(step: Step) -> Step:
    return replace(step, state=DONE if step.title in ("Paid", "Void") else HERE)


def _made(view: EventView, move: EventMove) -> Step:
    state = EventState(move.state)
    result = result_text(view, move.payouts, move.voiding) if state == EventState.PROPOSED else ""
    return Step(
        DONE, TITLES[state], move.at, _who(view, move), move.words, move.source, result,
        tuple(move.evidence.all()),
    )  # fmt: skip


def _who(view: EventView, move: EventMove) -> str:
    if move.by is None:
        return "the clock" if move.words and move.state == EventState.PROPOSED else ""
    if move.state in (EventState.RESOLVED, EventState.VOID):
        return "the panel"
    deployer = view.event.venue.deployer
    return deployer.name if move.by.pk == deployer.user_id else "a trader"


def _clarified(view: EventView, row: Clarification) -> Step:
    return Step(DONE, "Rules clarified", row.at, view.event.venue.deployer.name, row.text)


def _to_come(view: EventView, disputes: list[DisputeView]) -> list[Step]:
    event = view.event
    closing = Step(NEXT, "Trading closes", event.closes)
    late = whole("resolution_deadline_seconds") - whole("resolution_grace_seconds")
    alone = anyone_may_propose_from(event)
    proposal = Step(NEXT, "Result proposed", None, event.venue.deployer.name)
    anyone = Step(NEXT, "If not, anyone may propose a result, with a bond", alone)
    given_up = Step(NEXT, "If nobody does, void", alone + timedelta(seconds=late))
    challenge = Step(NEXT, "Time to challenge ends", window_ends(event))
    paid = Step(NEXT, "Contracts are paid")
    opened = next((row.dispute.created for row in disputes if row.undecided), timezone.now())
    deadline = opened + timedelta(seconds=whole("dispute_deadline_seconds"))
    return {
        EventState.OPEN: [closing, proposal, Step(NEXT, "Time to challenge"), paid],
        EventState.CLOSED: [proposal, anyone, given_up, Step(NEXT, "Time to challenge"), paid],
        EventState.PROPOSED: [challenge, paid],
        EventState.DISPUTED: [
            Step(NEXT, "A panel without holders judges; if it does not, void", deadline), paid,
        ],
    }.get(EventState(event.state), [])  # fmt: skip


@require_safe
def way(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """The way of the event as a fragment."""
    venue = venue_or_404(slug)
    view = event_or_404(venue, code)
    return render(request, "trading/event/way.html", _page(view))


@require_safe
def evidence(request: HttpRequest, slug: str, code: str, evidence_id: int) -> HttpResponse:
    """A file of evidence, to be kept and not shown: nothing of it runs in a browser."""
    view = event_or_404(venue_or_404(slug), code)
    item = evidence_by_id(view.event, evidence_id)
    if item is None or item.content is None:
        raise Http404("There is no such file.")
    response = HttpResponse(bytes(item.content), content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="evidence-{item.pk}"'
    return response


def _page(view: EventView) -> dict[str, Any]:
    return {"venue": view.event.venue, "event": view.event, **way_context(view)}


@signed_in
@require_POST
def dispute(request: SignedInRequest, slug: str, code: str) -> HttpResponse:
    """Challenge the proposed result; a refusal comes back at its field."""
    event = event_or_404(venue_or_404(slug), code).event

    def act() -> str:
        payouts = read_result(event, request.POST, outcome_names(event))
        reason, source = (request.POST.get(name, "")[:600] for name in ("reason", "source"))
        items = read_evidence(request.POST, request.FILES.getlist("files"))
        open_dispute(request.user, event, reason, source, payouts, items)
        return "The result is disputed: it is not paid until it has been judged."

    return _act(request, slug, code, act, "dispute")


@signed_in
@require_POST
def propose(request: SignedInRequest, slug: str, code: str) -> HttpResponse:
    """Propose a result in the place of a deployer who did not."""
    event = event_or_404(venue_or_404(slug), code).event

    def act() -> str:
        payouts = read_result(event, request.POST, outcome_names(event))
        words, source = (request.POST.get(name, "")[:600] for name in ("evidence", "source"))
        items = read_evidence(request.POST, request.FILES.getlist("files"))
        if payouts is None:
            propose_void(request.user, event, words, source=source, evidence=items)
        else:
            propose_result(request.user, event, payouts, words, source=source, evidence=items)
        return "The result is proposed; it is paid unless somebody disputes it in time."

    return _act(request, slug, code, act, "propose")


def _act(request: SignedInRequest, slug: str, code: str, act: Callable[[], str], form: str) -> HttpResponse:
    """Do it; the way of the event as it is then, or with the refusal at its field."""
    htmx = request.headers.get("HX-Request") == "true"
    try:
        text = act()
    except DomainError as refused:
        if not htmx:
            messages.error(request, refused.message)
            return redirect("pages:event", slug, code)
        context = {
            "error": refused.message,
            "error_field": refused.field or "",
            "error_form": form,
            "typed": {name: request.POST.get(name, "")[:1000] for name in TYPED},
            "void": VOID,
        }
        context |= _page(event_or_404(venue_or_404(slug), code))
        return render(request, "trading/event/way.html", context, status=422)
    if not htmx:
        messages.success(request, text)
        return redirect("pages:event", slug, code)
    response = render(request, "trading/event/way.html", _page(event_or_404(venue_or_404(slug), code)))
    return trigger(toast(response, "success", text), "xos:event")
