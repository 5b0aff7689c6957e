"""The deployer's stake: what it carries, more of it, and the way back to the wallet."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.ledger.models import AccountKind, Entry, PostingKind
from exchange_os.ledger.selectors import (
    amount_text,
    amount_words,
    holds_on,
    stake_asset,
    stake_history,
    to_units,
    unbonding,
    wallet_balance,
)
from exchange_os.ledger.services import claim_release
from exchange_os.parameters.selectors import whole
from exchange_os.ui.requests import SignedInRequest
from venues.fields import Field
from venues.inputs import next_page, text_of
from venues.models import Deployer, MarketKind
from venues.selectors import deployer_of, live_venues
from venues.services.capacity import Load, loads_of
from venues.services.deployers import check_release, stake, unbond_stake
from venues.stakes import FRONT, StakeStanding, minimums, stake_price, stake_standing

ROWS = 20
#: What a venue may be, with its label, each with a least stake.
KINDS = [*MarketKind.choices, (FRONT, "front of a venue")]
WORDS = {
    PostingKind.STAKE: "Staked",
    PostingKind.UNBOND: "Unbonding begun",
    PostingKind.RELEASE_STAKE: "Paid into your wallet",
    PostingKind.SLASH: "Slashed",
}


@login_required
@require_http_methods(["GET", "POST"])
def page(request: SignedInRequest) -> HttpResponse:
    """Stake held, needed and on its way; ``action`` stakes an amount, or unbonds one that was shown before."""
    deployer = deployer_of(request.user.pk)
    if deployer is None:
        return redirect("deployer:register")
    fields = _fields(request)
    action = text_of(request.POST, "action")
    release = None
    status = 200
    if request.method == "POST" and action in fields:
        try:
            units = to_units(fields[action].value, stake_asset(), field="amount")
            if action == "release" and "confirmed" not in request.POST:
                release = _release_preview(deployer, units)
            else:
                _act(request, action, units)
                return redirect(next_page(request) or "deployer:stake")
        except DomainError as refused:
            fields[action].error, status = refused.message, 422
    context = _context(request, deployer) | {"release": release, "next": next_page(request)}
    if not fields["stake"].value and context["standing"].short_for_next:
        fields["stake"].value = context["short"]
    context |= {"stake_field": fields["stake"], "release_field": fields["release"]}
    return render(request, "venues/stake.html", context, status=status)


@login_required
@require_GET
def preview(request: SignedInRequest) -> HttpResponse:
    """What a top-up of ``stake`` would make of every venue's capacity (a fragment)."""
    deployer = deployer_of(request.user.pk)
    if deployer is None:
        return HttpResponse(status=404)
    try:
        units = to_units(text_of(request.GET, "stake"), stake_asset(), field="amount")
    except DomainError as refused:
        typed = bool(text_of(request.GET, "stake"))
        return render(request, "venues/stake_preview.html", {"error": refused.message if typed else ""})
    standing = stake_standing(request.user.pk)
    return render(request, "venues/stake_preview.html", {"rows": _change(deployer, standing, units)})


@login_required
@require_POST
def claim(request: SignedInRequest, release_id: int) -> HttpResponse:
    """Take matured stake into the wallet without waiting for the sweep."""
    try:
        release = claim_release(request.user.pk, release_id)
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"{amount_words(release.remaining, stake_asset())} are in your wallet.")
    return redirect("deployer:stake")


def _fields(request: SignedInRequest) -> dict[str, Field]:
    symbol = stake_asset().symbol
    return {
        name: Field(name, "Amount", text_of(request.POST, name), "decimal", suffix=symbol, placeholder="0")
        for name in ("stake", "release")
    }


def _act(request: SignedInRequest, action: str, units: int) -> None:
    amount = amount_words(units, stake_asset())
    if action == "stake":
        stake(request.user, units)
        messages.success(request, f"Staked {amount}.")
    else:
        arrives = unbond_stake(request.user, units).matures_at
        messages.success(request, f"{amount} are unbonding; they arrive on {arrives:%-d %B %Y}.")


