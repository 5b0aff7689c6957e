"""The end of an event: trading closes, a result is proposed, its window passes or it is disputed, and it is paid.

A proposal may be replaced until its window has passed, which is how a wrong result is corrected; only then
``follow_events`` makes it final and the kernel pays, once. A void pays the last fair prices, made to add up by the
kernel. What is disputed goes on in ``disputes.py``. If the deployer says nothing, anyone may propose with a bond after
``RESOLUTION_GRACE_SECONDS``, and after ``RESOLUTION_DEADLINE_SECONDS`` the clock proposes to void.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import exchange_kernel as kernel
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import PostingKind
from exchange_os.ledger.selectors import amount_words, stake_asset
from exchange_os.ledger.services.postings import Movement, dispute_bonds, post_transfers, wallet
from exchange_os.parameters.selectors import whole
from venues.evidence import MAX_ITEMS, EvidenceItem
from venues.models import Dispute, DisputeState, Event, EventMove, EventState, Market, Phase, Role, Verdict
from venues.selectors import insiders_of
from venues.services.asking import ask
from venues.services.disputes import (
    bond_units,
    carry_out_verdicts,
    return_proposers_bond,
    settle_bonds,
)
from venues.services.event_moves import (
    Said,
    check_move,
    kernel_event,
    kernel_payouts,
    lock,
    moved,
    tell,
    tell_result,
    ticks_of,
    whole_payouts,
    window_over,
    words_of,
)
from venues.services.roles import require_event_role, roles_of

log = logging.getLogger(__name__)

#: Where the markets of an event end up in each state, in the kernel and then here.
PHASES_AFTER = {
    EventState.CLOSED: Phase.CLOSING,
    EventState.PROPOSED: Phase.SETTLING,
    EventState.DISPUTED: Phase.SETTLING,
    EventState.RESOLVED: Phase.SETTLED,
    EventState.VOID: Phase.SETTLED,
}


def close_event(user: AbstractBaseUser, event: Event) -> Event:
    """End trading now, before its time. Raises ``event_move_refused`` unless it trades."""
    event = require_event_role(user, event, Role.ORACLE_UPDATER)
    check_move(event, EventState.CLOSED)
    tell(event, kernel.close_event(event.number))
    return moved(event, EventState.CLOSED, Said(user))


def propose_result(
    user: AbstractBaseUser,
    event: Event,
    payouts: Mapping[int, int],
    words: str,
    *,
    source: str = "",
    evidence: Sequence[EvidenceItem] = (),
    concede: bool = True,
) -> Event:
    """Say what happened: parts per million of one unit by outcome, with where it can be seen; the window begins.

    Ends trading if it has not ended. Proposing again replaces the result and begins the window anew; to do so while the
    result is disputed is to give in: the challengers get the bonds; with ``concede`` False it is refused. ``source`` is
    where it can be checked, that of the rules unless said. Anyone may propose once the deployer's time is over, with a
    bond. Raises ``event_unknown``, ``event_move_refused``, ``payouts_invalid``, ``evidence_missing``,
    ``dispute_decided``, ``dispute_open``, ``insufficient_funds``.
    """
    event = _may_propose(user, event)
    shares = whole_payouts(event, payouts)
    ticks_of(event, payouts)
    said = _said(user, words, source, evidence)
    return _propose(event, said, shares, voiding=False, concede=concede)


def propose_void(
    user: AbstractBaseUser,
    event: Event,
    words: str,
    *,
    source: str = "",
    evidence: Sequence[EvidenceItem] = (),
    concede: bool = True,
) -> Event:
    """Say that no result can be found: the last fair prices are paid after the window. Raises as ``propose_result``."""
    event = _may_propose(user, event)
    said = _said(user, words, source, evidence)
    return _propose(event, said, {}, voiding=True, concede=concede)


def finalise(event: Event) -> Event:
    """Pay a proposed result whose window has passed. Raises ``event_move_refused``, ``window_open``.

    The event's row is locked while the kernel is told, so no dispute comes in between.
    """
    with transaction.atomic():
        event = lock(event)
        target = EventState.VOID if event.voiding else EventState.RESOLVED
        if event.state != EventState.PROPOSED:
            check_move(event, EventState.PROPOSED)
            raise DomainError(
                "event_move_refused", f"{event.title}: no result is proposed that could be paid."
            )
        if not window_over(event):
            raise DomainError("window_open", "The result can still be challenged.")
        tell_result(event, event.payouts, voiding=event.voiding, is_final=True)
        payouts = kernel_payouts(event) if event.voiding else event.payouts
        return moved(
            event, target, Said(), also=_end_quietly,
            payouts=payouts, resolved=timezone.now(), proposer_bond=0,
        )  # fmt: skip


def follow_events() -> int:
    """What time brings: events past their close are closed, results past their window paid, verdicts carried out, and
    events without any result voided; how many moved.

    An event whose group cannot answer is left for the next call.
    """
    now, count = timezone.now(), carry_out_verdicts()
    ended = Event.objects.filter(state=EventState.OPEN, closes__lte=now)
    proposed = Event.objects.filter(state=EventState.PROPOSED)
    waiting = [event for event in proposed if window_over(event)]
    deadline = now - timedelta(seconds=whole("resolution_deadline_seconds"))
    closed = EventMove.objects.filter(state=EventState.CLOSED, at__lte=deadline)
    given_up = Event.objects.filter(state=EventState.CLOSED, pk__in=closed.values("event_id"))
    for event in [*ended, *waiting, *given_up]:
        event = Event.objects.select_related("venue__deployer", "settlement_asset").get(pk=event.pk)
        try:
            _follow(event)
        except DomainError as away:
            log.warning("event %s waits: %s", event.pk, away.message)
        else:
            count += 1
    return count + sync_phases()


def anyone_may_propose_from(event: Event) -> datetime:
    """When the deployer's time to propose a result alone is over, for an event whose trading ends when it should."""
    move = EventMove.objects.filter(event=event, state=EventState.CLOSED).first()
    return (move.at if move else event.closes) + timedelta(seconds=whole("resolution_grace_seconds"))


