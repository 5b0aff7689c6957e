"""The simulated results as a JSON document, as a publisher of results would serve them."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from exchange_os.demo.worldcup.document import document


@require_safe
@cache_control(max_age=2, public=True)
def results(request: HttpRequest) -> JsonResponse:
    """Every match of the simulated tournament, with the scores of those that are over."""
    return JsonResponse(document(), json_dumps_params={"ensure_ascii": False})
