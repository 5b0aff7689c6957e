"""What a deployer types, checked: the venue and its markets as numbers, or every refusal at its field."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import asset_by_symbol, decimal_text
from venues.errors import Gatherer, Refusals
from venues.instruments import in_steps, parse_decimal
from venues.models import ACCENT_PATTERN, PPM, SLUG_PATTERN, Venue, VenueState

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
MAX_PRICE_DECIMALS = 12
MAX_TAKER_FEE_PPM = 10_000
MIN_BAND_PPM, MAX_BAND_PPM = 1_000, 500_000
MAX_MARKETS = 100
MAX_LOT_TICK_UNITS = 10**12
MAX_REFERENCE_NOTIONAL = 10**15
DEFAULT_ACCENT = "#3b5bdb"


@dataclass(frozen=True)
class VenueSpec:
    """A venue as it may be launched."""

    name: str
    slug: str
    accent: str
    description: str


@dataclass(frozen=True)
class MarketSpec:
    """A spot market as it may be opened; members as in ``venues.models.Market``."""

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

    @property
    def symbol(self) -> str:
        """``BTC-USD``."""
        return f"{self.base.symbol}-{self.quote.symbol}"

    @property
    def price_scale(self) -> int:
        """Decimals of a price."""
        return decimals(self.tick_size)

    @property
    def size_scale(self) -> int:
        """Decimals of a size."""
        return decimals(self.lot_size)


def decimals(value: Decimal) -> int:
    """Digits after the point in canonical form: 2 for ``0.01``, 0 for ``5``."""
    return len(decimal_text(value).partition(".")[2])


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


def check_name(text: str) -> str:
    """A name of 3 to 40 characters, or ``name_invalid``."""
    name = " ".join(text.split())
    if not 3 <= len(name) <= 40 or not name.isprintable():
        raise DomainError("name_invalid", "Give the venue a name of 3 to 40 characters.", field="name")
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


def venue_spec(data: Mapping[str, Any]) -> VenueSpec:
    """The first step of the wizard as a ``VenueSpec``; raises ``Refusals``."""
    checks = Gatherer()
    name = checks.take("name", lambda: check_name(text_of(data, "name")))
    slug = checks.take("slug", lambda: check_slug(text_of(data, "slug")))
    accent = checks.take("accent", lambda: check_accent(text_of(data, "accent")))
    description = checks.take("description", lambda: check_description(text_of(data, "description")))
    checks.finish()
    assert name is not None and slug is not None and accent is not None and description is not None
    return VenueSpec(name, slug, accent, description)


def text_of(data: Mapping[str, Any], name: str) -> str:
    """The input as text; empty if it is missing."""
    value = data.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def market_spec(data: Mapping[str, Any], *, taken: Collection[str] = ()) -> MarketSpec:
    """One market form as a ``MarketSpec``; ``taken`` are the symbols of the venue's other markets.

    Raises ``Refusals`` with every field at fault.
    """
    checks = Gatherer()
    base = checks.take("base", lambda: asset_by_symbol(text_of(data, "base"), field="base"))
    quote = checks.take("quote", lambda: asset_by_symbol(text_of(data, "quote"), field="quote"))
    if base and quote and base == quote:
        checks.refuse("quote", "same_asset", "Base and quote must be two different assets.")
    elif base and quote and f"{base.symbol}-{quote.symbol}" in taken:
        checks.refuse(
            "base",
            "symbol_taken",
            f"This venue already has a market {base.symbol}-{quote.symbol}; change one of them.",
        )
    tick = checks.take("tick_size", lambda: _tick(data))
    lot = checks.take("lot_size", lambda: _step(data, "lot_size", "lot"))
    lot_units = checks.take("lot_size", lambda: _lot_units(lot, base)) if lot and base else None
    tick_quote = (
        checks.take("tick_size", lambda: _tick_quote(tick, lot, quote))
        if tick and lot and quote and (lot_units or not base)
        else None
    )
    min_lots = checks.take("min_size", lambda: _min_size_lots(data, lot, base)) if lot and base else None
    reference = checks.take("reference_price", lambda: _reference_ticks(data, tick)) if tick else None
    if reference and tick_quote and reference * tick_quote > MAX_REFERENCE_NOTIONAL:
        checks.refuse(
            "lot_size", "lot_too_large", "One lot at the opening price is too much; make the lot smaller."
        )
    band = checks.take("band_percent", lambda: _band_ppm(data))
    taker = checks.take("taker_fee_percent", lambda: _taker_fee_ppm(data))
    maker = checks.take("maker_fee_percent", lambda: _maker_fee_ppm(data, taker))
    checks.finish()
    assert base and quote and tick and lot and lot_units and tick_quote and min_lots and reference
    assert band is not None and maker is not None and taker is not None
    return MarketSpec(base, quote, tick, lot, lot_units, tick_quote, min_lots, reference, band, maker, taker)


def market_specs(items: list[Mapping[str, Any]]) -> list[MarketSpec]:
    """All the markets of a launch; raises ``Refusals`` with fields named ``market-<place>-<field>``."""
    checks = Gatherer()
    if not items:
        checks.refuse("markets", "no_market", "Add at least one market.")
    if len(items) > MAX_MARKETS:
        checks.refuse("markets", "too_many_markets", f"A venue has at most {MAX_MARKETS} markets.")
    specs: list[MarketSpec] = []
    for place, item in enumerate(items[:MAX_MARKETS]):
        try:
            specs.append(market_spec(item, taken={spec.symbol for spec in specs}))
        except Refusals as refused:
            for name, error in refused.errors.items():
                checks.errors[f"market-{place}-{name}"] = error
    checks.finish()
    return specs


def _step(data: Mapping[str, Any], name: str, what: str) -> Decimal:
    message = f"Enter a {what} above zero, for example 0.01."
    value = parse_decimal(text_of(data, name), code=f"{what}_invalid", message=message, field=name)
    if value <= 0 or value > 10**9:
        raise DomainError(f"{what}_invalid", message, field=name)
    return Decimal(decimal_text(value))


def _tick(data: Mapping[str, Any]) -> Decimal:
    tick = _step(data, "tick_size", "tick")
    if decimals(tick) > MAX_PRICE_DECIMALS:
        raise DomainError(
            "tick_invalid",
            f"A tick has at most {MAX_PRICE_DECIMALS} decimals; enter a larger one.",
            field="tick_size",
        )
    return tick


def _lot_units(lot: Decimal, base: Asset) -> int:
    units = in_steps(lot, Decimal(1).scaleb(-base.scale))
    if not units:
        smallest = decimal_text(Decimal(1).scaleb(-base.scale))
        raise DomainError(
            "lot_too_fine",
            f"{base.symbol} has {base.scale} decimals: the lot must be a multiple of {smallest}.",
            field="lot_size",
        )
    if units > MAX_LOT_TICK_UNITS:
        raise DomainError("lot_too_large", "The lot is too large; enter a smaller one.", field="lot_size")
    return units


def _tick_quote(tick: Decimal, lot: Decimal, quote: Asset) -> int:
    """Quote units of one lot one tick dearer, which must be a whole number: notionals are exact."""
    unit = Decimal(1).scaleb(-quote.scale)
    units = in_steps(tick * lot, unit)
    if not units:
        raise DomainError(
            "tick_lot_not_whole",
            f"One tick on one lot is {decimal_text(tick * lot)} {quote.symbol}, which is not a whole number of "
            f"{decimal_text(unit)} {quote.symbol}, its smallest unit. Enter a larger tick or a larger lot.",
            field="tick_size",
        )
    if units > MAX_LOT_TICK_UNITS:
        raise DomainError(
            "tick_invalid", "The tick is too large for that lot; enter a smaller one.", field="tick_size"
        )
    return units


def _min_size_lots(data: Mapping[str, Any], lot: Decimal, base: Asset) -> int:
    text = text_of(data, "min_size")
    if not text:
        return 1
    message = f"Enter a size above zero in {base.symbol}, or leave it empty for one lot."
    value = parse_decimal(text, code="min_size_invalid", message=message, field="min_size")
    lots = in_steps(value, lot) if value > 0 else 0
    if lots is None:
        message = f"The smallest order must be a multiple of the lot, {decimal_text(lot)}."
    if not lots or lots > 10**12:
        raise DomainError("min_size_invalid", message, field="min_size")
    return lots


def _reference_ticks(data: Mapping[str, Any], tick: Decimal) -> int:
    message = "Enter the price at which you expect trading to begin, above zero."
    value = parse_decimal(text_of(data, "reference_price"), code="reference_invalid", message=message)
    ticks = in_steps(value, tick) if value > 0 else 0
    if ticks is None:
        message = f"The opening price must be a multiple of the tick, {decimal_text(tick)}."
    if not ticks or ticks > 10**15:
        raise DomainError("reference_invalid", message, field="reference_price")
    return ticks


def _ppm(data: Mapping[str, Any], name: str, default: str, message: str) -> int:
    code = name.replace("_percent", "_invalid")
    value = parse_decimal(text_of(data, name).rstrip("% ") or default, code=code, message=message, field=name)
    ppm = value * (PPM // 100)
    if ppm != ppm.to_integral_value() or abs(ppm) > PPM:
        raise DomainError(code, message, field=name)
    return int(ppm)


def _band_ppm(data: Mapping[str, Any]) -> int:
    message = "Enter a band from 0.1 to 50 per cent."
    band = _ppm(data, "band_percent", "5", message)
    if not MIN_BAND_PPM <= band <= MAX_BAND_PPM:
        raise DomainError("band_invalid", message, field="band_percent")
    return band


def _taker_fee_ppm(data: Mapping[str, Any]) -> int:
    message = "Enter a taker fee from 0 to 1 per cent, at most four decimals."
    fee = _ppm(data, "taker_fee_percent", "0.05", message)
    if not 0 <= fee <= MAX_TAKER_FEE_PPM:
        raise DomainError("taker_fee_invalid", message, field="taker_fee_percent")
    return fee


def _maker_fee_ppm(data: Mapping[str, Any], taker_ppm: int | None) -> int:
    message = "Enter a maker fee in per cent, at most four decimals; a rebate has a minus sign."
    fee = _ppm(data, "maker_fee_percent", "0.02", message)
    if taker_ppm is not None and abs(fee) > taker_ppm:
        raise DomainError(
            "maker_fee_invalid",
            "A maker fee or rebate may not exceed the taker fee, "
            f"{decimal_text(Decimal(taker_ppm) / 10_000)} per cent.",
            field="maker_fee_percent",
        )
    return fee
