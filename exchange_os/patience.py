"""Connections that come slowly or never end: how long a client may take, how much it may send, how many it may hold.

uvicorn waits for ever for a head that does not end, and takes one of any length. A proxy in front bounds both as a
rule; these bounds are there for whoever has none, and for what passes it.
"""

import asyncio
from collections import Counter
from http import HTTPStatus
from typing import Any, ClassVar

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
MAX_SOCKETS_PER_ADDRESS = 100  # of pages, in one web process

Scope = dict[str, Any]


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 of uvicorn, with a time by which a head and a body must have come and a bound on the head.

    The clock runs from the connection, or the first byte of a later request, to the end of the head, and from there to
    the end of the body. A request that comes whole sets no timer.
    """

    head_seconds: ClassVar[float] = 10.0
    body_seconds: ClassVar[float] = 60.0

    _phase = "head"  # head, body or rest
    _timed = ""
    _timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The clock starts."""
        super().connection_made(transport)
        self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """And stops."""
        self._end_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request, unless its head has become too long."""
        if self._phase != "body":
            self._head_bytes += len(data)
        super().data_received(data)
        if self._phase == "head" and self._head_bytes > MAX_HEAD_BYTES:
            self._turn_away(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._phase != self._timed:
            self._set_timer()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._phase = "head"
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._phase, self._head_bytes = "body", 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is there."""
        self._phase = "rest"
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """From here on it is a socket, which has bounds of its own."""
        self._end_timer()
        self._phase = self._timed = "rest"
        super().handle_websocket_upgrade()

    def _set_timer(self) -> None:
        self._end_timer()
        self._timed = self._phase
        if self._phase != "rest":
            seconds = self.head_seconds if self._phase == "head" else self.body_seconds
            self._timer = self.loop.call_later(seconds, self._turn_away, HTTPStatus.REQUEST_TIMEOUT)

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn_away(self, status: HTTPStatus) -> None:
        """Say why, unless an answer is under way or nothing was asked, and close."""
        self._end_timer()
        if self.transport is None or self.transport.is_closing():
            return
        answering = (
            self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        )
        asked = self._phase == "body" or self._head_bytes > 0
        if asked and not answering:
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.write(head.encode())
        self.transport.close()


class SocketsByAddress:
    """ASGI: turns a socket away before it opens if its address holds too many in this process."""

    def __init__(self, inner: Any, most: int = MAX_SOCKETS_PER_ADDRESS) -> None:
        self._inner = inner
        self._most = most
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one socket."""
        address = str((scope.get("client") or ("unknown",))[0])
        if self._open[address] >= self._most * settings.API_RATE_FACTOR:
            await receive()  # what it asks: to be let in
            await send({"type": "websocket.close", "code": 1013})
            return
        self._open[address] += 1
        try:
            await self._inner(scope, receive, send)
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
