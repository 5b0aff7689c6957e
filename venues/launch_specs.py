"""A whole launch as its draft has it, checked: venue, assets to issue, listings; or every refusal at its field.

Fields are named as on the pages: ``name``, ``asset-0-symbol``, ``market-2-tick_size``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.services import AssetSpec, asset_spec
from venues.errors import Gatherer, Refusals, T
from venues.inputs import AssetShelf, text_of
from venues.specs import Listing, VenueSpec, market_specs, venue_spec

MAX_ASSETS = 10


@dataclass(frozen=True)
class LaunchSpec:
    """What a launch makes. ``assets`` are those it issues."""

    venue: VenueSpec
    assets: list[Asset]
    listings: list[Listing]


def launch_spec(
    user: AbstractBaseUser, data: Mapping[str, Any], issue: Callable[[AssetSpec], Asset] | None = None
) -> LaunchSpec:
    """The draft's data as a ``LaunchSpec``; raises ``Refusals`` with every field at fault.

    ``issue`` makes the asset of a spec; without it they are made in memory only, to look at.
    """
    checks = Gatherer()
    venue = _gather(checks, lambda: venue_spec(data.get("venue", {}), user.pk))
    items, markets = data.get("assets", []), data.get("markets", [])
    assets = _assets(user, items, markets, checks, issue or _in_memory)
    listings = _gather(checks, lambda: market_specs(markets, AssetShelf(assets)))
    checks.finish()
    assert venue is not None and listings is not None
    return LaunchSpec(venue, assets, listings)


def launch_errors(user: AbstractBaseUser, data: Mapping[str, Any]) -> dict[str, DomainError]:
    """What is wrong with a draft, field by field; empty if it can be launched."""
    try:
        launch_spec(user, data)
    except Refusals as refused:
        return refused.errors
    return {}


def new_asset_spec(user: AbstractBaseUser, item: Mapping[str, Any]) -> AssetSpec:
    """One form of an asset to issue as an ``AssetSpec``; raises ``DomainError`` at its field."""
    scale = text_of(item, "scale")
    return asset_spec(
        user,
        symbol=text_of(item, "symbol"),
        name=text_of(item, "name"),
        scale=int(scale) if scale.isdigit() and len(scale) == 1 else -1,
        supply=text_of(item, "supply"),
        confirmed=text_of(item, "confirmed") == "on",
    )


def _assets(
    user: AbstractBaseUser,
    items: list[Mapping[str, Any]],
    markets: list[Mapping[str, Any]],
    checks: Gatherer,
    issue: Callable[[AssetSpec], Asset],
) -> list[Asset]:
    """The assets that can be issued; each must be named by a market, and its symbol once."""
    if len(items) > MAX_ASSETS:
        checks.refuse("assets", "too_many_assets", f"A launch issues at most {MAX_ASSETS} assets.")
    named = {text_of(market, part).upper() for market in markets for part in ("base", "quote")}
    made: dict[str, Asset] = {}
    for place, item in enumerate(items[:MAX_ASSETS]):
        prefix = f"asset-{place}-"
        try:
            spec = new_asset_spec(user, item)
            if spec.symbol in made:
                raise DomainError(
                    "symbol_taken", f"{spec.symbol} is named twice; change one of them.", field="symbol"
                )
            if spec.symbol not in named:
                raise DomainError(
                    "asset_unused", f"No market of this launch names {spec.symbol}; list it, or take it out.",
                    field="symbol",
                )  # fmt: skip
            made[spec.symbol] = issue(spec)
        except DomainError as refused:
            checks.errors[f"{prefix}{refused.field or 'symbol'}"] = refused
    return list(made.values())


def _in_memory(spec: AssetSpec) -> Asset:
    return Asset(symbol=spec.symbol, name=spec.name, scale=spec.scale, reserved_units=spec.units)


def _gather(checks: Gatherer, check: Callable[[], T]) -> T | None:
    try:
        return check()
    except Refusals as refused:
        checks.errors.update(refused.errors)
        return None
