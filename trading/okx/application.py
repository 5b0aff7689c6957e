"""The public trading API as an ASGI application of its own.

It serves the same views as the address table, without what only pages need: middleware, sessions, a thread
and a database connection per request. A signed order should cost little more than the exchange itself. What
stands around every request instead is here: a bound on the body, CORS for public data, rate-limit headers,
compression of long answers, and refusals in the dialect even for a wrong method. Views must be asynchronous
and reach the database by ``trading.threads`` alone.
"""

import gzip
import time
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from trading.limits import Verdict
from trading.okx.envelope import refusal
from trading.okx.errors import DialectError

MAX_BODY_BYTES = 2 << 20
URLCONF = "trading.okx.urls"
COMPRESSED_FROM_BYTES = 1_024

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Count = Callable[[HttpRequest, int, float], None]

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, x-simulated-trading",
    "Access-Control-Max-Age": "600",
}


class DisconnectedError(Exception):
    """The client left before its request was whole."""


def is_api_path(path: str) -> bool:
    """Whether a path is ``/v/<venue>/api/…``; the bare ``api/`` is a page."""
    parts = path.split("/", 4)
    return len(parts) >= 4 and parts[1] == "v" and parts[3] == "api" and parts[4:] != [""]


class ApiApplication(BaseHandler):
    """Django's request handling with one layer around the views instead of the page middleware."""

    def __init__(self, count: Count | None = None) -> None:
        """``count`` is told of every request that was answered: request, status, when it began."""
        super().__init__()
        self._count = count
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            body = await _body_of(scope, receive)
        except DisconnectedError:
            return
        except DialectError as error:
            response: HttpResponseBase = refusal(error)
            response["Connection"] = "close"
        else:
            request, began = ASGIRequest(scope, BytesIO(body)), time.perf_counter()
            response = await self._respond(request)
            if self._count is not None:
                self._count(request, response.status_code, began)
            if request.method == "GET":
                _compress(request, response)
        await _send_response(response, send)

    async def _respond(self, request: ASGIRequest) -> HttpResponseBase:
        request.urlconf = URLCONF
        if request.method == "OPTIONS":
            response: HttpResponseBase = HttpResponse(status=204)
        else:
            try:
                response = await self._get_response_async(request)  # type: ignore[attr-defined]
            except Exception as error:
                response = refusal(error)
        if response.status_code == 405:
            sentence = f"Invalid request method: {request.method} is not served here."
            response = refusal(DialectError("50115", sentence))
        verdict = getattr(request, "verdict", None)
        if isinstance(verdict, Verdict):
            response["X-RateLimit-Limit"] = str(verdict.capacity)
            response["X-RateLimit-Remaining"] = str(verdict.remaining)
            response["X-RateLimit-Reset-Ms"] = str(verdict.retry_after_ms)
        if "HTTP_OK_ACCESS_KEY" in request.META:
            response["Cache-Control"] = "no-store"
        return response


async def _body_of(scope: Scope, receive: Receive) -> bytes:
    """The whole body, refused with 413 as soon as it is larger than we take."""
    too_large = DialectError("50000", f"The body is larger than {MAX_BODY_BYTES} bytes.", status=413)
    for name, value in scope["headers"]:
        if name == b"content-length" and (
            len(value) > 18 or (value.isdigit() and int(value) > MAX_BODY_BYTES)
        ):
            raise too_large
    parts: list[bytes] = []
    received = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        part = message.get("body", b"")
        received += len(part)
        if received > MAX_BODY_BYTES:
            raise too_large
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _compress(request: ASGIRequest, response: HttpResponseBase) -> None:
    """A long answer, for a client that reads gzip. No secret can be guessed from its length, because nothing that a
    browser adds by itself signs a request here."""
    if not isinstance(response, HttpResponse) or len(response.content) < COMPRESSED_FROM_BYTES:
        return
    response["Vary"] = "Accept-Encoding"
    if "gzip" in request.headers.get("Accept-Encoding", "") and not response.has_header("Content-Encoding"):
        response.content = gzip.compress(response.content, compresslevel=1, mtime=0)
        response["Content-Encoding"] = "gzip"


async def _send_response(response: HttpResponseBase, send: Send) -> None:
    assert isinstance(response, HttpResponse), "views of the API answer at once, never in a stream"
    content = response.content
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in _CORS.items()]
    headers += [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    headers.append((b"Content-Length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": content})


class ApiFirst:
    """Sends requests of the trading API to ``api`` and all others to ``pages``."""

    def __init__(self, api: Any, pages: Any) -> None:
        self.api = api
        self.pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one request by its path."""
        target = self.api if scope["type"] == "http" and is_api_path(scope["path"]) else self.pages
        await target(scope, receive, send)
