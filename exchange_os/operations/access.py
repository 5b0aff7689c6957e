"""Who may see the pages of operations: staff who proved a second factor in this session."""

from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.cache import never_cache

from exchange_os.ui.access import View, requires_second_factor, signed_in


def for_staff(view: View) -> View:
    """Others are refused; staff without a second factor are led to add or to prove one."""
    proved = requires_second_factor(view)

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not getattr(request.user, "is_staff", False):
            raise PermissionDenied
        return proved(request, *args, **kwargs)

    return never_cache(signed_in(guarded))
