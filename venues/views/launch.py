"""The launch wizard: venue, markets, review, progress. A draft is saved at every step and with every check."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import amount_text, listed_assets, wallet_balance
from exchange_os.ui.requests import SignedInRequest
from venues import economics
from venues.errors import Refusals
from venues.fields import listing_fields, mark, venue_fields
from venues.inputs import text_of
from venues.models import LaunchDraft, MarketKind, VenueState
from venues.selectors import deployer_of, drafts_of, min_stake, stake_standing
from venues.services import drafts
from venues.services.launch import launch_venue
from venues.specs import Listing, VenueSpec, market_specs, venue_spec

MARKET_TEMPLATES: dict[str, dict[str, str]] = {
    "btc": {
        "base": "BTC", "quote": "USD", "tick_size": "0.01", "lot_size": "0.0001", "reference_price": "65000",
        "band_percent": "5", "maker_fee_percent": "0.02", "taker_fee_percent": "0.05",
    },
    "eth": {
        "base": "ETH", "quote": "USD", "tick_size": "0.01", "lot_size": "0.001", "reference_price": "3200",
        "band_percent": "5", "maker_fee_percent": "0.02", "taker_fee_percent": "0.05",
    },
    "swap": {
        "kind": "swap", "base": "BTC", "quote": "USD", "contract_value": "0.001", "tick_size": "0.1",
        "reference_price": "65000", "max_leverage": "10", "tier_value": "100000", "band_percent": "5",
        "maker_fee_percent": "0.02", "taker_fee_percent": "0.05", "sources": "",
        "funding_cap_percent": "4",
    },
    "event": {
        "kind": "outcome", "event_kind": "binary", "quote": "USD", "tick_size": "0.01", "window_hours": "2",
        "maker_fee_percent": "0.02", "taker_fee_percent": "0.05",
    },
    "blank": {"tick_size": "0.01", "lot_size": "0.01", "band_percent": "5", "maker_fee_percent": "0.02",
              "taker_fee_percent": "0.05"},
}  # fmt: skip
STEPS = [("venue", "Venue"), ("markets", "Markets"), ("review", "Review and launch")]


@login_required
@require_GET
def start(request: SignedInRequest) -> HttpResponse:
    """Where a launch begins: what is done, what is missing, and the drafts."""
    standing = stake_standing(request.user.pk)
    return render(
        request,
        "venues/start.html",
        {
            "deployer": deployer_of(request.user.pk),
            "standing": standing,
            "held": amount_text(standing.held, standing.asset),
            "free": amount_text(standing.free, standing.asset),
            "short": amount_text(standing.short_for_next, standing.asset),
            "min_stake": amount_text(min_stake(), standing.asset),
            "drafts": drafts_of(request.user.pk),
        },
    )


@login_required
@require_POST
def new(request: SignedInRequest) -> HttpResponse:
    """Begin a draft."""
    try:
        draft = drafts.new_draft(request.user)
    except DomainError as refused:
        return redirect_with(request, "launch:start", refused)
    return redirect("launch:venue", draft.pk)


@login_required
@require_POST
def delete(request: SignedInRequest, draft_id: int) -> HttpResponse:
    """Forget a draft."""
    try:
        drafts.delete_draft(drafts.editable_draft(request.user, draft_id))
    except DomainError as refused:
        return redirect_with(request, "launch:start", refused)
    return redirect("launch:start")


def redirect_with(request: SignedInRequest, to: str, refused: DomainError) -> HttpResponse:
    """Go to a page and show the refusal there."""
    messages.error(request, refused.message)
    return redirect(to)


def open_draft(request: SignedInRequest, draft_id: int) -> LaunchDraft | HttpResponse:
    """The user's draft if it may change, or the page to see instead."""
    try:
        return drafts.editable_draft(request.user, draft_id)
    except DomainError as refused:
        if refused.code == "draft_launched":
            return redirect("launch:progress", draft_id)
        return redirect_with(request, "launch:start", refused)


