"""The rules of the tournament against real ones; the simulated one, whole, the same for whoever asks, resumable."""

import json
import os
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest

from examples.results.desk import PPM, Answer, Clerk, Question, answer
from examples.results.feed import Document, FeedError, Result, parse
from examples.results.tables import GOALS_FIRST, best_thirds, side, table, third_places
from exchange_os.demo.worldcup import facts, listing
from exchange_os.demo.worldcup.beliefs import Beliefs
from exchange_os.demo.worldcup.bot import quotes
from exchange_os.demo.worldcup.document import over_at, played
from exchange_os.demo.worldcup.forecast import forecast, match_chances
from exchange_os.demo.worldcup.season import PLACES_OF_THIRDS, fixtures, pairing, standings, whole_tournament

DATA = Path(os.environ.get("EXCHANGE_OS_DATA", Path(__file__).parents[3] / "shared" / "data")) / "worldcup"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the real results are not here")
START = datetime(2026, 6, 11, 19, tzinfo=UTC)
#: Yellow cards told two teams of 2018 apart that were level in everything else.
CONDUCT_2018 = {"Japan": -4, "Senegal": -6}
#: Who meets whom in the round of 16 of 32 teams.
ROUND_OF_16 = ["1A2B", "1C2D", "1E2F", "1G2H", "1B2A", "1D2C", "1F2E", "1H2G"]


def real(year: int) -> Document:
    """A real World Cup."""
    return parse((DATA / f"{year}.worldcup.json").read_bytes())


def real_tables(year: int) -> dict[str, list[str]]:
    """Its groups, the first team first."""
    results = real(year).results
    found = {}
    for group in sorted({each.group for each in results if each.group}):
        own = [each for each in results if each.group == group]
        teams = sorted({team for each in own for team in (each.team1, each.team2)})
        found[group] = [line.team for line in table(teams, own, GOALS_FIRST, CONDUCT_2018)]
    return found


def results_of(results: list[Result], teams: list[str]) -> list[Result]:
    """Group matches between these teams."""
    return [each for each in results if each.group and each.team1 in teams]


@needs_data
def test_tables_of_2018_are_the_real_ones() -> None:
    told = json.loads((DATA / "2018.worldcup.standings.json").read_text())["groups"]
    for group in told:
        rows = sorted(group["standings"], key=lambda row: row["pos"])
        teams = sorted(row["team"]["name"] for row in rows)
        lines = table(teams, results_of(real(2018).results, teams), GOALS_FIRST, CONDUCT_2018)
        assert [(line.team, line.points, line.scored, line.conceded) for line in lines] == [
            (row["team"]["name"], row["pts"], row["goals_for"], row["goals_against"]) for row in rows
        ]


@needs_data
@pytest.mark.parametrize("year", [2018, 2022])
def test_pairings_follow_from_the_tables(year: int) -> None:
    standings, results = real_tables(year), real(year).results
    pairs = {
        frozenset(side(name, standings, {}, {}) for name in (pair[:2], pair[2:])) for pair in ROUND_OF_16
    }
    assert pairs == {frozenset((each.team1, each.team2)) for each in results if each.stage == "Round of 16"}
    knockouts = [each for each in results if not each.group]
    played = {each.number: each for each in knockouts}
    quarters = {each.winner for each in knockouts if each.stage == "Round of 16"}
    assert quarters == {
        team for each in knockouts if "Quarter" in each.stage for team in (each.team1, each.team2)
    }
    final = next(each for each in knockouts if each.stage == "Final")
    assert final.winner == {2018: "France", 2022: "Argentina"}[year]
    assert side(f"W{final.number}", {}, {}, played) == final.winner
    third = next(each for each in knockouts if "third" in each.stage)
    losers = {side(f"L{each.number}", {}, {}, played) for each in knockouts if "Semi" in each.stage}
    assert losers == {third.team1, third.team2}


@needs_data
def test_regular_time_extra_time_and_penalties_are_never_confused() -> None:
    """Croatia - Russia 2018: 1:1, 2:2, 4:3 on penalties; the final of 2022: 2:2, 3:3, 4:2."""
    for year, teams, regular, through in (
        (2018, {"Russia", "Croatia"}, "draw", "Croatia"),
        (2018, {"Croatia", "England"}, "draw", "Croatia"),
        (2022, {"Argentina", "France"}, "draw", "Argentina"),
        (2022, {"Croatia", "Brazil"}, "draw", "Croatia"),
        (2022, {"Morocco", "Portugal"}, "home", "Morocco"),
    ):
        results = real(year).results
        match = next(each for each in results if not each.group and {each.team1, each.team2} == teams)
        assert (match.regular_time, match.winner) == (regular, through)
        names = (match.team1, "Draw", match.team2)
        three = answer(Question(f"X-M{match.number:03d}", names, 100), results)
        two = answer(Question(f"X-T{match.number:03d}", (match.team1, match.team2), 100), results)
        assert three is not None
        assert two is not None
        assert names[next(iter(three.payouts))] == {"draw": "Draw", "home": match.team1}[regular]
        assert (match.team1, match.team2)[next(iter(two.payouts))] == through


