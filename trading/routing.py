"""Socket addresses of the trader's side."""

from channels.auth import AuthMiddlewareStack
from django.urls import URLPattern, path

from trading.okx.origin import OwnOriginCookies
from trading.okx.private_sockets import PrivateSocket
from trading.okx.sockets import OkxSocket

api_sockets: list[URLPattern] = [
    path("v/<slug:venue>/ws/v5/public", OkxSocket.as_asgi()),
    path("v/<slug:venue>/ws/v5/business", PrivateSocket.as_asgi()),
    path("v/<slug:venue>/ws/v5/private", OwnOriginCookies(AuthMiddlewareStack(PrivateSocket.as_asgi()))),  # type: ignore[arg-type]
]
