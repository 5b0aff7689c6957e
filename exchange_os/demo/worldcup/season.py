"""A simulated tournament: what happens in each match, drawn once for all from the ratings.

A match's result follows from its number, its teams and the seed alone, so whoever asks again, after a restart or from
another process, hears the same. Scores are Poisson draws whose means follow from the difference of ratings; level
knock-out matches get extra time (a third of the goals) and then penalties.
"""

import math
from collections.abc import Mapping, Sequence
from random import Random

from examples.results.feed import Goals, Result
from examples.results.tables import best_thirds, side, table, third_places
from exchange_os.demo.worldcup import facts
from exchange_os.demo.worldcup.facts import Fixture

MEAN_GOALS = 1.35
#: A difference of ratings that makes one team's mean ten times the other's.
TENFOLD = 750
HOME_BONUS = 70
EXTRA_TIME_PART = 1 / 3
STAR_PER_MILLE = 330
SHOTS = 5
PLACES_OF_THIRDS = [
    name
    for fixture in facts.KNOCKOUT_FIXTURES
    for name in (fixture.team1, fixture.team2)
    if name.startswith("3")
]
STARS = {team: player for player, team in facts.SCORERS.items()}


def means(team1: str, team2: str) -> tuple[float, float]:
    """Goals that each team is expected to score in ninety minutes."""
    lead = facts.RATINGS[team1] - facts.RATINGS[team2]
    lead += HOME_BONUS * ((team1 in facts.HOSTS) - (team2 in facts.HOSTS))
    tilt = 10 ** (lead / (2 * TENFOLD))
    return MEAN_GOALS * tilt, MEAN_GOALS / tilt


def goals(draw: Random, mean: float) -> int:
    """A Poisson draw."""
    limit, count, product = math.exp(-mean), 0, draw.random()
    while product > limit:
        count += 1
        product *= draw.random()
    return min(count, 20)


def play(seed: int, fixture: Fixture, team1: str, team2: str) -> Result:
    """The result of a match between these teams."""
    draw = Random(f"{seed}:{fixture.number}:{team1}:{team2}")
    mean1, mean2 = means(team1, team2)
    ft: Goals = goals(draw, mean1), goals(draw, mean2)
    et = p = None
    if not fixture.group and ft[0] == ft[1]:
        et = (
            ft[0] + goals(draw, mean1 * EXTRA_TIME_PART),
            ft[1] + goals(draw, mean2 * EXTRA_TIME_PART),
        )
        if et[0] == et[1]:
            p = _penalties(draw)
    whole = et or ft
    scorers = [
        _scorer(draw, team) for team, count in ((team1, whole[0]), (team2, whole[1])) for _ in range(count)
    ]
    return Result(fixture.number, fixture.stage, fixture.group, team1, team2, ft, et, p, tuple(scorers))


def _penalties(draw: Random) -> Goals:
    """Five shots each, then one each until they differ."""
    first = sum(draw.random() < 0.75 for _ in range(SHOTS))
    second = sum(draw.random() < 0.75 for _ in range(SHOTS))
    while first == second:
        first += draw.random() < 0.75
        second += draw.random() < 0.75
    return first, second


def _scorer(draw: Random, team: str) -> str:
    if team in STARS and draw.randrange(1000) < STAR_PER_MILLE:
        return STARS[team]
    return f"{team} No. {draw.randint(2, 20)}"


def fixtures() -> list[Fixture]:
    """All 104, by number."""
    return [*facts.GROUP_FIXTURES, *facts.KNOCKOUT_FIXTURES]


def standings(results: Sequence[Result]) -> dict[str, list[str]]:
    """Groups whose matches are all over: their teams, the first one first."""
    found = {}
    for group, teams in facts.GROUPS.items():
        played = [result for result in results if result.group == group and result.over]
        if len(played) == 6:
            ranking = sorted(teams, key=lambda team: -facts.RATINGS[team])
            found[group] = [line.team for line in table(ranking, played)]
    return found


def third_teams(results: Sequence[Result], finished: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The place of each best third-placed team by its group; empty until all groups are over."""
    if len(finished) < len(facts.GROUPS):
        return {}
    thirds = {}
    for group, teams in finished.items():
        ranking = sorted(facts.GROUPS[group], key=lambda team: -facts.RATINGS[team])
        lines = table(ranking, [result for result in results if result.group == group])
        line = next(line for line in lines if line.team == teams[2])
        line.rank = -facts.RATINGS[line.team]
        thirds[group] = line
    return third_places(best_thirds(thirds), PLACES_OF_THIRDS)


def pairing(fixture: Fixture, results: Sequence[Result]) -> tuple[str, str]:
    """The teams of a fixture as far as these results tell; empty for one that is not known."""
    if fixture.group:
        return fixture.team1, fixture.team2
    finished = standings(results)
    thirds = third_teams(results, finished)
    played = {result.number: result for result in results}
    first, second = (side(name, finished, thirds, played) for name in (fixture.team1, fixture.team2))
    return first, second


def whole_tournament(seed: int) -> list[Result]:
    """Every match in order, as if it were over."""
    results: list[Result] = []
    for fixture in fixtures():
        results.append(play(seed, fixture, *pairing(fixture, results)))
    return results
