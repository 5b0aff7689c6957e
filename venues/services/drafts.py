"""Drafts of launches: kept as typed, step by step, so that a launch can be left and taken up again at any of them.

Each step keeps its own part and leaves the others alone; prices and fees are parts of markets, found by their ``key``.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from exchange_os.errors import DomainError
from venues.inputs import text_of
from venues.launch_specs import MAX_ASSETS
from venues.models import LaunchDraft, MarketKind, VenueState
from venues.specs import MAX_MARKETS

Items = Iterable[Mapping[str, Any]]

VENUE_FIELDS = ("name", "slug", "accent", "description", "access")
ASSET_FIELDS = ("symbol", "name", "scale", "supply", "confirmed")
SOURCE_FIELDS = ("sources",)
FEE_FIELDS = ("maker_fee_percent", "taker_fee_percent")
#: Fields of a market or event by kind.
MARKET_FIELDS = {
    MarketKind.SPOT.value: (
        "base", "quote", "tick_size", "lot_size", "min_size", "reference_price", "band_percent", "collateral",
        *FEE_FIELDS,
    ),
    MarketKind.PERPETUAL.value: (
        "base", "quote", "contract_value", "tick_size", "reference_price", "max_leverage", "tier_value",
        "interest_cap", "funding_cap_percent", "band_percent", *SOURCE_FIELDS, *FEE_FIELDS,
    ),
    MarketKind.OUTCOME.value: (
        "title", "event_kind", "outcomes", "series", "code", "category", "closes", "window_hours", "rules", "cut_off",
        "tie", "void", "source", "low", "high", "measure", "quote", "tick_size", *FEE_FIELDS,
    ),
}  # fmt: skip
#: Characters that are kept of a field; 40 of any other.
LENGTHS = {
    "title": 140, "source": 300, "sources": 2000, "rules": 2400, "cut_off": 400, "tie": 400, "void": 400,
    "outcomes": 8000, "name": 60,
}  # fmt: skip
#: A little more is kept than is allowed, so that a refusal shows what was typed.
SPARE = 20
MAX_DRAFTS = 20


def new_draft(user: AbstractBaseUser, data: Mapping[str, Any] | None = None) -> LaunchDraft:
    """A draft, empty or filled with ``data`` (``venue``, ``assets``, ``markets``, each as typed).

    Raises ``too_many_drafts`` beyond 20 that led to no venue.
    """
    if LaunchDraft.objects.filter(user_id=user.pk, venue=None).count() >= MAX_DRAFTS:
        raise DomainError("too_many_drafts", f"You have {MAX_DRAFTS} drafts; finish or delete one first.")
    draft = LaunchDraft.objects.create(user_id=user.pk, data={"venue": {}, "assets": [], "markets": []})
    if data is not None:
        save_venue_step(draft, data.get("venue", {}), logo=text_of(data.get("venue", {}), "logo"))
        save_assets_step(draft, data.get("assets", []))
        save_markets_step(draft, data.get("markets", []))
    return draft


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


def save_venue_step(draft: LaunchDraft, data: Mapping[str, Any], *, logo: str | None = None) -> None:
    """Keep the venue as typed, at most 300 characters a field; ``logo`` is the digest of a new one, empty for none."""

    def kept(whole: dict[str, Any]) -> dict[str, str]:
        old = text_of(whole.get("venue", {}), "logo")
        typed = {name: text_of(data, name)[:300] for name in VENUE_FIELDS}
        return {**typed, "logo": old if logo is None else logo}

    _keep(draft, "venue", kept)


def save_assets_step(draft: LaunchDraft, items: Items) -> None:
    """Keep the assets that the launch issues, as typed."""
    assets = [{name: _typed(item, name) for name in ASSET_FIELDS} for item in items]
    _keep(draft, "assets", lambda _: assets[: MAX_ASSETS + 1])


def save_markets_step(draft: LaunchDraft, items: Items) -> None:
    """Keep the markets as typed, in this order; one whose ``key`` is known keeps what the item does not hold."""

    def kept(whole: dict[str, Any]) -> list[dict[str, str]]:
        known = {market.get("key"): market for market in whole.get("markets", [])}
        return [
            _kept({**known.get(text_of(item, "key"), {}), **item}) for item in list(items)[: MAX_MARKETS + 1]
        ]

    _keep(draft, "markets", kept)


def save_parts_step(draft: LaunchDraft, fields: Iterable[str], items: Items) -> None:
    """Keep some fields of markets that are there, each found by its ``key``; nothing is added or taken away."""

    def kept(whole: dict[str, Any]) -> list[dict[str, str]]:
        typed = {text_of(item, "key"): item for item in items}
        return [
            {**market, **{name: _typed(item, name) for name in fields if name in item and name in market}}
            for market in whole.get("markets", [])
            for item in [typed.get(market.get("key", ""), {})]
        ]

    _keep(draft, "markets", kept)


def delete_draft(draft: LaunchDraft) -> None:
    """Forget a draft."""
    draft.delete()


def _keep(draft: LaunchDraft, part: str, made: Callable[[dict[str, Any]], Any]) -> None:
    """Change one part of the draft as it is now, whatever else changes it at the same time."""
    with transaction.atomic():
        locked = LaunchDraft.objects.select_for_update().get(pk=draft.pk)
        locked.data[part] = made(locked.data)
        locked.save(update_fields=["data", "updated"])
    draft.data = locked.data


def _typed(item: Mapping[str, Any], name: str) -> str:
    return text_of(item, name)[: LENGTHS.get(name, 40) + SPARE]


def _kept(market: Mapping[str, Any]) -> dict[str, str]:
    kind = text_of(market, "kind")
    fields = MARKET_FIELDS.get(kind, MARKET_FIELDS[MarketKind.SPOT.value])
    kept = {name: _typed(market, name) for name in fields}
    key = text_of(market, "key")[:8] or secrets.token_hex(4)
    return {"kind": kind, "key": key, **kept} if kind in MARKET_FIELDS else {"key": key, **kept}
