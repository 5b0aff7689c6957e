"""Bringing a case, attaching evidence, replaying it; declaring a conflict; asking for a halt."""

from datetime import UTC, datetime
from typing import Any

import orjson
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exchange_os.engine.past import last_batch_before
from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from governance.models import Decision, Evidence, EvidenceFile
from governance.offences import OFFENCES
from governance.pages.decision import decision_or_404
from governance.selectors.committee import member_of, require_member
from governance.selectors.records import venue_of
from governance.services.cases import draft_case
from governance.services.committee import declare_conflict
from governance.services.evidence import (
    FILE_TYPES,
    MAX_FILE_BYTES,
    Wanted,
    add_file,
    add_replay,
    replay_evidence,
)
from governance.services.halts import propose_halt
from venues.models import Venue
from venues.selectors import live_venues

TIME_FORMAT = "%Y-%m-%dT%H:%M"


@signed_in
@require_http_methods(["GET", "POST"])
def new_case(request: SignedInRequest) -> HttpResponse:
    """A draft by a member, or a complaint by anyone, which members take up or dismiss."""
    if request.method == "GET":
        typed = {"venue": request.GET.get("venue", ""), "offence_at": f"{timezone.now():{TIME_FORMAT}}"}
        return _form(request, typed)
    try:
        made = draft_case(
            request.user,
            _venue(request.POST.get("venue", "")),
            request.POST.get("offence", ""),
            _time(request.POST.get("offence_at", "")),
            request.POST.get("title", ""),
            request.POST.get("summary", ""),
            subject=request.POST.get("subject", "")[:40],
        )
    except DomainError as refused:
        return _form(request, request.POST, refused, 422)
    messages.success(request, "The draft is there. Attach what shows it.")
    return redirect("governance:decision", made.pk)


def _form(
    request: SignedInRequest, typed: Any, refused: DomainError | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "venues": live_venues(),
        "offences": OFFENCES.values(),
        "typed": typed,
        "error": refused.message if refused else "",
        "error_field": refused.field if refused else "",
        "member": member_of(request.user.pk),
    }
    return render(request, "governance/new_case.html", context, status=status)


def _venue(slug: str) -> Venue:
    venue = live_venues().filter(slug=slug).first()
    if venue is None:
        raise DomainError("venue_unknown", "Choose the venue.", field="venue")
    return venue


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text[:16], TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError as unreadable:
        raise DomainError(
            "offence_time_invalid", "Say when it happened, in UTC.", field="offence_at"
        ) from unreadable


@signed_in
@require_POST
def attach(request: SignedInRequest, number: int) -> HttpResponse:
    """A file, or a replay of the journal by a rule."""
    found = decision_or_404(number)
    try:
        if request.POST.get("rule"):
            add_replay(found, request.user, request.POST.get("title", ""), _wanted(request, found))
        else:
            sent = request.FILES.get("file")
            if sent is None or (sent.size or 0) > MAX_FILE_BYTES:
                raise DomainError(
                    "file_too_large", f"Choose a file of at most 2 MB: {', '.join(sorted(FILE_TYPES))}."
                )
            add_file(found, request.user, request.POST.get("title", ""), sent.name or "", sent.read())
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "Attached.")
    return redirect("governance:decision", number)


def _wanted(request: SignedInRequest, found: Decision) -> Wanted:
    try:
        params = orjson.loads(request.POST.get("params") or "{}")
    except ValueError as unreadable:
        raise DomainError("params_invalid", "Parameters are one JSON object.", field="params") from unreadable
    if not isinstance(params, dict):
        raise DomainError("params_invalid", "Parameters are one JSON object.", field="params")
    first, last = (request.POST.get(name, "") for name in ("first_sequence", "last_sequence"))
    venue = venue_of(found)
    newest = last_batch_before(venue.group_id, 2**53) if venue else 0
    return Wanted(
        request.POST["rule"],
        params,
        int(first) if first.isdecimal() and len(first) < 16 else 1,
        int(last) if last.isdecimal() and len(last) < 16 else newest,
    )


@require_safe
def evidence_file(request: HttpRequest, number: int) -> HttpResponse:
    """A file as it is, to be saved and never shown in the page."""
    kept = EvidenceFile.objects.filter(pk=number).first()
    if kept is None:
        raise Http404("There is no such file.")
    answer = HttpResponse(bytes(kept.data), content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{kept.name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@signed_in
@require_POST
def replay(request: SignedInRequest, number: int) -> HttpResponse:
    """Replay a finding now and compare it with what was recorded."""
    evidence = Evidence.objects.filter(pk=number).first()
    if evidence is None:
        raise Http404("There is no such evidence.")
    found, error = None, ""
    try:
        found = replay_evidence(evidence)
    except DomainError as refused:
        error = refused.message
    if request.headers.get("HX-Request") == "true":
        context = {"found": found, "error": error, "evidence": evidence}
        return render(request, "governance/decision/replayed.html", context)
    if found is not None and found.same:
        messages.success(request, "Replayed: the finding is the one that was recorded.")
    else:
        messages.error(request, error or "Replayed: the finding is not the one that was recorded.")
    return redirect("governance:decision", evidence.decision_id)


@require_safe
def text(request: HttpRequest, number: int) -> HttpResponse:
    """The canonical bytes of a decision, whose SHA-256 is what members sign."""
    found = decision_or_404(number)
    if not found.digest:
        raise Http404("The text of a draft is not frozen yet.")
    return HttpResponse(bytes(found.text), content_type="application/json")


@signed_in
@require_POST
def conflict(request: SignedInRequest) -> HttpResponse:
    """A member's own word that they do not judge a venue."""
    try:
        member = require_member(request.user.pk)
        declare_conflict(member, _venue(request.POST.get("venue", "")), request.POST.get("reason", ""))
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "Declared and published.")
    return redirect("governance:committee")


@signed_in
@require_POST
def halt(request: SignedInRequest) -> HttpResponse:
    """A guardian asks the others to halt a venue at once."""
    try:
        made = propose_halt(
            request.user, _venue(request.POST.get("venue", "")), request.POST.get("reason", "")
        )
    except DomainError as refused:
        messages.error(request, refused.message)
        return redirect("governance:committee")
    messages.success(request, "Asked. Cast your own vote now; one more carries it.")
    return redirect("governance:decision", made.pk)
