"""What every move of an event is made of: the allowed moves, telling the kernel, and noting what was done.

The kernel is told first and the row follows, so a failure in between shows the old state and the verb can be repeated:
the kernel takes a proposal again, and what is final there is found out by asking.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import exchange_kernel as kernel
from django.db import transaction
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import PauseFunction
from exchange_os.ledger.services.pauses import check_running
from venues.evidence import EvidenceItem
from venues.models import PPM, Event, EventKind, EventMove, EventState, Evidence
from venues.services.acts import note_act
from venues.services.asking import KernelRefused, ask

EVENT_MOVES: dict[EventState, set[EventState]] = {
    EventState.PENDING: {EventState.OPEN},
    EventState.OPEN: {EventState.CLOSED, EventState.PROPOSED},
    EventState.CLOSED: {EventState.PROPOSED},
    EventState.PROPOSED: {EventState.PROPOSED, EventState.DISPUTED, EventState.RESOLVED, EventState.VOID},
    EventState.DISPUTED: {EventState.PROPOSED, EventState.RESOLVED, EventState.VOID},
    EventState.RESOLVED: set(),
    EventState.VOID: set(),
}
#: A move in the venue's audit log.
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
    """Who makes a move (nobody: the clock), with what words, where they can be checked, and what bears them out."""

    by: Any = None
    words: str = ""
    source: str = ""
    evidence: Sequence[EvidenceItem] = field(default=())


def outcome_names(event: Event) -> dict[int, str]:
    """What can win, by outcome: Yes and No of a binary event, the ends of a scalar, else the names."""
    if event.kind == EventKind.BINARY:
        return {0: "Yes", 1: "No"}
    if event.kind == EventKind.SCALAR:
        return {0: "Long", 1: "Short"}
    return {market.outcome: market.outcome_name for market in event.markets.order_by("outcome")}


def window_ends(event: Event) -> datetime | None:
    """Until when a proposed result can be disputed."""
    return event.proposed + timedelta(seconds=event.window_seconds) if event.proposed else None


def window_over(event: Event) -> bool:
    """Whether a result was proposed and the time to dispute it has passed."""
    ends = window_ends(event)
    return ends is not None and timezone.now() >= ends


def check_move(event: Event, target: EventState) -> None:
    """Refuse a move that is not allowed with ``event_move_refused``."""
    if target not in EVENT_MOVES[EventState(event.state)]:
        raise DomainError(
            "event_move_refused",
            f"{event.title}: {event.get_state_display().lower()}; it cannot become {target.label.lower()}.",
        )


def words_of(text: str, least: int, most: int, code: str, what: str, where: str) -> str:
    """Words without idle spaces, or a refusal ``code`` at the field ``where``: "Say in 10 to 500 characters what"."""
    text = " ".join(text.split())
    if not least <= len(text) <= most:
        raise DomainError(code, f"Say in {least} to {most} characters {what}.", field=where)
    return text


def ticks_of(event: Event, payouts: Mapping[int, int]) -> list[tuple[int, int]]:
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


def whole_payouts(event: Event, payouts: Mapping[int, int]) -> dict[str, int]:
    """Payouts of every outcome, as they are kept."""
    return {str(outcome): payouts.get(outcome, 0) for outcome in outcome_names(event)}


def tell(event: Event, frame: bytes) -> None:
    """Send one command and wait for it. Raises the engine's ``DomainError``, and ``KernelRefused``."""
    ack = client.submit(event.venue.group_id, frame, urgent=True)
    if ack.code:
        raise KernelRefused(*kernel.REJECTS[ack.code])


def tell_result(event: Event, payouts: Mapping[str, int], *, voiding: bool, is_final: bool) -> None:
    """Propose a result to the kernel, or make it final; what is final there already is left as it is.

    Raises ``paused`` if it would be final while settlement is paused.
    """
    if is_final:
        if kernel_event(event)["state"] >= KERNEL_PAYING:
            return
        check_running(PauseFunction.SETTLE, event.venue.group_id)
    if voiding:
        tell(event, kernel.void_event(event.number, is_final=is_final))
        return
    shares = ticks_of(event, {int(at): ppm for at, ppm in payouts.items()})
    tell(event, kernel.resolve_event(event.number, shares, is_final=is_final))


def kernel_event(event: Event) -> dict[str, Any]:
    """The event as the kernel has it."""
    return dict(ask(event.venue.group_id, {"q": "event", "event": event.number})["event"])


def kernel_payouts(event: Event) -> dict[str, int]:
    """What the kernel would pay by outcome, in parts per million of one unit."""
    known = kernel_event(event)
    one = known["payout_ticks"]
    return {str(row["outcome"]): (row["payout_ticks"] or 0) * PPM // one for row in known["outcomes"]}


def moved(
    event: Event,
    target: EventState,
    said: Said,
    *,
    also: Callable[[Event, EventMove], None] | None = None,
    **changes: object,
) -> Event:
    """Note a move that the kernel has made, and that it was made; whoever was first has made it.

    ``also`` does in the same transaction what belongs to the move, given the event as it was before and the move; if it
    raises, nothing was noted.
    """
    with transaction.atomic():
        locked = lock(event)
        if (locked.state, locked.proposed) != (event.state, event.proposed):
            return locked
        proposed = target == EventState.PROPOSED
        payouts: Any = changes.get("payouts", locked.payouts)
        voiding = changes.get("voiding", locked.voiding)
        move = note_move(
            locked, target, said, payouts if proposed else {}, voiding=bool(proposed and voiding)
        )
        if also is not None:
            also(locked, move)
        for name, value in {"state": target, **changes}.items():
            setattr(locked, name, value)
        locked.save(update_fields=["state", *changes])
    return locked


def note_move(
    event: Event, target: EventState, said: Said, payouts: Mapping[str, int], *, voiding: bool = False
) -> EventMove:
    """Write a move of a locked event down, with its evidence and in the venue's audit log."""
    move = EventMove.objects.create(
        event=event, state=target, by=said.by, words=said.words, source=said.source,
        payouts=dict(payouts), voiding=voiding,
    )  # fmt: skip
    _keep_evidence(move, said.evidence)
    after = {"state": target.value} | ({"payouts": dict(payouts)} if payouts else {})
    note_act(
        event.venue, said.by, ACTS[target], event.title,
        words=said.words, before={"state": event.state}, after=after,
    )  # fmt: skip
    return move


def lock(event: Event) -> Event:
    """The event's row, locked until the transaction ends, with its venue and what it settles in."""
    rows = Event.objects.select_related("venue__deployer", "settlement_asset")
    return rows.select_for_update(of=("self",)).get(pk=event.pk)


def _keep_evidence(move: EventMove, items: Iterable[EvidenceItem]) -> None:
    Evidence.objects.bulk_create(
        [
            Evidence(
                move=move, name=item.name, link=item.link, sha256=item.sha256,
                content=item.content or None, size=len(item.content),
            )
            for item in items
        ]
    )  # fmt: skip
