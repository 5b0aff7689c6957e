"""What a worker counts of its groups: moving ones every second, those at rest apart."""

from types import SimpleNamespace
from typing import Any, cast

from exchange_os.engine.state import Batch
from exchange_os.engine.tallies import FORGET_MS, WINDOW_SECONDS, Tallies


def batch_of(group: int) -> Batch:
    """A batch of three commands as far as the counting looks at it."""
    applied = SimpleNamespace(first_sequence=1, last_sequence=3)
    return cast(Batch, SimpleNamespace(state=SimpleNamespace(group=group), applied=applied, begun_ns=0))


def commands_of(rows: dict[int, dict[str, Any]]) -> dict[int, int]:
    """Commands counted, by group."""
    return {group: row["commands"] for group, row in rows.items()}


def test_a_group_at_rest_is_reported_apart_and_its_counts_go_on_when_it_moves_again() -> None:
    tallies = Tallies()
    tallies.count([batch_of(1), batch_of(2)], 1_000_000)
    for second in range(WINDOW_SECONDS + 1):
        assert commands_of(tallies.moving(second)) == {1: 3, 2: 3 + 3 * second}
        tallies.count([batch_of(2)], 1_000_000)
    assert tallies.moving(11)[1]["rate"] == 0.0, "it has come to rest, and nobody was told of it yet"
    assert commands_of(tallies.resting(11)) == {1: 3}
    assert commands_of(tallies.moving(12)) == {2: 36}
    tallies.count([batch_of(1)], 1_000_000)
    row = tallies.moving(13)[1]
    assert (row["commands"], row["rate"], row["p99"], sum(row["buckets"])) == (6, 3.0, 1.0, 2)
    assert tallies.resting(13) == {}


def test_a_group_that_rests_for_long_is_forgotten() -> None:
    tallies = Tallies()
    tallies.count([batch_of(1)], 1_000_000)
    for second in range(WINDOW_SECONDS + 2):
        tallies.moving(second)
    assert commands_of(tallies.resting(second + FORGET_MS)) == {1: 3}
    assert tallies.resting(second + FORGET_MS + 1) == {}
