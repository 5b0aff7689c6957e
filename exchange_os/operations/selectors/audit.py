"""Reading the audit trail: searched, and checked link by link."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.contrib.auth import get_user_model
from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import Q, QuerySet

from exchange_os.operations.models import AuditEvent

#: Where the cache keeps what the last nightly check found: ``broken`` (an event or 0), ``cut``, ``head``, ``at``.
AUDIT_KEY = "audit:checked"
SEPARATOR = "\x1f"
PORTION = 5_000
_LINKS = (
    "SELECT id, previous_hash, hash, extract(epoch FROM at)::text, table_name, row_id, op, coalesce(before::text, ''),"
    " coalesce(after::text, ''), coalesce(user_id::text, ''), request_id, via, db_role"
    " FROM operations_auditevent WHERE id > %s ORDER BY id LIMIT %s"
)


@dataclass(frozen=True)
class Sought:
    """What is looked for; empty matches everything. ``who`` is an id or an e-mail; days are UTC, both included."""

    text: str = ""
    who: str = ""
    op: str = ""
    table: str = ""
    since: date | None = None
    until: date | None = None


def search(sought: Sought) -> QuerySet[AuditEvent]:
    """Events that match all of it, newest first."""
    found = AuditEvent.objects.defer("words")
    if sought.text:
        found = found.filter(words=SearchQuery(sought.text, config="simple"))
    if sought.who:
        users = get_user_model().objects.filter(email__iexact=sought.who).values("pk")
        by_id = (
            Q(user_id=int(sought.who))
            if sought.who.isdecimal() and len(sought.who) < 19
            else Q(user_id__in=users)
        )
        found = found.filter(by_id)
    if sought.op in AuditEvent.Op.values:
        found = found.filter(op=sought.op)
    if sought.table:
        found = found.filter(table_name=sought.table)
    if sought.since:
        found = found.filter(at__gte=datetime.combine(sought.since, time(), UTC))
    if sought.until:
        found = found.filter(at__lt=datetime.combine(sought.until + timedelta(days=1), time(), UTC))
    return found.order_by("-id")


def digest_of(parts: tuple[str, ...]) -> str:
    """SHA-256 in hex of the previous hash, time, table, row, op, before, after, user, request, door and role."""
    return hashlib.sha256(SEPARATOR.join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Checked:
    """What a check of the chain saw: ``broken`` is the first event that does not hold, 0 if all do; ``holds`` whether
    the head that was asked for is a link of it."""

    events: int
    head: str
    broken: int
    holds: bool


def check_chain(known: str = "") -> Checked:
    """Recompute every link. ``known`` is a hash noted earlier, which a chain that was cut does not hold."""
    previous, events, holds = "", 0, not known
    for number, told_previous, told, *parts in _links():
        if told_previous != previous or told != digest_of((previous, *parts)):
            return Checked(events, previous, number, holds)
        previous, events = told, events + 1
        holds = holds or told == known
    return Checked(events, previous, 0, holds)


def _links() -> Iterator[tuple[int, str, str, *tuple[str, ...]]]:
    last = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_LINKS, (last, PORTION))
            rows = cursor.fetchall()
            if not rows:
                return
            yield from rows
            last = rows[-1][0]
