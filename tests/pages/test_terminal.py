"""The terminal without a live engine: who sees what, and what the ticket refuses before anything is sent."""

import json
from decimal import Decimal

import pytest
from django.test import Client

from exchange_os.errors import DomainError
from exchange_os.ledger.faucet import FUNDING_SOURCE
from exchange_os.ledger.models import Asset
from trading.pages.refusals import refusal_text
from trading.pages.ticket import TicketForm
from venues.models import Market, Phase
from venues.selectors import instrument

TERMINAL = "/v/acme/trade/BTC-USD/"
HTMX = {"HX-Request": "true"}


def test_a_visitor_sees_the_market_and_an_invitation(client: Client, market: Market) -> None:
    page = client.get(TERMINAL).content.decode()
    assert '<xos-book base="/v/acme" inst="BTC-USD" tick="0.5"' in page
    assert "<xos-chart" in page
    assert "<xos-tape" in page
    assert f"/accounts/signup/?next={TERMINAL}" in page
    assert 'name="size"' not in page
    assert "data-account-socket" not in page


def test_a_newcomer_is_led_to_the_faucet(client: Client, market: Market, trader) -> None:
    client.force_login(trader)
    page = client.get(TERMINAL).content.decode()
    assert 'name="size"' in page
    assert "Open the faucet" in page


def test_a_trader_with_a_wallet_is_offered_a_transfer(client: Client, market: Market, trader) -> None:
    FUNDING_SOURCE.claim(trader, Asset.objects.get(symbol="USD"))
    client.force_login(trader)
    page = client.get(TERMINAL).content.decode()
    assert f'action="{TERMINAL}fund/"' in page
    assert "Open the faucet" not in page


def test_a_halted_market_takes_no_orders(client: Client, market: Market, trader) -> None:
    Market.objects.filter(pk=market.pk).update(phase=Phase.HALTED)
    client.force_login(trader)
    page = client.get(TERMINAL).content.decode()
    assert "This market is halted" in page
    assert 'btn-block" disabled' in page


@pytest.mark.parametrize("name", ["orders", "history", "fills", "balances"])
def test_each_table_has_an_empty_state(client: Client, market: Market, trader, name: str) -> None:
    client.force_login(trader)
    page = client.get(f"{TERMINAL}panels/{name}/").content.decode()
    assert 'class="empty empty-sm"' in page
    assert client.get(f"{TERMINAL}panels/nonsense/").status_code == 404


def test_actions_need_a_sign_in(client: Client, market: Market) -> None:
    answer = client.post(f"{TERMINAL}order/", {"side": "buy"}, headers=HTMX)
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/accounts/login/?next=%2F"
    assert client.post(f"{TERMINAL}cancel-all/").status_code == 302


def test_actions_need_a_token(market: Market, trader) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(trader)
    answer = client.post(f"{TERMINAL}order/", {"side": "buy"})
    assert answer.status_code == 403
    assert "You may not open this page" in answer.content.decode()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"price": "65000", "size": ""}, "Enter an amount above zero."),
        ({"price": "65000", "size": "-1"}, "Enter an amount above zero."),
        ({"price": "65000", "size": "NaN"}, "Enter an amount above zero."),
        ({"price": "65000", "size": "1e5"}, "Enter an amount above zero."),
        ({"price": "", "size": "1"}, "Enter the price of the limit order."),
        ({"price": "0", "size": "1"}, "Enter a price above zero."),
        ({"price": "65000", "size": "0.00001"}, "The size must be a multiple of 0.0001 BTC."),
    ],
)
def test_a_bad_ticket_is_refused_with_the_rule(
    client: Client, market: Market, trader, typed: dict, sentence: str
) -> None:
    client.force_login(trader)
    answer = client.post(f"{TERMINAL}order/", {"side": "buy", "type": "limit", **typed}, headers=HTMX)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not trader.trading_accounts.exists()


def test_a_bad_transfer_is_refused_and_moves_nothing(client: Client, market: Market, trader) -> None:
    client.force_login(trader)
    answer = client.post(f"{TERMINAL}fund/", {"asset": "USD", "amount": "zero"}, headers=HTMX)
    assert answer.status_code == 422
    toast = json.loads(answer["HX-Trigger"])["toast"]["items"][0]
    assert toast == {"level": "error", "text": "Enter an amount above zero, for example 12.5."}


def test_the_form_becomes_the_order_it_says(market: Market) -> None:
    form = TicketForm(
        {
            "side": "sell",
            "type": "limit",
            "price": "65,000.5",
            "size": "0.25",
            "tif": "ioc",
            "client_id": "abc1",
        }
    )
    assert form.is_valid()
    draft = form.draft()
    assert (draft.side, draft.price, draft.size) == ("sell", Decimal("65000.5"), Decimal("0.25"))
    assert (draft.time_in_force, draft.post_only, draft.client_id) == ("ioc", False, "abc1")


def test_a_post_only_order_rests_and_a_market_order_never_does() -> None:
    resting = TicketForm(
        {"side": "buy", "type": "limit", "price": "1", "size": "1", "tif": "fok", "post_only": "on"}
    )
    assert resting.is_valid()
    assert (resting.draft().time_in_force, resting.draft().post_only) == ("gtc", True)
    taking = TicketForm(
        {"side": "buy", "type": "market", "price": "1", "size": "1", "tif": "gtc", "post_only": "on"}
    )
    assert taking.is_valid()
    assert (taking.draft().time_in_force, taking.draft().post_only, taking.draft().price) == (
        "ioc",
        False,
        None,
    )


def test_a_refusal_of_the_kernel_names_rule_and_remedy(market: Market) -> None:
    text = refusal_text(
        "risk_price_band", "The price is too far from the last price of the market.", instrument(market)
    )
    assert text.endswith("This market takes prices within 5% of the last one.")


def test_a_made_up_client_id_is_no_ticket() -> None:
    assert not TicketForm({"side": "buy", "type": "market", "size": "1", "client_id": "<script>"}).is_valid()
    with pytest.raises(DomainError, match="Enter an amount"):
        form = TicketForm({"side": "buy", "type": "market", "size": "٣"})
        form.is_valid()
        form.draft()
