"""Start-up checks: settings with which the exchange must not run.

``manage.py check`` and ``prepare`` run them; an error stops the start.
"""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

_LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]", "testserver"}


def register_all() -> None:
    """Hand the checks to Django."""
    for check in (
        debug_is_off,
        channel_layer_is_shared,
        database_is_postgresql,
        broker_is_redis,
        secret_is_set,
        metrics_are_closed,
    ):
        register(check, Tags.security)


def _unless(holds: bool, sentence: str, remedy: str, number: int) -> list[CheckMessage]:
    return [] if holds else [Error(sentence, hint=remedy, id=f"exchange_os.E{number:03d}")]


def debug_is_off(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """DEBUG shows the inside of the exchange to whoever provokes an error, so only loopback names may have it."""
    reachable = set(settings.ALLOWED_HOSTS) - _LOCAL_HOSTS
    return _unless(
        not (settings.DEBUG and reachable),
        "DEBUG is on for an exchange that answers to other names than localhost.",
        "Unset DEBUG, or leave only localhost in ALLOWED_HOSTS.",
        1,
    )


def channel_layer_is_shared(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """The in-memory layer reaches only its own process: live updates of the others would be lost silently."""
    backends = {str(layer["BACKEND"]) for layer in settings.CHANNEL_LAYERS.values()}
    return _unless(
        bool(backends) and all(backend.startswith("channels_redis.") for backend in backends),
        "The channel layer is not Redis, so live updates do not reach other processes.",
        "Use channels_redis.pubsub.RedisPubSubChannelLayer.",
        2,
    )


def database_is_postgresql(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Constraints, triggers and binary COPY of PostgreSQL carry the guarantees; no other database will do."""
    return _unless(
        settings.DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql",
        "The database is not PostgreSQL.",
        "Give DATABASE_URL of a PostgreSQL, or unset it for the embedded one.",
        3,
    )


def broker_is_redis(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Streams and broker are Redis or Valkey; the in-memory broker of Celery reaches only its own process."""
    return _unless(
        str(settings.CELERY_BROKER_URL).startswith(("redis://", "rediss://")),
        "The broker is not Redis or Valkey.",
        "Give REDIS_URL of a Redis or Valkey, or unset it for the embedded one.",
        4,
    )


def secret_is_set(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Sessions and sealed API secrets hang on SECRET_KEY."""
    return _unless(
        len(settings.SECRET_KEY) >= 32,
        "SECRET_KEY is missing or shorter than 32 characters.",
        "Set it to a random text of 50 characters; make run makes one itself.",
        5,
    )


def metrics_are_closed(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """What /metrics tells of rates and depths is worth money to whoever trades; a short token can be guessed."""
    return _unless(
        not settings.METRICS_TOKEN or len(settings.METRICS_TOKEN) >= 16,
        "METRICS_TOKEN is shorter than 16 characters.",
        "Set it to a random text, or unset it: without one there is no /metrics.",
        6,
    )
