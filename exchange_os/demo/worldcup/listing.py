"""The venue and its events as their deployer would type them into the wizard, on a calendar that runs fast.

A day of the real tournament takes ``DAY_SECONDS``; trading on a match closes at its kick-off. What is open for longer
than a match closes at the latest a week after the final and is ended by its result. Codes name what is asked, so that
the results desk knows it: ``M001`` a match, ``T073`` who goes through, ``GROUPA``, ``WINNER``, ``SCORER``.
"""

from datetime import datetime, timedelta

from exchange_os.demo.worldcup import facts
from exchange_os.demo.worldcup.facts import Fixture

SLUG, NAME, ACCENT = "world-cup-2026", "2026 World Cup", "#0ca678"
DESCRIPTION = (
    "Every match, every group, the champion. Results are simulated: a tournament drawn from ratings, played in some "
    "thirteen hours. Test money."
)
ADDRESS = "/demo/world-cup/results.json"
#: A day of the tournament, and how long after the launch the first match begins.
DAY_SECONDS = 1200
LEAD = timedelta(minutes=10)
#: How long a match takes, and how much longer with extra time.
MATCH = timedelta(seconds=95)
EXTRA_TIME = timedelta(seconds=35)
#: How early the events of a knock-out match are listed at least.
NOTICE = timedelta(minutes=6)
SLACK = timedelta(days=7)
WINDOW_HOURS = "0.05"
DRAW, OTHER = "Draw", "Any other"
TOURNAMENT = "Tournament"
THROUGH = (facts.ROUND_OF_32, facts.ROUND_OF_16, facts.QUARTER_FINALS, facts.SEMI_FINALS)

Form = dict[str, str]


def kickoff(fixture: Fixture, start: datetime) -> datetime:
    """When a match begins on the calendar of a tournament whose first match begins at ``start``; a whole minute."""
    return whole_minute(start + timedelta(seconds=fixture.minute * DAY_SECONDS / 1440))


def whole_minute(moment: datetime) -> datetime:
    """The moment, or the next whole minute after it."""
    whole = moment.replace(second=0, microsecond=0)
    return whole if whole == moment else whole + timedelta(minutes=1)


def venue_form() -> Form:
    """The first step of the wizard."""
    return {"name": NAME, "slug": SLUG, "accent": ACCENT, "description": DESCRIPTION}


def opening_forms(start: datetime, source: str) -> list[Form]:
    """What the venue opens with: champion, top scorer, group winners, and the matches of the groups."""
    last = kickoff(facts.KNOCKOUT_FIXTURES[-1], start) + SLACK
    forms = [_champion(last, source), _scorer(last, source)]
    forms += [_group(group, last, source) for group in facts.GROUPS]
    return forms + [
        match_form(each, each.team1, each.team2, kickoff(each, start), source)
        for each in facts.GROUP_FIXTURES
    ]


def match_form(fixture: Fixture, team1: str, team2: str, begins: datetime, source: str) -> Form:
    """A match: who leads after regular time."""
    where = f"Group {fixture.group}" if fixture.group else fixture.stage
    level = (
        ""
        if fixture.group
        else " Extra time and penalties do not count here; who goes through is another event."
    )
    return _form(
        code=f"M{fixture.number:03d}", series=f"WC26M{fixture.number}", category=where, closes=begins, source=source,
        title=f"{team1} – {team2}", outcomes=[team1, DRAW, team2],
        rules=f"{where}: who leads after regular time, ninety minutes and what the referee adds.{level}",
        cut_off="The score when regular time ends. Trading ends at kick-off.",
        tie=f"A level score after regular time pays {DRAW}.",
        void="The match is not played to the end of regular time: the last fair prices are paid.",
    )  # fmt: skip


def through_form(fixture: Fixture, team1: str, team2: str, begins: datetime, source: str) -> Form:
    """Who goes through in a knock-out match, by whatever decides it."""
    return _form(
        code=f"T{fixture.number:03d}", series=f"WC26T{fixture.number}", category=fixture.stage, closes=begins,
        source=source, title=f"Who goes through: {team1} or {team2}?", outcomes=[team1, team2],
        rules=f"{fixture.stage}: the team that reaches the next round, after extra time and penalties if need be.",
        cut_off="The end of the match, penalties included. Trading ends at kick-off.",
        tie="There is none: penalties decide.",
        void="Neither team reaches the next round: the last fair prices are paid.",
    )  # fmt: skip


def knockout_forms(fixture: Fixture, team1: str, team2: str, begins: datetime, source: str) -> list[Form]:
    """What is asked of a knock-out match once its teams are known."""
    forms = [match_form(fixture, team1, team2, begins, source)]
    if fixture.stage in THROUGH:
        forms.append(through_form(fixture, team1, team2, begins, source))
    return forms


def _champion(closes: datetime, source: str) -> Form:
    teams = sorted(facts.RATINGS, key=lambda team: -facts.RATINGS[team])
    return _form(
        code="WINNER", series="WC26W", category=TOURNAMENT, closes=closes, source=source,
        title="Who wins the World Cup 2026?", outcomes=teams, tick_size="0.001",
        rules="The team that wins the final, after extra time and penalties if need be.",
        cut_off="The end of the final. Trading ends when the result is proposed.",
        tie="There is none: penalties decide.",
        void="No final is played: the last fair prices are paid.",
    )  # fmt: skip


def _scorer(closes: datetime, source: str) -> Form:
    return _form(
        code="SCORER", series="WC26TOP", category=TOURNAMENT, closes=closes, source=source,
        title="Who scores the most goals at the World Cup 2026?", outcomes=[*facts.SCORERS, OTHER],
        rules="The player with the most goals in all matches, extra time included, the shots after it not. "
        f"A player who is not named counts as {OTHER}.",
        cut_off="The end of the final. Trading ends when the result is proposed.",
        tie="If several are level, they share equally; what does not divide by the step of a price goes to the first.",
        void="The tournament is not finished: the last fair prices are paid.",
    )  # fmt: skip


def _group(group: str, closes: datetime, source: str) -> Form:
    teams = sorted(facts.GROUPS[group], key=lambda team: -facts.RATINGS[team])
    return _form(
        code=f"GROUP{group}", series=f"WC26G{group}", category=f"Group {group}", closes=closes, source=source,
        title=f"Who wins Group {group}?", outcomes=teams,
        rules="The team that is first in the final table of the group.",
        cut_off="The end of the last match of the group. Trading ends when the result is proposed.",
        tie="Level on points: the matches between them, then goals, fair play, ranking, as the rules of the cup say.",
        void="The group is not finished: the last fair prices are paid.",
    )  # fmt: skip


def _form(
    *, outcomes: list[str], closes: datetime, rules: str, tick_size: str = "0.01", **parts: str
) -> Form:
    return {
        "kind": "outcome", "event_kind": "multiple", "quote": "USD", "window_hours": WINDOW_HOURS,
        "maker_fee_percent": "0", "taker_fee_percent": "0.5", "tick_size": tick_size,
        "closes": f"{whole_minute(closes):%Y-%m-%d %H:%M}", "outcomes": "\n".join(outcomes),
        "rules": f"{rules}\nDemonstration: the tournament is simulated from ratings and the money is test money.",
        **parts,
    }  # fmt: skip
