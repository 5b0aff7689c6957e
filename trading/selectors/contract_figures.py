"""Funding and open interest of perpetuals for lists, asked of the kernels a few at a time and remembered."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from exchange_os.engine import client
from exchange_os.errors import DomainError
from venues.instruments import Instrument

TTL_SECONDS = 10.0
ASKED_AT_ONCE = 8  # of a page; the live feed of a page that is open brings the others
TIMEOUT_SECONDS = 0.5
RATE_SCALE = 10**7  # a rate in parts per 10^9 is this many of a per cent


@dataclass(frozen=True)
class ContractFigures:
    """Estimated funding of the running interval as a percentage, and open interest in contracts, as texts."""

    funding: str
    interest: str


_remembered: dict[int, tuple[float, ContractFigures]] = {}


def contract_figures(instruments: Iterable[Instrument]) -> dict[int, ContractFigures]:
    """By market id. Those that are not remembered and not among the first few asked are left out, and all that are left
    once a venue does not answer at once."""
    found: dict[int, ContractFigures] = {}
    asked, now = 0, time.monotonic()
    for each in instruments:
        known = _remembered.get(each.market_id)
        if known is not None and known[0] > now:
            found[each.market_id] = known[1]
        elif asked < ASKED_AT_ONCE:
            asked += 1
            try:
                figures = _ask(each)
            except DomainError:
                asked = ASKED_AT_ONCE
                continue
            found[each.market_id] = figures
            _remembered[each.market_id] = (now + TTL_SECONDS, figures)
    return found


def _ask(instrument: Instrument) -> ContractFigures:
    group_id, market = instrument.group_id, instrument.number
    live = client.query(group_id, {"q": "market", "market": market}, TIMEOUT_SECONDS).get("market", {})
    funding = client.query(group_id, {"q": "funding", "market": market}, TIMEOUT_SECONDS)
    interest = instrument.size_text(live.get("open_interest", 0))
    return ContractFigures(rate_text(funding["estimate"]) if "estimate" in funding else "", interest)


def rate_text(rate: int) -> str:
    """A rate in parts per 10^9 as a percentage of four decimals, rounded towards zero."""
    whole, rest = divmod(abs(rate), RATE_SCALE)
    return f"{'-' if rate < 0 else ''}{whole}.{rest // 1_000:04d}%"
