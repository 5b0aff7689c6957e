"""Exports as CSV: asked for on a page, written by a task part by part, kept for some days.

A part is a transaction that also counts it and proves that its writer is still the one: a writer that was thought dead
and comes back writes nothing more.
"""

import csv
import io
import logging
import uuid
import zlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from celery import current_app
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import KombuError, OperationalError

from exchange_os.errors import DomainError
from trading.models import Export, ExportKind, ExportPart, ExportState
from trading.selectors.exports import HEADINGS, Line, lines_of

log = logging.getLogger(__name__)

WRITE_TASK = "trading.write_export"
KEPT = timedelta(days=7)
AT_MOST = 5
LINES_A_PART = 5_000
SILENT = timedelta(seconds=60)  # a writer that has not written for so long is taken for dead


def request_export(user_id: int, kind: str, wanted: dict[str, Any] | None = None) -> Export:
    """Ask for an export, narrowed by ``wanted`` (see ``Export``).

    Raises ``export_unknown``, ``exports_full`` when the user has as many as are kept.
    """
    if kind not in ExportKind.values:
        raise DomainError("export_unknown", "Choose what to export.", field="kind")
    with transaction.atomic():
        get_user_model().objects.select_for_update(no_key=True).get(pk=user_id)
        if Export.objects.filter(user_id=user_id).count() >= AT_MOST:
            raise DomainError(
                "exports_full",
                f"You have {AT_MOST} exports; delete one that you no longer need.",
                field="kind",
            )
        made = Export.objects.create(
            user_id=user_id, kind=kind, wanted=wanted or {}, expires=timezone.now() + KEPT
        )
        transaction.on_commit(partial(_ring, made.pk))
    return made


def _ring(export_id: int) -> None:
    """Ask a worker to write it now; a lost message is made up by the sweep."""
    try:
        current_app.send_task(WRITE_TASK, args=[export_id], retry=False, ignore_result=True, expires=60)
    except (KombuError, OperationalError, OSError) as error:
        log.warning("export %s not sent: %s", export_id, error)


def delete_export(user_id: int, export_id: int) -> None:
    """Delete an export of the user, whatever its state; one that is being written ends at its next part."""
    Export.objects.filter(pk=export_id, user_id=user_id).delete()


def unwritten_exports() -> list[int]:
    """Exports that nobody writes: new ones, and those whose writer has fallen silent."""
    waiting = Export.objects.filter(state=ExportState.WAITING)
    silent = Export.objects.filter(state=ExportState.WRITING, changed__lt=timezone.now() - SILENT)
    return [*waiting.values_list("pk", flat=True), *silent.values_list("pk", flat=True)]


def delete_expired_exports() -> int:
    """Delete what has been kept long enough; how many."""
    expired = Export.objects.filter(expires__lt=timezone.now())
    count = expired.count()
    expired.delete()
    return count


def write_export(export_id: int) -> bool:
    """Write an export from its start to its end, unless another writer is at it; whether this one ended it."""
    run = uuid.uuid4()
    export = _claim(export_id, run)
    if export is None:
        return False
    lines = lines_of(export.user_id, export.kind, export.wanted)
    first: Iterator[Line] = iter([HEADINGS[export.kind]])
    for number, some in enumerate(_parts(first, lines)):
        if not _add_part(export_id, run, number, some):
            return False
    return bool(
        Export.objects.filter(pk=export_id, run=run).update(state=ExportState.DONE, changed=timezone.now())
    )


def _parts(first: Iterator[Line], lines: Iterable[Line]) -> Iterator[list[Line]]:
    yield list(first)
    buffer: list[Line] = []
    for line in lines:
        buffer.append(line)
        if len(buffer) == LINES_A_PART:
            yield buffer
            buffer = []
    if buffer:
        yield buffer


def _claim(export_id: int, run: uuid.UUID) -> Export | None:
    with transaction.atomic():
        export = Export.objects.select_for_update(skip_locked=True).filter(pk=export_id).first()
        if export is None or export.state == ExportState.DONE:
            return None
        if export.state == ExportState.WRITING and export.changed > timezone.now() - SILENT:
            return None
        ExportPart.objects.filter(export=export).delete()
        export.state, export.run, export.rows, export.parts = ExportState.WRITING, run, 0, 0
        export.save()
    return export


def _add_part(export_id: int, run: uuid.UUID, number: int, lines: list[Line]) -> bool:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    data = zlib.compress(text.getvalue().encode(), 6)
    with transaction.atomic():
        export = Export.objects.select_for_update().filter(pk=export_id, run=run).first()
        if export is None:
            return False
        ExportPart.objects.create(export=export, number=number, data=data)
        export.parts = number + 1
        export.rows += len(lines) if number else 0  # the first part is the heading
        export.save(update_fields=["parts", "rows", "changed"])
    return True
