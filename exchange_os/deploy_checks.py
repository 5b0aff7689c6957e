"""Checks of ``manage.py check --deploy``: what stores and secrets of a production must be, asked of the stores."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connection
from redis import Redis
from redis.exceptions import RedisError

#: What an answer that is durable hangs on.
DURABLE = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")
_ROLE = """
SELECT rolsuper OR rolcreaterole OR rolbypassrls,
       EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tableowner = current_user)
  FROM pg_roles WHERE rolname = current_user
"""


def register_all() -> None:
    """Hand the checks to Django; they run with ``--deploy`` only."""
    for check in (
        stores_are_durable,
        role_owns_nothing,
        broker_keeps_everything,
        secrets_are_own,
        letters_are_sent,
        probes_are_answered,
        visitors_are_told_apart,
    ):
        register(check, Tags.security, deploy=True)


def stores_are_durable(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """PostgreSQL writes what it says it has written."""
    try:
        with connection.cursor() as cursor:
            shown = {}
            for name in DURABLE:
                cursor.execute(f"SHOW {name}")
                shown[name] = cursor.fetchone()[0]
    except DatabaseError as error:
        return [_away("PostgreSQL", error, 10)]
    off = [name for name, value in shown.items() if value == "off"]
    if not off:
        return []
    return [
        Error(
            f"PostgreSQL runs with {', '.join(off)} off: what was answered can be lost.",
            hint="Switch them on; data checksums with pg_checksums --enable while the server is down.",
            id="exchange_os.E011",
        )
    ]


def role_owns_nothing(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """The programs sign in as a role that can neither change the schema nor rewrite the journal."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_ROLE)
            mighty, owns = cursor.fetchone()
    except DatabaseError as error:
        return [_away("PostgreSQL", error, 12)]
    if not mighty and not owns:
        return []
    return [
        Error(
            "The database role of the programs " + ("is a superuser." if mighty else "owns the tables."),
            hint="Run `prepare` as the owner with DATABASE_APP_ROLE, and the programs as that role: deploy/README.md.",
            id="exchange_os.E013",
        )
    ]


def broker_keeps_everything(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Redis evicts nothing, writes its log, and asks for a password."""
    found: list[CheckMessage] = []
    try:
        with Redis.from_url(settings.REDIS_BROKER_URL, socket_timeout=3, decode_responses=True) as client:
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
            log = client.config_get("appendonly").get("appendonly")
    except RedisError as error:
        return [_away("Redis", error, 14)]
    if policy != "noeviction":
        found.append(
            Error(
                f"Redis evicts keys when it is full (maxmemory-policy {policy}): queues and streams vanish.",
                hint="Set maxmemory-policy noeviction.",
                id="exchange_os.E015",
            )
        )
    if log != "yes":
        found.append(
            Warning(
                "Redis keeps no log (appendonly no): a restart makes clients ask for outcomes.",
                hint="Set appendonly yes and appendfsync everysec.",
                id="exchange_os.W016",
            )
        )
    if "@" not in settings.REDIS_URL:
        found.append(
            Error(
                "Redis is reached without a password.",
                hint="Give it one (requirepass or an ACL user) and put it into REDIS_URL.",
                id="exchange_os.E017",
            )
        )
    return found


def secrets_are_own(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """API secrets are sealed by keys of their own, so that either can be changed alone."""
    keys = settings.API_SECRET_KEYS
    if keys and all(len(key) >= 32 and key != settings.SECRET_KEY for key in keys):
        return []
    return [
        Error(
            "API secrets are sealed with SECRET_KEY, or with a key shorter than 32 characters.",
            hint="Give API_SECRET_KEYS of their own, newest first.",
            id="exchange_os.E018",
        )
    ]


def letters_are_sent(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Addresses are confirmed and letters leave the machine."""
    if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and "console" not in settings.EMAIL_BACKEND:
        return []
    return [
        Warning(
            "Addresses need no confirmation, or letters are only printed.",
            hint="Before the public signs up: a real EMAIL_BACKEND and ACCOUNT_EMAIL_VERIFICATION=mandatory.",
            id="exchange_os.W019",
        )
    ]


def probes_are_answered(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """The probes of deploy/ ask by the name ``localhost``, whatever the exchange is called outside."""
    if {"localhost", "*"} & set(settings.ALLOWED_HOSTS):
        return []
    return [
        Warning(
            "ALLOWED_HOSTS has no localhost: probes of /healthz and /readyz are refused.",
            hint="Add localhost to ALLOWED_HOSTS. Nothing outside can make use of that name.",
            id="exchange_os.W020",
        )
    ]


def visitors_are_told_apart(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Behind a proxy that ends TLS, the addresses of visitors are those it says."""
    if not settings.HTTPS or settings.FORWARDED_ALLOW_IPS not in ("", "*"):
        return []
    return [
        Warning(
            "FORWARDED_ALLOW_IPS is not given: behind a proxy on another machine all visitors share one allowance."
            if not settings.FORWARDED_ALLOW_IPS
            else "FORWARDED_ALLOW_IPS is *: anybody can claim any address.",
            hint="Give the addresses or networks of the proxies, such as 127.0.0.1,10.0.0.0/8.",
            id="exchange_os.W021",
        )
    ]


def _away(store: str, error: Exception, number: int) -> CheckMessage:
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return Error(
        f"{store} could not be asked: {line}",
        hint="Check DATABASE_URL and REDIS_URL; these checks look at the running stores.",
        id=f"exchange_os.E{number:03d}",
    )
