"""A small signed client of the public trading API, as any outsider would write one.

Blocking, one keep-alive connection, standard library only. The order flow of the demo, the replay and the chaos
runs all go through it, so none of them can do what a customer could not.
"""

import base64
import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

BULK_PATH = "/api/exos/v1/bulk"
JOINT_PATH = "/api/exos/v1/joint"
OUTCOME_UNKNOWN_CODES = frozenset({"50004", "50026"})
OUTCOME_UNKNOWN_STATUSES = frozenset({500, 502, 504})
MAX_BULK_ITEMS = 5_000
#: Servers close what is idle for five seconds.
IDLE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key with its secret and passphrase, as ``create_api_key`` prints them."""

    key: str
    secret: str
    passphrase: str


@dataclass(frozen=True, slots=True)
class ItemAck:
    """The answer to one bulk item; ``code`` is "0" when it was accepted, else the dialect's error code."""

    client_id: str
    order_id: str
    code: str
    message: str


class Unanswered(Exception):
    """No answer came: what was sent may or may not have happened; ask by client order id."""


class Refused(Exception):
    """The server refused the whole request and says that nothing of it happened."""

    def __init__(self, status: int, code: str, message: str, retry_after_seconds: float) -> None:
        super().__init__(f"{code}: {message}" if message else f"status {status}")
        self.status = status
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class VenueClient:
    """Requests to one venue with one key. Not to be shared between threads."""

    def __init__(
        self, base_url: str, slug: str, credentials: Credentials | None, timeout_seconds: float = 10.0
    ) -> None:
        parts = urlsplit(base_url)
        assert parts.hostname, f"{base_url} has no host"
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._secure = parts.scheme == "https"
        self._prefix = f"{parts.path.rstrip('/')}/v/{slug}"
        self._credentials = credentials
        self._timeout_seconds = timeout_seconds
        self._connection: http.client.HTTPConnection | None = None
        self._used = 0.0

    def bulk(self, items: Sequence[dict[str, str]]) -> list[ItemAck]:
        """Send up to 5,000 items as one body; one answer per item, in order.

        Raises :class:`Refused` if the body was refused as a whole, :class:`Unanswered` if no answer came.
        """
        return _item_acks(self.request("POST", BULK_PATH, {"items": list(items)}), len(items))

    def joint(self, parts: Sequence[tuple[Credentials, Sequence[dict[str, str]]]]) -> list[ItemAck]:
        """Send the bodies of several accounts as one request, applied in order; one answer per item, in order.

        Raises as :meth:`bulk`.
        """
        signed = []
        for credentials, items in parts:
            body = json.dumps({"items": list(items)}, separators=(",", ":"))
            head = _signature(credentials, "POST", BULK_PATH, body.encode())
            signed.append(
                {
                    "key": head["OK-ACCESS-KEY"],
                    "passphrase": head["OK-ACCESS-PASSPHRASE"],
                    "timestamp": head["OK-ACCESS-TIMESTAMP"],
                    "sign": head["OK-ACCESS-SIGN"],
                    "body": body,
                }
            )
        answer = self.request("POST", JOINT_PATH, {"parts": signed})
        answers = answer.get("data", [])
        if len(answers) != len(parts):
            raise Refused(200, str(answer.get("code", "")), str(answer.get("msg", "")), 1.0)
        return [
            ack
            for part, (_, items) in zip(answers, parts, strict=True)
            for ack in _item_acks(part, len(items))
        ]

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request, signed if there are credentials; ``path`` starts at ``/api/`` and carries its query.

        Raises as :meth:`bulk`; a body with an error code of its own is returned for the caller to read.
        """
        payload = json.dumps(body, separators=(",", ":")).encode() if body is not None else b""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._credentials is not None:
            headers.update(_signature(self._credentials, method, path, payload))
        status, retry_after, text = self._exchange(method, self._prefix + path, payload, headers)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if status == 200 and isinstance(answer, dict):
            return answer
        known = answer if isinstance(answer, dict) else {}
        code, message = str(known.get("code", status)), str(known.get("msg", ""))
        if code in OUTCOME_UNKNOWN_CODES or status in OUTCOME_UNKNOWN_STATUSES:
            raise Unanswered(f"{code}: {message}")
        raise Refused(status, code, message, retry_after)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(
        self, method: str, path: str, payload: bytes, headers: dict[str, str]
    ) -> tuple[int, float, bytes]:
        """Status, seconds to wait before a retry, body. A stale kept-alive connection is the caller's Unanswered; one
        that was idle for so long that the server may be closing it is not used again."""
        if time.monotonic() - self._used > IDLE_SECONDS:
            self.close()
        self._used = time.monotonic()
        fresh = self._connection is None
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._connection = kind(self._host, self._port, timeout=self._timeout_seconds)
        try:
            if fresh:
                self._connection.connect()
        except OSError as error:
            self.close()
            raise Refused(0, "unreachable", f"the web server does not answer ({error})", 0.2) from error
        try:
            self._connection.request(method, path, payload, headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unanswered(str(error) or type(error).__name__) from error
        retry_after = response.getheader("Retry-After") or ""
        if response.will_close:
            self.close()
        return response.status, float(retry_after) if retry_after.isdigit() else 0.5, text


def _signature(credentials: Credentials, method: str, path: str, payload: bytes) -> dict[str, str]:
    """The headers that sign a request."""
    moment = datetime.now(UTC)
    timestamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    prehash = f"{timestamp}{method}{path}".encode() + payload
    digest = hmac.digest(credentials.secret.encode(), prehash, hashlib.sha256)
    return {
        "OK-ACCESS-KEY": credentials.key,
        "OK-ACCESS-SIGN": base64.b64encode(digest).decode(),
        "OK-ACCESS-TIMESTAMP": timestamp,
        "OK-ACCESS-PASSPHRASE": credentials.passphrase,
    }


def _item_acks(answer: dict[str, Any], count: int) -> list[ItemAck]:
    """The rows of a bulk answer; raises as :meth:`VenueClient.bulk` if it is none."""
    rows = answer.get("data", [])
    if len(rows) != count:
        code, message = str(answer.get("code", "")), str(answer.get("msg", ""))
        if code in OUTCOME_UNKNOWN_CODES:
            raise Unanswered(f"{code}: {message}")
        raise Refused(200, code, message, 1.0)
    return [
        ItemAck(
            str(row.get("clOrdId", "")),
            str(row.get("ordId", "")),
            str(row["sCode"]),
            str(row.get("sMsg", "")),
        )
        for row in rows
    ]


def wait_until_ready(base_url: str, timeout_seconds: float = 60.0) -> bool:
    """Whether ``/readyz`` of the stack answers 200 within the time, asked five times a second."""
    parts = urlsplit(base_url)
    assert parts.hostname, f"{base_url} has no host"
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=2)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return True
        except (OSError, http.client.HTTPException):
            pass  # not up yet: that is what this waits for
        finally:
            connection.close()
        time.sleep(0.2)
    return False
