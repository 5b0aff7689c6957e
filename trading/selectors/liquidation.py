"""What a move of prices would do to an account: equity and maintenance margin, and which step of the waterfall comes.

The kernel's ``simulate`` carries out commands and cannot move a mark at will (its rails allow one per cent a step), so
the move is reckoned from the kernel's risk and positions by its own formulas: the profit of a position changes by
``lots * tick_quote * move``, its maintenance margin is that of its new value over the market's tiers, rounded up.
Collateral in other assets and worst cases of outcomes stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trading.selectors.positions import Holdings, Position
from venues.instruments import Instrument

PPM = 1_000_000
Tiers = Sequence[Sequence[int]]  # [up to value, initial ppm, maintenance ppm], the last without an end


@dataclass(frozen=True)
class Outlook:
    """An account after a move; units of the settlement asset. ``stage`` is 0 (nothing happens) to 3."""

    equity: int
    maintenance: int
    initial_before: int
    marks: dict[int, int]

    @property
    def stage(self) -> int:
        """The last step that comes.

        1: below maintenance, orders go and positions are closed in the book. 2: below two thirds of it, the insurance
        fund takes over what is left. 3: nothing is left; what the fund cannot carry is closed against others.
        """
        if self.maintenance == 0 or self.equity >= self.maintenance:
            return 0
        if self.equity <= 0:
            return 3
        return 2 if 3 * self.equity < 2 * self.maintenance else 1


def maintenance_of(value: int, tiers: Tiers) -> int:
    """Maintenance margin of a value at mark: each tier's part of it times its rate, rounded up."""
    total, below = 0, 0
    for at, (up_to, _, rate_ppm) in enumerate(tiers):
        top = value if at + 1 == len(tiers) else min(value, up_to)
        total += (top - below) * rate_ppm
        below = top
        if value <= up_to:
            break
    return -(-total // PPM)


def cross_positions(held: Holdings) -> list[Position]:
    """Positions of perpetuals that share the account's equity."""
    return [each for each in held.positions if each.lots and not each.outcome and not each.isolated]


def outlook(
    held: Holdings,
    instruments: Mapping[int, Instrument],
    tiers: Mapping[int, Tiers],
    move_ppm: int,
    market: int | None = None,
) -> Outlook:
    """The account after the marks of all markets (or of one) moved by ``move_ppm``; exact for cross positions."""
    risk = held.risk
    assert risk is not None, "an account without contracts cannot be liquidated"
    equity, maintenance, marks = risk.equity, risk.maintenance, {}
    for position in cross_positions(held):
        if market is not None and position.market != market:
            continue
        mark = max(1, position.mark_ticks * (PPM + move_ppm) // PPM)
        tick_quote = instruments[position.market].tick_quote
        marks[position.market] = mark
        equity += position.lots * (mark - position.mark_ticks) * tick_quote
        value = abs(position.lots) * mark * tick_quote
        maintenance += maintenance_of(value, tiers[position.market]) - position.maintenance
    return Outlook(equity, maintenance, risk.initial, marks)


def first_move(
    held: Holdings,
    instruments: Mapping[int, Instrument],
    tiers: Mapping[int, Tiers],
    limit_ppm: int,
    market: int | None = None,
) -> int | None:
    """The smallest move towards ``limit_ppm`` (parts per million, signed) at which liquidation begins.

    Found by halving; ``None`` if it does not begin up to there.
    """
    if not outlook(held, instruments, tiers, limit_ppm, market).stage:
        return None
    sound, fallen = 0, limit_ppm
    if outlook(held, instruments, tiers, 0, market).stage:
        return 0
    while abs(fallen - sound) > 1:
        middle = sound + (fallen - sound) // 2
        if outlook(held, instruments, tiers, middle, market).stage:
            fallen = middle
        else:
            sound = middle
    return fallen
