"""The wallet in a browser, with the trader's accounts behind it."""

import json

import pytest
from django.urls import reverse

from exchange_os.engine.errors import Busy
from exchange_os.ledger.models import Asset, Transfer, TransferState
from exchange_os.ledger.selectors import wallet_balance
from exchange_os.ledger.services import check_ledger
from tests.engine.conftest import wait_until
from tests.ledger.books import picture
from tests.venues.conftest import give
from venues.services import asking
from venues.services.totals import kernel_totals

pytestmark = pytest.mark.django_db
USD = 10**6


def test_an_empty_wallet_says_what_to_do(signed_in, trader):
    text = signed_in(trader).get("/wallet/").content.decode()
    for sentence in (
        "Get test funds above",
        "As soon as a venue trades you can move money there.",
        "3 more today",
    ):
        assert sentence in text


def test_the_faucet_fills_the_wallet_until_its_limit(signed_in, trader, htmx):
    visitor = signed_in(trader)
    for _ in range(3):
        answer = visitor.post("/wallet/faucet/", {"asset": "USD"}, **htmx)
        assert answer.status_code == 200
        assert "wallet-changed" in json.loads(answer.headers["HX-Trigger"])
    before = picture()
    refused = visitor.post("/wallet/faucet/", {"asset": "USD"}, **htmx)
    toast = json.loads(refused.headers["HX-Trigger"])["toast"]["items"][0]["text"]
    assert (refused.status_code, toast) == (
        422, "You have had today's 3 portions of USD; come back after midnight UTC.",
    )  # fmt: skip
    assert "300,000" in refused.content.decode()
    assert picture() == before


def test_the_faucet_without_script_goes_back(signed_in, trader):
    visitor = signed_in(trader)
    assert visitor.post("/wallet/faucet/", {"asset": "OKB"}).url == "/wallet/"
    assert visitor.post("/wallet/faucet/", {"asset": "OKB", "next": "/launch/"}).url == "/launch/"
    assert visitor.post("/wallet/faucet/", {"asset": "OKB", "next": "//evil.example"}).url == "/wallet/"
    assert visitor.get("/wallet/faucet/").status_code == 405


def test_history_in_pages(signed_in, trader, htmx):
    for _ in range(30):
        give(trader, "1", "USD")
    text = signed_in(trader).get("/wallet/history/", **htmx).content.decode()
    assert text.count("Test funds") == 25 and "Show older" in text
    older = text.split("?before=")[1].split('"')[0]
    rest = signed_in(trader).get(f"/wallet/history/?before={older}", **htmx).content.decode()
    assert rest.count("Test funds") == 5 and "Show older" not in rest


@pytest.mark.django_db(transaction=True)
class TestTransfers:
    """There and back."""

    def start(self, visitor, at, htmx, **form):
        return visitor.post(
            "/wallet/transfer/start/",
            {"venue": at.slug, "asset": "USD", "direction": "deposit", **form},
            **htmx,
        )

    def finish(self, visitor, htmx):
        transfer = Transfer.objects.latest("pk")
        wait_until(
            lambda: not Transfer.objects.filter(pk=transfer.pk, state=TransferState.REQUESTED).exists()
        )
        return visitor.get(reverse("wallet:transfer", args=[transfer.pk]), **htmx)

    def test_there_and_back(self, signed_in, trader, venue, htmx, patient):
        give(trader, "1000", "USD")
        usd = Asset.objects.get(symbol="USD")
        visitor = signed_in(trader)
        started = self.start(visitor, venue, htmx, amount="600.5")
        assert started.status_code == 200 and "600.5 USD" in started.content.decode()
        done = self.finish(visitor, htmx)
        assert (
            "Arrived at North Exchange" in done.content.decode()
            and "every 400ms" not in done.content.decode()
        )
        assert "wallet-changed" in done.headers["HX-Trigger"]
        assert "600.5" in visitor.get("/wallet/venues/", **htmx).content.decode()
        form = visitor.get(
            "/wallet/transfer/", {"venue": "north", "asset": "USD", "direction": "withdraw", "max": "1"}
        )
        assert 'value="600.5"' in form.content.decode() and "Available: 600.5 USD" in form.content.decode()
        self.start(visitor, venue, htmx, amount="600.5", direction="withdraw")
        assert "Arrived in the wallet" in self.finish(visitor, htmx).content.decode()
        assert wallet_balance(trader.pk, usd) == 1000 * USD
        assert "Nothing at venues" in visitor.get("/wallet/venues/", **htmx).content.decode()
        assert "North Exchange" in visitor.get("/wallet/history/", **htmx).content.decode()
        assert check_ledger(kernel_totals).sound

    @pytest.mark.parametrize(
        ("form", "sentence"),
        [
            ({"amount": "1000.01"}, "Your wallet holds 1,000 USD; lower the amount."),
            ({"amount": ""}, "Enter an amount above zero, for example 12.5."),
            ({"amount": "0.0000001"}, "USD has 6 decimals at most; shorten the amount."),
            ({"amount": "1", "venue": "nowhere"}, "There is no venue at the address nowhere."),
            ({"amount": "1", "venue": ""}, "Choose a venue."),
            ({"amount": "1", "asset": "DOGE"}, "No asset DOGE is listed; choose one or create it first."),
            ({"amount": "1", "direction": "withdraw"}, "You have nothing at North Exchange yet."),
        ],
    )
    def test_a_refused_transfer_moves_nothing(self, signed_in, trader, venue, htmx, form, sentence):
        give(trader, "1000", "USD")
        before = picture()
        answer = self.start(signed_in(trader), venue, htmx, **form)
        assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
        assert picture() == before

    def test_a_transfer_that_the_kernel_refuses_says_why(self, signed_in, trader, venue, htmx):
        give(trader, "1000", "USD")
        visitor = signed_in(trader)
        self.start(visitor, venue, htmx, amount="10")
        self.finish(visitor, htmx)
        self.start(visitor, venue, htmx, amount="11", direction="withdraw")
        text = self.finish(visitor, htmx).content.decode()
        assert "Nothing has moved." in text and "Refused" in text

    def test_another_users_transfer_is_not_shown(self, signed_in, trader, newcomer, venue, htmx):
        give(trader, "1000", "USD")
        self.start(signed_in(trader), venue, htmx, amount="10")
        transfer = Transfer.objects.get()
        assert signed_in(newcomer).get(reverse("wallet:transfer", args=[transfer.pk])).status_code == 404
        self.finish(signed_in(trader), htmx)

    def test_a_venue_that_does_not_answer_says_so(self, signed_in, trader, venue, htmx, monkeypatch):
        give(trader, "1000", "USD")
        visitor = signed_in(trader)
        self.start(visitor, venue, htmx, amount="10")
        self.finish(visitor, htmx)

        def away(*_: object) -> None:
            raise Busy(100)

        monkeypatch.setattr(asking, "client", type("Client", (), {"query": away}))
        text = visitor.get("/wallet/venues/", **htmx).content.decode()
        assert "This venue does not answer right now. Your funds are safe; try again in a moment." in text
        form = visitor.get("/wallet/transfer/", {"venue": "north", "asset": "USD", "direction": "withdraw"})
        assert "North Exchange did not answer." in form.content.decode()
