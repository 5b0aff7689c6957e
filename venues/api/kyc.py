"""Programs of others: ``POST /api/kyc/v1/<issuer>/events``, told in ``services/kyc_events.py``."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from exchange_os.errors import DomainError
from venues.services.kyc_events import MAX_BODY, accept_event

STATUS = {
    "event_signature": 401,
    "event_time": 401,
    "event_too_large": 413,
    "case_unknown": 404,
    "case_state": 409,
}


@csrf_exempt
@require_POST
def kyc_event(request: HttpRequest, issuer: str) -> JsonResponse:
    """Take one event of a provider; answers what it did, ``repeated`` for one that was taken before."""
    try:
        if int(request.headers.get("Content-Length") or 0) > MAX_BODY:
            raise DomainError("event_too_large", f"An event has at most {MAX_BODY} bytes.")
        headers = request.headers
        done = accept_event(
            issuer, request.body, headers.get("X-Timestamp", ""), headers.get("X-Signature", "")
        )
    except DomainError as error:
        answer = {"code": error.code, "message": error.message}
        return JsonResponse(answer, status=STATUS.get(error.code, 400))
    return JsonResponse({"result": done})
