"""The console's tab Compliance: applications to the venue's desk, their documents, decisions, credentials."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from exchange_os.errors import DomainError
from venues.access import CLAIMS, LEVEL_WORDS, LEVELS
from venues.console import Console, console_page
from venues.countries import country_name
from venues.inputs import text_of
from venues.models import OPEN_CASES, CaseState, DocumentView, KycCase, Screening
from venues.services.credentials import revoke_credential
from venues.services.kyc_cases import (
    approve_case,
    details_of,
    refuse_case,
    reviewed_case,
    start_review,
    want_more,
)
from venues.services.kyc_documents import open_document
from venues.services.screening import clear_hit

MOST = 100


@require_GET
@console_page("compliance")
def queue(console: Console) -> HttpResponse:
    """Applications that wait, oldest first; or those that are decided, newest first."""
    decided = console.request.GET.get("show") == "decided"
    cases = KycCase.objects.filter(issuer__venue=console.venue).select_related("holder", "issuer")
    cases = (
        cases.exclude(state__in=OPEN_CASES).order_by("-decided")
        if decided
        else cases.filter(state__in=OPEN_CASES)
    )
    rows = [_row(case) for case in cases[:MOST]]
    waiting = KycCase.objects.filter(issuer__venue=console.venue, state__in=OPEN_CASES).count()
    return console.render(
        "venues/console/compliance.html", {"rows": rows, "decided": decided, "waiting": waiting}
    )


def _row(case: KycCase) -> dict[str, Any]:
    details = details_of(case)
    screening = Screening.objects.filter(holder_id=case.holder_id, issuer=case.issuer).first()
    return {
        "case": case,
        "name": details.name
        if details and details.name
        else "Shredded"
        if case.shredded
        else "At the provider",
        "country": country_name(case.country),
        "level": LEVELS[case.level],
        "screening": screening,
    }


@require_GET
@console_page("compliance")
def case(console: Console, case_id: int) -> HttpResponse:
    """One application with everything that decides it."""
    try:
        found = reviewed_case(console.request.user, console.venue, case_id)
    except DomainError:
        return HttpResponse(status=404)
    screenings = Screening.objects.filter(holder_id=found.holder_id, issuer=found.issuer).select_related("by")
    views = DocumentView.objects.filter(document__case=found).select_related("by", "document").order_by("-pk")
    context = {
        "case": found,
        "details": details_of(found),
        "country": country_name(found.country),
        "level": LEVELS[found.level],
        "level_words": LEVEL_WORDS[found.level],
        "levels": [(number, LEVELS[number]) for number in range(1, found.level + 1)],
        "claims": list(CLAIMS.items()),
        "documents": found.documents.all(),
        "views": views[:20],
        "moves": found.moves.select_related("by"),
        "screenings": screenings[:5],
        "credentials": found.credentials.all(),
        "is_open": found.state in OPEN_CASES,
        "may_start": found.state == CaseState.SUBMITTED,
        "own": found.holder_id == console.request.user.pk,
    }
    return console.render("venues/console/compliance_case.html", context)


@require_POST
@console_page("compliance")
def decide_case(console: Console, case_id: int, verb: str) -> HttpResponse:
    """Take up, approve, refuse, ask for more, clear a hit, revoke what was issued."""
    request, venue = console.request, console.venue
    words, level = text_of(request.POST, "words"), text_of(request.POST, "level")
    try:
        found = reviewed_case(request.user, venue, case_id)
        if verb == "start":
            start_review(request.user, venue, case_id)
            done = "You are reading it; the applicant sees that."
        elif verb == "approve":
            approve_case(request.user, venue, case_id, level=int(level) if level.isdecimal() else 0,
                         claims=request.POST.getlist("claims"))  # fmt: skip
            done = "Approved: the credential is issued."
        elif verb == "refuse":
            refuse_case(request.user, venue, case_id, words)
            done = "Refused; the applicant reads why."
        elif verb == "more":
            want_more(request.user, venue, case_id, words)
            done = "Asked; it comes back when the applicant answers."
        elif verb == "clear":
            clear_hit(request.user, venue, found.holder_id, words)
            done = "The hit is cleared."
        elif verb == "revoke":
            for credential in found.credentials.filter(revoked=None):
                revoke_credential(request.user, credential.pk, venue, words)
            done = "The credential is revoked."
        else:
            return HttpResponse(status=404)
    except DomainError as refused:
        if refused.code == "case_unknown":
            return HttpResponse(status=404)
        messages.error(request, refused.message)
    else:
        messages.success(request, done)
    return redirect("deployer:compliance_case", venue.pk, case_id)


@require_POST
@console_page("compliance")
def document(console: Console, document_id: int) -> HttpResponse:
    """A document as a download, noted as seen. It is never shown inside a page."""
    try:
        opened = open_document(console.request.user, console.venue, document_id)
    except DomainError as refused:
        return HttpResponse(refused.message, status=404, content_type="text/plain")
    response = HttpResponse(opened.data, content_type=opened.content_type)
    response["Content-Disposition"] = f'attachment; filename="{opened.name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "no-store, private"
    return response
