"""What the ratings say will happen: chances of a match by its two Poisson means, all others by playing on many times.

Floats throughout: these are beliefs of a bot, no money.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from examples.results.feed import Result
from examples.results.tables import Line, best_thirds, lines_of, third_places
from exchange_os.demo.worldcup import facts
from exchange_os.demo.worldcup.season import PLACES_OF_THIRDS, STAR_PER_MILLE, STARS, goals, means

RUNS = 600
MOST_GOALS = 10
#: Penalties and the chance of extra time, about even.
EVEN = 0.5


def match_chances(team1: str, team2: str) -> tuple[float, float, float]:
    """Chances that the first team wins, that it is a draw and that the second wins, after regular time."""
    mean1, mean2 = means(team1, team2)
    first = [_poisson(mean1, count) for count in range(MOST_GOALS + 1)]
    second = [_poisson(mean2, count) for count in range(MOST_GOALS + 1)]
    win = sum(first[a] * second[b] for a in range(MOST_GOALS + 1) for b in range(a))
    draw = sum(a * b for a, b in zip(first, second, strict=True))
    return win, draw, max(0.0, 1 - win - draw)


def through_chance(team1: str, team2: str) -> float:
    """The chance that the first team goes through."""
    win, draw, lost = match_chances(team1, team2)
    return win + draw * (EVEN + (win - lost) / 4)


def _poisson(mean: float, count: int) -> float:
    return math.exp(-mean) * mean**count / math.factorial(count)


@dataclass
class Forecast:
    """Chances from 0 to 1: of each team to win the tournament and its group, of each player to score most."""

    champion: dict[str, float] = field(default_factory=dict)
    group: dict[str, float] = field(default_factory=dict)
    scorer: dict[str, float] = field(default_factory=dict)


def forecast(results: Sequence[Result], draw: Random, runs: int = RUNS) -> Forecast:
    """Play the rest of the tournament ``runs`` times after these results."""
    played = {result.number: result for result in results if result.over}
    champions: Counter[str] = Counter()
    winners: Counter[str] = Counter()
    scorers: Counter[str] = Counter()
    scored = Counter(name for result in played.values() for name in result.scorers)
    through = {
        (team1, team2): through_chance(team1, team2) for team1 in facts.RATINGS for team2 in facts.RATINGS
    }
    for _ in range(runs):
        run = _Run(played, draw, through, scored)
        champion, firsts = run.play()
        champions[champion] += 1
        winners.update(firsts)
        scorers[run.top()] += 1
    return Forecast(
        {team: champions[team] / runs for team in facts.RATINGS},
        {team: winners[team] / runs for team in facts.RATINGS},
        {name: scorers[name] / runs for name in [*facts.SCORERS, ""]},
    )


class _Run:
    """One way the rest may go. Knock-out matches that are to be played are drawn by who goes through alone."""

    def __init__(
        self,
        played: Mapping[int, Result],
        draw: Random,
        through: Mapping[tuple[str, str], float],
        scored: Mapping[str, int],
    ) -> None:
        self.played, self.draw, self.through = played, draw, through
        self.scored = Counter(scored)

    def play(self) -> tuple[str, list[str]]:
        """The champion, and the winners of all groups."""
        ranked = {group: self._group(group) for group in facts.GROUPS}
        sides: dict[str, str] = {}
        thirds = {}
        for group, lines in ranked.items():
            sides[f"1{group}"], sides[f"2{group}"] = lines[0].team, lines[1].team
            thirds[group] = lines[2]
        places = third_places(best_thirds(thirds), PLACES_OF_THIRDS)
        sides |= {place: thirds[group].team for place, group in places.items()}
        for fixture in facts.KNOCKOUT_FIXTURES:
            result = self.played.get(fixture.number)
            team1, team2 = sides[fixture.team1], sides[fixture.team2]
            if result is not None:
                winner = result.winner
                loser = result.loser
            else:
                first = self.draw.random() < self.through[team1, team2]
                winner, loser = (team1, team2) if first else (team2, team1)
                self._stars(team1, team2, *means(team1, team2))
            sides[f"W{fixture.number}"], sides[f"L{fixture.number}"] = winner, loser
        return sides["W104"], [lines[0].team for lines in ranked.values()]

    def _group(self, group: str) -> list[Line]:
        results = []
        for fixture in facts.GROUP_FIXTURES:
            if fixture.group != group:
                continue
            result = self.played.get(fixture.number)
            if result is None:
                mean1, mean2 = means(fixture.team1, fixture.team2)
                ft = goals(self.draw, mean1), goals(self.draw, mean2)
                self._stars(fixture.team1, fixture.team2, *ft)
                result = Result(fixture.number, fixture.stage, group, fixture.team1, fixture.team2, ft)
            results.append(result)
        lines = lines_of(facts.GROUPS[group], results)
        for team, line in lines.items():
            line.rank = -facts.RATINGS[team]
        return sorted(lines.values(), key=lambda line: (*line.whole, -line.rank), reverse=True)

    def _stars(self, team1: str, team2: str, goals1: float, goals2: float) -> None:
        for team, count in ((team1, goals1), (team2, goals2)):
            if team in STARS:
                self.scored[STARS[team]] += goals(self.draw, count * STAR_PER_MILLE / 1000)

    def top(self) -> str:
        """Who scored most; empty if it is somebody who is not named, as often enough as others have a good run."""
        name, most = max(
            ((name, self.scored[name]) for name in facts.SCORERS),
            key=lambda item: (item[1], self.draw.random()),
        )
        other = 2 + goals(self.draw, 2.4)
        return name if most >= other else ""
