"""The moves of an event as they were made, and its result in words."""

from trading.selectors.events import EventView
from venues.models import PPM, Event, EventKind, EventMove
from venues.services.events import outcome_names


def moves_of(event: Event) -> list[EventMove]:
    """Every move of the event, oldest first, each with who made it."""
    return list(EventMove.objects.filter(event=event).select_related("by").order_by("pk"))


def result_text(view: EventView, payouts: dict[str, int], voiding: bool) -> str:
    """A result in words: the outcome that won, or what each gets."""
    names = outcome_names(view.event)
    shares = [(names.get(int(at), at), ppm) for at, ppm in payouts.items() if ppm]
    if voiding:
        return "No result: the last fair prices are paid"
    if len(shares) == 1 and view.event.kind != EventKind.SCALAR:
        return shares[0][0]
    return ", ".join(f"{name} {ppm * 100 / PPM:g}%" for name, ppm in shares)
