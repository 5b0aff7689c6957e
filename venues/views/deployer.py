"""The deployer's pages outside a venue's console: registration, stake, the list of venues, new assets."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import (
    amount_text,
    wallet_balance,
)
from exchange_os.ledger.services import create_asset
from exchange_os.ui.requests import SignedInRequest
from venues.fields import Field, mark, new_asset_fields
from venues.inputs import next_page, text_of
from venues.selectors import deployer_of, drafts_of, stake_standing, venues_of
from venues.services.deployers import register_deployer


@login_required
@require_GET
def home(request: SignedInRequest) -> HttpResponse:
    """Every venue at which the user has a role, and their own stake."""
    deployer = deployer_of(request.user.pk)
    context = {
        "deployer": deployer,
        "venues": venues_of(request.user.pk),
        "drafts": drafts_of(request.user.pk),
        **_stake_context(request),
    }
    return render(request, "venues/deployer.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def register(request: SignedInRequest) -> HttpResponse:
    """Become a deployer."""
    name = (
        text_of(request.POST, "name")
        if request.method == "POST"
        else getattr(deployer_of(request.user.pk), "name", "")
    )
    fields = [Field("name", "Deployer name", name, hint="Shown on your venues, 3 to 60 characters.", maxlength=60,
                    placeholder="North Labs")]  # fmt: skip
    if request.method == "POST":
        try:
            register_deployer(request.user, name)
        except DomainError as refused:
            mark(fields, {"name": refused})
            return render(
                request, "venues/register.html", {"fields": fields, "next": next_page(request)}, status=422
            )
        messages.success(request, f"You are registered as {' '.join(name.split())}.")
        return redirect(next_page(request) or "deployer:stake")
    return render(request, "venues/register.html", {"fields": fields, "next": next_page(request)})


@login_required
@require_http_methods(["GET", "POST"])
def asset(request: SignedInRequest) -> HttpResponse:
    """Issue a new asset into the wallet."""
    post = request.POST
    fields = new_asset_fields(post)
    context: dict[str, Any] = {"fields": fields, "next": next_page(request)}
    if request.method == "GET":
        return render(request, "venues/asset.html", context)
    try:
        scale = int(fields[2].value) if fields[2].value.isdigit() else -1
        made = create_asset(
            request.user, symbol=fields[0].value, name=fields[1].value, scale=scale, supply=fields[3].value,
            confirmed=post.get("confirmed") == "on",
        )  # fmt: skip
    except DomainError as refused:
        mark(fields, {refused.field or "symbol": refused})
        context["lookalike"] = refused.code == "symbol_lookalike"
        return render(request, "venues/asset.html", context, status=422)
    messages.success(request, f"{made.symbol} is listed; its supply is in your wallet.")
    return redirect(next_page(request) or "deployer:home")


def _stake_context(request: SignedInRequest) -> dict[str, Any]:
    standing = stake_standing(request.user.pk)
    numbers = {
        "held": standing.held,
        "backing": standing.backing,
        "free": standing.free,
        "short": standing.short_for_next,
        "per_venue": standing.per_venue,
        "wallet": wallet_balance(request.user.pk, standing.asset),
    }
    return {
        "standing": standing,
        **{name: amount_text(units, standing.asset) for name, units in numbers.items()},
    }
