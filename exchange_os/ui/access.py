"""Sign-in for pages: a visitor is led to the sign-in page, a fragment leads the whole page there."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

View = Callable[..., HttpResponse]


def signed_in(view: View) -> View:
    """Only for users who signed in; others sign in first and come back to the page they were on."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.headers.get("HX-Request") != "true":
            return redirect_to_login(request.get_full_path(), resolve_url("account_login"))
        current = request.headers.get("HX-Current-URL", "")
        safe = url_has_allowed_host_and_scheme(current, {request.get_host()})
        back = urlsplit(current).path if safe else "/"
        response = HttpResponse(status=401)
        response.headers["HX-Redirect"] = f"{resolve_url('account_login')}?{urlencode({'next': back})}"
        return response

    return guarded
