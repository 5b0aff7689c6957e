"""The audit trail: searched on a page, taken away as CSV."""

import csv
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exchange_os.operations.access import for_staff
from exchange_os.operations.models import AuditEvent
from exchange_os.operations.selectors.audit import Sought, search
from exchange_os.operations.watched import watched_tables

SHOWN = 50
EXPORTED = 100_000
EMPTY: tuple[Any, ...] = (None, "", [], {})
COLUMNS = (
    "id", "at", "table_name", "row_id", "op", "before", "after", "user_id", "request_id", "via", "db_role",
    "previous_hash", "hash",
)  # fmt: skip


@for_staff
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """What was changed, by whom; ``?before=ID`` goes on where a page ended."""
    found = search(_sought(request))
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    rows = list(found[: SHOWN + 1])
    users = get_user_model().objects.in_bulk({row.user_id for row in rows if row.user_id})
    parameters = request.GET.copy()
    parameters.pop("before", None)
    context = {
        "tab": "audit",
        "rows": [
            {"row": row, "who": users.get(row.user_id or 0), "lines": _lines(row)} for row in rows[:SHOWN]
        ],
        "older": rows[SHOWN - 1].pk if len(rows) > SHOWN else None,
        "query": parameters.urlencode(),
        "sent": request.GET,
        "tables": sorted(watched_tables()),
        "ops": AuditEvent.Op.choices,
    }
    return render(request, "operations/audit.html", context)


@for_staff
@require_safe
def audit_csv(request: HttpRequest) -> StreamingHttpResponse:
    """What was found, up to 100,000 events, newest first, with the hashes of the chain."""
    rows = search(_sought(request)).values_list(*COLUMNS)[:EXPORTED]
    response = StreamingHttpResponse(_written(rows.iterator(2_000)), content_type="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response


class _Echo:
    def write(self, text: str) -> str:
        return text


def _written(rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow([_harmless(value) for value in row])


def _harmless(value: Any) -> Any:
    """A spreadsheet takes what begins like a formula for one."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def _lines(row: AuditEvent) -> list[tuple[str, str, str]]:
    """(column, before, after) of what differs, short enough for a table."""
    before, after = row.before or {}, row.after or {}
    names = [name for name in (before | after) if any(row.get(name) not in EMPTY for row in (before, after))]
    return [(name, _short(before.get(name)), _short(after.get(name))) for name in names[:12]]


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"


def _sought(request: HttpRequest) -> Sought:
    sent = request.GET
    return Sought(
        text=sent.get("q", "").replace("\0", "").strip()[:200],
        who=sent.get("who", "").replace("\0", "").strip()[:200],
        op=sent.get("op", ""),
        table=sent.get("table", "") if sent.get("table") in watched_tables() else "",
        since=_day(sent.get("since", "")),
        until=_day(sent.get("until", "")),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
