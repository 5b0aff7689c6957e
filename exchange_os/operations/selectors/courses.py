"""Courses of the exchange's figures over hours and days, added up by PostgreSQL."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

#: Hours of each range, and the seconds of one of its steps: what a sample every ten seconds, or ten minutes after a
#: day, can fill.
RANGES = {"1h": (1, 20), "6h": (6, 120), "24h": (24, 480), "7d": (168, 3_600), "30d": (720, 14_400)}

#: What is kept of a step, by the name of the figure in a sample.
_KEPT = {
    "rate": "avg", "p99": "max", "depth": "max", "queued": "max", "sockets": "avg", "workers": "min",
    "connections": "max", "size": "max", "wal": "max",
}  # fmt: skip
_COLUMNS = ", ".join(f"{how}((figures->>'{name}')::float8)" for name, how in _KEPT.items())


@dataclass(frozen=True)
class Courses:
    """``lines[name][place]`` is a figure in step ``place`` after ``start``, None where no sample was kept.

    ``wal`` is in bytes a second.
    """

    start: datetime
    step_seconds: int
    lines: dict[str, list[float | None]]


def courses(name: str, now: datetime) -> Courses:
    """Every figure over a range of ``RANGES``."""
    hours, step = RANGES[name]
    start = now - timedelta(hours=hours)
    count = hours * 3_600 // step
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT floor(extract(epoch FROM at - %s) / {step})::int AS place, {_COLUMNS}"
            " FROM operations_sample WHERE at >= %s AND at < %s GROUP BY place ORDER BY place",
            (start, start, now),
        )
        rows = {row[0]: row[1:] for row in cursor.fetchall()}
    lines: dict[str, list[float | None]] = {
        figure: [rows[place][at] if place in rows else None for place in range(count)]
        for at, figure in enumerate(_KEPT)
    }
    lines["wal"] = _rates(lines["wal"], step)
    return Courses(start, step, lines)


def _rates(counter: list[float | None], step: int) -> list[float | None]:
    """What a counter rose by a second between steps that both have a value; a counter that fell began anew."""
    before: list[float | None] = [None, *counter[:-1]]
    return [
        None if last is None or this is None or this < last else (this - last) / step
        for last, this in zip(before, counter, strict=True)
    ]
