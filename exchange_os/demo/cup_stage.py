"""The group a World Cup is replayed in: one settlement asset, a crowd of bots, and the events of its matches.

A contract pays one unit of a currency with six decimals; prices are cents. Of every match the outcome after ninety
minutes is an event of three; of a knock-out match also the question whether the first team goes through. The
champion is one event over the teams of all groups but the last two, with a fallback for any other: teams of the last
two groups get an outcome of their own when they reach the knock-out rounds.
"""

import json
from dataclasses import dataclass
from typing import Any

import exchange_kernel as xk

from exchange_os.demo.cup_ledger import CupLedger
from exchange_os.demo.cup_matches import Cup, Match
from exchange_os.engine.scratch import scratch_kernel

USD = 1
UNIT = 1_000_000
PAYOUT_TICKS = 100
TICK_QUOTE = UNIT // PAYOUT_TICKS
PURSE = 200 * UNIT
FIRST_BOT = 100
MAKER_PPM, TAKER_PPM = 0, 20_000
ANY_OTHER = "any other"


@dataclass(slots=True)
class Listed:
    """One event: its number, the market of each outcome that has a book, names of all outcomes, beliefs in ticks."""

    number: int
    title: str
    markets: list[int]
    names: list[str]
    beliefs: list[int]
    one_book: bool = False


@dataclass(slots=True)
class CupTally:
    """What a replay counted."""

    commands: int = 0
    refused: int = 0
    events: int = 0
    markets: int = 0
    corrected: int = 0
    late: int = 0
    sets: int = 0
    by_full_time: int = 0
    by_extra_time: int = 0
    by_penalties: int = 0
    most_told: int = 0


