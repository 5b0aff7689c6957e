"""Pushing prices: ``POST /api/oracle/v1/push``, the body as told in ``adapters/push.py``, its Ed25519 signature in
base64 in the header ``X-Signature``."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from exchange_os.errors import DomainError
from exchange_os.oracles.services.pushing import accept_push

STATUS = {"push_signature": 401, "push_repeated": 409, "push_too_soon": 429}


@csrf_exempt
@require_POST
def push_price(request: HttpRequest) -> JsonResponse:
    """Take one signed price; answers whether the risk group has it."""
    try:
        done = accept_push(request.body, request.headers.get("X-Signature", ""))
    except DomainError as error:
        answer = {"code": error.code, "message": error.message, **error.details}
        return JsonResponse(answer, status=STATUS.get(error.code, 400))
    return JsonResponse({"delivered": done.delivered}, status=200 if done.delivered else 503)
