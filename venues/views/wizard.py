"""The wizard: one page a step. Every form is saved whatever button sends it, so a step can be left for any other.

A button says where to: ``action`` is ``next``, ``go:<step>``, or an act of the step (``add:swap``, ``remove:0``).
"""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.ui.requests import SignedInRequest
from venues.fields import mark
from venues.launch_specs import launch_errors
from venues.models import LaunchDraft
from venues.selectors import deployer_of
from venues.services import drafts
from venues.stakes import stake_standing
from venues.steps import BY_KEY, KEYS, kinds_of, standings, step_of
from venues.views.wizard_steps import ACTS, SAVED, SHOWN, TYPED, Again, save_sources, trial_of


@login_required
@require_http_methods(["GET", "POST"])
def step(request: SignedInRequest, draft_id: int, step: str) -> HttpResponse:
    """One step: shown, or saved and left for where the button points."""
    try:
        draft = drafts.editable_draft(request.user, draft_id)
    except DomainError as refused:
        if refused.code == "draft_launched":
            return redirect("launch:progress", draft_id)
        messages.error(request, refused.message)
        return redirect("launch:start")
    if request.method == "GET":
        return _page(request, draft, step)
    action, _, detail = request.POST.get("action", "next").partition(":")
    try:
        SAVED[step](request, draft)
        acted = ACTS[step](request, draft, action, detail) if step in ACTS else None
    except DomainError as refused:
        return _page(request, draft, step, extra={refused.field or "": refused}, status=422)
    if isinstance(acted, Again):
        return _again(request, draft, step, acted)
    if action == "go" and detail in KEYS:
        return redirect(f"launch:{detail}", draft.pk)
    if action != "next":
        return _again(request, draft, step, Again())
    errors = launch_errors(request.user, draft.data)
    if any(step_of(name) == step for name in errors):
        return _page(request, draft, step, all_marked=True, status=422)
    return redirect(f"launch:{KEYS[min(KEYS.index(step) + 1, len(KEYS) - 1)]}", draft.pk)


@login_required
@require_POST
def check(request: SignedInRequest, draft_id: int, step: str) -> HttpResponse:
    """While typing: save the draft, and send each field's note as it now stands (422 if any is a refusal)."""
    try:
        draft = drafts.editable_draft(request.user, draft_id)
    except DomainError:
        return HttpResponse(status=204)
    if step not in TYPED:
        return HttpResponse(status=204)
    SAVED[step](request, draft)
    errors = launch_errors(request.user, draft.data)
    page = SHOWN[step](request, draft)
    wrong = mark(page.fields, errors, typed_only=True)
    context = {"fields": page.fields, "wrong": wrong, "draft": draft, **_frame(request, draft, step, errors)}
    return render(request, "venues/wizard_checked.html", context, status=422 if wrong else 200)


@login_required
@require_POST
def test_sources(request: SignedInRequest, draft_id: int, key: str) -> HttpResponse:
    """Ask the price sources of one market now (a fragment)."""
    try:
        draft = drafts.editable_draft(request.user, draft_id)
        save_sources(request, draft)
        trial = trial_of(request, draft, key)
    except DomainError as refused:
        return render(request, "venues/trial.html", {"error": refused.message}, status=422)
    return render(request, "venues/trial.html", {"trial": trial})


def _page(
    request: SignedInRequest,
    draft: LaunchDraft,
    step: str,
    *,
    context: Mapping[str, Any] | None = None,
    extra: Mapping[str, DomainError] | None = None,
    all_marked: bool = False,
    status: int = 200,
) -> HttpResponse:
    """A step's page, every typed field that is wrong marked (all of them after "next")."""
    errors = launch_errors(request.user, draft.data)
    page = SHOWN[step](request, draft)
    mark(page.fields, {**errors, **(extra or {})}, typed_only=not all_marked and not extra)
    for card in page.context.get("markets", ()):
        if "fields" in card:
            card["wrong"] = sum(1 for each in card["fields"] if each.error)
    own = [
        error.message for name, error in (extra or {}).items() if name not in {f.name for f in page.fields}
    ]
    if all_marked:
        own += [errors[name].message for name in ("markets", "assets") if name in errors and step == name]
    frame = _frame(request, draft, step, errors)
    told = {"fields": page.fields, "form_errors": own, **frame, **page.context, **(context or {})}
    return render(request, f"venues/step_{step}.html", told, status=status)


def _frame(
    request: SignedInRequest, draft: LaunchDraft, step: str, errors: Mapping[str, DomainError]
) -> dict[str, Any]:
    """What the frame of every step shows: where the draft stands, and what comes before and after."""
    stake_now = stake_standing(request.user.pk, kinds_of(draft.data))
    found = standings(draft.data, errors, deployer_of(request.user.pk), stake_now)
    place = KEYS.index(step)
    return {
        "draft": draft,
        "steps": found,
        "current": BY_KEY[step],
        "number": place + 1,
        "before": found[place - 1].step if place else None,
        "after": found[place + 1].step if place + 1 < len(found) else None,
        "open_steps": [each for each in found[:-1] if each.state != "done"],
    }


def _again(request: SignedInRequest, draft: LaunchDraft, step: str, again: Again) -> HttpResponse:
    if again.context is not None:
        return _page(request, draft, step, context=again.context)
    answer = redirect(f"launch:{step}", draft.pk)
    return HttpResponseRedirect(f"{answer.url}#{again.anchor}") if again.anchor else answer
