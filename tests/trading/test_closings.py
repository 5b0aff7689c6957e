"""Closed positions told from fills: reversals, parts, what was forced, and where a history begins."""

from trading.selectors.closings import Closing, _episodes, _left_after, _Move


def move(at: int, lots: int, price: int, fee: int = 0, *, forced: bool = False) -> _Move:
    """A change at a moment."""
    return _Move((at, at), 1, lots, abs(lots) * price, fee, at, forced)


def test_a_position_is_told_when_it_is_flat_again() -> None:
    moves = [move(1, 6, 100, 6), move(2, 4, 110, 4), move(3, -7, 120, 7), move(4, -3, 90, 3)]
    assert _episodes(moves[:2], 0) == []
    (whole,) = _episodes(moves, 0)
    assert whole == Closing(
        1, True, 1, 4, lots=10, closed_lots=10, most=10, open_value=1_040, close_value=1_110, gain=70, fee=20
    )
    assert not whole.is_partial


def test_a_position_closed_in_part_is_told_as_far() -> None:
    moves = [move(1, -6, 100, 6), move(2, 2, 90, 2), move(3, -4, 80, 4), move(4, 3, 95, 3)]
    (part,) = _episodes(moves, 0)
    # Two that were sold at 100 brought 10 each; the next three had sold at 90 on average and lost 5 each.
    assert (part.gain, part.closed_lots, part.lots, part.most, part.fee) == (5, 5, 10, 8, 15)
    assert (part.opened_ms, part.closed_ms, part.close_value, part.is_partial) == (1, 4, 465, True)


def test_a_liquidation_that_leaves_a_part_is_known() -> None:
    moves = [move(1, 5, 100), move(2, -3, 50, forced=True), move(3, -2, 50, forced=True)]
    assert _left_after(moves, 0) == [2]
    assert _episodes(moves[:2], 0) == []


def test_a_reversal_closes_one_and_opens_another() -> None:
    first, second = _episodes([move(1, 5, 100), move(2, -8, 90, 8), move(3, 3, 80)], 0)
    assert (first.gain, first.fee, first.long) == (-50, 5, True)
    assert (second.gain, second.fee, second.long, second.lots) == (30, 3, False, 3)


def test_what_was_forced_or_began_before_is_left_out() -> None:
    forced = [move(1, 5, 100), move(2, -5, 50, forced=True), move(3, -2, 60), move(4, 2, 50)]
    (rest,) = _episodes(forced, 0)
    assert (rest.opened_ms, rest.gain) == (3, 20)
    assert _episodes([move(1, -5, 100)], 5) == []
    assert len(_episodes([move(1, -5, 100), move(2, 1, 10), move(3, -1, 10)], 5)) == 1
