"""Playing a World Cup: events are listed, traded by bots, closed at kickoff and settled from the real results.

Bots have opinions of their own around a common belief. They quote both sides, take what looks cheap (some of it as
No), and make or turn back complete sets. First reports are as hasty as in life: the ninety-minute result of a match
that went to extra time or penalties is first reported as who won in the end, and corrected before anything is paid.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from random import Random

import exchange_kernel as xk

from exchange_os.demo.cup_matches import HOME, THIRD_PLACE, Cup, Match
from exchange_os.demo.cup_stage import (
    ANY_OTHER,
    PAYOUT_TICKS,
    UNIT,
    CupStage,
    Listed,
    champion_event,
    match_event,
)
from exchange_os.demo.progress import Progress

HOUR_MS = 3_600_000
LISTED_BEFORE_MS = 24 * HOUR_MS
ROUNDS_BEFORE = 8
MATCH_MS = 3 * HOUR_MS
WINDOW_MS = 12 * HOUR_MS


@dataclass(slots=True)
class CupReplay:
    """One tournament on a stage. ``orders`` are those of a round of trading in one event."""

    stage: CupStage
    cup: Cup
    random: Random
    orders: int
    strengths: dict[str, int] = field(default_factory=dict)
    champion: Listed | None = None
    agenda: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    planned: int = 0

    def play(self, progress: Progress) -> None:
        """From the first listing to the last payment."""
        self.strengths = {team: self.random.randrange(20, 101) for team in self.cup.teams()}
        for match in self.cup.matches:
            self._plan(match.kickoff_ms - LISTED_BEFORE_MS, partial(self._list, match))
        self._plan(self.cup.matches[0].kickoff_ms - 2 * LISTED_BEFORE_MS, self._list_champion)
        done = 0
        while self.agenda:
            at_ms, _, act = heappop(self.agenda)
            self.stage.now_ms = max(self.stage.now_ms, at_ms)
            act()
            done += 1
            progress.show(min(done, self.planned))

    def _plan(self, at_ms: int, act: Callable[[], None]) -> None:
        self.planned += 1
        heappush(self.agenda, (at_ms, self.planned, act))

    def _list(self, match: Match) -> None:
        """The events of a match: after ninety minutes, and of a knock-out match who goes through."""
        ahead = (self.strengths[match.team1] - self.strengths[match.team2]) // 3
        home = min(85, max(8, 37 + ahead))
        draw = min(26, 96 - home)
        result = match_event(self.stage, match, [home, draw, PAYOUT_TICKS - home - draw], match.kickoff_ms)
        events = [result]
        through = None
        if match.is_knockout:
            names = [f"{match.team1} goes through", f"{match.team2} goes through"]
            belief = home + draw * home // (PAYOUT_TICKS - draw)
            through = self.stage.list_event(
                f"{match.title}: who goes through", names, [belief, PAYOUT_TICKS - belief],
                one_book=True, close_ms=match.kickoff_ms,
            )  # fmt: skip
            events.append(through)
            if match.round == "Round of 16" and self.champion is not None:
                self._add_late(match)
        for turn in range(ROUNDS_BEFORE):
            at_ms = match.kickoff_ms - LISTED_BEFORE_MS * (ROUNDS_BEFORE - turn) // ROUNDS_BEFORE + 1
            self._plan(at_ms, lambda: self._trade(events))
        over_ms = match.kickoff_ms + MATCH_MS
        self._plan(over_ms, lambda: self._report(match, result, through))
        self._plan(over_ms + WINDOW_MS, lambda: self._settle(match, result, through))

    def _list_champion(self) -> None:
        self.champion = champion_event(self.stage, self.cup, self.strengths)
        for turn in range(1, ROUNDS_BEFORE):
            self._plan(self.stage.now_ms + turn * 3 * HOUR_MS, self._trade_champion)

    def _trade_champion(self) -> None:
        if self.champion is not None:
            self._trade([self.champion])

    def _add_late(self, match: Match) -> None:
        """Teams that so far were "any other" and are among the last sixteen get an outcome of their own."""
        champion = self.champion
        assert champion is not None
        for team in (match.team1, match.team2):
            if team not in champion.names:
                fallback = champion.names.index(ANY_OTHER)
                belief = max(1, champion.beliefs[fallback] // 4)
                champion.beliefs[fallback] = max(1, champion.beliefs[fallback] - belief)
                self.stage.add_late(champion, team, belief, fallback)

    def _trade(self, events: list[Listed]) -> None:
        """A round: bots act, one after the other."""
        for event in events:
            frames = [frame for _ in range(self.orders) for frame in self._act(event)]
            self.stage.send(*frames)
            self._change_sets(event)

    def _act(self, event: Listed) -> list[bytes]:
        """What one bot does in one outcome: quote around its opinion, or take."""
        random = self.random
        at = random.randrange(len(event.markets))
        bot, market = random.choice(self.stage.bots), event.markets[at]
        opinion = min(PAYOUT_TICKS - 2, max(2, event.beliefs[at] + random.randrange(-6, 7)))
        lots = random.randrange(1, 60)
        choice = random.randrange(10)
        if choice < 5:
            bid, ask = max(1, opinion - random.randrange(1, 4)), min(99, opinion + random.randrange(1, 4))
            return [
                xk.place(bot, market, side=xk.BUY, price_ticks=bid, size_lots=lots),
                xk.place(bot, market, side=xk.SELL, price_ticks=ask, size_lots=lots),
            ]
        if choice < 7:
            no = PAYOUT_TICKS - opinion
            return [
                xk.place(bot, market, side=xk.BUY, tif=xk.IOC, price_ticks=no, size_lots=lots, no_side=True)
            ]
        if choice < 9:
            side = random.choice((xk.BUY, xk.SELL))
            return [xk.place(bot, market, side=side, tif=xk.IOC, price_ticks=opinion, size_lots=lots)]
        return [xk.mass_cancel(bot, market=market)]

    def _change_sets(self, event: Listed) -> None:
        """A bot makes complete sets, another turns back what it has."""
        if event.one_book:
            return
        bot, lots = self.random.choice(self.stage.bots), self.random.randrange(1, 30)
        self._sets(event, bot, lots, xk.split_outcomes(bot, event.number, lots=lots))
        bot = self.random.choice(self.stage.bots)
        held = [
            row
            for row in self.stage.ask(q="account", account=bot)["outcomes"]
            if row["event"] == event.number
        ]
        if held and held[0]["sets_lots"] > 0:
            lots = held[0]["sets_lots"]
            self._sets(event, bot, -lots, xk.merge_outcomes(bot, event.number, lots=lots))

    def _sets(self, event: Listed, bot: int, lots: int, frame: bytes) -> None:
        if self.stage.send(frame)[0].code == 0:
            self.stage.ledger.sets(bot, event.markets, lots, UNIT)
            self.stage.tally.sets += 1

    def _report(self, match: Match, result: Listed, through: Listed | None) -> None:
        """The first report, corrected where it was of the wrong minute."""
        first = match.last_score.outcome
        self.stage.propose(result, first)
        if first != match.ft.outcome:
            self.stage.propose(result, match.ft.outcome)
            self.stage.tally.corrected += 1
        if through is not None:
            self.stage.propose(through, HOME if match.winner == match.team1 else 1)

    def _settle(self, match: Match, result: Listed, through: Listed | None) -> None:
        tally = self.stage.tally
        self.stage.settle(result, match.ft.outcome)
        tally.by_full_time += 1
        if through is not None:
            self.stage.settle(through, HOME if match.winner == match.team1 else 1)
            tally.by_penalties += match.p is not None
            tally.by_extra_time += match.et is not None and match.p is None
        champion = self.champion
        if champion is None:
            return
        if match is self.cup.matches[-1]:
            self.stage.settle(champion, champion.names.index(self.cup.champion))
            self.champion = None
        elif match.is_knockout and match.round != THIRD_PLACE:
            loser = match.team2 if match.winner == match.team1 else match.team1
            if loser in champion.names:
                champion.beliefs[champion.names.index(loser)] = 1
            self._trade_champion()
