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


def news_since(user_id: int, mark: int | None, at_most: int) -> tuple[int, int, list[Notification]]:
    """Newest id, how many are unread, and the unread ones after id ``mark``, oldest first, the newest of too many;
    none for a page that has just opened (``None``)."""
    rows = Notification.objects.filter(user_id=user_id)
    newest = rows.order_by("-id").values_list("pk", flat=True).first() or 0
    fresh = [] if mark is None else list(rows.filter(pk__gt=mark, read=False).order_by("-id")[:at_most])
    return newest, unread_count(user_id), fresh[::-1]


def wanted_kinds(user_id: int) -> set[str]:
    """The kinds the user wants to be told about."""
    muted = NotificationMute.objects.filter(user_id=user_id).values_list("kind", flat=True)
    return set(NotificationKind.values) - set(muted)
