"""The pages of events and perpetuals on a running exchange: prices, a bet in plain words, leverage, closing."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.trading.client import Trader
from tests.trading.test_contracts import SWAP, placed, position

TERMINAL = f"/v/pit/trade/{SWAP}/"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Browser:
    """A signed-in trader's requests, as htmx sends them."""

    def __init__(self, trader: Trader, page: str) -> None:
        self.base = trader.address.base_url
        self.cookies = f"sessionid={trader.person['session']}"
        self.http = httpx.Client(base_url=self.base, timeout=30)
        found = self.get(page)
        token = TOKEN.search(found.text)
        assert token is not None
        self.token = token[1]
        self.cookies += f"; csrftoken={found.cookies['csrftoken']}"

    def get(self, path: str, **params: str) -> httpx.Response:
        """A page or fragment that must come."""
        answer = self.http.get(path, params=params, headers={"Cookie": self.cookies})
        assert answer.status_code == 200, answer.text
        return answer

    def post(self, path: str, **data: str) -> tuple[int, str]:
        """Send a form; the status and the sentence of the toast, or of the answer."""
        headers = {
            "Cookie": self.cookies, "Origin": self.base, "X-CSRFToken": self.token, "HX-Request": "true",
        }  # fmt: skip
        answer = self.http.post(path, data=data, headers=headers)
        told = json.loads(answer.headers.get("hx-trigger", "{}")).get("toast")
        return answer.status_code, told["items"][0]["text"] if told else words(answer.text)


def words(html: str) -> str:
    """The text of a page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


@pytest.fixture
def event_page(pit: dict) -> str:
    """Address of the event."""
    return f"/v/pit/event/{pit['event']}/"


@pytest.fixture
def bettor(pair: tuple[Trader, Trader], event_page: str) -> Iterator[Browser]:
    """The taker's browser on the page of the event."""
    made = Browser(pair[1], event_page)
    yield made
    made.http.close()


def test_a_bet_from_the_page_of_an_event(
    pair: tuple[Trader, Trader], bettor: Browser, pit: dict, event_page: str
) -> None:
    maker, taker = pair
    outcome = pit["outcomes"][2]
    placed(maker, outcome, "sell", "50", "0.45", tdMode="isolated", outcome="yes")
    placed(maker, outcome, "buy", "50", "0.42", tdMode="isolated", outcome="yes")
    page = words(bettor.get(event_page).text)
    assert "Who wins the cup?" in page
    assert "Yes 0.45 No 0.58" in page
    quote = bettor.get(f"{event_page}quote/", market=outcome, side="yes", direction="buy", size="20")
    # 20 at 0.45 and a fee of 1% of 0.45 * 0.55 each.
    assert "You pay at most 9.0495 USD . You get 20 USD if Any other wins" in words(quote.text)
    against = bettor.get(f"{event_page}quote/", market=outcome, side="no", direction="buy", size="20")
    assert "if Any other does not win" in words(against.text)
    assert bettor.post(f"{event_page}bet/", market=outcome, side="yes", size="20") == (
        200,
        "Filled: Buy 20 contracts.",
    )
    held = position(taker, outcome)
    assert held is not None
    assert (held["pos"], held["avgPx"]) == ("20", "0.45")
    assert "What you hold" in bettor.get(event_page).text
    status, sentence = bettor.post(f"{event_page}bet/", market=outcome, side="yes", size="many")
    assert (status, sentence) == (422, "Enter how many contracts, for example 20.")
    assert outcome in bettor.get(f"/v/pit/trade/{outcome}/").text


def test_positions_and_leverage_of_the_terminal(pair: tuple[Trader, Trader]) -> None:
    maker, taker = pair
    browser = Browser(taker, TERMINAL)
    page = words(browser.get(TERMINAL).text)
    assert "Mark 50,000.0 Index 50,000.0" in page
    assert "Leverage of 20×" in page
    assert browser.post(f"{TERMINAL}leverage/", leverage="7", mode="cross") == (
        204,
        f"{SWAP}: 7× cross from now on.",
    )
    assert browser.post(f"{TERMINAL}leverage/", leverage="50", mode="cross") == (
        422,
        "Choose a whole leverage from 1 to 20.",
    )
    placed(maker, SWAP, "sell", "10", "50010")
    placed(taker, SWAP, "buy", "10", "50010")
    panel = words(browser.get(f"{TERMINAL}panels/positions/").text)
    assert f"{SWAP} Cross 7×" in panel
    assert "10 50,010.0 50,000.0" in panel
    status, sentence = browser.post(f"{TERMINAL}leverage/", leverage="7", mode="isolated")
    assert (status, sentence) == (422, "The margin mode cannot change while there is a position or an order.")
    placed(maker, SWAP, "buy", "10", "50000")
    assert browser.post(f"{TERMINAL}close/") == (204, f"Closed: 10 contracts of {SWAP} traded.")
    assert position(taker, SWAP) is None
    browser.http.close()
