"""Who may do what: headers, clocks, passphrases, permissions, and the borders between accounts and venues."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from exchange_os.demo.stack import PrivateStack
from exchange_os.embedded.problems import SetupProblem
from tests.trading.client import Trader, VenueAddress

BALANCE = "/api/v5/account/balance"


def refused(response: httpx.Response, code: str) -> None:
    """401 with this code and nothing else."""
    assert (response.status_code, response.json()["code"]) == (401, code), response.text
    assert response.json()["data"] == []


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("OK-ACCESS-KEY", "50103"),
        ("OK-ACCESS-PASSPHRASE", "50104"),
        ("OK-ACCESS-SIGN", "50106"),
        ("OK-ACCESS-TIMESTAMP", "50107"),
    ],
)
def test_every_header_is_needed(maker: Trader, header: str, code: str) -> None:
    headers = maker.headers("GET", BALANCE)
    del headers[header]
    refused(httpx.get(maker.address.rest + BALANCE, headers=headers), code)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"OK-ACCESS-SIGN": "bm90IGE="}, "50113"),
        ({"OK-ACCESS-PASSPHRASE": "wrong"}, "50105"),
        ({"OK-ACCESS-KEY": "wrong"}, "50111"),
        ({"OK-ACCESS-TIMESTAMP": "yesterday"}, "50112"),
    ],
)
def test_wrong_headers_are_told_apart(maker: Trader, changes: dict[str, str], code: str) -> None:
    headers = maker.headers("GET", BALANCE) | changes
    refused(httpx.get(maker.address.rest + BALANCE, headers=headers), code)


@pytest.mark.parametrize("skew", [-60, 60])
def test_old_and_future_requests_are_refused(maker: Trader, skew: float) -> None:
    refused(maker.send("GET", BALANCE, b"", skew=skew), "50102")


def test_a_signature_does_not_fit_another_request(maker: Trader) -> None:
    headers = maker.headers("GET", BALANCE)
    refused(httpx.get(f"{maker.address.rest}/api/v5/account/positions", headers=headers), "50113")
    refused(httpx.get(f"{maker.address.rest}{BALANCE}?ccy=BTC", headers=headers), "50113")
    body = b'{"instId":"BTC-USD"}'
    signed = maker.headers("POST", "/api/v5/trade/order", body)
    refused(
        httpx.post(f"{maker.address.rest}/api/v5/trade/order", content=body + b" ", headers=signed), "50113"
    )


def test_a_signed_request_acts_once(maker: Trader) -> None:
    order = {
        "instId": "BTC-USD",
        "tdMode": "cash",
        "side": "buy",
        "ordType": "limit",
        "sz": "0.01",
        "px": "30011",
    }
    body = json.dumps(order).encode()
    headers = maker.headers("POST", "/api/v5/trade/order", body)
    address = f"{maker.address.rest}/api/v5/trade/order"
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(httpx.post, address, content=body, headers=headers, timeout=30) for _ in range(4)]
    answers = sorted((each.result() for each in sent), key=lambda answer: answer.status_code)
    assert (answers[0].status_code, answers[0].json()["data"][0]["sCode"]) == (200, "0")
    for answer in answers[1:]:
        refused(answer, "50102")
    refused(httpx.post(address, content=body, headers=headers), "50102")
    open_orders = [row["ordId"] for row in maker.get("/trade/orders-pending")["data"] if row["px"] == "30011"]
    assert open_orders == [answers[0].json()["data"][0]["ordId"]]

    again = maker.send("POST", "/api/v5/trade/order", body).json()["data"][0]
    assert (again["sCode"], again["ordId"] == open_orders[0]) == ("0", False)
    for number in (open_orders[0], again["ordId"]):
        maker.post("/trade/cancel-order", {"instId": "BTC-USD", "ordId": number})


def test_a_question_may_be_asked_again_with_its_signature(maker: Trader) -> None:
    headers = maker.headers("GET", BALANCE)
    answers = [httpx.get(maker.address.rest + BALANCE, headers=headers).json()["code"] for _ in range(2)]
    assert answers == ["0", "0"]


def test_queries_may_be_signed_before_they_are_escaped(maker: Trader) -> None:
    headers = maker.headers("GET", f"{BALANCE}?ccy=BTC,ETH")
    answer = httpx.get(f"{maker.address.rest}{BALANCE}?ccy=BTC%2CETH", headers=headers).json()
    assert {row["ccy"] for row in answer["data"][0]["details"]} == {"BTC", "ETH"}


def test_a_reading_key_reads_and_does_nothing_else(maker: Trader) -> None:
    reader = maker.person["reader"]
    assert maker.get("/account/balance", credentials=reader)["code"] == "0"
    assert maker.get("/account/config", credentials=reader)["data"][0]["perm"] == "read_only"
    order = {"instId": "BTC-USD", "side": "buy", "ordType": "limit", "sz": "0.01", "px": "30000"}
    for path, body in (
        ("/trade/order", order),
        ("/trade/batch-orders", [order]),
        ("/trade/cancel-order", {"instId": "BTC-USD", "ordId": "1"}),
        ("/trade/amend-order", {"instId": "BTC-USD", "ordId": "1", "newSz": "1"}),
        ("/trade/mass-cancel", {}),
        ("/trade/cancel-all-after", {"timeOut": "0"}),
        ("/asset/transfer", {"ccy": "USD", "amt": "1", "from": "18", "to": "6"}),
        ("/asset/transfer", {"ccy": "USD", "amt": "1", "from": "6", "to": "18"}),
        ("/asset/withdrawal", {"ccy": "USD", "amt": "1", "dest": "4", "toAddr": "0x" + "1" * 40}),
        ("/asset/cancel-withdrawal", {"wdId": "1"}),
    ):
        assert maker.post(path, body, credentials=reader)["code"] == "50114", path
    bulk = maker.send("POST", "/api/exos/v1/bulk", b'{"items":[]}', credentials=reader)
    assert bulk.json()["code"] == "50114"


def test_orders_of_others_can_be_neither_seen_nor_touched(maker: Trader, taker: Trader) -> None:
    row = maker.place("buy", "0.01", "30000")
    name, number = row["clOrdId"], row["ordId"]

    for query in (f"ordId={number}", f"clOrdId={name}"):
        assert taker.get(f"/trade/order?instId=BTC-USD&{query}")["code"] == "51603"
    for reference in ({"ordId": number}, {"clOrdId": name}):
        item = {"instId": "BTC-USD", **reference}
        assert taker.post("/trade/cancel-order", item)["data"][0]["sCode"] == "51400"
        assert taker.post("/trade/amend-order", {**item, "newSz": "0.005"})["data"][0]["sCode"] == "51503"
    taker.post("/trade/mass-cancel", {})
    assert taker.get(f"/trade/fills?ordId={number}")["data"] == []
    assert maker.get(f"/trade/order?instId=BTC-USD&ordId={number}")["data"][0]["state"] == "live"


def test_transfers_of_others_cannot_be_seen(maker: Trader, taker: Trader) -> None:
    made = maker.post("/asset/transfer", {"ccy": "USD", "amt": "12.5", "from": "18", "to": "6", "type": "0"})
    number = made["data"][0]["transId"]
    assert taker.get(f"/asset/transfer-state?transId={number}")["code"] == "58129"
    state = "pending"
    while state == "pending":
        state = maker.get(f"/asset/transfer-state?transId={number}")["data"][0]["state"]
    assert state == "success"
    assert maker.get("/account/bills?type=1&limit=1")["data"][0]["balChg"] == "-12.5"


def test_a_key_of_one_venue_opens_no_other(maker: Trader, stage: dict) -> None:
    elsewhere = VenueAddress(maker.address.base_url, stage["other"])
    refused(httpx.get(elsewhere.rest + BALANCE, headers=maker.headers("GET", BALANCE)), "50111")


def test_private_answers_are_not_kept_by_caches(maker: Trader) -> None:
    response = maker.send("GET", BALANCE, b"")
    assert response.headers["Cache-Control"] == "no-store"
    assert int(response.headers["X-RateLimit-Remaining"]) < int(response.headers["X-RateLimit-Limit"])


def test_the_command_makes_a_key_that_works(stack: PrivateStack, stage: dict, maker: Trader) -> None:
    shown = stack.manage(
        "create_api_key", "--user", maker.person["email"], "--venue", stage["venue"], "--permissions", "read"
    )
    key = json.loads(shown)
    assert (key["account"], key["permissions"], key["rest_path"]) == (
        maker.account,
        ["read_only"],
        "/v/arena",
    )
    assert maker.get("/account/balance", credentials=key)["code"] == "0"
    assert maker.post("/trade/mass-cancel", {}, credentials=key)["code"] == "50114"


@pytest.mark.parametrize(
    "options", [("--user", "nobody", "--venue", "arena"), ("--user", "trader0@test.example", "--venue", "x")]
)
def test_the_command_says_who_or_what_is_missing(
    stack: PrivateStack, stage: dict, options: tuple[str, ...]
) -> None:
    with pytest.raises(SetupProblem, match="There is no"):
        stack.manage("create_api_key", *options)
