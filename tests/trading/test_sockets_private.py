"""Private sockets: sign-in, order operations, and pushes that never overtake their acknowledgement."""

import asyncio
import time

import httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from exchange_os.demo.stack import PrivateStack
from tests.trading.client import Trader, VenueAddress, client_id
from tests.trading.sockets import Socket


def order(**extra: object) -> dict:
    """A limit order, by the instrument's number as newer clients name it."""
    return {
        "instIdCode": 1, "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.01", "px": "30000",
        "clOrdId": client_id(), **extra,
    }  # fmt: skip


async def signed_in(socket: Socket, trader: Trader) -> None:
    """Sign the trader in."""
    answer = await socket.login(trader.person)
    assert (answer["event"], answer["code"]) == ("login", "0"), answer


async def test_orders_are_placed_amended_and_cancelled(address: VenueAddress, maker: Trader) -> None:
    async with Socket(f"{address.ws}/private") as socket:
        await signed_in(socket, maker)
        placed = await socket.operate("order", order(), identity="a1")
        row = placed["data"][0]
        assert (placed["op"], placed["code"], row["sCode"]) == ("order", "0", "0")
        assert int(placed["inTime"]) <= int(placed["outTime"])
        await socket.subscribe("orders", instType="ANY")
        item = {"instIdCode": 1, "ordId": row["ordId"], "newSz": "0.02", "reqId": "mine1"}
        amended = await socket.operate("amend-order", item)
        assert (amended["code"], amended["data"][0]["reqId"]) == ("0", "mine1")
        told = (await socket.push("orders"))["data"][0]
        assert [told[name] for name in ("sz", "reqId", "amendResult", "amendSource")] == [
            "0.02",
            "mine1",
            "0",
            "1",
        ]
        refused = await socket.operate("amend-order", item | {"newPx": "0", "reqId": "mine2"})
        assert refused["code"] == "1"
        httpx_amend = maker.post(
            "/trade/amend-order", {"instId": "BTC-USD", "ordId": row["ordId"], "newSz": "0.03"}
        )
        assert httpx_amend["code"] == "0"
        told = (await socket.push("orders"))["data"][0]
        assert [told[name] for name in ("sz", "reqId", "amendResult", "amendSource")] == ["0.03", "", "", ""]
        gone = await socket.operate("cancel-order", {"instIdCode": 1, "ordId": row["ordId"]}, identity="c1")
        assert gone["data"][0]["ordId"] == row["ordId"]
        again = await socket.operate(
            "cancel-order", {"instId": "BTC-USD", "ordId": row["ordId"]}, identity="c2"
        )
        assert (again["code"], again["data"][0]["sCode"]) == ("1", "51400")
        batch = await socket.operate("batch-orders", order(), order(sz="0"), identity="b1")
        assert (batch["code"], [item["sCode"] for item in batch["data"]]) == ("2", ["0", "51000"])
        everything = await socket.operate(
            "mass-cancel", {"instType": "SPOT", "instId": "BTC-USD"}, identity="m1"
        )
        assert everything["data"] == [{"result": True}]


async def test_a_push_never_overtakes_its_acknowledgement(address: VenueAddress, maker: Trader) -> None:
    async with Socket(f"{address.ws}/private") as socket:
        await signed_in(socket, maker)
        await socket.subscribe("orders", instType="ANY")
        await socket.subscribe("account")
        socket.seen.clear()
        names = [client_id() for _ in range(50)]
        for number, name in enumerate(names):
            await socket.send({"id": f"o{number}", "op": "order", "args": [order(clOrdId=name)]})
        pushed: set[str] = set()
        acknowledged: set[str] = set()
        while len(pushed) < 50 or len(acknowledged) < 50:
            message = await socket.receive()
            if message.get("op") == "order":
                assert message["code"] == "0", message
                acknowledged.add(message["data"][0]["clOrdId"])
            elif message.get("arg", {}).get("channel") == "orders" and "data" in message:
                assert message["data"][0]["clOrdId"] in acknowledged
                pushed.add(message["data"][0]["clOrdId"])
        assert pushed == acknowledged == set(names)


async def test_commands_of_one_socket_keep_their_order(address: VenueAddress, maker: Trader) -> None:
    async with Socket(f"{address.ws}/private") as socket:
        await signed_in(socket, maker)
        for number in range(20):
            name = client_id()
            await socket.send({"id": f"p{number}", "op": "order", "args": [order(clOrdId=name)]})
            await socket.send(
                {"id": f"q{number}", "op": "cancel-order", "args": [{"instIdCode": 1, "clOrdId": name}]}
            )
        answers = {}
        while len(answers) < 40:
            message = await socket.receive()
            answers[message["id"]] = message["code"]
        assert set(answers.values()) == {"0"}


