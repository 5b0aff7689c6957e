"""What a deployer types of a perpetual market, checked: its contract, margin tiers, price sources and funding."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import to_units
from venues.errors import Gatherer
from venues.inputs import (
    AssetShelf,
    decimals,
    read_band_ppm,
    read_maker_fee_ppm,
    read_ppm,
    read_reference_ticks,
    read_step,
    read_taker_fee_ppm,
    read_tick,
    read_tick_quote,
    refuse_hidden,
    text_of,
)
from venues.models import PPM
from venues.sources import SourceSpec, read_sources

MAX_LEVERAGE = 100
MAX_CONTRACTS = 10**12
MAX_REFERENCE_NOTIONAL = 10**15
#: Each tier reaches four times as far as the one before and asks twice its margin.
TIER_STEPS = ((1, 1), (4, 2), (16, 4), (64, 8))
MAX_TIER_VALUE = 10**13


@dataclass(frozen=True)
class PerpetualSpec:
    """A perpetual as it may be opened; ``tiers`` are (value up to in quote units, initial ppm, maintenance ppm)."""

    market_kind: ClassVar[str] = "swap"
    base: Asset
    quote: Asset
    contract_value: Decimal
    tick_size: Decimal
    tick_quote: int
    reference_ticks: int
    band_ppm: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    max_leverage: int
    tiers: tuple[tuple[int, int, int], ...]
    interest_cap: int
    funding_cap_ppm: int
    sources: tuple[SourceSpec, ...]

    @property
    def symbol(self) -> str:
        """``BTC-USD-SWAP``."""
        return f"{self.base.symbol}-{self.quote.symbol}-SWAP"

    @property
    def symbols(self) -> list[str]:
        """The symbols of its markets."""
        return [self.symbol]

    @property
    def price_scale(self) -> int:
        """Decimals of a price."""
        return decimals(self.tick_size)

    @property
    def params(self) -> dict[str, Any]:
        """What the row keeps beyond its columns, and the kernel is told at the opening."""
        return {
            "max_leverage": self.max_leverage,
            "tiers": [list(tier) for tier in self.tiers],
            "interest_cap": self.interest_cap,
            "funding_cap_ppm": self.funding_cap_ppm,
            "sources": [source.line for source in self.sources],
        }


def check_settlement(quote: Asset, settlement: Asset | None) -> None:
    """Refuse with ``settlement_differs`` or ``settlement_unpriced`` an asset that contracts cannot settle in here.

    All contracts of a venue share one pool of collateral, so they settle in one asset, and the stake must have a price
    in it: the stake bounds their open interest.
    """
    if settlement is not None and quote != settlement:
        raise DomainError(
            "settlement_differs",
            f"Contracts of this venue settle in {settlement.symbol}; choose it here too.",
            field="quote",
        )
    if quote.symbol not in settings.STAKE_PRICES:
        raise DomainError(
            "settlement_unpriced",
            f"Contracts settle in {' or '.join(sorted(settings.STAKE_PRICES))}, in which stakes have a price.",
            field="quote",
        )


def perpetual_spec(
    data: Mapping[str, Any],
    *,
    taken: Collection[str] = (),
    settlement: Asset | None = None,
    shelf: AssetShelf | None = None,
) -> PerpetualSpec:
    """One perpetual form as a ``PerpetualSpec``; raises ``Refusals`` with every field at fault.

    ``taken`` are the symbols of the venue's other markets, ``settlement`` what its contracts settle in already.
    """
    checks, shelf = Gatherer(), shelf or AssetShelf()
    refuse_hidden(data, checks)
    base = checks.take("base", lambda: shelf.find(data, "base"))
    quote = checks.take("quote", lambda: shelf.find(data, "quote"))
    if quote:
        checks.take("quote", lambda: check_settlement(quote, settlement))
    if base and quote and base == quote:
        checks.refuse(
            "quote", "same_asset", "The underlying and what it settles in must be two different assets."
        )
    elif base and quote and f"{base.symbol}-{quote.symbol}-SWAP" in taken:
        symbol = f"{base.symbol}-{quote.symbol}-SWAP"
        checks.refuse(
            "base", "symbol_taken", f"This venue already has a market {symbol}; change one of them."
        )
    contract = checks.take("contract_value", lambda: read_step(data, "contract_value", "contract"))
    tick = checks.take("tick_size", lambda: read_tick(data))
    tick_quote = (
        checks.take("tick_size", lambda: read_tick_quote(tick, contract, quote))
        if tick and contract and quote
        else None
    )
    reference = checks.take("reference_price", lambda: read_reference_ticks(data, tick)) if tick else None
    if reference and tick_quote and reference * tick_quote > MAX_REFERENCE_NOTIONAL:
        checks.refuse(
            "contract_value",
            "contract_too_large",
            "One contract at the opening price is too much; make it smaller.",
        )
    leverage = checks.take("max_leverage", lambda: _leverage(data))
    tiers = checks.take("tier_value", lambda: _tiers(data, quote, leverage)) if quote and leverage else None
    cap = checks.take("interest_cap", lambda: _interest_cap(data))
    funding = checks.take("funding_cap_percent", lambda: _funding_cap(data))
    sources = checks.take("sources", lambda: read_sources(text_of(data, "sources")))
    band = checks.take("band_percent", lambda: read_band_ppm(data))
    taker = checks.take("taker_fee_percent", lambda: read_taker_fee_ppm(data))
    maker = checks.take("maker_fee_percent", lambda: read_maker_fee_ppm(data, taker))
    checks.finish()
    assert (
        base and quote and contract and tick and tick_quote and reference and leverage and tiers and sources
    )
    assert (
        cap is not None
        and funding is not None
        and band is not None
        and maker is not None
        and taker is not None
    )
    return PerpetualSpec(
        base, quote, contract, tick, tick_quote, reference, band, maker, taker, leverage, tiers, cap, funding, sources
    )  # fmt: skip


def _leverage(data: Mapping[str, Any]) -> int:
    message = f"Enter the highest leverage, a whole number from 1 to {MAX_LEVERAGE}."
    text = text_of(data, "max_leverage") or "10"
    if not text.isdigit() or not 1 <= int(text[:6]) <= MAX_LEVERAGE:
        raise DomainError("leverage_invalid", message, field="max_leverage")
    return int(text)


def _tiers(data: Mapping[str, Any], quote: Asset, leverage: int) -> tuple[tuple[int, int, int], ...]:
    """Tiers from the highest leverage and the value up to which it is given."""
    first = to_units(text_of(data, "tier_value") or "100000", quote, field="tier_value")
    if first > MAX_TIER_VALUE:
        raise DomainError(
            "tier_too_large", "That is too much at full leverage; enter less.", field="tier_value"
        )
    return margin_tiers(first, leverage)


def margin_tiers(first: int, leverage: int) -> tuple[tuple[int, int, int], ...]:
    """Tiers of (value up to in quote units, initial ppm, maintenance ppm): ``leverage`` up to a value of ``first``."""
    lowest = -(-PPM // leverage)
    rates = [min(PPM, lowest * step) for _, step in TIER_STEPS]
    return tuple(
        (first * reach, initial, max(1, initial // 2))
        for (reach, _), initial in zip(TIER_STEPS, rates, strict=True)
    )


def _interest_cap(data: Mapping[str, Any]) -> int:
    text = text_of(data, "interest_cap").replace(",", "")
    if not text:
        return 0
    if not text.isdigit() or not 1 <= int(text[:15]) <= MAX_CONTRACTS:
        raise DomainError(
            "interest_cap_invalid", "Enter a whole number of contracts, or leave it empty for no cap.",
            field="interest_cap",
        )  # fmt: skip
    return int(text)


def _funding_cap(data: Mapping[str, Any]) -> int:
    message = "Enter the most that funding may take in an hour, from 0.01 to 4 per cent."
    cap = read_ppm(data, "funding_cap_percent", "4", message)
    if not 100 <= cap <= 40_000:
        raise DomainError("funding_cap_invalid", message, field="funding_cap_percent")
    return cap
