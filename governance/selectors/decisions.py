"""Decisions as they stand: texts, panels, counted votes, lists."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from exchange_os.errors import DomainError
from governance.canonical import digest
from governance.kinds import Line, kind_of
from governance.models import Decision, Seat, State, Vote
from governance.selectors.ballots import said_in
from governance.selectors.committee import serving_members
from governance.selectors.parameters import voting_rules
from governance.tally import SEALED, Ballot, Tally, count

OPEN_STATES = (State.REPLY, State.VOTING, State.LOCKED)
CLOSED_STATES = (State.EXECUTED, State.REJECTED, State.EXPIRED)


def address_of(decision: Decision) -> str:
    """Where a decision is published."""
    return f"/governance/{decision.pk}/"


def decision_numbered(number: int) -> Decision:
    """The decision of that number; ``DomainError("decision_unknown")`` if there is none."""
    decision = Decision.objects.filter(pk=number).select_related("proposer").first()
    if decision is None:
        raise DomainError("decision_unknown", f"There is no decision {number}.")
    return decision


def content_of(decision: Decision) -> dict[str, Any]:
    """What the stored bytes of an opened decision say. A digest that does not fit them is a broken invariant."""
    text = bytes(decision.text)
    assert text and digest(text) == decision.digest, (
        f"the text of decision {decision.pk} is not what was signed"
    )
    content: dict[str, Any] = json.loads(text)
    assert (content["action"], content["decision"]) == (decision.kind, decision.pk)
    return content


def effect_of(decision: Decision) -> list[Line]:
    """The effect in lines, rendered from the stored bytes and from nothing else; empty for a draft."""
    return kind_of(decision).render(content_of(decision)) if decision.digest else []


def is_sealed(decision: Decision) -> bool:
    """Whether only digests of the present round's votes are shown: until its time is up, where votes cannot end it."""
    return decision.state == State.VOTING and not kind_of(decision).early


def panel_of(decision: Decision, now: datetime | None = None, round_: int | None = None) -> QuerySet[Seat]:
    """The seats of a round (the present one) whose members judge and still serve."""
    return Seat.objects.filter(
        decision=decision, round=round_ or decision.round, recused="", member__in=serving_members(now)
    ).select_related("member__user")


def last_votes(decision: Decision, round_: int | None = None) -> list[Vote]:
    """Of each member who voted in a round (the present one) the last vote, in the order they were cast."""
    votes = Vote.objects.filter(decision=decision, round=round_ or decision.round).select_related("member")
    newest = {vote.member_id: vote for vote in votes.order_by("pk")}
    return sorted(newest.values(), key=lambda vote: vote.pk)


def tally_of(
    decision: Decision, now: datetime | None = None, recused: Collection[int] = (), round_: int | None = None
) -> Tally:
    """The count of a round: votes of members who sit on its panel, still serve, and are not among ``recused``.

    A vote counts only for the text it was signed over. While votes are sealed it is known only who has voted.
    """
    moment = now or timezone.now()
    seats = set(panel_of(decision, moment, round_).values_list("member_id", flat=True)) - set(recused)
    ballots = [
        Ballot(vote.member_id, vote.choice or SEALED, vote.share_ppm, vote.option)
        for vote in last_votes(decision, round_)
        if vote.member_id in seats and (vote.sealed or said_in(vote).digest == decision.digest)
    ]
    rules = kind_of(decision).rules
    return count(ballots, len(seats), rules(decision) if rules else voting_rules())


def due_decisions(now: datetime) -> list[int]:
    """Decisions whose time has come, by number."""
    found: set[int] = set()
    for state, column in (
        (State.DRAFT, "draft_ends"),
        (State.REPLY, "reply_ends"),
        (State.VOTING, "voting_ends"),
        (State.LOCKED, "lock_ends"),
    ):
        due = Decision.objects.filter(state=state, **{f"{column}__lte": now})
        due = due.filter(Q(retry_at=None) | Q(retry_at__lte=now))
        found.update(due.values_list("pk", flat=True))
    return sorted(found)


def pending_for(user_id: int) -> list[Decision]:
    """Decisions on which the user sits on the panel and has not voted, next end first."""
    voting = Decision.objects.filter(state=State.VOTING).order_by("voting_ends")
    return [
        decision
        for decision in voting
        if panel_of(decision).filter(member__user_id=user_id).exists()
        and not Vote.objects.filter(decision=decision, round=decision.round, member__user_id=user_id).exists()
    ]
