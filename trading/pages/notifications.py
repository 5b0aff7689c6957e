"""What happened, newest first; the bell that counts it; the kinds a user wants."""

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.models import NotificationKind
from trading.selectors.notifications import notifications_page, unread_count, wanted_kinds
from trading.selectors.price_alerts import waiting_alerts
from trading.services.notifications import choose_kinds, mark_read


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


@signed_in
@require_safe
def notifications(request: SignedInRequest) -> HttpResponse:
    """The list; ``before`` is where a further page begins."""
    rows, following = notifications_page(request.user.pk, _number(request.GET.get("before", "")))
    wanted = wanted_kinds(request.user.pk)
    context = {
        "notifications": rows,
        "following": following,
        "unread": unread_count(request.user.pk),
        "alerts": waiting_alerts(request.user.pk),
        "kinds": [(value, label, value in wanted) for value, label in NotificationKind.choices],
    }
    return render(request, "trading/account/notifications.html", context)


@signed_in
@require_safe
def bell(request: SignedInRequest) -> HttpResponse:
    """The count of the bell, as JSON: for pages whose socket is away."""
    return JsonResponse({"unread": unread_count(request.user.pk)})


@signed_in
@require_POST
def read(request: SignedInRequest) -> HttpResponse:
    """Mark one as read, or all."""
    mark_read(request.user.pk, _number(request.POST.get("id", "")))
    return redirect("pages:notifications")


@signed_in
@require_POST
def choose(request: SignedInRequest) -> HttpResponse:
    """Keep the kinds that were ticked."""
    choose_kinds(request.user.pk, request.POST.getlist("kind"))
    return redirect("pages:notifications")
