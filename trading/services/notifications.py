"""Notifications, made after the commit from what history keeps: fills and bills of the kernel,
transfers and withdrawals.

A cursor per source says how far it was read. A repeat makes nothing twice, because a notification's source is unique
for its user; so a crash between two steps costs nothing. Groups whose head did not move are not asked.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from exchange_kernel import BILL_KINDS

from exchange_os.engine.models import Bill, RiskGroup
from exchange_os.ledger.models import Direction, Transfer, TransferState, Withdrawal, WithdrawalState
from exchange_os.ledger.selectors import amount_text, amount_words
from trading.models import (
    Notification,
    NotificationCursor,
    NotificationKind,
    NotificationMute,
    TradingAccount,
)
from trading.services.fill_notifications import notify_fills
from trading.services.notification_store import KEPT, ROWS_AT_ONCE, cursor_name, locked_cursor, store
from trading.services.price_alerts import tell_alerts
from venues.instruments import Instrument
from venues.models import CaseMove, CaseState, DeployerNotice, Venue
from venues.selectors import instruments_of, markets_of, venue_by_group

AT_MOST = 500
SEQUENCES_AT_ONCE = 20_000
OVERLAP = 200  # ids are given before their rows are committed: one missing among the last so many is looked for again

_BILLS = {
    BILL_KINDS["funding"]: NotificationKind.FUNDING,
    BILL_KINDS["liquidation"]: NotificationKind.LIQUIDATION,
    BILL_KINDS["adl"]: NotificationKind.ADL,
    BILL_KINDS["settlement"]: NotificationKind.SETTLEMENT,
}


def notify_all() -> int:
    """Read every source from where it was left; how many rows were found, repeats among them."""
    told = _notify_rows("transfers", Transfer.objects.select_related("asset"), _transfer)
    told += _notify_rows("withdrawals", Withdrawal.objects.select_related("asset"), _withdrawal)
    told += _notify_rows("deployers", DeployerNotice.objects.all(), _notice)
    told += _notify_rows("cases", CaseMove.objects.select_related("case__issuer"), _case_move)
    told += tell_alerts()
    heads = dict(RiskGroup.objects.values_list("pk", "head_sequence"))
    places = dict(NotificationCursor.objects.values_list("name", "place"))
    for venue in Venue.objects.filter(group_id__in=heads):
        if heads[venue.group_id] > places.get(cursor_name("bills", venue), 0):
            told += _notify_bills(venue, heads[venue.group_id])
            told += notify_fills(venue)
    return told


def mark_read(user_id: int, notification_id: int = 0) -> None:
    """Mark one of the user's notifications as read, or all of them."""
    rows = Notification.objects.filter(user_id=user_id, read=False)
    (rows.filter(pk=notification_id) if notification_id else rows).update(read=True)


def choose_kinds(user_id: int, wanted: Iterable[str]) -> None:
    """Tell the user about these kinds only, from now on."""
    muted = set(NotificationKind.values) - set(wanted)
    with transaction.atomic():
        NotificationMute.objects.filter(user_id=user_id).exclude(kind__in=muted).delete()
        NotificationMute.objects.bulk_create(
            [NotificationMute(user_id=user_id, kind=kind) for kind in sorted(muted)], ignore_conflicts=True
        )


def delete_old_notifications() -> None:
    """Delete what is older than 90 days, and of each user all but the newest 500."""
    Notification.objects.filter(happened__lt=timezone.now() - KEPT).delete()
    for user_id in Notification.objects.order_by("user_id").values_list("user_id", flat=True).distinct():
        rows = Notification.objects.filter(user_id=user_id)
        last = rows.order_by("-id").values_list("pk", flat=True)[AT_MOST : AT_MOST + 1]
        for pk in last:
            rows.filter(pk__lte=pk).delete()


@transaction.atomic
def _notify_bills(venue: Venue, head: int) -> int:
    cursor = locked_cursor(cursor_name("bills", venue))
    upto = min(head, cursor.place + SEQUENCES_AT_ONCE)
    users = dict(TradingAccount.objects.filter(venue=venue).values_list("number", "user_id"))
    # Markets and kinds are named so that the index of both leads to the new sequences.
    rows = Bill.objects.filter(
        group_id=venue.group_id,
        market__in=list(markets_of(venue).values_list("number", flat=True)),
        kind__in=list(_BILLS),
        sequence__gt=cursor.place,
        sequence__lte=upto,
    ).order_by("sequence", "bill_no")
    own = [row for row in rows.iterator(ROWS_AT_ONCE) if row.account in users]
    instruments = {each.number: each for each in instruments_of(venue, {row.market for row in own})}
    notes = [
        _bill(row, users[row.account], venue, instruments[row.market])
        for row in own
        if row.market in instruments
    ]
    cursor.place = max(cursor.place, upto)
    cursor.save()
    return store(notes)


