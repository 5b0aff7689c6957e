"""Disputes of results: a bond on each side, one verdict, and the loser's bond to the winner, once and to the unit.

A challenger puts the bond, in the stake asset, from the wallet on the event's account of disputes, and names the
result that is right. The proposer's counter-bond is as much: a deployer's is taken from stake, that of anyone else was
put up with the proposal. Who disputes the same proposal later joins the case; there is one counter-bond a case.

``decide`` is the one entry for whoever judges. The verdict is written first, then the kernel pays by it, then bonds
move in the transaction that ends the event; ``carry_out_verdicts`` takes up what was cut off in between.

Who gets what: the result stands, the proposer gets every bond. It falls, the challengers get theirs back and share the
counter-bond: those who named the verdict, or all if nobody did, in equal parts, what does not divide to the first. A
void that nobody asked for returns every bond to whose it was.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import PostingKind
from exchange_os.ledger.selectors import amount_words, stake_asset, stake_balance, to_units, wallet_balance
from exchange_os.ledger.services.postings import (
    AccountKey,
    Movement,
    dispute_bonds,
    post_transfers,
    stake_of,
    wallet,
)
from exchange_os.parameters.selectors import amount, whole
from venues.evidence import EvidenceItem
from venues.models import UNDECIDED, Dispute, DisputeState, Event, EventMove, EventState, Verdict
from venues.selectors import insiders_of
from venues.services.event_moves import (
    Said,
    check_move,
    kernel_payouts,
    lock,
    moved,
    note_move,
    tell_result,
    ticks_of,
    whole_payouts,
    window_ends,
    words_of,
)

log = logging.getLogger(__name__)


def bond_units() -> int:
    """Units of the stake asset that each side of a dispute puts up (a parameter)."""
    return to_units(amount("dispute_bond_stake"), stake_asset())


def open_dispute(
    user: AbstractBaseUser,
    event: Event,
    reason: str,
    source: str,
    payouts: Mapping[int, int] | None,
    evidence: Sequence[EvidenceItem] = (),
) -> Dispute:
    """Challenge a proposed result inside its window, with a bond: it is not paid until the dispute is judged.

    ``payouts`` is the result that is right, ``None`` if there is none; ``source`` is where the reason can be checked.
    Raises ``event_move_refused``, ``window_over``, ``own_result``, ``disputed_already``, ``same_result``,
    ``payouts_invalid``, ``reason_missing``, ``source_missing``, ``result_changed`` and ``insufficient_funds``.
    """
    event = Event.objects.select_related("venue__deployer", "settlement_asset").get(pk=event.pk)
    said = Said(
        user,
        words_of(reason, 10, 500, "reason_missing", "what is wrong with the result", "reason"),
        words_of(source, 4, 300, "source_missing", "where this can be checked, best as a link", "source"),
        evidence,
    )
    _check_claim(event, payouts)
    claim = {} if payouts is None else whole_payouts(event, payouts)
    with transaction.atomic():
        locked = lock(event)
        if locked.proposed != event.proposed:
            raise DomainError("result_changed", "The result was proposed anew meanwhile; look at it again.")
        _check_challenge(user, locked)
        case = undecided(locked).filter(joined=None).first()
        counter = 0 if case else _counter_bond(locked)
        dispute = Dispute.objects.create(
            event=locked, joined=case, challenger_id=user.pk, bond=bond_units(), counter_bond=counter,
            reason=said.words, source=said.source, payouts=claim, voiding=payouts is None,
        )  # fmt: skip
        note_move(locked, EventState.DISPUTED, said, {})
        locked.state, locked.dispute = EventState.DISPUTED, locked.dispute or said.words
        locked.save(update_fields=["state", "dispute"])
        _take_bonds(dispute, locked)
    log.warning("result of event %s disputed by user %s, dispute %s", event.pk, user.pk, dispute.pk)
    return dispute


def decide(
    dispute: Dispute,
    verdict: Verdict,
    *,
    by: AbstractBaseUser | None,
    words: str,
    payouts: Mapping[int, int] | None = None,
) -> Dispute:
    """Give the verdict on a dispute and those joined with it, pay the event by it, and move the bonds.

    As ``give_verdict``, and raises the engine's ``DomainError`` if the verdict is written and will be carried out when
    the venue answers again.
    """
    carry_out(give_verdict(dispute, verdict, by=by, words=words, payouts=payouts))
    dispute.refresh_from_db()
    return dispute


def give_verdict(
    dispute: Dispute,
    verdict: Verdict,
    *,
    by: AbstractBaseUser | None,
    words: str,
    payouts: Mapping[int, int] | None = None,
) -> Event:
    """Write the verdict on a dispute and those joined with it; ``carry_out`` pays by it, after the commit.

    ``UPHOLD``, ``OVERTURN`` (to ``payouts``, parts per million by outcome) or ``VOID``; ``by`` is nobody if several
    decided. Who may judge is the caller's business. Raises ``dispute_decided`` if a verdict was given before,
    ``verdict_unknown``, ``payouts_invalid``, ``same_result``, ``reason_missing``.
    """
    if verdict not in (Verdict.UPHOLD, Verdict.OVERTURN, Verdict.VOID):
        raise DomainError(
            "verdict_unknown", "A verdict upholds the result, names another or voids the event."
        )
    text = words_of(words, 10, 500, "reason_missing", "why", "words")
    event = Event.objects.select_related("venue__deployer", "settlement_asset").get(pk=dispute.event_id)
    if verdict == Verdict.OVERTURN:
        ticks_of(event, payouts or {})
        if whole_payouts(event, payouts or {}) == event.payouts and not event.voiding:
            raise DomainError("same_result", "That is the result that was proposed; uphold it instead.")
    judge(event, verdict, by, text, whole_payouts(event, payouts or {}) if payouts else {}, dispute)
    return event


def judge(
    event: Event,
    verdict: Verdict,
    by: AbstractBaseUser | None,
    words: str,
    payouts: Mapping[str, int],
    dispute: Dispute | None = None,
) -> None:
    """Write a verdict on the event's open disputes; ``dispute_decided`` if there is none open, or not this one."""
    with transaction.atomic():
        locked = lock(event)
        rows = undecided(locked).filter(state=DisputeState.OPEN)
        if dispute is not None and not rows.filter(pk=dispute.pk).exists():
            raise DomainError("dispute_decided", "This dispute has been decided.")
        rows.update(
            state=DisputeState.JUDGED, verdict=verdict, verdict_payouts=dict(payouts), words=words,
            decided_by=by, decided=timezone.now(),
        )  # fmt: skip


