"""The chart of an event: courses of its leading outcomes as lines of one SVG, readable without script."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trading.bets import chance_text
from trading.pages.event_rows import outcome_title
from trading.selectors.candles import WEEK_MS
from trading.selectors.event_history import Courses, courses
from trading.selectors.event_prices import OutcomePrice
from trading.selectors.events import EventView
from venues.models import Event

LINES = 5
WIDTH, HEIGHT = 720, 240
RANGE_NAMES = (("1d", "1D"), ("1w", "1W"), ("1m", "1M"), ("all", "All"))
TOPS = (8, 12, 20, 40, 60, 80, 100)
MARKS = 4


@dataclass(frozen=True)
class Line:
    """One outcome's line: ``points`` of the SVG, ``values`` in tenths of a per cent for the pointer, ``-`` for none."""

    number: int
    name: str
    chance: str
    points: str
    values: str


@dataclass(frozen=True)
class Mark:
    """A label of an axis and where it stands, in per cent of the axis."""

    text: str
    at: int


def chart_context(view: EventView, prices: list[OutcomePrice], name: str, now_ms: int) -> dict[str, Any]:
    """What the chart's template needs; ``name`` is a range, the default for anything else."""
    known = {key for key, _ in RANGE_NAMES}
    leading = prices[:LINES]
    since_ms = round(view.event.created.timestamp() * 1000)
    chosen = name if name in known else "all" if now_ms - since_ms < 2 * WEEK_MS else "1w"
    drawn = courses([row.market for row in leading], chosen, since_ms=since_ms, now_ms=now_ms)
    top = _top(drawn, leading)
    return {
        "lines": [_line(view.event, at, row, drawn, top) for at, row in enumerate(leading)],
        "ranges": RANGE_NAMES,
        "range": chosen,
        "levels": [Mark(f"{top * part // MARKS}%", 100 - 100 * part // MARKS) for part in range(MARKS + 1)],
        "times": _times(drawn),
        "chart_start": drawn.start_ms,
        "chart_step": drawn.step_ms,
        "width": WIDTH,
        "height": HEIGHT,
        "empty": not any(price is not None for course in drawn.courses for price in course.prices),
    }


def _top(drawn: Courses, leading: list[OutcomePrice]) -> int:
    """The per cent at the top of the chart: the first round number above every line."""
    most = 0
    for course, row in zip(drawn.courses, leading, strict=True):
        ticks = max([row.fair_ticks, *(price for price in course.prices if price is not None)])
        most = max(most, -(-ticks * 100 // row.payout_ticks))
    return next((top for top in TOPS if most + 1 <= top), 100)


def _line(event: Event, number: int, row: OutcomePrice, drawn: Courses, top: int) -> Line:
    """The line of an outcome; its last point is the present chance."""
    prices = [*drawn.courses[number].prices[:-1], row.fair_ticks]
    last = max(1, len(prices) - 1)
    points = [
        f"{WIDTH * at / last:.1f},{HEIGHT - HEIGHT * ticks * 100 / (row.payout_ticks * top):.1f}"
        for at, ticks in enumerate(prices)
        if ticks is not None
    ]
    if len(points) == 1:
        points.insert(0, f"0,{points[0].split(',')[1]}")
    values = ["-" if ticks is None else str(ticks * 1000 // row.payout_ticks) for ticks in prices]
    name = outcome_title(event, row.market)
    chance = chance_text(row.fair_ticks, row.payout_ticks)
    return Line(number + 1, name, chance, " ".join(points), ",".join(values))


def _times(drawn: Courses) -> list[Mark]:
    """A few moments below the chart."""
    steps = max((len(course.prices) for course in drawn.courses), default=1) - 1
    span = steps * drawn.step_ms
    pattern = "%H:%M" if span <= 2 * 86_400_000 else "%-d %b" if span <= 300 * 86_400_000 else "%b %Y"
    return [
        Mark(
            datetime.fromtimestamp((drawn.start_ms + span * part // MARKS) / 1000, UTC).strftime(pattern),
            100 * part // MARKS,
        )
        for part in range(MARKS + 1)
    ]
