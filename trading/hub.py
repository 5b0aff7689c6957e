"""Live markets on the web side: one engine feed per market and process, however many sockets listen.

A ``MarketStream`` mirrors one market's book from the engine's feed, which closes gaps by itself with a whole
book, and tells its listeners after each message. Listeners therefore only ever see a whole book. Streams
without listeners end after a moment.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from exchange_os.engine.feed import market_feed
from trading.book import BookMirror

LINGER_SECONDS = 10.0

Trade = Sequence[int]  # trade_id, price_ticks, size_lots, taker_side, ts_ms


class MarketListener(Protocol):
    """Something that wants to know when a market moved."""

    def market_moved(self, mirror: BookMirror, trades: Sequence[Trade]) -> None:
        """The book is now as ``mirror`` says; ``trades`` happened since the call before, oldest first."""


class MarketStream:
    """One market of one risk group, followed live."""

    def __init__(self, group_id: int, market: int) -> None:
        self.group_id = group_id
        self.market = market
        self.mirror = BookMirror()
        self.phase = -1
        self.ready = asyncio.Event()
        self.listeners: set[MarketListener] = set()
        self.ending: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Begin to follow; ``ready`` is set once the mirror holds a whole book."""
        await market_feed(self.group_id, self.market).subscribe(self._receive)

    async def stop(self) -> None:
        """Let go of the feed."""
        await market_feed(self.group_id, self.market).unsubscribe(self._receive)

    def _receive(self, message: dict[str, Any], raw: bytes) -> None:
        follow = self.mirror.load if message["checkpoint"] else self.mirror.update
        follow(message["seq"], message["ts"], message["bids"], message["asks"])
        self.phase = message["phase"]
        self.ready.set()
        for listener in tuple(self.listeners):
            listener.market_moved(self.mirror, message["trades"])


class MarketHub:
    """Every market this process follows."""

    def __init__(self) -> None:
        self._streams: dict[tuple[int, int], MarketStream] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def watch(self, group_id: int, market: int, listener: MarketListener) -> MarketStream:
        """Follow a market for ``listener``; answers when the mirror holds a whole book."""
        key = (group_id, market)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = MarketStream(group_id, market)
            stream.listeners.add(listener)
            await stream.start()
        stream.listeners.add(listener)
        if stream.ending is not None:
            stream.ending.cancel()
            stream.ending = None
        await stream.ready.wait()
        return stream

    def leave(self, stream: MarketStream, listener: MarketListener) -> None:
        """``listener`` has heard enough; the stream ends when nobody came back for a moment."""
        stream.listeners.discard(listener)
        if not stream.listeners and stream.ending is None:
            stream.ending = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._end, stream)

    def _end(self, stream: MarketStream) -> None:
        stream.ending = None
        if stream.listeners:
            return
        self._streams.pop((stream.group_id, stream.market), None)
        task = asyncio.get_running_loop().create_task(stream.stop())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, MarketHub] = WeakKeyDictionary()


def get_hub() -> MarketHub:
    """The hub of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), MarketHub())
