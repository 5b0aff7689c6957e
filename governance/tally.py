"""Counting votes: pure arithmetic. One member, one vote; whole numbers only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

PPM = 1_000_000
#: The choice of a vote that is not open yet: it counts for the quorum.
SEALED = "sealed"


class Outcome(StrEnum):
    """What a vote comes to."""

    CARRIED = "carried"
    REFUSED = "refused"
    NO_QUORUM = "no_quorum"


@dataclass(frozen=True)
class Ballot:
    """One member's vote; ``share_ppm`` is what a vote for wants, for kinds that have a share, ``option`` which of
    several, for kinds that have options."""

    member: int
    choice: str
    share_ppm: int | None = None
    option: str = ""


@dataclass(frozen=True)
class Rules:
    """What a vote needs: of the seats, of the votes for and against, and votes for in number."""

    quorum_ppm: int
    threshold_ppm: int
    votes: int


@dataclass(frozen=True)
class Tally:
    """The count: votes, what was needed, and the outcome. Where there are options, ``approve`` are the votes for the
    one that leads, ``option``, and ``reject`` those for any other."""

    seats: int
    approve: int
    reject: int
    abstain: int
    quorum: int
    needed: int
    outcome: Outcome
    share_ppm: int | None
    option: str = ""
    sealed: int = 0

    @property
    def cast(self) -> int:
        """Members who voted, abstentions and sealed votes among them."""
        return self.approve + self.reject + self.abstain + self.sealed


def quorum_of(seats: int, rules: Rules) -> int:
    """Members who must vote, of ``seats``: the share rounded up, and no fewer than the votes for that are needed."""
    return max(rules.votes, -(-seats * rules.quorum_ppm // PPM))


def needed_of(approve: int, reject: int, rules: Rules) -> int:
    """Votes for that are needed among so many for and against: the share rounded up, and no fewer than the least."""
    return max(rules.votes, -(-(approve + reject) * rules.threshold_ppm // PPM))


def median_share(shares: Sequence[int]) -> int:
    """The median of one or more shares; of an even number the lower of the two in the middle."""
    assert shares
    return sorted(shares)[(len(shares) - 1) // 2]


def leading_option(votes: Sequence[Ballot]) -> str:
    """The option with the most votes, of equal ones (which carry nothing) the first by name; empty without any."""
    options = sorted({vote.option for vote in votes if vote.option})
    return max(options, key=lambda option: sum(vote.option == option for vote in votes), default="")


def count(ballots: Iterable[Ballot], seats: int, rules: Rules) -> Tally:
    """Count the ballots, one a member; abstentions count for the quorum and for nothing else."""
    votes = list(ballots)
    assert len({vote.member for vote in votes}) == len(votes), "one member, one vote"
    assert len(votes) <= seats, "only the panel votes"
    option = leading_option(votes)
    said = ["reject" if vote.option != option and vote.choice == "approve" else vote.choice for vote in votes]
    approve, reject, abstain = (said.count(choice) for choice in ("approve", "reject", "abstain"))
    quorum, needed = quorum_of(seats, rules), needed_of(approve, reject, rules)
    if len(votes) < quorum:
        outcome = Outcome.NO_QUORUM
    elif approve >= needed:
        outcome = Outcome.CARRIED
    else:
        outcome = Outcome.REFUSED
    shares = [vote.share_ppm for vote in votes if vote.choice == "approve" and vote.share_ppm is not None]
    carried = outcome == Outcome.CARRIED and bool(shares)
    return Tally(
        seats,
        approve,
        reject,
        abstain,
        quorum,
        needed,
        outcome,
        median_share(shares) if carried else None,
        option,
        said.count(SEALED),
    )
