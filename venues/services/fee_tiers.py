"""Fee tiers: who has traded enough in 30 days for a cheaper one. Given daily, or when the deployer asks."""

import logging
from datetime import UTC, timedelta

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone
from exchange_kernel import FIRST_USER_ACCOUNT

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from venues.fees import FeeSchedule
from venues.models import AccountTier, ChangeState, FeeChange, Market, Venue, VolumeDay
from venues.selectors import LIVE_STATES
from venues.services.account_settings import tell_account
from venues.services.rollups import VOLUME_DAYS

log = logging.getLogger(__name__)


def assign_all_tiers() -> int:
    """Give the accounts of every live venue with tiers theirs; how many changed. A venue that is away waits a day."""
    changed = 0
    live = FeeChange.objects.filter(state=ChangeState.LIVE, venue__state__in=LIVE_STATES)
    for change in live.select_related("venue"):
        try:
            changed += assign_tiers(change.venue, FeeSchedule.of(change.schedule))
        except DomainError as away:
            log.warning("tiers of venue %s wait: %s", change.venue.slug, away.message)
    return changed


def assign_tiers(venue: Venue, schedule: FeeSchedule) -> int:
    """Give every account of the venue the tier of what it traded in the last 30 days; how many changed.

    What was traded counts in markets quoted in the value asset. Raises the engine's ``DomainError``; whoever has got a
    tier by then keeps it, and calling again goes on.
    """
    volumes = volumes_of(venue)
    told = {row.account: row for row in AccountTier.objects.filter(group_id=venue.group_id)}
    changed = 0
    for account in sorted(volumes.keys() | told.keys()):
        tier, row = schedule.tier_of(volumes.get(account, 0)), told.get(account)
        if tier == (row.tier if row else 0):
            continue
        tell_account(venue.group_id, account, tier=tier)
        AccountTier.objects.update_or_create(
            group_id=venue.group_id,
            account=account,
            defaults={"tier": tier, "volume": volumes.get(account, 0)},
        )
        changed += 1
    return changed


def volumes_of(venue: Venue) -> dict[int, int]:
    """``{account: whole units of the value asset}`` that users traded at the venue in the last 30 days."""
    unit = Asset.objects.get(symbol=settings.VALUE_ASSET)
    markets = Market.objects.filter(venue=venue, quote=unit).values_list("number", flat=True)
    since = timezone.now().astimezone(UTC).date() - timedelta(days=VOLUME_DAYS)
    rows = VolumeDay.objects.filter(
        group_id=venue.group_id, market__in=list(markets), day__gte=since, account__gte=FIRST_USER_ACCOUNT
    )
    summed = rows.values("account").annotate(units=Sum("volume"))
    return {row["account"]: int(row["units"]) // 10**unit.scale for row in summed}
