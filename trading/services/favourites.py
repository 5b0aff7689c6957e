"""Marking markets as favourites."""

from django.db import transaction

from trading.models import Favourite

KEPT_AT_MOST = 50


@transaction.atomic
def toggle_favourite(user_id: int, market_id: int) -> bool:
    """Mark a market, or take the mark away; whether it is marked now. Beyond ``KEPT_AT_MOST`` the oldest mark goes."""
    taken, _ = Favourite.objects.filter(user_id=user_id, market_id=market_id).delete()
    if taken:
        return False
    Favourite.objects.bulk_create([Favourite(user_id=user_id, market_id=market_id)], ignore_conflicts=True)
    kept = Favourite.objects.filter(user_id=user_id).order_by("-pk").values_list("pk", flat=True)
    Favourite.objects.filter(user_id=user_id).exclude(pk__in=list(kept[:KEPT_AT_MOST])).delete()
    return True
