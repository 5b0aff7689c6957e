"""Order entry and order queries over REST: what is acknowledged is so, and what is refused moved nothing."""

import pytest

from tests.trading.client import Trader, client_id


def balances(trader: Trader) -> dict[str, tuple[str, str]]:
    """(total, frozen) by asset."""
    details = trader.get("/account/balance")["data"][0]["details"]
    return {row["ccy"]: (row["cashBal"], row["frozenBal"]) for row in details}


def order_of(trader: Trader, row: dict) -> dict:
    """The order a row names."""
    return trader.get(f"/trade/order?instId=BTC-USD&ordId={row['ordId']}")["data"][0]


def test_an_order_rests_and_is_seen_until_it_is_cancelled(maker: Trader) -> None:
    before = balances(maker)
    row = maker.place("buy", "0.1", "30000")
    assert (row["sCode"], row["sMsg"]) == ("0", "")

    order = order_of(maker, row)
    assert (order["state"], order["px"], order["sz"], order["side"]) == ("live", "30000", "0.1", "buy")
    assert (order["ordType"], order["reduceOnly"], order["accFillSz"], order["fee"]) == (
        "limit",
        "false",
        "0",
        "0",
    )
    assert [item["ordId"] for item in maker.get("/trade/orders-pending?instId=BTC-USD")["data"]] == [
        row["ordId"]
    ]
    assert balances(maker)["USD"][1] == "3001.5"

    cancelled = maker.post("/trade/cancel-order", {"instId": "BTC-USD", "clOrdId": row["clOrdId"]})["data"][0]
    assert (cancelled["sCode"], cancelled["ordId"]) == ("0", row["ordId"])
    assert order_of(maker, row)["state"] == "canceled"
    assert maker.get("/trade/orders-pending")["data"] == []
    assert balances(maker) == before


def test_a_trade_fills_both_sides_and_charges_fees(maker: Trader, taker: Trader) -> None:
    resting = maker.place("sell", "0.2", "50000")
    crossing = taker.place("buy", "0.3", "50000.5")

    filled, open_ = order_of(maker, resting), order_of(taker, crossing)
    assert (filled["state"], filled["avgPx"], filled["fee"], filled["feeCcy"]) == (
        "filled",
        "50000",
        "-1",
        "USD",
    )
    assert (open_["state"], open_["accFillSz"], open_["avgPx"], open_["fee"]) == (
        "partially_filled", "0.2", "50000", "-5",
    )  # fmt: skip

    fill = taker.get(f"/trade/fills?ordId={crossing['ordId']}")["data"][0]
    assert (fill["fillPx"], fill["fillSz"], fill["execType"], fill["fee"]) == ("50000", "0.2", "T", "-5")
    assert fill["side"] == "buy"
    assert maker.get("/trade/fills-history?instType=SPOT")["data"][0]["execType"] == "M"
    history = maker.get("/trade/orders-history?instType=SPOT&state=filled")["data"]
    assert history[0]["ordId"] == resting["ordId"]
    bill = maker.get("/account/bills?type=2")["data"][0]
    assert (bill["ccy"], bill["balChg"], bill["fee"]) == ("USD", "9999", "-1")


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"sz": "0.00005"}, "51121"),
        ({"sz": "0"}, "51000"),
        ({"sz": "-1"}, "51000"),
        ({"sz": "NaN"}, "51000"),
        ({"sz": "1e400"}, "51000"),
        ({"sz": "9" * 25}, "51000"),
        ({"sz": None}, "50014"),
        ({"sz": []}, "51000"),
        ({"sz": True}, "51000"),
        ({"px": "30000.05"}, "51006"),
        ({"px": ""}, "50014"),
        ({"px": "Infinity"}, "51000"),
        ({"px": "90000"}, "51006"),
        ({"sz": "100"}, "51008"),
        ({"side": "steal"}, "51000"),
        ({"side": {"a": 1}}, "51000"),
        ({"ordType": "trigger"}, "51000"),
        ({"tdMode": "margin"}, "51000"),
        ({"posSide": "long"}, "51000"),
        ({"clOrdId": "no spaces"}, "51000"),
        ({"clOrdId": "x" * 33}, "51000"),
        ({"stpMode": "never"}, "51000"),
        ({"reduceOnly": "maybe"}, "51000"),
        ({"instId": "DOGE-USD"}, "51001"),
        ({"instId": ["BTC-USD"]}, "51001"),
        ({"instId": None, "instIdCode": 999999}, "51001"),
        ({"expTime": "1"}, "50102"),
        ({"expTime": "soon"}, "51000"),
    ],
)
def test_a_wrong_order_is_refused_and_moves_nothing(maker: Trader, order: dict, code: str) -> None:
    before = balances(maker)
    row = maker.place("buy", "0.01", "30000", **order)

    assert row["sCode"] == code, row
    assert row["sMsg"]
    assert row["ordId"] == ""
    assert maker.get("/trade/orders-pending")["data"] == []
    assert balances(maker) == before


