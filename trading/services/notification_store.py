"""How notifications are kept: once for each source, unless their user switched the kind off; and told to open pages."""

from datetime import timedelta

from django.utils import timezone

from trading.models import Notification, NotificationCursor, NotificationMute
from trading.notices import announce_notifications
from venues.models import Venue

KEPT = timedelta(days=90)
ROWS_AT_ONCE = 1_000


def store(notes: list[Notification]) -> int:
    """Keep those that are wanted and not kept yet, and tell open pages of them; how many were wanted."""
    if not notes:
        return 0
    mutes = NotificationMute.objects.filter(user_id__in={each.user_id for each in notes})
    muted = set(mutes.values_list("user_id", "kind"))
    since = timezone.now() - KEPT
    wanted = [each for each in notes if (each.user_id, each.kind) not in muted and each.happened >= since]
    kept = Notification.objects.filter(
        user_id__in={each.user_id for each in wanted}, source__in={each.source for each in wanted}
    )
    known = set(kept.values_list("user_id", "source"))
    new = [each for each in wanted if (each.user_id, each.source) not in known]
    Notification.objects.bulk_create(new, ignore_conflicts=True, batch_size=ROWS_AT_ONCE)
    announce_notifications(each.user_id for each in new)
    return len(wanted)


def cursor_name(source: str, venue: Venue) -> str:
    """The cursor of a venue's own accounts: one a risk group, and one more for every front of it."""
    front = f":{venue.pk}" if venue.fronts_id else ""
    return f"{source}:{venue.group_id}{front}"


def locked_cursor(name: str) -> NotificationCursor:
    """How far a source was read, locked until the transaction ends."""
    NotificationCursor.objects.get_or_create(name=name)
    return NotificationCursor.objects.select_for_update().get(pk=name)
