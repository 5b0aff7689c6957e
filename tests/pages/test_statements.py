"""Monthly statements add up, month to month."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test import Client

from exchange_os.ledger.models import Asset, Posting, PostingKind
from exchange_os.ledger.services import seed_assets
from exchange_os.ledger.services.postings import external, post_transfer, stake_of, wallet
from trading.selectors.statements import month_bounds, statements

pytestmark = pytest.mark.django_db


def at(moment: datetime, kind: PostingKind, source, target, units: int) -> None:
    """A posting of another time; the ledger itself refuses to change one."""
    made = post_transfer(kind, source, target, units)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE ledger_posting DISABLE TRIGGER USER")
        Posting.objects.filter(pk=made).update(created=moment)
        cursor.execute("ALTER TABLE ledger_posting ENABLE TRIGGER USER")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def test_a_month_begins_where_the_last_one_ended(client: Client, trader) -> None:
    seed_assets()
    okb = Asset.objects.get(symbol="OKB")
    home, out, stake = wallet(trader.pk, okb.pk), external(okb.pk), stake_of(trader.pk, okb.pk)
    at(datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), PostingKind.FAUCET, out, home, 10 * 10**8)
    at(datetime(2026, 2, 1, tzinfo=UTC), PostingKind.FAUCET, out, home, 5 * 10**8)
    at(datetime(2026, 2, 3, tzinfo=UTC), PostingKind.STAKE, home, stake, 4 * 10**8)
    at(datetime(2026, 2, 4, tzinfo=UTC), PostingKind.RELEASE_STAKE, stake, home, 10**8)
    at(datetime(2026, 3, 1, tzinfo=UTC), PostingKind.STAKE, home, stake, 10**8)
    january, february, march = (statements(trader.pk, date(2026, month, 1))[0] for month in (1, 2, 3))
    assert (january.opening, january.closing) == (0, 10 * 10**8)
    assert (february.opening, february.closing, february.balances) == (10 * 10**8, 12 * 10**8, True)
    assert sorted(february.movements) == [
        ("Stake released", 10**8, 0), ("Staked", 0, -4 * 10**8), ("Test funds", 5 * 10**8, 0),
    ]  # fmt: skip
    assert (march.opening, march.closing, march.balances) == (12 * 10**8, 11 * 10**8, True)
    assert statements(trader.pk, date(2025, 12, 1)) == []
    client.force_login(trader)
    page = client.get("/account/statements/?month=2026-02").content.decode()
    assert "February 2026" in page and "Adds up" in page and "Does not" not in page
    for month in ("2026-13", "x", "", "2026-02'"):
        assert "Balance so far" in client.get("/account/statements/", {"month": month}).content.decode()


def test_the_bounds_of_december() -> None:
    assert month_bounds(date(2026, 12, 9)) == (
        datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC),
    )  # fmt: skip
