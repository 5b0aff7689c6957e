"""Collateral: base assets of spot markets that count in the margin of a venue's contracts, less their grade's haircut.

A deployer says of a spot market that its base counts; how much of it counts is the asset's grade, which only the
operator and governance change. The kernel is told when the market opens, and by a sweep when a grade has changed.
"""

import logging
from collections.abc import Iterable

import exchange_kernel as kernel

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Grade
from venues.models import Market, MarketKind, Phase
from venues.selectors import LIVE_STATES

log = logging.getLogger(__name__)

#: Units of an asset that count at most; more than any supply.
MOST_UNITS = 10**18


def collateral_commands(markets: Iterable[Market]) -> list[bytes]:
    """What the kernel is told of the spot markets among ``markets`` whose base counts as collateral.

    Nothing without contracts, nor of a market in another quote than they settle in.
    """
    markets = list(markets)
    settlement = {market.quote_id for market in markets if market.kind != MarketKind.SPOT}
    return [_command(market) for market in markets if _counts(market) and market.quote_id in settlement]


def tell_collateral() -> int:
    """Tell live venues of haircuts that have changed since they were last told; how many markets had."""
    spot = Market.objects.filter(kind=MarketKind.SPOT, params__collateral=True, venue__state__in=LIVE_STATES)
    told = 0
    for market in spot.exclude(phase=Phase.PENDING).select_related("base", "venue"):
        haircut = _haircut_ppm(market)
        contracts = Market.objects.filter(venue=market.venue, quote=market.quote).exclude(
            kind=MarketKind.SPOT
        )
        if market.params.get("haircut_ppm") == haircut or not contracts.exclude(phase=Phase.PENDING).exists():
            continue
        try:
            ack = client.submit(market.venue.group_id, _command(market))
        except DomainError as away:
            log.warning("haircut of %s not told: %s", market, away.message)
            continue
        if ack.code:
            log.error("haircut of %s refused: %s", market, kernel.REJECTS[ack.code][0])
            continue
        market.params["haircut_ppm"] = haircut
        market.save(update_fields=["params"])
        told += 1
    return told


def _counts(market: Market) -> bool:
    return market.kind == MarketKind.SPOT and bool(market.params.get("collateral"))


def _haircut_ppm(market: Market) -> int:
    return Grade(market.underlying.grade).haircut_ppm


def _command(market: Market) -> bytes:
    haircut = _haircut_ppm(market)
    tiers = [(MOST_UNITS, haircut)] if haircut < 1_000_000 else []
    return kernel.set_collateral(market.number, tiers)
