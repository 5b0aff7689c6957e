"""Joint bulk entry: bodies of several accounts in one request, in order, all signed or none sent."""

import json
from typing import Any

import pytest

from exchange_os.demo.client import Credentials, VenueClient
from tests.trading.client import Trader, client_id

JOINT = "/api/exos/v1/joint"
BULK = "/api/exos/v1/bulk"


def key_of(trader: Trader, name: str = "") -> Credentials:
    """A trader's key, or one of their other keys by name."""
    who = trader.person[name] if name else trader.person
    return Credentials(who["key"], who["secret"], who["passphrase"])


def place(side: str, price: str, **extra: str) -> dict[str, str]:
    """An item that places an order."""
    return {
        "op": "place", "instId": "ETH-USD", "side": side, "ordType": "limit", "px": price, "sz": "0.002",
        "clOrdId": client_id(), **extra,
    }  # fmt: skip


def cancel(item: dict[str, str]) -> dict[str, str]:
    """An item that cancels what ``item`` placed."""
    return {"op": "cancel", "instId": "ETH-USD", "clOrdId": item["clOrdId"]}


@pytest.fixture
def door(maker: Trader) -> VenueClient:
    """A client without a key of its own."""
    return VenueClient(maker.address.base_url, maker.address.slug, None)


def post(trader: Trader, parts: Any) -> dict[str, Any]:
    """A joint request as raw JSON."""
    return trader.http.post(trader.address.rest + JOINT, content=json.dumps({"parts": parts})).json()


def test_parts_are_applied_in_order_across_accounts(door: VenueClient, maker: Trader, taker: Trader) -> None:
    rests, late = place("sell", "2990"), place("sell", "2990")
    takes = place("buy", "2990", ordType="ioc", sz="0.004")
    acks = door.joint(
        [
            (key_of(maker), [rests]),
            (key_of(taker), [takes]),
            (key_of(maker), [late, cancel(late), cancel(rests)]),
        ]
    )

    assert [ack.client_id for ack in acks] == [item["clOrdId"] for item in (rests, takes, late, late, rests)]
    assert [ack.code == "0" for ack in acks] == [True, True, True, True, False]
    order = taker.get(f"/trade/order?instId=ETH-USD&clOrdId={takes['clOrdId']}")["data"][0]
    assert (order["accFillSz"], order["avgPx"]) == ("0.002", "2990")


def test_one_part_out_of_order_sends_nothing(door: VenueClient, maker: Trader, taker: Trader) -> None:
    item = place("buy", "1500")
    good = key_of(maker)
    forged = Credentials(key_of(taker).key, "another secret", key_of(taker).passphrase)
    for other, code in ((forged, "50113"), (key_of(taker, "reader"), "50114")):
        with pytest.raises(Exception, match=code):
            door.joint([(good, [item]), (other, [place("buy", "1500")])])
    assert maker.get("/trade/orders-pending")["data"] == []


def test_a_part_may_not_be_moved_to_another_venue_or_changed(maker: Trader) -> None:
    body = json.dumps({"items": [place("buy", "1500")]})
    head = maker.headers("POST", "/api/exos/v1/bulk", body.encode())
    part = {
        "key": head["OK-ACCESS-KEY"], "passphrase": head["OK-ACCESS-PASSPHRASE"],
        "timestamp": head["OK-ACCESS-TIMESTAMP"], "sign": head["OK-ACCESS-SIGN"], "body": body,
    }  # fmt: skip
    elsewhere = f"{maker.address.base_url}/v/elsewhere{JOINT}"
    assert maker.http.post(elsewhere, content=json.dumps({"parts": [part]})).json()["code"] == "50111"
    assert post(maker, [{**part, "body": body.replace("1500", "1501")}])["code"] == "50113"
    assert post(maker, [{**part, "passphrase": "wrong"}])["code"] == "50105"
    assert post(maker, [part])["data"][0]["data"][0]["sCode"] == "0"


def test_a_signed_body_acts_once_through_either_door(maker: Trader) -> None:
    body = json.dumps({"items": [{**place("buy", "1500"), "clOrdId": ""}]})
    head = maker.headers("POST", BULK, body.encode())
    part = {
        "key": head["OK-ACCESS-KEY"], "passphrase": head["OK-ACCESS-PASSPHRASE"],
        "timestamp": head["OK-ACCESS-TIMESTAMP"], "sign": head["OK-ACCESS-SIGN"], "body": body,
    }  # fmt: skip
    assert post(maker, [part, part])["code"] == "50102"
    fresh = maker.headers("POST", BULK, body.encode())
    part |= {"timestamp": fresh["OK-ACCESS-TIMESTAMP"], "sign": fresh["OK-ACCESS-SIGN"]}
    assert maker.http.post(maker.address.rest + BULK, content=body, headers=fresh).json()["code"] == "0"
    assert post(maker, [part])["code"] == "50102"
    assert len(maker.get("/trade/orders-pending?instId=ETH-USD")["data"]) == 1


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (None, "50002"),
        ([], "51000"),
        ([1], "50002"),
        ([{}], "51000"),
        ([{"key": "", "passphrase": "", "timestamp": "", "sign": "", "body": ""}], "50103"),
        ([{"key": 1, "passphrase": "", "timestamp": "", "sign": "", "body": ""}], "51000"),
        ([{}] * 2001, "51000"),
    ],
)
def test_what_is_no_joint_request_is_refused(maker: Trader, parts: Any, code: str) -> None:
    answer = post(maker, parts)
    assert (answer["code"], answer["data"]) == (code, [])


def test_items_of_all_parts_are_counted_together(maker: Trader) -> None:
    many = json.dumps({"items": [{"op": "cancel", "instId": "ETH-USD", "clOrdId": "x"}] * 2_600})
    head = maker.headers("POST", "/api/exos/v1/bulk", many.encode())
    part = {
        "key": head["OK-ACCESS-KEY"], "passphrase": head["OK-ACCESS-PASSPHRASE"],
        "timestamp": head["OK-ACCESS-TIMESTAMP"], "sign": head["OK-ACCESS-SIGN"], "body": many,
    }  # fmt: skip
    assert post(maker, [part, part])["code"] == "51000"
