"""The terminal of a perpetual on a running exchange: prices, leverage, closing."""

import json
import re

import httpx

from tests.trading.client import Trader
from tests.trading.test_contracts import SWAP, placed, position

TERMINAL = f"/v/pit/trade/{SWAP}/"
QUEUE = re.compile(r'title="Place (\d+) of (\d+) in the queue of auto-deleveraging"')
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
    html = browser.get(f"{TERMINAL}panels/positions/").text
    panel = words(html)
    assert f"{SWAP} Cross 7×" in panel
    standing = QUEUE.search(html)
    assert standing is not None
    place, count = map(int, standing.groups())
    assert 1 <= place <= count and html.count("data-on") == 5 - (place - 1) * 5 // count
    assert "10 50,010.0 50,000.0" in panel
    status, sentence = browser.post(f"{TERMINAL}leverage/", leverage="7", mode="isolated")
    assert status == 422
    assert sentence.startswith("The margin mode cannot change while there is a position or an order. Close")
    placed(maker, SWAP, "buy", "10", "50000")
    assert browser.post(f"{TERMINAL}close/") == (204, f"Closed: 10 contracts of {SWAP} traded.")
    assert position(taker, SWAP) is None
    browser.http.close()


def test_the_preview_of_a_perpetual_is_what_the_fill_then_takes(pair: tuple[Trader, Trader]) -> None:
    maker, taker = pair
    browser = Browser(taker, TERMINAL)
    assert browser.post(f"{TERMINAL}leverage/", leverage="10", mode="cross")[0] == 204
    placed(maker, SWAP, "sell", "100", "50000")
    order = {"side": "buy", "type": "market", "size": "100"}
    told = words(browser.get(f"{TERMINAL}preview/", **order).text)
    # 100 contracts of 0.001 BTC at 50,000: worth 5,000, of which a tenth is margin; the fee is 0.05%.
    assert "Order value 5,000 USD" in told
    assert "Fee 2.5 USD" in told
    assert "Margin needed 500 USD" in told
    assert "100 contracts would fill at once." in told
    refused = words(
        browser.get(
            f"{TERMINAL}preview/", **{**order, "type": "limit", "price": "50000", "size": "99999"}
        ).text
    )
    assert "The position and its orders would be larger than this market allows. Lower the amount" in refused
    assert position(taker, SWAP) is None
    status, sentence = browser.post(f"{TERMINAL}order/", **order, reduce_only="on", client_id="reduces1")
    assert (status, "Open a position first" in sentence or "what you hold" in sentence) == (422, True)
    assert browser.post(f"{TERMINAL}order/", **order, client_id="opens1") == (
        200,
        "Filled: Buy 100 contracts.",
    )
    held = position(taker, SWAP)
    assert held is not None
    assert (held["pos"], held["imr"]) == ("100", "500")
    panel = words(browser.get(f"{TERMINAL}panels/fills/").text)
    assert "5,000 USD 2.5 USD taker" in panel

    assert browser.post(f"{TERMINAL}protect/", take_profit="", stop_loss="")[0] == 422
    assert browser.post(f"{TERMINAL}protect/", take_profit="52000", stop_loss="48000") == (
        204,
        f"Take-profit and stop-loss of {SWAP} are set; they close the whole position.",
    )
    waiting = words(browser.get(f"{TERMINAL}panels/conditional/").text)
    assert "TP / SL ≥ 52,000.0 or ≤ 48,000.0 All" in waiting
    placed(maker, SWAP, "buy", "100", "49990")
    assert browser.post(f"{TERMINAL}close/", size="40", price="") == (204, "Filled: Sell 40 contracts.")
    held = position(taker, SWAP)
    assert held is not None and held["pos"] == "60"
    assert browser.post(f"{TERMINAL}flatten/")[1].endswith("1 position closed.")
    assert position(taker, SWAP) is None
    browser.http.close()


def test_an_open_order_is_changed_in_its_row_and_the_phase_is_told(pair: tuple[Trader, Trader]) -> None:
    _, taker = pair
    browser = Browser(taker, TERMINAL)
    order_id = placed(taker, SWAP, "buy", "3", "48000")
    amend = f"{TERMINAL}amend/{order_id}/"
    row = browser.get(amend, row="1").text
    assert row.lstrip().startswith("<td") and "data-editing" in row
    assert 'name="price" value="48000.0"' in row and 'data-step="' in row
    status, said = browser.post(amend, price="0", size="3")
    assert (status, "Enter a price above zero." in said) == (422, True)
    status, said = browser.post(amend, price="48100", size="4")
    assert (status, said) == (204, "Order changed: 4 contracts at 48,100.")
    panel = words(browser.get(f"{TERMINAL}panels/orders/").text)
    assert "48,100.0 4 contracts" in panel
    assert browser.get(f"{TERMINAL}phase/").json() == {"phase": 2, "takes_orders": True}
    taker.post("/trade/cancel-order", {"instId": SWAP, "ordId": order_id})
    gone = browser.http.get(f"{amend}?row=1", headers={"Cookie": browser.cookies, "HX-Request": "true"})
    assert (gone.status_code, "no longer open" in gone.headers["HX-Trigger"]) == (422, True)
    browser.http.close()
