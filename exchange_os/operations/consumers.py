"""The socket of the dashboard: its live part, rendered here and sent every two seconds while somebody looks at it."""

import asyncio
import logging
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.core.exceptions import PermissionDenied
from django.db import Error

from exchange_os.operations.access import staff_request
from exchange_os.operations.views.dashboard import live_part

log = logging.getLogger(__name__)

PUSH_SECONDS = 2.0
UNAUTHENTICATED = 4401


class DashboardConsumer(AsyncWebsocketConsumer):
    """One page of one member of staff. Who it is, and whether they may still look, is asked again each time."""

    pushing: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Accept, so that a refusal can be told by its code, and begin."""
        await self.accept()
        asked = parse_qs(self.scope["query_string"].decode("latin-1"))
        self.pushing = asyncio.create_task(self._push(asked.get("q", [""])[0]))

    async def disconnect(self, code: int) -> None:
        """Stop."""
        if self.pushing is not None:
            self.pushing.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """The page only listens; a word from it is answered, so that it knows the line is alive."""
        if text_data == "ping":
            await self.send(text_data="pong")

    async def _push(self, sought: str) -> None:
        while True:
            try:
                await self.send(text_data=await self._render(sought))
            except PermissionDenied:
                await self.close(UNAUTHENTICATED)
                return
            except Error:
                log.warning("the dashboard could not be read", exc_info=True)
            await asyncio.sleep(PUSH_SECONDS)

    @database_sync_to_async
    def _render(self, sought: str) -> str:
        return live_part(staff_request(self.scope["session"].session_key, self.scope["cookies"]), sought)
