"""The application's database role adds and reads; it can neither change what is append-only nor make tables."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from exchange_os.embedded.postgres import APP_ROLE
from exchange_os.roles import append_only_tables, grant_application

NEVER_CHANGED = {
    "engine_journalbatch", "engine_fillpage", "engine_tradepage", "engine_orderrecord", "engine_bill", "ledger_entry",
    "ledger_posting", "transparency_night", "transparency_liabilitytree",
}  # fmt: skip


@pytest.fixture
def as_application(transactional_db: None) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """A session of the application's role in the test database."""
    if "TEST_APPLICATION_URL" not in os.environ:
        pytest.skip("a database given by DATABASE_URL has no role of the application")
    grant_application(APP_ROLE)
    database = connection.settings_dict["NAME"]
    with psycopg.connect(os.environ["TEST_APPLICATION_URL"], dbname=database, autocommit=True) as session:
        yield session


def test_what_is_append_only_follows_from_its_guards(db: None) -> None:
    fixed, kept = append_only_tables()
    assert set(fixed) >= NEVER_CHANGED
    assert {"ledger_ledgeraccount", "ledger_transfer"} <= set(kept)
    assert not set(fixed) & set(kept)


def test_the_application_cannot_rewrite_what_is_append_only(
    as_application: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    fixed, kept = append_only_tables()
    for name in fixed:
        column = as_application.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", (name,)
        ).fetchone()
        assert column is not None
        statements = [
            sql.SQL("UPDATE {} SET {} = {}").format(
                *(sql.Identifier(part) for part in (name, column[0], column[0]))
            ),
            sql.SQL("DELETE FROM {}").format(sql.Identifier(name)),
            sql.SQL("TRUNCATE {}").format(sql.Identifier(name)),
            sql.SQL("ALTER TABLE {} DISABLE TRIGGER ALL").format(sql.Identifier(name)),
            sql.SQL("DROP TABLE {}").format(sql.Identifier(name)),
        ]
        for statement in statements:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_application.execute(statement)
    for name in kept:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_application.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))


def test_the_application_makes_nothing_but_partitions(
    as_application: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    for statement in (
        "CREATE TABLE mine (id int)",
        "CREATE ROLE mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE exchange_os",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_application.execute(statement)  # type: ignore[arg-type]
    month = date(2031, 5, 1)
    made = as_application.execute("SELECT engine_add_partition('engine_bill', %s, true)", (month,)).fetchone()
    assert made == (True,)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_application.execute("DELETE FROM engine_bill_203105")
    as_application.execute("SELECT engine_add_partition('engine_tradepage', %s, true)", (month,))
    as_application.execute(
        "INSERT INTO engine_tradepage_203105 (group_id, market, place, time_ms, data) VALUES (1, 0, 1, %s, '')",
        (int(datetime(2031, 5, 31, 23, 59, 59, tzinfo=UTC).timestamp() * 1000),),
    )


def test_grants_can_be_repeated_and_take_back_what_was_given_by_hand(
    as_application: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("GRANT ALL ON ledger_entry TO exchange_app")
    grant_application(APP_ROLE)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_application.execute("DELETE FROM ledger_entry")
    assert as_application.execute("SELECT count(*) FROM ledger_entry").fetchone() == (0,)
