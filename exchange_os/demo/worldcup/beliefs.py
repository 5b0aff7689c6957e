"""What the bot of the cup believes each outcome to be worth: the ratings' chances, with a mood that wanders."""

import math
from collections.abc import Iterable, Sequence
from random import Random

from examples.results.feed import Result
from exchange_os.demo.worldcup import facts
from exchange_os.demo.worldcup.forecast import Forecast, forecast, match_chances, through_chance
from exchange_os.demo.worldcup.listing import OTHER

#: The largest step of a mood, and how fast it fades, in log-odds.
MOOD_STEP, MOOD_FADES = 0.10, 0.90


class Beliefs:
    """Chances by event and outcome. ``learn`` is called when there are new results, ``stir`` to let an opinion move."""

    def __init__(self, seed: int) -> None:
        self._draw = Random(f"{seed}:beliefs")
        self._forecast = Forecast()
        self._known = -1
        self._moods: dict[tuple[str, str], float] = {}

    def learn(self, results: Sequence[Result]) -> bool:
        """Think again if there are more results than before; whether there were."""
        if len(results) == self._known:
            return False
        self._known = len(results)
        self._forecast = forecast(results, self._draw)
        return True

    def stir(self, code: str, outcomes: Iterable[str]) -> None:
        """Let the opinion on an event move a little, back towards the ratings in the long run."""
        for name in outcomes:
            mood = self._moods.get((code, name), 0.0)
            self._moods[code, name] = mood * MOOD_FADES + self._draw.uniform(-MOOD_STEP, MOOD_STEP)

    def chances(self, code: str, outcomes: Sequence[str]) -> list[float]:
        """The chance of each outcome of an event, together one."""
        base = self._base(code, outcomes)
        moved = [
            _moved(p, self._moods.get((code, name), 0.0)) for p, name in zip(base, outcomes, strict=True)
        ]
        whole = sum(moved) or 1.0
        return [chance / whole for chance in moved]

    def _base(self, code: str, outcomes: Sequence[str]) -> list[float]:
        asked = code.rsplit("-", 1)[-1]
        if asked.startswith("M"):
            return list(match_chances(outcomes[0], outcomes[2]))
        if asked.startswith("T"):
            first = through_chance(outcomes[0], outcomes[1])
            return [first, 1 - first]
        if asked == "SCORER":
            return [self._forecast.scorer.get("" if name == OTHER else name, 0.0) for name in outcomes]
        table = self._forecast.champion if asked == "WINNER" else self._forecast.group
        return [table.get(name, 0.0) for name in outcomes]


def _moved(chance: float, mood: float) -> float:
    if not 0 < chance < 1:
        return chance
    odds = math.log(chance / (1 - chance)) + mood
    return 1 / (1 + math.exp(-odds))


def knows(name: str) -> bool:
    """Whether the ratings have a team of that name."""
    return name in facts.RATINGS
