"""Price alerts: told once, when a market has traded at a price or beyond it.

Looked up in the candles of trades, from the minute of the last look on, so a look that comes late misses nothing. Of
the minute in which an alert was asked for only the close counts: what was before in it was before the alert.
"""

import time
from datetime import UTC, datetime

from django.db import transaction

from exchange_os.engine.models import Candle
from exchange_os.errors import DomainError
from trading.models import Notification, NotificationKind, PriceAlert
from trading.selectors.candles import MINUTE_MS
from trading.selectors.tickers import last_price
from trading.services.notification_store import locked_cursor, store
from venues.models import Market, Venue
from venues.selectors import instrument

WAITING_AT_MOST = 50  # of one user
LATE_MS = MINUTE_MS  # candles are stored a moment after their trades
CURSOR = "price-alerts"
NOTED_EVERY_MS = 30_000


def set_alert(user_id: int, venue: Venue, market: Market, price: str) -> PriceAlert:
    """Ask to be told when ``market`` trades at ``price``, from wherever it is now. Raises ``DomainError``: a price that
    is none, a market without a trade, the price it has already, too many alerts."""
    traded = instrument(market)
    ticks = traded.to_ticks(price)
    last = last_price(traded.group_id, traded.number)
    if last is None:
        raise DomainError(
            "no_price", "Nothing was traded here yet, so there is no price to watch.", field="price"
        )
    if ticks == last:
        raise DomainError(
            "alert_at_last",
            f"It trades at {traded.price_text(last)} already; choose another price.",
            field="price",
        )
    with transaction.atomic():
        waiting = PriceAlert.objects.filter(user_id=user_id)
        if waiting.count() >= WAITING_AT_MOST:
            raise DomainError(
                "too_many_alerts", f"You have {WAITING_AT_MOST} alerts; delete one first.", field="price"
            )
        alert, _ = PriceAlert.objects.get_or_create(
            user_id=user_id,
            venue=venue,
            market=market,
            price_ticks=ticks,
            above=ticks > last,
            defaults={"since_ms": time.time_ns() // 1_000_000},
        )
    return alert


def delete_alert(user_id: int, alert_id: int) -> None:
    """Forget one of the user's alerts; nothing happens if it is gone."""
    PriceAlert.objects.filter(user_id=user_id, pk=alert_id).delete()


@transaction.atomic
def tell_alerts() -> int:
    """Tell of every alert whose price was traded since the last look; how many were told."""
    waiting = PriceAlert.objects.all()
    if not waiting.exists():
        return 0
    cursor = locked_cursor(CURSOR)
    now_ms = time.time_ns() // 1_000_000
    since = cursor.place
    if now_ms - since > NOTED_EVERY_MS:
        cursor.place = now_ms
        cursor.save()
    reached: list[PriceAlert] = []
    watched = Market.objects.select_related("venue", "base", "quote").filter(pk__in=waiting.values("market"))
    for market in watched:
        traded = instrument(market)
        alerts = list(waiting.filter(market=market).select_related("venue"))
        first = max(min(each.since_ms for each in alerts), since) - LATE_MS - MINUTE_MS
        candles = list(
            Candle.objects.filter(group_id=traded.group_id, market=traded.number, minute_ms__gte=first)
        )
        reached += [each for each in alerts if any(_reaches(each, candle) for candle in candles)]
    notes = [_note(each, now_ms) for each in reached]
    PriceAlert.objects.filter(pk__in=[each.pk for each in reached]).delete()
    return store(notes)


def _reaches(alert: PriceAlert, candle: Candle) -> bool:
    """Whether a minute of trades has what an alert waits for."""
    if candle.minute_ms + MINUTE_MS <= alert.since_ms:
        return False
    whole = candle.minute_ms >= alert.since_ms
    if alert.above:
        return (candle.high if whole else candle.close) >= alert.price_ticks
    return (candle.low if whole else candle.close) <= alert.price_ticks


def _note(alert: PriceAlert, now_ms: int) -> Notification:
    traded = instrument(alert.market)
    return Notification(
        user_id=alert.user_id,
        source=f"alert:{alert.pk}",
        kind=NotificationKind.ALERT,
        text=(
            f"{alert.market.symbol} at {alert.venue.name} {'rose' if alert.above else 'fell'} to"
            f" {traded.price_display(alert.price_ticks)} {traded.quote.symbol}."
        )[:240],
        link=f"/v/{alert.venue.slug}/trade/{alert.market.symbol}/",
        happened=datetime.fromtimestamp(now_ms / 1000, UTC),
    )
