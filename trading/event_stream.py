"""The live side of events: one look at an event for all the pages that show it, however many they are.

A process listens to the feeds of an event's markets while somebody looks. They say which trades were made and that
something moved; at most twice a second the event is then asked for as a whole, which costs one question however many
outcomes it has. A quiet event costs nothing. Steps towards its end happen in the database and are looked at every few
seconds.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from exchange_os.engine.feed import get_market_feed
from exchange_os.engine.gateway import get_gateway
from exchange_os.engine.history import Trade
from exchange_os.errors import DomainError
from trading.bets import cents_text, chance_text
from trading.selectors.event_tape import tape_row
from trading.selectors.events import EventView, event_by_code
from trading.threads import in_database_thread
from venues.models import Market

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
STATE_SECONDS = 4.0
TRADES_AT_ONCE = 20

Message = dict[str, Any]
Listener = Callable[[Message], None]


class EventStream:
    """One event, followed while it has listeners."""

    def __init__(self, view: EventView) -> None:
        self.view = view
        self.listeners: set[Listener] = set()
        self.prices: dict[str, list[str]] = {}
        self._markets = {market.number: market for market in view.markets}
        self._trades: list[tuple[Market, Trade]] = []
        self._moved = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listen to every market."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._look()), loop.create_task(self._watch_state())]
        for number in self._markets:
            await get_market_feed().subscribe(self.group_id, number, self._receive, self._moved.set)

    async def stop(self) -> None:
        """Let go of everything."""
        for task in self._tasks:
            task.cancel()
        for number in self._markets:
            await get_market_feed().unsubscribe(self.group_id, number, self._receive)

    @property
    def group_id(self) -> int:
        """The event's risk group."""
        return self.view.event.venue.group_id

    def _receive(self, message: dict[str, Any]) -> None:
        market = self._markets.get(message["market"])
        if market is not None:
            self._trades += [(market, Trade(*trade)) for trade in message["trades"]]
            del self._trades[:-TRADES_AT_ONCE]
        self._moved.set()

    async def _look(self) -> None:
        while True:
            await self._moved.wait()
            self._moved.clear()
            trades, self._trades = self._trades, []
            try:
                answer = await get_gateway().query(
                    self.group_id, {"q": "event", "event": self.view.event.number}
                )
            except DomainError as away:
                log.info("event %s does not answer: %s", self.view.event.pk, away.message)
                self._moved.set()
            else:
                self._tell_prices(answer.get("event", {}), trades)
            await asyncio.sleep(LOOK_SECONDS)

    def _tell_prices(self, event: dict[str, Any], trades: list[tuple[Market, Trade]]) -> None:
        known = {row["market"]: row for row in event.get("outcomes", ()) if row.get("market") is not None}
        prices = {
            market.symbol: texts_of(known[number], market)
            for number, market in self._markets.items()
            if number in known
        }
        changed = {symbol: texts for symbol, texts in prices.items() if self.prices.get(symbol) != texts}
        self.prices = prices
        if changed or trades:
            self.tell(
                {"prices": changed, "trades": [_trade_message(trade, market) for market, trade in trades]}
            )

    async def _watch_state(self) -> None:
        """Tell of moves, and of outcomes that came late: the pages then ask for themselves anew."""
        while True:
            await asyncio.sleep(STATE_SECONDS)
            with suppress(Exception):  # a database that is away is asked again
                event = self.view.event
                found = await in_database_thread(event_by_code, event.venue_id, event.code)
                same = (found.event.state, found.event.proposed, len(found.markets)) == (
                    event.state, event.proposed, len(self.view.markets),
                )  # fmt: skip
                if not same:
                    self.tell({"moved": True})
                self.view = found

    def tell(self, message: Message) -> None:
        """Every listener hears it."""
        for listener in tuple(self.listeners):
            listener(message)


def texts_of(row: dict[str, Any], market: Market) -> list[str]:
    """What a page shows of an outcome: chance, its number for the meter, price of Yes and of No."""
    one, fair = market.payout_ticks, row.get("fair_ticks") or 0
    bid, ask = row.get("best_bid", 0), row.get("best_ask", 0)
    return [
        chance_text(fair, one),
        f"{fair * 100 / one:.1f}",
        cents_text(ask, one) if ask else "",
        cents_text(one - bid, one) if bid else "",
    ]


def _trade_message(trade: Trade, market: Market) -> Message:
    row = tape_row(trade, market)
    return {
        "id": row.trade_id, "name": row.name, "bought": row.bought, "price": row.price, "lots": row.lots,
        "ms": trade.time_ms,
    }  # fmt: skip


class EventHub:
    """Every event this process follows."""

    def __init__(self) -> None:
        self._streams: dict[int, EventStream] = {}

    async def watch(self, view: EventView, listener: Listener) -> EventStream:
        """Follow an event for ``listener``, which hears at once what is known."""
        stream = self._streams.get(view.event.pk)
        if stream is None:
            stream = self._streams[view.event.pk] = EventStream(view)
            stream.listeners.add(listener)
            await stream.start()
        elif stream.prices:
            listener({"prices": stream.prices, "trades": []})
        stream.listeners.add(listener)
        return stream

    async def leave(self, stream: EventStream, listener: Listener) -> None:
        """``listener`` has heard enough; an event without listeners is let go."""
        stream.listeners.discard(listener)
        if not stream.listeners and self._streams.get(stream.view.event.pk) is stream:
            del self._streams[stream.view.event.pk]
            await stream.stop()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, EventHub] = WeakKeyDictionary()


def event_hub() -> EventHub:
    """The hub of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), EventHub())
