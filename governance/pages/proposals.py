"""Improvement proposals and the protocol's parameters: lists, the form, bounds and history."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Grade
from exchange_os.parameters.registry import PARAMETERS, Parameter
from exchange_os.parameters.selectors import amount, changes_of
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from exchange_os.ui.tags import duration_words
from governance.models import Decision, Proposal
from governance.pages.shown import lines_of, percent
from governance.selectors.committee import member_of, serving_members
from governance.selectors.decisions import OPEN_STATES
from governance.services.proposals import ACTIONS, bring_again, propose

PAGE = 50
FIELDS = (
    "kind", "name", "value", "email", "member_name", "days", "member", "guardian", "asset", "grade", "title",
    "summary",
)  # fmt: skip


@require_safe
def proposals(request: HttpRequest) -> HttpResponse:
    """Proposals, those that are open first."""
    now = timezone.now()
    found = Decision.objects.filter(kind__in=ACTIONS).order_by("-pk")[:PAGE]
    rows = lines_of(found, now)
    context = {
        "open": [row for row in rows if row["decision"].state in OPEN_STATES],
        "others": [row for row in rows if row["decision"].state not in OPEN_STATES],
        "member": member_of(request.user.pk if request.user.is_authenticated else None),
    }
    return render(request, "governance/proposals.html", context)


@require_safe
def parameters(request: HttpRequest) -> HttpResponse:
    """Every parameter with its bounds, its present value and what has changed it."""
    changes = changes_of()
    last = {change.name: change for change in reversed(changes)}
    areas: dict[str, list[dict[str, Any]]] = {}
    for each in PARAMETERS.values():
        value = amount(each.name)
        row = {
            "parameter": each,
            "value": f"{value:,f}",
            "meant": _meant(each, value),
            "last": last.get(each.name),
        }
        areas.setdefault(each.area, []).append(row)
    context = {
        "areas": areas.items(),
        "changes": changes[:PAGE],
        "member": member_of(request.user.pk if request.user.is_authenticated else None),
    }
    return render(request, "governance/parameters.html", context)


def _meant(parameter: Parameter, value: Decimal) -> str:
    """A value as people say it."""
    if parameter.unit == "seconds":
        return duration_words(int(value))
    return percent(int(value)) if parameter.unit == "ppm" else ""


@signed_in
@require_http_methods(["GET", "POST"])
def new_proposal(request: SignedInRequest) -> HttpResponse:
    """A member's draft, by kind."""
    if request.method == "GET":
        return _form(request, request.GET)
    try:
        made = propose(
            request.user,
            request.POST.get("kind", ""),
            {name: request.POST.get(name, "") for name in FIELDS},
            request.POST.get("title", ""),
            request.POST.get("summary", ""),
        )
    except DomainError as refused:
        return _form(request, request.POST, refused, 422)
    messages.success(request, "Drafted. This is what it would do; open it when the vote is to begin.")
    return redirect("governance:decision", made.pk)


def _form(
    request: SignedInRequest, typed: Mapping[str, Any], refused: DomainError | None = None, status: int = 200
) -> HttpResponse:
    kind = str(typed.get("kind", "")) or "parameter"
    context = {
        "actions": [(action.name, action.label) for action in ACTIONS.values()],
        "kind": kind if kind in ACTIONS else "parameter",
        "typed": {name: typed.get(name, "") for name in FIELDS},
        "parameters": [(each, f"{amount(each.name):,f}") for each in PARAMETERS.values()],
        "members": serving_members(),
        "assets": Asset.objects.order_by("symbol"),
        "grades": Grade.choices,
        "error": refused.message if refused else "",
        "error_field": refused.field if refused else "",
        "member": member_of(request.user.pk),
    }
    return render(request, "governance/new_proposal.html", context, status=status)


@signed_in
@require_POST
def again(request: SignedInRequest, number: int) -> HttpResponse:
    """Bring a vetoed proposal again."""
    found = Proposal.objects.filter(pk=number).first()
    if found is None:
        raise Http404("There is no such proposal.")
    try:
        made = bring_again(found, request.user)
    except DomainError as refused:
        messages.error(request, refused.message)
        return redirect("governance:decision", number)
    messages.success(request, "Drafted again. It needs more votes than before, and cannot be vetoed.")
    return redirect("governance:decision", made.pk)
