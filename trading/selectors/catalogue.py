"""Venues and their markets as the trading doors need them, answered from memory.

A process reads a venue once and then again in the background whenever its copy is older than
``TTL_SECONDS``; a request waits for the database only the first time. A venue just launched, or a name that
does not exist, is looked up at most once a second.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from exchange_kernel import Instruments

from exchange_os.ledger.models import Asset, Pause, PauseFunction
from exchange_os.ledger.selectors import to_units
from exchange_os.ledger.services.pauses import pause_of
from trading.decimals import decimal_text, scaled_text
from trading.selectors.tickers import last_price
from trading.threads import in_database_thread
from venues.holders import rules_of
from venues.instruments import Instrument
from venues.models import Event, Market, MarketKind, Phase, Venue
from venues.selectors import LIVE_STATES, instrument, markets_of, seen_through

TTL_SECONDS = 2.0
UNKNOWN_TTL_SECONDS = 1.0
MAX_REMEMBERED = 20_000


class TradableMarket:
    """A market of a venue as the trading doors see it: its instrument, and fast canonical texts of its
    numbers.

    ``code`` is the number clients may use instead of the symbol; it is never zero.
    """

    def __init__(self, instrument: Instrument, listed_ms: int) -> None:
        self.instrument = instrument
        self.group_id = instrument.group_id
        self.number = instrument.number
        self.code = instrument.number + 1
        self.symbol = instrument.symbol
        self.phase = instrument.phase
        self.base = instrument.base
        self.quote = instrument.quote
        self.kind = instrument.kind
        self.builder = instrument.builder
        self.size_scale = instrument.base.scale if self.kind == MarketKind.SPOT and instrument.base else 0
        self.listed_ms = listed_ms
        self.series, self.expires_ms, self.max_leverage = "", 0, 0
        self.order_limit = 0  # quote units one order may be worth by the venue's policy; 0 for no limit
        self.pause: Pause | None = None  # trading is stopped here by whoever runs the platform
        self.last_ticks = 0  # what an order without a price is valued at, where there is a limit
        self.tick_units = int(instrument.tick_size.scaleb(instrument.price_scale))

    def price_text(self, price_ticks: int) -> str:
        """A price as canonical decimal text, in the quote asset."""
        return scaled_text(price_ticks * self.tick_units, self.instrument.price_scale)

    def size_text(self, size_lots: int) -> str:
        """A size as canonical decimal text, in the base asset, of contracts in contracts."""
        return scaled_text(size_lots * self.instrument.lot_units, self.size_scale)

    def quote_text(self, units: int) -> str:
        """An amount of the quote asset as canonical decimal text."""
        return scaled_text(units, self.quote.scale)

    @property
    def base_symbol(self) -> str:
        """Symbol of the base asset or underlying; empty for an outcome."""
        return self.base.symbol if self.base else ""

    @property
    def balance_assets(self) -> tuple[Asset, ...]:
        """The assets an account holds to trade here: base and quote, or what contracts settle in."""
        return (self.base, self.quote) if self.kind == MarketKind.SPOT and self.base else (self.quote,)

    def average_text(self, quote_units: int, size_lots: int) -> str:
        """Average price of ``size_lots`` that cost ``quote_units``, four decimals finer than the tick; empty
        for none."""
        if size_lots == 0:
            return ""
        ticks = Decimal(quote_units) / (size_lots * self.instrument.tick_quote)
        return decimal_text(round(ticks * self.instrument.tick_size, self.instrument.price_scale + 4))

    def to_ticks(self, price: Decimal) -> int:
        """Whole ticks of a price. Errors: ``price_invalid``, ``price_off_tick``."""
        return self.instrument.to_ticks(price)

    def to_lots(self, size: Decimal) -> int:
        """Whole lots of a size. Errors: ``size_invalid``, ``size_off_lot``."""
        return self.instrument.to_lots(size)


@dataclass(frozen=True)
class VenueCatalogue:
    """A venue and everything tradable at it."""

    id: int
    slug: str
    name: str
    group_id: int
    state: str
    has_policy: bool
    pause: Pause | None
    markets: tuple[TradableMarket, ...]
    assets: dict[int, Asset]
    by_symbol: dict[str, TradableMarket]
    by_code: dict[int, TradableMarket]
    by_number: dict[int, TradableMarket]
    instruments: Instruments  # the same for bulk bodies, which are decoded in Rust
    split_off: frozenset[int]  # outcomes whose holders got them without a trade

    def rounds_up(self, number: int) -> bool | None:
        """Whether a part of a position's entry is rounded up in a market; ``None`` where there are no positions."""
        market = self.by_number.get(number)
        if market is None or market.kind == MarketKind.SPOT:
            return None
        return market.kind == MarketKind.PERPETUAL


