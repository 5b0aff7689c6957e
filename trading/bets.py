"""The arithmetic of a bet: what it costs, pays and earns, exactly as the kernel reckons.

An outcome has one book, of Yes. Someone who bets on No sees it mirrored: at a payout of ``one`` ticks a bid at ``p``
is an offer of No at ``one - p``. Everything here is in the bettor's own terms: prices of the side they bet on, what is
paid and received as positive units. Pure integers; nothing is asked of anyone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PPM = 1_000_000

Level = tuple[int, int]  # price in ticks of the side one bets on, lots


@dataclass(frozen=True)
class Terms:
    """What a contract of a market is: it pays ``one`` ticks of ``tick_quote`` units; ``taker_ppm`` is its fee rate."""

    one: int
    tick_quote: int
    taker_ppm: int

    @property
    def unit(self) -> int:
        """Units one contract pays if it wins."""
        return self.one * self.tick_quote

    def value(self, ticks: int, lots: int) -> int:
        """Units of ``lots`` at ``ticks``."""
        return ticks * lots * self.tick_quote

    def fee_base(self, ticks: int, lots: int) -> int:
        """What the fee of a fill is taken from: value times one less the price, rounded up."""
        return -(-self.value(ticks, lots) * (self.one - ticks) // self.one)

    def fee(self, base: int) -> int:
        """The fee on a base, rounded up once an order."""
        return -(-base * max(0, self.taker_ppm) // PPM)

    def largest_fee(self, limit: int, lots: int, *, buying: bool) -> int:
        """Most that an order with this limit can be charged: its fee is dearest where a fill is nearest to one half."""
        half = (self.one + 1) // 2 if buying else self.one // 2
        return self.fee(self.fee_base(min(limit, half) if buying else max(limit, half), 1)) * lots


@dataclass(frozen=True)
class Walk:
    """What trading at once through a book comes to. ``worst`` is the last price reached, ``best`` the first."""

    lots: int = 0
    value: int = 0
    fee: int = 0
    best: int = 0
    worst: int = 0

    def average_cents(self, terms: Terms) -> str:
        """Average price in hundredths of a contract, to a hundredth of those; empty if nothing trades."""
        if not self.lots:
            return ""
        hundredths = (self.value * 10_000 * 2 + self.lots * terms.unit) // (2 * self.lots * terms.unit)
        return cents_text(hundredths, 10_000)


def offers(
    bids: Iterable[Sequence[int]], asks: Iterable[Sequence[int]], one: int, *, buying: bool, no: bool
) -> list[Level]:
    """The levels a bet trades with, best first, in its own terms; levels of the book are (price, lots, ...)."""
    levels = asks if buying != no else bids
    return [(one - level[0] if no else level[0], level[1]) for level in levels]


def walk(levels: Iterable[Level], lots: int, terms: Terms, *, buying: bool, limit: int | None = None) -> Walk:
    """Trade up to ``lots`` through ``levels`` (best first) no worse than ``limit``."""
    done, value, base, best, worst = 0, 0, 0, 0, 0
    for ticks, there in levels:
        beyond = limit is not None and (ticks > limit if buying else ticks < limit)
        take = 0 if beyond else min(there, lots - done)
        if take <= 0:
            break
        best, worst = best or ticks, ticks
        value += terms.value(ticks, take)
        base += terms.fee_base(ticks, take)
        done += take
    return Walk(done, value, terms.fee(base), best, worst)


def lots_for(
    levels: Sequence[Level], budget: int, terms: Terms, *, limit: int | None = None, rests: bool = False
) -> int:
    """Most contracts that ``budget`` units buy, fee included; with ``rests`` what is left is bought at ``limit``."""

    def cost(lots: int) -> int:
        now = walk(levels, lots, terms, buying=True, limit=limit)
        if not rests or limit is None:
            return now.value + now.fee
        left = lots - now.lots
        return now.value + now.fee + terms.value(limit, left) + terms.largest_fee(limit, left, buying=True)

    most = sum(lots for ticks, lots in levels if limit is None or ticks <= limit)
    if rests and limit:
        most = max(most, budget // terms.value(limit, 1))
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cost(middle) <= budget else (low, middle - 1)
    return low


def cents_text(ticks: int, one: int) -> str:
    """A price as hundredths of a contract: ``18¢``, ``18.5¢``."""
    thousandths = ticks * 100_000 // one
    whole, rest = divmod(thousandths, 1000)
    fraction = f"{rest:03d}".rstrip("0")
    return f"{whole}.{fraction}¢" if fraction else f"{whole}¢"


def money_text(units: int, scale: int, *, up: bool = False) -> str:
    """Units of an asset for a sentence: two decimals, or four below a hundredth; rounded down, or ``up`` when paid."""
    sign, size = ("-", -units) if units < 0 else ("", units)
    digits = min(scale, 2 if size * 100 >= 10**scale or not size else 4)
    step = 10 ** (scale - digits)
    steps = -(-size // step) if up != (units < 0) else size // step
    text = str(steps).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else f"{sign}{text}"


def chance_text(ticks: int, one: int) -> str:
    """A price as a chance in whole per cent; what is not nothing and not certain is never shown as 0% or 100%."""
    percent = (ticks * 200 + one) // (2 * one)
    if 0 < ticks < one and percent in (0, 100):
        return "<1%" if percent == 0 else ">99%"
    return f"{percent}%"
