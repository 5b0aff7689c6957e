"""The web side of live data: one Redis subscription connection per process, fanned out in memory.

``MarketFeed`` passes on the numbered messages of a market's public channel; ``EventFeed`` the private events of an
account. Both call ``interrupted()`` whenever messages may have been missed (the subscription is new, the connection was
lost, the numbers have a gap): the subscriber then asks the kernel for a whole (``{"q": "feed", "market": m}`` or
``{"q": "account", ...}``), whose ``seq`` or ``sequence`` tells which messages it covers. Callbacks run in the event
loop and must neither block nor raise; a slow socket is the business of whoever owns the callback.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from exchange_kernel import decode_events
from redis.exceptions import RedisError

from exchange_os.engine import wire
from exchange_os.engine.announcer import EVENTS_HEADER
from exchange_os.engine.connections import make_async_redis

log = logging.getLogger(__name__)

MarketCallback = Callable[[dict[str, Any]], None]
EventsCallback = Callable[[list[dict[str, Any]]], None]
Interrupted = Callable[[], None]
RECONNECT_SECONDS = 0.25
#: In place of the last sequence: no events of the kernel, but a note of one web process to all.
NOTE = -1


class Hub:
    """The one subscription connection of an event loop: channel name -> the one handler of its raw messages."""

    def __init__(self) -> None:
        self._handlers: dict[str, tuple[Callable[[bytes], None], Interrupted]] = {}
        self._pubsub: Any = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self, channel: str, handler: Callable[[bytes], None], interrupted: Interrupted) -> None:
        """Hand every message of a channel to ``handler``; ``interrupted`` whenever some may have been missed."""
        self._handlers[channel] = (handler, interrupted)
        if self._reader is None:
            self._reader = asyncio.get_running_loop().create_task(self._read())
        else:
            await self._tell("subscribe", channel)

    async def close(self, channel: str) -> None:
        """Stop listening to a channel."""
        self._handlers.pop(channel, None)
        await self._tell("unsubscribe", channel)

    async def _tell(self, verb: str, channel: str) -> None:
        if self._pubsub is None:
            return
        try:
            await getattr(self._pubsub, verb)(channel)
        except (RedisError, OSError) as error:
            log.warning("%s %s failed; the connection will be made anew: %s", verb, channel, error)

    async def _read(self) -> None:
        while True:
            redis = make_async_redis(socket_timeout=None)
            try:
                async with redis.pubsub() as pubsub:
                    # A subscription connection needs a channel; this one never speaks.
                    known = set(self._handlers)
                    await pubsub.subscribe("xos:silence", *known)
                    self._pubsub = pubsub
                    if late := self._handlers.keys() - known:  # opened while the connection was being made
                        await pubsub.subscribe(*late)
                    async for message in pubsub.listen():
                        self._handle(message)
            except (RedisError, OSError) as error:
                log.warning("live data connection lost: %s", error)
            finally:
                self._pubsub = None
                await redis.aclose()
            await asyncio.sleep(RECONNECT_SECONDS)

    def _handle(self, message: dict[str, Any]) -> None:
        handlers = self._handlers.get(message["channel"].decode())
        if handlers is None:
            return
        handler, interrupted = handlers
        try:
            if message["type"] == "message":
                handler(message["data"])
            elif message["type"] == "subscribe":
                interrupted()
        except Exception:
            log.exception("a message of %s could not be handled", message["channel"])


class MarketFeed:
    """Public data of markets. Use ``get_market_feed()``."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._callbacks: dict[str, dict[MarketCallback, Interrupted]] = {}

    async def subscribe(
        self, group: int, market: int, callback: MarketCallback, interrupted: Interrupted
    ) -> None:
        """Call ``callback(message)`` for every message of a market, in order, and ``interrupted()`` once subscribed
        and at every later interruption."""
        channel = wire.market_channel(group, market)
        callbacks = self._callbacks.setdefault(channel, {})
        callbacks[callback] = interrupted
        if len(callbacks) == 1:
            await self._hub.open(
                channel, lambda data: self._receive(channel, data), lambda: self._interrupt(channel)
            )
        else:
            interrupted()

    async def unsubscribe(self, group: int, market: int, callback: MarketCallback) -> None:
        """Undo ``subscribe``."""
        channel = wire.market_channel(group, market)
        callbacks = self._callbacks.get(channel, {})
        callbacks.pop(callback, None)
        if not callbacks and self._callbacks.pop(channel, None) is not None:
            await self._hub.close(channel)

    def _receive(self, channel: str, data: bytes) -> None:
        message = orjson.loads(data)
        for callback in tuple(self._callbacks.get(channel, ())):
            callback(message)

    def _interrupt(self, channel: str) -> None:
        for interrupted in tuple(self._callbacks.get(channel, {}).values()):
            interrupted()