def test_unknown_fields_are_ignored_and_numbers_may_be_json(maker: Trader) -> None:
    order = {
        "instIdCode": 1, "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": 0.01, "px": 30000, "tag": "abc",
        "brokerId": "x", "reduceOnly": False, "nonsense": {"deep": [1]},
    }  # fmt: skip
    row = maker.post("/trade/order", order)["data"][0]
    assert (row["sCode"], row["tag"]) == ("0", "abc")
    assert order_of(maker, row)["px"] == "30000"


def test_a_client_id_works_once(maker: Trader) -> None:
    name = client_id()
    first = maker.place("buy", "0.01", "30000", clOrdId=name)
    again = maker.place("buy", "0.01", "30000", clOrdId=name)

    assert again["sCode"] == "51016"
    assert len(maker.get("/trade/orders-pending")["data"]) == 1
    found = maker.get(f"/trade/order?instId=BTC-USD&clOrdId={name}")["data"][0]
    assert found["ordId"] == first["ordId"]


def test_a_batch_tells_each_item_apart(maker: Trader) -> None:
    good = {
        "instId": "BTC-USD",
        "tdMode": "cash",
        "side": "buy",
        "ordType": "limit",
        "sz": "0.01",
        "px": "30000",
    }
    answer = maker.post("/trade/batch-orders", [good, {**good, "sz": "0"}, "text", {**good, "px": "29999"}])

    assert answer["code"] == "2"
    assert [row["sCode"] for row in answer["data"]] == ["0", "51000", "50002", "0"]
    assert int(answer["inTime"]) <= int(answer["outTime"])
    ids = [row["ordId"] for row in answer["data"] if row["sCode"] == "0"]
    cancel = maker.post("/trade/cancel-batch-orders", [{"instId": "BTC-USD", "ordId": item} for item in ids])
    assert cancel["code"] == "0"
    again = maker.post("/trade/cancel-batch-orders", [{"instId": "BTC-USD", "ordId": item} for item in ids])
    assert again["code"] == "1"
    assert {row["sCode"] for row in again["data"]} <= {"51400", "51401"}
    assert maker.post("/trade/batch-orders", [good] * 21)["code"] == "51000"
    assert maker.post("/trade/batch-orders", [])["code"] == "51000"


def test_amending_names_the_total_size(maker: Trader) -> None:
    row = maker.place("buy", "0.5", "30000")
    answer = maker.post(
        "/trade/amend-order",
        {"instId": "BTC-USD", "ordId": row["ordId"], "newSz": "0.25", "newPx": "30001", "reqId": "r1"},
    )
    assert (answer["data"][0]["sCode"], answer["data"][0]["reqId"]) == ("0", "r1")
    order = order_of(maker, row)
    assert (order["sz"], order["px"]) == ("0.25", "30001")
    gone = maker.post("/trade/amend-order", {"instId": "BTC-USD", "ordId": "999999999", "newSz": "1"})
    assert gone["data"][0]["sCode"] == "51503"
    nothing = maker.post("/trade/amend-order", {"instId": "BTC-USD", "ordId": row["ordId"]})
    assert nothing["data"][0]["sCode"] == "50014"


def test_a_post_only_order_that_would_trade_is_taken_and_cancelled(maker: Trader, taker: Trader) -> None:
    maker.place("sell", "0.01", "49990")
    row = taker.place("buy", "0.01", "49990", ordType="post_only")
    assert row["sCode"] == "0"
    order = order_of(taker, row)
    assert (order["state"], order["cancelSource"], order["accFillSz"]) == ("canceled", "31", "0")


@pytest.mark.parametrize(("kind", "source", "filled"), [("ioc", "14", "0.01"), ("fok", "13", "0")])
def test_what_cannot_rest_is_cancelled(
    maker: Trader, taker: Trader, kind: str, source: str, filled: str
) -> None:
    maker.place("sell", "0.01", "49980")
    row = taker.place("buy", "0.02", "49980", ordType=kind)
    order = order_of(taker, row)
    assert (order["state"], order["cancelSource"], order["accFillSz"], order["ordType"]) == (
        "canceled", source, filled, kind,
    )  # fmt: skip


