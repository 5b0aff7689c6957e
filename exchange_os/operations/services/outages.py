"""Risk groups that do not answer: noticed while it lasts, kept with its beginning and end.

What is looked at is the oldest entry of a group's stream, as ``figures`` found it for a sample. A group of which nobody
wants anything has none, so it is quiet and not away. Where no engine worker is alive no group is blamed: that has an
alarm of its own, and what began before stays open.
"""

import logging

from django.db.models import QuerySet

from exchange_os.engine.models import Incident
from exchange_os.operations.selectors.figures import Figures, GroupFigures

log = logging.getLogger(__name__)

OUTAGE_MS = 30_000


def note_outages(now: Figures) -> int:
    """Open an outage for every group whose oldest entry has waited for longer than ``OUTAGE_MS``, and close those whose
    entry has been answered since; how many are open. Safe to repeat."""
    if not now.workers:
        return _open().count()
    waiting = {row.group.pk: row for row in now.groups if (row.oldest_ms or 0) > OUTAGE_MS}
    for outage in _open():
        row = waiting.get(outage.group_id)
        if row is None or row.oldest_entry != outage.stream_entry:
            Incident.objects.filter(pk=outage.pk).update(ended_at=now.at, resolved=True)
            log.warning("answers again", extra={"group": outage.group_id})
    for row in waiting.values():
        _note(row)
    return _open().count()


def _open() -> QuerySet[Incident]:
    return Incident.objects.filter(kind=Incident.Kind.OUTAGE, ended_at=None)


def _note(row: GroupFigures) -> None:
    message = f"Commands wait and none is answered: {row.depth:,} after {(row.oldest_ms or 0) // 1000} s."
    _, is_new = Incident.objects.get_or_create(
        group_id=row.group.pk, kind=Incident.Kind.OUTAGE, ended_at=None,
        defaults={"message": message, "stream_entry": row.oldest_entry, "sequence": row.group.head_sequence},
    )  # fmt: skip
    if is_new:
        log.warning("does not answer", extra={"group": row.group.pk})
