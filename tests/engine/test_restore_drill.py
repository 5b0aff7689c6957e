"""A backup is restored beside and proved; one that does not hold is refused with what is wrong."""

from datetime import date

import pytest
from django.db import connection

from exchange_os.ledger.models import Asset, PostingKind
from exchange_os.ledger.services import postings
from exchange_os.restore_drill import DrillFailed, restore_drill
from exchange_os.transparency.services import publish_night
from tests.engine.cast import BASE, FUNDS, QUOTE, crossing_flow, send


@pytest.fixture
def exchange(market_group: int) -> int:
    """A group that traded, its escrow in the ledger, and a night published in the middle of its journal."""
    for frame in crossing_flow(10):
        send(market_group, frame)
    for asset in (BASE, QUOTE):
        symbol = f"TEST{asset}"
        Asset.objects.get_or_create(pk=asset, defaults={"symbol": symbol, "name": symbol, "scale": 6})
        source, target = postings.external(asset), postings.escrow(market_group, asset)
        postings.post_transfer(PostingKind.DEPOSIT, source, target, 2 * FUNDS)
    publish_night(date(2026, 11, 30))
    for frame in crossing_flow(10, first=10):
        send(market_group, frame)
    return market_group


def test_a_backup_is_restored_and_its_roots_are_proved(exchange: int) -> None:
    told: list[str] = []
    report = restore_drill(tell=told.append)
    assert list(report.seconds) == ["backup", "restore", "verify_journal", "check_ledger", "verify_published"]
    assert len(told) == 5
    assert report.said[0].startswith(f"risk group {exchange}: holds; ")
    assert "The ledger holds: " in report.said[1]
    assert report.said[2].startswith("1 journals meet the roots published on 2026-11-30, digest ")


def test_a_backup_that_does_not_hold_is_refused(exchange: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE engine_journalbatch DISABLE TRIGGER USER")
        cursor.execute("GRANT ALL ON engine_journalbatch TO CURRENT_USER")
        cursor.execute("UPDATE engine_journalbatch SET now_ms = now_ms + 1 WHERE first_sequence > 1")
        cursor.execute("ALTER TABLE engine_journalbatch ENABLE TRIGGER USER")
    with pytest.raises(DrillFailed, match="does not have the hash of its bytes"):
        restore_drill(tell=lambda _: None)
