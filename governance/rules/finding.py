"""What a rule answers: a finding that can be written down, compared and paid from. Whole numbers and texts only."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from exchange_os.engine.replaying import Replay

ROWS_KEPT = 50


class ParamsWrong(ValueError):
    """The parameters of a rule are not what it needs; the text says which."""


@dataclass(frozen=True)
class Finding:
    """``found``: the rule is broken. ``sentence`` says so in words, ``facts`` in figures, ``rows`` shows the first.

    ``losses`` maps accounts (as text) to what each lost, in units of ``asset``; ``insurance_loss`` is what the
    insurance fund lost.
    """

    found: bool
    sentence: str
    facts: dict[str, int | str] = field(default_factory=dict)
    rows: list[dict[str, int | str]] = field(default_factory=list)
    losses: dict[str, int] = field(default_factory=dict)
    asset: int | None = None
    insurance_loss: int = 0

    def content(self) -> dict[str, Any]:
        """The finding as it is recorded."""
        return asdict(self)


@dataclass(frozen=True)
class Rule:
    """A pure function over replayed batches. ``params`` says what it must be told: name and meaning; a name that ends
    in ``s`` and is not ``ms`` is a list or a map, every other a whole number or a text."""

    name: str
    label: str
    params: Mapping[str, str]
    run: Callable[[Replay, Mapping[str, Any]], Finding]

    def check(self, params: Mapping[str, Any]) -> None:
        """Raise ``ParamsWrong`` unless the parameters are the ones of the rule."""
        missing = sorted(self.params.keys() - params.keys())
        unknown = sorted(params.keys() - self.params.keys())
        if missing or unknown:
            wrong = f"missing {', '.join(missing)}" if missing else f"unknown {', '.join(unknown)}"
            raise ParamsWrong(f"Rule {self.name} takes {', '.join(self.params)}: {wrong}.")


def whole(params: Mapping[str, Any], name: str, low: int = 0) -> int:
    """A whole number of the parameters, at least ``low``. Raises ``ParamsWrong``."""
    value = params[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ParamsWrong(f"{name} is a whole number of at least {low}.")
    return value


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 trade``, ``2 trades``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def add(totals: dict[int, int], account: int, amount: int) -> None:
    """Add to an account's total."""
    totals[account] = totals.get(account, 0) + amount


def texts(losses: Mapping[int, int]) -> dict[str, int]:
    """Losses above zero by account as text, in order of accounts."""
    return {str(account): losses[account] for account in sorted(losses) if losses[account] > 0}


def first(rows: Iterable[dict[str, int | str]]) -> list[dict[str, int | str]]:
    """The first rows, as many as are kept."""
    return list(rows)[:ROWS_KEPT]
