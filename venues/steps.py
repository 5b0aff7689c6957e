"""The steps of a launch, and how a draft stands at each of them. They can be taken in any order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exchange_os.errors import DomainError
from venues.models import Deployer, MarketKind
from venues.selectors import StakeStanding


@dataclass(frozen=True)
class Step:
    """A step: its key, which is also its address, its name, and what it is about."""

    key: str
    label: str
    lead: str


STEPS = (
    Step("identity", "You", "Traders see who runs a venue."),
    Step("stake", "Stake", "It stands behind what you promise traders."),
    Step("venue", "Venue", "How traders find and recognise it."),
    Step("assets", "Assets", "Use what is listed, or issue your own."),
    Step("markets", "Markets", "What trades. More can be added while the venue runs."),
    Step("oracles", "Prices", "Where the price of each perpetual comes from."),
    Step("fees", "Fees", "What a trade costs, and who gets what."),
    Step("review", "Launch", "Everything as it will be, against the protocol's bounds."),
)
BY_KEY = {step.key: step for step in STEPS}
KEYS = tuple(BY_KEY)

SOURCE_PARTS = ("sources",)
FEE_PARTS = ("maker_fee_percent", "taker_fee_percent")


@dataclass(frozen=True)
class Standing:
    """How a draft stands at a step. ``state``: done, todo (nothing typed yet) or wrong; ``note`` says it in words."""

    step: Step
    number: int
    state: str
    note: str


def step_of(field: str) -> str:
    """The key of the step on which a field of ``launch_specs`` is typed."""
    if field.startswith("asset"):
        return "assets"
    if not field.startswith("market"):
        return "stake" if field == "stake" else "venue"
    part = field.split("-", 2)[-1]
    return "oracles" if part in SOURCE_PARTS else "fees" if part in FEE_PARTS else "markets"


def standings(
    data: Mapping[str, Any],
    errors: Mapping[str, DomainError],
    deployer: Deployer | None,
    stake: StakeStanding,
) -> list[Standing]:
    """Every step in order; ``errors`` are those of ``launch_specs.launch_errors``."""
    wrong: dict[str, int] = {}
    for field in errors:
        wrong[step_of(field)] = wrong.get(step_of(field), 0) + 1
    markets = data.get("markets", [])
    perpetuals = sum(1 for market in markets if market.get("kind") == MarketKind.PERPETUAL)
    begun = any(text for name, text in data.get("venue", {}).items() if name != "accent")
    issues = len(data.get("assets", []))
    answers = {
        "identity": ("done", deployer.name) if deployer else ("todo", "Not registered"),
        "stake": ("todo", "Too little") if stake.short_for_next else ("done", "Enough"),
        "venue": _typed(begun, wrong.get("venue", 0)),
        "assets": _typed(True, wrong.get("assets", 0), f"{issues} to issue" if issues else "Listed ones"),
        "markets": _typed(bool(markets), wrong.get("markets", 0), f"{len(markets)} listed"),
        "oracles": _typed(bool(markets), wrong.get("oracles", 0), "Set" if perpetuals else "None needed"),
        "fees": _typed(bool(markets), wrong.get("fees", 0)),
    }
    ready = all(state == "done" for state, _ in answers.values())
    answers["review"] = ("todo", "Ready" if ready else "")
    return [Standing(step, number, *answers[step.key]) for number, step in enumerate(STEPS, start=1)]


def _typed(begun: bool, wrong: int, note: str = "Set") -> tuple[str, str]:
    if not begun:
        return "todo", ""
    return ("wrong", f"{wrong} to mend") if wrong else ("done", note)


def kinds_of(data: Mapping[str, Any]) -> set[str]:
    """The kinds of market that a draft names, which decide the stake it needs."""
    named = {str(market.get("kind") or MarketKind.SPOT.value) for market in data.get("markets", [])}
    return named & set(MarketKind.values)
