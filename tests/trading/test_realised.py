"""What fills and orders of contracts realised: as the kernel rounds it, over REST and over sockets."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from exchange_kernel import BILL_KINDS

from exchange_os.engine.models import Bill, Fill
from tests.trading.client import Trader, VenueAddress
from tests.trading.sockets import Socket
from tests.trading.test_contracts import SWAP, chosen, placed, position
from trading.selectors.catalogue import _split_off
from trading.selectors.realised import Held, _Walk, _walk_on, moved
from venues.models import Event, Market

LIQUIDATION, SPLIT = BILL_KINDS["liquidation"], BILL_KINDS["split"]


def fill(number: int, lots: int, price: int, *, market: int = 1, sequence: int = 0) -> Fill:
    """A fill of order 7; negative lots sell."""
    return Fill(
        group_id=1, trade_id=number, role=0, sequence=sequence or number, market=market, account=20, order_id=7,
        side=int(lots < 0), size_lots=abs(lots), price_ticks=price, notional=abs(lots) * price,
    )  # fmt: skip


def bill(sequence: int, lots: int, kind: int = LIQUIDATION) -> Bill:
    """A movement that was no order of the account."""
    return Bill(group_id=1, account=20, sequence=sequence, bill_no=0, market=1, kind=kind, lots=lots)


def walked(fills: list[Fill], forced: Iterable[Bill] = (), *, rounds_up: bool = True) -> _Walk:
    """A walk over these alone."""
    walk = _Walk()
    _walk_on(walk, fills, list(forced), lambda market: rounds_up)
    return walk


def test_parts_of_an_entry_round_as_in_the_kernel() -> None:
    # A third of 100 leaves: up for a perpetual, towards zero for an outcome.
    assert moved(Held(3, 100), -1, -40, rounds_up=True) == (Held(2, 66), 6)
    assert moved(Held(3, 100), -1, -40, rounds_up=False) == (Held(2, 67), 7)
    assert moved(Held(-3, -100), 1, 40, rounds_up=True) == (Held(-2, -67), -7)
    assert moved(Held(-3, -100), 1, 40, rounds_up=False) == (Held(-2, -67), -7)
    # Through zero: the whole entry leaves, and the rest opens with its part of the value.
    assert moved(Held(2, 100), -5, -300, rounds_up=True) == (Held(-3, -180), 20)


def test_a_liquidation_is_counted_once_and_its_rest_by_the_bill() -> None:
    bought, again = fill(1, 10, 100), fill(4, -2, 130)
    swept = fill(2, -3, 90, sequence=5)
    later = fill(3, -1, 120, sequence=6)
    # Three of five were sold in the book, two to the fund; five are left.
    walk = walked([bought, swept, later, again], [bill(5, -5)])
    assert list(walk.of_fill.values()) == [0, -30, 20, 60]
    assert walk.held == {1: Held(2, 200)}
    assert walk.of_order == {7: 50}


def test_sets_hide_what_outcomes_realise_afterwards() -> None:
    split = bill(2, 5, SPLIT)
    outcome = walked([fill(1, 1, 10), fill(3, -1, 20)], [split], rounds_up=False)
    assert list(outcome.of_fill.values()) == [0, None]
    assert outcome.of_order == {7: None}
    assert list(walked([fill(1, 1, 10), fill(3, -1, 20)], [split]).of_fill.values()) == [0, 10]


def test_an_outcome_split_off_later_is_known_by_its_date() -> None:
    opened = datetime(2026, 1, 1, tzinfo=UTC)
    event, plain = Event(pk=1, fallback=1), Event(pk=2)
    first = Market(number=0, event=event, opened=opened, created=opened - timedelta(seconds=5))
    other = Market(number=1, event=event, opened=opened, created=opened - timedelta(seconds=4))
    late = Market(
        number=2, event=event, opened=opened + timedelta(days=2), created=opened + timedelta(days=1)
    )
    rest = [Market(number=3, event=plain, opened=opened, created=opened), Market(number=4, created=opened)]
    assert _split_off([first, other, late, *rest]) == {2}
    assert _split_off([first, other, *rest]) == frozenset()


async def test_fills_and_orders_tell_what_they_realised(
    pair: tuple[Trader, Trader], pit_address: VenueAddress
) -> None:
    maker, taker = pair
    taker.post("/account/set-leverage", {"instId": SWAP, "lever": "5", "mgnMode": "cross"})
    async with Socket(f"{pit_address.ws}/private") as socket:
        await socket.login(taker.person)
        await socket.subscribe("orders", instType="SWAP")
        await socket.subscribe("fills", instId=SWAP)
        for size, price in (("3", "50000"), ("1", "50040")):
            placed(maker, SWAP, "sell", size, price)
        placed(taker, SWAP, "buy", "4", "50040")
        placed(maker, SWAP, "buy", "1", "50030")
        placed(maker, SWAP, "buy", "6", "49990")
        # The four cost 50,010 each; the fifth to seventh open a short in the fill that closes the long.
        order_id = placed(taker, SWAP, "sell", "7", "49990")
        resting = placed(taker, SWAP, "sell", "2", "51000")
        pushes: list[dict] = []
        while not pushes or pushes[-1]["ordId"] != resting:
            pushes += (await socket.push("orders"))["data"]
        gains = [
            row["fillPnl"]
            for message in socket.seen
            if message.get("arg", {}).get("channel") == "fills" and "data" in message
            for row in message["data"]
        ]
    told = [
        chosen(row, "fillPx fillPnl pnl lever fillNotionalUsd notionalUsd")
        for row in pushes
        if row["ordId"] == order_id
    ]
    assert told == [
        ("", "0", "0", "5", "", "349.93"),
        ("50030", "0.02", "0.02", "5", "50.03", "349.93"),
        ("49990", "-0.06", "-0.04", "5", "299.94", "349.93"),
    ]
    pushed = {row["tradeId"]: row["fillMarkPx"] for row in pushes if row["fillPx"]}
    assert gains[-2:] == ["0.02", "-0.06"]
    assert chosen(pushes[-1], "pnl fillPnl lever notionalUsd") == ("0", "0", "5", "102")
    for path in ("fills", "fills-history"):
        rows = taker.get(f"/trade/{path}?instType=SWAP")["data"]
        # The index stands at 50,000; what others left in the book moves the mark a little.
        assert pushed == {row["tradeId"]: row["fillMarkPx"] for row in rows}
        assert all(abs(float(mark) - 50_000) <= 50 for mark in pushed.values())
        assert [chosen(row, "side fillSz fillPnl") for row in rows] == [
            ("sell", "6", "-0.06"), ("sell", "1", "0.02"), ("buy", "1", "0"), ("buy", "3", "0"),
        ]  # fmt: skip
    closed, opened = taker.get("/trade/orders-history?instType=SWAP")["data"]
    assert chosen(closed, "ordId pnl lever") == (order_id, "-0.04", "")
    assert opened["pnl"] == "0"
    (pending,) = taker.get("/trade/orders-pending?instType=SWAP")["data"]
    assert chosen(pending, "ordId pnl lever") == (resting, "0", "5")
    # What fills realised is what the kernel says the position has.
    held = position(taker, SWAP)
    assert held is not None
    assert chosen(held, "pos pnl") == ("-3", "-0.04")
    # One of the three that were sold at 49,990 is bought back.
    placed(maker, SWAP, "sell", "1", "49980")
    placed(taker, SWAP, "buy", "1", "49980")
    history = taker.get("/account/positions-history?instType=SWAP")["data"]
    names = "type direction openAvgPx closeAvgPx openMaxPos closeTotalPos pnl"
    assert [chosen(row, names) for row in history] == [
        ("1", "short", "49990", "49980", "3", "1", "0.01"),
        ("2", "long", "50010", "50000", "4", "4", "-0.04"),
    ]
    assert taker.get("/account/positions-history?instType=SWAP&type=1")["data"] == history[:1]
    held = position(taker, SWAP)
    assert held is not None
    assert chosen(held, "pos pnl") == ("-2", "-0.03")


async def test_an_order_of_no_is_told_as_it_was_placed_also_when_it_is_over(
    pair: tuple[Trader, Trader], pit: dict, pit_address: VenueAddress
) -> None:
    maker, taker = pair
    outcome, isolated = pit["outcomes"][2], {"tdMode": "isolated"}
    async with Socket(f"{pit_address.ws}/private") as socket:
        await socket.login(taker.person)
        await socket.subscribe("orders", instType="EVENTS")
        placed(maker, outcome, "buy", "10", "0.6", **isolated, outcome="yes")
        bought = placed(taker, outcome, "buy", "10", "0.4", **isolated, outcome="no")
        placed(maker, outcome, "sell", "4", "0.5", **isolated, outcome="yes")
        sold = placed(taker, outcome, "sell", "4", "0.5", **isolated, outcome="no")
        pushes: list[dict] = []
        while not pushes or pushes[-1]["ordId"] != sold or pushes[-1]["state"] != "filled":
            pushes += (await socket.push("orders"))["data"]
    names = "ordId outcome side px fillPx fillPnl"
    assert [chosen(row, names) for row in pushes if row["tradeId"]] == [
        (bought, "no", "buy", "0.4", "0.4", "0"),
        (sold, "no", "sell", "0.5", "0.5", "0.4"),
    ]
    # Four that cost 0.40 went for 0.50.
    history = taker.get("/trade/orders-history?instType=EVENTS")["data"]
    assert [chosen(row, "ordId outcome side px avgPx pnl") for row in history] == [
        (sold, "no", "sell", "0.5", "0.5", "0.4"),
        (bought, "no", "buy", "0.4", "0.4", "0"),
    ]
    fills = taker.get("/trade/fills?instType=EVENTS")["data"]
    assert [chosen(row, "ordId outcome side fillPx fillPnl") for row in fills] == [
        (sold, "no", "sell", "0.5", "0.4"),
        (bought, "no", "buy", "0.4", "0"),
    ]
    held = position(taker, outcome)
    assert held is not None
    assert chosen(held, "pos pnl") == ("-6", "0.4")
