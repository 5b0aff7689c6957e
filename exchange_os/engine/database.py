"""Database connections of the engine's own threads, outside Django's per-request handling."""

from typing import Any

import psycopg
from django.db import connections


def make_connection() -> "psycopg.Connection[Any]":
    """A new autocommit connection to the default database. Raises ``psycopg.OperationalError``."""
    parameters = connections["default"].get_connection_params()
    for name in ("context", "cursor_factory", "prepare_threshold"):
        parameters.pop(name, None)
    return psycopg.connect(**parameters, autocommit=True)
