"""The rules of a market that its venue may change, each with its bounds: how they are read, compared, shown and told.

A rule's value is an integer; ``scale`` of them are one of what people type (per cent, seconds, contracts).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import exchange_kernel as kernel

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import decimal_text
from venues.contract_specs import MAX_CONTRACTS, MAX_LEVERAGE, MAX_TIER_VALUE, margin_tiers
from venues.errors import Gatherer
from venues.inputs import MAX_BAND_PPM, MIN_BAND_PPM, text_of
from venues.instruments import parse_decimal
from venues.models import Market, MarketKind

SPOT, PERPETUAL = MarketKind.SPOT, MarketKind.PERPETUAL
PERCENT = 10_000
UP, DOWN, NEITHER = 1, -1, 0
#: What the kernel keeps of a market besides what is changed here.
KEPT = (
    "maker_ppm", "taker_ppm", "protocol_share_ppm", "slippage_ppm", "max_lots", "min_notional", "max_levels",
    "max_matches",
)  # fmt: skip
IMPACT_AMOUNT = 10_000
PRICE_RULES = {
    "step": "step_ppm",
    "mark_band": "band_ppm",
    "stale": "stale_ms",
    "full_sources": "full_sources",
}


@dataclass(frozen=True)
class Rule:
    """One rule: ``low`` and ``high`` are protocol bounds of the value.

    ``hurts`` is the direction that can hurt who holds a position or an order, ``risks`` the one that leaves less margin
    or a weaker price behind positions.
    """

    name: str
    label: str
    unit: str
    scale: int
    low: int
    high: int
    kinds: frozenset[MarketKind]
    hurts: int = NEITHER
    risks: int = NEITHER
    hint: str = ""


BOTH, PERP = frozenset({SPOT, PERPETUAL}), frozenset({PERPETUAL})
RULES = (
    Rule("band", "Price band", "%", PERCENT, MIN_BAND_PPM, MAX_BAND_PPM, BOTH, hurts=DOWN,
         hint="How far from the last price an order may be priced."),
    Rule("min_size", "Smallest order", "lots", 1, 1, 10**12, BOTH, hurts=UP),
    Rule("max_leverage", "Highest leverage", "x", 1, 1, MAX_LEVERAGE, PERP, hurts=DOWN, risks=UP,
         hint="Initial margin is one part in this of the value; maintenance is half of that."),
    Rule("tier_value", "At full leverage up to", "units", 1, 1, MAX_TIER_VALUE, PERP, hurts=DOWN, risks=UP,
         hint="Margin doubles at 1, 4 and 16 times this value."),
    Rule("interest_cap", "Most open interest", "contracts", 1, 0, MAX_CONTRACTS, PERP, hint="0: no cap."),
    Rule("funding_cap", "Most funding in an hour", "%", PERCENT, 100, 40_000, PERP, hurts=UP),
    Rule("step", "Most an index moves at a step", "%", PERCENT, 1_000, 50_000, PERP, risks=UP,
         hint="A step is 2.5 seconds."),
    Rule("mark_band", "Mark within this of the index", "%", PERCENT, 5_000, 100_000, PERP, risks=UP),
    Rule("stale", "A price is stale after", "s", 1_000, 2_000, 60_000, PERP, risks=UP),
    Rule("full_sources", "Sources of a full price", "sources", 1, 1, 9, PERP, risks=DOWN),
)  # fmt: skip
BY_NAME = {rule.name: rule for rule in RULES}
PRICE_DEFAULTS = {"step": 10_000, "mark_band": 50_000, "stale": 10_000, "full_sources": 3}


def rules_of(market: Market) -> list[Rule]:
    """The rules that a market of this kind has; none for outcomes, whose rules are fixed when they open."""
    return [rule for rule in RULES if market.kind in rule.kinds]


def current_values(market: Market) -> dict[str, int]:
    """The values in force, by rule."""
    values = {"band": market.band_ppm, "min_size": market.min_size_lots}
    if market.kind == PERPETUAL:
        params = market.params
        told = params.get("price_rules", {})
        values |= {
            "max_leverage": params["max_leverage"],
            "tier_value": params["tiers"][0][0],
            "interest_cap": params.get("interest_cap", 0),
            "funding_cap": params.get("funding_cap_ppm", 40_000),
            **{name: told.get(key, PRICE_DEFAULTS[name]) for name, key in PRICE_RULES.items()},
        }
    return values


def typed(rule: Rule, market: Market, value: int) -> str:
    """A value as people type it."""
    return decimal_text(Decimal(value) / _scale(rule, market))


def shown(rule: Rule, market: Market, value: int) -> str:
    """A value with its unit."""
    unit = unit_of(rule, market)
    whole, point, fraction = typed(rule, market, value).partition(".")
    return f"{int(whole):,}{point}{fraction}{'' if unit in ('%', 'x') else ' '}{unit}"


def unit_of(rule: Rule, market: Market) -> str:
    """What is counted: of money the market's quote asset, of sizes its base or contracts."""
    return {"units": market.quote.symbol, "lots": market.size_unit}.get(rule.unit, rule.unit)


