"""The web server process: uvicorn with the options that were measured (docs/decisions/0003).

``python -m exchange_os.server`` listens on ``HOST`` (127.0.0.1) and ``PORT`` (8000). Several processes may share the
port when ``WEB_PROCESSES`` is more than one: the system spreads connections over them.
"""

import asyncio
import gc
import os
import socket
from contextlib import suppress

import uvicorn
from django.conf import settings

from exchange_os.asgi import application
from exchange_os.operations.meters import start_reporting
from exchange_os.patience import PatientProtocol
from trading.okx.sockets import announce_the_end

_BACKLOG = 2048
_MAX_FRAME_BYTES = 64 * 1024
_FAREWELL_SECONDS = 1.0

#: Allocations before a collection of the young, and collections of one generation before one of the next. What a
#: frame or a request leaves behind goes by its reference count; a whole collection over a thousand sockets is a pause.
_COLLECTION = (50_000, 20, 100)


class Server(uvicorn.Server):
    """Tells the sockets that the process ends, before it closes them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in order."""
        with suppress(TimeoutError):
            await asyncio.wait_for(announce_the_end(), _FAREWELL_SECONDS)
        await super().shutdown(sockets)


def listening_socket(host: str, port: int, *, shared: bool) -> socket.socket:
    """A bound TCP socket; with ``shared``, other processes may bind the same port. Raises OSError if it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((host, port))
    return bound


def main() -> None:
    """Serve until SIGTERM or SIGINT; open requests get three seconds to finish."""
    bound = listening_socket(
        os.environ.get("HOST", "127.0.0.1"),
        int(os.environ.get("PORT", "8000")),
        shared=int(os.environ.get("WEB_PROCESSES", "1")) > 1,
    )
    start_reporting()
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http=PatientProtocol,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=_MAX_FRAME_BYTES,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        forwarded_allow_ips=settings.FORWARDED_ALLOW_IPS or "127.0.0.1",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=3,
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTION)
    Server(config).run(sockets=[bound])


if __name__ == "__main__":
    main()
