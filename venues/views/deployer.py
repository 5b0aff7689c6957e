"""The deployer's pages: registration, stake, own venues and what they earn, new assets."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import (
    amount_text,
    amount_words,
    listed_assets,
    stake_asset,
    to_units,
    wallet_balance,
)
from exchange_os.ledger.services import create_asset
from exchange_os.ui.requests import SignedInRequest
from venues.errors import Refusals
from venues.fields import Field, listing_fields, mark
from venues.inputs import text_of
from venues.models import MarketKind, Venue
from venues.selectors import activity_of, deployer_of, drafts_of, stake_standing, venues_of
from venues.services.adding import add_market
from venues.services.capacity import settlement_asset
from venues.services.deployers import register_deployer, release_stake, stake
from venues.services.operate import (
    collect_fees,
    fees_collected,
    fees_held,
    halt_market,
    halt_venue,
    own_venue,
    resume_market,
    resume_venue,
)
from venues.specs import listing_spec


@login_required
@require_GET
def home(request: SignedInRequest) -> HttpResponse:
    """The deployer's own venues and stake."""
    deployer = deployer_of(request.user.pk)
    context = {
        "deployer": deployer,
        "venues": [(venue, activity_of(venue)) for venue in venues_of(deployer)] if deployer else [],
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
                request, "venues/register.html", {"fields": fields, "next": _next(request)}, status=422
            )
        messages.success(request, f"You are registered as {' '.join(name.split())}.")
        return redirect(_next(request) or "deployer:stake")
    return render(request, "venues/register.html", {"fields": fields, "next": _next(request)})


@login_required
@require_http_methods(["GET", "POST"])
def stake_page(request: SignedInRequest) -> HttpResponse:
    """Stake held and needed; ``action`` stakes or releases an amount."""
    if deployer_of(request.user.pk) is None:
        return redirect("deployer:register")
    asset = stake_asset()
    action = text_of(request.POST, "action") or "stake"
    fields = {
        name: Field(
            name, "Amount", text_of(request.POST, name), "decimal", suffix=asset.symbol, placeholder="0"
        )
        for name in ("stake", "release")
    }
    status = 200
    if request.method == "POST" and action in fields:
        try:
            units = to_units(fields[action].value, asset, field="amount")
            (stake if action == "stake" else release_stake)(request.user, units)
        except DomainError as refused:
            fields[action].error = refused.message
            status = 422
        else:
            done = "Staked" if action == "stake" else "Unbonding:"
            messages.success(request, f"{done} {amount_words(units, asset)}.")
            return redirect(_next(request) or "deployer:stake")
    context = _stake_context(request)
    if not fields["stake"].value and context["standing"].short_for_next:
        fields["stake"].value = context["short"]
    context |= {"stake_field": fields["stake"], "release_field": fields["release"], "next": _next(request)}
    return render(request, "venues/stake.html", context, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def asset(request: SignedInRequest) -> HttpResponse:
    """Issue a new asset into the wallet."""
    post = request.POST
    fields = [
        Field("symbol", "Symbol", text_of(post, "symbol").upper(), hint="2 to 10 letters or digits, unique.",
              maxlength=10, placeholder="GOLD"),
        Field("name", "Name", text_of(post, "name"), hint="What it stands for.", maxlength=60,
              placeholder="Gold token"),
        Field("scale", "Decimals", text_of(post, "scale") or "6", "decimal", "0 to 8; it cannot be changed later.",
              maxlength=1),
        Field("supply", "Supply", text_of(post, "supply"), "decimal", "All of it is issued to your wallet, once.",
              placeholder="1000000"),
    ]  # fmt: skip
    context: dict[str, Any] = {"fields": fields, "next": _next(request)}
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
    return redirect(_next(request) or "deployer:home")


@login_required
@require_GET
def fees(request: SignedInRequest, venue_id: int) -> HttpResponse:
    """Fee revenue of one venue, as the kernel has it now (a fragment)."""
    venue = _own(request, venue_id)
    if venue is None:
        return HttpResponse(status=404)
    collected = fees_collected(venue)
    try:
        held = fees_held(venue)
    except DomainError:
        return render(request, "venues/fees.html", {"venue": venue, "away": True})
    assets = Asset.objects.in_bulk([*held, *collected])
    rows = [
        {
            "symbol": item.symbol,
            "total": amount_text(held.get(pk, 0) + collected.get(pk, 0), item),
            "held": amount_text(held.get(pk, 0), item),
        }
        for pk, item in sorted(assets.items())
    ]
    return render(request, "venues/fees.html", {"venue": venue, "rows": rows, "collectable": bool(held)})


@login_required
@require_POST
def operate(request: SignedInRequest, venue_id: int, verb: str) -> HttpResponse:
    """Halt, resume, or collect the fees of one's own venue."""
    venue = _own(request, venue_id)
    if venue is None:
        return HttpResponse(status=404)
    verbs: dict[str, tuple[Callable[[Any, Venue], Any], str]] = {
        "halt": (halt_venue, f"{venue.name} is halted: orders can only be cancelled."),
        "resume": (resume_venue, f"{venue.name} trades again."),
        "collect": (collect_fees, "Fees are on their way to your wallet."),
    }
    act, done = verbs[verb]
    try:
        act(request.user, venue)
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, done)
    return redirect("deployer:home")


