"""Redis clients of the engine.

Every client is made with no retries: a repeated append would be a second command. Errors are for the caller, who
knows whether a repeat is harmless. Timeouts are in seconds.
"""

import socket
from typing import Any

from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

_KEEPALIVE = {
    getattr(socket, name): value
    for name, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
}


def _options(socket_timeout: float) -> dict[str, Any]:
    return {
        "socket_timeout": socket_timeout,
        "socket_connect_timeout": 2.0,
        "socket_keepalive": True,
        "socket_keepalive_options": _KEEPALIVE,
        "decode_responses": False,
        # With the third protocol the client renders every published message as text for a log line nobody reads.
        "protocol": 2,
    }


def make_redis(socket_timeout: float = 5.0) -> Redis:
    """A blocking client of the stream database; each reply must come within ``socket_timeout`` seconds."""
    return Redis.from_url(settings.REDIS_STREAM_URL, retry=Retry(NoBackoff(), 0), **_options(socket_timeout))


def make_broker_redis() -> Redis:
    """A blocking client of Celery's database, to look at the length of its queues."""
    return Redis.from_url(settings.REDIS_BROKER_URL, retry=Retry(NoBackoff(), 0), **_options(2.0))


def make_async_redis(socket_timeout: float | None = 5.0) -> AsyncRedis:
    """An asyncio client of the stream database, to be used in one event loop only."""
    options = _options(5.0) | {"socket_timeout": socket_timeout}
    return AsyncRedis.from_url(settings.REDIS_STREAM_URL, retry=AsyncRetry(NoBackoff(), 0), **options)
