"""Where a launch begins and ends: templates and drafts before the wizard, progress after it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import amount_text
from exchange_os.ui.requests import SignedInRequest
from venues.errors import Refusals
from venues.launch_specs import launch_errors
from venues.launch_templates import TEMPLATES
from venues.models import MarketKind, VenueState
from venues.selectors import deployer_of, drafts_of, own_venues, stake_standing
from venues.services import drafts
from venues.services.filling import draft_from_template, draft_from_venue
from venues.services.launch import launch_venue
from venues.stakes import minimums
from venues.steps import kinds_of, standings, step_of


@login_required
@require_GET
def start(request: SignedInRequest) -> HttpResponse:
    """Templates, the deployer's own venues to clone, and the drafts that wait."""
    standing = stake_standing(request.user.pk)
    context = {
        "templates": TEMPLATES,
        "own": own_venues(request.user.pk),
        "drafts": drafts_of(request.user.pk),
        "deployer": deployer_of(request.user.pk),
        "standing": standing,
        "free": amount_text(standing.free, standing.asset),
        "kinds": [
            (label, amount_text(units, standing.asset)) for label, units in minimums(MarketKind.choices)
        ],
    }
    return render(request, "venues/start.html", context)


@login_required
@require_POST
def new(request: SignedInRequest) -> HttpResponse:
    """Begin a draft: empty, from a ``template``, or from the ``venue`` that it clones."""
    template, venue = request.POST.get("template", ""), request.POST.get("venue", "")
    try:
        if template:
            draft = draft_from_template(request.user, template)
        elif venue.isdigit():
            draft = draft_from_venue(request.user, int(venue[:18]))
        else:
            draft = drafts.new_draft(request.user)
    except DomainError as refused:
        return _redirect_with(request, "launch:start", refused)
    return redirect("launch:resume", draft.pk)


@login_required
@require_GET
def resume(request: SignedInRequest, draft_id: int) -> HttpResponse:
    """The first step of a draft at which something is missing."""
    try:
        draft = drafts.editable_draft(request.user, draft_id)
    except DomainError as refused:
        if refused.code == "draft_launched":
            return redirect("launch:progress", draft_id)
        return _redirect_with(request, "launch:start", refused)
    errors = launch_errors(request.user, draft.data)
    stake = stake_standing(request.user.pk, kinds_of(draft.data))
    found = standings(draft.data, errors, deployer_of(request.user.pk), stake)
    return redirect(f"launch:{next(each.step.key for each in found if each.state != 'done')}", draft.pk)


@login_required
@require_POST
def delete(request: SignedInRequest, draft_id: int) -> HttpResponse:
    """Forget a draft."""
    try:
        drafts.delete_draft(drafts.editable_draft(request.user, draft_id))
    except DomainError as refused:
        return _redirect_with(request, "launch:start", refused)
    return redirect("launch:start")


@login_required
@require_POST
def launch(request: SignedInRequest, draft_id: int) -> HttpResponse:
    """Launch the draft and go to its progress; a refusal leads to the step where it can be mended."""
    try:
        launch_venue(request.user, drafts.own_draft(request.user, draft_id))
    except Refusals as refused:
        messages.error(request, refused.message)
        return redirect(f"launch:{step_of(next(iter(refused.errors)))}", draft_id)
    except DomainError as refused:
        if refused.code == "draft_unknown":
            return _redirect_with(request, "launch:start", refused)
        messages.error(request, refused.message)
        steps = {"not_a_deployer": "identity", "stake_too_small": "stake", "slug_taken": "venue"}
        return redirect(f"launch:{steps.get(refused.code, 'review')}", draft_id)
    return redirect("launch:progress", draft_id)


@login_required
@require_GET
def progress(request: SignedInRequest, draft_id: int) -> HttpResponse:
    """How far a launch is; the steps alone for htmx, which asks until it is over."""
    try:
        draft = drafts.own_draft(request.user, draft_id)
    except DomainError as refused:
        return _redirect_with(request, "launch:start", refused)
    if draft.venue is None:
        return redirect("launch:review", draft.pk)
    markets = list(draft.venue.markets.select_related("base", "quote", "event"))
    context = {
        "draft": draft,
        "venue": draft.venue,
        "markets": markets,
        "first": markets[0] if markets else None,
        "issues": [item.get("symbol", "").upper() for item in draft.data.get("assets", [])],
        "done": draft.venue.state in (VenueState.OPEN, VenueState.HALTED),
        "failed": draft.venue.state == VenueState.FAILED,
        "slow": draft.venue.launch_attempts > 1,
    }
    template = "venues/progress_steps.html" if request.headers.get("HX-Request") else "venues/progress.html"
    return render(request, template, context)


def _redirect_with(request: SignedInRequest, to: str, refused: DomainError) -> HttpResponse:
    """Go to a page and show the refusal there."""
    messages.error(request, refused.message)
    return redirect(to)
