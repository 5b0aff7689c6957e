"""The example makers on a running exchange: two-sided quotes, a lean against what they hold, a hedge, a clean stop."""

import threading

import pytest

from examples.makers.maker import Maker, connect
from examples.makers.outcome import OutcomeMaker
from examples.makers.perpetual import PerpetualMaker
from examples.makers.spot import SpotMaker, SpotMarket
from tests.trading.client import Trader, VenueAddress
from tests.trading.test_contracts import SWAP, placed, position

BTC, UNIFIED = "BTC-USD", "BTC/USD:USD"
Side = list[tuple[float, float]]


def exchange_of(trader: Trader):
    """Unmodified ccxt with the trader's key, as the makers connect."""
    person = trader.person
    return connect(trader.address.rest, person["key"], person["secret"], person["passphrase"])


def resting(trader: Trader, instrument: str) -> tuple[Side, Side]:
    """Bids and offers of the trader as (price, size), the best first."""
    rows = trader.get(f"/trade/orders-pending?instId={instrument}")["data"]
    sides = [
        [
            (float(row["px"]), float(row["sz"]) - float(row["accFillSz"]))
            for row in rows
            if row["side"] == side
        ]
        for side in ("buy", "sell")
    ]
    return sorted(sides[0], reverse=True), sorted(sides[1])


def stopped(maker: Maker, trader: Trader) -> None:
    """Stopping leaves nothing in any book, and no switch that would fire later."""
    stopping = threading.Event()
    stopping.set()
    maker.run(stopping)
    assert trader.get("/trade/orders-pending")["data"] == []


def test_the_maker_of_spot_markets(maker: Trader, taker: Trader) -> None:
    price, exchange = 50_000.0, exchange_of(maker)
    held = exchange.fetch_balance()["total"]["BTC"]
    market = SpotMarket("BTC/USD", neutral=held, most=0.5, size=0.01)
    bot = SpotMaker(exchange, [market], {"BTC/USD": lambda: price})
    bot.round()
    bids, offers = resting(maker, BTC)
    assert (len(bids), len(offers)) == (12, 12)
    assert bids[0] == (49_990.0, 0.01)
    assert offers[0] == (50_010.0, 0.01)
    taken = taker.place("sell", "0.2", "49000")
    assert taken["sCode"] == "0"
    bot.round()
    assert bot.lean["BTC/USD"] == pytest.approx(0.4, abs=0.01)
    leaning, offered = resting(maker, BTC)
    # It bought: both sides are lower, and the side that would buy more is smaller.
    assert leaning[0][0] < 49_990
    assert offered[0][0] < 50_010
    assert leaning[0][1] < offered[0][1]
    ids = {row["ordId"] for row in maker.get(f"/trade/orders-pending?instId={BTC}")["data"]}
    price = 50_500.0
    bot.round()
    moved, _ = resting(maker, BTC)
    assert moved[0][0] > 50_400
    after = {row["ordId"] for row in maker.get(f"/trade/orders-pending?instId={BTC}")["data"]}
    assert len(ids & after) >= 22, "orders are amended, not placed anew"
    stopped(bot, maker)


def test_the_maker_of_a_perpetual_hedges(
    pair: tuple[Trader, Trader], pit: dict, pit_address: VenueAddress
) -> None:
    maker, taker = pair
    seller = Trader(pit_address, pit["people"][-1])
    placed(seller, BTC, "sell", "0.4", "50020", tdMode="cash")
    bot = PerpetualMaker(exchange_of(maker), UNIFIED, neutral=0.0, most=100, size=10)
    bot.round()
    bids, offers = resting(maker, SWAP)
    assert (len(bids), len(offers)) == (12, 12)
    assert (bids[0], offers[0]) == ((49_992.5, 10.0), (50_007.5, 10.0))
    # A taker buys 25 contracts of 0.001 BTC: the maker is short of 0.025 BTC and buys that much, at most 0.2% dearer.
    placed(taker, SWAP, "buy", "25", "50100")
    bot.round()
    held = position(maker, SWAP)
    assert held is not None
    assert held["pos"] == "-25"
    higher, _ = resting(maker, SWAP)
    assert higher[0][0] > 49_992.5
    assert bot.exchange.fetch_balance()["total"]["BTC"] == pytest.approx(0.025)
    placed(taker, SWAP, "sell", "25", "49900")
    placed(seller, BTC, "buy", "0.1", "49980", tdMode="cash")
    bot.round()
    assert position(maker, SWAP) is None
    assert bot.exchange.fetch_balance()["total"].get("BTC", 0.0) == pytest.approx(0)
    stopped(bot, maker)
    seller.post("/trade/mass-cancel", {})
    seller.close()


def test_the_maker_of_outcomes(pair: tuple[Trader, Trader], pit: dict) -> None:
    maker, taker = pair
    outcomes = pit["outcomes"]
    ratings = {outcomes[0]: 50.0, outcomes[1]: 30.0, outcomes[2]: 20.0}
    bot = OutcomeMaker(exchange_of(maker), lambda: ratings, most=60, size=40)
    bot.round()
    for outcome, fair in zip(outcomes, (0.5, 0.3, 0.2), strict=True):
        bids, offers = resting(maker, outcome)
        assert (len(bids), len(offers)) == (5, 5)
        assert bids[0][0] < fair < offers[0][0]
        assert offers[0][0] - bids[0][0] <= 0.021
    placed(taker, outcomes[0], "buy", "60", "0.60", tdMode="isolated", outcome="yes")
    bot.round()
    assert bot.worst_case() == -60
    bids, offers = resting(maker, outcomes[0])
    # Sixty sold are a lean of 40 beyond the others, of the 60 that may be held.
    assert bids[0][0] >= 0.5
    assert offers[0][1] < bids[0][1]
    bot.most = 40
    bot.round()
    assert resting(maker, outcomes[0])[1] == [], "at the bound nothing more is sold"
    stopped(bot, maker)


def test_a_maker_goes_on_without_the_venue(pair: tuple[Trader, Trader], pit: dict) -> None:
    maker, _ = pair
    bot = OutcomeMaker(exchange_of(maker), lambda: {pit["outcomes"][0]: 40.0}, most=60, size=40)
    good = bot.exchange.urls["api"]["rest"]

    class Pauses(threading.Event):
        """The venue is away for the first two rounds."""

        seen: list[float] = []

        def wait(self, timeout: float | None = None) -> bool:
            self.seen.append(timeout or 0.0)
            if len(self.seen) == 2:
                bot.exchange.urls["api"]["rest"] = good
            if len(self.seen) == 3:
                rows = maker.get("/trade/orders-pending")["data"]
                assert len(rows) == 10
                self.set()
            return self.is_set()

    bot.exchange.urls["api"]["rest"] = "http://127.0.0.1:1"
    pauses = Pauses()
    bot.run(pauses, 0.1)
    assert pauses.seen == [1.0, 2.0, 0.1]
    assert maker.get("/trade/orders-pending")["data"] == []