def test_market_orders_take_size_in_base_or_in_quote(maker: Trader, taker: Trader) -> None:
    maker.place("sell", "0.1", "49970")
    before = balances(taker)
    base = taker.place("buy", "0.01", "", ordType="market", tgtCcy="base_ccy")
    assert order_of(taker, base)["accFillSz"] == "0.01"
    quote = taker.place("buy", "1000", "", ordType="market")
    order = order_of(taker, quote)
    assert order["accFillSz"] == "0.02"
    assert (order["tgtCcy"], order["sz"], order["px"]) == ("base_ccy", "0.02", "")
    assert float(before["USD"][0]) - float(balances(taker)["USD"][0]) < 1500.0


def test_mass_cancel_and_the_dead_man_switch(maker: Trader) -> None:
    for price in ("30000", "30001", "30002"):
        maker.place("buy", "0.001", price)
    assert maker.post("/trade/mass-cancel", {"instId": "ETH-USD"})["data"] == [{"result": True}]
    assert len(maker.get("/trade/orders-pending")["data"]) == 3
    assert maker.post("/trade/cancel-all-after", {"timeOut": "60"})["data"][0]["triggerTime"] != "0"
    assert maker.post("/trade/cancel-all-after", {"timeOut": "0"})["data"][0]["triggerTime"] == "0"
    assert maker.post("/trade/cancel-all-after", {"timeOut": "5"})["code"] == "51000"
    assert maker.post("/trade/mass-cancel", {})["code"] == "0"
    assert maker.get("/trade/orders-pending")["data"] == []


def test_pages_of_orders_fit_together(maker: Trader) -> None:
    order = {"instId": "ETH-USD", "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.01"}
    placed = maker.post("/trade/batch-orders", [{**order, "px": str(2000 + n)} for n in range(7)])["data"]
    ids = [row["ordId"] for row in reversed(placed)]

    def page(query: str) -> list[str]:
        rows = maker.get(f"/trade/orders-pending?instId=ETH-USD&{query}")["data"]
        return [row["ordId"] for row in rows]

    assert page("limit=3") == ids[:3]
    assert page(f"limit=3&after={ids[2]}") == ids[3:6]
    assert page(f"limit=3&after={ids[5]}") == ids[6:]
    assert page(f"before={ids[2]}") == ids[:2]
    assert page("limit=1000") == ids
    maker.post("/trade/mass-cancel", {})
    closed = maker.get("/trade/orders-history?instType=SPOT&instId=ETH-USD&state=canceled&limit=3")["data"]
    assert [row["ordId"] for row in closed] == ids[:3]
    older = maker.get(f"/trade/orders-history?instType=SPOT&instId=ETH-USD&after={ids[2]}&limit=3")["data"]
    assert [row["ordId"] for row in older] == ids[3:6]
    assert maker.get("/trade/orders-history")["code"] == "50014"


def test_pages_of_fills_fit_together(maker: Trader, taker: Trader) -> None:
    for n in range(4):
        maker.place("sell", "0.001", f"4900{n}")
        taker.place("buy", "0.001", f"4900{n}")
    newest = taker.get("/trade/fills?limit=2")["data"]
    older = taker.get(f"/trade/fills?limit=2&after={newest[-1]['billId']}")["data"]
    newer = taker.get(f"/trade/fills?before={older[0]['billId']}")["data"]

    assert [row["fillPx"] for row in newest + older] == ["49003", "49002", "49001", "49000"]
    assert newer == newest
    stamp = int(newest[0]["ts"])
    assert taker.get(f"/trade/fills?begin={stamp + 1}")["data"] == []
    assert newest[0] in taker.get(f"/trade/fills-history?begin={stamp}&end={stamp}")["data"]


def test_an_order_that_never_was_is_not_found(maker: Trader) -> None:
    assert maker.get("/trade/order?instId=BTC-USD&ordId=424242424242")["code"] == "51603"
    assert maker.get("/trade/order?instId=BTC-USD&clOrdId=neverwas")["code"] == "51603"
    assert maker.get("/trade/order?instId=BTC-USD")["code"] == "50014"
    assert maker.get("/trade/order?instId=BTC-USD&ordId=abc")["code"] == "51000"
