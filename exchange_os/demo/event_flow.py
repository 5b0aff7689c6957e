"""The synthetic order flow of one outcome of an event: short ladders of two makers and now and then a taker.

The outcome's probability wanders around the one it began with and is pulled back to it, so that the prices of all
outcomes together stay near the payout. Prices are whole ticks from 1 to one below the payout, sizes whole contracts.
The generator is as pure as that of :mod:`exchange_os.demo.flow` and is driven like it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from exchange_os.demo.flow import MAKERS, TAKER, Intent

LEVELS = 6
MAX_AGE_STEPS = 40


@dataclass(frozen=True, slots=True)
class OutcomeShape:
    """What the flow of one outcome looks like; prices in ticks, sizes in contracts, moves in thousandths of a tick."""

    symbol: str
    tag: str
    opening_ticks: int
    payout_ticks: int
    step_milliticks: int = 160
    base_lots: int = 60
    taker_per_mille: int = 220


@dataclass(slots=True)
class _Rung:
    """One order of a ladder: where it is believed to rest, and since which step."""

    maker: str
    side: str
    level: int
    client_id: str = ""
    price_ticks: int = 0
    placed_step: int = 0


@dataclass(slots=True)
class OutcomeFlow:
    """The moving part of one outcome's market. ``run`` makes client ids unique across restarts of the process."""

    shape: OutcomeShape
    seed: int
    run: str
    fair_milliticks: int = 0
    inventory_lots: int = 0
    steps: int = 0
    orders: int = 0
    draws: Random = field(init=False)
    rungs: list[_Rung] = field(init=False)

    def __post_init__(self) -> None:
        self.draws = Random(f"{self.seed}:{self.shape.symbol}")
        self.fair_milliticks = self.fair_milliticks or self.shape.opening_ticks * 1000
        self.rungs = [
            _Rung(maker, side, level)
            for level in range(LEVELS)
            for maker in MAKERS
            for side in ("buy", "sell")
        ]

    @property
    def fair_ticks(self) -> int:
        """The fair price to the nearest tick."""
        return (self.fair_milliticks + 500) // 1000

    def resume(self, milliticks: int) -> None:
        """Go on from the price of an earlier run."""
        self.fair_milliticks = self._bounded(milliticks)

    def step(self) -> dict[str, list[Intent]]:
        """Advance by one step and give each account's items, in the order they should be sent."""
        self.steps += 1
        shape, draw = self.shape, self.draws
        home = (shape.opening_ticks * 1000 - self.fair_milliticks) // 60
        self.fair_milliticks = self._bounded(
            self.fair_milliticks
            + home
            + sum(draw.randint(-shape.step_milliticks, shape.step_milliticks) for _ in range(3))
        )
        items: dict[str, list[Intent]] = {maker: [] for maker in MAKERS}
        for rung in self.rungs:
            items[rung.maker].extend(self._renew(rung))
        items[TAKER] = list(self._take())
        return items

    def on_refused(self, client_ids: Iterable[str]) -> None:
        """Forget the orders that were refused, so that their rungs are filled again at the next step."""
        refused = set(client_ids)
        for rung in self.rungs:
            if rung.client_id in refused:
                rung.client_id = ""

    def on_inventory(self, lots: int) -> None:
        """Learn how many contracts the taker holds; its next orders lean back."""
        self.inventory_lots = lots

    def _bounded(self, milliticks: int) -> int:
        """A fair price that leaves room for a quote on both sides, and stays within a third of the opening."""
        opening = self.shape.opening_ticks * 1000
        low = max(2_000, opening * 2 // 3)
        high = min((self.shape.payout_ticks - 2) * 1000, opening * 4 // 3)
        return min(max(milliticks, low), high)

    def _renew(self, rung: _Rung) -> Iterator[Intent]:
        """Replace an order the price has moved away from, or an old one; a price outside of the payout has none."""
        away = rung.level + 1
        price = self.fair_ticks - away if rung.side == "buy" else self.fair_ticks + away
        age = self.steps - rung.placed_step
        if rung.client_id and rung.price_ticks == price and age < MAX_AGE_STEPS + rung.level * 7:
            return
        if rung.client_id:
            yield Intent("cancel", self.shape.symbol, rung.client_id)
            rung.client_id = ""
        if not 0 < price < self.shape.payout_ticks:
            return
        rung.client_id, rung.price_ticks, rung.placed_step = self._next_client_id(), price, self.steps
        size_lots = max(1, self.shape.base_lots * (2 + rung.level) * self.draws.randint(40, 160) // 200)
        yield Intent("place", self.shape.symbol, rung.client_id, rung.side, price, size_lots, post_only=True)

    def _take(self) -> Iterator[Intent]:
        if self.draws.randint(1, 1000) > self.shape.taker_per_mille:
            return
        lean = max(-400, min(400, self.inventory_lots * 20 // max(1, self.shape.base_lots)))
        side = "buy" if self.draws.randint(1, 1000) <= 500 - lean else "sell"
        reach = self.draws.choice((1, 1, 2, 2, 3))
        price = self.fair_ticks + reach if side == "buy" else self.fair_ticks - reach
        price = min(max(price, 1), self.shape.payout_ticks - 1)
        size_lots = max(1, self.shape.base_lots * self.draws.choice((5, 10, 20, 50, 100)) // 100)
        yield Intent("place", self.shape.symbol, self._next_client_id(), side, price, size_lots)

    def _next_client_id(self) -> str:
        self.orders += 1
        return f"{self.run}{self.shape.tag}x{self.orders:x}"
