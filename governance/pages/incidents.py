"""The feed of incidents: what the platform found by itself, and the draft of a case that a member makes of it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from governance.models import Incident
from governance.offences import OFFENCES
from governance.rules import RULES, command_of
from governance.selectors.committee import member_of
from governance.services.incidents import draft_from_incident

PAGE = 25


@require_safe
def incidents(request: HttpRequest) -> HttpResponse:
    """Incidents, newest first, of one rule where asked."""
    rule = request.GET.get("rule", "")
    before = request.GET.get("before", "")
    found = Incident.objects.select_related("venue", "case__decision").order_by("-pk")
    if rule in RULES:
        found = found.filter(rule=rule)
    if before.isascii() and before.isdigit() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    rows = list(found[: PAGE + 1])
    context = {
        "rows": [(row, RULES[row.rule].label, OFFENCES[row.offence], _command(row)) for row in rows[:PAGE]],
        "following": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "rule": rule,
        "rules": [(each.name, each.label) for each in RULES.values()],
        "member": member_of(request.user.pk if request.user.is_authenticated else None),
    }
    return render(request, "governance/incidents.html", context)


def _command(row: Incident) -> str:
    return command_of(row.group_id, row.rule, row.params, row.first_sequence, row.last_sequence)


@signed_in
@require_POST
def draft(request: SignedInRequest, number: int) -> HttpResponse:
    """A member's draft of a case from an incident."""
    incident = Incident.objects.filter(pk=number).first()
    if incident is None:
        raise Http404("There is no such incident.")
    try:
        case = draft_from_incident(incident, request.user)
    except DomainError as refused:
        messages.error(request, refused.message)
        return redirect("governance:incidents")
    messages.success(request, "Drafted, with the finding attached. Look at it, then open it or turn it away.")
    return redirect("governance:decision", case.pk)
