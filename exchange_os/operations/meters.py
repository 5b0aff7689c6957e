"""What a web process counts: requests by view and status with how long they took, and the sockets that are open.

The counters are of this process; a Prometheus server that scrapes several sees each. Once a second a thread tells Redis
how many sockets are open here, so that the dashboard can add up all processes.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from django.http import HttpRequest
from prometheus_client import CollectorRegistry, Gauge, Histogram
from redis.exceptions import RedisError

from exchange_os.both_worlds import Answered, Around
from exchange_os.engine.connections import make_redis
from exchange_os.operations.selectors.figures import WEB_PREFIX

log = logging.getLogger(__name__)

REPORT_SECONDS = 1.0
REPORT_TTL_MS = 5_000
REGISTRY = CollectorRegistry()
REQUESTS = Histogram(
    "exchange_http_request_seconds",
    "Time from a request to its answer, by view.",
    ["view", "method", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
    registry=REGISTRY,
)
SOCKETS = Gauge("exchange_sockets_open", "Sockets open in this process.", ["path"], registry=REGISTRY)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

Scope = dict[str, Any]


def count_request(request: HttpRequest, status: int, began: float) -> None:
    """Count an answered request; ``began`` is of ``time.perf_counter``. An address that is nobody's has no name."""
    match = request.resolver_match
    method = request.method if request.method in METHODS else "other"
    view = (match.view_name or "unnamed") if match is not None and status != 404 else "none"
    REQUESTS.labels(view, method, str(status)).observe(time.perf_counter() - began)


class RequestMeter(Around):
    """Middleware: counts every request that passes it."""

    @contextmanager
    def around(self, request: HttpRequest) -> Iterator[Answered]:
        """The time that a request takes is observed with its answer."""
        began = time.perf_counter()
        yield lambda response: count_request(request, response.status_code, began)


class SocketMeter:
    """ASGI: counts the sockets that are open behind it."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one socket."""
        counted = SOCKETS.labels("pages" if scope["path"].startswith("/ws/") else "api")
        counted.inc()
        try:
            await self._application(scope, receive, send)
        finally:
            counted.dec()


def sockets_open() -> int:
    """Sockets of every kind that are open in this process."""
    return int(sum(sample.value for metric in SOCKETS.collect() for sample in metric.samples))


def start_reporting() -> threading.Thread:
    """Start the thread that tells Redis of this process until it ends."""
    thread = threading.Thread(target=_report_forever, name="web-meter", daemon=True)
    thread.start()
    return thread


def _report_forever() -> None:
    key = f"{WEB_PREFIX}{socket.gethostname()}:{os.getpid()}"
    redis = make_redis(2.0)
    while True:
        try:
            redis.set(key, orjson.dumps({"sockets": sockets_open()}), px=REPORT_TTL_MS)
        except (RedisError, OSError) as error:
            log.debug("the broker is away: %s", error)
        time.sleep(REPORT_SECONDS)