@needs_data
def test_the_fixtures_are_the_real_ones() -> None:
    rows = json.loads((DATA / "2026.worldcup.pre-tournament.json").read_text())["matches"]
    real_sides = {
        (row.get("group", "")[-1:], row["team1"].replace("/", ""), row["team2"].replace("/", ""))
        for row in rows
    }
    assert {(each.group, each.team1, each.team2) for each in fixtures()} == real_sides
    assert len(fixtures()) == 104
    assert [each.number for each in fixtures()] == list(range(1, 105))


def test_every_way_the_best_thirds_can_come_has_its_places() -> None:
    ways = list(combinations(facts.GROUPS, 8))
    assert len(ways) == 495
    for groups in ways:
        places = third_places(groups, PLACES_OF_THIRDS)
        assert sorted(places.values()) == sorted(groups)
        assert all(group in place[1:] for place, group in places.items())
    with pytest.raises(ValueError, match="no way"):
        third_places("AAAAAAAA", PLACES_OF_THIRDS)


def test_level_teams_are_told_apart_by_the_matches_between_them_first() -> None:
    # A and B have 6 points; A has more goals, B won between them.
    rows = [
        ("A", "B", 0, 1),
        ("A", "C", 5, 0),
        ("A", "D", 3, 0),
        ("B", "C", 1, 0),
        ("B", "D", 0, 1),
        ("C", "D", 0, 0),
    ]
    results = [Result(at, "Group", "G", *row[:2], row[2:]) for at, row in enumerate(rows)]  # type: ignore[arg-type]
    assert [line.team for line in table("ABCD", results)][:2] == ["B", "A"]
    assert [line.team for line in table("ABCD", results, GOALS_FIRST)][:2] == ["A", "B"]
    thirds = {group: table("ABCD", results)[at] for at, group in enumerate("WXYZ")}
    assert best_thirds(thirds, 2) == ["X", "W"], "points, then goals"


def test_a_simulated_tournament_is_whole_and_the_same_for_whoever_asks() -> None:
    results = whole_tournament(2026)
    assert results == whole_tournament(2026)
    assert results != whole_tournament(2027)
    assert all(each.over for each in results)
    finished = standings(results)
    assert sorted(team for teams in finished.values() for team in teams) == sorted(facts.RATINGS)
    first = [each for each in results if each.stage == facts.ROUND_OF_32]
    assert len({team for each in first for team in (each.team1, each.team2)}) == 32
    for stage, count in (
        (facts.ROUND_OF_16, 16),
        (facts.QUARTER_FINALS, 8),
        (facts.SEMI_FINALS, 4),
        (facts.FINAL, 2),
    ):
        played_here = [each for each in results if each.stage == stage]
        assert len({team for each in played_here for team in (each.team1, each.team2)}) == count
    for each in results:
        assert (each.et is not None) == (not each.group and each.ft[0] == each.ft[1])  # type: ignore[index]
        assert len(each.scorers) == sum(each.et or each.ft or ())


def test_a_restart_in_the_middle_goes_on_where_it_was() -> None:
    """What is over follows from the kick-offs alone: a process that starts at any moment knows what the last knew."""
    kickoffs: dict[int, datetime] = {
        each.number: listing.kickoff(each, START) for each in facts.GROUP_FIXTURES
    }
    whole = {each.number: each for each in whole_tournament(2026)}
    now, known = START, -1
    while len(kickoffs) < 104 or known < 104:
        now += timedelta(minutes=25)
        results = played(kickoffs, now)
        assert results == played(dict(kickoffs), now), "another process, the same"
        assert len(results) >= known, "nothing is unsaid"
        assert all(whole[each.number] == each for each in results)
        known = len(results)
        for fixture in facts.KNOCKOUT_FIXTURES:
            if fixture.number not in kickoffs and all(pairing(fixture, results)):
                kickoffs[fixture.number] = max(listing.kickoff(fixture, START), now + listing.NOTICE)
    assert timedelta(hours=12) < now - START < timedelta(hours=15)


def test_the_document_says_a_result_when_the_match_is_over_and_not_before() -> None:
    match = next(each for each in whole_tournament(2026) if each.et)
    begins = START
    assert over_at(match, begins) - begins == listing.MATCH + listing.EXTRA_TIME


def test_what_the_desk_proposes_and_when() -> None:
    results = whole_tournament(2026)
    by_number = {each.number: each for each in results}
    teams = tuple(facts.GROUPS["A"])
    group = Question("261130-0852-GROUPA", teams, 100)
    last = max(each.number for each in results if each.group == "A")
    assert answer(group, results[: last - 1]) is None, "a match of the group is missing"
    found = answer(group, results)
    assert found is not None
    assert teams[next(iter(found.payouts))] == standings(results)["A"][0]
    winner = Question("X-WINNER", tuple(facts.RATINGS), 1000)
    assert answer(winner, results[:-1]) is None
    assert answer(winner, results) == Answer(
        {list(facts.RATINGS).index("France"): PPM}, f"France – Colombia {by_number[104].score_text}"
    )
    stranger = Question("X-M001", ("Atlantis", "Draw", "Mu"), 100)
    assert answer(stranger, results) is None, "names that it does not know are left to people"