def _may_propose(user: AbstractBaseUser, event: Event) -> Event:
    """The event, if the user may say its result now: the deployer, or anyone once the deployer's time is over."""
    found = Event.objects.filter(pk=event.pk).select_related("venue__deployer", "settlement_asset").get()
    if roles_of(user, found.venue):
        require_event_role(user, found, Role.ORACLE_UPDATER)
    elif found.state != EventState.CLOSED or timezone.now() < anyone_may_propose_from(found):
        raise DomainError("event_unknown", "You have no such event.")
    check_move(found, EventState.PROPOSED)
    stands = found.state in (EventState.PROPOSED, EventState.DISPUTED) and found.proposer_id is not None
    if stands and found.proposer_id not in insiders_of(found.venue):
        raise DomainError(
            "event_move_refused", "Somebody else has proposed a result, with a bond; dispute it if it is wrong."
        )  # fmt: skip
    return found


def _said(user: AbstractBaseUser, words: str, source: str, evidence: Sequence[EvidenceItem]) -> Said:
    text = words_of(words, 10, 500, "evidence_missing", "where the result can be seen", "evidence")
    if len(evidence) > MAX_ITEMS:
        raise DomainError(
            "evidence_too_many", f"At most {MAX_ITEMS} pieces of evidence go with a result.", field="files"
        )
    if source:
        source = words_of(source, 4, 300, "source_missing", "where this can be checked", "source")
    return Said(user, text, source, evidence)


def _refuse_conceding(event: Event) -> None:
    if event.state == EventState.DISPUTED:
        raise DomainError(
            "dispute_open",
            "The result is disputed. To propose another is to give in: the challengers "
            "get the bonds. Say so, or wait for the panel.",
        )


def _propose(
    event: Event, said: Said, payouts: dict[str, int], *, voiding: bool, concede: bool = True
) -> Event:
    if not concede:
        _refuse_conceding(event)
    tell_result(event, payouts, voiding=voiding, is_final=False)
    if voiding:
        payouts = kernel_payouts(event)
    outsider = said.by is not None and said.by.pk not in insiders_of(event.venue)
    bond = bond_units() if outsider else 0

    def bonds(locked: Event, move: EventMove) -> None:
        if not concede:
            _refuse_conceding(locked)
        if locked.state == EventState.DISPUTED:
            _concede(locked, move)
        elif bond:
            _take_bond(locked, said.by, bond)

    return moved(
        event, EventState.PROPOSED, said, also=bonds, payouts=payouts, evidence=said.words, voiding=voiding,
        proposed=timezone.now(), proposer=said.by, proposer_bond=bond, dispute="",
    )  # fmt: skip


def _concede(event: Event, move: EventMove) -> None:
    """A disputed result is proposed anew by who proposed it: the challengers were right."""
    rows = Dispute.objects.filter(event=event, state=DisputeState.OPEN)
    if not rows.exists():
        raise DomainError("dispute_decided", "The verdict on this result has been given.")
    rows.update(
        state=DisputeState.JUDGED, verdict=Verdict.CONCEDED, verdict_payouts=move.payouts,
        words=move.words, decided_by=move.by, decided=timezone.now(),
    )  # fmt: skip
    settle_bonds(event, move)


def _take_bond(event: Event, user: AbstractBaseUser, bond: int) -> None:
    asset = stake_asset()
    target, memo = dispute_bonds(event.pk, asset.pk), f"proposal for event {event.pk}"
    try:
        post_transfers([Movement(PostingKind.BOND, wallet(user.pk, asset.pk), target, bond, memo=memo)])
    except DomainError as refused:
        if refused.code != "insufficient_funds":
            raise
        raise DomainError(
            "insufficient_funds",
            f"To propose the result of somebody else's event takes a bond of {amount_words(bond, asset)}; your wallet "
            "holds less.",
            field="bond",
        ) from refused


def _end_quietly(event: Event, move: EventMove) -> None:
    post_transfers(return_proposers_bond(event))


def _follow(event: Event) -> None:
    """Make the one move that time has brought."""
    if event.state == EventState.OPEN:
        close_in_time(event)
    elif event.state == EventState.CLOSED:
        words = (
            "No result was proposed in time: the last fair prices are paid unless somebody shows a result."
        )
        _propose(event, Said(None, words), {}, voiding=True)
    else:
        finalise(event)


def close_in_time(event: Event) -> None:
    """The kernel closes by its own clock; asking makes it look."""
    if kernel_event(event)["state"] == 0:
        tell(event, kernel.close_event(event.number))
    moved(event, EventState.CLOSED, Said())


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
            log.info("phases wait: %s", away.message, extra={"group": group_id})
            continue
        for market in markets:
            if known.get(market.number, market.phase) != market.phase:
                moved += Market.objects.filter(pk=market.pk).update(phase=known[market.number])
    return moved
