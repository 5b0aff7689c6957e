"""The end of an event: trading closes, a result is proposed, its window passes or it is disputed, and it is paid.

The kernel is told first and the row follows, so a failure in between shows the old state and the verb can be repeated:
the kernel takes a proposal again, and what is final there is found out by asking. A proposal may be replaced until its
window has passed, which is how a wrong result is corrected; only then ``follow_events`` makes it final and the kernel
pays, once. A void pays the last fair prices, which the kernel normalises.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import exchange_kernel as kernel
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from venues.models import PPM, Event, EventKind, EventMove, EventState, Market, Phase, Role
from venues.services.acts import note_act
from venues.services.asking import KernelRefused, ask
from venues.services.roles import require_event_role

log = logging.getLogger(__name__)

EVENT_MOVES: dict[EventState, set[EventState]] = {
    EventState.PENDING: {EventState.OPEN},
    EventState.OPEN: {EventState.CLOSED, EventState.PROPOSED},
    EventState.CLOSED: {EventState.PROPOSED},
    EventState.PROPOSED: {EventState.PROPOSED, EventState.DISPUTED, EventState.RESOLVED, EventState.VOID},
    EventState.DISPUTED: {EventState.PROPOSED},
    EventState.RESOLVED: set(),
    EventState.VOID: set(),
}
#: Where the markets of an event end up in each state, in the kernel and then here.
PHASES_AFTER = {
    EventState.CLOSED: Phase.CLOSING,
    EventState.PROPOSED: Phase.SETTLING,
    EventState.DISPUTED: Phase.SETTLING,
    EventState.RESOLVED: Phase.SETTLED,
    EventState.VOID: Phase.SETTLED,
}
#: What the audit log calls a move to each state.
ACTS = {
    EventState.CLOSED: "closed",
    EventState.PROPOSED: "proposed the result of",
    EventState.DISPUTED: "disputed",
    EventState.RESOLVED: "resolved",
    EventState.VOID: "voided",
}
#: States of an event in the kernel from which it is paid, or has been.
KERNEL_PAYING = 3


@dataclass(frozen=True)
class Said:
    """Who makes a move (nobody: the clock), with what words, and where they can be checked."""

    by: Any = None
    words: str = ""
    source: str = ""


def outcome_names(event: Event) -> dict[int, str]:
    """What can win, by outcome: Yes and No of a binary event, the ends of a scalar, else the names."""
    if event.kind == EventKind.BINARY:
        return {0: "Yes", 1: "No"}
    if event.kind == EventKind.SCALAR:
        return {0: "Long", 1: "Short"}
    return {market.outcome: market.outcome_name for market in event.markets.order_by("outcome")}


def close_event(user: AbstractBaseUser, event: Event) -> Event:
    """End trading now, before its time. Raises ``event_move_refused`` unless it trades."""
    event = require_event_role(user, event, Role.ORACLE_UPDATER)
    _check_move(event, EventState.CLOSED)
    _tell(event, kernel.close_event(event.number))
    return _moved(event, EventState.CLOSED, Said(user))


def propose_result(user: AbstractBaseUser, event: Event, payouts: Mapping[int, int], evidence: str) -> Event:
    """Say what happened: parts per million of one unit by outcome, with where it can be seen; the window begins.

    Ends trading if it has not ended. Proposing again replaces the result and begins the window anew. Raises
    ``event_move_refused``, ``payouts_invalid``, ``evidence_missing``.
    """
    event = require_event_role(user, event, Role.ORACLE_UPDATER)
    _check_move(event, EventState.PROPOSED)
    text = _evidence(evidence)
    shares = _ticks(event, payouts)
    _tell(event, kernel.resolve_event(event.number, shares, is_final=False))
    whole = {str(outcome): payouts.get(outcome, 0) for outcome in outcome_names(event)}
    return _moved(
        event,
        EventState.PROPOSED,
        Said(user, text),
        payouts=whole,
        evidence=text,
        voiding=False,
        proposed=timezone.now(),
        dispute="",
    )


def propose_void(user: AbstractBaseUser, event: Event, evidence: str) -> Event:
    """Say that no result can be found: the last fair prices are paid after the window. Raises as ``propose_result``."""
    event = require_event_role(user, event, Role.ORACLE_UPDATER)
    _check_move(event, EventState.PROPOSED)
    text = _evidence(evidence)
    _tell(event, kernel.void_event(event.number, is_final=False))
    return _moved(
        event, EventState.PROPOSED, Said(user, text), payouts=_kernel_payouts(event), evidence=text,
        voiding=True, proposed=timezone.now(), dispute="",
    )  # fmt: skip


def dispute_result(user: AbstractBaseUser, event: Event, reason: str, source: str) -> Event:
    """Challenge a proposed result inside its window, by anyone who trades: it is not paid until proposed again.

    ``source`` is where the reason can be checked. Raises ``event_move_refused``, ``window_over``, ``reason_missing``
    and ``source_missing``.
    """
    event = Event.objects.select_related("venue").get(pk=event.pk)
    _check_move(event, EventState.DISPUTED)
    if _window_over(event):
        raise DomainError("window_over", "The time to challenge this result has passed.")
    text, seen = " ".join(reason.split()), " ".join(source.split())
    if not 10 <= len(text) <= 500:
        raise DomainError(
            "reason_missing", "Say in 10 to 500 characters what is wrong with the result.", field="reason"
        )
    if not 4 <= len(seen) <= 300:
        raise DomainError(
            "source_missing", "Say in 4 to 300 characters where this can be checked, best as a link.",
            field="source",
        )  # fmt: skip
    log.warning("result of event %s disputed by user %s", event.pk, user.pk)
    return _moved(event, EventState.DISPUTED, Said(user, text, seen), dispute=text)


def finalise(event: Event) -> Event:
    """Pay a proposed result whose window has passed. Raises ``event_move_refused``, ``window_open``."""
    target = EventState.VOID if event.voiding else EventState.RESOLVED
    _check_move(event, target)
    if event.proposed is None or timezone.now() < event.proposed + timedelta(seconds=event.window_seconds):
        raise DomainError("window_open", "The result can still be challenged.")
    if _kernel_event(event)["state"] < KERNEL_PAYING:
        frame = (
            kernel.void_event(event.number, is_final=True)
            if event.voiding
            else kernel.resolve_event(
                event.number,
                _ticks(event, {int(at): ppm for at, ppm in event.payouts.items()}),
                is_final=True,
            )
        )
        _tell(event, frame)
    payouts = _kernel_payouts(event) if event.voiding else event.payouts
    return _moved(event, target, Said(), payouts=payouts, resolved=timezone.now())


def follow_events() -> int:
    """What time brings: events past their close are closed, results past their window paid; how many moved.

    An event whose group cannot answer is left for the next call.
    """
    now, moved = timezone.now(), 0
    ended = Event.objects.filter(state=EventState.OPEN, closes__lte=now)
    proposed = Event.objects.filter(state=EventState.PROPOSED)
    waiting = [event for event in proposed if event.proposed and _window_over(event)]
    for event in [*ended, *waiting]:
        event = Event.objects.select_related("venue", "settlement_asset").get(pk=event.pk)
        try:
            if event.state == EventState.OPEN:
                _close_in_time(event)
            else:
                finalise(event)
        except DomainError as away:
            log.warning("event %s waits: %s", event.pk, away.message)
        else:
            moved += 1
    return moved + sync_phases()


def sync_phases() -> int:
    """Bring the rows of outcome markets whose trading is over to the phases the kernel has them in; how many moved.

    Only groups with a market that is not where its event's state leads are asked; a quiet one is left asleep.
    """
    elsewhere = Q()
    for state, phase in PHASES_AFTER.items():
        elsewhere |= Q(event__state=state) & ~Q(phase=phase)
    over = Market.objects.filter(elsewhere).exclude(phase=Phase.PENDING)
    groups: dict[int, list[Market]] = {}
    for market in over.select_related("venue"):
        groups.setdefault(market.venue.group_id, []).append(market)
    moved = 0
    for group_id, markets in groups.items():
        try:
            known = {item["market"]: item["phase"] for item in ask(group_id, {"q": "markets"})["markets"]}
        except DomainError as away:
            log.info("phases of group %s wait: %s", group_id, away.message)
            continue
        for market in markets:
            if known.get(market.number, market.phase) != market.phase:
                moved += Market.objects.filter(pk=market.pk).update(phase=known[market.number])
    return moved


def _window_over(event: Event) -> bool:
    return event.proposed is not None and timezone.now() >= event.proposed + timedelta(
        seconds=event.window_seconds
    )


def _close_in_time(event: Event) -> None:
    """The kernel closes by its own clock; asking makes it look."""
    if _kernel_event(event)["state"] == 0:
        _tell(event, kernel.close_event(event.number))
    _moved(event, EventState.CLOSED, Said())


def _check_move(event: Event, target: EventState) -> None:
    if target not in EVENT_MOVES[EventState(event.state)]:
        raise DomainError(
            "event_move_refused",
            f"{event.title}: {event.get_state_display().lower()}; it cannot become {target.label.lower()}.",
        )


def _evidence(text: str) -> str:
    text = " ".join(text.split())
    if not 10 <= len(text) <= 500:
        raise DomainError(
            "evidence_missing", "Say in 10 to 500 characters where the result can be seen.", field="evidence"
        )
    return text


def _ticks(event: Event, payouts: Mapping[int, int]) -> list[tuple[int, int]]:
    """Payouts in ticks by outcome, those that pay nothing left out; ``payouts_invalid`` unless they are exact."""
    market = event.markets.first()
    assert market is not None
    names = outcome_names(event)
    shares = [(outcome, ppm * market.payout_ticks) for outcome, ppm in sorted(payouts.items()) if ppm]
    exact = all(outcome in names and ppm > 0 and ppm % PPM == 0 for outcome, ppm in shares)
    if not exact or sum(ppm for _, ppm in shares) != PPM * market.payout_ticks:
        raise DomainError(
            "payouts_invalid",
            f"Payouts must be whole steps of 1/{market.payout_ticks} and add up to one.",
            field="payouts",
        )
    return [(outcome, ppm // PPM) for outcome, ppm in shares]


def _tell(event: Event, frame: bytes) -> None:
    ack = client.submit(event.venue.group_id, frame, urgent=True)
    if ack.code:
        raise KernelRefused(*kernel.REJECTS[ack.code])


def _kernel_event(event: Event) -> dict[str, Any]:
    return dict(ask(event.venue.group_id, {"q": "event", "event": event.number})["event"])


def _kernel_payouts(event: Event) -> dict[str, int]:
    """What the kernel would pay by outcome, in parts per million of one unit."""
    known = _kernel_event(event)
    one = known["payout_ticks"]
    return {str(row["outcome"]): (row["payout_ticks"] or 0) * PPM // one for row in known["outcomes"]}


def _moved(event: Event, target: EventState, said: Said, **changes: object) -> Event:
    """Note a move that the kernel has made, and that it was made; whoever was first has made it."""
    with transaction.atomic():
        locked = Event.objects.select_for_update().get(pk=event.pk)
        if locked.state != event.state:
            return locked
        for name, value in {"state": target, **changes}.items():
            setattr(locked, name, value)
        locked.save(update_fields=["state", *changes])
        proposed = target == EventState.PROPOSED
        EventMove.objects.create(
            event=locked, state=target, by=said.by, words=said.words, source=said.source,
            payouts=locked.payouts if proposed else {}, voiding=proposed and locked.voiding,
        )  # fmt: skip
        note_act(
            event.venue, said.by, ACTS[target], event.title, words=said.words, before={"state": event.state},
            after={"state": target.value} | ({"payouts": locked.payouts} if proposed else {}),
        )  # fmt: skip
    return locked
