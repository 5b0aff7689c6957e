"""Drawing a panel by lot: pure arithmetic over a seed that nobody chose and anybody can compute again."""

from collections.abc import Iterable, Sequence
from hashlib import sha256


def seed_of(digest: str, round_: int, heads: Sequence[tuple[int, int, str]]) -> str:
    """SHA-256 over the decision's digest, the round, and a line for each journal: group, command, hash of the chain."""
    lines = [digest, str(round_), *(f"{group} {sequence} {head}" for group, sequence, head in sorted(heads))]
    return sha256("\n".join(lines).encode()).hexdigest()


def drawn(seed: str, members: Iterable[int], seats: int) -> list[int]:
    """``seats`` of the members, by number: those whose SHA-256 of seed and number comes first."""
    return sorted(members, key=lambda member: sha256(f"{seed} {member}".encode()).digest())[:seats]
