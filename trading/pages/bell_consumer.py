"""The socket of the bell, on every page of someone signed in: how many notifications are unread, and the new ones.

Like the other private sockets it rides on the session cookie, ends soon after its session, and tells a page that comes
back (``?after=``) what it missed: ids of notifications grow, and the page names the last it saw.
"""

import asyncio
from typing import Any
from urllib.parse import parse_qs

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer

from trading.models import Notification, NotificationKind
from trading.notices import notification_group
from trading.selectors.notifications import news_since
from trading.sessions import session_end
from trading.threads import in_database_thread

TELL_SECONDS = 0.5  # at most twice a second, however much happens
TOLD_AT_MOST = 4  # toasts at once
SESSION_SECONDS = 4.0  # so long at most does a socket outlive its session
UNAUTHENTICATED = 4401
_LEVELS: dict[str, str] = {
    NotificationKind.FILL: "success",
    NotificationKind.LIQUIDATION: "error",
    NotificationKind.ADL: "warning",
}


def _shape(note: Notification) -> dict[str, Any]:
    return {
        "text": note.text,
        "link": note.link,
        "kind": note.kind,
        "level": _LEVELS.get(note.kind, "info"),
        "about": note.source,
    }


class BellConsumer(AsyncWebsocketConsumer):
    """One page of one user."""

    group = ""
    tasks: tuple[asyncio.Task[None], ...] = ()

    async def connect(self) -> None:
        """Accept whoever is signed in and listen for the user's notifications."""
        await self.accept()
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            await self.close(UNAUTHENTICATED)
            return
        self.user_id = user.pk
        text = parse_qs(self.scope["query_string"].decode("latin-1")).get("after", [""])[0]
        self.mark = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
        self.news = asyncio.Event()
        self.news.set()  # the first message says how things stand
        self.group = notification_group(user.pk)
        await self.channel_layer.group_add(self.group, self.channel_name)
        self.tasks = (
            asyncio.create_task(self._tell()),
            asyncio.create_task(self._watch_session(self.scope["session"].session_key)),
        )

    async def disconnect(self, code: int) -> None:
        """Stop listening."""
        for task in self.tasks:
            task.cancel()
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Pages only listen; a word from one is answered, so that it knows the line is alive."""
        if text_data == "ping":
            await self.send(text_data="pong")

    async def notified(self, event: dict[str, Any]) -> None:
        """There is something new: see ``trading.notices``."""
        self.news.set()

    async def _tell(self) -> None:
        while True:
            await self.news.wait()
            self.news.clear()
            newest, unread, fresh = await in_database_thread(
                news_since, self.user_id, self.mark, TOLD_AT_MOST
            )
            self.mark = max(newest, self.mark or 0)
            message = {"unread": unread, "mark": str(self.mark), "notes": [_shape(note) for note in fresh]}
            await self.send(text_data=orjson.dumps(message).decode())
            await asyncio.sleep(TELL_SECONDS)

    async def _watch_session(self, session_key: str) -> None:
        """Close the socket soon after its session ended, wherever that was."""
        await session_end(session_key, self.user_id, SESSION_SECONDS)
        await self.close(UNAUTHENTICATED)
