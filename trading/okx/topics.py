"""Public channels of one market: what each tells its audience, serialised once however many sockets listen.

A topic renders a payload once per update; sockets that subscribed with the same ``arg`` share the very same frame.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson

from trading.book import BookMirror, DepthView, Level, checksum
from trading.hub import Trade
from trading.okx.objects import candle_row, level_rows, ticker_row, trade_row
from trading.okx.orders import now_ms
from trading.outbox import Outbox
from trading.selectors.candles import Candle, bar_start, candles
from trading.selectors.catalogue import TradableMarket
from trading.selectors.live import live_trades
from trading.selectors.tickers import NO_STATS, live_stats
from trading.threads import in_database_thread

log = logging.getLogger(__name__)

TICKER_SECONDS = 0.1
CANDLE_SECONDS = 0.5
LOOKS_AFTER_A_TRADE = 4
RETRY_SECONDS = 1.0
KEEP_ALIVE_MS = 60_000
MAX_TRADES_A_FRAME = 100


def frame(arg: str, data: Sequence[Any], action: str = "") -> str:
    """A push: ``arg`` is the subscribed argument, already JSON, echoed as it came."""
    head = f'{{"arg":{arg},"action":"{action}"' if action else f'{{"arg":{arg}'
    return f'{head},"data":{orjson.dumps(data).decode()}}}'


class Topic:
    """One channel of one market and its audience: sockets by the ``arg`` they subscribed with."""

    def __init__(self, market: TradableMarket) -> None:
        self.market = market
        self.audience: dict[str, set[Outbox]] = {}

    def join(self, arg: str, outbox: Outbox) -> None:
        """A socket subscribes."""
        self.audience.setdefault(arg, set()).add(outbox)

    def leave(self, arg: str, outbox: Outbox) -> None:
        """A socket has heard enough."""
        sockets = self.audience.get(arg)
        if sockets is not None:
            sockets.discard(outbox)
            if not sockets:
                del self.audience[arg]

    def tell(self, data: Sequence[Any], action: str = "") -> None:
        """Push ``data`` to everyone."""
        payload = orjson.dumps(data).decode()
        middle = f',"action":"{action}"' if action else ""
        for arg, sockets in self.audience.items():
            text = f'{{"arg":{arg}{middle},"data":{payload}}}'
            for outbox in tuple(sockets):
                outbox.offer(text)

    def begin(self, mirror: BookMirror) -> None:
        """The first socket is about to be greeted."""

    async def greet(self, arg: str, outbox: Outbox, mirror: BookMirror) -> None:
        """Tell a new socket where things stand."""

    def moved(self, mirror: BookMirror, trades: Sequence[Trade]) -> None:
        """The market moved."""

    def stop(self) -> None:
        """Nobody listens any more."""


class BookTopic(Topic):
    """A book in changes: a snapshot first, then what changed, numbered without a gap, with a checksum."""

    def __init__(self, market: TradableMarket, depth: int) -> None:
        super().__init__(market)
        self.view = DepthView(depth)

    def begin(self, mirror: BookMirror) -> None:
        """Start from the book as it is."""
        self.view.take(mirror)

    def _data(
        self, bids: Sequence[Level], asks: Sequence[Level], ts_ms: int, previous: int
    ) -> list[dict[str, Any]]:
        market, view = self.market, self.view
        return [
            {
                "asks": level_rows(market, asks),
                "bids": level_rows(market, bids),
                "ts": str(ts_ms),
                "checksum": checksum(view.bids, view.asks, market.price_text, market.size_text),
                "seqId": view.sequence,
                "prevSeqId": previous,
            }
        ]

    async def greet(self, arg: str, outbox: Outbox, mirror: BookMirror) -> None:
        """The whole view, as of the last change told."""
        view = self.view
        outbox.offer(frame(arg, self._data(view.bids, view.asks, view.timestamp_ms, -1), "snapshot"))

    def moved(self, mirror: BookMirror, trades: Sequence[Trade]) -> None:
        """Tell the changes, if these levels changed."""
        previous = self.view.sequence
        changes = self.view.take(mirror)
        if changes is not None:
            self.tell(self._data(*changes, mirror.timestamp_ms, previous), "update")

    def keep_alive(self) -> None:
        """Tell that nothing changed for a while."""
        now = now_ms()
        if self.audience and now - self.view.timestamp_ms >= KEEP_ALIVE_MS:
            self.view.timestamp_ms = now
            self.tell(self._data((), (), now, self.view.sequence), "update")


class LevelsTopic(Topic):
    """The best few levels, whole each time they change."""

    def __init__(self, market: TradableMarket, depth: int) -> None:
        super().__init__(market)
        self.view = DepthView(depth)

    def begin(self, mirror: BookMirror) -> None:
        """Start from the book as it is."""
        self.view.take(mirror)

    def _data(self) -> list[dict[str, Any]]:
        view, market = self.view, self.market
        return [
            {
                "instId": market.symbol,
                "asks": level_rows(market, view.asks),
                "bids": level_rows(market, view.bids),
                "ts": str(view.timestamp_ms),
                "seqId": view.sequence,
            }
        ]

    async def greet(self, arg: str, outbox: Outbox, mirror: BookMirror) -> None:
        """The levels as they are."""
        outbox.offer(frame(arg, self._data()))

    def moved(self, mirror: BookMirror, trades: Sequence[Trade]) -> None:
        """Tell the levels, if they changed."""
        if self.view.take(mirror) is not None:
            self.tell(self._data())


class TradesTopic(Topic):
    """Trades as they happen, oldest first; a new socket gets the newest one."""

    async def greet(self, arg: str, outbox: Outbox, mirror: BookMirror) -> None:
        """The newest trade, if there ever was one."""
        last = await live_trades(self.market.group_id, self.market.number, 1)
        if last:
            outbox.offer(frame(arg, [trade_row(self.market, last[0])]))

    def moved(self, mirror: BookMirror, trades: Sequence[Trade]) -> None:
        """Tell the trades."""
        for start in range(0, len(trades), MAX_TRADES_A_FRAME):
            part = trades[start : start + MAX_TRADES_A_FRAME]
            self.tell([trade_row(self.market, trade) for trade in part])


class PeriodicTopic(Topic, ABC):
    """A topic whose data takes a read: after a move it is refreshed, but no more often than every few tenths."""

    interval_seconds = TICKER_SECONDS

    def __init__(self, market: TradableMarket) -> None:
        super().__init__(market)
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.mirror: BookMirror | None = None

    def begin(self, mirror: BookMirror) -> None:
        """Start to follow."""
        self.mirror = mirror
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def moved(self, mirror: BookMirror, trades: Sequence[Trade]) -> None:
        """Note the move."""
        self._moved.set()

    def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            await self._wait()
            self._moved.clear()
            try:
                await self.refresh()
            except Exception as error:  # an engine that is busy or moving, a database that is away
                log.warning("%s of %s not told: %s", type(self).__name__, self.market.symbol, error)
                self._moved.set()
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(self.interval_seconds)

    async def _wait(self) -> None:
        await self._moved.wait()

    @abstractmethod
    async def refresh(self) -> None:
        """Read and tell what is new."""


class TickerTopic(PeriodicTopic):
    """Ticker, ten times a second at most."""

    def __init__(self, market: TradableMarket) -> None:
        super().__init__(market)
        self._last: Trade | None = None

    def moved(self, mirror: BookMirror, trades: Sequence[Trade]) -> None:
        """Note the move and the last trade."""
        if trades:
            self._last = trades[-1]
        super().moved(mirror, trades)

    async def _row(self, mirror: BookMirror) -> dict[str, str]:
        market = self.market
        if self._last is None:
            newest = await live_trades(market.group_id, market.number, 1)
            if self._last is None and newest:  # none came while we asked
                self._last = newest[0]
        stats = (await live_stats(market.group_id)).get(market.number, NO_STATS).with_last(self._last)
        bid, ask = mirror.best_bids(1), mirror.best_asks(1)
        return ticker_row(market, stats, bid[0] if bid else None, ask[0] if ask else None, now_ms())

    async def greet(self, arg: str, outbox: Outbox, mirror: BookMirror) -> None:
        """The ticker as it is."""
        outbox.offer(frame(arg, [await self._row(mirror)]))

    async def refresh(self) -> None:
        """Tell the ticker."""
        if self.mirror is not None:
            self.tell([await self._row(self.mirror)])


class CandleTopic(PeriodicTopic):
    """Candles of one bar, read from the stored ones after trades and at the turn of a bar."""

    interval_seconds = CANDLE_SECONDS

    def __init__(self, market: TradableMarket, bar: str) -> None:
        super().__init__(market)
        self.bar = bar
        self._told: Candle | None = None
        self._looks = 0

    async def _read(self, limit: int) -> list[Candle]:
        market = self.market
        return await in_database_thread(
            candles, market.group_id, market.number, self.bar, now_ms=now_ms(), limit=limit
        )

    async def greet(self, arg: str, outbox: Outbox, mirror: BookMirror) -> None:
        """The candle of the present."""
        for candle in await self._read(1):
            outbox.offer(frame(arg, [candle_row(self.market, candle)]))

    def moved(self, mirror: BookMirror, trades: Sequence[Trade]) -> None:
        """Only trades move a candle."""
        if trades:
            super().moved(mirror, trades)

    async def _wait(self) -> None:
        """Until a trade, or until the bar turns. Candles are stored a moment after their trades: look several times."""
        if self._moved.is_set():
            self._looks = LOOKS_AFTER_A_TRADE
        if self._looks > 0:
            self._looks -= 1
            return
        told = self._told
        left_ms = told.end_ms - now_ms() if told is not None else 5_000
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), max(0.05, left_ms / 1000))
            self._looks = LOOKS_AFTER_A_TRADE - 1

    async def refresh(self) -> None:
        """Tell the bar that just closed, once more, and the present one, if they changed."""
        for candle in reversed(await self._read(2)):
            if self._is_news(candle):
                self._told = candle
                self.tell([candle_row(self.market, candle)])

    def _is_news(self, candle: Candle) -> bool:
        told = self._told
        if told is None:
            return candle.start_ms == bar_start(self.bar, now_ms())
        return candle.start_ms >= told.start_ms and candle != told
