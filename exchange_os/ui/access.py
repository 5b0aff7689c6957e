"""Sign-in for pages: a visitor is led to the sign-in page, a fragment leads the whole page there; what could cost an
account asks for more than an open session."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, get_user
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

View = Callable[..., HttpResponseBase]


def signed_in(view: View) -> View:
    """Only for users who signed in; others sign in first and come back to the page they were on."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
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


SECOND_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def has_second_factor(user: Any) -> bool:
    """Whether ``user`` has an app or a passkey; recovery codes alone are none."""
    return bool(is_mfa_enabled(user, types=SECOND_FACTORS))


def proved_second_factor(request: HttpRequest) -> bool:
    """Whether a code or a passkey was given in this session."""
    return any(record["method"] == "mfa" for record in get_authentication_records(request, request.user))


def safe_next(request: HttpRequest) -> str:
    """The address within this site that ``?next=`` names, or an empty text."""
    url = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    safe = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if safe else ""


def requires_second_factor(view: View) -> View:
    """Only for users who proved a second factor in this session; without one they are led to enrol."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not has_second_factor(request.user):
            messages.warning(
                request, "This page needs a second factor. Add an authenticator app or a passkey first."
            )
            return redirect("mfa_index")
        if proved_second_factor(request):
            return view(request, *args, **kwargs)
        ways = {way["id"]: way["url"] for way in get_adapter().get_reauthentication_methods(request.user)}
        ask = ways.get("mfa_reauthenticate:webauthn") or ways["mfa_reauthenticate"]
        return redirect(f"{ask}?{urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})}")

    return guarded


#: Key in the session of the time, in seconds, of the last act of members and staff; see ``exchange_os.idle``.
SEEN = "seen_at"


def is_idle(request: HttpRequest) -> bool:
    """Whether nothing was done for so long that the session of a member or of staff is over."""
    seen = request.session.get(SEEN)
    return seen is not None and int(time.time()) - seen >= settings.IDLE_SESSION_SECONDS


def session_request(session_key: str | None) -> HttpRequest:
    """A request of whom the session signs in: nobody if it has ended, expired or is outdated by a new password."""
    request = HttpRequest()
    request.session = SessionStore(session_key)
    request.user = get_user(request)
    return request


def session_lives(session_key: str, user_id: int) -> bool:
    """Whether the session still signs this user in."""
    return session_request(session_key).user.pk == user_id
