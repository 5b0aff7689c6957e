"""The search of the navigation: venues, markets and events by a few letters."""

import pytest
from django.test import Client

from venues.models import Market, Venue, VenueState


def found(client: Client, words: str) -> str:
    answer = client.get("/search/", {"q": words})
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("words", ["btc", "BTC-U", "bitcoin", " btc-usd "])
def test_a_market_is_found_by_its_pair_and_its_asset(client: Client, market: Market, words: str) -> None:
    page = found(client, words)
    assert 'href="/v/acme/trade/BTC-USD/"' in page
    assert page.count('role="option"') == 1


def test_a_venue_is_found_by_name_and_address_while_it_is_live(client: Client, venue: Venue) -> None:
    for words in ("acme", "markets"):
        assert 'href="/v/acme/"' in found(client, words)
    Venue.objects.update(state=VenueState.FAILED)
    assert 'href="/v/acme/"' not in found(client, "acme")


@pytest.mark.parametrize("words", ["", "   ", "no such thing", "%", "<script>", "x" * 500])
def test_what_finds_nothing_says_so(client: Client, market: Market, words: str) -> None:
    page = found(client, words)
    assert 'role="option"' not in page
    assert "<script>" not in page
    assert ("Type an asset" if not words.strip() else "Nothing is called") in page


def test_the_search_is_in_the_frame_and_works_without_script(client: Client, market: Market) -> None:
    page = client.get("/v/acme/").content.decode()
    assert 'hx-get="/search/"' in page
    assert 'hx-get="/search/"' not in client.get("/").content.decode()  # it has a larger one
    assert "BTC-USD" in client.get("/", {"q": "btc"}).content.decode()


def test_the_worth_is_for_those_signed_in(client: Client, market: Market, trader) -> None:
    assert client.get("/account/worth/")["Location"].startswith("/accounts/login/")
    client.force_login(trader)
    page = client.get("/account/worth/").content.decode()
    assert "0.00" in page
    assert "partly" not in page
