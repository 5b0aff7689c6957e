"""What the first page helps to discover: movers, favourites of visitors and of accounts, searches as one types."""

import pytest
from django.test import Client

from exchange_os.engine.models import Candle
from trading.models import Favourite
from trading.services.favourites import KEPT_AT_MOST, toggle_favourite
from venues.models import Market, Venue

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading.selectors.overview._remembered", (0.0, []))


def test_a_market_that_rose_is_among_the_movers(client: Client, market: Market, day: list[Candle]) -> None:
    page = client.get("/").content.decode()
    assert "<h2>Rising</h2>" in page
    assert "<h2>Falling</h2>" not in page
    assert "<h2>Most traded</h2>" in page
    assert "<h2>New</h2>" in page


def test_movers_are_not_in_the_way_of_a_search_or_a_tab(
    client: Client, market: Market, day: list[Candle]
) -> None:
    assert "<h2>Rising</h2>" not in client.get("/", {"q": "btc"}).content.decode()
    assert "<h2>Rising</h2>" not in client.get("/", {"kind": "spot"}).content.decode()


def test_a_visitor_keeps_favourites_in_a_cookie(client: Client, market: Market) -> None:
    assert "No favourites yet" in client.get("/", {"kind": "favourites"}).content.decode()
    answer = client.post(f"/favourites/{market.pk}/", {"next": "/?kind=spot"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/?kind=spot")
    cookie = answer.cookies["favourites"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == (str(market.pk), True, "Lax")
    page = client.get("/", {"kind": "favourites"}).content.decode()
    assert "/v/acme/trade/BTC-USD/" in page
    assert 'aria-pressed="true"' in page
    assert client.post(f"/favourites/{market.pk}/").cookies["favourites"].value == ""
    assert Favourite.objects.count() == 0


def test_an_account_keeps_favourites_on_the_server(client: Client, trader, market: Market) -> None:
    client.force_login(trader)
    star = client.post(f"/favourites/{market.pk}/", **HTMX)
    assert 'aria-pressed="true"' in star.content.decode()
    assert "<html" not in star.content.decode()
    assert "favourites" not in star.cookies
    assert list(Favourite.objects.values_list("user_id", "market_id")) == [(trader.pk, market.pk)]
    assert "/v/acme/trade/BTC-USD/" in client.get("/", {"kind": "favourites"}).content.decode()
    assert 'aria-pressed="false"' in client.post(f"/favourites/{market.pk}/", **HTMX).content.decode()
    assert Favourite.objects.count() == 0


def test_the_oldest_favourite_goes_when_there_are_too_many(trader, market: Market) -> None:
    markets = [Market.objects.get(pk=market.pk)]
    for number in range(1, KEPT_AT_MOST + 1):
        market.pk = None
        market.number = number
        market.symbol = f"M{number}-USD"
        market.save()
        markets.append(Market.objects.get(pk=market.pk))
    for each in markets:
        assert toggle_favourite(trader.pk, each.pk)
    kept = set(Favourite.objects.values_list("market_id", flat=True))
    assert kept == {each.pk for each in markets[1:]}


@pytest.mark.parametrize("number", [0, 999_999, 10**12])
def test_an_unknown_market_is_no_favourite(client: Client, trader, market: Market, number: int) -> None:
    client.force_login(trader)
    assert client.post(f"/favourites/{number}/").status_code == 404
    assert Favourite.objects.count() == 0


@pytest.mark.parametrize("cookie", ["", "x", "1.2.<b>", "9" * 30, ".".join("1" * 400), "²"])
def test_a_cookie_of_nonsense_is_an_empty_list(client: Client, market: Market, cookie: str) -> None:
    client.cookies["favourites"] = cookie
    assert client.get("/", {"kind": "favourites"}).status_code == 200


def test_a_mark_does_not_lead_to_another_site(client: Client, market: Market) -> None:
    answer = client.post(f"/favourites/{market.pk}/", {"next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"


def test_a_venue_says_what_its_deployer_staked(client: Client, venue: Venue) -> None:
    assert "stake 0 OKB" in client.get("/").content.decode()