class CupStage:
    """A kernel, its clock, and the ledger that is kept beside it."""

    def __init__(self, bots: int, now_ms: int) -> None:
        self.kernel = scratch_kernel()
        self.ledger = CupLedger(TICK_QUOTE)
        self.tally = CupTally()
        self.bots = range(FIRST_BOT, FIRST_BOT + bots)
        self.now_ms = now_ms
        self.events = 0
        self.markets = 0
        self.transfers = 0
        self.payouts: dict[int, int] = {}
        frames = [xk.set_limits(max_markets=16_384), xk.add_asset(USD, scale=6, symbol="USD")]
        for bot in self.bots:
            frames += [xk.open_account(bot, owner=bot), self._transfer(xk.deposit, bot, PURSE)]
            self.ledger.deposit(bot, PURSE)
        self.must(*frames)

    def _transfer(self, encode: Any, account: int, amount: int) -> bytes:
        self.transfers += 1
        return bytes(encode(account, USD, amount, transfer_id=self.transfers, issued_ms=self.now_ms))

    def send(self, *frames: bytes) -> list[xk.Ack]:
        """Apply commands now; fills and settlements go into the ledger."""
        applied = self.kernel.apply(b"".join(frames), self.now_ms)
        events = xk.decode_events(applied.events)
        self.ledger.note(events, self.payouts)
        acks = xk.decode_acks(applied.acks)
        self.tally.commands += len(acks)
        self.tally.refused += sum(1 for ack in acks if ack.code)
        if len(frames) == 1:
            self.tally.most_told = max(self.tally.most_told, len(events))
        return acks

    def must(self, *frames: bytes) -> None:
        """Apply commands none of which may be refused."""
        refused = [ack.code for ack in self.send(*frames) if ack.code]
        assert not refused, f"a command of the operator is refused: {xk.REJECTS[refused[0]]}"

    def ask(self, **question: Any) -> dict[str, Any]:
        """One query of the kernel."""
        return dict(json.loads(self.kernel.query(json.dumps(question).encode())))

    def add_market(self, symbol: str) -> bytes:
        frame: bytes = xk.add_market(
            self.markets, kind=xk.OUTCOME, base=0xFFFFFFFF, quote=USD, lot_size=1, tick_quote=TICK_QUOTE,
            payout_ticks=PAYOUT_TICKS, maker_ppm=MAKER_PPM, taker_ppm=TAKER_PPM, protocol_share_ppm=200_000,
            band_ppm=0, symbol=symbol,
        )  # fmt: skip
        self.markets += 1
        self.tally.markets += 1
        return frame

    def list_event(
        self, title: str, names: list[str], beliefs: list[int], *,
        one_book: bool = False, fallback: int | None = None, close_ms: int = 0,
    ) -> Listed:  # fmt: skip
        """Add an event with its markets and open them."""
        books = 1 if one_book else len(names)
        markets = list(range(self.markets, self.markets + books))
        event = Listed(self.events, title, markets, names, beliefs, one_book)
        frames = [self.add_market(f"E{event.number}-{at}") for at in range(books)]
        frames.append(
            xk.add_event(
                event.number,
                markets[0],
                outcomes=len(names),
                one_book=one_book,
                fallback=fallback,
                close_ms=close_ms,
            )
        )
        self.must(*frames, *(xk.set_phase(market, xk.PHASE_OPEN) for market in markets))
        self.events += 1
        self.tally.events += 1
        return event

    def add_late(self, event: Listed, name: str, belief: int, fallback: int) -> None:
        """A late outcome out of the fallback; both are open afterwards."""
        market = self.markets
        self.must(
            self.add_market(f"E{event.number}-{len(event.names)}"), xk.add_outcome(event.number, market)
        )
        self.work_off()
        self.ledger.split_off(event.markets[fallback], market)
        event.markets.append(market)
        event.names.append(name)
        event.beliefs.append(belief)
        self.must(*(xk.set_phase(number, xk.PHASE_OPEN) for number in (market, event.markets[fallback])))
        self.tally.late += 1

    def propose(self, event: Listed, outcome: int) -> None:
        """Say what happened; it may still be corrected."""
        self.must(xk.resolve_event(event.number, [(outcome, PAYOUT_TICKS)], is_final=False))

    def settle(self, event: Listed, outcome: int) -> None:
        """The result is final: pay, and see that everybody was paid what he was due."""
        self.payouts.update(dict.fromkeys(event.markets, 0))
        if outcome < len(event.markets):
            self.payouts[event.markets[outcome]] = PAYOUT_TICKS
        self.must(xk.resolve_event(event.number, [(outcome, PAYOUT_TICKS)], is_final=True))
        self.work_off()
        state = self.ask(q="event", event=event.number)["event"]["state_name"]
        if state != "settled":
            self.ledger.faults.append(f"{event.title} is {state}, not settled")
        self.ledger.close(event.markets)

    def work_off(self) -> None:
        """Ticks until the kernel has nothing left to do by itself at this time."""
        while self.kernel.next_timer_ms is not None and self.kernel.next_timer_ms <= self.now_ms:
            self.must(xk.tick())

    def withdraw_all(self) -> None:
        """Pay everything out: bots, venue and protocol; dust stays."""
        for account in (*self.bots, xk.VENUE_FEES, xk.PROTOCOL_FEES):
            balances = self.ask(q="account", account=account)["balances"]
            total = sum(row["total"] for row in balances if row["asset"] == USD)
            if account in self.bots and total != self.ledger.cash[account]:
                due = self.ledger.cash[account]
                self.ledger.faults.append(f"account {account} has {total} units and is due {due}")
            if total:
                self.must(self._transfer(xk.withdraw, account, total))


def match_event(stage: CupStage, match: Match, beliefs: list[int], close_ms: int) -> Listed:
    """The event of the result after ninety minutes."""
    return stage.list_event(match.title, [match.team1, "draw", match.team2], beliefs, close_ms=close_ms)


def champion_event(stage: CupStage, cup: Cup, strengths: dict[str, int]) -> Listed:
    """The event of who lifts the cup, without the teams of the last two groups."""
    named = cup.teams(tuple(cup.groups[:-2]))
    total = sum(strengths[team] for team in cup.teams())
    beliefs = [max(1, strengths[team] * PAYOUT_TICKS // total) for team in named]
    beliefs.append(max(1, PAYOUT_TICKS - sum(beliefs)))
    return stage.list_event(f"{cup.name}: champion", [*named, ANY_OTHER], beliefs, fallback=len(named))
