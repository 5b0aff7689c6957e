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

from trading.okx.shapes import SHAPES

KINDS = {"": str, "integer": int, "boolean": bool, "array": list, "object": dict}
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


def check_rows(method: str, path: str, answer: httpx.Response) -> None:
    """The rows of an answer have the members that the document tells, no fewer and no more, and of their types."""
    told = SHAPES.get(f"{method} {path.partition('?')[0].removeprefix('/api/v5')}")
    if told is None or answer.status_code != httpx.codes.OK:
        return
    said = answer.json()
    if said["code"] not in ("0", "1", "2"):
        return
    members = dict(name.partition(":")[::2] for name in told.split())
    for row in said["data"]:
        if told == "[]":
            assert all(isinstance(each, str) for each in row), (path, row)
            continue
        assert row.keys() == members.keys(), (path, row.keys() ^ members.keys())
        for name, kind in members.items():
            assert isinstance(row[name], KINDS[kind]), (path, name, row[name])


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
        answer = self.http.request(method, self.address.rest + path, content=body, headers=headers)
        check_rows(method, path, answer)
        return answer

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
    answer = httpx.get(f"{address.rest}/api/v5{path}", timeout=30)
    check_rows("GET", path, answer)
    return answer.json()
