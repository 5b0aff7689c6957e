"""The kernel's margin against the model's, number by number, over random command streams.

The kernel rounds against the account: equity may lie below the exact one by less than a unit for each funding payment
due and each collateral, margins above by less than a unit for each rounding. Everything else is equal to the unit.
"""

from fractions import Fraction
from math import ceil, floor

import exchange_kernel as xk
import pytest

from tests.margin_model.risk import initial_of, liquidation_price, worst_lots
from tests.margin_model.streams import ACCOUNTS, PERPETUALS, SPOT, TAKER_PPM, USD, Stream

STEPS = 120


def compare(stream: Stream, account: int) -> None:
    """Every figure of one account."""
    told = stream.ask(q="account", account=account)
    model = stream.model
    exact, told_risk = model.risk(account), told["risk"]
    cash = next((balance for balance in told["balances"] if balance["asset"] == USD), {"total": 0, "held": 0})
    assert (cash["total"], cash["held"]) == (model.account(account).cash, model.account(account).held)
    roundings = len(PERPETUALS) + 1
    assert floor(exact.equity) - roundings <= told_risk["equity"] <= exact.equity
    apart = sum(position.margin is not None for position in model.account(account).positions.values())
    # What an isolated position has of its own is rounded up too, and taken off.
    assert ceil(exact.initial) - apart <= told_risk["initial"] <= ceil(exact.initial) + 3 * roundings
    assert ceil(exact.maintenance) <= told_risk["maintenance"] <= ceil(exact.maintenance) + roundings
    assert floor(exact.withdrawable) - 4 * roundings <= told_risk["withdrawable"] <= exact.withdrawable + 1
    shown = {position["market"]: position for position in told["positions"]}
    for market in PERPETUALS:
        position = model.position(account, market)
        told_position = shown.get(market)
        if told_position is None:
            assert position.lots == position.buy_lots == position.sell_lots == 0
            continue
        assert (told_position["lots"], told_position["entry"]) == (position.lots, position.entry)
        assert told_position["realised"] == position.realised
        assert told_position["isolated"] == (position.margin is not None)
        assert told_position["margin"] == (position.margin or 0)
        if position.lots and position.margin is None and told_risk["equity"] > told_risk["maintenance"]:
            price = liquidation_price(position, model.perpetuals[market], exact)
            expected = 0 if price is None else price
            slack = 1 + Fraction(2 * roundings, abs(position.lots) * model.perpetuals[market].tick_quote)
            assert abs(told_position["liquidation_ticks"] - expected) <= slack


def expect(stream: Stream, account: int, order: dict[str, int], code: int, before: Fraction) -> None:
    """An order that adds risk passes only if equity, less what it could lose at once, covers margin as it will be."""
    market = order["market"]
    if market == SPOT or order["reduce_only"] or code not in (0, 405):
        return
    position, perpetual = stream.model.position(account, market), stream.model.perpetuals[market]
    risk = stream.model.risk(account)
    if code == 0:
        if before < worst_lots(position) and position.margin is None:
            assert risk.equity + 4 >= risk.initial, (
                "invariant 15: equity covers initial margin after what adds risk"
            )
        return
    worse = (order["price_ticks"] - perpetual.mark_ticks) * (-1 if order["side"] else 1)
    value = perpetual.value(order["size_lots"], order["price_ticks"])
    loss = max(0, worse) * order["size_lots"] * perpetual.tick_quote + ceil(value * TAKER_PPM / 10**6)
    sign = -1 if order["side"] else 1
    open_lots = position.sell_lots if order["side"] else position.buy_lots
    after = max(worst_lots(position), abs(position.lots + sign * (open_lots + order["size_lots"])))
    added = initial_of(perpetual.value(after), position.leverage, perpetual)
    own = initial_of(perpetual.value(worst_lots(position)), position.leverage, perpetual)
    if after > worst_lots(position):
        assert risk.equity - loss < risk.initial - own + added + 8, "what is refused would not be covered"
    else:
        assert loss > risk.equity - risk.maintenance - 8, "what is refused would lose more than is left"


def step(stream: Stream) -> None:
    """One random command by one account."""
    random = stream.random
    account = random.choice(ACCOUNTS)
    kind = random.choices(
        ("place", "observe", "cancel", "close", "leverage", "mode", "move", "withdraw", "deposit"),
        (50, 25, 5, 5, 4, 3, 4, 3, 1),
    )[0]
    market = random.choice(PERPETUALS)
    position = stream.model.position(account, market)
    if kind == "place":
        before = {number: worst_lots(stream.model.position(account, number)) for number in PERPETUALS}
        ack, order = stream.place(account)
        expect(stream, account, order, ack.code, Fraction(before.get(order["market"], 0)))
    elif kind == "observe":
        stream.observe()
    elif kind == "cancel":
        stream.apply(xk.mass_cancel(account, side=random.randint(0, 2)))
    elif kind == "close":
        stream.apply(xk.close_position(account, market, turn=random.random() < 0.3))
    elif kind == "leverage":
        leverage = random.choice((2, 5, 20, 50))
        if stream.apply(xk.set_leverage(account, market, leverage=leverage)).code == 0:
            stream.model.position(account, market).leverage = leverage
    elif kind == "mode":
        isolated = random.random() < 0.6
        changes = isolated != (position.margin is not None)
        if stream.apply(xk.set_margin_mode(account, market, isolated=isolated)).code == 0 and changes:
            stream.model.position(account, market).margin = 0 if isolated else None
    elif kind == "move":
        amount = random.choice((500, 5_000, -400, -3_000))
        moved = stream.apply(xk.move_margin(account, market, amount=amount)).code == 0
        if moved and position.margin is not None:
            position.margin += amount
    elif kind == "withdraw":
        stream.withdraw(account, random.choice((100, 10_000, 100_000)))
    else:
        stream.deposit(account, USD, 20_000)


@pytest.mark.parametrize("seed", range(6))
def test_the_kernel_agrees_with_the_model(seed: int) -> None:
    stream = Stream(seed)
    for _ in range(STEPS):
        step(stream)
        for account in ACCOUNTS:
            compare(stream, account)
    stream.kernel.check_invariants()
