"""Charts of the exchange's figures: lines of SVG with their axes, readable without script."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.views.decorators.http import require_safe

from exchange_os.operations.access import for_staff
from exchange_os.operations.selectors.courses import RANGES, Courses, courses

WIDTH, HEIGHT = 600, 160
LEVELS = 4
TIMES = 4

Values = list[float | None]


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def _ms(value: float) -> str:
    return f"{_plain(value)} ms"


def _bytes(value: float) -> str:
    return filesizeformat(value)


#: Figure, heading, what a point is, and how a value is written.
CHARTS: tuple[tuple[str, str, str, Callable[[float], str]], ...] = (
    ("rate", "Commands a second", "average", _plain),
    ("p99", "Slowest batch, p99", "worst", _ms),
    ("depth", "Waiting in streams", "most", _plain),
    ("queued", "Waiting in task queues", "most", _plain),
    ("sockets", "Sockets", "average", _plain),
    ("workers", "Engine workers", "fewest", _plain),
    ("connections", "Connections to the database", "most", _plain),
    ("wal", "WAL a second", "average", _bytes),
    ("size", "Size of the database", "largest", _bytes),
)


@dataclass(frozen=True)
class Chart:
    """One figure: polylines of its parts without gaps, labels of both axes (bottom and left first), and words."""

    title: str
    kind: str
    now: str
    summary: str
    parts: list[str]
    levels: list[str]
    times: list[str]


@for_staff
@require_safe
def charts(request: HttpRequest) -> HttpResponse:
    """Every figure over ``?range=``."""
    chosen = request.GET.get("range", "")
    chosen = chosen if chosen in RANGES else "1h"
    found = courses(chosen, timezone.now())
    times = _times(found)
    context: dict[str, Any] = {
        "tab": "charts", "range": chosen, "ranges": list(RANGES), "width": WIDTH, "height": HEIGHT,
        "grid": [HEIGHT * at // LEVELS for at in range(LEVELS + 1)],
        "charts": [_chart(title, kind, found.lines[name], words, times) for name, title, kind, words in CHARTS],
    }  # fmt: skip
    return render(request, "operations/charts.html", context)


def _chart(title: str, kind: str, values: Values, words: Callable[[float], str], times: list[str]) -> Chart:
    known = [value for value in values if value is not None]
    top = nice_top(max(known, default=0), 1_024 if words is _bytes else 1)
    summary = f"lowest {words(min(known))}, highest {words(max(known))}" if known else "nothing was kept"
    return Chart(
        title, kind, words(known[-1]) if known else "–", summary, parts_of(values, top),
        [words(top * at / LEVELS) for at in range(LEVELS + 1)], times,
    )  # fmt: skip


def nice_top(highest: float, unit: int = 1) -> float:
    """The least of 1, 2, 4, 5, 8 or 10 times a power of ten that is not below ``highest``; 4 at least.

    With a ``unit`` of 1,024 it is so many bytes, kilobytes, megabytes.
    """
    size = 1.0
    while unit > 1 and highest / size >= unit:
        size *= unit
    if highest / size <= LEVELS:
        return LEVELS * size
    power = 10.0 ** math.floor(math.log10(highest / size))
    return next(size * power * part for part in (1, 2, 4, 5, 8, 10) if size * power * part >= highest)


def parts_of(values: Values, top: float) -> list[str]:
    """Points of one polyline for each stretch without a gap; a lone value is a dash of one unit."""
    width = WIDTH / max(1, len(values) - 1)
    stretches: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            stretches.append([])
        else:
            stretches[-1].append((place * width, HEIGHT - value / top * HEIGHT))
    parts = []
    for stretch in filter(None, stretches):
        ends = stretch if len(stretch) > 1 else [*stretch, (stretch[0][0] + 1, stretch[0][1])]
        parts.append(" ".join(f"{x:.1f},{y:.1f}" for x, y in ends))
    return parts


def _times(found: Courses) -> list[str]:
    """Labels of the axis of time, in UTC: hours within a day, days beyond."""
    whole = found.step_seconds * len(found.lines["rate"])
    pattern = "%H:%M" if whole <= 86_400 else "%-d %b"
    return [
        (found.start + timedelta(seconds=whole * at / TIMES)).strftime(pattern) for at in range(TIMES + 1)
    ]
