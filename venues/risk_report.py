"""The risk of a launch in words and figures: its bond against what it may carry, each parameter against the protocol's
bound, what to think about twice, and the worst that can happen."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone

from exchange_os.ledger.selectors import amount_text, amount_words, decimal_text
from exchange_os.oracles.models import SourceKind
from exchange_os.parameters.selectors import whole
from venues.contract_specs import MAX_LEVERAGE, PerpetualSpec
from venues.event_specs import MAX_OUTCOMES, MAX_WINDOW_SECONDS, EventSpec
from venues.inputs import MAX_BAND_PPM, MAX_TAKER_FEE_PPM, MIN_BAND_PPM
from venues.launch_specs import LaunchSpec
from venues.models import PPM, EventKind
from venues.services.trials import FULL_SOURCES
from venues.sources import MAX_SOURCES
from venues.specs import Listing, MarketSpec
from venues.stakes import StakeStanding, capacity_from, stake_price

HIGH_LEVERAGE = 50
WIDE_BAND_PPM = 200_000
SHORT_WINDOW_HOURS = 12
#: Jumps of an index for which the worst case is reckoned.
JUMPS_PPM = (100_000, 200_000)


@dataclass(frozen=True)
class Bound:
    """One parameter: what it is set to, and the least and most that the protocol allows."""

    market: str
    name: str
    value: str
    allowed: str


@dataclass(frozen=True)
class Report:
    """The whole report. ``capacity`` is empty for a venue without contracts."""

    stake: str
    share: str
    price: str
    capacity: str
    settlement: str
    bounds: list[Bound]
    warnings: list[str]
    worst: list[tuple[str, str]]


def risk_report(spec: LaunchSpec, standing: StakeStanding) -> Report:
    """The report on a launch by a deployer with this stake."""
    contracts = [item for item in spec.listings if not isinstance(item, MarketSpec)]
    asset, venues = standing.asset, len(standing.needs) + 1
    held = max(standing.held, standing.backing + standing.per_venue)
    settlement = contracts[0].quote if contracts else None
    price = stake_price(settlement).value if settlement else Decimal(0)
    capacity = capacity_from(held, venues, settlement, price, asset) if settlement else 0
    return Report(
        stake=amount_text(held, asset),
        share=amount_text(held // venues, asset),
        price=decimal_text(price) if settlement else "",
        capacity=amount_text(capacity, settlement) if settlement else "",
        settlement=settlement.symbol if settlement else "",
        bounds=[bound for item in spec.listings for bound in _bounds(item)],
        warnings=[
            *_venue_warnings(spec),
            *(words for item in spec.listings for words in _warnings(item, capacity)),
        ],
        worst=list(_worst(spec.listings, capacity, standing)),
    )


def _percent(ppm: int) -> str:
    return f"{decimal_text(Decimal(ppm) / 10_000)}%"


def _bounds(spec: Listing) -> Iterator[Bound]:
    def bound(name: str, value: Any, allowed: str) -> Bound:
        return Bound(spec.symbol, name, str(value), allowed)

    yield bound("Taker fee", _percent(spec.taker_fee_ppm), f"0 to {_percent(MAX_TAKER_FEE_PPM)}")
    yield bound("Maker fee", _percent(spec.maker_fee_ppm), f"±{_percent(spec.taker_fee_ppm)}, the taker fee")
    if isinstance(spec, EventSpec):
        yield bound("Outcomes", max(2, len(spec.outcomes)), f"2 to {MAX_OUTCOMES}")
        least = decimal_text(Decimal(settings.MIN_CHALLENGE_SECONDS) / 3600)
        hours = decimal_text(Decimal(spec.window_seconds) / 3600)
        yield bound("Hours to challenge", hours, f"{least} to {MAX_WINDOW_SECONDS // 3600}")
        return
    yield bound(
        "Price band", _percent(spec.band_ppm), f"{_percent(MIN_BAND_PPM)} to {_percent(MAX_BAND_PPM)}"
    )
    if isinstance(spec, PerpetualSpec):
        yield bound("Highest leverage", f"{spec.max_leverage}x", f"1x to {MAX_LEVERAGE}x")
        yield bound("Maintenance margin", _percent(spec.tiers[0][2]), "half of the initial margin")
        yield bound("Funding cap an hour", _percent(spec.funding_cap_ppm), "0.01% to 4%")
        yield bound(
            "Price sources", len(spec.sources), f"1 to {MAX_SOURCES}; {FULL_SOURCES} for the full grade"
        )
        yield bound("Open interest", f"{spec.interest_cap or 'no cap of its own'}", "what the stake carries")


def _venue_warnings(spec: LaunchSpec) -> Iterator[str]:
    for asset in spec.assets:
        yield f"{asset.symbol} is new: grade D, so it counts nothing as collateral anywhere."
        if not spec.venue.access:
            yield f"Anyone may trade {asset.symbol}; a security needs verified holders (“Who may trade”)."


def _warnings(spec: Listing, capacity: int) -> Iterator[str]:
    name = spec.symbol
    if spec.maker_fee_ppm < 0:
        yield f"{name} pays makers {_percent(-spec.maker_fee_ppm)}: you earn the taker fee less that."
    if isinstance(spec, EventSpec):
        yield from _event_warnings(spec)
        return
    if spec.band_ppm > WIDE_BAND_PPM:
        yield f"{name} takes orders up to {_percent(spec.band_ppm)} from the last trade: a slip of a finger trades."
    if not isinstance(spec, PerpetualSpec):
        return
    if len(spec.sources) < FULL_SOURCES:
        yield (
            f"{name} has {len(spec.sources)} price source{'s' if len(spec.sources) > 1 else ''}: a lie of one moves "
            f"the index. Name {FULL_SOURCES} that do not depend on each other."
        )
    if all(source.kind == SourceKind.PUSH for source in spec.sources):
        yield f"All prices of {name} are pushed by you: traders see that, and a wrong one can be slashed."
    if spec.max_leverage >= HIGH_LEVERAGE:
        yield f"At {spec.max_leverage}x a move of {_percent(spec.tiers[0][2])} against a position liquidates it."
    if capacity < spec.tiers[0][0]:
        yield (
            f"All positions in {name} together may be worth {amount_words(capacity, spec.quote)}, less than one at "
            "full leverage may. Stake more, or lower the value at full leverage."
        )


def _event_warnings(spec: EventSpec) -> Iterator[str]:
    name = spec.symbol
    if spec.kind == EventKind.MULTIPLE and spec.fallback is None:
        yield f"{name} has no “Any other”: exactly one of the outcomes named must happen, and none can come late."
    if spec.window_seconds < SHORT_WINDOW_HOURS * 3600:
        yield f"A result of {name} can be challenged for {spec.window_seconds // 3600} hours: few will see it in time."
    if (spec.closes - timezone.now()).days < 1:
        yield f"{name} closes within a day."
    if "http" not in spec.source:
        yield f"The source of {name} is not an address: traders cannot open it."


def _worst(listings: list[Listing], capacity: int, standing: StakeStanding) -> Iterator[tuple[str, str]]:
    perpetuals = [item for item in listings if isinstance(item, PerpetualSpec)]
    if perpetuals:
        quote = perpetuals[0].quote
        least_ppm = min(item.tiers[0][1] for item in perpetuals)
        for jump in JUMPS_PPM:
            beyond = capacity * max(0, jump - least_ppm) // PPM
            yield (
                f"The index jumps {_percent(jump)} at full open interest and leverage",
                f"{amount_words(beyond, quote)} beyond all margin: the insurance fund first, which begins empty, then "
                "winning positions are closed at the bankruptcy price (auto-deleveraging). You owe nothing."
                if beyond
                else "Margin covers it: nobody loses more than they put up.",
            )
    if any(isinstance(item, EventSpec) for item in listings):
        yield (
            "A question is decided wrongly",
            "Contracts are paid in full when they are made, so no debt can arise. A wrong result is challenged, and "
            "what it cost traders is repaid from your stake.",
        )
    if any(isinstance(item, MarketSpec) for item in listings):
        yield (
            "A spot price collapses",
            "Everything is paid in full: holders lose what the asset loses, nobody owes.",
        )
    held = max(standing.held, standing.backing + standing.per_venue)
    yield (
        "You are found to have harmed traders",
        f"20, 50 or 100% of {amount_words(held, standing.asset)} is slashed; the harmed are repaid first.",
    )
    yield (
        "You vanish, or your price sources do",
        f"Markets without a fresh price take only orders that reduce; a result that nobody proposes falls to the "
        f"fallback. The protocol keeps its {_percent(whole('protocol_share_ppm'))} of fees, never what traders hold.",
    )
