"""Filling drafts: from a template, or from a venue of one's own."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_text, decimal_text
from exchange_os.ledger.services import check_symbol
from venues.event_rules import split_rules
from venues.launch_templates import BY_KEY
from venues.models import Event, EventKind, EventState, LaunchDraft, Market, MarketKind, Venue, VenueState
from venues.services.drafts import new_draft
from venues.specs import check_name, check_slug

DAYS = re.compile(r"\{days\+(\d+)\}")
MOST_TRIES = 200


def draft_from_template(user: AbstractBaseUser, key: str) -> LaunchDraft:
    """A draft as the template fills it, with names, an address and symbols that are free now.

    Raises ``template_unknown``, ``too_many_drafts``.
    """
    if key not in BY_KEY:
        raise DomainError("template_unknown", "There is no such template; choose one of those shown.")
    data = BY_KEY[key].data
    _rename_venue(user, data["venue"])
    for asset in data["assets"]:
        _rename_asset(asset, data["markets"])
    for market in data["markets"]:
        if found := DAYS.fullmatch(market.get("closes", "")):
            closes = timezone.now() + timedelta(days=int(found[1]))
            market["closes"] = f"{closes:%Y-%m-%d} 12:00"
    return new_draft(user, data)


def draft_from_venue(user: AbstractBaseUser, venue_id: int) -> LaunchDraft:
    """A draft with all that one's own venue is, at an address that is free; events that are over are left out.

    Raises ``venue_unknown``, ``too_many_drafts``.
    """
    venue = (
        Venue.objects.filter(pk=venue_id, deployer__user_id=user.pk).exclude(state=VenueState.FAILED).first()
    )
    if venue is None:
        raise DomainError("venue_unknown", "You have no such venue.")
    data = {
        "name": venue.name,
        "slug": venue.slug,
        "accent": venue.accent,
        "description": venue.description,
        "logo": venue.logo,
    }
    _rename_venue(user, data)
    return new_draft(user, {"venue": data, "markets": _listings(venue)})


def _listings(venue: Venue) -> list[dict[str, str]]:
    markets = venue.markets.select_related("base", "quote", "event").order_by("number")
    items: list[dict[str, str]] = []
    seen: set[int] = set()
    for market in markets:
        if market.event is None:
            items.append(_spot(market) if market.kind == MarketKind.SPOT else _perpetual(market))
        elif market.event_id not in seen and _lives(market.event):
            items.append(_event(market, [m.outcome_name for m in markets if m.event_id == market.event_id]))
        if market.event_id:
            seen.add(market.event_id)
    return items


def _lives(event: Event) -> bool:
    return event.state in (EventState.OPEN, EventState.PENDING) and event.closes > timezone.now()


def _percent(ppm: int) -> str:
    return decimal_text(Decimal(ppm) / 10_000)


def _common(market: Market) -> dict[str, str]:
    return {
        "kind": market.kind,
        "quote": market.quote.symbol,
        "tick_size": decimal_text(Decimal(market.tick_size)),
        "maker_fee_percent": _percent(market.maker_fee_ppm),
        "taker_fee_percent": _percent(market.taker_fee_ppm),
    }


def _priced(market: Market) -> dict[str, str]:
    return {
        "base": market.underlying.symbol,
        "reference_price": decimal_text(market.reference_ticks * Decimal(market.tick_size)),
        "band_percent": _percent(market.band_ppm),
    }


def _spot(market: Market) -> dict[str, str]:
    lot = Decimal(market.lot_size)
    return {
        **_common(market),
        **_priced(market),
        "lot_size": decimal_text(lot),
        "min_size": decimal_text(lot * market.min_size_lots) if market.min_size_lots > 1 else "",
        "collateral": "yes" if market.params.get("collateral") else "",
    }


def _perpetual(market: Market) -> dict[str, str]:
    params = market.params
    return {
        **_common(market),
        **_priced(market),
        "contract_value": decimal_text(Decimal(market.contract_value)),
        "max_leverage": str(params.get("max_leverage", 10)),
        "tier_value": amount_text(params["tiers"][0][0], market.quote),
        "interest_cap": str(params.get("interest_cap") or ""),
        "funding_cap_percent": _percent(params.get("funding_cap_ppm", 40_000)),
        "sources": "\n".join(params.get("sources", [])),
    }


def _event(market: Market, names: list[str]) -> dict[str, str]:
    event = market.event
    assert event is not None
    return {
        **_common(market),
        **split_rules(event.rules),
        "title": event.title,
        "event_kind": event.kind,
        "outcomes": "\n".join(names) if event.kind == EventKind.MULTIPLE else "",
        "series": event.series,
        "code": event.code.rsplit("-", 1)[-1],
        "category": event.category,
        "closes": f"{event.closes:%Y-%m-%d %H:%M}",
        "window_hours": str(event.window_seconds // 3600),
        "source": event.source,
        "low": event.low,
        "high": event.high,
        "measure": event.measure,
    }


def _rename_venue(user: AbstractBaseUser, venue: dict[str, str]) -> None:
    venue["slug"] = _free(venue["slug"], "-", 30, check_slug)
    venue["name"] = _free(venue["name"], " ", 40, lambda name: check_name(name, user.pk))


def _rename_asset(asset: dict[str, str], markets: list[dict[str, str]]) -> None:
    """Give an asset whose symbol is taken another one, in the markets too."""
    symbol = asset["symbol"]
    asset["symbol"] = _free(symbol, "", 10, check_symbol)
    if asset["symbol"] != symbol or _named(asset["name"]):
        asset["name"] = f"{asset['name']} {asset['symbol'].removeprefix(symbol) or 2}"
    for market in markets:
        for part in ("base", "quote"):
            if market.get(part) == symbol:
                market[part] = asset["symbol"]


def _named(name: str) -> bool:
    return Asset.objects.filter(name=name).exists()


def _free(text: str, joint: str, most: int, check: Callable[[str], Any]) -> str:
    """The text, or the first with a number behind it that the check lets pass."""
    for number in range(1, MOST_TRIES):
        tail = "" if number == 1 else f"{joint}{number}"
        candidate = f"{text[: most - len(tail)]}{tail}"
        try:
            check(candidate)
        except DomainError:
            continue
        return candidate
    return text
