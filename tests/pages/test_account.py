"""The account's pages without a venue, its curve, and withdrawals by hand."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from exchange_os.ledger.models import Asset, PostingKind, Withdrawal, WithdrawalState
from exchange_os.ledger.services import seed_assets
from exchange_os.ledger.services.postings import external, post_transfer, wallet
from tests.ledger.books import picture
from tests.pages.packing import store_fills
from trading.models import EquityPoint, FeesPaid, TradingAccount
from trading.selectors.standings import HOUR_MS, account_standing
from trading.services.equity import record_equity, record_everyone, thin_equity
from trading.services.fees import PAGES_FOR_A_PAGE, catch_up, fees_paid
from venues.models import Market

pytestmark = pytest.mark.django_db
HOME = "0x" + "ab" * 20
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def owner(client: Client):
    """Someone with 100 USD and 10 OKB, who gave the password again a moment ago."""
    seed_assets()
    made = get_user_model().objects.create_user("owner", "owner@example.com", "a-long-password-77")
    for symbol, units in (("USD", 100 * 10**6), ("OKB", 10 * 10**8)):
        asset = Asset.objects.get(symbol=symbol)
        post_transfer(PostingKind.FAUCET, external(asset.pk), wallet(made.pk, asset.pk), units)
    answer = client.post("/accounts/login/", {"login": made.email, "password": "a-long-password-77"})
    assert answer.status_code == 302
    again = client.post("/accounts/reauthenticate/", {"password": "a-long-password-77"})
    assert again.status_code == 302
    return made


def test_a_withdrawal_asks_for_the_password_again(owner) -> None:
    fresh = Client()
    fresh.force_login(owner)
    before = picture()
    form = {"asset": "USD", "address": HOME, "amount": "1"}
    answer = fresh.post("/account/withdrawals/new/", form)
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/reauthenticate/")
    assert (picture(), Withdrawal.objects.count()) == (before, 0)


def test_the_pages_are_for_those_signed_in(client: Client) -> None:
    for path in ("/account/", "/account/withdrawals/", "/account/liquidation/"):
        assert client.get(path)["Location"] == f"/accounts/login/?next={path}"
    assert client.post("/account/withdrawals/new/").status_code == 302


def test_worth_counts_what_has_a_price(client: Client, owner, settings) -> None:
    settings.STAKE_PRICES = {"USD": "48"}
    eth = Asset.objects.get(symbol="ETH")
    post_transfer(PostingKind.FAUCET, external(eth.pk), wallet(owner.pk, eth.pk), 1)
    standing = account_standing(owner.pk)
    assert (standing.total, standing.venues, standing.unpriced) == (580 * 10**6, [], ["ETH"])
    page = client.get("/account/").content.decode()
    assert "580.00" in page and "ETH has no price in USD anywhere" in page and "No venue yet" in page
    assert EquityPoint.objects.get().total == 580 * 10**6
    assert "Nothing to liquidate" not in page and client.get("/account/liquidation/").status_code == 200


def test_the_curve_keeps_an_hour_each_and_later_a_day_each(client: Client, owner) -> None:
    now = 1_800_000_000_000 // DAY_MS * DAY_MS
    standing = account_standing(owner.pk)
    for at in (now, now + 1, now + HOUR_MS, now + DAY_MS):
        assert record_equity(owner.pk, standing, at)
    assert EquityPoint.objects.count() == 3
    assert thin_equity(now + 60 * DAY_MS) == 1
    assert sorted(EquityPoint.objects.values_list("hour_ms", flat=True)) == [now, now + DAY_MS]
    assert record_everyone(now) == 0  # nobody trades yet
    assert "polyline" in client.get("/account/?range=all").content.decode()


def test_a_withdrawal_by_hand_and_its_cancelling(client: Client, owner, settings) -> None:
    settings.WITHDRAWAL_HOLD_SECONDS = 3600
    form = {"asset": "USD", "address": HOME, "amount": "60.5"}
    assert client.post("/account/withdrawals/new/", form).status_code == 302
    page = re.sub(r"<[^>]+>", " ", client.get("/account/withdrawals/").content.decode())
    assert "60.5 USD set aside" in page and HOME in page and "A new address waits until" in page
    made = Withdrawal.objects.get()
    assert client.post(f"/account/withdrawals/{made.pk}/cancel/").status_code == 302
    made.refresh_from_db()
    assert made.state == WithdrawalState.CANCELLED
    assert "60.5 USD are back in your wallet." in client.get("/account/withdrawals/").content.decode()


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"amount": "100.000001"}, "Your wallet holds 100 USD; lower the amount."),
        ({"amount": "NaN"}, "Enter an amount above zero, for example 12.5."),
        ({"amount": "1e-40"}, "USD has 6 decimals at most; shorten the amount."),
        ({"address": "=cmd"}, "forty hexadecimal digits"),
        ({"asset": "DOGE"}, "No asset DOGE is listed"),
    ],
)
def test_a_refused_withdrawal_moves_nothing(client: Client, owner, form, sentence) -> None:
    before = picture()
    answer = client.post(
        "/account/withdrawals/new/", {"asset": "USD", "address": HOME, "amount": "1", **form}
    )
    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
    assert (picture(), Withdrawal.objects.count()) == (before, 0)


def test_another_users_withdrawal_cannot_be_cancelled(client: Client, owner, trader) -> None:
    client.post("/account/withdrawals/new/", {"asset": "USD", "address": HOME, "amount": "1"})
    client.force_login(trader)
    before = picture()
    client.post(f"/account/withdrawals/{Withdrawal.objects.get().pk}/cancel/")
    assert (picture(), Withdrawal.objects.get().state) == (before, WithdrawalState.REQUESTED)


def test_fees_of_a_long_past_are_added_up_in_the_background(market: Market, trader) -> None:
    account = TradingAccount.objects.create(
        user=trader, venue=market.venue, number=16, opened_at=timezone.now()
    )
    usd = Asset.objects.get(symbol="USD")
    pages = PAGES_FOR_A_PAGE + 3
    for number in range(1, pages + 1):
        fill = {"trade_id": number, "time_ms": number, "fee": 100 + number, "fee_asset": usd.pk}
        store_fills(market.venue.group_id, 16, [fill])
    some = sum(100 + number for number in range(1, PAGES_FOR_A_PAGE + 1))
    whole = sum(100 + number for number in range(1, pages + 1))
    assert fees_paid([account]) == ({usd.pk: some}, False)
    catch_up()
    assert fees_paid([account]) == ({usd.pk: whole}, True)
    assert FeesPaid.objects.get(asset=None).behind is False
    catch_up()
    assert fees_paid([account]) == ({usd.pk: whole}, True)