async def test_each_fill_is_pushed_with_its_trade(
    address: VenueAddress, maker: Trader, taker: Trader
) -> None:
    for price in ("50010", "50011"):
        await asyncio.to_thread(maker.place, "sell", "0.01", price)
    async with Socket(f"{address.ws}/private") as socket:
        await signed_in(socket, taker)
        for channel in ("orders", "fills"):
            await socket.subscribe(channel, **({"instType": "SPOT"} if channel == "orders" else {}))
        await socket.subscribe("account")
        await socket.push("account")
        answer = await socket.operate("order", order(sz="0.03", px="50011"), identity="x")
        order_id = answer["data"][0]["ordId"]
        pushes = []
        while len(pushes) < 3:
            pushes.append((await socket.push("orders"))["data"][0])
        assert [push["state"] for push in pushes] == ["live", "partially_filled", "partially_filled"]
        assert [push["fillPx"] for push in pushes] == ["", "50010", "50011"]
        assert [push["accFillSz"] for push in pushes] == ["0", "0.01", "0.02"]
        assert {push["ordId"] for push in pushes} == {order_id}
        assert pushes[1]["tradeId"] != ""
        assert (pushes[1]["execType"], pushes[1]["fillFee"], pushes[1]["fillFeeCcy"]) == (
            "T",
            "-0.25005",
            "USD",
        )
        told = [message for message in socket.seen if message.get("arg", {}).get("channel") == "fills"]
        while len([message for message in told if "data" in message]) < 2:
            told.append(await socket.push("fills"))
        assert [message["data"][0]["fillPx"] for message in told if "data" in message] == ["50010", "50011"]


async def test_the_account_is_told_whole_and_then_what_changed(address: VenueAddress, maker: Trader) -> None:
    async with Socket(f"{address.ws}/private") as socket:
        await signed_in(socket, maker)
        await socket.subscribe("account")
        first = (await socket.push("account"))["data"][0]
        assert {detail["ccy"] for detail in first["details"]} == {"USD", "BTC", "ETH"}
        await socket.subscribe("balance_and_position")
        assert (await socket.push("balance_and_position"))["data"][0]["eventType"] == "snapshot"
        await socket.subscribe("positions", instType="ANY")
        assert (await socket.push("positions"))["data"] == []
        await socket.operate("order", order(sz="0.1"))
        change = await socket.push("account")
        assert [(row["ccy"], row["frozenBal"]) for row in change["data"][0]["details"]] == [("USD", "3001.5")]


async def test_events_of_others_stay_with_them(address: VenueAddress, maker: Trader, taker: Trader) -> None:
    async with Socket(f"{address.ws}/private") as mine, Socket(f"{address.ws}/private") as theirs:
        await signed_in(mine, maker)
        await signed_in(theirs, taker)
        for socket in (mine, theirs):
            await socket.subscribe("orders", instType="ANY")
            await socket.subscribe("account")
            await socket.push("account")
        await mine.operate("order", order())
        await mine.push("orders")
        theirs.seen.clear()
        await theirs.send("ping")
        await theirs.until(lambda message: message == "pong")
        assert theirs.seen == ["pong"]


@pytest.mark.parametrize(
    "changes",
    [
        {"sign": "bad"},
        {"passphrase": "wrong"},
        {"apiKey": "nobody"},
        {"apiKey": None},
        {"apiKey": {"a": [1]}},
        {"timestamp": "soon"},
        {"timestamp": str(int(time.time()) - 3600)},
        {"timestamp": None},
        {"timestamp": "NaN"},
    ],
)
async def test_a_wrong_sign_in_is_refused(address: VenueAddress, maker: Trader, changes: dict) -> None:
    async with Socket(f"{address.ws}/private") as socket:
        answer = await socket.login(maker.person, **changes)
        assert answer["event"] == "error"
        assert answer["code"] in ("60009", "60004", "60006")
        refused = await socket.operate("order", order())
        assert refused["code"] == "60011"
        assert (await socket.subscribe("orders", instType="ANY"))["code"] == "60011"


async def test_timestamps_may_be_numbers(address: VenueAddress, maker: Trader) -> None:
    async with Socket(f"{address.ws}/private") as socket:
        answer = await socket.login(maker.person, timestamp=int(time.time()))
        assert answer["event"] == "login"


