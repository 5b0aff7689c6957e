"""What a deployer types, checked: the venue and its markets as numbers, or every refusal at its field."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Grade
from exchange_os.ledger.selectors import stake_asset
from exchange_os.ledger.words import check_name_letters, skeleton
from venues.contract_specs import PerpetualSpec, perpetual_spec
from venues.errors import Gatherer, Refusals
from venues.event_specs import EventSpec, event_spec
from venues.inputs import (
    AssetShelf,
    decimals,
    read_band_ppm,
    read_lot_units,
    read_maker_fee_ppm,
    read_min_size_lots,
    read_reference_ticks,
    read_step,
    read_taker_fee_ppm,
    read_tick,
    read_tick_quote,
    refuse_hidden,
    text_of,
)
from venues.models import ACCENT_PATTERN, SLUG_PATTERN, MarketKind, Venue, VenueState

RESERVED_SLUGS = frozenset(
    [
        "about",
        "account",
        "accounts",
        "admin",
        "api",
        "app",
        "assets",
        "auth",
        "blog",
        "bulk",
        "demo",
        "deployer",
        "docs",
        "exchange",
        "exchange-os",
        "exchangeos",
        "help",
        "home",
        "kernel",
        "launch",
        "legal",
        "login",
        "logout",
        "mail",
        "market",
        "markets",
        "new",
        "official",
        "okx",
        "operator",
        "privacy",
        "root",
        "security",
        "signup",
        "staff",
        "static",
        "status",
        "style",
        "support",
        "system",
        "terms",
        "test",
        "trade",
        "trading",
        "v",
        "v5",
        "venue",
        "venues",
        "wallet",
        "www",
        "ws",
    ]
)
MAX_MARKETS = 1_000
MAX_REFERENCE_NOTIONAL = 10**15
DEFAULT_ACCENT = "#3b5bdb"
#: Who may trade from the first moment on; what is kept, and what it is called.
ACCESS_CHOICES = {
    "": "Anyone: nothing is asked",
    "basic": "Who tells name, date of birth and residence",
    "kyc": "Verified holders: an identity document, checked",
    "enhanced": "Verified holders, with proof of address and source of funds",
}


@dataclass(frozen=True)
class VenueSpec:
    """A venue as it may be launched."""

    name: str
    slug: str
    accent: str
    description: str
    logo: str = ""
    access: str = ""


@dataclass(frozen=True)
class MarketSpec:
    """A spot market as it may be opened; members as in ``venues.models.Market``."""

    market_kind: ClassVar[str] = "spot"
    base: Asset
    quote: Asset
    tick_size: Decimal
    lot_size: Decimal
    lot_units: int
    tick_quote: int
    min_size_lots: int
    reference_ticks: int
    band_ppm: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    collateral: bool = False

    @property
    def symbol(self) -> str:
        """``BTC-USD``."""
        return f"{self.base.symbol}-{self.quote.symbol}"

    @property
    def symbols(self) -> list[str]:
        """The symbols of its markets."""
        return [self.symbol]

    @property
    def price_scale(self) -> int:
        """Decimals of a price."""
        return decimals(self.tick_size)

    @property
    def size_scale(self) -> int:
        """Decimals of a size."""
        return decimals(self.lot_size)


def check_slug(text: str, *, besides: Venue | None = None) -> str:
    """The address if a new venue may have it: ``slug_invalid``, ``slug_reserved`` or ``slug_taken`` otherwise."""
    slug = text.strip().lower()
    if not re.fullmatch(SLUG_PATTERN, slug) or "--" in slug:
        raise DomainError(
            "slug_invalid",
            "Use 3 to 30 letters a to z, digits and single dashes, for example north-exchange.",
            field="slug",
        )
    if slug in RESERVED_SLUGS:
        raise DomainError("slug_reserved", f"The address {slug} is reserved; choose another.", field="slug")
    taken = Venue.objects.filter(slug=slug).exclude(state=VenueState.FAILED)
    if besides is not None:
        taken = taken.exclude(pk=besides.pk)
    if taken.exists():
        raise DomainError(
            "slug_taken", f"Another venue has the address {slug}; choose another.", field="slug"
        )
    return slug


def check_name(text: str, owner_id: int | None = None) -> str:
    """A name of 3 to 40 characters that can be told from those of all venues of other deployers than ``owner_id``.

    Raises ``name_invalid``, ``name_lookalike``, and what ``check_name_letters`` raises.
    """
    name = " ".join(text.split())
    if not 3 <= len(name) <= 40:
        raise DomainError("name_invalid", "Give the venue a name of 3 to 40 characters.", field="name")
    check_name_letters(name, field="name")
    alike = Venue.objects.filter(name_shape=skeleton(name)).exclude(state=VenueState.FAILED)
    if owner_id is not None:
        alike = alike.exclude(deployer__user_id=owner_id)
    other = alike.values_list("name", flat=True).first()
    if other is not None:
        raise DomainError(
            "name_lookalike",
            f"The name cannot be told from that of the venue {other}; choose another.",
            field="name",
        )
    return name


def check_accent(text: str) -> str:
    """A colour ``#rrggbb``, or ``accent_invalid``."""
    accent = text.strip().lower() or DEFAULT_ACCENT
    if not re.fullmatch(ACCENT_PATTERN, accent):
        raise DomainError("accent_invalid", "Give a colour as # and six hexadecimal digits.", field="accent")
    return accent


