"""Price alerts that wait."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from trading.models import PriceAlert
from venues.models import Market, Venue
from venues.selectors import instrument


def waiting_alerts(
    user_id: int, venue: Venue | None = None, market: Market | None = None
) -> Sequence[dict[str, Any]]:
    """The user's alerts, the newest first; of one market if named. ``price`` is in the market's own precision."""
    rows: QuerySet[PriceAlert] = PriceAlert.objects.filter(user_id=user_id)
    if venue is not None and market is not None:
        rows = rows.filter(venue=venue, market=market)
    found = rows.select_related("venue", "market__venue", "market__base", "market__quote").order_by("-pk")
    return [
        {
            "pk": each.pk,
            "venue": each.venue,
            "market": each.market,
            "above": each.above,
            "price": instrument(each.market).price_display(each.price_ticks),
            "unit": each.market.quote.symbol,
        }
        for each in found
    ]
