"""A group as the model sees it: it follows the fills and orders a kernel tells and keeps cash, positions and orders
by the rules of money, so that margins can be computed from nothing at any moment.

Only what was traded is taken from the kernel. Fees, entries, profits, holds and open interest are worked out here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Any

from tests.margin_model.risk import (
    PPM,
    Account,
    Haircut,
    Perpetual,
    Position,
    Risk,
    collateral_value,
    initial_of,
    maintenance_of,
    risk_of,
)

OPEN = 1
LIQUIDATOR = 5


@dataclass(slots=True)
class Spot:
    """A spot market: base for quote, sizes in lots of ``lot_size`` units of base."""

    base: int
    quote: int
    lot_size: int
    tick_quote: int


@dataclass(slots=True)
class Order:
    """A resting order. ``fee_ppm``: the taker fee its hold provides for; ``prepaid``: what fills overpaid (1e-6)."""

    account: int
    market: int
    side: int
    price: int
    lots: int
    reduce_only: bool
    fee_ppm: int
    prepaid: int = 0


@dataclass(slots=True)
class Group:
    """Markets, accounts and the events so far. ``settlement`` is the asset S."""

    settlement: int
    spots: dict[int, Spot] = field(default_factory=dict)
    perpetuals: dict[int, Perpetual] = field(default_factory=dict)
    haircuts: dict[int, tuple[int, Sequence[Haircut]]] = field(default_factory=dict)
    collateral_ticks: dict[int, int] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    taker_ppm: dict[int, int] = field(default_factory=dict)
    #: What one lot long has paid for funding so far, by market; and up to which of it a position has paid.
    funding: dict[int, Fraction] = field(default_factory=dict)
    paid_up_to: dict[tuple[int, int], Fraction] = field(default_factory=dict)

    def account(self, number: int) -> Account:
        return self.accounts.setdefault(number, Account())

    def position(self, number: int, market: int) -> Position:
        return self.account(number).positions.setdefault(market, Position())

    def balance(self, number: int, asset: int, units: int) -> None:
        """Units of an asset come in (or, negative, go out)."""
        account = self.account(number)
        if asset == self.settlement:
            account.cash += units
        else:
            account.holdings[asset] = account.holdings.get(asset, 0) + units

    def follow(self, events: Iterable[dict[str, Any]]) -> None:
        """Take over what was filled, rested, cancelled, funded, liquidated and deleveraged."""
        for event in events:
            match event["kind"]:
                case "fill":
                    self._fill(event)
                    self._order(event)
                case "order":
                    self._order(event)
                case "funding":
                    self._funding(event)
                case "liquidation":
                    self._liquidation(event)
                case "adl":
                    self._move(event["account"], event["market"], -event["lots"], -event["value"])
        for market, perpetual in self.perpetuals.items():
            held = [account.positions.get(market, Position()).lots for account in self.accounts.values()]
            assert sum(held) == 0, "longs and shorts of a market are the same lots"
            perpetual.open_interest = sum(lots for lots in held if lots > 0)

    def _order(self, event: dict[str, Any]) -> None:
        number = event["order_id"]
        if event["state"] != OPEN:
            self.orders.pop(number, None)
            return
        known = self.orders.get(number)
        lots = event["size_lots"] - event["filled_lots"]
        if event["kind"] == "fill" and known is None:
            return  # a taker on its way; it rests, if at all, with an order event
        fee_ppm = self.taker_ppm[event["market"]]
        side, price = event["side"], event["price_ticks"]
        order = Order(event["account"], event["market"], side, price, lots, event["reduce_only"], fee_ppm)
        if event["filled_lots"]:
            # Fills of these streams all pay one rate: what they paid above the exact fee, in millionths.
            order.prepaid = event["fee"] * PPM - event["filled_quote"] * fee_ppm
        self.orders[number] = order

    def _fill(self, event: dict[str, Any]) -> None:
        number, market = event["account"], event["market"]
        price, lots, fee = event["fill_price_ticks"], event["fill_size_lots"], event["fill_fee"]
        signed = -lots if event["side"] else lots
        if market in self.spots:
            spot = self.spots[market]
            self.balance(number, spot.base, signed * spot.lot_size)
            self.balance(number, spot.quote, -signed * price * spot.tick_quote - fee)
            return
        self.balance(number, self.settlement, -fee)
        self._move(number, market, signed, signed * price * self.perpetuals[market].tick_quote)

    def _funding(self, event: dict[str, Any]) -> None:
        """An hour accrues (account 0), or an account pays what it owes: rounded up, or down when it is owed."""
        number, market = event["account"], event["market"]
        if number == 0:
            grown = Fraction(
                event["index_ticks"] * self.perpetuals[market].tick_quote * event["rate_e12"], 10**12
            )
            self.funding[market] = self.funding.get(market, Fraction(0)) + grown

    def _settle(self, number: int, market: int) -> None:
        """Pay the funding a position owes, before it changes."""
        position = self.position(number, market)
        index = self.funding.get(market, Fraction(0))
        due = ceil(position.lots * (index - self.paid_up_to.get((number, market), Fraction(0))))
        self.paid_up_to[number, market] = index
        self.balance(number, self.settlement, -due)
        if position.margin is not None:
            position.margin -= due

    def _liquidation(self, event: dict[str, Any]) -> None:
        """A step of the waterfall that is no trade in a book."""
        number, market = event["account"], event["market"]
        self.balance(number, self.settlement, -event["fee"])
        if event["stage"] in ("insurance_fund", "adl"):
            self._move(number, market, -event["lots"], -event["value"])
        if event["stage"] == "insurance_fund":
            self._move(LIQUIDATOR, market, event["lots"], event["value"])
        if event["stage"] == "absorbed":
            self.balance(number, self.settlement, event["value"])

    def _move(self, number: int, market: int, lots: int, value: int) -> None:
        """A position changes by ``lots`` for a signed value; an isolated one keeps its own margin."""
        self._settle(number, market)
        position, perpetual = self.position(number, market), self.perpetuals[market]
        was = position.lots
        realised = trade(position, lots, value)
        self.balance(number, self.settlement, realised)
        if position.margin is None:
            return
        closed = min(abs(lots), abs(was)) if was * lots < 0 else 0
        opened = abs(lots) - closed
        if closed:
            own = max(position.margin, 0) * closed // abs(was)
            freed, rest = max(0, own + realised), position.margin - own + min(0, own + realised)
            marked = perpetual.value(position.lots)
            needed = ceil(maintenance_of(abs(marked), perpetual.tiers))
            spare = int(rest + freed + marked - position.entry - needed)
            position.margin = 0 if closed == abs(was) else rest + freed - min(max(spare, 0), freed)
        if opened:
            worth = Fraction(abs(value) * opened // abs(lots))
            position.margin += ceil(initial_of(worth, position.leverage, perpetual))

    def risk(self, number: int) -> Risk:
        """The cross margin of an account now, with its open orders counted in."""
        account = self.account(number)
        for market, position in account.positions.items():
            position.buy_lots = position.sell_lots = 0
            grown = self.funding.get(market, Fraction(0)) - self.paid_up_to.get((number, market), Fraction(0))
            position.funding_due = position.lots * grown
        account.held, locked = 0, Fraction(0)
        for order in self.orders.values():
            if order.account != number:
                continue
            if order.market in self.perpetuals:
                position = self.position(number, order.market)
                position.buy_lots += 0 if order.reduce_only or order.side else order.lots
                position.sell_lots += order.lots if order.side and not order.reduce_only else 0
                continue
            asset, hold = self.hold(order)
            if asset == self.settlement:
                account.held += hold
            else:
                locked += self.shortfall(order, hold)
        return risk_of(account, self.perpetuals, self.worth(), locked)

    def hold(self, order: Order) -> tuple[int, int]:
        """What a resting spot order may still cost: (asset, units)."""
        spot = self.spots[order.market]
        if order.side:
            return spot.base, order.lots * spot.lot_size
        value = order.price * order.lots * spot.tick_quote
        fee = max(0, ceil(Fraction(value * order.fee_ppm - order.prepaid, PPM)))
        return spot.quote, value + fee

    def shortfall(self, order: Order, hold: int) -> Fraction:
        """Collateral value a resting spot sell gives away beyond the S it brings; at the least haircut."""
        spot = self.spots[order.market]
        worth = self.worth().get(spot.base)
        if worth is None:
            return Fraction(0)
        first = [Haircut(10**30, worth[1][0].haircut_ppm)]
        brings = order.price * order.lots * spot.tick_quote if spot.quote == self.settlement else 0
        return max(Fraction(0), collateral_value(hold, worth[0], first) - brings)

    def worth(self) -> dict[int, tuple[Fraction, Sequence[Haircut]]]:
        """Asset -> S for one unit of it at the price collateral counts at, and its haircuts."""
        worth = {}
        for asset, (market, haircuts) in self.haircuts.items():
            spot = self.spots[market]
            worth[asset] = (
                Fraction(self.collateral_ticks[market] * spot.tick_quote, spot.lot_size),
                haircuts,
            )
        return worth


def trade(position: Position, lots: int, value: int) -> int:
    """Trade ``lots`` for ``value`` units of S (both signed alike); the profit realised.

    What leaves of the entry is its proportional part, rounded up (against the account), and so is the part of the
    value that closes when a trade also opens.
    """
    closed = min(abs(lots), abs(position.lots)) if position.lots * lots < 0 else 0
    leaving = ceil(Fraction(position.entry * closed, abs(position.lots))) if closed else 0
    closing = ceil(Fraction(value * closed, abs(lots)))
    realised = -closing - leaving
    position.lots += lots
    position.entry += value - closing - leaving
    position.realised += realised
    return realised
