"""Results of a tournament as a JSON document says them, in the format of the openfootball project.

``{"name", "matches": [{"num"?, "round", "group"?, "team1", "team2", "score": {"ft", "et"?, "p"?}, "goals1"?,
"goals2"?}]}``. ``ft`` is the score after regular time, ``et`` after extra time, ``p`` that of the penalties alone. The
three are never mixed: what a match ended with in regular time is read from ``ft`` only, who went through from the last
of the three.
"""

import hashlib
import json
import urllib.request
from collections.abc import Iterable
from typing import Any, NamedTuple

MOST_BYTES = 5_000_000
HOME, DRAW, AWAY = "home", "draw", "away"
Goals = tuple[int, int]


class FeedError(Exception):
    """The document cannot be read; nothing is concluded from it."""


class Result(NamedTuple):
    """One match. ``ft`` is ``None`` until it is over, as are both teams until they are known."""

    number: int
    stage: str
    group: str
    team1: str
    team2: str
    ft: Goals | None = None
    et: Goals | None = None
    p: Goals | None = None
    scorers: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """Whether there is a score that ends it: a knock-out match that is level goes on."""
        return self.ft is not None and (bool(self.group) or self.winner != "")

    @property
    def regular_time(self) -> str:
        """HOME, DRAW or AWAY after regular time, whatever came later. Only of a match that is over."""
        assert self.ft is not None
        return _outcome(self.ft)

    @property
    def winner(self) -> str:
        """Who went through, or won: by the last of regular time, extra time and penalties; empty if level."""
        last = self.p or self.et or self.ft
        return {HOME: self.team1, AWAY: self.team2, DRAW: ""}[_outcome(last)] if last else ""

    @property
    def loser(self) -> str:
        """Who went out; empty if level."""
        return {self.team1: self.team2, self.team2: self.team1}.get(self.winner, "")

    @property
    def score_text(self) -> str:
        """The score in words, each part by its name."""
        if self.ft is None:
            return "not played"
        parts = [f"{self.ft[0]}:{self.ft[1]}"]
        parts += [f"after extra time {self.et[0]}:{self.et[1]}"] if self.et else []
        parts += [f"on penalties {self.p[0]}:{self.p[1]}"] if self.p else []
        return ", ".join(parts)


class Document(NamedTuple):
    """A document as it was read: its results, and the SHA-256 of its bytes."""

    name: str
    results: list[Result]
    sha256: str


def fetch(address: str, timeout_seconds: float = 10.0) -> Document:
    """The document at an http or https address. Raises :class:`FeedError`, whatever is wrong with it."""
    if not address.startswith(("https://", "http://")):
        raise FeedError(f"{address} is no http address")
    request = urllib.request.Request(address, headers={"Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:
            body = answer.read(MOST_BYTES + 1)
    except OSError as error:
        raise FeedError(f"{address} does not answer: {error}") from error
    if len(body) > MOST_BYTES:
        raise FeedError(f"{address} sends more than {MOST_BYTES} bytes")
    return parse(body)


def parse(body: bytes) -> Document:
    """A document out of its bytes; one fault refuses all of it. Raises :class:`FeedError`."""
    try:
        content = json.loads(body)
        rows = list(enumerate(content["matches"], 1))
        results = [_result(number, row) for number, row in rows]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FeedError(f"the document is not one of results: {error!r}") from error
    return Document(str(content.get("name", "")), results, hashlib.sha256(body).hexdigest())


def top_scorers(results: Iterable[Result]) -> dict[str, int]:
    """Goals by player, those of penalties after extra time not counted."""
    found: dict[str, int] = {}
    for result in results:
        for name in result.scorers:
            found[name] = found.get(name, 0) + 1
    return found


def _outcome(goals: Goals) -> str:
    return DRAW if goals[0] == goals[1] else HOME if goals[0] > goals[1] else AWAY


def _result(number: int, row: dict[str, Any]) -> Result:
    score = row.get("score") or {}
    goals = [*(row.get("goals1") or ()), *(row.get("goals2") or ())]
    result = Result(
        number=int(row.get("num") or number),
        stage=str(row["round"]),
        group=str(row.get("group", "")).removeprefix("Group "),
        team1=str(row["team1"]),
        team2=str(row["team2"]),
        ft=_goals(score.get("ft")),
        et=_goals(score.get("et")),
        p=_goals(score.get("p")),
        scorers=tuple(str(goal["name"]) for goal in goals if not goal.get("owngoal")),
    )
    _check(result)
    return result


def _check(result: Result) -> None:
    """Refuse scores that contradict each other: extra time and penalties follow a level score only."""
    later = result.et or result.p
    if later and (result.ft is None or _outcome(result.ft) != DRAW):
        raise ValueError(f"match {result.number} has more than regular time without a level score")
    if result.p and (result.et is not None and _outcome(result.et) != DRAW):
        raise ValueError(f"match {result.number} has penalties after a decided extra time")
    if result.p and _outcome(result.p) == DRAW:
        raise ValueError(f"match {result.number} has level penalties")
    if result.et and result.ft and (result.et[0] < result.ft[0] or result.et[1] < result.ft[1]):
        raise ValueError(f"match {result.number} has fewer goals after extra time than before")


def _goals(value: Any) -> Goals | None:
    if value is None:
        return None
    first, second = value
    if not all(isinstance(goal, int) and not isinstance(goal, bool) and 0 <= goal < 100 for goal in value):
        raise ValueError(f"{value!r} are not two numbers of goals")
    return first, second
