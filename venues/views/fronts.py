"""Fronts: a request to show another venue's books, the owner's answer, and the end of it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import amount_words, stake_asset
from exchange_os.ui.requests import SignedInRequest
from venues.console import Console, console_page
from venues.errors import Refusals
from venues.fields import Field, mark
from venues.inputs import parse_percent_ppm, text_of
from venues.models import Fronting, FrontState
from venues.selectors import deployer_of, venue_by_slug
from venues.services.fronts import (
    answer_front,
    ask_to_front,
    end_front,
    fronting_for,
    fronting_of,
    fronts_of,
    withdraw_front,
)
from venues.specs import venue_spec
from venues.stakes import FRONT, min_stake

BADGES = {
    FrontState.LIVE: "badge-up",
    FrontState.ASKED: "badge-warn",
    FrontState.ENDING: "badge-warn",
    FrontState.CLOSING: "badge-warn",
}


@login_required
@require_http_methods(["GET", "POST"])
def new(request: SignedInRequest) -> HttpResponse:
    """Ask a venue for its books: a name and address of one's own, and a builder fee."""
    if deployer_of(request.user.pk) is None:
        return redirect("deployer:register")
    post = request.POST
    target = text_of(post, "owner") or text_of(request.GET, "venue")
    fields = [
        Field("owner", "Venue whose books you show", target, prefix="/v/", maxlength=30, placeholder="north",
              hint="Its owner is asked."),
        Field("name", "Your venue's name", text_of(post, "name"), maxlength=40, placeholder="My Exchange"),
        Field("slug", "Address", text_of(post, "slug"), prefix="/v/", maxlength=30, placeholder="mine"),
        Field("accent", "Accent", text_of(post, "accent") or "#2f6feb", "colour"),
        Field("builder_fee", "Your fee", text_of(post, "builder_fee"), "decimal", suffix="%", maxlength=8,
              placeholder="0.02", hint="Of every trade through your venue, on top of the fees of the books."),
        Field("description", "Description", text_of(post, "description"), "textarea", maxlength=280),
        Field("words", "To the owner", text_of(post, "words"), "textarea", maxlength=280,
              hint="Who you are and whom you bring."),
    ]  # fmt: skip
    status, error = 200, ""
    if request.method == "POST":
        try:
            owner = venue_by_slug(target)
            spec = venue_spec(post)
            ppm = parse_percent_ppm(post, "builder_fee")
            asked = ask_to_front(request.user, owner, spec, ppm, text_of(post, "words"))
        except DomainError as refused:
            errors = refused.errors if isinstance(refused, Refusals) else {_field(refused): refused}
            error = "" if mark(fields, errors) else refused.message
            status = 422
        else:
            messages.success(request, f"{asked.owner.name} is asked; you hear when it answers.")
            return redirect("deployer:home")
    context = {"fields": fields, "error": error, "least": amount_words(min_stake([FRONT]), stake_asset())}
    return render(request, "venues/front.html", context, status=status)


@require_GET
@console_page("fronts")
def fronts(console: Console) -> HttpResponse:
    """Who shows these books, or whose books these are."""
    rows = [_row(each) for each in fronts_of(console.venue)]
    own = fronting_of(console.venue)
    return console.render("venues/console/fronts.html", {"rows": rows, "own": _row(own) if own else None})


@require_POST
@console_page("fronts")
def act(console: Console, fronting_id: int, verb: str) -> HttpResponse:
    """Consent to a front, decline or withdraw the request, or end it with notice."""
    user = console.request.user
    reason = text_of(console.request.POST, "reason")
    try:
        made = fronting_for(user, fronting_id)
        if verb in ("consent", "decline"):
            made = answer_front(user, made, consent=verb == "consent")
        elif verb == "withdraw":
            made = withdraw_front(user, made)
        elif verb == "end":
            made = end_front(user, made, reason)
        else:
            return HttpResponse(status=404)
    except DomainError as refused:
        messages.error(console.request, refused.message)
    else:
        messages.success(console.request, f"{made.front.name}: {made.get_state_display().lower()}.")
    return redirect("deployer:fronts", console.venue.pk)


def _field(refused: DomainError) -> str:
    return (
        "owner"
        if refused.code in ("venue_unknown", "front_of_front", "venue_not_open")
        else refused.field or ""
    )


def _row(fronting: Fronting) -> dict[str, Any]:
    return {
        "fronting": fronting,
        "badge": BADGES.get(FrontState(fronting.state), ""),
        "percent": f"{fronting.builder_ppm / 10_000:g}",
        "asked": fronting.state == FrontState.ASKED,
        "live": fronting.state == FrontState.LIVE,
        "ending": fronting.state in (FrontState.ENDING, FrontState.CLOSING),
    }
