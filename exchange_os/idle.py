"""Sessions of members of the committee and of staff end after a while without anything done; what was sent is kept.

Done is: a page opened or a form sent. What a page asks for by itself counts as nothing, so one left open keeps nobody
signed in. A form that came too late waits in the browser's new session, without secrets and files, and is shown to the
same user after the sign-in, who sends it or throws it away.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from exchange_os.ui.access import SEEN, is_idle, signed_in
from exchange_os.ui.requests import SignedInRequest
from governance.selectors.committee import serving_members

log = structlog.get_logger(__name__)

KEPT = "kept_form"
#: The time of the last act is written down at most so often, in seconds.
NOTED_SECONDS = 60
KEPT_SECONDS = 3_600
MEMBERS_SECONDS = 15
MOST_BYTES = 65_536
SECRETS = ("password", "secret", "code", "token", "credential", "key", "signature", "proof")


class IdleSessions:
    """Middleware, after everything that looks at sessions and forms: ends a session that was idle for too long."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Called once the form's token was found good: note the act, or end the session and answer so."""
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or not _is_watched(request.user):
            return None
        now, seen = int(time.time()), request.session.get(SEEN)
        if is_idle(request):
            return _end(request)
        if seen is None or (now - seen >= NOTED_SECONDS and _is_act(request)):
            request.session[SEEN] = now
        kept = request.session.get(KEPT)
        if kept and request.method == "POST" and request.path == kept["path"]:
            del request.session[KEPT]
        return None


def _is_watched(user: Any) -> bool:
    return bool(user.is_authenticated and (user.is_staff or user.pk in member_ids(_span())))


def _span() -> int:
    return int(time.monotonic() // MEMBERS_SECONDS)


@lru_cache(maxsize=2)
def member_ids(span: int) -> frozenset[int]:
    """Users who serve on the committee; asked for once in ``MEMBERS_SECONDS``, which ``span`` counts."""
    return frozenset(serving_members().values_list("user_id", flat=True))


def _is_act(request: HttpRequest) -> bool:
    """Whether a person did something, as opposed to a page that renews a part of itself."""
    if request.method not in ("GET", "HEAD"):
        return True
    if request.headers.get("HX-Request") == "true":
        return request.headers.get("HX-Boosted") == "true"
    return request.headers.get("Sec-Fetch-Dest", "document") == "document"


def _end(request: HttpRequest) -> HttpResponse | None:
    """Sign out. A part of a page goes on as a visitor's, a page says what happened, a form is kept."""
    user_id, is_act = request.user.pk, _is_act(request)
    kept = _kept(request, user_id) if request.method == "POST" else None
    logout(request)
    log.info("idle_session_ended", user=user_id)
    if not is_act:
        return None
    if kept:
        request.session[KEPT] = kept
    back = reverse("kept_form") if kept else request.get_full_path()
    ask = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': back})}"
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(status=401)
        response.headers["HX-Redirect"] = f"{reverse('signed_out')}?{urlencode({'next': back})}"
        return response
    return _page(request, ask, bool(kept))


def _page(request: HttpRequest, ask: str, is_kept: bool, status: int = 401) -> HttpResponse:
    context = {"ask": ask, "is_kept": is_kept, "minutes": settings.IDLE_SESSION_SECONDS // 60}
    return never_cache(lambda asked: render(asked, "idle/ended.html", context, status=status))(request)


def _kept(request: HttpRequest, user_id: int | None) -> dict[str, Any]:
    fields = [
        [name, value]
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken" and not any(word in name.lower() for word in SECRETS)
    ]
    if sum(len(str(value)) for _, value in fields) > MOST_BYTES:
        fields = []
    back = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or ""
    return {
        "user": user_id,
        "path": request.path,
        "fields": fields,
        "files": sorted(request.FILES),
        "back": back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else "/",
        "at": int(time.time()),
    }


@require_http_methods(["GET", "HEAD"])
def ended(request: HttpRequest) -> HttpResponse:
    """The page after a form that htmx sent too late."""
    back = request.GET.get("next", "/")
    safe = back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else "/"
    ask = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': safe})}"
    return _page(request, ask, KEPT in request.session, 200)


@signed_in
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def kept_form(request: SignedInRequest) -> HttpResponse:
    """What was sent too late, for the user who sent it and for an hour; POST throws it away."""
    kept = request.session.get(KEPT)
    if not kept or kept["user"] != request.user.pk or time.time() - kept["at"] > KEPT_SECONDS:
        request.session.pop(KEPT, None)
        raise Http404
    if request.method == "POST":
        del request.session[KEPT]
        return redirect(kept["back"])
    return render(request, "idle/kept.html", {"kept": kept})
