"""Results that a program proposes: a call whose answer was lost can be repeated, and nothing is given up unawares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser

from venues.evidence import EvidenceItem
from venues.models import Event, EventState
from venues.services.event_moves import whole_payouts
from venues.services.events import propose_result, propose_void


@dataclass(frozen=True)
class Told:
    """What a program says of an event: parts per million by outcome, or None for a void; why, and where it can be seen.

    ``concede``: it may replace a result that is disputed, which pays the challengers.
    """

    payouts: Mapping[int, int] | None
    words: str
    source: str = ""
    evidence: Sequence[EvidenceItem] = ()
    concede: bool = False


def take_result(user: AbstractBaseUser, event: Event, told: Told) -> Event:
    """Propose what a program says, or correct with it the result that stands; the same once more changes nothing.

    Raises as ``propose_result``.
    """
    if event.state == EventState.PROPOSED and _says(event, told):
        return event
    if told.payouts is None:
        return propose_void(
            user, event, told.words, source=told.source, evidence=told.evidence, concede=told.concede
        )
    return propose_result(
        user,
        event,
        told.payouts,
        told.words,
        source=told.source,
        evidence=told.evidence,
        concede=told.concede,
    )


def _says(event: Event, told: Told) -> bool:
    if told.payouts is None or event.voiding:
        return told.payouts is None and event.voiding
    return dict(event.payouts) == whole_payouts(event, told.payouts)
