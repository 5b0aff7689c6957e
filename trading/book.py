"""A mirror of one market's book on the web side, fed by the engine's numbered updates."""

import zlib
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

CHECKSUM_DEPTH = 25

Level = tuple[int, int, int]  # price_ticks, size_lots, orders


@dataclass
class Side:
    """One side of a book: levels by price, and the prices in ascending order."""

    levels: dict[int, tuple[int, int]] = field(default_factory=dict)
    prices: list[int] = field(default_factory=list)

    def put(self, price_ticks: int, size_lots: int, orders: int) -> None:
        """Set a level; a size of zero deletes it."""
        known = price_ticks in self.levels
        if size_lots > 0:
            self.levels[price_ticks] = (size_lots, orders)
            if not known:
                insort(self.prices, price_ticks)
        elif known:
            del self.levels[price_ticks]
            del self.prices[bisect_left(self.prices, price_ticks)]

    def replace(self, levels: Iterable[Sequence[int]]) -> None:
        """Forget everything and hold ``levels``."""
        self.levels = {level[0]: (level[1], level[2]) for level in levels if level[1] > 0}
        self.prices = sorted(self.levels)


@dataclass
class BookMirror:
    """The book as of engine update ``sequence``; ``sequence`` is ``-1`` until a snapshot was taken."""

    bids: Side = field(default_factory=Side)
    asks: Side = field(default_factory=Side)
    sequence: int = -1
    timestamp_ms: int = 0

    def load(
        self, sequence: int, timestamp_ms: int, bids: Iterable[Sequence[int]], asks: Iterable[Sequence[int]]
    ) -> None:
        """Take a snapshot."""
        self.bids.replace(bids)
        self.asks.replace(asks)
        self.sequence, self.timestamp_ms = sequence, timestamp_ms

    def update(
        self, sequence: int, timestamp_ms: int, bids: Iterable[Sequence[int]], asks: Iterable[Sequence[int]]
    ) -> None:
        """Apply a delta that follows ``self.sequence``."""
        for price_ticks, size_lots, orders in bids:
            self.bids.put(price_ticks, size_lots, orders)
        for price_ticks, size_lots, orders in asks:
            self.asks.put(price_ticks, size_lots, orders)
        self.sequence, self.timestamp_ms = sequence, timestamp_ms

    def best_bids(self, depth: int) -> list[Level]:
        """The ``depth`` highest bids, best first."""
        side = self.bids
        return [(price, *side.levels[price]) for price in reversed(side.prices[-depth:])] if depth else []

    def best_asks(self, depth: int) -> list[Level]:
        """The ``depth`` lowest asks, best first."""
        side = self.asks
        return [(price, *side.levels[price]) for price in side.prices[:depth]]

    def checksum(self, price_text: Callable[[int], str], size_text: Callable[[int], str]) -> int:
        """Signed CRC-32 of the best 25 levels of both sides, interleaved bid first, in the texts clients
        see."""
        bids, asks = self.best_bids(CHECKSUM_DEPTH), self.best_asks(CHECKSUM_DEPTH)
        parts = []
        for rank in range(max(len(bids), len(asks))):
            for levels in (bids, asks):
                if rank < len(levels):
                    parts.append(f"{price_text(levels[rank][0])}:{size_text(levels[rank][1])}")
        crc = zlib.crc32(":".join(parts).encode())
        return crc - (1 << 32) if crc >= 1 << 31 else crc