def test_top_scorers_that_are_level_share_to_the_tick() -> None:
    names = ("Ann", "Bea", "Cid", "Any other")

    def best(*scorers: str) -> dict[int, int]:
        found = answer(
            Question("X-SCORER", names, 100), [Result(1, "Final", "", "A", "B", (9, 0), None, None, scorers)]
        )
        assert found is not None
        return found.payouts

    assert best("Ann", "Ann", "Bea") == {0: PPM}
    assert best("Zoe", "Zoe", "Bea") == {3: PPM}
    assert best("Ann", "Bea", "Cid") == {0: 340_000, 1: 330_000, 2: 330_000}
    assert best("Ann", "Yan", "Zoe") == {0: 500_000, 3: 500_000}, "two that are not named are one outcome"


@pytest.mark.parametrize(
    "score",
    [
        {"ft": [1, 0], "et": [2, 0]},
        {"ft": [1, 1], "et": [2, 1], "p": [4, 3]},
        {"ft": [1, 1], "et": [0, 1]},
        {"ft": [1, 1], "p": [3, 3]},
        {"ft": [1, -1]},
        {"ft": [1, True]},
        {"ft": ["1", "0"]},
        {"ft": [1]},
        "1:0",
    ],
)
def test_a_document_with_a_fault_is_refused_as_a_whole(score: Any) -> None:
    good = {"round": "Final", "team1": "A", "team2": "B", "score": {"ft": [1, 0]}}
    with pytest.raises(FeedError):
        parse(json.dumps({"name": "x", "matches": [good, {**good, "score": score}]}).encode())
    with pytest.raises(FeedError):
        parse(b"<html>sorry</html>")


def test_a_level_knockout_match_goes_on() -> None:
    row = {"round": "Final", "team1": "A", "team2": "B", "score": {"ft": [1, 1]}}
    (level,) = parse(json.dumps({"name": "x", "matches": [row]}).encode()).results
    assert not level.over
    assert answer(Question("X-M001", ("A", "Draw", "B"), 100), [level]) is None


class Slate:
    """A desk that keeps what it is told."""

    def __init__(self, *questions: Question) -> None:
        self.told: list[tuple[str, dict[int, int]]] = []
        self.asked = list(questions)

    def questions(self) -> list[Question]:
        return self.asked

    def propose(self, question: Question, answer: Answer, document: Document, address: str) -> None:
        if question.code.endswith("M002"):
            raise RuntimeError("the venue is away")
        self.told.append((question.code, answer.payouts))


def test_the_clerk_says_each_result_once_and_corrects_it() -> None:
    results = whole_tournament(2026)[:4]
    names = [(each.team1, "Draw", each.team2) for each in results]
    slate = Slate(*(Question(f"X-M{at:03d}", names[at - 1], 100) for at in (1, 2, 3)))
    document = Document("sim", results, "0" * 64)

    def broken(address: str) -> Document:
        raise FeedError("html")

    assert Clerk(slate, "https://example.com", broken).round() == 0
    clerk = Clerk(slate, "https://example.com", lambda address: document)
    assert clerk.round() == 2, "one that fails keeps no other waiting"
    first, third = slate.told
    slate.asked = [
        slate.asked[0]._replace(proposed=first[1]), slate.asked[2]._replace(proposed={9: PPM}),
    ]  # fmt: skip
    assert clerk.round() == 1, "what stands is right, or corrected"
    assert slate.told[-1] == third


def test_beliefs_are_chances_and_quotes_keep_inside() -> None:
    win, draw, loss = match_chances("Spain", "Cape Verde")
    assert win > 0.7 > draw > loss > 0
    assert abs(win + draw + loss - 1) < 1e-9
    told = forecast(whole_tournament(2026)[:72], Random(1), 50)
    assert abs(sum(told.champion.values()) - 1) < 1e-9
    out = set(standings(whole_tournament(2026)[:72])["A"][3:])
    assert all(told.champion[team] == 0 for team in out)
    beliefs = Beliefs(1)
    beliefs.learn([])
    names = list(facts.RATINGS)
    beliefs.stir("X-WINNER", names)
    assert abs(sum(beliefs.chances("X-WINNER", names)) - 1) < 1e-9
    for fair in (0.0, 0.4, 50.0, 99.8, 100.0):
        for held in (-2000, 0, 2000):
            rows = quotes(fair, 100, held)
            assert all(0 < ticks < 100 and lots > 0 for _, ticks, lots in rows)
            bids = [ticks for way, ticks, _ in rows if way == "buy"]
            asks = [ticks for way, ticks, _ in rows if way == "sell"]
            assert not bids or not asks or max(bids) < min(asks)
