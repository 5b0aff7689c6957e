"""Applications: submitted to an issuer, reviewed, and decided once."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.sealing import seal, unseal
from venues.countries import COUNTRIES
from venues.models import (
    CASE_MOVES,
    CaseMove,
    CaseState,
    Credential,
    DocumentKind,
    Issuer,
    IssuerKind,
    KycCase,
    Role,
    Venue,
)
from venues.services.acts import note_act
from venues.services.credentials import check_facts, issue_credential
from venues.services.kyc_documents import Upload, check_upload, keep_document
from venues.services.roles import require_role
from venues.services.screening import Subject, screen_holder

PURPOSE = "kyc details"
#: Documents that an application for a level brings.
NEEDED = {
    1: (),
    2: (DocumentKind.IDENTITY,),
    3: (DocumentKind.IDENTITY, DocumentKind.ADDRESS, DocumentKind.FUNDS),
}


@dataclass(frozen=True)
class Details:
    """What an applicant tells the issuer, and nobody else: kept encrypted."""

    name: str
    born: str
    country: str
    address: str = ""


def apply_for(
    user: AbstractBaseUser,
    issuer: Issuer,
    level: int,
    details: Details,
    uploads: Sequence[Upload] = (),
    venue: Venue | None = None,
) -> KycCase:
    """Apply to an issuer for a level; ``venue`` is where the applicant wants to trade, and sees the credential then.

    Raises, at its field: ``level_invalid``, ``name_invalid``, ``born_invalid``, ``country_invalid``,
    ``address_invalid``, ``document_missing``, those of ``check_upload``; and ``issuer_unknown``, ``case_open``.
    """
    if not issuer.active:
        raise DomainError("issuer_unknown", "This issuer takes no applications now.")
    if level not in NEEDED:
        raise DomainError("level_invalid", "Choose a level from 1 to 3.", field="level")
    if issuer.kind == IssuerKind.DESK:
        _check_details(details, level)
        _check_documents(level, uploads)
    try:
        with transaction.atomic():
            case = KycCase.objects.create(
                issuer=issuer, holder_id=user.pk, venue=venue, level=level, country=details.country,
                details_sealed=seal(PURPOSE, json.dumps(asdict(details)).encode()),
            )  # fmt: skip
            CaseMove.objects.create(case=case, state=case.state, by_id=user.pk)
            for upload in uploads:
                keep_document(case, upload)
    except IntegrityError as again:
        raise DomainError(
            "case_open", f"{issuer.name} has an application of yours already; it is decided first."
        ) from again
    if issuer.kind == IssuerKind.DESK:
        screen_holder(user.pk, issuer, Subject(details.name, details.born))
    return case


def _check_details(details: Details, level: int) -> None:
    if not 3 <= len(details.name.strip()) <= 100:
        raise DomainError("name_invalid", "Enter your full name as your document has it.", field="name")
    try:
        born = date.fromisoformat(details.born)
    except ValueError:
        born = date.max
    today = timezone.now().date()
    if not today - timedelta(days=366 * 120) < born < today:
        raise DomainError("born_invalid", "Enter your date of birth.", field="born")
    if details.country not in COUNTRIES:
        raise DomainError("country_invalid", "Choose the country you live in.", field="country")
    if level >= 3 and not 10 <= len(details.address.strip()) <= 300:
        raise DomainError("address_invalid", "Enter your address: street, town and code.", field="address")


def _check_documents(level: int, uploads: Sequence[Upload]) -> None:
    for upload in uploads:
        check_upload(upload)
    brought = {upload.kind for upload in uploads}
    for kind in NEEDED[level]:
        if kind not in brought:
            raise DomainError(
                "document_missing",
                f"{kind.label}: choose a JPEG, PNG or PDF of at most 5 MB.",
                field=kind.value,
            )


def add_documents(user: AbstractBaseUser, case_id: int, uploads: Sequence[Upload]) -> KycCase:
    """Bring what the issuer still wants; the application is then submitted again.

    Raises ``case_unknown``, ``document_missing``, those of ``keep_document``.
    """
    with transaction.atomic():
        case = KycCase.objects.select_for_update().filter(pk=case_id, holder_id=user.pk).first()
        if case is None:
            raise DomainError("case_unknown", "You have no such application.")
        if not uploads:
            raise DomainError("document_missing", "Choose a document first.", field="other")
        for upload in uploads:
            keep_document(case, upload)
        if case.state == CaseState.MORE_WANTED:
            case.wanted = ""
            move_case(case, CaseState.SUBMITTED, user)
    return case


def withdraw_case(user: AbstractBaseUser, case_id: int) -> KycCase:
    """Take one's application back; what was sent is shredded with the next night.

    Raises ``case_unknown``, ``case_state``.
    """
    with transaction.atomic():
        case = KycCase.objects.select_for_update().filter(pk=case_id, holder_id=user.pk).first()
        if case is None:
            raise DomainError("case_unknown", "You have no such application.")
        case.keep_until = timezone.now()
        move_case(case, CaseState.WITHDRAWN, user)
    return case


def reviewed_case(user: AbstractBaseUser, venue: Venue, case_id: int) -> KycCase:
    """An application to one of the venue's issuers. Compliance's act.

    Raises ``role_missing``, ``case_unknown``.
    """
    require_role(user, venue, Role.COMPLIANCE)
    case = (
        KycCase.objects.filter(pk=case_id, issuer__venue=venue)
        .select_related("issuer", "venue", "holder")
        .first()
    )
    if case is None:
        raise DomainError("case_unknown", "There is no such application.")
    return case


def details_of(case: KycCase) -> Details | None:
    """What the applicant told; ``None`` once it is shredded."""
    if not case.details_sealed:
        return None
    return Details(**json.loads(unseal(PURPOSE, bytes(case.details_sealed))))


def screen_again() -> int:
    """Screen everybody anew who holds a credential of a desk and whose details are still kept; how many."""
    cases = (
        KycCase.objects.filter(
            state=CaseState.APPROVED, shredded=None, issuer__kind=IssuerKind.DESK, credentials__revoked=None
        )
        .select_related("issuer")
        .distinct()
    )
    count = 0
    for case in cases.iterator(chunk_size=500):
        details = details_of(case)
        if details is not None and details.name:
            screen_holder(case.holder_id, case.issuer, Subject(details.name, details.born))
            count += 1
    return count


def start_review(user: AbstractBaseUser, venue: Venue, case_id: int) -> KycCase:
    """Take an application up, so that its applicant sees it is being read. Raises ``case_unknown``, ``case_state``."""
    with transaction.atomic():
        case = _locked(user, venue, case_id)
        move_case(case, CaseState.IN_REVIEW, user)
    return case


def want_more(user: AbstractBaseUser, venue: Venue, case_id: int, wanted: str) -> KycCase:
    """Ask the applicant for more. Raises ``reason_missing``, ``case_unknown``, ``case_state``."""
    if not wanted.strip():
        raise DomainError("reason_missing", "Say what you still need; the applicant reads it.", field="words")
    with transaction.atomic():
        case = _locked(user, venue, case_id)
        case.wanted = wanted.strip()[:500]
        move_case(case, CaseState.MORE_WANTED, user, case.wanted)
    return case


def approve_case(
    user: AbstractBaseUser, venue: Venue, case_id: int, *, level: int = 0, claims: Sequence[str] = ()
) -> Credential:
    """Issue what was applied for, or a lower level. Nobody decides on their own application.

    Raises ``case_unknown``, ``case_state``, ``own_case``, ``level_invalid`` and those of ``issue_credential``.
    """
    with transaction.atomic():
        case = _locked(user, venue, case_id)
        if level > case.level:
            raise DomainError("level_invalid", "A higher level needs an application for it.", field="level")
        made = grant(case, user, level=level or case.level, country=case.country, claims=claims)
        note_act(venue, user, "approved an application", f"number {case.pk}", after={"level": made.level})
    return made


def refuse_case(user: AbstractBaseUser, venue: Venue, case_id: int, reason: str) -> KycCase:
    """Refuse an application for a reason its applicant reads.

    Raises ``reason_missing``, ``case_unknown``, ``case_state``, ``own_case``.
    """
    if not reason.strip():
        raise DomainError("reason_missing", "Say why, in a sentence the applicant reads.", field="words")
    with transaction.atomic():
        case = _locked(user, venue, case_id)
        turn_down(case, user, reason)
        note_act(venue, user, "refused an application", f"number {case.pk}", words=reason)
    return case


def grant(case: KycCase, by: AbstractBaseUser | None, *, level: int, country: str, claims: Sequence[str] = (),
          evidence: str = "") -> Credential:  # fmt: skip
    """Approve a locked application and issue its credential. Raises what ``issue_credential`` raises."""
    check_facts(level, country, claims)
    case.country = country
    _decide(case, CaseState.APPROVED, by)
    return issue_credential(
        case.issuer, case.holder_id, level=level, jurisdiction=country, claims=claims, case=case,
        evidence=evidence or f"application {case.reference}",
    )  # fmt: skip


def turn_down(case: KycCase, by: AbstractBaseUser | None, reason: str) -> None:
    """Refuse a locked application."""
    case.reason = reason.strip()[:500]
    _decide(case, CaseState.REFUSED, by, case.reason)


def _decide(case: KycCase, state: CaseState, by: AbstractBaseUser | None, words: str = "") -> None:
    case.decided = timezone.now()
    case.keep_until = case.decided + timedelta(days=case.issuer.retention_days)
    move_case(case, state, by, words)


def _locked(user: AbstractBaseUser, venue: Venue, case_id: int) -> KycCase:
    require_role(user, venue, Role.COMPLIANCE)
    case = (
        KycCase.objects.select_for_update(of=("self",))
        .select_related("issuer")
        .filter(pk=case_id, issuer__venue=venue)
        .first()
    )
    if case is None:
        raise DomainError("case_unknown", "There is no such application.")
    if case.holder_id == user.pk:
        raise DomainError("own_case", "Somebody else has to look at your own application.")
    return case


def move_case(case: KycCase, state: CaseState, by: AbstractBaseUser | None, words: str = "") -> None:
    """Move a locked application to a state, and note it. Raises ``case_state``."""
    if state not in CASE_MOVES[CaseState(case.state)]:
        raise DomainError(
            "case_state",
            f"The application is {case.get_state_display().lower()}; this is no longer possible.",
        )
    case.state = state
    case.save()
    CaseMove.objects.create(case=case, state=state, by_id=by.pk if by else None, words=words[:500])
