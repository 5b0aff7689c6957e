"""Who may see the pages of operations: staff who proved a second factor in this session."""

from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.cache import never_cache

from exchange_os.ui.access import (
    View,
    has_second_factor,
    is_idle,
    proved_second_factor,
    requires_second_factor,
    session_request,
    signed_in,
)


def for_staff(view: View) -> View:
    """Others are refused; staff without a second factor are led to add or to prove one."""
    proved = requires_second_factor(view)

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not getattr(request.user, "is_staff", False):
            raise PermissionDenied
        return proved(request, *args, **kwargs)

    return never_cache(signed_in(guarded))


def staff_request(session_key: str | None, cookies: dict[str, str]) -> HttpRequest:
    """A request as the pages get it, for a socket that opened with this session and these cookies.

    Raises ``PermissionDenied`` if it is not that of staff who proved a second factor and did something lately.
    """
    request = session_request(session_key)
    request.META["CSRF_COOKIE"] = cookies.get(settings.CSRF_COOKIE_NAME, "")
    looks = getattr(request.user, "is_staff", False) and not is_idle(request)
    if not (looks and has_second_factor(request.user) and proved_second_factor(request)):
        raise PermissionDenied
    return request
