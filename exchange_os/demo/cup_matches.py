"""Reading a World Cup: matches with their scores at full time, after extra time and from the penalty spot.

The files are those of the openfootball project: ``{"name", "matches": [{"round", "date", "time", "team1", "team2",
"score": {"ft", "et"?, "p"?}, "group"?}]}``. A ``time`` is ``hh:mm`` with or without ``UTC+h``; without, it is UTC.
Who goes through is decided by the last of ``ft``, ``et``, ``p`` that there is.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from exchange_os.errors import DomainError

HOME, DRAW, AWAY = 0, 1, 2
THIRD_PLACE, FINAL = "Match for third place", "Final"

_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?: UTC([+-][0-9]{1,2}))?\Z")


class CupFileError(DomainError):
    """The file is no tournament that could be replayed; the message names file, match and reason."""


class Score(NamedTuple):
    """Goals of both teams."""

    team1: int
    team2: int

    @property
    def outcome(self) -> int:
        """HOME, DRAW or AWAY."""
        return DRAW if self.team1 == self.team2 else HOME if self.team1 > self.team2 else AWAY


class Match(NamedTuple):
    """One match. ``group`` is empty in the knock-out rounds; ``et`` and ``p`` are ``None`` if it was decided before."""

    round: str
    group: str
    kickoff_ms: int
    team1: str
    team2: str
    ft: Score
    et: Score | None
    p: Score | None

    @property
    def is_knockout(self) -> bool:
        return not self.group

    @property
    def last_score(self) -> Score:
        """The score that decided it."""
        return self.p or self.et or self.ft

    @property
    def winner(self) -> str:
        """Who goes through, or lifts the cup; of a group match that was drawn, nobody: empty."""
        return {HOME: self.team1, AWAY: self.team2, DRAW: ""}[self.last_score.outcome]

    @property
    def title(self) -> str:
        return f"{self.team1} - {self.team2}"


class Cup(NamedTuple):
    """A tournament; ``matches`` in order of kickoff, the final last."""

    name: str
    matches: tuple[Match, ...]

    @property
    def champion(self) -> str:
        return self.matches[-1].winner

    def teams(self, groups: tuple[str, ...] | None = None) -> list[str]:
        """Teams of these groups (default all), in order of their names."""
        played = [m for m in self.matches if m.group and (groups is None or m.group in groups)]
        return sorted({team for match in played for team in (match.team1, match.team2)})

    @property
    def groups(self) -> list[str]:
        return sorted({match.group for match in self.matches if match.group})


def _kickoff_ms(row: dict[str, Any]) -> int:
    found = _TIME.match(row["time"])
    if found is None:
        raise ValueError(f"time {row['time']!r} is not hh:mm with an offset from UTC")
    start = datetime.fromisoformat(row["date"]).replace(tzinfo=UTC)
    start += timedelta(hours=int(found[1]) - int(found[3] or 0), minutes=int(found[2]))
    return round(start.timestamp() * 1000)


def _score(row: dict[str, Any], name: str) -> Score | None:
    goals = row["score"].get(name)
    if goals is None:
        return None
    if len(goals) != 2 or not all(isinstance(goal, int) and 0 <= goal < 100 for goal in goals):
        raise ValueError(f"score {name} is not two numbers of goals")
    return Score(*goals)


def _match(row: dict[str, Any]) -> Match:
    ft = _score(row, "ft")
    if ft is None:
        raise ValueError("there is no score at full time")
    match = Match(
        row["round"], row.get("group", ""), _kickoff_ms(row), row["team1"], row["team2"],
        ft, _score(row, "et"), _score(row, "p"),
    )  # fmt: skip
    if match.is_knockout and not match.winner:
        raise ValueError("a knock-out match has no winner")
    return match


def read_cup(path: Path) -> Cup:
    """The tournament in a file. Raises :class:`CupFileError`."""
    try:
        content = json.loads(path.read_text("utf-8"))
        name, rows = content["name"], content["matches"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CupFileError("cup_file_unreadable", f"{path} is not a tournament: {error!r}.") from error
    matches = []
    for number, row in enumerate(rows, 1):
        try:
            matches.append(_match(row))
        except (ValueError, KeyError, TypeError) as error:
            raise CupFileError("cup_match_malformed", f"{path}, match {number}: {error}.") from error
    matches.sort(key=lambda match: (match.kickoff_ms, match.round == FINAL, match.team1))
    if not matches or matches[-1].round != FINAL:
        raise CupFileError("cup_without_final", f"{path} does not end with a match called {FINAL!r}.")
    return Cup(name, tuple(matches))
