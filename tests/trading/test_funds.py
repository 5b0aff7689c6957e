"""Transfers and withdrawals by the API: a repeated request moves money once."""

from decimal import Decimal

from tests.trading.client import Trader, client_id

ADDRESS = "0x" + "ab" * 20


def settled(trader: Trader, number: str) -> str:
    """State of a transfer once it is over."""
    state = "pending"
    while state == "pending":
        state = trader.get(f"/asset/transfer-state?transId={number}")["data"][0]["state"]
    return state


def wallet(trader: Trader) -> Decimal:
    """Dollars in the wallet."""
    rows = trader.get("/asset/balances?ccy=USD")["data"]
    return Decimal(rows[0]["bal"]) if rows else Decimal(0)


def test_a_repeated_transfer_moves_once(maker: Trader) -> None:
    before, name = wallet(maker), client_id()
    body = {"ccy": "USD", "amt": "3.5", "from": "18", "to": "6", "clientId": name}
    first = maker.post("/asset/transfer", body)
    assert first["data"] == [{**body, "transId": first["data"][0]["transId"]}]
    assert settled(maker, first["data"][0]["transId"]) == "success"

    assert maker.post("/asset/transfer", body) == first
    other = maker.post("/asset/transfer", {**body, "amt": "3.6"})
    assert (other["code"], other["data"]) == ("51000", [])
    back = maker.post("/asset/transfer", {**body, "from": "6", "to": "18"})
    assert (back["code"], back["data"]) == ("51000", [])
    assert wallet(maker) == before + Decimal("3.5")
    state = maker.get(f"/asset/transfer-state?clientId={name}")["data"]
    assert [(row["transId"], row["clientId"]) for row in state] == [(first["data"][0]["transId"], name)]


def test_the_ids_of_two_traders_are_apart(maker: Trader, taker: Trader) -> None:
    body = {"ccy": "USD", "amt": "1", "from": "18", "to": "6", "clientId": client_id()}
    numbers = [trader.post("/asset/transfer", body)["data"][0]["transId"] for trader in (maker, taker)]
    assert numbers[0] != numbers[1]
    assert [settled(who, n) for who, n in zip((maker, taker), numbers, strict=True)] == ["success"] * 2


def test_a_withdrawal_is_made_once_listed_and_cancelled(maker: Trader, taker: Trader) -> None:
    moved = maker.post("/asset/transfer", {"ccy": "USD", "amt": "20", "from": "18", "to": "6"})
    assert settled(maker, moved["data"][0]["transId"]) == "success"
    before, name = wallet(maker), client_id()
    body = {"ccy": "USD", "amt": "7.25", "dest": "4", "toAddr": ADDRESS, "fee": "0", "clientId": name}
    made = maker.post("/asset/withdrawal", body)
    number = made["data"][0]["wdId"]
    assert made["data"] == [
        {"wdId": number, "ccy": "USD", "chain": "USD-ExchangeOS", "amt": "7.25", "clientId": name}
    ]
    assert maker.post("/asset/withdrawal", body) == made
    assert maker.post("/asset/withdrawal", {**body, "amt": "7"})["code"] == "51000"
    assert wallet(maker) == before - Decimal("7.25")

    row = maker.get(f"/asset/withdrawal-history?wdId={number}")["data"][0]
    assert (row["amt"], row["fee"], row["to"], row["state"], row["txId"]) == ("7.25", "0", ADDRESS, "0", "")
    for query, found in (
        ("ccy=USD", [number]),
        ("ccy=BTC", []),
        (f"clientId={name}", [number]),
        (f"after={row['ts']}", []),
        (f"before={row['ts']}", []),
        ("state=2", []),
    ):
        listed = maker.get(f"/asset/withdrawal-history?{query}&limit=1")["data"]
        assert [each["wdId"] for each in listed] == found, query
    assert taker.get(f"/asset/withdrawal-history?wdId={number}")["data"] == []

    assert taker.post("/asset/cancel-withdrawal", {"wdId": number})["code"] == "58215"
    assert maker.post("/asset/cancel-withdrawal", {"wdId": number})["data"] == [{"wdId": number}]
    assert wallet(maker) == before
    assert maker.get(f"/asset/withdrawal-history?wdId={number}")["data"][0]["state"] == "-2"
    assert maker.post("/asset/cancel-withdrawal", {"wdId": number})["code"] == "58216"


def test_refused_withdrawals_move_nothing(maker: Trader) -> None:
    before = wallet(maker)
    good = {"ccy": "USD", "amt": "1", "dest": "4", "toAddr": ADDRESS}
    for change, code in (
        ({"toAddr": "0x12"}, "58207"),
        ({"toAddr": ""}, "50014"),
        ({"dest": "3"}, "51000"),
        ({"chain": "USD-Elsewhere"}, "51000"),
        ({"ccy": "XYZ"}, "58002"),
        ({"amt": "-1"}, "51000"),
        ({"amt": "0.0000000000001"}, "51000"),
        ({"amt": "900000000"}, "58350"),
        ({"clientId": "a-b"}, "51000"),
    ):
        answer = maker.post("/asset/withdrawal", good | change)
        assert (answer["code"], answer["data"]) == (code, []), change
    assert wallet(maker) == before


def test_deposits_are_listed(maker: Trader) -> None:
    rows = maker.get("/asset/deposit-history?ccy=USD&limit=2")["data"]
    assert [row["ccy"] for row in rows] == ["USD", "USD"]
    assert {row["state"] for row in rows} == {"2"}
    older = maker.get(f"/asset/deposit-history?ccy=USD&after={rows[0]['ts']}&limit=1")["data"]
    assert int(older[0]["ts"]) < int(rows[0]["ts"])
    assert maker.get(f"/asset/deposit-history?depId={rows[1]['depId']}")["data"] == [rows[1]]
    assert maker.get("/asset/deposit-history?ccy=XYZ")["data"] == []
    assert maker.get("/asset/deposit-address?ccy=USD")["data"] == []
    assert maker.get("/asset/deposit-address")["code"] == "50014"
