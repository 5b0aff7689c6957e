"""Counting votes and sharing a slash, for any numbers."""

from collections import Counter
from fractions import Fraction
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.allocation import allocate, pro_rata
from governance.draw import drawn, seed_of
from governance.tally import PPM, Ballot, Outcome, Rules, count, median_share, quorum_of

#: Properties on a busy machine: slow is not wrong.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SHARES = st.integers(1, PPM)
OWED = st.dictionaries(st.integers(16, 400), st.integers(0, 10**15), max_size=40)


@CALM
@given(st.lists(SHARES, min_size=1, max_size=30))
def test_the_median_is_a_share_voted_for_with_no_half_beyond_it(shares):
    median = median_share(shares)
    assert median in shares
    assert 2 * sum(share < median for share in shares) <= len(shares)
    assert 2 * sum(share > median for share in shares) <= len(shares)
    assert median_share([*shares, median, median]) == median


@CALM
@given(st.lists(SHARES, min_size=3, max_size=21), SHARES)
def test_one_member_alone_cannot_move_the_median_beyond_its_neighbours(shares, wild):
    ordered = sorted(shares)
    middle = (len(shares) - 1) // 2
    moved = median_share([*shares[1:], wild])
    assert ordered[max(0, middle - 1)] <= moved <= ordered[min(len(shares) - 1, middle + 1)]


@CALM
@given(
    st.lists(st.sampled_from(["approve", "reject", "abstain"]), max_size=20),
    st.integers(0, 10),
    st.integers(300_000, PPM),
    st.integers(500_001, PPM),
)
def test_a_vote_carries_with_quorum_and_threshold_and_not_without(choices, absent, quorum, threshold):
    rules = Rules(quorum, threshold, 2)
    ballots = [
        Ballot(number, choice, 500_000 if choice == "approve" else None)
        for number, choice in enumerate(choices)
    ]
    seats = len(choices) + absent
    tally = count(ballots, seats, rules)
    enough = len(choices) >= 2 and Fraction(len(choices)) >= Fraction(seats * quorum, PPM)
    yes, no = choices.count("approve"), choices.count("reject")
    carried = enough and yes >= 2 and Fraction(yes) >= Fraction((yes + no) * threshold, PPM)
    assert (tally.outcome == Outcome.NO_QUORUM) == (not enough)
    assert (tally.outcome == Outcome.CARRIED) == carried
    assert tally.share_ppm == (500_000 if carried else None)
    assert quorum_of(seats, rules) >= 2


@CALM
@given(st.integers(0, 10**16), OWED)
def test_pro_rata_gives_every_unit_and_nobody_more_than_is_owed(units, owed):
    parts = pro_rata(units, owed)
    total = sum(owed.values())
    assert sum(parts.values()) == min(units, total)
    assert all(0 <= parts[key] <= owed[key] for key in owed)
    for key in owed:
        exact = Fraction(min(units, total) * owed[key], total or 1)
        assert abs(parts[key] - exact) < 1


@CALM
@given(st.integers(0, 10**6), st.dictionaries(st.integers(16, 60), st.integers(1, 10**6), min_size=2))
def test_pro_rata_is_monotone_in_what_is_owed(units, owed):
    parts = pro_rata(units, owed)
    ranked = sorted(owed, key=lambda key: owed[key])
    assert all(parts[low] <= parts[high] + 1 for low, high in pairwise(ranked))


@CALM
@given(st.integers(0, 10**16), OWED, st.integers(0, 10**15))
def test_the_harmed_come_before_the_fund_and_the_fund_before_the_fire(units, owed, fund):
    shares = allocate(units, owed, fund)
    assert shares.total == units
    assert shares.insurance == 0 or shares.paid == sum(owed.values())
    assert shares.burned == 0 or shares.insurance == fund
    assert shares.insurance <= fund


def test_the_lot_is_a_function_of_its_seed_and_falls_on_all_alike():
    heads = [(7, 30, "ab"), (9, 2, "cd")]
    seed = seed_of("f" * 64, 1, heads)
    assert seed == seed_of("f" * 64, 1, heads[::-1])
    assert (
        len({seed, seed_of("f" * 64, 2, heads), seed_of("e" * 64, 1, heads), seed_of("f" * 64, 1, heads[:1])})
        == 4
    )
    assert drawn(seed, range(1, 13), 5) == drawn(seed, range(12, 0, -1), 5)
    assert drawn(seed, range(1, 4), 5) == drawn(seed, range(1, 4), 3)
    often = Counter(member for at in range(2_000) for member in drawn(str(at), range(10), 3))
    assert all(500 < often[member] < 700 for member in range(10)), often