class _GroupEvents:
    """Who listens to a group's private events in this process, and where its numbers stand."""

    def __init__(self) -> None:
        self.accounts: dict[int, dict[EventsCallback, Interrupted]] = {}
        self.last: int | None = None


def note_message(account: int, **told: Any) -> bytes:
    """A message for a group's channel of events that all who follow the account get, as an event ``note``."""
    note = {"kind": "note", "account": account, "sequence": 2**63 - 1, **told}
    return EVENTS_HEADER.pack(NOTE, NOTE) + orjson.dumps(note)


class EventFeed:
    """Private events of accounts. Use ``get_event_feed()``."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._groups: dict[int, _GroupEvents] = {}

    async def subscribe(
        self, group: int, account: int, callback: EventsCallback, interrupted: Interrupted
    ) -> None:
        """Call ``callback(events)`` with an account's events (see ``exchange_kernel.decode_events``) in order, and
        ``interrupted()`` once subscribed and whenever some may have been missed."""
        events = self._groups.get(group)
        if events is None:
            events = self._groups[group] = _GroupEvents()
            events.accounts[account] = {callback: interrupted}
            await self._hub.open(
                wire.events_channel(group),
                lambda data: self._receive(group, data),
                lambda: self._interrupt(group),
            )
        else:
            events.accounts.setdefault(account, {})[callback] = interrupted
            interrupted()

    async def unsubscribe(self, group: int, account: int, callback: EventsCallback) -> None:
        """Undo ``subscribe``."""
        events = self._groups.get(group)
        if events is None:
            return
        callbacks = events.accounts.get(account, {})
        callbacks.pop(callback, None)
        if not callbacks:
            events.accounts.pop(account, None)
        if not events.accounts:
            del self._groups[group]
            await self._hub.close(wire.events_channel(group))

    def _receive(self, group: int, data: bytes) -> None:
        events = self._groups.get(group)
        if events is None:
            return
        previous, last = EVENTS_HEADER.unpack_from(data)
        if last == NOTE:
            note = orjson.loads(data[EVENTS_HEADER.size :])
            for callback in tuple(events.accounts.get(note["account"], ())):
                callback([note])
            return
        if events.last is None or previous > events.last:
            self._interrupt(group)
        events.last = last
        by_account: dict[int, list[dict[str, Any]]] = {}
        for event in decode_events(data[EVENTS_HEADER.size :], set(events.accounts)):
            by_account.setdefault(event["account"], []).append(event)
        for account, some in by_account.items():
            for callback in tuple(events.accounts.get(account, ())):
                callback(some)

    def _interrupt(self, group: int) -> None:
        events = self._groups.get(group)
        for callbacks in tuple(events.accounts.values()) if events else ():
            for interrupted in tuple(callbacks.values()):
                interrupted()


class _Feeds:
    """The hub and the feeds of one event loop."""

    def __init__(self) -> None:
        hub = Hub()
        self.markets = MarketFeed(hub)
        self.events = EventFeed(hub)


_feeds: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Feeds]" = WeakKeyDictionary()


def _current() -> _Feeds:
    loop = asyncio.get_running_loop()
    feeds = _feeds.get(loop)
    if feeds is None:
        feeds = _feeds[loop] = _Feeds()
    return feeds


def get_market_feed() -> MarketFeed:
    """The market feed of the running event loop."""
    return _current().markets


def get_event_feed() -> EventFeed:
    """The feed of private events of the running event loop."""
    return _current().events
