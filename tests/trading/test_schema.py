"""The OpenAPI document against the exchange that serves it: what schemathesis makes of it is answered as it says."""

from http import HTTPStatus
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.trading.client import Trader
from trading.okx.openapi import document, operations

DOCUMENT = document("http://venue.example/v/arena", "arena")
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {each.ok().label: each.ok() for each in SCHEMA.get_all_operations()}
EXAMPLES = 3
#: What a stranger's program may set off: nothing that would hinder the tests beside it.
SPARED = {"POST /api/v5/trade/cancel-all-after"}


def test_every_operation_can_be_made_up() -> None:
    assert len(OPERATIONS) == sum(len(item) for item in operations().values())


@pytest.mark.parametrize("label", sorted(OPERATIONS.keys() - SPARED))
def test_what_is_made_up_is_answered_as_the_document_says(maker: Trader, label: str) -> None:
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


def _json(body: Any) -> bytes:
    return httpx.Request("POST", "http://x", json=body).content
