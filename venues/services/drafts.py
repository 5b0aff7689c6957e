"""Drafts of launches: kept as typed, so that a launch can be left and taken up again."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from exchange_os.errors import DomainError
from venues.inputs import text_of
from venues.models import LaunchDraft, MarketKind, VenueState
from venues.specs import MAX_MARKETS

VENUE_FIELDS = ("name", "slug", "accent", "description")
_FEES = ("maker_fee_percent", "taker_fee_percent")
#: Fields of a market or event by kind.
MARKET_FIELDS = {
    MarketKind.SPOT.value: (
        "base", "quote", "tick_size", "lot_size", "min_size", "reference_price", "band_percent", *_FEES,
    ),
    MarketKind.PERPETUAL.value: (
        "base", "quote", "contract_value", "tick_size", "reference_price", "max_leverage", "tier_value",
        "interest_cap", "sources", "funding_cap_percent", "band_percent", *_FEES,
    ),
    MarketKind.OUTCOME.value: (
        "title", "event_kind", "outcomes", "series", "code", "category", "closes", "window_hours", "rules", "cut_off",
        "tie", "void", "source", "low", "high", "measure", "quote", "tick_size", *_FEES,
    ),
}  # fmt: skip
#: Characters that are kept of a field; 40 of any other.
LENGTHS = {
    "title": 140,
    "source": 300,
    "sources": 2000,
    "rules": 2400,
    "cut_off": 400,
    "tie": 400,
    "void": 400,
    "outcomes": 8000,
}
MAX_DRAFTS = 20


def new_draft(user: AbstractBaseUser) -> LaunchDraft:
    """An empty draft; ``too_many_drafts`` beyond 20 that led to no venue."""
    if LaunchDraft.objects.filter(user_id=user.pk, venue=None).count() >= MAX_DRAFTS:
        raise DomainError("too_many_drafts", f"You have {MAX_DRAFTS} drafts; finish or delete one first.")
    return LaunchDraft.objects.create(user_id=user.pk, data={"venue": {}, "markets": []})


def own_draft(user: AbstractBaseUser, draft_id: int) -> LaunchDraft:
    """The user's draft, or ``draft_unknown``."""
    draft = LaunchDraft.objects.filter(user_id=user.pk, pk=draft_id).select_related("venue").first()
    if draft is None:
        raise DomainError("draft_unknown", "There is no such draft; start a new launch.")
    return draft


def editable_draft(user: AbstractBaseUser, draft_id: int) -> LaunchDraft:
    """The user's draft if it may still change: ``draft_launched`` once its venue launches or trades."""
    draft = own_draft(user, draft_id)
    if draft.venue is not None and draft.venue.state != VenueState.FAILED:
        raise DomainError("draft_launched", f"{draft.venue.name} has been launched from this draft.")
    return draft


def save_venue_step(draft: LaunchDraft, data: Mapping[str, Any]) -> None:
    """Keep the first step as typed, at most 300 characters a field."""
    draft.data["venue"] = {name: text_of(data, name)[:300] for name in VENUE_FIELDS}
    draft.save(update_fields=["data", "updated"])


def save_markets_step(draft: LaunchDraft, markets: list[Mapping[str, Any]]) -> None:
    """Keep the second step as typed, each field as long as it may be."""
    draft.data["markets"] = [_kept(market) for market in markets[: MAX_MARKETS + 1]]
    draft.save(update_fields=["data", "updated"])


def _kept(market: Mapping[str, Any]) -> dict[str, str]:
    kind = text_of(market, "kind")
    fields = MARKET_FIELDS.get(kind, MARKET_FIELDS[MarketKind.SPOT.value])
    kept = {name: text_of(market, name)[: LENGTHS.get(name, 40)] for name in fields}
    return {"kind": kind, **kept} if kind in MARKET_FIELDS else kept


def delete_draft(draft: LaunchDraft) -> None:
    """Forget a draft."""
    draft.delete()
