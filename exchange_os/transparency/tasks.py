"""Tasks of transparency: doorbells, safe to ring twice."""

from celery import shared_task
from django.utils import timezone

from exchange_os.engine.models import JournalBatch
from exchange_os.transparency.models import Night
from exchange_os.transparency.services import publish_night, shed_leaves


@shared_task(name="transparency.first_publication", time_limit=900, soft_time_limit=840)
def first_publication() -> str:
    """Publish without waiting for the night if nothing was ever published and something is owed."""
    if Night.objects.exists() or not JournalBatch.objects.exists():
        return ""
    return publish_night(timezone.now().date()).digest


@shared_task(name="transparency.nightly_publication", time_limit=900, soft_time_limit=840)
def nightly_publication() -> str:
    """Publish what is owed as of now under today's date (UTC), once a day."""
    today = timezone.now().date()
    shed_leaves(today)
    return publish_night(today).digest
