"""Public REST data of a live venue."""

import time

import httpx
import pytest

from tests.trading.client import Trader, VenueAddress, public

BOOK = "/market/books?instId=BTC-USD&sz=10"


def data(address: VenueAddress, path: str) -> list:
    """The rows of an answer that must be good."""
    answer = public(address, path)
    assert (answer["code"], answer["msg"]) == ("0", ""), answer
    assert isinstance(answer["data"], list)
    return answer["data"]


def test_the_clock_is_the_servers(address: VenueAddress) -> None:
    assert abs(int(data(address, "/public/time")[0]["ts"]) - time.time() * 1000) < 2_000


def test_status_is_empty_when_all_is_well(address: VenueAddress) -> None:
    assert data(address, "/system/status") == []


def test_instruments_have_every_key_as_text(address: VenueAddress) -> None:
    rows = data(address, "/public/instruments?instType=SPOT")

    assert [row["instId"] for row in rows] == ["BTC-USD", "ETH-USD"]
    bitcoin = rows[0]
    assert (bitcoin["tickSz"], bitcoin["lotSz"], bitcoin["minSz"]) == ("0.1", "0.0001", "0.0001")
    assert (bitcoin["baseCcy"], bitcoin["quoteCcy"], bitcoin["state"], bitcoin["lever"]) == (
        "BTC",
        "USD",
        "live",
        "",
    )
    assert isinstance(bitcoin["instIdCode"], int)
    assert len(data(address, "/public/instruments?instType=SPOT&instId=ETH-USD")) == 1


@pytest.mark.parametrize("kind", ["SWAP", "FUTURES", "OPTION&uly=BTC-USD", "EVENTS", "MARGIN"])
def test_kinds_we_lack_are_empty(address: VenueAddress, kind: str) -> None:
    assert data(address, f"/public/instruments?instType={kind}") == []
    assert data(address, f"/market/tickers?instType={kind}") == []


def test_the_book_has_four_texts_a_level_best_first(address: VenueAddress, maker: Trader) -> None:
    maker.place("buy", "0.5", "40000")
    maker.place("buy", "0.25", "40000.5")
    maker.place("sell", "0.125", "60000")

    book = data(address, BOOK)[0]

    assert book["bids"][:2] == [["40000.5", "0.25", "0", "1"], ["40000", "0.5", "0", "1"]]
    assert book["asks"][0] == ["60000", "0.125", "0", "1"]
    assert isinstance(book["seqId"], int)
    assert len(data(address, "/market/books?instId=BTC-USD")[0]["bids"]) == 1
    assert data(address, "/market/books-full?instId=BTC-USD&sz=5000")[0]["asks"][0][0] == "60000"


def test_a_trade_shows_everywhere(address: VenueAddress, maker: Trader, taker: Trader) -> None:
    maker.place("sell", "0.01", "50001.5")
    taker.place("buy", "0.01", "50001.5")

    trade = data(address, "/market/trades?instId=BTC-USD&limit=1")[0]
    ticker = data(address, "/market/ticker?instId=BTC-USD")[0]

    assert (trade["px"], trade["sz"], trade["side"]) == ("50001.5", "0.01", "buy")
    assert data(address, "/market/history-trades?instId=BTC-USD&limit=1")[0] == trade | {
        "seqId": trade["seqId"]
    }
    assert (ticker["last"], ticker["lastSz"]) == ("50001.5", "0.01")
    assert ticker["vol24h"] != ""
    assert data(address, "/market/tickers?instType=SPOT")[0]["last"] == "50001.5"


def test_candles_arrive_soon_after_trades(address: VenueAddress, maker: Trader, taker: Trader) -> None:
    maker.place("sell", "0.02", "50002")
    taker.place("buy", "0.02", "50002")

    deadline = time.monotonic() + 30
    rows: list = []
    while time.monotonic() < deadline and (not rows or rows[0][4] != "50002"):
        rows = data(address, "/market/candles?instId=BTC-USD&bar=1D&limit=5")

    assert rows[0][4] == "50002"
    assert len(rows[0]) == 9
    assert rows[0][8] == "0"
    assert rows[0] == data(address, "/market/history-candles?instId=BTC-USD&bar=1Dutc&limit=1")[0]


def test_prices_are_limited_by_the_band(address: VenueAddress) -> None:
    limit = data(address, "/public/price-limit?instId=ETH-USD")[0]
    assert float(limit["buyLmt"]) == pytest.approx(3 * float(limit["sellLmt"]))
    assert limit["enabled"] is True


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/market/ticker", "50014"),
        ("/market/ticker?instId=DOGE-USD", "51001"),
        ("/market/ticker?instId=%00", "51001"),
        ("/market/books?instId=BTC-USD&sz=abc", "51000"),
        ("/market/books?instId=BTC-USD&sz=NaN", "51000"),
        ("/market/candles?instId=BTC-USD&bar=7m", "51000"),
        ("/market/candles?instId=BTC-USD&after=-5", "51000"),
        ("/market/candles?instId=BTC-USD&after=99999999999999999999", "51000"),
        ("/market/history-trades?instId=BTC-USD&type=3", "51000"),
        ("/public/instruments", "50014"),
        ("/public/instruments?instType=HOUSES", "51000"),
        ("/market/no-such-thing", "404"),
        ("/", "404"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_dialect(
    address: VenueAddress, path: str, code: str
) -> None:
    answer = public(address, path)
    assert answer["code"] == code
    assert answer["data"] == []
    assert answer["msg"].endswith(".")


@pytest.mark.parametrize("after", ["0", "1", "9223372036854775807"])
def test_edges_of_paging_do_not_crash(address: VenueAddress, after: str) -> None:
    for bar in ("1m", "1W", "3M"):
        public(address, f"/market/candles?instId=BTC-USD&bar={bar}&after={after}")
        answer = public(address, f"/market/candles?instId=BTC-USD&bar={bar}&before={after}")
        assert answer["code"] in ("0", "51000")
    assert public(address, f"/market/history-trades?instId=BTC-USD&after={after}")["code"] == "0"


def test_an_unknown_venue_is_not_there(address: VenueAddress) -> None:
    nowhere = VenueAddress(address.base_url, "nowhere")
    assert public(nowhere, "/public/time")["code"] == "404"


def test_a_long_answer_is_compressed_for_who_reads_it(address: VenueAddress) -> None:
    url = f"{address.rest}/api/v5/public/instruments?instType=SPOT"
    packed = httpx.get(url, headers={"Accept-Encoding": "gzip"})
    plain = httpx.get(url, headers={"Accept-Encoding": "identity"})
    short = httpx.get(f"{address.rest}/api/v5/public/time", headers={"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"])
    assert "Content-Encoding" not in plain.headers
    assert "Content-Encoding" not in short.headers
    assert packed.json() == plain.json()
