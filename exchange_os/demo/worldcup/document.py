"""What has been played so far, from the rows of the venue's events, and the document that says it to the world.

A match begins when trading on it closes and is told when it is over. Nothing else is kept: results follow from the
seed, so a restart goes on where it was.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from examples.results.feed import Result
from exchange_os.demo.worldcup import facts
from exchange_os.demo.worldcup.listing import EXTRA_TIME, MATCH, NAME, SLUG
from exchange_os.demo.worldcup.season import fixtures, pairing, play
from venues.models import Event

SEED = 2026


def calendar() -> dict[int, datetime]:
    """``{number of a match: its kick-off}`` of the matches that are listed."""
    rows = Event.objects.filter(venue__slug=SLUG, series__startswith="WC26M").values_list("code", "closes")
    return {int(code[-3:]): closes for code, closes in rows}


def over_at(result: Result, begins: datetime) -> datetime:
    """When a match that begins then is over."""
    return begins + MATCH + (EXTRA_TIME if result.et else EXTRA_TIME * 0)


def played(kickoffs: Mapping[int, datetime], now: datetime, seed: int = SEED) -> list[Result]:
    """Matches that are over by now, by number."""
    found: list[Result] = []
    for fixture in fixtures():
        begins = kickoffs.get(fixture.number)
        if begins is None or begins > now:
            continue
        team1, team2 = pairing(fixture, found)
        if not team1 or not team2:
            continue
        result = play(seed, fixture, team1, team2)
        if over_at(result, begins) <= now:
            found.append(result)
    return found


def document(now: datetime | None = None) -> dict[str, Any]:
    """The tournament so far, in the format that ``examples.results`` reads."""
    now = now or timezone.now()
    kickoffs = calendar()
    results = played(kickoffs, now)
    by_number = {result.number: result for result in results}
    rows = []
    for fixture in fixtures():
        team1, team2 = pairing(fixture, results)
        begins, result = kickoffs.get(fixture.number), by_number.get(fixture.number)
        row: dict[str, Any] = {
            "num": fixture.number, "round": fixture.stage,
            "team1": team1 or fixture.team1, "team2": team2 or fixture.team2,
        }  # fmt: skip
        if fixture.group:
            row["group"] = f"Group {fixture.group}"
        if begins is not None:
            row |= {"date": f"{begins:%Y-%m-%d}", "time": f"{begins:%H:%M} UTC+0"}
        if result is not None:
            row |= _scores(result)
        rows.append(row)
    return {"name": f"{NAME}, simulated", "matches": rows}


def champion(results: list[Result]) -> str:
    """Who has won the final; empty before."""
    final = next((result for result in results if result.stage == facts.FINAL), None)
    return final.winner if final else ""


def _scores(result: Result) -> dict[str, Any]:
    scores = {"ft": result.ft, "et": result.et, "p": result.p}
    whole = result.et or result.ft or (0, 0)
    return {
        "score": {name: list(goals) for name, goals in scores.items() if goals is not None},
        "goals1": [{"name": name} for name in result.scorers[: whole[0]]],
        "goals2": [{"name": name} for name in result.scorers[whole[0] :]],
    }
