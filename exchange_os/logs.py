"""Logs as JSON, one object a line, each with the id of the request it belongs to.

A request's id is taken from ``X-Request-Id`` if the caller sent a plausible one, else made here; it is answered in
the same header, so that a person's report leads to the lines.
"""

import logging.config
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import structlog
from django.http import HttpRequest
from structlog.contextvars import bound_contextvars, merge_contextvars

from exchange_os.both_worlds import Answered, Around

_PLAUSIBLE_ID = re.compile(r"^[A-Za-z0-9_-]{8,64}$")

_SHARED: list[Any] = [
    merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def _to_json(data: Any, **_: Any) -> str:
    return orjson.dumps(data, default=str).decode()


def configure(options: dict[str, Any]) -> None:
    """Send everything that is logged, by structlog or by ``logging``, to standard output as JSON.

    ``options`` has one key, ``level``. This is Django's ``LOGGING_CONFIG``.
    """
    render = structlog.processors.JSONRenderer(serializer=_to_json)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": _SHARED,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
                }
            },
            "handlers": {
                "out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}
            },
            "root": {"handlers": ["out"], "level": options["level"]},
            "loggers": {
                "django": {"level": "INFO", "handlers": [], "propagate": True},
                "django.request": {"level": "ERROR"},
                # A line for each periodic task would be most of the log.
                "celery": {"level": "WARNING"},
            },
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class RequestIdMiddleware(Around):
    """Gives each request an id, binds it to the log lines of the request and answers it."""

    @contextmanager
    def around(self, request: HttpRequest) -> Iterator[Answered]:
        """Log lines of the request carry its id."""
        request_id = _id_of(request)
        with bound_contextvars(request_id=request_id):
            yield lambda response: response.__setitem__("X-Request-Id", request_id)


def _id_of(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-Id", "")
    return given if _PLAUSIBLE_ID.match(given) else secrets.token_hex(8)
