"""Slashing: stake that is taken for an offence, once, and paid to those whom the offence has harmed.

An offence reaches the stake that was there when it happened. Asking stake back does not take it out of reach: what
was begun to unbond since, or was unbonding then, still counts. What was staked later does not add to the bound. Live
stake is taken first, then unbonding stake, the newest release first. Nothing but stake can be reached from here.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet, Sum
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import (
    AccountKind,
    Entry,
    PostingKind,
    ReleaseState,
    Slash,
    StakeRelease,
)
from exchange_os.ledger.selectors import amount_words, stake_asset, stake_balance, unbonding
from exchange_os.ledger.services.postings import (
    AccountKey,
    Movement,
    burned,
    insurance_of,
    post_transfers,
    stake_of,
    unbonding_of,
    wallet,
)
from exchange_os.ledger.services.stakes import lock_stake


def slashable(user_id: int, offence_at: datetime) -> int:
    """Units of a deployer's stake that an offence at that time can reach now.

    Live stake and the releases that were not mature at the offence, but never more than was bonded at the offence and
    has not been slashed since.
    """
    reach = _in_reach(user_id, offence_at).aggregate(units=Sum(F("amount") - F("slashed")))["units"] or 0
    return max(0, min(stake_balance(user_id) + reach, _bonded_at(user_id, offence_at)))


def slash(
    user_id: int,
    amount: int,
    *,
    offence_at: datetime,
    offence_id: str,
    payments: Sequence[tuple[int, int]] = (),
    insurance_group: int | None = None,
    burn: int = 0,
) -> Slash:
    """Take ``amount`` units of a deployer's stake for an offence, all of it or nothing, once per ``offence_id``.

    ``payments`` are ``(user id, units)`` into the wallets of the harmed and come first; ``burn`` units are burned; the
    rest goes to the insurance of ``insurance_group``. Repeated with the same offence it answers what was done.
    Raises ``DomainError``: ``slash_invalid`` if the parts do not make up the amount, ``slash_too_large`` if the offence
    reaches less, ``offence_slashed`` if another slash bears this id.
    """
    owed = _owed(user_id, payments)
    rest = amount - sum(owed.values()) - burn
    if not 0 < len(offence_id) <= 64 or amount <= 0 or burn < 0 or rest < 0:
        raise DomainError(
            "slash_invalid", "A slash needs an offence and an amount that its payments do not exceed."
        )
    if rest and insurance_group is None:
        raise DomainError("slash_invalid", "Name the risk group whose insurance gets the rest, or burn it.")
    with transaction.atomic():
        lock_stake(user_id)
        known = Slash.objects.filter(offence_id=offence_id).first()
        if known is not None:
            return _repeated(known, user_id, amount)
        _check_reach(user_id, amount, offence_at)
        made = _record(
            offence_id=offence_id,
            user_id=user_id,
            offence_at=offence_at,
            amount=amount,
            to_harmed=sum(owed.values()),
            to_insurance=rest,
            burned=burn,
            insurance_group=insurance_group,
        )
        _pay(made, owed)
    return made


def _owed(user_id: int, payments: Iterable[tuple[int, int]]) -> Counter[int]:
    owed: Counter[int] = Counter()
    for payee, units in payments:
        if units < 0 or payee == user_id:
            raise DomainError("slash_invalid", "The harmed are others, and none of them pays.")
        owed[payee] += units
    owed = +owed
    if get_user_model().objects.filter(pk__in=list(owed)).count() != len(owed):
        raise DomainError("slash_invalid", "One of the harmed has no wallet here.")
    return owed


def _repeated(known: Slash, user_id: int, amount: int) -> Slash:
    if (known.user_id, known.amount) != (user_id, amount):
        raise DomainError("offence_slashed", f"Offence {known.offence_id} has been slashed already.")
    return known


def _record(**fields: object) -> Slash:
    """The row of a slash: its offence id is unique, whoever else may be slashed at this moment."""
    try:
        with transaction.atomic():
            return Slash.objects.create(**fields)
    except IntegrityError as taken:
        raise DomainError(
            "offence_slashed", f"Offence {fields['offence_id']} has been slashed already."
        ) from taken


def _check_reach(user_id: int, amount: int, offence_at: datetime) -> None:
    reach = slashable(user_id, offence_at)
    if amount > reach:
        raise DomainError(
            "slash_too_large",
            f"An offence of {offence_at:%-d %B %Y %H:%M} UTC reaches {amount_words(reach, stake_asset())}.",
            slashable=reach,
        )


def _pay(made: Slash, owed: Counter[int]) -> None:
    asset = stake_asset()
    live = min(made.amount, stake_balance(made.user_id))
    sources = [(stake_of(made.user_id, asset.pk), live)]
    if live < made.amount:
        _take_from_releases(made, made.amount - live)
        sources.append((unbonding_of(made.user_id, asset.pk), made.amount - live))
    targets = [(wallet(payee, asset.pk), units) for payee, units in sorted(owed.items())]
    if made.insurance_group is not None:
        targets.append((insurance_of(made.insurance_group, asset.pk), made.to_insurance))
    targets.append((burned(asset.pk), made.burned))
    post_transfers(_movements(sources, targets, f"slash {made.offence_id}"))


def _take_from_releases(made: Slash, wanted: int) -> None:
    for release in _in_reach(made.user_id, made.offence_at).select_for_update():
        taken = min(wanted, release.remaining)
        release.slashed += taken
        if not release.remaining:
            release.state, release.finished_at = ReleaseState.SLASHED, timezone.now()
        release.save(update_fields=["slashed", "state", "finished_at"])
        wanted -= taken
        if not wanted:
            return
    raise AssertionError("a slash within reach found too little unbonding stake")


def _movements(
    sources: Sequence[tuple[AccountKey, int]], targets: Sequence[tuple[AccountKey, int]], memo: str
) -> list[Movement]:
    """Pour the sources into the targets, in order."""
    purse = [(key, units) for key, units in sources if units]
    made = []
    for target, needed in targets:
        while needed:
            source, available = purse.pop(0)
            moved = min(available, needed)
            made.append(Movement(PostingKind.SLASH, source, target, moved, memo=memo))
            needed -= moved
            if available > moved:
                purse.insert(0, (source, available - moved))
    return made


def _in_reach(user_id: int, offence_at: datetime) -> QuerySet[StakeRelease]:
    """Releases that an offence reaches: begun since, or not mature when it happened; newest first."""
    return unbonding(user_id).filter(matures_at__gt=offence_at)


def _bonded_at(user_id: int, moment: datetime) -> int:
    """Units at stake or unbonding at a time, without what was mature, and without what was slashed or went
    into disputes since."""
    ours = Entry.objects.filter(
        account__owner_id=user_id,
        account__asset=stake_asset(),
        account__kind__in=[AccountKind.STAKE, AccountKind.UNBONDING],
    )
    held = ours.filter(posting__created__lte=moment).aggregate(units=Sum("amount"))["units"] or 0
    mature = StakeRelease.objects.filter(user_id=user_id, matures_at__lte=moment)
    waiting = mature.exclude(finished_at__lte=moment).aggregate(units=Sum("amount"))["units"] or 0
    taken = [PostingKind.SLASH, PostingKind.BOND, PostingKind.BOND_RETURNED]
    since = ours.filter(posting__kind__in=taken, posting__created__gt=moment)
    return held - waiting + (since.aggregate(units=Sum("amount"))["units"] or 0)