@login_required
@require_http_methods(["GET", "POST"])
def venue(request: SignedInRequest, draft_id: int) -> HttpResponse:
    """Step 1: name, address, colour, description."""
    draft = open_draft(request, draft_id)
    if isinstance(draft, HttpResponse):
        return draft
    if request.method == "GET":
        return _step(request, draft, "venue", {"fields": venue_fields(draft.data.get("venue", {}))})
    drafts.save_venue_step(draft, request.POST)
    fields = venue_fields(draft.data["venue"])
    try:
        venue_spec(draft.data["venue"])
    except Refusals as refused:
        mark(fields, refused.errors)
        return _step(request, draft, "venue", {"fields": fields}, status=422)
    return redirect("launch:markets", draft.pk)


@login_required
@require_http_methods(["GET", "POST"])
def markets(request: SignedInRequest, draft_id: int) -> HttpResponse:
    """Step 2: the markets; ``action`` adds one from a template, removes one, or goes on."""
    draft = open_draft(request, draft_id)
    if isinstance(draft, HttpResponse):
        return draft
    if request.method == "GET":
        if not draft.data.get("markets"):
            drafts.save_markets_step(draft, [MARKET_TEMPLATES["btc"]])
        return _step(request, draft, "markets", {"markets": _market_cards(draft)})
    items = posted_markets(request.POST)
    action, _, detail = request.POST.get("action", "next").partition(":")
    if action == "add":
        items.append(MARKET_TEMPLATES.get(detail, MARKET_TEMPLATES["blank"]))
    if action == "remove" and detail.isdigit():
        items = [item for place, item in enumerate(items) if place != int(detail)]
    drafts.save_markets_step(draft, items)
    if action != "next":
        return redirect("launch:markets", draft.pk)
    cards = _market_cards(draft)
    try:
        market_specs(draft.data["markets"])
    except Refusals as refused:
        mark((field for card in cards for field in card["fields"]), refused.errors)
        context = {"markets": cards, "form_error": getattr(refused.errors.get("markets"), "message", "")}
        return _step(request, draft, "markets", context, status=422)
    return redirect("launch:review", draft.pk)


@login_required
@require_POST
def check(request: SignedInRequest, draft_id: int, step: str) -> HttpResponse:
    """While typing: save the draft, and send each field's note as it now stands (422 if any is a refusal)."""
    draft = open_draft(request, draft_id)
    if isinstance(draft, HttpResponse):
        return HttpResponse(status=204)
    errors: Mapping[str, DomainError] = {}
    try:
        if step == "venue":
            drafts.save_venue_step(draft, request.POST)
            fields = venue_fields(draft.data["venue"])
            venue_spec(draft.data["venue"])
        else:
            drafts.save_markets_step(draft, posted_markets(request.POST))
            fields = [field for card in _market_cards(draft) for field in card["fields"]]
            market_specs(draft.data["markets"])
    except Refusals as refused:
        errors = refused.errors
    wrong = mark(fields, errors, typed_only=True)
    context = {"fields": fields, "wrong": wrong, "draft": draft}
    return render(request, "venues/checked.html", context, status=422 if wrong else 200)


@login_required
@require_GET
def review(request: SignedInRequest, draft_id: int) -> HttpResponse:
    """Step 3: everything as it will be, what a trade costs, the stake behind it."""
    draft = open_draft(request, draft_id)
    if isinstance(draft, HttpResponse):
        return draft
    try:
        spec = venue_spec(draft.data.get("venue", {}))
    except Refusals:
        return redirect("launch:venue", draft.pk)
    try:
        specs = market_specs(draft.data.get("markets", []))
    except Refusals:
        return redirect("launch:markets", draft.pk)
    return _review(request, draft, spec, specs)


@login_required
@require_POST
def launch(request: SignedInRequest, draft_id: int) -> HttpResponse:
    """Launch the draft and go to its progress."""
    try:
        draft = drafts.own_draft(request.user, draft_id)
        launch_venue(request.user, draft)
    except Refusals as refused:
        step = (
            "launch:markets" if any(name.startswith("market") for name in refused.errors) else "launch:venue"
        )
        messages.error(request, refused.message)
        return redirect(step, draft_id)
    except DomainError as refused:
        if refused.code in ("draft_unknown", "not_a_deployer"):
            return redirect_with(request, "launch:start", refused)
        draft = drafts.own_draft(request.user, draft_id)
        spec, specs = venue_spec(draft.data["venue"]), market_specs(draft.data["markets"])
        return _review(request, draft, spec, specs, error=refused.message, status=422)
    return redirect("launch:progress", draft_id)


