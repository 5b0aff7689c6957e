"""The private socket of the terminal: it says that the account changed, and what became of its orders.

It carries no tables. The page fetches the fragments it shows again, so what a trader sees comes from one place and a
lost message costs nothing: after every interruption the socket says "changed" once more. Every message has a ``mark``,
the trade id up to which fills are told; a page that comes back names the last one it saw (``?after=``) and is told the
fills since, from the history, so that none is lost and none is told twice. It rides on the session cookie, behind the
Origin check of ``exchange_os.asgi``.
"""

import asyncio
import random
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer

from exchange_os.engine.feed import get_event_feed
from exchange_os.errors import DomainError
from trading.models import TradingAccount
from trading.pages.telling import Note, missed_fills, notes_of
from trading.selectors.accounts import account_of
from trading.selectors.orders import fills
from trading.sessions import session_end
from trading.threads import in_database_thread
from venues.instruments import Instrument
from venues.selectors import instruments_of, venue_by_slug

TELL_SECONDS = 0.25  # at most four times a second, however much happens
MISSED_AT_MOST = 50  # fills; older ones are in the table
MAX_AGE_SECONDS = 600  # then the page connects again
SESSION_SECONDS = 4.0  # so long at most does a socket outlive its session
UNAUTHENTICATED, UNKNOWN = 4401, 4404


def _find(user_id: int, slug: str) -> tuple[TradingAccount, dict[int, Instrument]] | None:
    try:
        venue = venue_by_slug(slug)
    except DomainError:
        return None
    account = account_of(user_id, venue)
    if account is None:
        return None
    return account, {each.number: each for each in instruments_of(venue)}


def _catch_up(
    account: TradingAccount, instruments: dict[int, Instrument], after: int | None
) -> tuple[int, list[Note]]:
    """Trade id of the newest fill, and notes on the fills after trade id ``after``; a page that has just opened
    (``None``) missed nothing."""
    newest = fills(account, limit=1)
    mark = newest[0].trade_id if newest else 0
    missed = (
        fills(account, limit=MISSED_AT_MOST, newer_than=after) if after is not None and after < mark else []
    )
    return mark, missed_fills(missed, instruments)


class AccountConsumer(AsyncWebsocketConsumer):
    """One page of one trader at one venue."""

    account: TradingAccount | None = None
    teller: asyncio.Task[None] | None = None
    watcher: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Accept a signed-in user with an account at the venue, and listen for its events."""
        await self.accept()
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            await self.close(UNAUTHENTICATED)
            return
        found = await in_database_thread(_find, user.pk, self.scope["url_route"]["kwargs"]["slug"])
        if found is None:
            await self.close(UNKNOWN)
            return
        self.account, self.instruments = found
        self.events: list[dict[str, Any]] = []
        self.changed = asyncio.Event()
        await get_event_feed().subscribe(
            self.account.venue.group_id, self.account.number, self.take_events, self.changed.set
        )
        # After the subscription, so that a fill in between is told by one of the two; the mark tells which.
        self.mark, missed = await in_database_thread(_catch_up, *found, self._after())
        await self._send(missed)
        if not self.events:
            self.changed.clear()  # the message just sent tells the page to read everything
        self.teller = asyncio.create_task(self._tell())
        self.watcher = asyncio.create_task(self._watch_session(self.scope["session"].session_key, user.pk))

    def _after(self) -> int | None:
        text = parse_qs(self.scope["query_string"].decode("latin-1")).get("after", [""])[0]
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None

    async def _send(self, notes: list[Note]) -> None:
        message = {"changed": True, "mark": str(self.mark), "toasts": notes}
        await self.send(text_data=orjson.dumps(message).decode())

    async def disconnect(self, code: int) -> None:
        """Stop listening."""
        if self.account is None:
            return
        for task in (self.teller, self.watcher):
            if task is not None:
                task.cancel()
        await get_event_feed().unsubscribe(self.account.venue.group_id, self.account.number, self.take_events)

    async def _watch_session(self, session_key: str, user_id: int) -> None:
        """Close the socket soon after its session ended, wherever that was."""
        await session_end(session_key, user_id, SESSION_SECONDS)
        await self.close(UNAUTHENTICATED)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Pages only listen; what they send is ignored."""

    def take_events(self, events: list[dict[str, Any]]) -> None:
        """Remember what happened and that something changed."""
        self.events.extend(event for event in events if event["kind"] != "note")
        self.changed.set()

    async def _tell(self) -> None:
        deadline = asyncio.get_running_loop().time() + MAX_AGE_SECONDS * random.uniform(0.8, 1.2)
        while (remaining := deadline - asyncio.get_running_loop().time()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), remaining)
                self.changed.clear()
                events, self.events = self.events, []
                fresh = [event for event in events if event.get("trade_id", self.mark + 1) > self.mark]
                self.mark = max([self.mark, *(event.get("trade_id", 0) for event in fresh)])
                await self._send(notes_of(fresh, self.instruments))
                await asyncio.sleep(TELL_SECONDS)
        await self.close()
