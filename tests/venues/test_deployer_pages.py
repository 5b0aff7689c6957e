"""The deployer's pages in a browser."""

import pytest
from django.urls import reverse

from exchange_os.engine.errors import Busy
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import stake_balance, wallet_balance
from tests.ledger.books import picture
from tests.venues.conftest import BTC_USD, ETH_USD
from venues.models import Market, VenueState
from venues.services import asking
from venues.services.asking import client as engine_client

OKB = 10**8
pytestmark = pytest.mark.django_db


def door(name, venue):
    return reverse(f"deployer:{name}", args=[venue.pk])


def test_without_a_venue_the_page_says_what_to_do(signed_in, newcomer):
    text = signed_in(newcomer).get("/deployer/").content.decode()
    assert "No venue yet" in text and "You run none yet." in text


def test_registration_refuses_at_the_field(signed_in, newcomer):
    answer = signed_in(newcomer).post("/deployer/register/", {"name": "x"})
    assert (answer.status_code, "Give a name of 3 to 60 characters" in answer.content.decode()) == (422, True)
    assert signed_in(newcomer).post("/deployer/register/", {"name": "New Labs"}).url == "/deployer/stake/"


def test_a_next_page_elsewhere_is_not_followed(signed_in, newcomer):
    answer = signed_in(newcomer).post(
        "/deployer/register/", {"name": "New Labs", "next": "https://evil.example/"}
    )
    assert answer.url == "/deployer/stake/"


def test_stake_and_release(signed_in, deployer):
    visitor = signed_in(deployer)
    assert visitor.post("/deployer/stake/", {"action": "stake", "stake": "100.5"}).status_code == 302
    assert stake_balance(deployer.pk) == 16005 * OKB // 10
    asked = visitor.post("/deployer/stake/", {"action": "release", "release": "0.5"})
    assert (asked.status_code, "Unbond 0.5 OKB?" in asked.content.decode()) == (200, True)
    assert stake_balance(deployer.pk) == 16005 * OKB // 10
    form = {"action": "release", "release": "0.5", "confirmed": "1"}
    assert visitor.post("/deployer/stake/", form).status_code == 302
    assert stake_balance(deployer.pk) == 1600 * OKB


@pytest.mark.parametrize(
    ("action", "amount", "sentence"),
    [
        ("stake", "501", "Your wallet holds 500 OKB; take test funds from the faucet or stake less."),
        ("stake", "0", "Enter an amount above zero, for example 12.5."),
        ("stake", "1.123456789", "OKB has 8 decimals at most; shorten the amount."),
        ("release", "1501", "Your venues need 0 OKB of stake; 1,500 OKB can be released."),
    ],
)
def test_a_refused_stake_moves_nothing(signed_in, deployer, action, amount, sentence):
    before = picture()
    answer = signed_in(deployer).post("/deployer/stake/", {"action": action, action: amount})
    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
    assert picture() == before


def test_an_asset_is_issued(signed_in, deployer):
    visitor = signed_in(deployer)
    gold = {"symbol": "gold", "name": "Gold", "scale": "2", "supply": "1,000"}
    assert visitor.post("/deployer/assets/new/", gold).url == "/deployer/"
    assert wallet_balance(deployer.pk, Asset.objects.get(symbol="GOLD")) == 100_000
    again = visitor.post("/deployer/assets/new/", gold)
    assert (again.status_code, "GOLD is already listed" in again.content.decode()) == (422, True)
    similar = visitor.post("/deployer/assets/new/", {**gold, "symbol": "G0LD"})
    assert (
        "G0LD looks like GOLD." in similar.content.decode() and 'name="confirmed"' in similar.content.decode()
    )
    assert (
        visitor.post("/deployer/assets/new/", {**gold, "symbol": "G0LD", "confirmed": "on"}).status_code
        == 302
    )
    wrong = visitor.post("/deployer/assets/new/", {**gold, "symbol": "SILVER", "scale": "9"})
    assert "An asset has 0 to 8 decimals." in wrong.content.decode()


@pytest.mark.django_db(transaction=True)
def test_halt_and_resume_from_the_page(signed_in, deployer, venue):
    visitor = signed_in(deployer)
    assert door("console", venue) in visitor.get("/deployer/").content.decode()
    assert "Add a market" in visitor.get(door("markets", venue)).content.decode()
    halted = visitor.post(door("halt", venue), follow=True).content.decode()
    assert "North Exchange is halted: orders can only be cancelled." in halted and "Resume trading" in halted
    assert "trades again" in visitor.post(door("resume", venue), follow=True).content.decode()
    venue.refresh_from_db()
    assert venue.state == VenueState.OPEN


@pytest.mark.django_db(transaction=True)
def test_no_one_elses_venue(signed_in, newcomer, venue):
    visitor = signed_in(newcomer)
    for name in ("halt", "resume", "collect"):
        assert visitor.post(door(name, venue)).status_code == 404
        assert visitor.get(door(name, venue)).status_code == 405
    for name in ("console", "markets", "market", "events", "team", "fees", "status"):
        assert visitor.get(door(name, venue)).status_code == 404
    venue.refresh_from_db()
    assert venue.state == VenueState.OPEN


@pytest.mark.django_db(transaction=True)
def test_fees_and_an_engine_that_is_away(signed_in, deployer, venue, monkeypatch):
    visitor = signed_in(deployer)
    assert "No fees yet; they come with the first trade." in visitor.get(door("fees", venue)).content.decode()
    assert "no fees to collect yet" in visitor.post(door("collect", venue), follow=True).content.decode()

    def away(*_: object) -> None:
        raise Busy(100)

    monkeypatch.setattr(asking, "client", type("Client", (), {"query": away}))
    assert "The venue does not answer right now" in visitor.get(door("fees", venue)).content.decode()
    assert engine_client is not asking.client


@pytest.mark.django_db(transaction=True)
def test_a_market_is_added_from_the_page(signed_in, deployer, venue, htmx):
    visitor = signed_in(deployer)
    assert visitor.get(door("market", venue)).status_code == 200
    typed = visitor.post(door("market", venue), BTC_USD, **htmx)
    assert (typed.status_code, "already has a market BTC-USD" in typed.content.decode()) == (422, True)
    assert visitor.post(door("market", venue), BTC_USD).status_code == 422
    assert visitor.post(door("market", venue), ETH_USD, **htmx).status_code == 200
    assert Market.objects.count() == 1
    assert visitor.post(door("market", venue), ETH_USD).url == door("markets", venue)
    assert "Opening" in visitor.get(door("markets", venue)).content.decode()
