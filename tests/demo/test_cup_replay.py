"""World Cups: a small one made for the purpose, and the real ones where their files are at hand."""

import json
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from exchange_os.demo.cup_matches import AWAY, DRAW, HOME, CupFileError, Score, read_cup
from exchange_os.demo.cup_replay import LISTED_BEFORE_MS, CupReplay
from exchange_os.demo.cup_report import CupOutcome, examine_cups
from exchange_os.demo.cup_stage import CupStage
from exchange_os.demo.progress import Progress

GROUPS = {
    "Group A": ("Ayre", "Blun"),
    "Group B": ("Cova", "Drin"),
    "Group C": ("Elba", "Faro"),
    "Group D": ("Gent", "Hove"),
}
REAL = Path(os.environ.get("WORLDCUP_DATA", settings.BASE_DIR.parent / "shared/data/worldcup"))


def row(day: int, title: str, teams: tuple[str, str], group: str = "", **score: list[int]) -> dict[str, Any]:
    """One match as the files have it, on a day of June."""
    match: dict[str, Any] = {
        "round": title, "date": f"2018-06-{day:02}", "time": "18:00 UTC+3",
        "team1": teams[0], "team2": teams[1], "score": score,
    }  # fmt: skip
    return {**match, "group": group} if group else match


def small_cup() -> dict[str, Any]:
    """Four groups of two, semi-finals by extra time and by penalties, a final, and teams the first listing left out."""
    rows = [
        row(day, "Matchday 1", teams, group, ft=[2, 1] if day % 2 else [0, 0])
        for day, (group, teams) in enumerate(GROUPS.items(), 1)
    ]
    rows += [
        row(10, "Round of 16", ("Ayre", "Elba"), ft=[1, 1], et=[1, 2]),
        row(11, "Round of 16", ("Cova", "Gent"), ft=[0, 0], et=[1, 1], p=[4, 2]),
        row(15, "Final", ("Elba", "Cova"), ft=[3, 0]),
    ]
    return {"name": "Small Cup", "matches": rows}


def write(tmp_path: Path, content: dict[str, Any]) -> Path:
    path = tmp_path / "2018.worldcup.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def play(path: Path, seed: int = 5) -> tuple[CupStage, CupOutcome]:
    cup = read_cup(path)
    stage = CupStage(30, cup.matches[0].kickoff_ms - 3 * LISTED_BEFORE_MS)
    CupReplay(stage, cup, Random(seed), 25).play(Progress("replay", 100))
    return stage, examine_cups(stage)


def test_results_are_read_at_full_time_and_after_it(tmp_path: Path) -> None:
    cup = read_cup(write(tmp_path, small_cup()))
    extra, penalties, final = cup.matches[-3:]
    assert (extra.ft.outcome, extra.last_score.outcome, extra.winner) == (DRAW, AWAY, "Elba")
    assert (penalties.ft, penalties.p, penalties.winner) == (Score(0, 0), Score(4, 2), "Cova")
    assert (final.ft.outcome, cup.champion, final.kickoff_ms) == (HOME, "Elba", 1_529_074_800_000)
    assert (cup.matches[1].winner, cup.matches[1].is_knockout) == ("", False)


def test_a_small_cup_is_settled_to_the_unit(tmp_path: Path) -> None:
    stage, outcome = play(write(tmp_path, small_cup()))
    assert outcome.faults == []
    assert outcome.left == outcome.dust
    tally = stage.tally
    assert (tally.events, tally.late, tally.corrected) == (7 + 3 + 1, 2, 2), (
        "two teams of groups C and D go through"
    )
    assert (tally.by_full_time, tally.by_extra_time, tally.by_penalties) == (7, 1, 1)
    assert stage.ledger.trades > 500
    assert stage.ledger.payouts_checked > 300


def test_the_same_seed_ends_in_the_same_state(tmp_path: Path) -> None:
    path = write(tmp_path, small_cup())
    roots = [play(path, seed)[1].root for seed in (3, 3, 4)]
    assert roots[0] == roots[1] != roots[2]


@pytest.mark.parametrize(
    ("at", "change", "reason"),
    [
        (0, {"time": "soon"}, "match 1: time 'soon' is not hh:mm"),
        (4, {"score": {"ft": [1, 1]}}, "match 5: a knock-out match has no winner"),
        (1, {"score": {}}, "match 2: there is no score at full time"),
        (6, {"round": "Friendly"}, "does not end with a match called 'Final'"),
    ],
)
def test_a_match_that_cannot_be_is_named(
    tmp_path: Path, at: int, change: dict[str, Any], reason: str
) -> None:
    content = small_cup()
    content["matches"][at].update(change)
    with pytest.raises(CupFileError, match=reason):
        read_cup(write(tmp_path, content))


def test_the_command_replays_what_it_is_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, small_cup())
    call_command("replay_worldcup", str(tmp_path), years=[2018], bots=20, orders=10, twice=True)
    shown = capsys.readouterr().out
    assert "won by Elba" in shown
    assert "conservation               holds" in shown
    assert "the same state root" in shown


@pytest.mark.parametrize(
    ("year", "champion", "decided_later"), [(2018, "France", (1, 4)), (2022, "Argentina", (0, 5))]
)
def test_a_real_cup_is_settled_from_its_results(
    year: int, champion: str, decided_later: tuple[int, int]
) -> None:
    path = REAL / f"{year}.worldcup.json"
    if not path.exists():
        pytest.skip(f"{path} is not at hand; set WORLDCUP_DATA")
    assert read_cup(path).champion == champion
    stage, outcome = play(path)
    assert outcome.faults == []
    tally = stage.tally
    assert (tally.by_full_time, tally.by_extra_time, tally.by_penalties) == (64, *decided_later)
    assert (tally.corrected, tally.late) == (5, 4)