def check_description(text: str) -> str:
    """At most 280 characters, or ``description_too_long``."""
    description = " ".join(text.split())
    if len(description) > 280:
        raise DomainError(
            "description_too_long",
            f"Keep it to 280 characters; this has {len(description)}.",
            field="description",
        )
    return description


def venue_spec(data: Mapping[str, Any], owner_id: int | None = None) -> VenueSpec:
    """The venue's step of the wizard as a ``VenueSpec``; raises ``Refusals``."""
    checks = Gatherer()
    refuse_hidden(data, checks)
    name = checks.take("name", lambda: check_name(text_of(data, "name"), owner_id))
    slug = checks.take("slug", lambda: check_slug(text_of(data, "slug")))
    accent = checks.take("accent", lambda: check_accent(text_of(data, "accent")))
    description = checks.take("description", lambda: check_description(text_of(data, "description")))
    access = checks.take("access", lambda: _access(data))
    checks.finish()
    assert name is not None and slug is not None and accent is not None and description is not None
    assert access is not None
    return VenueSpec(name, slug, accent, description, text_of(data, "logo"), access)


def _access(data: Mapping[str, Any]) -> str:
    choice = text_of(data, "access")
    if choice not in ACCESS_CHOICES:
        raise DomainError("access_invalid", "Choose who may trade.", field="access")
    return choice


