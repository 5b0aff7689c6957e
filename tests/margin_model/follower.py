"""A group as the model sees it: it follows the fills and orders a kernel tells and keeps cash, positions and orders
by the rules of money, so that margins can be computed from nothing at any moment.

Only what was traded is taken from the kernel. Fees, entries, profits, holds and open interest are worked out here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Any

from tests.margin_model.risk import (
    PPM,
    Account,
    Haircut,
    Perpetual,
    Position,
    Risk,
    collateral_value,
    risk_of,
)

OPEN = 1


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
        """Take over what was filled, rested and cancelled."""
        for event in events:
            if event["kind"] == "fill":
                self._fill(event)
            if event["kind"] in ("order", "fill"):
                self._order(event)
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
        self.orders[number] = Order(
            event["account"],
            event["market"],
            event["side"],
            event["price_ticks"],
            lots,
            event["reduce_only"],
            fee_ppm,
        )
        self.orders[number].prepaid = self._prepaid(event)

    def _prepaid(self, event: dict[str, Any]) -> int:
        """What an order's fills have paid above the exact fee, in millionths; fills of these streams pay one rate."""
        if not event["filled_lots"]:
            return 0
        return event["fee"] * PPM - self._exact_fee(event)

    def _exact_fee(self, event: dict[str, Any]) -> int:
        return event["filled_quote"] * self.taker_ppm[event["market"]]

    def _fill(self, event: dict[str, Any]) -> None:
        number, market = event["account"], event["market"]
        price, lots, fee = event["fill_price_ticks"], event["fill_size_lots"], event["fill_fee"]
        signed = -lots if event["side"] else lots
        if market in self.spots:
            spot = self.spots[market]
            self.balance(number, spot.base, signed * spot.lot_size)
            self.balance(number, spot.quote, -signed * price * spot.tick_quote - fee)
            return
        realised = trade(self.position(number, market), signed, price * self.perpetuals[market].tick_quote)
        self.balance(number, self.settlement, realised - fee)

    def risk(self, number: int) -> Risk:
        """The cross margin of an account now, with its open orders counted in."""
        account = self.account(number)
        for position in account.positions.values():
            position.buy_lots = position.sell_lots = 0
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


def trade(position: Position, lots: int, unit: int) -> int:
    """Trade ``lots`` (signed) at ``unit`` units of S a lot; the profit realised.

    What leaves of the entry is its proportional part, rounded up (against the account).
    """
    closed = min(abs(lots), abs(position.lots)) if position.lots * lots < 0 else 0
    sign = 1 if lots > 0 else -1
    leaving = ceil(Fraction(position.entry * closed, abs(position.lots))) if closed else 0
    realised = -sign * closed * unit - leaving
    opened = lots - sign * closed
    position.lots += lots
    position.entry += opened * unit - leaving
    position.realised += realised
    return realised


def bounds(exact: Fraction, roundings: int) -> tuple[int, int]:
    """Whole numbers a figure may have that is rounded down that many times at most."""
    return floor(exact) - roundings, floor(exact)