def _release_preview(deployer: Deployer, units: int) -> dict[str, Any]:
    """What unbonding ``units`` would do. Raises as ``check_release``."""
    check_release(deployer, units)
    if hold := holds_on(deployer.user_id).first():
        raise DomainError(
            "stake_held", f"Case {hold.case} is open against you; your stake cannot leave until it is closed."
        )
    standing = stake_standing(deployer.user_id)
    return {
        "amount": amount_text(units, standing.asset),
        "arrives": timezone.now() + timedelta(days=whole("unbonding_days")),
        "left": amount_text(standing.held - units, standing.asset),
        "rows": _change(deployer, standing, -units),
    }


def _change(deployer: Deployer, standing: StakeStanding, units: int) -> list[dict[str, Any]]:
    """Every venue's capacity now and with ``units`` more (or less) at stake."""
    shared_by = standing.shared_by
    venues = list(live_venues().filter(deployer=deployer))
    now = loads_of(venues, standing.held, shared_by)
    then = {load.venue.pk: load for load in loads_of(venues, standing.held + units, shared_by)}
    return [
        _load_row(load) | {"after": amount_text(then[load.venue.pk].limit, load.settlement)} for load in now
    ]


def _load_row(load: Load) -> dict[str, Any]:
    return {
        "venue": load.venue,
        "unit": load.settlement.symbol,
        "away": load.used is None,
        "used": amount_text(load.used or 0, load.settlement),
        "limit": amount_text(load.limit, load.settlement),
        "percent": load.percent,
        "level": load.level,
    }


def _context(request: SignedInRequest, deployer: Deployer) -> dict[str, Any]:
    standing = stake_standing(request.user.pk)
    asset = standing.asset
    releases = list(unbonding(request.user.pk))
    waiting = sum(release.remaining for release in releases)
    venues = list(live_venues().filter(deployer=deployer))
    loads = loads_of(venues, standing.held, standing.shared_by)
    carried = {load.venue.pk: _load_row(load) for load in loads}
    numbers = {
        "held": standing.held, "backing": standing.backing, "free": standing.free, "unbonding": waiting,
        "short": standing.short_for_next, "per_venue": standing.per_venue,
        "wallet": wallet_balance(request.user.pk, asset),
    }  # fmt: skip
    return {
        "standing": standing,
        "days": whole("unbonding_days"),
        "multiple": whole("capacity_multiple"),
        "holds": holds_on(request.user.pk),
        "kinds": [(label, amount_text(units, asset)) for label, units in minimums(KINDS)],
        "prices": _prices(loads),
        "venues": [
            {"venue": v, "needs": amount_text(standing.needs.get(v.pk, 0), asset), "load": carried.get(v.pk)}
            for v in venues
        ],
        "releases": [
            {
                "row": release,
                "amount": amount_text(release.remaining, asset),
                "slashed": amount_text(release.slashed, asset) if release.slashed else "",
                "mature": release.matures_at <= timezone.now(),
            }
            for release in releases
        ],
        **_history(request),
        **{name: amount_text(units, asset) for name, units in numbers.items()},
    }


def _prices(loads: list[Load]) -> list[dict[str, str]]:
    settlements = {load.settlement.pk: load.settlement for load in loads}
    prices = [(asset.symbol, stake_price(asset)) for asset in settlements.values()]
    return [
        {"unit": unit, "price": format(price.value, "f"), "source": price.source} for unit, price in prices
    ]


def _history(request: SignedInRequest) -> dict[str, Any]:
    """A page of what moved the stake, newest first; of a move from stake to unbonding the one leg."""
    rows = stake_history(request.user.pk).exclude(
        posting__kind=PostingKind.UNBOND, account__kind=AccountKind.UNBONDING
    )
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: ROWS + 1])
    return {
        "history": [_history_row(entry) for entry in found[:ROWS]],
        "older": f"?before={found[ROWS - 1].pk}#history" if len(found) > ROWS else "",
        "newer": f"{request.path}#history" if before else "",
    }


def _history_row(entry: Entry) -> dict[str, Any]:
    kind = PostingKind(entry.posting.kind)
    return {
        "when": entry.posting.created,
        "what": WORDS.get(kind, kind.label),
        "kind": kind.value,
        "memo": entry.posting.memo,
        "amount": amount_text(abs(entry.amount), entry.account.asset),
        "sign": "+" if entry.amount > 0 else "−",
    }