def market_spec(
    data: Mapping[str, Any], *, taken: Collection[str] = (), shelf: AssetShelf | None = None
) -> MarketSpec:
    """One market form as a ``MarketSpec``; ``taken`` are the symbols of the venue's other markets.

    Raises ``Refusals`` with every field at fault.
    """
    checks, shelf = Gatherer(), shelf or AssetShelf()
    refuse_hidden(data, checks)
    base = checks.take("base", lambda: shelf.find(data, "base"))
    quote = checks.take("quote", lambda: shelf.find(data, "quote"))
    if base and quote and base == quote:
        checks.refuse("quote", "same_asset", "Base and quote must be two different assets.")
    elif base and quote and f"{base.symbol}-{quote.symbol}" in taken:
        checks.refuse(
            "base",
            "symbol_taken",
            f"This venue already has a market {base.symbol}-{quote.symbol}; change one of them.",
        )
    tick = checks.take("tick_size", lambda: read_tick(data))
    lot = checks.take("lot_size", lambda: read_step(data, "lot_size", "lot"))
    lot_units = checks.take("lot_size", lambda: read_lot_units(lot, base)) if lot and base else None
    tick_quote = (
        checks.take("tick_size", lambda: read_tick_quote(tick, lot, quote))
        if tick and lot and quote and (lot_units or not base)
        else None
    )
    min_lots = checks.take("min_size", lambda: read_min_size_lots(data, lot, base)) if lot and base else None
    reference = checks.take("reference_price", lambda: read_reference_ticks(data, tick)) if tick else None
    if reference and tick_quote and reference * tick_quote > MAX_REFERENCE_NOTIONAL:
        checks.refuse(
            "lot_size", "lot_too_large", "One lot at the opening price is too much; make the lot smaller."
        )
    collateral = checks.take("collateral", lambda: _collateral(data, base)) if base else None
    band = checks.take("band_percent", lambda: read_band_ppm(data))
    taker = checks.take("taker_fee_percent", lambda: read_taker_fee_ppm(data))
    maker = checks.take("maker_fee_percent", lambda: read_maker_fee_ppm(data, taker))
    checks.finish()
    assert base and quote and tick and lot and lot_units and tick_quote and min_lots and reference
    assert collateral is not None and band is not None and maker is not None and taker is not None
    return MarketSpec(
        base, quote, tick, lot, lot_units, tick_quote, min_lots, reference, band, maker, taker, collateral
    )  # fmt: skip


Listing = MarketSpec | PerpetualSpec | EventSpec


def _collateral(data: Mapping[str, Any], base: Asset) -> bool:
    """Whether the base counts as collateral of the venue's contracts; ``collateral_is_stake`` of the stake asset, whose
    fall would take bond and collateral at once, ``collateral_ungraded`` at the lowest grade."""
    if text_of(data, "collateral") != "yes":
        return False
    if base == stake_asset():
        raise DomainError(
            "collateral_is_stake",
            f"{base.symbol} is what deployers stake: a fall would take the bond and the collateral at once.",
            field="collateral",
        )
    if base.grade == Grade.D:
        raise DomainError(
            "collateral_ungraded",
            f"{base.symbol} has grade D, at which it counts nothing as collateral; the operator grades assets.",
            field="collateral",
        )
    return True


def listing_spec(
    data: Mapping[str, Any],
    *,
    taken: Collection[str] = (),
    settlement: Asset | None = None,
    shelf: AssetShelf | None = None,
) -> Listing:
    """One form of any kind (``data["kind"]``: spot, swap or outcome) as what it lists; raises ``Refusals``."""
    kind = text_of(data, "kind") or MarketKind.SPOT.value
    if kind == MarketKind.PERPETUAL:
        return perpetual_spec(data, taken=taken, settlement=settlement, shelf=shelf)
    if kind == MarketKind.OUTCOME:
        return event_spec(data, taken=taken, settlement=settlement, shelf=shelf)
    return market_spec(data, taken=taken, shelf=shelf)


def market_specs(items: list[Mapping[str, Any]], shelf: AssetShelf | None = None) -> list[Listing]:
    """All the markets and events of a launch; raises ``Refusals`` with fields named ``market-<place>-<field>``."""
    checks, shelf = Gatherer(), shelf or AssetShelf()
    if not items:
        checks.refuse("markets", "no_market", "Add at least one market.")
    specs: list[Listing] = []
    taken: set[str] = set()
    settlement: Asset | None = None
    for place, item in enumerate(items[:MAX_MARKETS]):
        try:
            spec = listing_spec(item, taken=taken, settlement=settlement, shelf=shelf)
        except Refusals as refused:
            for name, error in refused.errors.items():
                checks.errors[f"market-{place}-{name}"] = error
            continue
        specs.append(spec)
        taken.update(spec.symbols)
        if not isinstance(spec, MarketSpec) and settlement is None:
            settlement = spec.quote
    if len(items) > MAX_MARKETS or len(taken) > MAX_MARKETS:
        checks.refuse("markets", "too_many_markets", f"A venue has at most {MAX_MARKETS} markets.")
    checks.finish()
    return specs
