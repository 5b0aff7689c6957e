"""What a venue reports to everyone: its insurance fund, liquidations, deleveraging, funding, disputes and incidents."""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from exchange_kernel import BILL_KINDS

from exchange_os.engine import client
from exchange_os.engine.models import Incident
from venues.models import EventMove, EventState, Venue

#: How long a public page waits for the kernel.
PATIENCE_SECONDS = 1.0
PAGE_SIZE = 50
#: The market of a bill that means none in particular.
NO_MARKET = -1

Cursor = tuple[int, int]

# One look into the index (group, market, kind, sequence) for each market, however long the history is.
_BILLS_SQL = """
SELECT b.sequence, b.bill_no, b.market, b.account, b.lots, b.price_ticks, b.amount, b.fee, b.extra, b.time_ms
FROM unnest(%s::int[]) AS wanted(number) CROSS JOIN LATERAL (
    SELECT * FROM engine_bill
    WHERE group_id = %s AND market = wanted.number AND kind = %s AND sequence <= %s
      AND (sequence, bill_no) < (%s, %s)
    ORDER BY sequence DESC, bill_no DESC LIMIT %s) AS b
ORDER BY b.sequence DESC, b.bill_no DESC LIMIT %s
"""
_NEWEST: Cursor = (2**63 - 1, 2**31 - 1)


@dataclass(frozen=True)
class ReportBill:
    """A bill as ``engine.models.Bill`` describes it, of any account."""

    sequence: int
    bill_no: int
    market: int
    account: int
    lots: int
    price_ticks: int
    amount: int
    fee: int
    extra: int
    time_ms: int

    @property
    def cursor(self) -> Cursor:
        """Where a page that begins after this bill begins."""
        return self.sequence, self.bill_no


def bills_of(
    group_id: int, markets: list[int], kind: str, before: Cursor | None = None, limit: int = PAGE_SIZE
) -> tuple[list[ReportBill], Cursor | None]:
    """Bills of one ``kind`` (a name of ``BILL_KINDS``) in these markets, newest first, and where the next page begins
    (``None``: there is none)."""
    sequence, bill_no = before or _NEWEST
    bound = [sequence, sequence, bill_no, limit + 1, limit + 1]
    with connection.cursor() as cursor:
        cursor.execute(_BILLS_SQL, [markets, group_id, BILL_KINDS[kind], *bound])
        rows = [ReportBill(*row) for row in cursor.fetchall()]
    return rows[:limit], rows[limit - 1].cursor if len(rows) > limit else None


def ask(group_id: int, question: str, **more: int) -> dict[str, Any]:
    """A query of ``kernel/WIRE.md`` with the patience of a public page. Raises as ``client.query``."""
    return client.query(group_id, {"q": question, **more}, PATIENCE_SECONDS)


def disputes_of(venue: Venue, before: int | None = None) -> tuple[list[EventMove], int | None]:
    """Disputes of results at the venue, newest first, with where the next page begins."""
    moves = EventMove.objects.filter(
        event__venue_id=venue.books_id, state=EventState.DISPUTED
    ).select_related("event")
    if before is not None:
        moves = moves.filter(pk__lt=before)
    rows = list(moves.order_by("-pk")[: PAGE_SIZE + 1])
    return rows[:PAGE_SIZE], rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None


def incidents_of(group_id: int, limit: int = 10) -> list[Incident]:
    """What an operator had to see of the venue's risk group, newest first."""
    return list(Incident.objects.filter(group_id=group_id).order_by("-created_at")[:limit])
