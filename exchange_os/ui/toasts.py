"""Toasts: how a page tells what came of an action, with or without htmx."""

import json
from collections.abc import Callable
from typing import Any, Literal

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse

Level = Literal["success", "info", "warning", "error"]
_LEVELS: dict[str, Level] = {"success": "success", "warning": "warning", "error": "error"}


def trigger(response: HttpResponse, event: str, detail: Any = None) -> HttpResponse:
    """Adds one event to the ``HX-Trigger`` header, keeping those that are there."""
    held = json.loads(response.headers.get("HX-Trigger", "{}"))
    held[event] = {} if detail is None else detail
    response.headers["HX-Trigger"] = json.dumps(held)
    return response


def toast(response: HttpResponse, level: Level, text: str, about: str = "") -> HttpResponse:
    """Shows ``text`` as a toast when htmx receives ``response``; several calls show several toasts.

    ``about`` names what it is about, so that it does not repeat what a live feed has told of the same already.
    """
    held = json.loads(response.headers.get("HX-Trigger", "{}"))
    items = held.get("toast", {}).get("items", [])
    item = {"level": level, "text": text} | ({"about": about} if about else {})
    return trigger(response, "toast", {"items": [*items, item]})


class MessagesToToasts:
    """Middleware: messages of Django's framework reach an htmx response as toasts instead of waiting for a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Passes the request on and moves its messages into ``HX-Trigger`` unless htmx will load another page."""
        response = self.get_response(request)
        leaves = response.has_header("HX-Redirect") or response.has_header("HX-Refresh")
        if request.headers.get("HX-Request") != "true" or leaves or 300 <= response.status_code < 400:
            return response
        for message in get_messages(request):
            toast(response, _LEVELS.get(message.level_tag or "", "info"), str(message))
        return response
