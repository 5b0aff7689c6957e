"""Notifications of fills: one for each order placed by hand, however many fills it took.

Orders of API keys are their program's to tell: a maker would be told nothing else. Fills are found by trade, which
grows with every commit of a group. An order that fills on is told anew in place of what was told of it before, so that
the newest stands on top.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import exchange_kernel as kernel
from django.db import transaction

from exchange_os.engine.history import fills_since
from exchange_os.engine.models import Fill, FillPage
from exchange_os.ui.tags import grouped
from trading.decimals import average_price
from trading.models import Notification, NotificationKind, TradingAccount
from trading.services.notification_store import cursor_name, locked_cursor, store
from venues.instruments import Instrument
from venues.models import Venue
from venues.selectors import instruments_of

PAGES_AT_ONCE = 64  # of an account; who fills faster is a program


def fill_source(group_id: int, order_id: int) -> str:
    """What the notification of an order's fills was made from."""
    return f"fill:{group_id}:{order_id}"


@transaction.atomic
def notify_fills(venue: Venue) -> int:
    """Tell the traders of a venue what was filled since the last time; how many orders that were."""
    cursor = locked_cursor(cursor_name("fills", venue))
    users = dict(TradingAccount.objects.filter(venue=venue).values_list("number", "user_id"))
    newer = FillPage.objects.filter(
        group_id=venue.group_id, account__in=list(users), place__gt=2 * cursor.place + 1
    )
    highest = cursor.place
    by_hand: dict[int, list[Fill]] = {}
    for number in newer.values_list("account", flat=True).distinct():
        fills = fills_since(venue.group_id, number, cursor.place, PAGES_AT_ONCE)
        highest = max([highest, *(fill.trade_id for fill in fills)])
        by_hand[number] = [fill for fill in fills if not fill.key]
    if highest > cursor.place:
        cursor.place = highest
        cursor.save()
    traded = {fill.market for fills in by_hand.values() for fill in fills}
    instruments = {each.number: each for each in instruments_of(venue, traded)}
    notes: list[Notification] = []
    for number, fills in by_hand.items():
        known = [fill for fill in fills if fill.market in instruments]
        notes += _notes(users[number], venue, known, instruments) if known else []
    return store(notes)


def _notes(
    user_id: int, venue: Venue, fills: Iterable[Fill], instruments: dict[int, Instrument]
) -> list[Notification]:
    """One for each order, with what was told of it before added up; that is deleted."""
    orders: dict[str, list[Fill]] = {}
    for fill in fills:
        orders.setdefault(fill_source(venue.group_id, fill.order_id), []).append(fill)
    told = Notification.objects.filter(user_id=user_id, source__in=list(orders))
    before = {each.source: each.data for each in told}
    told.delete()
    return [
        _note(user_id, venue, source, each, instruments[each[-1].market], before.get(source, {}))
        for source, each in orders.items()
    ]


def _note(
    user_id: int, venue: Venue, source: str, fills: list[Fill], market: Instrument, before: dict[str, int]
) -> Notification:
    last = fills[-1]
    lots = before.get("lots", 0) + sum(fill.size_lots for fill in fills)
    quote = before.get("quote", 0) + sum(fill.notional for fill in fills)
    verb = "Bought" if last.side == kernel.BUY else "Sold"
    name = market.outcome_name or market.symbol
    price = grouped(average_price(quote, lots, market))
    return Notification(
        user_id=user_id,
        source=source,
        kind=NotificationKind.FILL,
        text=f"{verb} {market.size_text(lots)} {market.size_unit} at {price} on {name} at {venue.name}."[
            :240
        ],
        link=f"/v/{venue.slug}/trade/{market.symbol}/" if market.event_id is None else f"/v/{venue.slug}/",
        happened=datetime.fromtimestamp(last.time_ms / 1000, UTC),
        data={"lots": lots, "quote": quote},
    )
