"""The public trading API as an ASGI application of its own.

It serves the same views as the address table, without the middleware that only pages need (sessions,
messages, content policy …): a signed order should cost little more than the exchange itself. What stands
around every request instead is here: a bound on the body, CORS for public data, rate-limit headers, and
refusals in the dialect even for a wrong method.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from trading.limits import Verdict
from trading.okx.envelope import refusal
from trading.okx.errors import DialectError

MAX_BODY_BYTES = 2 << 20
URLCONF = "trading.okx.urls"

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, OPTIONS"),
    ("Access-Control-Allow-Headers", "Content-Type, x-simulated-trading"),
    ("Access-Control-Max-Age", "600"),
)


class BodyTooLargeError(Exception):
    """The client sent more than ``MAX_BODY_BYTES``."""


def is_api_path(path: str) -> bool:
    """Whether a path is ``/v/<venue>/api/…``."""
    parts = path.split("/", 4)
    return len(parts) >= 4 and parts[1] == "v" and parts[3] == "api"


class ApiApplication(ASGIHandler):
    """Django's ASGI handler with one layer around the views instead of the page middleware."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Our one layer; ``settings.MIDDLEWARE`` is for pages."""
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = self._respond

    async def _respond(self, request: HttpRequest) -> HttpResponseBase:
        request.urlconf = URLCONF
        if request.method == "OPTIONS":
            response: HttpResponseBase = HttpResponse(status=204)
        else:
            try:
                response = await self._get_response_async(request)  # type: ignore[attr-defined]
            except Exception as error:
                response = refusal(error)
        if response.status_code == 405:
            response = refusal(
                DialectError("50115", f"Invalid request method: {request.method} is not served here.")
            )
        verdict = getattr(request, "verdict", None)
        if isinstance(verdict, Verdict):
            response["X-RateLimit-Limit"] = str(verdict.capacity)
            response["X-RateLimit-Remaining"] = str(verdict.remaining)
            response["X-RateLimit-Reset-Ms"] = str(verdict.retry_after_ms)
        if "OK-ACCESS-KEY" in request.headers:
            response["Cache-Control"] = "no-store"
        for name, value in _CORS:
            response[name] = value
        if isinstance(response, HttpResponse):
            response["Content-Length"] = str(len(response.content))
        return response

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request; one whose body is larger than we take is refused while it arrives."""
        if _declared_length(scope) > MAX_BODY_BYTES:
            await _send_refusal(send)
            return
        received = 0

        async def bounded_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise BodyTooLargeError
            return message

        try:
            await super().__call__(scope, bounded_receive, send)
        except BodyTooLargeError:
            await _send_refusal(send)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and len(value) < 19:
            return int(value)
    return 0


async def _send_refusal(send: Send) -> None:
    response = refusal(DialectError("50000", f"The body is larger than {MAX_BODY_BYTES} bytes.", status=413))
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


class ApiFirst:
    """Sends requests of the trading API to ``api`` and all others to ``pages``."""

    def __init__(self, api: Any, pages: Any) -> None:
        self.api = api
        self.pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one request by its path."""
        target = self.api if scope["type"] == "http" and is_api_path(scope["path"]) else self.pages
        await target(scope, receive, send)
