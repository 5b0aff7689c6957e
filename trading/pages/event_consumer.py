"""The socket of an event's page: prices as they move, trades as they are made, and that the event took a step.

It tells nothing private, so anyone may listen; one that was opened by a session ends soon after it all the same, as the
other sockets of pages do. A page that reads too slowly misses prices, never the newest: they are
kept by outcome until they are sent.
"""

import asyncio
from contextlib import suppress
from typing import Any

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer

from exchange_os.errors import DomainError
from trading.event_stream import EventStream, event_hub
from trading.selectors.events import EventView, event_by_code
from trading.sessions import session_end
from trading.threads import in_database_thread
from venues.selectors import venue_by_slug

UNAUTHENTICATED, UNKNOWN = 4401, 4404
SESSION_SECONDS = 4.0  # so long at most does a socket outlive its session
TRADES_KEPT = 20


def _find(slug: str, code: str) -> EventView | None:
    try:
        return event_by_code(venue_by_slug(slug).pk, code)
    except DomainError:
        return None


class EventConsumer(AsyncWebsocketConsumer):
    """One page that shows an event."""

    stream: EventStream | None = None

    async def connect(self) -> None:
        """Accept anyone; an event that is not there ends it with a code of its own."""
        await self.accept()
        route = self.scope["url_route"]["kwargs"]
        view = await in_database_thread(_find, route["slug"], route["code"])
        if view is None:
            await self.close(UNKNOWN)
            return
        self.prices: dict[str, list[str]] = {}
        self.trades: list[dict[str, Any]] = []
        self.moved = False
        self.waiting = asyncio.Event()
        self.tasks = [asyncio.create_task(self._send())]
        user = self.scope.get("user")
        if user is not None and user.is_authenticated:
            self.tasks.append(
                asyncio.create_task(self._watch_session(self.scope["session"].session_key, user.pk))
            )
        self.stream = await event_hub().watch(view, self.hear)

    async def disconnect(self, code: int) -> None:
        """Stop listening."""
        if self.stream is not None:
            for task in self.tasks:
                task.cancel()
            await event_hub().leave(self.stream, self.hear)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Pages only listen; a word from one is answered, so that it knows the line is alive."""
        if text_data == "ping":
            await self.send(text_data="pong")

    async def _watch_session(self, session_key: str, user_id: int) -> None:
        """Close the socket soon after its session ended, wherever that was."""
        await session_end(session_key, user_id, SESSION_SECONDS)
        await self.close(UNAUTHENTICATED)

    def hear(self, message: dict[str, Any]) -> None:
        """Keep what is new until it can be sent."""
        self.prices |= message.get("prices", {})
        self.trades = [*self.trades, *message.get("trades", ())][-TRADES_KEPT:]
        self.moved = self.moved or bool(message.get("moved"))
        self.waiting.set()

    async def _send(self) -> None:
        while True:
            await self.waiting.wait()
            self.waiting.clear()
            message = {"prices": self.prices, "trades": self.trades, "moved": self.moved}
            self.prices, self.trades, self.moved = {}, [], False
            with suppress(RuntimeError):  # the socket closed meanwhile
                await self.send(text_data=orjson.dumps(message).decode())
