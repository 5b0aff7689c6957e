"""What each account of a venue with a policy may do: decided, kept with its reasons, and told to nobody here.

A row is decided anew when it is due: at once after a change of policy, credential, consent or screening, and when the
first credential that counts runs out. The trader's side tells the kernel what has changed.
"""

from dataclasses import replace
from datetime import datetime

import exchange_kernel as kernel
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Direction, Transfer, TransferState
from exchange_os.ledger.selectors import amount_words, to_units
from venues.access import Decision, Permission, Refusal, decide_all
from venues.holders import holder_of, refused, rules_of
from venues.models import AccountPermission, Venue
from venues.selectors import insiders_of

REDUCE_FLAGS = {
    "spot": kernel.ACCOUNT_REDUCE_SPOT,
    "swap": kernel.ACCOUNT_REDUCE_PERPETUAL,
    "outcome": kernel.ACCOUNT_REDUCE_OUTCOME,
}

#: Who says how an event ends may not bet on it, nor help a friend who does.
INSIDER = Refusal(
    "insider",
    "Who runs a venue may not trade in its events: they say how these end.",
    "Sell what you hold; to trade in events, use a venue you do not run.",
)


def flags_of(decisions: dict[str, Decision]) -> int:
    """The kernel's flags of an account for which these decisions stand."""
    if any(each.permission == Permission.NONE for each in decisions.values()):
        return kernel.ACCOUNT_FROZEN
    return sum(
        REDUCE_FLAGS[product] for product, each in decisions.items() if each.permission < Permission.TRADE
    )


def decide_for(user: AbstractBaseUser, venue: Venue, now: datetime | None = None) -> dict[str, Decision]:
    """What the user may do at the venue now, for each kind of market; nothing is kept."""
    rules = rules_of(venue)
    decisions = decide_all(rules, holder_of(user, venue, rules), now or timezone.now())
    if user.pk in insiders_of(venue):
        decided = decisions["outcome"]
        decisions["outcome"] = replace(
            decided,
            permission=min(decided.permission, INSIDER.leaves),
            refusals=(*decided.refusals, INSIDER),
        )
    return decisions


def keep_permission(user: AbstractBaseUser, venue: Venue, now: datetime | None = None) -> AccountPermission:
    """Decide what the user may do at the venue and keep it with the reasons; repeating it changes nothing."""
    now = now or timezone.now()
    with transaction.atomic():
        AccountPermission.objects.bulk_create(
            [AccountPermission(venue=venue, user_id=user.pk, due=now)], ignore_conflicts=True
        )
        row = AccountPermission.objects.select_for_update().get(venue=venue, user_id=user.pk)
        fresh = Venue.objects.select_related("access_policy").get(pk=venue.pk)
        decisions = decide_for(user, fresh, now)
        row.policy_id = fresh.access_policy_id
        row.flags = flags_of(decisions)
        row.decisions = {product: _kept(each) for product, each in decisions.items()}
        row.due = min((each.until for each in decisions.values() if each.until), default=None)
        row.save()
    return row


def _kept(decision: Decision) -> dict[str, object]:
    return {
        "permission": decision.permission.name.lower(),
        "refusals": [
            {"code": each.code, "rule": each.rule, "remedy": each.remedy, "leaves": int(each.leaves)}
            for each in decision.refusals
        ],
    }


def check_may_open(user: AbstractBaseUser, venue: Venue) -> AccountPermission | None:
    """Refuse who may trade nothing at the venue; the permission to open an account with, none at an open venue.

    Those who run the venue get one that leaves its events out. Raises ``access_…``, the code of the first rule that
    refused, with every rule and its remedy.
    """
    if venue.access_policy_id is None:
        return keep_permission(user, venue) if user.pk in insiders_of(venue) else None
    decisions = decide_for(user, venue)
    best = max(decisions.values(), key=lambda each: each.permission)
    if best.permission < Permission.TRADE:
        raise refused(best.refusals, venue)
    return keep_permission(user, venue)


def mark_due(*, venue: Venue | None = None, user_id: int | None = None) -> int:
    """Have permissions decided anew at the next sweep: of a venue, of a user, or of a user at a venue."""
    chosen = Q()
    if venue is not None:
        chosen &= Q(venue=venue)
    if user_id is not None:
        chosen &= Q(user_id=user_id)
    return AccountPermission.objects.filter(chosen).update(due=timezone.now())


def check_deposit(user: AbstractBaseUser, venue: Venue, account: int, asset: Asset, units: int) -> None:
    """Refuse a deposit that the venue's policy does not take: of an account that may do nothing, or above the day's.

    Raises ``access_…`` and ``deposit_limit``. At an open venue nothing is looked up. The caller's transaction writes
    the deposit; the user's permission row is the lock.
    """
    if venue.access_policy_id is None:
        return
    rules = rules_of(venue)
    row = AccountPermission.objects.select_for_update().filter(venue=venue, user_id=user.pk).first()
    if row is not None and row.flags & kernel.ACCOUNT_FROZEN:
        raise refused(decide_for(user, venue)["spot"].refusals or (), venue)
    if not rules.deposit_limit or rules.limit_asset != asset.symbol:
        return
    limit = to_units(rules.deposit_limit, asset)
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    today = Transfer.objects.filter(
        user_id=user.pk,
        group_id=venue.group_id,
        account=account,
        asset=asset,
        direction=Direction.DEPOSIT,
        issued_ms__gte=int(midnight.timestamp() * 1000),
    ).exclude(state=TransferState.REFUSED)
    used = sum(today.values_list("amount", flat=True))
    if used + units > limit:
        raise DomainError(
            "deposit_limit",
            f"{venue.name} takes {amount_words(limit, asset)} a day from one account; "
            f"{amount_words(max(0, limit - used), asset)} are left today (UTC).",
            field="amount",
        )
