"""What PostgreSQL refuses: rewriting history, and any writer that is not the one in its place."""

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from exchange_os.engine import journal
from exchange_os.engine.database import make_connection
from exchange_os.engine.errors import JournalBroken
from exchange_os.engine.models import Fill, JournalBatch, RiskGroup
from exchange_os.engine.services import create_group
from tests.engine.cast import crossing_flow, order, send

APPEND = "SELECT engine_append_batch(%s, %s, %s, %s, 1, %s, %s, %s, '1-0', 'g', NULL, 3000)"


def append(group: int, epoch: int, first: int, last: int, previous: bytes, digest: bytes) -> None:
    """Call the one function that writes to the journal."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(APPEND, (group, epoch, first, last, b"", previous, digest))


@pytest.mark.django_db
def test_only_the_batch_that_follows_is_taken() -> None:
    group = create_group().pk
    append(group, 0, 1, 3, b"", b"a")
    for epoch, first, previous in ((1, 4, b"a"), (0, 3, b"a"), (0, 5, b"a"), (0, 4, b"b")):
        with pytest.raises(DatabaseError, match="does not follow"):
            append(group, epoch, first, 9, previous, b"c")
    append(group, 0, 4, 4, b"a", b"b")
    head = RiskGroup.objects.get(pk=group)
    assert (head.head_sequence, bytes(head.head_hash)) == (4, b"b")
    assert JournalBatch.objects.filter(group_id=group).count() == 2


def test_a_group_is_taken_though_somebody_refers_to_it_and_not_while_somebody_writes(group: int) -> None:
    """An owner that was stopped while it stored a snapshot keeps its reference to the group for half a minute."""
    lock = "SELECT 1 FROM engine_riskgroup WHERE id = %s FOR {}"
    with make_connection() as taker:
        for strength, taken in (("KEY SHARE", True), ("NO KEY UPDATE", False)):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(lock.format(strength), [group])
                assert (journal.take(taker, group, "engine-2/00", 2) is not None) is taken


@pytest.mark.django_db
@pytest.mark.parametrize(
    "table", ["engine_journalbatch", "engine_fillpage", "engine_tradepage", "engine_orderrecord"]
)
@pytest.mark.parametrize("statement", ["UPDATE {} SET group_id = 9", "DELETE FROM {}", "TRUNCATE {}"])
def test_history_is_append_only_by_privilege_and_by_trigger(table: str, statement: str) -> None:
    with connection.cursor() as cursor:
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            cursor.execute(statement.format(table))
        cursor.execute(f"GRANT UPDATE, DELETE, TRUNCATE ON {table} TO CURRENT_USER")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(statement.format(table))


def test_every_batch_is_linked_to_the_one_before(market_group: int) -> None:
    for command in crossing_flow(5):
        send(market_group, command)
    with make_connection() as reader:
        previous, sequence = b"", 0
        for link in journal.links(reader, market_group, 0):
            journal.check_link(link, market_group, previous, sequence)
            with pytest.raises(JournalBroken):
                journal.check_link(
                    link._replace(commands=link.commands + b"x"), market_group, previous, sequence
                )
            previous, sequence = link.hash, link.last_sequence
    head = RiskGroup.objects.get(pk=market_group)
    assert (head.head_sequence, bytes(head.head_hash)) == (sequence, previous)
    assert Fill.objects.filter(group_id=market_group).exists()


@pytest.mark.django_db(transaction=True)
def test_a_group_is_taken_from_the_dead_and_from_the_late_only() -> None:
    group = create_group().pk
    with make_connection() as alive, make_connection() as other:
        alive.execute("SELECT pg_advisory_lock(77)")
        first = journal.take(alive, group, "a/1", 77)
        assert first is not None and first.epoch == 1
        assert journal.take(other, group, "b/1", 88) is None
        other.execute(
            "UPDATE engine_riskgroup SET lease_expires_at = clock_timestamp() WHERE id = %s", (group,)
        )
        second = journal.take(other, group, "b/1", 88)
        assert second is not None and second.epoch == 2 and second.unclean
        # The owner "b" holds no lock, so it counts as dead although its lease runs.
        third = journal.take(alive, group, "a/1", 77)
        assert third is not None and third.epoch == 3
        journal.give_up(alive, group, 2)
        assert journal.owner_of(alive, group) == "a/1"
        journal.give_up(alive, group, 3)
        fourth = journal.take(other, group, "b/1", 88)
        assert fourth is not None and not fourth.unclean


def test_a_writer_that_was_overtaken_drops_its_memory(market_group: int) -> None:
    send(market_group, order(price=990))
    RiskGroup.objects.filter(pk=market_group).update(epoch=50, owner="", lease_expires_at=None)
    ack = send(market_group, order(price=991))
    assert ack.code == 0
    head = RiskGroup.objects.get(pk=market_group)
    assert head.epoch == 51
    assert JournalBatch.objects.filter(group_id=market_group).latest("first_sequence").epoch == 51


@pytest.mark.django_db(transaction=True)
def test_the_connection_of_the_engine_is_autocommit() -> None:
    with make_connection() as plain:
        assert isinstance(plain, psycopg.Connection) and plain.autocommit
