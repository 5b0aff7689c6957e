"""The account over all venues and the liquidation simulator, on a running exchange with a position in a perpetual."""

import re

import pytest

from tests.trading.client import Trader
from tests.trading.test_contract_pages import Browser, words
from tests.trading.test_contracts import SWAP, placed, position


@pytest.fixture
def long_taker(pair: tuple[Trader, Trader]) -> Trader:
    """A taker who is long 2,000 contracts of 0.001 BTC, bought at 50,000."""
    maker, taker = pair
    placed(maker, SWAP, "sell", "2000", "50000")
    placed(taker, SWAP, "buy", "2000", "50000")
    return taker


def test_worth_margin_and_the_price_of_liquidation(long_taker: Trader) -> None:
    visitor = Browser(long_taker, "/account/")
    text = words(visitor.get("/account/").text)
    # 300,000 of the faucet less the taker's fee of 0.05% on 100,000.
    assert "Worth 299,950.00 USD" in text
    assert "Wallet and stake 250,000.00 At venues 49,950.00" in text
    assert "Equity for margin 49,950 USD" in text
    asked = re.search(r"Margin asked for ([0-9,]+)\.00 keep ([0-9,]+)\.00", text)
    assert asked is not None, text
    assert f"Initial margin {asked[1]} Maintenance margin {asked[2]} " in text
    assert "Trading fees paid 50.00" in text
    assert "Trading fees paid 50.00" in words(visitor.get("/account/").text)  # added up once
    assert (
        words(visitor.get("/account/worth/", venue="pit").text).strip() == "Here 49,950.00 All 299,950.00 USD"
    )
    perpetuals = words(visitor.get("/", kind="swap").text)
    assert re.search(r"BTC perp .* -?[0-9.]+% [0-9,]+ contracts", perpetuals)

    held = position(long_taker, SWAP)
    assert held is not None
    page = words(visitor.get("/account/liquidation/", venue="pit").text)
    assert "Nothing: equity covers the maintenance margin." in page
    begins = re.search(r"At a fall of ([0-9.]+)% BTC-USD-SWAP ([0-9,.]+)", page)
    assert begins is not None
    assert float(begins[2].replace(",", "")) == float(held["liqPx"])
    assert "No rise within the slider liquidates you" in page
    fallen = words(visitor.get("/account/liquidation/", venue="pit", market=SWAP, move="-60").text)
    # 100,000 worth of contracts lose 60,000.
    assert "Equity -10,050 USD" in fallen and "Margin used 100%" in fallen
    unknown = visitor.http.get("/account/liquidation/?venue=nowhere", headers={"Cookie": visitor.cookies})
    assert unknown.status_code == 404

    status, _ = visitor.post("/account/withdrawals/new/", asset="USD", address="0x12", amount="1")
    assert status in (302, 401)  # this session never gave a password
    visitor.http.close()


def test_an_order_cancelled_untouched_is_in_the_history(long_taker: Trader) -> None:
    resting = placed(long_taker, SWAP, "buy", "3", "49000")
    long_taker.post("/trade/cancel-order", {"instId": SWAP, "ordId": resting})
    visitor = Browser(long_taker, "/account/")
    page = words(visitor.get("/account/history/", tab="orders").text)
    assert re.search(r"▲ Buy Limit 49,000\.0 – 0 / 3 .*Cancelled", page)
    assert "49,000.0" not in words(visitor.get("/account/history/", tab="orders", kind="filled").text)
    visitor.http.close()
