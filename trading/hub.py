"""Live markets on the web side: one engine feed per market and process, however many sockets listen.

A ``MarketStream`` mirrors one market's book from the engine's numbered updates and tells its listeners after each. A
gap in the numbers (a lost message, a new owner of the group, a new connection to Redis) makes it take a snapshot
again; listeners only ever see a whole book, and the trades of the gap that the kernel still remembers. Streams without
listeners end after a moment.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from exchange_os.engine.feed import get_market_feed
from exchange_os.engine.gateway import get_gateway
from exchange_os.errors import DomainError
from trading.book import BookMirror

log = logging.getLogger(__name__)

LINGER_SECONDS = 10.0
RETRY_SECONDS = 0.5
MAX_WAITING_MESSAGES = 1_000

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
        self.ready = asyncio.Event()
        self.listeners: set[MarketListener] = set()
        self.ending: asyncio.TimerHandle | None = None
        self._last_trade_id: int | None = None
        self._waiting: list[dict[str, Any]] = []
        self._resync: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow; ``ready`` is set once the mirror holds a whole book."""
        await get_market_feed().subscribe(self.group_id, self.market, self._receive, self._take_snapshot)

    async def stop(self) -> None:
        """Let go of the feed."""
        if self._resync is not None:
            self._resync.cancel()
        await get_market_feed().unsubscribe(self.group_id, self.market, self._receive)

    def _receive(self, message: dict[str, Any]) -> None:
        if self._resync is not None:
            if len(self._waiting) < MAX_WAITING_MESSAGES:
                self._waiting.append(message)
        elif not self._follow(message):
            self._take_snapshot()

    def _follow(self, message: dict[str, Any]) -> bool:
        """Apply one message; ``False`` if something is missing before it."""
        mirror, sequence = self.mirror, message["seq"]
        if message["checkpoint"]:
            mirror.load(sequence, message["ts"], message["bids"], message["asks"])
        elif sequence <= mirror.sequence:
            return True
        elif message["prev"] != mirror.sequence:
            return False
        else:
            mirror.update(sequence, message["ts"], message["bids"], message["asks"])
        trades = self._untold(message["trades"])
        for listener in tuple(self.listeners):
            listener.market_moved(mirror, trades)
        return True

    def _untold(self, trades: Sequence[Trade]) -> Sequence[Trade]:
        """Those of ``trades`` (oldest first) that happened since the last one seen; none before the first snapshot."""
        last = self._last_trade_id
        self._last_trade_id = max(last or 0, trades[-1][0] if trades else 0)
        return [trade for trade in trades if last is not None and trade[0] > last]

    def _take_snapshot(self) -> None:
        if self._resync is None:
            self._resync = asyncio.get_running_loop().create_task(self._resynchronise())

    async def _resynchronise(self) -> None:
        snapshot = await self._snapshot()
        while "error" in snapshot:
            log.info(
                "no book of market %s: %s", self.market, snapshot["error"], extra={"group": self.group_id}
            )
            await asyncio.sleep(RETRY_SECONDS)
            snapshot = await self._snapshot()
        waiting, self._waiting = self._waiting, []
        self._resync = None
        self._follow({**snapshot, "checkpoint": True})
        self.ready.set()
        for message in waiting:
            if message["seq"] > self.mirror.sequence:
                self._receive(message)

    async def _snapshot(self) -> dict[str, Any]:
        """The kernel's answer, or its code in ``error``.

        It covers all that was published before the question; a message from before that does not follow from it
        never will, so none of those is kept.
        """
        self._waiting.clear()
        try:
            return await get_gateway().query(self.group_id, {"q": "feed", "market": self.market})
        except DomainError as error:
            return {"error": error.code}


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
