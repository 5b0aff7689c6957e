"""ASGI entry: HTTP to the trading API or to the pages, sockets to Channels, those of pages behind an Origin check."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exchange_os.settings")
django_application = get_asgi_application()

from exchange_os.operations.meters import SocketMeter, count_request  # noqa: E402  (needs the app registry)
from exchange_os.patience import SocketsByAddress  # noqa: E402
from exchange_os.routing import api_sockets, nowhere, page_sockets  # noqa: E402
from trading.okx.application import ApiApplication, ApiFirst  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": ApiFirst(ApiApplication(count_request), django_application),
        "websocket": SocketMeter(
            URLRouter(
                [
                    *api_sockets,
                    *page_sockets(
                        lambda router: SocketsByAddress(
                            AllowedHostsOriginValidator(AuthMiddlewareStack(router))
                        )
                    ),
                    nowhere,
                ]
            )
        ),
    }
)
