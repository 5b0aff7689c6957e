"""Who is acting: told to PostgreSQL before every write of a watched table, for the audit trail.

A wrapper around the database connection looks at the statements that write. Where one writes a watched table it first
sets three variables for the transaction: the user, the id of the request, and the door. Everything else costs one look
at the first letters of the statement.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from django.http import HttpRequest
from structlog.contextvars import get_contextvars

from exchange_os.both_worlds import Answered, Around
from exchange_os.operations.watched import watched_tables

_WRITES = re.compile(r'^\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+"?([a-z_0-9]+)"?', re.IGNORECASE)
_TOLD = (
    "SELECT set_config('exchange_os.user', %s, %s), set_config('exchange_os.request', %s, %s),"
    " set_config('exchange_os.via', %s, %s)"
)
_request: ContextVar[HttpRequest | None] = ContextVar("acting_request", default=None)
_task: ContextVar[str] = ContextVar("acting_task", default="")


@cache
def _tables() -> frozenset[str]:
    return frozenset(watched_tables())


def acting() -> tuple[str, str, str]:
    """(user's id or empty, request's id or empty, door)."""
    request = _request.get()
    if request is None:
        return "", "", _task.get() or _command()
    user = getattr(request, "user", None)
    known = str(user.pk) if user is not None and user.is_authenticated else ""
    match = request.resolver_match
    return (
        known,
        str(get_contextvars().get("request_id", "")),
        match.view_name if match else request.path[:120],
    )


def _command() -> str:
    return " ".join(["manage.py", *sys.argv[1:2]]) if sys.argv[0].endswith("manage.py") else ""


def tell(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """The wrapper around every statement of Django's connection."""
    found = _WRITES.match(sql) if isinstance(sql, str) else None
    if found is None or found[1] not in _tables():
        return execute(sql, params, many, context)
    connection = context["connection"]
    local = bool(connection.in_atomic_block)
    user, request, via = acting()
    raw = connection.connection
    values = (user, local, request, local, via, local)
    raw.execute(_TOLD, values)
    with ExitStack() as after:
        if not local:  # outside a transaction they would stay with the pooled connection
            after.callback(raw.execute, _TOLD, ("", False, "", False, "", False))
        return execute(sql, params, many, context)


def wrap(connection: Any, **_: Any) -> None:
    """Receiver of ``connection_created``."""
    if tell not in connection.execute_wrappers:
        connection.execute_wrappers.append(tell)


def begin_task(task: Any = None, **_: Any) -> None:
    """Receiver of Celery's ``task_prerun``."""
    _task.set(f"task {task.name}" if task is not None else "")


class ActorMiddleware(Around):
    """Remembers whose request this is for as long as it lasts."""

    @contextmanager
    def around(self, request: HttpRequest) -> Iterator[Answered]:
        """The request is whose writes are told."""
        before = _request.set(request)
        try:
            yield lambda response: None
        finally:
            _request.reset(before)
