"""The curve of a user's equity: one point an hour, thinned to one a day."""

import time

from django.db.models import F, Max
from django.db.models.functions import Mod

from trading.models import EquityPoint, TradingAccount
from trading.selectors.standings import HOUR_MS, Standing, account_standing

HOURS_KEPT = 24 * 45
USERS_A_SWEEP = 200
SWEEP_SECONDS = 40.0
DAY_MS = 24 * HOUR_MS


def record_equity(user_id: int, standing: Standing, now_ms: int) -> bool:
    """Keep a valuation as that of its hour. One in which a venue is missing would be a false dip: it is not kept."""
    if not standing.whole:
        return False
    EquityPoint.objects.bulk_create(
        [
            EquityPoint(
                user_id=user_id,
                hour_ms=now_ms // HOUR_MS * HOUR_MS,
                total=standing.total,
                wallet=standing.wallet,
            )
        ],
        update_conflicts=True,
        unique_fields=["user_id", "hour_ms"],
        update_fields=["total", "wallet"],
    )
    return True


def record_everyone(now_ms: int) -> int:
    """Value the users who have waited longest and have no point of this hour; how many were kept."""
    hour = now_ms // HOUR_MS * HOUR_MS
    users = (
        TradingAccount.objects.filter(opened_at__isnull=False).values_list("user_id", flat=True).distinct()
    )
    last = dict(
        EquityPoint.objects.filter(user_id__in=users)
        .values("user_id")
        .annotate(last=Max("hour_ms"))
        .values_list("user_id", "last")
    )
    due = sorted((user for user in users if last.get(user, 0) < hour), key=lambda user: last.get(user, 0))
    until, kept = time.monotonic() + SWEEP_SECONDS, 0
    for user_id in due[:USERS_A_SWEEP]:
        if time.monotonic() > until:
            break
        kept += record_equity(user_id, account_standing(user_id), now_ms)
    return kept


def thin_equity(now_ms: int) -> int:
    """Of points older than ``HOURS_KEPT`` keep those of midnight (UTC); how many were removed."""
    old = EquityPoint.objects.filter(hour_ms__lt=now_ms - HOURS_KEPT * HOUR_MS)
    return old.annotate(rest=Mod(F("hour_ms"), DAY_MS)).exclude(rest=0).delete()[0]
