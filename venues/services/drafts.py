"""Drafts of launches: kept as typed, so that a launch can be left and taken up again."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from exchange_os.errors import DomainError
from venues.models import LaunchDraft, VenueState
from venues.specs import MAX_MARKETS, text_of

VENUE_FIELDS = ("name", "slug", "accent", "description")
MARKET_FIELDS = (
    "base",
    "quote",
    "tick_size",
    "lot_size",
    "min_size",
    "reference_price",
    "band_percent",
    "maker_fee_percent",
    "taker_fee_percent",
)
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
    """Keep the second step as typed, at most 40 characters a field."""
    draft.data["markets"] = [
        {name: text_of(market, name)[:40] for name in MARKET_FIELDS} for market in markets[: MAX_MARKETS + 1]
    ]
    draft.save(update_fields=["data", "updated"])


def delete_draft(draft: LaunchDraft) -> None:
    """Forget a draft."""
    draft.delete()
