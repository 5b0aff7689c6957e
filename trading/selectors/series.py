"""Venues with many events, as one picture: every event with its chances, in its category, for pages that show them all.

One question to the kernel and four to the database, whatever the number of events; remembered for two seconds.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exchange_os.engine import client
from exchange_os.errors import DomainError
from trading.bets import chance_text
from trading.selectors.event_moves import result_text
from trading.selectors.events import EventView, events_of
from trading.selectors.overview import days
from venues.models import Event, EventKind, EventState, Market, Venue

#: From how many events on a venue is shown as a series.
SERIES_FROM = 9
#: A category is led by an event with so many outcomes that closes last in it.
LEAD_OUTCOMES = 4
TTL_SECONDS = 2.0
PATIENCE_SECONDS = 2.0
#: Quotes further apart than this part of a unit say nothing about a chance.
WIDE_PART = 4


@dataclass(frozen=True)
class Chance:
    """An outcome and how likely the market has it; ``won`` once it is paid in full."""

    market: Market
    name: str
    percent: int
    text: str
    won: bool = False


@dataclass(frozen=True)
class SeriesEvent:
    """One event: chances in the order of its outcomes, turnover of a day in whole units, its result if there is one."""

    event: Event
    chances: tuple[Chance, ...]
    volume: int
    result: str

    @property
    def trades(self) -> bool:
        """Whether it trades."""
        return self.event.state == EventState.OPEN

    @property
    def ranked(self) -> list[Chance]:
        """Chances, the likeliest first."""
        return sorted(self.chances, key=lambda chance: (-chance.won, -chance.percent, chance.market.outcome))

    @property
    def small(self) -> bool:
        """Whether all its outcomes fit in a line."""
        return len(self.chances) <= 3


@dataclass
class Category:
    """Events of one category. ``lead`` is the one it is about, if there is one, and no member of ``events``."""

    name: str
    events: list[SeriesEvent] = field(default_factory=list)
    lead: SeriesEvent | None = None

    @property
    def heads(self) -> list[SeriesEvent]:
        """For a column of a stage: questions with two outcomes if there are any, else all of them."""
        pairs = [each for each in self.events if len(each.chances) == 2]
        return pairs or self.events


@dataclass(frozen=True)
class Series:
    """Everything of a venue. ``banners`` are categories of single questions with many outcomes, ``groups`` those that
    have a lead and more, ``stages`` those that are a round of small ones, in the order in which they close."""

    events: tuple[SeriesEvent, ...]
    banners: tuple[Category, ...]
    groups: tuple[Category, ...]
    stages: tuple[Category, ...]
    error: str
    volume: int
    drawn: dict[tuple[int, str], str] = field(
        default_factory=dict, compare=False
    )  # what pages made of it, by view

    def next_to_close(self, count: int) -> list[SeriesEvent]:
        """Events that trade, the next to close first."""
        return [each for each in self.events if each.trades][:count]

    def by_day(self) -> list[tuple[datetime, list[SeriesEvent]]]:
        """Events with few outcomes by the hour in which they close: those of the last hour, then all to come."""
        since = (
            datetime.now(tz=self.events[0].event.closes.tzinfo) - timedelta(hours=1) if self.events else None
        )
        found: dict[datetime, list[SeriesEvent]] = {}
        for each in self.events:
            if each.small and since is not None and each.event.closes >= since:
                hour = each.event.closes.replace(minute=0, second=0, microsecond=0)
                found.setdefault(hour, []).append(each)
        return list(found.items())


_remembered: dict[int, tuple[float, Series]] = {}


def series_of(venue: Venue, now_ms: int) -> Series | None:
    """The venue's series; ``None`` if it has too few events to be one."""
    until, known = _remembered.get(venue.pk, (0.0, None))
    if known is not None and until > time.monotonic():
        return known
    views = events_of(venue.pk)
    if len(views) < SERIES_FROM:
        return None
    made = _series(venue, views, now_ms)
    _remembered.clear()
    _remembered[venue.pk] = (time.monotonic() + TTL_SECONDS, made)
    return made


def _series(venue: Venue, views: list[EventView], now_ms: int) -> Series:
    live, error = _live(venue)
    traded = days([venue.group_id], now_ms)
    scale = 10 ** views[0].event.settlement_asset.scale
    events = []
    for view in views:
        volume = sum(
            traded[venue.group_id, market.number].quote_volume
            for market in view.markets
            if (venue.group_id, market.number) in traded
        )
        result = result_text(view, view.event.payouts, view.event.voiding) if view.event.proposed else ""
        chances = tuple(_chance(view, market, live.get(market.number, {})) for market in view.markets)
        events.append(SeriesEvent(view.event, chances, volume // scale, result))
    categories: dict[str, Category] = {}
    for each in events:
        categories.setdefault(each.event.category, Category(each.event.category)).events.append(each)
    for category in categories.values():
        _find_lead(category)
    named = sorted(categories.values(), key=lambda category: category.name)
    stages = [
        category
        for category in named
        if category.lead is None and all(each.small for each in category.events)
    ]
    stages.sort(key=lambda category: category.events[0].event.closes)
    return Series(
        events=tuple(events),
        banners=tuple(category for category in named if category not in stages and category.lead is None),
        groups=tuple(category for category in named if category.lead is not None),
        stages=tuple(stages),
        error=error,
        volume=sum(each.volume for each in events),
    )


def _find_lead(category: Category) -> None:
    """Take the event that the others are steps to out of its category: it closes last and has more outcomes."""
    last = category.events[-1]
    others = category.events[:-1]
    if others and len(last.chances) >= LEAD_OUTCOMES and all(each.small for each in others):
        category.lead, category.events = last, others


def _live(venue: Venue) -> tuple[dict[int, dict[str, int]], str]:
    try:
        answer = client.query(venue.group_id, {"q": "markets"}, PATIENCE_SECONDS)
    except DomainError:
        return {}, "The venue does not answer at the moment. Chances come back by themselves."
    return {row["market"]: row for row in answer.get("markets", ())}, ""


def _chance(view: EventView, market: Market, live: dict[str, int]) -> Chance:
    """By what is paid, else the middle of near quotes, else what the kernel holds for fair, else the opening price."""
    one = market.payout_ticks
    name = "Yes" if view.event.kind == EventKind.BINARY else market.outcome_name
    paid = view.payout_of(market)
    if paid is not None:
        percent = paid * 100 // 1_000_000
        return Chance(market, name, percent, f"{percent}%", won=percent == 100)
    bid, ask = live.get("best_bid", 0), live.get("best_ask", 0)
    near = bid and ask and (ask - bid) * WIDE_PART <= one
    ticks = (bid + ask) // 2 if near else live.get("mark_ticks", 0) or live.get("last_ticks", 0) or ask or 0
    ticks = ticks or market.reference_ticks
    return Chance(market, name, ticks * 100 // one, chance_text(ticks, one))
