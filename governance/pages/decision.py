"""One decision: what is said, what it would do, what shows it, how the vote stands, and what one may do about it."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_words
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from governance.kinds import Line, kind_of
from governance.models import Case, Decision, DisputeCase, Evidence, EvidenceKind, Seat, State, Verb, Vote
from governance.offences import OFFENCES
from governance.pages.shown import (
    bars_of,
    effect_shown,
    harmed_shown,
    option_rows,
    options_of,
    percent,
    stage_of,
    steps_of,
)
from governance.rules import RULES, command_of
from governance.selectors.committee import member_of
from governance.selectors.decisions import decision_numbered, effect_of, is_sealed, last_votes
from governance.selectors.records import venue_of
from governance.services import KINDS
from governance.services.decisions import (
    MAX_ROUNDS,
    appeal_decision,
    dismiss_draft,
    follow_decision,
    objections_to,
    open_decision,
    veto_decision,
)
from governance.services.discussion import comment_on, reply_to
from governance.services.disputes import sides_of, view_of
from governance.services.panels import NOT_DRAWN
from governance.services.proposals import preview
from trading.selectors.event_moves import disputes_in, moves_of, result_text
from venues.models import EventState


def decision_or_404(number: int) -> Decision:
    """The decision of that number, or the page that says there is none."""
    try:
        return decision_numbered(number)
    except DomainError as unknown:
        raise Http404(unknown.message) from unknown


@require_safe
def decision(request: HttpRequest, number: int) -> HttpResponse:
    """The page of a decision."""
    return render(request, "governance/decision.html", page_context(request, decision_or_404(number)))


@require_safe
def standing_part(request: HttpRequest, number: int) -> HttpResponse:
    """What moves on the page: state, votes, timeline."""
    context = standing(request, decision_or_404(number))
    return render(request, "governance/decision/standing.html", context)


def page_context(request: HttpRequest, found: Decision) -> dict[str, Any]:
    """All that the page shows."""
    case = Case.objects.select_related("venue__deployer").filter(pk=found.pk).first()
    context = standing(request, found)
    context |= {
        "sides": dispute_shown(found),
        "lines": effect_of(found) or foreseen(found),
        "objections": objections_to(found, timezone.now()),
        "objections_needed": kind_of(found).vetoes(found),
        "text": bytes(found.text).decode(),
        "evidence": evidence_shown(found),
        "replies": found.replies.order_by("pk"),
        "comments": _threads(found, context["names"]),
        "case": case,
        "kind_label": KINDS.get(found.kind, found.kind),
        "venue": venue_of(found),
        "file_kind": EvidenceKind.FILE,
        "proposer": context["names"].get(found.proposer_id) or ("a user" if found.proposer_id else "the platform"),
    }  # fmt: skip
    if case is not None:
        rows, count = harmed_shown(case)
        context |= {
            "offence": OFFENCES[case.offence],
            "effect": effect_shown(found, case),
            "harmed": rows,
            "harmed_count": count,
            "rules": RULES.values(),
        }
    return context


def foreseen(found: Decision) -> list[Line]:
    """What the text of a drafted proposal would say if it were opened now; nothing for other decisions."""
    if not hasattr(found, "proposal"):
        return []
    try:
        return preview(found.kind, found.proposal.terms)
    except DomainError as refused:
        return [Line("Cannot be opened", refused.message)]


def dispute_shown(found: Decision) -> dict[str, Any] | None:
    """What both sides of a disputed result say and stake; nothing for other decisions."""
    about = DisputeCase.objects.select_related("dispute__event__venue__deployer").filter(pk=found.pk).first()
    if about is None:
        return None
    event = about.dispute.event
    disputes = disputes_in(view_of(event))
    sides = {each.pk for each in sides_of(about.dispute)}
    proposals = [move for move in moves_of(event) if move.state == EventState.PROPOSED]
    before = [move for move in proposals if move.at <= about.dispute.created]
    return {
        "event": event,
        "proposal": before[-1] if before else None,
        "proposed": result_text(view_of(event), event.payouts, event.voiding),
        "challenges": [row for row in disputes if row.dispute.pk in sides],
        "counter": next((row.counter for row in disputes if row.dispute.pk == about.dispute_id), ""),
    }


def evidence_shown(found: Decision) -> list[tuple[Evidence, str, str]]:
    """Each piece of evidence with what was lost in all by its finding, as text, and the command that replays it."""
    pieces = list(found.evidence.select_related("file").order_by("pk"))
    assets = Asset.objects.in_bulk({each.finding["asset"] for each in pieces if each.finding.get("asset")})
    shown = []
    for each in pieces:
        lost = sum(each.finding.get("losses", {}).values())
        command = ""
        if each.group_id and each.first_sequence and each.last_sequence:
            command = command_of(
                each.group_id, each.rule, each.params, each.first_sequence, each.last_sequence
            )
        shown.append((each, amount_words(lost, assets[each.finding["asset"]]) if lost else "", command))
    return shown


def standing(request: HttpRequest, found: Decision) -> dict[str, Any]:
    """What moves by itself: state, time left, votes, timeline; and what the visitor may do."""
    now = timezone.now()
    user = request.user if request.user.is_authenticated else None
    names = _names(found)
    bars = bars_of(found, now)
    return {
        "decision": found,
        "stage": stage_of(found, now),
        "steps": steps_of(found),
        "bars": bars,
        "options": option_rows(found, bars.tally if bars else None),
        "rounds": _rounds(found, now),
        "not_drawn": NOT_DRAWN,
        "moves": [(move, names.get(move.by_id)) for move in found.moves.order_by("pk")],
        "may": may_do(found, user, now),
        "names": names,
        "share": percent(found.share_ppm),
    }


def may_do(found: Decision, user: AbstractBaseUser | None, now: datetime) -> dict[str, Any]:
    """What the visitor may do now. The services check again; this says only what to offer."""
    if user is None:
        return {}
    kind, member = kind_of(found), member_of(user.pk, now)
    party = user.pk in kind.parties(found)
    seat = Seat.objects.filter(decision=found, round=found.round, member=member).first() if member else None
    voting = found.state == State.VOTING
    last = found.moves.last()
    adopted, refused = found.state == State.LOCKED, bool(last and last.verb == Verb.REJECT)
    in_time = bool(found.appeal_ends and now < found.appeal_ends) if refused else adopted
    appealable = bool(kind.appeal) and found.round < MAX_ROUNDS and in_time
    taken = found.state in (State.DRAFT, State.REPLY, State.VOTING)
    return {
        "signed_in": True,
        "member": member,
        "party": party,
        "open": bool(member) and found.state == State.DRAFT,
        "vote": bool(seat and not seat.recused) and voting,
        "recused": seat.recused if seat and voting else "",
        "own_vote": Vote.objects.filter(decision=found, round=found.round, member=member).last() if member else None,
        "appeal": appealable and ((adopted and party) or (refused and user.pk == found.proposer_id)),
        "reply": party and found.state in (State.REPLY, State.VOTING),
        "retry": bool(member) and adopted and bool(found.problem),
        "veto": adopted and kind.vetoes(found) > 0 and bool(member and member.guardian),
        "again": bool(member) and bool(last and last.verb == Verb.VETO) and hasattr(found, "proposal"),
        "evidence": taken and (party or bool(member) or user.pk == found.proposer_id),
        "range": _range(found),
    }  # fmt: skip


def _range(found: Decision) -> dict[str, str] | None:
    case = Case.objects.filter(pk=found.pk).first()
    if case is None:
        return None
    offence = OFFENCES[case.offence]
    return {"low": f"{offence.low_ppm / 10_000:g}", "high": f"{offence.high_ppm / 10_000:g}"}


def _names(found: Decision) -> dict[int | None, str]:
    """``{user id: public name}`` of members who had to do with it, and of the party concerned."""
    named: dict[int | None, str] = dict(
        Seat.objects.filter(decision=found).values_list("member__user_id", "member__name")
    )
    case = Case.objects.select_related("venue__deployer").filter(pk=found.pk).first()
    if case is not None:
        named[case.venue.deployer.user_id] = f"{case.venue.deployer.name} (deployer)"
    for user_id in {found.proposer_id, *found.moves.values_list("by_id", flat=True)} - named.keys():
        member = member_of(user_id)
        if member is not None:
            named[user_id] = member.name
    return named


def _signed(vote: Vote | None) -> dict[str, str]:
    """What a vote's proof is over, as text, empty while it is sealed, and its digest, which is shown at once."""
    return {"message": bytes(vote.message).decode(), "digest": vote.digest} if vote else {}


