"""Stake: the bond of a deployer, held in the stake asset. It comes in at once and leaves through unbonding.

Whoever changes a deployer's stake, holds or releases locks the user's row first, so that no two of them see the same
stake. While a hold is on a deployer nothing leaves: neither begins an unbonding nor ends one.
"""

import logging
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import RELEASE_MOVES, PostingKind, ReleaseState, StakeHold, StakeRelease
from exchange_os.ledger.selectors import (
    MAX_UNITS,
    amount_words,
    holds_on,
    stake_asset,
    stake_balance,
    wallet_balance,
)
from exchange_os.ledger.services.postings import post_transfer, stake_of, unbonding_of, wallet
from exchange_os.parameters.selectors import whole

log = logging.getLogger(__name__)

A_SWEEP = 500


def lock_stake(user_id: int) -> None:
    """Let nobody else change this deployer's stake until the transaction ends."""
    get_user_model().objects.select_for_update(no_key=True).get(pk=user_id)


def add_stake(user: AbstractBaseUser, amount: int) -> None:
    """Move ``amount`` units of the stake asset from the user's wallet to stake; ``insufficient_funds`` if short."""
    asset = stake_asset()
    try:
        post_transfer(PostingKind.STAKE, wallet(user.pk, asset.pk), stake_of(user.pk, asset.pk), amount)
    except DomainError as refused:
        if refused.code != "insufficient_funds":
            raise
        held = amount_words(wallet_balance(user.pk, asset), asset)
        raise DomainError(
            "insufficient_funds",
            f"Your wallet holds {held}; take test funds from the faucet or stake less.",
            field="amount",
            available=held,
        ) from refused


def begin_unbonding(user_id: int, amount: int) -> StakeRelease:
    """Ask ``amount`` units of stake back; they reach the wallet after ``UNBONDING_DAYS`` and can be slashed till then.

    The caller has made sure that they back nothing. Raises ``DomainError``: ``amount_invalid``, ``stake_held`` while a
    case is open, ``insufficient_funds`` if less is at stake.
    """
    if not 0 < amount <= MAX_UNITS:
        raise DomainError("amount_invalid", "Enter an amount above zero.", field="amount")
    asset = stake_asset()
    with transaction.atomic():
        lock_stake(user_id)
        _refuse_while_held(user_id)
        held = stake_balance(user_id)
        if amount > held:
            raise DomainError(
                "insufficient_funds",
                f"You have {amount_words(held, asset)} at stake; release less.",
                field="amount",
            )
        now = timezone.now()
        release = StakeRelease.objects.create(
            user_id=user_id,
            amount=amount,
            requested_at=now,
            matures_at=now + timedelta(days=whole("unbonding_days")),
        )
        post_transfer(
            PostingKind.UNBOND,
            stake_of(user_id, asset.pk),
            unbonding_of(user_id, asset.pk),
            amount,
            memo=f"release {release.pk}",
        )
    return release


def finish_unbonding(release_id: int) -> StakeRelease:
    """Pay a matured release into its deployer's wallet; one that is finished already is answered as it is.

    Raises ``DomainError``: ``unbonding_not_over`` before its time, ``stake_held`` while a case is open.
    """
    asset = stake_asset()
    user_id = StakeRelease.objects.values_list("user_id", flat=True).get(pk=release_id)
    with transaction.atomic():
        lock_stake(user_id)
        release = StakeRelease.objects.select_for_update().get(pk=release_id)
        if ReleaseState.RETURNED not in RELEASE_MOVES[release.state]:
            return release
        now = timezone.now()
        if now < release.matures_at:
            raise DomainError(
                "unbonding_not_over",
                f"This stake is unbonding until {release.matures_at:%-d %B %Y %H:%M} UTC.",
                matures_at=release.matures_at.isoformat(),
            )
        _refuse_while_held(user_id)
        release.state, release.finished_at = ReleaseState.RETURNED, now
        release.save(update_fields=["state", "finished_at"])
        post_transfer(
            PostingKind.RELEASE_STAKE,
            unbonding_of(user_id, asset.pk),
            wallet(user_id, asset.pk),
            release.remaining,
            memo=f"release {release.pk}",
        )
    return release


def claim_release(user_id: int, release_id: int) -> StakeRelease:
    """``finish_unbonding`` as its deployer asks for it; also ``release_unknown`` if it is not theirs."""
    if not StakeRelease.objects.filter(pk=release_id, user_id=user_id).exists():
        raise DomainError("release_unknown", "You have no such release of stake.")
    return finish_unbonding(release_id)


def finish_matured() -> int:
    """Pay out what has matured and no case holds; how many releases. Safe to run many times at once."""
    held = StakeHold.objects.filter(lifted_at=None).values("user_id")
    ready = StakeRelease.objects.filter(state=ReleaseState.UNBONDING, matures_at__lte=timezone.now())
    done = 0
    for pk in ready.exclude(user_id__in=held).order_by("matures_at").values_list("pk", flat=True)[:A_SWEEP]:
        try:
            finish_unbonding(pk)
        except DomainError as waits:
            log.info("release %s waits: %s", pk, waits.message)
        else:
            done += 1
    return done


def place_hold(user_id: int, case: str, reason: str) -> StakeHold:
    """Keep a deployer's stake from leaving while a case is open; once a case, again if it was lifted."""
    with transaction.atomic():
        lock_stake(user_id)
        hold, _ = StakeHold.objects.get_or_create(
            user_id=user_id,
            case=case,
            lifted_at=None,
            defaults={"reason": reason, "placed_at": timezone.now()},
        )
    return hold


def lift_hold(user_id: int, case: str) -> bool:
    """End the hold of a case; answers whether there was one. What matured meanwhile leaves with the next sweep."""
    with transaction.atomic():
        lock_stake(user_id)
        return holds_on(user_id).filter(case=case).update(lifted_at=timezone.now()) > 0


def _refuse_while_held(user_id: int) -> None:
    hold = holds_on(user_id).first()
    if hold is not None:
        raise DomainError(
            "stake_held",
            f"Case {hold.case} is open against you; your stake cannot leave until it is closed.",
            case=hold.case,
        )
