"""Lists of the dialect: what narrows them, how far back they reach, and those that are always empty."""

import pytest

from tests.trading.client import Trader, VenueAddress, public
from trading.selectors.orders import Window


def names(answer: dict) -> list[str]:
    """Instruments of an answer."""
    assert answer["code"] == "0", answer
    return [row["instId"] for row in answer["data"]]


def test_instruments_are_narrowed(pit_address: VenueAddress, pair: tuple[Trader, Trader]) -> None:
    swaps = public(pit_address, "/public/instruments?instType=SWAP")["data"]
    events = names(public(pit_address, "/public/instruments?instType=EVENTS"))
    first = swaps[0]
    assert (first["uly"], first["instFamily"]) == (f"{first['ctValCcy']}-{first['settleCcy']}",) * 2
    same = [row["instId"] for row in swaps if row["uly"] == first["uly"]]
    series = public(pit_address, "/public/instruments?instType=EVENTS")["data"][0]["seriesId"]
    for query, found in (
        (f"instType=SWAP&uly={first['uly']}", same),
        (f"instType=SWAP&instFamily={first['uly']}", same),
        ("instType=SWAP&uly=NO-SUCH", []),
        (f"instType=EVENTS&uly={first['uly']}", []),
        ("instType=EVENTS&seriesId=no-such", []),
        (f"instType=SWAP&seriesId={series}", []),
    ):
        assert names(public(pit_address, f"/public/instruments?{query}")) == found, query
        assert names(pair[0].get(f"/account/instruments?{query}")) == found, query
    of_series = public(pit_address, f"/public/instruments?instType=EVENTS&seriesId={series}")["data"]
    assert {row["seriesId"] for row in of_series} == {series}
    assert {row["instId"] for row in of_series} <= set(events)


def test_unknown_kinds_are_refused(pair: tuple[Trader, Trader]) -> None:
    trader = pair[0]
    for path in ("instruments", "trade-fee"):
        assert trader.get(f"/account/{path}?instType=NOPE")["code"] == "51000"
        assert trader.get(f"/account/{path}")["code"] == "50014"
        assert trader.get(f"/account/{path}?instType=OPTION")["data"] == []
    assert trader.get("/account/trade-fee?instType=SWAP&uly=NO-SUCH")["data"] == []
    assert trader.get("/account/trade-fee?instType=EVENTS")["data"][0]["settle"] == "0"
    assert trader.get("/account/trade-fee?instType=SWAP")["data"][0]["settle"] == ""
    assert trader.post("/account/set-position-mode", {"posMode": "long_short_mode"})["code"] == "59000"
    assert trader.get("/account/config")["data"][0]["posMode"] == "net_mode"


def test_bills_are_narrowed_before_they_are_paged(maker: Trader, taker: Trader) -> None:
    maker.place("sell", "0.01", "50000")
    taker.place("buy", "0.01", "50000")
    moved = taker.post("/asset/transfer", {"ccy": "USD", "amt": "1", "from": "18", "to": "6"})
    number, state = moved["data"][0]["transId"], "pending"
    while state == "pending":
        state = taker.get(f"/asset/transfer-state?transId={number}")["data"][0]["state"]
    newest = taker.get("/account/bills?limit=1")["data"]
    assert [row["type"] for row in newest] == ["1"]
    spot = taker.get("/account/bills?instType=SPOT&limit=1")["data"]
    assert [(row["type"], row["instType"], row["sz"]) for row in spot] == [("2", "SPOT", "0.01")]
    for query in ("instType=SWAP", "mgnMode=cross", "ctType=linear", "ctType=inverse"):
        assert taker.get(f"/account/bills?{query}")["data"] == [], query
    for query in ("instType=NOPE", "mgnMode=nope", "ctType=nope"):
        assert taker.get(f"/account/bills?{query}")["code"] == "51000", query


@pytest.mark.parametrize("path", ["orders-history", "orders-pending", "trades"])
def test_there_are_no_spreads(maker: Trader, path: str) -> None:
    assert maker.get(f"/sprd/{path}") == {"code": "0", "msg": "", "data": []}


def test_a_list_reaches_back_no_further_than_it_may() -> None:
    assert Window().not_before(5).begin_ms == 5
    assert Window(begin_ms=3).not_before(5).begin_ms == 5
    assert Window(begin_ms=9, end_ms=12, limit=7).not_before(5) == Window(7, None, None, 9, 12)


def test_order_routes_tell_what_their_limit_leaves(maker: Trader) -> None:
    body = b'{"instId":"BTC-USD","ordId":"1"}'
    answers = [maker.send("POST", "/api/v5/trade/cancel-order", body).headers for _ in range(2)]
    assert {each["X-RateLimit-Limit"] for each in answers} == {"300"}
    left = [int(each["X-RateLimit-Remaining"]) for each in answers]
    assert 0 < left[0] < 300
    assert 0 < left[1] < 300
