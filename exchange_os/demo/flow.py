"""What is synthetic of the demo's trading: prices that follow no real market, and a taker that trades at random.

A fair price moves in thousandths of a tick: a bell-shaped step plus a pull towards an anchor, and the anchor itself
wanders inside a corridor around the opening price, so the chart trends for minutes and never runs away. The taker sends
small immediate-or-cancel orders through the fair price, leaning against its own inventory, so that balances come back
by themselves. Both are pure: the same seed gives the same prices and orders. Who quotes are the example makers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

TAKER = "taker-1"
CORRIDOR_PERCENT = 3


class Intent(NamedTuple):
    """One immediate-or-cancel order of the taker, in whole ticks and lots."""

    symbol: str
    client_id: str
    side: str
    price_ticks: int
    size_lots: int


@dataclass(slots=True)
class Wander:
    """A synthetic fair price; ``step_milliticks`` is the largest single contribution to a step. ``low`` and ``high``
    bound it in ticks."""

    name: str
    seed: int
    opening_ticks: int
    step_milliticks: int
    low_ticks: int = 1
    high_ticks: int = 2**53
    milliticks: int = 0
    anchor_milliticks: int = 0
    draws: Random = field(init=False)

    def __post_init__(self) -> None:
        self.draws = Random(f"{self.seed}:{self.name}")
        self.milliticks = self.milliticks or self.opening_ticks * 1000
        self.anchor_milliticks = self.milliticks

    @property
    def ticks(self) -> int:
        """The fair price in whole ticks."""
        return self.milliticks // 1000

    def resume(self, milliticks: int) -> None:
        """Go on from the price of an earlier run, held near the opening price."""
        opening = self.opening_ticks * 1000
        self.milliticks = min(max(milliticks, opening * 95 // 100), opening * 105 // 100)
        self.anchor_milliticks = self.milliticks

    def step(self) -> None:
        """Move once."""
        draw, size, opening = self.draws, self.step_milliticks, self.opening_ticks * 1000
        corridor = opening * CORRIDOR_PERCENT // 100
        drift = draw.randint(-size, size) * 2 // 3
        home = (opening - self.anchor_milliticks) // 4000
        self.anchor_milliticks = min(
            max(self.anchor_milliticks + drift + home, opening - corridor), opening + corridor
        )
        bell = sum(draw.randint(-size, size) for _ in range(3))
        pull = (self.anchor_milliticks - self.milliticks) // 40
        moved = self.milliticks + bell + pull
        self.milliticks = min(max(moved, self.low_ticks * 1000), self.high_ticks * 1000)


@dataclass(frozen=True, slots=True)
class TakerShape:
    """How the taker trades one market: ``reach_ticks`` beyond the fair price, about ``base_lots`` at a time,
    ``per_mille`` the chance of an order in a step; contract prices stay below ``payout_ticks``, if there are any."""

    symbol: str
    tag: str
    reach_ticks: int
    base_lots: int
    per_mille: int
    payout_ticks: int = 0


@dataclass(slots=True)
class Taker:
    """The taker in one market. ``run`` makes client ids unique across restarts of the process."""

    shape: TakerShape
    fair: Wander
    seed: int
    run: str
    inventory_lots: int = 0
    orders: int = 0
    draws: Random = field(init=False)

    def __post_init__(self) -> None:
        self.draws = Random(f"{self.seed}:taker:{self.shape.symbol}")

    def step(self) -> Iterator[Intent]:
        """An order, or none."""
        shape, draw = self.shape, self.draws
        if draw.randint(1, 1000) > shape.per_mille:
            return
        lean = max(-400, min(400, self.inventory_lots * 20 // max(1, shape.base_lots)))
        side = "buy" if draw.randint(1, 1000) <= 500 - lean else "sell"
        reach = shape.reach_ticks * draw.choice((1, 1, 2, 2, 3, 5)) // 2
        price = max(1, self.fair.ticks + reach if side == "buy" else self.fair.ticks - reach)
        if shape.payout_ticks:
            price = min(price, shape.payout_ticks - 1)
        size = max(1, shape.base_lots * draw.choice((5, 10, 20, 20, 40, 60, 150, 400)) // 100)
        self.orders += 1
        yield Intent(shape.symbol, f"{self.run}{shape.tag}{self.orders:x}", side, price, size)