def carry_out(event: Event) -> Event:
    """Pay an event whose disputes are judged, and move the bonds; once, however often it is called.

    Raises the engine's ``DomainError`` if the venue does not answer; then it is to be called again.
    """
    event = Event.objects.select_related("venue__deployer", "settlement_asset").get(pk=event.pk)
    case = undecided(event).filter(state=DisputeState.JUDGED, joined=None).first()
    if case is None or event.state != EventState.DISPUTED:
        return event
    voiding = case.verdict in (Verdict.VOID, Verdict.LAPSED) or (
        case.verdict == Verdict.UPHOLD and event.voiding
    )
    payouts = case.verdict_payouts if case.verdict == Verdict.OVERTURN else event.payouts
    tell_result(event, payouts, voiding=voiding, is_final=True)
    target = EventState.VOID if voiding else EventState.RESOLVED
    return moved(
        event, target, Said(case.decided_by, case.words), also=settle_bonds,
        payouts=kernel_payouts(event) if voiding else payouts, voiding=voiding, dispute="",
        resolved=timezone.now(), proposer_bond=0,
    )  # fmt: skip


def carry_out_verdicts() -> int:
    """Carry out the verdicts that were cut off, and void what nobody judged in time; how many events moved."""
    moved_count = 0
    patience = timezone.now() - timedelta(seconds=whole("dispute_deadline_seconds"))
    late = Dispute.objects.filter(state=DisputeState.OPEN, joined=None, created__lte=patience)
    for dispute in late.select_related("event"):
        words = "Nobody judged the dispute in time: the last fair prices are paid."
        judge(dispute.event, Verdict.LAPSED, None, words, {})
    judged = Dispute.objects.filter(state=DisputeState.JUDGED, joined=None)
    for dispute in judged.select_related("event"):
        try:
            moved_count += carry_out(dispute.event).state != EventState.DISPUTED
        except DomainError as away:
            log.warning("verdict on event %s waits: %s", dispute.event_id, away.message)
    return moved_count


def undecided(event: Event) -> Any:
    """Disputes of the event on which bonds are held, the first of the case first."""
    return Dispute.objects.filter(event_id=event.pk, state__in=UNDECIDED).order_by("pk")


def settle_bonds(event: Event, move: EventMove) -> None:
    """End the judged disputes of a locked event: each bond to whose it is now, and note it."""
    disputes = list(undecided(event).select_for_update().filter(state=DisputeState.JUDGED))
    case = next(row for row in disputes if row.joined_id is None)
    verdict = Verdict(case.verdict)
    bonds = dispute_bonds(event.pk, stake_asset().pk)
    proposer, winners = proposer_account(event), _winners(event, disputes, verdict)
    movements: list[Movement] = []
    if verdict == Verdict.UPHOLD:
        state = DisputeState.LOST
        movements += _to(bonds, proposer, case.counter_bond, PostingKind.BOND_RETURNED, case)
        for row in disputes:
            movements += _to(bonds, _spoils(event), row.bond, PostingKind.BOND_WON, row)
    else:
        state = DisputeState.WON if winners else DisputeState.RETURNED
        if not winners:
            movements += _to(bonds, proposer, case.counter_bond, PostingKind.BOND_RETURNED, case)
        for row in disputes:
            movements += _to(bonds, _challenger(row), row.bond, PostingKind.BOND_RETURNED, row)
    shares = _shares(case.counter_bond, [row.pk for row in winners])
    for row in winners:
        movements += _to(bonds, _challenger(row), shares[row.pk], PostingKind.BOND_WON, row)
    for row in disputes:
        kept = state == DisputeState.LOST
        row.state, row.received = state, 0 if kept else row.bond + shares.get(row.pk, 0)
        if state == DisputeState.WON and row.pk not in shares:
            row.state = DisputeState.RETURNED
        row.save(update_fields=["state", "received"])
    post_transfers(movements)


