"""The desk: what each event asks, what the results say about it, and proposing that, each result once.

An event is known by the end of its code: ``M001`` asks for match 1 after regular time, ``T073`` for who goes through in
match 73, ``GROUPA`` for the winner of a group, ``WINNER`` for the champion, ``SCORER`` for who scores the most goals.
Nothing is concluded from a document with a fault, or as long as one result that matters is missing.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from examples.results.feed import AWAY, DRAW, HOME, Document, FeedError, Result, top_scorers
from examples.results.tables import table

log = logging.getLogger("results")

PPM = 1_000_000
FINAL = "Final"
ANY_OTHER, LEVEL = "any other", "draw"


class Question(NamedTuple):
    """An event without a final result. ``outcomes`` are its outcomes' names by number, ``steps`` the ticks of one unit,
    ``proposed`` the result that stands, in parts per million, empty if there is none."""

    code: str
    outcomes: tuple[str, ...]
    steps: int
    proposed: Mapping[int, int] = {}


class Answer(NamedTuple):
    """What happened: parts per million by number of outcome, and in words."""

    payouts: dict[int, int]
    words: str


class Desk(Protocol):
    """Where the events are: a venue, asked and told by its own means."""

    def questions(self) -> Sequence[Question]:
        """Events that wait for a result, or whose proposed one can still be corrected."""

    def propose(self, question: Question, answer: Answer, document: Document, address: str) -> None:
        """Propose the result."""


def answer(question: Question, results: Sequence[Result]) -> Answer | None:
    """What the results say about the question; ``None`` as long as they do not."""
    by_number = {result.number: result for result in results}
    if found := re.search(r"([MT])([0-9]{3})$", question.code):
        result = by_number.get(int(found[2]))
        if result is None or not result.over:
            return None
        return _match(question, result) if found[1] == "M" else _through(question, result)
    if found := re.search(r"GROUP([A-Z])$", question.code):
        return _group(question, found[1], results)
    if question.code.endswith("WINNER"):
        final = next((result for result in results if result.stage == FINAL), None)
        words = f"{final.team1} – {final.team2} {final.score_text}" if final else ""
        return _one(question, final.winner, words) if final and final.over else None
    if question.code.endswith("SCORER"):
        return _scorer(question, results)
    return None


def _match(question: Question, result: Result) -> Answer | None:
    """By regular time alone."""
    assert result.ft is not None
    name = {HOME: result.team1, AWAY: result.team2, DRAW: LEVEL}[result.regular_time]
    words = f"{result.team1} – {result.team2} {result.ft[0]}:{result.ft[1]} after regular time."
    return _one(question, name, words)


def _through(question: Question, result: Result) -> Answer | None:
    """By the whole match."""
    return _one(question, result.winner, f"{result.team1} – {result.team2} {result.score_text}.")


def _group(question: Question, group: str, results: Sequence[Result]) -> Answer | None:
    played = [result for result in results if result.group == group]
    teams = len(question.outcomes)
    if len(played) != teams * (teams - 1) // 2 or not all(result.over for result in played):
        return None
    lines = table(question.outcomes, played)
    words = ", ".join(f"{line.team} {line.points}" for line in lines)
    return _one(question, lines[0].team, f"Final table of group {group}, points: {words}.")


def _scorer(question: Question, results: Sequence[Result]) -> Answer | None:
    if not results or not all(result.over for result in results):
        return None
    goals = top_scorers(results)
    most = max(goals.values(), default=0)
    best = sorted(name for name, count in goals.items() if count == most)
    names = list(dict.fromkeys(_number(question, name, ANY_OTHER) for name in best))
    if not most or None in names:
        return None
    numbers = sorted(number for number in names if number is not None)
    part, rest = divmod(question.steps, len(numbers))
    payouts = {number: (part + (at < rest)) * PPM // question.steps for at, number in enumerate(numbers)}
    return Answer(
        payouts, f"Most goals: {', '.join(best)}, {most} each." if len(best) > 1 else f"{best[0]}, {most}."
    )


def _number(question: Question, name: str, otherwise: str = "") -> int | None:
    names = [each.casefold() for each in question.outcomes]
    for wanted in (name.casefold(), otherwise):
        if wanted in names:
            return names.index(wanted)
    return None


def _one(question: Question, name: str, words: str) -> Answer | None:
    number = _number(question, name)
    return Answer({number: PPM}, words) if number is not None else None


class Clerk:
    """Reads the document and tells the desk what is new in it. A fault costs a round, never a result."""

    def __init__(self, desk: Desk, address: str, read: Callable[[str], Document]) -> None:
        self.desk, self.address, self.read = desk, address, read

    def round(self) -> int:
        """Propose what the document says and the desk does not know yet; how many were proposed."""
        questions = self.desk.questions()
        if not questions:
            return 0
        try:
            document = self.read(self.address)
        except FeedError as fault:
            log.warning("no results this time: %s", fault)
            return 0
        proposed = 0
        for question in questions:
            found = answer(question, document.results)
            if found is None or dict(question.proposed) == found.payouts:
                continue
            try:
                self.desk.propose(question, found, document, self.address)
            except Exception:
                log.exception("%s: the result was not taken", question.code)
            else:
                proposed += 1
        return proposed
