"""Figures over time: a row every ten seconds, kept a day; after that one in ten minutes, kept a month."""

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from exchange_os.operations.models import Sample
from exchange_os.operations.selectors.figures import Figures, figures
from exchange_os.operations.services.outages import note_outages

WHOLE = timedelta(days=1)
THINNED = timedelta(days=30)
GROUPS_KEPT = 200


def take_sample() -> Sample | None:
    """Keep the figures of this moment and what they say of outages; None if another did so within the same second.

    Raises ``RedisError``.
    """
    now = figures()
    note_outages(now)
    at = now.at.replace(microsecond=0)
    groups = {
        str(row.group.pk): [row.rate, row.p99, row.depth, row.oldest_ms]
        for row in now.groups[:GROUPS_KEPT]
        if row.rate or row.oldest_ms
    }
    made, fresh = Sample.objects.get_or_create(at=at, defaults={"figures": totals(now), "groups": groups})
    return made if fresh else None


def totals(now: Figures) -> dict[str, float | None]:
    """The figures of the whole exchange, as a sample keeps them; ``wal`` is a counter of bytes."""
    return {
        "rate": round(now.rate, 1),
        "p99": now.p99,
        "depth": now.depth,
        "queued": sum(length for name, length in now.queues.items() if not name.startswith("taken")),
        "sockets": now.sockets,
        "workers": len(now.workers),
        "connections": now.database.connections,
        "size": now.database.size,
        "wal": now.database.wal,
    }


def thin_samples(now: datetime | None = None) -> int:
    """Forget what is too fine or too old by now; how many rows went."""
    now = now or timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM operations_sample WHERE at < %s OR (at < %s AND id NOT IN ("
            " SELECT min(id) FROM operations_sample WHERE at < %s"
            " GROUP BY date_bin('10 minutes', at, '2000-01-01'::timestamptz)))",
            (now - THINNED, now - WHOLE, now - WHOLE),
        )
        return cursor.rowcount
