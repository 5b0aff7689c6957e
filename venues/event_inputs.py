"""What people type of the end of an event, read: the result they say is right, and what bears it out."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.core.files.uploadedfile import UploadedFile

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import read_decimal
from venues.evidence import MAX_FILE_BYTES, MAX_ITEMS, EvidenceItem, evidence_file, evidence_link
from venues.inputs import text_of
from venues.models import PPM, Event, EventKind

#: What stands for "there is no result" in the list of outcomes.
VOID = "void"


def read_result(event: Event, data: Mapping[str, Any], names: Mapping[int, str]) -> dict[int, int] | None:
    """The result as typed, parts per million by outcome; ``None`` for void. ``names`` are what can win.

    ``outcome`` is the one that won, ``percent`` what the long side of a scalar gets. Raises ``payouts_invalid``.
    """
    won = text_of(data, "outcome")
    if won == VOID:
        return None
    if event.kind == EventKind.SCALAR:
        share = read_decimal(text_of(data, "percent").rstrip("% "))
        part = share * (PPM // 100) if share is not None else Decimal(-1)
        if not 0 <= part <= PPM or part != part.to_integral_value():
            raise DomainError(
                "payouts_invalid", "Enter what Long gets, from 0 to 100 per cent.", field="percent"
            )
        return {0: int(part), 1: PPM - int(part)}
    if not (won.isascii() and won.isdigit() and len(won) <= 3) or int(won) not in names:
        raise DomainError("payouts_invalid", "Choose the outcome that happened.", field="outcome")
    return {int(won): PPM}


def read_evidence(data: Mapping[str, Any], files: Sequence[UploadedFile]) -> list[EvidenceItem]:
    """The evidence as handed in: files, and a link with its hash. Raises ``evidence_too_many``, and as
    ``venues.evidence``."""
    if len(files) > MAX_ITEMS:
        raise DomainError("evidence_too_many", f"Choose at most {MAX_ITEMS} files.", field="files")
    items = [evidence_file(file.name or "", file.read(MAX_FILE_BYTES + 1)) for file in files]
    if text_of(data, "link") or text_of(data, "hash"):
        items.append(evidence_link(text_of(data, "link"), text_of(data, "hash")))
    return items
