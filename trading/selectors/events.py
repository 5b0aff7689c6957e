"""Events of a venue with their markets, as the trading doors show them."""

from dataclasses import dataclass

from venues.models import Event, EventState, Market

_STATES = {
    EventState.PENDING: "preopen",
    EventState.OPEN: "live",
    EventState.CLOSED: "settling",
    EventState.PROPOSED: "settling",
    EventState.DISPUTED: "settling",
    EventState.RESOLVED: "expired",
    EventState.VOID: "expired",
}


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
    def disputed(self) -> bool:
        """Whether a proposed result is disputed."""
        return self.event.state == EventState.DISPUTED

    def payout_of(self, market: Market) -> int | None:
        """What a contract of the market pays, in parts per million of one unit; ``None`` before it is final."""
        if self.event.state not in (EventState.RESOLVED, EventState.VOID):
            return None
        payout = self.event.payouts.get(str(market.outcome))
        return int(payout) if payout is not None else None


def events_of(venue_id: int) -> list[EventView]:
    """Every event of a venue the kernel knows, soonest to close first."""
    markets: dict[int, list[Market]] = {}
    for market in Market.objects.filter(venue_id=venue_id, event__isnull=False).order_by("outcome"):
        markets.setdefault(market.event_id or 0, []).append(market)
    known = Event.objects.filter(venue_id=venue_id).exclude(state=EventState.PENDING)
    return [EventView(event, tuple(markets.get(event.pk, ()))) for event in known.order_by("closes", "pk")]
