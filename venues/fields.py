"""Inputs of the deployer's and wallet pages: what a template needs to draw one, with its hint or its refusal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Grade
from venues.event_specs import TICKS
from venues.inputs import text_of
from venues.models import EventKind, MarketKind
from venues.specs import ACCESS_CHOICES, DEFAULT_ACCENT


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
    rows: int = 3
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
        Field(
            "access", "Who may trade", text_of(data, "access"), "select", options=list(ACCESS_CHOICES.items()),
            hint="Open venues ask nothing. Rules can be made finer while the venue runs.",
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
        Field(
            f"{prefix}collateral", "Base as collateral", value("collateral"), "select",
            hint="In the margin of this venue's contracts, less the haircut of its grade.",
            options=[("", "Does not count"), ("yes", _grade_words(value("base"), assets))],
        ),
    ]  # fmt: skip


def _grade_words(symbol: str, assets: Iterable[Asset]) -> str:
    asset = next((item for item in assets if item.symbol == symbol), None)
    if asset is None:
        return "Counts"
    return f"Counts, grade {asset.grade}: less {Grade(asset.grade).haircut_ppm // 10_000}%"


def perpetual_fields(data: Mapping[str, Any], assets: Iterable[Asset], prefix: str = "") -> list[Field]:
    """Inputs of one perpetual market; names carry ``prefix``."""
    options = asset_options(assets, "Choose an asset")
    quote, base = text_of(data, "quote"), text_of(data, "base")

    def value(name: str, default: str = "") -> str:
        return text_of(data, name) if name in data else default

    return [
        Field(f"{prefix}base", "Underlying", base, "select", "What its price follows.", options=options),
        Field(f"{prefix}quote", "Settled in", quote, "select", "One asset for all contracts of the venue.",
              options=options),
        Field(
            f"{prefix}contract_value", "Contract", value("contract_value", "0.001"), "decimal", suffix=base,
            hint="Underlying of one contract; sizes are whole contracts.",
        ),
        Field(
            f"{prefix}reference_price", "Opening price", value("reference_price"), "decimal", suffix=quote,
            hint="Mark price until the sources have spoken.", placeholder="65000",
        ),
        Field(f"{prefix}tick_size", "Tick size", value("tick_size", "0.1"), "decimal", suffix=quote,
              hint="Smallest step of a price."),
        Field(f"{prefix}max_leverage", "Highest leverage", value("max_leverage", "10"), "decimal", suffix="x",
              hint="1 to 100; larger positions get less."),
        Field(
            f"{prefix}tier_value", "Value at full leverage", value("tier_value", "100000"), "decimal", suffix=quote,
            hint="Up to here full leverage; up to 4, 16 and 64 times it half, a quarter and an eighth.",
        ),
        Field(f"{prefix}interest_cap", "Open interest cap", value("interest_cap"), "decimal", suffix="contracts",
              hint="Empty for no cap besides what your stake carries.", placeholder="no cap"),
        Field(
            f"{prefix}sources", "Price sources", value("sources"), kind="textarea", maxlength=2000, rows=5,
            hint="One a line, three for the full grade: market north/BTC-USD, pyth …, chainlink …, http …, push …",
            placeholder="market north/BTC-USD",
        ),
        Field(f"{prefix}funding_cap_percent", "Funding cap an hour", value("funding_cap_percent", "4"), "decimal",
              suffix="%", hint="0.01 to 4."),
        *_fee_fields(data, prefix),
        Field(f"{prefix}band_percent", "Price band", value("band_percent", "5"), "decimal", suffix="%",
              hint="How far from the last trade an order may be priced."),
    ]  # fmt: skip


def event_fields(data: Mapping[str, Any], assets: Iterable[Asset], prefix: str = "") -> list[Field]:
    """Inputs of one event; names carry ``prefix``."""

    def value(name: str, default: str = "") -> str:
        return text_of(data, name) if name in data else default

    options = asset_options(assets, "Choose an asset")
    return [
        Field(f"{prefix}title", "Question", value("title"), maxlength=140, hint="As traders read it.",
              placeholder="Who wins the World Cup 2026?"),
        Field(f"{prefix}event_kind", "Asks", value("event_kind", EventKind.BINARY), "select", "",
              options=[(str(kind), str(label)) for kind, label in EventKind.choices]),
        Field(
            f"{prefix}outcomes", "Outcomes", value("outcomes"), kind="textarea", maxlength=8000,
            hint="Of one of several: one a line, exactly one must happen. More can come out of “Any other” later.",
            placeholder="Argentina",
        ),
        Field(f"{prefix}low", "A price of 0 means", value("low"), "decimal", placeholder="0",
              hint="Of a number in a range: its low end."),
        Field(f"{prefix}high", "A price of 1 means", value("high"), "decimal", placeholder="100",
              hint="Of a number in a range: its high end."),
        Field(f"{prefix}measure", "Measured in", value("measure"), maxlength=20, placeholder="goals"),
        Field(f"{prefix}series", "Series", value("series"), maxlength=16, hint="First part of the symbols.",
              placeholder="WC26"),
        Field(f"{prefix}code", "Code", value("code"), maxlength=12, hint="Tells the event from others of its series.",
              placeholder="WINNER"),
        Field(f"{prefix}category", "Category", value("category"), maxlength=30, placeholder="Sports"),
        Field(f"{prefix}closes", "Trading closes (UTC)", value("closes"), hint="Before the result can be known.",
              placeholder="2026-07-19 19:00"),
        Field(f"{prefix}window_hours", "Hours to challenge", value("window_hours", "2"), "decimal", suffix="h",
              hint="A proposed result is paid after this."),
        Field(
            f"{prefix}rules", "What decides it", value("rules"), kind="textarea", maxlength=2400,
            hint="Each outcome, so that two readers who see the source agree.",
            placeholder="Yes if the station of the airport reports more than 1 mm of rain on the day.",
        ),
        Field(f"{prefix}cut_off", "Cut-off", value("cut_off"), kind="textarea", maxlength=400,
              hint="Until when what happens counts.", placeholder="What is reported until 23:59 UTC of the day."),
        Field(f"{prefix}tie", "On a tie", value("tie"), kind="textarea", maxlength=400,
              hint="What a tie, or a bound that is hit exactly, pays.", placeholder="Exactly 1 mm is No."),
        Field(f"{prefix}void", "Void if", value("void"), kind="textarea", maxlength=400,
              hint="When nothing is decided; it then pays the last fair prices.",
              placeholder="The station reports nothing for the day."),
        Field(f"{prefix}source", "Source", value("source"), maxlength=300, hint="Where the result can be seen.",
              placeholder="https://www.fifa.com/"),
        Field(f"{prefix}quote", "Paid in", value("quote"), "select", "A contract pays one unit of it.",
              options=options),
        Field(f"{prefix}tick_size", "Tick size", value("tick_size", "0.01"), "select", "Smallest step of a price.",
              options=[(tick, tick) for tick in TICKS]),
        *_fee_fields(data, prefix),
    ]  # fmt: skip


def listing_fields(data: Mapping[str, Any], assets: Iterable[Asset], prefix: str = "") -> list[Field]:
    """Inputs of a market or event of the kind in ``data``; names carry ``prefix``."""
    kind = text_of(data, "kind") or MarketKind.SPOT.value
    makers = {MarketKind.PERPETUAL.value: perpetual_fields, MarketKind.OUTCOME.value: event_fields}
    return makers.get(kind, market_fields)(data, assets, prefix)


#: Inputs that a question of a kind does not need.
NOT_ASKED = {
    EventKind.BINARY.value: {"event_kind", "outcomes", "low", "high", "measure"},
    EventKind.MULTIPLE.value: {"event_kind", "low", "high", "measure"},
    EventKind.SCALAR.value: {"event_kind", "outcomes"},
}
#: How the inputs of a market are grouped on its card: heading and inputs, in order.
GROUPS = {
    MarketKind.SPOT.value: (
        ("Pair", ("base", "quote", "reference_price")),
        ("Steps", ("tick_size", "lot_size", "min_size")),
        ("Limits", ("band_percent", "collateral")),
    ),
    MarketKind.PERPETUAL.value: (
        ("Contract", ("base", "quote", "contract_value", "reference_price", "tick_size")),
        ("Leverage and limits", ("max_leverage", "tier_value", "interest_cap", "funding_cap_percent", "band_percent")),
    ),
    MarketKind.OUTCOME.value: (
        ("Question", ("title", "outcomes", "low", "high", "measure", "category", "closes", "window_hours")),
        ("Rules", ("rules", "cut_off", "tie", "void", "source")),
        ("Contract", ("quote", "tick_size", "series", "code")),
    ),
}  # fmt: skip


def grouped_fields(
    data: Mapping[str, Any], assets: Iterable[Asset], prefix: str
) -> list[tuple[str, list[Field]]]:
    """What a market's card asks on the markets' step, under its headings; prices and fees have steps of their own."""
    kind = text_of(data, "kind") or MarketKind.SPOT.value
    asked = {field.name.removeprefix(prefix): field for field in listing_fields(data, assets, prefix)}
    for name in NOT_ASKED.get(text_of(data, "event_kind"), ()) if kind == MarketKind.OUTCOME else ():
        asked.pop(name, None)
    groups = GROUPS.get(kind, GROUPS[MarketKind.SPOT.value])
    return [(heading, [asked[name] for name in names if name in asked]) for heading, names in groups]


def picked_fields(
    data: Mapping[str, Any], assets: Iterable[Asset], prefix: str, names: Iterable[str]
) -> list[Field]:
    """Some inputs of a market, those that its kind has."""
    wanted = {f"{prefix}{name}" for name in names}
    return [field for field in listing_fields(data, assets, prefix) if field.name in wanted]


def new_asset_fields(data: Mapping[str, Any], prefix: str = "") -> list[Field]:
    """Inputs of an asset to issue; names carry ``prefix``."""
    return [
        Field(f"{prefix}symbol", "Symbol", text_of(data, "symbol").upper(), hint="2 to 10 letters or digits, unique.",
              maxlength=10, placeholder="GOLD"),
        Field(f"{prefix}name", "Name", text_of(data, "name"), hint="What it stands for.", maxlength=60,
              placeholder="Gold token"),
        Field(f"{prefix}scale", "Decimals", text_of(data, "scale") or "6", "decimal",
              "0 to 8; it cannot be changed later.", maxlength=1),
        Field(f"{prefix}supply", "Supply", text_of(data, "supply"), "decimal", placeholder="1000000",
              hint="All of it is issued to your wallet, once."),
    ]  # fmt: skip


def _fee_fields(data: Mapping[str, Any], prefix: str) -> list[Field]:
    def value(name: str, default: str) -> str:
        return text_of(data, name) if name in data else default

    return [
        Field(f"{prefix}maker_fee_percent", "Maker fee", value("maker_fee_percent", "0.02"), "decimal", suffix="%",
              hint="A minus sign makes it a rebate."),
        Field(f"{prefix}taker_fee_percent", "Taker fee", value("taker_fee_percent", "0.05"), "decimal", suffix="%",
              hint="At most 1%."),
    ]  # fmt: skip
