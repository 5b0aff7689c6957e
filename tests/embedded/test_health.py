"""``/healthz`` and ``/readyz`` say what is there and what is missing, by name."""

import pytest
from django.test import Client
from redis import Redis

from exchange_os.engine.wire import BEAT_KEY, worker_key


def test_healthz_answers_as_long_as_the_process_does(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_readyz_names_what_is_missing(client: Client, redis_client: Redis) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "parts": {
            "database": "ok",
            "broker": "ok",
            "engine worker": "no worker has reported in the last seconds",
            "beat": "has not reported in the last seconds",
        },
    }


@pytest.mark.django_db
def test_readyz_is_200_when_all_parts_have_reported(client: Client, redis_client: Redis) -> None:
    redis_client.set(worker_key("engine-1/00"), "I", px=10_000)
    redis_client.set(BEAT_KEY, "1", px=10_000)
    response = client.get("/readyz")
    assert response.status_code == 200
    assert set(response.json()["parts"].values()) == {"ok"}


@pytest.mark.parametrize(("sent", "kept"), [("abcd-1234", True), ("short", False), ("bad id\r\n", False)])
def test_a_request_keeps_a_plausible_id_and_else_gets_one(client: Client, sent: str, kept: bool) -> None:
    answered = client.get("/healthz", headers={"X-Request-Id": sent})["X-Request-Id"]
    assert (answered == sent) is kept
    assert len(answered) >= 8
