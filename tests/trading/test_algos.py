"""Algo orders over REST and sockets: they wait, fire once, and can be found afterwards."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.trading.client import Trader, VenueAddress, client_id
from tests.trading.sockets import Socket

MARKET = "ETH-USD"


def place(trader: Trader, side: str, size: str, price: str, **extra: Any) -> dict[str, Any]:
    """A limit order in the market of these tests."""
    return trader.place(side, size, price, **{"instId": MARKET, **extra})


def print_at(maker: Trader, taker: Trader, price: str) -> None:
    """One trade at a price."""
    maker.post("/trade/mass-cancel", {})
    taker.post("/trade/mass-cancel", {})
    assert place(maker, "sell", "0.001", price)["sCode"] == "0"
    assert place(taker, "buy", "0.001", price, ordType="ioc")["sCode"] == "0"


def algo(trader: Trader, kind: str, side: str, size: str, **extra: Any) -> dict[str, Any]:
    """Place an algo order; its row."""
    order = {
        "instId": MARKET, "tdMode": "cash", "side": side, "ordType": kind, "sz": size, "tgtCcy": "base_ccy",
        "algoClOrdId": client_id(), **extra,
    }  # fmt: skip
    return trader.post("/trade/order-algo", order)["data"][0]


def pending(trader: Trader, kind: str) -> list[dict[str, Any]]:
    return trader.get(f"/trade/orders-algo-pending?ordType={kind}&instId={MARKET}")["data"]


def one(trader: Trader, row: dict[str, Any]) -> dict[str, Any]:
    """The algo order as it stands; asked again where the limit of requests was reached, as a client would."""
    while (answer := trader.get(f"/trade/order-algo?algoId={row['algoId']}"))["code"] == "50011":
        pass
    found: dict[str, Any] = answer["data"][0]
    return found


@pytest.fixture(autouse=True)
def at_3000(maker: Trader, taker: Trader) -> None:
    """The market last traded at 3,000, and nothing of the two waits."""
    for trader in (maker, taker):
        kinds = "conditional,oco,trigger,move_order_stop,iceberg,twap"
        for row in pending(trader, kinds):
            trader.post("/trade/cancel-algos", [{"instId": MARKET, "algoId": row["algoId"]}])
    print_at(maker, taker, "3000")


def test_a_stop_loss_waits_and_sells_when_the_price_falls(maker: Trader, taker: Trader) -> None:
    row = algo(maker, "conditional", "sell", "0.5", slTriggerPx="2900", slOrdPx="-1")
    assert (row["sCode"], row["sMsg"]) == ("0", "")
    (waiting,) = pending(maker, "conditional")
    assert (waiting["algoId"], waiting["state"], waiting["sz"]) == (row["algoId"], "live", "0.5")
    assert (waiting["slTriggerPx"], waiting["slOrdPx"], waiting["slTriggerPxType"]) == ("2900", "-1", "last")
    assert waiting["tpTriggerPx"] == ""

    place(taker, "buy", "0.4", "2890")
    place(maker, "sell", "0.001", "2900.5")
    place(taker, "buy", "0.001", "2900.5", ordType="ioc")
    assert pending(maker, "conditional")[0]["state"] == "live"
    place(maker, "sell", "0.001", "2900")
    place(taker, "buy", "0.001", "2900", ordType="ioc")

    assert pending(maker, "conditional") == []
    over = one(maker, row)
    assert (over["state"], over["actualSide"], over["actualSz"]) == ("effective", "sl", "0.4")
    order = maker.get(f"/trade/order?instId={MARKET}&ordId={over['ordId']}")["data"][0]
    assert (order["ordType"], order["avgPx"], order["accFillSz"]) == ("market", "2890", "0.4")
    history = maker.get("/trade/orders-algo-history?ordType=conditional&state=effective")["data"]
    assert history[0]["algoId"] == row["algoId"]
    assert maker.get("/trade/orders-algo-history?ordType=oco&state=effective")["data"] == []


def test_one_leg_of_a_pair_fires(maker: Trader, taker: Trader) -> None:
    row = algo(
        maker, "oco", "sell", "0.1", tpTriggerPx="3100", tpOrdPx="3090", slTriggerPx="2900", slOrdPx="2880"
    )
    waiting = one(maker, row)
    assert (waiting["ordType"], waiting["tpOrdPx"], waiting["slOrdPx"]) == ("oco", "3090", "2880")
    print_at(maker, taker, "3100")
    over = one(maker, row)
    assert (over["state"], over["actualSide"]) == ("effective", "tp")
    order = maker.get(f"/trade/order?instId={MARKET}&ordId={over['ordId']}")["data"][0]
    assert (order["state"], order["px"], order["sz"]) == ("live", "3090", "0.1")


def test_a_trigger_fires_from_either_side(maker: Trader, taker: Trader) -> None:
    above = algo(maker, "trigger", "buy", "0.1", triggerPx="3050", orderPx="2000")
    below = algo(maker, "trigger", "buy", "0.1", triggerPx="2950", orderPx="2000")
    print_at(taker, maker, "3050")
    assert (one(maker, above)["state"], one(maker, below)["state"]) == ("effective", "live")
    print_at(taker, maker, "2950")
    assert one(maker, below)["state"] == "effective"


def test_a_trailing_stop_follows(maker: Trader, taker: Trader) -> None:
    row = algo(maker, "move_order_stop", "sell", "0.1", callbackRatio="0.01")
    assert one(maker, row)["callbackRatio"] == "0.01"
    print_at(maker, taker, "3200")
    assert one(maker, row)["moveTriggerPx"] == "3168"
    place(taker, "buy", "1", "3160")
    print_at_keeping(maker, taker, "3168")
    assert one(maker, row)["state"] == "effective"


def print_at_keeping(maker: Trader, taker: Trader, price: str) -> None:
    """One trade at a price without touching what rests."""
    place(maker, "sell", "0.001", price)
    place(taker, "buy", "0.001", price, ordType="ioc")


def test_an_iceberg_shows_one_slice(maker: Trader, taker: Trader) -> None:
    row = algo(maker, "iceberg", "sell", "0.3", pxLimit="3000", szLimit="0.1")
    assert row["sCode"] == "0"
    (shown,) = maker.get(f"/trade/orders-pending?instId={MARKET}")["data"]
    assert (shown["px"], shown["sz"]) == ("3000", "0.1")
    taken = place(taker, "buy", "0.25", "3000", ordType="ioc")
    order = taker.get(f"/trade/order?instId={MARKET}&ordId={taken['ordId']}")["data"][0]
    assert order["accFillSz"] == "0.25"
    assert one(maker, row)["state"] == "partially_effective"
    cancelled = maker.post("/trade/cancel-algos", [{"instId": MARKET, "algoId": row["algoId"]}])["data"][0]
    assert cancelled["sCode"] == "0"
    assert maker.get(f"/trade/orders-pending?instId={MARKET}")["data"] == []
    assert one(maker, row)["state"] == "canceled"


def test_a_twap_takes_slice_by_slice(maker: Trader, taker: Trader) -> None:
    place(maker, "sell", "1", "3000")
    row = algo(taker, "twap", "buy", "0.2", pxLimit="3010", szLimit="0.1", pxVar="0.001", timeInterval="1")
    assert row["sCode"] == "0"
    deadline = time.monotonic() + 20
    while one(taker, row)["state"] != "effective" and time.monotonic() < deadline:
        pass
    assert one(taker, row)["state"] == "effective"
    fills = taker.get(f"/trade/fills?instType=SPOT&instId={MARKET}")["data"][:2]
    assert len(fills) == 2, (fills, one(taker, row))
    assert [fill["fillSz"] for fill in fills] == ["0.1", "0.1"]
    assert int(fills[0]["ts"]) - int(fills[1]["ts"]) >= 1000


def test_what_hangs_on_an_order_stands_when_it_has_filled(maker: Trader, taker: Trader) -> None:
    name = client_id()
    legs = {
        "attachAlgoClOrdId": name,
        "tpTriggerPx": "3300",
        "tpOrdPx": "-1",
        "slTriggerPx": "2700",
        "slOrdPx": "-1",
    }
    entry = place(maker, "buy", "0.2", "2990", attachAlgoOrds=[legs])
    assert entry["sCode"] == "0"
    (waiting,) = pending(maker, "oco")
    assert (waiting["algoClOrdId"], waiting["linkedOrd"]["ordId"]) == (name, entry["ordId"])
    place(taker, "sell", "0.2", "2990", ordType="ioc")
    (live,) = pending(maker, "oco")
    assert (live["side"], live["sz"], live["state"]) == ("sell", "0.2", "live")
    place(taker, "buy", "0.2", "2690")
    print_at_keeping(maker, taker, "2700")
    assert maker.get(f"/trade/order-algo?algoClOrdId={name}")["data"][0]["state"] == "effective"


def test_a_trigger_can_be_amended(maker: Trader, taker: Trader) -> None:
    row = algo(maker, "conditional", "sell", "0.1", slTriggerPx="2000", slOrdPx="1990")
    change = {
        "instId": MARKET,
        "algoId": row["algoId"],
        "newSlTriggerPx": "2950",
        "newSlOrdPx": "2940",
        "newSz": "0.2",
    }
    assert maker.post("/trade/amend-algos", change)["data"][0]["sCode"] == "0"
    changed = one(maker, row)
    assert (changed["slTriggerPx"], changed["slOrdPx"], changed["sz"]) == ("2950", "2940", "0.2")
    print_at(maker, taker, "2950")
    assert one(maker, row)["state"] == "effective"
    assert maker.post("/trade/amend-algos", change)["data"][0]["sCode"] == "51400"


@pytest.mark.parametrize(
    ("kind", "extra", "code"),
    [
        ("conditional", {"slTriggerPx": "3100", "slOrdPx": "-1"}, "51278"),
        ("conditional", {}, "50014"),
        ("oco", {"slTriggerPx": "2900", "slOrdPx": "-1"}, "50014"),
        ("conditional", {"slTriggerPx": "2900.001", "slOrdPx": "-1"}, "51006"),
        ("conditional", {"slTriggerPx": "2900", "slOrdPx": "-2"}, "51000"),
        ("conditional", {"slTriggerPx": "2900", "slOrdPx": "-1", "slTriggerPxType": "index"}, "51000"),
        ("move_order_stop", {}, "50014"),
        ("move_order_stop", {"callbackRatio": "0.01", "callbackSpread": "1"}, "51000"),
        ("iceberg", {"pxLimit": "3000", "szLimit": "9"}, "51000"),
        ("twap", {"pxLimit": "3000", "szLimit": "0.1", "timeInterval": "0"}, "51000"),
        ("stop", {}, "51000"),
    ],
)
def test_what_is_refused_waits_nowhere(maker: Trader, kind: str, extra: dict[str, str], code: str) -> None:
    row = algo(maker, kind, "sell", "0.5", **extra)
    assert row["sCode"] == code
    kinds = "conditional,oco,trigger,move_order_stop,iceberg,twap"
    assert pending(maker, kinds) == []


def test_nobody_sees_or_ends_the_algo_order_of_another(maker: Trader, taker: Trader) -> None:
    row = algo(maker, "conditional", "sell", "0.1", slTriggerPx="2000", slOrdPx="-1")
    assert taker.get(f"/trade/order-algo?algoId={row['algoId']}")["code"] == "51603"
    cancelled = taker.post("/trade/cancel-algos", [{"instId": MARKET, "algoId": row["algoId"]}])["data"][0]
    assert cancelled["sCode"] == "51400"
    assert one(maker, row)["state"] == "live"


async def test_a_socket_tells_what_becomes_of_an_algo_order(
    address: VenueAddress, maker: Trader, taker: Trader
) -> None:
    async with Socket(f"{address.ws}/business") as socket:
        answer = await socket.login(maker.person)
        assert answer["code"] == "0"
        await socket.subscribe("orders-algo", instType="ANY")
        row = algo(maker, "conditional", "sell", "0.1", slTriggerPx="2950", slOrdPx="2940")

        def about(state: str) -> Callable[[dict[str, Any]], bool]:
            return lambda message: (
                message.get("arg", {}).get("channel") == "orders-algo"
                and message["data"][0]["algoId"] == row["algoId"]
                and message["data"][0]["state"] == state
            )

        pushed = await socket.until(about("live"))
        assert pushed["data"][0]["slTriggerPx"] == "2950"
        print_at(maker, taker, "2950")
        over = await socket.until(about("effective"))
        assert over["data"][0]["ordId"] == one(maker, row)["ordId"]
