"""Tasks of transparency: doorbells, safe to ring twice."""

from celery import shared_task
from django.utils import timezone

from exchange_os.transparency.services import publish_night, shed_leaves


@shared_task(name="transparency.nightly_publication", time_limit=900, soft_time_limit=840)
def nightly_publication() -> str:
    """Publish what is owed as of now under today's date (UTC), once a day."""
    today = timezone.now().date()
    shed_leaves(today)
    return publish_night(today).digest
