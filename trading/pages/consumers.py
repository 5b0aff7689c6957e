"""The private socket of the terminal: it says that the account changed, and what was filled.

It carries no tables. The page fetches the fragments it shows again, so what a trader sees comes from one place and a
lost message costs nothing: after every interruption the socket says "changed" once more. It rides on the session
cookie, behind the Origin check of ``exchange_os.asgi``.
"""

import asyncio
import random
from contextlib import suppress
from typing import Any

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer

from exchange_os.engine.feed import get_event_feed
from exchange_os.errors import DomainError
from trading.models import TradingAccount
from trading.pages.rows import fill_sentences
from trading.selectors.accounts import account_of
from trading.threads import in_database_thread
from venues.instruments import Instrument
from venues.selectors import instruments_of, venue_by_slug

TELL_SECONDS = 0.25  # at most four times a second, however much happens
TOASTS_AT_ONCE = 3
MAX_AGE_SECONDS = 600  # then the page connects again, and its session is looked at again
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


class AccountConsumer(AsyncWebsocketConsumer):
    """One page of one trader at one venue."""

    account: TradingAccount | None = None

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
        self.fills: list[dict[str, Any]] = []
        self.changed = asyncio.Event()
        self.teller = asyncio.create_task(self._tell())
        await get_event_feed().subscribe(
            self.account.venue.group_id, self.account.number, self.take_events, self.changed.set
        )

    async def disconnect(self, code: int) -> None:
        """Stop listening."""
        if self.account is None:
            return
        self.teller.cancel()
        await get_event_feed().unsubscribe(self.account.venue.group_id, self.account.number, self.take_events)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Pages only listen; what they send is ignored."""

    def take_events(self, events: list[dict[str, Any]]) -> None:
        """Remember what was filled and that something changed."""
        self.fills.extend(event for event in events if event["kind"] == "fill")
        self.changed.set()

    async def _tell(self) -> None:
        deadline = asyncio.get_running_loop().time() + MAX_AGE_SECONDS * random.uniform(0.8, 1.2)
        while (remaining := deadline - asyncio.get_running_loop().time()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), remaining)
                self.changed.clear()
                fills, self.fills = self.fills, []
                sentences = fill_sentences(fills, self.instruments)[:TOASTS_AT_ONCE]
                message = {
                    "changed": True,
                    "toasts": [
                        {"level": "success", "text": text, "about": about} for about, text in sentences
                    ],
                }
                await self.send(text_data=orjson.dumps(message).decode())
                await asyncio.sleep(TELL_SECONDS)
        await self.close()
