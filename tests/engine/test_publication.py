"""A night: what is owed to each user as of one moment, chained, proved, and never more than is held."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, connections
from django.test import AsyncClient, Client
from exchange_kernel import __main__ as command
from exchange_kernel.journal_file import verify
from exchange_kernel.proofs import check_proof, night_digest

from exchange_os.ledger.models import Asset, PostingKind
from exchange_os.ledger.services import postings
from exchange_os.transparency.models import LeafChunk, Night
from exchange_os.transparency.selectors import proofs_of, statement_of
from exchange_os.transparency.services import PublicationRefused, publish_night, shed_leaves
from exchange_os.transparency.tasks import first_publication
from tests.engine.cast import BASE, FUNDS, MAKER, QUOTE, TAKER, crossing_flow, send

DAY = date(2026, 11, 30)
WALLET = 777


@pytest.fixture
def traded_group(market_group: int) -> int:
    """A group of a maker (user 16) and a taker (user 17), whose kernel and escrow hold the same."""
    for frame in crossing_flow(12):
        send(market_group, frame)
    for asset in (BASE, QUOTE):
        symbol = f"TEST{asset}"
        Asset.objects.get_or_create(pk=asset, defaults={"symbol": symbol, "name": symbol, "scale": 6})
        outside = postings.external(asset)
        postings.post_transfer(PostingKind.DEPOSIT, outside, postings.escrow(market_group, asset), 2 * FUNDS)
        postings.post_transfer(PostingKind.FAUCET, outside, postings.wallet(MAKER, asset), WALLET)
    return market_group


@pytest.fixture
def symbols(traded_group: int) -> tuple[str, str]:
    """Of what is traded, and of what it is paid in."""
    found = dict(Asset.objects.filter(pk__in=(BASE, QUOTE)).values_list("pk", "symbol"))
    return found[BASE], found[QUOTE]


def owed(night: Night, user: int) -> dict[str, int]:
    """Units by asset that a night's proofs say."""
    return {proof["asset"]: int(proof["units"]) for proof in proofs_of(user, night)}


def test_all_that_is_owed_is_published_and_proved(traded_group: int, symbols: tuple[str, str]) -> None:
    base, quote = symbols
    night = publish_night(DAY)
    statement = statement_of(night)
    assert night.digest == night_digest("", statement)
    maker, taker = owed(night, MAKER), owed(night, TAKER)
    for tree, symbol in zip(statement["trees"], sorted(symbols), strict=True):
        assert (tree["asset"], tree["leaves"], tree["shortfall"]) == (symbol, 2, "0")
        assert int(tree["sum"]) == maker[symbol] + taker[symbol]
        assert int(tree["held"]) == 2 * FUNDS + WALLET
    assert maker[base] + taker[base] == 2 * FUNDS + WALLET, "base is only passed on"
    assert 0 < 2 * FUNDS + WALLET - maker[quote] - taker[quote] < 1_000, "fees belong to the venue"
    (head,) = statement["groups"]
    assert (head["group"], len(head["root"])) == (traded_group, 64)
    for user in (MAKER, TAKER):
        assert {check_proof(proof) for proof in proofs_of(user, night)} == {night.digest}
    assert proofs_of(99, night) == []
    assert publish_night(DAY) == night, "a second call publishes nothing"


def test_the_first_night_does_not_wait(traded_group: int) -> None:
    digest = first_publication()
    assert digest == Night.objects.get().digest
    assert first_publication() == ""


def test_nights_are_chained_and_leaves_go_while_roots_stay(traded_group: int) -> None:
    first, second = publish_night(DAY), publish_night(DAY + timedelta(days=1))
    assert (second.previous, second.digest) == (
        first.digest,
        night_digest(first.digest, statement_of(second)),
    )
    with pytest.raises(PublicationRefused, match="before it"):
        publish_night(DAY - timedelta(days=1))
    assert shed_leaves(DAY + timedelta(days=36)) == 2
    assert LeafChunk.objects.count() == 2
    assert owed(second, MAKER) != {}
    assert Night.objects.count() == 2


def test_what_was_published_cannot_be_changed(traded_group: int) -> None:
    publish_night(DAY)
    for statement in (
        "UPDATE transparency_night SET digest = ''",
        "DELETE FROM transparency_liabilitytree",
        "TRUNCATE transparency_night CASCADE",
    ):
        with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
            cursor.execute(statement)


def test_more_owed_than_held_publishes_nothing(traded_group: int) -> None:
    escrow = postings.escrow(traded_group, QUOTE)
    postings.post_transfer(PostingKind.WITHDRAWAL, escrow, postings.external(QUOTE), FUNDS)
    with pytest.raises(PublicationRefused, match="units are owed to users"):
        publish_night(DAY)
    assert not Night.objects.exists()


def test_a_journal_that_does_not_hold_publishes_nothing(traded_group: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE engine_journalbatch DISABLE TRIGGER USER")
        cursor.execute("GRANT ALL ON engine_journalbatch TO CURRENT_USER")
        cursor.execute("UPDATE engine_journalbatch SET now_ms = now_ms + 1 WHERE first_sequence > 1")
        cursor.execute("ALTER TABLE engine_journalbatch ENABLE TRIGGER USER")
    with pytest.raises(PublicationRefused, match="does not hold"):
        publish_night(DAY)
    assert not Night.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_pages_files_and_the_command(
    traded_group: int, symbols: tuple[str, str], tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    quote = symbols[1]
    user = get_user_model().objects.create_user(pk=MAKER, username="maker", email="maker@x.example")
    other = get_user_model().objects.create_user(pk=99, username="other", email="other@x.example")
    client = Client()
    assert "Not published yet" in client.get("/transparency/").content.decode()
    night = publish_night(DAY)
    page = client.get("/transparency/").content.decode()
    assert night.digest[:24] in page and quote in page
    assert client.get("/transparency/nights/2026-11-30.json").json()["digest"] == night.digest
    assert client.get("/transparency/nights/2026-11-29.json").status_code == 404
    assert client.get("/transparency/nights/nonsense.json").status_code == 404
    assert client.get("/transparency/proof/").status_code == 302
    client.force_login(user)
    assert "xos-proof" in client.get("/transparency/proof/").content.decode()
    file = client.get(f"/transparency/proof/2026-11-30/{quote}.json")
    (tmp_path / "proof.json").write_bytes(file.content)
    assert command.main(["proof", str(tmp_path / "proof.json"), "--digest", night.digest]) == 0
    assert command.main(["proof", str(tmp_path / "proof.json"), "--digest", "00" * 32]) == 1
    changed = json.loads(file.content) | {"units": "1"}
    (tmp_path / "proof.json").write_text(json.dumps(changed))
    assert command.main(["proof", str(tmp_path / "proof.json")]) == 1
    capsys.readouterr()
    client.force_login(other)
    assert client.get(f"/transparency/proof/2026-11-30/{quote}.json").status_code == 404
    assert "Nothing was owed to you" in client.get("/transparency/proof/").content.decode()


@pytest.mark.django_db(transaction=True)
async def test_the_journal_is_downloaded_and_verified(traded_group: int, tmp_path: Any) -> None:
    response = await AsyncClient().get(f"/transparency/groups/{traded_group}/journal")
    assert response.status_code == 200
    data = b"".join([part async for part in response.streaming_content])
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as file:
        verdict = verify(file)
    assert verdict.faults == []
    assert response.headers["X-Journal-Sequence"] == str(verdict.kernel.sequence)
    assert (await AsyncClient().get("/transparency/groups/999/journal")).status_code == 404
    await sync_to_async(connections.close_all)()
