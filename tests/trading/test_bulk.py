"""Bulk entry: one body, one row per item, in order."""

import json

from tests.trading.client import Trader, client_id


def bulk(trader: Trader, items: object) -> dict:
    """Send a bulk body."""
    return trader.send("POST", "/api/exos/v1/bulk", json.dumps({"items": items}).encode()).json()


def place(price: str, **extra: str) -> dict:
    """An item that places an order."""
    return {
        "op": "place", "instId": "ETH-USD", "side": "buy", "ordType": "limit", "px": price, "sz": "0.001",
        "clOrdId": client_id(), **extra,
    }  # fmt: skip


def test_a_thousand_items_get_a_thousand_rows(maker: Trader) -> None:
    items = [place(f"{1600 + number}") for number in range(1000)]
    answer = bulk(maker, items)

    assert (answer["code"], len(answer["data"])) == ("0", 1000)
    assert [row["clOrdId"] for row in answer["data"]] == [item["clOrdId"] for item in items]
    cancels = [{"op": "cancel", "instId": "ETH-USD", "ordId": row["ordId"]} for row in answer["data"]]
    assert {row["sCode"] for row in bulk(maker, cancels)["data"]} == {"0"}
    assert maker.get("/trade/orders-pending")["data"] == []


def test_items_are_applied_in_order_and_fail_apart(maker: Trader) -> None:
    good = place("1700")
    answer = bulk(
        maker,
        [
            good,
            {
                "op": "amend",
                "instId": "ETH-USD",
                "clOrdId": good["clOrdId"],
                "newPx": "1701",
                "newSz": "0.002",
            },
            {"op": "cancel", "instId": "ETH-USD", "clOrdId": good["clOrdId"]},
            place("1700.001"),
            place("1700", instId="DOGE-USD"),
            {"op": "dance"},
            place("1700", clOrdId=good["clOrdId"]),
        ],
    )
    codes = [row["sCode"] for row in answer["data"]]
    assert answer["code"] == "2"
    assert codes[:3] == ["0", "0", "0"]
    assert all(code != "0" for code in codes[3:])
    assert codes[6] == "51016"


def test_bodies_that_are_no_bulk_are_refused(maker: Trader) -> None:
    for body in (
        b"",
        b"{",
        b"[]",
        b'{"items":1}',
        b'{"items":[]}',
        json.dumps({"items": [place("1")] * 5001}).encode(),
    ):
        answer = maker.send("POST", "/api/exos/v1/bulk", body).json()
        assert answer["code"] in ("50000", "50002", "51000"), body[:20]
        assert answer["data"] == []
