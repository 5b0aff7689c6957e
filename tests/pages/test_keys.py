"""The API keys page."""

import pytest
from django.test import Client
from django.utils import timezone

from trading.models import ApiKey, TradingAccount
from venues.models import Market


@pytest.fixture
def account(market: Market, trader) -> TradingAccount:
    """The trader's account at the venue, which the kernel knows."""
    return TradingAccount.objects.create(user=trader, venue=market.venue, number=16, opened_at=timezone.now())


def create(client: Client, **typed: object):
    return client.post(
        "/account/keys/",
        {"venue": "acme", "permissions": ["trade"], "allowed_ips": "", "lifetime": "", **typed},
    )


def test_keys_are_for_those_signed_in(client: Client, db: None) -> None:
    assert client.get("/account/keys/")["Location"] == "/accounts/login/?next=/account/keys/"


def test_the_empty_page_says_what_a_key_is_for(client: Client, market: Market, trader) -> None:
    client.force_login(trader)
    page = client.get("/account/keys/").content.decode()
    assert "No keys yet" in page
    assert "Acme Markets" in page


def test_the_secret_is_shown_once(client: Client, account: TradingAccount, trader) -> None:
    client.force_login(trader)
    answer = create(client, label="maker", lifetime="30", allowed_ips="203.0.113.7, 198.51.100.0/24")
    page = answer.content.decode()
    key = ApiKey.objects.get()
    assert "Shown once" in page
    assert "no-store" in answer["Cache-Control"]
    assert key.permissions == ["read_only", "trade"]
    assert key.allowed_ips == ["203.0.113.7/32", "198.51.100.0/24"]
    assert key.expires_at is not None
    again = client.get("/account/keys/").content.decode()
    assert "Shown once" not in again
    assert key.key_hint in again
    assert "maker" in again


def test_a_bad_address_is_refused_at_its_field(client: Client, account: TradingAccount, trader) -> None:
    client.force_login(trader)
    answer = create(client, allowed_ips="not-an-address")
    assert answer.status_code == 422
    assert "is not an IP address or network" in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_by_its_owner_only(
    client: Client, account: TradingAccount, trader, django_user_model
) -> None:
    client.force_login(trader)
    create(client)
    key = ApiKey.objects.get()
    stranger = Client()
    stranger.force_login(django_user_model.objects.create_user("stranger"))
    stranger.post(f"/account/keys/{key.pk}/revoke/")
    key.refresh_from_db()
    assert key.revoked_at is None
    page = client.post(f"/account/keys/{key.pk}/revoke/", follow=True).content.decode()
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "is revoked" in page
    assert "No keys yet" in page