async def test_a_reading_key_cannot_trade(address: VenueAddress, maker: Trader) -> None:
    async with Socket(f"{address.ws}/private") as socket:
        assert (await socket.login(maker.person["reader"]))["event"] == "login"
        refused = await socket.operate("order", order())
        assert (refused["code"], refused["data"]) == ("50114", [])
        assert (await socket.operate("mass-cancel", {}))["code"] == "50114"
        await socket.subscribe("account")
        assert (await socket.push("account"))["data"][0]["details"]


async def test_a_key_of_one_venue_opens_no_other(address: VenueAddress, maker: Trader, stage: dict) -> None:
    elsewhere = VenueAddress(address.base_url, stage["other"])
    async with Socket(f"{elsewhere.ws}/private") as socket:
        assert (await socket.login(maker.person))["code"] == "60009"


@pytest.mark.parametrize(
    "message",
    [
        {"op": "order"},
        {"op": "order", "args": []},
        {"op": "order", "args": "text"},
        {"op": "order", "args": [1, 2]},
        {"op": "order", "args": [None]},
        {"op": "batch-orders", "args": [{}] * 21},
        {"op": "order", "args": [{"instIdCode": "1e400"}]},
        {"op": "order", "args": [{"instIdCode": [1]}]},
        {"op": "cancel-order", "args": [{"instIdCode": 1}]},
        {"op": "cancel-order", "args": [{"instIdCode": 1, "ordId": "9" * 30}]},
        {"op": "amend-order", "args": [{"instIdCode": 1, "ordId": "1", "newSz": "x"}]},
        {"op": "order", "args": [order()], "expTime": "1"},
    ],
)
async def test_bad_operations_are_answered(address: VenueAddress, maker: Trader, message: dict) -> None:
    async with Socket(f"{address.ws}/private") as socket:
        await signed_in(socket, maker)
        await socket.send({"id": "z", **message})
        answer = await socket.until(lambda found: found.get("id") == "z")
        rows = answer.get("data") or [{}]
        assert answer["code"] != "0" or rows[0].get("sCode") != "0"
        assert answer["code"] != "50026"
        assert rows[0].get("sCode") != "50026"


def session_cookie(address: VenueAddress, person: dict) -> str:
    """Sign in on the pages, as a browser does; the cookie of the session."""
    with httpx.Client(base_url=address.base_url, follow_redirects=True) as browser:
        page = browser.get("/accounts/login/").text
        token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        form = {"login": person["email"], "password": person["password"], "csrfmiddlewaretoken": token}
        browser.post(
            "/accounts/login/", data=form, headers={"Referer": f"{address.base_url}/accounts/login/"}
        )
        return browser.cookies["sessionid"]


async def test_a_page_of_ours_is_signed_in_by_its_session_for_reading(
    address: VenueAddress, maker: Trader
) -> None:
    cookie = await asyncio.to_thread(session_cookie, address, maker.person)
    headers = {"Cookie": f"sessionid={cookie}"}
    async with Socket(f"{address.ws}/private", additional_headers=headers, origin=address.base_url) as socket:
        assert (await socket.subscribe("account"))["event"] == "subscribe"
        assert (await socket.push("account"))["data"][0]["details"]
        assert (await socket.operate("order", order()))["code"] == "50114"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
async def test_the_session_of_a_visitor_does_not_serve_foreign_pages(
    address: VenueAddress, maker: Trader, origin: str | None
) -> None:
    cookie = await asyncio.to_thread(session_cookie, address, maker.person)
    headers = {"Cookie": f"sessionid={cookie}"}
    async with Socket(f"{address.ws}/private", additional_headers=headers, origin=origin) as socket:
        assert (await socket.subscribe("account"))["code"] == "60011"


async def test_a_socket_ends_with_its_key(
    stack: PrivateStack, address: VenueAddress, maker: Trader, taker: Trader
) -> None:
    revoke = "UPDATE trading_apikey SET revoked_at = %s WHERE key_hint = %s"
    hint = maker.person["key"][:8]
    async with Socket(f"{address.ws}/private") as socket, Socket(f"{address.ws}/private") as other:
        await signed_in(socket, maker)
        await signed_in(other, taker)
        with psycopg.connect(stack.postgres.url, autocommit=True) as database:
            assert database.execute(revoke, ["now", hint]).rowcount == 1
            try:
                refused = await socket.until(lambda message: message.get("event") == "error")
                assert refused["code"] == "60011"
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.receive()
            finally:
                database.execute(revoke, [None, hint])
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
        assert (await other.operate("order", order()))["code"] == "0"
