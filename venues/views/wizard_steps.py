"""What the steps of the wizard do: what their forms save, what their buttons do besides, and what their pages show."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.contrib import messages

from exchange_os.errors import DomainError
from exchange_os.ledger.faucet import FUNDING_SOURCE
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_text, listed_assets, to_units, wallet_balance
from exchange_os.ledger.services import lookalikes
from exchange_os.ui.requests import SignedInRequest
from venues import economics
from venues.errors import Refusals
from venues.fields import (
    Field,
    grouped_fields,
    mark,
    new_asset_fields,
    picked_fields,
    venue_fields,
)
from venues.inputs import read_ppm, text_of
from venues.instruments import parse_decimal
from venues.launch_specs import launch_spec
from venues.models import LaunchDraft, MarketKind
from venues.risk_report import risk_report
from venues.selectors import deployer_of
from venues.services import drafts
from venues.services.deployers import register_deployer, stake
from venues.services.logos import MAX_BYTES, forget_unused_logos, keep_logo
from venues.services.trials import Trial, try_market_sources
from venues.specs import ACCESS_CHOICES
from venues.stakes import stake_standing
from venues.steps import FEE_PARTS, SOURCE_PARTS, kinds_of

#: What "add" begins a market with; the rest are the defaults of the fields.
NEW_MARKETS: dict[str, dict[str, str]] = {
    "spot": {"kind": "spot", "quote": "USD"},
    "swap": {"kind": "swap", "quote": "USD"},
    "binary": {"kind": "outcome", "event_kind": "binary", "quote": "USD"},
    "multiple": {"kind": "outcome", "event_kind": "multiple", "quote": "USD"},
    "scalar": {"kind": "outcome", "event_kind": "scalar", "quote": "USD"},
}
#: From how many markets on only those are open that one is likely to look at.
MANY_MARKETS = 3


@dataclass
class Page:
    """A step as it is to be shown: its inputs, and what else its template reads."""

    fields: list[Field] = field(default_factory=list)
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Again:
    """The step is shown again: at once with ``context``, or, without, loaded anew at ``anchor``."""

    context: dict[str, Any] | None = None
    anchor: str = ""


def posted_items(post: Mapping[str, Any], what: str) -> list[dict[str, str]]:
    """The posted markets or assets in order, from inputs named ``<what>-<place>-<field>``."""
    places: dict[int, dict[str, str]] = {}
    for name in post:
        parts = name.split("-", 2)
        if len(parts) == 3 and parts[0] == what and parts[1].isdigit() and len(parts[1]) < 4:
            places.setdefault(int(parts[1]), {})[parts[2]] = str(post[name])
    return [places[place] for place in sorted(places)]


def card_title(item: Mapping[str, Any]) -> str:
    """What a market or event is called while it is being typed."""
    kind = text_of(item, "kind")
    if kind == MarketKind.OUTCOME:
        return text_of(item, "title")[:60] or "New question"
    names = [text_of(item, "base"), text_of(item, "quote"), "SWAP" if kind == MarketKind.PERPETUAL else ""]
    return "-".join(filter(None, names)) if names[0] else "New market"


# Saving: each keeps what its form holds.


def _save_identity(request: SignedInRequest, draft: LaunchDraft) -> None:
    name, known = text_of(request.POST, "deployer"), deployer_of(request.user.pk)
    leaves = request.POST.get("action", "").startswith("go:")
    if (name or not leaves) and name != getattr(known, "name", ""):
        try:
            register_deployer(request.user, name)
        except DomainError as refused:
            raise DomainError(refused.code, refused.message, field="deployer") from refused


def _save_nothing(request: SignedInRequest, draft: LaunchDraft) -> None:
    """The step has nothing of its own in the draft."""


def _save_venue(request: SignedInRequest, draft: LaunchDraft) -> None:
    drafts.save_venue_step(draft, request.POST)
    upload = request.FILES.get("logo")
    if upload is None:
        return
    logo = keep_logo(request.user, upload.read(MAX_BYTES + 1))
    drafts.save_venue_step(draft, request.POST, logo=logo.digest)
    forget_unused_logos(request.user)


def _save_assets(request: SignedInRequest, draft: LaunchDraft) -> None:
    drafts.save_assets_step(draft, posted_items(request.POST, "asset"))


def _save_markets(request: SignedInRequest, draft: LaunchDraft) -> None:
    items = posted_items(request.POST, "market")
    kinds = MarketKind.values
    drafts.save_markets_step(draft, [item for item in items if item.get("kind", MarketKind.SPOT) in kinds])


def save_sources(request: SignedInRequest, draft: LaunchDraft) -> None:
    drafts.save_parts_step(draft, SOURCE_PARTS, posted_items(request.POST, "market"))


def _save_fees(request: SignedInRequest, draft: LaunchDraft) -> None:
    drafts.save_parts_step(draft, FEE_PARTS, posted_items(request.POST, "market"))


# Acts: what a button of a step does besides saving.


def _act_on_stake(request: SignedInRequest, draft: LaunchDraft, action: str, detail: str) -> Again | None:
    if action not in ("stake", "faucet"):
        return None
    asset = stake_standing(request.user.pk).asset
    if action == "faucet":
        units = FUNDING_SOURCE.claim(request.user, asset)
        messages.success(request, f"{amount_text(units, asset)} test {asset.symbol} are in your wallet.")
    else:
        units = to_units(text_of(request.POST, "stake"), asset, field="stake")
        try:
            stake(request.user, units)
        except DomainError as refused:
            raise DomainError(refused.code, refused.message, field="stake") from refused
        messages.success(request, f"Staked {amount_text(units, asset)} {asset.symbol}.")
    return Again()


def _act_on_venue(request: SignedInRequest, draft: LaunchDraft, action: str, detail: str) -> Again | None:
    if action == "no-logo":
        drafts.save_venue_step(draft, request.POST, logo="")
        forget_unused_logos(request.user)
    return None


def _act_on_assets(request: SignedInRequest, draft: LaunchDraft, action: str, detail: str) -> Again | None:
    items = draft.data.get("assets", [])
    if action == "add":
        drafts.save_assets_step(draft, [*items, {}])
    if action == "remove" and detail.isdigit():
        drafts.save_assets_step(draft, [item for place, item in enumerate(items) if place != int(detail)])
    return None


def _act_on_markets(request: SignedInRequest, draft: LaunchDraft, action: str, detail: str) -> Again | None:
    items = draft.data.get("markets", [])
    if action == "add":
        items = [*items, _with_defaults(NEW_MARKETS.get(detail, NEW_MARKETS["spot"]))]
    elif action == "remove" and detail.isdigit():
        items = [item for place, item in enumerate(items) if place != int(detail)]
    else:
        return None
    drafts.save_markets_step(draft, items)
    return Again(anchor=f"market-{len(items) - 1}" if action == "add" else "")


def _act_on_sources(request: SignedInRequest, draft: LaunchDraft, action: str, detail: str) -> Again | None:
    if action != "test":
        return None
    return Again({"tried": detail, "trial": trial_of(request, draft, detail)})


def _act_on_fees(request: SignedInRequest, draft: LaunchDraft, action: str, detail: str) -> Again | None:
    return Again({}) if action == "reckon" else None


def _with_defaults(begun: Mapping[str, str]) -> dict[str, str]:
    """A market with what its fields begin with, fees and all."""
    prefix = "new-"
    names = drafts.MARKET_FIELDS[begun["kind"]]
    filled = {item.name.removeprefix(prefix): item.value for item in picked_fields(begun, (), prefix, names)}
    return {**filled, **begun}


def trial_of(request: SignedInRequest, draft: LaunchDraft, key: str) -> Trial:
    market = next((item for item in draft.data.get("markets", []) if item.get("key") == key), None)
    if market is None:
        raise DomainError("market_unknown", "This market is gone from the draft; load the page again.")
    return try_market_sources(request.user, text_of(market, "sources"))


# Showing: the inputs of a step and what its template reads.


def _show_identity(request: SignedInRequest, draft: LaunchDraft) -> Page:
    known = deployer_of(request.user.pk)
    name = text_of(request.POST, "deployer") or getattr(known, "name", "")
    inputs = [Field("deployer", "Deployer name", name, maxlength=60, placeholder="North Labs",
                    hint="Shown on all your venues, 3 to 60 characters.")]  # fmt: skip
    return Page(inputs, {"deployer": known})


def _show_stake(request: SignedInRequest, draft: LaunchDraft) -> Page:
    standing = stake_standing(request.user.pk, kinds_of(draft.data))
    asset = standing.asset
    short = amount_text(standing.short_for_next, asset)
    typed = text_of(request.POST, "stake") or (short if standing.short_for_next else "")
    inputs = [Field("stake", "Amount to stake", typed, "decimal", suffix=asset.symbol, placeholder="0",
                    hint="From your wallet. It comes back 7 days after you unbond it.")]  # fmt: skip
    wallet = wallet_balance(request.user.pk, asset)
    numbers = {
        "held": standing.held,
        "backing": standing.backing,
        "needed": standing.per_venue,
        "short": standing.short_for_next,
        "wallet": wallet,
    }
    told = {name: amount_text(units, asset) for name, units in numbers.items()}
    context = {"standing": standing, "wallet_short": wallet < standing.short_for_next, **told}
    return Page(inputs, {**context, "deployer": deployer_of(request.user.pk)})


def _show_venue(request: SignedInRequest, draft: LaunchDraft) -> Page:
    data = draft.data.get("venue", {})
    logo = Field("logo", "Logo", "", "file", hint="PNG, JPEG or WebP up to 512 KB; shown as a square.")
    inputs = [*venue_fields(data), logo]
    return Page(inputs, {"logo": logo, "digest": text_of(data, "logo")})


def _show_assets(request: SignedInRequest, draft: LaunchDraft) -> Page:
    cards: list[dict[str, Any]] = [
        {
            "place": place,
            "title": text_of(item, "symbol").upper() or "New asset",
            "fields": new_asset_fields(item, f"asset-{place}-"),
            "confirmed": text_of(item, "confirmed") == "on",
            "alike": lookalikes(text_of(item, "symbol")) if text_of(item, "symbol") else [],
        }
        for place, item in enumerate(draft.data.get("assets", []))
    ]
    used = {text_of(item, part) for item in draft.data.get("markets", []) for part in ("base", "quote")}
    listed = [(asset, asset.symbol in used) for asset in listed_assets().select_related("issuer__deployer")]
    listed.sort(key=lambda each: (not each[1], each[0].issuer_id is not None, each[0].symbol))
    inputs = [item for card in cards for item in card["fields"]]
    return Page(inputs, {"assets": cards, "listed": listed[:12], "more": max(0, len(listed) - 12)})


def _shelf(draft: LaunchDraft) -> list[Asset]:
    """The listed assets, and those that the draft is to issue, for the choices."""
    own = [
        Asset(symbol=text_of(item, "symbol").upper(), name=text_of(item, "name") or "to be issued")
        for item in draft.data.get("assets", [])
        if text_of(item, "symbol")
    ]
    return [*own, *listed_assets()]


def _show_markets(request: SignedInRequest, draft: LaunchDraft) -> Page:
    shelf = _shelf(draft)
    cards: list[dict[str, Any]] = []
    for place, item in enumerate(draft.data.get("markets", [])):
        kind = text_of(item, "kind") or MarketKind.SPOT.value
        groups = grouped_fields(item, shelf, f"market-{place}-")
        cards.append(
            {
                "place": place,
                "key": text_of(item, "key"),
                "title": card_title(item),
                "kind": kind,
                "kind_label": "Question" if kind == MarketKind.OUTCOME else MarketKind(kind).label,
                "event_kind": text_of(item, "event_kind") or "binary",
                "groups": groups,
                "fields": [each for _, group in groups for each in group],
            }
        )
    inputs = [item for card in cards for item in card["fields"]]
    return Page(inputs, {"markets": cards, "many": len(cards) >= MANY_MARKETS})


def _show_parts(draft: LaunchDraft, names: Iterable[str]) -> Page:
    """Cards with some fields of the markets that have them."""
    cards: list[dict[str, Any]] = [
        {
            "place": place,
            "key": text_of(item, "key"),
            "title": card_title(item),
            "fields": picked_fields(item, (), f"market-{place}-", names),
        }
        for place, item in enumerate(draft.data.get("markets", []))
    ]
    shown = [card for card in cards if card["fields"]]
    return Page([item for card in shown for item in card["fields"]], {"markets": shown})


def _show_sources(request: SignedInRequest, draft: LaunchDraft) -> Page:
    return _show_parts(draft, SOURCE_PARTS)


def _show_fees(request: SignedInRequest, draft: LaunchDraft) -> Page:
    page = _show_parts(draft, FEE_PARTS)
    typed = {name: text_of(request.POST, name) for name in ("amount", "builder_percent", "referral_percent")}
    assumed = [
        Field("amount", "A trade of", typed["amount"] or "1000", "decimal", "In the market's quote."),
        Field("builder_percent", "An interface adds", typed["builder_percent"] or "0", "decimal", suffix="%",
              hint="A builder's fee, if an order names one."),
        Field("referral_percent", "A referrer gets", typed["referral_percent"] or "0", "decimal", suffix="%",
              hint="Of your part of the taker's fee."),
    ]  # fmt: skip
    try:
        specs = launch_spec(request.user, draft.data).listings
        trades = economics.trade_examples(specs, _assumptions(typed))
    except DomainError as refused:
        trades = []
        mark(assumed, {refused.field or "": refused})
    page.context |= {"assumed": assumed, "trades": trades}
    return page


def _assumptions(typed: Mapping[str, str]) -> economics.Assumptions:
    amount = parse_decimal(
        typed["amount"].replace(",", "") or "1000",
        code="amount_invalid", message="Enter an amount above zero.", field="amount",
    )  # fmt: skip
    if not 0 < amount <= Decimal(10) ** 12:
        raise DomainError("amount_invalid", "Enter an amount above zero, at most 10^12.", field="amount")
    builder = read_ppm(typed, "builder_percent", "0", "Enter what an interface adds, 0 to 0.255 per cent.")
    referral = read_ppm(typed, "referral_percent", "0", "Enter a share from 0 to 100 per cent.")
    return economics.Assumptions(amount, min(max(builder, 0), 2_550), min(max(referral, 0), 1_000_000))


def _show_review(request: SignedInRequest, draft: LaunchDraft) -> Page:
    standing = stake_standing(request.user.pk, kinds_of(draft.data))
    try:
        spec = launch_spec(request.user, draft.data)
    except Refusals:
        return Page()
    context = {
        "spec": spec,
        "report": risk_report(spec, standing),
        "markets": [economics.market_summary(item) for item in spec.listings],
        "trades": economics.trade_examples(spec.listings),
        "stake_asset": standing.asset,
        "access": ACCESS_CHOICES[spec.venue.access],
        "issues": [(asset, amount_text(asset.reserved_units or 0, asset)) for asset in spec.assets],
    }
    return Page([], context)


SAVED: dict[str, Callable[[SignedInRequest, LaunchDraft], None]] = {
    "identity": _save_identity,
    "stake": _save_nothing,
    "venue": _save_venue,
    "assets": _save_assets,
    "markets": _save_markets,
    "oracles": save_sources,
    "fees": _save_fees,
    "review": _save_nothing,
}
ACTS: dict[str, Callable[[SignedInRequest, LaunchDraft, str, str], Again | None]] = {
    "stake": _act_on_stake,
    "venue": _act_on_venue,
    "assets": _act_on_assets,
    "markets": _act_on_markets,
    "oracles": _act_on_sources,
    "fees": _act_on_fees,
}
SHOWN: dict[str, Callable[[SignedInRequest, LaunchDraft], Page]] = {
    "identity": _show_identity,
    "stake": _show_stake,
    "venue": _show_venue,
    "assets": _show_assets,
    "markets": _show_markets,
    "oracles": _show_sources,
    "fees": _show_fees,
    "review": _show_review,
}
#: Steps whose inputs are checked while they are typed.
TYPED = ("venue", "assets", "markets", "oracles", "fees")
