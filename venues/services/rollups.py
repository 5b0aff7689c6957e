"""The daily sums of revenue and volume: each fill is added once, in the transaction that moves the cursor."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from exchange_os.engine.models import RiskGroup
from exchange_os.engine.rollup import (
    DAY_MS,
    PLACES_AT_ONCE,
    SEQUENCES_AT_ONCE,
    FillTotals,
    add_fills,
    add_payments,
    newest_place,
)
from venues.models import Market, RevenueCursor, VolumeDay

VOLUME_DAYS = 30


def add_up_revenue() -> int:
    """Add up what every risk group has traded since it was last looked at; how many groups moved."""
    cursors = dict(RevenueCursor.objects.values_list("group_id", "sequence"))
    heads = RiskGroup.objects.values_list("pk", "head_sequence")
    behind = [group_id for group_id, head in heads if head > cursors.get(group_id, 0)]
    for group_id in behind:
        while not add_up_group(group_id):
            pass
    return len(behind)


def add_up_group(group_id: int) -> bool:
    """One step of a group's sums; whether all that is committed is in them. Safe to run many times at once."""
    RevenueCursor.objects.bulk_create([RevenueCursor(group_id=group_id)], ignore_conflicts=True)
    with transaction.atomic():
        cursor = RevenueCursor.objects.select_for_update().get(pk=group_id)
        # The head is read before the pages: whatever belongs to it is committed with it.
        head = RiskGroup.objects.values_list("head_sequence", flat=True).get(pk=group_id)
        newest = newest_place(group_id)
        place = min(newest, cursor.place + PLACES_AT_ONCE)
        sequence = min(head, cursor.sequence + SEQUENCES_AT_ONCE)
        if place > cursor.place:
            _keep_fills(group_id, add_fills(group_id, cursor.place, place))
        markets = list(Market.objects.filter(venue__group_id=group_id).values_list("number", flat=True))
        _keep_payments(group_id, add_payments(group_id, markets, cursor.sequence, sequence))
        cursor.place, cursor.sequence = max(place, cursor.place), max(sequence, cursor.sequence)
        cursor.save()
    return place >= newest and sequence >= head


def forget_old_volumes() -> int:
    """Delete volumes that no fee tier looks back to; how many rows."""
    before = timezone.now().astimezone(UTC).date() - timedelta(days=VOLUME_DAYS + 1)
    return VolumeDay.objects.filter(day__lt=before).delete()[0]


def _day(number: int) -> datetime:
    return datetime.fromtimestamp(number * DAY_MS / 1000, UTC)


def _keep_fills(group_id: int, totals: FillTotals) -> None:
    _add(
        "venues_revenueday",
        ("group_id", "market", "day"),
        ("trades", "volume", "taker_fees", "maker_fees"),
        [
            (group_id, market, _day(day).date(), sums.trades, sums.volume, sums.taker_fees, sums.maker_fees)
            for (market, day), sums in sorted(totals.markets.items())
        ],
    )
    _add(
        "venues_volumeday",
        ("group_id", "account", "market", "day"),
        ("volume",),
        [
            (group_id, account, market, _day(day).date(), volume)
            for (account, market, day), volume in sorted(totals.accounts.items())
        ],
    )


def _keep_payments(group_id: int, paid: dict[tuple[int, int, int, int], int]) -> None:
    _add(
        "venues_paymentday",
        ("group_id", "market", "day", "account", "kind"),
        ("amount",),
        [
            (group_id, market, _day(day).date(), account, kind, amount)
            for (market, day, account, kind), amount in sorted(paid.items())
        ],
    )


def _add(table: str, keys: Sequence[str], sums: Sequence[str], rows: list[tuple[int | date, ...]]) -> None:
    """Add rows to a table of sums: new ones are made, those that are there grow."""
    if not rows:
        return
    columns = [*keys, *sums]
    grown = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
            f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {grown}",
            rows,
        )
