"""The operator's site: Django's admin, reached by the exchange's own sign-in and a second factor only."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse

from exchange_os.ui.access import requires_second_factor, safe_next


class OperatorSite(AdminSite):
    """Every page of the site asks for a second factor, and its own sign-in form, which knows none, is closed."""

    site_header = "Exchange OS operator"
    site_title = "Exchange OS operator"

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """The view for staff who proved a second factor in this session."""
        return super().admin_view(requires_second_factor(view), cacheable)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign in where everybody does, and come back."""
        back = safe_next(request) or reverse("admin:index", current_app=self.name)
        if self.has_permission(request):
            return redirect(back)
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(back, resolve_url("account_login"))
