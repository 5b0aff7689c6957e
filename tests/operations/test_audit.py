"""The audit trail: every change of a watched table, chained, found again, and broken by whoever edits it."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from exchange_os.ledger.models import Asset
from exchange_os.operations.models import AuditEvent
from exchange_os.operations.selectors.audit import AUDIT_KEY, Sought, check_chain, search
from exchange_os.operations.selectors.figures import figures
from exchange_os.operations.selectors.watching import alarms
from exchange_os.operations.services import check_audit
from exchange_os.operations.watched import watch, watched_tables
from venues.models import Venue

pytestmark = pytest.mark.django_db(transaction=True)


def run(sql: str, *params: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def test_a_change_says_what_was_and_what_is_and_is_a_link(venue: Venue) -> None:
    before = AuditEvent.objects.count()
    venue.name = "Acme Two"
    venue.save()
    (made,) = AuditEvent.objects.order_by("id")[before:]
    assert (made.table_name, made.row_id, made.op) == ("venues_venue", str(venue.pk), "UPDATE")
    assert made.before["name"] == "Acme Markets"
    assert made.after["name"] == "Acme Two"
    assert "slug" not in made.after
    venue.save(update_fields=["name"])
    assert AuditEvent.objects.count() == before + 1, "what changes nothing is no event"
    checked = check_chain()
    assert (checked.events, checked.head, checked.broken) == (before + 1, made.hash, 0)


def test_an_edit_in_sql_past_the_code_is_written_as_well(venue: Venue) -> None:
    run("UPDATE venues_venue SET taker_fee_ppm = 1 WHERE id = %s", venue.pk)
    made = AuditEvent.objects.latest("id")
    assert (made.user_id, made.before, made.after) == (None, {"taker_fee_ppm": 500}, {"taker_fee_ppm": 1})
    assert made.db_role == connection.settings_dict["USER"]
    before = AuditEvent.objects.count()
    with pytest.raises(RuntimeError), transaction.atomic():
        run("UPDATE venues_venue SET taker_fee_ppm = 2 WHERE id = %s", venue.pk)
        raise RuntimeError
    assert AuditEvent.objects.count() == before, "what was rolled back was never done"


def test_who_did_it_comes_from_the_request(first: AbstractBaseUser, as_user: Callable[..., Client]) -> None:
    form = {"pause": "1", "function": "trade", "group": "0", "reason": "The book is being looked at."}
    headers = {"X-Request-Id": "request-0001"}
    assert as_user(first).post("/operator/switches/", form, headers=headers).status_code == 302
    made = AuditEvent.objects.get(table_name="operations_switchrequest")
    assert (made.user_id, made.request_id, made.via) == (first.pk, "request-0001", "operations:switches")
    run("UPDATE operations_switchrequest SET reason = 'Another reason.'")
    assert AuditEvent.objects.latest("id").user_id is None, "nobody's name stays with the connection"


def test_secrets_are_left_out(first: AbstractBaseUser) -> None:
    first.set_password("a secret nobody may read")
    first.is_superuser = True
    first.save()
    made = AuditEvent.objects.filter(table_name="auth_user").latest("id")
    assert made.after == {"is_superuser": True}
    texts = [str(row.before) + str(row.after) for row in AuditEvent.objects.all()]
    assert not any("pbkdf2" in text or "password" in text or "JBSWY3DP" in text for text in texts)


@pytest.mark.parametrize(
    "edit",
    [
        'UPDATE operations_auditevent SET after = \'{"name": "Forged"}\' WHERE id = {middle}',
        "UPDATE operations_auditevent SET user_id = 4711 WHERE id = {middle}",
        "DELETE FROM operations_auditevent WHERE id = {middle}",
        "UPDATE operations_auditevent SET at = at - interval '1 day' WHERE id = {middle}",
    ],
)
def test_a_direct_edit_is_refused_and_where_the_guard_is_set_aside_found(edit: str, venue: Venue) -> None:
    for fee in (1, 2, 3):
        run("UPDATE venues_venue SET taker_fee_ppm = %s", fee)
    ids = list(AuditEvent.objects.order_by("id").values_list("id", flat=True))
    middle = ids[len(ids) // 2]
    statement = edit.replace("{middle}", str(middle))
    with pytest.raises(DatabaseError):
        run(statement)
    assert check_chain().broken == 0
    run("ALTER TABLE operations_auditevent DISABLE TRIGGER USER")
    run(statement)
    run("ALTER TABLE operations_auditevent ENABLE TRIGGER USER")
    assert check_chain().broken == (ids[len(ids) // 2 + 1] if edit.startswith("DELETE") else middle)
    with pytest.raises(CommandError, match=r"breaks at event"):
        call_command("verify_audit")


def test_a_trail_that_was_cut_short_lacks_a_head_noted_earlier(venue: Venue) -> None:
    out = StringIO()
    call_command("verify_audit", stdout=out)
    head = out.getvalue().split()[-1]
    call_command("verify_audit", head=head, stdout=out)
    run("ALTER TABLE operations_auditevent DISABLE TRIGGER USER")
    run("DELETE FROM operations_auditevent WHERE hash = %s", head)
    run("ALTER TABLE operations_auditevent ENABLE TRIGGER USER")
    assert check_chain().broken == 0
    with pytest.raises(CommandError, match="events behind it were removed"):
        call_command("verify_audit", head=head)


def test_every_night_the_chain_must_hold_the_head_of_the_night_before(venue: Venue) -> None:
    cache.delete(AUDIT_KEY)
    head = check_audit().head
    run("UPDATE venues_venue SET taker_fee_ppm = 1")
    check_audit()
    told = cache.get(AUDIT_KEY)
    assert (told["broken"], told["cut"], told["head"] == head) == (0, False, False)
    run("ALTER TABLE operations_auditevent DISABLE TRIGGER USER")
    run("DELETE FROM operations_auditevent WHERE hash = %s", told["head"])
    run("ALTER TABLE operations_auditevent ENABLE TRIGGER USER")
    for _ in range(2):
        check_audit()
        assert cache.get(AUDIT_KEY) == {**told, "cut": True, "at": cache.get(AUDIT_KEY)["at"]}
    assert "audit-broken" in {alarm.section for alarm in alarms(figures())}
    cache.delete(AUDIT_KEY)


def test_it_is_searched_and_exported(
    venue: Venue, first: AbstractBaseUser, as_user: Callable[..., Client]
) -> None:
    asset = Asset.objects.get(symbol="USD")
    asset.name = "=HYPERLINK(1)"
    asset.save()
    assert [row.row_id for row in search(Sought(text="hyperlink"))] == [str(asset.pk)]
    assert {row.table_name for row in search(Sought(table="ledger_asset", op="UPDATE"))} == {"ledger_asset"}
    assert list(search(Sought(text="hyperlink", who="4711"))) == []
    page = as_user(first).get("/operator/audit/?q=hyperlink").content.decode()
    assert "=HYPERLINK(1)" in page
    rows = (
        b"".join(as_user(first).get("/operator/audit.csv?q=hyperlink").streaming_content)
        .decode()
        .splitlines()
    )
    assert len(rows) == 2
    assert rows[0].startswith("id,at,table_name,row_id,op")


def test_every_watched_table_has_its_trigger() -> None:
    assert watch() == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'operations_audit'")
        assert {table for (table,) in cursor.fetchall()} == set(watched_tables())
