"""The arithmetic of bets, by hand."""

import pytest

from trading.bets import Terms, Walk, cents_text, chance_text, lots_for, money_text, offers, walk

#: A contract of one USD in 100 ticks; 1% of price times one less the price.
TERMS = Terms(one=100, tick_quote=10_000, taker_ppm=10_000)
BIDS = [(42, 50, 1), (40, 30, 2)]
ASKS = [(45, 20, 1), (50, 100, 3)]


def test_no_is_yes_seen_in_a_mirror() -> None:
    assert offers(BIDS, ASKS, 100, buying=True, no=False) == [(45, 20), (50, 100)]
    assert offers(BIDS, ASKS, 100, buying=True, no=True) == [(58, 50), (60, 30)]
    assert offers(BIDS, ASKS, 100, buying=False, no=False) == [(42, 50), (40, 30)]
    assert offers(BIDS, ASKS, 100, buying=False, no=True) == [(55, 20), (50, 100)]


def test_a_walk_pays_each_level_and_one_fee() -> None:
    levels = offers(BIDS, ASKS, 100, buying=True, no=False)
    # 20 at 0.45 and 10 at 0.50 are 14; the fee is 1% of 20 * 0.45 * 0.55 + 10 * 0.50 * 0.50.
    assert walk(levels, 30, TERMS, buying=True) == Walk(30, 14_000_000, 74_500, 45, 50)
    assert walk(levels, 30, TERMS, buying=True, limit=49) == Walk(20, 9_000_000, 49_500, 45, 45)
    assert walk(levels, 30, TERMS, buying=True, limit=44) == Walk()
    assert walk(levels, 500, TERMS, buying=True).lots == 120
    selling = offers(BIDS, ASKS, 100, buying=False, no=False)
    assert walk(selling, 60, TERMS, buying=False, limit=41).lots == 50
    assert walk(levels, 30, TERMS, buying=True).average_cents(TERMS) == "46.67¢"


def test_a_fee_is_rounded_up_against_the_bettor() -> None:
    terms = Terms(one=100, tick_quote=1, taker_ppm=10_000)
    # 3 * 33 = 99 units; 99 * 67 / 100 = 66.33 is taken for 67; 1% of it is 0.67 and costs 1.
    assert terms.fee_base(33, 3) == 67
    assert terms.fee(67) == 1
    assert Terms(100, 1, -500).fee(67) == 0


@pytest.mark.parametrize("budget", [0, 454_949, 454_950, 9_049_500, 14_074_500, 10**9])
def test_a_budget_buys_as_much_as_it_can_and_never_more(budget: int) -> None:
    levels = offers(BIDS, ASKS, 100, buying=True, no=False)
    lots = lots_for(levels, budget, TERMS)
    done = walk(levels, lots, TERMS, buying=True)
    more = walk(levels, lots + 1, TERMS, buying=True)
    assert done.value + done.fee <= budget
    assert more.lots == done.lots or more.value + more.fee > budget


def test_a_budget_with_a_limit_counts_what_rests() -> None:
    levels = offers(BIDS, ASKS, 100, buying=True, no=False)
    # Nothing is offered at 0.40: each lot reserves 0.40 and at most 1% of 0.40 * 0.60.
    assert lots_for(levels, 4_024_000, TERMS, limit=40, rests=True) == 10
    assert lots_for(levels, 4_023_999, TERMS, limit=40, rests=True) == 9
    assert TERMS.largest_fee(80, 1, buying=True) == TERMS.fee(TERMS.fee_base(50, 1))
    assert TERMS.largest_fee(20, 1, buying=False) == TERMS.fee(TERMS.fee_base(50, 1))


def test_prices_and_chances_for_people() -> None:
    assert [cents_text(ticks, 1000) for ticks in (1, 185, 500, 999)] == ["0.1¢", "18.5¢", "50¢", "99.9¢"]
    assert [chance_text(ticks, 1000) for ticks in (0, 1, 4, 5, 185, 994, 996, 1000)] == [
        "0%", "<1%", "<1%", "1%", "19%", "99%", ">99%", "100%",
    ]  # fmt: skip


def test_money_is_rounded_against_the_reader() -> None:
    assert money_text(12_000_000, 6) == "12.00"
    assert (money_text(19_918_307, 6, up=True), money_text(19_918_307, 6)) == ("19.92", "19.91")
    assert (money_text(-19_918_307, 6), money_text(-19_918_307, 6, up=True)) == ("-19.92", "-19.91")
    assert (money_text(8_630, 6, up=True), money_text(0, 6), money_text(1, 6, up=True)) == (
        "0.0087", "0.00", "0.0001",
    )  # fmt: skip
    assert (money_text(5, 0), money_text(125, 2)) == ("5", "1.25")
