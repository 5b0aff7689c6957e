"""Socket addresses. API sockets sign their own login; page sockets ride on the session cookie, so on its Origin."""

from collections.abc import Callable
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from django.urls import URLPattern, path, re_path

from exchange_os.operations.consumers import DashboardConsumer
from trading.pages.urls import socket_patterns
from trading.routing import api_sockets

__all__ = ["api_sockets", "nowhere", "page_sockets"]


class Nowhere(AsyncWebsocketConsumer):
    """An address that is nobody's: refused, not an error."""

    async def connect(self) -> None:
        """Turn the socket away before it opens."""
        await self.close()


nowhere = re_path(r"", Nowhere.as_asgi())  # the last pattern
_page_patterns: list[URLPattern] = [
    *socket_patterns,
    path("operator/dashboard/", DashboardConsumer.as_asgi()),
    nowhere,
]


def page_sockets(protect: Callable[[Any], Any]) -> list[URLPattern]:
    """The sockets of pages under ``/ws/``, wrapped once by ``protect`` (Origin check and session)."""
    return [re_path(r"^ws/", protect(URLRouter(_page_patterns)))]