@login_required
@require_GET
def progress(request: SignedInRequest, draft_id: int) -> HttpResponse:
    """How far a launch is; the steps alone for htmx, which asks until it is over."""
    try:
        draft = drafts.own_draft(request.user, draft_id)
    except DomainError as refused:
        return redirect_with(request, "launch:start", refused)
    if draft.venue is None:
        return redirect("launch:review", draft.pk)
    context = {
        "draft": draft,
        "venue": draft.venue,
        "markets": draft.venue.markets.select_related("base", "quote"),
        "done": draft.venue.state in (VenueState.OPEN, VenueState.HALTED),
        "failed": draft.venue.state == VenueState.FAILED,
        "slow": draft.venue.launch_attempts > 1,
    }
    template = "venues/progress_steps.html" if request.headers.get("HX-Request") else "venues/progress.html"
    return render(request, template, context)


def posted_markets(post: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The posted markets in order, from inputs named ``market-<place>-<field>``."""
    places: dict[int, dict[str, str]] = {}
    for name in post:
        parts = name.split("-", 2)
        if len(parts) == 3 and parts[0] == "market" and parts[1].isdigit() and len(parts[1]) < 4:
            places.setdefault(int(parts[1]), {})[parts[2]] = str(post[name])
    items = [places[place] for place in sorted(places)]
    return [item for item in items if item.get("kind", MarketKind.SPOT) in MarketKind.values]


def card_title(item: Mapping[str, Any]) -> str:
    """What a market or event is called while it is being typed."""
    kind = text_of(item, "kind")
    if kind == MarketKind.OUTCOME:
        return text_of(item, "title")[:60] or "New event"
    names = [text_of(item, "base"), text_of(item, "quote"), "SWAP" if kind == MarketKind.PERPETUAL else ""]
    return "-".join(filter(None, names)) if any(names[:2]) else "New market"


def _market_cards(draft: LaunchDraft) -> list[dict[str, Any]]:
    assets = list(listed_assets())
    return [
        {
            "place": place,
            "title": card_title(item),
            "kind": text_of(item, "kind") or MarketKind.SPOT.value,
            "kind_label": MarketKind(text_of(item, "kind") or MarketKind.SPOT.value).label,
            "fields": listing_fields(item, assets, f"market-{place}-"),
        }
        for place, item in enumerate(draft.data.get("markets", []))
    ]


def _step(
    request: SignedInRequest, draft: LaunchDraft, step: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    names = [name for name, _ in STEPS]
    steps = [
        {"name": name, "label": label, "done": names.index(name) < names.index(step), "current": name == step}
        for name, label in STEPS
    ]
    context = {"draft": draft, "steps": steps, "step": step, **context}
    return render(request, f"venues/step_{step}.html", context, status=status)


def _review(
    request: SignedInRequest,
    draft: LaunchDraft,
    spec: VenueSpec,
    specs: list[Listing],
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    standing = stake_standing(request.user.pk, {item.market_kind for item in specs})
    wallet = wallet_balance(request.user.pk, standing.asset)
    context = {
        "spec": spec,
        "markets": [economics.market_summary(item) for item in specs],
        "trades": economics.trade_examples(specs, Decimal(1000)),
        "deployer": deployer_of(request.user.pk),
        "standing": standing,
        "stake_held": amount_text(standing.held, standing.asset),
        "stake_backing": amount_text(standing.backing, standing.asset),
        "stake_needed": amount_text(standing.per_venue, standing.asset),
        "stake_short": amount_text(standing.short_for_next, standing.asset),
        "stake_wallet": amount_text(wallet, standing.asset),
        "stake_enough_in_wallet": wallet >= standing.short_for_next,
        "error": error,
    }
    return _step(request, draft, "review", context, status)
