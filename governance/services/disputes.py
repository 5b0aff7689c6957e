"""Disputed results: every open dispute is put to a panel that has nothing in it, and its verdict is paid once.

Venues know nothing of governance: ``put_disputes`` looks for disputes that no decision is about. The text lists every
verdict there can be, so a member votes for one of them; the verdict is written in the transaction that executes the
decision, and carried out after it by the event's own verbs, which repeat it until the venue has answered.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import amount_words, stake_asset
from exchange_os.ui.tags import duration_words
from governance.kinds import Kind, Line, register
from governance.models import CommitteeMember, Decision, DecisionMove, DisputeCase, State, Verb
from governance.rules.finding import counted
from governance.selectors.conflicts import declared_conflicts
from governance.selectors.decisions import content_of
from governance.selectors.parameters import parameter
from governance.services.decisions import draft_decision, follow_decision, freeze_decision, make_move
from governance.services.notices import notify, tell_panel
from trading.selectors.event_moves import result_text
from trading.selectors.events import EventView, event_by_code
from trading.selectors.judging import bar_to_judging
from venues.models import PPM, Dispute, DisputeState, Event, EventKind, EventState, Verdict
from venues.selectors import insiders_of
from venues.services.disputes import carry_out, give_verdict
from venues.services.event_moves import outcome_names, window_ends

log = logging.getLogger(__name__)

#: What a bar to judging says to oneself, and what is published of it.
PUBLISHED = (
    ("You run this venue", "Runs this venue"),
    ("You proposed or disputed", "Proposed or disputed"),
    ("You hold", "Holds"),
    ("You have", "Has"),
)
#: States in which a decision may still come to a verdict.
ALIVE = (State.DRAFT, State.REPLY, State.VOTING, State.LOCKED)


def put_disputes(now: datetime) -> int:
    """Put open disputes that no living decision is about before a panel; how many were put. Safe to repeat."""
    made = 0
    waiting = Dispute.objects.filter(state=DisputeState.OPEN, joined=None).exclude(
        decisions__decision__state__in=ALIVE
    )
    for dispute in waiting.select_related("event__venue__deployer"):
        try:
            made += put_dispute(dispute, now) is not None
        except DomainError as waits:
            log.warning("dispute %s waits for its panel: %s", dispute.pk, waits.message)
    return made


def put_dispute(dispute: Dispute, now: datetime) -> Decision | None:
    """Open a decision on a dispute, once; nothing if there is one, or before all claims about a number are known."""
    with transaction.atomic():
        event = Event.objects.select_for_update(of=("self",)).get(pk=dispute.event_id)
        alive = DisputeCase.objects.filter(dispute=dispute, decision__state__in=ALIVE)
        ends = window_ends(event)
        asks_how_much = event.kind == EventKind.SCALAR and ends is not None and now < ends
        open_still = Dispute.objects.filter(pk=dispute.pk, state=DisputeState.OPEN).exists()
        if asks_how_much or not open_still or alive.exists():
            return None
        decision = draft_decision("dispute", f"Disputed: {event.title}"[:140], _summary(dispute), None, now)
        DisputeCase.objects.create(decision=decision, dispute=dispute)
        freeze_decision(decision, None, now)
    follow_decision(decision.pk, now)
    return decision


def end_decided(now: datetime) -> int:
    """Close decisions on disputes that ended otherwise: the proposer gave in, or the deadline passed; how many."""
    closed = 0
    over = DisputeCase.objects.exclude(dispute__state=DisputeState.OPEN)
    for case in over.filter(decision__state__in=(State.VOTING, State.LOCKED)).select_related("dispute"):
        with transaction.atomic():
            locked = Decision.objects.select_for_update().get(pk=case.pk)
            verb = {State.VOTING: Verb.LAPSE, State.LOCKED: Verb.ANNUL}.get(State(locked.state))
            if verb is not None:
                locked.closed = now
                make_move(locked, verb, now, None, f"Ended without it: {case.dispute.get_verdict_display()}.")
                closed += 1
    return closed


def sides_of(dispute: Dispute) -> list[Dispute]:
    """The dispute and those that joined it, the first one first."""
    return [dispute, *dispute.joiners.order_by("pk")]


def view_of(event: Event) -> EventView:
    """The event as pages show it."""
    return event_by_code(event.venue_id, event.code)


def _summary(dispute: Dispute) -> str:
    """What both sides said, as it was said."""
    event = dispute.event
    proposal = event.moves.filter(state=EventState.PROPOSED).last()
    said = proposal.words if proposal else event.evidence
    source = proposal.source if proposal else event.source
    return (
        f"{event.title}\n\nThe proposer says: {result_text(view_of(event), event.payouts, event.voiding)}. {said} "
        f"Source: {source or event.source}\n\nThe challenger says: "
        f"{result_text(view_of(event), dispute.payouts, dispute.voiding)}. {dispute.reason} Source: {dispute.source}"
    )[:4000]


def _options(dispute: Dispute) -> list[dict[str, Any]]:
    """Every verdict there can be: the result stands, another outcome or what a challenger named, void."""
    event = dispute.event
    view = view_of(event)
    stands = result_text(view, event.payouts, event.voiding)
    found: list[dict[str, Any]] = [
        {"key": "uphold", "label": f"The result stands: {stands}", "verdict": "uphold", "payouts": {}}
    ]
    if event.kind == EventKind.SCALAR:
        shares = [each.payouts for each in sides_of(dispute) if not each.voiding]
    else:
        numbers = sorted(outcome_names(event))
        shares = [{str(at): PPM if at == number else 0 for at in numbers} for number in numbers]
    for payouts in shares:
        known = [each["payouts"] for each in found]
        if payouts not in known and (event.voiding or payouts != event.payouts):
            key = f"overturn-{len(found)}"
            label = f"Another result: {result_text(view, payouts, False)}"
            found.append({"key": key, "label": label, "verdict": "overturn", "payouts": payouts})
    if not event.voiding:
        label = "Void: paid at the last fair prices"
        found.append({"key": "void", "label": label, "verdict": "void", "payouts": {}})
    return found


def _compose(decision: Decision) -> Mapping[str, Any]:
    dispute = decision.dispute_case.dispute
    event = dispute.event
    return {
        "dispute": dispute.pk,
        "event": event.pk,
        "question": event.title,
        "venue": event.venue.slug,
        "venue_id": event.venue_id,
        "venue_name": event.venue.name,
        "proposed": result_text(view_of(event), event.payouts, event.voiding),
        "bond": dispute.bond,
        "counter_bond": dispute.counter_bond,
        "options": _options(dispute),
        "lock_seconds": parameter("dispute_lock_seconds"),
    }


def _render(content: Mapping[str, Any]) -> list[Line]:
    asset = stake_asset()
    return [
        Line("Action", f"Give the verdict on a disputed result of {content['venue_name']}"),
        Line("Question", content["question"]),
        Line("Proposed", content["proposed"]),
        Line("Verdicts", f"{counted(len(content['options']), 'verdict')}; the one the votes carry is paid"),
        Line(
            "Bonds",
            f"{amount_words(content['bond'], asset)} of the challenger, {amount_words(content['counter_bond'], asset)} "
            "of the proposer: the loser's goes to the winner",
        ),
        Line("Paid", f"{duration_words(content['lock_seconds'])} after the vote, once"),
    ]


def _labels(content: Mapping[str, Any]) -> dict[str, str]:
    return {each["key"]: each["label"] for each in content["options"]}


def _conflicts(decision: Decision, members: Iterable[CommitteeMember]) -> dict[int, str]:
    event = decision.dispute_case.dispute.event
    asked = list(members)
    found = declared_conflicts(event.venue, asked)
    for member in asked:
        reason = "" if member.pk in found else bar_to_judging(member.user_id, event)
        if reason:
            for said, published in PUBLISHED:
                reason = reason.replace(said, published)
            found[member.pk] = reason
    return found


def _parties(decision: Decision) -> set[int]:
    dispute = decision.dispute_case.dispute
    challengers = {each.challenger_id for each in sides_of(dispute)}
    proposer = dispute.event.proposer_id
    return challengers | set(insiders_of(dispute.event.venue)) | ({proposer} if proposer else set())


def _opened(decision: Decision) -> None:
    """Both sides may reply, and others join, until the time to challenge the result is over."""
    ends = window_ends(decision.dispute_case.dispute.event)
    if ends is not None and decision.reply_ends is not None:
        decision.reply_ends = max(ends, decision.reply_ends)


def _execute(decision: Decision, now: datetime) -> dict[str, Any]:
    content = content_of(decision)
    chosen = next(each for each in content["options"] if each["key"] == decision.option)
    payouts = {int(at): ppm for at, ppm in chosen["payouts"].items()} or None
    dispute = Dispute.objects.get(pk=content["dispute"])
    words = f"Verdict of the committee, decision {decision.pk}."
    give_verdict(dispute, Verdict(chosen["verdict"]), by=None, words=words, payouts=payouts)
    return {"verdict": chosen["verdict"], "label": chosen["label"], "dispute": dispute.pk}


def _told(decision: Decision, move: DecisionMove) -> None:
    if move.verb == Verb.BEGIN_VOTING:
        tell_panel(decision, move)
    if move.verb == Verb.EXECUTE:
        notify(_parties(decision), decision, move, f"{decision.title}: {decision.receipt['label']}.")
        try:
            carry_out(decision.dispute_case.dispute.event)
        except DomainError as away:
            log.warning("verdict of decision %s waits: %s", decision.pk, away.message)


DISPUTE = register(
    Kind(
        name="dispute", label="Disputed result", compose=_compose, render=_render, execute=_execute,
        drawn=True, voting="dispute_voting_seconds", lock="dispute_lock_seconds", options=_labels,
        conflicts=_conflicts, parties=_parties, opened=_opened, told=_told,
    )
)  # fmt: skip
