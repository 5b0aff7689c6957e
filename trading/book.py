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


def checksum(
    bids: Sequence[Level],
    asks: Sequence[Level],
    price_text: Callable[[int], str],
    size_text: Callable[[int], str],
) -> int:
    """Signed CRC-32 of the best 25 levels of both sides, interleaved bid first, in the texts clients see."""
    parts = []
    for rank in range(min(CHECKSUM_DEPTH, max(len(bids), len(asks)))):
        for levels in (bids, asks):
            if rank < len(levels):
                parts.append(f"{price_text(levels[rank][0])}:{size_text(levels[rank][1])}")
    crc = zlib.crc32(":".join(parts).encode())
    return crc - (1 << 32) if crc >= 1 << 31 else crc


Changes = tuple[list[Level], list[Level]]  # bids and asks, best first; a size of zero deletes


class DepthView:
    """The best ``depth`` levels of a mirror as subscribers were last told, and what changed since.

    ``sequence`` is that of the last change told, so that numbers chain without a gap however many updates of the
    mirror did not touch these levels.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.sequence = -1
        self.timestamp_ms = 0
        self.bids: list[Level] = []
        self.asks: list[Level] = []

    def take(self, mirror: BookMirror) -> Changes | None:
        """Follow the mirror; the changes, or ``None`` if these levels did not change."""
        bids, asks = mirror.best_bids(self.depth), mirror.best_asks(self.depth)
        changes = _difference(self.bids, bids), _difference(self.asks, asks)
        if self.sequence >= 0 and not changes[0] and not changes[1]:
            return None
        self.bids, self.asks = bids, asks
        self.sequence, self.timestamp_ms = mirror.sequence, mirror.timestamp_ms
        return changes


def _difference(old: list[Level], new: list[Level]) -> list[Level]:
    if old == new:
        return []
    known = {level[0]: level for level in old}
    changed = [level for level in new if known.pop(level[0], None) != level]
    return changed + [(price, 0, 0) for price in known]
