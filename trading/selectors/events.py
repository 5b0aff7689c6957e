"""Events of a venue with their markets, as the trading doors show them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q, QuerySet, TextChoices
from django.utils import timezone

from exchange_os.errors import DomainError
from venues.models import Event, EventState, Market, Phase, Venue
from venues.selectors import LIVE_STATES, seen_through

_STATES = {
    EventState.PENDING: "preopen",
    EventState.OPEN: "live",
    EventState.CLOSED: "settling",
    EventState.PROPOSED: "settling",
    EventState.DISPUTED: "settling",
    EventState.RESOLVED: "expired",
    EventState.VOID: "expired",
}


#: Events of one page of a list, and how soon is soon.
LISTED_AT_MOST = 24
SOON = timedelta(days=7)


class Which(TextChoices):
    """Which events a list is of."""

    OPEN = "open", "Open"
    SOON = "soon", "Closing soon"
    WAITING = "waiting", "Waiting for a result"
    OVER = "over", "Resolved"


@dataclass(frozen=True)
class EventView:
    """An event and the markets of its outcomes, by number of outcome."""

    event: Event
    markets: tuple[Market, ...]

    @property
    def closes_ms(self) -> int:
        """When trading ends."""
        return round(self.event.closes.timestamp() * 1000)

    @property
    def dialect_state(self) -> str:
        """State in the dialect: preopen, live, settling or expired."""
        return _STATES[EventState(self.event.state)]

    @property
    def is_over(self) -> bool:
        """Whether its contracts are paid."""
        return self.event.state in (EventState.RESOLVED, EventState.VOID)

    @property
    def disputed(self) -> bool:
        """Whether a proposed result is disputed."""
        return self.event.state == EventState.DISPUTED

    def payout_of(self, market: Market) -> int | None:
        """What a contract of the market pays, in parts per million of one unit; ``None`` before it is final."""
        if self.event.state not in (EventState.RESOLVED, EventState.VOID):
            return None
        payout = self.event.payouts.get(str(market.outcome))
        return int(payout) if payout is not None else None


def _views(events: QuerySet[Event]) -> list[EventView]:
    # Venues and assets are few and events many: they are fetched once, not made anew from a join for each row.
    known = {each.pk: each for each in events.prefetch_related("venue__deployer", "settlement_asset")}
    markets: dict[int, list[Market]] = {}
    rows = Market.objects.filter(event_id__in=known).exclude(phase=Phase.PENDING)
    for market in rows.prefetch_related("base", "quote").order_by("outcome"):
        event = known[market.event_id or 0]
        market.event, market.venue = event, event.venue
        markets.setdefault(event.pk, []).append(market)
    return [EventView(event, tuple(markets.get(event.pk, ()))) for event in known.values()]


def _through(venue_id: int, wanted: Callable[[int], QuerySet[Event]]) -> list[EventView]:
    """Events of the books that a venue shows, as its visitors see them: at its address, for its accounts."""
    front = Venue.objects.filter(pk=venue_id, fronts__isnull=False).select_related("deployer").first()
    views = _views(wanted(front.books_id if front else venue_id))
    if front is not None:
        for view in views:
            view.event.venue = front
            for market in view.markets:
                seen_through(market, front)
    return views


def _known() -> QuerySet[Event]:
    """Events that the kernel knows."""
    return Event.objects.exclude(state=EventState.PENDING)


def events_of(venue_id: int) -> list[EventView]:
    """Every event of a venue the kernel knows, soonest to close first."""
    return _through(venue_id, lambda books: _known().filter(venue_id=books).order_by("closes", "pk"))


def event_by_code(venue_id: int, code: str) -> EventView:
    """The event of a venue with that code; ``DomainError("event_unknown")`` if there is none."""
    found = _through(venue_id, lambda books: _known().filter(venue_id=books, code=code.upper()))
    if not found:
        raise DomainError("event_unknown", f"This venue has no event {code}.", event=code)
    return found[0]


def open_events(limit: int = 12, without: int | None = None) -> list[EventView]:
    """Events of every live venue, or of all but one, that still trade, soonest to close first."""
    trading = Event.objects.filter(state=EventState.OPEN, venue__state__in=LIVE_STATES)
    if without is not None:
        trading = trading.exclude(venue_id=without)
    return _views(trading.order_by("closes", "pk")[:limit])


def event_list(
    which: Which, *, words: str = "", venue_id: int | None = None, page: int = 1
) -> tuple[list[EventView], bool]:
    """One page of a list of events, and whether there is another: those that trade or wait by when they close, those
    that are over by when they were paid, the last first. ``words`` are looked for in questions, outcomes and venues."""
    found = _known().filter(venue__state__in=LIVE_STATES)
    front = Venue.objects.filter(pk=venue_id, fronts__isnull=False).first() if venue_id else None
    if venue_id is not None:
        found = found.filter(venue_id=front.books_id if front else venue_id)
    if words:
        named = Event.objects.filter(markets__outcome_name__icontains=words).values("pk")
        wanted = Q(title__icontains=words) | Q(category__icontains=words) | Q(venue__name__icontains=words)
        found = found.filter(wanted | Q(pk__in=named))
    chosen = {
        Which.OPEN: found.filter(state=EventState.OPEN).order_by("closes", "pk"),
        Which.SOON: found.filter(state=EventState.OPEN, closes__lte=timezone.now() + SOON).order_by(
            "closes", "pk"
        ),
        Which.WAITING: found.filter(
            state__in=(EventState.CLOSED, EventState.PROPOSED, EventState.DISPUTED)
        ).order_by("closes", "pk"),
        Which.OVER: found.filter(state__in=(EventState.RESOLVED, EventState.VOID)).order_by(
            "-resolved", "-pk"
        ),
    }[which]
    start = (page - 1) * LISTED_AT_MOST
    rows = _views(chosen[start : start + LISTED_AT_MOST + 1])
    return rows[:LISTED_AT_MOST], len(rows) > LISTED_AT_MOST
