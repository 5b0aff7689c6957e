"""Documents of applications: kept as they were sent, encrypted, and given only to the desk that asked for them.

What a document is is read from its first bytes, not from what the browser says. It is never opened, shown inline or
converted here: whoever may see it downloads it, and each time is noted before a byte leaves.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.sealing import seal, unseal
from venues.models import (
    OPEN_CASES,
    DocumentKind,
    DocumentView,
    KycCase,
    KycDocument,
    Role,
    Venue,
)
from venues.services.roles import require_role

PURPOSE = "kyc documents"
MAX_BYTES = 5_000_000
MAX_DOCUMENTS = 8
#: First bytes of what is taken, and the type it is served as.
SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"%PDF-", "application/pdf"),
)
ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}


@dataclass(frozen=True)
class Upload:
    """A document as it came in."""

    kind: str
    data: bytes


def check_upload(upload: Upload) -> str:
    """The type of a document. Raises, at the field of its kind: ``document_kind``, ``document_empty``,
    ``document_too_large``, ``document_type``."""
    if upload.kind not in DocumentKind.values:
        raise DomainError("document_kind", "Choose what the document shows.", field="kind")
    if not upload.data:
        raise DomainError("document_empty", "The file is empty; choose another.", field=upload.kind)
    if len(upload.data) > MAX_BYTES:
        raise DomainError(
            "document_too_large", "A document has at most 5 MB; make a smaller picture.", field=upload.kind
        )
    for start, content_type in SIGNATURES:
        if upload.data.startswith(start):
            return content_type
    raise DomainError("document_type", "Documents are JPEG, PNG or PDF.", field=upload.kind)


def keep_document(case: KycCase, upload: Upload) -> KycDocument:
    """Keep a document of an application, encrypted. The same bytes sent again are kept once.

    Raises what ``check_upload`` raises, ``case_closed`` and ``documents_full``.
    """
    content_type = check_upload(upload)
    if case.state not in OPEN_CASES:
        raise DomainError("case_closed", "The application is decided; documents are no longer taken.")
    digest = hashlib.sha256(upload.data).hexdigest()
    known = case.documents.filter(sha256=digest, kind=upload.kind, shredded=None).first()
    if known is not None:
        return known
    if case.documents.count() >= MAX_DOCUMENTS:
        raise DomainError(
            "documents_full", f"An application has at most {MAX_DOCUMENTS} documents.", field=upload.kind
        )
    return KycDocument.objects.create(
        case=case, kind=upload.kind, content_type=content_type, size=len(upload.data), sha256=digest,
        sealed=seal(PURPOSE, upload.data),
    )  # fmt: skip


@dataclass(frozen=True)
class Opened:
    """A document in the clear, for one answer."""

    name: str
    content_type: str
    data: bytes


def open_document(user: AbstractBaseUser, venue: Venue, document_id: int) -> Opened:
    """A document of an application to the venue's issuers, noted before it is handed out. Compliance's act.

    Raises ``venue_unknown``, ``role_missing``, ``document_unknown``, ``document_shredded``.
    """
    require_role(user, venue, Role.COMPLIANCE)
    row = KycDocument.objects.filter(pk=document_id, case__issuer__venue=venue).first()
    if row is None:
        raise DomainError("document_unknown", "There is no such document.")
    if row.shredded is not None:
        raise DomainError("document_shredded", "The document was shredded when its time was up.")
    DocumentView.objects.create(document=row, by_id=user.pk)
    name = f"{row.kind}-{row.case_id}-{row.pk}.{ENDINGS[row.content_type]}"
    return Opened(name, row.content_type, unseal(PURPOSE, bytes(row.sealed)))


def shred_old(now: datetime | None = None) -> int:
    """Shred documents and details of applications whose time is up; how many applications. Repeating finds none."""
    now = now or timezone.now()
    shredded = 0
    while True:
        with transaction.atomic():
            batch = KycCase.objects.select_for_update(skip_locked=True).filter(
                Q(keep_until__lte=now), shredded=None
            )[:100]
            numbers = [case.pk for case in batch]
            if not numbers:
                return shredded
            KycDocument.objects.filter(case__in=numbers, shredded=None).update(sealed=b"", shredded=now)
            KycCase.objects.filter(pk__in=numbers).update(details_sealed=b"", shredded=now)
            shredded += len(numbers)