def _bill(row: Bill, user_id: int, venue: Venue, market: Instrument) -> Notification:
    kind = _BILLS[row.kind]
    change = row.amount - row.fee
    amount = f"{amount_text(abs(change), market.quote)} {market.quote.symbol}"
    place = f"{market.symbol} at {venue.name}"
    if kind == NotificationKind.FUNDING:
        text = f"You {'received' if change >= 0 else 'paid'} {amount} of funding on {place}."
    else:
        what = {
            NotificationKind.LIQUIDATION: "A position was liquidated",
            NotificationKind.ADL: "A position was reduced by auto-deleveraging",
            NotificationKind.SETTLEMENT: "A position was settled",
        }[kind]
        text = f"{what} on {place}: {'+' if change >= 0 else '-'}{amount}."
    return Notification(
        user_id=user_id,
        source=f"bill:{row.group_id}:{row.sequence}:{row.bill_no}",
        kind=kind,
        text=text[:240],
        link=f"/v/{venue.slug}/trade/{market.symbol}/" if market.event_id is None else f"/v/{venue.slug}/",
        happened=datetime.fromtimestamp(row.time_ms / 1000, UTC),
    )


_OPEN = {
    TransferState.REQUESTED,
    WithdrawalState.REQUESTED,
    WithdrawalState.APPROVED,
    WithdrawalState.SENDING,
    WithdrawalState.SENT,
}


@transaction.atomic
def _notify_rows(name: str, table: QuerySet, note: Callable[..., Notification | None]) -> int:
    """Look at new rows and at those that wait: they are not over yet, or their ids were passed over."""
    cursor = locked_cursor(name)
    found = Q(pk__in=cursor.waiting) | Q(pk__gt=cursor.place)
    rows = list(table.filter(found).order_by("pk")[: ROWS_AT_ONCE + len(cursor.waiting)])
    seen = {row.pk for row in rows}
    place = max([cursor.place, *seen])
    passed = set(range(max(cursor.place, place - OVERLAP) + 1, place + 1)).union(cursor.waiting) - seen
    late = [pk for pk in passed if pk > place - OVERLAP]
    waiting = sorted(late + [row.pk for row in rows if getattr(row, "state", None) in _OPEN])
    if (place, waiting) != (cursor.place, cursor.waiting):
        cursor.place, cursor.waiting = place, waiting
        cursor.save()
    return store([made for row in rows if (made := note(row)) is not None])


def _venue_of(row: Transfer) -> Venue | None:
    """Whose account the money goes to or comes from; a risk group may be shown by several venues."""
    account = TradingAccount.objects.filter(venue__group_id=row.group_id, number=row.account)
    found = account.select_related("venue").first()
    return found.venue if found else venue_by_group(row.group_id)


def _transfer(row: Transfer) -> Notification | None:
    if row.state == TransferState.REQUESTED:
        return None
    amount = amount_words(row.amount, row.asset)
    venue = _venue_of(row)
    name = venue.name if venue else "the venue"
    way = f"to {name}" if row.direction == Direction.DEPOSIT else f"from {name} to your wallet"
    end = "is done" if row.state == TransferState.SETTLED else "failed; the money is where it was"
    return Notification(
        user_id=row.user_id,
        source=f"transfer:{row.pk}",
        kind=NotificationKind.TRANSFER,
        text=f"Your transfer of {amount} {way} {end}."[:240],
        link="/wallet/",
        happened=row.finished or row.created,
    )


def _notice(row: DeployerNotice) -> Notification:
    return Notification(
        user_id=row.user_id,
        source=f"deployer:{row.pk}",
        kind=NotificationKind.DEPLOYER,
        text=row.text,
        link=row.link,
        happened=row.created,
    )


_CASE_WORDS = {
    CaseState.MORE_WANTED: "wants more from you",
    CaseState.APPROVED: "has approved your application",
    CaseState.REFUSED: "has refused your application",
}


def _case_move(row: CaseMove) -> Notification | None:
    words = _CASE_WORDS.get(CaseState(row.state))
    if words is None:
        return None
    return Notification(
        user_id=row.case.holder_id,
        source=f"case:{row.pk}",
        kind=NotificationKind.CREDENTIAL,
        text=f"{row.case.issuer.name} {words}.",
        link=f"/account/credentials/applications/{row.case_id}/",
        happened=row.at,
    )


def _withdrawal(row: Withdrawal) -> Notification | None:
    ends = {
        WithdrawalState.SENT: ("sent", "was sent"),
        WithdrawalState.FINAL: ("sent", "was sent"),
        WithdrawalState.RETURNED: ("returned", "came back to your wallet"),
    }
    if row.state not in ends:
        return None
    source, words = ends[WithdrawalState(row.state)]
    amount = amount_words(row.amount, row.asset)
    return Notification(
        user_id=row.user_id,
        source=f"withdrawal:{row.pk}:{source}",
        kind=NotificationKind.WITHDRAWAL,
        text=f"Your withdrawal of {amount} {words}.",
        link="/account/withdrawals/",
        happened=row.changed,
    )
