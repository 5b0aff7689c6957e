"""Inputs of the deployer's and wallet pages: what a template needs to draw one, with its hint or its refusal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from venues.specs import DEFAULT_ACCENT, text_of


@dataclass
class Field:
    """One labelled input. ``kind``: text, decimal, select, colour or textarea."""

    name: str
    label: str
    value: str = ""
    kind: str = "text"
    hint: str = ""
    error: str = ""
    prefix: str = ""
    suffix: str = ""
    placeholder: str = ""
    maxlength: int = 40
    options: list[tuple[str, str]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The id of the control; that of its note is the same with ``-note``."""
        return f"f-{self.name}"


def mark(fields: Iterable[Field], errors: Mapping[str, DomainError], *, typed_only: bool = False) -> int:
    """Put each refusal at its field; answers how many fields carry one.

    ``typed_only`` spares fields that are still empty, for the checks while typing.
    """
    count = 0
    for item in fields:
        refused = errors.get(item.name)
        if refused is not None and (item.value or not typed_only):
            item.error = refused.message
            count += 1
    return count


def asset_options(assets: Iterable[Asset], empty: str = "") -> list[tuple[str, str]]:
    """Options of a select of assets."""
    first = [("", empty)] if empty else []
    return first + [(asset.symbol, f"{asset.symbol} · {asset.name}") for asset in assets]


def venue_fields(data: Mapping[str, Any]) -> list[Field]:
    """Inputs of the first step of a launch."""
    return [
        Field("name", "Name", text_of(data, "name"), hint="What traders see, 3 to 40 characters.",
              placeholder="North Exchange"),
        Field(
            "slug", "Address", text_of(data, "slug"), prefix="/v/", placeholder="north", maxlength=30,
            hint="Letters, digits and dashes. It cannot be changed later.",
        ),
        Field(
            "accent", "Accent colour", text_of(data, "accent") or DEFAULT_ACCENT, kind="colour",
            hint="Colours your mark and highlights.",
        ),
        Field(
            "description", "Description", text_of(data, "description"), kind="textarea", maxlength=280,
            hint="One or two sentences: what trades here, and for whom.", placeholder="Spot markets for …",
        ),
    ]  # fmt: skip


def market_fields(data: Mapping[str, Any], assets: Iterable[Asset], prefix: str = "") -> list[Field]:
    """Inputs of one spot market; names carry ``prefix``."""
    options = asset_options(assets, "Choose an asset")
    quote = text_of(data, "quote")

    def value(name: str, default: str = "") -> str:
        return text_of(data, name) if name in data else default

    return [
        Field(f"{prefix}base", "Base asset", value("base"), "select", "What is traded.", options=options),
        Field(f"{prefix}quote", "Quote asset", quote, "select", "What it is paid in; fees are too.", options=options),
        Field(
            f"{prefix}reference_price", "Opening price", value("reference_price"), "decimal", suffix=quote,
            hint="Centre of the price band until the first trade.", placeholder="65000",
        ),
        Field(
            f"{prefix}tick_size", "Tick size", value("tick_size", "0.01"), "decimal", suffix=quote,
            hint="Smallest step of a price.", placeholder="0.01",
        ),
        Field(
            f"{prefix}lot_size", "Lot size", value("lot_size", "0.0001"), "decimal", suffix=value("base"),
            hint="Smallest step of a size.", placeholder="0.0001",
        ),
        Field(
            f"{prefix}min_size", "Smallest order", value("min_size"), "decimal", suffix=value("base"),
            hint="A multiple of the lot; empty for one lot.", placeholder="one lot",
        ),
        Field(
            f"{prefix}maker_fee_percent", "Maker fee", value("maker_fee_percent", "0.02"), "decimal", suffix="%",
            hint="A minus sign makes it a rebate.",
        ),
        Field(
            f"{prefix}taker_fee_percent", "Taker fee", value("taker_fee_percent", "0.05"), "decimal", suffix="%",
            hint="At most 1%.",
        ),
        Field(
            f"{prefix}band_percent", "Price band", value("band_percent", "5"), "decimal", suffix="%",
            hint="How far from the last trade an order may be priced.",
        ),
    ]  # fmt: skip
