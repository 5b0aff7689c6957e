"""The OpenAPI document tells the routes there are, and whatever is sent to them is answered in the dialect."""

import json

import httpx
import pytest

from tests.trading.client import Trader, VenueAddress
from trading.okx.openapi import PREFIX, is_signed, operations
from trading.okx.reference import BODIES
from trading.okx.shapes import SHAPES

HOSTILE = ("", "-1", "NaN", "1e999999", "9" * 60, "0." + "1" * 40, "\u00e9\u0000", "[]", "' or 1=1 --")
HOSTILE_VALUES = (*HOSTILE, None, True, [], {}, -1, 0, 10**30, 1.5, [[[[1]]]])
STATUSES = {200, 400, 401, 404, 429}
OPERATIONS = [(path, method) for path, item in operations().items() for method in item]


def test_every_body_is_told_and_none_else() -> None:
    assert {path for path, method in OPERATIONS if method == "post"} == set(BODIES)


def test_every_answer_is_told_and_none_else() -> None:
    """That they are as told is checked of whatever the tests are answered, in ``client.check_rows``."""
    assert {f"{method.upper()} {path}" for path, method in OPERATIONS} == set(SHAPES)


def test_the_document_is_served(address: VenueAddress) -> None:
    document = httpx.get(f"{address.rest}/api/docs/openapi.json").json()
    assert (document["openapi"], document["servers"]) == ("3.1.0", [{"url": address.rest}])
    assert set(document["paths"]) == {PREFIX + path for path in operations()}
    balance = document["paths"]["/api/v5/account/balance"]["get"]
    assert [each["name"] for each in balance["parameters"]] == ["ccy"]
    assert list(balance["security"][0]) == list(document["components"]["securitySchemes"])
    unknown = httpx.get(f"{address.base_url}/v/no-such-venue/api/docs/openapi.json")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "404")


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_what_needs_a_key_says_so(address: VenueAddress, path: str, method: str) -> None:
    response = httpx.request(method, address.rest + PREFIX + path)
    answer = response.json()
    assert set(answer) == {"code", "msg", "data"}
    assert (answer["code"] == "50103") == is_signed(path), answer


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_hostile_values_are_refused_in_the_dialect(
    address: VenueAddress, maker: Trader, path: str, method: str
) -> None:
    operation = operations()[path][method]
    before = maker.get("/account/balance")["data"][0]["details"]
    for value in HOSTILE if method == "get" else HOSTILE_VALUES:
        if method == "get":
            names = [each["name"] for each in operation["parameters"]]
            query = str(httpx.QueryParams(dict.fromkeys(names, value)))
            response = maker.send("GET", f"{PREFIX}{path}?{query}", b"")
        else:
            names = [name.lstrip("*") for name in BODIES[path].split() if name != "[]"]
            item = dict.fromkeys(names, value) | ({"instId": "BTC-USD"} if "instId" in names else {})
            body = [item] if BODIES[path].startswith("[]") else item
            response = maker.send("POST", PREFIX + path, json.dumps(body).encode())
        assert response.status_code in STATUSES, (value, response.text[:300])
        answer = response.json()
        assert set(answer) - {"inTime", "outTime"} == {"code", "msg", "data"}
        assert isinstance(answer["data"], list)
    after = maker.get("/account/balance")["data"][0]["details"]
    amounts = [[(row["ccy"], row["eq"], row["frozenBal"]) for row in rows] for rows in (before, after)]
    assert amounts[0] == amounts[1]


def test_the_guide_is_filled_in(address: VenueAddress) -> None:
    page = httpx.get(f"{address.rest}/api/")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for text in (
        f"{address.rest}/api/v5",
        "BTC-USD",
        "BTC/USD",
        "nautilus_trader",
        "/api/v5/trade/order",
        "51008",
    ):
        assert text in page.text, text
    assert httpx.get(f"{address.base_url}/v/no-such-venue/api/").status_code == 404
