"""Forgetting old observations and closed alarms."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from exchange_os.engine.clock import wall_ms
from exchange_os.oracles.models import Observation, OracleAlarm

DAY_MS = 86_400_000
CHUNK = 10_000


def forget_observations(now_ms: int | None = None) -> int:
    """Delete observations older than ``ORACLE_OBSERVATION_DAYS`` and alarms closed a year ago, in small pieces.

    Answers how many observations went.
    """
    now_ms = wall_ms() if now_ms is None else now_ms
    oldest = now_ms - settings.ORACLE_OBSERVATION_DAYS * DAY_MS
    gone = 0
    while ids := list(
        Observation.objects.filter(received_ms__lt=oldest).values_list("pk", flat=True)[:CHUNK]
    ):
        gone += Observation.objects.filter(pk__in=ids).delete()[0]
    OracleAlarm.objects.filter(closed__lt=timezone.now() - timedelta(days=365)).delete()
    return gone
