"""The OpenAPI document against the exchange that serves it: what schemathesis makes of it is answered as it says."""

from http import HTTPStatus
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.trading.client import Trader
from trading.okx.openapi import PREFIX, document, operations

DOCUMENT = document("http://venue.example/v/arena", "arena")
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {each.ok().label: each.ok() for each in SCHEMA.get_all_operations()}
EXAMPLES = 3
KNOWN = {"instType": "SPOT", "instId": "BTC-USD", "tdMode": "cash", "mgnMode": "cross"}
#: What a stranger's program may set off: nothing that would hinder the tests beside it.
SPARED = {"POST /api/v5/trade/cancel-all-after"}


def test_every_operation_can_be_made_up() -> None:
    assert len(OPERATIONS) == sum(len(item) for item in operations().values())


@pytest.mark.parametrize("label", sorted(OPERATIONS.keys() - SPARED))
def test_what_is_made_up_and_what_is_known_is_answered_as_the_document_says(
    maker: Trader, label: str
) -> None:
    operation = OPERATIONS[label]

    @seed(4_711)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operation.as_strategy())
    def answered(case: Any) -> None:
        query = str(httpx.QueryParams(case.query or {}))
        path = operation.path + (f"?{query}" if query else "")
        body = b"" if operation.method == "get" else _json(case.body)
        response = maker.send(operation.method.upper(), path, body)
        assert response.status_code != HTTPStatus.INTERNAL_SERVER_ERROR, response.text[:300]
        operation.validate_response(response)

    answered()
    if operation.method == "get":
        maker.place("buy", "0.001", "40000")  # so that there is something to tell
        names = {
            each["name"] for each in operations()[operation.path.removeprefix(PREFIX)]["get"]["parameters"]
        }
        known = str(httpx.QueryParams({name: value for name, value in KNOWN.items() if name in names}))
        response = maker.send("GET", operation.path + (f"?{known}" if known else ""), b"")
        assert response.status_code == HTTPStatus.OK or response.json()["code"] == "50014", response.text[
            :300
        ]
        operation.validate_response(response)


def _json(body: Any) -> bytes:
    return httpx.Request("POST", "http://x", json=body).content
