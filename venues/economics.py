"""What a market's parameters mean for people: the cost of a trade and who gets it, and the limits at the opening."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from exchange_os.ledger.selectors import decimal_text
from exchange_os.parameters.selectors import whole
from venues.contract_specs import PerpetualSpec
from venues.event_specs import EventSpec
from venues.models import PPM
from venues.specs import Listing, MarketSpec


@dataclass(frozen=True)
class TradeExample:
    """A trade of ``amount`` quote: what taker and maker pay, and who gets how much of it; decimals as text."""

    symbols: str
    outcome: bool
    quote: str
    amount: str
    taker_pays: str
    maker_pays: str
    maker_earns: bool
    venue_gets: str
    protocol_gets: str
    builder_gets: str
    referrer_gets: str


@dataclass(frozen=True)
class Assumptions:
    """Of a trade: its amount, what the builder of the taker's order adds, and the share of the taker's referrer."""

    amount: Decimal = Decimal(1000)
    builder_ppm: int = 0
    referral_ppm: int = 0


def trade_examples(specs: list[Listing], assumed: Assumptions = Assumptions()) -> list[TradeExample]:
    """One example for each pair of fees and quote among the markets, with the markets it stands for."""
    groups: dict[tuple[bool, str, int, int], list[str]] = {}
    for spec in specs:
        asks = isinstance(spec, EventSpec)
        key = (asks, spec.quote.symbol, spec.taker_fee_ppm, spec.maker_fee_ppm)
        groups.setdefault(key, []).append(spec.title if isinstance(spec, EventSpec) else spec.symbol)
    return [
        trade_example(", ".join(names), quote, taker, maker, assumed, outcome=asks)
        for (asks, quote, taker, maker), names in groups.items()
    ]


def trade_example(
    symbols: str,
    quote: str,
    taker_ppm: int,
    maker_ppm: int,
    assumed: Assumptions = Assumptions(),
    *,
    outcome: bool = False,
) -> TradeExample:
    """The split of one trade's fees, as the kernel does it (``kernel/WIRE.md``, Money and Builders).

    An outcome pays ``rate * p * (1 - p)`` a contract; the example is at 50%, where that is half of what is spent.
    The builder gets what it adds; of the rest the protocol its share; of what is then left the taker's referrer its
    share of the taker's part; the venue keeps what remains.
    """
    amount, own_ppm = assumed.amount, taker_ppm + assumed.builder_ppm
    charged = amount / 2 if outcome else amount
    taker, maker = charged * own_ppm / PPM, charged * maker_ppm / PPM
    builder = charged * assumed.builder_ppm / PPM
    rest = taker + maker - builder
    protocol = rest * whole("protocol_share_ppm") / PPM
    left, both_ppm = rest - protocol, own_ppm + max(0, maker_ppm)
    referrer = left * own_ppm * assumed.referral_ppm / (both_ppm * PPM) if both_ppm else Decimal(0)
    return TradeExample(
        symbols=symbols,
        outcome=outcome,
        quote=quote,
        amount=_money(amount),
        taker_pays=_money(taker),
        maker_pays=_money(abs(maker)),
        maker_earns=maker < 0,
        venue_gets=_money(left - referrer),
        protocol_gets=_money(protocol),
        builder_gets=_money(builder),
        referrer_gets=_money(referrer),
    )


def _money(amount: Decimal) -> str:
    return decimal_text(amount.quantize(Decimal("0.000001"), ROUND_HALF_EVEN))


def market_summary(spec: Listing) -> dict[str, Any]:
    """A market's parameters as text, with the limits that follow from them at the opening price."""
    if isinstance(spec, MarketSpec):
        return _spot_summary(spec)
    if isinstance(spec, PerpetualSpec):
        return _perpetual_summary(spec)
    return _event_summary(spec)


def _spot_summary(spec: MarketSpec) -> dict[str, Any]:
    smallest = spec.min_size_lots * spec.lot_size
    return {
        "symbol": spec.symbol,
        "size_unit": spec.base.symbol,
        "quote": spec.quote.symbol,
        "tick": decimal_text(spec.tick_size),
        "lot": decimal_text(spec.lot_size),
        "smallest": decimal_text(smallest),
        "smallest_quote": decimal_text(smallest * spec.reference_ticks * spec.tick_size),
        **_limits(spec),
    }


def _perpetual_summary(spec: PerpetualSpec) -> dict[str, Any]:
    worth = Decimal(spec.reference_ticks * spec.tick_quote).scaleb(-spec.quote.scale)
    return {
        "symbol": spec.symbol,
        "size_unit": "contract",
        "quote": spec.quote.symbol,
        "tick": decimal_text(spec.tick_size),
        "lot": f"{decimal_text(spec.contract_value)} {spec.base.symbol}",
        "smallest": "1",
        "smallest_quote": decimal_text(worth),
        "note": f"up to {spec.max_leverage}x, {len(spec.sources)} price source{'s' if len(spec.sources) > 1 else ''}",
        **_limits(spec),
    }


def _event_summary(spec: EventSpec) -> dict[str, Any]:
    opening = spec.reference_ticks * spec.tick_size
    return {
        "symbol": spec.symbol,
        "size_unit": "contract",
        "quote": spec.quote.symbol,
        "tick": decimal_text(spec.tick_size),
        "lot": f"pays 1 {spec.quote.symbol}",
        "smallest": "1",
        "smallest_quote": decimal_text(opening),
        "opening": decimal_text(opening),
        "lowest": decimal_text(spec.tick_size),
        "highest": decimal_text(1 - spec.tick_size),
        "band_ppm": 0,
        "note": f"{spec.title} Closes {spec.closes:%-d %B %Y %H:%M} UTC; {max(2, len(spec.outcomes))} outcomes.",
    }


def _limits(spec: MarketSpec | PerpetualSpec) -> dict[str, Any]:
    opening = spec.reference_ticks * spec.tick_size
    band = opening * spec.band_ppm / PPM
    step = Decimal(1).scaleb(-spec.price_scale)
    return {
        "opening": decimal_text(opening),
        "lowest": decimal_text((opening - band).quantize(step, ROUND_HALF_EVEN)),
        "highest": decimal_text((opening + band).quantize(step, ROUND_HALF_EVEN)),
        "band_ppm": spec.band_ppm,
    }
