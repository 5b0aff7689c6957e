"""What a few typed words find anywhere on the exchange: venues, markets, events."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from venues.models import Event, EventState, Market, MarketKind, Venue
from venues.selectors import LIVE_STATES, live_venues, open_markets

EACH_AT_MOST = 5


@dataclass(frozen=True)
class Found:
    """What was found, each list with the best first: names that begin with the words, then those that hold them."""

    markets: list[Market]
    venues: list[Venue]
    events: list[Event]

    def __bool__(self) -> bool:
        return bool(self.markets or self.venues or self.events)


def search(words: str) -> Found:
    """Live venues, open markets (those of outcomes are found by their event) and open events; nothing for no words."""
    words = words.strip()
    if not words:
        return Found([], [], [])
    markets = open_markets().exclude(kind=MarketKind.OUTCOME)
    pair = Q(symbol__istartswith=words)
    named = Q(base__name__icontains=words) | Q(symbol__icontains=words)
    events = Event.objects.filter(venue__state__in=LIVE_STATES, state=EventState.OPEN).select_related("venue")
    return Found(
        markets=_best(markets.filter(pair), markets.filter(named)),
        venues=_best(
            live_venues().filter(name__istartswith=words),
            live_venues().filter(Q(name__icontains=words) | Q(slug__icontains=words)),
        ),
        events=_best(
            events.filter(title__istartswith=words),
            events.filter(Q(title__icontains=words) | Q(markets__outcome_name__icontains=words)).distinct(),
        ),
    )


def _best(*lists: QuerySet[Any]) -> list[Any]:
    found: dict[int, Any] = {}
    for rows in lists:
        for row in rows[:EACH_AT_MOST]:
            found.setdefault(row.pk, row)
    return list(found.values())[:EACH_AT_MOST]
