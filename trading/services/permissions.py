"""Permissions on their way to the kernel: decided where they are due, told where they differ from what it has taken.

An account that may do less than before loses its open orders in the same breath, since one that rests could still add.
Repeats are harmless: the flags are a state, not a step.
"""

import logging

import exchange_kernel as kernel
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from trading.models import TradingAccount
from venues.models import AccountPermission, Venue, VenueState
from venues.services.account_settings import tell_account
from venues.services.permissions import keep_permission

log = logging.getLogger(__name__)

AT_ONCE = 500
REDUCE_ONLY = kernel.ACCOUNT_REDUCE_SPOT | kernel.ACCOUNT_REDUCE_PERPETUAL | kernel.ACCOUNT_REDUCE_OUTCOME


def follow_permissions() -> int:
    """Decide what is due, and tell the kernels what they have not taken; how many accounts were told."""
    for account in _undecided():
        keep_permission(account.user, account.venue)
    due = AccountPermission.objects.filter(due__lte=timezone.now()).select_related("user", "venue")
    for row in due.order_by("due")[:AT_ONCE]:
        keep_permission(row.user, row.venue)
    return sum(_tell(row) for row in _untold())


def settle_permission(user_id: int, venue_id: int) -> None:
    """Decide and tell one account now, if there is one; what fails is made up by the next sweep."""
    account = (
        TradingAccount.objects.filter(user_id=user_id, venue_id=venue_id, opened_at__isnull=False)
        .select_related("user", "venue")
        .first()
    )
    known = AccountPermission.objects.filter(user_id=user_id, venue_id=venue_id).exists()
    if account is None or not (known or account.venue.access_policy_id):
        return
    row = keep_permission(account.user, account.venue)
    if row.told != row.flags:
        _tell(row)


def _undecided() -> list[TradingAccount]:
    """Accounts of venues whose policy is younger than they are."""
    decided = AccountPermission.objects.filter(user_id=OuterRef("user_id"), venue_id=OuterRef("venue_id"))
    accounts = TradingAccount.objects.filter(
        ~Exists(decided), venue__access_policy__isnull=False, opened_at__isnull=False
    )
    return list(accounts.select_related("user", "venue")[:AT_ONCE])


def _untold() -> list[AccountPermission]:
    opened = TradingAccount.objects.filter(
        user_id=OuterRef("user_id"), venue_id=OuterRef("venue_id"), opened_at__isnull=False
    )
    rows = AccountPermission.objects.filter(Q(told=None) | ~Q(told=F("flags")))
    return list(rows.filter(Exists(opened)).select_related("venue").order_by("pk")[:AT_ONCE])


def _tell(row: AccountPermission) -> bool:
    """Tell the kernel one account's flags; whether it has taken them."""
    account = TradingAccount.objects.get(user_id=row.user_id, venue_id=row.venue_id)
    group_id = row.venue.group_id
    try:
        known = client.query(group_id, {"q": "account", "account": account.number})
        kept = int(known["flags"]) & _not_the_policys(row.venue)
        tell_account(group_id, account.number, flags=row.flags | kept)
        if row.flags & ~(row.told or 0):
            client.submit(
                group_id, kernel.mass_cancel(account.number, market=kernel.ALL_MARKETS), urgent=True
            )
    except DomainError as away:
        log.warning("account %s at venue %s not told: %s", account.number, row.venue_id, away.message)
        return False
    AccountPermission.objects.filter(pk=row.pk, flags=row.flags).update(told=row.flags)
    return True


def _not_the_policys(venue: Venue) -> int:
    """Flags that no policy takes back: of withdrawals, and at a front that is over those of reducing only."""
    over = venue.fronts_id is not None and venue.state != VenueState.OPEN
    return kernel.ACCOUNT_NO_WITHDRAWALS | (REDUCE_ONLY if over else 0)
