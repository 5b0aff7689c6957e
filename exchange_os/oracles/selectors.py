"""Reading prices: what the kernel makes of them, who tells them, what is wrong with them."""

from typing import Any

from django.db.models import QuerySet

from exchange_os.engine import client, limits
from exchange_os.oracles.models import Observation, OracleAlarm, PriceSource, SourceKind


def due_groups(now_ms: int) -> list[int]:
    """Risk groups with a source to be asked at ``now_ms``: one look into an index of the sources that are asked."""
    due = PriceSource.objects.filter(enabled=True, next_poll_ms__lte=now_ms).exclude(kind=SourceKind.PUSH)
    return list(due.order_by("group_id").values_list("group_id", flat=True).distinct())


def open_alarms(group_id: int) -> QuerySet[OracleAlarm]:
    """What is wrong with the prices of a group now, newest first."""
    return OracleAlarm.objects.filter(group_id=group_id, closed=None).select_related("source")


def recent_observations(source: PriceSource, limit: int = 100) -> list[Observation]:
    """What a source said last, newest first."""
    return list(source.observations.order_by("-received_ms", "-pk")[:limit])


def market_prices(
    group_id: int, market: int | None = None, timeout: float = limits.SUBMIT_TIMEOUT_SECONDS
) -> list[dict[str, Any]]:
    """Index, mark and grade of the group's markets as their kernel has them (query ``prices`` in ``WIRE.md``), each
    of their ``sources`` with the ``name`` and ``last_error`` it has here. Raises as ``client.query``."""
    question: dict[str, Any] = {"q": "prices"} if market is None else {"q": "prices", "market": market}
    markets: list[dict[str, Any]] = client.query(group_id, question, timeout).get("markets", [])
    named = {
        (source.market, source.number): source for source in PriceSource.objects.filter(group_id=group_id)
    }
    for shown in markets:
        for told in shown["sources"]:
            known = named.get((shown["market"], told["source"]))
            told["name"] = known.name if known else ""
            told["last_error"] = known.last_error if known else ""
    return markets


def sources_of(group_id: int) -> list[PriceSource]:
    """The sources of a group's markets, by market and number."""
    return list(PriceSource.objects.filter(group_id=group_id))
