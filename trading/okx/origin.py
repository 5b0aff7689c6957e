"""Whose cookie counts on a socket: only that of our own pages.

A foreign page can open a socket to us and the browser adds the visitor's cookies. Programs come without cookies and
with a key. So unless the Origin is the very host that was called, the cookies are taken away, which leaves such a
socket as anonymous as any other.
"""

import logging
from urllib.parse import urlsplit

from trading.okx.application import Receive, Scope, Send

log = logging.getLogger(__name__)


class OwnOriginCookies:
    """Drops the cookies of sockets that another site opened."""

    def __init__(self, inner: object) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the socket on, with its cookies or without."""
        headers = dict(scope["headers"])
        if b"cookie" in headers and not _same_host(headers):
            log.warning("socket cookies dropped: origin %r is not this host", headers.get(b"origin", b""))
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"cookie"]}
        await self.inner(scope, receive, send)  # type: ignore[operator]


def _same_host(headers: dict[bytes, bytes]) -> bool:
    origin = urlsplit(headers.get(b"origin", b"").decode("latin-1"))
    host = headers.get(b"host", b"").decode("latin-1").lower()
    return bool(host) and origin.scheme in ("http", "https") and origin.netloc.lower() == host
