"""Unified margin as the rules say it, in exact fractions. Nothing is kept up to date here: every number is computed
from the state each time it is asked for.

Units: amounts in units of the settlement asset S, prices in ticks, sizes in lots, rates in ppm. A long is positive.
``value = price_ticks * lots * tick_quote``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

PPM = 1_000_000
DEFAULT_LEVERAGE = 10
HIGHEST_TICKS = 1 << 50


@dataclass(frozen=True, slots=True)
class Tier:
    """These rates hold for the part of a position's value up to ``up_to`` units; the last tier has no end here."""

    up_to: int
    initial_ppm: int
    maintenance_ppm: int


@dataclass(frozen=True, slots=True)
class Haircut:
    """This share of the part of a holding up to ``up_to`` units does not count; what lies above all counts nothing."""

    up_to: int
    haircut_ppm: int


@dataclass(slots=True)
class Perpetual:
    """What margin needs to know of a perpetual. Open interest is the sum of all longs in lots."""

    tick_quote: int
    tiers: Sequence[Tier]
    mark_ticks: int
    open_interest: int = 0
    interest_low: int = 0
    interest_high: int = 0

    def value(self, lots: int, price_ticks: int | Fraction | None = None) -> Fraction:
        """Signed value of ``lots`` at a price, at mark if none is given."""
        price = self.mark_ticks if price_ticks is None else price_ticks
        return Fraction(lots) * price * self.tick_quote

    @property
    def default_leverage(self) -> int:
        """Ten, or what the first tier allows if that is less."""
        return min(DEFAULT_LEVERAGE, PPM // self.tiers[0].initial_ppm)


@dataclass(slots=True)
class Position:
    """One account in one perpetual, with the lots of its resting orders that are not reduce-only.

    ``margin`` is the bucket of an isolated position, None for cross. ``funding_due`` is what it has yet to pay.
    """

    lots: int = 0
    entry: int = 0
    leverage: int = 0
    funding_due: Fraction = Fraction(0)
    margin: int | None = None
    buy_lots: int = 0
    sell_lots: int = 0
    realised: int = 0


@dataclass(slots=True)
class Account:
    """Cash in S, what spot orders hold of it, other holdings with what a unit is worth, perpetuals by market."""

    cash: int = 0
    held: int = 0
    holdings: dict[int, int] = field(default_factory=dict)
    positions: dict[int, Position] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Risk:
    """Of the cross margin, exactly."""

    equity: Fraction
    initial: Fraction
    maintenance: Fraction
    withdrawable: Fraction


def slices(amount: Fraction, bounds: Sequence[int]) -> list[Fraction]:
    """``amount`` cut at the bounds: how much of it lies up to each, and last what lies above all."""
    parts, lower = [], Fraction(0)
    for bound in bounds:
        upper = min(amount, Fraction(bound))
        parts.append(max(upper - lower, Fraction(0)))
        lower = max(lower, upper)
    return [*parts, amount - lower]


def tiered(value: Fraction, bounds: Sequence[int], rates_ppm: Sequence[int]) -> Fraction:
    """Each part of the value at its own tier's rate, so that nothing jumps where tiers meet; the last rate has no end.

    ``value * rate - deduction`` with the right deduction of each tier is the same function.
    """
    parts = slices(value, bounds[:-1])
    return sum((part * rate / PPM for part, rate in zip(parts, rates_ppm, strict=True)), Fraction(0))


def maintenance_of(value: Fraction, tiers: Sequence[Tier]) -> Fraction:
    return tiered(value, [tier.up_to for tier in tiers], [tier.maintenance_ppm for tier in tiers])


def initial_of(value: Fraction, leverage: int, perpetual: Perpetual) -> Fraction:
    """``value * max(1/leverage, tiers)``, then as far towards the whole value as open interest has come."""
    tiers = perpetual.tiers
    least = tiered(value, [tier.up_to for tier in tiers], [tier.initial_ppm for tier in tiers])
    asked = max(value / (leverage or perpetual.default_leverage), least)
    return asked + (value - asked) * interest_share(perpetual)


def interest_share(perpetual: Perpetual) -> Fraction:
    """0 up to the lower level of open interest, 1 from the higher on, linear between."""
    low, high = perpetual.interest_low, perpetual.interest_high
    if high == 0 or perpetual.open_interest <= low:
        return Fraction(0)
    if perpetual.open_interest >= high:
        return Fraction(1)
    return Fraction(perpetual.open_interest - low, high - low)


def collateral_value(units: int, unit_value: Fraction, haircuts: Sequence[Haircut]) -> Fraction:
    """What a holding counts for in S: each part of it less that part's haircut."""
    parts = slices(Fraction(units), [tier.up_to for tier in haircuts])[:-1]
    kept = [Fraction(PPM - tier.haircut_ppm, PPM) for tier in haircuts]
    return sum((part * share * unit_value for part, share in zip(parts, kept, strict=True)), Fraction(0))


def worst_case(lots: Sequence[int], payout: int) -> int:
    """The least the contracts of one event can be worth, one number of lots for each outcome; exactly one wins."""
    return min(held * payout for held in lots)


def worst_lots(position: Position) -> int:
    """Lots of the larger side of position and orders."""
    return max(abs(position.lots + position.buy_lots), abs(position.lots - position.sell_lots))


def unrealised(position: Position, perpetual: Perpetual) -> Fraction:
    """What closing at mark would bring, the funding it owes paid."""
    return perpetual.value(position.lots) - position.entry - position.funding_due


def position_maintenance(position: Position, perpetual: Perpetual) -> Fraction:
    return maintenance_of(perpetual.value(abs(position.lots)), perpetual.tiers)


def position_initial(position: Position, perpetual: Perpetual) -> Fraction:
    """What the position and its orders ask of the cross margin; an isolated position itself has its own."""
    whole = initial_of(perpetual.value(worst_lots(position)), position.leverage, perpetual)
    if position.margin is None:
        return whole
    return whole - initial_of(perpetual.value(abs(position.lots)), position.leverage, perpetual)


def risk_of(
    account: Account,
    perpetuals: dict[int, Perpetual],
    worth: dict[int, tuple[Fraction, Sequence[Haircut]]],
    locked: Fraction = Fraction(0),
) -> Risk:
    """The cross margin of an account. ``worth``: asset -> (S for one unit of it, haircuts). ``locked``: collateral
    value that its open spot orders give away beyond the S they bring."""
    cross = [(p, perpetuals[market]) for market, p in account.positions.items() if p.margin is None]
    apart = sum(p.margin for p in account.positions.values() if p.margin is not None)
    collateral = sum(
        (
            collateral_value(units, *worth[asset])
            for asset, units in account.holdings.items()
            if asset in worth
        ),
        Fraction(0),
    )
    upnl = sum((unrealised(p, perpetual) for p, perpetual in cross), Fraction(0))
    equity = account.cash - apart + collateral + upnl
    initial = account.held + locked
    initial += sum(
        (position_initial(p, perpetuals[market]) for market, p in account.positions.items()), Fraction(0)
    )
    maintenance = sum((position_maintenance(p, perpetual) for p, perpetual in cross), Fraction(0))
    notional = sum((perpetuals[m].value(abs(p.lots)) for m, p in account.positions.items()), Fraction(0))
    settled = equity - max(upnl, Fraction(0))
    # Settled money: what an open loss has eaten already is not there to be withdrawn.
    free = account.cash - account.held - apart + min(upnl, Fraction(0))
    withdrawable = max(Fraction(0), min(free, settled - max(initial, notional / 10)))
    return Risk(equity, initial, maintenance, withdrawable)


def liquidation_price(position: Position, perpetual: Perpetual, risk: Risk) -> Fraction | None:
    """The mark at which the bucket's equity meets its maintenance, all else staying as it is; None if it never does.

    Found by halving between zero and a price far beyond, since both sides are piecewise linear in the mark.
    """
    if position.lots == 0:
        return None
    others = risk.equity - unrealised(position, perpetual)
    needs = risk.maintenance - position_maintenance(position, perpetual)

    def spare(mark: Fraction) -> Fraction:
        value = Fraction(position.lots) * mark * perpetual.tick_quote
        own = value - position.entry - position.funding_due
        return others + own - needs - maintenance_of(abs(value), perpetual.tiers)

    sound, sunk = Fraction(perpetual.mark_ticks), Fraction(0)
    if position.lots < 0:
        sunk = Fraction(HIGHEST_TICKS)
    if spare(sound) < 0 or spare(sunk) >= 0:
        return None
    for _ in range(110):
        middle = (sound + sunk) / 2
        sound, sunk = (middle, sunk) if spare(middle) >= 0 else (sound, middle)
    return sunk


def bankruptcy_value(
    position: Position, perpetual: Perpetual, equity: Fraction, maintenance: Fraction
) -> Fraction:
    """Signed value at which the position leaves its bucket, its share of the equity used up.

    Each position of a bucket has the share of its maintenance; closed one by one at these values, they leave nothing.
    """
    share = equity * position_maintenance(position, perpetual) / maintenance
    return perpetual.value(position.lots) - share
