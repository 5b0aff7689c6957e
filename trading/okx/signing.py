"""Signatures of requests and socket logins, over the bytes that arrived and never over a re-serialised
form."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import unquote

from trading.okx.errors import DialectError

WINDOW_MS = 30_000
SOCKET_PREHASH = "GET/users/self/verify"


def sign(secret: bytes, message: bytes) -> str:
    """Base64 of HMAC-SHA256."""
    return base64.b64encode(hmac.digest(secret, message, hashlib.sha256)).decode()


def equal_bytes(left: bytes, right: bytes) -> bool:
    """Whether two digests are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(left, right)


def _equal(left: str, right: str) -> bool:
    return equal_bytes(left.encode("utf-8", "replace"), right.encode("utf-8", "replace"))


def request_time_ms(timestamp: str) -> int:
    """Milliseconds of an ISO-8601 UTC timestamp with milliseconds; 50112 if it is not one."""
    try:
        moment = datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise DialectError(
            "50112", "OK-ACCESS-TIMESTAMP must be ISO-8601 UTC, such as 2026-01-31T12:00:00.000Z."
        ) from None
    return round(moment.timestamp() * 1000)


def check_window(timestamp_ms: int, now_ms: int) -> None:
    """50102 unless the request was made within 30 seconds of the server's clock."""
    if abs(now_ms - timestamp_ms) > WINDOW_MS:
        raise DialectError(
            "50102", "Timestamp request expired: set your clock; the server accepts 30 seconds either way."
        )


def verify_request(
    secret: bytes, given: str, timestamp: str, method: str, path: str, query: bytes, body: bytes
) -> None:
    """50113 unless ``given`` signs this request.

    ``path`` starts at ``/api/``: clients do not sign the prefix of a venue. Some clients sign the query
    before it is escaped, so the unescaped text is tried second.
    """
    head = (timestamp + method.upper() + path).encode()
    escaped = head + b"?" + query + body if query else head + body
    if _equal(sign(secret, escaped), given):
        return
    if query and b"%" in query:
        unescaped = head + b"?" + unquote(query.decode("ascii", "replace")).encode() + body
        if _equal(sign(secret, unescaped), given):
            return
    raise DialectError("50113", "Invalid signature: sign timestamp + method + path from /api on + body.")


def valid_until(timestamp_ms: int) -> int:
    """Until when, in ms of the epoch, a signature of this timestamp passes ``check_window``."""
    return timestamp_ms + WINDOW_MS


def used_before() -> DialectError:
    """50102: the signature of this request was used."""
    return DialectError(
        "50102",
        "This signed request was received before, and acts once. Look at what became of it; to send it again, sign"
        " it with a new timestamp.",
    )


def verify_login(secret: bytes, given: str, timestamp: str) -> bool:
    """Whether ``given`` signs a socket login at ``timestamp`` (unix seconds, as sent)."""
    return _equal(sign(secret, (timestamp + SOCKET_PREHASH).encode()), given)