@login_required
@require_POST
def operate_market(request: SignedInRequest, venue_id: int, number: int, verb: str) -> HttpResponse:
    """Halt or resume one market of one's own venue."""
    venue = _own(request, venue_id)
    if venue is None or verb not in ("halt", "resume"):
        return HttpResponse(status=404)
    try:
        market = (halt_market if verb == "halt" else resume_market)(request.user, venue, number)
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        done = "is halted: orders can only be cancelled" if verb == "halt" else "trades again"
        messages.success(request, f"{market.symbol} {done}.")
    return redirect("deployer:home")


@login_required
@require_http_methods(["GET", "POST"])
def new_market(request: SignedInRequest, venue_id: int) -> HttpResponse:
    """Add a market to one's own open venue."""
    venue = _own(request, venue_id)
    if venue is None:
        return redirect("deployer:home")
    kind = request.POST.get("kind") or request.GET.get("kind") or MarketKind.SPOT.value
    kind = kind if kind in MarketKind.values else MarketKind.SPOT.value
    data = request.POST if request.method == "POST" else {"kind": kind}
    fields = listing_fields(data, list(listed_assets()))
    context: dict[str, Any] = {"venue": venue, "fields": fields, "kind": kind, "kinds": MarketKind.choices}
    if request.method == "GET":
        return render(request, "venues/market.html", context)
    taken = set(venue.markets.values_list("symbol", flat=True))
    typing = request.headers.get("HX-Request") == "true"
    try:
        spec = listing_spec(request.POST, taken=taken, settlement=settlement_asset(venue))
        if typing:
            return render(request, "venues/checked.html", context | {"wrong": 0})
        add_market(request.user, venue, spec)
    except DomainError as refused:
        errors = refused.errors if isinstance(refused, Refusals) else {refused.field or "": refused}
        wrong = mark(fields, errors, typed_only=typing)
        if typing:
            return render(
                request, "venues/checked.html", context | {"wrong": wrong}, status=422 if wrong else 200
            )
        context["error"] = "" if wrong else refused.message
        return render(request, "venues/market.html", context, status=422)
    messages.success(request, f"{spec.symbol} opens on {venue.name} in a moment.")
    return redirect("deployer:home")


@login_required
@require_GET
def status(request: SignedInRequest, venue_id: int) -> HttpResponse:
    """State and markets of one's own venue (a fragment that asks again while something is opening)."""
    venue = _own(request, venue_id)
    if venue is None:
        return HttpResponse(status=404)
    return render(request, "venues/venue_status.html", {"venue": venue, "activity": activity_of(venue)})


def _own(request: SignedInRequest, venue_id: int) -> Venue | None:
    try:
        return own_venue(request.user, venue_id)
    except DomainError:
        return None


def _next(request: SignedInRequest) -> str:
    """Where to go afterwards, if it is a page of this site."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else ""


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
        "days": settings.UNBONDING_DAYS,
        **{name: amount_text(units, standing.asset) for name, units in numbers.items()},
    }
