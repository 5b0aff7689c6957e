"""How transactional tests empty append-only tables: the owner sets the guards aside for one flush and puts them back.

The guards themselves are left as they are in production, and their own tests see them work.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connections, transaction

GUARDED = """
    SELECT DISTINCT quote_ident(c.relname), has_table_privilege(c.oid, 'TRUNCATE')
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND (t.tgtype & 32) <> 0 AND n.nspname = current_schema()
"""


def execute_flush(operations: Any, sql_list: Iterable[str]) -> None:
    """Run a flush's statements in one transaction with the triggers of guarded tables switched off."""
    alias = operations.connection.alias
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(GUARDED)
        guarded = cursor.fetchall()
        for table, _ in guarded:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(f"GRANT TRUNCATE ON {table} TO CURRENT_USER")
        for sql in sql_list:
            cursor.execute(sql)
        for table, allowed in guarded:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            if not allowed:
                cursor.execute(f"REVOKE TRUNCATE ON {table} FROM CURRENT_USER")


def install() -> None:
    """Make Django's flush go through ``execute_flush``."""
    type(connections["default"].ops).execute_sql_flush = execute_flush  # type: ignore[method-assign]
