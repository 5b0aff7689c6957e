"""The API keys page."""

import html

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
    assert key.mandate == {} and "limited" not in page  # nothing was limited
    assert 'create_order("BTC/USD", "limit", "buy", 0.01, price)' in html.unescape(page)
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


def test_presets_fill_the_form_and_words_say_what_a_key_allows(
    client: Client, account: TradingAccount, trader
) -> None:
    client.force_login(trader)
    page = client.get("/account/keys/?preset=agent&venue=acme")
    assert page.context["form"]["daily_loss"].value() == 50
    assert 'aria-current="true"' in page.content.decode()
    typed = {"venue": "acme", "permissions": ["trade"], "lifetime": "30", "daily_loss": "50", "leverage": "2"}
    said = client.post("/account/keys/words/", {**typed, "markets": "btc-usd"}).content.decode()
    for line in (
        "orders in BTC-USD only",
        "Once it has lost 50 USD in a day its orders are cancelled",
        "leverage of at most 2×",
        "moves no funds out of the venue",
        "from any address: whoever has it",
        "It ends by itself on",
    ):
        assert line in said
    said = client.post("/account/keys/words/", {"venue": "acme", "permissions": ["trade", "withdraw"]})
    assert "it can lose all that you hold" in said.content.decode()
    assert 'data-level="danger"' in said.content.decode()
    said = client.post("/account/keys/words/", {**typed, "markets": "DOGE-USD"}).content.decode()
    assert "Acme Markets has no market DOGE-USD." in said
    assert not ApiKey.objects.exists()


def test_a_key_is_edited_and_replaced_by_its_owner_only(
    client: Client, account: TradingAccount, trader, django_user_model
) -> None:
    client.force_login(trader)
    create(client, label="maker")
    key = ApiKey.objects.get()
    page = client.get(f"/account/keys/{key.pk}/").content.decode()
    assert "It places, amends and cancels orders in every market of the venue." in page
    typed = {"label": "reader", "allowed_ips": "203.0.113.7", "lifetime": "keep", "rate": "5"}
    assert client.post(f"/account/keys/{key.pk}/", typed)["Location"] == f"/account/keys/{key.pk}/"
    key.refresh_from_db()
    assert (key.label, key.permissions, key.mandate) == ("reader", ["read_only"], {"markets": [], "rate": 5})
    answer = client.post(f"/account/keys/{key.pk}/", {**typed, "allowed_ips": "nowhere"})
    assert answer.status_code == 422
    assert "is not an IP address or network" in answer.content.decode()
    stranger = Client()
    stranger.force_login(django_user_model.objects.create_user("stranger"))
    for path in ("", "rotate/", "words/"):
        assert stranger.post(f"/account/keys/{key.pk}/{path}", {"grace": "0"}).status_code == 404
    before = key.key_sha256
    answer = client.post(f"/account/keys/{key.pk}/rotate/", {"grace": "24"})
    assert "Shown once" in answer.content.decode()
    assert "old key works until" in answer.content.decode()
    key.refresh_from_db()
    assert (key.key_sha256 != before, key.previous_sha256) == (True, before)
    client.post(f"/account/keys/{key.pk}/rotate/", {"grace": "9999"})
    assert ApiKey.objects.get().previous_sha256 == before


def test_more_rights_and_a_new_secret_need_a_fresh_proof(
    client: Client, account: TradingAccount, trader
) -> None:
    client.force_login(trader)
    create(client)
    key = ApiKey.objects.get()
    trader.set_password("a long enough password")
    trader.save()
    client.force_login(trader)
    for path, typed in (
        ("", {"permissions": ["trade", "withdraw"], "lifetime": ""}),
        ("rotate/", {"grace": "0"}),
    ):
        asked = client.post(f"/account/keys/{key.pk}/{path}", typed)
        assert asked["Location"].startswith("/accounts/reauthenticate/")
    after = ApiKey.objects.get()
    assert (after.permissions, after.key_sha256) == (key.permissions, key.key_sha256)
    client.post("/accounts/reauthenticate/", {"password": "a long enough password"})
    client.post(f"/account/keys/{key.pk}/", {"permissions": ["trade", "withdraw"], "lifetime": ""})
    assert ApiKey.objects.get().permissions == ["read_only", "trade", "withdraw"]
