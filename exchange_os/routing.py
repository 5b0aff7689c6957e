"""Socket addresses. API sockets sign their own login; page sockets ride on the session cookie, so on its Origin."""

from collections.abc import Callable
from typing import Any

from channels.routing import URLRouter
from django.urls import URLPattern, re_path

from trading.pages.urls import socket_patterns
from trading.routing import api_sockets

__all__ = ["api_sockets", "page_sockets"]

_page_patterns: list[URLPattern] = [*socket_patterns]


def page_sockets(protect: Callable[[Any], Any]) -> list[URLPattern]:
    """The sockets of pages under ``/ws/``, wrapped once by ``protect`` (Origin check and session)."""
    return [re_path(r"^ws/", protect(URLRouter(_page_patterns)))]
