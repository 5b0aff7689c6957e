"""How a test that commits leaves an empty database behind: what it filled is emptied, and nothing else is touched.

Django's own way truncates every table and makes all content types and permissions again, more than half a second for
each test; most tests fill a dozen tables of some 170. The guards of append-only tables and the watchers of the audit
trail are set aside for the one transaction and put back; their own tests see them work.
"""

from typing import Any

from django.db import connections, transaction
from django.test import TransactionTestCase

from exchange_os.ledger.seeds import seed_assets

# What migrating leaves behind, the same after every test.
KEPT = {"django_migrations", "django_content_type", "auth_permission", "django_site"}

WITHHELD = """
    SELECT quote_ident(name), privilege FROM unnest(%s::text[]) AS name, unnest(ARRAY['UPDATE', 'DELETE']) AS privilege
    WHERE NOT has_table_privilege(quote_ident(name), privilege)
"""


def empty(alias: str) -> None:
    """Delete the rows of every table that has some; afterwards the database is as migrating made it."""
    connection = connections[alias]
    quoted = connection.ops.quote_name
    names = sorted(set(connection.introspection.django_table_names()) - KEPT)
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {quoted(name)})" for name in names)
        )
        filled = [quoted(name) for (name,) in cursor.fetchall()]
        if not filled:
            return
        # Also of tables without rows: the checks of foreign keys read those for update.
        cursor.execute(WITHHELD, [names])
        withheld = cursor.fetchall()
        steps = [
            *(f"GRANT {right} ON {table} TO CURRENT_USER" for table, right in withheld),
            *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in filled),
            *(f"DELETE FROM {table}" for table in filled),
            "SET CONSTRAINTS ALL IMMEDIATE",
            *(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in filled),
            *(f"REVOKE {right} ON {table} FROM CURRENT_USER" for table, right in withheld),
        ]
        cursor.execute("; ".join(steps))
        seed_assets()


def _fixture_teardown(case: Any) -> None:
    for alias in case._databases_names(include_mirrors=False):
        empty(alias)


def install() -> None:
    """Make every test that commits end by :func:`empty`."""
    TransactionTestCase._fixture_teardown = _fixture_teardown  # type: ignore[method-assign]
