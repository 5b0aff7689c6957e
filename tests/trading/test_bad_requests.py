"""Requests that make no sense get the dialect's own codes; nothing crashes, and nothing answers in HTML."""

import httpx
import pytest

from tests.trading.client import Trader, VenueAddress

ORDER = "/api/v5/trade/order"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "50000"),
        (b"   ", 400, "50000"),
        (b"{", 400, "50002"),
        (b"NaN", 400, "50002"),
        (b'{"sz": NaN}', 400, "50002"),
        (b"[]", 400, "50002"),
        (b"[1,2]", 400, "50002"),
        (b'"text"', 400, "50002"),
        (b"\xff\xfe", 400, "50002"),
        (b'{"instId":"BTC-USD"' + b" " * 10_000_000 + b"}", 413, "50000"),
        (b"[" * 100_000, 400, "50002"),
        (b'{"sz":' + b"9" * 5_000 + b"}", 400, "50002"),
        (b"{}", 200, "1"),
    ],
)
def test_bodies_that_are_no_orders(maker: Trader, body: bytes, status: int, code: str) -> None:
    response = maker.send("POST", ORDER, body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text[:300]


def test_a_body_without_a_length_is_bounded_too(maker: Trader) -> None:
    def chunks() -> object:
        for _ in range(64):
            yield b"x" * 65_536

    response = httpx.post(maker.address.rest + ORDER, content=chunks(), timeout=30)
    assert response.json()["code"] == "50000"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/api/v5/market/ticker", 405, "50115"),
        ("DELETE", "/api/v5/trade/order", 405, "50115"),
        ("PUT", "/api/v5/account/balance", 405, "50115"),
        ("GET", "/api/v5/trade/batch-orders", 405, "50115"),
        ("GET", "/api/v5/nothing", 404, "404"),
        ("POST", "/api/v6/trade/order", 404, "404"),
        ("GET", "/api/v5/", 404, "404"),
        ("GET", "/api/docs/", 404, "404"),
    ],
)
def test_addresses_and_methods_that_are_not(
    address: VenueAddress, method: str, path: str, status: int, code: str
) -> None:
    response = httpx.request(method, address.rest + path)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_browsers_may_read_public_data(address: VenueAddress) -> None:
    response = httpx.options(
        f"{address.rest}/api/v5/market/books", headers={"Origin": "https://elsewhere.example"}
    )
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (204, "*")


def test_limits_are_told_and_kept(maker: Trader) -> None:
    responses = [maker.send("POST", "/api/v5/asset/transfer", b"{}") for _ in range(60)]
    slow = [response for response in responses if response.status_code == 429]
    assert slow, "nothing was refused"
    assert slow[0].json()["code"] == "50011"
    assert int(slow[0].headers["Retry-After"]) >= 1
    assert slow[0].headers["X-RateLimit-Remaining"] == "0"
    assert responses[0].json()["code"] == "51000"
    assert maker.get("/account/balance")["code"] == "0"