def _rounds(found: Decision, now: datetime) -> list[dict[str, Any]]:
    """The panels so far, the present one first: each seat with its last vote or why it is empty."""
    seats = list(Seat.objects.filter(decision=found).select_related("member").order_by("-round", "pk"))
    shown, labels = [], options_of(found)
    draws = {draw.round: draw for draw in found.draws.all()}
    for number in sorted({seat.round for seat in seats}, reverse=True):
        votes = {vote.member_id: vote for vote in last_votes(found, number)}
        shown.append(
            {
                "number": number,
                "sealed": is_sealed(found) and number == found.round,
                "draw": draws.get(number),
                "bars": bars_of(found, now, number),
                "seats": [
                    {
                        "name": seat.member.name,
                        "recused": seat.recused,
                        "vote": votes.get(seat.member_id),
                        **_signed(votes.get(seat.member_id)),
                        "option": labels.get(votes[seat.member_id].option, "")
                        if seat.member_id in votes
                        else "",
                        "share": percent(votes[seat.member_id].share_ppm) if seat.member_id in votes else "",
                        "gone": bool(seat.member.removed) or seat.member.until <= now,
                    }
                    for seat in seats
                    if seat.round == number
                ],
            }
        )
    return shown


def _threads(found: Decision, names: dict[int | None, str]) -> list[dict[str, Any]]:
    """Comments with their answers; people are members, the deployer, or ``User N``."""
    threads: dict[int, dict[str, Any]] = {}
    for each in found.comments.order_by("pk"):
        shown = {"comment": each, "name": names.get(each.by_id, f"User {each.by_id}"), "answers": []}
        if each.parent_id is None:
            threads[each.pk] = shown
        else:
            threads[each.parent_id]["answers"].append(shown)
    return list(threads.values())


