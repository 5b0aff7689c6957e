"""What a user has been told."""

from trading.models import Notification, NotificationKind, NotificationMute

PAGE = 50


def unread_count(user_id: int) -> int:
    """How many notifications the user has not read."""
    return Notification.objects.filter(user_id=user_id, read=False).count()


def notifications_page(user_id: int, before: int = 0) -> tuple[list[Notification], int]:
    """The newest notifications, those before id ``before`` if given; and where the next page begins, or 0."""
    rows = Notification.objects.filter(user_id=user_id).order_by("-id")
    if before:
        rows = rows.filter(pk__lt=before)
    page = list(rows[: PAGE + 1])
    return page[:PAGE], page[PAGE - 1].pk if len(page) > PAGE else 0


def wanted_kinds(user_id: int) -> set[str]:
    """The kinds the user wants to be told about."""
    muted = NotificationMute.objects.filter(user_id=user_id).values_list("kind", flat=True)
    return set(NotificationKind.values) - set(muted)
