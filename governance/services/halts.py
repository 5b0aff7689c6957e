"""Emergency halts: two guardians stop a venue at once; it opens again after a day unless the committee ratifies it.

Two kinds of decisions: ``halt`` by guardians, without a reply window and without a time lock, and ``ratify``, opened by
the first one's execution. What the venue is to be told is a row, and told again until it has answered.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ui.tags import duration_words
from governance.kinds import Kind, Line, register
from governance.models import CommitteeMember, Decision, DecisionMove, EmergencyHalt, Verb
from governance.selectors.committee import require_member
from governance.selectors.conflicts import declared_conflicts
from governance.selectors.decisions import content_of
from governance.selectors.parameters import parameter, span
from governance.services.decisions import draft_decision, follow_decision, freeze_decision
from governance.services.notices import notify, tell_panel
from governance.tally import Rules
from venues.models import Venue, VenueState
from venues.selectors import LIVE_STATES
from venues.services.operate import halt_by_decision, release_by_decision

log = logging.getLogger(__name__)

GUARDIANS_NEEDED = 2


def propose_halt(
    by: AbstractBaseUser, venue: Venue, reason: str, now: datetime | None = None
) -> EmergencyHalt:
    """A guardian asks the others to halt a venue at once; two votes for carry it.

    Raises ``not_a_guardian``, ``member_recused``, ``halt_open`` if one is under way, ``title_invalid``,
    ``summary_invalid``.
    """
    moment = now or timezone.now()
    member = require_member(by.pk, moment)
    if not member.guardian:
        raise DomainError("not_a_guardian", "Only guardians can halt a venue at once.")
    barred = declared_conflicts(venue, [member]).get(member.pk)
    if barred:
        raise DomainError("member_recused", f"You do not judge this: {barred}")
    if venue.state not in LIVE_STATES or open_halts().filter(venue=venue).exists():
        raise DomainError("halt_open", f"{venue.name} is halted by the committee already, or is not open.")
    with transaction.atomic():
        decision = draft_decision("halt", f"Emergency halt of {venue.name}", reason, by, moment)
        made = EmergencyHalt.objects.create(decision=decision, venue=venue)
        freeze_decision(decision, by, moment)
    follow_decision(decision.pk, moment)
    return made


def open_halts() -> Any:
    """Halts that were executed and have not ended."""
    return EmergencyHalt.objects.filter(lapses__isnull=False, ended=None)


def carry_out_halts(now: datetime) -> int:
    """Tell venues what executed halts ask for: to stop, and to open again when the time is over; how many were told."""
    told = 0
    due = open_halts().filter(Q(halted=None) | Q(lapses__lte=now)).select_related("venue")
    for halt in due:
        try:
            if halt.lapses is not None and halt.lapses <= now:
                release_by_decision(halt.venue_id, halt.pk, reopen=halt.reopen)
                EmergencyHalt.objects.filter(pk=halt.pk, ended=None).update(ended=now)
            else:
                halt_by_decision(halt.venue_id, halt.pk)
                EmergencyHalt.objects.filter(pk=halt.pk, halted=None).update(halted=now)
            told += 1
        except DomainError as away:
            log.warning("halt %s waits: %s", halt.pk, away.message)
    return told


def _two_guardians(decision: Decision) -> Rules:
    return Rules(quorum_ppm=0, threshold_ppm=500_001, votes=GUARDIANS_NEEDED)


def _compose(decision: Decision) -> Mapping[str, Any]:
    venue = decision.halt.venue
    return {
        "venue": venue.slug,
        "venue_id": venue.pk,
        "venue_name": venue.name,
        "seconds": parameter("halt_seconds"),
    }


def _render(content: Mapping[str, Any]) -> list[Line]:
    return [
        Line("Action", f"Halt {content['venue_name']}: every market takes cancels only, at once"),
        Line("Lasts", f"{duration_words(content['seconds'])}, unless the committee ratifies it before"),
        Line("Funds", "stay where they are; what is free can be withdrawn"),
    ]


def _execute(decision: Decision, now: datetime) -> dict[str, Any]:
    content = content_of(decision)
    lapses = now + span("halt_seconds")
    words = f"Two guardians halted {content['venue_name']}. Ratified, the halt lasts longer; else it ends by itself."
    ratification = draft_decision(
        "ratify",
        f"Ratify the halt of {content['venue_name']}",
        f"{words}\n\n{decision.summary}"[:4000],
        None,
        now,
    )
    EmergencyHalt.objects.filter(pk=decision.pk).update(
        lapses=lapses, ratification=ratification, reopen=decision.halt.venue.state == VenueState.OPEN
    )
    freeze_decision(ratification, None, now)
    return {"lapses": lapses.isoformat(), "ratification": ratification.pk}


def _told(decision: Decision, move: DecisionMove) -> None:
    if move.verb == Verb.BEGIN_VOTING:
        tell_panel(decision, move)
    if move.verb == Verb.EXECUTE:
        carry_out_halts(move.at)
        follow_decision(decision.receipt["ratification"], move.at)
        venue = decision.halt.venue
        notify([venue.deployer.user_id], decision, move, f"Guardians have halted {venue.name}.")


def _conflicts(decision: Decision, members: Iterable[CommitteeMember]) -> dict[int, str]:
    """What is known without asking the venue, which may not answer when it must be stopped."""
    return declared_conflicts(decision.halt.venue, members)


def _compose_ratification(decision: Decision) -> Mapping[str, Any]:
    halt = decision.ratified_halt
    return {
        "halt": halt.pk,
        "venue": halt.venue.slug,
        "venue_id": halt.venue_id,
        "venue_name": halt.venue.name,
        "seconds": parameter("halt_ratified_seconds"),
    }


def _render_ratification(content: Mapping[str, Any]) -> list[Line]:
    return [
        Line("Action", f"Ratify the halt of {content['venue_name']} (decision {content['halt']})"),
        Line("Lasts", f"{duration_words(content['seconds'])} from the ratification"),
    ]


def _execute_ratification(decision: Decision, now: datetime) -> dict[str, Any]:
    content = content_of(decision)
    lapses = now + span("halt_ratified_seconds")
    changed = open_halts().filter(pk=content["halt"]).update(ratified=True, lapses=lapses)
    if not changed:
        raise DomainError("halt_over", "The halt has ended before it could be ratified.")
    return {"lapses": lapses.isoformat(), "halt": content["halt"]}


def _conflicts_of_ratification(decision: Decision, members: Iterable[CommitteeMember]) -> dict[int, str]:
    return declared_conflicts(decision.ratified_halt.venue, members)


def _told_of_ratification(decision: Decision, move: DecisionMove) -> None:
    if move.verb == Verb.BEGIN_VOTING:
        tell_panel(decision, move)


HALT = register(
    Kind(
        name="halt", label="Emergency halt", compose=_compose, render=_render, execute=_execute,
        voting="halt_voting_seconds", guardians_only=True, early=True, rules=_two_guardians,
        conflicts=_conflicts, told=_told,
    )
)  # fmt: skip
RATIFY = register(
    Kind(
        name="ratify", label="Ratification of a halt", compose=_compose_ratification, render=_render_ratification,
        execute=_execute_ratification, voting="halt_seconds", early=True,
        conflicts=_conflicts_of_ratification, told=_told_of_ratification,
    )
)  # fmt: skip
