"""Prices the deployer pushes: signed, in time, each once."""

import base64
from collections.abc import Iterator

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from exchange_os.engine import client
from exchange_os.engine.clock import wall_ms
from exchange_os.engine.services import create_group
from exchange_os.oracles.models import PriceSource
from exchange_os.oracles.selectors import market_prices
from exchange_os.oracles.services.sources import add_source
from tests.engine.cast import MARKET, open_market
from tests.engine.conftest import LocalWorker, local_worker

__all__ = ["LocalWorker", "local_worker"]

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def source(redis_client: object, local_worker: LocalWorker) -> Iterator[PriceSource]:
    """A source of the spot market's index that is pushed."""
    group = create_group().pk
    open_market(group)
    key = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
    yield add_source(
        group, MARKET, name="Ours", kind="push", tick_size="0.1", config={"public_key": key}, poll_ms=1_000
    )
    client.close()


def push(body: bytes, signature: bytes | None = None) -> tuple[int, dict]:
    """POST a body with its signature; (status, answer)."""
    signed = base64.b64encode(KEY.sign(body) if signature is None else signature).decode()
    answer = Client().post(
        "/api/oracle/v1/push", body, content_type="application/json", headers={"X-Signature": signed}
    )
    return answer.status_code, answer.json()


def body_of(of: PriceSource, **changed: object) -> bytes:
    """A push of this source."""
    told = {"source": of.pk, "price": "100.04", "published_ms": wall_ms(), "nonce": 7} | changed
    return orjson.dumps(told)


def test_a_signed_price_reaches_the_kernel(source: PriceSource) -> None:
    assert push(body_of(source)) == (200, {"delivered": True})
    [shown] = market_prices(source.group_id)
    assert (shown["index_ticks"], shown["grade"]) == (1_000, "thin")
    source.refresh_from_db()
    assert (source.push_nonce, source.last_price) == (7, "100.04")


def test_pushes_that_are_refused_change_nothing(source: PriceSource) -> None:
    good = body_of(source)
    now = wall_ms()
    for status, code, body, signature in [
        (401, "push_signature", good, b"\0" * 64),
        (401, "push_signature", good.replace(b"100.04", b"900.04"), KEY.sign(good)),
        (401, "push_signature", body_of(source, source=source.pk + 1), None),
        (400, "push_malformed", b"{}", None),
        (400, "push_malformed", b"x" * 3_000, None),
        (400, "push_malformed", body_of(source, price="NaN"), None),
        (400, "push_malformed", body_of(source, nonce=0), None),
        (400, "push_malformed", body_of(source, nonce="7"), None),
        (400, "push_time", body_of(source, published_ms=now - 60_000), None),
        (400, "push_time", body_of(source, published_ms=now + 60_000), None),
    ]:
        found, answer = push(body, signature)
        assert (found, answer["code"]) == (status, code)
    source.refresh_from_db()
    assert (source.push_nonce, source.last_price, source.observations.count()) == (0, "", 0)
    assert Client().get("/api/oracle/v1/push").status_code == 405


def test_a_push_counts_once(source: PriceSource) -> None:
    body = body_of(source)
    assert push(body)[0] == 200
    assert push(body)[1]["code"] == "push_repeated"
    assert push(body_of(source, nonce=6))[1]["code"] == "push_repeated"
    assert push(body_of(source, nonce=8))[1]["code"] == "push_too_soon"
    PriceSource.objects.update(next_poll_ms=0)
    assert push(body_of(source, nonce=8))[0] == 200
    assert source.observations.count() == 2