@signed_in
@require_POST
def act(request: SignedInRequest, number: int, verb: str) -> HttpResponse:
    """Open, dismiss, appeal, veto, try again, reply: one call each, then back to the page."""
    found, words = decision_or_404(number), request.POST.get("words", "")
    try:
        if verb == "open":
            open_decision(found, request.user)
        elif verb == "dismiss":
            dismiss_draft(found, request.user, words)
        elif verb == "appeal":
            appeal_decision(found, request.user, words)
        elif verb == "veto":
            veto_decision(found, request.user, words)
        elif verb == "reply":
            reply_to(found, request.user, words)
        elif not follow_decision(found.pk, timezone.now()):
            found.refresh_from_db()
            raise DomainError("not_executed", found.problem or "There is nothing to be done yet.")
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, DONE[verb])
    return redirect("governance:decision", number)


DONE = {
    "open": "Opened. The text is frozen.",
    "dismiss": "Dismissed, with your reason.",
    "appeal": "Appealed: a panel votes anew.",
    "veto": "Your objection is published.",
    "reply": "Your reply is published.",
    "retry": "Executed.",
}


@signed_in
@require_POST
def comment(request: SignedInRequest, number: int) -> HttpResponse:
    """Join the discussion; with htmx the discussion comes back."""
    found = decision_or_404(number)
    parent = request.POST.get("parent", "")
    error = ""
    try:
        comment_on(
            found, request.user, request.POST.get("words", ""), int(parent) if parent.isdecimal() else None
        )
    except DomainError as refused:
        error = refused.message
    if request.headers.get("HX-Request") == "true":
        names = _names(found)
        context = {
            "decision": found, "comments": _threads(found, names), "may": {"signed_in": True}, "error": error,
            "typed": request.POST.get("words", "") if error else "",
        }  # fmt: skip
        return render(request, "governance/decision/discussion.html", context)
    if error:
        messages.error(request, error)
    return redirect("governance:decision", number)
