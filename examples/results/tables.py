"""Group tables and who meets whom: the rules of the World Cup, those of 2026 and those before.

Level teams are told apart by goals over all matches first until 2022, by the matches between them first in 2026; then
by fair play and by the ranking that is given. In 2026 the eight best third-placed teams of twelve groups go through,
and each has its place among those that the fixtures allow for it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from examples.results.feed import Result

GOALS_FIRST, BETWEEN_THEM_FIRST = "goals", "between"
BEST_THIRDS = 8


@dataclass
class Line:
    """A team's line of its table. ``conduct`` is its fair-play score, 0 at best; a lower ``rank`` is better."""

    team: str
    played: int = 0
    won: int = 0
    drawn: int = 0
    lost: int = 0
    scored: int = 0
    conceded: int = 0
    conduct: int = 0
    rank: int = 0

    @property
    def points(self) -> int:
        """Three for a win, one for a draw."""
        return 3 * self.won + self.drawn

    @property
    def whole(self) -> tuple[int, int, int]:
        """Points, difference of goals, goals."""
        return (self.points, self.scored - self.conceded, self.scored)


def lines_of(teams: Iterable[str], results: Iterable[Result]) -> dict[str, Line]:
    """What the matches between these teams add up to."""
    lines = {team: Line(team) for team in teams}
    for result in results:
        if result.ft is None or result.team1 not in lines or result.team2 not in lines:
            continue
        for team, own, other in ((result.team1, *result.ft), (result.team2, *result.ft[::-1])):
            line = lines[team]
            line.played += 1
            line.scored += own
            line.conceded += other
            line.won += own > other
            line.drawn += own == other
            line.lost += own < other
    return lines


def table(
    teams: Sequence[str],
    results: Sequence[Result],
    rule: str = BETWEEN_THEM_FIRST,
    conduct: Mapping[str, int] | None = None,
) -> list[Line]:
    """The group's table, the first team first. ``teams`` are in the order of the ranking that decides at last."""
    lines = lines_of(teams, results)
    for rank, team in enumerate(teams):
        lines[team].rank, lines[team].conduct = rank, (conduct or {}).get(team, 0)

    def between(level: Sequence[Line]) -> dict[str, tuple[int, int, int]]:
        own = lines_of([line.team for line in level], results)
        return {team: line.whole for team, line in own.items()}

    steps: list[Callable[[Sequence[Line]], Mapping[str, tuple[int, ...]]]] = [
        lambda level: {line.team: line.whole for line in level},
        between,
    ]
    if rule == BETWEEN_THEM_FIRST:
        points: Callable[[Sequence[Line]], Mapping[str, tuple[int, ...]]]
        points = lambda level: {line.team: (line.points,) for line in level}  # noqa: E731
        steps = [points, between, steps[0]]
    steps.append(lambda level: {line.team: (line.conduct, -line.rank) for line in level})
    return _ranked(list(lines.values()), steps)


def _ranked(
    lines: list[Line], steps: Sequence[Callable[[Sequence[Line]], Mapping[str, tuple[int, ...]]]]
) -> list[Line]:
    """Lines by the first step; those it leaves level by the steps after it."""
    if len(lines) < 2 or not steps:
        return lines
    values = steps[0](lines)
    ranked: list[Line] = []
    for value in sorted(set(values.values()), reverse=True):
        ranked += _ranked([line for line in lines if values[line.team] == value], steps[1:])
    return ranked


def best_thirds(thirds: Mapping[str, Line], count: int = BEST_THIRDS) -> list[str]:
    """Groups of the best third-placed teams, the best first: points, goals, fair play, ranking."""
    key = lambda group: (thirds[group].whole, thirds[group].conduct, -thirds[group].rank)  # noqa: E731
    return sorted(thirds, key=key, reverse=True)[:count]


def third_places(groups: Iterable[str], places: Sequence[str]) -> dict[str, str]:
    """``{place: group}``: every place such as ``3ABCDF`` gets one of the groups it allows, each group once.

    The first possible way in the order of places and groups. Raises ``ValueError`` if there is none.
    """
    found = _fit(sorted(groups), list(places))
    if found is None:
        raise ValueError(f"no way to place the third teams of {sorted(groups)}")
    return found


def _fit(groups: list[str], places: list[str]) -> dict[str, str] | None:
    if not places:
        return {}
    place, *others = places
    for group in groups:
        if group in place[1:]:
            rest = _fit([other for other in groups if other != group], others)
            if rest is not None:
                return {place: group, **rest}
    return None


def side(
    name: str, standings: Mapping[str, Sequence[str]], thirds: Mapping[str, str], played: Mapping[int, Result]
) -> str:
    """The team that a side such as ``1A``, ``3ABCDF``, ``W74`` or ``L101`` stands for; empty while it is not known.

    ``standings`` are the finished groups, ``thirds`` the places of third teams, ``played`` knock-out matches by number.
    """
    if found := re.fullmatch(r"([WL])([0-9]+)", name):
        result = played.get(int(found[2]))
        if result is None or not result.over:
            return ""
        return result.winner if found[1] == "W" else result.loser
    if name.startswith("3"):
        group = thirds.get(name, "")
        return standings[group][2] if group in standings else ""
    place, group = int(name[0]), name[1:]
    return standings[group][place - 1] if group in standings else ""
