"""Support: somebody's account, to look at."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from exchange_os.errors import DomainError
from exchange_os.operations.access import for_staff
from exchange_os.operations.services.support import look_at
from exchange_os.ui.requests import SignedInRequest


@for_staff
@require_http_methods(["GET", "HEAD", "POST"])
def support(request: SignedInRequest) -> HttpResponse:
    """The form; POST shows the account, because a look is written down and an address would be kept by browsers."""
    context: dict[str, object] = {"tab": "support", "sent": request.POST}
    if request.method != "POST":
        return render(request, "operations/support.html", context)
    try:
        context["seen"] = look_at(request.user, _text(request, "user"), _text(request, "reason"))
    except DomainError as refused:
        return render(request, "operations/support.html", context | {"refused": refused}, status=422)
    return render(request, "operations/support.html", context)


def _text(request: SignedInRequest, name: str) -> str:
    return request.POST.get(name, "").replace("\0", "")
