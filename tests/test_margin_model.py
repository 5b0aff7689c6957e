"""The margin model against sums done by hand: each case is small enough to be checked with a pencil."""

from fractions import Fraction

import pytest

from tests.margin_model.follower import trade
from tests.margin_model.risk import (
    Account,
    Haircut,
    Perpetual,
    Position,
    Tier,
    bankruptcy_value,
    collateral_value,
    initial_of,
    liquidation_price,
    maintenance_of,
    risk_of,
    worst_case,
)

TIERS = (Tier(1_000, 50_000, 25_000), Tier(4_000, 100_000, 50_000), Tier(10_000, 500_000, 250_000))


def perpetual(mark: int = 100, **changes: int) -> Perpetual:
    return Perpetual(tick_quote=1, tiers=TIERS, mark_ticks=mark, **changes)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (1_000, 25),
        (1_001, Fraction(2505, 100)),
        (4_000, 25 + 150),
        (6_000, 25 + 150 + 500),
        (20_000, 25 + 150 + 4_000),
    ],
)
def test_maintenance_takes_each_part_at_its_own_rate(value: int, expected: Fraction) -> None:
    assert maintenance_of(Fraction(value), TIERS) == expected


def test_maintenance_is_rate_times_value_less_a_deduction() -> None:
    deductions, rates = (0, 25, 825), (Fraction(25, 1000), Fraction(50, 1000), Fraction(250, 1000))
    for value, tier in [(700, 0), (1_000, 1), (2_345, 1), (4_000, 2), (9_999, 2)]:
        assert maintenance_of(Fraction(value), TIERS) == value * rates[tier] - deductions[tier]


@pytest.mark.parametrize(
    ("value", "leverage", "expected"),
    [
        (1_000, 20, 50),
        (1_000, 10, 100),
        (1_000, 0, 100),
        (4_000, 20, 350),
        (4_000, 10, 400),
        (6_000, 20, 1_350),
    ],
)
def test_initial_is_the_larger_of_leverage_and_tiers(value: int, leverage: int, expected: int) -> None:
    assert initial_of(Fraction(value), leverage, perpetual()) == expected


@pytest.mark.parametrize(
    ("interest", "expected"), [(0, 100), (500, 100), (750, 550), (1_000, 1_000), (5_000, 1_000)]
)
def test_initial_rises_to_the_whole_value_between_two_open_interests(interest: int, expected: int) -> None:
    market = perpetual(open_interest=interest, interest_low=500, interest_high=1_000)
    assert initial_of(Fraction(1_000), 10, market) == expected


def test_collateral_counts_by_parts_and_nothing_above_the_last() -> None:
    haircuts = (Haircut(100, 100_000), Haircut(200, 500_000))
    assert collateral_value(50, Fraction(3), haircuts) == 135
    assert collateral_value(150, Fraction(3), haircuts) == 270 + 75
    assert collateral_value(999, Fraction(3), haircuts) == 270 + 150


def test_outcomes_are_worth_their_worst_case() -> None:
    assert worst_case([10, 0], 100) == 0
    assert worst_case([-10, 0], 100) == -1_000
    assert worst_case([0, -5, -5], 100) == -500
    assert worst_case([-1, -1, -1], 100) == -100, (
        "No of every outcome of three owes one: the cash of the sales is three"
    )


def test_a_trade_moves_the_entry_and_realises_on_what_closes() -> None:
    position = Position()
    # (lots, unit price) -> profit, lots, entry
    steps = [
        (10, 100, 0, 10, 1_000),
        (5, 110, 0, 15, 1_550),
        (-5, 110, 33, 10, 1_033),
        (-15, 100, -33, -5, -500),
        (5, 90, 50, 0, 0),
    ]
    for lots, unit, profit, held, entry in steps:
        assert (trade(position, lots, lots * unit), position.lots, position.entry) == (profit, held, entry)


def test_risk_of_cash_collateral_cross_and_isolated_positions() -> None:
    account = Account(cash=1_000, held=40, holdings={7: 10})
    account.positions = {
        0: Position(lots=10, entry=900, buy_lots=5, leverage=10),
        1: Position(lots=-2, entry=-210, margin=60, leverage=5, sell_lots=1),
    }
    markets = {0: perpetual(100), 1: perpetual(100)}
    risk = risk_of(account, markets, {7: (Fraction(5), (Haircut(100, 200_000),))})
    # cash 1,000 - 60 apart + collateral 50 * 0.8 + 100 unrealised
    assert risk.equity == 1_000 - 60 + 40 + 100
    # 15 lots: 1,500 at tiers 50 + 50 = 100 or a tenth = 150; isolated: its third lot, 300/5 - 200/5; held
    assert risk.initial == 150 + 20 + 40
    assert risk.maintenance == 25
    # 980 settled less the larger of initial and a tenth of 1,200
    assert risk.withdrawable == 980 - 210


@pytest.mark.parametrize(
    ("lots", "entry", "cash"), [(10, 1_000, 100), (-10, -1_000, 100), (60, 6_000, 2_000)]
)
def test_at_the_liquidation_price_equity_is_maintenance(lots: int, entry: int, cash: int) -> None:
    market, position = perpetual(), Position(lots=lots, entry=entry)
    account = Account(cash=cash, positions={0: position})
    price = liquidation_price(position, market, risk_of(account, {0: market}, {}))
    assert price is not None
    value = lots * price
    assert abs(cash + value - entry - maintenance_of(abs(value), TIERS)) < Fraction(1, 10**9)


def test_positions_closed_at_bankruptcy_leave_nothing() -> None:
    markets = {0: perpetual(100), 1: perpetual(50)}
    positions = {0: Position(lots=10, entry=1_100), 1: Position(lots=-30, entry=-1_450)}
    account = Account(cash=60, positions=positions)
    for market in (0, 1):
        risk = risk_of(account, markets, {})
        value = bankruptcy_value(positions[market], markets[market], risk.equity, risk.maintenance)
        account.cash += value - positions[market].entry  # type: ignore[assignment]
        positions[market].lots = positions[market].entry = 0
    assert account.cash == 0
