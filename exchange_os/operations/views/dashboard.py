"""The dashboard: one page whose live part is pushed over a socket, and asked for while there is none."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST, require_safe
from redis.exceptions import RedisError

from exchange_os.errors import DomainError
from exchange_os.operations.access import for_staff
from exchange_os.operations.selectors.figures import Figures, GroupFigures, figures
from exchange_os.operations.selectors.watching import (
    alarms,
    charts,
    group_lines,
    pauses,
    stuck,
    venue_incidents,
    waiting_switches,
    wal_rate,
)
from exchange_os.operations.services.retrying import retry_transfer, retry_withdrawals
from exchange_os.ui.requests import SignedInRequest

GROUPS_SHOWN = 50


@for_staff
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """How the exchange is doing."""
    return render(request, "operations/dashboard.html", _context(_sought(request)) | {"tab": "dashboard"})


@for_staff
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The part of it that moves, for a page without a socket."""
    return render(request, "operations/live.html", _context(_sought(request)))


def live_part(request: HttpRequest, sought: str) -> str:
    """The part that moves, for the socket of a page that asked for ``sought``."""
    context = _context(_cleaned(sought)) | {"csrf_token": get_token(request)}
    return render_to_string("operations/live.html", context)


def _sought(request: HttpRequest) -> str:
    return _cleaned(request.GET.get("q", ""))


def _cleaned(sought: str) -> str:
    return sought.strip().lower()[:60]


def _context(sought: str) -> dict[str, Any]:
    try:
        now = figures()
    except RedisError:
        return {"away": True, "sought": sought}
    lines = group_lines()
    rows = [row for row in now.groups if not sought or _is_sought(row, sought)]
    return {
        "now": now,
        "sought": sought,
        "tiles": _tiles(now, charts()),
        "groups": [{"row": row, "line": lines.get(row.group.pk)} for row in rows[:GROUPS_SHOWN]],
        "more": max(0, len(rows) - GROUPS_SHOWN),
        "alarms": alarms(now),
        "at_venues": venue_incidents(),
        "stuck": stuck(now.at),
        "pauses": pauses(),
        "waiting": waiting_switches().count(),
    }


def _is_sought(row: GroupFigures, sought: str) -> bool:
    return sought == str(row.group.pk) or bool(
        row.venue and sought in f"{row.venue.name} {row.venue.slug}".lower()
    )


def _tiles(now: Figures, lines: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Figure, what stands below it, and its course over the last hour."""
    wal = wal_rate(now)
    serving = sum(state == "serving" for state in now.workers.values())
    data = now.database
    return [
        _tile("Commands a second", f"{now.rate:,.0f}", f"{len(now.groups)} risk groups", lines["rate"]),
        _tile("Slowest batch, p99", _ms(now.p99), "of the last ten seconds", lines["p99"]),
        _tile("Waiting in streams", f"{now.depth:,}", "commands", lines["depth"]),
        _tile("Engine workers", str(len(now.workers)), f"{serving} serving", lines["workers"]),
        _tile(
            "Beat", "–" if now.beat_ms is None else f"{now.beat_ms / 1000:.1f} s", "since its last sign", []
        ),
        _tile(
            "Sockets",
            f"{now.sockets:,}",
            f"in {now.webs} web process{'' if now.webs == 1 else 'es'}",
            lines["sockets"],
        ),
        _tile(
            "Database", filesizeformat(data.size), f"journal {filesizeformat(data.journal)}", lines["size"]
        ),
        _tile(
            "Connections",
            str(data.connections),
            f"of {data.limit}, {data.active} at work",
            lines["connections"],
        ),
        _tile("WAL a second", "–" if wal is None else filesizeformat(wal), "written", lines["wal"]),
        _tile("Longest transaction", f"{data.longest_s:.1f} s", "open now", []),
    ]


def _tile(name: str, figure: str, below: str, line: list[float]) -> dict[str, Any]:
    return {"name": name, "figure": figure, "below": below, "line": line, "label": f"{name}, the last hour"}


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:g} ms"


@for_staff
@require_POST
def retry_one_transfer(request: SignedInRequest, pk: int) -> HttpResponse:
    """Send a stuck transfer's command again."""
    try:
        transfer = retry_transfer(request.user, pk)
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"Transfer {transfer.pk} was sent again.")
    return redirect("operations:dashboard")


@for_staff
@require_POST
def retry_all_withdrawals(request: SignedInRequest) -> HttpResponse:
    """Give open withdrawals a push."""
    moved = retry_withdrawals(request.user)
    messages.success(request, f"{moved} withdrawals moved." if moved else "Nothing could move yet.")
    return redirect("operations:dashboard")
