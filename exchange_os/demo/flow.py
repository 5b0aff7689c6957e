"""The synthetic order flow of the demo: two market makers and a taker around a mean-reverting price.

The model. Each market has a fair price that moves in integer milli-ticks: a bell-shaped step plus a pull towards an
anchor, and the anchor itself wanders inside a corridor around the opening price, so the chart trends for minutes and
never runs away. Each maker keeps a ladder of :data:`LEVELS` post-only orders a side, denser near the fair price; at
every step it replaces the orders the price has run through and a few of its oldest. The taker sends small
immediate-or-cancel orders, leaning against its own inventory, so that balances come back by themselves.

The generator is pure: the same seed and the same answers give the same orders. It knows nothing of HTTP, and all
prices and sizes are whole ticks and lots.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

LEVELS = 36
MAKERS = ("maker-1", "maker-2")
TAKER = "taker-1"
REFRESH_PER_STEP = 2
FUSE_STEPS = 240


class Intent(NamedTuple):
    """One item for the bulk entry. ``op`` is ``place`` or ``cancel``; a cancel needs only ``client_id``."""

    op: str
    symbol: str
    client_id: str
    side: str = ""
    price_ticks: int = 0
    size_lots: int = 0
    post_only: bool = False


@dataclass(frozen=True, slots=True)
class MarketShape:
    """What the flow of one market looks like; prices in ticks, sizes in lots, moves in thousandths of a tick.

    ``gap_ticks`` is the distance between neighbouring levels of a ladder near the touch; ``step_milliticks`` the
    largest single contribution to a step; ``taker_per_mille`` the chance of a taker order in a step. ``tag`` begins the
    client ids where the symbol's letters are not its own. A shape that ``follows`` another market trades around that
    one's fair price (in the same ticks), at a premium that wanders by ``step_milliticks``.
    """

    symbol: str
    opening_ticks: int
    gap_ticks: int
    step_milliticks: int
    base_lots: int
    taker_per_mille: int = 550
    tag: str = ""
    follows: str = ""


@dataclass(slots=True)
class _Slot:
    """One rung of a ladder: the order believed to rest there and the step it was placed in."""

    maker: str
    side: str
    level: int
    client_id: str = ""
    price_ticks: int = 0
    placed_step: int = -FUSE_STEPS


@dataclass(slots=True)
class MarketFlow:
    """The moving part of one market. ``run`` makes client ids unique across restarts of the process.

    ``leader`` is the flow of the market the shape follows, if any; it has to take its step first.
    """

    shape: MarketShape
    seed: int
    run: str
    leader: "MarketFlow | None" = None
    premium_milliticks: int = 0
    fair_milliticks: int = 0
    anchor_milliticks: int = 0
    inventory_lots: int = 0
    steps: int = 0
    orders: int = 0
    draws: Random = field(init=False)
    slots: list[_Slot] = field(init=False)

    def __post_init__(self) -> None:
        self.draws = Random(f"{self.seed}:{self.shape.symbol}")
        self.fair_milliticks = self.fair_milliticks or self.shape.opening_ticks * 1000
        self.anchor_milliticks = self.anchor_milliticks or self.shape.opening_ticks * 1000
        self.slots = [
            _Slot(maker, side, level)
            for level in range(LEVELS)
            for maker in MAKERS
            for side in ("buy", "sell")
        ]

    @property
    def fair_ticks(self) -> int:
        """The fair price in whole ticks."""
        return self.fair_milliticks // 1000

    def resume(self, milliticks: int) -> None:
        """Go on from the price of an earlier run, held near the opening price."""
        opening = self.shape.opening_ticks * 1000
        self.fair_milliticks = min(max(milliticks, opening * 95 // 100), opening * 105 // 100)
        self.anchor_milliticks = self.fair_milliticks

    def step(self) -> dict[str, list[Intent]]:
        """Advance by one step and give each account's items, in the order they should be sent."""
        self.steps += 1
        self._move_fair_price()
        items: dict[str, list[Intent]] = {maker: [] for maker in MAKERS}
        for slot in self._slots_to_replace():
            items[slot.maker].extend(self._replace(slot))
        items[TAKER] = list(self._take())
        return items

    def on_refused(self, client_ids: Iterable[str]) -> None:
        """Forget the orders that were refused, so that their rungs are filled again at the next step."""
        refused = set(client_ids)
        for slot in self.slots:
            if slot.client_id in refused:
                slot.client_id = ""

    def on_inventory(self, lots: int) -> None:
        """Learn how far the taker's holding is above what it began with; its next orders lean back."""
        self.inventory_lots = lots

    def _move_fair_price(self) -> None:
        shape, draw = self.shape, self.draws
        if self.leader is not None:
            self.premium_milliticks += draw.randint(-shape.step_milliticks, shape.step_milliticks)
            self.premium_milliticks -= self.premium_milliticks // 50
            self.fair_milliticks = self.leader.fair_milliticks + self.premium_milliticks
            return
        corridor = shape.opening_ticks * 1000 * 3 // 100
        drift = draw.randint(-shape.step_milliticks, shape.step_milliticks) * 2 // 3
        home = (shape.opening_ticks * 1000 - self.anchor_milliticks) // 4000
        self.anchor_milliticks += drift + home
        self.anchor_milliticks = min(
            max(self.anchor_milliticks, shape.opening_ticks * 1000 - corridor),
            shape.opening_ticks * 1000 + corridor,
        )
        bell = sum(draw.randint(-shape.step_milliticks, shape.step_milliticks) for _ in range(3))
        pull = (self.anchor_milliticks - self.fair_milliticks) // 40
        self.fair_milliticks = max(
            self.fair_milliticks + bell + pull, shape.gap_ticks * (LEVELS + 2) * 4 * 1000
        )

    def _slots_to_replace(self) -> list[_Slot]:
        """Empty rungs, rungs the price ran through or left far behind, and a few of the oldest."""
        urgent: list[_Slot] = []
        calm: list[_Slot] = []
        for slot in self.slots:
            (urgent if self._is_off(slot) else calm).append(slot)
        calm.sort(key=lambda slot: (slot.placed_step, slot.level))
        return urgent + calm[:REFRESH_PER_STEP]

    def _is_off(self, slot: _Slot) -> bool:
        if not slot.client_id:
            return True
        distance = (
            self.fair_ticks - slot.price_ticks if slot.side == "buy" else slot.price_ticks - self.fair_ticks
        )
        wanted = self._distance(slot.level)
        slack = self.shape.gap_ticks * (2 + slot.level // 3)
        return distance < max(1, wanted - slack) or distance > wanted + slack * 2

    def _distance(self, level: int) -> int:
        """How far from the fair price a rung stands: even near the touch, wider further out."""
        return self.shape.gap_ticks * (level + 1) + self.shape.gap_ticks * level * level // 24

    def _replace(self, slot: _Slot) -> Iterator[Intent]:
        if slot.client_id:
            yield Intent("cancel", self.shape.symbol, slot.client_id)
        jitter = self.draws.randint(0, max(1, self.shape.gap_ticks - 1))
        distance = self._distance(slot.level) + jitter
        slot.price_ticks = self.fair_ticks - distance if slot.side == "buy" else self.fair_ticks + distance
        slot.client_id = self._next_client_id()
        slot.placed_step = self.steps
        size_lots = self.shape.base_lots * (4 + slot.level) * self.draws.randint(40, 160) // 400
        yield Intent(
            "place",
            self.shape.symbol,
            slot.client_id,
            slot.side,
            slot.price_ticks,
            max(1, size_lots),
            post_only=True,
        )

    def _take(self) -> Iterator[Intent]:
        if self.draws.randint(1, 1000) > self.shape.taker_per_mille:
            return
        lean = max(-400, min(400, self.inventory_lots * 20 // max(1, self.shape.base_lots)))
        side = "buy" if self.draws.randint(1, 1000) <= 500 - lean else "sell"
        reach = self._distance(self.draws.choice((1, 1, 2, 2, 3, 5))) + self.shape.gap_ticks
        price_ticks = self.fair_ticks + reach if side == "buy" else self.fair_ticks - reach
        size_lots = max(1, self.shape.base_lots * self.draws.choice((5, 10, 20, 20, 40, 60, 150, 400)) // 100)
        yield Intent("place", self.shape.symbol, self._next_client_id(), side, price_ticks, size_lots)

    def _next_client_id(self) -> str:
        self.orders += 1
        tag = self.shape.tag or self.shape.symbol.replace("-", "")[:6].lower()
        return f"{self.run}{tag}{self.orders:x}"
