"""The markets list and the page of a venue."""

import pytest
from django.test import Client

from exchange_os.engine.models import Candle
from venues.models import Market, Phase, Venue


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading.selectors.overview._remembered", (0.0, []))


def test_without_a_market_the_list_says_what_to_do(client: Client, db: None) -> None:
    page = client.get("/").content.decode()
    assert "No market is open yet" in page
    assert 'href="/launch/"' in page


def test_a_market_is_listed_with_price_change_volume_and_line(
    client: Client, market: Market, day: list[Candle]
) -> None:
    page = client.get("/").content.decode()
    assert 'href="/v/acme/trade/BTC-USD/"' in page
    assert "65,000.0" in page
    assert "+1.56%" in page
    assert "195,000" in page
    assert "<polyline" in page


def test_a_market_that_never_traded_has_dashes(client: Client, market: Market) -> None:
    page = client.get("/").content.decode()
    assert 'data-tick="last">–<' in page
    assert "<polyline" not in page


def test_the_search_finds_by_venue_and_works_without_script(client: Client, market: Market) -> None:
    assert "/v/acme/trade/BTC-USD/" in client.get("/", {"q": "acme"}).content.decode()
    assert "/v/acme/trade/BTC-USD/" in client.get("/", {"q": "btc"}).content.decode()
    page = client.get("/", {"q": "nothing like it"}).content.decode()
    assert "No market matches" in page
    assert "/v/acme/trade/BTC-USD/" not in page


def test_what_is_searched_is_escaped(client: Client, db: None) -> None:
    page = client.get("/", {"q": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in page


def test_a_halted_market_says_so(client: Client, market: Market) -> None:
    Market.objects.filter(pk=market.pk).update(phase=Phase.HALTED)
    assert "Halted" in client.get("/").content.decode()


def test_the_venue_page_shows_fees_stake_and_a_snippet_for_this_host(client: Client, market: Market) -> None:
    page = client.get("/v/acme/").content.decode()
    assert "Acme Markets" in page
    assert "0.02% / 0.05%" in page
    assert "Acme Labs" in page
    assert "http://testserver/v/acme" in page
    assert "ws://testserver/v/acme/ws/v5" in page
    assert "BTC/USD" in page


def test_a_venue_without_markets_says_so(client: Client, venue: Venue) -> None:
    assert "No market is open yet" in client.get("/v/acme/").content.decode()


@pytest.mark.parametrize("path", ["/v/nowhere/", "/v/acme/trade/XXX-YYY/", "/v/nowhere/trade/BTC-USD/"])
def test_what_is_not_there_is_a_styled_404(client: Client, market: Market, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.content.decode()
