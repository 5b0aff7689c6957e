"""A plain client of the trading API for tests: signs like any other, hides nothing."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx

_ids = count()
_RUN = f"{time.time_ns() % 10**9:09d}"


def client_id() -> str:
    """A client order id nobody used before."""
    return f"t{_RUN}x{next(_ids)}"


@dataclass(frozen=True)
class VenueAddress:
    """Base address of the server and the venue's name in it."""

    base_url: str
    slug: str

    @property
    def rest(self) -> str:
        """What clients put before ``/api``."""
        return f"{self.base_url}/v/{self.slug}"

    @property
    def ws(self) -> str:
        """What clients put before ``/public``, ``/private`` and ``/business``."""
        return f"{self.rest.replace('http', 'ws', 1)}/ws/v5"


class Trader:
    """One key at the venue."""

    def __init__(self, address: VenueAddress, person: dict[str, Any]) -> None:
        self.address = address
        self.person = person
        self.account = person["account"]
        self.http = httpx.Client(timeout=30)

    def close(self) -> None:
        """Close connections."""
        self.http.close()

    def headers(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        credentials: dict[str, str] | None = None,
        skew: float = 0,
    ) -> dict[str, str]:
        """The headers that sign a request; ``skew`` seconds wrong if asked."""
        who = credentials or self.person
        moment = datetime.fromtimestamp(time.time() + skew, UTC)
        stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
        digest = hmac.digest(who["secret"].encode(), f"{stamp}{method}{path}".encode() + body, hashlib.sha256)
        return {
            "OK-ACCESS-KEY": who["key"],
            "OK-ACCESS-SIGN": base64.b64encode(digest).decode(),
            "OK-ACCESS-TIMESTAMP": stamp,
            "OK-ACCESS-PASSPHRASE": who["passphrase"],
            "Content-Type": "application/json",
        }

    def get(self, path: str, **options: Any) -> dict[str, Any]:
        """Signed GET of a path below ``/api/v5``."""
        return self.send("GET", f"/api/v5{path}", b"", **options).json()

    def post(self, path: str, body: Any, **options: Any) -> dict[str, Any]:
        """Signed POST of a JSON body to a path below ``/api/v5``."""
        return self.send("POST", f"/api/v5{path}", json.dumps(body).encode(), **options).json()

    def send(self, method: str, path: str, body: bytes, **options: Any) -> httpx.Response:
        """Any signed request."""
        headers = self.headers(method, path, body, **options)
        return self.http.request(method, self.address.rest + path, content=body, headers=headers)

    def place(self, side: str, size: str, price: str, /, **extra: Any) -> dict[str, Any]:
        """Place a limit order in BTC-USD and return its row."""
        order = {
            "instId": "BTC-USD", "tdMode": "cash", "side": side, "ordType": "limit", "sz": size, "px": price,
            "clOrdId": client_id(), **extra,
        }  # fmt: skip
        answer = self.post("/trade/order", order)
        assert answer["data"], answer
        return answer["data"][0]


def public(address: VenueAddress, path: str) -> dict[str, Any]:
    """Unsigned GET of a path below ``/api/v5``."""
    return httpx.get(f"{address.rest}/api/v5{path}", timeout=30).json()