def tradable_market(market: Market) -> TradableMarket:
    """The market as the trading doors see it now; reads its venue, base and quote, and whether trading is paused."""
    tradable = _tradable(market)
    tradable.pause = pause_of(PauseFunction.TRADE, tradable.group_id)
    return tradable


def _tradable(market: Market) -> TradableMarket:
    tradable = TradableMarket(instrument(market), round(market.created.timestamp() * 1000))
    tradable.max_leverage = int(market.params.get("max_leverage", 0))
    if market.event is not None:
        tradable.series = market.event.series
        tradable.expires_ms = round(market.event.closes.timestamp() * 1000)
    if market.venue.access_policy_id is not None:
        _bound(tradable, market)
    return tradable


def _bound(tradable: TradableMarket, market: Market) -> None:
    """Give a market of a venue with a policy the policy's limit of an order, and the price that orders without one are
    valued at."""
    rules = rules_of(market.venue)
    if not rules.order_limit or rules.limit_asset != tradable.quote.symbol:
        return
    tradable.order_limit = to_units(rules.order_limit, tradable.quote)
    tradable.last_ticks = last_price(tradable.group_id, tradable.number) or market.reference_ticks


def read_catalogue(slug: str) -> VenueCatalogue | None:
    """The live venue at ``slug`` from the database; ``None`` if there is none."""
    venue = Venue.objects.filter(slug=slug, state__in=LIVE_STATES).first()
    if venue is None:
        return None
    rows = (
        markets_of(venue)
        .exclude(phase=Phase.PENDING)
        .select_related("venue", "venue__access_policy", "base", "quote", "event")
    )
    seen = [seen_through(row, venue) for row in rows.order_by("number")]
    markets = tuple(map(_tradable, seen))
    pause = pause_of(PauseFunction.TRADE, venue.group_id)
    for market in markets:
        market.pause = pause
    instruments = Instruments()
    for market in markets:
        instruments.add(
            market.symbol,
            market.number,
            price_scale=market.instrument.price_scale,
            tick_units=market.tick_units,
            size_scale=market.size_scale,
            lot_units=market.instrument.lot_units,
            quote_scale=market.quote.scale,
        )
    return VenueCatalogue(
        id=venue.pk,
        slug=venue.slug,
        name=venue.name,
        group_id=venue.group_id,
        state=venue.state,
        has_policy=venue.access_policy_id is not None,
        pause=pause,
        markets=markets,
        assets={asset.pk: asset for market in markets for asset in market.balance_assets},
        by_symbol={market.symbol: market for market in markets},
        by_code={market.code: market for market in markets},
        by_number={market.number: market for market in markets},
        instruments=instruments,
        split_off=_split_off(seen),
    )


def _split_off(markets: Sequence[Market]) -> frozenset[int]:
    """Numbers of outcomes that came out of an event's fallback after it had opened."""
    opened: dict[Event, datetime] = {}
    outcomes = [
        (row, row.event) for row in markets if row.event is not None and row.event.fallback is not None
    ]
    for row, event in outcomes:
        if row.opened is not None:
            opened[event] = min(row.opened, opened.get(event, row.opened))
    return frozenset(row.number for row, event in outcomes if event in opened and row.created > opened[event])


_remembered: dict[str, tuple[float, VenueCatalogue | None]] = {}
_refreshing: set[asyncio.Task[None]] = set()


def forget_catalogue(slug: str) -> None:
    """Drop what this process remembers of a venue."""
    _remembered.pop(slug, None)


async def _refresh(slug: str) -> VenueCatalogue | None:
    found = await in_database_thread(read_catalogue, slug)
    if len(_remembered) >= MAX_REMEMBERED:
        _remembered.clear()
    _remembered[slug] = (time.monotonic() + (TTL_SECONDS if found else UNKNOWN_TTL_SECONDS), found)
    return found


async def _refresh_quietly(slug: str) -> None:
    await _refresh(slug)


async def find_catalogue(slug: str) -> VenueCatalogue | None:
    """The venue at ``slug``; ``None`` if there is none."""
    known = _remembered.get(slug)
    if known is None or known[1] is None:
        if known is not None and known[0] > time.monotonic():
            return None
        return await _refresh(slug)
    if known[0] <= time.monotonic():
        # Keep answering from the old copy while one task reads the new one.
        _remembered[slug] = (time.monotonic() + TTL_SECONDS, known[1])
        task = asyncio.get_running_loop().create_task(_refresh_quietly(slug))
        _refreshing.add(task)
        task.add_done_callback(_refreshing.discard)
    return known[1]
