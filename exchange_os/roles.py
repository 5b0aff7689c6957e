"""What the application's database role may do: read and add everywhere, change only what may change, make nothing.

The schema belongs to another role, which only migrations use. What is append-only is not listed here: it is every table
on which a trigger refuses both UPDATE and DELETE, so a new journal, ledger or record is covered by its own guard.
"""

from django.db import connection, transaction
from psycopg import sql

#: Bits of ``pg_trigger.tgtype``.
_BEFORE, _DELETE, _UPDATE = 2, 8, 16
_REFUSED = f"""
SELECT c.relname, bool_or(t.tgtype & {_UPDATE} > 0) FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
 WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal
   AND t.tgtype & {_BEFORE} > 0 AND t.tgtype & {_DELETE} > 0 AND p.proname LIKE '%%refuse%%'
 GROUP BY c.relname ORDER BY c.relname
"""
#: Functions that make partitions; they run as the owner of the schema, for whoever may call them.
_MAKERS = ("engine_add_partition(text, date)", "engine_add_partition(text, date, boolean)")


def append_only_tables() -> tuple[list[str], list[str]]:
    """(tables whose rows are never changed nor removed, tables whose rows are never removed), by name."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSED)
        rows = cursor.fetchall()
    return [name for name, changes in rows if changes], [name for name, changes in rows if not changes]


def grant_application(role: str) -> None:
    """Give ``role`` what the application needs in this database and take away what it does not. Safe to repeat.

    Runs as the owner of the schema, after its migrations. Raises ``ProgrammingError`` if there is no such role.
    """
    fixed, kept = append_only_tables()
    who = sql.Identifier(role)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        schema = sql.Identifier(cursor.fetchone()[0])
        for statement in (
            "REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}",
            "GRANT USAGE ON SCHEMA {schema} TO {role}",
            "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        ):
            cursor.execute(sql.SQL(statement).format(schema=schema, role=who))
        for names, verbs in ((fixed, "UPDATE, DELETE"), (kept, "DELETE")):
            for name in names:
                cursor.execute(sql.SQL(f"REVOKE {verbs} ON {{}} FROM {{}}").format(sql.Identifier(name), who))
        for maker in _MAKERS:
            cursor.execute("SELECT to_regprocedure(%s) IS NOT NULL", (maker,))
            if cursor.fetchone()[0]:
                cursor.execute(f"ALTER FUNCTION {maker} SECURITY DEFINER SET search_path FROM CURRENT")
