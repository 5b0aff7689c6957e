"""The mirror of a book, the views cut from it, and the checksum over what clients were sent."""

import zlib
from random import Random

from trading.book import BookMirror, DepthView, checksum


def mirror_of(bids: list[tuple[int, int, int]], asks: list[tuple[int, int, int]]) -> BookMirror:
    """A mirror holding these levels."""
    mirror = BookMirror()
    mirror.load(1, 1000, bids, asks)
    return mirror


def test_levels_are_best_first_on_both_sides() -> None:
    mirror = mirror_of([(98, 1, 1), (100, 2, 1), (99, 3, 2)], [(103, 1, 1), (101, 2, 1), (102, 3, 2)])

    assert mirror.best_bids(2) == [(100, 2, 1), (99, 3, 2)]
    assert mirror.best_asks(2) == [(101, 2, 1), (102, 3, 2)]
    assert mirror.best_bids(0) == []


def test_an_update_sets_and_deletes_levels() -> None:
    mirror = mirror_of([(100, 2, 1), (99, 3, 2)], [(101, 2, 1)])

    mirror.update(2, 1050, [(100, 0, 0), (97, 5, 1), (96, 0, 0)], [(101, 7, 3)])

    assert mirror.best_bids(5) == [(99, 3, 2), (97, 5, 1)]
    assert mirror.best_asks(5) == [(101, 7, 3)]
    assert (mirror.sequence, mirror.timestamp_ms) == (2, 1050)


def test_a_view_tells_only_what_changed_among_its_levels() -> None:
    mirror = mirror_of([(100, 2, 1), (99, 3, 2)], [(101, 2, 1)])
    view = DepthView(1)
    assert view.take(mirror) == ([(100, 2, 1)], [(101, 2, 1)])

    mirror.update(2, 1050, [(98, 9, 1)], [])
    assert view.take(mirror) is None
    assert view.sequence == 1

    mirror.update(3, 1100, [(100, 0, 0)], [])
    assert view.take(mirror) == ([(99, 3, 2), (100, 0, 0)], [])
    assert view.sequence == 3


def test_following_a_view_gives_the_view_for_random_updates() -> None:
    random = Random(7)
    mirror, view = BookMirror(), DepthView(5)
    mirror.load(0, 0, [], [])
    view.take(mirror)
    copy: dict[int, tuple[int, int]] = {}
    for sequence in range(1, 500):
        price, lots = random.randrange(1, 30), random.randrange(0, 4)
        mirror.update(sequence, sequence, [(price, lots, lots)], [])
        changes = view.take(mirror)
        for level_price, level_lots, orders in changes[0] if changes else ():
            if level_lots:
                copy[level_price] = (level_lots, orders)
            else:
                del copy[level_price]
        assert sorted(copy, reverse=True) == [level[0] for level in mirror.best_bids(5)]
        assert [(price, *copy[price]) for price in sorted(copy, reverse=True)] == view.bids


def test_the_checksum_interleaves_both_sides_and_is_signed() -> None:
    bids, asks = [(100, 2, 1), (99, 3, 2)], [(101, 2, 1)]

    value = checksum(bids, asks, str, str)

    crc = zlib.crc32(b"100:2:101:2:99:3")
    assert value == (crc - (1 << 32) if crc >= 1 << 31 else crc)
    assert checksum([], [], str, str) == 0