def read_changes(data: Mapping[str, Any], market: Market) -> dict[str, int]:
    """The rules that the form changes, with their new values; an empty input leaves a rule as it is.

    Raises ``Refusals`` with every field at fault, ``nothing_changes``.
    """
    checks, now = Gatherer(), current_values(market)
    changed: dict[str, int] = {}
    for rule in rules_of(market):
        if not text_of(data, rule.name):
            continue
        value = checks.take(rule.name, lambda rule=rule: _read(data, rule, market))  # type: ignore[misc]
        if value is not None and value != now[rule.name]:
            changed[rule.name] = value
    checks.finish()
    if not changed:
        raise DomainError("nothing_changes", "These are the rules in force; change something first.")
    return changed


def hurts(changed: Mapping[str, int], before: Mapping[str, int]) -> bool:
    """Whether a change can hurt who holds a position or an order."""
    return any(
        _sign(value - before[name]) == BY_NAME[name].hurts != NEITHER for name, value in changed.items()
    )


def risks(changed: Mapping[str, int], before: Mapping[str, int]) -> bool:
    """Whether a change leaves less margin, or a weaker price, behind positions."""
    return any(
        _sign(value - before[name]) == BY_NAME[name].risks != NEITHER for name, value in changed.items()
    )


def with_values(market: Market, changed: Mapping[str, int]) -> None:
    """Put new values on the row (not saved)."""
    values = current_values(market) | dict(changed)
    market.band_ppm, market.min_size_lots = values["band"], values["min_size"]
    if market.kind != PERPETUAL:
        return
    tiers = margin_tiers(values["tier_value"], values["max_leverage"])
    market.params = market.params | {
        "max_leverage": values["max_leverage"],
        "interest_cap": values["interest_cap"],
        "funding_cap_ppm": values["funding_cap"],
        "price_rules": market.params.get("price_rules", {})
        | {key: values[name] for name, key in PRICE_RULES.items() if name in changed},
    }
    if {"tier_value", "max_leverage"} & changed.keys():
        market.params["tiers"] = [list(tier) for tier in tiers]


def frames_of(market: Market, changed: Mapping[str, int], known: Mapping[str, Any]) -> list[bytes]:
    """The commands that put ``changed`` in force; ``known`` is the market as its kernel has it now."""
    then = Market(
        kind=market.kind,
        band_ppm=market.band_ppm,
        min_size_lots=market.min_size_lots,
        params=dict(market.params),
    )
    with_values(then, changed)
    frames = []
    if {"band", "min_size"} & changed.keys():
        kept = {name: known[name] for name in KEPT}
        frames.append(
            kernel.set_market_params(
                market.number, band_ppm=then.band_ppm, min_lots=then.min_size_lots, **kept
            )
        )
    params = then.params
    if {"max_leverage", "tier_value", "interest_cap"} & changed.keys():
        tiers = [(up_to, initial, maintenance) for up_to, initial, maintenance in params["tiers"]]
        frames.append(kernel.set_margin_tiers(market.number, tiers, interest_cap=params["interest_cap"]))
    if "funding_cap" in changed:
        impact = IMPACT_AMOUNT * 10**market.quote.scale
        frames.append(
            kernel.set_funding(market.number, cap_ppm=params["funding_cap_ppm"], impact_notional=impact)
        )
    if PRICE_RULES.keys() & changed.keys():
        frames.append(kernel.set_price_rules(market.number, **params["price_rules"]))
    return frames


def _scale(rule: Rule, market: Market) -> Decimal:
    if rule.unit == "units":
        return Decimal(10) ** market.quote.scale
    if rule.unit == "lots":
        return 1 / Decimal(market.lot_size)
    return Decimal(rule.scale)


def _read(data: Mapping[str, Any], rule: Rule, market: Market) -> int:
    low, high = shown(rule, market, rule.low), shown(rule, market, rule.high)
    message = f"Enter a value from {low} to {high}."
    amount = parse_decimal(
        text_of(data, rule.name).rstrip("% x"), code="rule_invalid", message=message, field=rule.name
    )
    value = amount * _scale(rule, market)
    if value != value.to_integral_value() or not rule.low <= value <= rule.high:
        raise DomainError("rule_invalid", message, field=rule.name)
    return int(value)


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
