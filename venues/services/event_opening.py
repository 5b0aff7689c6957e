"""Events in the kernel: the ones it does not have yet, and outcomes that come late.

A late outcome is split off the event's fallback by steps, during which neither market trades; when the kernel is done
both are opened. A tick stands for the steps still to come, so the work is not taken for finished.
"""

from dataclasses import dataclass, field

import exchange_kernel as kernel

from venues.models import Event, EventKind, Market, Phase, Venue
from venues.services.asking import ask


@dataclass
class EventWork:
    """Commands that the kernel needs for events; markets that may not open yet, and fallbacks to open again."""

    commands: list[bytes] = field(default_factory=list)
    splitting: set[int] = field(default_factory=set)
    to_reopen: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, venue: Venue, markets: list[Market]) -> "EventWork":
        """What the events of ``markets``, all the venue's, still need. Raises as ``ask``."""
        work = cls()
        events = {market.event.pk: market.event for market in markets if market.event is not None}
        if not events:
            return work
        known = {item["event"]: item for item in ask(venue.group_id, {"q": "events"})["events"]}
        for event in sorted(events.values(), key=lambda item: item.number):
            own = sorted((m for m in markets if m.event_id == event.pk), key=lambda item: item.outcome)
            if event.number not in known:
                work.commands.append(_add_event(event, sorted(market.number for market in own)))
            elif event.kind == EventKind.MULTIPLE:
                work._late(event, own, known[event.number])
        return work

    def _late(self, event: Event, own: list[Market], known: dict[str, int | None]) -> None:
        pending = [market for market in own if market.phase == Phase.PENDING]
        if not pending or event.fallback is None:
            return
        fallback = next(market.number for market in own if market.outcome == event.fallback)
        self.to_reopen.add(fallback)
        count = known["outcome_count"] or 0
        late = [market for market in pending if market.outcome >= count]
        if known["late_market"] is not None:
            self.commands.append(kernel.tick())
        elif late:
            self.commands.append(kernel.add_outcome(event.number, late[0].number))
        if known["late_market"] is not None or late:
            self.splitting.update({fallback, *(market.number for market in pending)})
            self.to_reopen.clear()


def _add_event(event: Event, numbers: list[int]) -> bytes:
    one_book = event.kind != EventKind.MULTIPLE
    return kernel.add_event(
        event.number,
        numbers[0],
        outcomes=2 if one_book else len(numbers),
        fallback=event.fallback,
        one_book=one_book,
        scalar=event.kind == EventKind.SCALAR,
        close_ms=round(event.closes.timestamp() * 1000),
    )
