"""Public channels of contract markets: prices, funding and open interest, told when they change."""

import asyncio
from abc import abstractmethod
from contextlib import suppress
from typing import Any

from trading.book import BookMirror
from trading.okx.derivative_objects import funding_row, index_row, interest_row, mark_row, price_candle_row
from trading.okx.objects import price_limit_row
from trading.okx.orders import now_ms
from trading.okx.topics import PeriodicTopic, frame
from trading.outbox import Outbox
from trading.selectors.candles import Source, candles
from trading.selectors.catalogue import TradableMarket
from trading.selectors.live import live_funding, live_market
from trading.threads import in_database_thread

#: Prices move without the book, so these topics look by themselves, this often at least.
LOOK_SECONDS = 0.5


class LookingTopic(PeriodicTopic):
    """A topic that looks after every move and every half second, and tells what changed; ``ts`` alone is no change."""

    def __init__(self, market: TradableMarket) -> None:
        super().__init__(market)
        self._told: Any = None

    @abstractmethod
    async def rows(self) -> list[Any]:
        """What there is to tell now."""

    async def greet(self, arg: str, outbox: Outbox, mirror: BookMirror) -> None:
        """Where things stand."""
        found = await self.rows()
        if found:
            outbox.offer(frame(arg, found))

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), LOOK_SECONDS)

    async def refresh(self) -> None:
        """Tell what changed."""
        found = await self.rows()
        seen = [_timeless(row) for row in found]
        if found and seen != self._told:
            self._told = seen
            self.tell(found)


def _timeless(row: Any) -> Any:
    return {name: value for name, value in row.items() if name != "ts"} if isinstance(row, dict) else row


class MarkTopic(LookingTopic):
    """``mark-price``."""

    async def rows(self) -> list[Any]:
        """The mark price."""
        return [mark_row(self.market, await live_market(self.market.group_id, self.market.number), now_ms())]


class IndexTopic(LookingTopic):
    """``index-tickers``."""

    async def rows(self) -> list[Any]:
        """The index price."""
        return [index_row(self.market, await live_market(self.market.group_id, self.market.number), now_ms())]


class InterestTopic(LookingTopic):
    """``open-interest``."""

    async def rows(self) -> list[Any]:
        """Open interest."""
        live = await live_market(self.market.group_id, self.market.number)
        return [interest_row(self.market, live, now_ms())]


class PriceLimitTopic(LookingTopic):
    """``price-limit``."""

    async def rows(self) -> list[Any]:
        """The prices between which orders are taken."""
        live = await live_market(self.market.group_id, self.market.number)
        return [price_limit_row(self.market, live, now_ms())]


class FundingTopic(LookingTopic):
    """``funding-rate``."""

    async def rows(self) -> list[Any]:
        """Funding of the running interval."""
        live = await live_funding(self.market.group_id, self.market.number)
        return [funding_row(self.market, live, now_ms())] if "next_ms" in live else []


class PriceCandleTopic(LookingTopic):
    """``mark-price-candle…`` and ``index-candle…``."""

    def __init__(self, market: TradableMarket, bar: str, source: Source) -> None:
        super().__init__(market)
        self.bar = bar
        self.source = source

    async def rows(self) -> list[Any]:
        """The candle of the present."""
        market = self.market
        found = await in_database_thread(
            candles,
            market.group_id,
            market.number,
            self.bar,
            now_ms=now_ms(),
            limit=1,
            source=self.source,
        )
        return [price_candle_row(market, candle) for candle in found]
