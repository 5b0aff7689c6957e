"""Exports: written once, part by part; safe in a spreadsheet; nobody else's."""

import csv
import io
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from exchange_kernel import BILL_KINDS

from exchange_os.engine.models import Bill
from exchange_os.ledger.models import Asset, PostingKind
from exchange_os.ledger.selectors import wallet_balance
from exchange_os.ledger.services.postings import external, post_transfer, wallet
from trading.models import Export, ExportPart, ExportState, TradingAccount
from trading.selectors.exports import safe_text
from trading.services import exports
from trading.services.exports import delete_expired_exports, unwritten_exports, write_export
from venues.models import Market

pytestmark = pytest.mark.django_db


def give(user, units: int) -> None:
    asset = Asset.objects.get(symbol="USD")
    post_transfer(PostingKind.FAUCET, external(asset.pk), wallet(user.pk, asset.pk), units)


def asked(client: Client, kind: str = "wallet") -> Export:
    """An export asked for on the page."""
    assert client.post("/account/exports/", {"kind": kind}).status_code == 302
    return Export.objects.latest("pk")


def read(client: Client, export: Export) -> list[list[str]]:
    """The downloaded lines."""
    answer = client.get(f"/account/exports/{export.pk}/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_the_wallet_as_csv_in_parts_adds_up(client: Client, market: Market, trader, monkeypatch) -> None:
    monkeypatch.setattr(exports, "LINES_A_PART", 2)
    client.force_login(trader)
    for units in (1_500_000, 2, 3):
        give(trader, units)
    export = asked(client)
    assert "Waiting" in client.get("/account/exports/").content.decode()
    assert client.get(f"/account/exports/{export.pk}/").status_code == 404  # not ready
    assert unwritten_exports() == [export.pk]
    assert write_export(export.pk)
    assert not write_export(export.pk)
    export.refresh_from_db()
    assert (export.state, export.rows, export.parts, unwritten_exports()) == (ExportState.DONE, 3, 3, [])
    lines = read(client, export)
    assert lines[0] == ["time", "posting", "kind", "amount", "asset", "balance"]
    assert [line[3:] for line in lines[1:]] == [
        ["1.5", "USD", "1.5"], ["0.000002", "USD", "1.500002"], ["0.000003", "USD", "1.500005"],
    ]  # fmt: skip
    assert wallet_balance(trader.pk, Asset.objects.get(symbol="USD")) == 1_500_005


def test_a_venue_cannot_put_a_formula_into_a_spreadsheet(client: Client, market: Market, trader) -> None:
    venue = market.venue
    venue.name = "=cmd|'/c calc'!A0"
    venue.save()
    TradingAccount.objects.create(user=trader, venue=venue, number=16, opened_at=timezone.now())
    Bill.objects.create(
        group_id=venue.group_id, sequence=7, bill_no=0, account=16, market=0, kind=BILL_KINDS["funding"], lots=-5,
        price_ticks=130_000, amount=-2_500_000, fee=0, cash_after=0, extra=0,
        time_ms=int(timezone.now().timestamp() * 1000),
    )  # fmt: skip
    client.force_login(trader)
    export = asked(client, "bills")
    write_export(export.pk)
    (line,) = read(client, export)[1:]
    assert line[1:] == [
        "'=cmd|'/c calc'!A0", "BTC-USD", "funding", "-0.0005", "65000", "-2.5", "0", "USD",
    ]  # fmt: skip
    assert [safe_text(text) for text in ("@a", "+a", "-a", "\ta", "a=b")] == [
        "'@a",
        "'+a",
        "'-a",
        "'\ta",
        "a=b",
    ]


def test_a_dead_writer_is_followed_by_another_and_writes_nothing_more(
    client: Client, market: Market, trader
) -> None:
    client.force_login(trader)
    give(trader, 1)
    export = asked(client)
    dead = uuid.uuid4()
    assert exports._claim(export.pk, dead) is not None
    assert exports._add_part(export.pk, dead, 0, [["half"]])
    assert not write_export(export.pk)  # it may still be alive
    Export.objects.update(changed=timezone.now() - timedelta(minutes=2))
    assert unwritten_exports() == [export.pk]
    assert write_export(export.pk)
    assert not exports._add_part(export.pk, dead, 1, [["late"]])
    assert [line[3:5] for line in read(client, export)] == [["amount", "asset"], ["0.000001", "USD"]]


def test_exports_are_bounded_private_and_expire(client: Client, market: Market, trader) -> None:
    client.force_login(trader)
    made = [asked(client) for _ in range(5)]
    client.post("/account/exports/", {"kind": "wallet"})
    assert "You have 5 exports; delete one" in client.get("/account/exports/").content.decode()
    client.post("/account/exports/", {"kind": "secrets"})
    assert Export.objects.count() == 5
    write_export(made[0].pk)
    stranger = Client()
    stranger.force_login(market.venue.deployer.user)
    assert stranger.get(f"/account/exports/{made[0].pk}/").status_code == 404
    stranger.post(f"/account/exports/{made[0].pk}/delete/")
    assert Export.objects.count() == 5
    client.post(f"/account/exports/{made[1].pk}/delete/")
    assert Export.objects.count() == 4
    Export.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert client.get(f"/account/exports/{made[0].pk}/").status_code == 404
    assert (delete_expired_exports(), ExportPart.objects.count()) == (4, 0)
