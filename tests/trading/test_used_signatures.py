"""Signatures act once: remembered as long as they would be taken, and no longer."""

import time

import pytest
from redis import Redis
from redis.exceptions import RedisError

from trading.used_signatures import CLOCKS_APART_MS, LOGINS_TOGETHER_MS, use_login, use_once


def in_a_minute() -> int:
    """Ms of the epoch."""
    return time.time_ns() // 1_000_000 + 60_000


async def test_a_signature_is_used_once_while_it_is_valid(redis_client: Redis) -> None:
    until = in_a_minute()
    assert await use_once([("first", until)])
    assert not await use_once([("first", until)])
    assert await use_once([("second", until), ("third", until)])
    assert not await use_once([("fourth", until), ("third", until)])
    assert not await use_once([("fifth", until), ("fifth", until)])
    assert 55_000 < redis_client.pttl("xos:signed:first") - CLOCKS_APART_MS <= 60_000


async def test_a_login_serves_the_sockets_that_one_program_opens_together(redis_client: Redis) -> None:
    until = in_a_minute()
    assert await use_login("login", until, "10.0.0.1")
    assert await use_login("login", until, "10.0.0.1")
    assert not await use_login("login", until, "10.0.0.2")
    assert 55_000 < redis_client.pttl("xos:login:login") - CLOCKS_APART_MS <= 60_000
    earlier = time.time_ns() // 1_000_000 - LOGINS_TOGETHER_MS - 1
    redis_client.set("xos:login:login", f"{earlier} 10.0.0.1")
    assert not await use_login("login", until, "10.0.0.1")


async def test_nothing_is_taken_that_cannot_be_remembered(settings: object) -> None:
    settings.REDIS_STREAM_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]
    with pytest.raises(RedisError):
        await use_once([("any", in_a_minute())])
    with pytest.raises(RedisError):
        await use_login("any", in_a_minute(), "10.0.0.1")
