"""Is it alive, is it ready: two addresses for whoever runs the exchange.

``/healthz`` says that this web process answers. ``/readyz`` says whether orders can be taken: database, broker, at
least one engine worker and beat, each by name; the status is 503 if one is missing.
"""

from collections.abc import Callable

import structlog
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from exchange_os.engine.connections import make_redis
from exchange_os.engine.wire import BEAT_KEY, worker_key

log = structlog.get_logger(__name__)
_TIMEOUT_SECONDS = 2.0


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 if all parts answer, else 503; the body names each part as ``ok`` or says what is wrong."""
    parts = {name: _state(check) for name, check in _CHECKS.items()}
    ready = all(state == "ok" for state in parts.values())
    status = 200 if ready else 503
    return JsonResponse({"status": "ok" if ready else "not ready", "parts": parts}, status=status)


def _state(check: Callable[[], str]) -> str:
    try:
        return check()
    except (DatabaseError, RedisError, OSError) as error:
        log.warning("not ready", part=check.__name__.strip("_"), error=str(error))
        return "does not answer"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _broker() -> str:
    with make_redis(_TIMEOUT_SECONDS) as client:
        client.ping()
    return "ok"


def _engine_worker() -> str:
    with make_redis(_TIMEOUT_SECONDS) as client:
        alive = next(client.scan_iter(match=worker_key("*"), count=1000), None)
    return "ok" if alive is not None else "no worker has reported in the last seconds"


def _beat() -> str:
    with make_redis(_TIMEOUT_SECONDS) as client:
        alive = client.exists(BEAT_KEY)
    return "ok" if alive else "has not reported in the last seconds"


_CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "broker": _broker,
    "engine worker": _engine_worker,
    "beat": _beat,
}
