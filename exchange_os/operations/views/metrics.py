"""``/metrics`` for a Prometheus server that knows the token."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError

from exchange_os.operations.services.metrics import exposition


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """404 without a token in the settings, 401 with a wrong one, 503 while the broker is away."""
    if not settings.METRICS_TOKEN:
        raise Http404("There are no metrics here.")
    if not constant_time_compare(
        request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"
    ):
        answer = HttpResponse("A bearer token is needed.\n", status=401, content_type="text/plain")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    try:
        body = exposition()
    except RedisError:
        return HttpResponse("The broker is away.\n", status=503, content_type="text/plain")
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)
