"""How decisions are shown: what time is left, bars of votes, the effect before and after, the timeline."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_text, amount_words, stake_asset, stake_balance
from exchange_os.ledger.services.slashing import slashable
from governance.allocation import allocate
from governance.kinds import kind_of
from governance.models import Case, Decision, Harmed, State, Verb
from governance.offences import OFFENCES, Offence
from governance.selectors.decisions import content_of, is_sealed, last_votes, tally_of
from governance.selectors.records import venue_of
from governance.tally import PPM, Outcome, Tally, median_share
from venues.models import Venue
from venues.services.capacity import backed_count, settlement_asset
from venues.stakes import capacity_from, stake_price

BADGES = {
    State.DRAFT: "",
    State.REPLY: "badge-accent",
    State.VOTING: "badge-accent",
    State.LOCKED: "badge-warn",
    State.EXECUTED: "",
    State.REJECTED: "",
    State.EXPIRED: "",
}
#: The way of a decision as a stepper: states in order, with what each is called.
WAY = (
    (State.DRAFT, "Draft"),
    (State.REPLY, "Reply"),
    (State.VOTING, "Vote"),
    (State.LOCKED, "Time lock"),
    (State.EXECUTED, "Executed"),
)
ENDS = {
    State.DRAFT: ("draft_ends", "Lapses"),
    State.REPLY: ("reply_ends", "Reply until"),
    State.VOTING: ("voting_ends", "Votes until"),
    State.LOCKED: ("lock_ends", "Executes"),
}


def percent(ppm: int | None) -> str:
    """Parts per million as people read shares: ``600000`` is ``60%``."""
    return "–" if ppm is None else f"{ppm / 10_000:g}%"


@dataclass(frozen=True)
class Stage:
    """Where a decision stands and until when."""

    label: str
    badge: str
    words: str
    ends: datetime | None
    seconds_left: int


def stage_of(decision: Decision, now: datetime) -> Stage:
    """The state of a decision with what time is left in it."""
    column, words = ENDS.get(State(decision.state), ("", ""))
    ends = getattr(decision, column) if column else None
    left = max(0, int((ends - now).total_seconds())) if ends else 0
    badge = BADGES[State(decision.state)]
    if decision.state == State.EXECUTED and "slashed" not in decision.receipt:
        badge = "badge-up"
    return Stage(str(decision.get_state_display()), badge, words, ends, left)


def steps_of(decision: Decision) -> list[dict[str, str]]:
    """The way of a decision: each step done, here or still to come; a rejection or lapse ends it where it stood."""
    opened = decision.moves.filter(verb=Verb.OPEN).first()
    had_reply = opened is None or decision.reply_ends is None or decision.reply_ends > opened.at
    way = [(state, name) for state, name in WAY if had_reply or state != State.REPLY]
    names = [state for state, _ in way]
    if decision.state in names:
        here = names.index(State(decision.state))
        over = decision.state == State.EXECUTED
        return [
            {"name": name, "state": "done" if place < here or over else "here" if place == here else ""}
            for place, (_, name) in enumerate(way)
        ]
    last = decision.moves.exclude(state=decision.state).last()
    reached = names.index(State(last.state)) if last and last.state in names else 0
    ended = [{"name": name, "state": "done"} for _, name in way[: reached + 1]]
    return [*ended, {"name": str(decision.get_state_display()), "state": "here"}]


@dataclass(frozen=True)
class Bars:
    """Widths of the bar of votes in hundredths of the seats, and what is still missing, in words."""

    tally: Tally
    approve: int
    reject: int
    abstain: int
    quorum_at: int
    outcome_words: str
    sealed: bool = False

    @property
    def reject_at(self) -> int:
        """Where the part against begins."""
        return self.approve

    @property
    def abstain_at(self) -> int:
        """Where the abstentions begin."""
        return self.approve + self.reject


def bars_of(decision: Decision, now: datetime, round_: int | None = None) -> Bars | None:
    """The bar of a round's votes; nothing before a panel sits."""
    if decision.state in (State.DRAFT, State.REPLY) or not decision.digest:
        return None
    tally = tally_of(decision, now, (), round_)
    seats = max(1, tally.seats)
    missing = max(0, tally.quorum - tally.cast)
    if is_sealed(decision) and round_ in (None, decision.round):
        cast = Tally(tally.seats, 0, 0, tally.cast, tally.quorum, tally.needed, tally.outcome, None)
        words = f"{missing} more must vote" if missing else "Enough have voted"
        width = tally.cast * 100 // seats
        return Bars(cast, 0, 0, width, min(100, tally.quorum * 100 // seats), words, sealed=True)
    if missing:
        words = f"{missing} more must vote"
    elif tally.outcome == Outcome.CARRIED:
        words = "Enough for adoption"
    else:
        words = "Not enough for adoption"
    return Bars(
        tally,
        tally.approve * 100 // seats,
        tally.reject * 100 // seats,
        tally.abstain * 100 // seats,
        min(100, tally.quorum * 100 // seats),
        words,
    )


def options_of(decision: Decision) -> dict[str, str]:
    """``{key: label}`` of what a vote for must choose between; empty where a vote is for or against."""
    kind = kind_of(decision)
    return kind.options(content_of(decision)) if kind.options and decision.digest else {}


def option_rows(decision: Decision, tally: Tally | None) -> list[dict[str, Any]]:
    """Each option with the members who voted for it, and its bar in hundredths of the seats."""
    if is_sealed(decision):
        return []
    votes = [vote.option for vote in last_votes(decision)]
    seats = max(1, tally.seats) if tally else 1
    return [
        {
            "key": key,
            "label": label,
            "votes": votes.count(key),
            "width": votes.count(key) * 100 // seats,
            "leads": bool(tally and tally.option == key),
        }
        for key, label in options_of(decision).items()
    ]


@dataclass(frozen=True)
class Column:
    """The effect at one share, amounts as text."""

    title: str
    share: str
    slashed: str
    stake_after: str
    capacity_after: str
    harmed: str
    insurance: str
    burned: str


@dataclass(frozen=True)
class Effect:
    """What a slash changes: what is now, and what would be at each share that can come of the vote."""

    asset: Asset
    settlement: Asset | None
    stake: str
    reach: str
    capacity: str
    columns: list[Column] = field(default_factory=list)


def effect_shown(decision: Decision, case: Case) -> Effect:
    """Before and after of a case: at the least, as the votes stand (or were adopted), and at the most."""
    venue, asset = case.venue, stake_asset()
    deployer = venue.deployer.user_id
    content = content_of(decision) if decision.digest else None
    stake = stake_balance(deployer)
    settlement = settlement_asset(venue)
    if decision.state == State.EXECUTED and content:
        receipt = decision.receipt
        stake, reach = stake + receipt["slashed"], content["slashable"]
        chosen = [("Executed", receipt["share_ppm"], receipt["slashed"])]
    else:
        reach = slashable(deployer, case.offence_at)
        chosen = [
            (title, share, reach * share // PPM) for title, share in _shares(decision, OFFENCES[case.offence])
        ]
    owed = dict(Harmed.objects.filter(case=case).values_list("account", "owed"))
    fund = content["insurance_owed"] if content else 0
    shared = backed_count(venue.deployer_id)

    def capacity(units: int) -> str:
        if settlement is None:
            return "–"
        worth = capacity_from(units, shared, settlement, stake_price(settlement).value, asset)
        return amount_text(worth, settlement)

    columns = []
    for title, share, amount in chosen:
        parts = allocate(amount, owed, fund)
        columns.append(
            Column(
                title,
                percent(share),
                amount_text(amount, asset),
                amount_text(max(0, stake - amount), asset),
                capacity(max(0, stake - amount)),
                amount_text(parts.paid, asset),
                amount_text(parts.insurance, asset),
                amount_text(parts.burned, asset),
            )
        )
    return Effect(
        asset, settlement, amount_text(stake, asset), amount_text(reach, asset), capacity(stake), columns
    )


def _shares(decision: Decision, offence: Offence) -> list[tuple[str, int]]:
    ends = [("At the least", offence.low_ppm), ("At the most", offence.high_ppm)]
    if decision.share_ppm is not None:
        return [("Adopted", decision.share_ppm)]
    votes = [] if is_sealed(decision) else last_votes(decision)
    said = [vote.share_ppm for vote in votes if vote.share_ppm is not None]
    return [ends[0], ("As votes stand", median_share(said)), ends[1]] if said else ends


def line_of(decision: Decision, now: datetime) -> dict[str, Any]:
    """A decision in a list."""
    case = getattr(decision, "case", None)
    offence = OFFENCES[case.offence] if case else None
    try:
        kind, bars = kind_of(decision).label, bars_of(decision, now)
    except DomainError:
        kind, bars = decision.kind, None
    return {
        "decision": decision,
        "venue": venue_of(decision),
        "offence": offence,
        "kind": kind,
        "stage": stage_of(decision, now),
        "bars": bars,
    }


def lines_of(decisions: Iterable[Decision], now: datetime) -> list[dict[str, Any]]:
    """Decisions in a list."""
    return [line_of(each, now) for each in decisions]


def harmed_shown(case: Case, limit: int = 50) -> tuple[list[dict[str, str]], int]:
    """(the first of the harmed, with loss and payment as text; how many there are). Users stay unnamed."""
    asset = stake_asset()
    rows = Harmed.objects.filter(case=case).select_related("asset").order_by("account")
    shown = [
        {
            "account": str(row.account),
            "loss": amount_words(row.loss, row.asset),
            "owed": amount_text(row.owed, asset),
            "paid": "–" if row.paid is None else amount_text(row.paid, asset),
        }
        for row in rows[:limit]
    ]
    return shown, rows.count()


def venue_words(venue: Venue | None) -> str:
    """The name of the venue, or a dash."""
    return venue.name if venue else "–"