def proposer_account(event: Event) -> AccountKey:
    """Where a proposer's own bond comes from and goes back to: a deployer's stake, anyone else's wallet."""
    asset = stake_asset().pk
    if event.proposer_id is None or event.proposer_id in insiders_of(event.venue):
        return stake_of(event.venue.deployer.user_id, asset)
    return wallet(event.proposer_id, asset)


def return_proposers_bond(event: Event) -> list[Movement]:
    """What gives the bond of a proposal that was not disputed back; nothing if there was none."""
    bonds = dispute_bonds(event.pk, stake_asset().pk)
    if not event.proposer_bond:
        return []
    return [Movement(PostingKind.BOND_RETURNED, bonds, proposer_account(event), event.proposer_bond)]


def _spoils(event: Event) -> AccountKey:
    """The wallet that the proposer's winnings go to: the deployer's, unless somebody else proposed."""
    deployer, asset = event.venue.deployer.user_id, stake_asset().pk
    outsider = event.proposer_id is not None and event.proposer_id not in insiders_of(event.venue)
    return wallet(event.proposer_id if outsider and event.proposer_id else deployer, asset)


def _challenger(dispute: Dispute) -> AccountKey:
    return wallet(dispute.challenger_id, stake_asset().pk)


def _to(
    bonds: AccountKey, target: AccountKey, amount: int, kind: PostingKind, dispute: Dispute
) -> list[Movement]:
    memo = f"dispute {dispute.pk}"
    return [Movement(kind, bonds, target, amount, memo=memo)] if amount else []


def _winners(event: Event, disputes: Sequence[Dispute], verdict: Verdict) -> list[Dispute]:
    """Those who share the counter-bond."""
    if verdict == Verdict.CONCEDED:
        return list(disputes)
    if verdict == Verdict.VOID:
        return [] if event.voiding else [row for row in disputes if row.voiding]
    if verdict == Verdict.OVERTURN:
        named = [row for row in disputes if not row.voiding and row.payouts == row.verdict_payouts]
        return named or list(disputes)
    return []


def _shares(pot: int, keys: Sequence[int]) -> dict[int, int]:
    """Equal parts of the pot, what does not divide to the first."""
    if not keys:
        return {}
    part, rest = divmod(pot, len(keys))
    return {key: part + (rest if at == 0 else 0) for at, key in enumerate(keys)}


def _check_claim(event: Event, payouts: Mapping[int, int] | None) -> None:
    if payouts is None:
        same = event.voiding
    else:
        ticks_of(event, payouts)
        same = not event.voiding and whole_payouts(event, payouts) == event.payouts
    if same:
        raise DomainError(
            "same_result", "That is the proposed result; name the one that is right.", field="outcome"
        )


def _check_challenge(user: AbstractBaseUser, event: Event) -> None:
    """Whether the user may dispute the proposal of a locked event now."""
    if event.state != EventState.DISPUTED:
        check_move(event, EventState.DISPUTED)
    ends = window_ends(event)
    if ends is None or timezone.now() >= ends:
        raise DomainError("window_over", "The time to challenge this result has passed.")
    insiders = insiders_of(event.venue)
    if user.pk == event.proposer_id or (event.proposer_id in insiders and user.pk in insiders):
        raise DomainError(
            "own_result", "The venue cannot dispute its own result; propose the right one instead."
        )
    if undecided(event).filter(challenger=user).exists():
        raise DomainError("disputed_already", "You dispute this result already; it waits for the panel.")
    if undecided(event).filter(state=DisputeState.JUDGED).exists():
        raise DomainError("dispute_decided", "The verdict on this result has been given.")


def _counter_bond(event: Event) -> int:
    """What the proposer has against a new case: the bond of the proposal, else as much of the stake as there is."""
    if event.proposer_bond or event.proposer_id is None:
        return int(event.proposer_bond)
    return min(bond_units(), stake_balance(event.venue.deployer.user_id))


def _take_bonds(dispute: Dispute, event: Event) -> None:
    asset = stake_asset()
    bonds, memo = dispute_bonds(event.pk, asset.pk), f"dispute {dispute.pk}"
    movements = [
        Movement(PostingKind.BOND, wallet(dispute.challenger_id, asset.pk), bonds, dispute.bond, memo=memo)
    ]
    if dispute.counter_bond and not event.proposer_bond:
        movements.append(
            Movement(PostingKind.BOND, proposer_account(event), bonds, dispute.counter_bond, memo=memo)
        )
    try:
        post_transfers(movements)
    except DomainError as refused:
        if refused.code != "insufficient_funds":
            raise
        held = amount_words(wallet_balance(dispute.challenger_id, asset), asset)
        raise DomainError(
            "insufficient_funds",
            f"A dispute takes a bond of {amount_words(dispute.bond, asset)}; your wallet holds {held}.",
            field="bond",
        ) from refused
