"""The terminal of a perpetual on a running exchange: prices, leverage, closing."""

import json
import re

import httpx

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
