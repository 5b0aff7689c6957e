"""The banner of every page while something is paused."""

import logging

from django.core.cache import cache
from django.db import Error as DatabaseError
from django.http import HttpRequest
from redis.exceptions import RedisError

from exchange_os.ledger.models import Pause, PauseFunction
from venues.models import Venue

log = logging.getLogger(__name__)

KEY, SECONDS = "operations:pauses", 1


def standing() -> list[dict[str, str]]:
    """What is paused, for everybody; read from the database at most once a second for all processes.

    A page is worth more than its banner: with a store away there is none.
    """
    try:
        return _standing()
    except (RedisError, DatabaseError, OSError) as error:
        log.warning("no banner of pauses: %s", error)
        return []


def forget() -> None:
    """A switch was moved: the next page of anybody reads what is paused anew."""
    try:
        cache.delete(KEY)
    except (RedisError, OSError) as error:
        log.warning("the banner of pauses is old for a second: %s", error)


def _standing() -> list[dict[str, str]]:
    found = cache.get(KEY)
    if found is None:
        rows = list(Pause.objects.standing())
        named = (
            dict(
                Venue.objects.filter(fronts=None, group_id__in=[row.group_id for row in rows]).values_list(
                    "group_id", "name"
                )
            )
            if rows
            else {}
        )
        found = [
            {
                "what": PauseFunction(row.function).label,
                "where": named.get(row.group_id, "one venue") if row.group_id else "",
                "since": row.since.strftime("%H:%M"),
                "date": row.since.strftime("%d %b"),
                "until": row.until.strftime("%H:%M") if row.until else "",
                "reason": row.reason,
            }
            for row in rows
        ]
        cache.set(KEY, found, SECONDS)
    return list(found)


def context(request: HttpRequest) -> dict[str, object]:
    """Context processor: ``paused`` is looked up only by a page that shows the banner."""
    return {"paused": standing}
