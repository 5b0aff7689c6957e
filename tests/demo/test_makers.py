"""The example makers without an exchange: quotes, inventory, what is sent of a difference, and troubles."""

import json
import threading
from pathlib import Path
from typing import Any

import ccxt
import pytest

from examples.makers.maker import Maker, Quote, ladder
from examples.makers.outcome import OutcomeMaker, fair_prices, ratings_in


class Venue:
    """What a maker calls of ccxt, with orders in a list; ``troubles`` are raised by the next calls."""

    def __init__(self) -> None:
        self.markets = {"X": {}}
        self.orders: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.troubles: list[Exception] = []

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.troubles:
            raise self.troubles.pop(0)

    def cancel_all_orders_after(self, milliseconds: int) -> None:
        self._called(f"dead man {milliseconds}")

    def fetch_open_orders(self, *_: Any) -> list[dict[str, Any]]:
        return list(self.orders)

    def create_orders(self, rows: list[dict[str, Any]]) -> None:
        self._called("create")
        for row in rows:
            assert row["params"]["postOnly"]
            named = {"instId": row["symbol"]}
            order = {
                "id": str(len(self.calls) * 100 + len(self.orders)),
                "filled": 0.0,
                "remaining": row["amount"],
            }
            self.orders.append({**row, **order, "info": named})

    def private_post_trade_amend_batch_orders(self, rows: list[dict[str, Any]]) -> None:
        self._called("amend " + " ".join(row["newPx"] for row in rows))
        for row in rows:
            assert set(row) <= {"instId", "ordId", "newPx", "newSz"}
            next(o for o in self.orders if o["id"] == row["ordId"])["price"] = float(row["newPx"])

    def private_post_trade_cancel_batch_orders(self, rows: list[dict[str, Any]]) -> None:
        self._called("cancel")
        gone = {row["ordId"] for row in rows}
        self.orders = [order for order in self.orders if order["id"] not in gone]

    def price_to_precision(self, symbol: str, price: float) -> str:
        return f"{price:.2f}"

    def amount_to_precision(self, symbol: str, amount: float) -> str:
        return f"{amount:.4f}"


class Steady(Maker):
    """Quotes one level a side around ``middle``."""

    middle: float | None = 100.0

    def quotes(self, symbol: str) -> list[Quote]:
        return [] if self.middle is None else ladder(self.middle, 1.0, 2.0, 1, 0.0)


def test_a_ladder_leans_and_stops_at_the_bound() -> None:
    flat = ladder(100.0, 1.0, 2.0, 3, 0.0)
    assert [(row.side, row.price) for row in flat[:2]] == [("buy", 99.0), ("sell", 101.0)]
    assert len(flat) == 6
    half = ladder(100.0, 1.0, 2.0, 1, 0.5)
    assert [(row.side, row.size) for row in half] == [("buy", 1.0), ("sell", 2.0)]
    assert {row.side for row in ladder(100.0, 1.0, 2.0, 3, 1.0)} == {"sell"}
    assert {row.side for row in ladder(100.0, 1.0, 2.0, 3, -1.0)} == {"buy"}


def test_a_round_places_then_amends_and_leaves_what_is_near_enough() -> None:
    venue = Venue()
    maker = Steady(venue, ["X"])  # type: ignore[arg-type]
    maker.round()
    assert sorted((o["side"], o["price"]) for o in venue.orders) == [("buy", 99.0), ("sell", 101.0)]
    maker.round()
    assert venue.calls == ["dead man 30000", "create", "dead man 30000"]
    maker.middle = 105.0
    maker.round()
    # The offer retreats first, so that the bid does not meet it.
    assert venue.calls[-1] == "amend 106.00 104.00"
    maker.middle = 95.0
    maker.round()
    assert venue.calls[-1] == "amend 94.00 96.00"
    maker.middle = None
    maker.round()
    assert venue.orders == []


def test_a_stray_order_is_cancelled_and_stopping_leaves_nothing() -> None:
    venue = Venue()
    venue.orders = [{"id": "7", "symbol": "OLD", "side": "buy", "price": 1.0, "info": {"instId": "OLD"}}]
    maker = Steady(venue, ["X"])  # type: ignore[arg-type]
    maker.round()
    assert {order["symbol"] for order in venue.orders} == {"X"}
    maker.stop()
    assert venue.orders == []
    assert venue.calls[-1] == "dead man 0"


def test_troubles_are_logged_once_and_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    venue = Venue()
    venue.troubles = [
        ccxt.NetworkError("away"), ccxt.RateLimitExceeded("slow"), ccxt.ExchangeError("halted"),
    ]  # fmt: skip
    maker = Steady(venue, ["X"])  # type: ignore[arg-type]
    stopping = Rounds(5)
    maker.run(stopping, 0.5)
    assert stopping.waited == [1.0, 1.0, 0.5, 0.5, 0.5]
    assert venue.calls[-1] == "dead man 0"
    texts = [
        record.message
        for record in caplog.records
        if record.name == "maker" and record.levelname == "WARNING"
    ]
    assert texts == ["the venue does not answer: away", "slowing down: slow", "refused: halted"]


def test_a_wrong_key_ends_it() -> None:
    venue = Venue()
    venue.troubles = [ccxt.AuthenticationError("revoked")]
    with pytest.raises(ccxt.AuthenticationError):
        Steady(venue, ["X"]).run(Rounds(3), 0.5)  # type: ignore[arg-type]


class Rounds(threading.Event):
    """Lets a maker run a number of rounds, and notes how long it would have waited."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.left, self.waited = rounds, list[float]()

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        self.left -= 1
        if not self.left:
            self.set()
        return self.is_set()


def test_ratings_become_prices_and_follow_their_file(tmp_path: Path) -> None:
    assert fair_prices({"A": 30, "B": 90}) == {"A": 0.25, "B": 0.75}
    assert fair_prices({"YES": 34}) == {"YES": 0.34}
    file = tmp_path / "ratings.json"
    file.write_text(json.dumps({"A": 30}))
    ratings = ratings_in(file)
    assert ratings() == {"A": 30.0}
    file.write_text("half a fi")
    assert ratings() == {"A": 30.0}


def test_complete_sets_are_no_risk_and_the_worst_case_is_bounded() -> None:
    maker = OutcomeMaker(None, lambda: {"A": 50, "B": 50}, most=100)  # type: ignore[arg-type]
    maker.lots = {"A": 80.0, "B": 80.0}
    assert (maker.lean("A"), maker.worst_case()) == (0.0, 80.0)
    maker.lots = {"A": 100.0, "B": -100.0}
    assert (maker.lean("A"), maker.lean("B"), maker.worst_case()) == (1.0, -1.0, -100.0)
