"""Clarifications: what a deployer adds to the rules of an event that trades.

The rules themselves are fixed when trading opens. A clarification is added beside them, dated and for good, and gives
everyone more time to challenge the result that rests on it: half of the time there was, up to the protocol's bound.
"""

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from exchange_os.errors import DomainError
from venues.event_specs import MAX_WINDOW_SECONDS
from venues.models import Clarification, Event, EventState, Role
from venues.services.acts import note_act
from venues.services.event_moves import lock, words_of
from venues.services.roles import require_event_role

MAX_CLARIFICATIONS = 10
CLARIFIED_WHILE = (EventState.OPEN, EventState.CLOSED, EventState.PROPOSED)


def clarify_event(user: AbstractBaseUser, event: Event, text: str) -> Clarification:
    """Add a clarification to an event of one's own venue; the time to challenge its result grows by half.

    Raises ``event_unknown``, ``role_missing``, ``clarification_invalid``, ``event_move_refused`` once the result is
    disputed or final, and ``clarifications_full``.
    """
    event = require_event_role(user, event, Role.ORACLE_UPDATER)
    words = words_of(text, 10, 1000, "clarification_invalid", "what is meant", "clarification")
    with transaction.atomic():
        locked = lock(event)
        if locked.state not in CLARIFIED_WHILE:
            raise DomainError(
                "event_move_refused", "The rules can be clarified until the result is disputed or final."
            )
        if locked.clarifications.count() >= MAX_CLARIFICATIONS:
            raise DomainError(
                "clarifications_full",
                f"An event has at most {MAX_CLARIFICATIONS} clarifications; void it if its question is unclear.",
                field="clarification",
            )
        added = min(locked.window_seconds // 2, MAX_WINDOW_SECONDS - locked.window_seconds)
        locked.window_seconds += added
        locked.save(update_fields=["window_seconds"])
        note_act(locked.venue, user, "clarified", locked.title, words=words[:500])
        return Clarification.objects.create(event=locked, text=words, by_id=user.pk, added_seconds=added)
