"""Kinds of decisions. A kind says who sits on the panel, what the text means, and what an execution does.

A module of ``governance.services`` registers its kind when it is imported, and the package imports them all, so the
core never names one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exchange_os.errors import DomainError
from governance.models import CommitteeMember, Decision, DecisionMove
from governance.tally import Rules


class Moot(DomainError):
    """Raised by an execution whose text no longer fits the world: the decision is annulled, not tried again."""


@dataclass(frozen=True)
class Line:
    """One line of an effect as members read it."""

    label: str
    text: str


def _nothing(decision: Decision) -> None:
    return None


def _no_conflicts(decision: Decision, members: Iterable[CommitteeMember]) -> dict[int, str]:
    return {}


def _nobody(decision: Decision) -> set[int]:
    return set()


def _no_veto(decision: Decision) -> int:
    return 0


def _not_told(decision: Decision, move: DecisionMove) -> None:
    return None


@dataclass(frozen=True)
class Kind:
    """How one kind of decision goes.

    ``reply``, ``voting``, ``lock`` and ``appeal`` name parameters in seconds; an empty name is no time at all (an empty
    ``appeal``: a rejection is final). ``early``: it is adopted as soon as the votes carry it. ``vetoes``: how many
    guardians stop it in the time lock (0: it cannot be stopped). ``drawn``: of a committee larger than
    a panel the panel is drawn by lot. ``rules`` replaces the quorum and threshold of the
    protocol. ``compose`` makes the content of the canonical text at opening; ``render`` turns that content into lines;
    ``share_range`` reads from it what shares may be voted for; ``options`` (key to label) what a vote for must choose
    between, where it is more than for or against. ``conflicts`` gives members who must not judge, with the reason, and
    raises ``DomainError`` if that cannot be known now. ``parties`` are users who may reply and appeal. ``opened`` runs
    in the transaction that opens the decision, ``execute`` in the one that executes it and answers the receipt,
    ``released`` where it ends without execution; ``told`` after the commit of any move.
    """

    name: str
    label: str
    compose: Callable[[Decision], Mapping[str, Any]]
    render: Callable[[Mapping[str, Any]], list[Line]]
    execute: Callable[[Decision, datetime], dict[str, Any]]
    reply: str = ""
    voting: str = ""
    lock: str = ""
    appeal: str = ""
    guardians_only: bool = False
    early: bool = False
    drawn: bool = False
    vetoes: Callable[[Decision], int] = _no_veto
    rules: Callable[[Decision], Rules] | None = None
    share_range: Callable[[Mapping[str, Any]], tuple[int, int]] | None = None
    options: Callable[[Mapping[str, Any]], dict[str, str]] | None = None
    conflicts: Callable[[Decision, Iterable[CommitteeMember]], dict[int, str]] = _no_conflicts
    parties: Callable[[Decision], set[int]] = _nobody
    opened: Callable[[Decision], None] = _nothing
    released: Callable[[Decision], None] = _nothing
    told: Callable[[Decision, DecisionMove], None] = _not_told


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Make a kind known; a name is given once."""
    assert kind.name not in _KINDS, f"two kinds of decisions are called {kind.name}"
    _KINDS[kind.name] = kind
    return kind


def kind_of(decision: Decision) -> Kind:
    """The kind of a decision; ``DomainError("kind_unknown")`` if this version has none of that name."""
    kind = _KINDS.get(decision.kind)
    if kind is None:
        raise DomainError("kind_unknown", f"This version knows no decisions of kind {decision.kind}.")
    return kind


def kind_names() -> dict[str, str]:
    """``{name: label}`` of every kind."""
    return {kind.name: kind.label for kind in _KINDS.values()}
